//! Messages of both sides, written by hand and apart from the engine's own code.
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>

/// A message of this tag.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

fn text(value: &str) -> Vec<u8> {
    [value.as_bytes(), b"\0"].concat()
}

/// Messages of the client.
pub mod client {
    use super::{message, text};

    pub fn packet(body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&length.to_be_bytes()[..], body].concat()
    }

    pub fn startup(version: u32, settings: &[(&str, &str)]) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        for (name, value) in settings {
            body.extend([text(name), text(value)].concat());
        }
        body.push(0);
        packet(&body)
    }

    pub fn cancel(process: u32, secret: &[u8]) -> Vec<u8> {
        let code = 80_877_102u32.to_be_bytes();
        packet(&[&code, &process.to_be_bytes(), secret].concat())
    }

    pub fn query(sql: &str) -> Vec<u8> {
        message(b'Q', &text(sql))
    }

    pub fn parse(name: &str, sql: &str) -> Vec<u8> {
        message(b'P', &[text(name), text(sql), vec![0, 0]].concat())
    }

    pub fn bind(portal: &str, statement: &str) -> Vec<u8> {
        bind_values(portal, statement, &[])
    }

    /// Values in text format.
    pub fn bind_values(portal: &str, statement: &str, values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut body = [text(portal), text(statement), vec![0, 0]].concat();
        body.extend(u16::try_from(values.len()).unwrap().to_be_bytes());
        values
            .iter()
            .for_each(|value| super::value(&mut body, *value));
        body.extend([0, 0]);
        message(b'B', &body)
    }

    pub fn execute(portal: &str, rows: i32) -> Vec<u8> {
        message(b'E', &[text(portal), rows.to_be_bytes().to_vec()].concat())
    }

    pub fn describe(kind: u8, name: &str) -> Vec<u8> {
        message(b'D', &[vec![kind], text(name)].concat())
    }

    pub fn close(kind: u8, name: &str) -> Vec<u8> {
        message(b'C', &[vec![kind], text(name)].concat())
    }

    /// Parse, Bind and Execute of the unnamed statement and portal.
    pub fn run(sql: &str) -> Vec<u8> {
        [parse("", sql), bind("", ""), execute("", 0)].concat()
    }

    pub fn call(function: u32) -> Vec<u8> {
        message(b'F', &[&function.to_be_bytes()[..], &[0; 6]].concat())
    }

    pub fn sync() -> Vec<u8> {
        message(b'S', b"")
    }

    pub fn flush() -> Vec<u8> {
        message(b'H', b"")
    }

    pub fn copy_data(data: &str) -> Vec<u8> {
        message(b'd', data.as_bytes())
    }

    pub fn copy_done() -> Vec<u8> {
        message(b'c', b"")
    }

    pub fn copy_fail(why: &str) -> Vec<u8> {
        message(b'f', &text(why))
    }

    pub fn terminate() -> Vec<u8> {
        message(b'X', b"")
    }
}

/// Messages of the server.
pub mod server {
    use super::{message, text};

    /// The secret of the server's cancel key.
    pub const SECRET: &[u8] = b"own!";

    /// The end of a login, as the server says it.
    pub fn welcome() -> Vec<u8> {
        welcome_with(SECRET)
    }

    /// The end of a login, with this secret in its cancel key.
    pub fn welcome_with(secret: &[u8]) -> Vec<u8> {
        [
            message(b'R', &[0; 4]),
            parameter("client_encoding", "UTF8"),
            message(b'K', &[b"\0\0\0\x07", secret].concat()),
            ready(b'I'),
        ]
        .concat()
    }

    pub fn ready(state: u8) -> Vec<u8> {
        message(b'Z', &[state])
    }

    pub fn parameter(name: &str, value: &str) -> Vec<u8> {
        message(b'S', &[text(name), text(value)].concat())
    }

    /// Columns as (table, attribute, type, format).
    pub fn columns(columns: &[(u32, i16, u32, i16)]) -> Vec<u8> {
        let mut body = u16::try_from(columns.len()).unwrap().to_be_bytes().to_vec();
        for (table, attribute, kind, format) in columns {
            body.extend(b"name\0");
            body.extend(table.to_be_bytes());
            body.extend(attribute.to_be_bytes());
            body.extend(kind.to_be_bytes());
            body.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
            body.extend(format.to_be_bytes());
        }
        message(b'T', &body)
    }

    pub fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        values
            .iter()
            .for_each(|value| super::value(&mut body, *value));
        message(b'D', &body)
    }

    pub fn complete(tag: &str) -> Vec<u8> {
        message(b'C', &text(tag))
    }

    pub fn error(severity: &str, code: &str, words: &str) -> Vec<u8> {
        problem(b'E', severity, code, words)
    }

    /// An error with a detail.
    pub fn detailed(code: &str, words: &str, detail: &str) -> Vec<u8> {
        let body = format!("SERROR\0VERROR\0C{code}\0M{words}\0D{detail}\0tcustomers\0\0");
        message(b'E', body.as_bytes())
    }

    pub fn notice(words: &str) -> Vec<u8> {
        problem(b'N', "NOTICE", "00000", words)
    }

    fn problem(tag: u8, severity: &str, code: &str, words: &str) -> Vec<u8> {
        let field = |letter: &str, value: &str| text(&format!("{letter}{value}"));
        let body = [
            field("S", severity),
            field("V", severity),
            field("C", code),
            field("M", words),
            vec![0],
        ];
        message(tag, &body.concat())
    }

    pub fn syntax_error() -> Vec<u8> {
        error("ERROR", "42601", "syntax error at or near \"weir\"")
    }

    pub fn notification() -> Vec<u8> {
        message(b'A', b"\0\0\0\x07channel\0payload\0")
    }

    pub fn parsed() -> Vec<u8> {
        message(b'1', b"")
    }

    pub fn bound() -> Vec<u8> {
        message(b'2', b"")
    }

    pub fn closed() -> Vec<u8> {
        message(b'3', b"")
    }

    pub fn no_data() -> Vec<u8> {
        message(b'n', b"")
    }

    pub fn suspended() -> Vec<u8> {
        message(b's', b"")
    }

    pub fn empty_query() -> Vec<u8> {
        message(b'I', b"")
    }

    pub fn copy_in() -> Vec<u8> {
        message(b'G', &[0, 0, 1, 0, 0])
    }

    pub fn copy_out() -> Vec<u8> {
        message(b'H', &[0, 0, 1, 0, 0])
    }

    pub fn copy_data(data: &str) -> Vec<u8> {
        message(b'd', data.as_bytes())
    }

    pub fn copy_done() -> Vec<u8> {
        message(b'c', b"")
    }

    pub fn call_result() -> Vec<u8> {
        message(b'V', b"\0\0\0\x011")
    }
}

fn value(body: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => body.extend((-1i32).to_be_bytes()),
        Some(value) => {
            body.extend(i32::try_from(value.len()).unwrap().to_be_bytes());
            body.extend(value);
        }
    }
}
