//! The Merkle tree beside the chain: RFC 6962 section 2, with SHA-256.
//!
//! The chain answers "was anything changed?" to a reader of all of it; the tree answers "is this
//! record in it?" and "is that older state a prefix of this one?" in a few dozen hashes. It is
//! SHA-256 because checkpoints, witnesses and tiles fix it.
//!
//! A proof is only as good as the sizes and roots it is checked against. They have to come together
//! from one verified [checkpoint](crate::chain::checkpoint): several sizes can share the shape of a
//! proof, so a root alone does not vouch for the size that is claimed beside it.

mod error;
mod frontier;
mod hash;
mod lanes;
mod leaves;
mod prove;
mod tiled;
mod verify;

pub use error::{MAX_PROOF_HASHES, MAX_SIZE, TreeError};
pub use frontier::Frontier;
pub use hash::{TreeHash, empty_root, leaf_hash, node_hash};
pub(crate) use lanes::leaf_hashes;
pub use leaves::{Leaves, MemoryLeaves, NoSuchSubtree};
pub use prove::{ProveError, prove_consistency, prove_inclusion, root};
pub use tiled::{TILE, TILE_LEVEL, Tiled, subtrees};
pub use verify::{verify_consistency, verify_inclusion};

#[cfg(test)]
mod tests;
