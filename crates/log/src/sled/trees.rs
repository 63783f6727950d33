//! What is open of sled: its trees, and what is read and written in them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ::sled::{Batch, Config, Db, Tree};
use bytes::Bytes;
use tempfile::TempDir;

use super::files::{DB, SEGMENT_SIZE, SMALL_BLOCKS_TO_MERGE, damaged, io_error};
use super::guard::guarded;
use crate::block::{self, Value, note_small};
use crate::error::LogError;

/// Bytes of values that sled keeps in memory: each is read and written once, mostly.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// After reading values of so many bytes sled is opened anew: what it caches while reading it does not give
/// back.
pub(super) const READ_PER_HANDLE: usize = 64 * 1024 * 1024;

/// After writing so many, too: what it caches is split among 256 lists, none of which ever gets empty.
pub(super) const WRITTEN_PER_HANDLE: usize = 16 * 1024 * 1024;

const BLOCKS: &str = "blocks";

const SNAPSHOTS: &str = "snapshots";

/// What is open of sled.
pub(super) struct Trees {
    pub(super) blocks: OnceLock<Tree>,
    pub(super) snapshots: OnceLock<Tree>,
    /// Taken only by drop.
    pub(super) db: Option<Db>,
    /// Our own handle of sled's file, to sync it.
    pub(super) file: File,
    pub(super) records: PathBuf,
    /// The directory that is named to the user.
    pub(super) shown: PathBuf,
    /// Where this is a copy of a damaged store. Deleted after all else here is closed.
    pub(super) copy: Option<TempDir>,
    /// Bytes of the values that were read since it was opened.
    pub(super) bytes_read: AtomicUsize,
    /// Bytes of the values that were written since then.
    pub(super) bytes_written: AtomicUsize,
}

impl Trees {
    pub(super) fn open(records: &Path) -> Result<Self, LogError> {
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
        // Asking for a tree that is not there would write one.
        let names = trees.call("reading", || Ok(trees.db().tree_names()))?;
        if names.iter().any(|name| name == BLOCKS.as_bytes()) {
            trees.blocks_to_write()?;
        }
        if names.iter().any(|name| name == SNAPSHOTS.as_bytes()) {
            trees.snapshots_to_write()?;
        }
        Ok(trees)
    }

    /// Opens an existing store, also where sled's lock outlives the log that held it for a moment.
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

    /// Whether so much was read or written that what sled keeps of it should be let go of.
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

    /// The tree of this name, made where it is not there.
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

    /// Puts everything written so far on the disk.
    pub(super) fn sync(&self) -> Result<(), LogError> {
        self.flush()?;
        let synced = self.file.sync_data();
        synced.map_err(|source| io_error("syncing", &self.records.join(DB), source))
    }

    /// The number after the last record, as far as the last value's key and tag tell.
    pub(super) fn end(&self) -> Result<u64, LogError> {
        let Some(blocks) = self.blocks.get() else {
            return Ok(0);
        };
        match self.call("reading", || blocks.last())? {
            None => Ok(0),
            Some((key, value)) => {
                let (first, _) = self.place(&key)?;
                if value.is_empty() {
                    // A place that was kept behind the head.
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

    /// Removes everything from this record on, the last first, so that what a crash leaves of it is still
    /// no whole batch.
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

    /// The first records of the small blocks at the end, ascending.
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

    /// Replaces small blocks that follow each other by full ones, in one sled batch; gives those that are
    /// still small. Leaves all as it is where they do not follow each other: that is for `verify` to tell.
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
            // A later operation on a key takes the place of an earlier one in the batch.
            batch.insert(&entry.key(), entry.value);
        }
        self.call("writing", || blocks.apply_batch(batch))?;
        self.flush()?;
        Ok(still_small)
    }
}

impl std::fmt::Debug for Trees {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // sled's own would print every record.
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
