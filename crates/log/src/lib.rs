//! Where it lies: the log trait, and the logs.
//!
//! A log keeps opaque sealed records in order and appends a batch only if the head is still the one
//! expected. It is synchronous and knows no events. A log over a network owns its own runtime.

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
#[cfg(feature = "sled")]
pub mod directory;
pub mod dry_run;
#[cfg(any(test, feature = "testing"))]
pub mod faulty;
#[cfg(feature = "sled")]
mod head;
#[cfg(feature = "sled")]
pub mod journal;
pub mod memory;
pub mod pack;
#[cfg(feature = "sled")]
mod preimage;
#[cfg(feature = "sled")]
mod run;
#[cfg(feature = "sled")]
pub mod sled;
#[cfg(feature = "sled")]
mod slot;
pub mod spool;
#[cfg(feature = "sled")]
mod swap;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use servanda_core::chain::record::{Head, Sealed};

/// A record as a log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The place where it lies, from 0. What its header claims is for `verify` to compare.
    pub seq: u64,
    /// Its bytes.
    pub sealed: Sealed,
}

/// Where the batches of a stream come from.
pub trait BatchSource {
    /// The next batch and the head after it; none at the end.
    ///
    /// # Errors
    /// [`Aborted`]: nothing of the stream is to be appended. The source keeps the reason.
    fn next_batch(&mut self) -> Result<Option<(Vec<Sealed>, Head)>, Aborted>;
}

/// Gives bytes away piece by piece, in order.
pub type ChunkSink<'a> = dyn Fn(&mut dyn FnMut(&[u8])) + 'a;

/// A stream was broken off by its source.
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

/// How many bytes a log's records took before they were compacted, and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compaction {
    /// Before.
    pub before: u64,
    /// After.
    pub after: u64,
}

/// Reads records for whoever does not have the log: from other threads, and later.
pub trait Reader: Send + Sync {
    /// As [`Log::read`]: what was acknowledged by then.
    ///
    /// # Errors
    /// [`LogError`], also once the log was closed.
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError>;
}

/// Why a log cannot read, or cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The system refused an operation.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, with the file it was done to.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// What lies there is damaged, as far as the log itself can tell.
    #[error("{what}")]
    Damaged {
        /// What is damaged and how.
        what: String,
        /// The first place after the damage that may still be readable, where there is one.
        resume: Option<u64>,
    },
}

impl LogError {
    /// That a reader outlived its log.
    fn closed() -> Self {
        Self::Io {
            doing: "reading records".to_owned(),
            source: std::io::Error::other("the store was closed"),
        }
    }

    /// That a record was to be erased which is not there.
    fn no_such_record(seq: u64) -> Self {
        let kind = std::io::ErrorKind::InvalidInput;
        Self::Io {
            doing: format!("erasing record {seq}"),
            source: std::io::Error::new(kind, "there is no such record"),
        }
    }
}

/// How an append ended, if not well.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody appended first: nothing was written. Holds the head as it is now.
    #[error("the head moved: the ledger now has {0}")]
    HeadMoved(Head),
    /// The answer was lost on the way: the batch may be there or not. Read the tail and compare links.
    #[error("the outcome is uncertain: {0}")]
    Uncertain(LogError),
    /// Nothing was written.
    #[error(transparent)]
    Failed(#[from] LogError),
}

/// An append-only sequence of sealed records, numbered from 0.
///
/// What every log promises, and [`conformance::check`] looks for:
/// - an append is whole or not at all, also across a crash, and on the disk when it returns;
/// - it happens only if the head is still `expected`;
/// - reading gives back exactly the bytes that were appended, in order;
/// - opening to read, and reading, change nothing that a verdict depends on;
/// - what was erased is nowhere in its files.
pub trait Log: Send {
    /// The head as it was last acknowledged. It is kept apart from the records, so that a log which lost
    /// its tail can be told from one that never had it.
    ///
    /// # Errors
    /// [`LogError`], where it cannot be read.
    fn head(&self) -> Result<Head, LogError>;

    /// Appends a batch; `head` is the head after it. An empty one writes nothing, and is refused where every
    /// append would be.
    ///
    /// # Errors
    /// [`AppendError`], in three outcomes: the head moved, nothing was written, or nobody knows.
    fn append(&mut self, expected: Head, batch: &[Sealed], head: Head) -> Result<(), AppendError>;

