//! Claims about power that goes away, at every step of a run: what was on the disk is there, and nothing that was not put.
//!
//! The journal runs on a disk of which every step is noted, together with what would surely be left of each file. Between
//! syncs a kernel may write any sector, or none, in any order, and a directory may lack the last of its changes. So at each
//! step images are made that hold what is sure and some of the rest, and each is recovered.
//!
//! ```text
//! file    |##########|####======|===   |        # synced: in every image
//! image   |##########|####  ====|      |        = put since: any of its sectors, or none
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};

use super::*;
use crate::disk::{Disk, RealDisk, SegmentFile};
use crate::map::Window;

/// What a disk writes whole or not at all, bytes.
const SECTOR: usize = 512;

/// Images of each step with some of what is not sure, beside the one with nothing and the one with all of it.
const DRAWN: u64 = 6;

/// Contents of files by their name.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A real disk of which it is known what would survive.
#[derive(Clone, Default)]
struct MortalDisk(Arc<Mutex<Run>>);

/// A run so far.
#[derive(Default)]
struct Run {
    files: Vec<Survivor>,
    /// Files that were named since names were last synced, in that order.
    named: Vec<usize>,
    /// The last record that was said to be on the disk.
    promised: u64,
    steps: u64,
    images: Vec<Image>,
}

/// What is left of a file.
struct Survivor {
    /// What it is called now.
    path: PathBuf,
    /// What it is surely called.
    name: Option<PathBuf>,
    /// What it surely holds.
    bytes: Vec<u8>,
}

/// What a disk may hold after the power went.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Image {
    files: Files,
    promised: u64,
    step: String,
}

/// Numbers that look random and are the same in every run (SplitMix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Run {
    fn step(&mut self, what: &str) {
        self.steps += 1;
        for drawn in 0..DRAWN + 2 {
            let mut draw = Draw(self.steps * 1000 + drawn);
            let files = self.survivors(|| match drawn {
                0 => false,
                1 => true,
                _ => draw.next().is_multiple_of(2),
            });
            self.images.push(Image {
                files,
                promised: self.promised,
                step: format!("{what} (step {}, draw {drawn})", self.steps),
            });
        }
    }

    /// What is sure of the files, and of the rest what `keeps` lets through.
    fn survivors(&self, mut keeps: impl FnMut() -> bool) -> Files {
        let named = self.named.iter().filter(|_| keeps()).count();
        let lost = &self.named[named..];
        let mut files = Files::new();
        for (index, file) in self.files.iter().enumerate() {
            let name = match lost.contains(&index) {
                true => file.name.as_ref(),
                false => Some(&file.path),
            };
            let Some(name) = name else { continue };
            // A segment that was made ahead may have been discarded.
            let Ok(now) = fs::read(&file.path) else {
                continue;
            };
            let mut bytes = file.bytes.clone();
            bytes.resize(bytes.len().max(now.len()), 0);
            for (was, is) in bytes.chunks_mut(SECTOR).zip(now.chunks(SECTOR)) {
                if was[..is.len()] != *is && keeps() {
                    was[..is.len()].copy_from_slice(is);
                }
            }
            files.insert(name.clone(), bytes);
        }
        files
    }
}

impl MortalDisk {
    fn step(&self, what: &str) {
        self.0.lock().unwrap().step(what);
    }
}

impl Disk for MortalDisk {
    fn create(&self, path: &Path, header: &[u8], bytes: u64) -> io::Result<Arc<dyn SegmentFile>> {
        let file = RealDisk.create(path, header, bytes)?;
        let mut run = self.0.lock().unwrap();
        run.files.push(Survivor {
            path: path.to_owned(),
            name: None,
            bytes: fs::read(path)?,
        });
        let index = run.files.len() - 1;
        run.step("a segment was made");
        let disk = self.clone();
        Ok(Arc::new(MortalFile { file, disk, index }))
    }

    fn name(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut run = self.0.lock().unwrap();
        fs::rename(from, to)?;
        let index = run.files.iter().position(|file| file.path == from);
        let index = index.unwrap();
        run.files[index].path = to.to_owned();
        run.named.push(index);
        run.step("a segment was named");
        Ok(())
    }

