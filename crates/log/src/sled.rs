//! Records in sled 0.34. Only files below this one name it.
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
//! Where there is less than the head says, opening succeeds and reading ends early; [`Log::head`] still
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
//! - A log in which something was appended is opened once more when it is closed, so that the table of
//!   pages is written. From then on damage costs only the pages that it hits, but for the last segment.
//! - What opening may destroy is read before (`preimage.rs`). Where sled then fails, or finds fewer records
//!   than were acknowledged, it is put back, and reading goes to a copy in the system's scratch directory.
//!   So a damaged store is left as it was, can be looked at again, and takes no appends.
//!
//! # Panics
//! sled panics on many kinds of damage. Every call is caught, and the panic's text becomes a
//! [`LogError::Damaged`]. The panic hook of the program asks [`is_guarded`], and prints nothing then.

mod guard;
mod read;
mod rewrite;
mod room;
mod shared;
mod snapshots;
mod trees;
mod write;

pub use self::guard::is_guarded;
pub use self::room::RESERVE_BYTES;

use std::fs;
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use self::rewrite::{Rewriting, sync_tree};
use self::room::{check_room, is_for_want_of_room, release_reserve, reserve, size_of};
use self::shared::{Open, Shared};
use self::snapshots::Putting;
use self::trees::Trees;
use self::write::{Writer, feed};
use super::error::{AppendError, LogError};
use super::head::HeadFile;
use super::log::{ChunkSink, Compact, Compaction, Erase, Log, Reader, SnapshotCache, Stored};
use super::preimage::{self, Preimage};
use super::run;
use super::source::{BatchSource, Peeked};
use super::swap;
use servanda_core::chain::record::{Head, RecordRef, Sealed};

/// Bytes of sled's segments. Written into its `conf`: it can never be changed.
const SEGMENT_SIZE: usize = 2 * 1024 * 1024;

const SMALL_RUNS_TO_MERGE: usize = 64;

/// How many batches of a stream wait to be laid into runs.
const BATCHES_AHEAD: usize = 2;

/// Records that are looked at in one go behind the head.
const ADOPTED_AT_ONCE: usize = 1024;

/// How long to wait for sled's threads to let go of its lock when it is opened again after a failure.
const REOPEN_WAIT: Duration = Duration::from_secs(2);

const RECORDS: &str = "records";

const HEAD: &str = "head";

const DB: &str = "db";

/// A log in sled.
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

/// How an append failed.
struct Broken {
    error: LogError,
    /// The head after it, where all of it may have been handed to sled.
    head: Option<Head>,
}

impl Sled {
    /// Makes an empty store in an existing directory, and syncs all of it but the directory itself.
    ///
    /// # Errors
    /// [`LogError`], where something cannot be written.
    pub fn create(dir: &Path) -> Result<(), LogError> {
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

    /// Opens the log in a directory, and waits until the deadline where sled says that it is in use.
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

    /// Lets go of sled and of the head, and opens both from the disk.
    fn reopen(&mut self, deadline: Instant) -> Result<(), LogError> {
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
            Err(error @ LogError::Io { .. }) => return Err(error),
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
        error: Option<LogError>,
        deadline: Instant,
    ) -> Result<Trees, LogError> {
        let records = self.dir.join(RECORDS);
        let failed = |source| io_error("copying the damaged", &records, source);
        preimage.restore().map_err(failed)?;
        let scratch = preimage::scratch(&records).map_err(failed)?;
        preimage::copy(&records, scratch.path()).map_err(failed)?;
        let mut trees = Trees::open_until(scratch.path(), deadline);
        if matches!(trees, Err(LogError::Damaged { .. })) {
            // Reading the whole log may find more than the table of pages, which the damage contradicts.
            preimage::forget_tables(scratch.path()).map_err(failed)?;
            trees = Trees::open_until(scratch.path(), deadline);
        }
        // What failed here is told in terms of the log, not of its copy.
        let mut trees = trees.map_err(|again| error.unwrap_or(again))?;
        trees.shown = records;
        trees.copy = Some(scratch);
        Ok(trees)
    }

    fn trees(&self) -> Result<Open<'_>, LogError> {
        self.shared.trees().ok_or_else(|| self.not_open())
    }

    fn set_head(&mut self, head: Head) {
        self.head = head;
        self.shared.end.store(head.count, Ordering::SeqCst);
    }

