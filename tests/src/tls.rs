//! Certificates of one test.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use stage::{Folder, Postgres};

/// A root of its own, and what it signed, in a directory that everybody can read.
#[derive(Debug)]
pub struct Pki {
    folder: Folder,
    issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    /// A new root, in `root.crt`.
    pub fn new() -> anyhow::Result<Self> {
        let folder = Folder::new("weir-test-pki")?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = folder.path().display().to_string();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate()?;
        let root = params.self_signed(&key)?;
        fs::write(folder.path().join("root.crt"), root.pem())?;
        let issuer = Issuer::new(params, key);
        Ok(Self { folder, issuer })
    }

    /// Signs a certificate for these host names and addresses: `NAME.crt` and `NAME.key`.
    pub fn issue(&self, name: &str, subjects: &[&str]) -> anyhow::Result<()> {
        let subjects: Vec<String> = subjects.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(subjects)?.signed_by(&key, &self.issuer)?;
        fs::write(self.path(&format!("{name}.crt")), certificate.pem())?;
        let path = self.path(&format!("{name}.key"));
        fs::write(&path, key.serialize_pem())?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(())
    }

    /// One of its files.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The agent's table for what clients are shown.
    pub fn table(&self, name: &str, require: bool) -> String {
        format!(
            "[tls]\ncertificate = {:?}\nkey = {:?}\nrequire = {require}\n",
            self.path(&format!("{name}.crt")),
            self.path(&format!("{name}.key")),
        )
    }

    /// Makes the database show this certificate and offer TLS, under these rules (`pg_hba.conf`).
    pub fn encrypt(&self, database: &Postgres, name: &str, rules: &str) -> anyhow::Result<()> {
        for end in ["crt", "key"] {
            give(
                &self.path(&format!("{name}.{end}")),
                &database.data().join(format!("server.{end}")),
            )?;
        }
        database.run("postgres", "ALTER SYSTEM SET ssl = on")?;
        database.rules(rules)
    }
}

/// Copies a file for the owner of the directory that it goes to, and for nobody else.
fn give(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to)?;
    let owner = fs::metadata(to.parent().context("a file is in a directory")?)?;
    chown(to, Some(owner.uid()), Some(owner.gid()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o600))?;
    Ok(())
}
