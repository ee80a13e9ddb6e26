//! Relations of a schema: their columns, what they inherit, and what views read.

use model::{Derivation, Login, Object, Opacity, Touch, Use};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableStmt, AlterTableType, ColumnDef, ConstrType, CreateStmt, Node, RangeVar,
};

use super::{Draft, Drafted};
use crate::analysis::Analysis;
use crate::equality::built_in_type;
use crate::opacity;
use crate::rows::{ColumnRow, Kind, ReadRow, RelationRow, ViewColumnRow};
use crate::scope::Scope;
use crate::session::Session;
use crate::snapshot::Snapshot;
use crate::tree::{boxed, inner, strings, type_name};

/// What a sequence shows when it is selected from.
const SEQUENCE: [(&str, u32); 3] = [("last_value", 20), ("log_cnt", 20), ("is_called", 16)];

impl Draft {
    pub(super) fn table(&mut self, create: &CreateStmt, kind: Kind) -> Drafted {
        let kind = match create.partspec {
            Some(_) => Kind::Partitioned,
            None => kind,
        };
        let mut columns: Vec<(String, u32)> = Vec::new();
        let mut parents = Vec::new();
        for parent in ranges(&create.inh_relations) {
            let parent = self.find(&Some(parent.clone()))?;
            columns.extend(self.columns_of(parent));
            parents.push(parent);
        }
        let mut serials = Vec::new();
        for element in create.table_elts.iter().filter_map(inner) {
            match element {
                NodeEnum::ColumnDef(column)
                    if columns.iter().any(|(name, _)| *name == column.colname) => {}
                NodeEnum::ColumnDef(column) => {
                    if has_sequence(column) {
                        serials.push(column.colname.clone());
                    }
                    columns.push((column.colname.clone(), type_of(column)));
                }
                NodeEnum::TableLikeClause(like) => {
                    let other = self.find(&like.relation)?;
                    columns.extend(self.columns_of(other));
                }
                _ => {}
            }
        }
        if create.of_typename.is_some() {
            return Err("columns of a table OF a type are not followed: write them".to_owned());
        }
        let oid = self.relation(&create.relation, kind)?;
        self.columns(oid, columns);
        let links = parents.into_iter().map(|parent| (oid, parent));
        self.rows.inherits.extend(links);
        for column in serials {
            let sequence = create.relation.clone().map(|range| RangeVar {
                relname: format!("{}_{column}_seq", range.relname),
                ..range
            });
            self.sequence(&sequence)?;
        }
        Ok(())
    }

    /// A view, or a table that is made of a query.
    pub(super) fn view(
        &mut self,
        range: &Option<RangeVar>,
        aliases: &[Node],
        query: Option<&NodeEnum>,
        kind: Kind,
    ) -> Drafted {
        let output = self.output(query).map_err(|opacity| opacity.explanation)?;
        let Output {
            mut names,
            touches,
            columns,
        } = output;
        let aliases = strings(aliases).unwrap_or_default();
        for (place, alias) in aliases.into_iter().enumerate() {
            match names.get_mut(place) {
                Some(name) => *name = alias.to_owned(),
                None => names.push(alias.to_owned()),
            }
        }
        let oid = self.relation(range, kind)?;
        self.columns(oid, names.into_iter().map(|name| (name, UNKNOWN)));
        if kind != Kind::Table {
            let reads = touches.iter().flat_map(|touch| reads(oid, touch));
            self.rows.reads.extend(reads);
            let made = (1..)
                .zip(columns)
                .map(|(number, column)| made(oid, number, column));
            self.rows.view_columns.extend(made);
        }
        Ok(())
    }

