//! A journal before a log: it takes the acknowledgement, and the log follows behind.
//!
//! An append is one write into a file of fixed length that was filled with zeros when it was made, and one
//! `fdatasync`, which has nothing but those bytes to put on the disk. What was appended is read from memory
//! until the log behind has it.
//!
//! # Bytes
//! `journal`: 4 MiB. At the start two slots (`slot.rs`) that begin with `srvdjrnl`. Their body, little endian:
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 16 | 8 | first: the number of the lap's first frame |
//! | 24 | 8 | last: the number of the last frame that was acknowledged when this was written |
//! | 32 | 8 | count of records at that time |
//! | 40 | 32 | link of the last of them, zeros where there is none |
//! | 72 | 8 | bytes of the whole file |
//!
//! From 8,192 on frames, each at a multiple of 4,096. All frames that were ever written are numbered from 1;
//! those with numbers before the lap's first are leftovers.
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | `srvdfrm` and the byte 1 |
//! | 8 | 8 | the frame's number |
//! | 16 | 40 | the head that it continues: count of records, which is the number of its first, and link |
//! | 56 | 40 | the head after it |
//! | 96 | 8 | bytes of its records, with their lengths |
//! | 104 | | its records: the length of each (4 bytes), then its bytes |
//! | | 32 | [`local_checksum`](servanda_core::chain::record::local_checksum) of all before |
//! | | | zeros up to a multiple of 4,096 |
//!
//! A frame that a crash broke off has not its check sum, and was not acknowledged. One from an earlier lap has
//! too small a number.
//!
//! # An append, in this order
//! 1. Where the log behind failed to take in what it was handed before, it is handed that again. If it fails
//!    again, that is the append's failure, and nothing was written.
//! 2. Where there is no room, a new lap begins: all frames are handed over, a slot says so and is synced.
//! 3. The frame is written and synced. Now the append has happened. A sync that failed is tried once more
//!    with the bytes written again; then nobody knows, and the log must be opened again.
//! 4. Where 1 MiB waits to be handed over, a thread begins to. A frame is done with when the log's append
//!    returned. Nothing is written to the journal for that: opening compares the frames with the log's head.
//!
//! What takes more than 512 KiB, and a stream, goes straight to the log behind, after all that waits. Then a slot notes the
//! new head: so the journal always tells a log that lost its end, whichever store it is.
//!
//! # Closing
//! Up to 64 KiB of frames stay: a few small appends cost the log behind nothing. A slot notes the last frame,
//! without a sync. So after an orderly end damage to the last frame is told from a write that was broken off;
//! after a crash it is not, and a last frame that is damaged then counts as one that was never acknowledged.
//!
//! # Opening
//! Opening and reading write nothing. Where the frames do not continue the log, or end before the head that
//! the journal knows, all that is there can be read, [`Log::head`] gives the head that was acknowledged, and
//! nothing can be appended.
//!
//! # Erasing
//! What is erased may lie in the journal too, in frames of any lap. So all frames are handed over, a new lap
//! begins, and all frames are overwritten with zeros, before the log behind erases.

mod file;
mod frame;
mod medium;
mod overlay;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use self::file::JournalFile;
use self::frame::Frame;
use self::overlay::Overlay;
use super::error::{AppendError, LogError};
use super::log::{
    ChunkSink, Compact, Compaction, Erase, Log, Parts as _, Reader, SnapshotCache, Stored,
};
use super::source::{Batch, BatchSource, NoBatch, OneBatch, Peeked};
use servanda_core::chain::record::Head;

/// Bytes of the file.
pub const SIZE: usize = 4 * 1024 * 1024;
/// Frames that take more than this go straight to the log behind.
const FRAME_MAX: usize = 512 * 1024;
/// When this much waits, it is handed over.
const HAND_OVER_FROM: usize = 1024 * 1024;
/// Up to this much stays when the log is closed.
const LEFT_AT_CLOSE_MAX: usize = 64 * 1024;
/// How often to go on where the log behind took in only a part.
const HAND_OVER_ATTEMPTS: usize = 3;

