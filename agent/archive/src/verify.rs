//! Says whether a trail is what was written, and if not, where.
//!
//! Four things are set against each other: the rows, the leaf hashes that were written down beside them (which say which
//! row was changed), the manifest (which files there should be, their hashes, and the tree up to each), and the journal
//! (which goes on where the manifest ends).
//! What this cannot see: a host that rewrites all of them together. That takes a copy of the head elsewhere.

use std::collections::HashSet;
use std::io;
use std::iter;
use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use journal::JournalError;

use crate::archive::sessions_at_head;
use crate::compare::{Compared, compare};
use crate::finding::{Finding, Report};
use crate::growing::row_of;
use crate::heads::{Heads, Trust};
use crate::manifest::{self, Line};
use crate::{ArchiveError, Trail, layout, leaf};

impl Trail {
    /// Reads everything and reports what is wrong. Changes nothing; the agent may be running.
    /// `progress` is told now and then how many rows were read, and of how many.
    pub fn verify(
        &self,
        trust: &Trust,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Report, ArchiveError> {
        layout::check_host(&self.host)?;
        // Before what they speak of, so that all of it is there.
        let heads = Heads::read(&self.directory, &self.host, trust)?;
        // Before the manifest is read, so that what is archived meanwhile is not missed.
        let oldest = self.oldest_in_journal();
        let mut check = Check {
            trail: self,
            report: Report::default(),
            heads,
        };
        let lines = check.read_manifest();
        check.order(&lines);
        for wave in waves(lines.len()) {
            let first = wave.start;
            let compared = compare_all(self, &lines, wave);
            for (line, compared) in lines.iter().skip(first).zip(compared) {
                check.add(line, compared);
            }
            progress(check.report.rows, check.report.head);
        }
        progress(check.report.head, check.report.head);
        check.unlisted(&oldest)?;
        check.journal(oldest, &lines);
        Ok(check.finish())
    }

    /// Number of the first record in the journal, or of the next, where it is empty. None: no journal is at hand.
    fn oldest_in_journal(&self) -> Option<Result<u64, JournalError>> {
        let directory = self.journal.as_deref()?;
        let oldest = journal::segments(directory).map(|segments| {
            let first = segments.first();
            first
                .and_then(|path| journal::first_sequence(path))
                .unwrap_or(1)
        });
        Some(oldest)
    }
}

struct Check<'a> {
    trail: &'a Trail,
    report: Report,
    heads: Heads,
}

