//! The server past the agent: databases to do harm in, and eyes that see it.

use weir_tests::messages::{rows, told};
use weir_tests::{Frame, Wire, World, startup};

/// Where harm is done; made of [`KEPT`] again after it.
pub const PAST: &str = "past";
/// The same with other classified values.
pub const OTHER: &str = "other";
/// The database as it was, which nobody is ever in.
pub const KEPT: &str = "kept";

/// Which tables are looked at, beside the catalogs.
const TABLES: [&str; 5] = ["orders", "customers", "claims", "totals", "events"];

/// Catalogs with many rows, which statements add to or take from: their rows are only counted.
const LARGE: [&str; 6] = [
    "pg_amop",
    "pg_amproc",
    "pg_collation",
    "pg_depend",
    "pg_description",
    "pg_operator",
];

/// Nobody but those who try changes anything.
const QUIET: &str = "ALTER SYSTEM SET autovacuum = off";

/// Values that differ, are ordered the other way around and are missing elsewhere.
const OTHERS: &str = "
DELETE FROM claims;
UPDATE customers SET ssn = '117-01-0001', email = 'bob@example.org' WHERE id = 1;
UPDATE customers SET ssn = '880-02-0002', email = 'eve@example.org' WHERE id = 2;
UPDATE customers SET ssn = '990-03-0003', email = 'ned@example.org' WHERE id = 3;
UPDATE customers SET ssn = '117-01-0001', email = 'amy@example.org' WHERE id > 3;
INSERT INTO claims VALUES ('117-01-0001', 'a lost parcel');
ANALYZE";

/// What is no database's own, as the world made it.
const CLUSTER: &str = "
DO $$ DECLARE r record; BEGIN
  FOR r IN SELECT slot_name FROM pg_replication_slots LOOP PERFORM pg_drop_replication_slot(r.slot_name); END LOOP;
  FOR r IN SELECT roleid::regrole AS a, member::regrole AS b FROM pg_auth_members WHERE member >= 16384 LOOP
    EXECUTE format('REVOKE %s FROM %s', r.a, r.b); END LOOP;
  FOR r IN SELECT rolname FROM pg_roles WHERE oid >= 16384 AND rolname <> 'guest' LOOP
    EXECUTE format('DROP ROLE %I', r.rolname); END LOOP;
  FOR r IN SELECT roname FROM pg_replication_origin LOOP PERFORM pg_replication_origin_drop(r.roname); END LOOP;
  ALTER ROLE guest NOSUPERUSER NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'md563616e6172792d6f7574736964650000';
  ALTER ROLE guest RESET ALL;
  ALTER ROLE ALL RESET ALL;
END $$";

/// A session in one database that sees what others do to it.
pub struct Observer {
    wire: Wire,
    question: String,
}

impl Observer {
    pub fn of(world: &World, database: &str) -> Self {
        let mut wire = enter(world, database);
        // Where somebody locks what is looked at, that is what is seen.
        ask(&mut wire, "SET lock_timeout = '300ms'");
        ask(&mut wire, "LISTEN weir");
        let question = question(&mut wire);
        let mut observer = Self { wire, question };
        let seen = observer.look();
        assert!(seen.starts_with('T'), "{database}: {seen}");
        observer
    }

    /// Rows, definitions, locks, files and sessions: two of these are equal if nothing was changed in between.
    pub fn look(&mut self) -> String {
        shown(&self.wire.query(&self.question).unwrap())
    }

    /// Whether anything at all was written since the last time: quicker, and tells also of what was rolled back.
    pub fn notice(&mut self) -> String {
        let next = "pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())";
        let question = format!("SELECT {next}, {}", BESIDE.join(", "));
        shown(&self.wire.query(&question).unwrap())
    }

    /// The same as [`Observer::look`], seen from within a transaction of another session; none where it cannot be asked any more.
    pub fn look_from(&self, wire: &mut Wire) -> Option<String> {
        let answer = wire.query(&self.question).unwrap();
        let is_row = answer.iter().any(|frame| frame.tag == 'D');
        is_row.then(|| shown(&answer))
    }

    pub fn run(&mut self, sql: &str) {
        ask(&mut self.wire, sql);
    }
}

/// Somebody who is only there, and has asked something that is nobody else's business.
pub struct Bystander {
    wire: Wire,
    id: String,
}

impl Bystander {
    pub fn new(world: &World) -> Self {
        let mut wire = world.wire_direct().unwrap();
        let named = [
            ("user", "postgres"),
            ("database", "postgres"),
            ("application_name", "bystander"),
        ];
        wire.send(&startup(&named)).unwrap();
        wire.until_ready().unwrap();
        let id = wire
            .query("SELECT pg_backend_pid() /* canary-outside */")
            .unwrap();
        let id = rows(&id).concat().concat();
        Self { wire, id }
    }

    /// Its process at the server.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Comes again if somebody ended it.
    pub fn revive(&mut self, world: &World) {
        let asked = self.wire.query("SELECT 1 /* canary-outside */");
        let is_there = asked.is_ok_and(|frames| told(&frames).ends_with("Z:I"));
        if !is_there {
            *self = Self::new(world);
        }
    }
}

/// Everything that a client received, but for the settings that the server reports.
pub fn shown(frames: &[Frame]) -> String {
    let counts = frames.iter().filter(|frame| frame.tag != 'S');
    let shown = |frame: &Frame| format!("{}{}", frame.tag, String::from_utf8_lossy(&frame.body));
    counts.map(shown).collect()
}

