//! Checking proofs, which needs nothing of the tree but sizes, roots and the hashes given.

use super::error::{TreeError, check, checked_growth, checked_index};
use super::hash::{TreeHash, empty_root, node_hash};

/// Checks that a leaf with hash `leaf` is at `index` in the tree of `size` leaves with that `root`:
/// RFC 9162 section 2.1.3.2.
///
/// # Errors
/// [`TreeError::TooLarge`], [`TreeError::IndexOutOfRange`], [`TreeError::ProofLength`] or
/// [`TreeError::RootMismatch`]: the leaf has not been shown to be there.
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
/// [`TreeError::OldRootMismatch`] or [`TreeError::RootMismatch`]: the newer tree has not been shown to hold the
/// older one.
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
