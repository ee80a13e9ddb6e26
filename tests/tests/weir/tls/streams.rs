//! Bytes inside TLS: what begins it and what ends it, much of it, and halves of it. The client is rustls by hand.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use weir_tests::messages::{query, terminate, told};
use weir_tests::tls::Pki;
use weir_tests::{Frame, Plan, World, startup};

use super::{events, said};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const PATIENCE: Duration = Duration::from_secs(20);

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn world(pki: &Pki, more: &str) -> World {
    pki.issue("agent", &["127.0.0.1"]).unwrap();
    let config = format!("{}{more}", pki.table("agent", false));
    Plan::new().config(&config).gateway().unwrap()
}

fn connect(world: &World) -> TcpStream {
    let stream = TcpStream::connect(world.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn ask_for_tls(world: &World) -> TcpStream {
    let mut stream = connect(world);
    stream.write_all(&SSL_REQUEST).unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"S");
    stream
}

/// The handshake, which offers these protocols (ALPN).
fn shake(pki: &Pki, mut stream: TcpStream, protocols: &[&str]) -> io::Result<Tls> {
    let mut roots = rustls::RootCertStore::empty();
    let root = CertificateDer::from_pem_file(pki.path("root.crt")).unwrap();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let name = "127.0.0.1".try_into().unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    Ok(StreamOwned::new(connection, stream))
}

/// Logs in, and returns the session's cancel key.
fn log_in(tls: &mut Tls) -> Vec<u8> {
    let first = startup(&[("user", "postgres"), ("database", "app")]);
    tls.write_all(&first).unwrap();
    let welcome = until_ready(tls).unwrap();
    assert!(told(&welcome).ends_with("Z:I"));
    let key = welcome.into_iter().find(|frame| frame.tag == 'K');
    key.unwrap().body
}

fn read(tls: &mut Tls) -> io::Result<Frame> {
    let mut header = [0; 5];
    tls.read_exact(&mut header)?;
    let [tag, length @ ..] = header;
    let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
    tls.read_exact(&mut body)?;
    Ok(Frame {
        tag: tag.into(),
        body,
    })
}

fn until_ready(tls: &mut Tls) -> io::Result<Vec<Frame>> {
    let mut frames = Vec::new();
    loop {
        frames.push(read(tls)?);
        if frames.last().is_some_and(|frame| frame.tag == 'Z') {
            return Ok(frames);
        }
    }
}

#[test]
fn what_is_injected_in_plain_behind_a_request_for_tls_is_refused() {
    let pki = Pki::new().unwrap();
    let world = world(&pki, "");
    let mut stream = connect(&world);
    let injected = startup(&[("user", "postgres"), ("database", "app")]);
    stream
        .write_all(&[&SSL_REQUEST[..], &injected].concat())
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.starts_with('E') && answer.contains("08P01"),
        "{answer}"
    );
    assert_eq!(events(&world, "decided").len(), 0);
}

#[test]
fn tls_may_come_first_where_it_names_the_protocol() {
    let pki = Pki::new().unwrap();
    let world = world(&pki, "");
    let mut direct = shake(&pki, connect(&world), &["postgresql"]).unwrap();
    log_in(&mut direct);
    let foreign = shake(&pki, connect(&world), &["http/1.1"]).unwrap_err();
    assert!(
        foreign.to_string().contains("NoApplicationProtocol"),
        "{foreign}"
    );
    // The server closes as well, where the client names none.
    let mut silent = shake(&pki, connect(&world), &[]).unwrap();
    let _ = silent.write_all(&startup(&[("user", "postgres")]));
    assert!(read(&mut silent).is_err());
    world
        .agent()
        .wait_for("did not ask for the protocol postgresql (ALPN)")
        .unwrap();
}

