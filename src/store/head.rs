//! The head file: how many records were acknowledged, and the link of the last.
//!
//! It lies beside the records, so that a store which lost its tail can be told from one that never had it,
//! and writing it is the moment at which an append is acknowledged.
//!
//! # Bytes
//! 8,192 bytes: a slot at 0 and one at 4,096, each alone in its page, so that a torn write of one leaves
//! the other. All numbers are little endian:
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | `srvdhead` |
//! | 8 | 8 | generation: 1 on creation, one more with each write |
//! | 16 | 8 | count of records |
//! | 24 | 32 | link of the last record, zeros where there is none |
//! | 56 | 32 | [`local_checksum`] of the 56 bytes before |
//!
//! The rest is zeros and means nothing. Even generations go to the first slot, odd ones to the second, and
//! each write is followed by `fdatasync`. The valid slot with the greater generation counts; a slot in
//! which the other's generations stand is not valid.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::StoreError;
use crate::chain::record::{Hash, Head, local_checksum};

const MAGIC: &[u8; 8] = b"srvdhead";
const SLOT_STRIDE: usize = 4096;
const FILE_LEN: usize = 2 * SLOT_STRIDE;
const CHECKED_LEN: usize = 56;
const SLOT_LEN: usize = CHECKED_LEN + 32;

/// What a slot says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    generation: u64,
    head: Head,
}

impl Slot {
    fn index(generation: u64) -> usize {
        usize::from(!generation.is_multiple_of(2))
    }

    fn to_bytes(self) -> [u8; SLOT_LEN] {
        let mut bytes = [0; SLOT_LEN];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&self.generation.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.head.count.to_le_bytes());
        bytes[24..CHECKED_LEN].copy_from_slice(&self.head.link.0);
        let checksum = local_checksum(&bytes[..CHECKED_LEN]);
        bytes[CHECKED_LEN..].copy_from_slice(&checksum.0);
        bytes
    }

    /// The slot at this index of the file's bytes, unless it is torn or damaged.
    fn find(file: &[u8], index: usize) -> Option<Self> {
        let bytes = file.get(index * SLOT_STRIDE..)?.get(..SLOT_LEN)?;
        let number = |at: usize| {
            let mut number = [0; 8];
            number.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(number)
        };
        let mut link = Hash::ZERO;
        link.0.copy_from_slice(&bytes[24..CHECKED_LEN]);
        let slot = Self {
            generation: number(8),
            head: Head {
                count: number(16),
                link,
            },
        };
        // Writing it again checks the magic and the checksum with the rest.
        (slot.to_bytes() == bytes && Self::index(slot.generation) == index).then_some(slot)
    }
}

/// The open head file.
#[derive(Debug)]
pub(super) struct HeadFile {
    file: File,
    path: PathBuf,
    current: Slot,
}

impl HeadFile {
    /// Writes a new head file with the head of an empty chain, and puts it on the disk. Its directory is
    /// for the caller to sync.
    pub(super) fn create(path: &Path) -> Result<(), StoreError> {
        let current = Slot {
            generation: 1,
            head: Head::EMPTY,
        };
        let mut bytes = vec![0; FILE_LEN];
        let at = Slot::index(current.generation) * SLOT_STRIDE;
        bytes[at..at + SLOT_LEN].copy_from_slice(&current.to_bytes());
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
            file.write_all(&bytes)?;
            file.sync_all()
        };
        write().map_err(|source| failed("creating", path, source))
    }

    /// Opens the head file. Writes nothing.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let read = || -> io::Result<(File, Vec<u8>)> {
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            let mut bytes = Vec::with_capacity(FILE_LEN);
            (&file).take(FILE_LEN as u64).read_to_end(&mut bytes)?;
            Ok((file, bytes))
        };
        let damaged = |what: &str| StoreError::Damaged {
            what: format!("{}: {what}", path.display()),
            resume: None,
        };
        let (file, bytes) = read().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => damaged("the file is missing"),
            _ => failed("opening", path, source),
        })?;
        let slots = [Slot::find(&bytes, 0), Slot::find(&bytes, 1)];
        let newest = slots
            .into_iter()
            .flatten()
            .max_by_key(|slot| slot.generation);
        let current = newest.ok_or_else(|| damaged("neither of its two slots is whole"))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            current,
        })
    }

    /// The head that was acknowledged last.
    pub(super) fn head(&self) -> Head {
        self.current.head
    }

    /// Acknowledges a head: it is on the disk when this returns. After an error it may be there or not;
    /// the one before stays readable.
    pub(super) fn write(&mut self, head: Head) -> Result<(), StoreError> {
        let next = Slot {
            generation: self.current.generation + 1,
            head,
        };
        let at = Slot::index(next.generation) * SLOT_STRIDE;
        let mut write = || -> io::Result<()> {
            self.file.seek(SeekFrom::Start(at as u64))?;
            self.file.write_all(&next.to_bytes())?;
            self.file.sync_data()
        };
        write().map_err(|source| failed("writing", &self.path, source))?;
        self.current = next;
        Ok(())
    }
}

