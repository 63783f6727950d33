//! The Merkle tree beside the chain: RFC 6962 section 2, with SHA-256.
//!
//! The chain answers "was anything changed?" to whoever reads all of it; the tree answers "is this
//! record in it?" and "is that older state a prefix of this one?" in a few dozen hashes. It is
//! SHA-256 because checkpoints, witnesses and tiles fix it.
//!
//! A proof is only as good as the sizes and roots it is checked against. They have to come together
//! from one verified [checkpoint](crate::chain::checkpoint): several sizes can share the shape of a
//! proof, so a root alone does not vouch for the size that is claimed beside it.

use std::fmt;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::chain::text;

/// The largest number of leaves a tree may have: 2^63 - 1, so that every size fits an `i64` and no
/// sum of a size and a power of two within it overflows.
pub const MAX_SIZE: u64 = i64::MAX as u64;

/// No proof over at most [`MAX_SIZE`] leaves has more hashes than this.
pub const MAX_PROOF_HASHES: usize = 64;

/// A SHA-256 hash of a leaf, of an inner node or of a whole tree.
///
/// A type of its own, so that it cannot be mistaken for a link of the chain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeHash([u8; 32]);

impl TreeHash {
    /// The hash with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The base64 form of checkpoints and proofs (44 characters).
    pub fn to_base64(&self) -> String {
        text::base64_encode(&self.0)
    }

    /// Reads the base64 form; `None` unless it is canonical base64 of exactly 32 bytes.
    pub fn from_base64(line: &str) -> Option<Self> {
        Some(Self(text::base64_decode(line)?.try_into().ok()?))
    }
}

/// Lowercase hexadecimal, all 64 digits.
impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreeHash({self})")
    }
}

/// Why a tree, a proof or a frontier was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TreeError {
    /// More leaves than [`MAX_SIZE`].
    #[error("a tree of {size} leaves is above the limit of 2^63 - 1")]
    TooLarge {
        /// Leaves asked for.
        size: u64,
    },
    /// The leaf does not exist in a tree of that size.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    IndexOutOfRange {
        /// Zero-based index of the leaf.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// A tree cannot be a prefix of a smaller one.
    #[error("a tree of {old} leaves cannot have grown into one of {new}")]
    Shrunk {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer tree.
        new: u64,
    },
    /// Too few or too many hashes for the sizes given.
    #[error("a proof of {found} hashes does not fit the sizes given")]
    ProofLength {
        /// Hashes in the proof.
        found: usize,
    },
    /// The proof leads to another root than the one of the tree (of the newer tree).
    #[error("the proof does not lead to the root hash")]
    RootMismatch,
    /// The proof leads to another root than the one of the older tree.
    #[error("the proof does not lead to the root hash of the older tree")]
    OldRootMismatch,
    /// A complete subtree of 2^level leaves does not fit where the frontier ends.
    #[error("a subtree of 2^{level} leaves does not fit after {size} leaves")]
    Misaligned {
        /// Leaves before it.
        size: u64,
        /// Base-two logarithm of its number of leaves.
        level: u8,
    },
    /// The bytes are not those of a frontier.
    #[error("{len} bytes are not a frontier")]
    FrontierBytes {
        /// Bytes given.
        len: usize,
    },
}

/// Why a proof could not be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProveError<E> {
    /// There is no such proof.
    #[error(transparent)]
    Tree(TreeError),
    /// The source of leaf hashes failed.
    #[error("the hashes of the tree cannot be read: {0}")]
    Leaves(E),
}

impl<E> From<TreeError> for ProveError<E> {
    fn from(error: TreeError) -> Self {
        Self::Tree(error)
    }
}

/// The hash of a leaf: SHA-256(00 ‖ data).
pub fn leaf_hash(data: &[u8]) -> TreeHash {
    let hash = Sha256::new_with_prefix([0]).chain_update(data).finalize();
    TreeHash(hash.into())
}

/// The hash of an inner node: SHA-256(01 ‖ left ‖ right).
pub fn node_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    let mut preimage = [1; 65];
    preimage[1..33].copy_from_slice(&left.0);
    preimage[33..].copy_from_slice(&right.0);
    TreeHash(Sha256::digest(preimage).into())
}

/// The root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> TreeHash {
    TreeHash(Sha256::digest([]).into())
}

/// Joins the roots of adjacent subtrees, given from the rightmost (the smallest) to the leftmost.
fn join(right_to_left: impl IntoIterator<Item = TreeHash>) -> TreeHash {
    right_to_left
        .into_iter()
        .reduce(|right, left| node_hash(&left, &right))
        .unwrap_or_else(empty_root)
}

