//! Versions of the protocol, and of the server: what each server makes of each minor version, past the agent and through it.

use weir_tests::messages::{query, told};
use weir_tests::tls::Pki;
use weir_tests::{Frame, Plan, Wire, World, driver, frame, startup_of};

/// The newest that PostgreSQL 18 speaks; it is the first with long cancel keys.
const LONG_KEYS: u16 = 2;
/// Process id and a secret of 32 bytes (`MAX_CANCEL_KEY_LENGTH` in PostgreSQL 18's `storage/procsignal.h`).
const LONG_KEY: usize = 4 + 32;
/// The request code of CancelRequest.
const CANCEL: u32 = 80_877_102;
const RULES: &str = "local all all trust\nhostssl all all samehost trust\n";

/// The installed server, which is older than long keys, and the newest.
fn worlds() -> [(World, bool); 2] {
    let plan = Plan::new;
    [
        (plan().gateway().unwrap(), false),
        (plan().newest().gateway().unwrap(), true),
    ]
}

/// Frames up to the first ReadyForQuery without what differs between any two sessions: the key, but for its length.
fn welcome(mut wire: Wire, minor: u16, more: &[(&str, &str)]) -> (Vec<Frame>, Vec<u8>) {
    let parameters = [&[("user", "postgres"), ("database", "app")], more].concat();
    wire.send(&startup_of(minor, &parameters)).unwrap();
    let mut frames = wire.until_ready().unwrap();
    let mut shown = Vec::new();
    for key in frames.iter_mut().filter(|frame| frame.tag == 'K') {
        shown = key.body.clone();
        key.body.fill(0);
    }
    (frames, shown)
}

#[test]
fn every_minor_version_is_negotiated_as_without_the_agent() {
    for (world, has_long_keys) in &worlds() {
        for minor in [0, LONG_KEYS, 9999] {
            for more in [&[][..], &[("_pq_.unheard_of", "1"), ("_pq_.command", "2")]] {
                let (direct, own) = welcome(world.wire_direct().unwrap(), minor, more);
                let (through, shown) = welcome(world.wire("client").unwrap(), minor, more);
                assert_eq!(through, direct, "3.{minor} {more:?}: {}", told(&through));
                assert!(told(&through).ends_with("Z:I"), "{}", told(&through));
                let is_negotiated = through.iter().any(|frame| frame.tag == 'v');
                let is_known = minor == 0 || minor == LONG_KEYS && *has_long_keys;
                assert_eq!(is_negotiated, !is_known || !more.is_empty());
                let is_long = minor >= LONG_KEYS && *has_long_keys;
                assert_eq!(shown.len(), if is_long { LONG_KEY } else { 8 });
                assert_ne!(shown, own);
            }
        }
    }
}

#[test]
fn a_long_key_cancels_its_own_statement_and_a_part_of_it_none() {
    let world = Plan::new().newest().gateway().unwrap();
    let mut wire = world.wire("client").unwrap();
    let login = [("user", "postgres"), ("database", "app")];
    wire.send(&startup_of(LONG_KEYS, &login)).unwrap();
    let welcome = wire.until_ready().unwrap();
    let key = welcome.into_iter().find(|frame| frame.tag == 'K').unwrap();
    wire.send(&query("SELECT pg_sleep(600)")).unwrap();
    let sleeping = "FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    world.until(&format!("SELECT count(*) = 1 {sleeping}"));
    for part in [8, LONG_KEY - 1] {
        cancel(&world, &key.body[..part]);
    }
    world.until(&format!("SELECT count(*) = 1 {sleeping}"));
    cancel(&world, &key.body);
    assert_eq!(told(&wire.until_ready().unwrap()), "T E:57014 Z:I");
}

#[test]
fn libpq_18_speaks_3_2_over_tls_with_the_newest_server() {
    let pki = Pki::new().unwrap();
    pki.issue("agent", &["127.0.0.1"]).unwrap();
    pki.issue("server", &["127.0.0.1"]).unwrap();
    let tls = format!(
        "tls = {{ mode = \"verify-full\", root = {:?} }}\n{}",
        pki.path("root.crt"),
        pki.table("agent", true)
    );
    let world = Plan::new().newest().config(&tls).gateway().unwrap();
    pki.encrypt(world.database(), "server", RULES).unwrap();
    let info = format!(
        "host=127.0.0.1 port={} user=postgres dbname=app sslmode=verify-full sslrootcert={} sslnegotiation=direct \
         min_protocol_version=3.2 max_protocol_version=latest",
        world.address().port(),
        pki.path("root.crt").display()
    );
    let sleep = "DO $$ BEGIN RAISE NOTICE 'asleep'; PERFORM pg_sleep(600); END $$";
    let output = driver("psycopg_cancel.py").args([&info, sleep]).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "30002\n57014\n", "{errors}");
}

/// Ends when the agent has passed it on, or thrown it away.
fn cancel(world: &World, key: &[u8]) {
    let packet = [&CANCEL.to_be_bytes(), key].concat();
    let mut wire = world.wire("client").unwrap();
    wire.send(&frame(' ', &packet)[1..]).unwrap();
    assert_eq!(wire.until_end().unwrap(), []);
}
