//! Making and opening the log.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};
use std::time::Instant;

use super::chain::step;
use super::files::{DB, HEAD, RECORDS, REOPEN_WAIT, SEGMENT_SIZE, damaged, io_error, sync_tree};
use super::log::Sled;
use super::room::{is_for_want_of_room, release_reserve, reserve};
use super::shared::Shared;
use super::trees::Trees;
use crate::error::LogError;
use crate::head::HeadFile;
use crate::pre_open_backup::{self as backup, PreOpenBackup};
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
        HeadFile::create(&dir.join(HEAD))?;
        let records = dir.join(RECORDS);
        fs::create_dir(&records).map_err(|source| io_error("creating", &records, source))?;
        let trees = Trees::open(&records)?;
        trees.blocks_to_write()?;
        trees.snapshots_to_write()?;
        trees.sync()?;
        drop(trees);
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
            }),
            dir: dir.to_owned(),
            head_file,
            head,
            leftovers: false,
            unsound: None,
            appended: false,
            swept: false,
            small: None,
        };
        log.reopen(deadline)?;
        Ok(log)
    }

    /// Closes sled and the head file, and opens both again.
    pub(super) fn reopen(&mut self, deadline: Instant) -> Result<(), LogError> {
        self.shared.close();
        self.head_file = HeadFile::open(&self.dir.join(HEAD))?;
        self.set_head(self.head_file.head());
        self.small = None;
        let records = self.dir.join(RECORDS);
        swap::settle(&records).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => damaged(format!("{}: {source}", records.display()), None),
            _ => io_error("finishing an erasure in", &self.dir, source),
        })?;
        let saved = PreOpenBackup::take(&records, SEGMENT_SIZE);
        let saved = saved.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => {
                damaged(format!("{}: {source}", records.join(DB).display()), None)
            }
            _ => io_error("reading", &records, source),
        })?;
        let mut trees = Trees::open_until(&records, deadline);
        if trees.as_ref().is_err_and(is_for_want_of_room) && release_reserve(&self.dir) {
            trees = Trees::open_until(&records, deadline);
        }
        let trees = match trees.map(|trees| (trees.end(), trees)) {
            Ok((Ok(end), trees)) if end >= self.head.count => trees,
            Err(error @ LogError::Io { .. }) => return Err(error),
            outcome => {
                let error = outcome.err();
                self.open_copy(&saved, error, deadline)?
            }
        };
        self.shared.show(trees);
        self.survey();
        Ok(())
    }

    /// Writes the backup back over a damaged log, and opens a copy of the log for reading.
    pub(super) fn open_copy(
        &self,
        saved: &PreOpenBackup,
        error: Option<LogError>,
        deadline: Instant,
    ) -> Result<Trees, LogError> {
        let records = self.dir.join(RECORDS);
        let failed = |source| io_error("copying the damaged", &records, source);
        saved.restore().map_err(failed)?;
        let scratch = backup::scratch(&records).map_err(failed)?;
        backup::copy(&records, scratch.path()).map_err(failed)?;
        let mut trees = Trees::open_until(scratch.path(), deadline);
        if matches!(trees, Err(LogError::Damaged { .. })) {
            // Reading the whole log may find more than the table of pages, which the damage contradicts.
            backup::forget_tables(scratch.path()).map_err(failed)?;
            trees = Trees::open_until(scratch.path(), deadline);
        }
        // The error names the log, not its copy.
        let mut trees = trees.map_err(|again| error.unwrap_or(again))?;
        trees.shown = records;
        trees.copy = Some(scratch);
        Ok(trees)
    }

    /// Opens the log again if an earlier attempt after a failure did not succeed.
    pub(super) fn open_again(&mut self) -> Result<(), LogError> {
        if self.shared.trees().is_none() {
            self.reopen(Instant::now() + REOPEN_WAIT)?;
        }
        Ok(())
    }

    /// Compares the stored records with the committed head. Writes nothing.
    pub(super) fn survey(&mut self) {
        self.leftovers = false;
        self.unsound = None;
        let surveyed = self.trees().and_then(|trees| {
            let is_copy = trees.copy.is_some();
            trees.end().map(|end| (end, is_copy))
        });
        let (end, is_copy) = match surveyed {
            Ok(surveyed) => surveyed,
            Err(error) => {
                self.unsound = Some(error.to_string());
                return;
            }
        };
        if end < self.head.count {
            self.unsound = Some(format!(
                "{}: {} records were committed, only {end} can be read",
                self.dir.display(),
                self.head.count
            ));
        } else if is_copy {
            self.unsound = Some(format!(
                "{}: it is damaged, and could be read only in parts",
                self.dir.display()
            ));
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
