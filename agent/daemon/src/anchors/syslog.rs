//! Lines for syslog or journald, which carry them off the host where that is set up.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use super::{Head, Place};

/// authpriv.notice, RFC 5424 section 6.2.1.
const PRIORITY: u8 = 10 * 8 + 5;

pub(super) struct Syslog(pub(super) PathBuf);

impl Place for Syslog {
    fn name(&self) -> String {
        format!("syslog {}", self.0.display())
    }

    fn put(&mut self, head: &Head) -> anyhow::Result<()> {
        let note = head.note.to_string();
        // One line; a newline stands as `|`, which no part of a note has.
        let line = format!(
            "<{PRIORITY}>weir: checkpoint {}",
            note.trim_end().replace('\n', "|")
        );
        let socket = UnixDatagram::unbound()?;
        socket.send_to(line.as_bytes(), &self.0)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proof::{Note, SigningKey};

    use super::*;

    #[test]
    fn a_line_has_the_whole_note() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let socket = UnixDatagram::bind(&path).unwrap();
        let mut note = Note::new("weir/db-1\n7\nroot\n").unwrap();
        note.sign(&SigningKey::from_seed("weir/db-1", &[1; 32]).unwrap());
        let head = Head {
            note: note.clone(),
            size: 7,
            from: 0,
            path: Vec::new(),
        };
        Syslog(path).put(&head).unwrap();
        let mut line = [0; 2048];
        let length = socket.recv(&mut line).unwrap();
        let line = str::from_utf8(&line[..length]).unwrap();
        let text = line.strip_prefix("<85>weir: checkpoint ").unwrap();
        assert_eq!(format!("{}\n", text.replace('|', "\n")).parse(), Ok(note));
    }
}
