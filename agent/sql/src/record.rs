//! The touches of a text while they are being found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    BaseColumn, Column, ColumnUse, CopyForm, Derivation, Function, Object, Output, Outputs, Touch,
    Use, Verb,
};

use crate::equality::{Equality, Written};
use crate::opacity::{self, Known};
use crate::rows::Kind;
use crate::scope::{self, Columns};
use crate::snapshot::{Relation, Snapshot};

/// A base column that a value comes from: the touch that reads it, and the column's `attnum`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    pub(crate) touch: usize,
    pub(crate) number: i16,
}

/// Steps that one text may cost, counted in columns looked at. Joins of wide common table expressions grow without
/// end otherwise; PostgreSQL itself stops at 1,664 columns per list.
const BUDGET: usize = 1_000_000;

#[derive(Debug)]
pub(crate) struct Record {
    drafts: Vec<Draft>,
    verbs: Vec<Verb>,
    functions: BTreeSet<Function>,
    budget: usize,
}

#[derive(Debug)]
struct Draft {
    verb: Verb,
    subject: Subject,
    columns: BTreeSet<(i16, Use)>,
    restricted: bool,
    /// How often the relation appears.
    appearances: usize,
    /// Columns that are equal to a value, and in how many appearances.
    equal: Vec<(i16, Written, usize)>,
}

#[derive(Debug)]
enum Subject {
    Relation(Arc<Relation>),
    Object(Object),
}

impl Record {
    pub(crate) fn new() -> Self {
        Self {
            drafts: Vec::new(),
            verbs: Vec::new(),
            functions: BTreeSet::new(),
            budget: BUDGET,
        }
    }

    /// Takes steps from the budget.
    pub(crate) fn spend(&mut self, steps: usize) -> Known<()> {
        match self.budget.checked_sub(steps) {
            Some(rest) => {
                self.budget = rest;
                Ok(())
            }
            None => Err(opacity::unsupported(
                "the statement has too many columns or calls to be analysed",
            )),
        }
    }

    /// The touch of this verb on this relation: one for all of its appearances, and restricted only if all are.
    pub(crate) fn relation(
        &mut self,
        verb: Verb,
        relation: &Arc<Relation>,
        restricted: bool,
    ) -> usize {
        self.verb(verb);
        let same = |draft: &Draft| match &draft.subject {
            Subject::Relation(other) => draft.verb == verb && other.name == relation.name,
            Subject::Object(_) => false,
        };
        if let Some(index) = self.drafts.iter().position(same) {
            if let Some(draft) = self.drafts.get_mut(index) {
                draft.restricted &= restricted;
                draft.appearances += 1;
            }
            return index;
        }
        self.push(verb, Subject::Relation(relation.clone()), restricted)
    }

    /// A verb on something that has no columns.
    pub(crate) fn object(&mut self, verb: Verb, object: Object) {
        self.verb(verb);
        let same = |draft: &Draft| match &draft.subject {
            Subject::Object(other) => draft.verb == verb && *other == object,
            Subject::Relation(_) => false,
        };
        if !self.drafts.iter().any(same) {
            self.push(verb, Subject::Object(object), true);
        }
    }

    fn push(&mut self, verb: Verb, subject: Subject, restricted: bool) -> usize {
        self.drafts.push(Draft {
            verb,
            subject,
            columns: BTreeSet::new(),
            restricted,
            appearances: 1,
            equal: Vec::new(),
        });
        self.drafts.len().saturating_sub(1)
    }

    fn verb(&mut self, verb: Verb) {
        if !self.verbs.contains(&verb) {
            self.verbs.push(verb);
        }
    }

    /// These base columns are used like this.
    pub(crate) fn columns(&mut self, origins: &[Origin], how: Use) -> Known<()> {
        self.spend(origins.len())?;
        for origin in origins {
            if let Some(draft) = self.drafts.get_mut(origin.touch) {
                draft.columns.insert((origin.number, how));
            }
        }
        Ok(())
    }

    /// `pg_type.oid` of a base column.
    pub(crate) fn column_type(&self, origin: Origin) -> Option<u32> {
        let Subject::Relation(relation) = &self.drafts.get(origin.touch)?.subject else {
            return None;
        };
        let mut columns = relation.columns.iter();
        let column = columns.find(|column| column.number == origin.number)?;
        Some(column.type_oid)
    }

    /// In one more appearance of the touch's relation, this column is equal to this value.
    pub(crate) fn equal(&mut self, touch: usize, number: i16, value: &Written) {
        let Some(draft) = self.drafts.get_mut(touch) else {
            return;
        };
        let mut known = draft.equal.iter_mut();
        match known.find(|(other, same, _)| *other == number && same == value) {
            Some((_, _, appearances)) => *appearances += 1,
            None => draft.equal.push((number, value.clone(), 1)),
        }
    }

