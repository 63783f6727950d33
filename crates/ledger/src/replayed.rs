//! What replay gives, and up to where.

use servanda_core::archive;
use servanda_core::chain::record::Head;
use servanda_core::chain::tree::Tiled;
use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_log::Log;

use super::definitions::Definitions;
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
        Self {
            state: State::over(archive::of(records::of(log)), 0),
            head: Head::EMPTY,
            last_recorded: Instant(i64::MIN),
            tree: Tiled::new(),
            definitions: Definitions::default(),
        }
    }
}
