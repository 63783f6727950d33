//! Records: header, salt and payload, and the link that binds each to all before it. Names blake3, as only
//! [`lanes`](super::lanes) does besides.
//!
//! A link is the hash of a fixed-size header, and a header holds its predecessor's link and its payload's
//! digest. So a payload can be destroyed under a redaction and every link stays valid, and ranges of
//! headers can be checked in parallel.

use std::fmt;
use std::io;
use std::sync::LazyLock;

use blake3::Hasher;
use bytes::Bytes;

mod peek;

pub use peek::{BodyRef, RecordRef};

/// Bytes of a header: two BLAKE3 blocks.
pub const HEADER_LEN: usize = 128;

/// Bytes of a salt.
pub const SALT_LEN: usize = 16;

/// The version of the record format that is written, and the only one read so far.
pub const VERSION: u8 = 1;

/// Bytes of a BLAKE3 block: salt and payload are hashed as whole blocks.
pub(super) const BLOCK: usize = 64;
/// Bits of the byte after the header: what follows it.
const PAYLOAD: u8 = 1;
const SIGNATURES: u8 = 2;

/// Bits of the header's byte 1: its marks.
const REDACTABLE: u8 = 1;
const CLAIMED: u8 = 2;

/// Bytes of one recorder's signature: the key's id and the Ed25519 signature.
const SIGNATURE_LEN: usize = 4 + 64;

/// Most recorders who sign one batch.
pub const SIGNATURES_LIMIT: usize = 32;

/// What links are hashed for.
pub(super) const RECORD_CONTEXT: &str = "servanda v1 record";
/// What payloads are hashed for.
pub(super) const PAYLOAD_CONTEXT: &str = "servanda v1 payload";

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

/// What a record says of itself and of its place; 128 bytes, little endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its place in the chain, from 0.
    pub seq: u64,
    /// Whether its payload may be destroyed under a redaction, leaving replay the same. Hashed with the rest, so
    /// that nobody can decide it later.
    pub redactable: bool,
    /// Whether `recorded_at` is what the recorder claims, and not the machine's clock. Only a ledger's first records
    /// have this mark: the first without it ends the backfill.
    pub claimed: bool,
    /// When it was taken in: microseconds since 1970 in UTC, never before its predecessor.
    pub recorded_at: i64,
    /// How many records of its append follow it; 0 on the last.
    pub remaining: u32,
    /// Length of the payload in bytes, also where the payload is gone.
    pub payload_len: u32,
    /// The link of the record before, or zeros.
    pub prev: Hash,
    /// The digest of salt and payload.
    pub payload_digest: Hash,
}

/// Why stored bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Too few bytes for a header.
    #[error("the record has {0} bytes, less than a header's {HEADER_LEN}")]
    Short(usize),
    /// An unknown version.
    #[error("the record has format version {0}; this version of servanda knows {VERSION}")]
    Version(u8),
    /// A byte that must be zero is not, or the byte of the marks has an unknown bit.
    #[error("the header's byte {0} is not what it must be")]
    Reserved(usize),
    /// The body is not as long as the header says, or its first byte is unknown.
    #[error("the record has {found} bytes after its header, {expected} expected")]
    Body {
        /// Bytes that the header calls for.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// The byte that says what follows the header has an unknown bit.
    #[error("the byte that tells what follows the header is {0}, more than 3")]
    Presence(u8),
    /// The signatures are none, too many, or not in the order of their keys' ids.
    #[error(
        "the record's signatures are not 1 to {SIGNATURES_LIMIT}, each by another key, in order"
    )]
    Signatures,
}

