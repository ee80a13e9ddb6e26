//! What a function, an operator or a cast makes of the values that it is given.
//!
//! A quiet one tells nothing of them but by its result: it takes every value, and gives one for it. Of all others the server
//! may tell something by an error, by the number of rows or by the time that it takes (`1 / (ssn = '5')::int`), so what they
//! are given decides about the statement.

use std::sync::Arc;

use model::Use;
use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, TypeName, XmlExpr, XmlExprOp, a_const};

use crate::analysis::Analysis;
use crate::opacity::Known;
use crate::record::Origin;
use crate::rows::Volatility;
use crate::snapshot::Function;
use crate::tree::{boxed, inner, string, strings};

/// What becomes of the values that something is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Handling {
    /// They can be in its result, and nowhere else.
    Quiet,
    /// Whether it fails, or how many rows it gives, may tell something of them, too.
    Telling,
    /// It may keep them, or show them elsewhere.
    Keeping,
}

/// Built-in functions that take every value, as they are called with one argument or as aggregates. How long their results
/// are depends on how long the values are, but not on what is in them.
const QUIET: [&str; 66] = [
    // Texts.
    "upper",
    "lower",
    "initcap",
    "char_length",
    "character_length",
    "octet_length",
    "bit_length",
    "reverse",
    "concat",
    "concat_ws",
    "md5",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "text",
    "varchar",
    "bpchar",
    // Aggregates and windows.
    "count",
    "min",
    "max",
    "avg",
    "sum",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "variance",
    "var_pop",
    "var_samp",
    "string_agg",
    "array_agg",
    "any_value",
    "bool_and",
    "bool_or",
    "every",
    "xmlagg",
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "first_value",
    "last_value",
    "lag",
    "lead",
    // Rows, JSON and arrays.
    "to_json",
    "to_jsonb",
    "row_to_json",
    "array_to_json",
    "json_build_array",
    "jsonb_build_array",
    "json_build_object",
    "jsonb_build_object",
    "json_agg",
    "jsonb_agg",
    "json_object_agg",
    "jsonb_object_agg",
    "json_typeof",
    "jsonb_typeof",
    "array_to_string",
    "cardinality",
    "array_length",
    // Numbers and dates.
    "ceil",
    "floor",
    "sign",
    "age",
];

/// The same, where they have no other argument.
const QUIET_ALONE: [&str; 4] = ["length", "btrim", "ltrim", "rtrim"];

/// The same beside constants: whether the constants fit, they alone decide.
const QUIET_BESIDE_CONSTANTS: [&str; 13] = [
    "substr",
    "left",
    "right",
    "lpad",
    "rpad",
    "strpos",
    "starts_with",
    "to_char",
    "date_trunc",
    "date_part",
    "extract",
    "round",
    "trunc",
];

/// The same beside whole numbers: with a text it is a search by a pattern.
const QUIET_BESIDE_NUMBERS: [&str; 1] = ["substring"];

/// Operators of `pg_catalog` that take every value.
const QUIET_OPERATORS: [&str; 5] = ["||", "->", "->>", "#>", "#>>"];

/// Types that every value has a form in.
const QUIET_TYPES: [&str; 4] = ["text", "varchar", "bpchar", "name"];

impl Handling {
    /// Of the functions that a name may mean.
    pub(crate) fn of(
        candidates: &[Arc<Function>],
        is_harmless: impl Fn(&Function) -> bool,
    ) -> Self {
        let handling = |function: &Arc<Function>| {
            let name = &*function.name.name;
            let lists = [
                &QUIET[..],
                &QUIET_ALONE,
                &QUIET_BESIDE_CONSTANTS,
                &QUIET_BESIDE_NUMBERS,
            ];
            let quiet = lists.iter().any(|list| list.contains(&name));
            match function.volatility {
                _ if !is_harmless(function) => Self::Keeping,
                // `setseed(ssn)`.
                Volatility::Volatile => Self::Keeping,
                _ if function.built_in && quiet => Self::Quiet,
                _ => Self::Telling,
            }
        };
        candidates
            .iter()
            .map(handling)
            .max()
            .unwrap_or(Self::Keeping)
    }

    /// The same, with what a call's other arguments have to say to it.
    pub(crate) fn beside(self, call: &FuncCall) -> Self {
        let name = call.funcname.last().and_then(string).unwrap_or_default();
        let args = || call.args.iter().map(inner);
        let is_quiet = if QUIET_ALONE.contains(&name) {
            call.args.len() <= 1
        } else if QUIET_BESIDE_CONSTANTS.contains(&name) {
            args().filter(|arg| !is_constant(*arg)).count() <= 1
        } else if QUIET_BESIDE_NUMBERS.contains(&name) {
            args().filter(|arg| !is_number(*arg)).count() <= 1
        } else {
            true
        };
        match is_quiet {
            true => self,
            false => self.max(Self::Telling),
        }
    }

    /// Of an operator by its name, where all functions behind it are harmless.
    pub(crate) fn of_operator(name: &str) -> Self {
        match QUIET_OPERATORS.contains(&name) {
            true => Self::Quiet,
            false => Self::Telling,
        }
    }

    /// Of a cast to this type.
    pub(crate) fn of_cast(name: Option<&TypeName>) -> Self {
        let parts = name.and_then(|name| strings(&name.names));
        match parts.as_deref() {
            Some(["pg_catalog", name] | [name]) if QUIET_TYPES.contains(name) => Self::Quiet,
            _ => Self::Telling,
        }
    }

    /// Of an XML constructor.
    pub(crate) fn of_xml(xml: &XmlExpr) -> Self {
        match XmlExprOp::try_from(xml.op) {
            Ok(XmlExprOp::IsXmlelement | XmlExprOp::IsXmlforest | XmlExprOp::IsXmlconcat) => {
                Self::Quiet
            }
            _ => Self::Telling,
        }
    }
}

impl Analysis<'_> {
    /// These values were given to something that handles them so.
    pub(crate) fn given(&mut self, origins: &[Origin], handling: Handling) -> Known<()> {
        match handling {
            Handling::Quiet => Ok(()),
            Handling::Telling => self.record.columns(origins, Use::Filtered),
            Handling::Keeping => self.record.columns(origins, Use::Derived),
        }
    }
}

/// Whether it is a value that the statement brings along.
pub(crate) fn is_constant(node: Option<&NodeEnum>) -> bool {
    match node {
        Some(NodeEnum::AConst(_) | NodeEnum::ParamRef(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => is_constant(boxed(&cast.arg)),
        _ => false,
    }
}

fn is_number(node: Option<&NodeEnum>) -> bool {
    match node {
        Some(NodeEnum::AConst(constant)) => matches!(constant.val, Some(a_const::Val::Ival(_))),
        _ => false,
    }
}
