//! Where proofs get their hashes.

use thiserror::Error;

use super::hash::{TreeHash, node_hash};

/// Where the hashes of a tree come from when a proof is made.
pub trait Leaves {
    /// Why a hash could not be had.
    type Error;

    /// The root of the complete subtree over the leaves from `start` to `start` + 2^`level`.
    ///
    /// `start` is a multiple of 2^`level` and the last leaf is below the size that the proof was
    /// asked for. A source may cache the roots of any levels and hash the rest from leaves.
    ///
    /// # Errors
    /// What keeps the source from answering, such as a missing leaf.
    fn subtree(&self, start: u64, level: u8) -> Result<TreeHash, Self::Error>;
}

/// A tree in memory with all its complete subtrees: the reference implementation of [`Leaves`].
#[derive(Clone, Debug, Default)]
pub struct MemoryLeaves {
    /// `levels[k][i]` is the root of the leaves from i * 2^k to (i + 1) * 2^k.
    levels: Vec<Vec<TreeHash>>,
}

/// The subtree asked for is not complete yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no complete subtree of 2^{level} leaves begins at leaf {start}")]
pub struct NoSuchSubtree {
    /// First leaf asked for.
    pub start: u64,
    /// Base-two logarithm of the number of leaves asked for.
    pub level: u8,
}

impl MemoryLeaves {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Appends a leaf and every subtree that it completes.
    pub fn push(&mut self, leaf: TreeHash) {
        let mut carry = leaf;
        for level in &mut self.levels {
            level.push(carry);
            match level.as_slice() {
                [.., left, right] if level.len() % 2 == 0 => carry = node_hash(left, right),
                _ => return,
            }
        }
        self.levels.push(vec![carry]);
    }
}

impl Extend<TreeHash> for MemoryLeaves {
    fn extend<I: IntoIterator<Item = TreeHash>>(&mut self, leaves: I) {
        leaves.into_iter().for_each(|leaf| self.push(leaf));
    }
}

impl FromIterator<TreeHash> for MemoryLeaves {
    fn from_iter<I: IntoIterator<Item = TreeHash>>(leaves: I) -> Self {
        let mut tree = Self::new();
        tree.extend(leaves);
        tree
    }
}

impl Leaves for MemoryLeaves {
    type Error = NoSuchSubtree;

    fn subtree(&self, start: u64, level: u8) -> Result<TreeHash, NoSuchSubtree> {
        let find = || {
            let width = 1_u64.checked_shl(u32::from(level))?;
            let index = usize::try_from(start / width).ok()?;
            let known = self.levels.get(usize::from(level))?.get(index)?;
            start.is_multiple_of(width).then_some(*known)
        };
        find().ok_or(NoSuchSubtree { start, level })
    }
}
