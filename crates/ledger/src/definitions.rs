//! The payloads that reports on all of a ledger need: what defines parties, agreements and commitments, and what
//! amends or corrects that. A snapshot holds a copy of them, so that a report need not look for them among all
//! the other records. None of them is erasable, so that the copy survives no erasure.
//!
//! Bytes of each, little endian: its record's number (4), recorded time (8), kind (2), target (8), length (4), payload. They
//! are compressed together, block by block.

use std::sync::{Arc, OnceLock};

use servanda_core::archive::Copies;
use servanda_core::chain::record::{ContentRef, Header, PAYLOAD_LIMIT, Record};
use servanda_core::event::{Erasable, Kind};
use servanda_log::pack::{pack, unpack};

/// Bytes after which a block is closed.
const BLOCK: usize = 64 * 1024;

/// The bytes before a payload.
const FRONT: usize = 26;

/// Copies of payloads, in the order of their records.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    closed: Vec<Block>,
    /// Those that are not compressed yet.
    open: Vec<u8>,
}

/// Payloads that are compressed together.
#[derive(Debug, Clone)]
struct Block {
    /// The number of its first record.
    first: u32,
    /// How many bytes there are.
    length: u32,
    packed: Arc<[u8]>,
}

/// A payload that was found, and when it was recorded.
#[derive(Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The number of its record.
    pub seq: u64,
    /// The recorded time, in microseconds since 1970.
    pub recorded_at: i64,
    /// Its content.
    pub content: ContentRef<'a>,
}

/// Whether reports on all of a ledger need events of this kind.
fn is_wanted(kind: Kind) -> bool {
    // What may be erased is not copied.
    !kind.spec().is_frequent() && kind.spec().form.erasable != Erasable::Always
}

impl Definitions {
    /// Takes a copy of the next record's payload, if it has one and that is wanted.
    pub fn push_record(&mut self, record: &Record) {
        if let Some(body) = &record.body {
            self.push(&record.header, &body.payload);
        }
    }

    /// As [`Definitions::push_record`], by its parts.
    pub fn push(&mut self, header: &Header, payload: &[u8]) {
        let (false, Ok(seq)) = (header.erasable, u32::try_from(header.seq)) else {
            return;
        };
        if !Kind::of_number(header.kind).is_some_and(is_wanted) {
            return;
        }
        self.open.extend_from_slice(&seq.to_le_bytes());
        self.open
            .extend_from_slice(&header.recorded_at.to_le_bytes());
        self.open.extend_from_slice(&header.kind.to_le_bytes());
        self.open.extend_from_slice(&header.target.to_le_bytes());
        let length = payload.len() as u32;
        self.open.extend_from_slice(&length.to_le_bytes());
        self.open.extend_from_slice(payload);
        if self.open.len() >= BLOCK {
            self.close();
        }
    }

    fn close(&mut self) {
        if let Some(first) = each(&self.open).next() {
            self.closed.push(Block {
                first: first.seq as u32,
                length: self.open.len() as u32,
                packed: pack(&self.open).into(),
            });
        }
        self.open = Vec::new();
    }

    /// Its bytes: each block's first number, length, packed length and packed bytes, then those not packed yet.
    /// They are given away piece by piece.
    pub fn each_piece(&self, give: &mut dyn FnMut(&[u8])) {
        give(&(self.closed.len() as u32).to_le_bytes());
        for block in &self.closed {
            for number in [block.first, block.length, block.packed.len() as u32] {
                give(&number.to_le_bytes());
            }
            give(&block.packed);
        }
        give(&self.open);
    }

    /// How many bytes it has.
    pub fn length(&self) -> usize {
        let mut length = 0;
        self.each_piece(&mut |piece| length += piece.len());
        length
    }

    /// What these are the bytes of, if they are.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let number = |rest: &mut &[u8]| -> Option<u32> {
            let (number, after) = rest.split_first_chunk::<4>()?;
            *rest = after;
            Some(u32::from_le_bytes(*number))
        };
        let mut closed = Vec::new();
        for _ in 0..number(&mut rest)? {
            let (first, length) = (number(&mut rest)?, number(&mut rest)?);
            let packed = usize::try_from(number(&mut rest)?).ok()?;
            let (packed, after) = rest.split_at_checked(packed)?;
            rest = after;
            // What is damaged may claim any length.
            if length as usize > BLOCK + FRONT + PAYLOAD_LIMIT {
                return None;
            }
            closed.push(Block {
                first,
                length,
                packed: packed.into(),
            });
        }
        let open = rest.to_vec();
        Some(Self { closed, open })
    }
}

/// The payloads in a block, in order.
fn each(block: &[u8]) -> impl Iterator<Item = Found<'_>> {
    let mut rest = block;
    std::iter::from_fn(move || {
        let (seq, after) = rest.split_first_chunk::<4>()?;
        let (recorded_at, after) = after.split_first_chunk::<8>()?;
        let (kind, after) = after.split_first_chunk::<2>()?;
        let (target, after) = after.split_first_chunk::<8>()?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (payload, after) = after.split_at_checked(length)?;
        rest = after;
        Some(Found {
            seq: u32::from_le_bytes(*seq).into(),
            recorded_at: i64::from_le_bytes(*recorded_at),
            content: ContentRef {
                kind: u16::from_le_bytes(*kind),
                target: u64::from_le_bytes(*target),
                payload,
            },
        })
    })
}

