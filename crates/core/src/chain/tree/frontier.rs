//! The state of a growing tree.

use super::error::{TreeError, checked_size};
use super::hash::{TreeHash, join, node_hash};

/// The right edge of a growing tree: the roots of its complete subtrees, at most 63 of them.
///
/// Enough to append and to know the root, without any earlier leaf. Its bytes may be kept as a
/// cache; a reader of such bytes has to compare [`Frontier::root`] with a root that it trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// One per set bit of `size`, the largest subtree first.
    nodes: Vec<TreeHash>,
}

impl Frontier {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of its complete subtrees, the largest first.
    pub(super) fn nodes(&self) -> &[TreeHash] {
        &self.nodes
    }

    /// The RFC 6962 root of all leaves so far.
    pub fn root(&self) -> TreeHash {
        join(self.nodes.iter().rev().copied())
    }

    /// Appends one leaf.
    ///
    /// # Errors
    /// [`TreeError::TooLarge`] if the tree is full; it is unchanged then.
    pub fn push(&mut self, leaf: TreeHash) -> Result<(), TreeError> {
        self.push_subtree(0, leaf)
    }

    /// Appends a complete subtree of 2^`level` leaves by its root, as if they had been pushed one by
    /// one: subtrees may be hashed elsewhere, in parallel.
    ///
    /// # Errors
    /// [`TreeError::Misaligned`] unless the size is a multiple of 2^`level`,
    /// [`TreeError::TooLarge`] if the tree would grow above [`MAX_SIZE`](super::error::MAX_SIZE). It is unchanged then.
    pub fn push_subtree(&mut self, level: u8, root: TreeHash) -> Result<(), TreeError> {
        self.push_noting(level, root, |_, _| {})
    }

    /// As [`Frontier::push_subtree`], and tells the level and root of each complete subtree that begins to be:
    /// the one given, and those that it completes.
    pub(super) fn push_noting(
        &mut self,
        level: u8,
        root: TreeHash,
        mut note: impl FnMut(u8, TreeHash),
    ) -> Result<(), TreeError> {
        let size = self.size;
        let misaligned = TreeError::Misaligned { size, level };
        let Some(width) = 1_u64.checked_shl(u32::from(level)) else {
            return Err(misaligned);
        };
        if !size.is_multiple_of(width) {
            return Err(misaligned);
        }
        let grown = checked_size(size.saturating_add(width))?;
        let mut carry = root;
        let mut carry_level = level;
        note(carry_level, carry);
        // Like adding one to a binary counter: every set bit is a subtree of equal width to merge.
        let mut bits = size >> level;
        while bits & 1 == 1
            && let Some(left) = self.nodes.pop()
        {
            carry = node_hash(&left, &carry);
            carry_level += 1;
            note(carry_level, carry);
            bits >>= 1;
        }
        self.nodes.push(carry);
        self.size = grown;
        Ok(())
    }

    /// The state as bytes: the size (u64, little endian), then the roots, the largest subtree first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size.to_le_bytes().to_vec();
        bytes.extend(self.nodes.iter().flat_map(|node| node.0));
        bytes
    }

    /// Reads what [`Frontier::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`TreeError::FrontierBytes`] if the length does not fit the size, [`TreeError::TooLarge`] if
    /// the size is above [`MAX_SIZE`](super::error::MAX_SIZE).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TreeError> {
        let wrong = TreeError::FrontierBytes { len: bytes.len() };
        let Some((size, rest)) = bytes.split_first_chunk::<8>() else {
            return Err(wrong);
        };
        let size = checked_size(u64::from_le_bytes(*size))?;
        let (nodes, tail) = rest.as_chunks::<32>();
        if !tail.is_empty() || nodes.len() != size.count_ones() as usize {
            return Err(wrong);
        }
        let nodes = nodes.iter().map(|node| TreeHash(*node)).collect();
        Ok(Self { size, nodes })
    }
}
