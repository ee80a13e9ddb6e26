//! Known ways around proxies of this kind, each closed.
//!
//! A way that leads nowhere proves nothing when it is closed. So each is gone twice: through the agent, where it must be
//! refused and leave no trace on the server, and past the agent, where it must do its harm.

mod changes;
mod corpus;
mod identity;
mod outside;
mod reads;
mod wire;

use weir_tests::messages::{extended, rows, sync, told};
use weir_tests::{Frame, Wire, World, shop};

/// Refused, and ready for the next statement.
const REFUSED: &str = "E:42501 Z:I";

/// What the shop has besides: something of each kind that can be dropped.
const MORE: &str = "
CREATE MATERIALIZED VIEW totals AS SELECT customer, sum(total) FROM orders GROUP BY customer;
CREATE SEQUENCE numbers;
DO $$ BEGIN CREATE ROLE guest; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE TABLE of_guest (a int);
ALTER TABLE of_guest OWNER TO guest;
";

/// Where definitions are.
const CATALOGS: [&str; 13] = [
    "pg_authid",
    "pg_class",
    "pg_default_acl",
    "pg_description",
    "pg_extension",
    "pg_foreign_data_wrapper",
    "pg_foreign_server",
    "pg_largeobject_metadata",
    "pg_namespace",
    "pg_proc",
    "pg_publication",
    "pg_rewrite",
    "pg_subscription",
];

fn session(world: &World) -> Wire {
    let mut wire = world.wire("analyst").unwrap();
    let greeting = wire.log_in("postgres", "app").unwrap();
    assert!(told(&greeting).ends_with("Z:I"), "{}", told(&greeting));
    wire
}

fn past(world: &World) -> Wire {
    let mut wire = world.wire_direct().unwrap();
    wire.log_in("postgres", "app").unwrap();
    wire
}

fn query(wire: &mut Wire, sql: &str) -> String {
    told(&wire.query(sql).unwrap())
}

/// As a Query, and as an unnamed statement with results in text and in binary.
fn in_every_way(wire: &mut Wire, sql: &str) -> [Vec<Frame>; 3] {
    let simple = wire.query(sql).unwrap();
    let [text, binary] = [0, 1].map(|format| {
        wire.send(&[extended(sql, &[], format), sync()].concat())
            .unwrap();
        wire.until_ready().unwrap()
    });
    [simple, text, binary]
}

/// Everything that is stored in the database, and the roles: two of these are equal if nothing was changed in between.
fn state(world: &World) -> String {
    let roles = "SELECT rolname, rolsuper FROM pg_roles ORDER BY 1";
    world.contents() + &world.database().run("postgres", roles).unwrap()
}

/// Each statement is refused, changes nothing, and leaves the session at work; without the agent it changes something.
fn assert_refused(world: &World, statements: &[&str]) {
    let mut past = past(world);
    restore(&mut past);
    let mut wire = session(world);
    let before = state(world);
    for sql in statements {
        for answer in in_every_way(&mut wire, sql) {
            assert_eq!(told(&answer), REFUSED, "{sql}");
        }
    }
    assert!(state(world) == before, "something of these was done");
    let works = query(&mut wire, "SELECT status FROM orders WHERE id = 1");
    assert_eq!(works, "T D C:SELECT_1 Z:I");
    for sql in statements {
        restore(&mut past);
        let before = traces(&mut past);
        let answer = query(&mut past, sql);
        let harms = traces(&mut past) != before;
        assert!(harms, "does nothing past the agent: {sql}: {answer}");
    }
}

/// The shop as it was, whatever was done to it.
fn restore(past: &mut Wire) {
    let again = "DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public;";
    let script = [again, shop::TABLES, MORE].concat();
    let answer = query(past, &script);
    assert!(!answer.contains("E:"), "{answer}");
}

/// Where a change of the shop shows: quicker than a dump, and only comparable with what was there a moment ago.
fn traces(past: &mut Wire) -> Vec<Vec<String>> {
    let table = |name: &str| format!("table_to_xml(to_regclass('{name}'), true, false, '')::text");
    let catalog = |name: &str| format!("(SELECT string_agg(c::text, ' ') FROM {name} c)");
    let columns: Vec<_> = ["orders", "claims", "numbers"]
        .into_iter()
        .map(table)
        .chain(CATALOGS.into_iter().map(catalog))
        .collect();
    let traces = rows(
        &past
            .query(&format!("SELECT {}", columns.join(", ")))
            .unwrap(),
    );
    assert_eq!(traces.len(), 1);
    traces
}
