//! A published ledger, as its checkpoint says it is.

use std::sync::Arc;

use super::log::PublishedLog;
use super::names::{CHECKPOINT, COSIGNED, NOTE_BYTES};
use super::store::{Store, StoreError, Version};
use servanda_core::chain::checkpoint::{Checkpoint, SignedCheckpoint};

/// Why nothing published is found at a place.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PublishedError {
    /// There is no checkpoint.
    #[error("no ledger is published at {0}")]
    Nothing(String),
    /// There is an object of its name, which is no checkpoint.
    #[error("what is published at {0} as its checkpoint is none")]
    NoCheckpoint(String),
    /// The place cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A published ledger. Its checkpoint is what the place says: nothing of it is verified.
pub struct Published {
    store: Arc<dyn Store>,
    name: String,
    note: Vec<u8>,
    version: Version,
    checkpoint: Checkpoint,
}

impl Published {
    /// Reads the checkpoint at a place, which is called by this name in errors.
    ///
    /// # Errors
    /// [`PublishedError`]
    pub fn open(store: Arc<dyn Store>, name: &str) -> Result<Self, PublishedError> {
        let found = store.get(CHECKPOINT, NOTE_BYTES)?;
        let found = found.ok_or_else(|| PublishedError::Nothing(name.to_owned()))?;
        let checkpoint = checkpoint_of(&found.bytes);
        Ok(Self {
            checkpoint: checkpoint.ok_or_else(|| PublishedError::NoCheckpoint(name.to_owned()))?,
            store,
            name: name.to_owned(),
            note: found.bytes.to_vec(),
            version: found.version,
        })
    }

    /// Reads the checkpoint again: the ledger may have grown.
    ///
    /// # Errors
    /// As [`Published::open`].
    pub fn again(&self) -> Result<Self, PublishedError> {
        Self::open(Arc::clone(&self.store), &self.name)
    }

    /// The place.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The checkpoint as it is there: a signed note, or its text alone.
    pub fn note(&self) -> &[u8] {
        &self.note
    }

    pub(crate) fn version(&self) -> &Version {
        &self.version
    }

    /// The newest checkpoint that witnesses cosigned, if there is one.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn cosigned(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.store.get(COSIGNED, NOTE_BYTES)?;
        Ok(found.map(|found| found.bytes.to_vec()))
    }

    /// The records as a log.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn log(&self) -> Result<PublishedLog, StoreError> {
        PublishedLog::open(Arc::clone(&self.store), self.checkpoint.size())
    }
}

/// The checkpoint in a note, or in a text without signatures.
pub(crate) fn checkpoint_of(note: &[u8]) -> Option<Checkpoint> {
    if let Ok(signed) = SignedCheckpoint::parse(note) {
        return Some(signed.unverified().clone());
    }
    let text = std::str::from_utf8(note).ok()?;
    format!("{}\n", text.trim_end_matches('\n')).parse().ok()
}
