//! A server that means something else than was judged is not believed.

use crate::messages::{client, server};
use crate::play::Play;

const INT: u32 = 23;
const TABLE: u32 = 16400;
const OTHER: u32 = 16401;

fn columns(table: u32) -> Vec<u8> {
    server::columns(&[(table, 1, INT, 0)])
}

fn rows() -> Vec<u8> {
    [server::row(&[Some(b"7")]), server::complete("SELECT 1")].concat()
}

#[track_caller]
fn assert_ended(play: &mut Play) {
    let error = play.error.take().expect("the session ends");
    let words = "whose column 1 (id) is of table 16401, column 1, where it was understood to come from public.customers.id";
    assert!(error.what.contains(words), "{error}");
}

#[test]
fn each_result_of_a_query_is_of_the_tables_that_its_statement_was_understood_to_read() {
    let mut play = Play::ready();
    play.client(client::query("select only id; select only id"));
    let first = [columns(TABLE), rows()].concat();
    play.server(&first);
    assert_eq!(play.at_client(), first);
    play.server([columns(OTHER), rows(), server::ready(b'I')].concat());
    assert_ended(&mut play);
    assert_eq!(play.at_client(), b"");
}

#[test]
fn a_portal_is_checked_whether_it_is_described_before_or_behind_its_execute() {
    let described = [
        client::parse("", "select only id"),
        client::bind("", ""),
        client::describe(b'P', ""),
    ]
    .concat();
    let execute = [client::execute("", 0), client::sync()].concat();
    let answers = [server::parsed(), server::bound(), columns(OTHER)].concat();

    let mut play = Play::ready();
    play.client([described.clone(), execute.clone()].concat());
    play.server([answers.clone(), rows(), server::ready(b'I')].concat());
    assert_ended(&mut play);

    let mut play = Play::ready();
    play.client([described, client::flush()].concat());
    play.server(&answers);
    play.at_server();
    assert!(play.error.is_none(), "what is not run shows nothing");
    play.client(&execute);
    assert_ended(&mut play);
    assert_eq!(play.at_server(), b"");
}

#[test]
fn columns_that_are_made_up_may_be_of_no_table() {
    let mut play = Play::ready();
    play.client(client::query("select only id"));
    let answer = [columns(0), rows(), server::ready(b'I')].concat();
    play.server(&answer);
    assert_eq!(play.at_client(), answer);
}
