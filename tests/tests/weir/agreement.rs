//! What the server says of a result is compared with what was judged.

use weir_tests::messages::{error, query as query_message, told};
use weir_tests::shop::{ANALYST, shop};
use weir_tests::{Wire, World};

fn session(world: &World) -> Wire {
    let mut wire = world.wire("clerk").unwrap();
    wire.log_in("postgres", "app").unwrap();
    wire
}

/// The catalog that statements are read against may be half a minute old.
#[test]
fn a_table_that_was_changed_past_the_agent_shows_nothing_that_was_not_judged() {
    let changes = [
        // More columns than `*` was taken for.
        "ALTER TABLE orders ADD COLUMN note text DEFAULT 'planted'",
        // Another table under the same name.
        "ALTER TABLE orders RENAME TO old_orders; CREATE TABLE orders AS SELECT 'planted' AS id, 1 AS b",
    ];
    for change in changes {
        let world = shop(ANALYST).gateway().unwrap();
        let sql = "SELECT * FROM orders";
        let before = told(&session(&world).query(sql).unwrap());
        assert!(before.ends_with("C:SELECT_3 Z:I"), "{before}");
        world.database().run("app", change).unwrap();
        let mut wire = session(&world);
        wire.send(&query_message(sql)).unwrap();
        let answer = wire.until_end().unwrap();
        assert_eq!(told(&answer), "E:57P03", "{change}");
        let words = error(&answer).field('M');
        assert!(
            words.starts_with("weir: the server sent a result "),
            "{words}"
        );
        // The catalog is read again because of it.
        let after = told(&session(&world).query(sql).unwrap());
        assert!(after.ends_with("Z:I") && after.contains("D C:"), "{after}");
    }
}