impl Header {
    /// Its bytes: version at 0, its marks at 1 (1: redactable, 2: claimed), then zeros; seq at 8, recorded_at at 16,
    /// remaining at 24, payload_len at 28, prev at 32, payload_digest at 64, zeros from 96.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = VERSION;
        bytes[1] =
            if self.redactable { REDACTABLE } else { 0 } | if self.claimed { CLAIMED } else { 0 };
        bytes[8..16].copy_from_slice(&self.seq.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.recorded_at.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.remaining.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.payload_len.to_le_bytes());
        bytes[32..64].copy_from_slice(&self.prev.0);
        bytes[64..96].copy_from_slice(&self.payload_digest.0);
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`Malformed`] on another version, or where a reserved byte is not zero.
    pub fn from_bytes(bytes: &[u8; HEADER_LEN]) -> Result<Self, Malformed> {
        if bytes[0] != VERSION {
            return Err(Malformed::Version(bytes[0]));
        }
        if bytes[2..8] != [0; 6] || bytes[96..] != [0; HEADER_LEN - 96] {
            let mut reserved = (2..8).chain(96..HEADER_LEN);
            let at = reserved.find(|&at| bytes[at] != 0).unwrap_or_default();
            return Err(Malformed::Reserved(at));
        }
        if bytes[1] > REDACTABLE | CLAIMED {
            return Err(Malformed::Reserved(1));
        }
        Ok(Self {
            redactable: bytes[1] & REDACTABLE != 0,
            claimed: bytes[1] & CLAIMED != 0,
            seq: u64::from_le_bytes(array(bytes, 8)),
            recorded_at: i64::from_le_bytes(array(bytes, 16)),
            remaining: u32::from_le_bytes(array(bytes, 24)),
            payload_len: u32::from_le_bytes(array(bytes, 28)),
            prev: Hash(array(bytes, 32)),
            payload_digest: Hash(array(bytes, 64)),
        })
    }

    /// The link: the hash of the header's bytes, which the next record holds as `prev`.
    pub fn link(&self) -> Hash {
        link_of(&self.to_bytes())
    }
}

/// `N` bytes from a place that is inside the header.
fn array<const N: usize>(bytes: &[u8; HEADER_LEN], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

/// The part of a record that a redaction destroys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Random bytes that keep a short payload from being guessed from its digest.
    pub salt: [u8; SALT_LEN],
    /// The encoded event.
    pub payload: Vec<u8>,
}

/// A recorder's signature over a batch, on the batch's last record: beside the chain, not hashed into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchSignature {
    /// The id of the recorder's key, as C2SP signed-note has it.
    pub key_id: [u8; 4],
    /// An Ed25519 signature of [`recorder_message`].
    pub signature: [u8; 64],
}

/// What a recorder signs: the ledger's origin and the head after the batch. It vouches for all history before.
pub fn recorder_message(origin: &str, head: Head) -> Vec<u8> {
    format!(
        "servanda recorder v1\n{origin}\n{}\n{}\n",
        head.count, head.link
    )
    .into_bytes()
}

/// What a party signs to acknowledge a record: the origin, who acknowledges, and the record's place and link.
pub fn acknowledgement_message(origin: &str, party: &str, seq: u64, link: Hash) -> Vec<u8> {
    format!("servanda acknowledgement v1\n{origin}\n{party}\n{seq}\n{link}\n").into_bytes()
}

/// A record: its header and, unless it was redacted, its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What is hashed into the chain.
    pub header: Header,
    /// What the header vouches for.
    pub body: Option<Body>,
    /// Who vouches for the batch that ends here, in the order of their keys' ids.
    pub signatures: Vec<BatchSignature>,
}

/// A record's bytes as a log keeps them: opaque to the log. Records that were read together may share their
/// memory, all of which then lives as long as any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(pub Bytes);

impl Sealed {
    /// Changes the bytes, as somebody does who tampers with a log: for demonstrations and tests.
    pub fn tamper(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.0.to_vec();
        change(&mut bytes);
        self.0 = bytes.into();
    }
}

