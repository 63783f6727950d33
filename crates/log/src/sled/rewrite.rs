//! Writes all records anew, to erase some or to save room.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use servanda_files::Temporary;

use super::chain::step;
use super::files::{RECORDS, REOPEN_WAIT, damaged, io_error, released, sync_tree};
use super::log::Sled;
use super::room::{check_room, is_for_want_of_room, reserve, size_of};
use super::settled::settle;
use super::shared::Shared;
use super::snapshots::Putting;
use super::trees::Trees;
use super::write::Writer;
use crate::block;
use crate::error::LogError;
use crate::log::{Compact, Compaction, Erase, Reader as _, SnapshotCache as _, Stored};
use crate::pre_open_backup as backup;
use crate::swap;
use servanda_core::chain::record::Sealed;
use servanda_core::chain::walker::Walker;

/// Records that are copied in one go; at most 32 MiB with the largest records that a ledger allows.
const COPIED_AT_ONCE: usize = 512;

/// The reason to write all records anew.
pub(super) enum Rewriting<'a> {
    /// These records replace the stored ones.
    Erasing(BTreeMap<u64, &'a Sealed>),
    /// To save room.
    Compacting,
}

impl Sled {
    /// Wipes the leftovers of an interrupted erasure.
    pub(super) fn sweep(&mut self) -> Result<(), LogError> {
        if !self.swept {
            let records = self.dir.join(RECORDS);
            swap::sweep(&records)
                .map_err(|source| io_error("finishing an erasure in", &self.dir, source))?;
            self.swept = true;
        }
        Ok(())
    }

    pub(super) fn check_rewriting(&self, records: &[Stored]) -> Result<(), LogError> {
        self.check_sound()?;
        for stored in records {
            if stored.seq >= self.head.count {
                return Err(LogError::no_such_record(stored.seq));
            }
            if stored.sealed.0.len() > block::MAX_RECORD {
                let why = format!("record {} is longer than it can be", stored.seq);
                let source = io::Error::new(io::ErrorKind::InvalidInput, why);
                return Err(io_error("erasing in", &self.dir, source));
            }
        }
        let dir = self.dir.join(RECORDS);
        match fs::symlink_metadata(&dir) {
            // The link would be renamed, and its target would stay.
            Ok(found) if found.is_symlink() => {
                let why = io::Error::new(io::ErrorKind::Unsupported, "it is a symbolic link");
                Err(io_error("erasing in", &dir, why))
            }
            _ => Ok(()),
        }
    }

    /// Puts a copy in place of the records, and wipes the other directory.
    pub(super) fn replace(&mut self, rewriting: &Rewriting<'_>) -> Result<(), LogError> {
        let records = self.dir.join(RECORDS);
        let (new, temporary) = Temporary::of(|| made(swap::new_of(&records)))
            .map_err(|source| io_error("creating", &swap::new_of(&records), source))?;
        let written = self.write_anew(&new, rewriting);
        temporary.last_step(|| {
            let rewritten = written.and_then(|()| {
                swap::exchange(&records).map_err(|source| io_error("replacing", &records, source))
            });
            self.settle_in(rewritten)
        })
    }

    /// Opens the records again after an exchange, or after an attempt at it, and wipes what it left.
    fn settle_in(&mut self, rewritten: Result<(), LogError>) -> Result<(), LogError> {
        self.wrote.store(true, Ordering::Relaxed);
        self.swept = false;
        if rewritten.as_ref().is_err_and(is_for_want_of_room) {
            // Opening may need the room of the copy.
            let _later = self.sweep();
        }
        let reopened = self.reopen(Instant::now() + REOPEN_WAIT);
        let swept = reopened.and_then(|()| self.sweep());
        // The first error says more than a later one.
        rewritten.and(swept)
    }

    /// Copies all records into a new directory, some of them changed, and closes the old one.
    fn write_anew(&mut self, new: &Path, rewriting: &Rewriting<'_>) -> Result<(), LogError> {
        self.copy_to(new, rewriting)?;
        self.compare_with(new, rewriting)?;
        settle(new, self.head, Instant::now() + REOPEN_WAIT)?;
        sync_tree(new)?;
        self.shared.close();
        released(&self.dir.join(RECORDS))
    }

