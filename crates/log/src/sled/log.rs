//! The log in sled.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::files::{RECORDS, REOPEN_WAIT, damaged, io_error};
use super::shared::{Open, Shared};
use super::trees::Trees;
use crate::error::LogError;
use crate::head::HeadFile;
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
    /// Whether records were appended since the log was opened.
    pub(super) appended: bool,
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
}

impl Drop for Sled {
    fn drop(&mut self) {
        self.shared.close();
        if self.appended {
            // Opening makes sled write its table of pages. If this fails, the next opening does it.
            let records = self.dir.join(RECORDS);
            drop(Trees::open_until(&records, Instant::now() + REOPEN_WAIT));
        }
    }
}
