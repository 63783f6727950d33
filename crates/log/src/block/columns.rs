//! Compressed blocks: the records of a block in columns, most of which LZ4 makes smaller.
//!
//! Hashes and salts are random and are not compressed. The rest is sorted into columns of similar bytes. The columns
//! follow the parts of a record's header, but any bytes of any length are restored exactly.
//!
//! # Bytes
//! After the block's tag and count: the length u32 of the text below before it was compressed, its compressed length
//! u32, and an LZ4 block of
//!
//! - the lengths of the records (u16): the low bytes of all, then the high bytes;
//! - the first 32 bytes of each record, with zeros where it is shorter: the first byte of all, then the second, and so
//!   on, each less the one of the record before, modulo 256;
//! - the bytes from 96 to 129 of each record, as far as it has them, then the bytes from 145 on of each.
//!
//! Then the bytes from 32 to 96 of each record, and those from 129 to 145.

use std::ops::Range;

use bytes::Bytes;

use crate::pack::{self, pack};

/// The most bytes of the records in a block, before they are compressed.
pub(super) const MAX_PLAIN: usize = 256 * 1024;

/// Version, flags, kind, number, time and lengths: they change little from record to record.
const FIELDS: usize = 32;
/// The link before and the payload's digest.
const HASHES: Range<usize> = 32..96;
/// The target, zeros, and the byte that tells whether a payload follows.
const FLAGS: Range<usize> = 96..129;
const SALT: Range<usize> = 129..145;

const LENGTH: usize = 4;

/// Compresses records, given as one byte string and their lengths.
pub(super) fn compress(records: &[u8], lengths: &[u16]) -> Vec<u8> {
    let rows = || {
        lengths.iter().scan(records, |rest, length| {
            let (row, after) = rest.split_at_checked(usize::from(*length))?;
            *rest = after;
            Some(row)
        })
    };
    let mut plain = Vec::with_capacity(records.len());
    plain.extend(lengths.iter().map(|length| length.to_le_bytes()[0]));
    plain.extend(lengths.iter().map(|length| length.to_le_bytes()[1]));
    for at in 0..FIELDS {
        let mut before = 0_u8;
        for row in rows() {
            let byte = row.get(at).copied().unwrap_or(0);
            plain.push(byte.wrapping_sub(before));
            before = byte;
        }
    }
    rows().for_each(|row| plain.extend_from_slice(cut(row, FLAGS)));
    rows().for_each(|row| plain.extend_from_slice(cut(row, SALT.end..usize::MAX)));
    let packed = pack(&plain);
    let mut bytes = Vec::with_capacity(2 * LENGTH + packed.len() + lengths.len() * 80);
    for length in [plain.len(), packed.len()] {
        let length = u32::try_from(length).expect("a block is far shorter");
        bytes.extend_from_slice(&length.to_le_bytes());
    }
    bytes.extend_from_slice(&packed);
    rows().for_each(|row| bytes.extend_from_slice(cut(row, HASHES)));
    rows().for_each(|row| bytes.extend_from_slice(cut(row, SALT)));
    bytes
}

/// The bytes of a record in this range.
fn cut(record: &[u8], range: Range<usize>) -> &[u8] {
    let end = range.end.min(record.len());
    &record[range.start.min(end)..end]
}

/// The number of bytes of a record of this length in this range.
fn part(length: usize, range: &Range<usize>) -> usize {
    range.end.min(length).saturating_sub(range.start)
}

/// Expands a block of `count` records, or says what is wrong with it.
pub(super) fn expand(count: usize, bytes: &[u8]) -> Result<Vec<Bytes>, String> {
    let (plain, raw) = unpack(count, bytes)?;
    let mut plain = Column(&plain);
    let mut raw = Column(raw);
    let (low, high) = (plain.take(count)?, plain.take(count)?);
    let lengths = low.iter().zip(high);
    let lengths: Vec<usize> = lengths
        .map(|(&low, &high)| usize::from(u16::from_le_bytes([low, high])))
        .collect();
    let all = |range: Range<usize>| lengths.iter().map(|&length| part(length, &range)).sum();
    let fields = plain.take(FIELDS * count)?;
    let mut flags = Column(plain.take(all(FLAGS))?);
    let mut hashes = Column(raw.take(all(HASHES))?);
    let mut salts = Column(raw.take(all(SALT))?);
    let mut starts = vec![[0_u8; FIELDS]; count];
    for (at, column) in fields.chunks_exact(count.max(1)).enumerate() {
        let mut before = 0_u8;
        for (start, difference) in starts.iter_mut().zip(column) {
            before = before.wrapping_add(*difference);
            start[at] = before;
        }
    }
    // The lengths are 16 bits wide, so this is a few MiB at most, also for damaged bytes.
    let mut all = Vec::with_capacity(lengths.iter().sum());
    for (start, &length) in starts.iter().zip(&lengths) {
        all.extend_from_slice(cut(start, 0..length));
        all.extend_from_slice(hashes.take(part(length, &HASHES))?);
        all.extend_from_slice(flags.take(part(length, &FLAGS))?);
        all.extend_from_slice(salts.take(part(length, &SALT))?);
        all.extend_from_slice(plain.take(length.saturating_sub(SALT.end))?);
    }
    match (plain.0.len(), raw.0.len()) {
        (0, 0) => {
            let mut all = Bytes::from(all);
            Ok(lengths.iter().map(|length| all.split_to(*length)).collect())
        }
        (inside, behind) => Err(format!("{} bytes belong to no record", inside + behind)),
    }
}