    /// Nothing is known to be equal any more.
    pub(crate) fn forget_equals(&mut self) {
        for draft in &mut self.drafts {
            draft.equal.clear();
        }
    }

    /// What is equal in every appearance.
    pub(crate) fn equals(&self, snapshot: &Snapshot) -> Vec<Equality> {
        let drafts = self.drafts.iter();
        drafts.flat_map(|draft| draft.equals(snapshot)).collect()
    }

    /// The output with the names of its base columns. What flows into columns of which there is no list cannot be masked.
    pub(crate) fn outputs(
        &mut self,
        columns: &Columns,
        copies: Option<CopyForm>,
        snapshot: &Snapshot,
    ) -> Known<Outputs> {
        if columns.open.is_some() {
            self.columns(&columns.origins(), Use::Derived)?;
            return Ok(Outputs::Unknown);
        }
        let mut outputs = Vec::new();
        for column in &columns.list {
            let output = self.output(column, snapshot);
            self.spend(output.from.len())?;
            outputs.push(output);
        }
        Ok(match copies {
            Some(form) => Outputs::Copied(outputs, form),
            None => Outputs::Known(outputs),
        })
    }

    fn output(&self, column: &scope::Column, snapshot: &Snapshot) -> Output {
        let mut from: Vec<BaseColumn> = Vec::new();
        let mut how = match (column.is_plain(), column.how) {
            (true, _) => Derivation::Plain,
            (false, how) => how,
        };
        for origin in &column.origins {
            let draft = self.drafts.get(origin.touch);
            let Some(Subject::Relation(relation)) = draft.map(|draft| &draft.subject) else {
                continue;
            };
            from.extend(base_column(relation, origin.number));
            let Some(oid) = relation.name.oid else {
                continue;
            };
            let sources = snapshot.sources(oid, origin.number);
            if !sources.plain {
                how = Derivation::Computed;
            }
            let base =
                |(oid, number): &(u32, i16)| base_column(snapshot.relation_by_oid(*oid)?, *number);
            from.extend(sources.columns.iter().filter_map(base));
        }
        Output {
            name: column.name.clone(),
            from,
            how,
            like: self.like(column, snapshot),
        }
    }

    /// The type of a column, where it is as it is what all its base columns are.
    fn like(&self, column: &scope::Column, snapshot: &Snapshot) -> Option<u32> {
        let mut types = column.origins.iter().map(|origin| {
            let type_oid = self.column_type(*origin)?;
            snapshot.types().like(type_oid)
        });
        let first = types.next()??;
        let same = types.all(|other| other == Some(first));
        (same && column.is_plain()).then_some(first)
    }

    /// Whether the values of this column are those of a table as they are: a view may compute them.
    pub(crate) fn is_plain(&self, origin: Origin, snapshot: &Snapshot) -> bool {
        match self.drafts.get(origin.touch).map(|draft| &draft.subject) {
            Some(Subject::Relation(relation)) => {
                let oid = relation.name.oid;
                oid.is_none_or(|oid| snapshot.sources(oid, origin.number).plain)
            }
            _ => false,
        }
    }

    /// Whether this is a column of a table, each of whose rows comes once.
    pub(crate) fn is_of_table(&self, origin: Origin) -> bool {
        match self.drafts.get(origin.touch).map(|draft| &draft.subject) {
            Some(Subject::Relation(relation)) => matches!(
                relation.kind,
                Kind::Table | Kind::Partitioned | Kind::Foreign
            ),
            _ => false,
        }
    }

    /// A function is called by its name.
    pub(crate) fn called(&mut self, function: &Function) -> Known<()> {
        self.spend(1)?;
        self.functions.insert(function.clone());
        Ok(())
    }

    pub(crate) fn functions(&self) -> Arc<[Function]> {
        self.functions.iter().cloned().collect()
    }

    pub(crate) fn verbs(&self) -> Vec<Verb> {
        self.verbs.clone()
    }

    /// The touches, with what views and inheritance bring along.
    pub(crate) fn touches(&self, snapshot: &Snapshot) -> Vec<Touch> {
        let mut touches = Vec::new();
        for draft in &self.drafts {
            touches.push(draft.touch());
            if let Subject::Relation(relation) = &draft.subject {
                touches.extend(draft.through_sources(relation, snapshot));
                touches.extend(draft.through_key(relation, snapshot));
            }
        }
        touches
    }
}

fn base_column(relation: &Relation, number: i16) -> Option<BaseColumn> {
    let column = Column {
        name: relation.column_name(number)?,
        number: Some(number),
    };
    let relation = relation.name.clone();
    Some(BaseColumn { relation, column })
}

impl Draft {
    fn touch(&self) -> Touch {
        let (object, columns) = match &self.subject {
            Subject::Relation(relation) => {
                (Object::Relation(relation.name.clone()), self.uses(relation))
            }
            Subject::Object(object) => (object.clone(), Vec::new()),
        };
        Touch {
            verb: self.verb,
            object,
            columns,
            restricted: self.restricted,
            through: None,
        }
    }

