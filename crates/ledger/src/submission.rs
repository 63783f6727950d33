//! An event to append, and the time that may be asserted for its record.

use servanda_core::event::Event;
use servanda_core::value::when::Instant;

/// Most events of one append. All of them are held in memory until they are written.
pub const BATCH_LIMIT: usize = 10_000_000;

/// An event to append, and where a ledger is in its backfill, since when it is claimed to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The event.
    pub event: Event,
    /// The recorded time that is claimed; none for the machine's, which ends a backfill for good.
    pub recorded_at: Option<Instant>,
}

impl From<Event> for Submission {
    fn from(event: Event) -> Self {
        Self {
            event,
            recorded_at: None,
        }
    }
}

/// Why a recorded time cannot be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// The ledger takes the machine's time.
    #[error(
        "no recorded time can be claimed: this ledger is in no backfill, or its backfill has ended"
    )]
    Ended,
    /// It is before that of the record before.
    #[error("the claimed time {asserted} is before {before}, that of the record before it")]
    Backwards {
        /// The time claimed.
        asserted: Instant,
        /// That of the record before.
        before: Instant,
    },
    /// It has not come yet.
    #[error("the claimed time {asserted} is in the future: it is {now} by this machine's clock")]
    Future {
        /// The time claimed.
        asserted: Instant,
        /// The machine's time.
        now: Instant,
    },
}

/// The recorded time of the next record: the one claimed, where that can be, or else the machine's.
pub(super) fn time_of(
    is_backfill: bool,
    claim: Option<Instant>,
    before: Instant,
    now: Instant,
) -> Result<Instant, ClaimError> {
    match claim {
        None => Ok(now.max(before)),
        Some(_) if !is_backfill => Err(ClaimError::Ended),
        Some(asserted) if asserted < before => Err(ClaimError::Backwards { asserted, before }),
        Some(asserted) if asserted > now => Err(ClaimError::Future { asserted, now }),
        Some(asserted) => Ok(asserted),
    }
}
