//! Logs: where the records of a ledger are kept.
//!
//! A [`Log`] keeps sealed records in order, as opaque bytes, and appends only if the head is still the expected one. It
//! is synchronous and knows no events. A log over a network owns its own runtime.

mod backend;
#[cfg(feature = "sled")]
mod block;
pub mod clock;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
#[cfg(feature = "sled")]
mod directories;
#[cfg(feature = "sled")]
pub mod directory;
pub mod dry_run;
mod error;
#[cfg(any(test, feature = "testing"))]
pub mod faulty;
#[cfg(feature = "sled")]
mod head;
#[cfg(feature = "sled")]
pub mod journal;
mod location;
mod log;
pub mod memory;
mod open_error;
pub mod pack;
#[cfg(feature = "sled")]
mod pre_open_backup;
mod registry;
#[cfg(all(unix, feature = "sled"))]
pub mod served;
mod shared;
#[cfg(feature = "sled")]
pub mod sled;
#[cfg(feature = "sled")]
mod slot;
mod source;
pub mod spool;
#[cfg(feature = "sled")]
mod swap;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use self::backend::Backend;
pub use self::error::{Aborted, AppendError, LogError, Unsupported};
pub use self::location::Location;
pub use self::log::{
    ChunkSink, Compact, Compaction, Erase, Lent, Log, Parts, Reader, SnapshotCache, Watch,
};
pub use self::open_error::OpenError;
pub use self::registry::Registry;
pub use self::shared::Shared;
pub use servanda_core::records::Stored;

pub use self::source::{Batch, BatchSource, NoBatch, OneBatch, Peeked};
