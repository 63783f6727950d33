//! The parts of a published ledger, made of its records: what a server gives at an address, and what is uploaded there.

use servanda_core::chain::record::RecordRef;
use servanda_core::chain::tile::{Address, Part, push_entry, push_record};
use servanda_core::chain::tree::{Leaves as _, leaf_hash};
use servanda_log::{Log, Stored};

use super::anchor::Hashes;
use super::error::LedgerError;

/// The bytes of a part, all of whose records are in the log.
///
/// # Errors
/// Those of reading the log.
pub fn bytes(hashes: &Hashes<'_, impl Log>, address: Address) -> Result<Vec<u8>, LedgerError> {
    let mut bytes = Vec::new();
    let (first, end) = (address.first(), address.first() + address.width);
    match address.part {
        Part::Records => each(hashes.log(), first, end, |stored| {
            push_record(&mut bytes, &stored.sealed);
            Ok(())
        })?,
        Part::Entries => each_header(hashes.log(), first, end, |record| {
            push_entry(&mut bytes, record.header_bytes);
        })?,
        Part::Hashes(0) => each_header(hashes.log(), first, end, |record| {
            bytes.extend(leaf_hash(record.header_bytes).as_bytes());
        })?,
        Part::Hashes(level) => {
            for node in first..end {
                let start = node << (8 * u32::from(level));
                bytes.extend(hashes.subtree(start, 8 * level)?.as_bytes());
            }
        }
    }
    Ok(bytes)
}

/// Goes through the headers of the records from `first` to `end`.
///
/// # Errors
/// Those of reading the log, and [`LedgerError::Broken`] where a record is missing or malformed.
pub fn each_header(
    log: &impl Log,
    first: u64,
    end: u64,
    mut take: impl FnMut(&RecordRef<'_>),
) -> Result<(), LedgerError> {
    each(log, first, end, |stored| {
        let record = RecordRef::peek(&stored.sealed.0).map_err(|error| error.to_string())?;
        take(&record);
        Ok(())
    })
}

fn each(
    log: &impl Log,
    first: u64,
    end: u64,
    mut take: impl FnMut(&Stored) -> Result<(), String>,
) -> Result<(), LedgerError> {
    let mut next = first;
    while next < end {
        let left = usize::try_from(end - next).unwrap_or(usize::MAX);
        let read = log.read(next, left.min(servanda_core::ranges::CHUNK))?;
        if read.first().is_none_or(|stored| stored.seq != next) {
            let what = "it is missing".to_owned();
            return Err(LedgerError::Broken { seq: next, what });
        }
        for stored in read.iter().take(left) {
            take(stored).map_err(|what| LedgerError::Broken {
                seq: stored.seq,
                what,
            })?;
            next = stored.seq + 1;
        }
    }
    Ok(())
}