/// The right edge of a growing tree: the roots of its complete subtrees, at most 63 of them.
///
/// Enough to append and to know the root, without any earlier leaf. Its bytes may be kept as a
/// cache; whoever reads them back has to compare [`Frontier::root`] with a root they trust.
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
    /// [`TreeError::TooLarge`] if the tree would grow above [`MAX_SIZE`]. It is unchanged then.
    pub fn push_subtree(&mut self, level: u8, root: TreeHash) -> Result<(), TreeError> {
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
        // Like adding one to a binary counter: every set bit is a subtree of equal width to merge.
        let mut bits = size >> level;
        while bits & 1 == 1
            && let Some(left) = self.nodes.pop()
        {
            carry = node_hash(&left, &carry);
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
    /// the size is above [`MAX_SIZE`].
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
    /// Whatever keeps the source from answering, a missing leaf among it.
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

/// The root of the first `size` leaves.
///
/// # Errors
/// [`TreeError::TooLarge`], or what the source says.
pub fn root<L: Leaves>(leaves: &L, size: u64) -> Result<TreeHash, ProveError<L::Error>> {
    checked_size(size)?;
    range_root(leaves, 0, size)
}

/// The audit path of leaf `index` in the tree of the first `size` leaves: RFC 6962 section 2.1.1,
/// from the leaf's sibling up to the child of the root.
///
/// # Errors
/// [`TreeError::TooLarge`], [`TreeError::IndexOutOfRange`], or what the source says.
pub fn prove_inclusion<L: Leaves>(
    leaves: &L,
    index: u64,
    size: u64,
) -> Result<Vec<TreeHash>, ProveError<L::Error>> {
    checked_index(index, size)?;
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(range_root(leaves, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(leaves, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the first `old` leaves are a prefix of the first `new` ones: RFC 6962 section
/// 2.1.2. Empty if `old` is zero or equal to `new`, as witnesses want it.
///
/// # Errors
/// [`TreeError::TooLarge`], [`TreeError::Shrunk`], or what the source says.
pub fn prove_consistency<L: Leaves>(
    leaves: &L,
    old: u64,
    new: u64,
) -> Result<Vec<TreeHash>, ProveError<L::Error>> {
    checked_growth(old, new)?;
    let mut path = Vec::new();
    if old == 0 {
        return Ok(path);
    }
    let (mut start, mut end) = (0, new);
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(range_root(leaves, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(leaves, start, middle)?);
            start = middle;
        }
    }
    // Whoever checks the proof knows the old root, but no other subtree that ends at `old`.
    if start != 0 {
        path.push(range_root(leaves, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// Checks that a leaf with hash `leaf` is at `index` in the tree of `size` leaves with that `root`:
/// RFC 9162 section 2.1.3.2.
///
/// # Errors
/// [`TreeError::TooLarge`], [`TreeError::IndexOutOfRange`], [`TreeError::ProofLength`] or
/// [`TreeError::RootMismatch`]: whichever it is, the leaf has not been shown to be there.
pub fn verify_inclusion(
    leaf: &TreeHash,
    index: u64,
    size: u64,
    root: &TreeHash,
    proof: &[TreeHash],
) -> Result<(), TreeError> {
    checked_index(index, size)?;
    let mut climb = Climb::new(index, size);
    let mut hash = *leaf;
    for sibling in proof {
        hash = match climb.step() {
            Some(Side::Left) => node_hash(sibling, &hash),
            Some(Side::Right) => node_hash(&hash, sibling),
            None => return Err(TreeError::ProofLength { found: proof.len() }),
        };
    }
    climb.check_finished(proof)?;
    check(hash == *root, TreeError::RootMismatch)
}

/// Checks that the tree of `old` leaves with root `old_root` is a prefix of the tree of `new` leaves
/// with root `new_root`: RFC 9162 section 2.1.4.2, and the empty proof for the sizes that need none.
///
/// # Errors
/// [`TreeError::TooLarge`], [`TreeError::Shrunk`], [`TreeError::ProofLength`],
/// [`TreeError::OldRootMismatch`] or [`TreeError::RootMismatch`]: whichever it is, the newer tree has
/// not been shown to hold the older one.
pub fn verify_consistency(
    old: u64,
    old_root: &TreeHash,
    new: u64,
    new_root: &TreeHash,
    proof: &[TreeHash],
) -> Result<(), TreeError> {
    checked_growth(old, new)?;
    if new == 0 {
        check(*new_root == empty_root(), TreeError::RootMismatch)?;
    }
    if old == 0 || old == new {
        check(
            proof.is_empty(),
            TreeError::ProofLength { found: proof.len() },
        )?;
        return if old == new {
            check(old_root == new_root, TreeError::RootMismatch)
        } else {
            check(*old_root == empty_root(), TreeError::OldRootMismatch)
        };
    }
    verify_growth(old, old_root, new, new_root, proof)
}

/// [`verify_consistency`] for 0 < `old` < `new`.
fn verify_growth(
    old: u64,
    old_root: &TreeHash,
    new: u64,
    new_root: &TreeHash,
    proof: &[TreeHash],
) -> Result<(), TreeError> {
    let wrong_length = TreeError::ProofLength { found: proof.len() };
    // The climb starts from the largest subtree that ends at `old`. If that is the whole old tree,
    // the proof leaves its root out.
    let (first, rest) = match proof {
        rest if old.is_power_of_two() => (old_root, rest),
        [first, rest @ ..] => (first, rest),
        [] => return Err(wrong_length),
    };
    let mut climb = Climb::new(old - 1, new);
    climb.skip_complete();
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        match climb.step() {
            Some(Side::Left) => {
                old_hash = node_hash(sibling, &old_hash);
                new_hash = node_hash(sibling, &new_hash);
            }
            Some(Side::Right) => new_hash = node_hash(&new_hash, sibling),
            None => return Err(wrong_length),
        }
    }
    climb.check_finished(proof)?;
    check(old_hash == *old_root, TreeError::OldRootMismatch)?;
    check(new_hash == *new_root, TreeError::RootMismatch)
}

/// On which side of the path its sibling stands.
enum Side {
    Left,
    Right,
}

/// A climb from a node to the root: `fn` and `sn` of RFC 9162.
struct Climb {
    /// Index of the node within its level.
    node: u64,
    /// Index of the last node of that level; zero at the root.
    last: u64,
}

impl Climb {
    /// Starts at leaf `index` of a tree of `size` leaves; `index` is below `size`.
    fn new(index: u64, size: u64) -> Self {
        Self {
            node: index,
            last: size - 1,
        }
    }

    fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }

    /// Goes up while the node is a right child, to the top of the complete subtree that it ends.
    fn skip_complete(&mut self) {
        while self.node & 1 == 1 {
            self.up();
        }
    }

    /// Goes to the next parent and says where the sibling was; `None` if the root was reached.
    fn step(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let side = if self.node & 1 == 1 || self.node == self.last {
            // The last node of a level may have no sibling there: its next one stands higher up.
            while self.node & 1 == 0 && self.node != 0 {
                self.up();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.up();
        Some(side)
    }

    fn check_finished(&self, proof: &[TreeHash]) -> Result<(), TreeError> {
        check(
            self.last == 0,
            TreeError::ProofLength { found: proof.len() },
        )
    }
}

/// The root of the leaves from `start` to `end`, where `start` is a multiple of the largest power of
/// two in `end - start`, as it is for every range that RFC 6962 splits off.
fn range_root<L: Leaves>(
    leaves: &L,
    start: u64,
    end: u64,
) -> Result<TreeHash, ProveError<L::Error>> {
    let mut complete = Vec::new();
    let mut next = start;
    while next < end {
        let level = (end - next).ilog2();
        // ilog2 of a u64 is at most 63.
        let root = leaves.subtree(next, level as u8);
        complete.push(root.map_err(ProveError::Leaves)?);
        next += 1 << level;
    }
    Ok(join(complete.into_iter().rev()))
}

/// The largest power of two below `width`, which is at least two.
fn split(width: u64) -> u64 {
    1 << (width - 1).ilog2()
}

fn check(holds: bool, otherwise: TreeError) -> Result<(), TreeError> {
    if holds { Ok(()) } else { Err(otherwise) }
}

fn checked_size(size: u64) -> Result<u64, TreeError> {
    check(size <= MAX_SIZE, TreeError::TooLarge { size })?;
    Ok(size)
}

fn checked_index(index: u64, size: u64) -> Result<(), TreeError> {
    checked_size(size)?;
    check(index < size, TreeError::IndexOutOfRange { index, size })
}

fn checked_growth(old: u64, new: u64) -> Result<(), TreeError> {
    checked_size(old.max(new))?;
    check(old <= new, TreeError::Shrunk { old, new })
}

#[cfg(test)]
mod tests;
