//! Records in sled 0.34. The only file that names sled.
//!
//! # Bytes
//! A directory `records` that is sled's own, with two trees, and beside it a file `head`:
//! - `runs`: up to 256 records a value; `run.rs` gives every byte. A value without a byte keeps the place of one
//!   that is to come; there are some only while many are written, and behind the head.
//! - `snapshots`: key: count u64 and part number u32, big endian. Value: up to 24 KiB. The part with the
//!   number `ffffffff` is written last and removed first, and holds, little endian, the length u64 and a
//!   32-byte checksum of the whole: without it, or where it does not fit, the snapshot is not there.
//! - `head` (`head.rs`): the head that was acknowledged.
//! - `reserve`: 4 MiB of zeros that hold room on the disk. sled needs room even to open what a full disk
//!   broke off; then this is deleted, and the next append makes it again before it writes anything. So on a
//!   full disk appends are refused and reading goes on. It can be deleted at any time.
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
//! # A stream
//! is appended in the same order, in runs that go across its batches, but its first value is kept until all
//! others are on the disk. So whatever breaks it off leaves runs to which nothing leads from the head, which
//! nobody takes for whole batches; and once the first value lies there, the stream is whole. What is left is
//! removed at once. Where a full disk broke the stream off there is no room for that, for sled writes nodes anew to
//! remove values from them: then all records are written anew without it (see Compacting), if they fit into the
//! reserve and what little room there is, and otherwise the next append removes it.
//!
//! # Erasing
//! sled writes anew what changes and lets the old bytes lie until it needs the room, so nothing in its files
//! is ever surely gone. Erasing therefore copies every record into a directory `records.new`, the erased ones
//! as they are to be, and nothing else: no snapshots, nothing from behind the head. It reads the copy back,
//! compares it with what it should be, and puts it in place of `records`, which it overwrites (`swap.rs`
//! has the order, and what a crash leaves). It takes as much room as the records do, and time to read them
//! twice. A damaged store is not erased from: it is evidence.
//!
//! # Compacting
//! goes the same way as erasing, with nothing changed: what is appended one by one, and sled's dead space, come
//! out as full runs that each lie there once. It also follows the chain to the head before it lets go of the
//! old files, and keeps the snapshots.
//!
//! # Opening
//! What lies behind the head is taken in as far as it is whole batches that continue the chain: somebody
//! was about to acknowledge them. The rest behind the head is not read, and the next append removes it.
//! Where there is less than the head says, opening succeeds and reading ends early; [`Store::head`] still
//! gives the acknowledged head, and nothing can be appended.
//!
//! A directory whose `db` is missing is refused before sled is asked, which would make a new one.
//!
//! What sled itself writes when a directory is opened, read and closed (measured):
//! - `db`: it fills the segment after the end of its log with zeros, and segments that it gave up, and
//!   syncs. The first reading after an append may also make it rewrite pages. From then on, opening
//!   writes the same zeros again, and no byte changes.
//! - `snap.*`: its table of pages; written anew where its log grew since the last one.
//! - `conf` and `blobs/` only where they are missing.
//!
//! There is no way around this: sled cannot be opened to read only. On a damaged `db` it is destructive:
//! it reads its log from the segment in which its last table of pages ends, takes the first message that
//! it cannot read for the end, and zeroes what follows. Two things are done about that:
//! - A store in which something was appended is opened once more when it is closed, so that the table of
//!   pages is written. From then on damage costs only the pages that it hits, but for the last segment.
//! - What opening may destroy is read before (`preimage.rs`). Where sled then fails, or finds fewer records
//!   than were acknowledged, it is put back, and reading goes to a copy in the system's scratch directory.
//!   So a damaged store is left as it was, can be looked at again, and takes no appends.
//!
//! # Panics
//! sled panics on many kinds of damage. Every call is caught, and the panic's text becomes a
//! [`StoreError::Damaged`]. So that nothing of it is printed, the first use of this file puts a panic hook
//! before the one there is; it stays silent for the caught calls and leaves all others to that one.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::iter::Peekable;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Once, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

use ::sled::{Batch, Config, Db, IVec, Tree};
use bytes::Bytes;
use tempfile::TempDir;

use super::directory::Backend;
use super::head::HeadFile;
use super::preimage::{self, Preimage};
use super::run::{self, Entry, Packer, Value};
use super::swap;
use super::{AppendError, BatchSource, Compaction, Pieces, Reader, Store, StoreError, Stored};
use crate::chain::record::{Head, LocalChecksum, RecordRef, Sealed, local_checksum};

/// This store in the registry of [`super::directory`].
pub(super) const BACKEND: Backend = Backend {
    name: "sled",
    create: Sled::create,
    open: |dir, deadline| Ok(Box::new(Sled::open(dir, deadline)?)),
};

/// Bytes of sled's segments. Written into its `conf`: it can never be changed.
const SEGMENT_SIZE: usize = 2 * 1024 * 1024;
/// Bytes of values that sled keeps in memory: each is read and written once, mostly.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
const RUNS_PER_FLUSH: usize = 16;
const SMALL_RUNS_TO_MERGE: usize = 64;
/// So many values are split off the end of a tree before they can lie in a node of their own.
const PLACES_AHEAD: usize = 20;
/// How many batches of a stream wait to be laid into runs.
const BATCHES_AHEAD: usize = 2;
/// Records that are looked at in one go behind the head.
const ADOPTED_AT_ONCE: usize = 1024;
/// Records that are copied in one go; 32 MiB at the most that a ledger lets a record have.
const COPIED_AT_ONCE: usize = 512;
/// After reading values of so many bytes sled is opened anew: what it caches while reading it does not give
/// back.
const READ_PER_HANDLE: usize = 64 * 1024 * 1024;
/// After writing so many, too: what it caches is split among 256 lists, none of which ever gets empty.
const WRITTEN_PER_HANDLE: usize = 16 * 1024 * 1024;
/// How long to wait for sled's threads to let go of its lock when it is opened again after a failure.
const REOPEN_WAIT: Duration = Duration::from_secs(2);

const RECORDS: &str = "records";
const HEAD: &str = "head";
const RESERVE: &str = "reserve";
/// Bytes of the reserve: up to a segment that sled fills with zeros, and its new `snap.*`.
pub const RESERVE_BYTES: usize = 4 * 1024 * 1024;
const DB: &str = "db";
const RUNS: &str = "runs";
const SNAPSHOTS: &str = "snapshots";

/// A store in sled.
#[derive(Debug)]
pub struct Sled {
    /// Shared with readers.
    shared: Arc<Shared>,
    dir: PathBuf,
    head_file: HeadFile,
    /// What was acknowledged, and whole batches found behind it on opening.
    head: Head,
    /// Whether something lies behind the head.
    leftovers: bool,
    /// Why nothing can be appended: the end of the records is damaged or lost.
    unsound: Option<String>,
    /// Whether anything was appended since it was opened.
    appended: bool,
    /// Whether what an erasure may have left was looked for since it was opened.
    swept: bool,
    /// The small runs at the end, by the number of their first record; none before the first append.
    small: Option<Vec<u64>>,
}

/// What readers see of a store.
#[derive(Debug)]
struct Shared {
    /// None once the store was closed, and after a failure from which opening again did not recover. Nothing
    /// that belongs to sled leaves this lock, so whoever holds it alone can open sled anew.
    trees: RwLock<Option<Trees>>,
    /// How many records were acknowledged, or taken in on opening.
    end: AtomicU64,
}

/// What is open of sled, for as long as this lives.
struct Open<'a>(RwLockReadGuard<'a, Option<Trees>>);

impl Deref for Open<'_> {
    type Target = Trees;

    fn deref(&self) -> &Trees {
        self.0.as_ref().expect("it was looked at under this lock")
    }
}

impl Shared {
    /// What is open, of which so many records may be read.
    fn of(trees: Trees, end: u64) -> Arc<Self> {
        Arc::new(Self {
            trees: RwLock::new(Some(trees)),
            end: AtomicU64::new(end),
        })
    }

    fn trees(&self) -> Option<Open<'_>> {
        // Whoever panicked under the lock only read.
        let trees = self.trees.read().unwrap_or_else(PoisonError::into_inner);
        trees.is_some().then(|| Open(trees))
    }

    /// What is open.
    fn opened(&self) -> Result<Open<'_>, StoreError> {
        self.trees().ok_or_else(StoreError::closed)
    }

    /// Writes what was handed to sled, and opens it anew where that was much.
    fn flush(&self) -> Result<(), StoreError> {
        let trees = self.opened()?;
        trees.flush()?;
        let worn = trees.is_worn();
        drop(trees);
        if worn {
            self.renew();
        }
        Ok(())
    }

    /// Opens sled anew where much was read or written. If that fails, it counts as closed until its owner opens it again.
    fn renew(&self) {
        let mut open = self.trees_mut();
        if let Some(records) = open.as_ref().filter(|trees| trees.is_worn()) {
            let records = records.records.clone();
            *open = None;
            *open = Trees::open_until(&records, Instant::now() + REOPEN_WAIT).ok();
        }
    }

    fn trees_mut(&self) -> RwLockWriteGuard<'_, Option<Trees>> {
        self.trees.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, trees: Trees) {
        *self.trees_mut() = Some(trees);
    }

    /// Waits for whoever is reading, and lets go of sled.
    fn close(&self) {
        *self.trees_mut() = None;
    }
}

impl Reader for Shared {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, StoreError> {
        let trees = self.trees().ok_or_else(StoreError::closed)?;
        let read = trees.read(from, limit, self.end.load(Ordering::SeqCst));
        let worn = trees.is_worn();
        drop(trees);
        if worn {
            self.renew();
        }
        read
    }
}

/// What is open of sled.
struct Trees {
    runs: OnceLock<Tree>,
    snapshots: OnceLock<Tree>,
    /// Taken only by drop.
    db: Option<Db>,
    /// Our own handle of sled's file, to sync it.
    file: File,
    records: PathBuf,
    /// The directory that is named to the user.
    shown: PathBuf,
    /// Where this is a copy of a damaged store. Deleted after all else here is closed.
    copy: Option<TempDir>,
    /// Bytes of the values that were read since it was opened.
    bytes_read: AtomicUsize,
    /// Bytes of the values that were written since then.
    bytes_written: AtomicUsize,
}

/// Why all records are written anew.
enum Rewriting<'a> {
    /// These take the place of those that lie there.
    Erasing(BTreeMap<u64, &'a Sealed>),
    /// For the room.
    Compacting,
}

