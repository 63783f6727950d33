//! Records in sled 0.34. The only file that names sled.
//!
//! # Bytes
//! A directory `records` that is sled's own, with two trees, and beside it a file `head`:
//! - `runs`: up to 64 records a value; `run.rs` gives every byte.
//! - `snapshots`: key: count u64 and part number u32, big endian. Value: up to 24 KiB. The part with the
//!   number `ffffffff` is written last and removed first, and holds, little endian, the length u64 and a
//!   32-byte checksum of the whole: without it, or where it does not fit, the snapshot is not there.
//! - `head` (`head.rs`): the head that was acknowledged.
//!
//! # An append, in this order
//! 1. Runs left behind by an append that broke off are removed.
//! 2. The batch is inserted in runs, in order; sled is flushed every 16 runs and at the end.
//! 3. `records/db` is synced by a handle of our own, for sled's flush ends in `sync_file_range`, which does
//!    not outlive a power cut.
//! 4. The head file is written and synced. Now the append has happened.
//! 5. Where 64 small runs stand at the end, one sled batch replaces them by full ones. A crash leaves the
//!    old ones or the new ones. Nothing waits for this, and its failure is not the append's.
//!
//! # Opening
//! What lies behind the head is taken in as far as it is whole batches that continue the chain: somebody
//! was about to acknowledge them. The rest behind the head is not read, and the next append removes it.
//! Where there is less than the head says, opening succeeds and reading ends early; [`Store::head`] still
//! gives the acknowledged head, and nothing can be appended.
//!
//! A directory whose `db` is missing is refused before sled is asked, which would make a new one.
//!
//! What sled itself writes when a directory is opened and closed without an append (measured):
//! - `db`: it fills the segment after the end of its log with zeros and syncs; the first opening after an
//!   append so lengthens the file to the end of the segment. Everything before is untouched.
//! - `snap.*`: its table of pages; written anew by the first opening after an append, then not again.
//! - `conf` and `blobs/` only where they are missing.
//!
//! There is no way around the first: sled cannot be opened to read only. On a damaged `db` it is
//! destructive: sled ends its log at the first message it cannot read and zeroes what follows. So **copy a
//! damaged directory before opening it again.** `head` tells that records are missing.
//!
//! # Panics
//! sled panics on many kinds of damage. Every call is caught, and the panic's text becomes a
//! [`StoreError::Damaged`]. So that nothing of it is printed, the first use of this file puts a panic hook
//! before the one there is; it stays silent for the caught calls and leaves all others to that one.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, Instant};

use ::sled::{Batch, Config, Db, Tree};

use super::directory::Backend;
use super::head::HeadFile;
use super::run::{self, Entry, Value};
use super::{AppendError, Store, StoreError, Stored};
use crate::chain::record::{Head, Record, Sealed, local_checksum};

/// This store in the registry of [`super::directory`].
pub(super) const BACKEND: Backend = Backend {
    name: "sled",
    create: Sled::create,
    open: |dir, deadline| Ok(Box::new(Sled::open(dir, deadline)?)),
};

/// Bytes of sled's segments. Written into its `conf`: it can never be changed.
const SEGMENT_SIZE: usize = 2 * 1024 * 1024;
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
const RUNS_PER_FLUSH: usize = 16;
const SMALL_RUNS_TO_MERGE: usize = 64;
/// Records that are looked at in one go behind the head.
const ADOPTED_AT_ONCE: usize = 1024;
/// How long to wait for sled's threads to let go of its lock when it is opened again after a failure.
const REOPEN_WAIT: Duration = Duration::from_secs(2);

const RECORDS: &str = "records";
const HEAD: &str = "head";
const DB: &str = "db";
const RUNS: &str = "runs";
const SNAPSHOTS: &str = "snapshots";

/// A store in sled.
#[derive(Debug)]
pub struct Sled {
    /// None after a failure from which opening again did not recover.
    trees: Option<Trees>,
    dir: PathBuf,
    head_file: HeadFile,
    /// What was acknowledged, and whole batches found behind it on opening.
    head: Head,
    /// Whether something lies behind the head.
    leftovers: bool,
    /// Why nothing can be appended: the end of the records is damaged or lost.
    unsound: Option<String>,
    /// The small runs at the end, by the number of their first record; none before the first append.
    small: Option<Vec<u64>>,
}

