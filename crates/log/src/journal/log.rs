//! The log with a journal before it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::backing::Backing;
use super::buffer::WriteBuffer;
use super::errors::{backing_moved, damaged};
use super::file::JournalFile;
use super::frame::{self, Frame};
use super::overlay::Overlay;
use crate::error::{AppendError, LogError};
use crate::head::fewer;
use crate::log::{
    ChunkSink, Compact, Compaction, Erase, Log, Parts as _, Reader, SnapshotCache, Stored,
};
use crate::source::{Batch, BatchSource, NoBatch, OneBatch, Peeked};
use servanda_core::chain::record::Head;
use servanda_core::pages::Source;

/// Bytes of the file.
pub const SIZE: usize = 4 * 1024 * 1024;
/// Batches whose frame takes more bytes than this go straight to the backing log.
const FRAME_MAX: usize = 512 * 1024;
/// Bytes of buffered frames from which on the flusher is woken.
const FLUSH_FROM: usize = 1024 * 1024;
/// Most bytes of frames that stay in the journal when it is closed.
pub(super) const LEFT_AT_CLOSE_MAX: usize = 64 * 1024;

/// A log with a journal before it.
pub struct Journal<L: Log + 'static> {
    file: JournalFile,
    path: PathBuf,
    backing: Arc<Backing<L>>,
    flusher: Option<JoinHandle<()>>,
    /// The committed head.
    head: Head,
    /// Why no append is possible.
    pub(super) unsound: Option<String>,
    /// Whether the outcome of an append is unknown.
    uncertain: bool,
    /// Whether the backing log accepted an append without records since the journal was opened.
    asked: bool,
    /// Whether anything was appended since the journal was opened.
    appended: bool,
}

