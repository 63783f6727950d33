//! What was appended and is not in the backing log yet. Readers share it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::overlay::Overlay;
use crate::error::LogError;
use crate::log::{Reader, Stored};

/// The frames that the backing log does not have. Readers hold it, and do not keep the backing log open.
pub(super) struct WriteBuffer {
    buffered: Mutex<Buffered>,
    /// Wakes the flusher.
    pub(super) wake: Condvar,
    /// The reader of the backing log: reading does not wait for a flush.
    reader: Arc<dyn Reader>,
}

/// The buffered frames, and the state of the flusher.
pub(super) struct Buffered {
    pub(super) frames: Overlay,
    /// Whether the flusher is to flush.
    pub(super) due: bool,
    /// Whether the journal is being closed: the flusher ends, and readers fail.
    pub(super) closing: bool,
    /// Whether the flusher failed since the last append.
    pub(super) failed: bool,
}

impl WriteBuffer {
    pub(super) fn new(frames: Overlay, reader: Arc<dyn Reader>) -> Self {
        Self {
            buffered: Mutex::new(Buffered {
                frames,
                due: false,
                closing: false,
                failed: false,
            }),
            wake: Condvar::new(),
            reader,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Buffered> {
        // No holder of this lock calls anything that could panic.
        self.buffered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads records of the backing log and of the buffer.
    pub(super) fn read_any(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let limit = limit.max(1);
        let buffered = self.lock();
        if from >= buffered.frames.base().count {
            return Ok(buffered.frames.read(from, limit));
        }
        drop(buffered);
        let mut found = self.reader.read(from, limit)?;
        let next = found.last().map_or(from, |last| last.seq + 1);
        let frames = &self.lock().frames;
        // Frames that were flushed meanwhile are left to the next call. If the backing log lost records, the records
        // after the gap are read.
        if found.is_empty() || next >= frames.base().count {
            found.extend(frames.read(next, limit.saturating_sub(found.len())));
        }
        Ok(found)
    }
}

impl Reader for WriteBuffer {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        if self.lock().closing {
            return Err(LogError::closed());
        }
        self.read_any(from, limit)
    }

    fn snapshot_counts(&self) -> Result<Vec<u64>, LogError> {
        self.reader.snapshot_counts()
    }

    fn snapshot(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        self.reader.snapshot(count)
    }
}
