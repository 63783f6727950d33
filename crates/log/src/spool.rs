//! A spool: byte strings that are too many for memory, kept for a while and found again by number.
//!
//! They are stored one after the other, each after its length, in memory first and later in a file without a name. The
//! spool does not know the place of each string, only the places of stretches of strings, which are read as a whole.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;

use tempfile::SpooledTempFile;

/// Most bytes in memory; more go into the file.
const IN_MEMORY: usize = 8 * 1024 * 1024;

/// Pending bytes that are written together.
const AT_ONCE: usize = 256 * 1024;

/// Most byte strings in a stretch.
const STRETCH: u64 = 256;

/// Bytes after which a stretch ends, even with few strings.
const STRETCH_BYTES: u64 = 64 * 1024;

/// The size of a length.
const LENGTH: usize = 4;

/// Byte strings, numbered from 0.
#[derive(Debug)]
pub struct Spool {
    file: SpooledTempFile,
    /// Bytes in the file.
    written: u64,
    /// Bytes after those.
    waiting: Vec<u8>,
    count: u64,
    /// The beginnings of stretches.
    marks: Vec<Mark>,
}

/// The beginning of a stretch.
#[derive(Debug, Clone, Copy)]
struct Mark {
    first: u64,
    start: u64,
}

impl Default for Spool {
    fn default() -> Self {
        Self::in_memory(IN_MEMORY)
    }
}

impl Spool {
    /// Makes a spool that keeps this many bytes in memory.
    fn in_memory(bytes: usize) -> Self {
        Self {
            file: tempfile::spooled_tempfile(bytes),
            written: 0,
            waiting: Vec::new(),
            count: 0,
            marks: Vec::new(),
        }
    }

    /// Makes a spool that cannot grow beyond this many bytes, because no file can be made.
    #[cfg(any(test, feature = "testing"))]
    pub fn confined_to(bytes: usize) -> Self {
        Self {
            file: tempfile::spooled_tempfile_in(bytes, "/no such directory"),
            ..Self::default()
        }
    }

    /// The number of byte strings.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds a byte string, given in parts.
    ///
    /// # Errors
    /// The system's error if there is no room, or the string is 4 GiB or longer: it was not added.
    pub fn push(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        if self.waiting.len() >= AT_ONCE {
            self.write()?;
        }
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let length = u32::try_from(length).map_err(io::Error::other)?;
        let start = self.length();
        let is_full =
            |mark: &Mark| self.count - mark.first >= STRETCH || start - mark.start >= STRETCH_BYTES;
        if self.marks.last().is_none_or(is_full) {
            self.marks.push(Mark {
                first: self.count,
                start,
            });
        }
        self.waiting.extend_from_slice(&length.to_le_bytes());
        for part in parts {
            self.waiting.extend_from_slice(part);
        }
        self.count += 1;
        Ok(())
    }

    /// Reads the stretch that holds a byte string.
    ///
    /// # Errors
    /// The system's error if it cannot be read, or no string has this number.
    pub fn stretch(&mut self, number: u64) -> io::Result<Stretch> {
        let after = self.marks.partition_point(|mark| mark.first <= number);
        let mark = after.checked_sub(1).map(|at| self.marks[at]);
        let mark = mark.filter(|_| number < self.count);
        let mark = mark.ok_or(io::ErrorKind::UnexpectedEof)?;
        let next = self.marks.get(after).copied();
        let next = next.unwrap_or(Mark {
            first: self.count,
            start: self.length(),
        });
        Ok(Stretch {
            numbers: mark.first..next.first,
            bytes: self.read(mark.start, next.start)?,
        })
    }

    /// Keeps only the first `count` byte strings.
    ///
    /// # Errors
    /// The system's error.
    pub fn cut(&mut self, count: u64) -> io::Result<()> {
        if count >= self.count {
            return Ok(());
        }
        let stretch = self.stretch(count)?;
        let first = stretch.numbers.start;
        let kept = stretch.iter().take((count - first) as usize);
        let kept: usize = kept.map(|(_, bytes)| LENGTH + bytes.len()).sum();
        self.marks.retain(|mark| mark.first <= count);
        let start = self.marks.pop().map_or(0, |mark| mark.start);
        if kept > 0 {
            self.marks.push(Mark { first, start });
        }
        self.write()?;
        self.written = start + kept as u64;
        self.count = count;
        self.file.set_len(self.written)
    }

    /// All bytes.
    fn length(&self) -> u64 {
        self.written + self.waiting.len() as u64
    }

