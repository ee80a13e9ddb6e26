//! A directory whose files are made once: on another host, or on storage that keeps what it has.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

use super::{Head, Place};

pub(super) struct Directory(pub(super) PathBuf);

impl Place for Directory {
    fn name(&self) -> String {
        format!("directory {}", self.0.display())
    }

    /// A file that is there already has to be this one: two heads of one size are two logs.
    fn put(&mut self, head: &Head) -> anyhow::Result<()> {
        let text = head.note.to_string();
        let origin = head.note.text().lines().next().unwrap_or_default();
        let name = format!("{}-{:020}", origin.replace('/', "-"), head.size);
        let path = self.0.join(name);
        let created = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o444)
            .open(&path);
        let context = || format!("{}", path.display());
        match created {
            Ok(mut file) => file
                .write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
                .with_context(context),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let there = fs::read_to_string(&path).with_context(context)?;
                if !there.starts_with(head.note.text()) {
                    bail!(
                        "{} has another head of the same size: one of the two logs is forged",
                        path.display()
                    );
                }
                Ok(())
            }
            Err(error) => Err(error).with_context(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use proof::Note;

    use super::*;

    fn head(root: &str) -> Head {
        Head {
            note: Note::new(format!("weir/db-1\n7\n{root}\n")).unwrap(),
            size: 7,
            from: 0,
            path: Vec::new(),
        }
    }

    #[test]
    fn a_head_becomes_a_file_once_and_another_of_its_size_is_an_alarm() {
        let directory = tempfile::tempdir().unwrap();
        let mut place = Directory(directory.path().to_owned());
        place.put(&head("a")).unwrap();
        place.put(&head("a")).unwrap();
        let error = place.put(&head("b")).unwrap_err();
        assert!(
            error.to_string().contains("one of the two logs is forged"),
            "{error}"
        );
        let path = directory.path().join("weir-db-1-00000000000000000007");
        assert_eq!(
            fs::read_to_string(path).unwrap(),
            head("a").note.to_string()
        );
        let mut gone = Directory(directory.path().join("gone"));
        assert!(gone.put(&head("a")).is_err());
    }
}
