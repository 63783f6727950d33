//! Appending.

use std::panic::resume_unwind;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use super::chain::check_batch;
use super::files::{REOPEN_WAIT, SMALL_BLOCKS_TO_MERGE, io_error};
use super::log::Sled;
use super::rewrite::Rewriting;
use super::room::{is_for_want_of_room, release_reserve, reserve};
use super::write::{Writer, feed};
use crate::error::{AppendError, LogError};
use crate::log::{Compact, Erase, Log, Reader, SnapshotCache, Stored};
use crate::source::{BatchSource, Peeked};
use servanda_core::chain::record::{Head, Sealed};

/// Most batches of a stream that wait to be packed into blocks.
const BATCHES_AHEAD: usize = 2;

/// A failed append.
struct Broken {
    error: LogError,
    /// The head after the append, if all of it may be in sled.
    head: Option<Head>,
}

impl Sled {
    fn expect_head(&mut self, expected: Head) -> Result<(), AppendError> {
        self.take_over()?;
        if self.head == expected {
            Ok(())
        } else {
            Err(AppendError::HeadMoved(self.head))
        }
    }

    /// Ends every append, failed or not.
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

    /// Prepares an append that is not refused.
    fn prepare(&mut self) -> Result<(), LogError> {
        self.check_sound()?;
        self.sweep()?;
        reserve(&self.dir)?;
        self.wrote.store(true, Ordering::Relaxed);
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
        self.commit(writer, head)
    }

    /// Steps 1 to 4 of an append of several batches. A second thread packs them into blocks while the source makes
    /// more.
    fn write_stream(&mut self, source: &mut dyn BatchSource) -> Result<Head, Broken> {
        let mut writer = self.writer().map_err(unfinished)?;
        let mut last = self.head;
        let (sender, batches) = mpsc::sync_channel::<Vec<Sealed>>(BATCHES_AHEAD);
        let written = thread::scope(|scope| {
            let laying = thread::Builder::new().spawn_scoped(scope, move || {
                batches.iter().try_for_each(|batch| writer.take(&batch))?;
                Ok(writer)
            });
            let laying =
                laying.map_err(|source| io_error("starting a thread for", &self.dir, source))?;
            let fed = feed(&self.dir, source, &sender, &mut last);
            drop(sender);
            let laid = laying.join().unwrap_or_else(|panic| resume_unwind(panic));
            laid.and_then(|writer| fed.map(|()| writer))
        });
        let mut writer = written.map_err(unfinished)?;
        writer.sync_rest().map_err(unfinished)?;
        self.commit(writer, last)?;
        Ok(last)
    }

    /// Step 1 of an append; gives the writer for step 2.
    pub(super) fn writer(&mut self) -> Result<Writer, LogError> {
        self.remove_leftovers()?;
        let small = match self.small.take() {
            Some(small) => small,
            None => self.trees()?.small_blocks_at_end()?,
        };
        Ok(Writer::new(&self.shared, self.head.count, small))
    }

    /// The end of step 2, and steps 3 and 4 of an append.
    fn commit(&mut self, writer: Writer, head: Head) -> Result<(), Broken> {
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

    /// Finds out whether a failed append happened.
    fn settle(&mut self, broken: Broken, expected: Head) -> Result<Head, AppendError> {
        let Broken { error, head } = broken;
        if self.reopen(Instant::now() + REOPEN_WAIT).is_err() {
            // A batch without its last block is never adopted, nor a stream without its first.
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
        let commit = |log: &mut Self, head| {
            log.trees()?.sync()?;
            log.head_file.write(head)
        };
        if let Some(head) = head
            && self.head == head
            && commit(self, head).is_ok()
        {
            return Ok(head);
        }
        // Until the log is opened again, the outcome stays unknown.
        self.shared.close();
        Err(AppendError::Uncertain(error))
    }

    /// Removes what a failed append left. Otherwise the next append does it.
    fn try_to_remove_leftovers(&mut self, error: &LogError) {
        // Removing needs a little room itself, which opening would then lack.
        if is_for_want_of_room(error) {
            self.try_to_give_room_back();
            return;
        }
        if self.remove_leftovers().is_err() {
            // After a failed write sled refuses even to read.
            let _later = self.reopen(Instant::now() + REOPEN_WAIT);
        }
    }

    /// Frees the room that an append took on a full disk: writes the records anew, if there is room for that. For a
    /// small ledger the reserve is enough.
    fn try_to_give_room_back(&mut self) {
        if !self.leftovers || self.check_rewriting(&[]).is_err() {
            return;
        }
        let _room = release_reserve(&self.dir);
        // If it fails, nothing changed: the next append removes the leftovers, once there is room.
        let _later = self.replace(&Rewriting::Compacting);
        // Without the reserve, the next append makes it or is refused.
        let _later = reserve(&self.dir);
    }

    /// Step 5 of an append. A failure shows again at the next use of the log.
    fn merge(&mut self) {
        let Some(small) = self
            .small
            .take_if(|small| small.len() >= SMALL_BLOCKS_TO_MERGE)
        else {
            return;
        };
        let merged = self.trees().and_then(|trees| trees.merge(&small));
        if let Ok(merged) = merged {
            self.small = Some(merged);
        } else {
            // The state of sled is known only after it is opened again.
            let _later = self.reopen(Instant::now() + REOPEN_WAIT);
        }
    }
}

fn unfinished(error: LogError) -> Broken {
    Broken { error, head: None }
}

impl Log for Sled {
    fn head(&self) -> Result<Head, LogError> {
        // While the outcome of an append is unknown, so is the head.
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
                // What a killed process left takes room, and is in the way of nothing.
                let _later = self.sweep();
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

    fn damage(&self) -> Option<String> {
        self.unsound.clone()
    }

    fn is_copied(&self) -> bool {
        self.shared
            .trees()
            .is_some_and(|trees| trees.copy.is_some())
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