/// A session past the agent.
pub fn enter(world: &World, database: &str) -> Wire {
    let mut wire = world.wire_direct().unwrap();
    let greeting = told(&wire.log_in("postgres", database).unwrap());
    assert!(greeting.ends_with("Z:I"), "{database}: {greeting}");
    wire
}

/// What a session is, and how it is set.
pub fn settings(wire: &mut Wire) -> String {
    let question = "SELECT current_user, session_user, (SELECT string_agg(c, ' ') FROM pg_listening_channels() c), \
                    (SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_catalog.pg_settings)";
    shown(&wire.query(question).unwrap())
}

/// What no transaction's number tells.
const BESIDE: [&str; 9] = [
    "(SELECT concat_ws(' ', last_value, is_called) FROM public.numbers)",
    "(SELECT string_agg(concat_ws(' ', locktype, relation, classid, objid, mode), ',' ORDER BY locktype, relation, mode)
      FROM pg_catalog.pg_locks
      WHERE mode NOT IN ('AccessShareLock', 'RowExclusiveLock') AND locktype NOT IN ('virtualxid', 'transactionid'))",
    "(SELECT string_agg(pid::text, ' ') FROM pg_catalog.pg_stat_activity WHERE application_name = 'bystander')",
    "(SELECT count(*) FROM pg_catalog.pg_prepared_xacts)",
    "(SELECT string_agg(slot_name, ' ') FROM pg_catalog.pg_replication_slots)",
    "(SELECT stats_reset FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database())",
    "(SELECT string_agg(concat_ws(' ', f, (pg_catalog.pg_stat_file('loot/' || f)).size), ' ' ORDER BY f)
      FROM pg_catalog.pg_ls_dir('loot') f)",
    "(SELECT count(*) FROM pg_catalog.pg_ls_dir('pg_snapshots'))",
    "pg_catalog.pg_read_file('postgresql.auto.conf')",
];

/// Of each catalog how many rows it has and when they were written, of each table the rows, and what is [`BESIDE`].
fn question(wire: &mut Wire) -> String {
    let catalogs = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'pg_catalog'::regnamespace \
                    ORDER BY 1";
    let catalogs = rows(&wire.query(catalogs).unwrap()).concat();
    let catalog = |name: &String| match LARGE.contains(&name.as_str()) {
        true => format!("(SELECT count(*) FROM pg_catalog.{name})"),
        false => format!(
            "(SELECT count(*) || ' ' || coalesce(sum(xmin::text::int8), 0) FROM pg_catalog.{name})"
        ),
    };
    let table = |name: &&str| {
        format!("(SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM public.{name} t)")
    };
    let columns: Vec<_> = catalogs
        .iter()
        .map(catalog)
        .chain(TABLES.iter().map(table))
        .chain(BESIDE.map(str::to_owned))
        .collect();
    format!("SELECT {}", columns.join(", "))
}

/// Makes the database that harm is done in again, and the rest of the cluster as it was.
pub fn restore(world: &World) {
    let mut admin = enter(world, "postgres");
    undo(world, &mut admin);
    let databases = "SELECT datname FROM pg_database \
                     WHERE oid >= 16384 AND datname NOT IN ('app', 'kept', 'other')";
    for database in rows(&admin.query(databases).unwrap()).concat() {
        ask(
            &mut admin,
            &format!("DROP DATABASE \"{database}\" WITH (FORCE)"),
        );
    }
    ask(&mut admin, CLUSTER);
    ask(&mut admin, "ALTER SYSTEM RESET ALL");
    ask(&mut admin, QUIET);
    ask(
        &mut admin,
        &format!("CREATE DATABASE {PAST} TEMPLATE {KEPT}"),
    );
    for file in std::fs::read_dir(world.database().data().join("loot")).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
}

/// Keeps the server from changing anything by itself.
pub fn quieten(world: &World) {
    let mut admin = enter(world, "postgres");
    ask(&mut admin, QUIET);
    ask(&mut admin, "SELECT pg_reload_conf()");
}

/// Makes the database with the other values.
pub fn make_other(world: &World) {
    let mut admin = enter(world, "postgres");
    ask(
        &mut admin,
        &format!("CREATE DATABASE {OTHER} TEMPLATE {KEPT}"),
    );
    ask(&mut enter(world, OTHER), OTHERS);
}

/// What keeps a database from being dropped.
fn undo(world: &World, admin: &mut Wire) {
    let prepared = "SELECT gid FROM pg_prepared_xacts WHERE database = 'past'";
    let subscribed = "SELECT subname FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid \
                      WHERE datname = 'past'";
    for gid in rows(&admin.query(prepared).unwrap()).concat() {
        ask(
            &mut enter(world, PAST),
            &format!("ROLLBACK PREPARED '{gid}'"),
        );
    }
    for name in rows(&admin.query(subscribed).unwrap()).concat() {
        let mut past = enter(world, PAST);
        ask(&mut past, &format!("ALTER SUBSCRIPTION {name} DISABLE"));
        ask(
            &mut past,
            &format!("ALTER SUBSCRIPTION {name} SET (slot_name = NONE)"),
        );
        ask(&mut past, &format!("DROP SUBSCRIPTION {name}"));
    }
}

fn ask(wire: &mut Wire, sql: &str) {
    let frames = wire.query(sql).unwrap();
    assert!(!told(&frames).contains("E:"), "{sql}: {}", shown(&frames));
}
