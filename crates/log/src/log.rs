//! The trait that every log implements, and the three that a log may implement beside it.

use std::ops::DerefMut;
use std::sync::Arc;
use std::time::Duration;

use super::error::{AppendError, LogError, Unsupported};
use super::source::BatchSource;
use servanda_core::chain::record::{Head, Record};
use servanda_core::pages::Source;
pub use servanda_core::records::Stored;

/// An append-only sequence of sealed records, numbered from 0.
///
/// What every log promises, and `conformance::check` tests:
/// - an append is whole or absent, also across a crash, and durable when it returns;
/// - it happens only if the head is still `expected`;
/// - reading gives back exactly the bytes that were appended, in order;
/// - opening and reading change nothing that a verdict depends on.
///
/// A log knows records as opaque bytes. Whether a record continues the chain is not decided here.
pub trait Log: Send {
    /// Gives the committed head: the head of the last append that returned. It is stored apart from the records, so
    /// that a log which lost its tail differs from one that never had it.
    ///
    /// # Errors
    /// [`LogError`], where it cannot be read.
    fn head(&self) -> Result<Head, LogError>;

    /// Appends all batches of a source or none of them, and gives the head after the last. A long stream is not held
    /// in memory. A source without records writes nothing, and fails where every append would.
    ///
    /// # Errors
    /// [`AppendError`], in four outcomes: the head moved, nothing was written, the outcome is unknown, or the records are
    /// there without the confirmation that an append waits for.
    /// [`AppendError::Failed`] also where the source aborts.
    fn append(&mut self, expected: Head, source: &mut dyn BatchSource)
    -> Result<Head, AppendError>;

    /// Makes sure that the records up to a head are there, and as durable as those of an append that returned. It settles
    /// an append whose answer was lost, and what others appended.
    ///
    /// # Errors
    /// [`AppendError::HeadMoved`], with the present head, where the history of this log has no such head;
    /// [`AppendError::Unconfirmed`]; [`AppendError::Failed`]: it cannot be told.
    fn confirm(&self, head: Head) -> Result<(), AppendError> {
        let found = self.head()?;
        if found == head || head == Head::EMPTY {
            return Ok(());
        }
        // Others may have appended since, so the last of the records decides.
        if found.count > head.count && head.count > 0 {
            let last = self.read(head.count - 1, 1)?;
            let last = last.first().map(|stored| Record::open(&stored.sealed));
            if matches!(last, Some(Ok(record)) if Head::after(&record.header) == head) {
                return Ok(());
            }
        }
        Err(AppendError::HeadMoved(found))
    }

    /// Reads at least one and about `limit` records from `from` on, in order; none only at the end. Places may be
    /// missing in a log that was tampered with.
    ///
    /// # Errors
    /// [`LogError::Damaged`] names the place where reading can go on.
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError>;

    /// Gives a handle that reads the records of this log as long as the log is open. It does not keep it open.
    fn reader(&self) -> Arc<dyn Reader>;

    /// Gives the damage for which every append is refused; none if appends are possible, as far as the log knows.
    fn damage(&self) -> Option<String> {
        None
    }

    /// Whether the records are read from a copy, because a process that had the log open was killed. Each opening makes
    /// one, until the log is written again.
    fn is_copied(&self) -> bool {
        false
    }

    /// Whether others may append while this process has the log open.
    fn is_shared(&self) -> bool {
        false
    }

    /// Asks others to hold back for a moment, because they were first again and again. They need not, nor for longer than
    /// moments, and nothing that a verdict depends on rests on it.
    fn ask_for_turn(&mut self) {}

    /// Lets others go on who were asked to hold back.
    fn end_turn(&mut self) {}

    /// From how many records on an append is better given as a stream, because the log is at work while more are made; none
    /// where a single batch is always the shorter way.
    fn streams_from(&self) -> Option<usize> {
        None
    }

    /// Gives the means to wait for what others append, if others can append while this is open.
    fn watcher(&self) -> Option<Box<dyn Watch>> {
        None
    }

    /// Gives the cache of snapshots, if this log has one.
    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        None
    }

    /// Gives the means to erase records, if this log has them.
    fn eraser(&mut self) -> Option<&mut dyn Erase> {
        None
    }

    /// Gives the means to write the records anew, if this log has them.
    fn compactor(&mut self) -> Option<&mut dyn Compact> {
        None
    }
}

/// Reads records from other threads.
pub trait Reader: Send + Sync {
    /// Reads as [`Log::read`] does: records that were committed before the call.
    ///
    /// # Errors
    /// [`LogError`], also after the log was closed.
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError>;

    /// Lists snapshots as [`SnapshotCache::counts`] does, while the log is in use; none where they cannot be read then.
    ///
    /// # Errors
    /// [`LogError`]
    fn snapshot_counts(&self) -> Result<Vec<u64>, LogError> {
        Ok(Vec::new())
    }

    /// Reads a snapshot as [`SnapshotCache::load`] does, while the log is in use.
    ///
    /// # Errors
    /// [`LogError`]
    fn snapshot(&self, _count: u64) -> Result<Option<Vec<u8>>, LogError> {
        Ok(None)
    }
}

/// What became of a log that its owner lent to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lent {
    /// Its records are the same.
    Unchanged,
    /// Records may have been appended.
    Appended,
    /// Records may have been erased.
    Erased,
}

/// Waits for what others append.
pub trait Watch: Send {
    /// Waits until others may have appended, for at most so long.
    ///
    /// # Errors
    /// [`LogError`]: the log cannot be asked now. Waiting again asks again.
    fn wait(&mut self, at_most: Duration) -> Result<(), LogError>;
}

