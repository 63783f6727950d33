//! A store in memory: for tests, for dry runs, and for trying things out.

use std::collections::BTreeMap;

use super::{AppendError, Store, StoreError, Stored};
use crate::chain::record::{Head, Sealed};

/// Keeps everything in memory, and loses it with the process.
#[derive(Debug, Clone)]
pub struct Memory {
    head: Head,
    records: Vec<Sealed>,
    snapshots: BTreeMap<u64, Vec<u8>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::of(Vec::new(), Head::EMPTY)
    }
}

impl Memory {
    /// A store that holds these records and this head, whether they fit together or not: what a tamperer
    /// could have left.
    pub fn of(records: Vec<Sealed>, head: Head) -> Self {
        Self {
            head,
            records,
            snapshots: BTreeMap::new(),
        }
    }

    /// The records.
    pub fn records(&self) -> &[Sealed] {
        &self.records
    }
}

impl Store for Memory {
    fn head(&self) -> Result<Head, StoreError> {
        Ok(self.head)
    }

    fn append(&mut self, expected: Head, batch: &[Sealed], head: Head) -> Result<(), AppendError> {
        if self.head != expected {
            return Err(AppendError::HeadMoved(self.head));
        }
        self.records.extend_from_slice(batch);
        self.head = head;
        Ok(())
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, StoreError> {
        let skip = usize::try_from(from).unwrap_or(usize::MAX);
        let places = from..;
        let records = self.records.iter().skip(skip).take(limit.max(1));
        Ok(places
            .zip(records)
            .map(|(seq, sealed)| Stored {
                seq,
                sealed: sealed.clone(),
            })
            .collect())
    }

    fn put_snapshot(&mut self, count: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.snapshots.insert(count, bytes.to_vec());
        Ok(())
    }

    fn snapshots(&self) -> Result<Vec<u64>, StoreError> {
        Ok(self.snapshots.keys().copied().collect())
    }

    fn snapshot(&self, count: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.snapshots.get(&count).cloned())
    }

    fn drop_snapshot(&mut self, count: u64) -> Result<(), StoreError> {
        self.snapshots.remove(&count);
        Ok(())
    }

    fn erase(&mut self, records: &[Stored]) -> Result<(), StoreError> {
        let mut places = Vec::with_capacity(records.len());
        for stored in records {
            let place = usize::try_from(stored.seq).ok();
            let place = place.filter(|&place| place < self.records.len());
            places.push(place.ok_or_else(|| StoreError::no_such_record(stored.seq))?);
        }
        for (place, stored) in places.into_iter().zip(records) {
            self.records[place] = stored.sealed.clone();
            self.snapshots.clear();
        }
        Ok(())
    }
}