/// What is open of sled.
struct Trees {
    runs: Option<Tree>,
    snapshots: Option<Tree>,
    /// Taken only by drop.
    db: Option<Db>,
    /// Our own handle of sled's file, to sync it.
    file: File,
    records: PathBuf,
}

/// How a batch failed to be written.
struct Broken {
    error: StoreError,
    /// Whether its last run was handed to sled.
    whole: bool,
}

impl Sled {
    /// Makes an empty store in an existing directory, and syncs all of it but the directory itself.
    ///
    /// # Errors
    /// [`StoreError`], where something cannot be written.
    pub fn create(dir: &Path) -> Result<(), StoreError> {
        HeadFile::create(&dir.join(HEAD))?;
        let records = dir.join(RECORDS);
        fs::create_dir(&records).map_err(|source| io_error("creating", &records, source))?;
        let mut trees = Trees::open(&records)?;
        trees.runs_to_write()?;
        trees.snapshots_to_write()?;
        trees.sync()?;
        drop(trees);
        sync_tree(&records)
    }

    /// Opens the store in a directory, and waits until the deadline where sled says that it is in use.
    ///
    /// # Errors
    /// [`StoreError`], where it cannot be read at all. A store that lost records opens.
    pub fn open(dir: &Path, deadline: Instant) -> Result<Self, StoreError> {
        let head_file = HeadFile::open(&dir.join(HEAD))?;
        let head = head_file.head();
        let mut store = Self {
            trees: None,
            dir: dir.to_owned(),
            head_file,
            head,
            leftovers: false,
            unsound: None,
            small: None,
        };
        store.reopen(deadline)?;
        Ok(store)
    }

    /// Lets go of sled and of the head, and opens both from the disk.
    fn reopen(&mut self, deadline: Instant) -> Result<(), StoreError> {
        self.trees = None;
        self.head_file = HeadFile::open(&self.dir.join(HEAD))?;
        self.head = self.head_file.head();
        self.small = None;
        let trees = Trees::open_until(&self.dir.join(RECORDS), deadline)?;
        self.trees = Some(trees);
        self.survey();
        Ok(())
    }

    fn trees(&self) -> Result<&Trees, StoreError> {
        self.trees.as_ref().ok_or_else(|| self.not_open())
    }

    fn trees_mut(&mut self) -> Result<&mut Trees, StoreError> {
        let error = self.not_open();
        self.trees.as_mut().ok_or(error)
    }

    fn not_open(&self) -> StoreError {
        let lost =
            io::Error::other("an earlier operation failed, and it could not be opened again");
        io_error("using", &self.dir.join(RECORDS), lost)
    }

    /// Compares what is there with the acknowledged head. Writes nothing.
    fn survey(&mut self) {
        self.leftovers = false;
        self.unsound = None;
        let end = match self.trees().and_then(Trees::end) {
            Ok(end) => end,
            Err(error) => {
                self.unsound = Some(error.to_string());
                return;
            }
        };
        if end < self.head.count {
            self.unsound = Some(format!(
                "{}: {} records were acknowledged, only {end} are there",
                self.dir.display(),
                self.head.count
            ));
        } else if end > self.head.count {
            self.head = self.adopted();
            self.leftovers = end > self.head.count;
        }
    }

    /// The head after the whole batches that continue the chain behind the acknowledged head.
    fn adopted(&self) -> Head {
        let mut adopted = self.head;
        let mut head = self.head;
        let mut remaining_due = None;
        loop {
            let chunk = self
                .trees()
                .and_then(|trees| trees.read(head.count, ADOPTED_AT_ONCE, u64::MAX));
            let Ok(chunk) = chunk else { return adopted };
            if chunk.is_empty() {
                return adopted;
            }
            for stored in chunk {
                let Some(remaining) = continues(head, remaining_due, &stored) else {
                    return adopted;
                };
                head = remaining.1;
                remaining_due = remaining.0.checked_sub(1);
                if remaining_due.is_none() {
                    adopted = head;
                }
            }
        }
    }

