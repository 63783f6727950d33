//! Snapshots in parts; the last part tells that the snapshot is whole.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::files::BLOCKS_PER_FLUSH;
use super::log::Sled;
use super::shared::Shared;
use super::trees::Trees;
use crate::block;
use crate::error::LogError;
use crate::log::{ChunkSink, SnapshotCache};
use servanda_core::chain::record::{LocalChecksum, local_checksum};
use servanda_core::pages::Source;

/// A snapshot that is being stored.
pub(super) struct Putting<'a> {
    shared: &'a Shared,
    count: u64,
    /// The number of stored parts.
    parts: u32,
    /// The bytes of the next part.
    waiting: Vec<u8>,
    /// The number of bytes so far, and their check sum.
    length: u64,
    checksum: LocalChecksum,
}

impl Putting<'_> {
    /// Stores a snapshot.
    pub(super) fn put(shared: &Shared, count: u64, pieces: &ChunkSink<'_>) -> Result<(), LogError> {
        shared.opened()?.drop_snapshot(count)?;
        let mut putting = Putting {
            shared,
            count,
            parts: 0,
            waiting: Vec::new(),
            length: 0,
            checksum: LocalChecksum::default(),
        };
        let mut put = Ok(());
        pieces(&mut |piece| {
            if put.is_ok() {
                put = putting.add(piece);
            }
        });
        put.and_then(|()| putting.seal())
    }

    fn add(&mut self, piece: &[u8]) -> Result<(), LogError> {
        self.length += piece.len() as u64;
        self.checksum.add(piece);
        let mut rest = piece;
        while self.waiting.len() + rest.len() >= block::MAX_VALUE {
            let (now, later) = rest.split_at(block::MAX_VALUE - self.waiting.len());
            self.waiting.extend_from_slice(now);
            self.put_part()?;
            rest = later;
        }
        self.waiting.extend_from_slice(rest);
        Ok(())
    }

    fn put_part(&mut self) -> Result<(), LogError> {
        // A snapshot of more parts is not sealed.
        if self.parts < SEAL {
            self.insert(self.parts, &self.waiting)?;
            self.parts += 1;
        }
        self.waiting.clear();
        if (self.parts as usize).is_multiple_of(BLOCKS_PER_FLUSH) {
            // sled keeps in memory what it has not written.
            self.shared.flush()?;
        }
        Ok(())
    }

    pub(super) fn seal(mut self) -> Result<(), LogError> {
        if !self.waiting.is_empty() {
            self.put_part()?;
        }
        let mut seal = self.length.to_le_bytes().to_vec();
        seal.extend_from_slice(&self.checksum.finish().0);
        self.insert(SEAL, &seal)?;
        self.shared.flush()
    }

    pub(super) fn insert(&self, part: u32, bytes: &[u8]) -> Result<(), LogError> {
        let trees = self.shared.opened()?;
        let tree = trees.snapshots_to_write()?;
        let key = snapshot_key(self.count, part);
        trees
            .bytes_written
            .fetch_add(bytes.len(), Ordering::Relaxed);
        trees.call("writing", || tree.insert(key, bytes)).map(drop)
    }
}

/// The most bytes that are reserved before they were read.
const PIECE_MAX: usize = 1024 * 1024;

/// A snapshot that is read piece by piece.
struct Opened {
    shared: Arc<Shared>,
    count: u64,
    length: u64,
}

impl Source for Opened {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&self, at: u64, length: usize) -> Result<Vec<u8>, String> {
        let read = self
            .shared
            .reading(|trees| trees.piece_of_snapshot(self.count, at, length));
        let bytes = read.map_err(|error| error.to_string())?;
        match bytes.len() == length {
            true => Ok(bytes),
            false => Err("the snapshot ends before".to_owned()),
        }
    }
}

/// The part number of a snapshot's last part.
pub(super) const SEAL: u32 = u32::MAX;

pub(super) fn snapshot_key(count: u64, part: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&count.to_be_bytes());
    key[8..].copy_from_slice(&part.to_be_bytes());
    key
}

impl Trees {
    pub(super) fn drop_snapshot(&self, count: u64) -> Result<(), LogError> {
        let tree = self.snapshots_to_write()?;
        let parts = snapshot_key(count, 0)..=snapshot_key(count, SEAL);
        let mut backwards = tree.range(parts).rev();
        while let Some((key, _)) = self.call("reading", || backwards.next().transpose())? {
            self.call("writing", || tree.remove(&key))?;
        }
        self.flush()
    }

