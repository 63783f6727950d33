//! Runs: how records are laid into the values of an ordered key-value store. Pure: bytes in, bytes out.
//!
//! One value for each record would cost more than the record; one value for thousands would be rewritten
//! as a whole. So up to 64 records that follow each other share a value, as far as they fit in 24 KiB.
//!
//! # Bytes
//! A key is the number of the value's first record (u64) and a part number (u16), both big endian so that
//! keys sort as records do. A value starts with a tag; its numbers are little endian:
//!
//! - `1`, a run: count u16 (1 to 64), then for each record its length u32 and its bytes. Part number 0.
//! - `2`, a part of one record too long for a run: the number of parts u16, then bytes. All parts but the
//!   last are full; part numbers count from 0.

use std::collections::VecDeque;

use crate::chain::record::Sealed;

/// The most records in a run.
pub(super) const MAX_RECORDS: usize = 64;

/// The most bytes of a value.
///
/// sled keeps up to 17 values' worth in a node, and a node over a quarter of a segment goes to a file that
/// is never synced: 17 times 24 KiB stay below a quarter of 2 MiB.
pub(super) const MAX_VALUE: usize = 24 * 1024;

/// The most bytes of a record: as many parts as can be numbered.
pub(super) const MAX_RECORD: usize = u16::MAX as usize * PART_ROOM;

/// Records are numbered below this, so that sums of numbers and counts do not overflow.
const END: u64 = 1 << 62;

/// Bytes of a key.
pub(super) const KEY_LEN: usize = 10;

const RUN: u8 = 1;
const PART: u8 = 2;
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

/// A value, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// The records of a run, in order.
    Run(Vec<&'a [u8]>),
    /// A part of a record.
    Part {
        /// How many parts the record has.
        parts: u16,
        /// This part's bytes.
        bytes: &'a [u8],
    },
}

/// Takes a value apart, or says what is wrong with it.
pub(super) fn parse(value: &[u8]) -> Result<Value<'_>, String> {
    let Some((&[tag, low, high], rest)) = value.split_first_chunk::<TAG_AND_COUNT>() else {
        return Err(format!("it has only {} bytes", value.len()));
    };
    let count = u16::from_le_bytes([low, high]);
    match tag {
        RUN => parse_run(count, rest).map(Value::Run),
        PART if count == 0 => Err("it says that it is one of 0 parts".to_owned()),
        PART => Ok(Value::Part {
            parts: count,
            bytes: rest,
        }),
        other => Err(format!("its tag is {other}, not {RUN} or {PART}")),
    }
}

fn parse_run(count: u16, mut rest: &[u8]) -> Result<Vec<&[u8]>, String> {
    if count == 0 || usize::from(count) > MAX_RECORDS {
        return Err(format!("it says that it holds {count} records"));
    }
    let mut records = Vec::with_capacity(usize::from(count));
    for number in 1..=count {
        let record = rest
            .split_first_chunk::<LENGTH>()
            .and_then(|(length, rest)| {
                let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
                rest.split_at_checked(length)
            });
        let Some((record, after)) = record else {
            return Err(format!("it ends inside record {number} of {count}"));
        };
        records.push(record);
        rest = after;
    }
    if rest.is_empty() {
        Ok(records)
    } else {
        Err(format!("{} bytes follow its last record", rest.len()))
    }
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The number of the first record.
    pub(super) first: u64,
    /// The part number.
    pub(super) part: u16,
    /// Records of a run; 0 for a part.
    pub(super) records: usize,
    /// The value.
    pub(super) value: Vec<u8>,
}

impl Entry {
    /// Its key.
    pub(super) fn key(&self) -> [u8; KEY_LEN] {
        key(self.first, self.part)
    }

    /// Whether it is a run that is worth merging with its neighbours.
    pub(super) fn is_small(&self) -> bool {
        is_small(self.records, self.value.len())
    }
}

/// Whether a run of this many records and bytes is worth merging: two such runs always fit into one.
pub(super) fn is_small(records: usize, value_len: usize) -> bool {
    (1..=MAX_RECORDS / 2).contains(&records) && value_len <= MAX_VALUE / 2
}

/// Lays records into as few values as they fit in, one after the other.
pub(super) struct Packer {
    /// The number of the first record of the run under way.
    first: u64,
    count: u16,
    run: Vec<u8>,
    ready: VecDeque<Entry>,
}

