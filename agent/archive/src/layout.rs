//! Where things lie in an archive, and how they get there durably.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::ArchiveError;

/// How the name of a file ends that is being written.
pub(crate) const UNFINISHED: &str = ".parquet.tmp";

/// Hosts that have a trail in this archive.
pub fn hosts(directory: &Path) -> Result<Vec<String>, ArchiveError> {
    let host = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        name.strip_suffix(".jsonl").map(str::to_owned)
    };
    let files = list(&directory.join("manifest"))?;
    let mut hosts: Vec<String> = files.into_iter().filter_map(host).collect();
    hosts.sort();
    Ok(hosts)
}

/// Refuses a host id that would not stay one part of a path.
pub(crate) fn check_host(host: &str) -> Result<(), ArchiveError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match host.chars().all(allowed) && !host.is_empty() && !host.starts_with('.') {
        true => Ok(()),
        false => Err(ArchiveError::HostId {
            host: host.to_owned(),
        }),
    }
}

pub(crate) fn manifest(directory: &Path, host: &str) -> PathBuf {
    directory.join("manifest").join(format!("{host}.jsonl"))
}

pub(crate) fn sessions(directory: &Path, host: &str) -> PathBuf {
    let name = format!("{host}.sessions.json");
    directory.join("state").join(name)
}

pub(crate) fn lock(directory: &Path, host: &str) -> PathBuf {
    directory.join("state").join(format!("{host}.lock"))
}

/// The directory of a host's Parquet files.
pub(crate) fn trail(directory: &Path, host: &str) -> PathBuf {
    directory.join("v1").join(format!("host={host}"))
}

/// The directory of a host's Merkle log.
pub(crate) fn log(directory: &Path, host: &str) -> PathBuf {
    directory.join("log").join(host)
}

/// The newest signed head of a host's log.
pub(crate) fn checkpoint(directory: &Path, host: &str) -> PathBuf {
    log(directory, host).join("checkpoint")
}

/// The directory of heads that were kept.
pub(crate) fn checkpoints(directory: &Path, host: &str) -> PathBuf {
    log(directory, host).join("checkpoints")
}

/// The directory of the keys that a host's log is signed with.
pub(crate) fn keys(directory: &Path, host: &str) -> PathBuf {
    log(directory, host).join("keys")
}

/// The leaf hashes of these records, which one Parquet file has.
pub(crate) fn leaves(directory: &Path, host: &str, first: u64, last: u64) -> PathBuf {
    let name = format!("{first:020}-{last:020}");
    log(directory, host).join("leaf").join(name)
}

/// A Parquet file's path inside the archive.
pub(crate) fn file(host: &str, day: Day, first: u64, last: u64) -> PathBuf {
    PathBuf::from(format!(
        "v1/host={host}/day={day}/{first:020}-{last:020}.parquet"
    ))
}

/// A day, UTC; shown as YYYY-MM-DD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Day(i64);

impl Day {
    /// The day of a time in microseconds. The first day of the epoch where no calendar has it.
    pub(crate) fn of(time: i64) -> Self {
        const DAY: i64 = 86_400_000_000;
        /// First and last day of the years 0 to 9999.
        const KNOWN: std::ops::RangeInclusive<i64> = -719_528..=2_932_896;
        let day = time.div_euclid(DAY);
        Self(if KNOWN.contains(&day) { day } else { 0 })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = OffsetDateTime::UNIX_EPOCH.date();
        let date = date.saturating_add(time::Duration::days(self.0));
        let (year, month, day) = date.to_calendar_date();
        write!(f, "{year:04}-{:02}-{day:02}", u8::from(month))
    }
}

/// Every Parquet file of a host, and what is left of unfinished ones.
pub(crate) fn files(directory: &Path, host: &str) -> Result<Vec<PathBuf>, ArchiveError> {
    let mut files = Vec::new();
    for day in list(&trail(directory, host))? {
        if day.is_dir() {
            files.extend(list(&day)?);
        }
    }
    files.sort();
    Ok(files)
}

/// The files of a directory that are whole, in the order of their names.
pub(crate) fn finished(directory: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    let mut files = list(directory)?;
    files.retain(|file| file.extension().is_none() && !file.is_dir());
    files.sort();
    Ok(files)
}

/// The full tiles of a host's log.
pub(crate) fn tiles(directory: &Path, host: &str) -> Result<Vec<PathBuf>, ArchiveError> {
    let mut tiles = Vec::new();
    let mut left = vec![log(directory, host).join("tile")];
    while let Some(directory) = left.pop() {
        left.extend(list(&directory)?.into_iter().filter(|path| path.is_dir()));
        tiles.extend(finished(&directory)?);
    }
    tiles.sort();
    Ok(tiles)
}

/// What lies in a directory; nothing, where there is no directory.
pub(crate) fn list(directory: &Path) -> Result<Vec<PathBuf>, ArchiveError> {
    let paths = fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    match paths {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        paths => paths.map_err(ArchiveError::io("list", directory)),
    }
}

/// Makes a directory that only its owner can read, with those above it, durably.
pub(crate) fn make_directory(directory: &Path) -> Result<(), ArchiveError> {
    if directory.is_dir() {
        return Ok(());
    }
    let Some(parent) = directory.parent() else {
        return Ok(());
    };
    make_directory(parent)?;
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(ArchiveError::io("make directory", directory)(error))
        }
        _ if parent.as_os_str().is_empty() => sync_directory(Path::new(".")),
        _ => sync_directory(parent),
    }
}

/// Makes names in a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), ArchiveError> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(ArchiveError::io("sync", directory))
}

/// Gives a file its final name, durably.
pub(crate) fn publish(from: &Path, to: &Path) -> Result<(), ArchiveError> {
    fs::rename(from, to).map_err(ArchiveError::io("rename", from))?;
    to.parent().map_or(Ok(()), sync_directory)
}

/// Opens a new file that only its owner can read, in place of what an earlier try left.
pub(crate) fn create(path: &Path) -> Result<File, ArchiveError> {
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(ArchiveError::io("create", path))
}

/// Replaces a file's content so that it is either the old or the new one, whatever happens.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), ArchiveError> {
    let unfinished = path.with_extension("tmp");
    let mut file = create(&unfinished)?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(ArchiveError::io("write", &unfinished))?;
    publish(&unfinished, path)
}
