//! Hashes of headers and payloads. Names blake3, as only [`lanes`](crate::chain::lanes) does besides.

use std::fmt;
use std::io;
use std::sync::LazyLock;

use blake3::Hasher;

/// Bytes of a header: two BLAKE3 blocks.
pub const HEADER_LEN: usize = 128;

/// Bytes of a salt.
pub const SALT_LEN: usize = 16;

/// Bytes of a BLAKE3 block: salt and payload are hashed as whole blocks.
pub(in crate::chain) const BLOCK: usize = 64;

/// The context of links.
pub(in crate::chain) const RECORD_CONTEXT: &str = "servanda v1 record";
/// The context of the digests of payloads.
pub(in crate::chain) const PAYLOAD_CONTEXT: &str = "servanda v1 payload";

static RECORD_KEY: LazyLock<Hasher> = LazyLock::new(|| Hasher::new_derive_key(RECORD_CONTEXT));
static PAYLOAD_KEY: LazyLock<Hasher> = LazyLock::new(|| Hasher::new_derive_key(PAYLOAD_CONTEXT));
static LOCAL_KEY: LazyLock<Hasher> =
    LazyLock::new(|| Hasher::new_derive_key("servanda v1 local state"));

/// A BLAKE3 hash, written as 64 lower-case hexadecimal digits: a record's link, a payload's digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// All zeros: the link before the first record.
    pub const ZERO: Hash = Hash([0; 32]);
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn finish(hasher: &Hasher) -> Hash {
    Hash(*hasher.finalize().as_bytes())
}

/// The digest of a payload: of salt, payload and zeros up to a multiple of 64 bytes.
pub fn payload_digest(salt: &[u8; SALT_LEN], payload: &[u8]) -> Hash {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    let used = SALT_LEN + payload.len();
    let padding = used.next_multiple_of(BLOCK) - used;
    let mut hasher = PAYLOAD_KEY.clone();
    hasher
        .update(salt)
        .update(payload)
        .update(&ZEROS[..padding]);
    finish(&hasher)
}

/// The link that a header's bytes give, which the next record holds as `prev`.
pub fn link_of(header: &[u8; HEADER_LEN]) -> Hash {
    let mut hasher = RECORD_KEY.clone();
    hasher.update(header);
    finish(&hasher)
}

/// The plain BLAKE3 digest of a document, as any BLAKE3 tool gives it.
///
/// # Errors
/// Those of reading.
pub fn document_digest(document: impl io::Read) -> io::Result<Hash> {
    let mut hasher = Hasher::new();
    hasher.update_reader(document)?;
    Ok(finish(&hasher))
}

/// A check sum for what lies beside the records and can be rebuilt from them: heads, snapshots.
pub fn local_checksum(bytes: &[u8]) -> Hash {
    let mut sum = LocalChecksum::default();
    sum.add(bytes);
    sum.finish()
}

/// [`local_checksum`] of bytes that come piece by piece.
#[derive(Debug, Clone)]
pub struct LocalChecksum(Hasher);

impl Default for LocalChecksum {
    fn default() -> Self {
        Self(LOCAL_KEY.clone())
    }
}

impl LocalChecksum {
    /// Adds the next bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The check sum of all that was added.
    pub fn finish(&self) -> Hash {
        finish(&self.0)
    }
}
