//! The touches of a text while they are being found.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{BaseColumn, Column, ColumnUse, Function, Object, Output, Outputs, Touch, Use, Verb};

use crate::equality::{Equality, Written};
use crate::opacity::{self, Known};
use crate::scope::Columns;
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

    /// The output with the names of its base columns.
    pub(crate) fn outputs(&mut self, columns: &Columns, snapshot: &Snapshot) -> Known<Outputs> {
        if columns.open.is_some() {
            return Ok(Outputs::Unknown);
        }
        let mut outputs = Vec::new();
        for column in &columns.list {
            let mut from = Vec::new();
            for origin in &column.origins {
                let draft = self.drafts.get(origin.touch);
                if let Some(Subject::Relation(relation)) = draft.map(|draft| &draft.subject) {
                    from.extend(base_column(relation, origin.number));
                    from.extend(reached(relation, snapshot));
                }
            }
            self.spend(from.len())?;
            outputs.push(Output {
                name: column.name.clone(),
                from,
            });
        }
        Ok(Outputs::Known(outputs))
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
                touches.extend(draft.through_view(relation, snapshot));
                touches.extend(draft.through_child(relation, snapshot));
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

/// What can come through any column of a view.
fn reached<'a>(view: &'a Relation, snapshot: &'a Snapshot) -> impl Iterator<Item = BaseColumn> {
    view.reaches.iter().flat_map(|(oid, numbers)| {
        let base = snapshot.relation_by_oid(*oid);
        let columns = numbers.iter();
        columns.filter_map(move |number| base_column(base?, *number))
    })
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

    /// What a view reaches flows through it in ways that are not followed: every reached column is `Derived`.
    fn through_view(&self, view: &Relation, snapshot: &Snapshot) -> Vec<Touch> {
        if matches!(
            self.verb,
            Verb::Create | Verb::Alter | Verb::Drop | Verb::Grant
        ) {
            return Vec::new();
        }
        let reached = view.reaches.iter().filter_map(|(oid, numbers)| {
            let base = snapshot.relation_by_oid(*oid)?;
            let derived = |number: &i16| {
                let column = Column {
                    name: base.column_name(*number)?,
                    number: Some(*number),
                };
                Some(ColumnUse {
                    column,
                    how: Use::Derived,
                })
            };
            let mut columns: Vec<ColumnUse> = numbers.iter().filter_map(derived).collect();
            columns.extend(self.told(base));
            Some(self.through(view, base, columns))
        });
        reached.collect()
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

    /// A child's columns are its parents' columns under another oid. RowDescription names the child, and a mask by
    /// the parent's oid would miss it: what is `Shown` of the child is `Derived` of the parent.
    fn through_child(&self, child: &Relation, snapshot: &Snapshot) -> Vec<Touch> {
        let Some(oid) = child.name.oid else {
            return Vec::new();
        };
        let inherited = snapshot.ancestors(oid).into_iter().map(|parent| {
            let mut columns: Vec<ColumnUse> = Vec::new();
            for used in self.uses(child) {
                let number = parent
                    .column(&used.column.name)
                    .filter(|number| *number > 0);
                let how = match used.how {
                    Use::Shown => Use::Derived,
                    how => how,
                };
                let column = Column {
                    name: used.column.name,
                    number,
                };
                let translated = ColumnUse { column, how };
                if number.is_some() && !columns.contains(&translated) {
                    columns.push(translated);
                }
            }
            self.through(child, parent, columns)
        });
        inherited.collect()
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
