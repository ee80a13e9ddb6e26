//! Functions, aggregates and operators of a schema.

use pg_query::NodeEnum;
use pg_query::protobuf::{CreateFunctionStmt, DefineStmt, Node, ObjectType};

use super::{Draft, Drafted};
use crate::rows::{FunctionRow, Volatility};
use crate::tree::{boxed, inner, type_name};

impl Draft {
    pub(super) fn function(&mut self, create: &CreateFunctionStmt) -> Drafted {
        let option = |wanted: &str| {
            let mut options = create.options.iter().filter_map(inner);
            options.find_map(|option| match option {
                NodeEnum::DefElem(option) if option.defname == wanted => {
                    let NodeEnum::String(value) = boxed(&option.arg)? else {
                        return None;
                    };
                    Some(value.sval.clone())
                }
                _ => None,
            })
        };
        // A body without a language is SQL's own form of one.
        let language = option("language").unwrap_or_else(|| "sql".to_owned());
        let volatility = match option("volatility").as_deref() {
            Some("immutable") => Volatility::Immutable,
            Some("stable") => Volatility::Stable,
            _ => Volatility::Volatile,
        };
        self.add_function(&create.funcname, volatility, language)
    }

    fn add_function(&mut self, name: &[Node], volatility: Volatility, language: String) -> Drafted {
        let (schema, name) = self.name(name)?;
        let row = FunctionRow {
            oid: self.oid(),
            schema,
            name,
            volatility,
            language,
            arguments: Vec::new(),
        };
        self.rows.functions.push(row);
        Ok(())
    }

    /// An aggregate computes from its arguments, and an operator is the function behind it.
    pub(super) fn define(&mut self, define: &DefineStmt) -> Drafted {
        match ObjectType::try_from(define.kind) {
            Ok(ObjectType::ObjectAggregate) => {
                self.add_function(&define.defnames, Volatility::Immutable, "internal".into())
            }
            Ok(ObjectType::ObjectOperator) => {
                let (schema, name) = self.name(&define.defnames)?;
                let definition = define.definition.iter().filter_map(inner);
                let mut function = definition.filter_map(|element| match element {
                    NodeEnum::DefElem(element)
                        if matches!(element.defname.as_str(), "procedure" | "function") =>
                    {
                        match boxed(&element.arg)? {
                            NodeEnum::TypeName(function) => type_name(function),
                            _ => None,
                        }
                    }
                    _ => None,
                });
                let functions = self.rows.functions.iter();
                let all = functions.chain(&self.rows.built_in.functions);
                let found = function
                    .next_back()
                    .and_then(|name| all.into_iter().find(|row| row.name == name));
                let Some(found) = found else {
                    return Err(format!("the function behind operator {name} is not known"));
                };
                let operator = (schema, name, found.oid);
                self.rows.operators.push(operator);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