    fn equals(&self, snapshot: &Snapshot) -> Vec<Equality> {
        let Subject::Relation(relation) = &self.subject else {
            return Vec::new();
        };
        let everywhere =
            |(_, _, appearances): &&(i16, Written, usize)| *appearances == self.appearances;
        let equality = |(number, value, _): &(i16, Written, usize)| {
            let mut columns = relation.columns.iter();
            let column = columns.find(|column| column.number == *number)?;
            Some(Equality {
                verb: self.verb,
                relation: relation.name.oid?,
                column: column.name.clone(),
                like: snapshot.types().like(column.type_oid)?,
                value: value.clone(),
            })
        };
        let found = self.equal.iter().filter(everywhere);
        found.filter_map(equality).collect()
    }

    fn uses(&self, relation: &Relation) -> Vec<ColumnUse> {
        let used = |(number, how): &(i16, Use)| {
            let column = Column {
                name: relation.column_name(*number)?,
                number: Some(*number),
            };
            Some(ColumnUse { column, how: *how })
        };
        let used = self.columns.iter().filter_map(used);
        used.chain(self.told(relation)).collect()
    }

    /// "Failing row contains (...)", "Key (ssn)=(...) is still referenced": an error may tell all of a row that is
    /// written, whatever the statement names of it.
    fn told(&self, relation: &Relation) -> Vec<ColumnUse> {
        if !matches!(
            self.verb,
            Verb::Insert | Verb::Update | Verb::Delete | Verb::Merge | Verb::CopyIn
        ) {
            return Vec::new();
        }
        let told = |number: i16, name: Arc<str>| ColumnUse {
            column: Column {
                name,
                number: Some(number),
            },
            how: Use::Told,
        };
        let columns = relation.columns.iter();
        columns
            .map(|column| told(column.number, column.name.clone()))
            .collect()
    }

    /// What the columns of a view are made of, and what those of a child are in what it inherits from, is used as they are.
    fn through_sources(&self, relation: &Relation, snapshot: &Snapshot) -> Vec<Touch> {
        if matches!(
            self.verb,
            Verb::Create | Verb::Alter | Verb::Drop | Verb::Grant
        ) {
            return Vec::new();
        }
        let mut uses: BTreeMap<u32, BTreeSet<(i16, Use)>> = BTreeMap::new();
        let bases = relation.reaches.iter().map(|(oid, _)| *oid);
        let own = relation.name.oid.into_iter();
        let parents = own.flat_map(|oid| snapshot.ancestors(oid));
        let parents = parents.filter_map(|parent| parent.name.oid);
        uses.extend(bases.chain(parents).map(|oid| (oid, BTreeSet::new())));
        for (oid, number, how) in self.sources(relation, snapshot) {
            uses.entry(oid).or_default().insert((number, how));
        }
        let through = |(oid, uses): (u32, BTreeSet<(i16, Use)>)| {
            let base = snapshot.relation_by_oid(oid)?;
            let used = |(number, how): &(i16, Use)| {
                let column = Column {
                    name: base.column_name(*number)?,
                    number: Some(*number),
                };
                Some(ColumnUse { column, how: *how })
            };
            let mut columns: Vec<ColumnUse> = uses.iter().filter_map(used).collect();
            columns.extend(self.told(base));
            Some(self.through(relation, base, columns))
        };
        uses.into_iter().filter_map(through).collect()
    }

    fn sources(&self, relation: &Relation, snapshot: &Snapshot) -> Vec<(u32, i16, Use)> {
        let Some(oid) = relation.name.oid else {
            return Vec::new();
        };
        let used = self.columns.iter().flat_map(|(number, how)| {
            let sources = snapshot.sources(oid, *number).columns;
            let how = *how;
            sources
                .into_iter()
                .map(move |(oid, number)| (oid, number, how))
        });
        used.collect()
    }

    /// What changes along with this relation, or with what it shows as a view: errors may tell rows of that.
    fn through_key(&self, changed: &Relation, snapshot: &Snapshot) -> Vec<Touch> {
        if !matches!(self.verb, Verb::Update | Verb::Delete | Verb::Merge) {
            return Vec::new();
        }
        let bases = changed.reaches.iter().map(|(oid, _)| *oid);
        let along = bases
            .chain(changed.name.oid)
            .flat_map(|oid| snapshot.changed_along(oid));
        along
            .map(|along| self.through(changed, along, self.told(along)))
            .collect()
    }

    fn through(&self, from: &Relation, to: &Relation, columns: Vec<ColumnUse>) -> Touch {
        Touch {
            verb: self.verb,
            object: Object::Relation(to.name.clone()),
            columns,
            restricted: self.restricted,
            through: Some(from.name.clone()),
        }
    }
}
