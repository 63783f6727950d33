//! Blocks: how records are packed into the values of an ordered key-value store. Pure: bytes in, bytes out.
//!
//! One value for each record would cost more than the record; one value for thousands would be rewritten as a whole. So
//! up to 256 consecutive records share a value, as far as they fit in 24 KiB after compression.
//!
//! # Bytes
//! A key is the number of the value's first record (u64) and a part number (u16), both big endian so that keys sort as
//! records do. A value starts with a tag; its numbers are little endian:
//!
//! - `1`, a block: count u16 (1 to 256), then for each record its length u32 and its bytes. Part number 0.
//! - `2`, a part of one record too long for a block: the number of parts u16, then bytes. All parts but the last are
//!   full; part numbers count from 0.
//! - `3`, a compressed block: count u16 (1 to 256), then the bytes that `block/columns.rs` describes. Part number 0.
//!
//! Blocks under 4 KiB are not compressed, because they are merged later; nor are blocks that would not get smaller.

mod columns;

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

use self::columns::MAX_PLAIN;
use servanda_core::chain::record::Sealed;

/// The most records in a block.
pub(super) const MAX_RECORDS: usize = 256;

/// Shorter blocks are not compressed.
const COMPRESSED_FROM: usize = 4 * 1024;

/// The length at which a block is ended, and the length from which on it need not grow.
const AIM: usize = MAX_VALUE / 32 * 31;
const FULL: usize = MAX_VALUE / 16 * 15;

/// The most bytes of a value.
///
/// sled keeps up to 17 values in a node, and a node of more than a quarter of a segment goes to a file that is never
/// synced: 17 times 24 KiB stay below a quarter of 2 MiB.
pub(super) const MAX_VALUE: usize = 24 * 1024;

/// The most bytes of a record: as many parts as can be numbered.
pub(super) const MAX_RECORD: usize = u16::MAX as usize * PART_ROOM;

/// Records are numbered below this, so that sums of numbers and counts do not overflow.
pub(super) const END: u64 = 1 << 62;

/// Bytes of a key.
pub(super) const KEY_LEN: usize = 10;

const BLOCK: u8 = 1;
const PART: u8 = 2;
const COMPRESSED: u8 = 3;
const TAG_AND_COUNT: usize = 3;
const LENGTH: usize = 4;
const PART_ROOM: usize = MAX_VALUE - TAG_AND_COUNT;

/// The key of a value.
pub(super) fn key(first: u64, part: u16) -> [u8; KEY_LEN] {
    let mut key = [0; KEY_LEN];
    key[..8].copy_from_slice(&first.to_be_bytes());
    key[8..].copy_from_slice(&part.to_be_bytes());
    key
}

/// The first record's number and the part number that a key holds.
pub(super) fn parse_key(key: &[u8]) -> Option<(u64, u16)> {
    let key: &[u8; KEY_LEN] = key.try_into().ok()?;
    let (first, part) = key.split_first_chunk::<8>()?;
    let part: [u8; 2] = part.try_into().ok()?;
    let first = u64::from_be_bytes(*first);
    (first < END).then(|| (first, u16::from_be_bytes(part)))
}

/// A parsed value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// The records of a block, in order.
    Block(Vec<Bytes>),
    /// A part of a record.
    Part {
        /// How many parts the record has.
        parts: u16,
        /// This part's bytes.
        bytes: &'a [u8],
    },
}

/// Parses a value, or says what is wrong with it.
pub(super) fn parse(value: &[u8]) -> Result<Value<'_>, String> {
    let (tag, count, rest) = start(value)?;
    Ok(match tag {
        BLOCK => Value::Block(parse_block(count, rest)?),
        COMPRESSED => Value::Block(columns::expand(usize::from(count), rest)?),
        _ => Value::Part {
            parts: count,
            bytes: rest,
        },
    })
}

/// The number of records in a value, according to its tag and count; 1 for a part.
pub(super) fn span(value: &[u8]) -> Result<u64, String> {
    let (tag, count, _) = start(value)?;
    Ok(if tag == PART { 1 } else { u64::from(count) })
}

/// Whether a value is a block that is worth merging with its neighbours: two such blocks fit into one.
pub(super) fn is_small(value: &[u8]) -> bool {
    let plain = |(tag, count, rest): (u8, u16, &[u8])| match tag {
        BLOCK => Some((count, rest.len())),
        COMPRESSED => {
            let length = columns::plain_len(usize::from(count), rest).ok()?.0;
            Some((count, length))
        }
        _ => None,
    };
    start(value)
        .ok()
        .and_then(plain)
        .is_some_and(|(count, plain)| {
            usize::from(count) <= MAX_RECORDS / 2
                && plain <= MAX_PLAIN / 2
                && value.len() <= MAX_VALUE / 2
        })
}