/// Definitions that are looked up. Blocks are unpacked when they are asked for, and stay.
pub struct Library {
    blocks: Vec<Block>,
    unpacked: Vec<OnceLock<Unpacked>>,
}

/// A block's payloads.
struct Unpacked {
    bytes: Vec<u8>,
    /// The number of each record, and where its payload is.
    places: Vec<(u64, usize)>,
}

impl Unpacked {
    /// Of a block; of nothing where that is damaged.
    fn of(block: &Block) -> Self {
        let bytes = match block.length {
            0 => block.packed.to_vec(),
            length => unpack(&block.packed, length as usize).unwrap_or_default(),
        };
        let mut at = 0;
        let places = each(&bytes).map(|found| {
            let place = (found.seq, at);
            at += FRONT + found.content.payload.len();
            place
        });
        let places = places.collect();
        Self { bytes, places }
    }

    fn find(&self, seq: u64) -> Option<Found<'_>> {
        let place = self.places.binary_search_by_key(&seq, |place| place.0);
        each(&self.bytes[self.places[place.ok()?].1..]).next()
    }
}

impl Copies for Library {
    fn find(&self, seq: u64) -> Option<(i64, ContentRef<'_>)> {
        let found = self.look_up(seq)?;
        Some((found.recorded_at, found.content))
    }
}

impl Library {
    /// A library of these.
    pub fn new(definitions: &Definitions) -> Self {
        let mut blocks: Vec<Block> = definitions.closed.clone();
        if let Some(first) = each(&definitions.open).next() {
            blocks.push(Block {
                first: first.seq as u32,
                // What is not packed has no length to be unpacked to.
                length: 0,
                packed: definitions.open.as_slice().into(),
            });
        }
        Self {
            unpacked: blocks.iter().map(|_| OnceLock::new()).collect(),
            blocks,
        }
    }

    /// The copy of a record's payload; none where there is none.
    fn look_up(&self, seq: u64) -> Option<Found<'_>> {
        let after = self
            .blocks
            .partition_point(|block| u64::from(block.first) <= seq);
        let at = after.checked_sub(1)?;
        let unpacked = self.unpacked[at].get_or_init(|| Unpacked::of(&self.blocks[at]));
        unpacked.find(seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(definitions: &Definitions) -> Vec<u8> {
        let mut bytes = Vec::new();
        definitions.each_piece(&mut |piece| bytes.extend_from_slice(piece));
        bytes
    }
    use servanda_core::chain::codec;
    use servanda_core::chain::record::{Content, Hash};
    use servanda_core::testing::{entries, history};

    fn header(seq: u64, erasable: bool, content: &Content) -> Header {
        Header {
            seq,
            kind: content.kind,
            target: content.target,
            erasable,
            asserted: false,
            recorded_at: 7 * seq as i64,
            remaining: 0,
            payload_len: 0,
            prev: Hash::ZERO,
            payload_digest: Hash::ZERO,
        }
    }

    #[test]
    fn what_is_wanted_is_found_again_and_nothing_else() {
        let mut definitions = Definitions::default();
        let events = history(3, 2_000);
        let mut kept = 0;
        for entry in entries(&events) {
            let content = codec::encode(&entry.event).unwrap();
            let erasable = servanda_core::rules::may_be_redacted(entry.event.kind());
            let header = header(entry.seq.0, erasable, &content);
            definitions.push(&header, &content.payload);
        }
        let bytes = bytes_of(&definitions);
        let again = Definitions::from_bytes(&bytes).unwrap();
        assert!(again.closed.len() > 1 && !again.open.is_empty());
        assert_eq!(bytes_of(&again), bytes);
        let library = Library::new(&again);
        for entry in entries(&events) {
            let content = codec::encode(&entry.event).unwrap();
            let kind = entry.event.kind();
            let found = library.look_up(entry.seq.0);
            let wanted = is_wanted(kind) && !servanda_core::rules::may_be_redacted(kind);
            let expected = wanted.then_some(Found {
                seq: entry.seq.0,
                recorded_at: 7 * entry.seq.0 as i64,
                content: content.as_ref(),
            });
            assert_eq!(found, expected, "record {}", entry.seq);
            kept += usize::from(wanted);
        }
        assert!(kept > 100);
    }

    /// What snapshots hold must not change with the library that packs it: `verify` compares them byte by byte. Where
    /// this fails after an update, the version of snapshots must go up.
    #[test]
    fn blocks_are_packed_as_ever() {
        let text: Vec<u8> = (0..BLOCK)
            .map(|at| b"abcdefghij"[at * at % 97 % 10])
            .collect();
        let packed = servanda_core::chain::record::local_checksum(&pack(&text));
        assert_eq!(
            packed.to_string(),
            "07fe39e9bc0baada17f585407c1d6b14fcb8a9486cf195ac69ba06303d67b000"
        );
    }

    #[test]
    fn damaged_bytes_are_none_or_find_nothing_wrong() {
        for bytes in [&[][..], &[1, 0, 0, 0], &[255; 40], &[0, 0, 0, 0, 9, 9]] {
            if let Some(definitions) = Definitions::from_bytes(bytes) {
                assert_eq!(Library::new(&definitions).look_up(0), None);
            }
        }
    }
}
