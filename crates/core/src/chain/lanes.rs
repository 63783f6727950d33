//! Many links and digests at once, where the processor has lanes for that. Names blake3, as only
//! [`record::hash`](super::record) does besides.
//!
//! Headers are two blocks of 64 bytes, and what a payload's digest is of is padded to whole blocks, so equally
//! long ones go through side by side: 16 on a processor with AVX-512, 8 with AVX2. `blake3::platform` is
//! public and documented as unstable, hence the exact version in Cargo.toml; tests compare what comes out with
//! the plain calls, which are also used where there are no lanes or the input is long.

use std::array;
use std::sync::LazyLock;

use blake3::IncrementCounter;
use blake3::hazmat::hash_derive_key_context;
use blake3::platform::Platform;

use super::record::{
    BLOCK, BodyRef, HEADER_LEN, Hash, PAYLOAD_CONTEXT, RECORD_CONTEXT, SALT_LEN, link_of,
    payload_digest,
};

/// Inputs that are handed over in one go: the most lanes there are.
const LANES: usize = 16;

/// Blocks of a BLAKE3 chunk. What is longer is a tree of chunks, which the plain call hashes as fast.
const CHUNK_BLOCKS: usize = 16;

// The flags of the BLAKE3 specification, section 2.2.
const CHUNK_START: u8 = 1;
const CHUNK_END: u8 = 2;
const ROOT: u8 = 8;
const DERIVE_KEY_MATERIAL: u8 = 64;

static PLATFORM: LazyLock<Platform> = LazyLock::new(Platform::detect);
static RECORD_KEY: LazyLock<[u32; 8]> = LazyLock::new(|| key(RECORD_CONTEXT));
static PAYLOAD_KEY: LazyLock<[u32; 8]> = LazyLock::new(|| key(PAYLOAD_CONTEXT));

fn key(context: &str) -> [u32; 8] {
    let bytes = hash_derive_key_context(context);
    let (words, _) = bytes.as_chunks::<4>();
    array::from_fn(|i| u32::from_le_bytes(words[i]))
}

/// The link that each header gives, as [`link_of`].
pub fn links(headers: &[&[u8; HEADER_LEN]]) -> Vec<Hash> {
    if PLATFORM.simd_degree() == 1 {
        return headers.iter().map(|header| link_of(header)).collect();
    }
    let mut links = vec![Hash::ZERO; headers.len()];
    for (headers, links) in headers.chunks(LANES).zip(links.chunks_mut(LANES)) {
        side_by_side(headers, &RECORD_KEY, links);
    }
    links
}

