//! Backfill: a ledger for an old history takes recorded times that are claimed, until the first event without one.

use super::{Environment, Ledger, LedgerError};
use servanda_core::event::Event;
use servanda_core::value::when::Instant;
use servanda_log::Log;

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

impl<S: Log> Ledger<S> {
    /// As [`Ledger::create`], for an old history: the ledger takes recorded times that are claimed, and its own
    /// first record is claimed to be of `recorded_at`. Every record says whether its time is claimed, and the first
    /// that does not ends the backfill for good.
    ///
    /// # Errors
    /// As [`Ledger::create`], and [`LedgerError::Claim`] for a time in the future.
    pub fn create_backfill(
        log: S,
        environment: impl Environment + 'static,
        opening: Event,
        recorded_at: Instant,
    ) -> Result<Self, LedgerError> {
        Self::create_with(
            log,
            environment,
            Submission {
                event: opening,
                recorded_at: Some(recorded_at),
            },
        )
    }

    /// Whether a recorded time can be claimed: all records so far have one that is, or there are none.
    pub fn is_backfill(&self) -> bool {
        self.state.asserted() == self.state.count()
    }
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

#[cfg(test)]
mod tests;
