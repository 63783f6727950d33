//! The parts of a published ledger: the tiles and entry bundles of C2SP tlog-tiles, and bundles of whole records.
//!
//! `docs/publishing.md` states their addresses and bytes. Tiles and entries are made of headers alone and never change;
//! a bundle of records changes where a payload is erased.

use std::fmt;

use bytes::Bytes;

use super::record::{HEADER_LEN, RecordRef, Sealed};
use crate::records::Stored;

/// Hashes of a whole tile, and entries of a whole bundle.
pub const TILE_WIDTH: u64 = 256;

/// Records of a whole bundle of records: as many as a verifier reads at a time.
pub const RECORDS_WIDTH: u64 = 1024;

/// The highest level of tiles.
const LEVELS: u8 = 5;

/// What a path of a part begins with.
const PREFIX: &str = "tile/";

/// The kinds of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A tile of hashes: the roots of complete subtrees of 256^level leaves.
    Hashes(u8),
    /// A bundle of entries, which are the headers of records.
    Entries,
    /// A bundle of records, as they are stored.
    Records,
}

impl Part {
    /// Hashes, entries or records of a whole one.
    pub const fn width(self) -> u64 {
        match self {
            Self::Records => RECORDS_WIDTH,
            Self::Hashes(_) | Self::Entries => TILE_WIDTH,
        }
    }

    /// How many hashes, entries or records of this kind a log of so many records has.
    pub const fn count(self, size: u64) -> u64 {
        match self {
            Self::Hashes(level) if level > LEVELS => 0,
            Self::Hashes(level) => size >> (8 * level as u32),
            Self::Entries | Self::Records => size,
        }
    }
}

/// The address of a part: which one, and how much of it is there. It is printed as the path below the log's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The kind.
    pub part: Part,
    /// Its number among its kind.
    pub index: u64,
    /// How many hashes, entries or records it has, from 1 to [`Part::width`].
    pub width: u64,
}

impl Address {
    /// Reads a path such as `tile/0/x001/x234/067`, `tile/entries/000.p/7` or `tile/records/003`.
    pub fn parse(path: &str) -> Option<Self> {
        let (part, rest) = path.strip_prefix(PREFIX)?.split_once('/')?;
        let part = match part {
            "entries" => Part::Entries,
            "records" => Part::Records,
            level => Part::Hashes(canonical(level).filter(|level| *level <= LEVELS)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, part.width()),
            Some((index, width)) => {
                let width = canonical(width).filter(|width| (1..part.width()).contains(width))?;
                (index, width)
            }
        };
        let mut groups = index.split('/').peekable();
        let mut number: u64 = 0;
        while let Some(group) = groups.next() {
            let digits = match groups.peek() {
                Some(_) => group.strip_prefix('x')?,
                None => group,
            };
            let is_number = digits.len() == 3 && digits.bytes().all(|digit| digit.is_ascii_digit());
            let group: u64 = digits.parse().ok().filter(|_| is_number)?;
            number = number.checked_mul(1_000)?.checked_add(group)?;
        }
        let address = Self {
            part,
            index: number,
            width,
        };
        // Only one spelling of each is an address.
        (address.to_string() == path).then_some(address)
    }

    /// The address of the part of a kind with this number in a log of so many records; none if it has nothing of it.
    pub fn in_log(part: Part, index: u64, size: u64) -> Option<Self> {
        let first = index.checked_mul(part.width())?;
        let width = part.count(size).saturating_sub(first).min(part.width());
        (width > 0).then_some(Self { part, index, width })
    }

    /// Whether it is whole, so that it is not replaced when the log grows.
    pub const fn is_whole(self) -> bool {
        self.width == self.part.width()
    }

    /// The number of its first hash, entry or record.
    pub const fn first(self) -> u64 {
        self.index * self.part.width()
    }

    /// Whether a log of so many records has it.
    pub const fn is_in(self, size: u64) -> bool {
        match self.index.checked_mul(self.part.width()) {
            Some(first) => self.part.count(size).saturating_sub(first) >= self.width,
            None => false,
        }
    }

    /// The beginning of the paths of all its widths but the whole one: `tile/entries/000.p/`.
    pub fn partial_prefix(self) -> String {
        format!("{}.p/", self.whole())
    }