    /// Steps 1 to 4 of an append.
    fn write_batch(&mut self, batch: &[Sealed], head: Head) -> Result<(), Broken> {
        let first = self.head.count;
        if self.leftovers {
            self.trees_mut()
                .and_then(|trees| trees.remove_from(first))
                .map_err(unfinished)?;
            self.leftovers = false;
        }
        let small = match self.small.take() {
            Some(small) => small,
            None => self
                .trees()
                .and_then(Trees::small_runs_at_end)
                .map_err(unfinished)?,
        };
        let trees = self.trees_mut().map_err(unfinished)?;
        let small = trees.insert_runs(run::pack(first, run::slices(batch)), small)?;
        trees.sync().map_err(whole)?;
        self.head_file.write(head).map_err(whole)?;
        self.head = head;
        self.small = Some(small);
        Ok(())
    }

    /// Finds out what became of a batch that failed to be written.
    fn settle(&mut self, broken: Broken, expected: Head, head: Head) -> Result<(), AppendError> {
        let Broken { error, whole } = broken;
        if self.reopen(Instant::now() + REOPEN_WAIT).is_err() {
            // Without its last run, a batch is never taken in.
            return Err(if whole {
                AppendError::Uncertain(error)
            } else {
                AppendError::Failed(error)
            });
        }
        if self.head == expected {
            return Err(AppendError::Failed(error));
        }
        let acknowledge = |store: &mut Self| {
            store.trees()?.sync()?;
            store.head_file.write(head)
        };
        if self.head == head && acknowledge(self).is_ok() {
            return Ok(());
        }
        Err(AppendError::Uncertain(error))
    }

    /// Step 5 of an append. A failure here is met again, and told, by whoever uses the store next.
    fn merge(&mut self) {
        let Some(small) = self
            .small
            .take_if(|small| small.len() >= SMALL_RUNS_TO_MERGE)
        else {
            return;
        };
        if let Ok(merged) = self.trees_mut().and_then(|trees| trees.merge(&small)) {
            self.small = Some(merged);
        } else {
            // What sled then holds is known only after it is opened again.
            let _later = self.reopen(Instant::now() + REOPEN_WAIT);
        }
    }

    fn check_batch(&self, batch: &[Sealed], head: Head) -> Result<(), StoreError> {
        let refused = |why: String| {
            let source = io::Error::new(io::ErrorKind::InvalidInput, why);
            Err(io_error("appending to", &self.dir, source))
        };
        if self.head.count.checked_add(batch.len() as u64) != Some(head.count) {
            return refused(format!(
                "{} and {} more records do not give {head}",
                self.head,
                batch.len()
            ));
        }
        if batch.iter().any(|sealed| sealed.0.len() > run::MAX_RECORD) {
            return refused(format!("a record is longer than {} bytes", run::MAX_RECORD));
        }
        match &self.unsound {
            None => Ok(()),
            Some(what) => Err(damaged(what.clone(), None)),
        }
    }
}

impl Store for Sled {
    fn head(&self) -> Result<Head, StoreError> {
        Ok(self.head)
    }

    fn append(&mut self, expected: Head, batch: &[Sealed], head: Head) -> Result<(), AppendError> {
        if self.trees.is_none() {
            self.reopen(Instant::now() + REOPEN_WAIT)?;
        }
        if self.head != expected {
            return Err(AppendError::HeadMoved(self.head));
        }
        self.check_batch(batch, head)?;
        if batch.is_empty() {
            return Ok(());
        }
        match self.write_batch(batch, head) {
            Ok(()) => {
                self.merge();
                Ok(())
            }
            Err(broken) => self.settle(broken, expected, head),
        }
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.trees()?.read(from, limit, self.head.count)
    }

    fn put_snapshot(&mut self, count: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.trees_mut()?.put_snapshot(count, bytes)
    }

    fn snapshots(&self) -> Result<Vec<u64>, StoreError> {
        self.trees()?.snapshots()
    }

    fn snapshot(&self, count: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.trees()?.snapshot(count)
    }

    fn drop_snapshot(&mut self, count: u64) -> Result<(), StoreError> {
        self.trees_mut()?.drop_snapshot(count)
    }
}

/// How many records of its batch follow this one, and the head after it, if it continues the chain.
fn continues(head: Head, remaining_due: Option<u32>, stored: &Stored) -> Option<(u32, Head)> {
    let record = Record::open(&stored.sealed).ok()?;
    let header = record.header;
    let sound = stored.seq == head.count
        && header.seq == head.count
        && header.prev == head.link
        && remaining_due.is_none_or(|due| due == header.remaining)
        && record.payload_is_sound();
    sound.then(|| (header.remaining, Head::after(&header)))
}

