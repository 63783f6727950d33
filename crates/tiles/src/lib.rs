//! A published ledger: tiles, entries and records as files or objects, which anybody reads and nobody needs a server for.
//!
//! `docs/publishing.md` states the layout. [`publish`](publish::publish) uploads what a ledger has more, the checkpoint
//! last. [`Published`] reads it, and gives a [`Log`](servanda_log::Log) of it that takes no appends: what verifies, copies
//! or shows a ledger works on it unchanged.

mod bundles;
mod directory;
mod log;
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
pub use places::{Access, open};
pub use published::{Published, PublishedError};
pub use store::{Condition, Object, Store, StoreError, Version};

/// The object with the newest checkpoint.
pub const CHECKPOINT: &str = "checkpoint";

/// The object with the newest checkpoint that witnesses cosigned.
pub const COSIGNED: &str = "cosigned";

/// The object that says up to which record the redactions are carried out here.
pub const ERASED: &str = "erased";

/// The most bytes of a note.
const NOTE_BYTES: u64 = 1_000_000;

/// The most bytes of a part: a bundle of the longest records that there can be.
const PART_BYTES: u64 = 72 << 20;