impl<L: Log + 'static> Journal<L> {
    /// Makes the journal's file for a log with this head, in place of an existing one, and syncs it. The caller syncs
    /// the directory.
    ///
    /// # Errors
    /// [`LogError`], where it cannot be written.
    pub fn create(path: &Path, head: Head) -> Result<(), LogError> {
        JournalFile::create(path, SIZE, head)
    }

    /// Opens the journal before a log. Writes nothing.
    ///
    /// # Errors
    /// [`LogError`], where the file cannot be read at all. A journal that lost frames opens, and so does one whose
    /// backing log lost records.
    pub fn open(path: &Path, log: L) -> Result<Self, LogError> {
        let (file, frames) = JournalFile::open(path)?;
        let base = log.head()?;
        Ok(Self::over(log, base, path, file, frames))
    }

    /// Joins a log that has this head with the contents of a journal's file.
    pub(super) fn over(
        log: L,
        base: Head,
        path: &Path,
        file: JournalFile,
        frames: Vec<Frame>,
    ) -> Self {
        let known = frames.iter().map(|frame| frame.head).chain([file.head()]);
        // Of heads with the same count the journal's is the committed one.
        let head = known.fold(
            base,
            |one, other| if other.count < one.count { one } else { other },
        );
        let overlay = Overlay::new(base, frames);
        let (place, end) = (path.display(), overlay.end());
        let unsound = if end.count < head.count {
            Some(fewer(path, head, end.count))
        } else {
            (end != head).then(|| format!("{place}: the records are not those that were committed"))
        };
        let buffer = Arc::new(WriteBuffer::new(overlay, log.reader()));
        Self {
            file,
            path: path.to_owned(),
            backing: Arc::new(Backing::new(log, buffer)),
            flusher: None,
            head,
            unsound,
            uncertain: false,
            asked: false,
            appended: false,
        }
    }

    /// Appends everything in the journal to the backing log. Then only the head is in the journal alone.
    ///
    /// # Errors
    /// [`LogError`]. Frames that were not flushed stay in the journal.
    pub fn flush(&mut self) -> Result<(), LogError> {
        self.check_sound()?;
        self.backing.flush()
    }

    /// Refuses every append from now on, because of damage outside of the records.
    pub(crate) fn refuse_appends(&mut self, damage: String) {
        self.unsound.get_or_insert(damage);
    }

    fn check_sound(&self) -> Result<(), LogError> {
        if self.uncertain {
            return Err(self.failed(
                "using",
                "the outcome of an append is unknown; open the ledger again",
            ));
        }
        match &self.unsound {
            None => Ok(()),
            Some(what) => Err(damaged(what.clone())),
        }
    }

    fn failed(&self, doing: &str, why: &str) -> LogError {
        LogError::Io {
            doing: format!("{doing} {}", self.path.display()),
            source: io::Error::other(why.to_owned()),
        }
    }

    /// Step 1 of an append. Room in the journal must not hide that the backing log refuses appends.
    fn settle_backing(&mut self) -> Result<(), LogError> {
        let failed = std::mem::take(&mut self.backing.buffer.lock().failed);
        if failed {
            self.backing
                .flush()
                .inspect_err(|_| self.backing.buffer.lock().failed = true)?;
        }
        if !self.asked {
            let mut log = self.backing.log()?;
            let head = log.head()?;
            match log.append(head, &mut NoBatch) {
                Ok(_) | Err(AppendError::HeadMoved(_)) => {}
                Err(
                    AppendError::Uncertain(error)
                    | AppendError::Unconfirmed(error)
                    | AppendError::Failed(error),
                ) => return Err(error),
            }
            self.asked = true;
        }
        Ok(())
    }

    /// Appends to the backing log, without a frame.
    fn append_to_backing(&mut self, source: &mut dyn BatchSource) -> Result<Head, AppendError> {
        self.backing.flush()?;
        let mut log = self.backing.log()?;
        let outcome = match log.append(self.head, source) {
            // Nobody else appends there: if its head moved, this append moved it.
            Err(AppendError::Uncertain(lost)) => match log.head() {
                Ok(found) if found == self.head => Err(AppendError::Failed(lost)),
                Ok(found) => Ok(found),
                Err(_) => Err(AppendError::Uncertain(lost)),
            },
            Err(AppendError::HeadMoved(found)) => Err(AppendError::Failed(backing_moved(found))),
            outcome => outcome,
        };
        drop(log);
        self.uncertain = matches!(outcome, Err(AppendError::Uncertain(_)));
        let head = outcome?;
        self.head = head;
        self.backing.buffer.lock().frames = Overlay::new(head, Vec::new());
        // The records are on the disk. If the slot cannot be written, it is written before the next frame.
        let _later = self.file.restart(head);
        Ok(head)
    }

    /// Appends a single batch.
    fn append_batch(&mut self, expected: Head, batch: Batch) -> Result<Head, AppendError> {
        let (records, head) = &batch;
        if expected.count.checked_add(records.len() as u64) != Some(head.count) {
            let count = records.len();
            let why = format!("{expected} and {count} more records do not give {head}");
            return Err(self.failed("appending to", &why).into());
        }
        self.settle_backing()?;
        if records.is_empty() {
            return Ok(expected);
        }
        self.appended = true;
        if frame::room(records) > FRAME_MAX.min(self.file.capacity()) {
            let (records, head) = batch;
            self.append_to_backing(&mut OneBatch::new(records, head))
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
            self.backing.flush()?;
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
        let mut buffered = self.backing.buffer.lock();
        buffered.frames.push(Frame {
            number,
            expected,
            head,
            records,
        });
        let due = buffered.frames.room() >= FLUSH_FROM;
        drop(buffered);
        if due {
            self.wake_flusher();
        }
        Ok(head)
    }

    /// Step 4.
    fn wake_flusher(&mut self) {
        self.backing.buffer.lock().due = true;
        self.backing.buffer.wake.notify_one();
        if self.flusher.is_none() {
            let backing = Arc::clone(&self.backing);
            let thread = std::thread::Builder::new().name("servanda-journal".to_owned());
            // Without a thread, the next lap flushes.
            self.flusher = thread.spawn(move || backing.flush_when_due()).ok();
        }
    }

    /// Lets tests claim that the flusher failed.
    #[cfg(test)]
    pub(super) fn pretend_flusher_failed(&self) {
        self.backing.buffer.lock().failed = true;
    }
}

