//! From a uid to a user's name, by the host's own list: passwd(5).
//!
//! Users that another service knows (LDAP, systemd-homed) have no name here and are their numbers.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Bytes of the list that are read at most.
const LONGEST: u64 = 16 << 20;

/// The name of the user that this process runs as; none where the host's list does not know it.
pub fn own_user() -> Option<String> {
    let uid = rustix::process::geteuid().as_raw();
    Users::new("/etc/passwd".into()).name(uid)
}

/// The list, read again when it has changed.
pub struct Users {
    path: PathBuf,
    read: Mutex<Option<(SystemTime, Arc<str>)>>,
}

impl Users {
    /// The list at this path.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            read: Mutex::default(),
        }
    }

    /// The name of this user; `None` where the list does not know it.
    pub fn name(&self, uid: u32) -> Option<String> {
        name(&self.list()?, uid).map(str::to_owned)
    }

    fn list(&self) -> Option<Arc<str>> {
        let metadata = fs::metadata(&self.path).ok()?;
        let changed = metadata.modified().ok()?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match &*read {
            Some((when, list)) if *when == changed => Some(Arc::clone(list)),
            _ if metadata.len() > LONGEST => None,
            _ => {
                let list: Arc<str> = fs::read_to_string(&self.path).ok()?.into();
                *read = Some((changed, Arc::clone(&list)));
                Some(list)
            }
        }
    }
}

/// `name:password:uid:...`; the first line for a uid counts, as it does for getpwuid(3).
fn name(list: &str, uid: u32) -> Option<&str> {
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let number: u32 = fields.nth(1)?.parse().ok()?;
        (number == uid).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "root:x:0:0:root:/root:/bin/bash\n# comment\nbroken\ntoor:x:0:0::/:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n";

    #[test]
    fn the_first_line_of_a_uid_names_it() {
        assert_eq!(name(LIST, 0), Some("root"));
        assert_eq!(name(LIST, 1000), Some("ann"));
        assert_eq!(name(LIST, 1001), None);
    }

    #[test]
    fn a_changed_list_is_read_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let users = Users::new(file.path().to_owned());
        let write = |text: &str, second: u64| {
            fs::write(file.path(), text).unwrap();
            let when = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second);
            file.as_file().set_modified(when).unwrap();
        };
        write("ann:x:7:7:::\n", 1);
        assert_eq!(users.name(7).as_deref(), Some("ann"));
        write("bob:x:7:7:::\n", 2);
        assert_eq!(users.name(7).as_deref(), Some("bob"));
    }
}
