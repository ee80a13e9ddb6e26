//! Messages of a client, one function each, and a short way to write down what came back.
//!
//! Formats: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.

use crate::wire::{Frame, frame};

/// Query.
pub fn query(sql: &str) -> Vec<u8> {
    frame('Q', &text(sql))
}

/// Parse, with parameter types left to the server.
pub fn parse(name: &str, sql: &str) -> Vec<u8> {
    frame('P', &[text(name), text(sql), vec![0, 0]].concat())
}

/// Bind of parameters in text format. `format` of all result columns: 0 text, 1 binary.
pub fn bind(portal: &str, statement: &str, parameters: &[&str], format: u8) -> Vec<u8> {
    let mut body = [text(portal), text(statement), vec![0, 0]].concat();
    body.extend(count(parameters.len()));
    for parameter in parameters {
        body.extend(length(parameter.len()));
        body.extend(parameter.as_bytes());
    }
    body.extend([0, 1, 0, format]);
    frame('B', &body)
}

/// Bind of parameters in binary format, without names, and of results in text.
pub fn bind_binary(parameters: &[&[u8]]) -> Vec<u8> {
    let mut body = [text(""), text(""), vec![0, 1, 0, 1]].concat();
    body.extend(count(parameters.len()));
    for parameter in parameters {
        body.extend(length(parameter.len()));
        body.extend(*parameter);
    }
    body.extend([0, 0]);
    frame('B', &body)
}

/// Describe of a statement (`S`) or portal (`P`).
pub fn describe(kind: char, name: &str) -> Vec<u8> {
    frame('D', &[vec![kind as u8], text(name)].concat())
}

/// Execute, all rows.
pub fn execute(portal: &str) -> Vec<u8> {
    execute_rows(portal, 0)
}

/// Execute, up to a number of rows; 0 is all.
pub fn execute_rows(portal: &str, rows: usize) -> Vec<u8> {
    frame('E', &[text(portal), length(rows).to_vec()].concat())
}

/// Close of a statement (`S`) or portal (`P`).
pub fn close(kind: char, name: &str) -> Vec<u8> {
    frame('C', &[vec![kind as u8], text(name)].concat())
}

/// Sync.
pub fn sync() -> Vec<u8> {
    frame('S', b"")
}

/// Flush.
pub fn flush() -> Vec<u8> {
    frame('H', b"")
}

/// Terminate.
pub fn terminate() -> Vec<u8> {
    frame('X', b"")
}

/// FunctionCall with arguments and result in text format.
pub fn function_call(oid: u32, arguments: &[&str]) -> Vec<u8> {
    let mut body = oid.to_be_bytes().to_vec();
    body.extend([0, 0]);
    body.extend(count(arguments.len()));
    for argument in arguments {
        body.extend(length(argument.len()));
        body.extend(argument.as_bytes());
    }
    body.extend([0, 0]);
    frame('F', &body)
}

/// Parse, Bind, Describe and Execute of one statement without names, and no Sync.
pub fn extended(sql: &str, parameters: &[&str], format: u8) -> Vec<u8> {
    [
        parse("", sql),
        bind("", "", parameters, format),
        describe('P', ""),
        execute(""),
    ]
    .concat()
}

/// What came back, one word per message: its letter, with the command tag, the SQLSTATE or the transaction's state where
/// it has one: `1 2 T D C:SELECT_1 E:42501 Z:I`. Settings that the server reports are left out.
pub fn told(frames: &[Frame]) -> String {
    let word = |frame: &Frame| match frame.tag {
        'S' => None,
        'C' => Some(format!("C:{}", string(&frame.body).replace(' ', "_"))),
        'E' | 'N' => Some(format!("{}:{}", frame.tag, frame.field('C'))),
        'Z' => Some(format!("Z:{}", String::from_utf8_lossy(&frame.body))),
        tag => Some(tag.to_string()),
    };
    frames.iter().filter_map(word).collect::<Vec<_>>().join(" ")
}

/// The first error among these.
///
/// # Panics
///
/// If there is none.
pub fn error(frames: &[Frame]) -> &Frame {
    let found = frames.iter().find(|frame| frame.tag == 'E');
    found.unwrap_or_else(|| panic!("no error came: {}", told(frames)))
}

/// All rows among these, as text; NULL is `NULL`.
pub fn rows(frames: &[Frame]) -> Vec<Vec<String>> {
    let shown = |column: Option<Vec<u8>>| match column {
        Some(value) => String::from_utf8_lossy(&value).into_owned(),
        None => "NULL".to_owned(),
    };
    frames
        .iter()
        .filter(|frame| frame.tag == 'D')
        .map(|frame| frame.columns().into_iter().map(shown).collect())
        .collect()
}

fn text(value: &str) -> Vec<u8> {
    let mut bytes = value.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

fn string(bytes: &[u8]) -> String {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

fn count(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes()
}

fn length(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}
