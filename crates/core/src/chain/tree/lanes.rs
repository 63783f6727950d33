//! Many hashes of the tree at once, where the processor has lanes for that. Names tape-sha256, as nothing else does.
//!
//! Ranges of records that are read go through here. What a range finds wrong is looked at again record by record, with the
//! plain hashes of [`hash`](super::hash), and so is what an append adds: the two are compared at every checkpoint, and in the
//! tests below.

use super::hash::TreeHash;
use crate::chain::record::HEADER_LEN;

/// The hash of each header as a leaf, as [`leaf_hash`](super::hash::leaf_hash).
pub(crate) fn leaf_hashes(headers: &[&[u8; HEADER_LEN]]) -> Vec<TreeHash> {
    let leaves: Vec<&[u8]> = headers.iter().map(|header| header.as_slice()).collect();
    let mut hashes = vec![[0; 32]; leaves.len()];
    tape_sha256::hash_many_prefixed(&[0], &leaves, &mut hashes);
    hashes.into_iter().map(TreeHash).collect()
}

/// The hash of the node above each two, as [`node_hash`](super::hash::node_hash); of an odd last one none.
pub(super) fn node_hashes(below: &[TreeHash]) -> Vec<TreeHash> {
    let (pairs, _) = below.as_chunks::<2>();
    let left: Vec<&[u8]> = pairs.iter().map(|[left, _]| left.0.as_slice()).collect();
    let right: Vec<&[u8]> = pairs.iter().map(|[_, right]| right.0.as_slice()).collect();
    let mut hashes = vec![[0; 32]; pairs.len()];
    tape_sha256::hash_pairs(&[1], &left, &right, &mut hashes);
    hashes.into_iter().map(TreeHash).collect()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::hash::{leaf_hash, node_hash};
    use super::*;

    /// As many as go through all ways of filling lanes: none, some, all, and all more than once.
    const MOST: usize = 70;

    proptest! {
        #[test]
        fn leaves_are_the_plain_ones(bytes in vec(any::<u8>(), 0..MOST * HEADER_LEN), offset in 0_usize..64) {
            let (headers, _) = bytes.get(offset..).unwrap_or_default().as_chunks::<HEADER_LEN>();
            let headers: Vec<&[u8; HEADER_LEN]> = headers.iter().collect();
            let plain: Vec<TreeHash> = headers.iter().map(|header| leaf_hash(*header)).collect();
            prop_assert_eq!(leaf_hashes(&headers), plain);
        }

        #[test]
        fn nodes_are_the_plain_ones(below in vec(any::<[u8; 32]>(), 0..2 * MOST)) {
            let below: Vec<TreeHash> = below.into_iter().map(TreeHash).collect();
            let pairs = below.as_chunks::<2>().0.iter();
            let plain: Vec<TreeHash> = pairs.map(|[left, right]| node_hash(left, right)).collect();
            prop_assert_eq!(node_hashes(&below), plain);
        }
    }
}
