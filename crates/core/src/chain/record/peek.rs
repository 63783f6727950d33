//! Records read where they lie: nothing is copied, for those who only look.

use super::content::ContentRef;
use super::hash::{HEADER_LEN, Hash, SALT_LEN, link_of, payload_digest};
use super::header::Header;
use super::malformed::{Malformed, SIGNATURES_LIMIT};
use super::sealed::{BatchSignature, Body, PAYLOAD, Record, SIGNATURE_LEN, SIGNATURES, Sealed};

/// A [`Body`] where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyRef<'a> {
    /// Random bytes that keep a short payload from being guessed from its digest.
    pub salt: &'a [u8; SALT_LEN],
    /// The encoded event.
    pub payload: &'a [u8],
}

/// A [`Record`] where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// What is hashed into the chain.
    pub header: Header,
    /// The header as it is stored: what links and leaves are hashes of.
    pub header_bytes: &'a [u8; HEADER_LEN],
    /// What the header vouches for.
    pub body: Option<BodyRef<'a>>,
    signatures: &'a [[u8; SIGNATURE_LEN]],
}

impl<'a> RecordRef<'a> {
    /// Reads a record. Its digest is not checked here, see [`RecordRef::payload_is_sound`]; nor its signatures.
    ///
    /// # Errors
    /// [`Malformed`], unless the bytes are exactly those that [`Record::seal`] gives.
    pub fn peek(sealed: &'a [u8]) -> Result<Self, Malformed> {
        let (header_bytes, rest) = sealed
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(Malformed::Short(sealed.len()))?;
        let header = Header::from_bytes(header_bytes)?;
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
            (Some(BodyRef { salt, payload }), rest)
        };
        let signatures = if presence & SIGNATURES == 0 {
            if !rest.is_empty() {
                return Err(length(found - rest.len()));
            }
            &[]
        } else {
            peek_signatures(rest)?
        };
        Ok(Self {
            header,
            header_bytes,
            body,
            signatures,
        })
    }

    /// The link: the hash of the header's bytes, which the next record holds as `prev`.
    pub fn link(&self) -> Hash {
        link_of(self.header_bytes)
    }

    /// Who vouches for the batch that ends here, in the order of their keys' ids.
    pub fn signatures(&self) -> Vec<BatchSignature> {
        self.signatures.iter().map(signature_of).collect()
    }

    /// Whether anybody signed here.
    pub fn is_signed(&self) -> bool {
        !self.signatures.is_empty()
    }

    /// The event in bytes; none where the payload is erased.
    pub fn content(&self) -> Option<ContentRef<'a>> {
        Some(self.header.content(self.body?.payload))
    }

    /// Whether the body, where there is one, is the one that the header vouches for.
    pub fn payload_is_sound(&self) -> bool {
        self.body.is_none_or(|body| {
            payload_digest(body.salt, body.payload) == self.header.payload_digest
        })
    }

    /// The record, copied.
    pub fn to_record(self) -> Record {
        Record {
            header: self.header,
            body: self.body.map(|body| Body {
                salt: *body.salt,
                payload: body.payload.to_vec(),
            }),
            signatures: self.signatures(),
        }
    }
}

impl Record {
    /// Reads a record. Its digest is not checked here, see [`Record::payload_is_sound`]; nor its signatures.
    ///
    /// # Errors
    /// [`Malformed`], unless the bytes are exactly those that [`Record::seal`] gives.
    pub fn open(sealed: &Sealed) -> Result<Self, Malformed> {
        RecordRef::peek(&sealed.0).map(RecordRef::to_record)
    }
}

fn signature_of(bytes: &[u8; SIGNATURE_LEN]) -> BatchSignature {
    BatchSignature {
        key_id: std::array::from_fn(|i| bytes[i]),
        signature: std::array::from_fn(|i| bytes[4 + i]),
    }
}

fn peek_signatures(bytes: &[u8]) -> Result<&[[u8; SIGNATURE_LEN]], Malformed> {
    let (count, rest) = bytes.split_first().ok_or(Malformed::Signatures)?;
    let count = usize::from(*count);
    let (all, left) = rest.as_chunks::<SIGNATURE_LEN>();
    if !(1..=SIGNATURES_LIMIT).contains(&count) || all.len() != count || !left.is_empty() {
        return Err(Malformed::Signatures);
    }
    if all.is_sorted_by(|a, b| a[..4] < b[..4]) {
        Ok(all)
    } else {
        Err(Malformed::Signatures)
    }
}
