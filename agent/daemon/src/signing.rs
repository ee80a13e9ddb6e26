//! The key that signs the log of the archive: where it comes from, how it is made, and how another takes its place.
//!
//! ```text
//! PRIVATE+KEY+<name>+<id>+<base64>
//!                                       behind an empty line, where another key was there before: the note by which
//! <endorsement by the key before>       that one says so
//! ```

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use proof::{Note, SigningKey};

use crate::config::Config;

/// Name of the systemd credential (see `LoadCredentialEncrypted=`).
const CREDENTIAL: &str = "weir-audit-key";

/// The key in force.
pub struct Signing {
    pub key: SigningKey,
    /// What the key before says about it.
    pub endorsement: Option<Note>,
}

impl Signing {
    /// Reads the key; makes it where none is named and none is there.
    pub fn load(config: &Config) -> anyhow::Result<Self> {
        let place = Place::of(config);
        if place.is_own && !place.path.exists() {
            let key = generate(&config.host)?;
            write(&place.path, &key.reveal())?;
            let path = place.path.display();
            tracing::info!(%path, key = %key.verifier(), "a key was made that signs the log; keep its public half elsewhere");
        }
        place.read()
    }

    /// Puts another key in its place, which it endorses. Returns where.
    pub fn rotate(config: &Config) -> anyhow::Result<(PathBuf, Self)> {
        let place = Place::of(config);
        if place.is_credential {
            bail!(
                "the key is a systemd credential: make the next one of a copy with `audit.key`, and encrypt it again"
            );
        }
        let old = place.read()?;
        let key = generate(&config.host)?;
        let note = archive::endorse(&old.key, &key.verifier())?;
        let next = place.path.with_extension("next");
        write(&next, &format!("{}\n\n{note}", key.reveal()))?;
        fs::rename(&next, &place.path)?;
        let endorsement = Some(note);
        Ok((place.path, Self { key, endorsement }))
    }
}

/// Where the key is.
struct Place {
    path: PathBuf,
    /// Whether it is systemd's, which keeps others from it.
    is_credential: bool,
    /// Whether it is the agent's to make.
    is_own: bool,
}

impl Place {
    fn of(config: &Config) -> Self {
        let credential = env::var_os("CREDENTIALS_DIRECTORY")
            .map(|directory| Path::new(&directory).join(CREDENTIAL))
            .filter(|path| path.exists());
        match (&config.key, credential) {
            (Some(path), _) => Self {
                path: path.clone(),
                is_credential: false,
                is_own: false,
            },
            (None, Some(path)) => Self {
                path,
                is_credential: true,
                is_own: false,
            },
            (None, None) => Self {
                path: config.state.join("audit.key"),
                is_credential: false,
                is_own: true,
            },
        }
    }

    fn read(&self) -> anyhow::Result<Signing> {
        let read = || {
            if !self.is_credential {
                check_owner(&self.path)?;
            }
            let text = fs::read_to_string(&self.path)?;
            let (key, endorsement) = match text.split_once('\n') {
                Some((key, "")) => (key, None),
                Some((key, note)) => (key, Some(note.trim_start_matches('\n').parse()?)),
                None => (text.as_str(), None),
            };
            let key = key.parse()?;
            anyhow::Ok(Signing { key, endorsement })
        };
        read().with_context(|| format!("the key that signs the log, {}", self.path.display()))
    }
}

/// Refuses a key that others can read or replace.
fn check_owner(path: &Path) -> anyhow::Result<()> {
    let metadata = fs::metadata(path)?;
    let own = rustix::process::geteuid().as_raw();
    if metadata.mode() & 0o077 != 0 {
        bail!("others can read it, so it proves nothing: chmod 600, and rotate it");
    }
    if metadata.uid() != 0 && metadata.uid() != own {
        bail!("it belongs to somebody else: chown it to the agent's user");
    }
    Ok(())
}

fn generate(host: &str) -> anyhow::Result<SigningKey> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    Ok(SigningKey::from_seed(&format!("weir/{host}"), &seed)?)
}

/// Writes a file that only its owner can read, and that is not there yet.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let write = || {
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(path)?;
        writeln!(file, "{}", text.trim_end())?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn place(directory: &Path) -> Place {
        Place {
            path: directory.join("audit.key"),
            is_credential: false,
            is_own: false,
        }
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_unless_systemd_keeps_them_from_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut place = place(directory.path());
        write(&place.path, &generate("db-1").unwrap().reveal()).unwrap();
        assert_eq!(place.read().unwrap().key.verifier().name(), "weir/db-1");
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&place.path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = format!("{:#}", place.read().err().unwrap());
            assert!(refused.contains("chmod 600"), "{refused}");
            assert!(refused.contains("audit.key"), "{refused}");
        }
        place.is_credential = true;
        place.read().unwrap();
    }

    #[test]
    fn a_key_comes_with_what_the_one_before_says_about_it() {
        let directory = tempfile::tempdir().unwrap();
        let place = place(directory.path());
        let (old, new) = (generate("db-1").unwrap(), generate("db-1").unwrap());
        let note = archive::endorse(&old, &new.verifier()).unwrap();
        write(&place.path, &format!("{}\n\n{note}", new.reveal())).unwrap();
        let read = place.read().unwrap();
        assert_eq!(read.key.verifier(), new.verifier());
        assert_eq!(read.endorsement, Some(note));
    }

    #[test]
    fn a_key_that_is_there_is_not_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.key");
        write(&path, "first").unwrap();
        assert!(write(&path, "second").is_err());
        assert_eq!(fs::read_to_string(path).unwrap(), "first\n");
    }
}
