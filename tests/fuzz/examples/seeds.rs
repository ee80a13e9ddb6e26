//! Writes the corpora's first inputs: sessions and segments that are right, for the fuzzers to spoil.
//!
//! `cargo run --manifest-path tests/fuzz/Cargo.toml --target-dir target --example seeds`, from the root of the
//! repository. Message formats: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.

use std::fs;
use std::io;
use std::path::Path;

use fuzz::script::{Judging, Script, Step};
use protocol::Side;
use protocol::Side::{Client, Server};

fn main() -> io::Result<()> {
    let corpus = Path::new("tests/corpus");
    for (name, script) in sessions() {
        keep(&corpus.join("postgres").join(name), &script.encode())?;
    }
    for (name, segment) in segments() {
        keep(&corpus.join("journal").join(name), &segment)?;
    }
    for (name, oid, value) in VALUES {
        let seed = [&u16::to_be_bytes(oid), value].concat();
        keep(&corpus.join("value").join(name), &seed)?;
    }
    for (name, function, format, oid, value) in MASKED {
        let seed = [&[function, format], &u16::to_be_bytes(oid)[..], value].concat();
        keep(&corpus.join("mask").join(name), &seed)?;
    }
    for (name, texts) in TEXTS {
        keep(&corpus.join("sql").join(name), texts.join("\0").as_bytes())?;
    }
    for (name, texts) in MYSQL_TEXTS {
        keep(
            &corpus.join("mysql").join(name),
            texts.join("\0").as_bytes(),
        )?;
    }
    Ok(())
}

fn keep(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(path, bytes)
}

fn sessions() -> Vec<(&'static str, Script)> {
    vec![
        ("login", login(Judging::Forward)),
        ("login_refused", login(Judging::Refuse)),
        ("query", query(Judging::Forward)),
        ("query_masked", query(Judging::Mask)),
        ("query_refused", query(Judging::Alternate)),
        ("query_held", held()),
        ("prepared", prepared(Judging::Mask)),
        ("prepared_refused", prepared(Judging::Alternate)),
        ("execute_refused", execute_refused()),
        ("copy", copy()),
        ("failed_transaction", failed_transaction()),
        ("function_call", function_call()),
        ("cancel", cancel()),
        ("oversized", oversized()),
    ]
}

fn script(judging: Judging) -> Script {
    Script {
        judging,
        steps: vec![],
    }
}

/// SSLRequest, StartupMessage, a password, and the server's welcome.
fn login(judging: Judging) -> Script {
    let mut script = script(judging);
    script.send(Client, &untagged(&80877103u32.to_be_bytes()));
    let mut startup = 196608u32.to_be_bytes().to_vec();
    startup.extend_from_slice(b"user\0app\0database\0shop\0options\0-c search_path=app\0\0");
    script.send(Client, &untagged(&startup));
    message(&mut script, Server, b'R', &3u32.to_be_bytes());
    message(&mut script, Client, b'p', b"secret\0");
    message(&mut script, Server, b'R', &0u32.to_be_bytes());
    message(&mut script, Server, b'S', b"client_encoding\0UTF8\0");
    message(&mut script, Server, b'K', &[0, 0, 0, 9, 1, 2, 3, 4]);
    message(&mut script, Server, b'Z', b"I");
    script
}

fn query(judging: Judging) -> Script {
    let mut script = login(judging);
    message(&mut script, Client, b'Q', b"select a, b from t\0");
    rows(&mut script);
    message(&mut script, Server, b'Z', b"I");
    message(&mut script, Client, b'Q', b"select 1; select 2\0");
    message(&mut script, Server, b'C', b"SELECT 1\0");
    message(&mut script, Server, b'C', b"SELECT 1\0");
    message(&mut script, Server, b'Z', b"I");
    message(&mut script, Client, b'X', b"");
    script
}

/// A RowDescription of two masked columns and a plain one, two rows, and the end.
fn rows(script: &mut Script) {
    let mut description = 3u16.to_be_bytes().to_vec();
    for (name, table, column, oid) in [
        (b'a', 1u32, 2u16, 25u32),
        (b'b', 1, 4, 25),
        (b'c', 0, 0, 23),
    ] {
        description.extend_from_slice(&[name, 0]);
        description.extend_from_slice(&table.to_be_bytes());
        description.extend_from_slice(&column.to_be_bytes());
        description.extend_from_slice(&oid.to_be_bytes());
        description.extend_from_slice(&[0xff; 6]);
        description.extend_from_slice(&0u16.to_be_bytes());
    }
    message(script, Server, b'T', &description);
    message(
        script,
        Server,
        b'D',
        b"\0\x03\0\0\0\x02ab\0\0\0\x05e@x.y\0\0\0\x017",
    );
    message(
        script,
        Server,
        b'D',
        b"\0\x03\xff\xff\xff\xff\0\0\0\0\0\0\0\x018",
    );
    message(script, Server, b'C', b"SELECT 2\0");
}

