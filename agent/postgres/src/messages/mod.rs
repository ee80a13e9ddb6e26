//! The messages that the engine looks into, one file each. Everything else passes as bytes.
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>

pub mod bind;
pub mod data_row;
pub mod error_response;
pub mod execute;
pub mod function_call;
pub mod parse;
pub mod query;
pub mod row_description;
pub mod startup;
pub mod status;
pub mod target;
