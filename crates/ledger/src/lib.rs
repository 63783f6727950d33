//! Ledgers: append, replay, verify, redact and recover over any [`Log`](servanda_log::Log).

pub mod anchor;
mod append;
mod backfill;
mod bind;
mod check;
mod commit;
mod definitions;
pub mod documents;
mod environment;
mod error;
pub mod follow;
mod gather;
pub mod group;
mod ledger;
mod receipt;
mod records;
pub mod recover;
pub mod redact;
pub mod replay;
mod replayed;
pub mod snapshot;
mod stream;
mod submission;
mod tail;
#[cfg(test)]
mod testing;
mod threads;
pub mod tiles;
pub mod verify;

pub use check::{Became, LISTED, Placed};
pub use environment::{Environment, Machine};
pub use error::{LedgerError, Refusal};
pub use ledger::{Ledger, SNAPSHOT_EVERY};
pub use receipt::{Outcome, Receipt};
pub use stream::{Given, Present, StreamError};
pub use submission::{AssertedTimeError, BATCH_LIMIT, Submission};

#[cfg(test)]
mod tests;
