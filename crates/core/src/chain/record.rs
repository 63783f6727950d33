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

use crate::event::{Erasable, Kind};

mod peek;

pub use peek::{BodyRef, RecordRef};

/// Bytes of a header: two BLAKE3 blocks.
pub const HEADER_LEN: usize = 128;

/// Longest payload, in bytes. Documents are sources, named by their digest.
pub const PAYLOAD_LIMIT: usize = 64 * 1024;

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
const ERASABLE: u8 = 1;
const ASSERTED: u8 = 2;

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

/// The header of a record: its place in the chain, and what kind of event it holds; 128 bytes, little endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its place in the chain, from 0.
    pub seq: u64,
    /// Whether its payload can be erased under a redaction without a change to replay. It is hashed with the rest, so
    /// that nobody can decide it later.
    pub erasable: bool,
    /// Whether the recorder asserts `recorded_at`: it is not the machine's time. Only the first records of a ledger
    /// have this flag: the first without it ends the backfill.
    pub asserted: bool,
    /// The number of the event's kind, which is known also where the payload is erased.
    pub kind: u16,
    /// The number of the record that a correction, retraction or redaction is about; 0 for every other kind.
    pub target: u64,
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
    /// A byte that must be zero is not, or the byte of the flags has an unknown bit.
    #[error("the header's byte {0} is not what it must be")]
    Reserved(usize),
    /// The payload would be longer than [`PAYLOAD_LIMIT`].
    #[error("the header says that the payload has {0} bytes; the limit is {PAYLOAD_LIMIT}")]
    PayloadLength(u32),
    /// The first record does not open a ledger.
    #[error("the header of record 0 says that its kind is {0}, and not the opening of a ledger")]
    NoOpening(u16),
    /// The header names another record, and events of its kind are about none.
    #[error("the header of a {0} names record {1}; a {0} corrects, retracts and redacts no record")]
    Target(Kind, u64),
    /// The flag that says whether the payload can be erased is not as the kind demands.
    #[error("the header says that the payload of a {kind} {}", if *erasable { "can be erased" } else { "cannot be erased" })]
    Erasable {
        /// The kind.
        kind: Kind,
        /// What the header says.
        erasable: bool,
    },
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
    /// Its bytes: version at 0, flags at 1 (1: erasable, 2: asserted), kind at 2, zeros from 4; seq at 8, recorded_at
    /// at 16, remaining at 24, payload_len at 28, prev at 32, payload_digest at 64, target at 96, zeros from 104.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = VERSION;
        bytes[1] =
            if self.erasable { ERASABLE } else { 0 } | if self.asserted { ASSERTED } else { 0 };
        bytes[2..4].copy_from_slice(&self.kind.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.seq.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.recorded_at.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.remaining.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.payload_len.to_le_bytes());
        bytes[32..64].copy_from_slice(&self.prev.0);
        bytes[64..96].copy_from_slice(&self.payload_digest.0);
        bytes[96..104].copy_from_slice(&self.target.to_le_bytes());
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`Malformed`] on another version, where a reserved byte is not zero, and where flags and target are not those of
    /// the kind. Of a kind that a later version of servanda brought, flags and target can be any.
    pub fn from_bytes(bytes: &[u8; HEADER_LEN]) -> Result<Self, Malformed> {
        if bytes[0] != VERSION {
            return Err(Malformed::Version(bytes[0]));
        }
        if bytes[4..8] != [0; 4] || bytes[104..] != [0; HEADER_LEN - 104] {
            let mut reserved = (4..8).chain(104..HEADER_LEN);
            let at = reserved.find(|&at| bytes[at] != 0).unwrap_or_default();
            return Err(Malformed::Reserved(at));
        }
        if bytes[1] > ERASABLE | ASSERTED {
            return Err(Malformed::Reserved(1));
        }
        let payload_len = u32::from_le_bytes(array(bytes, 28));
        if payload_len as usize > PAYLOAD_LIMIT {
            return Err(Malformed::PayloadLength(payload_len));
        }
        let header = Self {
            erasable: bytes[1] & ERASABLE != 0,
            asserted: bytes[1] & ASSERTED != 0,
            kind: u16::from_le_bytes(array(bytes, 2)),
            target: u64::from_le_bytes(array(bytes, 96)),
            seq: u64::from_le_bytes(array(bytes, 8)),
            recorded_at: i64::from_le_bytes(array(bytes, 16)),
            remaining: u32::from_le_bytes(array(bytes, 24)),
            payload_len,
            prev: Hash(array(bytes, 32)),
            payload_digest: Hash(array(bytes, 64)),
        };
        header.check_form()?;
        Ok(header)
    }

    /// Checks what the header says against its kind, as far as that takes no other record.
    fn check_form(&self) -> Result<(), Malformed> {
        let kind = self.kind();
        if self.seq == 0 && !kind.is_some_and(|kind| kind.spec().opens()) {
            return Err(Malformed::NoOpening(self.kind));
        }
        let Some(kind) = kind else { return Ok(()) };
        let form = &kind.spec().form;
        if self.target != 0 && !form.has_target {
            return Err(Malformed::Target(kind, self.target));
        }
        let as_demanded = match form.erasable {
            Erasable::Never => !self.erasable,
            Erasable::Always => self.erasable,
            Erasable::WithTarget => true,
        };
        if as_demanded {
            Ok(())
        } else {
            Err(Malformed::Erasable {
                kind,
                erasable: self.erasable,
            })
        }
    }

    /// The kind of its event; none where a later version of servanda brought it.
    pub fn kind(&self) -> Option<Kind> {
        Kind::of_number(self.kind)
    }

    /// The link: the hash of the header's bytes, which the next record holds as `prev`.
    pub fn link(&self) -> Hash {
        link_of(&self.to_bytes())
    }

    /// The event of a record with this header and a payload.
    pub fn content<'a>(&self, payload: &'a [u8]) -> ContentRef<'a> {
        ContentRef {
            kind: self.kind,
            target: self.target,
            payload,
        }
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
    /// The header, where it can be read; what follows it is not looked at.
    pub fn header(&self) -> Option<Header> {
        Header::from_bytes(self.0.first_chunk()?).ok()
    }

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

    /// The event in bytes; none where the payload is erased.
    pub fn content(&self) -> Option<ContentRef<'_>> {
        let payload = &self.body.as_ref()?.payload;
        Some(self.header.content(payload))
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