/// A value's tag, its count, and the rest.
fn start(value: &[u8]) -> Result<(u8, u16, &[u8]), String> {
    let Some((&[tag, low, high], rest)) = value.split_first_chunk::<TAG_AND_COUNT>() else {
        return Err(format!("it has only {} bytes", value.len()));
    };
    let count = u16::from_le_bytes([low, high]);
    match tag {
        BLOCK | COMPRESSED if count == 0 || usize::from(count) > MAX_RECORDS => {
            Err(format!("it says that it holds {count} records"))
        }
        PART if count == 0 => Err("it says that it is one of 0 parts".to_owned()),
        BLOCK | COMPRESSED | PART => Ok((tag, count, rest)),
        other => Err(format!(
            "its tag is {other}, not {BLOCK}, {PART} or {COMPRESSED}"
        )),
    }
}

fn parse_block(count: u16, rest: &[u8]) -> Result<Vec<Bytes>, String> {
    // One copy of all of them.
    let mut rest = Bytes::copy_from_slice(rest);
    let mut records = Vec::with_capacity(usize::from(count));
    for number in 1..=count {
        let end = rest.first_chunk::<LENGTH>().and_then(|length| {
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            LENGTH.checked_add(length)
        });
        let Some(end) = end.filter(|end| *end <= rest.len()) else {
            return Err(format!("it ends inside record {number} of {count}"));
        };
        let mut record = rest.split_to(end);
        record.advance(LENGTH);
        records.push(record);
    }
    if rest.is_empty() {
        Ok(records)
    } else {
        Err(format!("{} bytes follow its last record", rest.len()))
    }
}

/// Adds an entry to the list of small blocks at the end.
pub(super) fn note_small(small: &mut Vec<u64>, entry: &Entry) {
    if is_small(&entry.value) {
        small.push(entry.first);
    } else {
        small.clear();
    }
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The number of the first record.
    pub(super) first: u64,
    /// The part number.
    pub(super) part: u16,
    /// The value.
    pub(super) value: Vec<u8>,
}

impl Entry {
    /// Its key.
    pub(super) fn key(&self) -> [u8; KEY_LEN] {
        key(self.first, self.part)
    }
}

/// Packs records into values.
pub(super) struct Packer {
    /// The number of the first pending record.
    first: u64,
    /// The bytes of the pending records, and their lengths.
    records: Vec<u8>,
    lengths: Vec<u16>,
    /// Pending bytes from which on a full block is tried.
    enough: usize,
    ready: VecDeque<Entry>,
}

impl Packer {
    /// Makes a packer; `first` is the number of the first record.
    pub(super) fn new(first: u64) -> Self {
        Self {
            first,
            records: Vec::new(),
            lengths: Vec::new(),
            enough: AIM,
            ready: VecDeque::new(),
        }
    }

    /// Adds the next record.
    pub(super) fn push(&mut self, record: &[u8]) {
        let length = u16::try_from(record.len());
        let Some(length) = length
            .ok()
            .filter(|_| plain_len(1, record.len()) <= MAX_VALUE)
        else {
            self.finish();
            self.ready.extend(split(self.first, record));
            self.first += 1;
            return;
        };
        while self.lengths.len() == MAX_RECORDS || self.records.len() + record.len() > MAX_PLAIN {
            self.end_block();
        }
        self.records.extend_from_slice(record);
        self.lengths.push(length);
        if self.records.len() >= self.enough {
            let value = self.encode(self.lengths.len());
            // The compressed length of so many bytes tells how many are enough for a block, this one and the next.
            self.enough = self.records.len() * AIM / value.len();
            if value.len() >= FULL {
                self.end_run_as(value);
            }
        }
    }

    /// Packs all pending records.
    pub(super) fn finish(&mut self) {
        while !self.lengths.is_empty() {
            self.end_block();
        }
    }

    /// Takes the next finished value, in the order of keys.
    pub(super) fn pop(&mut self) -> Option<Entry> {
        self.ready.pop_front()
    }

    /// Ends a block with all pending records, or as many as fit.
    fn end_block(&mut self) {
        let value = self.encode(self.lengths.len());
        self.end_run_as(value);
    }

