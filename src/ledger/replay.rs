//! Replay: records into a register. Checks the chain on the way and shows nothing from a broken one.

use super::definitions::Definitions;
use super::{LedgerError, archive, snapshot};
use crate::chain::codec;
use crate::chain::record::{Hash, Head, Record};
use crate::chain::tree::{Tiled, leaf_hash};
use crate::domain::event::Entry;
use crate::domain::id::Seq;
use crate::domain::register::{RECORD_LIMIT, Register};
use crate::domain::when::Instant;
use crate::store::Store;

/// Records to read at a time.
pub const CHUNK: usize = 1024;

/// Up to where the ledger is known: the second clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownAt {
    /// All of it.
    Now,
    /// Up to and with this record.
    Record(Seq),
    /// All that was recorded up to and at this instant.
    Time(Instant),
}

impl KnownAt {
    fn includes(self, seq: u64, recorded_at: Instant) -> bool {
        match self {
            Self::Now => true,
            Self::Record(last) => seq <= last.0,
            Self::Time(last) => recorded_at <= last,
        }
    }
}

/// What a replay gives.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// The register.
    pub register: Register,
    /// The head at the last record taken in.
    pub head: Head,
    /// When that record was recorded.
    pub last_recorded: Instant,
    /// The tree of the records' headers.
    pub tree: Tiled,
    /// Copies of the payloads that reports on all of it need.
    pub(super) definitions: Definitions,
}

impl Replayed {
    /// Nothing yet of what a store holds.
    pub(super) fn nothing_of(store: &impl Store) -> Self {
        Self {
            register: Register::over(archive::of(store), 0),
            head: Head::EMPTY,
            last_recorded: Instant(i64::MIN),
            tree: Tiled::new(),
            definitions: Definitions::default(),
        }
    }

    /// Takes in the next record, if the chain holds.
    fn take(&mut self, record: &Record) -> Result<(), LedgerError> {
        let seq = self.head.count;
        let broken = |what: String| LedgerError::Broken { seq, what };
        let header = &record.header;
        if header.seq != seq {
            return Err(broken(format!("it says that it is record {}", header.seq)));
        }
        if header.prev != self.head.link {
            return Err(broken(
                "it does not hold the link of the record before".into(),
            ));
        }
        if !record.payload_is_sound() {
            return Err(broken(
                "its payload is not the one that was recorded".into(),
            ));
        }
        match &record.body {
            None => self.register.apply_missing(),
            Some(body) => self.register.apply(&Entry {
                seq: Seq(seq),
                recorded_at: Instant(header.recorded_at),
                event: codec::decode(&body.payload).map_err(|error| broken(error.to_string()))?,
            }),
        }
        self.definitions.push_record(record);
        if header.claimed {
            self.register.note_claimed(seq + 1);
        }
        self.tree
            .push(leaf_hash(&header.to_bytes()))
            .map_err(super::anchor::too_large)?;
        self.head = Head::after(header);
        self.last_recorded = Instant(header.recorded_at);
        Ok(())
    }
}

/// Replays a store as it was known at some time, from the newest snapshot that fits.
///
/// # Errors
/// [`LedgerError::Broken`] at the first record that does not fit the chain, [`LedgerError::Short`] where
/// records are missing at the end, [`LedgerError::TooLong`], [`LedgerError::Store`].
pub fn replay(store: &impl Store, known_at: KnownAt) -> Result<Replayed, LedgerError> {
    let start = snapshot::newest(store, known_at)?;
    let start = start.unwrap_or_else(|| Replayed::nothing_of(store));
    continue_from(store, start, known_at)
}

/// Replays a store without any snapshot.
///
/// # Errors
/// As [`replay`].
pub fn replay_in_full(store: &impl Store, known_at: KnownAt) -> Result<Replayed, LedgerError> {
    continue_from(store, Replayed::nothing_of(store), known_at)
}

fn continue_from(
    store: &impl Store,
    start: Replayed,
    known_at: KnownAt,
) -> Result<Replayed, LedgerError> {
    let acknowledged = store.head()?;
    if acknowledged.count > RECORD_LIMIT {
        return Err(LedgerError::TooLong(acknowledged.count));
    }
    let mut replayed = start;
    replayed.register.archived(acknowledged.count);
    while replayed.head.count < acknowledged.count {
        let next = replayed.head.count;
        let chunk = store.read(next, CHUNK)?;
        if chunk.is_empty() {
            return Err(LedgerError::Short {
                found: next,
                acknowledged: acknowledged.count,
            });
        }
        for stored in chunk {
            let seq = replayed.head.count;
            if seq == acknowledged.count {
                break;
            }
            let record = Record::open(&stored.sealed).map_err(|error| LedgerError::Broken {
                seq,
                what: error.to_string(),
            })?;
            if !known_at.includes(seq, Instant(record.header.recorded_at)) {
                return Ok(replayed);
            }
            replayed.take(&record)?;
        }
    }
    check_end(&replayed, acknowledged.link)?;
    Ok(replayed)
}

/// The last record must be the one that was acknowledged.
fn check_end(replayed: &Replayed, acknowledged: Hash) -> Result<(), LedgerError> {
    if replayed.head.link == acknowledged {
        return Ok(());
    }
    Err(LedgerError::Broken {
        seq: replayed.head.count.saturating_sub(1),
        what: "it is not the record that was acknowledged as the last".into(),
    })
}