/// A log with a journal before it.
pub struct Journal<S: Log + 'static> {
    file: JournalFile,
    path: PathBuf,
    behind: Arc<Behind<S>>,
    follower: Option<JoinHandle<()>>,
    /// What was acknowledged.
    head: Head,
    /// Why nothing can be appended.
    unsound: Option<String>,
    /// Whether an append may have happened or not.
    uncertain: bool,
    /// Whether the log behind said that it takes appends, since it was opened.
    asked: bool,
    /// Whether anything was appended since it was opened.
    appended: bool,
}

/// The log behind, and what it does not have yet. The log is locked before the rest.
struct Behind<S> {
    log: Mutex<S>,
    ahead: Arc<Ahead>,
}

/// What the journal has ahead of the log behind. Shared with readers, who do not keep that store open.
struct Ahead {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    /// Of the log behind: reading waits for no handing over.
    reader: Arc<dyn Reader>,
}

/// What waits to be handed over, and how that goes.
struct Waiting {
    overlay: Overlay,
    /// Whether the follower is to hand over.
    due: bool,
    /// Whether the journal is being closed: the follower is to end, and readers with it.
    closing: bool,
    /// Whether the follower failed since the last append.
    failed: bool,
}

/// The file of a journal, opened, and what was found in it.
pub(super) struct Found {
    file: JournalFile,
    frames: Vec<Frame>,
    path: PathBuf,
}

impl Found {
    /// Opens and reads the file. Writes nothing.
    pub(super) fn open(path: &Path) -> Result<Self, LogError> {
        let (file, frames) = JournalFile::open(path)?;
        Ok(Self {
            file,
            frames,
            path: path.to_owned(),
        })
    }
}