    fn copy_to(&self, new: &Path, rewriting: &Rewriting<'_>) -> Result<(), LogError> {
        let copy = Shared::of(Trees::open(new)?, self.head.count);
        let trees = copy.trees().ok_or_else(LogError::closed)?;
        trees.blocks_to_write()?;
        trees.snapshots_to_write()?;
        drop(trees);
        if matches!(rewriting, Rewriting::Compacting) {
            for count in self.counts()? {
                if let Some(bytes) = self.load(count)? {
                    Putting::put(&copy, count, &|give: &mut dyn FnMut(&[u8])| give(&bytes))?;
                }
            }
        }
        let mut writer = Writer::new(&copy, 0, Vec::new());
        let mut next = 0;
        while next < self.head.count {
            for stored in self.rewritten(next, rewriting)? {
                writer.push(&stored.sealed.0)?;
                next += 1;
            }
        }
        writer.end()?;
        copy.trees().ok_or_else(LogError::closed)?.sync()
    }

    /// Reads a copy back from the disk, and compares it with the records.
    fn compare_with(&self, new: &Path, rewriting: &Rewriting<'_>) -> Result<(), LogError> {
        let differs = |seq: u64| damaged(format!("{}: record {seq} differs", new.display()), None);
        let trees = Trees::open_until(new, Instant::now() + REOPEN_WAIT)?;
        let copy = Shared::of(trees, self.head.count);
        let mut walker = Walker::START;
        let mut next = 0;
        while next < self.head.count {
            let due = self.rewritten(next, rewriting)?;
            let found = copy.read(next, COPIED_AT_ONCE)?;
            if found.is_empty() {
                return Err(differs(next));
            }
            for (due, found) in due.iter().zip(&found) {
                if due != found {
                    return Err(differs(due.seq));
                }
                if matches!(rewriting, Rewriting::Compacting) && step(&mut walker, found).is_none()
                {
                    return Err(self.no_chain(found.seq));
                }
                next += 1;
            }
        }
        if copy.trees().ok_or_else(LogError::closed)?.end()? != self.head.count {
            return Err(differs(self.head.count));
        }
        let head = walker.head();
        if matches!(rewriting, Rewriting::Compacting) && head != self.head {
            let what = format!(
                "{}: the records lead to {head}, not {}",
                self.dir.display(),
                self.head
            );
            return Err(damaged(what, None));
        }
        Ok(())
    }

    fn no_chain(&self, seq: u64) -> LogError {
        let what = format!(
            "{}: record {seq} does not continue the chain, or its payload is another",
            self.dir.display()
        );
        damaged(what, None)
    }

    /// Reads some records from this place on, without a gap, with the changes to make.
    fn rewritten(&self, from: u64, rewriting: &Rewriting<'_>) -> Result<Vec<Stored>, LogError> {
        let mut chunk = self.shared.read(from, COPIED_AT_ONCE)?;
        let gap = (from..).zip(&chunk).find(|(due, found)| *due != found.seq);
        let missing = gap.map(|(due, _)| due).or(chunk.is_empty().then_some(from));
        if let Some(seq) = missing {
            let what = format!("{}: record {seq} is missing", self.dir.display());
            return Err(damaged(what, None));
        }
        if let Rewriting::Erasing(changes) = rewriting {
            for stored in &mut chunk {
                if let Some(&sealed) = changes.get(&stored.seq) {
                    stored.sealed = sealed.clone();
                }
            }
        }
        Ok(chunk)
    }
}

impl Erase for Sled {
    fn erase(&mut self, records: &[Stored]) -> Result<(), LogError> {
        self.take_over()?;
        self.check_rewriting(records)?;
        self.swept = false;
        self.sweep()?;
        backup::wipe_scratches(&self.dir.join(RECORDS))
            .map_err(|source| io_error("wiping copies of", &self.dir, source))?;
        if records.is_empty() {
            return Ok(());
        }
        let changes = records.iter().map(|stored| (stored.seq, &stored.sealed));
        self.replace(&Rewriting::Erasing(changes.collect()))
    }
}

impl Compact for Sled {
    fn compact(&mut self) -> Result<Compaction, LogError> {
        self.take_over()?;
        self.check_rewriting(&[])?;
        self.swept = false;
        self.sweep()?;
        let records = self.dir.join(RECORDS);
        let size = || size_of(&records).map_err(|source| io_error("measuring", &records, source));
        let before = size()?;
        check_room(&records, before)?;
        self.replace(&Rewriting::Compacting)?;
        let after = size()?;
        // If there is no room for it, the next append reports that.
        let _later = reserve(&self.dir);
        Ok(Compaction { before, after })
    }
}

/// Makes a directory, and gives its path back.
fn made(dir: PathBuf) -> io::Result<PathBuf> {
    fs::create_dir(&dir)?;
    Ok(dir)
}