impl From<Vec<u8>> for Sealed {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl Record {
    /// Its bytes: the header; a byte that tells what follows (1: the body, 2: signatures); salt and payload;
    /// the number of signatures as a byte, then key id and signature of each.
    pub fn seal(&self) -> Sealed {
        let body_len = |body: &Body| SALT_LEN + body.payload.len();
        let mut bytes = Vec::with_capacity(
            HEADER_LEN
                + 2
                + self.body.as_ref().map_or(0, body_len)
                + SIGNATURE_LEN * self.signatures.len(),
        );
        bytes.extend_from_slice(&self.header.to_bytes());
        let body = if self.body.is_some() { PAYLOAD } else { 0 };
        let signed = if self.signatures.is_empty() {
            0
        } else {
            SIGNATURES
        };
        bytes.push(body | signed);
        if let Some(body) = &self.body {
            bytes.extend_from_slice(&body.salt);
            bytes.extend_from_slice(&body.payload);
        }
        if signed != 0 {
            // Fits: batches are signed by at most SIGNATURES_LIMIT.
            bytes.push(self.signatures.len() as u8);
            for one in &self.signatures {
                bytes.extend_from_slice(&one.key_id);
                bytes.extend_from_slice(&one.signature);
            }
        }
        bytes.into()
    }

    /// Reads a record. Its digest is not checked here, see [`Record::payload_is_sound`]; nor its signatures.
    ///
    /// # Errors
    /// [`Malformed`], unless the bytes are exactly those that [`Record::seal`] gives.
    pub fn open(sealed: &Sealed) -> Result<Self, Malformed> {
        RecordRef::peek(&sealed.0).map(RecordRef::to_record)
    }

    /// Whether the body, where there is one, is the one that the header vouches for.
    pub fn payload_is_sound(&self) -> bool {
        self.body.as_ref().is_none_or(|body| {
            payload_digest(&body.salt, &body.payload) == self.header.payload_digest
        })
    }
}

/// The end of a chain: how many records, and the link of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many records there are; also the number of the next.
    pub count: u64,
    /// The link of the last one, zeros where there is none.
    pub link: Hash,
}

impl Head {
    /// The head of an empty chain.
    pub const EMPTY: Head = Head {
        count: 0,
        link: Hash::ZERO,
    };

    /// The head after one more record.
    pub fn after(header: &Header) -> Self {
        Self {
            count: header.seq + 1,
            link: header.link(),
        }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records, link {}", self.count, self.link)
    }
}

/// What becomes a record once it has its place in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbound {
    /// The body.
    pub body: Body,
    /// Whether its payload may be destroyed one day.
    pub redactable: bool,
    /// When it is recorded.
    pub recorded_at: i64,
    /// Whether that is claimed.
    pub claimed: bool,
}

/// Binds the bodies of one append to a chain: counts down, links, digests. Gives the records and the head
/// after them. None of them is redactable.
pub fn bind(head: Head, recorded_at: i64, bodies: Vec<Body>) -> (Vec<Record>, Head) {
    let bodies = bodies.into_iter().map(|body| (body, false)).collect();
    bind_marked(head, recorded_at, bodies)
}

/// As [`bind`], with each body whether its record is redactable.
pub fn bind_marked(head: Head, recorded_at: i64, bodies: Vec<(Body, bool)>) -> (Vec<Record>, Head) {
    let unbound = bodies.into_iter().map(|(body, redactable)| Unbound {
        body,
        redactable,
        recorded_at,
        claimed: false,
    });
    bind_each(head, unbound.collect())
}

/// As [`bind`], with each body all that its header says of itself.
pub fn bind_each(head: Head, bodies: Vec<Unbound>) -> (Vec<Record>, Head) {
    let mut head = head;
    let mut remaining = bodies.len();
    let mut records = Vec::with_capacity(bodies.len());
    for unbound in bodies {
        remaining -= 1;
        let body = unbound.body;
        let header = Header {
            redactable: unbound.redactable,
            claimed: unbound.claimed,
            seq: head.count,
            recorded_at: unbound.recorded_at,
            // Both fit: the ledger limits batches and payloads far below 4 Gi.
            remaining: remaining as u32,
            payload_len: body.payload.len() as u32,
            prev: head.link,
            payload_digest: payload_digest(&body.salt, &body.payload),
        };
        head = Head::after(&header);
        records.push(Record {
            header,
            body: Some(body),
            signatures: Vec::new(),
        });
    }
    (records, head)
}

#[cfg(test)]
mod tests;
