//! Why a ledger is not published.

use super::published::PublishedError;
use super::store::StoreError;
use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::chain::tree::ProveError;
use servanda_ledger::LedgerError;

/// Why a ledger is not published. The log that was published before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The place cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is there is no published ledger.
    #[error(transparent)]
    Published(#[from] PublishedError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Another ledger is published there.
    #[error("the ledger {found} is published there, and this is {own}")]
    OtherLedger {
        /// The origin of the one that is there.
        found: String,
        /// The origin of this one.
        own: String,
    },
    /// More is published than the ledger has.
    #[error("{} records are published, and the ledger has {}: it lost its tail, or it is an older copy",
        found.size(), own.size())]
    Behind {
        /// The checkpoint that is published.
        found: Box<Checkpoint>,
        /// The ledger's own.
        own: Box<Checkpoint>,
    },
    /// What is published is another history.
    #[error("the {} records that are published are not the first of this ledger: the histories have parted",
        found.size())]
    Forked {
        /// The checkpoint that is published.
        found: Box<Checkpoint>,
        /// The ledger's own of that size.
        own: Box<Checkpoint>,
    },
    /// A part that no checkpoint needs yet is there, and is another.
    #[error(
        "{path} is there and is not what this ledger has: somebody else publishes another history there"
    )]
    Differs {
        /// The object.
        path: String,
    },
    /// The published checkpoint is signed, and the new one would not be.
    #[error("the checkpoint that is published is signed, and the new one would not be")]
    Unsigned,
    /// Another publisher was faster.
    #[error("another publisher was faster, and published {0} records")]
    Raced(u64),
}

impl From<ProveError<LedgerError>> for PublishError {
    fn from(error: ProveError<LedgerError>) -> Self {
        Self::Ledger(match error {
            ProveError::Leaves(error) => error,
            ProveError::Tree(error) => LedgerError::Tree(error.to_string()),
        })
    }
}
