//! The header of a record.

use super::content::ContentRef;
use super::hash::{HEADER_LEN, Hash, link_of};
use super::malformed::{Malformed, PAYLOAD_LIMIT, VERSION};
use crate::event::{Erasable, Kind};

/// Bits of the header's byte 1: its flags.
const ERASABLE: u8 = 1;
const ASSERTED: u8 = 2;

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
    *bytes[at..]
        .first_chunk()
        .expect("the place is inside the header")
}
