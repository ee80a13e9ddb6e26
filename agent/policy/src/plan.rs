//! What has to be asked before a request may pass: every action on every object, and on every classified column.
//!
//! Must not ask: it only writes the list. Columns of no class are never asked about.

use std::collections::HashSet;
use std::mem::Discriminant;
use std::sync::Arc;

use model::{
    ColumnUse, Equal, MaskFunction, MaskedColumn, Object, Opacity, Relation, Replication, Request,
    Statement, Target, Touch, Touches, Use, Values, Verb,
};

use crate::classes::{Classes, Classified};
use crate::entities::{Named, World};
use crate::error::Uncertain;
use crate::login;
use crate::pattern::ColumnName;

const SELECT_ITSELF: &str = "select the column itself: it is then shown masked";
const DO_NOT_FILTER: &str = "leave the column out of WHERE, JOIN, GROUP BY, ORDER BY and DISTINCT";
const UNKNOWN_NUMBER: &str = "select the column from its table by its plain name";
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
    /// What a no means.
    pub otherwise: Otherwise,
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
    /// The column is masked.
    Mask(MaskedColumn),
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
    Discriminant<Otherwise>,
);

impl Plan<'_, '_> {
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
            Touches::Known(touches) => touches.iter().try_for_each(|touch| {
                self.equals = equals(touch, statement.values.as_ref());
                self.touch(touch)
            }),
        }
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
        column: &ColumnUse,
    ) -> Result<(), Uncertain> {
        let name = &*column.column.name;
        let Some(classified) = self.classes.of(ColumnName {
            server: self.server,
            database: self.database,
            schema: &relation.schema,
            table: &relation.name,
            column: name,
        }) else {
            return Ok(());
        };
        let classes: Vec<&str> = classified
            .classes
            .iter()
            .map(|class| &*class.name)
            .collect();
        let object = self.world.column(relation, name, &classes)?;
        let refuse = |why: &str, hint| Otherwise::Refuse {
            why: Some(why.to_owned()),
            hint: Some(hint),
        };
        match column.how {
            Use::Written => {}
            Use::Told => {
                // What an error tells cannot be masked in part.
                let told = MaskedColumn {
                    function: MaskFunction::Null,
                    ..masked(relation, column, &classified)
                };
                self.ask(
                    "unmask",
                    object,
                    touch.restricted,
                    Otherwise::Withhold(told),
                );
            }
            Use::Filtered => {
                let why = "the statement searches, sorts, groups or joins by it";
                self.ask_either(
                    "filter",
                    "unmask",
                    object,
                    touch.restricted,
                    refuse(why, DO_NOT_FILTER),
                );
            }
            // What is shown by a view's own table is not what RowDescription will name.
            Use::Shown if touch.through.is_none() => {
                let otherwise = match (relation.oid, column.column.number) {
                    (Some(_), Some(_)) => Otherwise::Mask(masked(relation, column, &classified)),
                    _ => refuse(
                        "its number is not known, so it cannot be masked",
                        UNKNOWN_NUMBER,
                    ),
                };
                self.ask("unmask", object, touch.restricted, otherwise);
            }
            Use::Shown | Use::Derived => {
                let why = "the statement uses it in a form that cannot be masked";
                self.ask(
                    "unmask",
                    object,
                    touch.restricted,
                    refuse(why, SELECT_ITSELF),
                );
            }
        }
        Ok(())
    }

    fn on_database(&mut self, action: &'static str, has_where: bool, otherwise: Otherwise) {
        let database = self.world.database.clone();
        self.ask(action, database, has_where, otherwise);
    }

    fn ask(&mut self, action: &'static str, object: Named, has_where: bool, otherwise: Otherwise) {
        self.push(Ask {
            action,
            or: None,
            object,
            has_where,
            equals: self.equals.clone(),
            otherwise,
        });
    }

    fn ask_either(
        &mut self,
        action: &'static str,
        or: &'static str,
        object: Named,
        has_where: bool,
        otherwise: Otherwise,
    ) {
        self.push(Ask {
            action,
            or: Some(or),
            object,
            has_where,
            equals: self.equals.clone(),
            otherwise,
        });
    }

    fn push(&mut self, ask: Ask) {
        let otherwise = std::mem::discriminant(&ask.otherwise);
        let equals = ask.equals.clone();
        let seen = (
            ask.action,
            ask.object.clone(),
            ask.has_where,
            equals,
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

fn masked(relation: &Relation, column: &ColumnUse, classified: &Classified<'_>) -> MaskedColumn {
    let class = classified.classes.first();
    MaskedColumn {
        table: relation.oid.unwrap_or_default(),
        column: column.column.number.unwrap_or_default(),
        name: format!(
            "{}.{}.{}",
            relation.schema, relation.name, column.column.name
        )
        .into(),
        class: class.map(|class| class.name.clone()).unwrap_or_default(),
        function: classified.mask.clone(),
    }
}
