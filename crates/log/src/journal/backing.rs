//! The log behind a journal, and the thread that brings it up to date.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::buffer::{Buffered, WriteBuffer};
use super::errors::{backing_moved, damaged};
use crate::error::{AppendError, LogError};
use crate::log::Log;
use crate::source::OneBatch;

/// How often a flush goes on where the backing log appended only a part.
const FLUSH_ATTEMPTS: usize = 3;

/// The backing log, and the frames that it does not have yet. The log is locked before the buffer.
pub(super) struct Backing<L> {
    log: Mutex<L>,
    pub(super) buffer: Arc<WriteBuffer>,
}

impl<L: Log> Backing<L> {
    pub(super) fn new(log: L, buffer: Arc<WriteBuffer>) -> Self {
        Self {
            log: Mutex::new(log),
            buffer,
        }
    }

    /// Locks the backing log.
    pub(super) fn log(&self) -> Result<MutexGuard<'_, L>, LogError> {
        let panicked = |_| damaged("the log behind the journal panicked".to_owned());
        self.log.lock().map_err(panicked)
    }

    /// Appends all buffered frames to the backing log, and returns when it has them on the disk.
    pub(super) fn flush(&self) -> Result<(), LogError> {
        let mut log = self.log()?;
        let mut found = self.buffer.lock().frames.base();
        for _ in 0..FLUSH_ATTEMPTS {
            let buffered = self.buffer.lock();
            let (base, pending) = (buffered.frames.base(), buffered.frames.pending());
            drop(buffered);
            let Some((records, head)) = pending else {
                return Ok(());
            };
            found = match log.append(base, &mut OneBatch::new(records, head)) {
                Ok(head) => head,
                Err(AppendError::HeadMoved(found)) => found,
                Err(AppendError::Uncertain(lost) | AppendError::Unconfirmed(lost)) => {
                    match log.head() {
                        Ok(found) if found != base => found,
                        _ => return Err(lost),
                    }
                }
                Err(AppendError::Failed(error)) => return Err(error),
            };
            if !self.buffer.lock().frames.advance(found) {
                break;
            }
        }
        if self.buffer.lock().frames.is_empty() {
            Ok(())
        } else {
            Err(backing_moved(found))
        }
    }

    /// Flushes whenever it is due, until the journal is closed.
    pub(super) fn flush_when_due(&self) {
        loop {
            let buffered = self.buffer.lock();
            let idle = |buffered: &mut Buffered| !buffered.due && !buffered.closing;
            let woken = self.buffer.wake.wait_while(buffered, idle);
            let mut buffered = woken.unwrap_or_else(PoisonError::into_inner);
            if buffered.closing {
                return;
            }
            buffered.due = false;
            drop(buffered);
            if self.flush().is_err() {
                // The next append flushes again, and returns the error.
                self.buffer.lock().failed = true;
            }
        }
    }
}
