//! The payloads that reports on all of a ledger need: what defines parties, agreements and commitments, and what
//! amends or corrects that. A snapshot holds a copy of them, so that a report need not look for them among all
//! the other records. None of them is erasable, so that the copy survives no erasure.
//!
//! Bytes of each, little endian: its record's number (4), recorded time (8), kind (2), target (8), length (4), payload. They
//! are compressed together, block by block. In a snapshot a block is a page, whose key is the number of its first record: how
//! many bytes it unpacks to (4), and the packed bytes. The bytes that are not packed yet are in the snapshot's root.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use servanda_core::archive::Copies;
use servanda_core::chain::record::{ContentRef, Header, PAYLOAD_LIMIT, Record};
use servanda_core::event::{Erasable, Kind};
use servanda_core::pages::{PageWriter, Pages};
use servanda_core::state::State;
use servanda_log::pack::{pack, unpack};

/// Bytes after which a block is closed.
const BLOCK: usize = 64 * 1024;

/// The table of a snapshot that has the blocks: the one behind those of the state.
const TABLE: usize = State::TABLES;

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
    bytes: BlockBytes,
}

/// The bytes of a block: how many bytes it unpacks to, then the packed ones.
#[derive(Debug, Clone)]
enum BlockBytes {
    /// In memory.
    Here(Arc<[u8]>),
    /// In this page of a snapshot.
    Stored(Arc<Pages>, usize),
    /// Those of a block that is not packed.
    Plain(Arc<[u8]>),
}

impl BlockBytes {
    /// The bytes of a page; none where they are not packed, or lost for good.
    fn page(&self) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Here(bytes) => Some(Cow::Borrowed(bytes)),
            Self::Stored(pages, page) => {
                let read = pages.read(TABLE, *page, |bytes| Some(bytes.to_vec()));
                read.map(Cow::Owned)
            }
            Self::Plain(_) => None,
        }
    }

    /// The payloads; none where they are damaged.
    fn unpacked(&self) -> Option<Vec<u8>> {
        if let Self::Plain(bytes) = self {
            return Some(bytes.to_vec());
        }
        let page = match self {
            // The records have what is damaged here.
            Self::Stored(pages, page) => Cow::Owned(pages.peek(TABLE, *page)?),
            _ => self.page()?,
        };
        let (length, packed) = page.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        // What is forged may claim any length.
        let fits = length <= BLOCK + FRONT + PAYLOAD_LIMIT;
        fits.then(|| unpack(packed, length).ok())?
    }
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

    /// Whether the payload of a record is wanted.
    pub fn wants(header: &Header) -> bool {
        !header.erasable && header.kind().is_some_and(is_wanted)
    }

    /// As [`Definitions::push_record`], by its parts.
    pub fn push(&mut self, header: &Header, payload: &[u8]) {
        let (true, Ok(seq)) = (Self::wants(header), u32::try_from(header.seq)) else {
            return;
        };
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
            let mut bytes = (self.open.len() as u32).to_le_bytes().to_vec();
            bytes.extend_from_slice(&pack(&self.open));
            self.closed.push(Block {
                first: first.seq as u32,
                bytes: BlockBytes::Here(bytes.into()),
            });
        }
        self.open = Vec::new();
    }

    /// Writes the table of closed blocks, and gives the bytes that are not packed yet.
    pub fn write_pages(&self, to: &mut PageWriter<'_>) -> &[u8] {
        for block in &self.closed {
            let page = block.bytes.page().unwrap_or_default();
            to.page(block.first.into()).extend_from_slice(&page);
            to.close_page();
        }
        to.close_table(self.closed.len() as u64);
        &self.open
    }

    /// Those of a snapshot, with these bytes that are not packed yet.
    pub fn from_pages(pages: &Arc<Pages>, open: &[u8]) -> Self {
        let block = |page| {
            let first = pages.key(TABLE, page)?;
            Some(Block {
                first: u32::try_from(first).ok()?,
                bytes: BlockBytes::Stored(pages.clone(), page),
            })
        };
        Self {
            closed: (0..pages.count(TABLE)).filter_map(block).collect(),
            open: open.to_vec(),
        }
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
        let bytes = block.bytes.unpacked().unwrap_or_default();
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
                bytes: BlockBytes::Plain(definitions.open.as_slice().into()),
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

    /// Its bytes in a snapshot, behind as many tables as a state has.
    fn bytes_of(definitions: &Definitions) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut give = |piece: &[u8]| bytes.extend_from_slice(piece);
        let mut to = PageWriter::new(&mut give);
        (0..TABLE).for_each(|_| to.close_table(0));
        let open = definitions.write_pages(&mut to);
        to.finish(open);
        bytes
    }

    fn again(bytes: Vec<u8>) -> Definitions {
        let (pages, open) = Pages::open(Arc::new(bytes), 0, None).unwrap();
        Definitions::from_pages(&Arc::new(pages), &open)
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
        let again = self::again(bytes.clone());
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

    /// Check sums of forged pages fit.
    #[test]
    fn forged_blocks_are_of_nothing() {
        for page in [&[1][..], &[1, 0, 0, 0], &[255; 40], &[0, 0, 0, 0, 9, 9]] {
            let forged = Definitions {
                closed: vec![Block {
                    first: 0,
                    bytes: BlockBytes::Here(page.into()),
                }],
                open: vec![9],
            };
            assert_eq!(Library::new(&again(bytes_of(&forged))).look_up(0), None);
        }
    }
}
