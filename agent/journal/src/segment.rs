//! The directory of a journal: names of segments, and the lock that keeps a second agent out.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::JournalError;
use crate::read;

/// How segments' names end.
const SUFFIX: &str = ".wj";

/// How a file ends that is to become a segment.
const NEW_SUFFIX: &str = ".wj.new";

/// All segments of a journal, in the order of their records. The last one is live.
pub fn segments(directory: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let mut paths = list(directory)?;
    paths.retain(|path| first_sequence(path).is_some());
    paths.sort();
    Ok(paths)
}

/// The segments that nothing will be added to any more, in the order of their records. One that has a successor already
/// but is not cut to its length yet is not among them.
pub fn sealed(directory: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let mut paths = segments(directory)?;
    paths.pop();
    let open = paths.iter().position(|path| !read::is_sealed(path));
    paths.truncate(open.unwrap_or(paths.len()));
    Ok(paths)
}

/// The sequence number of a segment's first record, by its name. None if this is no name of a segment.
pub fn first_sequence(path: &Path) -> Option<u64> {
    let number = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    let plain = number.len() == 20 && number.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| number.parse().ok()).flatten()
}

/// The name of the segment that starts with this record.
pub(crate) fn path(directory: &Path, first: u64) -> PathBuf {
    directory.join(format!("{first:020}{SUFFIX}"))
}

/// What a segment is called while it is not known which record it starts with.
pub(crate) fn unnamed(directory: &Path, segment: u64) -> PathBuf {
    directory.join(format!("{segment:016x}{NEW_SUFFIX}"))
}

/// Removes what an agent that was killed had made ahead.
pub(crate) fn remove_unfinished(directory: &Path) -> Result<(), JournalError> {
    for path in list(directory)? {
        if path.to_string_lossy().ends_with(NEW_SUFFIX) {
            fs::remove_file(&path).map_err(JournalError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Makes the directory where it is missing, closes it to others, and keeps a second agent out for as long as the
/// returned file is open.
pub(crate) fn lock(directory: &Path) -> Result<File, JournalError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(JournalError::io("make directory", directory))?;
    fs::set_permissions(directory, Permissions::from_mode(0o700))
        .map_err(JournalError::io("set permissions of", directory))?;
    let path = directory.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(JournalError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse {
            directory: directory.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(JournalError::io("lock", &path)(error)),
    }
}

fn list(directory: &Path) -> Result<Vec<PathBuf>, JournalError> {
    fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(|error: io::Error| JournalError::io("list", directory)(error))
}
