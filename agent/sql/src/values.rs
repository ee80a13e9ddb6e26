//! The values of one statement, for policies that ask about them.

use model::{Equal, Parameter, ParameterType, Values};
use value::Shown;

use crate::equality::{Equality, Family, Written};
use crate::facts::Facts;

/// `jsonb` and `jsonpath` as they are sent are not as the server prints them.
const REARRANGED: [u32; 2] = [3802, 4072];

impl Facts {
    /// The statement's values, where it comes with these. `awaited`: it is only prepared, and its parameters come later.
    /// Only of the very text that these are the facts of.
    pub fn values(
        &self,
        parameters: &[Parameter],
        types: &[Option<ParameterType>],
        awaited: bool,
    ) -> Values {
        let known = |(index, parameter): (usize, &Parameter)| {
            let kind = types.get(index).and_then(Option::as_ref);
            certain(parameter, kind).filter(|text| self.utf8 || text.is_ascii())
        };
        let texts: Vec<_> = parameters.iter().enumerate().map(known).collect();
        let is_null = |parameter: &Parameter| *parameter == Parameter::Null;
        let are_known = texts.iter().zip(parameters);
        let numbered = (1..).zip(&texts);
        let numbered = numbered.filter_map(|(number, text)| Some((number, text.clone()?)));
        let awaited = awaited && !self.placeholders.is_empty();
        let equal = |equality: &Equality| {
            let value = match &equality.value {
                Written::Constant(text) => text,
                Written::Placeholder(index) => {
                    let kind = types.get(*index)?.as_ref()?;
                    let family = Family::of(equality.like)?;
                    Some(texts.get(*index)?.as_ref()?)
                        .filter(|_| Family::of(kind.like).is_some_and(|of| family.takes(of)))?
                }
            };
            let value = value::normal(equality.like, value)?;
            (self.utf8 || value.is_ascii()).then(|| Equal {
                verb: equality.verb,
                relation: equality.relation,
                column: equality.column.clone(),
                value,
            })
        };
        Values {
            awaited,
            are_known: !awaited
                && are_known
                    .into_iter()
                    .all(|(text, sent)| text.is_some() || is_null(sent)),
            parameters: numbered.collect(),
            equals: self.equals.iter().filter_map(equal).collect(),
        }
    }
}

/// The one text of a value, where the server can only read it as that.
fn certain(parameter: &Parameter, kind: Option<&ParameterType>) -> Option<String> {
    let like = kind?.like;
    match (parameter, value::show(parameter, kind)) {
        (Parameter::Text(_), Shown::Text(text)) => value::normal(like, &text),
        (_, Shown::Text(text)) if !REARRANGED.contains(&like) => {
            Some(value::normal(like, &text).unwrap_or_else(|| text.into_owned()))
        }
        _ => None,
    }
}
