use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::LazyLock;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

/// Sizes up to here are tried one by one.
const EVERY: u64 = 130;

/// RFC 6962 section 2.1 word for word, recursion and all.
struct Naive {
    leaves: Vec<TreeHash>,
    known: RefCell<HashMap<(usize, usize), TreeHash>>,
}

impl Naive {
    fn new(size: u64) -> Self {
        Self {
            leaves: hashes(size),
            known: RefCell::default(),
        }
    }

    fn mth(&self, from: usize, to: usize) -> TreeHash {
        if let Some(hash) = self.known.borrow().get(&(from, to)) {
            return *hash;
        }
        let hash = match to - from {
            0 => TreeHash(Sha256::digest([]).into()),
            1 => self.leaves[from],
            n => {
                let k = n.next_power_of_two() / 2;
                node_hash(&self.mth(from, from + k), &self.mth(from + k, to))
            }
        };
        self.known.borrow_mut().insert((from, to), hash);
        hash
    }

    fn path(&self, m: usize, from: usize, to: usize) -> Vec<TreeHash> {
        let n = to - from;
        if n == 1 {
            return vec![];
        }
        let k = n.next_power_of_two() / 2;
        let (mut path, last) = if m < k {
            (self.path(m, from, from + k), self.mth(from + k, to))
        } else {
            (self.path(m - k, from + k, to), self.mth(from, from + k))
        };
        path.push(last);
        path
    }

    fn subproof(&self, m: usize, from: usize, to: usize, whole: bool) -> Vec<TreeHash> {
        let n = to - from;
        if m == n {
            return if whole {
                vec![]
            } else {
                vec![self.mth(from, to)]
            };
        }
        let k = n.next_power_of_two() / 2;
        let (mut path, last) = if m <= k {
            (
                self.subproof(m, from, from + k, whole),
                self.mth(from + k, to),
            )
        } else {
            (
                self.subproof(m - k, from + k, to, false),
                self.mth(from, from + k),
            )
        };
        path.push(last);
        path
    }
}

/// Roots of complete subtrees of 2^k leaves that are all the same.
static UNIFORM: LazyLock<Vec<TreeHash>> = LazyLock::new(|| {
    let up = |hash: &TreeHash| Some(node_hash(hash, hash));
    std::iter::successors(Some(leaf_hash(b"same")), up)
        .take(63)
        .collect()
});

/// A tree in which all leaves are the same: as large as a tree may be, and quick to ask.
struct Uniform;

impl Leaves for Uniform {
    type Error = NoSuchSubtree;

    fn subtree(&self, start: u64, level: u8) -> Result<TreeHash, NoSuchSubtree> {
        if !start.is_multiple_of(1 << level) {
            return Err(NoSuchSubtree { start, level });
        }
        Ok(UNIFORM[usize::from(level)])
    }
}

fn data(index: u64) -> Vec<u8> {
    index.to_be_bytes().to_vec()
}

fn hashes(size: u64) -> Vec<TreeHash> {
    (0..size).map(|index| leaf_hash(&data(index))).collect()
}

fn memory(size: u64) -> MemoryLeaves {
    hashes(size).into_iter().collect()
}

fn hash(hex: &str) -> TreeHash {
    let byte = |i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap();
    TreeHash(std::array::from_fn(byte))
}

fn flat(proof: &[TreeHash]) -> Vec<u8> {
    proof.iter().flat_map(|hash| hash.0).collect()
}

fn their_root(root: &TreeHash, size: u64) -> RootHash<Sha256> {
    RootHash::new(root.0.into(), size)
}

/// ct-merkle's verdict, kept away from the sizes it panics at.
fn they_include(leaf: &[u8], index: u64, size: u64, root: &TreeHash, proof: &[TreeHash]) -> bool {
    let proof = InclusionProof::try_from_bytes(flat(proof)).unwrap();
    size <= MAX_SIZE
        && their_root(root, size)
            .verify_inclusion(&leaf, index, &proof)
            .is_ok()
}

#[test]
fn hashes_are_those_of_rfc_6962() {
    let none = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Frontier::new().root(), hash(none));
    assert_eq!(root(&MemoryLeaves::new(), 0), Ok(hash(none)));
    let empty_leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    assert_eq!(leaf_hash(b""), hash(empty_leaf));
    assert_eq!(leaf_hash(b"").to_string(), empty_leaf);
    let two = "a20bf9a7cc2dc8a08f5f415a71b19f6ac427bab54d24eec868b5d3103449953a";
    assert_eq!(node_hash(&leaf_hash(&[0]), &leaf_hash(&[1])), hash(two));
}

