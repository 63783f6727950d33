//! For tests alone: a log that can fork, a witness's key, and memories that fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::cosigned::{CosignedError, CosignedStore};
use super::{Witness, WitnessError};
use servanda_core::chain::checkpoint::{Checkpoint, SignedCheckpoint};
use servanda_core::chain::key::{KeyName, SignatureType, SigningKey};
use servanda_core::chain::note::NoteError;
use servanda_core::chain::tree::{MemoryLeaves, TreeHash, leaf_hash, prove_consistency, root};

pub(super) const ORIGIN: &str = "servanda.example/log1";
pub(super) const NOW: u64 = 1_700_000_000;

pub(super) fn secret(name: &str, kind: SignatureType, seed: u8) -> SigningKey {
    SigningKey::from_seed(KeyName::new(name).unwrap(), kind, &[seed; 32])
}

pub(super) fn witness_key() -> SigningKey {
    secret("witness.example/w1", SignatureType::CosignatureV1, 2)
}

/// A log with its key and leaves.
pub(super) struct TestLog {
    key: SigningKey,
    leaves: MemoryLeaves,
}

impl TestLog {
    /// Leaves 0, 1, 2 and so on.
    pub(super) fn of(size: u64) -> Self {
        Self::forked(u64::MAX, size)
    }

    /// The same up to `fork`, where it begins to tell another history.
    pub(super) fn forked(fork: u64, size: u64) -> Self {
        let leaf = |index: u64| leaf_hash(format!("{index} {}", index >= fork).as_bytes());
        let leaves = (0..size).map(leaf).collect();
        let key = secret(ORIGIN, SignatureType::Ed25519, 1);
        Self { key, leaves }
    }

    pub(super) fn key(&self) -> &SigningKey {
        &self.key
    }

    /// What it signs at a size.
    pub(super) fn checkpoint(&self, size: u64) -> SignedCheckpoint {
        let root = root(&self.leaves, size).unwrap();
        let checkpoint = Checkpoint::new(ORIGIN, size, root).unwrap();
        SignedCheckpoint::sign(checkpoint, &self.key).unwrap()
    }

    pub(super) fn proof(&self, old: u64, new: u64) -> Vec<TreeHash> {
        prove_consistency(&self.leaves, old, new).unwrap()
    }

    /// The body that asks for a cosignature.
    pub(super) fn body(&self, old: u64, new: u64) -> Vec<u8> {
        let proof = self.proof(old, new);
        let checkpoint = self.checkpoint(new);
        super::request::AddCheckpoint::write(old, &proof, &checkpoint).into_bytes()
    }

    /// A witness of this log.
    pub(super) fn witness(
        &self,
        memory: impl CosignedStore + 'static,
    ) -> Result<Witness, WitnessError> {
        let logs = [self.key.verifier().clone()];
        Witness::new(witness_key(), logs, Box::new(memory))
    }
}

/// A memory that forgets with the process, and can be told to fail. Its clones share what they remember.
#[derive(Clone, Default)]
pub(super) struct Volatile(pub(super) Arc<Mutex<VolatileState>>);

#[derive(Default)]
pub(super) struct VolatileState {
    pub(super) latest: BTreeMap<String, SignedCheckpoint>,
    pub(super) fails: bool,
    pub(super) panics: bool,
}

impl CosignedStore for Volatile {
    fn latest(&self, origin: &str) -> Result<Option<SignedCheckpoint>, CosignedError> {
        Ok(self.0.lock().unwrap().latest.get(origin).cloned())
    }

    fn remember(&mut self, cosigned: &SignedCheckpoint) -> Result<(), CosignedError> {
        let (fails, panics) = {
            let state = self.0.lock().unwrap();
            (state.fails, state.panics)
        };
        assert!(!panics, "told to");
        if fails {
            return Err(CosignedError::Damaged {
                path: "/secret/place".into(),
                why: NoteError::NotUtf8.into(),
            });
        }
        let origin = cosigned.unverified().origin().to_owned();
        self.0
            .lock()
            .unwrap()
            .latest
            .insert(origin, cosigned.clone());
        Ok(())
    }
}
