//! A growing tree that also keeps what proofs and older roots need.

use super::error::{TreeError, checked_size};
use super::frontier::Frontier;
use super::hash::TreeHash;
use super::lanes::node_hashes;

/// Base-two logarithm of the leaves of a tile.
pub const TILE_LEVEL: u8 = 12;

/// Leaves of a tile: 4,096.
pub const TILE: u64 = 1 << TILE_LEVEL;

/// A growing tree with the roots of its tiles, the complete subtrees of [`TILE`] leaves: 80 kB for ten million
/// leaves. With them any older root, and any proof, takes no more than the leaves of one tile.
///
/// Its bytes may be kept as a cache; a reader of such bytes has to compare [`Tiled::root`] with a root that it trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tiled {
    frontier: Frontier,
    tiles: Vec<TreeHash>,
}

impl Tiled {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The RFC 6962 root of all leaves so far.
    pub fn root(&self) -> TreeHash {
        self.frontier.root()
    }

    /// The roots of the tiles that are complete, in order.
    pub fn tiles(&self) -> &[TreeHash] {
        &self.tiles
    }

    /// Appends one leaf.
    ///
    /// # Errors
    /// [`TreeError::TooLarge`] if the tree is full; it is unchanged then.
    pub fn push(&mut self, leaf: TreeHash) -> Result<(), TreeError> {
        self.push_subtree(0, leaf)
    }

    /// Appends a complete subtree of 2^`level` leaves, at most a tile, as [`Frontier::push_subtree`].
    ///
    /// # Errors
    /// [`TreeError::Misaligned`], [`TreeError::TooLarge`]. It is unchanged then.
    pub fn push_subtree(&mut self, level: u8, root: TreeHash) -> Result<(), TreeError> {
        if level > TILE_LEVEL {
            let size = self.size();
            return Err(TreeError::Misaligned { size, level });
        }
        let tiles = &mut self.tiles;
        self.frontier.push_noting(level, root, |level, root| {
            if level == TILE_LEVEL {
                tiles.push(root);
            }
        })
    }

    /// The state as bytes: the size (u64, little endian), the roots of the tiles, then those of the smaller
    /// complete subtrees after them, the largest first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size().to_le_bytes().to_vec();
        let smaller = (self.size() % TILE).count_ones() as usize;
        let nodes = self.frontier.nodes();
        let roots = self.tiles.iter().chain(&nodes[nodes.len() - smaller..]);
        bytes.extend(roots.flat_map(|root| root.0));
        bytes
    }

    /// Reads what [`Tiled::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`TreeError::FrontierBytes`] if the length does not fit the size, [`TreeError::TooLarge`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TreeError> {
        let wrong = TreeError::FrontierBytes { len: bytes.len() };
        let Some((size, rest)) = bytes.split_first_chunk::<8>() else {
            return Err(wrong);
        };
        let size = checked_size(u64::from_le_bytes(*size))?;
        let (roots, tail) = rest.as_chunks::<32>();
        let levels = subtree_levels(0, size % TILE);
        let tiles = size / TILE;
        if !tail.is_empty() || roots.len() as u64 != tiles + levels.len() as u64 {
            return Err(wrong);
        }
        let levels = std::iter::repeat_n(TILE_LEVEL, tiles as usize).chain(levels);
        let mut tree = Self::new();
        for (root, level) in roots.iter().zip(levels) {
            tree.push_subtree(level, TreeHash(*root))?;
        }
        Ok(tree)
    }
}

/// The complete subtrees of at most a tile that make up the leaves from `start` on, in order, each with its
/// level: what [`Tiled::push_subtree`] takes, hashed elsewhere.
pub fn subtrees(start: u64, leaves: &[TreeHash]) -> Vec<(u8, TreeHash)> {
    let mut rest = leaves;
    let levels = subtree_levels(start, leaves.len() as u64);
    levels
        .into_iter()
        .map(|level| {
            let (leaves, after) = rest.split_at(1 << level);
            rest = after;
            (level, complete_root(leaves))
        })
        .collect()
}

/// The levels of these subtrees.
fn subtree_levels(start: u64, count: u64) -> Vec<u8> {
    let mut levels = Vec::new();
    let (mut next, end) = (start, start + count);
    while next < end {
        let aligned = next.trailing_zeros().min(u32::from(TILE_LEVEL));
        // Both are at most TILE_LEVEL and 63.
        let level = (end - next).ilog2().min(aligned) as u8;
        levels.push(level);
        next += 1 << level;
    }
    levels
}

/// The root over a power of two of hashes.
fn complete_root(hashes: &[TreeHash]) -> TreeHash {
    match hashes {
        [root] => *root,
        below => complete_root(&node_hashes(below)),
    }
}