fn failed(doing: &str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io {
        doing: format!("{doing} {}", path.display()),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(count: u64) -> Head {
        Head {
            count,
            link: Hash([count as u8; 32]),
        }
    }

    fn written(heads: u64) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head");
        HeadFile::create(&path).unwrap();
        let mut file = HeadFile::open(&path).unwrap();
        for count in 1..=heads {
            file.write(head(count)).unwrap();
        }
        (dir, path)
    }

    /// Flips a byte of the slot in which the head of this many writes stands.
    fn damage(path: &Path, writes: u64) {
        let mut bytes = std::fs::read(path).unwrap();
        bytes[Slot::index(writes + 1) * SLOT_STRIDE + 30] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn the_last_head_written_is_read() {
        for heads in 0..5 {
            let (_dir, path) = written(heads);
            let expected = if heads == 0 { Head::EMPTY } else { head(heads) };
            assert_eq!(HeadFile::open(&path).unwrap().head(), expected);
            assert_eq!(std::fs::metadata(&path).unwrap().len(), FILE_LEN as u64);
        }
    }

    #[test]
    fn a_torn_slot_leaves_the_head_before_and_is_written_next() {
        let (_dir, path) = written(4);
        damage(&path, 4);
        let mut file = HeadFile::open(&path).unwrap();
        assert_eq!(file.head(), head(3));
        file.write(head(9)).unwrap();
        assert_eq!(HeadFile::open(&path).unwrap().head(), head(9));
        assert_eq!(
            Slot::find(&std::fs::read(&path).unwrap(), 0).unwrap().head,
            head(3)
        );
    }

    #[test]
    fn a_damaged_old_slot_does_not_matter() {
        let (_dir, path) = written(4);
        damage(&path, 3);
        assert_eq!(HeadFile::open(&path).unwrap().head(), head(4));
    }

    #[test]
    fn two_damaged_slots_are_damage() {
        let (_dir, path) = written(4);
        damage(&path, 3);
        damage(&path, 4);
        let error = HeadFile::open(&path).unwrap_err();
        assert!(matches!(&error, StoreError::Damaged { .. }), "{error}");
    }

    #[test]
    fn a_slot_copied_over_the_other_is_not_valid_there() {
        let (_dir, path) = written(4);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.copy_within(0..SLOT_LEN, SLOT_STRIDE);
        assert_eq!(Slot::find(&bytes, 0).map(|slot| slot.generation), Some(4));
        assert_eq!(Slot::find(&bytes, 1), None);
    }

    #[test]
    fn a_cut_file_reads_as_far_as_its_slots_are_whole() {
        let (_dir, path) = written(3);
        let bytes = std::fs::read(&path).unwrap();
        for length in [
            0,
            8,
            SLOT_LEN - 1,
            SLOT_LEN,
            SLOT_STRIDE + SLOT_LEN - 1,
            FILE_LEN - 1,
        ] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let outcome = HeadFile::open(&path);
            if length < SLOT_LEN {
                assert!(outcome.is_err(), "{length}");
            } else {
                assert_eq!(outcome.unwrap().head(), head(3), "{length}");
            }
        }
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let (_dir, path) = written(1);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(
            &bytes[..24],
            b"srvdhead\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0"
        );
        assert_eq!(bytes[24..56], [1; 32]);
        assert_eq!(bytes[56..88], local_checksum(&bytes[..56]).0);
        assert!(bytes[88..4096].iter().all(|&byte| byte == 0));
    }
}
