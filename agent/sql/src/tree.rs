//! Short words for reading PostgreSQL's parse tree.

use pg_query::NodeEnum;
use pg_query::protobuf::{AConst, Node, RangeVar, TypeName, a_const};

use crate::session::QualifiedName;

/// What a node holds.
pub(crate) fn inner(node: &Node) -> Option<&NodeEnum> {
    node.node.as_ref()
}

/// What an optional node holds.
#[allow(clippy::borrowed_box)]
pub(crate) fn boxed(node: &Option<Box<Node>>) -> Option<&NodeEnum> {
    node.as_deref().and_then(inner)
}

/// The text of a name node.
pub(crate) fn string(node: &Node) -> Option<&str> {
    match inner(node)? {
        NodeEnum::String(string) => Some(&string.sval),
        _ => None,
    }
}

/// The parts of a name; none if it holds anything else.
pub(crate) fn strings(nodes: &[Node]) -> Option<Vec<&str>> {
    nodes.iter().map(string).collect()
}

/// A dotted name of up to three parts.
pub(crate) fn qualified(nodes: &[Node]) -> Option<QualifiedName<'_>> {
    let (catalog, schema, name) = match *strings(nodes)?.as_slice() {
        [name] => ("", "", name),
        [schema, name] => ("", schema, name),
        [catalog, schema, name] => (catalog, schema, name),
        _ => return None,
    };
    Some(QualifiedName {
        catalog,
        schema,
        name,
    })
}

/// The name of a relation as written.
pub(crate) fn range_name(range: &RangeVar) -> QualifiedName<'_> {
    QualifiedName {
        catalog: &range.catalogname,
        schema: &range.schemaname,
        name: &range.relname,
    }
}

/// A constant's value in text form; none where the node is no constant, or NULL.
pub(crate) fn constant(node: &NodeEnum) -> Option<String> {
    match node {
        NodeEnum::AConst(constant) => constant_text(constant),
        NodeEnum::TypeCast(cast) => constant(boxed(&cast.arg)?),
        NodeEnum::String(string) => Some(string.sval.clone()),
        NodeEnum::Integer(integer) => Some(integer.ival.to_string()),
        _ => None,
    }
}

fn constant_text(constant: &AConst) -> Option<String> {
    Some(match constant.val.as_ref()? {
        a_const::Val::Ival(value) => value.ival.to_string(),
        a_const::Val::Fval(value) => value.fval.clone(),
        a_const::Val::Boolval(value) => value.boolval.to_string(),
        a_const::Val::Sval(value) => value.sval.clone(),
        a_const::Val::Bsval(_) => return None,
    })
}

/// The last part of a type's name.
pub(crate) fn type_name(name: &TypeName) -> Option<&str> {
    name.names.last().and_then(string)
}
