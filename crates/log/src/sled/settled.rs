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

use super::files::{SEGMENT_SIZE, damaged, io_error, released};
use super::guard::is_in_use;
use super::trees::Trees;
use crate::error::LogError;
use crate::head::fewer;
use crate::pre_open_backup::PreOpenBackup;
use servanda_core::chain::record::Head;

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
///
/// # Errors
/// [`LogError`]. Where sled reads less than was committed, its files get their bytes back: it takes what it cannot read for
/// unused, says nothing, and zeroes it.
pub(super) fn settle(records: &Path, head: Head, deadline: Instant) -> Result<(), LogError> {
    let taken = || {
        let saved = PreOpenBackup::take(records, SEGMENT_SIZE);
        saved.map_err(|source| io_error("reading", records, source))
    };
    released(records)?;
    let mut before = taken()?;
    for _ in 0..OPENINGS {
        if let Err(error) = open_whole(records, head, deadline) {
            if !is_in_use(&error) {
                released(records)?;
                let restored = before.restore();
                restored.map_err(|source| io_error("restoring", records, source))?;
            }
            return Err(error);
        }
        released(records)?;
        let after = taken()?;
        let is_settled = match (before.fingerprint(), after.fingerprint()) {
            (_, None) => true,
            (before, after) => before == after,
        };
        before = after;
        if is_settled {
            break;
        }
    }
    let Some(seal) = before.fingerprint() else {
        return Ok(());
    };
    let path = records.join(SEAL);
    if !path.is_file() {
        // It may be a pipe, which would be waited for.
        let _gone = fs::remove_file(&path);
    }
    fs::write(&path, seal.0).map_err(|source| io_error("writing", &path, source))
}

/// Opens sled, lets it finish in the first reading what an append left to do, and closes it.
fn open_whole(records: &Path, head: Head, deadline: Instant) -> Result<(), LogError> {
    let trees = Trees::open_until(records, deadline)?;
    if let Some(end) = trees.short_of(head)? {
        return Err(damaged(fewer(records, head, end), None));
    }
    trees.snapshots()?;
    Ok(())
}
