//! Queries that nobody wrote, over the corpus's schema: joins, subqueries, set operations, functions, in any order.
//!
//! Every query is the same again from the same seed. Expressions are texts, so that most of them fit each other.

/// Tables and views, with columns of which some are classified.
const RELATIONS: [(&str, &[&str]); 9] = [
    (
        "staff",
        &[
            "id", "name", "city", "ssn", "email", "phone", "salary", "bonus", "ratio", "born",
            "badge", "profile", "tags", "secret", "host", "seen", "home",
        ],
    ),
    ("orders", &["id", "staff", "total", "note", "card"]),
    ("contractors", &["id", "name", "ssn", "agency"]),
    ("visits", &["at", "staff", "token"]),
    ("visits_2020", &["at", "staff", "token"]),
    ("people", &["id", "name", "number"]),
    ("loud", &["id", "shout", "size"]),
    ("both_kinds", &["id", "value"]),
    ("frozen", &["id", "name", "cold"]),
];

/// Functions from a text to a text.
const FUNCTIONS: [&str; 12] = [
    "upper",
    "lower",
    "reverse",
    "trim",
    "md5",
    "initcap",
    "max",
    "min",
    "quote_literal",
    "coalesce",
    "concat",
    "same",
];

/// What is made of one text.
const FORMS: [&str; 16] = [
    "{} || 'x'",
    "substr({}, 1, 20)",
    "left({}, 15)",
    "({})::varchar",
    "({})::int::text",
    "nullif({}, 'x')",
    "CASE WHEN true THEN {} ELSE 'x' END",
    "CASE WHEN {} > 'c' THEN 'a' END",
    "length({})::text",
    "to_json({})::text",
    "(ARRAY[{}])[1]",
    "ARRAY[{}]::text",
    "string_agg({}, ',')",
    "array_agg({})::text",
    "lag({}) OVER ()",
    "xmlforest({} AS x)::text",
];

/// Text with names of columns to choose from.
struct Source {
    from: String,
    columns: Vec<String>,
    /// Whether they are texts already.
    is_text: bool,
}

/// A source of queries.
pub struct Generator {
    state: u64,
    names: usize,
}

impl Generator {
    /// The queries of this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            names: 0,
        }
    }

    /// The next query.
    pub fn query(&mut self) -> String {
        self.names = 0;
        let select = self.select(3);
        match self.below(12) {
            0 => format!("COPY ({select}) TO STDOUT"),
            1 => format!("COPY ({select}) TO STDOUT (FORMAT csv, HEADER)"),
            2 => format!("COPY ({select}) TO STDOUT (FORMAT binary)"),
            3 => format!("EXPLAIN (COSTS OFF) {select}"),
            4 => format!("SELECT row_to_json(q) FROM ({select}) q"),
            5 => format!("SELECT q FROM ({select}) q"),
            _ => select,
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        // xorshift64 (Marsaglia, 2003).
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let high = usize::try_from(self.state >> 33).unwrap_or_default();
        high % bound.max(1)
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn select(&mut self, depth: usize) -> String {
        match self.below(10) {
            0 if depth > 0 => self.union(depth),
            1 if depth > 0 => self.with(depth),
            2 => {
                let (relation, _) = *self.one(&RELATIONS);
                format!("SELECT * FROM {relation}")
            }
            _ => self.plain(depth, 0),
        }
    }

    fn union(&mut self, depth: usize) -> String {
        let width = 1 + self.below(3);
        let (one, other) = (self.plain(depth - 1, width), self.plain(depth - 1, width));
        let all = if self.below(5) > 0 {
            "UNION ALL"
        } else {
            "UNION"
        };
        format!("{one} {all} {other}")
    }

    fn with(&mut self, depth: usize) -> String {
        let (inner, name) = (self.plain(depth - 1, 2), self.name("w"));
        let source = Source {
            from: name.clone(),
            columns: vec![format!("{name}.a"), format!("{name}.b")],
            is_text: true,
        };
        let list = self.list(&source, depth - 1, 2);
        format!("WITH {name} (a, b) AS ({inner}) SELECT {list} FROM {name}")
    }

    /// A query of so many columns, or of any number.
    fn plain(&mut self, depth: usize, width: usize) -> String {
        let source = self.source(depth);
        let width = if width == 0 { 1 + self.below(4) } else { width };
        let list = self.list(&source, depth, width);
        let mut sql = format!("SELECT {list} FROM {}", source.from);
        match self.below(12) {
            0 => sql += &format!(" WHERE {} IS NOT NULL", self.one(&source.columns)),
            1 => sql += &format!(" WHERE ({})::text > 'a'", self.one(&source.columns)),
            2 => sql += &format!(" GROUP BY {}", self.one(&source.columns)),
            _ => {}
        }
        sql
    }

    fn list(&mut self, source: &Source, depth: usize, width: usize) -> String {
        let columns: Vec<String> = (0..width).map(|_| self.expression(source, depth)).collect();
        columns.join(", ")
    }

    fn source(&mut self, depth: usize) -> Source {
        match self.below(8) {
            0 | 1 if depth > 0 => {
                let (inner, name) = (self.plain(depth - 1, 2), self.name("d"));
                Source {
                    from: format!("({inner}) {name} (a, b)"),
                    columns: vec![format!("{name}.a"), format!("{name}.b")],
                    is_text: true,
                }
            }
            2 if depth > 0 => {
                let (one, other) = (self.source(depth - 1), self.source(depth - 1));
                let join = *self.one(&["CROSS JOIN", "LEFT JOIN", "JOIN"]);
                let on = if join == "CROSS JOIN" { "" } else { " ON true" };
                Source {
                    from: format!("{} {join} {}{on}", one.from, other.from),
                    columns: [one.columns, other.columns].concat(),
                    is_text: one.is_text && other.is_text,
                }
            }
            _ => {
                let (relation, columns) = *self.one(&RELATIONS);
                let name = self.name("t");
                Source {
                    from: format!("{relation} {name}"),
                    columns: columns
                        .iter()
                        .map(|column| format!("{name}.{column}"))
                        .collect(),
                    is_text: false,
                }
            }
        }
    }

    /// An expression of type text.
    fn expression(&mut self, source: &Source, depth: usize) -> String {
        if depth == 0 || self.below(3) == 0 {
            let column = self.one(&source.columns).clone();
            return match source.is_text {
                true => column,
                false => format!("{column}::text"),
            };
        }
        let inner = self.expression(source, depth - 1);
        match self.below(8) {
            0 => {
                let other = self.expression(source, depth - 1);
                format!("{inner} || {other}")
            }
            1 => {
                let nested = self.plain(depth - 1, 1);
                format!("coalesce({inner}, ({nested} LIMIT 1))")
            }
            2 | 3 => format!("{}({inner})", self.one(&FUNCTIONS)),
            _ => self.one(&FORMS).replace("{}", &inner),
        }
    }
}