fn held() -> Script {
    let mut script = login(Judging::Hold);
    script.steps.insert(1, Step::Answer(true));
    message(&mut script, Client, b'Q', b"update t set a = 1\0");
    script.steps.push(Step::Notify);
    message(&mut script, Server, b'N', b"SNOTICE\0C00000\0Mlate\0\0");
    message(&mut script, Client, b'Q', b"select 1\0");
    script.steps.push(Step::Answer(false));
    script.steps.push(Step::Answer(true));
    message(&mut script, Server, b'C', b"SELECT 1\0");
    message(&mut script, Server, b'Z', b"I");
    script
}

/// Parse, Describe, Bind, Execute with a row limit, Sync; then the statement again, and closed.
fn prepared(judging: Judging) -> Script {
    let mut script = login(judging);
    message(
        &mut script,
        Client,
        b'P',
        b"s\0select a from t where b = $1\0\0\x01\0\0\0\x19",
    );
    message(&mut script, Client, b'D', b"Ss\0");
    message(
        &mut script,
        Client,
        b'B',
        b"p\0s\0\0\x01\0\0\0\x01\0\0\0\x03abc\0\0",
    );
    message(&mut script, Client, b'E', b"p\0\0\0\0\x02");
    message(&mut script, Client, b'S', b"");
    message(&mut script, Server, b'1', b"");
    message(&mut script, Server, b't', b"\0\x01\0\0\0\x19");
    message(
        &mut script,
        Server,
        b'T',
        b"\0\x01a\0\0\0\0\x01\0\x02\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0",
    );
    message(&mut script, Server, b'2', b"");
    message(&mut script, Server, b'D', b"\0\x01\0\0\0\x02ab");
    message(&mut script, Server, b's', b"");
    message(&mut script, Server, b'Z', b"T");
    message(
        &mut script,
        Client,
        b'B',
        b"\0s\0\0\0\0\x01\xff\xff\xff\xff\0\x01\0\x01",
    );
    message(&mut script, Client, b'E', b"\0\0\0\0\0");
    message(&mut script, Client, b'C', b"Ss\0");
    message(&mut script, Client, b'H', b"");
    message(&mut script, Client, b'S', b"");
    message(&mut script, Server, b'2', b"");
    message(&mut script, Server, b'C', b"SELECT 0\0");
    message(&mut script, Server, b'3', b"");
    message(&mut script, Server, b'Z', b"I");
    script
}

/// The second question is refused, so the third, to prepare, is granted, and the fourth, to execute, is not.
fn execute_refused() -> Script {
    let mut script = login(Judging::Alternate);
    message(&mut script, Client, b'Q', b"delete from t\0");
    message(&mut script, Client, b'P', b"\0select a from t\0\0\0");
    message(&mut script, Client, b'B', b"\0\0\0\0\0\0\0\0");
    message(&mut script, Client, b'E', b"\0\0\0\0\0");
    message(&mut script, Client, b'S', b"");
    message(&mut script, Server, b'1', b"");
    message(&mut script, Server, b'2', b"");
    message(
        &mut script,
        Server,
        b'E',
        b"SERROR\0C42601\0Msyntax error\0\0",
    );
    message(&mut script, Server, b'Z', b"I");
    script
}

fn copy() -> Script {
    let mut script = login(Judging::Forward);
    message(&mut script, Client, b'Q', b"copy t from stdin\0");
    message(&mut script, Server, b'G', b"\0\0\x01\0\0");
    message(&mut script, Client, b'd', b"a\n");
    message(&mut script, Client, b'c', b"");
    message(&mut script, Server, b'C', b"COPY 1\0");
    message(&mut script, Server, b'Z', b"I");
    message(&mut script, Client, b'Q', b"copy t to stdout\0");
    message(&mut script, Server, b'H', b"\0\0\x01\0\0");
    message(&mut script, Server, b'd', b"a\n");
    message(&mut script, Server, b'c', b"");
    message(&mut script, Server, b'C', b"COPY 1\0");
    message(&mut script, Server, b'Z', b"I");
    script
}