impl Packer {
    /// A packer of records of which the first has this number.
    pub(super) fn new(first: u64) -> Self {
        Self {
            first,
            count: 0,
            run: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    /// Takes in the next record.
    pub(super) fn push(&mut self, record: &[u8]) {
        let length = LENGTH + record.len();
        if TAG_AND_COUNT + length > MAX_VALUE {
            self.finish();
            self.ready.extend(split(self.first, record));
            self.first += 1;
            return;
        }
        if usize::from(self.count) == MAX_RECORDS || self.run.len() + length > MAX_VALUE {
            self.finish();
        }
        if self.count == 0 {
            self.run.extend_from_slice(&[RUN, 0, 0]);
        }
        let length = u32::try_from(record.len()).expect("a record that fits into a run is short");
        self.run.extend_from_slice(&length.to_le_bytes());
        self.run.extend_from_slice(record);
        self.count += 1;
    }

    /// Ends the run under way.
    pub(super) fn finish(&mut self) {
        if self.count == 0 {
            return;
        }
        self.run[1..TAG_AND_COUNT].copy_from_slice(&self.count.to_le_bytes());
        self.ready.push_back(Entry {
            first: self.first,
            part: 0,
            records: usize::from(self.count),
            value: std::mem::take(&mut self.run),
        });
        self.first += u64::from(self.count);
        self.count = 0;
    }

    /// The next value that nothing can be added to, in the order of keys.
    pub(super) fn pop(&mut self) -> Option<Entry> {
        self.ready.pop_front()
    }
}

/// Lays records, of which the first has this number, into as few values as they fit in, in the order of
/// their keys.
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
        Entry {
            first,
            part,
            records: 0,
            value,
        }
    };
    (0..).zip(pieces).map(entry).collect()
}

/// The records as slices, for [`pack`].
pub(super) fn slices(batch: &[Sealed]) -> impl Iterator<Item = &[u8]> {
    batch.iter().map(|sealed| sealed.0.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(first: u64, records: &[Vec<u8>]) -> Vec<Entry> {
        pack(first, records.iter().map(Vec::as_slice)).collect()
    }

    /// Reads entries back as a store would: numbers and records.
    fn unpacked(entries: &[Entry]) -> Vec<(u64, Vec<u8>)> {
        let mut records: Vec<(u64, Vec<u8>)> = Vec::new();
        for entry in entries {
            match parse(&entry.value).unwrap() {
                Value::Run(run) => {
                    records.extend((entry.first..).zip(run.into_iter().map(<[u8]>::to_vec)));
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

    #[test]
    fn a_run_is_full_at_64_records_or_24_kibibytes() {
        let runs = packed(0, &vec![vec![1]; 130]);
        let counts: Vec<_> = runs.iter().map(|run| run.records).collect();
        assert_eq!(counts, [64, 64, 2]);
        let exact = MAX_VALUE - TAG_AND_COUNT - LENGTH;
        assert_eq!(packed(0, &[vec![1; exact]])[0].value.len(), MAX_VALUE);
        assert_eq!(packed(0, &[vec![1; exact + 1]])[0].value[0], PART);
        assert_eq!(packed(0, &[vec![1; exact - 4], vec![]]).len(), 1);
        assert_eq!(packed(0, &[vec![1; exact - 3], vec![]]).len(), 2);
    }

    #[test]
    fn merging_small_runs_leaves_at_most_one_small_run() {
        let records: Vec<_> = (0..200)
            .map(|at| vec![0; at * 61 % (MAX_VALUE / 2 - 7)])
            .collect();
        let runs = packed(0, &records);
        let small = runs.iter().filter(|run| run.is_small()).count();
        assert!(small <= 1, "{small}");
    }

    #[test]
    fn what_is_wrong_with_a_value_is_said() {
        for (value, said) in [
            (&b""[..], "only 0 bytes"),
            (b"\x01\0\0", "0 records"),
            (b"\x01\x41\0", "65 records"),
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
            lengths in prop::collection::vec(prop_oneof![0..400usize, 0..80_000usize], 0..150),
        ) {
            let records: Vec<_> = lengths.iter().map(|&length| vec![length as u8; length]).collect();
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