impl Trees {
    fn open(records: &Path) -> Result<Self, StoreError> {
        let config = Config::new()
            .path(records)
            .segment_size(SEGMENT_SIZE)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None);
        let db = guarded("opening", records, || config.open())?;
        let db_path = records.join(DB);
        let file = File::open(&db_path).map_err(|source| io_error("opening", &db_path, source))?;
        let mut trees = Self {
            runs: None,
            snapshots: None,
            db: Some(db),
            file,
            records: records.to_owned(),
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

    /// Opens an existing store, also where sled's lock outlives the store that held it for a moment.
    fn open_until(records: &Path, deadline: Instant) -> Result<Self, StoreError> {
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
                Err(StoreError::Io { source, .. })
                    if source.kind() == io::ErrorKind::WouldBlock && Instant::now() < deadline =>
                {
                    std::thread::sleep(pause.min(deadline - Instant::now()));
                    pause = (pause * 2).min(Duration::from_millis(100));
                }
                outcome => return outcome,
            }
        }
    }

    fn call<T>(
        &self,
        doing: &str,
        call: impl FnOnce() -> ::sled::Result<T>,
    ) -> Result<T, StoreError> {
        guarded(doing, &self.records, call)
    }

    fn db(&self) -> &Db {
        self.db.as_ref().expect("only drop takes it")
    }

    fn runs_to_write(&mut self) -> Result<Tree, StoreError> {
        if self.runs.is_none() {
            self.runs = Some(self.call("opening", || self.db().open_tree(RUNS))?);
        }
        Ok(self.runs.clone().expect("it was opened above"))
    }

    fn snapshots_to_write(&mut self) -> Result<Tree, StoreError> {
        if self.snapshots.is_none() {
            self.snapshots = Some(self.call("opening", || self.db().open_tree(SNAPSHOTS))?);
        }
        Ok(self.snapshots.clone().expect("it was opened above"))
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.call("writing", || self.db().flush()).map(drop)
    }

    /// Puts everything written so far on the disk.
    fn sync(&self) -> Result<(), StoreError> {
        self.flush()?;
        let synced = self.file.sync_data();
        synced.map_err(|source| io_error("syncing", &self.records.join(DB), source))
    }

    /// The number after the last record, as far as the last value's key and tag tell.
    fn end(&self) -> Result<u64, StoreError> {
        let Some(runs) = &self.runs else { return Ok(0) };
        match self.call("reading", || runs.last())? {
            None => Ok(0),
            Some((key, value)) => {
                let (first, _) = self.place(&key)?;
                let span = span(&value).map_err(|why| self.damaged_run(first, &why, None))?;
                Ok(first + span)
            }
        }
    }

    fn place(&self, key: &[u8]) -> Result<(u64, u16), StoreError> {
        let strange = || {
            let what = format!("a key of {} bytes in the tree of runs", key.len());
            damaged(format!("{}: {what}", self.records.display()), None)
        };
        run::parse_key(key).ok_or_else(strange)
    }

    fn damaged_run(&self, first: u64, why: &str, resume: Option<u64>) -> StoreError {
        let place = self.records.display();
        damaged(
            format!("{place}: the run that starts with record {first} is damaged: {why}"),
            resume,
        )
    }

    /// About `limit` records from `from` on that lie before `end`.
    fn read(&self, from: u64, limit: usize, end: u64) -> Result<Vec<Stored>, StoreError> {
        let Some(runs) = self.runs.as_ref().filter(|_| from < end) else {
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
                    StoreError::Damaged { what, .. } => damaged(what, resume),
                    io => io,
                })
            }
        }
    }

    /// Removes everything from this record on, the last first, so that what a crash leaves of it is still
    /// no whole batch.
    fn remove_from(&mut self, end: u64) -> Result<(), StoreError> {
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
                for entry in run::pack(first, kept) {
                    self.call("writing", || runs.insert(entry.key(), entry.value))?;
                }
            }
            break;
        }
        self.flush()
    }

    /// Inserts runs; gives the small runs at the end, given those before.
    fn insert_runs(
        &mut self,
        entries: impl Iterator<Item = Entry>,
        mut small: Vec<u64>,
    ) -> Result<Vec<u64>, Broken> {
        let runs = self.runs_to_write().map_err(unfinished)?;
        let mut entries = entries.peekable();
        let mut since_flush = 0;
        while let Some(entry) = entries.next() {
            if entry.is_small() {
                small.push(entry.first);
            } else {
                small.clear();
            }
            let last = entries.peek().is_none();
            let broken = |error| Broken { error, whole: last };
            self.call("writing", || runs.insert(entry.key(), entry.value))
                .map_err(broken)?;
            since_flush += 1;
            if since_flush == RUNS_PER_FLUSH {
                self.flush().map_err(broken)?;
                since_flush = 0;
            }
        }
        Ok(small)
    }

    /// The first records of the small runs at the end, ascending.
    fn small_runs_at_end(&self) -> Result<Vec<u64>, StoreError> {
        let mut small = Vec::new();
        let Some(runs) = &self.runs else {
            return Ok(small);
        };
        let mut backwards = runs.iter().rev();
        while small.len() < SMALL_RUNS_TO_MERGE {
            let Some((key, value)) = self.call("reading", || backwards.next().transpose())? else {
                break;
            };
            let (first, _) = self.place(&key)?;
            match run::parse(&value) {
                Ok(Value::Run(records)) if run::is_small(records.len(), value.len()) => {
                    small.push(first);
                }
                _ => break,
            }
        }
        small.reverse();
        Ok(small)
    }

    /// Replaces small runs that follow each other by full ones, in one sled batch; gives those that are
    /// still small. Leaves all as it is where they do not follow each other: that is for `verify` to tell.
    fn merge(&mut self, small: &[u64]) -> Result<Vec<u64>, StoreError> {
        let runs = self.runs_to_write()?;
        let mut records: Vec<Vec<u8>> = Vec::new();
        let Some(&start) = small.first() else {
            return Ok(Vec::new());
        };
        for &first in small {
            let value = self.call("reading", || runs.get(run::key(first, 0)))?;
            match value.as_deref().map(run::parse) {
                Some(Ok(Value::Run(run))) if start + records.len() as u64 == first => {
                    records.extend(run.into_iter().map(<[u8]>::to_vec));
                }
                _ => return Ok(Vec::new()),
            }
        }
        let mut batch = Batch::default();
        for &first in small {
            batch.remove(&run::key(first, 0));
        }
        let mut still_small = Vec::new();
        for entry in run::pack(start, records.iter().map(Vec::as_slice)) {
            if entry.is_small() {
                still_small.push(entry.first);
            }
            // A later operation on a key takes the place of an earlier one in the batch.
            batch.insert(&entry.key(), entry.value);
        }
        self.call("writing", || runs.apply_batch(batch))?;
        self.flush()?;
        Ok(still_small)
    }

    fn put_snapshot(&mut self, count: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.drop_snapshot(count)?;
        let tree = self.snapshots_to_write()?;
        for (part, piece) in (0..SEAL).zip(bytes.chunks(run::MAX_VALUE)) {
            let key = snapshot_key(count, part);
            self.call("writing", || tree.insert(key, piece))?;
        }
        let mut seal = (bytes.len() as u64).to_le_bytes().to_vec();
        seal.extend_from_slice(&local_checksum(bytes).0);
        self.call("writing", || tree.insert(snapshot_key(count, SEAL), seal))?;
        self.flush()
    }

    fn drop_snapshot(&mut self, count: u64) -> Result<(), StoreError> {
        let tree = self.snapshots_to_write()?;
        let parts = snapshot_key(count, 0)..=snapshot_key(count, SEAL);
        let mut backwards = tree.range(parts).rev();
        while let Some((key, _)) = self.call("reading", || backwards.next().transpose())? {
            self.call("writing", || tree.remove(&key))?;
        }
        self.flush()
    }

    fn snapshots(&self) -> Result<Vec<u64>, StoreError> {
        let mut counts = Vec::new();
        let Some(tree) = &self.snapshots else {
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

    fn snapshot(&self, count: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(tree) = &self.snapshots else {
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

/// The part number of a snapshot's last part.
const SEAL: u32 = u32::MAX;

fn snapshot_key(count: u64, part: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&count.to_be_bytes());
    key[8..].copy_from_slice(&part.to_be_bytes());
    key
}

/// How many numbers a value takes: a run's records, or one for a part.
fn span(value: &[u8]) -> Result<u64, String> {
    Ok(match run::parse(value)? {
        Value::Run(records) => records.len() as u64,
        Value::Part { .. } => 1,
    })
}

/// One read on its way.
struct Reading<'a> {
    trees: &'a Trees,
    runs: &'a Tree,
    records: Vec<Stored>,
    end: u64,
}

/// Why a read stopped, and the first record of the run at which it did.
struct Stop {
    what: StoreError,
    first: u64,
}

impl Reading<'_> {
    fn run(&mut self, from: u64, limit: usize) -> Result<(), Stop> {
        let (start, mut free) = self
            .start(from)
            .map_err(|what| Stop { what, first: from })?;
        let mut values = self.runs.range(run::key(start, 0)..);
        let mut expected = start;
        while self.records.len() < limit {
            let next = self.trees.call("reading", || values.next().transpose());
            let next = next.map_err(|what| Stop {
                what,
                first: expected,
            })?;
            let Some((key, value)) = next else { break };
            let (first, part) = self.trees.place(&key).map_err(|what| Stop {
                what,
                first: expected,
            })?;
            if first >= self.end {
                break;
            }
            let taken = if first < free {
                Err("it starts before the one in front of it ends".to_owned())
            } else {
                self.take(first, part, &value, from, &mut values)
            };
            let stop = |why: String| Stop {
                what: self.trees.damaged_run(first, &why, None),
                first,
            };
            free = taken.map_err(stop)?;
            expected = free;
        }
        Ok(())
    }

    /// The first record of the run in which `from` lies, or of the one after, and the number from which on
    /// no run in front of it holds records.
    fn start(&self, from: u64) -> Result<(u64, u64), StoreError> {
        let before = |number: u64, part: u16| {
            let key = run::key(number, part);
            self.trees.call("reading", || self.runs.get_lt(key))
        };
        let covering = match from.checked_add(1) {
            Some(after) => before(after, 0)?,
            None => before(from, u16::MAX)?,
        };
        let Some((key, _)) = covering else {
            return Ok((from, 0));
        };
        let (start, _) = self.trees.place(&key)?;
        let Some((key, value)) = before(start, 0)? else {
            return Ok((start, 0));
        };
        let (first, _) = self.trees.place(&key)?;
        // A damaged run in front is told where it is read itself.
        Ok((start, first + span(&value).unwrap_or(0)))
    }

    /// Takes in the records of one value, and of the parts that belong to it; gives the number after them.
    fn take(
        &mut self,
        first: u64,
        part: u16,
        value: &[u8],
        from: u64,
        values: &mut ::sled::Iter,
    ) -> Result<u64, String> {
        if part != 0 {
            return Err(format!("part {part} stands without those before it"));
        }
        let wanted = from..self.end;
        match run::parse(value)? {
            Value::Run(records) => {
                let after = first + records.len() as u64;
                let records = (first..).zip(records);
                let records = records.filter(|(seq, _)| wanted.contains(seq));
                self.records.extend(records.map(|(seq, bytes)| Stored {
                    seq,
                    sealed: Sealed(bytes.to_vec()),
                }));
                Ok(after)
            }
            Value::Part { parts, bytes } => {
                let mut record = bytes.to_vec();
                for part in 1..parts {
                    record.extend_from_slice(&self.part(first, part, parts, values)?);
                }
                if wanted.contains(&first) {
                    self.records.push(Stored {
                        seq: first,
                        sealed: Sealed(record),
                    });
                }
                Ok(first + 1)
            }
        }
    }

    /// The bytes of the next part of a record.
    fn part(
        &self,
        first: u64,
        part: u16,
        parts: u16,
        values: &mut ::sled::Iter,
    ) -> Result<Vec<u8>, String> {
        let next = self.trees.call("reading", || values.next().transpose());
        let next = next.map_err(|error| error.to_string())?;
        let missing = || format!("part {part} of its {parts} parts is missing");
        let (key, value) = next.ok_or_else(missing)?;
        if *key != run::key(first, part) {
            return Err(missing());
        }
        match run::parse(&value)? {
            Value::Part { parts: same, bytes } if same == parts => Ok(bytes.to_vec()),
            _ => Err(format!("part {part} does not belong to its {parts} parts")),
        }
    }

    /// The first record behind `damaged` at which a run can be read again. A page that sled cannot read
    /// takes many runs with it, so this looks ahead in doubling steps, and back by halves.
    fn resume_after(&self, damaged: u64) -> Option<u64> {
        let run_from = |number: u64| -> Result<Option<u64>, StoreError> {
            let range = run::key(number, 0)..;
            let found = self
                .trees
                .call("reading", || self.runs.range(range).next().transpose())?;
            let first = found.and_then(|(key, _)| Some(run::parse_key(&key)?.0));
            Ok(first.filter(|&first| first < self.end))
        };
        let last = self.end.checked_sub(1)?;
        let mut bad = damaged;
        let mut step = 1;
        let mut good = loop {
            let probe = bad.saturating_add(step).min(last);
            if probe <= bad {
                return None;
            }
            if run_from(probe).is_ok() {
                break probe;
            }
            bad = probe;
            step = step.saturating_mul(2);
        };
        while good - bad > 1 {
            let middle = bad + (good - bad) / 2;
            match run_from(middle) {
                Ok(_) => good = middle,
                Err(_) => bad = middle,
            }
        }
        run_from(good).ok().flatten()
    }
}

fn unfinished(error: StoreError) -> Broken {
    Broken {
        error,
        whole: false,
    }
}

fn whole(error: StoreError) -> Broken {
    Broken { error, whole: true }
}

fn io_error(doing: &str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io {
        doing: format!("{doing} {}", path.display()),
        source,
    }
}

fn damaged(what: String, resume: Option<u64>) -> StoreError {
    StoreError::Damaged { what, resume }
}

/// Syncs the files of a directory, the directories in it, and itself: sled does not sync its `conf`.
fn sync_tree(dir: &Path) -> Result<(), StoreError> {
    let failed = |source| io_error("syncing", dir, source);
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            let synced = File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(|source| io_error("syncing", &path, source))?;
        }
    }
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed)
}

