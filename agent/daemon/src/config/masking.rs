//! `[masking]`: where the keys of masks are. They are read when they are used, and again at a reload.
//!
//! ```toml
//! [masking.keys]
//! pii = { credential = "weir-pii" }              # systemd's LoadCredential=, LoadCredentialEncrypted=
//! joins = { file = "/etc/weir/joins.key" }
//! ```

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mask::{Key, KeyMalformed};
use policy::PolicySet;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::ConfigError;

/// Bytes of the largest file of keys.
const LARGEST: u64 = 64 * 1024;

/// `[masking]` as the file writes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Masking {
    keys: BTreeMap<String, Source>,
}

/// Where a key is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    /// A name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    File(PathBuf),
}

/// Where every key is.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The configuration's own file.
    file: PathBuf,
    /// By name.
    sources: BTreeMap<String, Source>,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(
        "is a credential, and $CREDENTIALS_DIRECTORY is not set: run the agent by systemd with LoadCredential=, or name a file"
    )]
    NoCredentials,
    #[error("cannot be read from {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("in {} can be read by others (mode {mode:04o}): make it 0600", path.display())]
    Open { path: PathBuf, mode: u32 },
    #[error("in {}, line {line}: {source}", path.display())]
    Malformed {
        path: PathBuf,
        line: usize,
        source: KeyMalformed,
    },
    #[error("in {}: there is none; write one with `openssl rand -hex 32`", path.display())]
    Missing { path: PathBuf },
}

impl Masking {
    pub(super) fn below(self, file: &Path, base: &Path) -> Keys {
        let whole = |source| match source {
            Source::File(path) => Source::File(base.join(path)),
            credential => credential,
        };
        let sources = self.keys.into_iter();
        Keys {
            file: file.to_owned(),
            sources: sources.map(|(name, from)| (name, whole(from))).collect(),
        }
    }
}

impl Keys {
    /// Reads every key.
    pub fn read(&self) -> Result<HashMap<Arc<str>, Arc<Key>>, ConfigError> {
        let read = |(name, source): (&String, &Source)| {
            let key = source.read(std::env::var_os("CREDENTIALS_DIRECTORY"));
            let key = key.map_err(|source| ConfigError::Key {
                file: self.file.clone(),
                name: name.clone(),
                source,
            })?;
            Ok((name.as_str().into(), Arc::new(key)))
        };
        self.sources.iter().map(read).collect()
    }

    /// Policies whose masks take keys that are not here are not usable.
    pub fn check(&self, policies: &PolicySet) -> Result<(), policy::PolicyError> {
        let problems = policies.unkeyed(|key| self.sources.contains_key(key));
        match problems.is_empty() {
            true => Ok(()),
            false => Err(policy::PolicyError::Invalid { problems }),
        }
    }
}

impl Source {
    fn read(&self, credentials: Option<OsString>) -> Result<Key, KeyError> {
        let path = match self {
            Self::File(path) => path.clone(),
            Self::Credential(name) => {
                Path::new(&credentials.ok_or(KeyError::NoCredentials)?).join(name)
            }
        };
        let unreadable = |source| KeyError::Unreadable {
            path: path.clone(),
            source,
        };
        let file = File::open(&path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.mode();
        // A credential's directory is nobody else's, and its files are shared with the service's user by their group.
        if matches!(self, Self::File(_)) && mode & 0o077 != 0 {
            return Err(KeyError::Open {
                mode: mode & 0o7777,
                path,
            });
        }
        let mut text = Zeroizing::new(String::new());
        let read = file.take(LARGEST).read_to_string(&mut text);
        read.map_err(unreadable)?;
        newest(&text, &path)
    }
}

/// The last of the keys that stand there one per line; those above it are kept for whom has to know what was shown before.
fn newest(text: &str, path: &Path) -> Result<Key, KeyError> {
    let lines = (1..).zip(text.lines());
    let lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let mut newest = None;
    for (line, key) in lines {
        let key = Key::parse(key).map_err(|source| KeyError::Malformed {
            path: path.to_owned(),
            line,
            source,
        })?;
        newest = Some(key);
    }
    newest.ok_or_else(|| KeyError::Missing {
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn read(text: &str, mode: u32) -> Result<Key, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pii.key");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Source::File(path)
            .read(None)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_has_one_key_per_line_for_nobody_else_to_read() {
        let (old, new) = ("ab".repeat(32), "cd".repeat(32));
        assert!(read(&format!("# of May\n{old}\n\n# of June\n{new}\n"), 0o600).is_ok());
        for (text, mode, said) in [
            (old.as_str(), 0o640, "can be read by others (mode 0640)"),
            ("# none\n", 0o600, "there is none"),
            ("abcd\n", 0o600, "line 1: a key is 64 hexadecimal digits"),
        ] {
            let error = read(text, mode).unwrap_err();
            assert!(error.contains(said) && !error.contains("abcd"), "{error}");
        }
    }

    #[test]
    fn a_credential_is_where_systemd_put_it() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("weir-pii"), "ab".repeat(32)).unwrap();
        let source = Source::Credential("weir-pii".into());
        assert!(source.read(Some(directory.path().into())).is_ok());
        let error = source.read(None).unwrap_err().to_string();
        assert!(
            error.contains("$CREDENTIALS_DIRECTORY is not set"),
            "{error}"
        );
    }
}
