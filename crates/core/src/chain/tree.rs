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

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::chain::record::HEADER_LEN;
use crate::chain::text;

mod frontier;
mod leaves;
mod tiled;
mod verify;

pub use frontier::Frontier;
pub use leaves::{Leaves, MemoryLeaves, NoSuchSubtree};
pub use tiled::{TILE, TILE_LEVEL, Tiled, subtrees};
pub use verify::{verify_consistency, verify_inclusion};

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
    match data.first_chunk::<HEADER_LEN>() {
        Some(header) if data.len() == HEADER_LEN => short_hash::<LEAF_BLOCKS>(0, header),
        _ => TreeHash(
            Sha256::new_with_prefix([0])
                .chain_update(data)
                .finalize()
                .into(),
        ),
    }
}

/// The hash of an inner node: SHA-256(01 ‖ left ‖ right).
pub fn node_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    let mut both = [0; 64];
    both[..32].copy_from_slice(&left.0);
    both[32..].copy_from_slice(&right.0);
    short_hash::<NODE_BLOCKS>(1, &both)
}

/// Blocks of SHA-256 for a header as a leaf, and for an inner node.
const LEAF_BLOCKS: usize = 3;
const NODE_BLOCKS: usize = 2;

/// SHA-256(prefix ‖ data), where that fills `BLOCKS` blocks when it is padded as FIPS 180-4 section 5.1.1 has it.
/// The same as by the hasher, without its buffer: half of the cost of verifying is spent here.
fn short_hash<const BLOCKS: usize>(prefix: u8, data: &[u8]) -> TreeHash {
    const BLOCK: usize = 64;
    let mut blocks = [[0; BLOCK]; BLOCKS];
    let bytes = blocks.as_flattened_mut();
    let end = 1 + data.len();
    bytes[0] = prefix;
    bytes[1..end].copy_from_slice(data);
    bytes[end] = 0x80;
    bytes[BLOCKS * BLOCK - 8..].copy_from_slice(&(8 * end as u64).to_be_bytes());
    let mut state = INITIAL_STATE;
    compress256(&mut state, &blocks);
    let mut hash = [0; 32];
    for (bytes, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    TreeHash(hash)
}

/// FIPS 180-4, section 5.3.3.
const INITIAL_STATE: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

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