thread_local! {
    /// Whether this thread is inside a call whose panic is caught.
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Calls sled, and turns its panics and its errors into ours.
fn guarded<T>(
    doing: &str,
    path: &Path,
    call: impl FnOnce() -> ::sled::Result<T>,
) -> Result<T, StoreError> {
    silence_caught_panics();
    let outer = CATCHING.replace(true);
    // What sled leaves half done in memory is not used again: the store is opened anew after a failed
    // write, and a failed read changes nothing.
    let outcome = catch_unwind(AssertUnwindSafe(call));
    CATCHING.set(outer);
    match outcome {
        Ok(result) => result.map_err(|error| translated(doing, path, error)),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no reason given");
            let what = format!("{doing} {}: sled gave up: {text}", path.display());
            Err(damaged(what, None))
        }
    }
}

/// Lets no caught panic print anything, nor one of sled's own threads, which is met as an error.
fn silence_caught_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let of_sled = std::thread::current()
                .name()
                .is_some_and(|name| name.starts_with("sled-io"));
            if !of_sled && !CATCHING.get() {
                before(panic);
            }
        }));
    });
}

fn translated(doing: &str, path: &Path, error: ::sled::Error) -> StoreError {
    use ::sled::Error;
    let said = |what: String| damaged(format!("{doing} {}: {what}", path.display()), None);
    match error {
        Error::Io(source) => io_error(doing, path, plain(source)),
        Error::Corruption { at: Some(at), .. } => said(format!("sled met damage at {at}")),
        Error::Corruption { .. } => said("sled met damage".to_owned()),
        Error::CollectionNotFound(_) => said("sled lost a tree".to_owned()),
        Error::Unsupported(what) | Error::ReportableBug(what) => said(what),
    }
}

/// The system's error where sled kept only its text, and one of its own kind where sled's lock is held.
fn plain(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() {
        return error;
    }
    let text = error.to_string();
    if text.starts_with("could not acquire lock") {
        return io::Error::new(
            io::ErrorKind::WouldBlock,
            "sled's lock is held by another process",
        );
    }
    let code = text.strip_prefix("Os { code: ").and_then(|rest| {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    });
    code.map_or(error, io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::{self, Site};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    struct Scratch(tempfile::TempDir);

    impl Site for Scratch {
        fn open(&mut self) -> Result<Box<dyn Store>, String> {
            let store = Sled::open(self.0.path(), soon()).map_err(|error| error.to_string())?;
            Ok(Box::new(store))
        }
    }

    fn scratch() -> Scratch {
        let dir = tempfile::tempdir().unwrap();
        Sled::create(dir.path()).unwrap();
        Scratch(dir)
    }

    #[test]
    fn it_conforms() {
        assert_eq!(
            conformance::check(&mut || Box::new(scratch())),
            Vec::<String>::new()
        );
    }
}
