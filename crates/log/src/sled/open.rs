//! Making and opening the log.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Instant, SystemTime};

use super::chain::step;
use super::files::{DB, HEAD, RECORDS, REOPEN_WAIT, SEGMENT_SIZE, damaged, io_error, sync_tree};
use super::guard::is_in_use;
use super::log::Sled;
use super::room::{is_for_want_of_room, release_reserve, reserve};
use super::settled::{is_sealed, settle};
use super::shared::Shared;
use super::trees::{Trees, check_clock};
use crate::error::LogError;
use crate::head::{HeadFile, fewer};
use crate::log::Reader as _;
use crate::pre_open_backup::{self as backup, Parts, PreOpenBackup};
use crate::swap;
use servanda_core::chain::record::Head;
use servanda_core::chain::walker::{Step, Walker};

/// Records behind the head that are looked at in one go.
const ADOPTED_AT_ONCE: usize = 1024;

impl Sled {
    /// Makes an empty log in an existing directory. Syncs its files, and leaves the directory itself to the caller.
    ///
    /// # Errors
    /// [`LogError`], where something cannot be written.
    pub fn create(dir: &Path) -> Result<(), LogError> {
        check_clock(SystemTime::now())?;
        HeadFile::create(&dir.join(HEAD))?;
        // Where there are records, there is a head, also after a power cut.
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(|source| io_error("syncing", dir, source))?;
        let records = dir.join(RECORDS);
        fs::create_dir(&records).map_err(|source| io_error("creating", &records, source))?;
        let trees = Trees::open(&records)?;
        trees.blocks_to_write()?;
        trees.snapshots_to_write()?;
        trees.sync()?;
        drop(trees);
        settle(&records, Head::EMPTY, Instant::now() + REOPEN_WAIT)?;
        sync_tree(&records)?;
        reserve(dir)
    }

    /// Opens the log in a directory, and waits until the deadline if sled is in use.
    ///
    /// # Errors
    /// [`LogError`], where it cannot be read at all. A log that lost records opens.
    pub fn open(dir: &Path, deadline: Instant) -> Result<Self, LogError> {
        let head_file = HeadFile::open(&dir.join(HEAD))?;
        let head = head_file.head();
        let mut log = Self {
            shared: Arc::new(Shared {
                trees: RwLock::new(None),
                end: AtomicU64::new(head.count),
                met_damage: AtomicBool::new(false),
            }),
            dir: dir.to_owned(),
            head_file,
            head,
            leftovers: false,
            unsound: None,
            found: None,
            wrote: AtomicBool::new(false),
            swept: false,
            small: None,
        };
        log.open_to_read(deadline)?;
        Ok(log)
    }

    /// Opens sled so that its files stay as they are: the files themselves if they are sealed, otherwise a copy.
    fn open_to_read(&mut self, deadline: Instant) -> Result<(), LogError> {
        let records = self.dir.join(RECORDS);
        let standing = swap::standing(&records).map_err(|source| missing(&records, source))?;
        let saved = taken(&standing)?;
        let mut refusal = None;
        if standing == records && is_sealed(&standing, &saved) {
            match whole(Trees::open_until(&standing, deadline), self.head) {
                Ok(trees) => {
                    self.found = Some(saved);
                    self.show(trees);
                    return Ok(());
                }
                Err(Some(error)) if is_in_use(&error) => return Err(error),
                Err(error) => refusal = error,
            }
        }
        match self.open_copy(&standing, &saved, deadline) {
            Ok(trees) => self.show(trees),
            // The backup in memory will do.
            Err(error) if is_for_want_of_room(&error) => self.reopen(deadline)?,
            Err(error) => return Err(refusal.unwrap_or(error)),
        }
        Ok(())
    }

