//! Making proofs: inclusion and consistency, RFC 6962 section 2.1.

use thiserror::Error;

use super::error::{TreeError, checked_growth, checked_index, checked_size};
use super::hash::{TreeHash, join};
use super::leaves::Leaves;

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
    // The reader of the proof knows the old root, but no other subtree that ends at `old`.
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
