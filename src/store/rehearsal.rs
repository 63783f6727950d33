//! A store that forgets what is appended: what `--dry-run` appends to.

use std::sync::Arc;

use super::{AppendError, BatchSource, Compaction, Reader, Store, StoreError, Stored};
use crate::chain::record::{Head, Sealed};

/// Reads from the store inside; an append is checked against the head, and then dropped; nothing is
/// erased.
#[derive(Debug)]
pub struct Rehearsal<S> {
    inner: S,
}

impl<S: Store> Rehearsal<S> {
    /// A rehearsal on this store.
    pub fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S: Store> Store for Rehearsal<S> {
    fn head(&self) -> Result<Head, StoreError> {
        self.inner.head()
    }

    fn append(&mut self, expected: Head, _: &[Sealed], _: Head) -> Result<(), AppendError> {
        let head = self.inner.head()?;
        if head != expected {
            return Err(AppendError::HeadMoved(head));
        }
        Ok(())
    }

    fn append_stream(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        let mut last = self.inner.head()?;
        if last != expected {
            return Err(AppendError::HeadMoved(last));
        }
        while let Some((_, head)) = source.next_batch().map_err(StoreError::from)? {
            last = head;
        }
        Ok(last)
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.inner.read(from, limit)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        self.inner.reader()
    }

    fn put_snapshot(&mut self, _: u64, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }

    fn snapshots(&self) -> Result<Vec<u64>, StoreError> {
        self.inner.snapshots()
    }

    fn snapshot(&self, count: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.snapshot(count)
    }

    fn drop_snapshot(&mut self, _: u64) -> Result<(), StoreError> {
        Ok(())
    }

    fn erase(&mut self, _: &[Stored]) -> Result<(), StoreError> {
        Ok(())
    }

    /// Says nothing of what it would come to: that is known only when it was done.
    fn compact(&mut self) -> Result<Compaction, StoreError> {
        Ok(Compaction {
            before: 0,
            after: 0,
        })
    }
}
