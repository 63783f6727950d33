//! Anchors: checkpoints kept outside the ledger, and whether the ledger still leads through them.
//!
//! A chain alone cannot show that its tail was cut or that all of it was rewritten. Whoever kept a checkpoint
//! can: the tree of the records up to its size must still have its root (RFC 6962).

use super::error::{LedgerError, too_large, tree_error};
use super::ledger::Ledger;
use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::chain::record::RecordRef;
use servanda_core::chain::tree::{
    self, Leaves, TILE_LEVEL, TreeHash, leaf_hash, node_hash, subtrees,
};
use servanda_log::Log;

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

/// Compares a ledger of this origin, size and root with a checkpoint. The log may have grown since.
///
/// # Errors
/// Those of reading the log.
pub fn compare<S: Log>(
    hashes: &Hashes<'_, S>,
    present: &Checkpoint,
    anchor: &Checkpoint,
) -> Result<Anchoring, LedgerError> {
    if anchor.origin() != present.origin() {
        return Ok(Anchoring::OtherOrigin);
    }
    // Another writer may have appended since the present was read, and its user may have seen that.
    let has_grown = anchor.size() > present.size();
    if has_grown && anchor.size() > hashes.log.head()?.count {
        return Ok(Anchoring::Shorter);
    }
    let found = match anchor.size() == present.size() {
        true => Ok(*present.root()),
        false => tree::root(hashes, anchor.size()),
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => match tree_error(error) {
            // The head alone is there, and not what lies before it.
            error if has_grown && !error.is_unreachable() => return Ok(Anchoring::Shorter),
            error => return Err(error),
        },
    };
    Ok(if found == *anchor.root() {
        Anchoring::Holds
    } else {
        Anchoring::Rewritten { found }
    })
}

/// The hashes of a ledger's tree: the roots of tiles as far as they are known, all else from the records' headers.
#[derive(Debug)]
pub struct Hashes<'a, S> {
    log: &'a S,
    tiles: &'a [TreeHash],
}

impl<'a, S: Log> Hashes<'a, S> {
    /// The hashes of the records in a log, whose first tiles have these roots. Without tiles, all is read.
    pub fn new(log: &'a S, tiles: &'a [TreeHash]) -> Self {
        Self { log, tiles }
    }

    /// The log that the records are in.
    pub fn log(&self) -> &'a S {
        self.log
    }

    /// The leaves from `start` to `end`.
    fn leaves(&self, start: u64, end: u64) -> Result<Vec<TreeHash>, LedgerError> {
        // At most a tile: it fits.
        let mut leaves = Vec::with_capacity((end - start) as usize);
        let mut next = start;
        while next < end {
            let chunk = self.log.read(next, (end - next) as usize)?;
            for stored in &chunk {
                if next == end {
                    break;
                }
                let broken = |what: String| LedgerError::Broken { seq: next, what };
                let record =
                    RecordRef::peek(&stored.sealed.0).map_err(|error| broken(error.to_string()))?;
                leaves.push(leaf_hash(record.header_bytes));
                next += 1;
            }
            if chunk.is_empty() {
                return Err(LedgerError::Short {
                    found: next,
                    committed: end,
                });
            }
        }
        Ok(leaves)
    }
}

impl<S: Log> Leaves for Hashes<'_, S> {
    type Error = LedgerError;

    fn subtree(&self, start: u64, level: u8) -> Result<TreeHash, LedgerError> {
        let known = usize::try_from(start >> TILE_LEVEL).ok();
        if level == TILE_LEVEL
            && let Some(tile) = known.and_then(|at| self.tiles.get(at))
        {
            return Ok(*tile);
        }
        if level > TILE_LEVEL {
            let half = 1 << (level - 1);
            let left = self.subtree(start, level - 1)?;
            return Ok(node_hash(&left, &self.subtree(start + half, level - 1)?));
        }
        let leaves = self.leaves(start, start + (1 << level))?;
        let whole = subtrees(start, &leaves);
        let (_, root) = whole.first().expect("a subtree has leaves");
        Ok(*root)
    }
}

