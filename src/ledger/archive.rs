//! The archive of a register: the records of a store, read again where their texts are asked for.

use std::sync::{Arc, Mutex, PoisonError};

use super::replay::CHUNK;
use crate::chain::codec;
use crate::chain::record::Record;
use crate::domain::event::Entry;
use crate::domain::id::Seq;
use crate::domain::register::Archive;
use crate::domain::when::Instant;
use crate::store::{Reader, Store, Stored};

/// Records to read where one is asked for that does not follow the last: those after it are often asked for next.
const FEW: usize = 16;

/// The records of a store. The newest that were read are at hand.
struct Records {
    reader: Arc<dyn Reader>,
    at_hand: Mutex<Vec<Stored>>,
}

/// The archive of a store.
pub(super) fn of(store: &impl Store) -> Arc<dyn Archive> {
    Arc::new(Records {
        reader: store.reader(),
        at_hand: Mutex::default(),
    })
}

impl Archive for Records {
    fn entry(&self, seq: Seq) -> Result<Option<Entry>, String> {
        let mut at_hand = self.at_hand.lock().unwrap_or_else(PoisonError::into_inner);
        let among = |all: &[Stored]| all.binary_search_by_key(&seq.0, |stored| stored.seq);
        if among(&at_hand).is_err() {
            let follows = at_hand.last().is_some_and(|last| last.seq + 1 == seq.0);
            let limit = if follows { CHUNK } else { FEW };
            *at_hand = self
                .reader
                .read(seq.0, limit)
                .map_err(|error| error.to_string())?;
        }
        let place = among(&at_hand).map_err(|_| "it is missing".to_owned())?;
        read(seq, &at_hand[place])
    }
}

/// What a record says. The chain was checked when it was first read; that these are the same bytes, the digest tells.
fn read(seq: Seq, stored: &Stored) -> Result<Option<Entry>, String> {
    let record = Record::open(&stored.sealed).map_err(|error| error.to_string())?;
    if record.header.seq != seq.0 || !record.payload_is_sound() {
        return Err("it is not the record that was recorded".to_owned());
    }
    let Some(body) = &record.body else {
        return Ok(None);
    };
    let event = codec::decode(&body.payload).map_err(|error| error.to_string())?;
    Ok(Some(Entry {
        seq,
        recorded_at: Instant(record.header.recorded_at),
        event,
    }))
}
