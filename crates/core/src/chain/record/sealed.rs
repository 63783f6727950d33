//! Records and their bytes in a log.

use bytes::Bytes;

use super::content::ContentRef;
use super::hash::{HEADER_LEN, SALT_LEN, payload_digest};
use super::header::Header;

/// Bits of the byte after the header: what follows it.
pub(super) const PAYLOAD: u8 = 1;
pub(super) const SIGNATURES: u8 = 2;

/// Bytes of one recorder's signature: the key's id and the Ed25519 signature.
pub(super) const SIGNATURE_LEN: usize = 4 + 64;

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
    /// An Ed25519 signature of [`recorder_message`](super::head::recorder_message).
    pub signature: [u8; 64],
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
