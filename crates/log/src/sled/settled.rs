//! Whether opening sled changes its files.
//!
//! sled writes when it is opened: it zeroes what it takes for unused, and writes its table of pages. When nothing was
//! inserted in between, the second opening writes the same bytes again. So after an orderly end sled is opened and
//! closed until no byte changes, and the fingerprint of what opening writes goes into the file `seal`. Files that have
//! the fingerprint of their seal can be opened without a change. The seal is not synced and can be deleted: without it,
//! reading uses a copy.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::files::{SEGMENT_SIZE, io_error, released};
use super::trees::Trees;
use crate::error::LogError;
use crate::pre_open_backup::PreOpenBackup;

const SEAL: &str = "seal";
const SEAL_MAX_BYTES: u64 = 1024;

/// How often sled is opened at most until nothing changes. Mostly it is twice.
const OPENINGS: usize = 5;

/// Whether these files are as they were when they were sealed.
pub(super) fn is_sealed(records: &Path, saved: &PreOpenBackup) -> bool {
    let seal = servanda_files::read_regular(&records.join(SEAL), SEAL_MAX_BYTES).ok();
    let found = saved.fingerprint();
    found.is_some_and(|found| seal.as_deref() == Some(&found.0))
}

/// Opens and closes sled until that changes nothing, and seals its files. No process may have them open.
pub(super) fn settle(records: &Path, deadline: Instant) -> Result<(), LogError> {
    let taken = || {
        let saved = PreOpenBackup::take(records, SEGMENT_SIZE);
        let saved = saved.map_err(|source| io_error("reading", records, source))?;
        Ok::<_, LogError>(saved.fingerprint())
    };
    released(records)?;
    let mut before = taken()?;
    for _ in 0..OPENINGS {
        let trees = Trees::open_until(records, deadline)?;
        // sled finishes in the first reading what an append left to do.
        trees.end()?;
        trees.snapshots()?;
        drop(trees);
        released(records)?;
        let after = taken()?;
        if after.is_none() || after == before {
            break;
        }
        before = after;
    }
    let Some(seal) = before else {
        return Ok(());
    };
    let path = records.join(SEAL);
    if !path.is_file() {
        // It may be a pipe, which would be waited for.
        let _gone = fs::remove_file(&path);
    }
    fs::write(&path, seal.0).map_err(|source| io_error("writing", &path, source))
}