/// A snapshot that is being put.
struct Putting<'a> {
    shared: &'a Shared,
    count: u64,
    /// How many of its parts lie there.
    parts: u32,
    /// What follows them.
    waiting: Vec<u8>,
    /// How many bytes it has so far, and their check sum.
    length: u64,
    checksum: LocalChecksum,
}

impl Putting<'_> {
    /// Puts the snapshot of these pieces.
    fn put(shared: &Shared, count: u64, pieces: &Pieces<'_>) -> Result<(), StoreError> {
        shared.opened()?.drop_snapshot(count)?;
        let mut putting = Putting {
            shared,
            count,
            parts: 0,
            waiting: Vec::new(),
            length: 0,
            checksum: LocalChecksum::default(),
        };
        let mut put = Ok(());
        pieces(&mut |piece| {
            if put.is_ok() {
                put = putting.add(piece);
            }
        });
        put.and_then(|()| putting.seal())
    }

    fn add(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        self.length += piece.len() as u64;
        self.checksum.add(piece);
        let mut rest = piece;
        while self.waiting.len() + rest.len() >= run::MAX_VALUE {
            let (now, later) = rest.split_at(run::MAX_VALUE - self.waiting.len());
            self.waiting.extend_from_slice(now);
            self.put_part()?;
            rest = later;
        }
        self.waiting.extend_from_slice(rest);
        Ok(())
    }

    fn put_part(&mut self) -> Result<(), StoreError> {
        // One that has more is not sealed.
        if self.parts < SEAL {
            self.insert(self.parts, &self.waiting)?;
            self.parts += 1;
        }
        self.waiting.clear();
        if (self.parts as usize).is_multiple_of(RUNS_PER_FLUSH) {
            // What sled has not written yet, it keeps in memory.
            self.shared.flush()?;
        }
        Ok(())
    }

    fn seal(mut self) -> Result<(), StoreError> {
        if !self.waiting.is_empty() {
            self.put_part()?;
        }
        let mut seal = self.length.to_le_bytes().to_vec();
        seal.extend_from_slice(&self.checksum.finish().0);
        self.insert(SEAL, &seal)?;
        self.shared.flush()
    }

    fn insert(&self, part: u32, bytes: &[u8]) -> Result<(), StoreError> {
        let trees = self.shared.opened()?;
        let tree = trees.snapshots_to_write()?;
        let key = snapshot_key(self.count, part);
        trees
            .bytes_written
            .fetch_add(bytes.len(), Ordering::Relaxed);
        trees.call("writing", || tree.insert(key, bytes)).map(drop)
    }
}

/// How an append failed.
struct Broken {
    error: StoreError,
    /// The head after it, where all of it may have been handed to sled.
    head: Option<Head>,
}

/// Lays the records of an append into the store, in order but for the first value.
struct Writer {
    shared: Arc<Shared>,
    packer: Packer,
    /// The first value, which is inserted last.
    first: Option<Entry>,
    /// Values that wait for sled to split the node in which they will lie, and how many of them have their
    /// place kept there.
    waiting: VecDeque<Entry>,
    placed: usize,
    /// The first records of the small runs at the end.
    small: Vec<u64>,
    since_flush: usize,
}

impl Writer {
    /// A writer of records of which the first has this number, behind these small runs.
    fn new(shared: &Arc<Shared>, first: u64, small: Vec<u64>) -> Self {
        Self {
            shared: Arc::clone(shared),
            packer: Packer::new(first),
            first: None,
            waiting: VecDeque::new(),
            placed: 0,
            small,
            since_flush: 0,
        }
    }

    fn trees(&self) -> Result<Open<'_>, StoreError> {
        self.shared.opened()
    }

    fn take(&mut self, batch: &[Sealed]) -> Result<(), StoreError> {
        run::slices(batch).try_for_each(|record| self.push(record))
    }

    fn push(&mut self, record: &[u8]) -> Result<(), StoreError> {
        self.packer.push(record);
        self.insert_ready()
    }

    /// Hands values to sled, so late and so early that it writes each only once.
    ///
    /// sled writes a node of 9 to 17 values anew after every 10 changes to it, and when it splits it. So where
    /// there are many, places are kept for them by values of no length, at little cost; a value follows when
    /// so many more places are kept that its node, split by then, gets no others, and stays as it is.
    fn insert_ready(&mut self) -> Result<(), StoreError> {
        while let Some(entry) = self.packer.pop() {
            note_small(&mut self.small, &entry);
            if self.first.is_none() {
                self.first = Some(entry);
                continue;
            }
            self.waiting.push_back(entry);
            if self.waiting.len() > PLACES_AHEAD {
                let trees = self.trees()?;
                for entry in self.waiting.iter().skip(self.placed) {
                    trees.insert(&entry.key(), Vec::new())?;
                }
                drop(trees);
                self.placed = PLACES_AHEAD;
                self.insert_next()?;
            }
        }
        Ok(())
    }

    /// Inserts the value that waited longest.
    fn insert_next(&mut self) -> Result<(), StoreError> {
        let Some(entry) = self.waiting.pop_front() else {
            return Ok(());
        };
        self.trees()?.insert(&entry.key(), entry.value)?;
        self.since_flush += 1;
        if self.since_flush == RUNS_PER_FLUSH {
            self.shared.flush()?;
            self.since_flush = 0;
        }
        Ok(())
    }

    /// Inserts what is left but for the first value.
    fn insert_rest(&mut self) -> Result<(), StoreError> {
        self.packer.finish();
        self.insert_ready()?;
        while !self.waiting.is_empty() {
            self.insert_next()?;
        }
        Ok(())
    }

    /// Puts on the disk all but the first value.
    fn sync_rest(&mut self) -> Result<(), StoreError> {
        self.insert_rest()?;
        self.trees()?.sync()
    }

    /// Inserts what is left, the first value last, and puts all on the disk; gives the small runs at the
    /// end.
    fn end(mut self) -> Result<Vec<u64>, StoreError> {
        self.insert_rest()?;
        if let Some(first) = self.first.take() {
            let trees = self.trees()?;
            trees.insert(&first.key(), first.value)?;
            trees.sync()?;
        }
        Ok(self.small)
    }
}

/// Sends the batches of a stream on, as far as they fit together.
fn feed(
    dir: &Path,
    source: &mut dyn BatchSource,
    batches: &SyncSender<Vec<Sealed>>,
    last: &mut Head,
) -> Result<(), StoreError> {
    while let Some((batch, head)) = source.next_batch()? {
        check_batch(dir, *last, &batch, head)?;
        *last = head;
        if batches.send(batch).is_err() {
            // Why nobody takes it is told by who does not.
            return Ok(());
        }
    }
    Ok(())
}

