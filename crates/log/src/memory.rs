//! A log in memory, for tests and for trying things out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::time::Duration;

use super::backend::Backend;
use super::error::{AppendError, LogError};
use super::location::Location;
use super::log::{ChunkSink, Compact, Compaction, Erase, Log, Reader, SnapshotCache, Stored};
use super::open_error::OpenError;
use super::shared::Shared;
use super::source::BatchSource;
use servanda_core::chain::record::{Head, Sealed};

/// Keeps all records in memory.
#[derive(Debug)]
pub struct MemoryLog {
    head: Head,
    /// Shared with readers, who do not keep it.
    records: Arc<RwLock<Vec<Sealed>>>,
    snapshots: RwLock<BTreeMap<u64, Vec<u8>>>,
}

impl Clone for MemoryLog {
    /// Another log with the same records.
    fn clone(&self) -> Self {
        Self {
            head: self.head,
            records: Arc::new(RwLock::new(self.records())),
            snapshots: RwLock::new(reading(&self.snapshots).clone()),
        }
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::of(Vec::new(), Head::EMPTY)
    }
}

impl MemoryLog {
    /// Makes a log with these records and this head, also if they do not fit together, as in a log that was tampered
    /// with.
    pub fn of(records: Vec<Sealed>, head: Head) -> Self {
        Self {
            head,
            records: Arc::new(RwLock::new(records)),
            snapshots: RwLock::default(),
        }
    }

    /// The records.
    pub fn records(&self) -> Vec<Sealed> {
        reading(&self.records).clone()
    }
}

fn reading<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn writing<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn read(records: &RwLock<Vec<Sealed>>, from: u64, limit: usize) -> Vec<Stored> {
    let skip = usize::try_from(from).unwrap_or(usize::MAX);
    let records = reading(records);
    let numbered = (from..).zip(records.iter().skip(skip).take(limit.max(1)));
    numbered
        .map(|(seq, sealed)| Stored {
            seq,
            sealed: sealed.clone(),
        })
        .collect()
}

/// A reader of a log in memory.
struct OfMemory(Weak<RwLock<Vec<Sealed>>>);

impl Reader for OfMemory {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let records = self.0.upgrade().ok_or_else(LogError::closed)?;
        Ok(read(&records, from, limit))
    }
}

impl Log for MemoryLog {
    fn head(&self) -> Result<Head, LogError> {
        Ok(self.head)
    }

    fn append(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        if self.head != expected {
            return Err(AppendError::HeadMoved(self.head));
        }
        // Readers see all of it or nothing.
        let mut all = Vec::new();
        let mut last = expected;
        while let Some((batch, head)) = source.next_batch()? {
            all.extend(batch);
            last = head;
        }
        writing(&self.records).append(&mut all);
        self.head = last;
        Ok(last)
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        Ok(read(&self.records, from, limit))
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(OfMemory(Arc::downgrade(&self.records)))
    }

    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        Some(self)
    }

    fn eraser(&mut self) -> Option<&mut dyn Erase> {
        Some(self)
    }

    fn compactor(&mut self) -> Option<&mut dyn Compact> {
        Some(self)
    }
}

impl SnapshotCache for MemoryLog {
    fn put_chunks(&self, count: u64, chunks: &ChunkSink<'_>) -> Result<(), LogError> {
        let mut bytes = Vec::new();
        chunks(&mut |chunk| bytes.extend_from_slice(chunk));
        writing(&self.snapshots).insert(count, bytes);
        Ok(())
    }

    fn counts(&self) -> Result<Vec<u64>, LogError> {
        Ok(reading(&self.snapshots).keys().copied().collect())
    }

    fn load(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        Ok(reading(&self.snapshots).get(&count).cloned())
    }

    fn remove(&self, count: u64) -> Result<(), LogError> {
        writing(&self.snapshots).remove(&count);
        Ok(())
    }
}

impl Erase for MemoryLog {
    fn erase(&mut self, records: &[Stored]) -> Result<(), LogError> {
        let mut held = writing(&self.records);
        let mut places = Vec::with_capacity(records.len());
        for stored in records {
            let place = usize::try_from(stored.seq).ok();
            let place = place.filter(|&place| place < held.len());
            places.push(place.ok_or_else(|| LogError::no_such_record(stored.seq))?);
        }
        for (&place, stored) in places.iter().zip(records) {
            held[place] = stored.sealed.clone();
        }
        drop(held);
        if !places.is_empty() {
            writing(&self.snapshots).clear();
        }
        Ok(())
    }
}

impl Compact for MemoryLog {
    fn compact(&mut self) -> Result<Compaction, LogError> {
        let records = reading(&self.records);
        let bytes = records.iter().map(|sealed| sealed.0.len() as u64).sum();
        Ok(Compaction {
            before: bytes,
            after: bytes,
        })
    }
}

/// Logs in memory, as `memory:NAME`. They live as long as the registry.
#[derive(Default)]
pub(super) struct Memories(Mutex<BTreeMap<Location, Shared<MemoryLog>>>);

impl Backend for Memories {
    fn scheme(&self) -> &str {
        "memory"
    }

    fn check_can_create(&self, at: &Location) -> Result<(), OpenError> {
        let logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match logs.get(at) {
            Some(_) => Err(OpenError::AlreadyALedger(at.clone())),
            None => Ok(()),
        }
    }

    fn create(&self, at: &Location, _: &str) -> Result<Box<dyn Log>, OpenError> {
        self.check_can_create(at)?;
        let log = Shared::default();
        let mut logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        logs.insert(at.clone(), log.clone());
        Ok(Box::new(log))
    }

    fn open(&self, at: &Location, _: Duration, _: &str) -> Result<Box<dyn Log>, OpenError> {
        let logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let log = logs.get(at).cloned();
        let log = log.ok_or_else(|| OpenError::NoLedger(at.clone()))?;
        Ok(Box::new(log))
    }
}