    /// The same part, whole.
    pub const fn whole(self) -> Self {
        Self {
            width: self.part.width(),
            ..self
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        match self.part {
            Part::Hashes(level) => write!(f, "{level}/")?,
            Part::Entries => f.write_str("entries/")?,
            Part::Records => f.write_str("records/")?,
        }
        let mut groups = Vec::new();
        let mut rest = self.index;
        while rest >= 1_000 {
            groups.push(rest % 1_000);
            rest /= 1_000;
        }
        if !groups.is_empty() {
            write!(f, "x{rest:03}/")?;
            rest = groups.remove(0);
            for group in groups.iter().rev() {
                write!(f, "x{group:03}/")?;
            }
        }
        write!(f, "{rest:03}")?;
        match self.is_whole() {
            true => Ok(()),
            false => write!(f, ".p/{}", self.width),
        }
    }
}

/// A number in its one spelling.
fn canonical<N: std::str::FromStr + fmt::Display>(text: &str) -> Option<N> {
    text.parse()
        .ok()
        .filter(|found: &N| found.to_string() == text)
}

/// Every part that a log of `new` records has and a log of `old` records had not, in an order in which what is made of
/// the same records stands together.
pub fn grown(old: u64, new: u64) -> Vec<Address> {
    let levels = (0..=LEVELS).map(Part::Hashes);
    let parts = levels.chain([Part::Entries, Part::Records]);
    let mut all = Vec::new();
    for part in parts.filter(|part| part.count(new) > part.count(old)) {
        let (from, to) = (part.count(old), part.count(new));
        let indices = from / part.width()..to.div_ceil(part.width());
        all.extend(indices.filter_map(|index| Address::in_log(part, index, new)));
    }
    let end = |address: &Address| {
        let end = address.first() + address.width;
        match address.part {
            Part::Hashes(level) => end << (8 * u32::from(level)),
            Part::Entries | Part::Records => end,
        }
    };
    all.sort_by_key(|address| (end(address).div_ceil(RECORDS_WIDTH), *address));
    all
}

/// Adds an entry to a bundle: the header of a record behind its length.
pub fn push_entry(bundle: &mut Vec<u8>, header: &[u8; HEADER_LEN]) {
    const LENGTH: [u8; 2] = (HEADER_LEN as u16).to_be_bytes();
    bundle.extend_from_slice(&LENGTH);
    bundle.extend_from_slice(header);
}

/// Adds a record to a bundle: its bytes behind their number. A record is shorter than 2^32 bytes.
pub fn push_record(bundle: &mut Vec<u8>, sealed: &Sealed) {
    let length = u32::try_from(sealed.0.len()).unwrap_or(u32::MAX);
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(&sealed.0);
}

/// The records of a bundle, as far as they can be told apart.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The records, numbered by their places, as slices of the bundle.
    pub records: Vec<Stored>,
    /// What is wrong with the bytes behind them.
    pub fault: Option<&'static str>,
}

impl Bundle {
    /// Reads a bundle of `width` records, the first of which is `first`.
    pub fn read(bundle: &Bytes, first: u64, width: u64) -> Self {
        let mut records = Vec::with_capacity(usize::try_from(width).unwrap_or(0).min(1024));
        let mut at = 0;
        let mut fault = None;
        while (records.len() as u64) < width {
            let length = bundle[at..].first_chunk::<4>();
            let Some(length) = length.map(|length| u32::from_be_bytes(*length) as usize) else {
                fault = Some("ends before its last record");
                break;
            };
            let start = at + 4;
            let Some(end) = start.checked_add(length).filter(|end| *end <= bundle.len()) else {
                fault = Some("ends within a record");
                break;
            };
            records.push(Stored {
                seq: first + records.len() as u64,
                sealed: Sealed(bundle.slice(start..end)),
            });
            at = end;
        }
        if fault.is_none() && at != bundle.len() {
            // Whoever asks for the last one learns of it.
            records.pop();
            fault = Some("goes on behind its last record");
        }
        Self { records, fault }
    }

    /// Leaves out all but the first so many records.
    pub fn cut_to(&mut self, width: u64) {
        self.records
            .truncate(usize::try_from(width).unwrap_or(usize::MAX));
    }

