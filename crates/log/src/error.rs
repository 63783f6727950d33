//! The errors of logs.

use servanda_core::chain::record::Head;

/// A source of batches broke off. The source keeps the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream was broken off by its source")]
pub struct Aborted;

impl From<Aborted> for LogError {
    fn from(aborted: Aborted) -> Self {
        Self::Io {
            doing: "appending a stream".to_owned(),
            source: std::io::Error::other(aborted),
        }
    }
}

/// Why a log cannot read, or cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The system refused an operation.
    #[error("{doing}: {source}")]
    Io {
        /// The operation, with the file or the address that it was applied to.
        doing: String,
        /// The error of the system.
        source: std::io::Error,
    },
    /// What keeps the log does not answer: a database, a store, or the process that serves the ledger. Nothing is known of
    /// the records then.
    #[error("{doing}: {why}")]
    Unreachable {
        /// The operation, with the address that it was applied to.
        doing: String,
        /// What befell the connection.
        why: String,
    },
    /// The stored bytes are damaged, as far as the log itself can tell.
    #[error("{what}")]
    Damaged {
        /// What is damaged and how.
        what: String,
        /// The number of the first record after the damage that may be readable, if there is one.
        resume: Option<u64>,
    },
    /// The machine's clock stands before 1970, where sled cannot work.
    #[error("this machine's clock stands before 1970")]
    Clock,
    /// The log does not have an optional part.
    #[error("the ledger's log {0}")]
    Unsupported(Unsupported),
}

/// What a log does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// It has no cache of snapshots.
    #[error("keeps no snapshots")]
    Snapshots,
    /// It cannot erase records.
    #[error("cannot erase records")]
    Erasing,
    /// It cannot be compacted.
    #[error("cannot be compacted")]
    Compacting,
}

impl LogError {
    /// The error of a reader whose log was closed.
    pub fn closed() -> Self {
        Self::Io {
            doing: "reading records".to_owned(),
            source: std::io::Error::other("the log was closed"),
        }
    }

    /// The error of an erasure that names a record beyond the head.
    pub fn no_such_record(seq: u64) -> Self {
        let kind = std::io::ErrorKind::InvalidInput;
        Self::Io {
            doing: format!("erasing record {seq}"),
            source: std::io::Error::new(kind, "there is no such record"),
        }
    }
}

/// Why an append did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another process appended first: nothing was written. Holds the present head.
    #[error("the head moved: the ledger now has {0}")]
    HeadMoved(Head),
    /// The answer was lost: the records may have been appended or not. Read the tail and compare links.
    #[error("the outcome is uncertain: {0}")]
    Uncertain(LogError),
    /// The records are there, and fewer servers keep them than must: the wait for the others was cancelled. They are lost
    /// if the one that has them is, until [`Log::confirm`](crate::Log::confirm) succeeds.
    #[error("appended, and not confirmed: {0}")]
    Unconfirmed(LogError),
    /// Nothing was written.
    #[error(transparent)]
    Failed(#[from] LogError),
}

impl From<Aborted> for AppendError {
    fn from(aborted: Aborted) -> Self {
        Self::Failed(aborted.into())
    }
}
