//! The trees of an open sled, and what is read and written in them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use ::sled::{Batch, Config, Db, Tree};
use bytes::Bytes;
use servanda_files::Temporary;
use tempfile::TempDir;

use super::files::{DB, SEGMENT_SIZE, SMALL_BLOCKS_TO_MERGE, damaged, io_error};
use super::guard::guarded;
use crate::block::{self, Value, note_small};
use crate::error::LogError;
use crate::pre_open_backup::Parts;
use servanda_core::chain::record::Head;

/// The size of sled's cache: most values are read and written once.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// sled is opened anew after reading this many bytes, because it does not release what it caches while reading.
pub(super) const READ_PER_HANDLE: usize = 64 * 1024 * 1024;

/// sled is opened anew after writing this many bytes, because it splits its cache among 256 lists that never get empty.
pub(super) const WRITTEN_PER_HANDLE: usize = 16 * 1024 * 1024;

const BLOCKS: &str = "blocks";

const SNAPSHOTS: &str = "snapshots";

/// An open sled.
pub(super) struct Trees {
    pub(super) blocks: OnceLock<Tree>,
    pub(super) snapshots: OnceLock<Tree>,
    /// Only drop takes it.
    pub(super) db: Option<Db>,
    /// Our own handle of sled's file, to sync it.
    pub(super) file: File,
    pub(super) records: PathBuf,
    /// The directory that errors name.
    pub(super) shown: PathBuf,
    /// The scratch directory, if this is a copy, and what was copied. Deleted after everything else here is closed.
    pub(super) copy: Option<((TempDir, Temporary), Parts)>,
    /// Bytes of values that were read since sled was opened.
    pub(super) bytes_read: AtomicUsize,
    /// Bytes of values that were written since sled was opened.
    pub(super) bytes_written: AtomicUsize,
}

/// Refuses a time before 1970: sled's threads panic there.
pub(super) fn check_clock(now: SystemTime) -> Result<(), LogError> {
    match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(_) => Ok(()),
        Err(_) => Err(LogError::Clock),
    }
}

