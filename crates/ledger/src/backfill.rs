//! Backfill: a ledger for an old history takes asserted recorded times, until the first event without one.
//!
//! A ledger whose opening is a [`Submission`](crate::Submission) with a recorded time begins as one.

use super::ledger::Ledger;
use servanda_log::Log;

impl<S: Log> Ledger<S> {
    /// Whether a recorded time can be asserted: all records so far have one that is, or there are none.
    pub fn is_backfill(&self) -> bool {
        self.state.asserted() == self.state.count()
    }
}

#[cfg(test)]
mod tests;