/// The length of the LZ4 block of `count` records before compression, as the value says, and the bytes that follow.
pub(super) fn plain_len(count: usize, bytes: &[u8]) -> Result<(usize, &[u8]), String> {
    let (length, rest) = Column(bytes).number()?;
    // A bound on the allocation, also for damaged bytes.
    if length > MAX_PLAIN + count * (2 + FIELDS) {
        return Err(format!(
            "it says that it is {length} bytes before it was compressed"
        ));
    }
    Ok((length, rest))
}

/// The decompressed LZ4 block, and the bytes that follow it.
fn unpack(count: usize, bytes: &[u8]) -> Result<(Vec<u8>, &[u8]), String> {
    let (length, rest) = plain_len(count, bytes)?;
    let (packed, rest) = Column(rest).number()?;
    let (packed, raw) = rest.split_at_checked(packed).ok_or_else(too_short)?;
    Ok((pack::unpack(packed, length)?, raw))
}

fn too_short() -> String {
    "it is too short for its records".to_owned()
}

/// The unread rest of a column.
struct Column<'a>(&'a [u8]);

impl<'a> Column<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(too_short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(self) -> Result<(usize, &'a [u8]), String> {
        let (number, rest) = self.0.split_first_chunk::<LENGTH>().ok_or_else(too_short)?;
        let number = usize::try_from(u32::from_le_bytes(*number)).map_err(|_| too_short())?;
        Ok((number, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compressed(records: &[Vec<u8>]) -> Vec<u8> {
        let lengths: Vec<u16> = records.iter().map(|record| record.len() as u16).collect();
        compress(&records.concat(), &lengths)
    }

    /// Records as long as one likes, alike and not.
    fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let random = prop::collection::vec(any::<u8>(), 0..300);
        let alike = (any::<u8>(), 0..600_usize).prop_map(|(byte, length)| vec![byte; length]);
        prop::collection::vec(prop_oneof![random, alike], 1..40)
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let long: Vec<u8> = (0..150).collect();
        let bytes = compressed(&[b"abc".to_vec(), long.clone()]);
        let (plain, raw) = unpack(2, &bytes).unwrap();
        let mut due = vec![3, 150, 0, 0];
        for (at, byte) in long.iter().enumerate().take(FIELDS) {
            let first = b"abc".get(at).copied().unwrap_or(0);
            due.extend([first, byte.wrapping_sub(first)]);
        }
        due.extend(96..129);
        due.extend(145..150);
        assert_eq!(plain, due);
        assert_eq!(raw, [&long[32..96], &long[129..145]].concat());
    }

    #[test]
    fn no_more_is_allocated_than_a_run_can_be_long() {
        let mut bytes = compressed(&[vec![7; 200]]);
        bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        let error = expand(1, &bytes).unwrap_err();
        assert!(error.contains("4294967295 bytes before"), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_compressed_is_expanded(records in records()) {
            prop_assert_eq!(expand(records.len(), &compressed(&records)).unwrap(), records);
        }

        #[test]
        fn what_is_cut_short_or_longer_is_noticed(records in records(), cut: prop::sample::Index) {
            let bytes = compressed(&records);
            let short = &bytes[..cut.index(bytes.len())];
            prop_assert!(expand(records.len(), short).is_err());
            prop_assert!(expand(records.len(), &[&bytes[..], &[0]].concat()).is_err());
        }

        #[test]
        fn nothing_panics(count in 0..300_usize, bytes: Vec<u8>, flip: prop::sample::Index, records in records()) {
            let _ = expand(count, &bytes);
            let mut bytes = compressed(&records);
            let at = flip.index(bytes.len());
            bytes[at] ^= 0x55;
            let _ = expand(records.len(), &bytes);
            let _ = expand(count, &bytes);
        }
    }
}