#[test]
fn roots_are_those_of_the_certificate_transparency_test_tree() {
    let leaves: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.push(leaf_hash(leaf)).unwrap();
    }
    let root = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";
    assert_eq!(frontier.root(), hash(root));
}

#[test]
fn every_small_root_and_frontier_is_right() {
    let naive = Naive::new(EVERY);
    let leaves = memory(EVERY);
    let mut frontier = Frontier::new();
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 0..=EVERY {
        let expected = naive.mth(0, size as usize);
        assert_eq!(frontier.size(), size);
        assert_eq!(frontier.root(), expected, "{size}");
        assert_eq!(root(&leaves, size), Ok(expected), "{size}");
        assert_eq!(theirs.root().as_bytes().as_slice(), expected.0, "{size}");
        assert_eq!(
            Frontier::from_bytes(&frontier.to_bytes()),
            Ok(frontier.clone())
        );
        theirs.push(data(size));
        frontier.push(leaf_hash(&data(size))).unwrap();
    }
}

#[test]
fn every_small_inclusion_proof_is_right() {
    let naive = Naive::new(EVERY);
    let leaves = memory(EVERY);
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 1..=EVERY {
        theirs.push(data(size - 1));
        let root = naive.mth(0, size as usize);
        for index in 0..size {
            let proof = prove_inclusion(&leaves, index, size).unwrap();
            assert_eq!(proof, naive.path(index as usize, 0, size as usize));
            let expected = theirs.prove_inclusion(index as usize);
            assert_eq!(flat(&proof), expected.as_bytes());
            let leaf = leaf_hash(&data(index));
            assert_eq!(verify_inclusion(&leaf, index, size, &root, &proof), Ok(()));
        }
    }
}

#[test]
fn every_small_consistency_proof_is_right() {
    let naive = Naive::new(EVERY);
    let leaves = memory(EVERY);
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for new in 0..=EVERY {
        let new_root = naive.mth(0, new as usize);
        for old in 0..=new {
            let old_root = naive.mth(0, old as usize);
            let proof = prove_consistency(&leaves, old, new).unwrap();
            if old > 0 {
                let expected = naive.subproof(old as usize, 0, new as usize, true);
                assert_eq!(proof, expected, "{old} {new}");
                let expected = theirs.prove_consistency((new - old) as usize);
                assert_eq!(flat(&proof), expected.as_bytes(), "{old} {new}");
            } else {
                assert_eq!(proof, []);
            }
            let verdict = verify_consistency(old, &old_root, new, &new_root, &proof);
            assert_eq!(verdict, Ok(()), "{old} {new}");
        }
        theirs.push(data(new));
    }
}

#[test]
fn the_empty_tree_is_a_prefix_of_every_tree_but_only_with_its_own_root() {
    let new_root = root(&memory(3), 3).unwrap();
    let forged = leaf_hash(b"forged");
    let empty = empty_root();
    assert_eq!(verify_consistency(0, &empty, 3, &new_root, &[]), Ok(()));
    assert_eq!(verify_consistency(0, &empty, 0, &empty, &[]), Ok(()));
    let refused = [
        verify_consistency(0, &forged, 3, &new_root, &[]),
        verify_consistency(0, &forged, 0, &forged, &[]),
        verify_consistency(0, &empty, 0, &forged, &[]),
        verify_consistency(0, &empty, 3, &new_root, &[forged]),
    ];
    assert!(refused.iter().all(Result::is_err), "{refused:?}");
}

#[test]
fn sizes_above_the_limit_are_refused() {
    let hash = leaf_hash(b"");
    for size in [MAX_SIZE + 1, u64::MAX - 1, u64::MAX] {
        let too_large = TreeError::TooLarge { size };
        assert_eq!(
            verify_inclusion(&hash, 0, size, &hash, &[]),
            Err(too_large.clone())
        );
        let verdict = verify_consistency(1, &hash, size, &hash, &[]);
        assert_eq!(verdict, Err(too_large.clone()));
        let verdict = verify_consistency(size, &hash, size, &hash, &[]);
        assert_eq!(verdict, Err(too_large.clone()));
        let too_large = ProveError::Tree(too_large);
        assert_eq!(root(&Uniform, size), Err(too_large.clone()));
        assert_eq!(prove_inclusion(&Uniform, 0, size), Err(too_large.clone()));
        assert_eq!(prove_consistency(&Uniform, 1, size), Err(too_large));
    }
}