    /// Whether both have the same headers, so that they differ in erased payloads at most.
    pub fn has_headers_of(&self, other: &Self) -> bool {
        let headers = |bundle: &Self| -> Option<Vec<[u8; HEADER_LEN]>> {
            let records = bundle.records.iter();
            let header = |stored: &Stored| {
                let record = RecordRef::peek(&stored.sealed.0).ok()?;
                Some(*record.header_bytes)
            };
            records.map(header).collect()
        };
        let both_read = self.fault.is_none() && other.fault.is_none();
        both_read && headers(self).is_some_and(|own| headers(other) == Some(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_the_specification() {
        let address = |part, index, width| Some(Address { part, index, width });
        for (path, expected) in [
            (
                "tile/0/x001/x234/067",
                address(Part::Hashes(0), 1_234_067, 256),
            ),
            ("tile/1/000.p/7", address(Part::Hashes(1), 0, 7)),
            ("tile/5/999", address(Part::Hashes(5), 999, 256)),
            (
                "tile/entries/x001/000.p/255",
                address(Part::Entries, 1_000, 255),
            ),
            (
                "tile/records/x012/x345/678",
                address(Part::Records, 12_345_678, 1024),
            ),
            ("tile/records/000.p/1023", address(Part::Records, 0, 1023)),
        ] {
            assert_eq!(Address::parse(path), expected, "{path}");
            assert_eq!(expected.unwrap().to_string(), path);
        }
        for wrong in [
            "",
            "0/001",
            "tile/0",
            "tile/0/",
            "tile/0/1",
            "tile/00/001",
            "tile/6/001",
            "tile/0/001.p/0",
            "tile/0/001.p/256",
            "tile/0/001.p/07",
            "tile/0/x001",
            "tile/0/001/002",
            "tile/0/x01/001",
            "tile/0/+01",
            "tile/data/001",
            "tile/0/x000/001",
            "tile/records/001.p/1024",
        ] {
            assert_eq!(Address::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_part_is_made_once_while_a_log_grows() {
        let (mut there, end) = (std::collections::BTreeSet::new(), 70_000);
        let mut size = 0;
        for step in [1, 254, 1, 1, 767, 1, 64_511, 1, 1_000].iter().cycle() {
            let next = (size + step).min(end);
            for address in grown(size, next) {
                assert!(address.is_in(next) && !address.is_in(size), "{address}");
                assert!(there.insert(address), "{address} at {next}");
            }
            size = next;
            if size == end {
                break;
            }
        }
        let whole = there.iter().filter(|address| address.is_whole());
        let missing = grown(0, end).into_iter().filter(|one| !there.contains(one));
        assert_eq!(missing.count(), 0);
        // Of hashes 273 and 1, of entries 273, of records 68.
        assert_eq!(whole.count(), 273 + 1 + 273 + 68);
        assert_eq!(grown(end, end), []);
    }

    #[test]
    fn what_is_wrong_with_a_bundle_is_said() {
        let record = |byte: u8| Sealed(Bytes::from(vec![byte; 3 + usize::from(byte)]));
        let mut bytes = Vec::new();
        [1, 2]
            .iter()
            .for_each(|byte| push_record(&mut bytes, &record(*byte)));
        let read = |bytes: &[u8], width| Bundle::read(&Bytes::from(bytes.to_vec()), 7, width);
        let sound = read(&bytes, 2);
        assert_eq!((sound.records.len(), sound.fault), (2, None));
        assert_eq!(
            (sound.records[1].seq, &sound.records[1].sealed),
            (8, &record(2))
        );
        for (bytes, width, records, fault) in [
            (&bytes[..], 3, 2, "ends before its last record"),
            (&bytes[..bytes.len() - 1], 2, 1, "ends within a record"),
            (&bytes[..], 1, 0, "goes on behind its last record"),
            (&[][..], 1, 0, "ends before its last record"),
            (&[0, 0, 1][..], 1, 0, "ends before its last record"),
        ] {
            let found = read(bytes, width);
            assert_eq!((found.records.len(), found.fault), (records, Some(fault)));
        }
    }
}