    /// Opens the log itself to be written, if a copy was opened to read: sets aside what the copy did without.
    pub(super) fn take_over(&mut self) -> Result<(), LogError> {
        let opened = self.shared.trees();
        let copied = opened.map(|trees| trees.copy.as_ref().map(|(_, parts)| *parts));
        let parts = match copied {
            None => return self.reopen(Instant::now() + REOPEN_WAIT),
            Some(Some(parts)) if self.unsound.is_none() => parts,
            Some(_) => return Ok(()),
        };
        let records = self.dir.join(RECORDS);
        let failed = |source| io_error("setting aside files in", &records, source);
        swap::settle(&records).map_err(|source| missing(&records, source))?;
        let has_table = backup::has_table(&records).map_err(failed)?;
        if parts == Parts::DbAlone || !has_table {
            self.check_all()?;
        }
        backup::set_aside(&records, parts).map_err(failed)?;
        self.wrote.store(true, Ordering::Relaxed);
        self.reopen(Instant::now() + REOPEN_WAIT)
    }

    /// Follows all records to the head. Without a table of pages, sled takes older pages for lost ones.
    fn check_all(&mut self) -> Result<(), LogError> {
        let mut walker = Walker::START;
        while walker.head().count < self.head.count {
            let chunk = self.shared.read(walker.head().count, ADOPTED_AT_ONCE);
            let chunk = chunk.inspect_err(|error| self.unsound = Some(error.to_string()))?;
            let continues = |stored| step(&mut walker, stored).is_some();
            if chunk.is_empty() || !chunk.iter().all(continues) {
                break;
            }
        }
        if walker.head() != self.head {
            let records = self.dir.join(RECORDS);
            self.unsound = Some(format!(
                "{}: the records lead to {}, not {}",
                records.display(),
                walker.head(),
                self.head
            ));
        }
        self.check_sound()
    }

    fn show(&mut self, trees: Trees) {
        self.shared.show(trees);
        self.survey();
    }

    /// Closes sled and the head file, and opens both again, to be written.
    pub(super) fn reopen(&mut self, deadline: Instant) -> Result<(), LogError> {
        self.shared.close();
        self.head_file = HeadFile::open(&self.dir.join(HEAD))?;
        self.set_head(self.head_file.head());
        self.small = None;
        self.found = None;
        let records = self.dir.join(RECORDS);
        swap::settle(&records).map_err(|source| missing(&records, source))?;
        let saved = taken(&records)?;
        let mut trees = Trees::open_until(&records, deadline);
        if trees.as_ref().is_err_and(is_for_want_of_room) && release_reserve(&self.dir) {
            trees = Trees::open_until(&records, deadline);
        }
        let trees = match whole(trees, self.head) {
            Ok(trees) => trees,
            Err(Some(error @ LogError::Io { .. })) => return Err(error),
            Err(refusal) => {
                let restored = saved.restore();
                restored.map_err(|source| io_error("restoring", &records, source))?;
                let copied = self.open_copy(&records, &saved, deadline);
                copied.map_err(|error| refusal.unwrap_or(error))?
            }
        };
        self.show(trees);
        Ok(())
    }

    /// Copies the log into a scratch directory and opens it there, with the parts of which sled makes the most.
    pub(super) fn open_copy(
        &self,
        records: &Path,
        saved: &PreOpenBackup,
        deadline: Instant,
    ) -> Result<Trees, LogError> {
        let failed = |source| io_error("copying", records, source);
        // A sealed log of which sled could not read enough was opened before.
        saved.restore().map_err(failed)?;
        backup::wipe_scratches(&self.dir.join(RECORDS)).map_err(failed)?;
        let open = |parts| {
            let scratch = backup::scratch(&self.dir.join(RECORDS)).map_err(failed)?;
            let home = scratch.0.path();
            backup::copy(records, home, parts).map_err(failed)?;
            let mut trees = Trees::open_until(home, deadline)?;
            // Errors name the log, not its copy.
            trees.shown = records.to_owned();
            trees.copy = Some((scratch, parts));
            // What is damaged at the end is named when it is read.
            let end = trees.end().unwrap_or(0);
            Ok::<_, LogError>((end, trees))
        };
        let known = open(Parts::Known);
        match &known {
            Ok((end, _)) if *end >= self.head.count => return known.map(|(_, trees)| trees),
            Err(LogError::Io { .. }) => return known.map(|(_, trees)| trees),
            _ => {}
        }
        // Reading the whole log may find more than the table of pages, which damage contradicts.
        match (known, open(Parts::DbAlone)) {
            (Ok((more, trees)), Ok((end, _))) if more >= end => Ok(trees),
            (Ok((_, trees)), Err(_)) | (_, Ok((_, trees))) => Ok(trees),
            (Err(error), Err(_)) => Err(error),
        }
    }

