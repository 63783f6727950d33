//! A log with several owners in one process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::{AppendError, LogError};
use super::log::{
    ChunkSink, Compact, Compaction, Erase, Log, Parts as _, Reader, SnapshotCache, Stored,
};
use super::source::BatchSource;
use servanda_core::chain::record::Head;
use servanda_core::pages::Source;

/// A log whose clones are all the same log, so that it can be opened again after its user dropped it.
#[derive(Debug, Default)]
pub struct Shared<S>(Arc<Mutex<S>>);

impl<S> Shared<S> {
    /// Makes a log to share.
    pub fn new(inner: S) -> Self {
        Self(Arc::new(Mutex::new(inner)))
    }

    /// Locks the log, until the guard is dropped.
    pub fn get(&self) -> MutexGuard<'_, S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Log> Log for Shared<S> {
    fn head(&self) -> Result<Head, LogError> {
        self.get().head()
    }
    fn append(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        self.get().append(expected, source)
    }
    fn confirm(&self, head: Head) -> Result<(), AppendError> {
        self.get().confirm(head)
    }
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.get().read(from, limit)
    }
    fn reader(&self) -> Arc<dyn Reader> {
        self.get().reader()
    }
    fn damage(&self) -> Option<String> {
        self.get().damage()
    }
    fn is_copied(&self) -> bool {
        self.get().is_copied()
    }
    fn is_shared(&self) -> bool {
        self.get().is_shared()
    }
    fn ask_for_turn(&mut self) {
        self.get().ask_for_turn();
    }
    fn end_turn(&mut self) {
        self.get().end_turn();
    }
    fn streams_from(&self) -> Option<usize> {
        self.get().streams_from()
    }
    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        self.get().snapshots().is_some().then_some(self)
    }
    fn eraser(&mut self) -> Option<&mut dyn Erase> {
        let erases = self.get().eraser().is_some();
        erases.then_some(self)
    }
    fn compactor(&mut self) -> Option<&mut dyn Compact> {
        let compacts = self.get().compactor().is_some();
        compacts.then_some(self)
    }
}

impl<S: Log> SnapshotCache for Shared<S> {
    fn put_chunks(&self, count: u64, chunks: &ChunkSink<'_>) -> Result<(), LogError> {
        self.get().cache()?.put_chunks(count, chunks)
    }
    fn counts(&self) -> Result<Vec<u64>, LogError> {
        self.get().cache()?.counts()
    }
    fn load(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        self.get().cache()?.load(count)
    }
    fn open(&self, count: u64) -> Result<Option<Arc<dyn Source>>, LogError> {
        self.get().cache()?.open(count)
    }
    fn remove(&self, count: u64) -> Result<(), LogError> {
        self.get().cache()?.remove(count)
    }
}

impl<S: Log> Erase for Shared<S> {
    fn erase(&mut self, records: &[Stored]) -> Result<(), LogError> {
        self.get().erasing()?.erase(records)
    }
}

impl<S: Log> Compact for Shared<S> {
    fn compact(&mut self) -> Result<Compaction, LogError> {
        self.get().compacting()?.compact()
    }
}