/// The event of a record in bytes: what its header says of it, and the payload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Content {
    /// The number of the event's kind.
    pub kind: u16,
    /// The number of the record that it is about, for the kinds that have such a target; else 0.
    pub target: u64,
    /// The encoded event.
    pub payload: Vec<u8>,
}

impl Content {
    /// The content, borrowed.
    pub fn as_ref(&self) -> ContentRef<'_> {
        ContentRef {
            kind: self.kind,
            target: self.target,
            payload: &self.payload,
        }
    }
}

/// A [`Content`] whose payload is borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRef<'a> {
    /// The number of the event's kind.
    pub kind: u16,
    /// The number of the record that it is about, or 0.
    pub target: u64,
    /// The encoded event.
    pub payload: &'a [u8],
}

/// What becomes a record once it has its place in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbound {
    /// The event.
    pub content: Content,
    /// Random bytes that keep a short payload from being guessed from its digest.
    pub salt: [u8; SALT_LEN],
    /// Whether its payload can be erased.
    pub erasable: bool,
    /// When it is recorded: microseconds since 1970 in UTC.
    pub recorded_at: i64,
    /// Whether the recorder asserts that time.
    pub asserted: bool,
}

/// Binds the records of one append to a chain: numbers, countdown, links, digests. Returns the records and the head
/// after them.
pub fn bind(head: Head, batch: Vec<Unbound>) -> (Vec<Record>, Head) {
    let mut head = head;
    let mut remaining = batch.len();
    let mut records = Vec::with_capacity(batch.len());
    for unbound in batch {
        remaining -= 1;
        let body = Body {
            salt: unbound.salt,
            payload: unbound.content.payload,
        };
        let header = Header {
            erasable: unbound.erasable,
            asserted: unbound.asserted,
            kind: unbound.content.kind,
            target: unbound.content.target,
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