#[test]
fn a_client_that_closes_its_half_reads_all_answers_and_one_that_only_leaves_has_left() {
    let pki = Pki::new().unwrap();
    let world = world(&pki, "");
    let mut half = shake(&pki, ask_for_tls(&world), &[]).unwrap();
    log_in(&mut half);
    half.write_all(&query(
        "SELECT repeat('x', 100000) FROM generate_series(1, 30)",
    ))
    .unwrap();
    half.conn.send_close_notify();
    half.conn.complete_io(&mut half.sock).unwrap();
    half.sock.shutdown(Shutdown::Write).unwrap();
    let answer = until_ready(&mut half).unwrap();
    assert!(told(&answer).ends_with("D C:SELECT_30 Z:I"));
    // The agent says goodbye in TLS's own words: rustls would call it an error otherwise.
    assert_eq!(half.read(&mut [0]).unwrap(), 0);

    let mut polite = shake(&pki, ask_for_tls(&world), &[]).unwrap();
    log_in(&mut polite);
    polite.write_all(&terminate()).unwrap();
    assert_eq!(polite.read(&mut [0]).unwrap(), 0);

    let mut abrupt = shake(&pki, ask_for_tls(&world), &[]).unwrap();
    log_in(&mut abrupt);
    abrupt.sock.shutdown(Shutdown::Both).unwrap();
    let ends = std::iter::repeat_with(|| events(&world, "closed")).find(|ends| ends.len() == 3);
    for end in ends.unwrap() {
        assert_eq!(end["weir_reason"], "the client ended the session");
    }
}

#[test]
fn a_handshake_has_as_long_as_a_startup_packet() {
    let pki = Pki::new().unwrap();
    let world = world(&pki, "[sessions]\nstartup_timeout = 1\n");
    let mut waiting = ask_for_tls(&world);
    assert_eq!(waiting.read(&mut [0]).unwrap(), 0, "no words in plain");
    world
        .agent()
        .wait_for("sent no complete startup packet in time")
        .unwrap();
}

/// TLS on both sides, and nothing else.
fn encrypted(pki: &Pki) -> World {
    for name in ["agent", "server"] {
        pki.issue(name, &["127.0.0.1"]).unwrap();
    }
    let config = format!(
        "tls = {{ mode = \"require\" }}\n{}",
        pki.table("agent", true)
    );
    let world = Plan::new().config(&config).gateway().unwrap();
    let rules = "local all all trust\nhostssl all all samehost trust\n";
    pki.encrypt(world.database(), "server", rules).unwrap();
    world
}

#[test]
fn a_cancel_is_encrypted_on_both_sides_as_well() {
    let pki = Pki::new().unwrap();
    let world = encrypted(&pki);
    let mut busy = shake(&pki, ask_for_tls(&world), &[]).unwrap();
    let key = log_in(&mut busy);
    busy.write_all(&query("SELECT pg_sleep(600)")).unwrap();
    let running = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    while world.database().run("app", running).unwrap().trim() != "1" {}

    let mut cancel = shake(&pki, ask_for_tls(&world), &[]).unwrap();
    let length = u32::try_from(key.len() + 8).unwrap().to_be_bytes();
    let packet = [&length[..], &80_877_102_u32.to_be_bytes(), &key].concat();
    cancel.write_all(&packet).unwrap();
    assert_eq!(cancel.read(&mut [0]).unwrap(), 0);
    assert_eq!(told(&until_ready(&mut busy).unwrap()), "T E:57014 Z:I");
    let encrypted = events(&world, "encrypted");
    assert_eq!(encrypted.len(), 4);
}

fn psql(world: &World) -> Command {
    let mut psql = world.psql("client");
    psql.env("PGSSLMODE", "require");
    psql
}

#[test]
fn much_is_copied_in_and_out_unchanged() {
    let pki = Pki::new().unwrap();
    let world = encrypted(&pki);
    world
        .database()
        .run("app", "CREATE TABLE much (line text)")
        .unwrap();
    let lines: String = (0..60_000)
        .map(|n| format!("{n} {}\n", "0123456789abcdef".repeat(9)))
        .collect();
    let file = world.folder().join("much.txt");
    std::fs::write(&file, &lines).unwrap();
    let copy = |how: &str| {
        let output = psql(&world).args(["-qAtc", how]).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        output.stdout
    };
    copy(&format!("\\copy much FROM '{}'", file.display()));
    assert!(copy("\\copy much TO STDOUT") == lines.as_bytes());
    let closed = events(&world, "closed");
    assert!(
        closed
            .iter()
            .all(|row| row["weir_client_tls"] == "TLSv1.3" && row["weir_server_tls"] == "TLSv1.3")
    );
}