/// Keeps account of the small runs at the end.
fn note_small(small: &mut Vec<u64>, entry: &Entry) {
    if run::is_small(&entry.value) {
        small.push(entry.first);
    } else {
        small.clear();
    }
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
        let trees = Trees::open(&records)?;
        trees.runs_to_write()?;
        trees.snapshots_to_write()?;
        trees.sync()?;
        drop(trees);
        sync_tree(&records)?;
        reserve(dir)
    }

    /// Opens the store in a directory, and waits until the deadline where sled says that it is in use.
    ///
    /// # Errors
    /// [`StoreError`], where it cannot be read at all. A store that lost records opens.
    pub fn open(dir: &Path, deadline: Instant) -> Result<Self, StoreError> {
        let head_file = HeadFile::open(&dir.join(HEAD))?;
        let head = head_file.head();
        let mut store = Self {
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
        store.reopen(deadline)?;
        Ok(store)
    }

    /// Lets go of sled and of the head, and opens both from the disk.
    fn reopen(&mut self, deadline: Instant) -> Result<(), StoreError> {
        self.shared.close();
        self.head_file = HeadFile::open(&self.dir.join(HEAD))?;
        self.set_head(self.head_file.head());
        self.small = None;
        let records = self.dir.join(RECORDS);
        swap::settle(&records).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => damaged(format!("{}: {source}", records.display()), None),
            _ => io_error("finishing an erasure in", &self.dir, source),
        })?;
        let preimage = Preimage::take(&records, SEGMENT_SIZE);
        let preimage = preimage.map_err(|source| match source.kind() {
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
            Err(error @ StoreError::Io { .. }) => return Err(error),
            outcome => {
                let error = outcome.err();
                self.open_copy(&preimage, error, deadline)?
            }
        };
        self.shared.show(trees);
        self.survey();
        Ok(())
    }

    /// Undoes what opening did to a damaged store, and opens a copy of it to read from.
    fn open_copy(
        &self,
        preimage: &Preimage,
        error: Option<StoreError>,
        deadline: Instant,
    ) -> Result<Trees, StoreError> {
        let records = self.dir.join(RECORDS);
        let failed = |source| io_error("copying the damaged", &records, source);
        preimage.restore().map_err(failed)?;
        let scratch = preimage::scratch(&records).map_err(failed)?;
        preimage::copy(&records, scratch.path()).map_err(failed)?;
        let mut trees = Trees::open_until(scratch.path(), deadline);
        if matches!(trees, Err(StoreError::Damaged { .. })) {
            // Reading the whole log may find more than the table of pages, which the damage contradicts.
            preimage::forget_tables(scratch.path()).map_err(failed)?;
            trees = Trees::open_until(scratch.path(), deadline);
        }
        // What failed here is told in terms of the store, not of its copy.
        let mut trees = trees.map_err(|again| error.unwrap_or(again))?;
        trees.shown = records;
        trees.copy = Some(scratch);
        Ok(trees)
    }

    fn trees(&self) -> Result<Open<'_>, StoreError> {
        self.shared.trees().ok_or_else(|| self.not_open())
    }

    fn set_head(&mut self, head: Head) {
        self.head = head;
        self.shared.end.store(head.count, Ordering::SeqCst);
    }

    /// Opens it after a failure from which opening it did not recover then.
    fn open_again(&mut self) -> Result<(), StoreError> {
        if self.shared.trees().is_none() {
            self.reopen(Instant::now() + REOPEN_WAIT)?;
        }
        Ok(())
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
                "{}: {} records were acknowledged, only {end} can be read",
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

    fn expect_head(&mut self, expected: Head) -> Result<(), AppendError> {
        self.open_again()?;
        if self.head == expected {
            Ok(())
        } else {
            Err(AppendError::HeadMoved(self.head))
        }
    }

    /// What comes after every append, well or not.
    fn finish(
        &mut self,
        written: Result<Head, Broken>,
        expected: Head,
    ) -> Result<Head, AppendError> {
        match written {
            Ok(head) => {
                self.merge();
                Ok(head)
            }
            Err(broken) => self.settle(broken, expected),
        }
    }

    fn check_sound(&self) -> Result<(), StoreError> {
        match &self.unsound {
            None => Ok(()),
            Some(what) => Err(damaged(what.clone(), None)),
        }
    }

    /// What comes before every append that is not refused.
    fn prepare(&mut self) -> Result<(), StoreError> {
        self.check_sound()?;
        self.sweep()?;
        reserve(&self.dir)?;
        self.appended = true;
        Ok(())
    }

    /// Step 1 of an append.
    fn remove_leftovers(&mut self) -> Result<(), StoreError> {
        if self.leftovers {
            self.trees()?.remove_from(self.head.count)?;
            self.leftovers = false;
        }
        Ok(())
    }

    /// Steps 1 to 4 of an append.
    fn write_batch(&mut self, batch: &[Sealed], head: Head) -> Result<(), Broken> {
        let mut writer = self.writer().map_err(unfinished)?;
        writer.take(batch).map_err(unfinished)?;
        self.acknowledge(writer, head)
    }

    /// Steps 1 to 4 of an append. What comes from the source is laid into runs on another thread, while the
    /// source makes more.
    fn write_stream(&mut self, source: &mut dyn BatchSource) -> Result<Head, Broken> {
        let mut writer = self.writer().map_err(unfinished)?;
        let mut last = self.head;
        let (sender, batches) = mpsc::sync_channel::<Vec<Sealed>>(BATCHES_AHEAD);
        let written = thread::scope(|scope| {
            let laying = scope.spawn(move || {
                batches.iter().try_for_each(|batch| writer.take(&batch))?;
                Ok(writer)
            });
            let fed = feed(&self.dir, source, &sender, &mut last);
            drop(sender);
            let laid = laying.join().unwrap_or_else(|panic| resume_unwind(panic));
            laid.and_then(|writer| fed.map(|()| writer))
        });
        let mut writer = written.map_err(unfinished)?;
        writer.sync_rest().map_err(unfinished)?;
        self.acknowledge(writer, last)?;
        Ok(last)
    }

    /// Step 1 of an append, and what step 2 goes on with.
    fn writer(&mut self) -> Result<Writer, StoreError> {
        self.remove_leftovers()?;
        let small = match self.small.take() {
            Some(small) => small,
            None => self.trees()?.small_runs_at_end()?,
        };
        Ok(Writer::new(&self.shared, self.head.count, small))
    }

    /// The end of step 2, and steps 3 and 4 of an append.
    fn acknowledge(&mut self, writer: Writer, head: Head) -> Result<(), Broken> {
        let whole = |error| Broken {
            error,
            head: Some(head),
        };
        let small = writer.end().map_err(whole)?;
        if head != self.head {
            self.head_file.write(head).map_err(whole)?;
            self.set_head(head);
        }
        self.small = Some(small);
        Ok(())
    }

    /// Finds out what became of an append that failed.
    fn settle(&mut self, broken: Broken, expected: Head) -> Result<Head, AppendError> {
        let Broken { error, head } = broken;
        if self.reopen(Instant::now() + REOPEN_WAIT).is_err() {
            // Without its last run, a batch is never taken in, and a stream never without its first.
            return Err(if head.is_some() {
                AppendError::Uncertain(error)
            } else {
                AppendError::Failed(error)
            });
        }
        if self.head == expected {
            self.try_to_remove_leftovers(&error);
            return Err(AppendError::Failed(error));
        }
        let acknowledge = |store: &mut Self, head| {
            store.trees()?.sync()?;
            store.head_file.write(head)
        };
        if let Some(head) = head
            && self.head == head
            && acknowledge(self, head).is_ok()
        {
            return Ok(head);
        }
        // Nobody may take the batch for acknowledged, or for absent, before the store was opened again.
        self.shared.close();
        Err(AppendError::Uncertain(error))
    }

    /// Gives up the room that a failed append took. Otherwise the next append does it.
    fn try_to_remove_leftovers(&mut self, error: &StoreError) {
        // It takes a little room itself, of which there would then be too little to open it again.
        if is_for_want_of_room(error) {
            self.try_to_give_room_back();
            return;
        }
        if self.remove_leftovers().is_err() {
            // After one failed write sled refuses even to read.
            let _later = self.reopen(Instant::now() + REOPEN_WAIT);
        }
    }

    /// Gives the file system back what an append took that a full disk broke off: writes the records anew, where there
    /// is room for that beside what it took; for those of a small ledger the reserve will do.
    fn try_to_give_room_back(&mut self) {
        if !self.leftovers || self.check_rewriting(&[]).is_err() {
            return;
        }
        let _room = release_reserve(&self.dir);
        // If it fails, all is as it was: the next append removes what was left, once there is room.
        let _later = self.replace(&Rewriting::Compacting);
        // Without it, the next append makes it, or is refused.
        let _later = reserve(&self.dir);
    }

    /// Step 5 of an append. A failure here is met again, and told, by whoever uses the store next.
    fn merge(&mut self) {
        let Some(small) = self
            .small
            .take_if(|small| small.len() >= SMALL_RUNS_TO_MERGE)
        else {
            return;
        };
        let merged = self.trees().and_then(|trees| trees.merge(&small));
        if let Ok(merged) = merged {
            self.small = Some(merged);
        } else {
            // What sled then holds is known only after it is opened again.
            let _later = self.reopen(Instant::now() + REOPEN_WAIT);
        }
    }

    fn write_snapshots(
        &mut self,
        write: impl FnOnce(&Shared) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.open_again()?;
        let written = write(&self.shared);
        if written.is_err() {
            // After one failed write sled refuses all others. Whether this helps shows at the next use.
            let _later = self.reopen(Instant::now() + REOPEN_WAIT);
        }
        written
    }

    /// Wipes what an erasure left that broke off.
    fn sweep(&mut self) -> Result<(), StoreError> {
        if !self.swept {
            let records = self.dir.join(RECORDS);
            swap::sweep(&records)
                .map_err(|source| io_error("finishing an erasure in", &self.dir, source))?;
            self.swept = true;
        }
        Ok(())
    }

    fn check_rewriting(&self, records: &[Stored]) -> Result<(), StoreError> {
        self.check_sound()?;
        for stored in records {
            if stored.seq >= self.head.count {
                return Err(StoreError::no_such_record(stored.seq));
            }
            if stored.sealed.0.len() > run::MAX_RECORD {
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
    fn replace(&mut self, rewriting: &Rewriting<'_>) -> Result<(), StoreError> {
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
    fn rewrite(&mut self, rewriting: &Rewriting<'_>) -> Result<(), StoreError> {
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

    fn copy_to(&self, new: &Path, rewriting: &Rewriting<'_>) -> Result<(), StoreError> {
        let copy = Shared::of(Trees::open(new)?, self.head.count);
        let trees = copy.trees().ok_or_else(StoreError::closed)?;
        trees.runs_to_write()?;
        trees.snapshots_to_write()?;
        drop(trees);
        if matches!(rewriting, Rewriting::Compacting) {
            for count in self.snapshots()? {
                if let Some(bytes) = self.snapshot(count)? {
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
        copy.trees().ok_or_else(StoreError::closed)?.sync()
    }

    /// Reads a copy back, as it lies on the disk, and compares it with what it should be.
    fn compare_with(&self, new: &Path, rewriting: &Rewriting<'_>) -> Result<(), StoreError> {
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
        if copy.trees().ok_or_else(StoreError::closed)?.end()? != self.head.count {
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
    fn followed(&self, head: Head, stored: &Stored) -> Result<Head, StoreError> {
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
    fn rewritten(&self, from: u64, rewriting: &Rewriting<'_>) -> Result<Vec<Stored>, StoreError> {
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

/// Whether a batch leads from one head to the other, and can be stored.
fn check_batch(dir: &Path, before: Head, batch: &[Sealed], head: Head) -> Result<(), StoreError> {
    let refused = |why: String| {
        let source = io::Error::new(io::ErrorKind::InvalidInput, why);
        Err(io_error("appending to", dir, source))
    };
    if before.count.checked_add(batch.len() as u64) != Some(head.count) {
        return refused(format!(
            "{before} and {} more records do not give {head}",
            batch.len()
        ));
    }
    if head.count > run::END {
        return refused(format!("a ledger holds at most {} records", run::END));
    }
    if batch.iter().any(|sealed| sealed.0.len() > run::MAX_RECORD) {
        return refused(format!("a record is longer than {} bytes", run::MAX_RECORD));
    }
    Ok(())
}

impl Store for Sled {
    fn head(&self) -> Result<Head, StoreError> {
        // While the outcome of an append is not known, neither is the head.
        self.trees()?;
        Ok(self.head)
    }

    fn append(&mut self, expected: Head, batch: &[Sealed], head: Head) -> Result<(), AppendError> {
        self.expect_head(expected)?;
        check_batch(&self.dir, self.head, batch, head)?;
        self.check_sound()?;
        if batch.is_empty() {
            return Ok(());
        }
        self.prepare()?;
        let written = self.write_batch(batch, head).map(|()| head);
        self.finish(written, expected).map(drop)
    }

    fn append_stream(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        self.expect_head(expected)?;
        self.prepare()?;
        let written = self.write_stream(source);
        self.finish(written, expected)
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, StoreError> {
        drop(self.trees()?);
        self.shared.read(from, limit)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::clone(&self.shared) as Arc<dyn Reader>
    }

    fn put_pieces(&mut self, count: u64, pieces: &Pieces<'_>) -> Result<(), StoreError> {
        self.write_snapshots(|shared| Putting::put(shared, count, pieces))
    }

    fn snapshots(&self) -> Result<Vec<u64>, StoreError> {
        self.trees()?.snapshots()
    }

    fn snapshot(&self, count: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.trees()?.snapshot(count)
    }

    fn drop_snapshot(&mut self, count: u64) -> Result<(), StoreError> {
        self.write_snapshots(|shared| shared.opened()?.drop_snapshot(count))
    }

    fn erase(&mut self, records: &[Stored]) -> Result<(), StoreError> {
        self.open_again()?;
        self.check_rewriting(records)?;
        self.swept = false;
        self.sweep()?;
        preimage::wipe_scratches(&self.dir.join(RECORDS))
            .map_err(|source| io_error("wiping copies of", &self.dir, source))?;
        if records.is_empty() {
            return Ok(());
        }
        let changes = records.iter().map(|stored| (stored.seq, &stored.sealed));
        self.replace(&Rewriting::Erasing(changes.collect()))
    }

    fn compact(&mut self) -> Result<Compaction, StoreError> {
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

impl Drop for Sled {
    fn drop(&mut self) {
        self.shared.close();
        if self.appended {
            // Opening lets sled write its table of pages. If this fails, the next opening does it.
            let records = self.dir.join(RECORDS);
            drop(Trees::open_until(&records, Instant::now() + REOPEN_WAIT));
        }
    }
}

/// How many records of its batch follow this one, and the head after it, if it continues the chain.
fn continues(head: Head, remaining_due: Option<u32>, stored: &Stored) -> Option<(u32, Head)> {
    let record = RecordRef::peek(&stored.sealed.0).ok()?;
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
                    thread::sleep(pause.min(deadline - Instant::now()));
                    pause = (pause * 2).min(Duration::from_millis(100));
                }
                outcome => return outcome,
            }
        }
    }

    /// Whether so much was read or written that what sled keeps of it should be let go of.
    fn is_worn(&self) -> bool {
        self.copy.is_none()
            && (self.bytes_read.load(Ordering::Relaxed) > READ_PER_HANDLE
                || self.bytes_written.load(Ordering::Relaxed) > WRITTEN_PER_HANDLE)
    }

    fn call<T>(
        &self,
        doing: &str,
        call: impl FnOnce() -> ::sled::Result<T>,
    ) -> Result<T, StoreError> {
        guarded(doing, &self.shown, call)
    }

    fn db(&self) -> &Db {
        self.db.as_ref().expect("only drop takes it")
    }

    fn runs_to_write(&self) -> Result<&Tree, StoreError> {
        self.tree_to_write(&self.runs, RUNS)
    }

    fn snapshots_to_write(&self) -> Result<&Tree, StoreError> {
        self.tree_to_write(&self.snapshots, SNAPSHOTS)
    }

    /// The tree of this name, made where it is not there.
    fn tree_to_write<'a>(
        &self,
        place: &'a OnceLock<Tree>,
        name: &str,
    ) -> Result<&'a Tree, StoreError> {
        if let Some(tree) = place.get() {
            return Ok(tree);
        }
        let tree = self.call("opening", || self.db().open_tree(name))?;
        Ok(place.get_or_init(|| tree))
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

    fn place(&self, key: &[u8]) -> Result<(u64, u16), StoreError> {
        let strange = || {
            let what = format!("a key of {} bytes in the tree of runs", key.len());
            damaged(format!("{}: {what}", self.shown.display()), None)
        };
        run::parse_key(key).ok_or_else(strange)
    }

    fn damaged_run(&self, first: u64, why: &str, resume: Option<u64>) -> StoreError {
        let place = self.shown.display();
        damaged(
            format!("{place}: the run that starts with record {first} is damaged: {why}"),
            resume,
        )
    }

    /// About `limit` records from `from` on that lie before `end`.
    fn read(&self, from: u64, limit: usize, end: u64) -> Result<Vec<Stored>, StoreError> {
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
                    StoreError::Damaged { what, .. } => damaged(what, resume),
                    io => io,
                })
            }
        }
    }

    /// Removes everything from this record on, the last first, so that what a crash leaves of it is still
    /// no whole batch.
    fn remove_from(&self, end: u64) -> Result<(), StoreError> {
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

    fn insert(&self, key: &[u8], value: Vec<u8>) -> Result<(), StoreError> {
        let runs = self.runs_to_write()?;
        self.bytes_written.fetch_add(value.len(), Ordering::Relaxed);
        self.call("writing", || runs.insert(key, value)).map(drop)
    }

    /// The first records of the small runs at the end, ascending.
    fn small_runs_at_end(&self) -> Result<Vec<u64>, StoreError> {
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
    fn merge(&self, small: &[u64]) -> Result<Vec<u64>, StoreError> {
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

    fn drop_snapshot(&self, count: u64) -> Result<(), StoreError> {
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

    fn snapshot(&self, count: u64) -> Result<Option<Vec<u8>>, StoreError> {
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

/// The part number of a snapshot's last part.
const SEAL: u32 = u32::MAX;

fn snapshot_key(count: u64, part: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&count.to_be_bytes());
    key[8..].copy_from_slice(&part.to_be_bytes());
    key
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

/// A key and its value.
type Pair = (IVec, IVec);

impl Reading<'_> {
    fn run(&mut self, from: u64, limit: usize) -> Result<(), Stop> {
        let start = self
            .start(from)
            .map_err(|what| Stop { what, first: from })?;
        let mut range = self.runs.range(run::key(start, 0)..);
        let trees = self.trees;
        let next = || {
            trees
                .call("reading", || range.next().transpose())
                .transpose()
        };
        let mut values = std::iter::from_fn(next).peekable();
        let mut expected = start;
        while self.records.len() < limit {
            let stop = |what| Stop {
                what,
                first: expected,
            };
            let Some((key, value)) = values.next().transpose().map_err(stop)? else {
                break;
            };
            let (first, part) = trees.place(&key).map_err(stop)?;
            if first >= self.end {
                break;
            }
            trees.bytes_read.fetch_add(value.len(), Ordering::Relaxed);
            expected = self
                .take(first, part, &value, from, &mut values)
                .map_err(|why| Stop {
                    what: trees.damaged_run(first, &why, None),
                    first,
                })?;
        }
        Ok(())
    }

    /// The first record of the run in which `from` lies, or of the one after.
    fn start(&self, from: u64) -> Result<u64, StoreError> {
        let after = run::key(from, u16::MAX);
        let covering = self.trees.call("reading", || {
            self.runs.range(..=after).next_back().transpose()
        })?;
        covering.map_or(Ok(from), |(key, _)| Ok(self.trees.place(&key)?.0))
    }

    /// Takes in the records of one value, and of the parts that belong to it; gives the number after them.
    fn take(
        &mut self,
        first: u64,
        part: u16,
        value: &[u8],
        from: u64,
        values: &mut Peekable<impl Iterator<Item = Result<Pair, StoreError>>>,
    ) -> Result<u64, String> {
        if part != 0 {
            return Err(format!("part {part} stands without those before it"));
        }
        let (records, after) = match run::parse(value)? {
            Value::Run(records) => {
                let after = first + records.len() as u64;
                (records, after)
            }
            Value::Part { parts, bytes } => {
                let mut record = bytes.to_vec();
                for part in 1..parts {
                    record.extend_from_slice(&next_part(first, part, parts, values)?);
                }
                (vec![record.into()], first + 1)
            }
        };
        // What cannot be read ahead is told where it is read itself.
        if let Some(Ok((key, _))) = values.peek()
            && run::parse_key(key).is_some_and(|(next, _)| next < after)
        {
            return Err("something else lies between its records".to_owned());
        }
        let wanted = from..self.end;
        let records = (first..).zip(records);
        let records = records.filter(|(seq, _)| wanted.contains(seq));
        self.records.extend(records.map(|(seq, bytes)| Stored {
            seq,
            sealed: Sealed(bytes),
        }));
        Ok(after)
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

/// The bytes of the next part of a record.
fn next_part(
    first: u64,
    part: u16,
    parts: u16,
    values: &mut Peekable<impl Iterator<Item = Result<Pair, StoreError>>>,
) -> Result<Vec<u8>, String> {
    let due = run::key(first, part);
    let found = values.next_if(|next| next.as_ref().map_or(true, |(key, _)| *key == due));
    let missing = || format!("part {part} of its {parts} parts is missing");
    let (_, value) = found
        .ok_or_else(missing)?
        .map_err(|error| error.to_string())?;
    match run::parse(&value)? {
        Value::Part { parts: same, bytes } if same == parts => Ok(bytes.to_vec()),
        _ => Err(format!("part {part} does not belong to its {parts} parts")),
    }
}

fn unfinished(error: StoreError) -> Broken {
    Broken { error, head: None }
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

fn is_for_want_of_room(error: &StoreError) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error, StoreError::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
}

/// How many bytes the files of a directory have.
fn size_of(dir: &Path) -> io::Result<u64> {
    fs::read_dir(dir)?.try_fold(0, |size, entry| {
        let path = entry?.path();
        let found = fs::metadata(&path)?;
        Ok(size
            + if found.is_dir() {
                size_of(&path)?
            } else {
                found.len()
            })
    })
}

/// Refuses where so much more does not fit beside these records.
fn check_room(records: &Path, bytes: u64) -> Result<(), StoreError> {
    let free = free_room(records).map_err(|source| io_error("measuring", records, source))?;
    if free.is_none_or(|free| free > bytes) {
        return Ok(());
    }
    let why = format!(
        "a second copy of the records may take {bytes} bytes, and {} are free",
        free.unwrap_or(0)
    );
    let source = io::Error::new(io::ErrorKind::StorageFull, why);
    Err(io_error("compacting", records, source))
}

/// How many bytes can still be written beside these files, where the system tells.
#[cfg(unix)]
fn free_room(path: &Path) -> io::Result<Option<u64>> {
    let found = rustix::fs::statvfs(path)?;
    Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
}

#[cfg(not(unix))]
fn free_room(_: &Path) -> io::Result<Option<u64>> {
    Ok(None)
}

/// Makes the reserve, unless it is there.
fn reserve(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(RESERVE);
    if fs::metadata(&path).is_ok_and(|found| found.len() == RESERVE_BYTES as u64) {
        return Ok(());
    }
    let made = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; RESERVE_BYTES])?;
        file.sync_all()
    });
    made.map_err(|source| {
        // What little of it there is would be missed elsewhere.
        let _room = release_reserve(dir);
        io_error("reserving room in", &path, source)
    })
}

/// Deletes the reserve; whether it was there.
fn release_reserve(dir: &Path) -> bool {
    fs::remove_file(dir.join(RESERVE)).is_ok()
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

/// Waits until sled has let go of a directory that was closed: its threads may outlive it for a moment.
fn released(records: &Path) -> Result<(), StoreError> {
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
            let of_sled = thread::current()
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
    use std::ops::Range;

    use super::*;
    use crate::chain::record::{Body, Hash, Record, SALT_LEN, bind};
    use crate::store::Aborted;
    use crate::store::conformance::{self, Site};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    fn opened(dir: &Path) -> Sled {
        Sled::open(dir, soon()).unwrap()
    }

    fn is_damage<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> bool {
        matches!(outcome, Err(StoreError::Damaged { .. }))
    }

    fn batch(head: Head, lengths: &[usize]) -> (Vec<Sealed>, Head) {
        let body = |&length: &usize| Body {
            salt: [3; SALT_LEN],
            payload: (0..length).map(|i| (i ^ (i >> 8)) as u8).collect(),
        };
        let (records, head) = bind(head, 1, lengths.iter().map(body).collect());
        (records.iter().map(Record::seal).collect(), head)
    }

    /// A store in a scratch directory, and what was appended to it.
    struct Scratch {
        dir: tempfile::TempDir,
        records: Vec<Sealed>,
        head: Head,
    }

    impl Site for Scratch {
        fn open(&mut self) -> Result<Box<dyn Store>, String> {
            let store = Sled::open(self.path(), soon()).map_err(|error| error.to_string())?;
            Ok(Box::new(store))
        }
    }

    impl Scratch {
        fn empty() -> Self {
            let dir = tempfile::tempdir().unwrap();
            Sled::create(dir.path()).unwrap();
            Self {
                dir,
                records: Vec::new(),
                head: Head::EMPTY,
            }
        }

        /// One append for each list of payload lengths.
        fn with(batches: &[&[usize]]) -> Self {
            let mut scratch = Self::empty();
            let mut store = opened(scratch.path());
            for lengths in batches {
                scratch.append(&mut store, lengths);
            }
            drop(store);
            scratch
        }

        fn path(&self) -> &Path {
            self.dir.path()
        }

        fn append(&mut self, store: &mut Sled, lengths: &[usize]) {
            let (batch, head) = batch(self.head, lengths);
            store.append(self.head, &batch, head).unwrap();
            self.records.extend(batch);
            self.head = head;
        }

        /// What an append leaves that dies before it is acknowledged.
        fn leave_behind(&self, records: &[Sealed]) {
            let store = opened(self.path());
            let trees = store.trees().unwrap();
            for entry in run::pack(self.head.count, run::slices(records)) {
                trees.insert(&entry.key(), entry.value).unwrap();
            }
            trees.sync().unwrap();
        }

        /// Changes the tree of runs behind the store's back.
        fn tamper(&self, change: impl FnOnce(&Tree)) {
            let store = opened(self.path());
            let trees = store.trees().unwrap();
            change(trees.runs_to_write().unwrap());
            trees.sync().unwrap();
        }

        fn head_file(&self) -> Vec<u8> {
            fs::read(self.path().join(HEAD)).unwrap()
        }

        fn db(&self) -> PathBuf {
            self.path().join(RECORDS).join(DB)
        }
    }

    fn keys(store: &Sled) -> Vec<(u64, u16)> {
        let runs = store.trees().unwrap().runs.get().unwrap().clone();
        let key = |found: ::sled::Result<::sled::IVec>| run::parse_key(&found.unwrap()).unwrap();
        runs.iter().keys().map(key).collect()
    }

    /// Everything that can be read, and how often reading met damage.
    fn read_all(store: &Sled) -> (Vec<Stored>, usize) {
        let (mut records, mut damages, mut next) = (Vec::new(), 0, 0);
        loop {
            match store.read(next, 100) {
                Ok(chunk) if chunk.is_empty() => return (records, damages),
                Ok(chunk) => {
                    for stored in chunk {
                        assert!(stored.seq >= next, "{} after {next}", stored.seq);
                        next = stored.seq + 1;
                        records.push(stored);
                    }
                }
                Err(StoreError::Damaged { what, resume }) => {
                    damages += 1;
                    let Some(resume) = resume else {
                        return (records, damages);
                    };
                    assert!(resume > next, "{what}: on from {resume} after {next}");
                    next = resume;
                }
                Err(other) => unreachable!("{other}"),
            }
        }
    }

    fn assert_holds(store: &Sled, records: &[Sealed]) {
        let (found, damages) = read_all(store);
        assert_eq!(damages, 0);
        assert_eq!(found.len(), records.len());
        for (seq, (stored, sealed)) in (0..).zip(found.iter().zip(records)) {
            assert!(
                stored.seq == seq && stored.sealed == *sealed,
                "record {seq}"
            );
        }
    }

    #[test]
    fn it_conforms() {
        let failed = conformance::check(&mut || Box::new(Scratch::empty()));
        assert_eq!(failed, Vec::<String>::new());
    }

    #[test]
    fn no_value_becomes_a_file_of_its_own() {
        let scratch = Scratch::with(&[&[65_536; 20], &[300; 2000], &[23_000; 40]]);
        let mut store = opened(scratch.path());
        store.put_snapshot(1, &vec![1; 7_000_000]).unwrap();
        drop(store);
        let blobs = scratch.path().join(RECORDS).join("blobs");
        assert_eq!(fs::read_dir(blobs).unwrap().count(), 0);
    }

    #[test]
    fn opening_and_reading_change_nothing_that_counts() {
        let scratch = Scratch::with(&[&[300; 500], &[50_000], &[10], &[20]]);
        let head = scratch.head_file();
        let mut states = Vec::new();
        for _ in 0..4 {
            let store = opened(scratch.path());
            assert_eq!(store.head().unwrap(), scratch.head);
            assert_holds(&store, &scratch.records);
            drop(store);
            assert_eq!(scratch.head_file(), head);
            states.push(fs::read(scratch.db()).unwrap());
        }
        assert!(states[2] == states[3], "sled does not come to rest");
    }

    #[test]
    fn a_whole_batch_behind_the_head_is_taken_in() {
        let scratch = Scratch::with(&[&[10; 70], &[20]]);
        let (first, head) = batch(scratch.head, &[30, 40_000, 5]);
        let (second, head) = batch(head, &[7; 100]);
        let left = [first, second].concat();
        scratch.leave_behind(&left);
        let before = scratch.head_file();
        let mut store = opened(scratch.path());
        assert_eq!(store.head().unwrap(), head);
        let all = [scratch.records.clone(), left].concat();
        assert_holds(&store, &all);
        assert_eq!(scratch.head_file(), before, "opening acknowledged it");
        let (third, end) = batch(head, &[1]);
        store.append(head, &third, end).unwrap();
        drop(store);
        assert_holds(&opened(scratch.path()), &[all, third].concat());
    }

    #[test]
    fn an_unfinished_batch_behind_the_head_is_not_read_and_removed_by_the_next_append() {
        for (lengths, kept) in [
            (&[30; 200][..], 199),
            (&[30; 200], 1),
            (&[60_000, 60_000, 10], 2),
            (&[10, 60_000], 1),
        ] {
            let mut scratch = Scratch::with(&[&[10; 70], &[20]]);
            let (left, _) = batch(scratch.head, lengths);
            scratch.leave_behind(&left[..kept]);
            let before = keys(&opened(scratch.path()));
            let mut store = opened(scratch.path());
            assert_eq!(keys(&store), before, "opening removed it");
            assert_eq!(store.head().unwrap(), scratch.head);
            assert_holds(&store, &scratch.records);
            assert!(store.read(scratch.head.count, 10).unwrap().is_empty());
            scratch.append(&mut store, &[5]);
            assert_holds(&store, &scratch.records);
            drop(store);
            let store = opened(scratch.path());
            assert_holds(&store, &scratch.records);
            assert_eq!(keys(&store).last(), Some(&(71, 0)), "something was left");
        }
    }

    #[test]
    fn of_two_batches_behind_the_head_the_unfinished_one_goes() {
        let mut scratch = Scratch::with(&[&[10; 3]]);
        let (whole, head) = batch(scratch.head, &[1, 2]);
        let (unfinished, _) = batch(head, &[3, 4]);
        let left = [whole.clone(), unfinished[..1].to_vec()].concat();
        scratch.leave_behind(&left);
        // Both lie in one run, which is cut, not removed.
        let mut store = opened(scratch.path());
        assert_eq!(store.head().unwrap(), head);
        scratch.records.extend(whole);
        scratch.head = head;
        scratch.append(&mut store, &[9]);
        assert_holds(&store, &scratch.records);
    }

    #[test]
    fn a_record_without_all_its_parts_is_no_whole_batch() {
        let scratch = Scratch::with(&[&[10]]);
        let (left, _) = batch(scratch.head, &[60_000]);
        scratch.leave_behind(&left);
        assert_eq!(opened(scratch.path()).head().unwrap().count, 2);
        scratch.tamper(|runs| drop(runs.remove(run::key(1, 2)).unwrap().unwrap()));
        let store = opened(scratch.path());
        assert_eq!(store.head().unwrap(), scratch.head);
        assert_holds(&store, &scratch.records);
    }

    /// A stream that dies leaves whole batches in the store, but none to which the head leads.
    #[test]
    fn a_stream_that_died_before_its_first_value_lay_there_leaves_nothing() {
        let mut scratch = Scratch::with(&[&[10; 70], &[20]]);
        let mut store = opened(scratch.path());
        let before = keys(&store);
        let mut writer = store.writer().unwrap();
        let mut head = scratch.head;
        for _ in 0..3 {
            let (whole, after) = batch(head, &[100; 2000]);
            writer.take(&whole).unwrap();
            head = after;
        }
        writer.sync_rest().unwrap();
        drop((writer, store));
        let mut store = opened(scratch.path());
        assert!(keys(&store).len() > before.len() + 20);
        assert_eq!(store.head().unwrap(), scratch.head);
        assert_holds(&store, &scratch.records);
        scratch.append(&mut store, &[5]);
        assert_holds(&store, &scratch.records);
        assert_eq!(keys(&store).len(), before.len() + 1, "something was left");
    }

    #[test]
    fn a_stream_that_died_after_its_first_value_lay_there_is_whole() {
        let mut scratch = Scratch::with(&[&[10; 70], &[20]]);
        let mut store = opened(scratch.path());
        let mut writer = store.writer().unwrap();
        for _ in 0..3 {
            let (whole, head) = batch(scratch.head, &[100; 2000]);
            writer.take(&whole).unwrap();
            scratch.records.extend(whole);
            scratch.head = head;
        }
        writer.end().unwrap();
        drop(store);
        let store = opened(scratch.path());
        assert_eq!(store.head().unwrap(), scratch.head);
        assert_holds(&store, &scratch.records);
    }

    #[test]
    fn a_stream_that_is_broken_off_leaves_nothing_behind_the_head() {
        struct BreaksOff(Head, u8);
        impl BatchSource for BreaksOff {
            fn next_batch(&mut self) -> Result<Option<(Vec<Sealed>, Head)>, Aborted> {
                self.1 = self.1.checked_sub(1).ok_or(Aborted)?;
                let (batch, head) = batch(self.0, &[100; 2000]);
                self.0 = head;
                Ok(Some((batch, head)))
            }
        }
        let mut scratch = Scratch::with(&[&[10; 70], &[20]]);
        let mut store = opened(scratch.path());
        let before = keys(&store);
        let outcome = store.append_stream(scratch.head, &mut BreaksOff(scratch.head, 5));
        assert!(matches!(outcome, Err(AppendError::Failed(_))));
        assert_eq!(keys(&store), before);
        assert_holds(&store, &scratch.records);
        scratch.append(&mut store, &[5]);
        assert_holds(&store, &scratch.records);
    }

    /// sled's lock is let go of, and its files are closed, whoever may still have a reader.
    #[test]
    fn a_reader_does_not_keep_a_closed_store_open() {
        let scratch = Scratch::with(&[&[10; 70]]);
        let store = opened(scratch.path());
        let reader = store.reader();
        assert_eq!(reader.read(0, 100).unwrap().len(), 70);
        drop(store);
        drop(opened(scratch.path()));
        assert!(reader.read(0, 100).is_err());
    }

    #[test]
    fn what_does_not_continue_the_chain_is_not_taken_in() {
        let scratch = Scratch::with(&[&[10]]);
        let elsewhere = Head {
            link: Hash([9; 32]),
            ..scratch.head
        };
        scratch.leave_behind(&batch(elsewhere, &[1, 2]).0);
        let store = opened(scratch.path());
        assert_eq!(store.head().unwrap(), scratch.head);
        assert_holds(&store, &scratch.records);
    }

    #[test]
    fn an_older_head_file_catches_up() {
        let mut scratch = Scratch::with(&[&[10; 3]]);
        let older = scratch.head_file();
        let mut store = opened(scratch.path());
        for at in 0..200 {
            scratch.append(&mut store, &[at, 2]);
        }
        drop(store);
        fs::write(scratch.path().join(HEAD), older).unwrap();
        let store = opened(scratch.path());
        assert_eq!(store.head().unwrap(), scratch.head);
        assert_holds(&store, &scratch.records);
    }

    #[test]
    fn a_store_that_lost_its_tail_opens_and_tells() {
        let scratch = Scratch::with(&[&[10; 128], &[10; 2]]);
        scratch.tamper(|runs| drop(runs.pop_max().unwrap().unwrap()));
        let mut store = opened(scratch.path());
        assert_eq!(store.head().unwrap(), scratch.head);
        assert_holds(&store, &scratch.records[..128]);
        let (more, head) = batch(scratch.head, &[1]);
        let outcome = store.append(scratch.head, &more, head);
        let refused = matches!(
            outcome,
            Err(AppendError::Failed(StoreError::Damaged { .. }))
        );
        assert!(refused, "{outcome:?}");
        assert_holds(&store, &scratch.records[..128]);
    }

    #[test]
    fn two_damaged_slots_of_the_head_are_damage() {
        let scratch = Scratch::with(&[&[10]]);
        fs::write(scratch.path().join(HEAD), [0; 8192]).unwrap();
        assert!(is_damage(Sled::open(scratch.path(), soon())));
    }

    #[test]
    fn a_damaged_run_is_named_and_reading_goes_on_behind_it() {
        type Change = fn(&Tree);
        // What is put there, what is said of it, and what of the records 64 to 127 is still read.
        let changes: [(Change, &str, Range<u64>); 8] = [
            (|runs| put(runs, 64, 0, b""), "0 bytes", 0..0),
            (
                |runs| {
                    let mut value = runs.get(run::key(64, 0)).unwrap().unwrap().to_vec();
                    assert_eq!(value[0], 3, "it is not compressed");
                    value.pop();
                    put(runs, 64, 0, &value);
                },
                "too short",
                0..0,
            ),
            (|runs| put(runs, 64, 0, b"\x09\x01\x00"), "tag is 9", 0..0),
            (
                |runs| put(runs, 64, 0, b"\x01\x01\x00\xff\xff\xff\xff"),
                "ends inside",
                0..0,
            ),
            (
                |runs| put(runs, 64, 0, b"\x02\x02\x00abc"),
                "part 1 of its 2 parts is missing",
                0..0,
            ),
            (
                |runs| put(runs, 64, 1, b"\x02\x02\x00abc"),
                "something else lies",
                0..0,
            ),
            (
                |runs| put(runs, 100, 0, b"\x01\x01\x00\x01\x00\x00\x00a"),
                "something else lies",
                100..101,
            ),
            (
                |runs| {
                    runs.remove(run::key(64, 0)).unwrap();
                    put(runs, 64, 1, b"\x02\x02\x00abc");
                },
                "part 1 stands without",
                0..0,
            ),
        ];
        for (change, said, left) in changes {
            let scratch = Scratch::with(&[&[10; 64], &[10; 64], &[10; 72]]);
            scratch.tamper(change);
            let store = opened(scratch.path());
            let (records, damages) = read_all(&store);
            let expected = (0..64).chain(left).chain(128..200);
            assert!(
                records.iter().map(|stored| stored.seq).eq(expected),
                "{said}"
            );
            assert_eq!(damages, 1, "{said}");
            for (from, limit) in [(64, 10), (64, 1), (70, 1000)] {
                let error = store.read(from, limit).unwrap_err().to_string();
                let told = error.contains(said) && error.contains("record 64");
                assert!(told, "{error}");
            }
        }
    }

    fn put(runs: &Tree, first: u64, part: u16, value: &[u8]) {
        runs.insert(run::key(first, part), value).unwrap();
    }

    #[test]
    fn damage_in_the_last_run_has_nothing_behind_it() {
        let scratch = Scratch::with(&[&[10; 64], &[10; 36]]);
        scratch.tamper(|runs| put(runs, 64, 0, b"\x01"));
        let mut store = opened(scratch.path());
        assert_eq!(store.head().unwrap(), scratch.head);
        let error = store.read(64, 10).unwrap_err();
        assert!(
            matches!(error, StoreError::Damaged { resume: None, .. }),
            "{error}"
        );
        let (more, head) = batch(scratch.head, &[1]);
        assert!(store.append(scratch.head, &more, head).is_err());
    }

    #[test]
    fn a_gap_between_runs_is_left_to_see() {
        let scratch = Scratch::with(&[&[10; 64], &[10; 64], &[10; 72]]);
        scratch.tamper(|runs| drop(runs.remove(run::key(64, 0)).unwrap().unwrap()));
        let store = opened(scratch.path());
        let (records, damages) = read_all(&store);
        assert_eq!(damages, 0);
        assert!(
            records
                .iter()
                .map(|stored| stored.seq)
                .eq((0..64).chain(128..200))
        );
        assert_eq!(store.read(70, 1).unwrap()[0].seq, 128);
    }

    #[test]
    fn single_appends_end_up_in_full_runs() {
        let mut scratch = Scratch::empty();
        let mut store = opened(scratch.path());
        for at in 0..400 {
            scratch.append(&mut store, &[at % 50]);
            assert!(keys(&store).len() <= SMALL_RUNS_TO_MERGE + at / 63, "{at}");
            if at == 100 {
                drop(store);
                store = opened(scratch.path());
            }
        }
        assert_holds(&store, &scratch.records);
        assert!(keys(&store).len() < 80);
    }

    #[test]
    fn small_runs_that_do_not_follow_each_other_are_not_merged() {
        let mut scratch = Scratch::empty();
        let mut store = opened(scratch.path());
        for _ in 0..SMALL_RUNS_TO_MERGE - 1 {
            scratch.append(&mut store, &[5]);
        }
        let trees = store.trees().unwrap();
        let runs = trees.runs_to_write().unwrap();
        runs.remove(run::key(9, 0)).unwrap().unwrap();
        drop(trees);
        scratch.append(&mut store, &[5]);
        assert_eq!(keys(&store).len(), SMALL_RUNS_TO_MERGE - 1);
        scratch.append(&mut store, &[5]);
    }

    /// A power cut may leave any prefix of what sled wrote. Whichever it is, what is there are the first
    /// records, whole and in order: a merge is there or it is not.
    #[test]
    fn any_prefix_of_the_log_holds_a_prefix_of_the_chain() {
        let mut scratch = Scratch::empty();
        let mut store = opened(scratch.path());
        for at in 0..130 {
            scratch.append(&mut store, &[at]);
        }
        let log = fs::read(scratch.db()).unwrap();
        std::mem::forget(store);
        let used = log.iter().rposition(|&byte| byte != 0).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for cut in (0..60).map(|part| used * part / 60) {
            let copy = Scratch::empty();
            remove_snaps(&copy);
            fs::write(copy.db(), &log[..cut]).unwrap();
            let store = opened(copy.path());
            let (found, damages) = (store.adopted(), read_all(&store).1);
            assert_eq!(damages, 0);
            let records = store.trees().unwrap().read(0, 1000, u64::MAX).unwrap();
            assert_eq!(
                records.len() as u64,
                store.head().unwrap().count,
                "cut at {cut}"
            );
            assert_eq!(found, store.head().unwrap());
            for (stored, sealed) in records.iter().zip(&scratch.records) {
                assert_eq!(stored.sealed, *sealed, "cut at {cut}");
            }
            seen.insert(records.len());
        }
        assert!(seen.len() > 8, "{seen:?}");
    }

    fn remove_snaps(scratch: &Scratch) {
        for entry in fs::read_dir(scratch.path().join(RECORDS)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if name.starts_with("snap.") {
                fs::remove_file(&path).unwrap();
            }
        }
    }

    /// sled panics on many damaged files, and opens others as if they were shorter. Neither gets out: an
    /// error says so, or what is read is what was appended, and the head tells what is missing.
    #[test]
    fn a_damaged_db_never_panics_and_never_lies() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        };
        for trial in 0..40 {
            let scratch = Scratch::with(&[&[300; 200], &[50_000], &[7], &[9], &[100; 20]]);
            let mut db = fs::read(scratch.db()).unwrap();
            let used = db.iter().rposition(|&byte| byte != 0).unwrap();
            match trial % 4 {
                0 => db.truncate(random(used)),
                1 => db[random(used)] ^= 1 << random(8),
                2 => (0..20).for_each(|_| db[random(used)] ^= 1 << random(8)),
                _ => db.truncate(used / 2),
            }
            fs::write(scratch.db(), db).unwrap();
            if trial % 3 == 0 {
                remove_snaps(&scratch);
            }
            let damaged_db = fs::read(scratch.db()).unwrap();
            let store = match Sled::open(scratch.path(), soon()) {
                Ok(store) => store,
                Err(StoreError::Damaged { .. }) => {
                    assert!(fs::read(scratch.db()).unwrap() == damaged_db, "{trial}");
                    continue;
                }
                Err(other) => unreachable!("{trial}: {other}"),
            };
            assert_eq!(store.head().unwrap(), scratch.head, "{trial}");
            for stored in read_all(&store).0 {
                assert_eq!(
                    stored.sealed, scratch.records[stored.seq as usize],
                    "{trial}"
                );
            }
            if store.unsound.is_some() {
                drop(store);
                assert!(fs::read(scratch.db()).unwrap() == damaged_db, "{trial}");
            }
        }
    }

    /// One flipped bit in the last segment, and sled alone would zero all that follows.
    #[test]
    fn a_damaged_store_is_left_as_it_was_and_read_as_far_as_can_be() {
        let mut scratch = Scratch::with(&[&[10]]);
        let mut store = opened(scratch.path());
        for at in 0..40 {
            scratch.append(&mut store, &[200, at]);
        }
        drop(store);
        let mut db = fs::read(scratch.db()).unwrap();
        let needle = &scratch.records[41].0;
        let at = db
            .windows(needle.len())
            .position(|window| window == needle)
            .unwrap();
        db[at + 140] ^= 1;
        fs::write(scratch.db(), &db).unwrap();
        let files = || {
            let entries = fs::read_dir(scratch.path().join(RECORDS)).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let before = files();
        for _ in 0..2 {
            let mut store = opened(scratch.path());
            let (found, _) = read_all(&store);
            assert!((1..81).contains(&found.len()), "{}", found.len());
            let (more, head) = batch(scratch.head, &[1]);
            let refusal = store
                .append(scratch.head, &more, head)
                .unwrap_err()
                .to_string();
            assert!(
                refusal.contains("81 records were acknowledged"),
                "{refusal}"
            );
            let copy = store.trees().unwrap().records.clone();
            drop(store);
            assert!(!copy.exists());
            assert!(fs::read(scratch.db()).unwrap() == db);
            assert_eq!(files(), before);
        }
    }

    #[test]
    fn sled_in_use_elsewhere_is_an_error_that_can_be_waited_out() {
        let scratch = Scratch::with(&[&[10]]);
        let held = opened(scratch.path());
        let error = Sled::open(scratch.path(), Instant::now()).unwrap_err();
        let busy = matches!(&error, StoreError::Io { source, .. } if source.kind() == io::ErrorKind::WouldBlock);
        assert!(busy, "{error}");
        let path = scratch.path().to_owned();
        let waiting = std::thread::spawn(move || Sled::open(&path, soon()).map(drop));
        thread::sleep(Duration::from_millis(50));
        drop(held);
        waiting.join().unwrap().unwrap();
    }

    #[test]
    fn a_batch_that_does_not_give_the_head_is_refused() {
        let mut scratch = Scratch::with(&[&[10]]);
        let mut store = opened(scratch.path());
        let (more, head) = batch(scratch.head, &[1, 2]);
        assert!(store.append(scratch.head, &more[..1], head).is_err());
        assert!(store.append(scratch.head, &[], scratch.head).is_ok());
        assert_holds(&store, &scratch.records);
        scratch.append(&mut store, &[4]);
    }

    #[test]
    fn a_half_written_snapshot_is_not_there() {
        let mut store = opened(Scratch::empty().path());
        let bytes = vec![5; 100_000];
        store.put_snapshot(7, &bytes).unwrap();
        let trees = store.trees().unwrap();
        let tree = trees.snapshots_to_write().unwrap();
        let part = tree.remove(snapshot_key(7, 2)).unwrap().unwrap();
        assert_eq!(store.snapshot(7).unwrap(), None);
        tree.insert(snapshot_key(7, 2), part).unwrap();
        assert_eq!(store.snapshot(7).unwrap(), Some(bytes));
        tree.remove(snapshot_key(7, SEAL)).unwrap().unwrap();
        assert_eq!(store.snapshot(7).unwrap(), None);
        assert_eq!(store.snapshots().unwrap(), Vec::<u64>::new());
    }

    /// The records of a store, one of them without its last bytes.
    fn shortened(scratch: &Scratch, seq: u64) -> Stored {
        let mut sealed = scratch.records[seq as usize].clone();
        sealed.tamper(|bytes| bytes.truncate(129));
        Stored { seq, sealed }
    }

    fn copy_dir(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        preimage::copy(from, to).unwrap();
    }

    fn entries_of(scratch: &Scratch) -> Vec<String> {
        let entries = fs::read_dir(scratch.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Whatever the moment at which an erasure is killed, one of the two stores is there, whole, and the
    /// next append or erasure leaves nothing else.
    #[test]
    fn an_erasure_that_is_killed_leaves_the_old_or_the_new() {
        let lengths: &[&[usize]] = &[&[300; 200], &[50_000], &[7], &[9]];
        let mut done = Scratch::with(lengths);
        let old = done.records.clone();
        let mut store = opened(done.path());
        store.erase(&[shortened(&done, 70)]).unwrap();
        drop(store);
        done.records[70] = shortened(&done, 70).sealed;
        assert_holds(&opened(done.path()), &done.records);
        assert_eq!(entries_of(&done), [HEAD, RECORDS, RESERVE]);
        let new = done.path().join(RECORDS);
        let (plain, half) = ("", "half");
        // What lies under each name, and whether the new one counts.
        for (at, dot_new, dot_old, is_new) in [
            ("old", plain, plain, false),
            ("old", half, plain, false),
            ("old", "new", plain, false),
            (plain, "new", "old", true),
            ("new", plain, "old", true),
            ("new", plain, half, true),
        ] {
            for reads_first in [false, true] {
                let mut scratch = Scratch::with(lengths);
                let records = scratch.path().join(RECORDS);
                let kept = scratch.path().join("kept");
                fs::rename(&records, &kept).unwrap();
                for (ending, what) in [("", at), (".new", dot_new), (".old", dot_old)] {
                    let path = scratch.path().join(format!("{RECORDS}{ending}"));
                    match what {
                        "old" => copy_dir(&kept, &path),
                        "new" => copy_dir(&new, &path),
                        "half" => {
                            fs::create_dir(&path).unwrap();
                            fs::write(path.join(DB), vec![7; 5000]).unwrap();
                        }
                        _ => {}
                    }
                }
                fs::remove_dir_all(&kept).unwrap();
                scratch.records = if is_new {
                    done.records.clone()
                } else {
                    old.clone()
                };
                if reads_first {
                    let before = entries_of(&scratch);
                    let store = opened(scratch.path());
                    assert_eq!(store.head().unwrap(), scratch.head);
                    assert_holds(&store, &scratch.records);
                    drop(store);
                    assert_eq!(entries_of(&scratch).len(), before.len());
                }
                let mut store = opened(scratch.path());
                if reads_first {
                    scratch.append(&mut store, &[5]);
                } else {
                    store.erase(&[]).unwrap();
                }
                assert_eq!(entries_of(&scratch), [HEAD, RECORDS, RESERVE]);
                assert_holds(&store, &scratch.records);
                store.erase(&[shortened(&scratch, 70)]).unwrap();
                scratch.records[70] = shortened(&scratch, 70).sealed;
                scratch.append(&mut store, &[5]);
                drop(store);
                assert_holds(&opened(scratch.path()), &scratch.records);
            }
        }
    }

    #[test]
    fn records_that_are_missing_beside_one_left_over_are_refused_and_not_touched() {
        for ending in [".old", ".new"] {
            let scratch = Scratch::with(&[&[10]]);
            let records = scratch.path().join(RECORDS);
            let left = format!("{RECORDS}{ending}");
            fs::rename(&records, scratch.path().join(&left)).unwrap();
            let error = Sled::open(scratch.path(), soon()).unwrap_err();
            assert!(matches!(&error, StoreError::Damaged { .. }), "{error}");
            assert!(error.to_string().contains(&left), "{error}");
            assert_eq!(entries_of(&scratch), [HEAD, &left, RESERVE]);
        }
    }

    #[test]
    fn nothing_is_erased_from_what_is_damaged() {
        let scratch = Scratch::with(&[&[10; 64], &[10; 64], &[10; 72]]);
        scratch.tamper(|runs| drop(runs.remove(run::key(64, 0)).unwrap().unwrap()));
        let mut store = opened(scratch.path());
        let error = store.erase(&[shortened(&scratch, 3)]).unwrap_err();
        assert!(
            error.to_string().contains("record 64 is missing"),
            "{error}"
        );
        assert_eq!(entries_of(&scratch), [HEAD, RECORDS, RESERVE]);
        assert_eq!(read_all(&store).0.len(), 136);
        assert_eq!(store.read(3, 1).unwrap()[0].sealed, scratch.records[3]);
    }

    #[test]
    fn what_lies_behind_the_head_is_not_copied() {
        let mut scratch = Scratch::with(&[&[10; 3]]);
        let (more, _) = batch(scratch.head, &[20; 2]);
        scratch.leave_behind(&more[..1]);
        let mut store = opened(scratch.path());
        assert!(store.leftovers);
        store.erase(&[shortened(&scratch, 0)]).unwrap();
        scratch.records[0] = shortened(&scratch, 0).sealed;
        assert!(!store.leftovers);
        assert_holds(&store, &scratch.records);
        scratch.append(&mut store, &[4]);
    }

    #[test]
    fn a_copy_in_the_scratch_directory_that_outlived_its_process_is_wiped() {
        let scratch = Scratch::with(&[&[10; 3]]);
        let other = Scratch::with(&[&[10; 3]]);
        let copies = [&scratch, &other].map(|ledger| {
            let copy = preimage::scratch(&ledger.path().join(RECORDS)).unwrap();
            preimage::copy(&ledger.path().join(RECORDS), copy.path()).unwrap();
            copy.keep()
        });
        let mut store = opened(scratch.path());
        store.erase(&[shortened(&scratch, 0)]).unwrap();
        assert!(!copies[0].exists());
        assert!(copies[1].exists());
        fs::remove_dir_all(&copies[1]).unwrap();
    }

    /// Every run but the last is as full after an erasure as a batch would have left it.
    #[test]
    fn an_erasure_leaves_full_runs() {
        let mut scratch = Scratch::with(&[&[100; 3000], &[50_000]]);
        let mut store = opened(scratch.path());
        for _ in 0..20 {
            scratch.append(&mut store, &[1]);
        }
        let packed = run::pack(0, run::slices(&scratch.records)).count();
        store.erase(&[shortened(&scratch, 2999)]).unwrap();
        scratch.records[2999] = shortened(&scratch, 2999).sealed;
        assert_holds(&store, &scratch.records);
        assert_eq!(keys(&store).len(), packed);
    }

    #[test]
    fn what_was_appended_one_by_one_takes_less_room_when_compacted() {
        let mut scratch = Scratch::empty();
        let mut store = opened(scratch.path());
        for at in 0..120 {
            scratch.append(&mut store, &[60_000 * (at % 2), 9]);
        }
        for at in 0..60 {
            scratch.append(&mut store, &[at]);
        }
        let before = keys(&store).len();
        let Compaction { before: was, after } = store.compact().unwrap();
        assert!(after < was, "{was} {after}");
        assert!(keys(&store).len() < before - 58);
        assert_holds(&store, &scratch.records);
        assert_eq!(entries_of(&scratch), [HEAD, RECORDS, RESERVE]);
        scratch.append(&mut store, &[5]);
        drop(store);
        assert_holds(&opened(scratch.path()), &scratch.records);
    }

    /// What an auditor came to see is not tidied away.
    #[test]
    fn what_is_no_chain_is_not_compacted() {
        for (place, said) in [(40, "record 2 does"), (150, "record 1 does")] {
            let scratch = Scratch::with(&[&[10; 3]]);
            scratch.tamper(|runs| {
                let mut records = scratch.records.clone();
                records[1].tamper(|bytes| bytes[place] ^= 1);
                for entry in run::pack(0, run::slices(&records)) {
                    runs.insert(entry.key(), entry.value).unwrap();
                }
            });
            let mut store = opened(scratch.path());
            let before = fs::read(scratch.db()).unwrap();
            let error = store.compact().unwrap_err().to_string();
            assert!(place == 40 || error.contains(said), "{error}");
            assert!(error.contains("continue the chain"), "{error}");
            assert_eq!(entries_of(&scratch), [HEAD, RECORDS, RESERVE]);
            assert!(fs::read(scratch.db()).unwrap() == before);
            assert_eq!(store.read(0, 3).unwrap().len(), 3);
        }
    }

    #[test]
    fn without_room_for_a_copy_nothing_is_begun() {
        let scratch = Scratch::with(&[&[10; 3]]);
        let error = check_room(&scratch.path().join(RECORDS), u64::MAX).unwrap_err();
        assert!(is_for_want_of_room(&error), "{error}");
        assert!(check_room(&scratch.path().join(RECORDS), 1).is_ok());
    }

    /// Whoever reads much keeps no more of it in memory than sled caches of one handle's worth.
    #[test]
    fn a_store_that_was_read_much_is_opened_anew() {
        let scratch = Scratch::with(&[&[10; 300]]);
        let store = opened(scratch.path());
        let reader = store.reader();
        let read_so_far = |bytes| {
            store
                .trees()
                .unwrap()
                .bytes_read
                .swap(bytes, Ordering::SeqCst)
        };
        read_so_far(READ_PER_HANDLE);
        assert_eq!(reader.read(0, 1000).unwrap().len(), 300);
        assert_eq!(read_so_far(0), 0, "it was not opened anew");
        assert_holds(&store, &scratch.records);
    }

    #[test]
    fn a_store_that_was_written_much_is_opened_anew_and_goes_on() {
        let mut scratch = Scratch::with(&[&[10; 300]]);
        let mut store = opened(scratch.path());
        let worn = |store: &Sled| {
            let trees = store.trees().unwrap();
            trees
                .bytes_written
                .swap(WRITTEN_PER_HANDLE, Ordering::SeqCst)
        };
        worn(&store);
        // More than are laid into the places that are kept ahead.
        let many = [20_000; 2_000];
        let head = store.head;
        let (records, after) = batch(head, &many);
        let mut source = Some((records.clone(), after));
        store.append_stream(head, &mut Once(&mut source)).unwrap();
        scratch.records.extend(records);
        assert!(worn(&store) < WRITTEN_PER_HANDLE, "it was not opened anew");
        let long = vec![7; 20 * RUNS_PER_FLUSH * run::MAX_VALUE];
        store.put_snapshot(2_300, &long).unwrap();
        assert!(worn(&store) < WRITTEN_PER_HANDLE, "it was not opened anew");
        assert!(store.snapshot(2_300).unwrap() == Some(long));
        assert_holds(&store, &scratch.records);
        drop(store);
        assert_holds(&opened(scratch.path()), &scratch.records);
    }

    /// A stream of one batch.
    struct Once<'a>(&'a mut Option<(Vec<Sealed>, Head)>);

    impl BatchSource for Once<'_> {
        fn next_batch(&mut self) -> Result<Option<(Vec<Sealed>, Head)>, Aborted> {
            Ok(self.0.take())
        }
    }

    #[test]
    fn panics_and_errors_of_sled_become_ours() {
        let path = Path::new("somewhere");
        let outcome = guarded::<()>("reading", path, || panic!("of {}", "sled"));
        let said = outcome.unwrap_err().to_string();
        assert_eq!(said, "reading somewhere: sled gave up: of sled");
        let full = io::Error::from_raw_os_error(28);
        let copied = io::Error::new(full.kind(), format!("{full:?}"));
        let StoreError::Io { source, .. } = translated("writing", path, ::sled::Error::Io(copied))
        else {
            unreachable!();
        };
        assert_eq!(source.raw_os_error(), Some(28));
    }

    /// A file system of 24 MB in memory.
    #[cfg(target_os = "linux")]
    struct SmallDisk(tempfile::TempDir);

    #[cfg(target_os = "linux")]
    impl SmallDisk {
        /// None where this process may not mount it.
        fn new() -> Option<Self> {
            let disk = Self(tempfile::tempdir().unwrap());
            let mounted = disk.mount("size=24m", &["-t", "tmpfs", "tmpfs"]);
            mounted.then_some(disk).or_else(|| {
                let said = writeln!(io::stderr(), "skipped: mounting a file system needs root");
                said.ok().and(None)
            })
        }

        fn mount(&self, options: &str, what: &[&str]) -> bool {
            let mut mount = std::process::Command::new("mount");
            mount.args(["-o", options]).args(what).arg(self.0.path());
            let mount = mount.stderr(std::process::Stdio::null());
            mount.status().is_ok_and(|status| status.success())
        }
    }

    #[cfg(target_os = "linux")]
    impl Drop for SmallDisk {
        fn drop(&mut self) {
            // Not mounted where that was not allowed.
            let mut umount = std::process::Command::new("umount");
            let umount = umount.arg("-l").arg(self.0.path());
            let _done = umount.stderr(std::process::Stdio::null()).status();
        }
    }

    /// A ledger on a file system of 24 MB, of which 7 are taken by a file.
    #[cfg(target_os = "linux")]
    fn on_a_small_disk(test: impl Fn(&Path, &SmallDisk)) {
        let Some(disk) = SmallDisk::new() else { return };
        fs::write(disk.0.path().join("filler"), vec![1; 7_000_000]).unwrap();
        let dir = disk.0.path().join("ledger");
        fs::create_dir(&dir).unwrap();
        Sled::create(&dir).unwrap();
        test(&dir, &disk);
    }

    /// A batch that compressing makes little smaller.
    #[cfg(target_os = "linux")]
    fn noisy_batch(head: Head, lengths: &[usize]) -> (Vec<Sealed>, Head) {
        let mut state = head.count + 1;
        let mut noise = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as u8
        };
        let body = |&length: &usize| Body {
            salt: [3; SALT_LEN],
            payload: (0..length).map(|_| noise()).collect(),
        };
        let bodies = lengths.iter().map(body).collect();
        let (records, head) = bind(head, 1, bodies);
        (records.iter().map(Record::seal).collect(), head)
    }

    /// What a full disk leaves is whole, before and after it is opened again, and appends go on once there
    /// is room; to remove a stream that was broken off, sled needs about as much as the stream took.
    #[cfg(target_os = "linux")]
    fn assert_recovers(store: Sled, disk: &SmallDisk, records: &mut Vec<Sealed>, head: Head) {
        let dir = store.dir.clone();
        assert_eq!(store.head().unwrap(), head);
        assert_holds(&store, records);
        drop(store);
        let mut store = opened(&dir);
        assert_eq!(store.head().unwrap(), head);
        assert_holds(&store, records);
        assert!(disk.mount("remount,size=64m", &[]), "it gets room");
        let (batch, after) = noisy_batch(head, &[300; 3]);
        store.append(head, &batch, after).unwrap();
        records.extend(batch);
        assert_holds(&store, records);
        drop(store);
        assert_holds(&opened(&dir), records);
    }

    /// On a full disk an append fails and says why.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_refuses_appends_and_leaves_the_rest() {
        for lengths in [&[300][..], &[300; 50], &[300; 3000], &[50_000; 3]] {
            on_a_small_disk(|dir, disk| {
                let mut store = opened(dir);
                let (mut records, mut head) = (Vec::new(), Head::EMPTY);
                let refusal = loop {
                    let (batch, after) = noisy_batch(head, lengths);
                    match store.append(head, &batch, after) {
                        Ok(()) => (head, _) = (after, records.extend(batch)),
                        Err(refusal) => break refusal,
                    }
                };
                let full =
                    matches!(&refusal, AppendError::Failed(error) if is_for_want_of_room(error));
                assert!(full, "{refusal:?}");
                assert_recovers(store, disk, &mut records, head);
            });
        }
    }

    /// The disk gets full in the middle of a stream, and while the records are written anew.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_breaks_off_streams_and_compacting_and_leaves_the_rest() {
        struct Endless(Head);
        impl BatchSource for Endless {
            fn next_batch(&mut self) -> Result<Option<(Vec<Sealed>, Head)>, Aborted> {
                let (batch, head) = noisy_batch(self.0, &[300; 500]);
                self.0 = head;
                Ok(Some((batch, head)))
            }
        }
        on_a_small_disk(|dir, disk| {
            let mut store = opened(dir);
            let (mut records, head) = noisy_batch(Head::EMPTY, &[300; 700]);
            store.append(Head::EMPTY, &records, head).unwrap();
            let refusal = store.append_stream(head, &mut Endless(head)).unwrap_err();
            let full = matches!(&refusal, AppendError::Failed(error) if is_for_want_of_room(error));
            assert!(full, "{refusal:?}");
            // What it took is given back at once, for a copy of what is there fits into the reserve.
            assert!(size_of(&dir.join(RECORDS)).unwrap() < RESERVE_BYTES as u64);
            assert!(dir.join(RESERVE).exists());
            assert_recovers(store, disk, &mut records, head);
        });
        on_a_small_disk(|dir, disk| {
            let mut store = opened(dir);
            let (mut records, head) = noisy_batch(Head::EMPTY, &[300; 19_000]);
            store.append(Head::EMPTY, &records, head).unwrap();
            let refusal = store.compact().unwrap_err();
            assert!(is_for_want_of_room(&refusal), "{refusal:?}");
            // The room that was there when it began is gone by then.
            let refusal = store.replace(&Rewriting::Compacting).unwrap_err();
            assert!(is_for_want_of_room(&refusal), "{refusal:?}");
            assert!(!swap::new_of(&dir.join(RECORDS)).exists());
            assert_recovers(store, disk, &mut records, head);
        });
    }
}