    pub(super) fn snapshots(&self) -> Result<Vec<u64>, LogError> {
        let mut counts = Vec::new();
        let Some(tree) = self.snapshots.get() else {
            return Ok(counts);
        };
        let mut next = Some(0);
        while let Some(from) = next {
            let found = self.call("reading", || {
                tree.range(snapshot_key(from, 0)..).next().transpose()
            })?;
            let count = found.as_ref().and_then(|(key, _)| key.first_chunk::<8>());
            let Some(count) = count.map(|bytes| u64::from_be_bytes(*bytes)) else {
                break;
            };
            if self.call("reading", || tree.contains_key(snapshot_key(count, SEAL)))? {
                counts.push(count);
            }
            next = count.checked_add(1);
        }
        Ok(counts)
    }

    /// How many bytes the snapshot of this count has, as its last part tells; none without that part.
    fn snapshot_length(&self, count: u64) -> Result<Option<u64>, LogError> {
        let Some(tree) = self.snapshots.get() else {
            return Ok(None);
        };
        let seal = self.call("reading", || tree.get(snapshot_key(count, SEAL)))?;
        let length = seal.as_ref().and_then(|seal| seal.first_chunk::<8>());
        Ok(length.map(|length| u64::from_le_bytes(*length)))
    }

    /// Reads bytes of a snapshot from a place on, as many as there are.
    fn piece_of_snapshot(&self, count: u64, at: u64, length: usize) -> Result<Vec<u8>, LogError> {
        let part = at / block::MAX_VALUE as u64;
        let mut skip = (at % block::MAX_VALUE as u64) as usize;
        let mut bytes = Vec::with_capacity(length.min(PIECE_MAX));
        let (Some(tree), Ok(part)) = (self.snapshots.get(), u32::try_from(part)) else {
            return Ok(bytes);
        };
        for part in part..SEAL {
            let found = self.call("reading", || tree.get(snapshot_key(count, part)))?;
            let Some(found) = found else { break };
            self.bytes_read.fetch_add(found.len(), Ordering::Relaxed);
            let rest = found.get(skip..).unwrap_or_default();
            bytes.extend_from_slice(&rest[..rest.len().min(length - bytes.len())]);
            skip = 0;
            if bytes.len() == length || found.len() != block::MAX_VALUE {
                break;
            }
        }
        Ok(bytes)
    }

    pub(super) fn snapshot(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        let Some(tree) = self.snapshots.get() else {
            return Ok(None);
        };
        let Some(seal) = self.call("reading", || tree.get(snapshot_key(count, SEAL)))? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let mut parts = tree.range(snapshot_key(count, 0)..snapshot_key(count, SEAL));
        while let Some((_, piece)) = self.call("reading", || parts.next().transpose())? {
            bytes.extend_from_slice(&piece);
        }
        let mut expected = (bytes.len() as u64).to_le_bytes().to_vec();
        expected.extend_from_slice(&local_checksum(&bytes).0);
        Ok((seal == expected).then_some(bytes))
    }
}

impl Sled {
    /// Writes snapshots. After a failed write sled refuses all others, so it is opened again then.
    fn write_snapshots(
        &self,
        write: impl FnOnce(&Shared) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        if self.trees()?.copy.is_some() {
            // The copy is deleted when the log is closed.
            return Ok(());
        }
        self.wrote.store(true, Ordering::Relaxed);
        let written = write(&self.shared);
        if written.is_err() {
            self.shared.open_again(&self.dir);
        }
        written
    }
}

impl SnapshotCache for Sled {
    fn put_chunks(&self, count: u64, chunks: &ChunkSink<'_>) -> Result<(), LogError> {
        self.write_snapshots(|shared| Putting::put(shared, count, chunks))
    }

    fn counts(&self) -> Result<Vec<u64>, LogError> {
        self.trees()?.snapshots()
    }

    fn load(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        self.trees()?.snapshot(count)
    }

    fn open(&self, count: u64) -> Result<Option<Arc<dyn Source>>, LogError> {
        let length = self.trees()?.snapshot_length(count)?;
        let opened = |length| Opened {
            shared: Arc::clone(&self.shared),
            count,
            length,
        };
        Ok(length.map(|length| Arc::new(opened(length)) as Arc<dyn Source>))
    }

    fn remove(&self, count: u64) -> Result<(), LogError> {
        self.write_snapshots(|shared| shared.opened()?.drop_snapshot(count))
    }
}