    /// Compares the stored records with the committed head. Writes nothing.
    pub(super) fn survey(&mut self) {
        self.leftovers = false;
        self.unsound = None;
        let surveyed = self.trees().and_then(|trees| trees.end());
        let end = match surveyed {
            Ok(end) => end,
            Err(error) => {
                self.unsound = Some(error.to_string());
                return;
            }
        };
        if end < self.head.count {
            self.unsound = Some(fewer(&self.dir, self.head, end));
        } else if end > self.head.count {
            self.set_head(self.adopted());
            self.leftovers = end > self.head.count;
        }
    }

    /// Follows the whole batches that continue the chain behind the committed head, and gives the head after them.
    pub(super) fn adopted(&self) -> Head {
        let mut adopted = self.head;
        let mut walker = Walker::behind(self.head);
        loop {
            let next = walker.head().count;
            let chunk = self
                .trees()
                .and_then(|trees| trees.read(next, ADOPTED_AT_ONCE, u64::MAX));
            let Ok(chunk) = chunk else { return adopted };
            if chunk.is_empty() {
                return adopted;
            }
            for stored in chunk {
                match step(&mut walker, &stored) {
                    Some(Step { ends_batch: true }) => adopted = walker.head(),
                    Some(_) => {}
                    None => return adopted,
                }
            }
        }
    }
}

/// The opened sled if it holds as many records as were committed; otherwise its error, if it has one.
fn whole(opened: Result<Trees, LogError>, head: Head) -> Result<Trees, Option<LogError>> {
    let trees = opened?;
    match trees.short_of(head)? {
        None => Ok(trees),
        Some(_) => Err(None),
    }
}

fn missing(records: &Path, source: io::Error) -> LogError {
    match source.kind() {
        io::ErrorKind::NotFound => damaged(format!("{}: {source}", records.display()), None),
        _ => io_error("finishing an erasure of", records, source),
    }
}

/// Refuses a table of records that is nearly all a hole: sled and a copy would go through every byte of it. A file system
/// that compresses makes far less of what was written.
fn check_is_written(records: &Path) -> Result<(), LogError> {
    /// Blocks of the system are 512 bytes.
    const BLOCK: u64 = 512;
    const HOLES_MAX: u64 = 256 * 1024 * 1024;
    let path = records.join(DB);
    let Ok(found) = fs::metadata(&path) else {
        // What is missing is told where it is read.
        return Ok(());
    };
    #[cfg(unix)]
    let written = std::os::unix::fs::MetadataExt::blocks(&found).saturating_mul(BLOCK);
    #[cfg(not(unix))]
    let written = found.len();
    if found.len() / 64 > written.saturating_add(HOLES_MAX / 64) {
        let what = format!(
            "{}: of its {} bytes no more than {written} were ever written",
            path.display(),
            found.len()
        );
        return Err(damaged(what, None));
    }
    Ok(())
}

/// Reads what opening may change.
fn taken(records: &Path) -> Result<PreOpenBackup, LogError> {
    check_is_written(records)?;
    let saved = PreOpenBackup::take(records, SEGMENT_SIZE);
    saved.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => {
            damaged(format!("{}: {source}", records.join(DB).display()), None)
        }
        io::ErrorKind::InvalidData => damaged(source.to_string(), None),
        _ => io_error("reading", records, source),
    })
}
