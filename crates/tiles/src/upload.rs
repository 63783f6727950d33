//! Uploads of parts, several at a time: a store across a network answers each late, and many at once.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use bytes::Bytes;

use super::error::PublishError;
use super::names::PART_BYTES;
use super::store::{Condition, Store};
use servanda_core::chain::record::RecordRef;
use servanda_core::chain::tile::{Address, Bundle, Part};
use servanda_core::verify::Progress;
use servanda_ledger::anchor::Hashes;
use servanda_ledger::{LedgerError, tiles};
use servanda_log::Log;

/// Uploads under way at a time.
const THREADS: usize = 8;

/// Uploads the parts at these addresses; those that are there already are compared. When this returns, all are there.
///
/// # Errors
/// [`PublishError`]; some may be there then.
pub(super) fn upload<S: Log>(
    store: &dyn Store,
    hashes: &Hashes<'_, S>,
    addresses: &[Address],
    progress: &mut dyn Progress,
) -> Result<(), PublishError> {
    let failure = Mutex::new(None);
    let fail = |error| {
        let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
    };
    let has_failed = || {
        let failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.is_some()
    };
    let (give, take) = sync_channel::<(Address, Bytes)>(THREADS);
    let take = Mutex::new(take);
    let next = || next_of(&take);
    thread::scope(|scope| {
        // A few small parts are not worth a thread each.
        for _ in 0..THREADS.min(addresses.len().div_ceil(4)) {
            scope.spawn(|| {
                while let Some((address, bytes)) = next() {
                    if !has_failed()
                        && let Err(error) = place(store, address, &bytes)
                    {
                        fail(error);
                    }
                }
            });
        }
        let give = give;
        for address in addresses {
            if has_failed() {
                break;
            }
            match checked_bytes(hashes, *address) {
                // It fails only where there is nobody to take it.
                Ok(bytes) => drop(give.send((*address, bytes))),
                Err(error) => fail(error.into()),
            }
            if address.part == Part::Records {
                progress.reached(address.first() + address.width);
            }
        }
    });
    let failure = failure.into_inner();
    match failure.unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn next_of(take: &Mutex<Receiver<(Address, Bytes)>>) -> Option<(Address, Bytes)> {
    let take = take.lock().unwrap_or_else(PoisonError::into_inner);
    take.recv().ok()
}

/// The bytes of a part. A payload that was changed since it was recorded is not given to others.
pub(super) fn checked_bytes<S: Log>(
    hashes: &Hashes<'_, S>,
    address: Address,
) -> Result<Bytes, LedgerError> {
    let bytes = Bytes::from(tiles::bytes(hashes, address)?);
    if address.part == Part::Records {
        for stored in Bundle::read(&bytes, address.first(), address.width).records {
            let record = RecordRef::peek(&stored.sealed.0);
            if !record.is_ok_and(|record| record.payload_is_sound()) {
                return Err(LedgerError::Broken {
                    seq: stored.seq,
                    what: "its payload is not the one that was recorded".to_owned(),
                });
            }
        }
    }
    Ok(bytes)
}

/// Puts a part in its place. One that is there must be the same; of records, those with the same headers: where payloads
/// differ, those of the ledger are put there.
fn place(store: &dyn Store, address: Address, bytes: &Bytes) -> Result<(), PublishError> {
    let path = address.to_string();
    if store.put(&path, bytes.clone(), Condition::Absent)? {
        return Ok(());
    }
    let found = store.get(&path, PART_BYTES)?.map(|found| found.bytes);
    match found {
        Some(found) if found == *bytes => Ok(()),
        Some(found) if !may_replace(address, &found, bytes) => Err(PublishError::Differs { path }),
        _ => Ok(store
            .put(&path, bytes.clone(), Condition::Always)
            .map(drop)?),
    }
}

fn may_replace(address: Address, found: &Bytes, by: &Bytes) -> bool {
    let read = |bytes| Bundle::read(bytes, address.first(), address.width);
    address.part == Part::Records && read(found).has_headers_of(&read(by))
}