/// Every second request is refused, so the second is, inside a transaction.
fn failed_transaction() -> Script {
    let mut script = login(Judging::Alternate);
    message(&mut script, Client, b'Q', b"begin\0");
    message(&mut script, Server, b'C', b"BEGIN\0");
    message(&mut script, Server, b'Z', b"T");
    message(&mut script, Client, b'Q', b"begin\0");
    message(&mut script, Server, b'C', b"BEGIN\0");
    message(&mut script, Server, b'Z', b"T");
    message(&mut script, Client, b'Q', b"delete from t\0");
    message(
        &mut script,
        Server,
        b'E',
        b"SERROR\0C42601\0Msyntax error\0\0",
    );
    message(&mut script, Server, b'Z', b"E");
    message(&mut script, Client, b'Q', b"rollback\0");
    message(&mut script, Server, b'C', b"ROLLBACK\0");
    message(&mut script, Server, b'Z', b"I");
    script
}

fn function_call() -> Script {
    let mut script = login(Judging::Forward);
    message(
        &mut script,
        Client,
        b'F',
        b"\0\0\x04\xd2\0\0\0\x01\0\0\0\x01a\0\0",
    );
    message(&mut script, Server, b'V', b"\0\0\0\x01b");
    message(&mut script, Server, b'Z', b"I");
    script
}

fn cancel() -> Script {
    let mut script = script(Judging::Forward);
    let request = [80877102u32, 9, 0x01020304].map(u32::to_be_bytes).concat();
    script.send(Client, &untagged(&request));
    script
}

fn oversized() -> Script {
    let mut script = login(Judging::Forward);
    message(
        &mut script,
        Client,
        b'Q',
        &[b"select 1 /*".as_slice(), &[b'x'; 400], b"*/\0"].concat(),
    );
    message(&mut script, Client, b'Q', b"select 1\0");
    script
}

fn message(script: &mut Script, from: Side, tag: u8, body: &[u8]) {
    script.send(from, &[&[tag], untagged(body).as_slice()].concat());
}

/// A length that counts itself, and the body.
fn untagged(body: &[u8]) -> Vec<u8> {
    let length = body.len() as u32 + 4;
    [length.to_be_bytes().as_slice(), body].concat()
}

