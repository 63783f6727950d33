//! Ledgers: append, replay, verify, redact and recover over any [`Log`](servanda_log::Log).

mod admit;
pub mod anchor;
pub mod append;
mod backfill;
mod definitions;
mod environment;
mod error;
pub mod group;
mod ledger;
mod records;
pub mod recover;
pub mod redact;
pub mod replay;
mod replayed;
pub mod snapshot;
pub mod stream;
mod submission;
mod tail;
#[cfg(test)]
mod testing;
mod threads;
pub mod verify;

pub use environment::{Environment, Machine};
pub use error::{LedgerError, Refusal};
pub use ledger::{Ledger, SNAPSHOT_EVERY};
pub use submission::{BATCH_LIMIT, ClaimError, Submission};

#[cfg(test)]
mod tests;
