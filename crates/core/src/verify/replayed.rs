//! What replay of the first records of a ledger gives.

use std::sync::Arc;

use crate::archive;
use crate::chain::record::Head;
use crate::chain::tree::Tiled;
use crate::records::Records;
use crate::state::State;
use crate::value::when::Instant;

/// What replay of the first records gives.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// The state.
    pub state: State,
    /// The head after the last record.
    pub head: Head,
    /// When that record was recorded.
    pub last_recorded: Instant,
    /// The tree of the records' headers.
    pub tree: Tiled,
}

impl Replayed {
    /// No records yet of those that can be read here.
    pub fn nothing_of(records: Arc<dyn Records>) -> Self {
        Self {
            state: State::over(archive::of(records), 0),
            head: Head::EMPTY,
            last_recorded: Instant(i64::MIN),
            tree: Tiled::new(),
        }
    }
}