    /// Ends a block; `value` encodes all pending records.
    fn end_run_as(&mut self, mut value: Vec<u8>) {
        let mut count = self.lengths.len();
        while value.len() > MAX_VALUE {
            // One record always fits.
            count = (count * AIM / value.len()).clamp(1, count - 1);
            value = self.encode(count);
        }
        self.ready.push_back(Entry {
            first: self.first,
            part: 0,
            value,
        });
        self.records.drain(..length_of(&self.lengths[..count]));
        self.lengths.drain(..count);
        self.first += count as u64;
    }

    /// Encodes the first `count` pending records; the result may be too long.
    fn encode(&self, count: usize) -> Vec<u8> {
        let lengths = &self.lengths[..count];
        let records = &self.records[..length_of(lengths)];
        let plain_len = plain_len(count, records.len());
        let count = u16::try_from(count).expect("a block has at most MAX_RECORDS");
        let start = |tag: u8| [&[tag][..], &count.to_le_bytes()].concat();
        if plain_len >= COMPRESSED_FROM {
            let mut block = start(COMPRESSED);
            block.extend_from_slice(&columns::compress(records, lengths));
            if block.len() < plain_len {
                return block;
            }
        }
        let mut block = start(BLOCK);
        let mut rest = records;
        for length in lengths {
            let (record, after) = rest.split_at(usize::from(*length));
            block.extend_from_slice(&u32::from(*length).to_le_bytes());
            block.extend_from_slice(record);
            rest = after;
        }
        block
    }
}

fn length_of(lengths: &[u16]) -> usize {
    lengths.iter().copied().map(usize::from).sum()
}

/// The length of a block of `count` records before compression.
fn plain_len(count: usize, bytes: usize) -> usize {
    TAG_AND_COUNT + count * LENGTH + bytes
}

/// Packs records into as few values as possible, in the order of their keys.
pub(super) fn pack<'a>(
    first: u64,
    records: impl IntoIterator<Item = &'a [u8]>,
) -> impl Iterator<Item = Entry> {
    let mut packer = Packer::new(first);
    let mut records = records.into_iter();
    std::iter::from_fn(move || {
        loop {
            if let Some(entry) = packer.pop() {
                return Some(entry);
            }
            let Some(record) = records.next() else {
                packer.finish();
                return packer.pop();
            };
            packer.push(record);
        }
    })
}

fn split(first: u64, record: &[u8]) -> Vec<Entry> {
    let pieces = record.chunks(PART_ROOM);
    let parts = u16::try_from(pieces.len()).expect("a record is no longer than MAX_RECORD");
    let entry = |(part, piece): (u16, &[u8])| {
        let mut value = vec![PART];
        value.extend_from_slice(&parts.to_le_bytes());
        value.extend_from_slice(piece);
        Entry { first, part, value }
    };
    (0..).zip(pieces).map(entry).collect()
}