/// Gives bytes away chunk by chunk, in order.
pub type ChunkSink<'a> = dyn Fn(&mut dyn FnMut(&[u8])) + 'a;

/// Keeps snapshots: bytes that stand for the replay of the first `count` records. A snapshot may be lost at any time.
pub trait SnapshotCache {
    /// Stores the snapshot of this count, in place of an earlier one.
    ///
    /// # Errors
    /// [`LogError`]
    fn put(&self, count: u64, bytes: &[u8]) -> Result<(), LogError> {
        self.put_chunks(count, &|give: &mut dyn FnMut(&[u8])| give(bytes))
    }

    /// Stores a snapshot as [`SnapshotCache::put`] does, without holding all of it in memory.
    ///
    /// # Errors
    /// [`LogError`]
    fn put_chunks(&self, count: u64, chunks: &ChunkSink<'_>) -> Result<(), LogError>;

    /// Lists the counts of the stored snapshots, ascending.
    ///
    /// # Errors
    /// [`LogError`]
    fn counts(&self) -> Result<Vec<u64>, LogError>;

    /// Reads the snapshot of this count; none if it is absent or incomplete.
    ///
    /// # Errors
    /// [`LogError`]
    fn load(&self, count: u64) -> Result<Option<Vec<u8>>, LogError>;

    /// Opens the snapshot of this count, to be read piece by piece as long as the log is open; none if it is absent or
    /// incomplete. Unless it is loaded for that, what is damaged in it shows where it is read.
    ///
    /// # Errors
    /// [`LogError`]
    fn open(&self, count: u64) -> Result<Option<Arc<dyn Source>>, LogError> {
        let loaded = self.load(count)?;
        Ok(loaded.map(|bytes| Arc::new(bytes) as Arc<dyn Source>))
    }

    /// Removes the snapshot of this count, if there is one.
    ///
    /// # Errors
    /// [`LogError`]
    fn remove(&self, count: u64) -> Result<(), LogError>;
}

/// Erases records.
pub trait Erase {
    /// Replaces each stored record of the same number by the given one, so that the old bytes are nowhere in the log
    /// any more, and removes every snapshot. All of it or nothing, also across a crash. The head stays: the records
    /// must be the same except for what no link binds.
    ///
    /// Also finishes an erasure that broke off before; that is all it does if no records are given.
    ///
    /// # Errors
    /// [`LogError`]. The records are then as before or as requested, whole either way; bytes that could not be
    /// destroyed are destroyed by the next call.
    fn erase(&mut self, records: &[Stored]) -> Result<(), LogError>;
}

/// Writes records anew.
pub trait Compact {
    /// Writes all records anew, so that they take as little room as possible. The old files stay until every record
    /// was read back and compared, and the chain was followed to the head. An interruption leaves the old or the new
    /// files whole.
    ///
    /// # Errors
    /// [`LogError`], and nothing changed: the records are damaged, or there is no room for a second copy.
    fn compact(&mut self) -> Result<Compaction, LogError>;
}

/// The bytes that a log's records took before and after they were compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compaction {
    /// Bytes before.
    pub before: u64,
    /// Bytes after.
    pub after: u64,
}

/// Gives the optional parts of a log, or the error that says which one is missing.
pub trait Parts: Log {
    /// Gives the cache of snapshots.
    ///
    /// # Errors
    /// [`LogError::Unsupported`]
    fn cache(&self) -> Result<&dyn SnapshotCache, LogError> {
        let lacking = LogError::Unsupported(Unsupported::Snapshots);
        self.snapshots().ok_or(lacking)
    }

    /// Gives the means to erase records.
    ///
    /// # Errors
    /// [`LogError::Unsupported`]
    fn erasing(&mut self) -> Result<&mut dyn Erase, LogError> {
        let lacking = LogError::Unsupported(Unsupported::Erasing);
        self.eraser().ok_or(lacking)
    }

    /// Gives the means to write the records anew.
    ///
    /// # Errors
    /// [`LogError::Unsupported`]
    fn compacting(&mut self) -> Result<&mut dyn Compact, LogError> {
        let lacking = LogError::Unsupported(Unsupported::Compacting);
        self.compactor().ok_or(lacking)
    }
}

impl<L: Log + ?Sized> Parts for L {}

/// A box or another pointer to a log is that log.
impl<P: DerefMut<Target: Log> + Send> Log for P {
    fn head(&self) -> Result<Head, LogError> {
        (**self).head()
    }
    fn append(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        (**self).append(expected, source)
    }
    fn confirm(&self, head: Head) -> Result<(), AppendError> {
        (**self).confirm(head)
    }
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        (**self).read(from, limit)
    }
    fn reader(&self) -> Arc<dyn Reader> {
        (**self).reader()
    }
    fn damage(&self) -> Option<String> {
        (**self).damage()
    }
    fn is_copied(&self) -> bool {
        (**self).is_copied()
    }
    fn is_shared(&self) -> bool {
        (**self).is_shared()
    }
    fn ask_for_turn(&mut self) {
        (**self).ask_for_turn();
    }
    fn end_turn(&mut self) {
        (**self).end_turn();
    }
    fn streams_from(&self) -> Option<usize> {
        (**self).streams_from()
    }
    fn watcher(&self) -> Option<Box<dyn Watch>> {
        (**self).watcher()
    }
    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        (**self).snapshots()
    }
    fn eraser(&mut self) -> Option<&mut dyn Erase> {
        (**self).eraser()
    }
    fn compactor(&mut self) -> Option<&mut dyn Compact> {
        (**self).compactor()
    }
}