    /// Writes the pending bytes into the file.
    fn write(&mut self) -> io::Result<()> {
        // This overwrites the bytes of a failed attempt.
        self.file.seek(SeekFrom::Start(self.written))?;
        self.file.write_all(&self.waiting)?;
        self.written += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    fn read(&mut self, start: u64, end: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; (end - start) as usize];
        let in_file = self.written.clamp(start, end) - start;
        let (from_file, from_waiting) = bytes.split_at_mut(in_file as usize);
        if !from_file.is_empty() {
            self.file.seek(SeekFrom::Start(start))?;
            self.file.read_exact(from_file)?;
        }
        let skipped = (start + in_file).saturating_sub(self.written) as usize;
        from_waiting.copy_from_slice(&self.waiting[skipped..skipped + from_waiting.len()]);
        Ok(bytes)
    }
}

/// Consecutive byte strings.
#[derive(Debug)]
pub struct Stretch {
    numbers: Range<u64>,
    bytes: Vec<u8>,
}

impl Stretch {
    /// Whether the byte string of this number is in the stretch.
    pub fn holds(&self, number: u64) -> bool {
        self.numbers.contains(&number)
    }

    /// The number after the last byte string.
    pub fn end(&self) -> u64 {
        self.numbers.end
    }

    /// The byte strings with their numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut rest = self.bytes.as_slice();
        self.numbers.clone().map_while(move |number| {
            let (length, behind) = rest.split_first_chunk::<LENGTH>()?;
            let (bytes, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = behind;
            Some((number, bytes))
        })
    }

    /// The byte string of this number, if it is in the stretch.
    pub fn get(&self, number: u64) -> Option<&[u8]> {
        let at = usize::try_from(number.checked_sub(self.numbers.start)?).ok()?;
        self.iter().nth(at).map(|(_, bytes)| bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Something of this length that no other number has.
    fn bytes(number: u64, length: usize) -> Vec<u8> {
        let mut bytes = number.to_le_bytes().to_vec();
        bytes.resize(length, number as u8);
        bytes
    }

    /// Every byte string, each read by itself.
    fn all(spool: &mut Spool) -> Vec<Vec<u8>> {
        let count = spool.count();
        let read = |number| {
            let stretch = spool.stretch(number).unwrap();
            stretch.get(number).unwrap().to_vec()
        };
        (0..count).map(read).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn it_reads_as_it_was_given(
            in_memory in prop_oneof![Just(0), Just(1000), Just(IN_MEMORY)],
            runs in prop::collection::vec((1usize..700, prop_oneof![0usize..300, 0usize..3000], any::<prop::sample::Index>()), 1..8),
        ) {
            let mut spool = Spool::in_memory(in_memory);
            let mut given: Vec<Vec<u8>> = Vec::new();
            for (count, length, cut) in runs {
                for _ in 0..count {
                    let next = bytes(given.len() as u64, length);
                    let (one, other) = next.split_at(length / 3);
                    spool.push(&[one, other]).unwrap();
                    given.push(next);
                }
                given.truncate(cut.index(2 * given.len()));
                spool.cut(given.len() as u64).unwrap();
                prop_assert_eq!(spool.count(), given.len() as u64);
                prop_assert!(spool.stretch(spool.count()).is_err());
                prop_assert!(spool.marks.iter().is_sorted_by_key(|mark| mark.first));
            }
            prop_assert!(all(&mut spool) == given);
        }
    }

    #[test]
    fn what_it_holds_in_memory_is_little_beside_what_it_is_given() {
        let mut spool = Spool::default();
        let text = [7; 200];
        for _ in 0..100_000 {
            spool.push(&[&text]).unwrap();
        }
        assert!(spool.file.is_rolled());
        assert!(spool.waiting.capacity() <= 2 * AT_ONCE + text.len());
        assert!(spool.marks.len() <= 100_000 / 256 + 1);
        let stretch = spool.stretch(77_777).unwrap();
        assert_eq!(stretch.iter().count(), 256);
        assert_eq!(stretch.get(77_777), Some(&text[..]));
        assert_eq!(stretch.get(stretch.numbers.end), None);
    }

    #[test]
    fn few_make_no_file() {
        let mut spool = Spool::default();
        (0..10_000).for_each(|_| spool.push(&[b"a few bytes"]).unwrap());
        spool.cut(5_000).unwrap();
        assert!(!spool.file.is_rolled());
    }

    #[test]
    fn long_ones_make_short_stretches() {
        let mut spool = Spool::default();
        for number in 0..100 {
            spool.push(&[&bytes(number, 50_000)]).unwrap();
        }
        assert_eq!(spool.stretch(50).unwrap().iter().count(), 2);
        assert_eq!(spool.marks.len(), 50);
    }
}