#[test]
fn a_full_frontier_takes_no_more() {
    let mut bytes = MAX_SIZE.to_le_bytes().to_vec();
    bytes.extend([7; 63 * 32]);
    let mut frontier = Frontier::from_bytes(&bytes).unwrap();
    let before = frontier.clone();
    let full = Err(TreeError::TooLarge { size: 1 << 63 });
    assert_eq!(frontier.push(leaf_hash(b"")), full);
    assert_eq!(frontier, before);
}

#[test]
fn a_subtree_only_goes_where_it_belongs() {
    let mut frontier = Frontier::new();
    let hash = leaf_hash(b"");
    for level in [63, 64, 255] {
        assert!(frontier.push_subtree(level, hash).is_err(), "{level}");
    }
    frontier.push(hash).unwrap();
    let misaligned = TreeError::Misaligned { size: 1, level: 1 };
    assert_eq!(frontier.push_subtree(1, hash), Err(misaligned));
    assert_eq!(frontier.size(), 1);
}

#[test]
fn memory_knows_only_complete_subtrees() {
    let leaves = memory(5);
    assert_eq!(leaves.size(), 5);
    assert!(leaves.subtree(0, 2).is_ok() && leaves.subtree(4, 0).is_ok());
    for (start, level) in [
        (4, 1),
        (1, 1),
        (0, 3),
        (5, 0),
        (u64::MAX, 0),
        (0, 64),
        (0, 255),
    ] {
        assert_eq!(
            leaves.subtree(start, level),
            Err(NoSuchSubtree { start, level })
        );
    }
    let missing = NoSuchSubtree { start: 4, level: 1 };
    assert_eq!(root(&leaves, 6), Err(ProveError::Leaves(missing)));
}

#[test]
fn what_does_not_exist_cannot_be_proved() {
    let leaves = memory(5);
    let outside = TreeError::IndexOutOfRange { index: 5, size: 5 };
    assert_eq!(prove_inclusion(&leaves, 5, 5), Err(outside.into()));
    let shrunk = TreeError::Shrunk { old: 5, new: 4 };
    assert_eq!(prove_consistency(&leaves, 5, 4), Err(shrunk.into()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Grown leaf by leaf or by subtrees of ranges anywhere, a tree comes out the same, and has the roots of its tiles.
    #[test]
    fn a_tiled_tree_is_the_same_however_it_grew(
        size in 0..3 * TILE, cuts in proptest::collection::vec(0..3 * TILE, 0..6)
    ) {
        let leaves = hashes(size);
        let frontier = leaves.iter().fold(Frontier::new(), |mut frontier, leaf| {
            frontier.push(*leaf).unwrap();
            frontier
        });
        let mut cuts: Vec<u64> = cuts.into_iter().filter(|cut| *cut < size).chain([0, size]).collect();
        cuts.sort_unstable();
        let mut grown = Tiled::new();
        for ends in cuts.windows(2) {
            for (level, root) in subtrees(ends[0], &leaves[ends[0] as usize..ends[1] as usize]) {
                grown.push_subtree(level, root).unwrap();
            }
        }
        prop_assert_eq!(grown.size(), size);
        prop_assert_eq!(grown.root(), frontier.root());
        let memory: MemoryLeaves = leaves.into_iter().collect();
        let tiles: Vec<TreeHash> = (0..size / TILE)
            .map(|tile| memory.subtree(tile * TILE, TILE_LEVEL).unwrap())
            .collect();
        prop_assert_eq!(grown.tiles(), tiles);
        let bytes = grown.to_bytes();
        prop_assert_eq!(Tiled::from_bytes(&bytes), Ok(grown));
        for wrong in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0; 32]].concat()] {
            prop_assert!(Tiled::from_bytes(wrong).is_err());
        }
    }
}

