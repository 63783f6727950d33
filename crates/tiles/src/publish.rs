//! Publishing: the parts that a ledger has more go up first, and the checkpoint that needs them last.
//!
//! A publisher that stops between any two uploads leaves the older log as it was. The checkpoint is replaced only if it
//! is still the one that this began with, so that of two publishers one wins. What is there already is compared: where it
//! is not what the ledger has, the histories have parted, and nothing more is done.

use std::sync::Arc;

pub use super::error::PublishError;
use super::names::{CHECKPOINT, COSIGNED, NOTE_BYTES};
use super::published::{Published, PublishedError};
use super::store::{Condition, Store};
use super::tidy::tidy;
use super::upload::upload;
use servanda_core::chain::checkpoint::{Checkpoint, SignedCheckpoint};
use servanda_core::chain::tile::grown;
use servanda_core::chain::tree;
use servanda_core::verify::Progress;
use servanda_ledger::LedgerError;
use servanda_ledger::anchor::Hashes;
use servanda_log::Log;

/// How often it begins again where another publisher was faster.
const ATTEMPTS: u32 = 4;

/// What is published.
pub struct Publication<'a, S> {
    /// The records, and the hashes of their tree. All of them are committed.
    pub hashes: Hashes<'a, S>,
    /// The checkpoint of as many records as are to be published.
    pub checkpoint: &'a Checkpoint,
    /// That checkpoint signed, or its text alone.
    pub note: String,
    /// The newest checkpoint that witnesses cosigned, if there is one.
    pub cosigned: Option<String>,
    /// Whether everything is compared with what is there, and uploaded where it is not.
    pub everything: bool,
}

/// What publishing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// How many records were published before; none if no log was.
    pub before: Option<u64>,
    /// How many are published now.
    pub size: u64,
    /// How many payloads that were published before were erased there.
    pub erased: u64,
}

/// Publishes what a ledger has more than the place, which is called by this name in errors.
///
/// # Errors
/// [`PublishError`]
pub fn publish<S: Log>(
    store: &Arc<dyn Store>,
    name: &str,
    publication: &Publication<'_, S>,
    progress: &mut dyn Progress,
) -> Result<Done, PublishError> {
    let size = publication.checkpoint.size();
    for attempt in 0..ATTEMPTS {
        let found = match Published::open(Arc::clone(store), name) {
            Ok(found) => Some(found),
            Err(PublishedError::Nothing(_)) => None,
            Err(error) => return Err(error.into()),
        };
        match found
            .as_ref()
            .map_or(Ok(()), |found| check(found, publication))
        {
            Err(PublishError::Behind { found, .. }) if attempt > 0 => {
                return Err(PublishError::Raced(found.size()));
            }
            checked => checked?,
        }
        let before = found.as_ref().map(|found| found.checkpoint().size());
        let from = before.filter(|_| !publication.everything).unwrap_or(0);
        progress.begin(size);
        let uploaded = upload(&**store, &publication.hashes, &grown(from, size), progress);
        progress.end();
        uploaded?;
        if put_notes(&**store, publication, found.as_ref())? {
            let erased = tidy(&**store, &publication.hashes, before, size)?;
            return Ok(Done {
                before,
                size,
                erased,
            });
        }
    }
    Err(PublishError::Raced(size))
}

/// Whether what is published is the beginning of the ledger.
fn check<S: Log>(found: &Published, publication: &Publication<'_, S>) -> Result<(), PublishError> {
    let (there, own) = (found.checkpoint(), publication.checkpoint);
    if there.origin() != own.origin() {
        return Err(PublishError::OtherLedger {
            found: there.origin().to_owned(),
            own: own.origin().to_owned(),
        });
    }
    if there.size() > own.size() {
        return Err(PublishError::Behind {
            found: Box::new(there.clone()),
            own: Box::new(own.clone()),
        });
    }
    let root = tree::root(&publication.hashes, there.size())?;
    if root != *there.root() {
        let own = Checkpoint::new(own.origin(), there.size(), root);
        let own = own.map_err(|error| LedgerError::Tree(error.to_string()))?;
        return Err(PublishError::Forked {
            found: Box::new(there.clone()),
            own: Box::new(own),
        });
    }
    let is_less = signatures(found.note()) > 0 && signatures(publication.note.as_bytes()) == 0;
    match is_less && there.size() < own.size() {
        true => Err(PublishError::Unsigned),
        false => Ok(()),
    }
}

fn signatures(note: &[u8]) -> usize {
    let signed = SignedCheckpoint::parse(note);
    signed.map_or(0, |signed| signed.note().signatures().len())
}

/// Puts the checkpoint that witnesses cosigned, and then the newest; gives whether that is there.
fn put_notes<S>(
    store: &dyn Store,
    publication: &Publication<'_, S>,
    found: Option<&Published>,
) -> Result<bool, PublishError> {
    if let Some(cosigned) = &publication.cosigned {
        let there = store.get(COSIGNED, NOTE_BYTES)?;
        if there.is_none_or(|there| there.bytes != cosigned.as_bytes()) {
            store.put(COSIGNED, cosigned.clone().into(), Condition::Always)?;
        }
    }
    let note = &publication.note;
    let condition = match found {
        None => Condition::Absent,
        // One of the same size with more signatures is worth more.
        Some(found) if found.checkpoint().size() == publication.checkpoint.size() => {
            let is_more = signatures(note.as_bytes()) > signatures(found.note());
            if !is_more {
                return Ok(true);
            }
            Condition::Unchanged(found.version())
        }
        Some(found) => Condition::Unchanged(found.version()),
    };
    if store.put(CHECKPOINT, note.clone().into(), condition)? {
        return Ok(true);
    }
    // An answer that was lost is repeated, and then refused.
    let there = store.get(CHECKPOINT, NOTE_BYTES)?;
    Ok(there.is_some_and(|there| there.bytes == note.as_bytes()))
}