    /// Appends all batches of a stream, or none of them, and gives the head after the last. They are not held
    /// in memory.
    ///
    /// # Errors
    /// [`AppendError`], as an append of all of it at once would end. [`AppendError::Failed`] also where the
    /// source aborts.
    fn append_stream(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError>;

    /// At least one and about `limit` records from `from` on, in order; none only at the end. Places may be
    /// missing where the log was tampered with.
    ///
    /// # Errors
    /// [`LogError::Damaged`] names the place to go on from.
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError>;

    /// A handle that reads the records of this log as long as it is open. It does not keep it open.
    fn reader(&self) -> Arc<dyn Reader>;

    /// Keeps a snapshot of what replay of the first `count` records gives. It may be lost at any time.
    ///
    /// # Errors
    /// [`LogError`]
    fn put_snapshot(&mut self, count: u64, bytes: &[u8]) -> Result<(), LogError> {
        self.put_chunks(count, &|give: &mut dyn FnMut(&[u8])| give(bytes))
    }

    /// As [`Log::put_snapshot`], without holding all of it in memory.
    ///
    /// # Errors
    /// [`LogError`]
    fn put_chunks(&mut self, count: u64, pieces: &ChunkSink<'_>) -> Result<(), LogError>;

    /// The counts for which there are snapshots, ascending.
    ///
    /// # Errors
    /// [`LogError`]
    fn snapshots(&self) -> Result<Vec<u64>, LogError>;

    /// The snapshot of this count; none where it is not there whole.
    ///
    /// # Errors
    /// [`LogError`]
    fn snapshot(&self, count: u64) -> Result<Option<Vec<u8>>, LogError>;

    /// Drops a snapshot.
    ///
    /// # Errors
    /// [`LogError`]
    fn drop_snapshot(&mut self, count: u64) -> Result<(), LogError>;

    /// Puts each of these records in place of the one that lies there, so that the bytes which were there
    /// are nowhere in the log any more, and drops every snapshot, for they were made of them. All of it or
    /// nothing, also across a crash. The head stays as it is: the records must be the same but for what no
    /// link binds.
    ///
    /// Also finishes an erasure that broke off before; that is all it does where no records are given.
    ///
    /// # Errors
    /// [`LogError`]. The records are then as before or as asked, whole either way; what could not be
    /// destroyed is destroyed by the next call.
    fn erase(&mut self, records: &[Stored]) -> Result<(), LogError>;

    /// Writes all records anew, so that they take as little room as they can. What was there is kept until
    /// every record was read back and compared, and the chain they form followed to the head. Whatever breaks
    /// it off, the one or the other is whole.
    ///
    /// # Errors
    /// [`LogError`], and all is as before: the records are damaged, or there is no room for a second copy.
    fn compact(&mut self) -> Result<Compaction, LogError>;
}

impl<S: Log + ?Sized> Log for Box<S> {
    fn head(&self) -> Result<Head, LogError> {
        (**self).head()
    }
    fn append(&mut self, expected: Head, batch: &[Sealed], head: Head) -> Result<(), AppendError> {
        (**self).append(expected, batch, head)
    }
    fn append_stream(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        (**self).append_stream(expected, source)
    }
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        (**self).read(from, limit)
    }
    fn reader(&self) -> Arc<dyn Reader> {
        (**self).reader()
    }
    fn put_chunks(&mut self, count: u64, pieces: &ChunkSink<'_>) -> Result<(), LogError> {
        (**self).put_chunks(count, pieces)
    }
    fn snapshots(&self) -> Result<Vec<u64>, LogError> {
        (**self).snapshots()
    }
    fn snapshot(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        (**self).snapshot(count)
    }
    fn drop_snapshot(&mut self, count: u64) -> Result<(), LogError> {
        (**self).drop_snapshot(count)
    }
    fn erase(&mut self, records: &[Stored]) -> Result<(), LogError> {
        (**self).erase(records)
    }
    fn compact(&mut self) -> Result<Compaction, LogError> {
        (**self).compact()
    }
}