impl Trees {
    pub(super) fn open(records: &Path) -> Result<Self, LogError> {
        check_clock(SystemTime::now())?;
        let config = Config::new()
            .path(records)
            .segment_size(SEGMENT_SIZE)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None);
        let db = guarded("opening", records, || config.open())?;
        let db_path = records.join(DB);
        let file = File::open(&db_path).map_err(|source| io_error("opening", &db_path, source))?;
        let trees = Self {
            blocks: OnceLock::new(),
            snapshots: OnceLock::new(),
            db: Some(db),
            file,
            records: records.to_owned(),
            shown: records.to_owned(),
            copy: None,
            bytes_read: AtomicUsize::new(0),
            bytes_written: AtomicUsize::new(0),
        };
        // Opening a tree that does not exist would write one.
        let names = trees.call("reading", || Ok(trees.db().tree_names()))?;
        if names.iter().any(|name| name == BLOCKS.as_bytes()) {
            trees.blocks_to_write()?;
        }
        if names.iter().any(|name| name == SNAPSHOTS.as_bytes()) {
            trees.snapshots_to_write()?;
        }
        Ok(trees)
    }

    /// Opens an existing directory, and waits for sled's lock, which may outlive a closed log for a moment.
    pub(super) fn open_until(records: &Path, deadline: Instant) -> Result<Self, LogError> {
        let db_path = records.join(DB);
        if let Err(source) = fs::metadata(&db_path) {
            return Err(match source.kind() {
                io::ErrorKind::NotFound => {
                    damaged(format!("{} is missing", db_path.display()), None)
                }
                _ => io_error("opening", &db_path, source),
            });
        }
        let mut pause = Duration::from_millis(1);
        loop {
            match Self::open(records) {
                Err(LogError::Io { source, .. })
                    if source.kind() == io::ErrorKind::WouldBlock && Instant::now() < deadline =>
                {
                    thread::sleep(pause.min(deadline - Instant::now()));
                    pause = (pause * 2).min(Duration::from_millis(100));
                }
                outcome => return outcome,
            }
        }
    }

    /// How many records can be read, where that is less than was committed.
    pub(super) fn short_of(&self, head: Head) -> Result<Option<u64>, LogError> {
        let end = self.end()?;
        Ok((end < head.count).then_some(end))
    }

    /// Whether so many bytes were read or written that sled should be opened anew.
    pub(super) fn is_worn(&self) -> bool {
        self.copy.is_none()
            && (self.bytes_read.load(Ordering::Relaxed) > READ_PER_HANDLE
                || self.bytes_written.load(Ordering::Relaxed) > WRITTEN_PER_HANDLE)
    }

    pub(super) fn call<T>(
        &self,
        doing: &str,
        call: impl FnOnce() -> ::sled::Result<T>,
    ) -> Result<T, LogError> {
        guarded(doing, &self.shown, call)
    }

    pub(super) fn db(&self) -> &Db {
        self.db.as_ref().expect("only drop takes it")
    }

    pub(super) fn blocks_to_write(&self) -> Result<&Tree, LogError> {
        self.tree_to_write(&self.blocks, BLOCKS)
    }

    pub(super) fn snapshots_to_write(&self) -> Result<&Tree, LogError> {
        self.tree_to_write(&self.snapshots, SNAPSHOTS)
    }

    /// Opens the tree of this name, or makes it.
    fn tree_to_write<'a>(
        &self,
        place: &'a OnceLock<Tree>,
        name: &str,
    ) -> Result<&'a Tree, LogError> {
        if let Some(tree) = place.get() {
            return Ok(tree);
        }
        let tree = self.call("opening", || self.db().open_tree(name))?;
        Ok(place.get_or_init(|| tree))
    }

    pub(super) fn flush(&self) -> Result<(), LogError> {
        self.call("writing", || self.db().flush()).map(drop)
    }

    /// Flushes sled and syncs its file.
    pub(super) fn sync(&self) -> Result<(), LogError> {
        self.flush()?;
        let synced = self.file.sync_data();
        synced.map_err(|source| io_error("syncing", &self.records.join(DB), source))
    }

    /// The number after the last record, according to the last value's key and tag.
    pub(super) fn end(&self) -> Result<u64, LogError> {
        let Some(blocks) = self.blocks.get() else {
            return Ok(0);
        };
        match self.call("reading", || blocks.last())? {
            None => Ok(0),
            Some((key, value)) => {
                let (first, _) = self.place(&key)?;
                if value.is_empty() {
                    // A kept place behind the head.
                    return Ok(first);
                }
                let span =
                    block::span(&value).map_err(|why| self.damaged_block(first, &why, None))?;
                Ok(first + span)
            }
        }
    }

    pub(super) fn place(&self, key: &[u8]) -> Result<(u64, u16), LogError> {
        let strange = || {
            let what = format!("a key of {} bytes in the tree of blocks", key.len());
            damaged(format!("{}: {what}", self.shown.display()), None)
        };
        block::parse_key(key).ok_or_else(strange)
    }

    pub(super) fn damaged_block(&self, first: u64, why: &str, resume: Option<u64>) -> LogError {
        let place = self.shown.display();
        damaged(
            format!("{place}: the block that starts with record {first} is damaged: {why}"),
            resume,
        )
    }

    /// Removes all records from this one on, the last first, so that a crash leaves no whole batch of them.
    pub(super) fn remove_from(&self, end: u64) -> Result<(), LogError> {
        let blocks = self.blocks_to_write()?;
        while let Some((key, value)) = self.call("reading", || blocks.last())? {
            let (first, part) = self.place(&key)?;
            if first >= end {
                self.call("writing", || blocks.remove(&key))?;
                continue;
            }
            if let Ok(Value::Block(records)) = block::parse(&value)
                && first + records.len() as u64 > end
                && part == 0
            {
                let kept = records
                    .into_iter()
                    .zip(first..end)
                    .map(|(record, _)| record);
                let kept: Vec<_> = kept.collect();
                for entry in block::pack(first, kept.iter().map(|record| &record[..])) {
                    self.call("writing", || blocks.insert(entry.key(), entry.value))?;
                }
            }
            break;
        }
        self.flush()
    }

    pub(super) fn insert(&self, key: &[u8], value: Vec<u8>) -> Result<(), LogError> {
        let blocks = self.blocks_to_write()?;
        self.bytes_written.fetch_add(value.len(), Ordering::Relaxed);
        self.call("writing", || blocks.insert(key, value)).map(drop)
    }

    /// The first record of each small block at the end, ascending.
    pub(super) fn small_blocks_at_end(&self) -> Result<Vec<u64>, LogError> {
        let mut small = Vec::new();
        let Some(blocks) = self.blocks.get() else {
            return Ok(small);
        };
        let mut backwards = blocks.iter().rev();
        while small.len() < SMALL_BLOCKS_TO_MERGE {
            let Some((key, value)) = self.call("reading", || backwards.next().transpose())? else {
                break;
            };
            let (first, _) = self.place(&key)?;
            if !block::is_small(&value) {
                break;
            }
            small.push(first);
        }
        small.reverse();
        Ok(small)
    }

    /// Replaces consecutive small blocks by full ones, in one sled batch, and gives the ones that are still small.
    /// Changes nothing if they are not consecutive: `verify` reports that.
    pub(super) fn merge(&self, small: &[u64]) -> Result<Vec<u64>, LogError> {
        let blocks = self.blocks_to_write()?;
        let mut records: Vec<Bytes> = Vec::new();
        let Some(&start) = small.first() else {
            return Ok(Vec::new());
        };
        for &first in small {
            let value = self.call("reading", || blocks.get(block::key(first, 0)))?;
            match value.as_deref().map(block::parse) {
                Some(Ok(Value::Block(block))) if start + records.len() as u64 == first => {
                    records.extend(block);
                }
                _ => return Ok(Vec::new()),
            }
        }
        let mut batch = Batch::default();
        for &first in small {
            batch.remove(&block::key(first, 0));
        }
        let mut still_small = Vec::new();
        for entry in block::pack(start, records.iter().map(|record| &record[..])) {
            note_small(&mut still_small, &entry);
            // A later operation on a key replaces an earlier one in the batch.
            batch.insert(&entry.key(), entry.value);
        }
        self.call("writing", || blocks.apply_batch(batch))?;
        self.flush()?;
        Ok(still_small)
    }
}

impl std::fmt::Debug for Trees {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The Debug output of sled would print every record.
        f.debug_struct("Trees")
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

impl Drop for Trees {
    fn drop(&mut self) {
        // sled flushes and syncs when the last handle goes, and panics where that fails.
        let handles = (self.blocks.take(), self.snapshots.take(), self.db.take());
        let _nothing_to_tell = guarded("closing", &self.records, || {
            drop(handles);
            Ok(())
        });
    }
}
