//! A published ledger: tiles, entries and records as files or objects, which anybody reads and nobody needs a server for.
//!
//! `docs/publishing.md` states the layout. [`publish`](publish::publish) uploads what a ledger has more, the checkpoint
//! last. [`Published`] reads it, and gives a [`Log`](servanda_log::Log) of it that takes no appends: what verifies, copies
//! or shows a ledger works on it unchanged.

mod bundles;
mod directory;
mod error;
mod log;
mod names;
#[cfg(feature = "objects")]
mod objects;
mod places;
pub mod publish;
mod published;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod tidy;
mod upload;

pub use log::PublishedLog;
pub use names::{CHECKPOINT, COSIGNED, ERASED};
pub use places::{Access, open};
pub use published::{Published, PublishedError};
pub use store::{Condition, Object, Store, StoreError, Version};
