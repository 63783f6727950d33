//! What is done once the checkpoint is there: erased payloads go from the bundles that had them, and bundles that no
//! checkpoint needs any more are deleted.

use std::collections::BTreeSet;

use super::error::PublishError;
use super::names::{ERASED, NOTE_BYTES, PART_BYTES};
use super::store::{Condition, Store, StoreError};
use super::upload::checked_bytes;
use servanda_core::chain::tile::{Address, Part, RECORDS_WIDTH};
use servanda_core::event::Kind;
use servanda_ledger::anchor::Hashes;
use servanda_ledger::tiles::each_header;
use servanda_log::Log;

/// Bundles whose parts are listed one by one; of more, all are listed.
const LISTED_ALONE: u64 = 16;

/// Carries out the redactions that are not carried out there yet. Gives how many payloads that were published are gone.
///
/// # Errors
/// [`PublishError`]. The next publication goes on.
pub(super) fn tidy<S: Log>(
    store: &dyn Store,
    hashes: &Hashes<'_, S>,
    before: Option<u64>,
    size: u64,
) -> Result<u64, PublishError> {
    let done = erased_upto(store)?.filter(|done| *done <= size);
    if done == Some(size) {
        return Ok(0);
    }
    let from = done.unwrap_or(0);
    let (mut touched, mut erased) = (BTreeSet::new(), 0);
    each_header(hashes.log(), from, size, |record| {
        if record.header.kind() == Some(Kind::Redacted) && record.header.target < size {
            touched.insert(record.header.target / RECORDS_WIDTH);
            erased += u64::from(before.is_some_and(|before| record.header.target < before));
        }
    })?;
    for index in &touched {
        let Some(address) = Address::in_log(Part::Records, *index, size) else {
            continue;
        };
        let (path, bytes) = (address.to_string(), checked_bytes(hashes, address)?);
        let found = store.get(&path, PART_BYTES)?;
        if found.is_none_or(|found| found.bytes != bytes) {
            store.put(&path, bytes, Condition::Always)?;
        }
    }
    // Somebody may be about to read what the checkpoint before this one needs: not where that is in a whole bundle now,
    // nor where it holds what was erased.
    let is_last = |before: &u64| before / RECORDS_WIDTH == size / RECORDS_WIDTH;
    let kept = before.filter(|before| is_last(before) && touched.is_empty());
    drop_bundles(store, from / RECORDS_WIDTH, size, kept)?;
    if let Some(before) = before {
        drop_tiles(store, before, size)?;
    }
    store.put(ERASED, format!("{size}\n").into(), Condition::Always)?;
    Ok(erased)
}

/// Up to which record the redactions are carried out there.
fn erased_upto(store: &dyn Store) -> Result<Option<u64>, StoreError> {
    let found = store.get(ERASED, NOTE_BYTES)?;
    let text = found.and_then(|found| String::from_utf8(found.bytes.to_vec()).ok());
    Ok(text.and_then(|text| text.trim_end().parse().ok()))
}

/// Deletes the bundles of records that were not whole, but for the one that there is now and the one of `kept` records.
fn drop_bundles(
    store: &dyn Store,
    from: u64,
    size: u64,
    kept: Option<u64>,
) -> Result<(), StoreError> {
    let last = size / RECORDS_WIDTH;
    let prefixes = match last - from < LISTED_ALONE {
        true => (from..=last)
            .map(|index| partial_prefix(Part::Records, index))
            .collect(),
        false => vec!["tile/records/".to_owned()],
    };
    for path in listed(store, &prefixes)? {
        let Some(address) = Address::parse(&path).filter(|found| !found.is_whole()) else {
            continue;
        };
        let is_of = |size| Address::in_log(Part::Records, address.index, size) == Some(address);
        if !is_of(size) && !kept.is_some_and(is_of) {
            store.delete(&path)?;
        }
    }
    Ok(())
}

/// Deletes the parts of tiles and of bundles of entries that became whole.
fn drop_tiles(store: &dyn Store, before: u64, size: u64) -> Result<(), StoreError> {
    let levels = (0..)
        .map(Part::Hashes)
        .take_while(|part| part.count(size) > 0);
    for part in levels.chain([Part::Entries]) {
        let index = part.count(before) / part.width();
        let was_partial = part.count(before) % part.width() > 0;
        let is_whole = Address::in_log(part, index, size).is_some_and(Address::is_whole);
        if was_partial && is_whole {
            for path in listed(store, &[partial_prefix(part, index)])? {
                store.delete(&path)?;
            }
        }
    }
    Ok(())
}

fn partial_prefix(part: Part, index: u64) -> String {
    let width = part.width();
    Address { part, index, width }.partial_prefix()
}

fn listed(store: &dyn Store, prefixes: &[String]) -> Result<Vec<String>, StoreError> {
    let mut all = Vec::new();
    for prefix in prefixes {
        all.extend(store.list(prefix)?);
    }
    Ok(all)
}