/// The records as slices, for [`pack`].
pub(super) fn slices(batch: &[Sealed]) -> impl Iterator<Item = &[u8]> {
    batch.iter().map(|sealed| &sealed.0[..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(first: u64, records: &[Vec<u8>]) -> Vec<Entry> {
        pack(first, records.iter().map(Vec::as_slice)).collect()
    }

    /// Reads entries back as a log would: numbers and records.
    fn unpacked(entries: &[Entry]) -> Vec<(u64, Vec<u8>)> {
        let mut records: Vec<(u64, Vec<u8>)> = Vec::new();
        for entry in entries {
            match parse(&entry.value).unwrap() {
                Value::Block(block) => {
                    records.extend((entry.first..).zip(block.iter().map(|record| record.to_vec())));
                }
                Value::Part { bytes, .. } if entry.part == 0 => {
                    records.push((entry.first, bytes.to_vec()))
                }
                Value::Part { bytes, .. } => records.last_mut().unwrap().1.extend_from_slice(bytes),
            }
        }
        records
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let entries = packed(258, &[b"ab".to_vec(), b"".to_vec()]);
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].key(), [0, 0, 0, 0, 0, 0, 1, 2, 0, 0]);
        assert_eq!(entries[0].value, b"\x01\x02\0\x02\0\0\0ab\0\0\0\0");
        let parts = packed(0, &[vec![7; MAX_VALUE]]);
        let starts: Vec<_> = parts.iter().map(|part| &part.value[..4]).collect();
        assert_eq!(starts, [&[2, 2, 0, 7], &[2, 2, 0, 7]]);
        assert_eq!((parts[0].value.len(), parts[1].value.len()), (MAX_VALUE, 6));
    }

    fn counts(entries: &[Entry]) -> Vec<u64> {
        let count = |entry: &Entry| span(&entry.value).unwrap();
        entries.iter().map(count).collect()
    }

    /// Bytes that nothing makes shorter.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x2545_f491_4f6c_dd1d_u64 ^ length as u64;
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        (0..length).map(next).collect()
    }

    #[test]
    fn a_run_is_full_at_256_records_or_24_kibibytes() {
        assert_eq!(counts(&packed(0, &vec![vec![1]; 600])), [256, 256, 88]);
        let exact = MAX_VALUE - TAG_AND_COUNT - LENGTH;
        assert_eq!(packed(0, &[noise(exact)])[0].value.len(), MAX_VALUE);
        assert_eq!(packed(0, &[noise(exact + 1)])[0].value[0], PART);
        let blocks = packed(
            0,
            &vec![noise(240); 500]
                .iter()
                .map(|_| noise(240))
                .collect::<Vec<_>>(),
        );
        assert!(blocks.iter().all(|block| block.value.len() <= MAX_VALUE));
        let noisy: Vec<_> = (0..1000)
            .map(|at| noise(240 + at % 7 * 1000 % 240 + at))
            .collect();
        let blocks = packed(0, &noisy);
        let (last, full) = blocks.split_last().unwrap();
        assert!(
            full.iter()
                .all(|block| (FULL - 1300..=MAX_VALUE).contains(&block.value.len()))
        );
        assert!(last.value.len() <= MAX_VALUE);
    }

    #[test]
    fn a_run_is_compressed_where_that_pays() {
        let tag = |records: &[Vec<u8>]| packed(0, records)[0].value[0];
        assert_eq!(tag(&vec![vec![7; 400]; 60]), COMPRESSED);
        assert_eq!(tag(&vec![vec![7; 400]; 10]), BLOCK);
        assert_eq!(tag(&[vec![7; 20_000]]), COMPRESSED);
        assert_eq!(tag(&[noise(20_000)]), BLOCK);
    }

    /// However much smaller they get: blocks that could still grow would be merged again and again.
    #[test]
    fn merging_small_blocks_leaves_at_most_one_small_block() {
        let lengths = |at: usize| at * 61 % (MAX_VALUE / 2 - 7);
        let alike: Vec<_> = (0..200).map(|at| vec![0; lengths(at)]).collect();
        let noisy: Vec<_> = (0..200).map(|at| noise(lengths(at) / 20)).collect();
        let tiny = vec![vec![1]; 1000];
        let long = vec![vec![1; 24_000]; 100];
        for records in [alike, noisy, tiny, long] {
            let blocks = packed(0, &records);
            let small = blocks.iter().filter(|block| is_small(&block.value)).count();
            assert!(small <= 1, "{small}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_value_is_said() {
        for (value, said) in [
            (&b""[..], "only 0 bytes"),
            (b"\x01\0\0", "0 records"),
            (b"\x01\x01\x01", "257 records"),
            (b"\x03\0\0", "0 records"),
            (b"\x03\x01\0\0\0", "too short"),
            (b"\x01\x01\0\x02\0\0\0a", "inside record 1 of 1"),
            (b"\x01\x01\0\x01\0\0\0ab", "1 bytes follow"),
            (b"\x02\0\0ab", "0 parts"),
            (b"\x09\0\0ab", "tag is 9"),
        ] {
            let error = parse(value).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            first in 0..END / 2,
            lengths in prop::collection::vec((prop_oneof![0..400usize, 0..80_000usize], any::<bool>()), 0..150),
        ) {
            let record = |&(length, noisy): &(usize, bool)| {
                if noisy { noise(length) } else { vec![length as u8; length] }
            };
            let records: Vec<_> = lengths.iter().map(record).collect();
            let entries = packed(first, &records);
            prop_assert!(entries.iter().all(|entry| entry.value.len() <= MAX_VALUE));
            prop_assert!(entries.windows(2).all(|pair| pair[0].key() < pair[1].key()));
            let expected: Vec<_> = (first..).zip(records).collect();
            prop_assert_eq!(unpacked(&entries), expected);
        }

        #[test]
        fn no_value_panics(value: Vec<u8>) {
            let _ = parse(&value);
        }
    }
}
