//! The bytes of a frame: one append in the journal.

use crate::head;
use servanda_core::chain::record::{Head, Sealed, local_checksum};

/// Frames begin at multiples of this, so that writing one does not touch a page of another. The rest of a frame's last
/// page is zeros.
pub(super) const PAGE: usize = 4096;

/// The text of an event cannot contain this: it ends in a control character.
const MAGIC: &[u8; 8] = b"srvdfrm\x01";
/// Bytes of a frame before its records.
pub(super) const HEADER_LEN: usize = 104;
const CHECKSUM_LEN: usize = 32;
const LENGTH: usize = 4;

/// One append in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// Its number among all frames that were ever written to this journal, from 1.
    pub(super) number: u64,
    /// The head that it continues.
    pub(super) expected: Head,
    /// The head after it.
    pub(super) head: Head,
    /// The records between the two.
    pub(super) records: Vec<Sealed>,
}

/// The bytes that a frame with these records takes, in whole pages.
pub(super) fn room(records: &[Sealed]) -> usize {
    let record = |sealed: &Sealed| LENGTH + sealed.0.len();
    let body: usize = records.iter().map(record).sum();
    (HEADER_LEN + body + CHECKSUM_LEN).next_multiple_of(PAGE)
}

/// Encodes a frame, in whole pages. The heads differ by the number of records, which take less than 4 GiB.
pub(super) fn to_bytes(number: u64, expected: Head, head: Head, records: &[Sealed]) -> Vec<u8> {
    let room = room(records);
    let mut bytes = Vec::with_capacity(room);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&head::to_bytes(expected));
    bytes.extend_from_slice(&head::to_bytes(head));
    let body_len = records.iter().map(|sealed| LENGTH + sealed.0.len()).sum();
    bytes.extend_from_slice(&u64_of(body_len).to_le_bytes());
    for Sealed(record) in records {
        let length =
            u32::try_from(record.len()).expect("all records together take less than 4 GiB");
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(record);
    }
    let checksum = local_checksum(&bytes);
    bytes.extend_from_slice(&checksum.0);
    bytes.resize(room, 0);
    bytes
}

/// The length that the header at the beginning of these bytes announces, if it is of a frame of this number or a greater
/// one.
pub(super) fn announced(bytes: &[u8], from_number: u64) -> Option<usize> {
    let header: &[u8; HEADER_LEN] = bytes.first_chunk()?;
    let number = u64::from_le_bytes(*header[8..].first_chunk()?);
    let body_len = u64::from_le_bytes(*header[96..].first_chunk()?);
    let length = (HEADER_LEN + CHECKSUM_LEN).checked_add(usize::try_from(body_len).ok()?)?;
    (header.starts_with(MAGIC) && number >= from_number).then_some(length)
}

/// Parses the frame at the beginning of these bytes, if it is whole and has this number or a greater one, and gives the
/// bytes that it takes.
pub(super) fn parse(bytes: &[u8], from_number: u64) -> Option<(Frame, usize)> {
    let header: &[u8; HEADER_LEN] = bytes.first_chunk()?;
    if !header.starts_with(MAGIC) {
        return None;
    }
    let number = u64::from_le_bytes(*header[8..].first_chunk()?);
    if number < from_number {
        return None;
    }
    let expected = head::from_bytes(header[16..].first_chunk()?);
    let head = head::from_bytes(header[56..].first_chunk()?);
    let body_len = u64::from_le_bytes(*header[96..].first_chunk()?);
    let checked_len = HEADER_LEN.checked_add(usize::try_from(body_len).ok()?)?;
    let (checked, rest) = bytes.split_at_checked(checked_len)?;
    if !rest.starts_with(&local_checksum(checked).0) {
        return None;
    }
    let records = parse_records(&checked[HEADER_LEN..])?;
    let count = expected.count.checked_add(u64_of(records.len()));
    (count == Some(head.count)).then(|| {
        let room = (checked_len + CHECKSUM_LEN).next_multiple_of(PAGE);
        let frame = Frame {
            number,
            expected,
            head,
            records,
        };
        (frame, room)
    })
}

