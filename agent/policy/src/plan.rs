//! What has to be asked before a request may pass: every action on every object, and on every classified column.
//!
//! Must not ask: it only writes the list. Columns of no class are never asked about.

use std::collections::HashSet;
use std::mem::Discriminant;
use std::sync::Arc;

use model::{
    Column, ColumnUse, Derivation, Equal, MaskFunction, MaskedColumn, Object, Opacity, Output,
    Outputs, Relation, Replication, Request, Statement, Target, Touch, Touches, Use, Values, Verb,
};

use crate::classes::{Classes, Classified};
use crate::entities::{Named, World};
use crate::error::Uncertain;
use crate::login;
use crate::pattern::ColumnName;

const SELECT_ITSELF: &str = "select the column itself: it is then shown masked";
const DO_NOT_FILTER: &str = "select the column itself, and leave it out of WHERE, JOIN, GROUP BY, ORDER BY, DISTINCT and of what may fail";
const DECIDES: &str =
    "the statement searches, sorts, groups or joins by it, or may fail because of its value";
const CARRIED_AWAY: &str = "the statement takes its value where it cannot be masked";
const NO_NUMBER: &str = "its number is not known, so it cannot be masked";
const SAY_IT_PLAINLY: &str = "write the statement so that its objects stand in it";

/// One question to the policies.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// The action.
    pub action: &'static str,
    /// An action that is enough where nobody permits the first.
    pub or: Option<&'static str>,
    /// The resource.
    pub object: Named,
    /// `context.has_where`.
    pub has_where: bool,
    /// `context.equals`.
    pub equals: Arc<[Equal]>,
    /// `context.comparison`.
    pub comparison: Comparison,
    /// `context.group_size`.
    pub group_size: u64,
    /// What a no means.
    pub otherwise: Otherwise,
}

/// How a statement uses a column to decide something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    /// It does not.
    #[default]
    None,
    /// It compares whole values with what it brings along.
    Equality,
    /// In any other way.
    Other,
}

impl Comparison {
    /// As policies see it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Equality => "equality",
            Self::Other => "other",
        }
    }
}

/// What happens where the policies do not permit.
#[derive(Clone, Debug)]
pub(crate) enum Otherwise {
    /// The request is refused.
    Refuse {
        /// Why this is asked at all, a phrase that ends the sentence.
        why: Option<String>,
        /// What the client can do instead.
        hint: Option<&'static str>,
    },
    /// The column is masked wherever it is shown.
    Mask(MaskedColumn),
    /// The same, where a statistic of it over at least so many values is shown.
    MaskStatistic(MaskedColumn, u64),
    /// Errors do not tell the column.
    Withhold(MaskedColumn),
}

impl Otherwise {
    const REFUSE: Self = Self::Refuse {
        why: None,
        hint: None,
    };
}

/// The list for this request, with the entities that it speaks of added to `world`.
pub(crate) fn asks(
    classes: &Classes,
    target: &Target,
    database: &str,
    request: &Request,
    world: &mut World<'_>,
) -> Result<Vec<Ask>, Uncertain> {
    let mut plan = Plan {
        classes,
        server: &target.server,
        database,
        world,
        equals: Arc::default(),
        asks: vec![],
        seen: HashSet::new(),
    };
    match request {
        Request::Connect(login) => {
            plan.login(login.replication())?;
            for name in login::settings(login) {
                let setting = plan.world.setting(&name)?;
                plan.ask("set", setting, true, Otherwise::REFUSE);
            }
        }
        Request::Run(statement) => plan.statement(statement)?,
    }
    Ok(plan.asks)
}

struct Plan<'a, 'w> {
    classes: &'a Classes,
    server: &'a str,
    database: &'a str,
    world: &'a mut World<'w>,
    /// What columns are equal to in the rows of the touch that is being asked about.
    equals: Arc<[Equal]>,
    asks: Vec<Ask>,
    /// What is asked already: where a no means something else, it is another question.
    seen: HashSet<Seen>,
}

type Seen = (
    &'static str,
    Named,
    bool,
    Arc<[Equal]>,
    (Comparison, u64),
    Discriminant<Otherwise>,
);

