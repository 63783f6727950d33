//! Anchors: checkpoints kept outside the ledger, and whether the ledger still leads through them.
//!
//! A chain alone cannot show that its tail was cut or that all of it was rewritten. Whoever kept a checkpoint
//! can: the tree of the records up to its size must still have its root (RFC 6962).

use super::replay::CHUNK;
use super::{Ledger, LedgerError};
use crate::chain::checkpoint::Checkpoint;
use crate::chain::record::Record;
use crate::chain::tree::{self, MemoryLeaves, ProveError, TreeHash, leaf_hash};
use crate::store::Store;

/// Whether a ledger leads through a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anchoring {
    /// It does: the records up to there are those that the checkpoint was made of.
    Holds,
    /// The ledger has fewer records than the checkpoint: its tail was cut, or it is an older copy.
    Shorter,
    /// The records up to there are others: history was rewritten.
    Rewritten {
        /// The root that they have now.
        found: TreeHash,
    },
    /// The checkpoint is of another ledger.
    OtherOrigin,
}

/// Compares a ledger of this origin, size and root with a checkpoint.
///
/// # Errors
/// Those of reading the store.
pub fn compare(
    store: &impl Store,
    present: &Checkpoint,
    anchor: &Checkpoint,
) -> Result<Anchoring, LedgerError> {
    if anchor.origin() != present.origin() {
        return Ok(Anchoring::OtherOrigin);
    }
    if anchor.size() > present.size() {
        return Ok(Anchoring::Shorter);
    }
    let found = if anchor.size() == present.size() {
        *present.root()
    } else {
        root_at(&leaves(store, anchor.size())?, anchor.size())?
    };
    Ok(if found == *anchor.root() {
        Anchoring::Holds
    } else {
        Anchoring::Rewritten { found }
    })
}

/// The leaves of the first `size` records: the hashes of their headers.
///
/// # Errors
/// [`LedgerError::Broken`] where a record cannot be read, [`LedgerError::Short`] where it is missing.
pub fn leaves(store: &impl Store, size: u64) -> Result<MemoryLeaves, LedgerError> {
    let mut leaves = MemoryLeaves::new();
    while leaves.size() < size {
        let chunk = store.read(leaves.size(), CHUNK)?;
        if chunk.is_empty() {
            return Err(LedgerError::Short {
                found: leaves.size(),
                acknowledged: size,
            });
        }
        for stored in chunk {
            if leaves.size() == size {
                break;
            }
            let record = Record::open(&stored.sealed).map_err(|error| LedgerError::Broken {
                seq: stored.seq,
                what: error.to_string(),
            })?;
            leaves.push(leaf_hash(&record.header.to_bytes()));
        }
    }
    Ok(leaves)
}

/// The root of the first `size` of these leaves.
///
/// # Errors
/// [`LedgerError::Tree`]
pub fn root_at(leaves: &MemoryLeaves, size: u64) -> Result<TreeHash, LedgerError> {
    tree::root(leaves, size).map_err(tree_error)
}

/// What a proof from these leaves failed at.
pub fn tree_error<E: std::error::Error>(error: ProveError<E>) -> LedgerError {
    LedgerError::Tree(error.to_string())
}

/// What a size limit of the tree, which no ledger reaches, would say.
pub(super) fn too_large(error: impl std::error::Error) -> LedgerError {
    LedgerError::Tree(error.to_string())
}

impl<S: Store> Ledger<S> {
    /// The checkpoint of the ledger as it is: origin, size and root of its tree.
    ///
    /// # Errors
    /// [`LedgerError::Tree`] where the origin is not a name that a checkpoint can have.
    pub fn checkpoint(&self) -> Result<Checkpoint, LedgerError> {
        self.checkpoint_of(self.tree.size(), self.tree.root())
    }

    /// The checkpoint of the ledger as it was after so many records.
    ///
    /// # Errors
    /// As [`Ledger::checkpoint`], and [`LedgerError::Short`] where there are not so many.
    pub fn checkpoint_at(&self, size: u64) -> Result<Checkpoint, LedgerError> {
        if size == self.tree.size() {
            return self.checkpoint();
        }
        self.checkpoint_of(size, root_at(&leaves(&self.store, size)?, size)?)
    }

    fn checkpoint_of(&self, size: u64, root: TreeHash) -> Result<Checkpoint, LedgerError> {
        let origin = self.origin().map_or("", |fact| fact.origin.as_str());
        Checkpoint::new(origin, size, root).map_err(too_large)
    }

    /// Proves that the records up to an older size are the beginning of those up to now.
    ///
    /// # Errors
    /// [`LedgerError::Tree`] where there is no such size.
    pub fn prove_consistency(&self, old: u64) -> Result<Vec<TreeHash>, LedgerError> {
        let size = self.tree.size();
        tree::prove_consistency(&leaves(&self.store, size)?, old, size).map_err(tree_error)
    }

    /// Proves that a record is in the ledger as it is now.
    ///
    /// # Errors
    /// [`LedgerError::Tree`] where there is no such record.
    pub fn prove_inclusion(&self, seq: u64) -> Result<Vec<TreeHash>, LedgerError> {
        let size = self.tree.size();
        tree::prove_inclusion(&leaves(&self.store, size)?, seq, size).map_err(tree_error)
    }
}
