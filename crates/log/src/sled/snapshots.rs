//! Snapshots in parts, of which the last one tells that all are there.

use std::sync::atomic::Ordering;

use super::shared::Shared;
use super::write::RUNS_PER_FLUSH;
use crate::run;
use crate::{ChunkSink, LogError};
use servanda_core::chain::record::LocalChecksum;

/// A snapshot that is being put.
pub(super) struct Putting<'a> {
    shared: &'a Shared,
    count: u64,
    /// How many of its parts lie there.
    parts: u32,
    /// What follows them.
    waiting: Vec<u8>,
    /// How many bytes it has so far, and their check sum.
    length: u64,
    checksum: LocalChecksum,
}

impl Putting<'_> {
    /// Puts the snapshot of these pieces.
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
        while self.waiting.len() + rest.len() >= run::MAX_VALUE {
            let (now, later) = rest.split_at(run::MAX_VALUE - self.waiting.len());
            self.waiting.extend_from_slice(now);
            self.put_part()?;
            rest = later;
        }
        self.waiting.extend_from_slice(rest);
        Ok(())
    }

    fn put_part(&mut self) -> Result<(), LogError> {
        // One that has more is not sealed.
        if self.parts < SEAL {
            self.insert(self.parts, &self.waiting)?;
            self.parts += 1;
        }
        self.waiting.clear();
        if (self.parts as usize).is_multiple_of(RUNS_PER_FLUSH) {
            // What sled has not written yet, it keeps in memory.
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

/// The part number of a snapshot's last part.
pub(super) const SEAL: u32 = u32::MAX;

pub(super) fn snapshot_key(count: u64, part: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&count.to_be_bytes());
    key[8..].copy_from_slice(&part.to_be_bytes());
    key
}