    /// The output columns of a query and what it touches.
    fn output(&self, query: Option<&NodeEnum>) -> Result<Output, Opacity> {
        let snapshot = Snapshot::new(0, self.rows.clone());
        let owner = Login {
            user: "postgres".to_owned(),
            database: self.rows.database.clone(),
            application: None,
            settings: Vec::new(),
        };
        let session = Session::new(&owner, &snapshot);
        let mut analysis = Analysis::new(b"", &session, &snapshot, 1);
        let columns = analysis.query(query, &Scope::default(), Use::Shown)?;
        if columns.open.is_some() {
            let unknown = "the columns of a function's result are not known: name them";
            return Err(opacity::unsupported(unknown));
        }
        let names = columns.list.iter().map(|column| column.name.to_string());
        let outputs = analysis.record.outputs(&columns, None, &snapshot)?;
        Ok(Output {
            names: names.collect(),
            touches: analysis.record.touches(&snapshot),
            columns: outputs.columns().to_vec(),
        })
    }

    pub(super) fn alter(&mut self, alter: &AlterTableStmt) -> Drafted {
        for command in alter.cmds.iter().filter_map(inner) {
            let NodeEnum::AlterTableCmd(command) = command else {
                continue;
            };
            match (
                AlterTableType::try_from(command.subtype),
                boxed(&command.def),
            ) {
                (Ok(AlterTableType::AtAddColumn), Some(NodeEnum::ColumnDef(column))) => {
                    let oid = self.find(&alter.relation)?;
                    let own = self.rows.columns.iter();
                    let own = own.filter(|column| column.relation == oid);
                    let last = own.map(|column| column.number).max();
                    self.rows.columns.push(ColumnRow {
                        relation: oid,
                        number: last.unwrap_or_default() + 1,
                        name: column.colname.clone(),
                        type_oid: type_of(column),
                    });
                }
                (Ok(AlterTableType::AtDropColumn), _) => {
                    let oid = self.find(&alter.relation)?;
                    let is_it =
                        |column: &ColumnRow| column.relation == oid && column.name == command.name;
                    self.rows.columns.retain(|column| !is_it(column));
                }
                (Ok(AlterTableType::AtAlterColumnType), Some(NodeEnum::ColumnDef(column))) => {
                    let oid = self.find(&alter.relation)?;
                    let mut rows = self.rows.columns.iter_mut();
                    let is_it =
                        |row: &&mut ColumnRow| row.relation == oid && row.name == command.name;
                    if let Some(row) = rows.find(is_it) {
                        row.type_oid = type_of(column);
                    }
                }
                (Ok(AlterTableType::AtAttachPartition), Some(NodeEnum::PartitionCmd(part))) => {
                    let link = (self.find(&part.name)?, self.find(&alter.relation)?);
                    self.rows.inherits.push(link);
                }
                (Ok(AlterTableType::AtAddInherit), Some(NodeEnum::RangeVar(parent))) => {
                    let parent = self.find(&Some(parent.clone()))?;
                    let link = (self.find(&alter.relation)?, parent);
                    self.rows.inherits.push(link);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A sequence, which has the same columns as any other.
    pub(super) fn sequence(&mut self, range: &Option<RangeVar>) -> Drafted {
        let oid = self.relation(range, Kind::Sequence)?;
        self.columns(oid, SEQUENCE.map(|(name, kind)| (name.to_owned(), kind)));
        Ok(())
    }

    /// Writes to the relation do something else from now on.
    pub(super) fn rule(&mut self, range: &Option<RangeVar>) -> Drafted {
        let oid = self.find(range)?;
        let mut relations = self.rows.relations.iter_mut();
        if let Some(relation) = relations.find(|relation| relation.oid == oid) {
            relation.rules = true;
        }
        Ok(())
    }

    fn relation(&mut self, range: &Option<RangeVar>, kind: Kind) -> Result<u32, String> {
        let Some(range) = range else {
            return Err("a relation has no name".to_owned());
        };
        let schema = self.schema_of(&range.schemaname)?;
        let mut others = self.rows.relations.iter();
        if others.any(|other| other.schema == schema && other.name == range.relname) {
            return Err(format!("{schema}.{} is defined twice", range.relname));
        }
        let oid = self.oid();
        self.rows.relations.push(RelationRow {
            oid,
            schema,
            name: range.relname.clone(),
            kind,
            rules: false,
        });
        Ok(oid)
    }

    fn columns(&mut self, relation: u32, columns: impl IntoIterator<Item = (String, u32)>) {
        let rows = (1..)
            .zip(columns)
            .map(|(number, (name, type_oid))| ColumnRow {
                relation,
                number,
                name,
                type_oid,
            });
        self.rows.columns.extend(rows);
    }

    /// Names and types.
    fn columns_of(&self, oid: u32) -> Vec<(String, u32)> {
        let columns = self.rows.columns.iter();
        let built_in = self.rows.built_in.columns.iter();
        let own = columns
            .chain(built_in)
            .filter(|column| column.relation == oid);
        own.map(|column| (column.name.clone(), column.type_oid))
            .collect()
    }

    fn find(&self, range: &Option<RangeVar>) -> Result<u32, String> {
        let Some(range) = range else {
            return Err("a relation has no name".to_owned());
        };
        let schema = self.schema_of(&range.schemaname)?;
        let mut relations = self.rows.relations.iter();
        relations
            .find(|relation| relation.schema == schema && relation.name == range.relname)
            .map(|relation| relation.oid)
            .ok_or_else(|| format!("there is no relation {schema}.{} yet", range.relname))
    }
}

/// What a query gives.
struct Output {
    names: Vec<String>,
    touches: Vec<Touch>,
    columns: Vec<model::Output>,
}

/// What a view's column is made of.
fn made(view: u32, column: i16, output: model::Output) -> ViewColumnRow {
    let from = output.from.iter();
    ViewColumnRow {
        view,
        column,
        from: from
            .filter_map(|base| Some((base.relation.oid?, base.column.number?)))
            .collect(),
        plain: output.how == Derivation::Plain,
    }
}

fn ranges(nodes: &[Node]) -> impl Iterator<Item = &RangeVar> {
    nodes
        .iter()
        .filter_map(inner)
        .filter_map(|node| match node {
            NodeEnum::RangeVar(range) => Some(range),
            _ => None,
        })
}

/// No type's oid: values beside such a column are not certain.
const UNKNOWN: u32 = 0;

/// The built-in type of a column, by which values beside it are read.
fn type_of(column: &ColumnDef) -> u32 {
    let Some(written) = &column.type_name else {
        return UNKNOWN;
    };
    match type_name(written) {
        Some("smallserial" | "serial2") => 21,
        Some("serial" | "serial4") => 23,
        Some("bigserial" | "serial8") => 20,
        _ => built_in_type(written).unwrap_or(UNKNOWN),
    }
}

/// Whether the column brings a sequence of its own: `serial` and identity columns do.
fn has_sequence(column: &ColumnDef) -> bool {
    let serial = column.type_name.as_ref().and_then(type_name);
    let is_serial = serial.is_some_and(|name| {
        matches!(
            name,
            "serial" | "bigserial" | "smallserial" | "serial4" | "serial8" | "serial2"
        )
    });
    let mut constraints = column.constraints.iter().filter_map(inner);
    is_serial
        || constraints.any(|constraint| {
            matches!(constraint, NodeEnum::Constraint(c) if c.contype == ConstrType::ConstrIdentity as i32)
        })
}

/// What a view reads of one relation, as `pg_depend` has it. What it reaches through other views is theirs.
fn reads(view: u32, touch: &Touch) -> Vec<ReadRow> {
    let Object::Relation(relation) = &touch.object else {
        return Vec::new();
    };
    let Some(relation) = relation.oid.filter(|_| touch.through.is_none()) else {
        return Vec::new();
    };
    let columns = touch.columns.iter().filter_map(|used| used.column.number);
    let columns = columns.filter(|number| *number > 0).chain([0]);
    columns
        .map(|column| ReadRow {
            view,
            relation,
            column,
        })
        .collect()
}