    fn sync_names(&self, directory: &Path) -> io::Result<()> {
        RealDisk.sync_names(directory)?;
        let mut run = self.0.lock().unwrap();
        run.named.clear();
        for file in &mut run.files {
            file.name = Some(file.path.clone());
        }
        run.step("names were synced");
        Ok(())
    }
}

struct MortalFile {
    file: Arc<dyn SegmentFile>,
    disk: MortalDisk,
    index: usize,
}

impl SegmentFile for MortalFile {
    fn window(&self, start: u64, length: usize) -> io::Result<Window> {
        self.file.window(start, length)
    }

    fn sync(&self, length: u64) -> io::Result<()> {
        self.disk.step("a sync begins");
        self.file.sync(length)?;
        let mut run = self.disk.0.lock().unwrap();
        let file = &mut run.files[self.index];
        let now = fs::read(&file.path)?;
        let length = usize::try_from(length).unwrap();
        file.bytes[..length].copy_from_slice(&now[..length]);
        run.step("a sync has returned");
        Ok(())
    }

    fn note_synced(&self, length: u64) -> io::Result<()> {
        self.file.note_synced(length)?;
        self.disk.step("a sync was noted");
        Ok(())
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.file.cut(length)?;
        let mut run = self.disk.0.lock().unwrap();
        let file = &mut run.files[self.index];
        file.bytes = fs::read(&file.path)?;
        run.step("a segment was cut to its length");
        Ok(())
    }
}

/// Records of which some go over the border of a sector, and some over that of a segment.
async fn play(directory: &Path) -> Vec<Image> {
    let disk = MortalDisk::default();
    let settings = Settings {
        segment_bytes: 8192,
        ..Settings::default()
    };
    let opened = Journal::open_on(Box::new(disk.clone()), directory.to_owned(), settings);
    let (journal, _) = opened.unwrap();
    let mut number = 0;
    for batch in 0..14 {
        for _ in 0..batch % 5 {
            number += 1;
            let put = journal.put(&sized(number));
            assert_eq!(put.unwrap(), number);
            disk.step("a record was put");
        }
        number += 1;
        journal.append(sized(number)).await.unwrap();
        disk.0.lock().unwrap().promised = number;
        disk.step("a record was promised");
        if batch % 6 == 5 {
            journal.seal().await.unwrap();
        }
    }
    journal.close().await.unwrap();
    let mut run = disk.0.lock().unwrap();
    run.step("the journal was closed");
    std::mem::take(&mut run.images)
}

fn sized(number: u64) -> AuditRecord {
    large(number, (number as usize * 611) % 1500)
}

#[test]
fn whenever_the_power_goes_what_was_promised_is_there_and_nothing_that_was_not_put() {
    let directory = tempfile::tempdir().unwrap();
    let images: BTreeSet<Image> = block_on(play(directory.path())).into_iter().collect();
    assert!(images.len() > 500, "{} images", images.len());
    let mut torn = 0;
    let mut last = None;
    for image in &images {
        let alike = (&image.files, image.promised);
        if last.replace(alike) == Some(alike) {
            continue;
        }
        torn += u32::from(recovered(image));
    }
    assert!(torn > 20, "only {torn} of the images had a torn tail");
}

/// Claims what has to hold of an image. Whether it had a torn tail.
fn recovered(image: &Image) -> bool {
    let directory = tempfile::tempdir().unwrap();
    for (path, bytes) in &image.files {
        let name = path.file_name().unwrap();
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    let step = &image.step;
    let recover = || crate::recovery::recover(directory.path());
    let recovery = recover().unwrap_or_else(|error| panic!("{step}: {error}"));
    assert!(recovery.next > image.promised, "{step}: {recovery:?}");
    let entries = read_all(directory.path());
    assert_eq!(entries.len() as u64 + 1, recovery.next, "{step}");
    for (entry, number) in entries.iter().zip(1..) {
        assert_eq!(
            (entry.sequence, &entry.record),
            (number, &sized(number)),
            "{step}"
        );
    }
    let again = recover().unwrap();
    assert_eq!((again.next, again.torn), (recovery.next, None), "{step}");
    recovery.torn.is_some()
}
