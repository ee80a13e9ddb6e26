//! Certificates and keys in PEM files. Knows not what they are for.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::TlsError;

/// All certificates of the file, at least one.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let lacking = |reason: String| TlsError::Lacking {
        file: file.to_owned(),
        what: "certificate",
        reason,
    };
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&read(file)?)
        .collect::<Result<_, _>>()
        .map_err(|error| lacking(error.to_string()))?;
    match certificates.is_empty() {
        true => Err(lacking(PemError::NoItemsFound.to_string())),
        false => Ok(certificates),
    }
}

/// The first private key of the file.
pub fn key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let unreadable = |source| TlsError::Unreadable {
        file: file.to_owned(),
        source,
    };
    let metadata = fs::metadata(file).map_err(unreadable)?;
    if is_open(metadata.mode(), metadata.uid()) {
        return Err(TlsError::OpenKey {
            file: file.to_owned(),
            mode: metadata.mode() & 0o7777,
        });
    }
    PrivateKeyDer::from_pem_slice(&read(file)?).map_err(|error| TlsError::Lacking {
        file: file.to_owned(),
        what: "unencrypted private key",
        reason: error.to_string(),
    })
}

/// As PostgreSQL has it (`check_ssl_key_file_permissions`): a key of root's may be read by its group, because that is
/// how distributions share one between services.
fn is_open(mode: u32, owner: u32) -> bool {
    const ROOT: u32 = 0;
    let forbidden = if owner == ROOT { 0o037 } else { 0o077 };
    mode & forbidden != 0
}

/// The certificates of the file, to be led to.
pub fn roots(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots
            .add(certificate)
            .map_err(|error| TlsError::UnusableRoot {
                file: file.to_owned(),
                reason: error.to_string(),
            })?;
    }
    Ok(roots)
}

/// The roots that the system trusts.
pub fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // One that is too old to be read is no reason to do without the others.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let reason = match reasons.is_empty() {
            true => "there are none".to_owned(),
            false => reasons.join("; "),
        };
        return Err(TlsError::NoSystemRoots { reason });
    }
    Ok(roots)
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|source: io::Error| TlsError::Unreadable {
        file: file.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_open_where_others_than_its_owner_can_read_it() {
        assert!(!is_open(0o100_600, 1000) && !is_open(0o100_400, 0));
        assert!(is_open(0o100_640, 1000) && is_open(0o100_604, 1000));
        assert!(!is_open(0o100_640, 0) && is_open(0o100_644, 0) && is_open(0o100_660, 0));
    }
}
