//! Both sides against each other, and against rustls without our settings.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::BytesMut;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use crate::connector::provider;
use crate::verify::Anybody;
use crate::{
    Acceptor, ClientSide, Connector, Encrypted, Hello, Mode, Rewound, ServerSide, TlsError,
};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A directory with a root and a certificate that it signed.
struct Pki {
    directory: tempfile::TempDir,
}

impl Pki {
    /// `names`: what the certificate is for.
    fn new(names: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let pki = Self { directory };
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        fs::write(pki.path("root.crt"), root.pem()).unwrap();
        pki.issue(names, &Issuer::new(params, key));
        pki
    }

    fn issue(&self, names: &[&str], issuer: &Issuer<'_, KeyPair>) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap();
        fs::write(self.path("server.crt"), certificate.pem()).unwrap();
        write_key(&self.path("server.key"), &key.serialize_pem(), 0o600);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn files(&self) -> ClientSide {
        ClientSide {
            certificate: self.path("server.crt"),
            key: self.path("server.key"),
            require: false,
        }
    }

    fn acceptor(&self) -> Acceptor {
        Acceptor::load(self.files()).unwrap()
    }

    fn demand(&self, mode: Mode, name: Option<&str>) -> ServerSide {
        let root = matches!(mode, Mode::VerifyCa | Mode::VerifyFull);
        ServerSide {
            mode,
            root: root.then(|| self.path("root.crt")),
            name: name.map(str::to_owned),
        }
    }
}

fn write_key(path: &Path, pem: &str, mode: u32) {
    fs::write(path, pem).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

type Ends = (
    Result<Encrypted<Rewound<DuplexStream>>, TlsError>,
    Result<Encrypted<DuplexStream>, TlsError>,
);

/// A handshake between the two: what the acceptor says, and what the connector says.
async fn shake(acceptor: &Acceptor, hello: Hello, connector: &Connector) -> Ends {
    let (near, far) = duplex(64 << 10);
    let accepting = async {
        let accepted = acceptor.accept(far, hello).await;
        accepted.map_err(|(error, _)| error)
    };
    tokio::join!(accepting, connector.connect(ADDRESS, near))
}

async fn demanded(shown: &Pki, demand: &ServerSide) -> Result<Encrypted<DuplexStream>, TlsError> {
    let connector = Connector::load(demand).unwrap().unwrap();
    shake(&shown.acceptor(), Hello::Asked, &connector).await.1
}

#[tokio::test]
async fn each_mode_demands_what_libpq_s_does() {
    let shown = Pki::new(&["db.example"]);
    let stranger = Pki::new(&["db.example"]);
    for (mode, right, wrong_name, wrong_root) in [
        (Mode::Prefer, true, true, true),
        (Mode::Require, true, true, true),
        (Mode::VerifyCa, true, true, false),
        (Mode::VerifyFull, true, false, false),
    ] {
        let cases = [
            (shown.demand(mode, Some("db.example")), right),
            (shown.demand(mode, Some("other.example")), wrong_name),
            (shown.demand(mode, None), wrong_name),
            (stranger.demand(mode, Some("db.example")), wrong_root),
        ];
        for (demand, is_accepted) in cases {
            let said = demanded(&shown, &demand).await;
            assert_eq!(said.is_ok(), is_accepted, "{demand:?}: {said:?}");
        }
    }
    let disabled = shown.demand(Mode::Disable, None);
    assert!(Connector::load(&disabled).unwrap().is_none());
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said_with_what_to_do() {
    let shown = Pki::new(&["db.example"]);
    let stranger = Pki::new(&["db.example"]);
    let said = async |pki: &Pki, name| {
        let demand = pki.demand(Mode::VerifyFull, Some(name));
        demanded(&shown, &demand).await.unwrap_err().to_string()
    };
    let unknown = said(&stranger, "db.example").await;
    assert!(
        unknown.ends_with("tls.root must have the certificate that signed the server's"),
        "{unknown}"
    );
    let other = said(&shown, "other.example").await;
    assert!(
        other.contains("db.example")
            && other.ends_with("subjectAltName of the server's certificate"),
        "{other}"
    );
}

#[tokio::test]
async fn a_certificate_can_be_for_an_address() {
    let shown = Pki::new(&["127.0.0.1"]);
    let demand = shown.demand(Mode::VerifyFull, None);
    assert!(demanded(&shown, &demand).await.is_ok());
}

#[tokio::test]
async fn both_ends_carry_bytes_and_know_version_and_certificate() {
    let pki = Pki::new(&["db.example"]);
    let demand = pki.demand(Mode::VerifyFull, Some("db.example"));
    let connector = Connector::load(&demand).unwrap().unwrap();
    let (near, far) = shake(&pki.acceptor(), Hello::Asked, &connector).await;
    let (mut near, mut far) = (near.unwrap(), far.unwrap());
    assert_eq!((near.version, far.version), ("TLSv1.3", "TLSv1.3"));
    assert_eq!(near.certificate, far.certificate);
    near.stream.write_all(b"hello").await.unwrap();
    near.stream.shutdown().await.unwrap();
    let mut said = Vec::new();
    far.stream.read_to_end(&mut said).await.unwrap();
    assert_eq!(said, b"hello");
}

/// A client with settings of its own.
async fn client(acceptor: &Acceptor, is_direct: bool, protocols: &[&[u8]]) -> Result<(), TlsError> {
    let verifier: Arc<dyn ServerCertVerifier> = Arc::new(Anybody::new(provider()));
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let (near, mut far) = duplex(64 << 10);
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("db.example").unwrap();
    let accepting = async {
        let mut hello = Hello::Asked;
        if is_direct {
            let mut first = BytesMut::zeroed(100);
            far.read_exact(&mut first).await.unwrap();
            hello = Hello::Direct(first);
        }
        acceptor.accept(far, hello).await
    };
    let (accepted, _) = tokio::join!(accepting, connector.connect(name, near));
    accepted.map(drop).map_err(|(error, _)| error)
}

#[tokio::test]
async fn who_begins_with_tls_must_name_the_protocol() {
    let acceptor = Pki::new(&["db.example"]).acceptor();
    let named: &[&[u8]] = &[b"h2", b"postgresql"];
    assert!(client(&acceptor, true, named).await.is_ok());
    assert!(client(&acceptor, false, named).await.is_ok());
    assert!(client(&acceptor, false, &[]).await.is_ok());
    let silent = client(&acceptor, true, &[]).await;
    assert!(matches!(silent, Err(TlsError::NoProtocol)), "{silent:?}");
    for is_direct in [false, true] {
        let foreign = client(&acceptor, is_direct, &[b"http/1.1"]).await;
        assert!(
            matches!(foreign, Err(TlsError::Client { .. })),
            "{foreign:?}"
        );
    }
}

#[tokio::test]
async fn a_reload_shows_the_new_certificate_and_a_bad_one_keeps_the_old() {
    let old = Pki::new(&["db.example"]);
    let new = Pki::new(&["db.example"]);
    let acceptor = old.acceptor();
    let by_new = Connector::load(&new.demand(Mode::VerifyCa, None));
    let by_new = by_new.unwrap().unwrap();
    assert!(shake(&acceptor, Hello::Asked, &by_new).await.1.is_err());

    fs::copy(new.path("server.crt"), old.path("server.crt")).unwrap();
    let error = acceptor.reload().unwrap_err().to_string();
    assert!(error.contains("server.key cannot be shown"), "{error}");
    assert!(shake(&acceptor, Hello::Asked, &by_new).await.1.is_err());

    fs::copy(new.path("server.key"), old.path("server.key")).unwrap();
    acceptor.reload().unwrap();
    assert!(
        shake(&acceptor.clone(), Hello::Asked, &by_new)
            .await
            .1
            .is_ok()
    );
}

#[test]
fn files_that_cannot_be_shown_are_named() {
    let pki = Pki::new(&["db.example"]);
    let error = || Acceptor::load(pki.files()).unwrap_err().to_string();
    fs::set_permissions(pki.path("server.key"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(
        error().contains("server.key can be read or changed by others (mode 644)"),
        "{}",
        error()
    );

    write_key(
        &pki.path("server.key"),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        0o600,
    );
    assert!(
        error().contains("server.key has no unencrypted private key in PEM"),
        "{}",
        error()
    );

    fs::write(pki.path("server.crt"), "no PEM").unwrap();
    assert!(
        error().contains("server.crt has no certificate in PEM"),
        "{}",
        error()
    );
    fs::remove_file(pki.path("server.crt")).unwrap();
    assert!(
        error().starts_with("cannot read ") && error().contains("server.crt"),
        "{}",
        error()
    );
}

#[test]
fn demands_that_contradict_themselves_are_refused() {
    let pki = Pki::new(&["db.example"]);
    let error = |mode, root: bool, name: Option<&str>| {
        let root = root.then(|| pki.path("root.crt"));
        let name = name.map(str::to_owned);
        Connector::load(&ServerSide { mode, root, name })
            .unwrap_err()
            .to_string()
    };
    for mode in [Mode::Disable, Mode::Prefer, Mode::Require] {
        let said = error(mode, true, None);
        assert!(
            said.starts_with(&format!("mode {mode} checks no certificate")),
            "{said}"
        );
    }
    assert!(error(Mode::VerifyCa, false, None).contains("needs a root"));
    assert!(error(Mode::VerifyFull, true, Some("no name")).contains("neither a host name"));
}