impl Check<'_> {
    fn find(&mut self, finding: Finding) {
        self.report.findings.push(finding);
    }

    fn read_manifest(&mut self) -> Vec<Line> {
        let path = layout::manifest(&self.trail.directory, &self.trail.host);
        manifest::read(&path).unwrap_or_else(|error| {
            let error = error.to_string();
            self.find(Finding::ManifestUnreadable { error });
            Vec::new()
        })
    }

    /// Checks that the lines go on where those before end.
    fn order(&mut self, lines: &[Line]) {
        for (number, line) in (1..).zip(lines) {
            let expected = self.report.head + 1;
            if line.first != expected {
                self.find(Finding::ManifestBroken {
                    line: number,
                    expected,
                    found: line.first,
                });
            }
            self.report.head = line.last;
        }
        self.report.files = lines.len() as u64;
    }

    fn add(&mut self, line: &Line, compared: Compared) {
        self.report.rows += compared.rows;
        self.report.findings.extend(compared.findings);
        let follows = self.heads.size() + 1 == line.first;
        match (compared.leaves.filter(|_| follows), line.tree()) {
            (Some(leaves), _) => leaves.into_iter().for_each(|leaf| self.heads.push(leaf)),
            (None, Some(tree)) => self.heads.skip_to(tree),
            (None, None) => {}
        }
    }

    /// Files that no line names. One that goes on at the head while the journal still has its records is being made.
    fn unlisted(&mut self, oldest: &Option<Result<u64, JournalError>>) -> Result<(), ArchiveError> {
        let trail = self.trail;
        let files = layout::files(&trail.directory, &trail.host)?;
        // Read again, after the files were listed: the agent may have gone on.
        let manifest = layout::manifest(&trail.directory, &trail.host);
        let lines = manifest::read(&manifest).unwrap_or_default();
        let named: HashSet<&Path> = lines.iter().map(|line| line.file.as_path()).collect();
        let next = lines.last().map_or(0, |line| line.last) + 1;
        let in_journal = matches!(oldest, Some(Ok(oldest)) if *oldest <= next);
        for path in files {
            let file = path.strip_prefix(&trail.directory).unwrap_or(&path);
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let begun = in_journal && name.starts_with(&format!("{next:020}-"));
            if !begun && !name.ends_with(layout::UNFINISHED) && !named.contains(file) {
                let file = file.to_owned();
                self.find(Finding::Unlisted { file });
            }
        }
        Ok(())
    }

    fn journal(&mut self, oldest: Option<Result<u64, JournalError>>, lines: &[Line]) {
        let Some(directory) = self.trail.journal.as_deref() else {
            return;
        };
        let next = match oldest {
            Some(Ok(oldest)) => {
                self.lost(oldest);
                self.newest_in_journal(directory, lines)
            }
            Some(Err(error)) => Err(error),
            None => return,
        };
        let head = self.report.head;
        match next {
            Ok(next) if next <= head => self.find(Finding::RolledBack { next, head }),
            Ok(next) => self.report.pending = next - head - 1,
            Err(JournalError::Missing {
                expected, found, ..
            }) => self.find(Finding::Lost {
                first: expected,
                last: found.saturating_sub(1),
            }),
            Err(error) => {
                let error = error.to_string();
                self.find(Finding::JournalUnreadable { error });
            }
        }
    }

    /// What the tree was built of, and what it showed.
    fn finish(mut self) -> Report {
        // Unless the agent archived between two looks, or what is missing is among the findings already.
        let is_settled = self.report.head + self.report.pending == self.heads.size();
        if is_settled {
            self.heads.finish(self.trail.journal.is_some());
        }
        Report {
            signed: self.heads.signed,
            unseen: self.heads.unseen,
            since: self.heads.since,
            findings: [self.report.findings, self.heads.findings].concat(),
            ..self.report
        }
    }

    /// Number of the record that the journal would write next; every record before it is read, and goes into the tree.
    fn newest_in_journal(&mut self, directory: &Path, lines: &[Line]) -> Result<u64, JournalError> {
        let mut sessions = sessions_at_head(&self.trail.directory, &self.trail.host, lines).ok();
        let mut next = None;
        for segment in journal::segments(directory)? {
            let first = journal::first_sequence(&segment).unwrap_or_default();
            let records = match journal::read_segment(&segment) {
                // Archived since the directory was listed.
                Err(JournalError::Io { source, .. })
                    if source.kind() == io::ErrorKind::NotFound =>
                {
                    next = None;
                    continue;
                }
                records => records?,
            };
            match next {
                Some(expected) if expected != first => {
                    return Err(JournalError::Missing {
                        expected,
                        found: first,
                        path: segment,
                    });
                }
                _ => next = Some(first),
            }
            for entry in records {
                let entry = entry?;
                next = Some(entry.sequence + 1);
                if let Some(sessions) = sessions
                    .as_mut()
                    .filter(|_| entry.sequence == self.heads.size() + 1)
                {
                    self.heads.push(leaf::of(&row_of(&entry, sessions)));
                }
            }
        }
        Ok(next.unwrap_or(1))
    }

    fn lost(&mut self, oldest: u64) {
        let expected = self.report.head + 1;
        if oldest > expected {
            self.find(Finding::Lost {
                first: expected,
                last: oldest - 1,
            });
        }
    }
}

/// Files that are compared before anything is made of it: their leaf hashes are held.
const WAVE: usize = 16;

fn waves(files: usize) -> impl Iterator<Item = Range<usize>> {
    (0..files)
        .step_by(WAVE)
        .map(move |first| first..files.min(first + WAVE))
}

/// Compares some files, on all processors.
fn compare_all(trail: &Trail, lines: &[Line], wave: Range<usize>) -> Vec<Compared> {
    let next = AtomicUsize::new(wave.start);
    let work = || {
        let take =
            || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|index| wave.contains(index));
        let compare = |index: usize| {
            let line = lines.get(index)?;
            let before = index.checked_sub(1).and_then(|before| lines.get(before));
            Some((index, compare(&trail.directory, &trail.host, before, line)))
        };
        iter::from_fn(|| take().and_then(compare)).collect::<Vec<_>>()
    };
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let mut compared = thread::scope(|scope| {
        let workers: Vec<_> = (1..processors).map(|_| scope.spawn(work)).collect();
        let mut compared = work();
        for worker in workers {
            match worker.join() {
                Ok(more) => compared.extend(more),
                Err(panic) => resume_unwind(panic),
            }
        }
        compared
    });
    compared.sort_by_key(|(index, _)| *index);
    compared.into_iter().map(|(_, compared)| compared).collect()
}