impl<'a> Plan<'a, '_> {
    /// A session for physical replication is in no database.
    fn login(&mut self, replication: Option<Replication>) -> Result<(), Uncertain> {
        if replication != Some(Replication::Physical) {
            self.on_database("connect", true, Otherwise::REFUSE);
        }
        match replication {
            None => Ok(()),
            Some(Replication::Logical) => self.replicate(&Object::Database),
            Some(Replication::Physical) => self.replicate(&Object::Server),
        }
    }

    /// What is replicated passes in a form that nothing can be masked in.
    fn replicate(&mut self, object: &Object) -> Result<(), Uncertain> {
        let named = self.world.object(object)?;
        self.ask(Verb::Replicate.name(), named, true, Otherwise::REFUSE);
        let classes: Vec<_> = match object {
            Object::Server => self.classes.on_server(self.server).collect(),
            _ => {
                let classes = self.classes.in_database(self.server, self.database);
                classes.collect()
            }
        };
        for class in classes {
            let class = self.world.class(&class.name)?;
            let why = Some("what is replicated cannot be masked".to_owned());
            self.ask("unmask", class, true, Otherwise::Refuse { why, hint: None });
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), Uncertain> {
        match &statement.touches {
            Touches::Opaque(opacity) => self.opaque(opacity),
            Touches::Known(touches) => {
                for touch in touches {
                    self.equals = equals(touch, statement.values.as_ref());
                    self.touch(touch)?;
                }
                self.equals = Arc::default();
                let outputs = statement.outputs.iter().flat_map(Outputs::columns);
                outputs
                    .into_iter()
                    .try_for_each(|output| self.output(output))
            }
        }
    }

    /// What flows into a column of the result. Its touch was asked about already; a statistic is a question of its own.
    fn output(&mut self, output: &Output) -> Result<(), Uncertain> {
        for base in &output.from {
            let (relation, column) = (&base.relation, &base.column);
            let Some(classified) = self.classified(relation, &column.name) else {
                continue;
            };
            let object = self.column_entity(relation, &column.name, &classified)?;
            let mask = masked(relation, column, &classified);
            let least = match output.how {
                // What is no secret itself makes no statistic one.
                Derivation::Aggregated(_) if classified.is_searched() => continue,
                Derivation::Aggregated(least) => Some(least),
                Derivation::Plain | Derivation::Computed => None,
            };
            if let Some(least) = least {
                self.push(Ask {
                    or: Some("unmask"),
                    group_size: least,
                    ..self.question("aggregate", object, Otherwise::MaskStatistic(mask, least))
                });
            } else if !self.is_asked_to_unmask(&object) {
                let ask = self.question("unmask", object, Otherwise::Mask(mask));
                self.push(ask);
            }
        }
        Ok(())
    }

    fn is_asked_to_unmask(&self, object: &Named) -> bool {
        let same = |ask: &Ask| {
            let about_it = ask.action == "unmask" && ask.object == *object;
            about_it && !matches!(ask.otherwise, Otherwise::Withhold(_))
        };
        self.asks.iter().any(same)
    }

    fn classified(&self, relation: &Relation, column: &str) -> Option<Classified<'a>> {
        self.classes.of(ColumnName {
            server: self.server,
            database: self.database,
            schema: &relation.schema,
            table: &relation.name,
            column,
        })
    }

    /// An opaque statement can read any column, and none of its output can be masked.
    fn opaque(&mut self, opacity: &Opacity) -> Result<(), Uncertain> {
        let refuse = |why: String| Otherwise::Refuse {
            why: Some(why),
            hint: Some(SAY_IT_PLAINLY),
        };
        self.on_database("opaque", false, refuse(opacity.explanation.clone()));
        for class in self.classes.in_database(self.server, self.database) {
            let class = self.world.class(&class.name)?;
            let why = "what the statement reads is not known, so it cannot be masked";
            self.ask("unmask", class, false, refuse(why.to_owned()));
        }
        Ok(())
    }

    fn touch(&mut self, touch: &Touch) -> Result<(), Uncertain> {
        if touch.verb == Verb::Replicate {
            return self.replicate(&touch.object);
        }
        // Who reaches a table through a view needs the verb on the view alone.
        if touch.through.is_none() {
            let object = self.world.object(&touch.object)?;
            self.ask(
                touch.verb.name(),
                object,
                touch.restricted,
                Otherwise::REFUSE,
            );
        }
        if let Object::Relation(relation) = &touch.object {
            for column in &touch.columns {
                self.column(touch, relation, column)?;
            }
        }
        Ok(())
    }

    fn column(
        &mut self,
        touch: &Touch,
        relation: &Relation,
        used: &ColumnUse,
    ) -> Result<(), Uncertain> {
        let column = &used.column;
        let Some(classified) = self.classified(relation, &column.name) else {
            return Ok(());
        };
        let object = self.column_entity(relation, &column.name, &classified)?;
        let mask = masked(relation, column, &classified);
        let is_known = mask.table != 0 && mask.column != 0;
        // What is no secret itself may be used for anything.
        if classified.is_searched() && !(used.how == Use::Shown && is_known) {
            return Ok(());
        }
        let otherwise = match used.how {
            Use::Written => return Ok(()),
            Use::Told => withhold(mask),
            Use::Filtered | Use::Matched => {
                self.filtered(touch, object.clone(), used.how);
                // Who may search by it need not see it in an error.
                withhold(mask)
            }
            Use::Shown if is_known => Otherwise::Mask(mask),
            Use::Shown => refuse(NO_NUMBER, SELECT_ITSELF),
            Use::Derived => refuse(CARRIED_AWAY, SELECT_ITSELF),
        };
        let ask = Ask {
            has_where: touch.restricted,
            ..self.question("unmask", object, otherwise)
        };
        self.push(ask);
        Ok(())
    }

    fn filtered(&mut self, touch: &Touch, object: Named, how: Use) {
        let comparison = match how {
            Use::Matched => Comparison::Equality,
            _ => Comparison::Other,
        };
        let ask = Ask {
            or: Some("unmask"),
            has_where: touch.restricted,
            comparison,
            ..self.question("filter", object, refuse(DECIDES, DO_NOT_FILTER))
        };
        self.push(ask);
    }

    fn column_entity(
        &mut self,
        relation: &Relation,
        column: &str,
        classified: &Classified<'_>,
    ) -> Result<Named, Uncertain> {
        let classes = classified.classes.iter();
        let classes: Vec<&str> = classes.map(|class| &*class.name).collect();
        self.world.column(relation, column, &classes)
    }

    fn on_database(&mut self, action: &'static str, has_where: bool, otherwise: Otherwise) {
        let database = self.world.database.clone();
        self.ask(action, database, has_where, otherwise);
    }

    fn ask(&mut self, action: &'static str, object: Named, has_where: bool, otherwise: Otherwise) {
        let ask = Ask {
            has_where,
            ..self.question(action, object, otherwise)
        };
        self.push(ask);
    }

    fn question(&self, action: &'static str, object: Named, otherwise: Otherwise) -> Ask {
        Ask {
            action,
            or: None,
            object,
            has_where: false,
            equals: self.equals.clone(),
            comparison: Comparison::None,
            group_size: 0,
            otherwise,
        }
    }

    fn push(&mut self, ask: Ask) {
        let otherwise = std::mem::discriminant(&ask.otherwise);
        let equals = ask.equals.clone();
        let seen = (
            ask.action,
            ask.object.clone(),
            ask.has_where,
            equals,
            (ask.comparison, ask.group_size),
            otherwise,
        );
        if self.seen.insert(seen) {
            self.asks.push(ask);
        }
    }
}