/// The digest of each payload, as [`payload_digest`].
pub fn payload_digests(bodies: &[BodyRef<'_>]) -> Vec<Hash> {
    let plain = |body: &BodyRef<'_>| payload_digest(body.salt, body.payload);
    if bodies.len() == 1 || PLATFORM.simd_degree() == 1 {
        return bodies.iter().map(plain).collect();
    }
    let mut digests = vec![Hash::ZERO; bodies.len()];
    let mut by_blocks: [Vec<usize>; CHUNK_BLOCKS] = array::from_fn(|_| Vec::new());
    for (at, body) in bodies.iter().enumerate() {
        let blocks = (SALT_LEN + body.payload.len()).div_ceil(BLOCK);
        match by_blocks.get_mut(blocks - 1) {
            Some(equally_long) => equally_long.push(at),
            None => digests[at] = plain(body),
        }
    }
    for (blocks, places) in (1..).zip(&by_blocks) {
        // One function for each length, as the lanes are asked with arrays.
        let digest = match blocks {
            1 => digest::<{ BLOCK }>,
            2 => digest::<{ 2 * BLOCK }>,
            3 => digest::<{ 3 * BLOCK }>,
            4 => digest::<{ 4 * BLOCK }>,
            5 => digest::<{ 5 * BLOCK }>,
            6 => digest::<{ 6 * BLOCK }>,
            7 => digest::<{ 7 * BLOCK }>,
            8 => digest::<{ 8 * BLOCK }>,
            9 => digest::<{ 9 * BLOCK }>,
            10 => digest::<{ 10 * BLOCK }>,
            11 => digest::<{ 11 * BLOCK }>,
            12 => digest::<{ 12 * BLOCK }>,
            13 => digest::<{ 13 * BLOCK }>,
            14 => digest::<{ 14 * BLOCK }>,
            15 => digest::<{ 15 * BLOCK }>,
            _ => digest::<{ 16 * BLOCK }>,
        };
        digest(bodies, places, &mut digests);
    }
    digests
}

/// The digests of the bodies at these places, each of which takes `N` bytes when it is padded.
fn digest<const N: usize>(bodies: &[BodyRef<'_>], places: &[usize], digests: &mut [Hash]) {
    let mut padded = [[0; N]; LANES];
    let mut found = [Hash::ZERO; LANES];
    for places in places.chunks(LANES) {
        for (padded, place) in padded.iter_mut().zip(places) {
            let BodyRef { salt, payload } = bodies[*place];
            let end = SALT_LEN + payload.len();
            padded[..SALT_LEN].copy_from_slice(salt);
            padded[SALT_LEN..end].copy_from_slice(payload);
            padded[end..].fill(0);
        }
        let inputs: [&[u8; N]; LANES] = array::from_fn(|lane| &padded[lane]);
        let count = places.len();
        side_by_side(&inputs[..count], &PAYLOAD_KEY, &mut found[..count]);
        for (place, digest) in places.iter().zip(found) {
            digests[*place] = digest;
        }
    }
}

/// The keyed hashes of at most [`LANES`] inputs of at most a chunk.
fn side_by_side<const N: usize>(inputs: &[&[u8; N]], key: &[u32; 8], hashes: &mut [Hash]) {
    let mut out = [0; LANES * 32];
    PLATFORM.hash_many(
        inputs,
        key,
        0,
        IncrementCounter::No,
        DERIVE_KEY_MATERIAL,
        CHUNK_START,
        CHUNK_END | ROOT,
        &mut out[..inputs.len() * 32],
    );
    for (hash, bytes) in hashes.iter_mut().zip(out.as_chunks::<32>().0) {
        *hash = Hash(*bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A buffer of bytes that all differ from their neighbours, to take pieces from at any alignment.
    fn bytes(seed: u64, len: usize) -> Vec<u8> {
        let mut state = seed | 1;
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        std::iter::repeat_with(next).take(len).collect()
    }

    fn bodies<'a>(salts: &'a [[u8; SALT_LEN]], pieces: &[&'a [u8]]) -> Vec<BodyRef<'a>> {
        let body = |(salt, payload): (&'a [u8; SALT_LEN], &&'a [u8])| BodyRef { salt, payload };
        salts.iter().zip(pieces).map(body).collect()
    }

    #[test]
    fn digests_of_every_length_are_the_plain_ones() {
        let all = bytes(7, 3000);
        let salts: Vec<[u8; SALT_LEN]> = (0..2200).map(|n| [n as u8; SALT_LEN]).collect();
        let pieces: Vec<&[u8]> = (0..2200)
            .map(|len| &all[len % 70..len % 70 + len])
            .collect();
        let bodies = bodies(&salts, &pieces);
        let plain: Vec<Hash> = bodies
            .iter()
            .map(|body| payload_digest(body.salt, body.payload))
            .collect();
        assert_eq!(payload_digests(&bodies), plain);
        assert_eq!(payload_digests(&[]), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn links_are_the_plain_ones(seed: u64, count in 0usize..70, offset in 0usize..64) {
            let all = bytes(seed, offset + count * HEADER_LEN);
            let (headers, _) = all[offset..].as_chunks::<HEADER_LEN>();
            let headers: Vec<&[u8; HEADER_LEN]> = headers.iter().collect();
            let plain: Vec<Hash> = headers.iter().map(|header| link_of(header)).collect();
            prop_assert_eq!(links(&headers), plain);
        }

        #[test]
        fn digests_are_the_plain_ones(seed: u64, lengths in vec((0usize..64, 0usize..1300), 0..90)) {
            let all = bytes(seed, 64 + 1300);
            let salts: Vec<[u8; SALT_LEN]> =
                lengths.iter().map(|(n, _)| [*n as u8; SALT_LEN]).collect();
            let pieces: Vec<&[u8]> = lengths.iter().map(|(at, len)| &all[*at..at + len]).collect();
            let bodies = bodies(&salts, &pieces);
            let plain: Vec<Hash> = bodies
                .iter()
                .map(|body| payload_digest(body.salt, body.payload))
                .collect();
            prop_assert_eq!(payload_digests(&bodies), plain);
        }
    }
}
