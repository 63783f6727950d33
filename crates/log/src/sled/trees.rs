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

use super::guard::guarded;
use super::read::{Reading, Stop};
use super::snapshots::{SEAL, snapshot_key};
use super::write::note_small;
use super::{DB, SEGMENT_SIZE, SMALL_RUNS_TO_MERGE, damaged, io_error};
use crate::run::{self, Value};
use crate::{LogError, Stored};
use servanda_core::chain::record::local_checksum;

/// Bytes of values that sled keeps in memory: each is read and written once, mostly.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// After reading values of so many bytes sled is opened anew: what it caches while reading it does not give
/// back.
pub(super) const READ_PER_HANDLE: usize = 64 * 1024 * 1024;

/// After writing so many, too: what it caches is split among 256 lists, none of which ever gets empty.
pub(super) const WRITTEN_PER_HANDLE: usize = 16 * 1024 * 1024;

const RUNS: &str = "runs";

const SNAPSHOTS: &str = "snapshots";

/// What is open of sled.
pub(super) struct Trees {
    pub(super) runs: OnceLock<Tree>,
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
            runs: OnceLock::new(),
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
        if names.iter().any(|name| name == RUNS.as_bytes()) {
            trees.runs_to_write()?;
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

    pub(super) fn runs_to_write(&self) -> Result<&Tree, LogError> {
        self.tree_to_write(&self.runs, RUNS)
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
        let Some(runs) = self.runs.get() else {
            return Ok(0);
        };
        match self.call("reading", || runs.last())? {
            None => Ok(0),
            Some((key, value)) => {
                let (first, _) = self.place(&key)?;
                if value.is_empty() {
                    // A place that was kept behind the head.
                    return Ok(first);
                }
                let span = run::span(&value).map_err(|why| self.damaged_run(first, &why, None))?;
                Ok(first + span)
            }
        }
    }

    pub(super) fn place(&self, key: &[u8]) -> Result<(u64, u16), LogError> {
        let strange = || {
            let what = format!("a key of {} bytes in the tree of runs", key.len());
            damaged(format!("{}: {what}", self.shown.display()), None)
        };
        run::parse_key(key).ok_or_else(strange)
    }

    pub(super) fn damaged_run(&self, first: u64, why: &str, resume: Option<u64>) -> LogError {
        let place = self.shown.display();
        damaged(
            format!("{place}: the run that starts with record {first} is damaged: {why}"),
            resume,
        )
    }

    /// About `limit` records from `from` on that lie before `end`.
    pub(super) fn read(&self, from: u64, limit: usize, end: u64) -> Result<Vec<Stored>, LogError> {
        let Some(runs) = self.runs.get().filter(|_| from < end) else {
            return Ok(Vec::new());
        };
        let mut reading = Reading {
            trees: self,
            runs,
            records: Vec::new(),
            end,
        };
        match reading.run(from, limit.max(1)) {
            Ok(()) => Ok(reading.records),
            // Whoever asks for what follows these is told.
            Err(_) if !reading.records.is_empty() => Ok(reading.records),
            Err(Stop { what, first }) => {
                let resume = reading.resume_after(first.max(from));
                Err(match what {
                    LogError::Damaged { what, .. } => damaged(what, resume),
                    io => io,
                })
            }
        }
    }

    /// Removes everything from this record on, the last first, so that what a crash leaves of it is still
    /// no whole batch.
    pub(super) fn remove_from(&self, end: u64) -> Result<(), LogError> {
        let runs = self.runs_to_write()?;
        while let Some((key, value)) = self.call("reading", || runs.last())? {
            let (first, part) = self.place(&key)?;
            if first >= end {
                self.call("writing", || runs.remove(&key))?;
                continue;
            }
            if let Ok(Value::Run(records)) = run::parse(&value)
                && first + records.len() as u64 > end
                && part == 0
            {
                let kept = records
                    .into_iter()
                    .zip(first..end)
                    .map(|(record, _)| record);
                let kept: Vec<_> = kept.collect();
                for entry in run::pack(first, kept.iter().map(|record| &record[..])) {
                    self.call("writing", || runs.insert(entry.key(), entry.value))?;
                }
            }
            break;
        }
        self.flush()
    }

    pub(super) fn insert(&self, key: &[u8], value: Vec<u8>) -> Result<(), LogError> {
        let runs = self.runs_to_write()?;
        self.bytes_written.fetch_add(value.len(), Ordering::Relaxed);
        self.call("writing", || runs.insert(key, value)).map(drop)
    }

    /// The first records of the small runs at the end, ascending.
    pub(super) fn small_runs_at_end(&self) -> Result<Vec<u64>, LogError> {
        let mut small = Vec::new();
        let Some(runs) = self.runs.get() else {
            return Ok(small);
        };
        let mut backwards = runs.iter().rev();
        while small.len() < SMALL_RUNS_TO_MERGE {
            let Some((key, value)) = self.call("reading", || backwards.next().transpose())? else {
                break;
            };
            let (first, _) = self.place(&key)?;
            if !run::is_small(&value) {
                break;
            }
            small.push(first);
        }
        small.reverse();
        Ok(small)
    }

    /// Replaces small runs that follow each other by full ones, in one sled batch; gives those that are
    /// still small. Leaves all as it is where they do not follow each other: that is for `verify` to tell.
    pub(super) fn merge(&self, small: &[u64]) -> Result<Vec<u64>, LogError> {
        let runs = self.runs_to_write()?;
        let mut records: Vec<Bytes> = Vec::new();
        let Some(&start) = small.first() else {
            return Ok(Vec::new());
        };
        for &first in small {
            let value = self.call("reading", || runs.get(run::key(first, 0)))?;
            match value.as_deref().map(run::parse) {
                Some(Ok(Value::Run(run))) if start + records.len() as u64 == first => {
                    records.extend(run);
                }
                _ => return Ok(Vec::new()),
            }
        }
        let mut batch = Batch::default();
        for &first in small {
            batch.remove(&run::key(first, 0));
        }
        let mut still_small = Vec::new();
        for entry in run::pack(start, records.iter().map(|record| &record[..])) {
            note_small(&mut still_small, &entry);
            // A later operation on a key takes the place of an earlier one in the batch.
            batch.insert(&entry.key(), entry.value);
        }
        self.call("writing", || runs.apply_batch(batch))?;
        self.flush()?;
        Ok(still_small)
    }

    pub(super) fn drop_snapshot(&self, count: u64) -> Result<(), LogError> {
        let tree = self.snapshots_to_write()?;
        let parts = snapshot_key(count, 0)..=snapshot_key(count, SEAL);
        let mut backwards = tree.range(parts).rev();
        while let Some((key, _)) = self.call("reading", || backwards.next().transpose())? {
            self.call("writing", || tree.remove(&key))?;
        }
        self.flush()
    }

    pub(super) fn snapshots(&self) -> Result<Vec<u64>, LogError> {
        let mut counts = Vec::new();
        let Some(tree) = self.snapshots.get() else {
            return Ok(counts);
        };
        let mut next = Some(0);
        while let Some(from) = next {
            let found = self.call("reading", || {
                tree.range(snapshot_key(from, 0)..).next().transpose()
            })?;
            let count = found.as_ref().and_then(|(key, _)| key.first_chunk::<8>());
            let Some(count) = count.map(|bytes| u64::from_be_bytes(*bytes)) else {
                break;
            };
            if self.call("reading", || tree.contains_key(snapshot_key(count, SEAL)))? {
                counts.push(count);
            }
            next = count.checked_add(1);
        }
        Ok(counts)
    }

    pub(super) fn snapshot(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        let Some(tree) = self.snapshots.get() else {
            return Ok(None);
        };
        let Some(seal) = self.call("reading", || tree.get(snapshot_key(count, SEAL)))? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let mut parts = tree.range(snapshot_key(count, 0)..snapshot_key(count, SEAL));
        while let Some((_, piece)) = self.call("reading", || parts.next().transpose())? {
            bytes.extend_from_slice(&piece);
        }
        let mut expected = (bytes.len() as u64).to_le_bytes().to_vec();
        expected.extend_from_slice(&local_checksum(&bytes).0);
        Ok((seal == expected).then_some(bytes))
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
        let handles = (self.runs.take(), self.snapshots.take(), self.db.take());
        let _nothing_to_tell = guarded("closing", &self.records, || {
            drop(handles);
            Ok(())
        });
    }
}
