//! Backfill: a ledger for an old history takes recorded times that are claimed, until the first event without one.

use super::environment::Environment;
use super::error::LedgerError;
use super::ledger::Ledger;
use super::submission::Submission;
use servanda_core::event::Event;
use servanda_core::value::when::Instant;
use servanda_log::Log;

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

#[cfg(test)]
mod tests;