fn segments() -> Vec<(&'static str, Vec<u8>)> {
    let started = br#"{"version":1,"time":1,"session":null,"event":{"started":{"version":"1","policy":"00"}}}"#;
    let closed = br#"{"version":1,"time":2,"session":"01890a5d-ac96-774b-bcce-b302099a8057","event":{"closed":{"reason":"x"}}}"#;
    let of = |cut: u16, texts: &[&[u8]]| {
        let mut input = vec![1];
        input.extend_from_slice(&cut.to_le_bytes());
        for text in texts {
            input.extend_from_slice(&(text.len() as u16).to_le_bytes());
            input.extend_from_slice(text);
        }
        input
    };
    vec![
        ("records", of(0, &[started, closed])),
        ("torn", of(9, &[started, closed])),
        (
            "newer_version",
            of(
                0,
                &[br#"{"version":9,"time":0,"session":null,"event":"stopped"}"#],
            ),
        ),
        ("not_a_record", of(0, &[started, b"{}", closed])),
        (
            "raw_header",
            [b"\0weirjrnl\x01\0\0\0".as_slice(), &[0; 28]].concat(),
        ),
    ]
}

/// Values to mask: a name, the function's number and the format as `fuzz::mask` reads them, the type, the value.
const MASKED: [(&str, u8, u8, u16, &[u8]); 11] = [
    ("redact_text", 1, 0, 25, b"secret"),
    ("partial_array", 4, 0, 1009, b"[0:1]={secret,\"b \\\"c\"}"),
    ("email", 5, 0, 1043, b"ada@analytical.org"),
    ("hash_uuid", 6, 1, 2950, b"0123456789abcdef"),
    ("tokenize_int8", 7, 1, 20, b"\0\0\x01\0\0\0\0\0"),
    ("date", 8, 1, 1082, b"\0\0\x22\xc7"),
    (
        "bucket_numeric",
        9,
        1,
        1700,
        b"\0\x02\0\0\x40\0\0\x02\0\x2a\x13\x88",
    ),
    (
        "noise_float8",
        10,
        1,
        701,
        b"\x3f\xb9\x99\x99\x99\x99\x99\x9a",
    ),
    ("noise_days", 11, 0, 1184, b"1984-05-17 10:11:12.5+02"),
    (
        "json",
        12,
        1,
        3802,
        b"\x01{\"a\": 1, \"b\": [{\"c\": \"x@y.org\"}]}",
    ),
    ("encrypted", 13, 0, 25, b"enc:c2VjcmV0IHNlY3JldA=="),
];

/// Values by their type's oid.
const VALUES: [(&str, u16, &[u8]); 8] = [
    ("bool", 16, b"\x01"),
    ("int4", 23, b"\0\0\0\x2a"),
    ("float8", 701, b"\x3f\xb9\x99\x99\x99\x99\x99\x9a"),
    ("numeric", 1700, b"\0\x02\0\0\x40\0\0\x02\0\x2a\x13\x88"),
    ("timestamp", 1114, b"\0\x02\xf8\x3f\x0c\x5f\xd0\0"),
    (
        "interval",
        1186,
        b"\0\0\0\0\0\x0f\x42\x40\0\0\0\x01\xff\xff\xff\xf3",
    ),
    ("inet", 869, b"\x02\x08\0\x04\x0a\x01\x02\x03"),
    (
        "array",
        1009,
        b"\0\0\0\x01\0\0\0\x01\0\0\0\x19\0\0\0\x02\0\0\0\x01\0\0\0\x03a b\xff\xff\xff\xff",
    ),
];

/// What a session runs, by what is tricky in it.
const TEXTS: [(&str, &[&str]); 16] = [
    (
        "select",
        &["select a, b as x from t where c = $1 order by b limit 5"],
    ),
    (
        "star",
        &["select * from t", "select t.*, p.k from t join p using (a)"],
    ),
    (
        "whole_row",
        &["select t, row_to_json(t), lower(t::text) from public.t"],
    ),
    ("view", &["select a from v", "select * from v, p1"]),
    (
        "subquery",
        &[
            "select (select max(b) from t), x.a from (select * from t) x where exists (select 1 from p)",
        ],
    ),
    (
        "with",
        &["with d as (delete from t where a = 'x' returning *) insert into p select a, b from d"],
    ),
    (
        "set_operation",
        &["select a from t union all select k from p order by 1"],
    ),
    (
        "write",
        &[
            "insert into t (a, b) values (1, 2) on conflict (a) do update set b = excluded.b returning a",
            "update t set a = b",
            "delete from only t where true",
        ],
    ),
    (
        "merge",
        &[
            "merge into t using p on t.a = p.a when matched then update set b = p.k when not matched then insert values (1)",
        ],
    ),
    (
        "copy",
        &[
            "copy t (a) to stdout",
            "copy (select b from t) to program 'cat'",
            "copy t from '/tmp/x'",
        ],
    ),
    (
        "define",
        &[
            "create table app.n as select a, b from t",
            "create view w as table t",
            "alter table t drop column b",
            "drop table t cascade",
        ],
    ),
    (
        "state",
        &[
            "begin",
            "set local search_path = app, public",
            "select a from t",
            "select set_config('search_path', 'app', false)",
            "reset all",
            "commit",
        ],
    ),
    ("several", &["select a from t; select b from t; set role x"]),
    (
        "prepare",
        &[
            "prepare s as select a from t where b = $1",
            "execute s('x')",
            "declare c cursor for select * from t",
            "fetch all from c",
        ],
    ),
    (
        "dynamic",
        &[
            "do $$begin perform 1; end$$",
            "call public.f()",
            "select public.f(), 1 operator(pg_catalog.+) 2",
        ],
    ),
    (
        "lexical",
        &["select 'it''s', E'\\'', U&\"d\\0061t\" from /* /* t */ */ t -- p"],
    ),
];

/// The same for MySQL.
const MYSQL_TEXTS: [(&str, &[&str]); 8] = [
    (
        "select",
        &["select a, `b` as x from t where c = ? or b like 'x' order by b limit 5, 10"],
    ),
    (
        "join",
        &["select t.*, p.k from t left join p using (a) where t.a in (select k from p) for update"],
    ),
    (
        "with",
        &[
            "with recursive r (n) as (select a from t union all select n + 1 from r) select * from r",
        ],
    ),
    (
        "write",
        &[
            "insert into t (a, b) values (1, -2) on duplicate key update b = values(b)",
            "replace into t select * from p",
            "update t join p on t.a = p.a set b = k where c is null limit 1",
            "delete t from t, p where true",
        ],
    ),
    (
        "file",
        &[
            "select a into outfile '/tmp/x' fields terminated by ',' from t",
            "load data local infile 'x' replace into table t ignore 1 lines (a, @b)",
        ],
    ),
    (
        "define",
        &[
            "create table n (a int primary key) engine=innodb",
            "create or replace view w as select a from v",
            "alter table t rename to u",
            "drop table if exists p; truncate t",
        ],
    ),
    (
        "state",
        &[
            "begin; savepoint s",
            "set sql_mode = 'ANSI_QUOTES', @a := (select a from t), names = 1",
            "select \"a\" || b from t",
            "use app",
            "call f(1)",
            "show full columns from t",
        ],
    ),
    (
        "lexical",
        &[
            "select 'it''s \\' x', 0x41, b'1', .5e3, @@x, @`y`, a->>'$' from /* /* t */ t # p\n-- q\n",
        ],
    ),
];
