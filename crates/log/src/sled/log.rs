//! The log in sled.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::files::{RECORDS, REOPEN_WAIT, SEGMENT_SIZE, damaged, io_error, released};
use super::settled::settle;
use super::shared::{Open, Shared};
use crate::error::LogError;
use crate::head::HeadFile;
use crate::pre_open_backup::PreOpenBackup;
use servanda_core::chain::record::Head;

/// A log in sled.
#[derive(Debug)]
pub struct Sled {
    /// Shared with readers.
    pub(super) shared: Arc<Shared>,
    pub(super) dir: PathBuf,
    pub(super) head_file: HeadFile,
    /// The committed head, or the head after whole batches that opening found behind it.
    pub(super) head: Head,
    /// Whether records lie behind the head.
    pub(super) leftovers: bool,
    /// Why appends are refused: the end of the records is damaged or lost.
    pub(super) unsound: Option<String>,
    /// What opening may change, as it was before; none once the log was opened to be written.
    pub(super) found: Option<PreOpenBackup>,
    /// Whether anything was written since the log was opened.
    pub(super) wrote: AtomicBool,
    /// Whether leftovers of an interrupted erasure were removed since the log was opened.
    pub(super) swept: bool,
    /// The small blocks at the end, by the number of their first record; unknown before the first append.
    pub(super) small: Option<Vec<u64>>,
}

impl Sled {
    pub(super) fn trees(&self) -> Result<Open<'_>, LogError> {
        self.shared.trees().ok_or_else(|| self.not_open())
    }

    pub(super) fn set_head(&mut self, head: Head) {
        self.head = head;
        self.shared.end.store(head.count, Ordering::SeqCst);
    }

    pub(super) fn not_open(&self) -> LogError {
        let lost =
            io::Error::other("an earlier operation failed, and it could not be opened again");
        io_error("using", &self.dir.join(RECORDS), lost)
    }

    pub(super) fn check_sound(&self) -> Result<(), LogError> {
        match &self.unsound {
            None => Ok(()),
            Some(what) => Err(damaged(what.clone(), None)),
        }
    }

    /// Ends the use of files that were opened as they were found: sled may have moved pages while it read. A damaged log
    /// gets its bytes back, another is settled again.
    fn leave(&self, found: &PreOpenBackup) -> Result<(), LogError> {
        let records = self.dir.join(RECORDS);
        released(&records)?;
        let now = PreOpenBackup::take(&records, SEGMENT_SIZE);
        let now = now.map_err(|source| io_error("reading", &records, source))?;
        if now.fingerprint() == found.fingerprint() {
            return Ok(());
        }
        if self.unsound.is_some() || self.shared.met_damage.load(Ordering::Relaxed) {
            let restored = found.restore();
            return restored.map_err(|source| io_error("restoring", &records, source));
        }
        settle(&records, self.head, Instant::now() + REOPEN_WAIT)
    }
}

impl Drop for Sled {
    fn drop(&mut self) {
        let is_copy = self.shared.trees().is_none_or(|trees| trees.copy.is_some());
        self.shared.close();
        // If any of this fails, the next command reads a copy.
        if self.wrote.load(Ordering::Relaxed) {
            let _later = settle(
                &self.dir.join(RECORDS),
                self.head,
                Instant::now() + REOPEN_WAIT,
            );
        } else if let Some(found) = self.found.take().filter(|_| !is_copy) {
            let _later = self.leave(&found);
        }
    }
}