#[test]
fn a_tiled_tree_takes_no_more_than_a_tile_at_once() {
    let mut tree = Tiled::new();
    let level = TILE_LEVEL + 1;
    let refused = TreeError::Misaligned { size: 0, level };
    assert_eq!(tree.push_subtree(level, leaf_hash(b"")), Err(refused));
    tree.push_subtree(TILE_LEVEL, leaf_hash(b"")).unwrap();
    assert_eq!(tree.tiles(), [leaf_hash(b"")]);
}

proptest! {
    #[test]
    fn short_hashes_are_those_of_sha_256(
        data: Vec<u8>, header in prop::array::uniform32(any::<[u8; 4]>()), left: [u8; 32], right: [u8; 32]
    ) {
        let plain = |parts: &[&[u8]]| TreeHash(Sha256::digest(parts.concat()).into());
        let header = header.as_flattened();
        prop_assert_eq!(leaf_hash(header), plain(&[&[0], header]));
        prop_assert_eq!(leaf_hash(&data), plain(&[&[0], &data]));
        let node = node_hash(&TreeHash(left), &TreeHash(right));
        prop_assert_eq!(node, plain(&[&[1], &left, &right]));
    }
    #[test]
    fn the_largest_trees_are_proved_too(index in 0..=MAX_SIZE, size in 1..=MAX_SIZE) {
        let root_of = |size| root(&Uniform, size).unwrap();
        for size in [size, MAX_SIZE] {
            let index = index % size;
            let proof = prove_inclusion(&Uniform, index, size).unwrap();
            prop_assert!(proof.len() <= 63);
            let verdict = verify_inclusion(
                &leaf_hash(b"same"), index, size, &root_of(size), &proof,
            );
            prop_assert_eq!(verdict, Ok(()));
            let old = index + 1;
            let proof = prove_consistency(&Uniform, old, size).unwrap();
            prop_assert!(proof.len() <= MAX_PROOF_HASHES);
            let verdict = verify_consistency(old, &root_of(old), size, &root_of(size), &proof);
            prop_assert_eq!(verdict, Ok(()));
        }
    }

    #[test]
    fn a_changed_inclusion_proof_is_refused(
        size in 1_u64..300,
        at in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        bit in 0_usize..256,
    ) {
        let leaves = memory(size);
        let root = root(&leaves, size).unwrap();
        let index = at.index(size as usize) as u64;
        let leaf = leaf_hash(&data(index));
        let proof = prove_inclusion(&leaves, index, size).unwrap();
        let flip = |hash: &TreeHash| {
            let mut hash = *hash;
            hash.0[bit / 8] ^= 1 << (bit % 8);
            hash
        };

        prop_assert!(verify_inclusion(&flip(&leaf), index, size, &root, &proof).is_err());
        prop_assert!(verify_inclusion(&leaf, index, size, &flip(&root), &proof).is_err());
        let elsewhere = other.index(size as usize) as u64;
        let verdict = verify_inclusion(&leaf, elsewhere, size, &root, &proof);
        prop_assert_eq!(verdict.is_ok(), elsewhere == index);
        if !proof.is_empty() {
            let which = other.index(proof.len());
            let mut changed = proof.clone();
            changed[which] = flip(&changed[which]);
            prop_assert!(verify_inclusion(&leaf, index, size, &root, &changed).is_err());
            let mut shorter = proof.clone();
            shorter.remove(which);
            prop_assert!(verify_inclusion(&leaf, index, size, &root, &shorter).is_err());
        }
        let longer = [proof.as_slice(), &[leaf]].concat();
        prop_assert!(verify_inclusion(&leaf, index, size, &root, &longer).is_err());
    }

    #[test]
    fn a_changed_consistency_proof_is_refused(
        new in 2_u64..300,
        at in any::<prop::sample::Index>(),
        which in any::<prop::sample::Index>(),
        bit in 0_usize..256,
    ) {
        let leaves = memory(new);
        let old = 1 + at.index(new as usize - 1) as u64;
        let old_root = root(&leaves, old).unwrap();
        let new_root = root(&leaves, new).unwrap();
        let proof = prove_consistency(&leaves, old, new).unwrap();
        let which = which.index(proof.len());
        let flip = |hash: &TreeHash| {
            let mut hash = *hash;
            hash.0[bit / 8] ^= 1 << (bit % 8);
            hash
        };
        let check = |old_root: &TreeHash, new_root: &TreeHash, proof: &[TreeHash]| {
            verify_consistency(old, old_root, new, new_root, proof)
        };

        prop_assert_eq!(check(&old_root, &new_root, &proof), Ok(()));
        prop_assert!(check(&flip(&old_root), &new_root, &proof).is_err());
        prop_assert!(check(&old_root, &flip(&new_root), &proof).is_err());
        let mut changed = proof.clone();
        changed[which] = flip(&changed[which]);
        prop_assert!(check(&old_root, &new_root, &changed).is_err());
        let mut shorter = proof.clone();
        shorter.remove(which);
        prop_assert!(check(&old_root, &new_root, &shorter).is_err());
        let longer = [proof.as_slice(), &[old_root]].concat();
        prop_assert!(check(&old_root, &new_root, &longer).is_err());
    }

    /// A root does not vouch for its size: where another size gives the same path, the proof holds
    /// for it as well, here as everywhere. That is what the checkpoint's signature is for.
    #[test]
    fn another_size_gets_the_verdict_of_the_oracle(
        size in 1_u64..100,
        claimed in 0_u64..100,
        at in any::<prop::sample::Index>(),
        old_claimed in 1_u64..100,
    ) {
        let leaves = memory(size);
        let root_of = |size| root(&leaves, size).unwrap();
        let index = at.index(size as usize) as u64;
        let proof = prove_inclusion(&leaves, index, size).unwrap();
        let leaf = data(index);
        let ours = verify_inclusion(&leaf_hash(&leaf), index, claimed, &root_of(size), &proof);
        let theirs = they_include(&leaf, index, claimed, &root_of(size), &proof);
        prop_assert_eq!(ours.is_ok(), theirs);

        let old = index + 1;
        let proof = prove_consistency(&leaves, old, size).unwrap();
        let (old_root, new_root) = (root_of(old), root_of(size));
        let ours = verify_consistency(old_claimed, &old_root, claimed, &new_root, &proof);
        let proof = ConsistencyProof::try_from_bytes(flat(&proof)).unwrap();
        let theirs = their_root(&new_root, claimed)
            .verify_consistency(&their_root(&old_root, old_claimed), &proof);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
    }

    #[test]
    fn subtrees_hashed_elsewhere_give_the_same_frontier(
        levels in prop::collection::vec(0_u8..5, 0..40),
    ) {
        let mut by_subtree = Frontier::new();
        let mut by_leaf = Frontier::new();
        let leaves = memory(40 * 16);
        for level in levels {
            let start = by_subtree.size();
            if start.is_multiple_of(1 << level) {
                let root = leaves.subtree(start, level).unwrap();
                by_subtree.push_subtree(level, root).unwrap();
                for leaf in start..by_subtree.size() {
                    by_leaf.push(leaf_hash(&data(leaf))).unwrap();
                }
            }
        }
        prop_assert_eq!(by_subtree, by_leaf);
    }

    #[test]
    fn nothing_panics(
        sizes in any::<[u64; 2]>(),
        roots in any::<[[u8; 32]; 2]>(),
        proof in prop::collection::vec(any::<[u8; 32]>(), 0..70),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        shift in 0_u32..64,
    ) {
        let [a, b] = sizes.map(|size| size >> shift);
        let [x, y] = roots.map(TreeHash);
        let proof: Vec<TreeHash> = proof.into_iter().map(TreeHash).collect();
        prop_assert!(verify_inclusion(&x, a, b, &y, &proof).is_err());
        let trivial = a == b && proof.is_empty() && x == y;
        prop_assert_eq!(verify_consistency(a, &x, b, &y, &proof).is_ok(), trivial);
        let _ = prove_inclusion(&Uniform, a, b);
        let _ = prove_consistency(&Uniform, a, b);
        if let Ok(frontier) = Frontier::from_bytes(&bytes) {
            prop_assert_eq!(frontier.to_bytes(), bytes);
        }
    }

    #[test]
    fn frontier_bytes_of_the_wrong_length_are_refused(size in 0_u64..1000, cut in 1_usize..400) {
        let mut frontier = Frontier::new();
        for leaf in hashes(size) {
            frontier.push(leaf).unwrap();
        }
        let bytes = frontier.to_bytes();
        let shorter = &bytes[..bytes.len().saturating_sub(cut)];
        prop_assert!(Frontier::from_bytes(shorter).is_err());
        let longer = [bytes.as_slice(), &vec![0; cut]].concat();
        prop_assert!(Frontier::from_bytes(&longer).is_err());
    }
}