impl<L: Log + 'static> Log for Journal<L> {
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
        if self.head != expected {
            return Err(AppendError::HeadMoved(self.head));
        }
        match Peeked::at(source)? {
            Peeked::Nothing => {
                self.settle_backing()?;
                Ok(expected)
            }
            Peeked::One(batch) => self.append_batch(expected, batch),
            Peeked::Many(mut all) => {
                self.settle_backing()?;
                self.appended = true;
                self.append_to_backing(&mut all)
            }
        }
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.backing.buffer.read_any(from, limit)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::clone(&self.backing.buffer) as Arc<dyn Reader>
    }

    fn damage(&self) -> Option<String> {
        let own = self.unsound.clone();
        own.or_else(|| self.backing.log().ok()?.damage())
    }

    fn is_copied(&self) -> bool {
        self.backing.log().is_ok_and(|log| log.is_copied())
    }

    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        let log = self.backing.log().ok()?;
        log.snapshots().is_some().then_some(self)
    }

    fn eraser(&mut self) -> Option<&mut dyn Erase> {
        let erases = self.backing.log().ok()?.eraser().is_some();
        erases.then_some(self)
    }

    fn compactor(&mut self) -> Option<&mut dyn Compact> {
        let compacts = self.backing.log().ok()?.compactor().is_some();
        compacts.then_some(self)
    }
}

impl<L: Log + 'static> SnapshotCache for Journal<L> {
    fn put_chunks(&self, count: u64, chunks: &ChunkSink<'_>) -> Result<(), LogError> {
        self.backing.log()?.cache()?.put_chunks(count, chunks)
    }

    fn counts(&self) -> Result<Vec<u64>, LogError> {
        self.backing.log()?.cache()?.counts()
    }

    fn load(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        self.backing.log()?.cache()?.load(count)
    }

    fn open(&self, count: u64) -> Result<Option<Arc<dyn Source>>, LogError> {
        self.backing.log()?.cache()?.open(count)
    }

    fn remove(&self, count: u64) -> Result<(), LogError> {
        self.backing.log()?.cache()?.remove(count)
    }
}

impl<L: Log + 'static> Erase for Journal<L> {
    fn erase(&mut self, records: &[Stored]) -> Result<(), LogError> {
        if !records.is_empty() {
            self.check_sound()?;
            let beyond = records.iter().find(|stored| stored.seq >= self.head.count);
            if let Some(stored) = beyond {
                return Err(LogError::no_such_record(stored.seq));
            }
            self.backing.flush()?;
            self.file.restart(self.head)?;
            self.file.wipe()?;
        }
        self.backing.log()?.erasing()?.erase(records)
    }
}

impl<L: Log + 'static> Compact for Journal<L> {
    fn compact(&mut self) -> Result<Compaction, LogError> {
        self.check_sound()?;
        self.backing.flush()?;
        self.backing.log()?.compacting()?.compact()
    }
}

impl<L: Log + 'static> Drop for Journal<L> {
    fn drop(&mut self) {
        self.backing.buffer.lock().closing = true;
        self.backing.buffer.wake.notify_one();
        if let Some(flusher) = self.flusher.take() {
            // If it panicked, the frames that it did not flush are still in the journal.
            let _ended = flusher.join();
        }
        if self.appended && !self.uncertain {
            // If any of this fails, the frames are still there when the journal is opened again.
            if self.backing.buffer.lock().frames.room() > LEFT_AT_CLOSE_MAX {
                let _later = self.backing.flush();
            }
            let _without = self.file.confirm();
        }
    }
}

impl<L: Log + 'static> std::fmt::Debug for Journal<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal")
            .field("path", &self.path)
            .field("head", &self.head)
            .field("unsound", &self.unsound)
            .finish_non_exhaustive()
    }
}