impl<S: Log + 'static> Journal<S> {
    /// Makes the journal's file for a log with this head, in the place of one that is there, and puts it on
    /// the disk. Its directory is for the caller to sync.
    ///
    /// # Errors
    /// [`LogError`], where it cannot be written.
    pub fn create(path: &Path, head: Head) -> Result<(), LogError> {
        JournalFile::create(path, SIZE, head)
    }

    /// Opens the journal before a log.
    ///
    /// # Errors
    /// [`LogError`], where it cannot be read at all. One that lost frames opens, as does one before a log
    /// that lost records.
    pub fn open(path: &Path, log: S) -> Result<Self, LogError> {
        let found = Found::open(path)?;
        let base = log.head()?;
        Ok(Self::before(log, base, found))
    }

    /// Puts what was found before a log with this head.
    pub(super) fn before(log: S, base: Head, found: Found) -> Self {
        let Found { file, frames, path } = found;
        let known = frames.iter().map(|frame| frame.head).chain([file.head()]);
        // Of heads with the same count the journal's counts: it is what was acknowledged.
        let head = known.fold(
            base,
            |one, other| if other.count < one.count { one } else { other },
        );
        let overlay = Overlay::new(base, frames);
        let (place, end) = (path.display(), overlay.end());
        let unsound = if end.count < head.count {
            let (count, end) = (head.count, end.count);
            Some(format!(
                "{place}: {count} records were acknowledged, only {end} can be read"
            ))
        } else {
            (end != head)
                .then(|| format!("{place}: the records are not those that were acknowledged"))
        };
        Self {
            file,
            path,
            behind: Arc::new(Behind {
                ahead: Arc::new(Ahead {
                    waiting: Mutex::new(Waiting {
                        overlay,
                        due: false,
                        closing: false,
                        failed: false,
                    }),
                    wake: Condvar::new(),
                    reader: log.reader(),
                }),
                log: Mutex::new(log),
            }),
            follower: None,
            head,
            unsound,
            uncertain: false,
            asked: false,
            appended: false,
        }
    }

    /// Hands everything over to the log behind. Then nothing but the head is in the journal alone.
    ///
    /// # Errors
    /// [`LogError`]. What was not handed over stays in the journal.
    pub fn drain(&mut self) -> Result<(), LogError> {
        self.check_sound()?;
        self.behind.hand_over()
    }

    fn check_sound(&self) -> Result<(), LogError> {
        if self.uncertain {
            return Err(self.failed(
                "using",
                "whether an append happened is not known; open it again",
            ));
        }
        match &self.unsound {
            None => Ok(()),
            Some(what) => Err(damaged(what.clone())),
        }
    }

    fn expect_head(&self, expected: Head) -> Result<(), AppendError> {
        if self.head == expected {
            Ok(())
        } else {
            Err(AppendError::HeadMoved(self.head))
        }
    }

    fn failed(&self, doing: &str, why: &str) -> LogError {
        LogError::Io {
            doing: format!("{doing} {}", self.path.display()),
            source: io::Error::other(why.to_owned()),
        }
    }

    /// Step 1 of an append. A log that takes no appends is not told by the journal's room that it does.
    fn settle_behind(&mut self) -> Result<(), LogError> {
        let failed = std::mem::take(&mut self.behind.ahead.waiting().failed);
        if failed {
            self.behind
                .hand_over()
                .inspect_err(|_| self.behind.ahead.waiting().failed = true)?;
        }
        if !self.asked {
            let mut log = self.behind.log()?;
            let head = log.head()?;
            match log.append(head, &mut NoBatch) {
                Ok(_) | Err(AppendError::HeadMoved(_)) => {}
                Err(AppendError::Uncertain(error) | AppendError::Failed(error)) => {
                    return Err(error);
                }
            }
            self.asked = true;
        }
        Ok(())
    }

    /// An append that goes straight to the log behind.
    fn append_behind(&mut self, source: &mut dyn BatchSource) -> Result<Head, AppendError> {
        self.behind.hand_over()?;
        let mut log = self.behind.log()?;
        let outcome = match log.append(self.head, source) {
            // Nobody else appends there: if its head moved, this moved it.
            Err(AppendError::Uncertain(lost)) => match log.head() {
                Ok(found) if found == self.head => Err(AppendError::Failed(lost)),
                Ok(found) => Ok(found),
                Err(_) => Err(AppendError::Uncertain(lost)),
            },
            Err(AppendError::HeadMoved(found)) => Err(AppendError::Failed(moved_behind(found))),
            outcome => outcome,
        };
        drop(log);
        self.uncertain = matches!(outcome, Err(AppendError::Uncertain(_)));
        let head = outcome?;
        self.head = head;
        self.behind.ahead.waiting().overlay = Overlay::new(head, Vec::new());
        // The records are on the disk. A note that fails is made before the next frame.
        let _later = self.file.restart(head);
        Ok(head)
    }

    /// An append of a single batch.
    fn append_batch(&mut self, expected: Head, batch: Batch) -> Result<Head, AppendError> {
        let (records, head) = &batch;
        if expected.count.checked_add(records.len() as u64) != Some(head.count) {
            let count = records.len();
            let why = format!("{expected} and {count} more records do not give {head}");
            return Err(self.failed("appending to", &why).into());
        }
        self.settle_behind()?;
        if records.is_empty() {
            return Ok(expected);
        }
        self.appended = true;
        if frame::room(records) > FRAME_MAX.min(self.file.capacity()) {
            let (records, head) = batch;
            self.append_behind(&mut OneBatch::new(records, head))
        } else {
            self.append_frame(expected, batch)
        }
    }

    /// Steps 2 and 3.
    fn append_frame(
        &mut self,
        expected: Head,
        (records, head): Batch,
    ) -> Result<Head, AppendError> {
        if !self.file.has_room(frame::room(&records), expected) {
            self.behind.hand_over()?;
            self.file.restart(expected)?;
        }
        let number = self
            .file
            .write(expected, &records, head)
            .map_err(|(error, perhaps)| {
                self.uncertain = perhaps;
                if perhaps {
                    AppendError::Uncertain(error)
                } else {
                    AppendError::Failed(error)
                }
            })?;
        self.head = head;
        let mut waiting = self.behind.ahead.waiting();
        waiting.overlay.push(Frame {
            number,
            expected,
            head,
            records,
        });
        let due = waiting.overlay.room() >= HAND_OVER_FROM;
        drop(waiting);
        if due {
            self.wake_follower();
        }
        Ok(head)
    }

    /// Step 4.
    fn wake_follower(&mut self) {
        self.behind.ahead.waiting().due = true;
        self.behind.ahead.wake.notify_one();
        if self.follower.is_none() {
            let behind = Arc::clone(&self.behind);
            let thread = std::thread::Builder::new().name("servanda-journal".to_owned());
            // Without a thread the next lap hands over.
            self.follower = thread.spawn(move || behind.follow()).ok();
        }
    }
}

