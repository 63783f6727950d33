//! A spool: byte strings that are too much for memory, kept for a while and found again by their number.
//!
//! They lie one after the other, each behind its length, in memory first and in a file without a name once they are
//! many. Where each begins is not held: only where a stretch of them does, which is read as a whole.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;

use tempfile::SpooledTempFile;

/// Bytes that are kept in memory; more go into the file.
const IN_MEMORY: usize = 8 * 1024 * 1024;

/// Bytes that wait to be written together.
const AT_ONCE: usize = 256 * 1024;

/// Most byte strings of a stretch.
const STRETCH: u64 = 256;

/// Bytes after which a stretch is closed, however few strings it has.
const STRETCH_BYTES: u64 = 64 * 1024;

/// Bytes of a length.
const LENGTH: usize = 4;

/// Byte strings, numbered from 0. It is gone with whoever has it.
#[derive(Debug)]
pub struct Spool {
    file: SpooledTempFile,
    /// Bytes in the file.
    written: u64,
    /// Bytes that follow those.
    waiting: Vec<u8>,
    count: u64,
    /// Where stretches begin.
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
    /// A spool of which so many bytes are kept in memory.
    fn in_memory(bytes: usize) -> Self {
        Self {
            file: tempfile::spooled_tempfile(bytes),
            written: 0,
            waiting: Vec::new(),
            count: 0,
            marks: Vec::new(),
        }
    }

    /// A spool that cannot grow beyond so many bytes: where its file would be, none can be made.
    #[cfg(any(test, feature = "testing"))]
    pub fn confined_to(bytes: usize) -> Self {
        Self {
            file: tempfile::spooled_tempfile_in(bytes, "/no such directory"),
            ..Self::default()
        }
    }

    /// How many byte strings there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds a byte string, which is given in parts.
    ///
    /// # Errors
    /// What the system says where there is no room for it, or it is 4 GiB long: it was not added.
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

    /// The stretch in which a byte string lies.
    ///
    /// # Errors
    /// What the system says where it cannot be read, or there is none of this number.
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

    /// Forgets the newest byte strings but so many.
    ///
    /// # Errors
    /// What the system says.
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

    /// Bytes in all.
    fn length(&self) -> u64 {
        self.written + self.waiting.len() as u64
    }

    /// Puts into the file what waits.
    fn write(&mut self) -> io::Result<()> {
        // What a failed attempt left there is overwritten.
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

/// Byte strings that lie together.
#[derive(Debug)]
pub struct Stretch {
    numbers: Range<u64>,
    bytes: Vec<u8>,
}

impl Stretch {
    /// Whether a byte string is among these.
    pub fn holds(&self, number: u64) -> bool {
        self.numbers.contains(&number)
    }

    /// The number behind the last of these.
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

    /// A byte string, if it is among these.
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
