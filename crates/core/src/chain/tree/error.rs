//! What trees and proofs are refused for, and the limits of both.

use thiserror::Error;

/// The largest number of leaves a tree may have: 2^63 - 1, so that every size fits an `i64` and no
/// sum of a size and a power of two within it overflows.
pub const MAX_SIZE: u64 = i64::MAX as u64;

/// No proof over at most [`MAX_SIZE`] leaves has more hashes than this.
pub const MAX_PROOF_HASHES: usize = 64;

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

pub(super) fn check(holds: bool, otherwise: TreeError) -> Result<(), TreeError> {
    if holds { Ok(()) } else { Err(otherwise) }
}

pub(super) fn checked_size(size: u64) -> Result<u64, TreeError> {
    check(size <= MAX_SIZE, TreeError::TooLarge { size })?;
    Ok(size)
}

pub(super) fn checked_index(index: u64, size: u64) -> Result<(), TreeError> {
    checked_size(size)?;
    check(index < size, TreeError::IndexOutOfRange { index, size })
}

pub(super) fn checked_growth(old: u64, new: u64) -> Result<(), TreeError> {
    checked_size(old.max(new))?;
    check(old <= new, TreeError::Shrunk { old, new })
}