impl Ahead {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that holds it calls what could panic.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let limit = limit.max(1);
        let waiting = self.waiting();
        if from >= waiting.overlay.base().count {
            return Ok(waiting.overlay.read(from, limit));
        }
        drop(waiting);
        let mut found = self.reader.read(from, limit)?;
        let next = found.last().map_or(from, |last| last.seq + 1);
        let overlay = &self.waiting().overlay;
        // What was handed over meanwhile is for the next reading. Where there is nothing although there should
        // be, what follows the gap is read.
        if found.is_empty() || next >= overlay.base().count {
            found.extend(overlay.read(next, limit.saturating_sub(found.len())));
        }
        Ok(found)
    }
}

impl Reader for Ahead {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        if self.waiting().closing {
            return Err(LogError::closed());
        }
        self.read(from, limit)
    }
}

impl<S: Log> Behind<S> {
    fn log(&self) -> Result<MutexGuard<'_, S>, LogError> {
        let gave_up = |_| damaged("the store behind the journal gave up".to_owned());
        self.log.lock().map_err(gave_up)
    }

    /// Hands over all that waits, and returns when the log has it on the disk.
    fn hand_over(&self) -> Result<(), LogError> {
        let mut log = self.log()?;
        let mut found = self.ahead.waiting().overlay.base();
        for _ in 0..HAND_OVER_ATTEMPTS {
            let waiting = self.ahead.waiting();
            let (base, pending) = (waiting.overlay.base(), waiting.overlay.pending());
            drop(waiting);
            let Some((records, head)) = pending else {
                return Ok(());
            };
            found = match log.append(base, &mut OneBatch::new(records, head)) {
                Ok(head) => head,
                Err(AppendError::HeadMoved(found)) => found,
                Err(AppendError::Uncertain(lost)) => match log.head() {
                    Ok(found) if found != base => found,
                    _ => return Err(lost),
                },
                Err(AppendError::Failed(error)) => return Err(error),
            };
            if !self.ahead.waiting().overlay.advance(found) {
                break;
            }
        }
        if self.ahead.waiting().overlay.is_empty() {
            Ok(())
        } else {
            Err(moved_behind(found))
        }
    }

    /// Hands over whenever it is due, until the journal is closed.
    fn follow(&self) {
        loop {
            let waiting = self.ahead.waiting();
            let idle = |waiting: &mut Waiting| !waiting.due && !waiting.closing;
            let woken = self.ahead.wake.wait_while(waiting, idle);
            let mut waiting = woken.unwrap_or_else(PoisonError::into_inner);
            if waiting.closing {
                return;
            }
            waiting.due = false;
            drop(waiting);
            if self.hand_over().is_err() {
                // What it was is told to the next append, which tries again.
                self.ahead.waiting().failed = true;
            }
        }
    }
}

