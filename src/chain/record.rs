//! Records: header, salt and payload, and the link that binds each to all before it. The only file that
//! names blake3.
//!
//! A link is the hash of a fixed-size header, and a header holds its predecessor's link and its payload's
//! digest. So a payload can be destroyed under a redaction and every link stays valid, and ranges of
//! headers can be checked in parallel.

use std::fmt;
use std::io;
use std::sync::LazyLock;

use blake3::Hasher;

/// Bytes of a header: two BLAKE3 blocks.
pub const HEADER_LEN: usize = 128;

/// Bytes of a salt.
pub const SALT_LEN: usize = 16;

/// The version of the record format that is written, and the only one read so far.
pub const VERSION: u8 = 1;

const BLOCK: usize = 64;
/// Bits of the byte after the header: what follows it.
const PAYLOAD: u8 = 1;
const SIGNATURES: u8 = 2;

/// Bytes of one recorder's signature: the key's id and the Ed25519 signature.
const SIGNATURE_LEN: usize = 4 + 64;

/// Most recorders who sign one batch.
pub const SIGNATURES_LIMIT: usize = 32;

static RECORD_KEY: LazyLock<Hasher> =
    LazyLock::new(|| Hasher::new_derive_key("servanda v1 record"));
static PAYLOAD_KEY: LazyLock<Hasher> =
    LazyLock::new(|| Hasher::new_derive_key("servanda v1 payload"));
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
    let used = (SALT_LEN + payload.len()) % BLOCK;
    let padding = if used == 0 { 0 } else { BLOCK - used };
    let mut hasher = PAYLOAD_KEY.clone();
    hasher
        .update(salt)
        .update(payload)
        .update(&ZEROS[..padding]);
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
    let mut hasher = LOCAL_KEY.clone();
    hasher.update(bytes);
    finish(&hasher)
}

