//! Whether records continue the chain, and batches lead from head to head.

use std::io;
use std::path::Path;

use super::files::io_error;
use crate::block;
use crate::error::LogError;
use crate::log::Stored;
use servanda_core::chain::record::{Head, RecordRef, Sealed};

/// How many records of its batch follow this one, and the head after it, if it continues the chain.
pub(super) fn continues(
    head: Head,
    remaining_due: Option<u32>,
    stored: &Stored,
) -> Option<(u32, Head)> {
    let record = RecordRef::peek(&stored.sealed.0).ok()?;
    let header = record.header;
    let sound = stored.seq == head.count
        && header.seq == head.count
        && header.prev == head.link
        && remaining_due.is_none_or(|due| due == header.remaining)
        && record.payload_is_sound();
    sound.then(|| (header.remaining, Head::after(&header)))
}

/// Whether a batch leads from one head to the other, and can be stored.
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