impl<S: Log> Ledger<S> {
    /// The hashes of the ledger's tree. The roots of tiles are as a snapshot had them, where there is one: what it
    /// does not hold is for `verify` to tell.
    pub fn hashes(&self) -> Hashes<'_, S> {
        Hashes::new(&self.log, self.tree.tiles())
    }

    /// The roots of the tree's complete tiles of 4,096 records, in order: what [`Hashes::new`] takes.
    pub fn tiles(&self) -> &[TreeHash] {
        self.tree.tiles()
    }

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
        let root = tree::root(&self.hashes(), size).map_err(tree_error)?;
        self.checkpoint_of(size, root)
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
        tree::prove_consistency(&self.hashes(), old, self.tree.size()).map_err(tree_error)
    }

    /// Proves that a record is in the ledger as it is now.
    ///
    /// # Errors
    /// [`LedgerError::Tree`] where there is no such record.
    pub fn prove_inclusion(&self, seq: u64) -> Result<Vec<TreeHash>, LedgerError> {
        tree::prove_inclusion(&self.hashes(), seq, self.tree.size()).map_err(tree_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Steady, note, opening};
    use servanda_core::chain::tree::{MemoryLeaves, TILE};
    use servanda_log::SnapshotCache as _;
    use servanda_log::memory::MemoryLog;

    /// Older roots and proofs come out as from all leaves, also after a snapshot.
    #[test]
    fn a_long_ledger_is_compared_by_its_tiles() {
        let count = 2 * TILE + 70;
        let mut ledger = Ledger::create(MemoryLog::default(), Steady::default(), opening())
            .unwrap()
            .snapshot_every(2 * TILE);
        let mut left = count - 1;
        while left > 0 {
            let batch = left.min(3_000);
            ledger
                .append((0..batch).map(|n| note(&n.to_string())).collect())
                .unwrap();
            left -= batch;
        }
        let log = ledger.into_log();
        assert_eq!(log.counts().unwrap(), [count]);
        let leaves: MemoryLeaves = log
            .read(0, count as usize)
            .unwrap()
            .iter()
            .map(|stored| leaf_hash(RecordRef::peek(&stored.sealed.0).unwrap().header_bytes))
            .collect();
        let ledger = Ledger::open(log, Steady::default()).unwrap();
        assert_eq!(ledger.hashes().tiles.len(), 2);
        let present = ledger.checkpoint().unwrap();
        for size in [1, 70, TILE - 1, TILE, TILE + 1, 2 * TILE, count - 1, count] {
            let root = tree::root(&leaves, size).unwrap();
            let kept = Checkpoint::new("example.org/test", size, root).unwrap();
            let compared = compare(&ledger.hashes(), &present, &kept).unwrap();
            assert_eq!(compared, Anchoring::Holds, "{size}");
            let grown = tree::prove_consistency(&leaves, size, count).unwrap();
            assert_eq!(ledger.prove_consistency(size).unwrap(), grown, "{size}");
            let path = tree::prove_inclusion(&leaves, size - 1, count).unwrap();
            assert_eq!(ledger.prove_inclusion(size - 1).unwrap(), path, "{size}");
            let other = Checkpoint::new("example.org/test", size, leaf_hash(b"other")).unwrap();
            let compared = compare(&ledger.hashes(), &present, &other).unwrap();
            assert_eq!(compared, Anchoring::Rewritten { found: root }, "{size}");
        }
        // Whole tiles are not read again; without them the same comes of all headers.
        let empty = MemoryLog::default();
        let known = Hashes::new(&empty, ledger.hashes().tiles);
        assert_eq!(
            tree::root(&known, 2 * TILE).unwrap(),
            tree::root(&leaves, 2 * TILE).unwrap()
        );
        let plain = Hashes::new(ledger.log(), &[]);
        let root = tree::root(&leaves, TILE + 5).unwrap();
        assert_eq!(tree::root(&plain, TILE + 5).unwrap(), root);
    }
}
