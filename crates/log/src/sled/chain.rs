//! What an append checks of a batch, and what opening and compacting check of stored records.

use std::io;
use std::path::Path;

use super::files::io_error;
use crate::block;
use crate::error::LogError;
use crate::log::Stored;
use servanda_core::chain::record::{Head, RecordRef, Sealed};
use servanda_core::chain::walker::{Step, Walker};

/// Goes on to a stored record, if it continues the chain and its payload is the one that its header binds.
pub(super) fn step(walker: &mut Walker, stored: &Stored) -> Option<Step> {
    let record = RecordRef::peek(&stored.sealed.0).ok()?;
    let header = record.header;
    if stored.seq != header.seq || !record.payload_is_sound() {
        return None;
    }
    walker.step(&header, header.link()).ok()
}

/// Checks that a batch leads from one head to the other, and fits into the log.
pub(super) fn check_batch(
    dir: &Path,
    before: Head,
    batch: &[Sealed],
    head: Head,
) -> Result<(), LogError> {
    let refused = |why: String| {
        let source = io::Error::new(io::ErrorKind::InvalidInput, why);
        Err(io_error("appending to", dir, source))
    };
    if before.count.checked_add(batch.len() as u64) != Some(head.count) {
        return refused(format!(
            "{before} and {} more records do not give {head}",
            batch.len()
        ));
    }
    if head.count > block::END {
        return refused(format!("a ledger holds at most {} records", block::END));
    }
    if batch
        .iter()
        .any(|sealed| sealed.0.len() > block::MAX_RECORD)
    {
        return refused(format!(
            "a record is longer than {} bytes",
            block::MAX_RECORD
        ));
    }
    Ok(())
}
