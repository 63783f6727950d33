//! The names of the log's files, and what all of its files share.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::LogError;

pub(crate) const RECORDS: &str = "records";

pub(crate) const HEAD: &str = "head";

pub(super) const DB: &str = "db";

/// Bytes of sled's segments. Written into its `conf`: it can never be changed.
pub(super) const SEGMENT_SIZE: usize = 2 * 1024 * 1024;

/// How long to wait for sled's threads to release its lock when it is opened again after a failure.
pub(super) const REOPEN_WAIT: Duration = Duration::from_secs(2);

/// After so many blocks, what was inserted is flushed.
pub(super) const BLOCKS_PER_FLUSH: usize = 16;

/// So many small blocks at the end are merged.
pub(super) const SMALL_BLOCKS_TO_MERGE: usize = 64;

/// Syncs the files of a directory, the directories in it, and itself: sled does not sync its `conf`.
pub(super) fn sync_tree(dir: &Path) -> Result<(), LogError> {
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

pub(super) fn io_error(doing: &str, path: &Path, source: io::Error) -> LogError {
    LogError::Io {
        doing: format!("{doing} {}", path.display()),
        source,
    }
}

pub(super) fn damaged(what: String, resume: Option<u64>) -> LogError {
    LogError::Damaged { what, resume }
}

/// Waits until sled has released a directory that was closed: its threads may live a moment longer.
pub(super) fn released(records: &Path) -> Result<(), LogError> {
    let path = records.join(DB);
    let failed = |source| io_error("waiting for", &path, source);
    let deadline = Instant::now() + REOPEN_WAIT;
    let file = File::open(&path).map_err(failed)?;
    loop {
        // The file that sled itself locks. This lock ends with the handle.
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(failed(error.into())),
        }
    }
}
