//! The head file: the committed head, that is the count of records and the link of the last.
//!
//! It is kept apart from the records, so that a log which lost its tail differs from one that never had it. Writing it
//! commits an append.
//!
//! # Bytes
//! 8,192 bytes: two slots (`slot.rs`) that begin with `srvdhead`. Their body, little endian:
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 16 | 8 | count of records |
//! | 24 | 32 | link of the last record, zeros where there is none |
//!
//! Each write is followed by `fdatasync`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::LogError;
use super::slot::{ROOM, Slot};
use servanda_core::chain::record::{Hash, Head};
use servanda_files::FileError;

const MAGIC: &[u8; 8] = b"srvdhead";
/// Bytes of a head.
const HEAD_LEN: usize = 40;
/// Far more bytes than a head file has.
const MAX_BYTES: u64 = 1 << 20;

/// What is said of a place that lacks records: `readable` of those before `committed` are left.
pub(super) fn fewer(place: &Path, committed: Head, readable: u64) -> String {
    let (place, count) = (place.display(), committed.count);
    format!("{place}: {count} records were committed, only {readable} can be read")
}

/// Encodes a head: its count, little endian, and its link.
pub(super) fn to_bytes(head: Head) -> [u8; HEAD_LEN] {
    let mut bytes = [0; HEAD_LEN];
    bytes[..8].copy_from_slice(&head.count.to_le_bytes());
    bytes[8..].copy_from_slice(&head.link.0);
    bytes
}

/// Decodes a head.
pub(super) fn from_bytes(bytes: &[u8; HEAD_LEN]) -> Head {
    let (count, link) = bytes.split_at(8);
    Head {
        count: u64::from_le_bytes(count.try_into().expect("it was split there")),
        link: Hash(link.try_into().expect("it was split there")),
    }
}

/// The open head file.
#[derive(Debug)]
pub(super) struct HeadFile {
    file: File,
    path: PathBuf,
    current: Slot<HEAD_LEN>,
    /// Whether the current slot is known to be on the disk: a process that was killed may have left it unsynced.
    is_synced: bool,
}

impl HeadFile {
    /// Writes a new head file for an empty chain, and syncs it. The caller syncs the directory.
    pub(super) fn create(path: &Path) -> Result<(), LogError> {
        let current = Slot {
            generation: 1,
            body: to_bytes(Head::EMPTY),
        };
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
            file.write_all(&[0; ROOM])?;
            file.seek(SeekFrom::Start(current.place()))?;
            file.write_all(&current.to_bytes(MAGIC))?;
            file.sync_all()
        };
        write().map_err(|source| failed("creating", path, source))
    }

    /// Opens the head file. Writes nothing.
    pub(super) fn open(path: &Path) -> Result<Self, LogError> {
        let read = || -> Result<(File, Vec<u8>), FileError> {
            let file = servanda_files::open_own(path, MAX_BYTES)?;
            let mut bytes = Vec::with_capacity(ROOM);
            (&file).take(ROOM as u64).read_to_end(&mut bytes)?;
            Ok((file, bytes))
        };
        let damaged = |what: &str| LogError::Damaged {
            what: format!("{}: {what}", path.display()),
            resume: None,
        };
        let (file, bytes) = read().map_err(|error| match error {
            error if error.is_missing() => damaged("the file is missing"),
            FileError::Io(source) => failed("opening", path, source),
            error => damaged(&error.to_string()),
        })?;
        let newest = Slot::newest(&bytes, MAGIC);
        let current = newest.ok_or_else(|| damaged("neither of its two slots is whole"))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            current,
            is_synced: false,
        })
    }

    /// Whether a head file knows no record: that of an empty ledger, one of zeros, or none.
    pub(super) fn is_blank(path: &Path) -> bool {
        if let Ok(file) = Self::open(path) {
            return file.head() == Head::EMPTY;
        }
        match servanda_files::read_regular(path, MAX_BYTES) {
            Ok(bytes) => bytes.iter().all(|byte| *byte == 0),
            Err(error) => matches!(error, FileError::Io(_)),
        }
    }

    /// The committed head.
    pub(super) fn head(&self) -> Head {
        from_bytes(&self.current.body)
    }

    /// Commits a head: it is on the disk when this returns. After an error it may be there or not; the one before stays
    /// readable.
    pub(super) fn write(&mut self, head: Head) -> Result<(), LogError> {
        let next = Slot {
            generation: self.current.generation + 1,
            body: to_bytes(head),
        };
        let mut write = || -> io::Result<()> {
            if !self.is_synced {
                self.file.sync_data()?;
            }
            self.file.seek(SeekFrom::Start(next.place()))?;
            self.file.write_all(&next.to_bytes(MAGIC))?;
            self.file.sync_data()
        };
        write().map_err(|source| failed("writing", &self.path, source))?;
        self.current = next;
        self.is_synced = true;
        Ok(())
    }
}

fn failed(doing: &str, path: &Path, source: io::Error) -> LogError {
    LogError::Io {
        doing: format!("{doing} {}", path.display()),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use servanda_core::chain::record::local_checksum;

    const SLOT_STRIDE: usize = ROOM / 2;
    const SLOT_LEN: usize = 88;

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
        bytes[(writes as usize + 1) % 2 * SLOT_STRIDE + 30] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn the_last_head_written_is_read() {
        for heads in 0..5 {
            let (_dir, path) = written(heads);
            let expected = if heads == 0 { Head::EMPTY } else { head(heads) };
            assert_eq!(HeadFile::open(&path).unwrap().head(), expected);
            assert_eq!(std::fs::metadata(&path).unwrap().len(), ROOM as u64);
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
        damage(&path, 4);
        assert_eq!(HeadFile::open(&path).unwrap().head(), head(3));
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
        assert!(matches!(&error, LogError::Damaged { .. }), "{error}");
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
            ROOM - 1,
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
