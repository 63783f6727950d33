//! The hashes of the tree: of leaves, of inner nodes, of the tree without leaves.

use std::fmt;

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

use crate::chain::record::HEADER_LEN;
use crate::chain::text;

/// A SHA-256 hash of a leaf, of an inner node or of a whole tree.
///
/// A type of its own, so that it cannot be mistaken for a link of the chain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeHash(pub(super) [u8; 32]);

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
pub(super) fn join(right_to_left: impl IntoIterator<Item = TreeHash>) -> TreeHash {
    right_to_left
        .into_iter()
        .reduce(|right, left| node_hash(&left, &right))
        .unwrap_or_else(empty_root)
}