impl<S: Log + 'static> Log for Journal<S> {
    fn head(&self) -> Result<Head, LogError> {
        if self.uncertain {
            self.check_sound()?;
        }
        Ok(self.head)
    }

    fn append(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        self.check_sound()?;
        self.expect_head(expected)?;
        match Peeked::at(source)? {
            Peeked::Nothing => {
                self.settle_behind()?;
                Ok(expected)
            }
            Peeked::One(batch) => self.append_batch(expected, batch),
            Peeked::Many(mut all) => {
                self.settle_behind()?;
                self.appended = true;
                self.append_behind(&mut all)
            }
        }
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.behind.ahead.read(from, limit)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::clone(&self.behind.ahead) as Arc<dyn Reader>
    }

    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        let log = self.behind.log().ok()?;
        log.snapshots().is_some().then_some(self)
    }

    fn eraser(&mut self) -> Option<&mut dyn Erase> {
        let erases = self.behind.log().ok()?.eraser().is_some();
        erases.then_some(self)
    }

    fn compactor(&mut self) -> Option<&mut dyn Compact> {
        let compacts = self.behind.log().ok()?.compactor().is_some();
        compacts.then_some(self)
    }
}

impl<S: Log + 'static> SnapshotCache for Journal<S> {
    fn put_chunks(&self, count: u64, chunks: &ChunkSink<'_>) -> Result<(), LogError> {
        self.behind.log()?.cache()?.put_chunks(count, chunks)
    }

    fn counts(&self) -> Result<Vec<u64>, LogError> {
        self.behind.log()?.cache()?.counts()
    }

    fn load(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        self.behind.log()?.cache()?.load(count)
    }

    fn remove(&self, count: u64) -> Result<(), LogError> {
        self.behind.log()?.cache()?.remove(count)
    }
}

impl<S: Log + 'static> Erase for Journal<S> {
    fn erase(&mut self, records: &[Stored]) -> Result<(), LogError> {
        if !records.is_empty() {
            self.check_sound()?;
            let nowhere = records.iter().find(|stored| stored.seq >= self.head.count);
            if let Some(stored) = nowhere {
                return Err(LogError::no_such_record(stored.seq));
            }
            self.behind.hand_over()?;
            self.file.restart(self.head)?;
            self.file.wipe()?;
        }
        self.behind.log()?.erasing()?.erase(records)
    }
}

impl<S: Log + 'static> Compact for Journal<S> {
    fn compact(&mut self) -> Result<Compaction, LogError> {
        self.check_sound()?;
        self.behind.hand_over()?;
        self.behind.log()?.compacting()?.compact()
    }
}

impl<S: Log + 'static> Drop for Journal<S> {
    fn drop(&mut self) {
        self.behind.ahead.waiting().closing = true;
        self.behind.ahead.wake.notify_one();
        if let Some(follower) = self.follower.take() {
            // If it panicked, what it did not hand over is still in the journal.
            let _ended = follower.join();
        }
        if self.appended && !self.uncertain {
            // Whatever fails here, the frames are there when it is opened again.
            if self.behind.ahead.waiting().overlay.room() > LEFT_AT_CLOSE_MAX {
                let _later = self.behind.hand_over();
            }
            let _without = self.file.confirm();
        }
    }
}

impl<S: Log + 'static> std::fmt::Debug for Journal<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal")
            .field("path", &self.path)
            .field("head", &self.head)
            .field("unsound", &self.unsound)
            .finish_non_exhaustive()
    }
}

fn damaged(what: String) -> LogError {
    LogError::Damaged { what, resume: None }
}

fn moved_behind(found: Head) -> LogError {
    damaged(format!(
        "somebody else appended to the store behind the journal: it has {found}"
    ))
}

#[cfg(test)]
mod power;
#[cfg(test)]
mod tests;
