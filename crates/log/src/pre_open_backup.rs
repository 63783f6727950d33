//! A backup of the bytes that opening sled may destroy, to write them back if it did.
//!
//! sled repairs its log in place when it is opened: it takes the first message that it cannot read for the end, and
//! zeroes the rest. After a crash that is right; on damage it destroys records, and with them the evidence. So the
//! bytes at risk are read before: the segments from the one in which its last table of pages (`snap.<end in
//! hexadecimal>`) ends, the segments with damaged headers, and the tables themselves. Mostly that is one segment of 2
//! MiB.
//!
//! The backup is in memory only. A damaged log is also copied to the system's scratch directory. The copy is deleted
//! when the log is closed; the copy of a killed process is deleted by the next erasure.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::swap;
use servanda_core::chain::record::local_checksum;

/// The most segments that are kept, 128 MiB. Only the crash of an import leaves more at risk.
const MAX_SEGMENTS: usize = 64;
/// Bytes of a segment's header that are read: a checksum u32 and the place in the log, an i64 with all bits
/// but the first inverted.
const HEADER_LEN: usize = 12;

/// A part of a file.
#[derive(Debug)]
pub(super) struct PreOpenBackup {
    db: PathBuf,
    len: u64,
    /// The saved parts of the file, each with its offset.
    segments: Vec<(u64, Vec<u8>)>,
    tables: Vec<(PathBuf, Vec<u8>)>,
}

impl PreOpenBackup {
    /// Reads the bytes of sled's directory that opening may change.
    pub(super) fn take(records: &Path, segment_size: usize) -> io::Result<Self> {
        let db = records.join("db");
        let file = File::open(&db)?;
        let len = file.metadata()?.len();
        let mut tables = Vec::new();
        for path in tables_in(records)? {
            let bytes = fs::read(&path)?;
            tables.push((path, bytes));
        }
        let stable = tables.iter().filter_map(|(path, _)| end_of_log(path)).max();
        let segment_bytes = segment_size as u64;
        let from = stable.unwrap_or(0) / segment_bytes * segment_bytes;
        let mut segments = Vec::new();
        for offset in (0..len).step_by(segment_size) {
            if segments.len() < MAX_SEGMENTS && at_risk(&file, offset, from, segment_bytes) {
                let room = segment_bytes.min(len - offset);
                let mut bytes = vec![0; usize::try_from(room).unwrap_or(segment_size)];
                read_at(&file, offset, &mut bytes)?;
                segments.push((offset, bytes));
            }
        }
        Ok(Self {
            db,
            len,
            segments,
            tables,
        })
    }

    /// Writes the backup back. No process may have the directory open.
    pub(super) fn restore(&self) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(&self.db)?;
        for (offset, bytes) in &self.segments {
            file.seek(SeekFrom::Start(*offset))?;
            file.write_all(bytes)?;
        }
        file.set_len(self.len)?;
        file.sync_all()?;
        let records = self.db.parent().unwrap_or(Path::new("."));
        for (path, bytes) in &self.tables {
            fs::write(path, bytes)?;
        }
        for path in tables_in(records)? {
            if !self.tables.iter().any(|(kept, _)| *kept == path) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// Deletes the tables of pages, so that sled reads its whole log.
pub(super) fn forget_tables(records: &Path) -> io::Result<()> {
    tables_in(records)?.iter().try_for_each(fs::remove_file)
}

/// Copies sled's directory.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Makes a scratch directory for a copy of this directory, with a name by which the copy is found again.
pub(super) fn scratch(records: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix(&scratch_prefix(records)?)
        .tempdir()
}

/// Wipes the copies of this directory that killed processes left. No process may have them open.
pub(super) fn wipe_scratches(records: &Path) -> io::Result<()> {
    let prefix = scratch_prefix(records)?;
    for entry in fs::read_dir(std::env::temp_dir())? {
        let entry = entry?;
        let is_ours = entry.file_name().to_string_lossy().starts_with(&prefix)
            && entry.file_type()?.is_dir()
            && same_owner(&entry.path(), records)?;
        if is_ours {
            swap::wipe(&entry.path())?;
        }
    }
    Ok(())
}

/// Names the ledger by its path. The copy of a ledger that was moved is not found again.
fn scratch_prefix(records: &Path) -> io::Result<String> {
    let path = fs::canonicalize(records)?;
    let digest = local_checksum(path.as_os_str().as_encoded_bytes()).to_string();
    Ok(format!("servanda-{}-", &digest[..16]))
}

/// Any user can make a directory of any name among scratch directories: those of other users are not touched.
#[cfg(unix)]
fn same_owner(one: &Path, other: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(fs::symlink_metadata(one)?.uid() == fs::metadata(other)?.uid())
}

#[cfg(not(unix))]
fn same_owner(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(true)
}

fn tables_in(records: &Path) -> io::Result<Vec<PathBuf>> {
    let mut tables = Vec::new();
    for entry in fs::read_dir(records)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            tables.push(entry.path());
        }
    }
    Ok(tables)
}

/// The end of the log when this table was written, from the table's name.
fn end_of_log(table: &Path) -> Option<u64> {
    let name = table.file_name()?.to_str()?;
    u64::from_str_radix(name.strip_prefix("snap.")?, 16).ok()
}

fn read_at(mut file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}

/// Whether opening reads this segment anew, or may drop it.
fn at_risk(file: &File, offset: u64, from: u64, segment_bytes: u64) -> bool {
    let mut header = [0; HEADER_LEN];
    match read_at(file, offset, &mut header) {
        Err(error) => error.kind() == ErrorKind::UnexpectedEof,
        // Never used, or zeroed when sled gave it up.
        Ok(()) if header == [0; HEADER_LEN] => false,
        Ok(()) => {
            let mut place = [0; 8];
            place.copy_from_slice(&header[4..]);
            let place = u64::from_le_bytes(place) ^ (u64::MAX >> 1);
            place >= from || !place.is_multiple_of(segment_bytes)
        }
    }
}