    /// Opens it after a failure from which opening it did not recover then.
    fn open_again(&mut self) -> Result<(), LogError> {
        if self.shared.trees().is_none() {
            self.reopen(Instant::now() + REOPEN_WAIT)?;
        }
        Ok(())
    }

    fn not_open(&self) -> LogError {
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

    fn check_sound(&self) -> Result<(), LogError> {
        match &self.unsound {
            None => Ok(()),
            Some(what) => Err(damaged(what.clone(), None)),
        }
    }

    /// What comes before every append that is not refused.
    fn prepare(&mut self) -> Result<(), LogError> {
        self.check_sound()?;
        self.sweep()?;
        reserve(&self.dir)?;
        self.appended = true;
        Ok(())
    }

    /// Step 1 of an append.
    fn remove_leftovers(&mut self) -> Result<(), LogError> {
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
    fn writer(&mut self) -> Result<Writer, LogError> {
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
        let acknowledge = |log: &mut Self, head| {
            log.trees()?.sync()?;
            log.head_file.write(head)
        };
        if let Some(head) = head
            && self.head == head
            && acknowledge(self, head).is_ok()
        {
            return Ok(head);
        }
        // Nobody may take the batch for acknowledged, or for absent, before the log was opened again.
        self.shared.close();
        Err(AppendError::Uncertain(error))
    }

    /// Gives up the room that a failed append took. Otherwise the next append does it.
    fn try_to_remove_leftovers(&mut self, error: &LogError) {
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

    /// Step 5 of an append. A failure here is met again, and told, by whoever uses the log next.
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

    /// Writes snapshots. After one failed write sled refuses all others, so it is then opened again.
    fn write_snapshots(
        &self,
        write: impl FnOnce(&Shared) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        drop(self.trees()?);
        let written = write(&self.shared);
        if written.is_err() {
            self.shared.open_again(&self.dir);
        }
        written
    }
}

/// Whether a batch leads from one head to the other, and can be stored.
fn check_batch(dir: &Path, before: Head, batch: &[Sealed], head: Head) -> Result<(), LogError> {
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

impl Log for Sled {
    fn head(&self) -> Result<Head, LogError> {
        // While the outcome of an append is not known, neither is the head.
        self.trees()?;
        Ok(self.head)
    }

    fn append(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        self.expect_head(expected)?;
        let written = match Peeked::at(source)? {
            Peeked::Nothing => {
                self.check_sound()?;
                return Ok(expected);
            }
            Peeked::One((batch, head)) => {
                check_batch(&self.dir, self.head, &batch, head)?;
                if batch.is_empty() {
                    self.check_sound()?;
                    return Ok(expected);
                }
                self.prepare()?;
                self.write_batch(&batch, head).map(|()| head)
            }
            Peeked::Many(mut all) => {
                self.prepare()?;
                self.write_stream(&mut all)
            }
        };
        self.finish(written, expected)
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        drop(self.trees()?);
        self.shared.read(from, limit)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::clone(&self.shared) as Arc<dyn Reader>
    }

    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        Some(self)
    }

    fn eraser(&mut self) -> Option<&mut dyn Erase> {
        Some(self)
    }

    fn compactor(&mut self) -> Option<&mut dyn Compact> {
        Some(self)
    }
}

impl SnapshotCache for Sled {
    fn put_chunks(&self, count: u64, chunks: &ChunkSink<'_>) -> Result<(), LogError> {
        self.write_snapshots(|shared| Putting::put(shared, count, chunks))
    }

    fn counts(&self) -> Result<Vec<u64>, LogError> {
        self.trees()?.snapshots()
    }

    fn load(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        self.trees()?.snapshot(count)
    }

    fn remove(&self, count: u64) -> Result<(), LogError> {
        self.write_snapshots(|shared| shared.opened()?.drop_snapshot(count))
    }
}

impl Erase for Sled {
    fn erase(&mut self, records: &[Stored]) -> Result<(), LogError> {
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

fn unfinished(error: LogError) -> Broken {
    Broken { error, head: None }
}

fn io_error(doing: &str, path: &Path, source: io::Error) -> LogError {
    LogError::Io {
        doing: format!("{doing} {}", path.display()),
        source,
    }
}

fn damaged(what: String, resume: Option<u64>) -> LogError {
    LogError::Damaged { what, resume }
}

#[cfg(test)]
mod tests;
