//! An event to append, and the time that may be asserted for its record.

use servanda_core::event::Event;
use servanda_core::value::when::Instant;

/// Most events of one append. All of them are held in memory until they are written.
pub const BATCH_LIMIT: usize = 10_000_000;

/// An event to append, and the recorded time that is asserted for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The event.
    pub event: Event,
    /// The recorded time that is asserted; none for the machine's, which ends a backfill for good.
    pub recorded_at: Option<Instant>,
    /// Whether another ledger recorded it before. Then only those rules are asked of it that a recorded event must obey,
    /// and not those that came when there were ledgers already: what was exported can be imported.
    pub recorded_elsewhere: bool,
}

impl From<Event> for Submission {
    fn from(event: Event) -> Self {
        Self {
            event,
            recorded_at: None,
            recorded_elsewhere: false,
        }
    }
}

/// Why a recorded time cannot be asserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertedTimeError {
    /// The ledger takes the machine's time.
    #[error(
        "no recorded time can be asserted: this ledger is in no backfill, or its backfill has ended"
    )]
    Ended,
    /// It is before that of the record before.
    #[error("the asserted time {asserted} is before {before}, that of the record before it")]
    Backwards {
        /// The time asserted.
        asserted: Instant,
        /// That of the record before.
        before: Instant,
    },
    /// It has not come yet.
    #[error("the asserted time {asserted} is in the future: it is {now} by this machine's clock")]
    Future {
        /// The time asserted.
        asserted: Instant,
        /// The machine's time.
        now: Instant,
    },
}

/// The recorded time of the next record: the one asserted, where that can be, or else the machine's.
pub(super) fn time_of(
    is_backfill: bool,
    asserted: Option<Instant>,
    before: Instant,
    now: Instant,
) -> Result<Instant, AssertedTimeError> {
    match asserted {
        None => Ok(now.max(before)),
        Some(_) if !is_backfill => Err(AssertedTimeError::Ended),
        Some(asserted) if asserted < before => {
            Err(AssertedTimeError::Backwards { asserted, before })
        }
        Some(asserted) if asserted > now => Err(AssertedTimeError::Future { asserted, now }),
        Some(asserted) => Ok(asserted),
    }
}
