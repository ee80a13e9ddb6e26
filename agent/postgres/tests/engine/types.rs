//! Which types the values of a portal have, as far as client and server say.

use crate::messages::{client, message, server};
use crate::play::Play;

/// Parse of `select $1, $2` with the type of `$1`.
fn parse(name: &str, of_first: u32) -> Vec<u8> {
    let mut body = [name.as_bytes(), b"\0select $1, $2\0\0\x01"].concat();
    body.extend(of_first.to_be_bytes());
    message(b'P', &body)
}

/// ParameterDescription and NoData.
fn described(types: [u32; 2]) -> Vec<u8> {
    let types = types.map(u32::to_be_bytes).concat();
    let description = [b"\0\x02".as_slice(), &types].concat();
    [message(b't', &description), message(b'n', b"")].concat()
}

fn run(statement: &str) -> Vec<u8> {
    let values = [Some(&b"1"[..]), None];
    [
        client::bind_values("", statement, &values),
        client::execute("", 0),
    ]
    .concat()
}

#[test]
fn they_are_those_that_the_client_named() {
    let mut play = Play::ready();
    play.client([parse("", 23), run(""), client::sync()].concat());
    assert_eq!(play.types, [23]);
}

#[test]
fn they_are_those_that_the_server_described() {
    let mut play = Play::ready();
    play.client([parse("s", 0), client::describe(b'S', "s"), client::sync()].concat());
    play.server([server::parsed(), described([20, 25]), server::ready(b'I')].concat());
    play.client([run("s"), client::sync()].concat());
    assert_eq!(play.types, [20, 25]);
}

#[test]
fn a_description_belongs_to_the_statement_that_was_described() {
    let mut play = Play::ready();
    play.client(
        [
            parse("a", 0),
            parse("b", 0),
            client::describe(b'S', "a"),
            client::sync(),
        ]
        .concat(),
    );
    play.server(
        [
            server::parsed(),
            server::parsed(),
            described([20, 25]),
            server::ready(b'I'),
        ]
        .concat(),
    );
    play.client([run("b"), client::sync()].concat());
    assert_eq!(play.types, [0]);
}