/// What a record says of itself and of its place; 128 bytes, little endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its place in the chain, from 0.
    pub seq: u64,
    /// Whether its payload may be destroyed under a redaction, leaving replay the same. Hashed with the rest, so
    /// that nobody can decide it later.
    pub redactable: bool,
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
    /// A byte that must be zero is not, or the mark of what is redactable is neither 0 nor 1.
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
    /// Its bytes: version at 0, 1 at 1 if it is redactable, then zeros; seq at 8, recorded_at at 16, remaining at 24, payload_len at
    /// 28, prev at 32, payload_digest at 64, zeros from 96.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = VERSION;
        bytes[1] = u8::from(self.redactable);
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
        let reserved = (2..8).chain(96..HEADER_LEN);
        if let Some(at) = reserved.into_iter().find(|&at| bytes[at] != 0) {
            return Err(Malformed::Reserved(at));
        }
        if bytes[1] > 1 {
            return Err(Malformed::Reserved(1));
        }
        Ok(Self {
            redactable: bytes[1] == 1,
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
        let mut hasher = RECORD_KEY.clone();
        hasher.update(&self.to_bytes());
        finish(&hasher)
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

/// A record's bytes as a store keeps them: opaque to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

impl Record {
    /// Its bytes: the header; a byte that tells what follows (1: the body, 2: signatures); salt and payload;
    /// the number of signatures as a byte, then key id and signature of each.
    pub fn seal(&self) -> Sealed {
        let mut bytes = self.header.to_bytes().to_vec();
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
        Sealed(bytes)
    }

    /// Reads a record. Its digest is not checked here, see [`Record::payload_is_sound`]; nor its signatures.
    ///
    /// # Errors
    /// [`Malformed`], unless the bytes are exactly those that [`Record::seal`] gives.
    pub fn open(sealed: &Sealed) -> Result<Self, Malformed> {
        let bytes = &sealed.0;
        let (header, rest) = bytes
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(Malformed::Short(bytes.len()))?;
        let header = Header::from_bytes(header)?;
        let found = rest.len();
        let length = |expected| Malformed::Body { expected, found };
        let (presence, rest) = rest.split_first().ok_or(length(1))?;
        if *presence > (PAYLOAD | SIGNATURES) {
            return Err(Malformed::Presence(*presence));
        }
        let (body, rest) = if presence & PAYLOAD == 0 {
            (None, rest)
        } else {
            let expected = 1 + SALT_LEN + header.payload_len as usize;
            let (salt, rest) = rest
                .split_first_chunk::<SALT_LEN>()
                .ok_or(length(expected))?;
            let (payload, rest) = rest
                .split_at_checked(header.payload_len as usize)
                .ok_or(length(expected))?;
            let payload = payload.to_vec();
            (
                Some(Body {
                    salt: *salt,
                    payload,
                }),
                rest,
            )
        };
        let signatures = if presence & SIGNATURES == 0 {
            if !rest.is_empty() {
                return Err(length(found - rest.len()));
            }
            Vec::new()
        } else {
            open_signatures(rest)?
        };
        Ok(Self {
            header,
            body,
            signatures,
        })
    }

    /// Whether the body, where there is one, is the one that the header vouches for.
    pub fn payload_is_sound(&self) -> bool {
        self.body.as_ref().is_none_or(|body| {
            payload_digest(&body.salt, &body.payload) == self.header.payload_digest
        })
    }
}

fn open_signatures(bytes: &[u8]) -> Result<Vec<BatchSignature>, Malformed> {
    let (count, rest) = bytes.split_first().ok_or(Malformed::Signatures)?;
    let count = usize::from(*count);
    let (all, left) = rest.as_chunks::<SIGNATURE_LEN>();
    if !(1..=SIGNATURES_LIMIT).contains(&count) || all.len() != count || !left.is_empty() {
        return Err(Malformed::Signatures);
    }
    let signatures: Vec<BatchSignature> = all
        .iter()
        .map(|one| BatchSignature {
            key_id: std::array::from_fn(|i| one[i]),
            signature: std::array::from_fn(|i| one[4 + i]),
        })
        .collect();
    if signatures.is_sorted_by(|a, b| a.key_id < b.key_id) {
        Ok(signatures)
    } else {
        Err(Malformed::Signatures)
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

/// Binds the bodies of one append to a chain: counts down, links, digests. Gives the records and the head
/// after them. None of them is redactable.
pub fn bind(head: Head, recorded_at: i64, bodies: Vec<Body>) -> (Vec<Record>, Head) {
    let bodies = bodies.into_iter().map(|body| (body, false)).collect();
    bind_marked(head, recorded_at, bodies)
}

/// As [`bind`], with each body whether its record is redactable.
pub fn bind_marked(head: Head, recorded_at: i64, bodies: Vec<(Body, bool)>) -> (Vec<Record>, Head) {
    let mut head = head;
    let mut remaining = bodies.len();
    let mut records = Vec::with_capacity(bodies.len());
    for (body, redactable) in bodies {
        remaining -= 1;
        let header = Header {
            redactable,
            seq: head.count,
            recorded_at,
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
mod tests {
    use super::super::testing::{hex, unhex};
    use super::*;
    use proptest::prelude::*;

    /// Two appends with every byte and hash of them, computed by a program in another language from the
    /// description of the format alone.
    const GOLDEN: &str = include_str!("../../fixtures/golden/chain-v1.json");

    #[test]
    fn a_chain_has_the_bytes_and_hashes_that_were_pinned() {
        let golden: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
        let golden = golden["records"].as_array().unwrap();
        let bodies: Vec<Body> = golden
            .iter()
            .map(|pinned| Body {
                salt: unhex(pinned["salt"].as_str().unwrap()).try_into().unwrap(),
                payload: unhex(pinned["payload"].as_str().unwrap()),
            })
            .collect();
        let time = |at: usize| golden[at]["recorded_at"].as_i64().unwrap();
        let (mut records, head) = bind(Head::EMPTY, time(0), bodies[..1].to_vec());
        let (second, head) = bind(head, time(1), bodies[1..].to_vec());
        records.extend(second);
        assert_eq!(records.len(), golden.len());
        for (record, pinned) in records.iter().zip(golden) {
            let text = |name: &str| pinned[name].as_str().unwrap();
            let header = &record.header;
            assert_eq!(Some(header.seq), pinned["seq"].as_u64());
            assert_eq!(
                Some(u64::from(header.remaining)),
                pinned["remaining"].as_u64()
            );
            assert_eq!(hex(&header.to_bytes()), text("header"));
            assert_eq!(header.payload_digest.to_string(), text("payload_digest"));
            assert_eq!(header.link().to_string(), text("link"));
            let without = Record {
                body: None,
                ..record.clone()
            };
            for (record, name) in [(record, "sealed"), (&without, "sealed_without_payload")] {
                assert_eq!(hex(&record.seal().0), text(name));
                let reread = Record::open(&Sealed(unhex(text(name))));
                assert_eq!(reread.as_ref(), Ok(record));
                assert!(record.payload_is_sound());
            }
        }
        assert_eq!(head.count, 3);
        assert_eq!(
            Some(head.link.to_string().as_str()),
            golden[2]["link"].as_str()
        );
    }

    fn body(payload: &[u8]) -> Body {
        Body {
            salt: [7; SALT_LEN],
            payload: payload.to_vec(),
        }
    }

    #[test]
    fn a_batch_counts_down_and_links_up() {
        let (records, head) = bind(Head::EMPTY, 5, vec![body(b"a"), body(b"b"), body(b"")]);
        let remaining: Vec<u32> = records.iter().map(|r| r.header.remaining).collect();
        assert_eq!(remaining, [2, 1, 0]);
        assert_eq!(records[0].header.prev, Hash::ZERO);
        assert_eq!(records[1].header.prev, records[0].header.link());
        assert_eq!(
            head,
            Head {
                count: 3,
                link: records[2].header.link()
            }
        );
    }

    #[test]
    fn a_record_without_its_body_keeps_its_link() {
        let (mut records, head) = bind(Head::EMPTY, 5, vec![body(b"secret")]);
        records[0].body = None;
        let reread = Record::open(&records[0].seal()).unwrap();
        assert_eq!(Head::after(&reread.header), head);
        assert!(reread.payload_is_sound());
    }

    #[test]
    fn every_flipped_byte_is_seen_by_opening_the_digest_or_the_link() {
        let (records, head) = bind(Head::EMPTY, 5, vec![body(b"one payload")]);
        let sealed = records[0].seal();
        for at in 0..sealed.0.len() {
            for mask in [1u8, 0x80, 0xff] {
                let mut bytes = sealed.0.clone();
                bytes[at] ^= mask;
                let seen = match Record::open(&Sealed(bytes)) {
                    Err(_) => true,
                    Ok(record) => !record.payload_is_sound() || Head::after(&record.header) != head,
                };
                assert!(seen, "byte {at} ^ {mask}");
            }
        }
    }

    proptest! {
        #[test]
        fn records_read_what_they_write(payload: Vec<u8>, salt: [u8; SALT_LEN], time: i64) {
            let (records, _) = bind(Head::EMPTY, time, vec![Body { salt, payload }]);
            let reread = Record::open(&records[0].seal());
            prop_assert_eq!(reread.as_ref(), Ok(&records[0]));
            prop_assert!(records[0].payload_is_sound());
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            if let Ok(record) = Record::open(&Sealed(bytes.clone())) {
                prop_assert_eq!(record.seal(), Sealed(bytes));
            }
        }
    }
}
