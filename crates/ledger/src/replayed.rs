//! What replay gives, and up to where.

use std::sync::Arc;

use servanda_core::archive;
use servanda_core::chain::record::{Head, Record};
use servanda_core::chain::tree::{Tiled, leaf_hash};
use servanda_core::chain::walker::Walker;
use servanda_core::ranges::CHUNK;
use servanda_core::records::Records;
use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_log::Log;

use super::definitions::Definitions;
use super::error::{LedgerError, too_large};
use super::records;

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
    pub(super) fn includes(self, seq: u64, recorded_at: Instant) -> bool {
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
    /// The state.
    pub state: State,
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
    /// Nothing yet of what a log holds.
    pub(super) fn nothing_of(log: &impl Log) -> Self {
        Self::nothing(records::of(log))
    }

    fn nothing(records: Arc<dyn Records>) -> Self {
        Self {
            state: State::over(archive::of(records), 0),
            head: Head::EMPTY,
            last_recorded: Instant(i64::MIN),
            tree: Tiled::new(),
            definitions: Definitions::default(),
        }
    }

    /// The replay of the first `count` records; none if one of them cannot be read or does not fit the chain.
    pub(super) fn of_records(records: &Arc<dyn Records>, count: u64) -> Option<Self> {
        let mut replayed = Self::nothing(records.clone());
        replayed.state.archived(count);
        while replayed.head.count < count {
            let found = records.read(replayed.head.count, CHUNK).ok()?;
            // There is at least one, or the records end.
            found.first()?;
            for stored in found {
                if replayed.head.count < count {
                    replayed.take(&Record::open(&stored.sealed).ok()?).ok()?;
                }
            }
        }
        Some(replayed)
    }

    /// Takes in the next record, if the chain holds.
    pub(super) fn take(&mut self, record: &Record) -> Result<(), LedgerError> {
        let seq = self.head.count;
        let broken = |what: String| LedgerError::Broken { seq, what };
        let header = &record.header;
        let step = Walker::behind(self.head).step(header, header.link());
        step.map_err(|flaw| broken(flaw.to_string()))?;
        if !record.payload_is_sound() {
            return Err(broken(
                "its payload is not the one that was recorded".into(),
            ));
        }
        match record.content() {
            None => self.state.apply_missing(),
            Some(content) => {
                let entry = archive::entry(seq, header.recorded_at, content);
                let entry = entry.map_err(|error| broken(error.to_string()))?;
                self.state.take(entry);
            }
        }
        self.definitions.push_record(record);
        if header.asserted {
            self.state.note_asserted(seq + 1);
        }
        self.tree
            .push(leaf_hash(&header.to_bytes()))
            .map_err(too_large)?;
        self.head = Head::after(header);
        self.last_recorded = Instant(header.recorded_at);
        Ok(())
    }
}