/// What a view's or a parent's columns are equal to is not what those below are.
fn equals(touch: &Touch, values: Option<&Values>) -> Arc<[Equal]> {
    let (None, Some(values), Object::Relation(relation)) = (&touch.through, values, &touch.object)
    else {
        return Arc::default();
    };
    let of_touch =
        |equal: &&Equal| equal.verb == touch.verb && Some(equal.relation) == relation.oid;
    values.equals.iter().filter(of_touch).cloned().collect()
}

fn masked(relation: &Relation, column: &Column, classified: &Classified<'_>) -> MaskedColumn {
    let class = classified.classes.first();
    MaskedColumn {
        place: None,
        table: relation.oid.unwrap_or_default(),
        column: column.number.unwrap_or_default(),
        name: format!("{}.{}.{}", relation.schema, relation.name, column.name).into(),
        class: class.map(|class| class.name.clone()).unwrap_or_default(),
        function: classified.mask.clone(),
    }
}

/// What an error tells cannot be masked in part.
fn withhold(mask: MaskedColumn) -> Otherwise {
    Otherwise::Withhold(MaskedColumn {
        function: MaskFunction::Null,
        ..mask
    })
}

fn refuse(why: &str, hint: &'static str) -> Otherwise {
    Otherwise::Refuse {
        why: Some(why.to_owned()),
        hint: Some(hint),
    }
}
