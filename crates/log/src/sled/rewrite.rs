//! Writing all records anew, to erase some or for the room.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::chain::continues;
use super::files::{DB, RECORDS, REOPEN_WAIT, damaged, io_error, sync_tree};
use super::log::Sled;
use super::room::{check_room, is_for_want_of_room, reserve, size_of};
use super::shared::Shared;
use super::snapshots::Putting;
use super::trees::Trees;
use super::write::Writer;
use crate::block;
use crate::error::LogError;
use crate::log::{Compact, Compaction, Erase, Reader as _, SnapshotCache as _, Stored};
use crate::pre_open_backup as backup;
use crate::swap;
use servanda_core::chain::record::{Head, Sealed};

/// Records that are copied in one go; 32 MiB at the most that a ledger lets a record have.
const COPIED_AT_ONCE: usize = 512;

/// Why all records are written anew.
pub(super) enum Rewriting<'a> {
    /// These take the place of those that lie there.
    Erasing(BTreeMap<u64, &'a Sealed>),
    /// For the room.
    Compacting,
}

/// Waits until sled has let go of a directory that was closed: its threads may outlive it for a moment.
fn released(records: &Path) -> Result<(), LogError> {
    let path = records.join(DB);
    let failed = |source| io_error("waiting for", &path, source);
    let deadline = Instant::now() + REOPEN_WAIT;
    let file = File::open(&path).map_err(failed)?;
    loop {
        // What sled itself locks while it has it open. This lock goes with the handle.
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(failed(error.into())),
        }
    }
}

impl Sled {
    /// Wipes what an erasure left that broke off.
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
            // The link would be renamed, and what it leads to would stay.
            Ok(found) if found.is_symlink() => {
                let why = io::Error::new(io::ErrorKind::Unsupported, "it is a symbolic link");
                Err(io_error("erasing in", &dir, why))
            }
            _ => Ok(()),
        }
    }

    /// Puts a copy in place of the records, and sweeps up what is then left of the one or the other.
    pub(super) fn replace(&mut self, rewriting: &Rewriting<'_>) -> Result<(), LogError> {
        let rewritten = self.rewrite(rewriting);
        self.swept = false;
        if rewritten.as_ref().is_err_and(is_for_want_of_room) {
            // Opening may need the room that the copy has taken.
            let _later = self.sweep();
        }
        let reopened = self.reopen(Instant::now() + REOPEN_WAIT);
        let swept = reopened.and_then(|()| self.sweep());
        // What failed first says more than what failed after it.
        rewritten.and(swept)
    }

    /// Copies all records into a new directory, some of them changed, and puts it in place of this one.
    fn rewrite(&mut self, rewriting: &Rewriting<'_>) -> Result<(), LogError> {
        let records = self.dir.join(RECORDS);
        let new = swap::new_of(&records);
        fs::create_dir(&new).map_err(|source| io_error("creating", &new, source))?;
        self.copy_to(&new, rewriting)?;
        self.compare_with(&new, rewriting)?;
        released(&new)?;
        sync_tree(&new)?;
        self.shared.close();
        released(&records)?;
        swap::exchange(&records).map_err(|source| io_error("replacing", &records, source))
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

    /// Reads a copy back, as it lies on the disk, and compares it with what it should be.
    fn compare_with(&self, new: &Path, rewriting: &Rewriting<'_>) -> Result<(), LogError> {
        let differs = |seq: u64| damaged(format!("{}: record {seq} differs", new.display()), None);
        let trees = Trees::open_until(new, Instant::now() + REOPEN_WAIT)?;
        let copy = Shared::of(trees, self.head.count);
        let mut head = Head::EMPTY;
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
                if matches!(rewriting, Rewriting::Compacting) {
                    head = self.followed(head, found)?;
                }
                next += 1;
            }
        }
        if copy.trees().ok_or_else(LogError::closed)?.end()? != self.head.count {
            return Err(differs(self.head.count));
        }
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

    /// The head after a record that continues the chain, and whose payload is the one bound.
    fn followed(&self, head: Head, stored: &Stored) -> Result<Head, LogError> {
        continues(head, None, stored)
            .map(|(_, head)| head)
            .ok_or_else(|| {
                let what = format!(
                    "{}: record {} does not continue the chain, or its payload is another",
                    self.dir.display(),
                    stored.seq
                );
                damaged(what, None)
            })
    }

    /// Some records from this place on, without a gap, as they are to be.
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
        self.open_again()?;
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
        self.open_again()?;
        self.check_rewriting(&[])?;
        self.swept = false;
        self.sweep()?;
        let records = self.dir.join(RECORDS);
        let size = || size_of(&records).map_err(|source| io_error("measuring", &records, source));
        let before = size()?;
        check_room(&records, before)?;
        self.replace(&Rewriting::Compacting)?;
        let after = size()?;
        // There may be room for it now. If not, the next append says so.
        let _later = reserve(&self.dir);
        Ok(Compaction { before, after })
    }
}