fn parse_records(mut body: &[u8]) -> Option<Vec<Sealed>> {
    let mut records = Vec::new();
    while !body.is_empty() {
        let (length, rest) = body.split_first_chunk::<LENGTH>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (record, rest) = rest.split_at_checked(length)?;
        records.push(record.to_vec().into());
        body = rest;
    }
    Some(records)
}

fn u64_of(length: usize) -> u64 {
    length as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use servanda_core::chain::record::Hash;

    fn head(count: u64) -> Head {
        Head {
            count,
            link: Hash([count as u8; 32]),
        }
    }

    fn sample(lengths: &[usize]) -> (Frame, Vec<u8>) {
        let frame = Frame {
            number: 7,
            expected: head(3),
            head: head(3 + lengths.len() as u64),
            records: lengths
                .iter()
                .map(|&length| Sealed::from(vec![9; length]))
                .collect(),
        };
        let bytes = to_bytes(frame.number, frame.expected, frame.head, &frame.records);
        (frame, bytes)
    }

    #[test]
    fn what_is_written_is_read_and_takes_whole_pages() {
        let exact = PAGE - HEADER_LEN - CHECKSUM_LEN - LENGTH;
        for (lengths, pages) in [
            (&[][..], 1),
            (&[0, 1, 200], 1),
            (&[exact], 1),
            (&[exact + 1], 2),
            (&[70_000, 3], 18),
        ] {
            let (frame, bytes) = sample(lengths);
            assert_eq!(bytes.len(), pages * PAGE, "{lengths:?}");
            assert_eq!(room(&frame.records), bytes.len());
            let room = bytes.len();
            assert_eq!(parse(&bytes, 0), Some((frame.clone(), room)));
            let followed = [&bytes[..], &[1; 50]].concat();
            assert_eq!(parse(&followed, 0), Some((frame, room)));
        }
    }

    #[test]
    fn a_frame_with_any_byte_changed_or_missing_is_none() {
        let (_, bytes) = sample(&[30, 5]);
        let used = HEADER_LEN + 2 * LENGTH + 35 + CHECKSUM_LEN;
        for at in 0..used {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert_eq!(parse(&damaged, 0), None, "byte {at}");
            assert_eq!(parse(&bytes[..at], 0), None, "cut to {at}");
        }
        assert!(parse(&bytes[..used], 7).is_some());
        assert_eq!(parse(&bytes, 8), None, "of an earlier lap");
    }

    #[test]
    fn heads_that_do_not_fit_the_records_are_none() {
        let records = [Sealed::from(vec![1]), Sealed::from(vec![2])];
        for (expected, after) in [(3, 4), (3, 6), (u64::MAX, 1)] {
            let bytes = to_bytes(1, head(expected), head(after), &records);
            assert_eq!(parse(&bytes, 0), None, "{expected} to {after}");
        }
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let (_, bytes) = sample(&[2]);
        assert_eq!(&bytes[..16], b"srvdfrm\x01\x07\0\0\0\0\0\0\0");
        assert_eq!(&bytes[16..24], b"\x03\0\0\0\0\0\0\0");
        assert_eq!(bytes[24..56], [3; 32]);
        assert_eq!(&bytes[56..64], b"\x04\0\0\0\0\0\0\0");
        assert_eq!(bytes[64..96], [4; 32]);
        assert_eq!(&bytes[96..104], b"\x06\0\0\0\0\0\0\0");
        assert_eq!(&bytes[104..110], b"\x02\0\0\0\x09\x09");
        assert_eq!(bytes[110..142], local_checksum(&bytes[..110]).0);
        assert!(bytes[142..].iter().all(|&byte| byte == 0));
    }
}
