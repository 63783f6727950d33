//! A backup of the bytes that opening sled may destroy, to write them back if it did.
//!
//! sled repairs its log in place when it is opened: it takes the first message that it cannot read for the end, and
//! zeroes the rest. After a crash that is right; on damage it destroys records, and with them the evidence. So the
//! bytes at risk are read before: the segments from the one in which its last table of pages (`snap.<end in
//! hexadecimal>`) ends, the segments with damaged headers, unused segments that are not blank, and the small files.
//! Mostly that is one segment of 2 MiB.
//!
//! The backup is in memory only. Its fingerprint tells whether anything at risk changed. A log that opening would change
//! is copied to the system's scratch directory and read there. The copy is deleted when the log is closed; the copy of a
//! killed process is deleted when the next one is made.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use servanda_files::{FileError, Temporary};
use tempfile::TempDir;

use super::swap;
use servanda_core::chain::record::{Hash, LocalChecksum, local_checksum};

/// The most segments that are kept, 128 MiB. Only the crash of an import leaves more at risk.
const MAX_SEGMENTS: usize = 64;
/// The most bytes of a table of pages or a configuration that are read: a table has some 20 for each page.
const SMALL_MAX_BYTES: u64 = 1 << 30;

const DB: &str = "db";
const CONF: &str = "conf";
const BLOBS: &str = "blobs";
/// The names of tables of pages, and of drafts of them, begin with this.
const TABLE: &str = "snap.";
/// What is set aside gets this before its name. sled does not look at such files.
const ASIDE: &str = "aside.";
/// Bytes of a segment's header that are read: a checksum u32 and the place in the log, an i64 with all bits
/// but the first inverted.
const HEADER_LEN: usize = 12;

/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;

/// The parts of sled's directory that opening may change.
#[derive(Debug)]
pub(super) struct PreOpenBackup {
    db: PathBuf,
    len: u64,
    segments: Vec<Segment>,
    /// The small files that sled writes when it is opened: tables, drafts of them, and `conf`.
    small: Vec<(PathBuf, Vec<u8>)>,
    /// The names in `blobs`; none if it is missing.
    blobs: Option<Vec<OsString>>,
    fingerprint: Option<Hash>,
}

/// A saved segment of sled's log.
#[derive(Debug)]
struct Segment {
    offset: u64,
    len: usize,
    /// Its bytes without the zeros at its end.
    written: Vec<u8>,
}

impl PreOpenBackup {
    /// Reads the bytes of sled's directory that opening may change. [`ErrorKind::InvalidData`] means damage.
    pub(super) fn take(records: &Path, segment_size: usize) -> io::Result<Self> {
        let db = records.join(DB);
        let file = servanda_files::Source::open_regular(&db)?.into_file();
        let mut small = Vec::new();
        for path in small_files(records)? {
            if !is_file(&path)? {
                continue;
            }
            let bytes = match servanda_files::read_regular(&path, SMALL_MAX_BYTES) {
                Err(error @ FileError::TooLong(_)) => {
                    let what = format!("{}: {error}", path.display());
                    return Err(io::Error::new(ErrorKind::InvalidData, what));
                }
                read => read?,
            };
            small.push((path, bytes));
        }
        let stable = small.iter().filter_map(|(path, _)| end_of_log(path)).max();
        let segment_bytes = segment_size as u64;
        let mut taken = Self {
            db,
            len: file.metadata()?.len(),
            segments: Vec::new(),
            small,
            blobs: names_in(&records.join(BLOBS))?,
            fingerprint: None,
        };
        let from = stable.unwrap_or(0) / segment_bytes * segment_bytes;
        let is_whole = taken.read_segments(&file, segment_size, from)?;
        taken.fingerprint = taken.sum().filter(|_| is_whole);
        Ok(taken)
    }

    /// Reads the segments at risk, and whether these are all of them.
    fn read_segments(&mut self, file: &File, segment_size: usize, from: u64) -> io::Result<bool> {
        let mut piece = vec![0; PIECE];
        for offset in (0..self.len).step_by(segment_size) {
            let len = usize::try_from(self.len - offset)
                .map_or(segment_size, |left| left.min(segment_size));
            let header = header_of(file, offset, len)?;
            if header.is_some_and(|header| is_safe(header, from, segment_size as u64)) {
                continue;
            }
            let written = read_written(file, offset, len, &mut piece)?;
            // A blank segment was never used, or zeroed when sled gave it up. Opening zeroes it again.
            if written.is_empty() && header.is_some() {
                continue;
            }
            if self.segments.len() == MAX_SEGMENTS {
                return Ok(false);
            }
            self.segments.push(Segment {
                offset,
                len,
                written,
            });
        }
        Ok(true)
    }

    /// Stands for every byte that opening may change; none if some of them were not saved.
    pub(super) fn fingerprint(&self) -> Option<Hash> {
        self.fingerprint
    }

    fn sum(&self) -> Option<Hash> {
        let mut sum = LocalChecksum::default();
        let mut add = |bytes: &[u8]| {
            sum.add(&(bytes.len() as u64).to_le_bytes());
            sum.add(bytes);
        };
        add(&self.len.to_le_bytes());
        for segment in &self.segments {
            add(&segment.offset.to_le_bytes());
            add(&segment.written);
        }
        for (path, bytes) in &self.small {
            add(path.file_name().unwrap_or_default().as_encoded_bytes());
            add(bytes);
        }
        for name in self.blobs.as_ref()? {
            add(name.as_encoded_bytes());
        }
        Some(sum.finish())
    }

    /// Writes back what differs. No process may have the directory open.
    pub(super) fn restore(&self) -> io::Result<()> {
        let mut file = OpenOptions::new().read(true).write(true).open(&self.db)?;
        let mut is_changed = file.metadata()?.len() != self.len;
        for segment in &self.segments {
            let mut saved = segment.written.clone();
            saved.resize(segment.len, 0);
            let mut found = vec![0; saved.len()];
            if read_at(&file, segment.offset, &mut found).is_err() || found != saved {
                file.seek(SeekFrom::Start(segment.offset))?;
                file.write_all(&saved)?;
                is_changed = true;
            }
        }
        if is_changed {
            file.set_len(self.len)?;
            file.sync_all()?;
        }
        for (path, saved) in &self.small {
            if fs::read(path).ok().as_ref() != Some(saved) {
                fs::write(path, saved)?;
            }
        }
        let records = self.db.parent().unwrap_or(Path::new("."));
        for path in small_files(records)? {
            if !self.small.iter().any(|(kept, _)| *kept == path) && is_file(&path)? {
                fs::remove_file(path)?;
            }
        }
        let blobs = records.join(BLOBS);
        if self.blobs.is_none() && blobs.try_exists()? {
            fs::remove_dir(blobs)?;
        }
        Ok(())
    }
}

/// What of sled's directory is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parts {
    /// All that sled itself left whole: no drafts, and no files of others.
    Known,
    /// `db` alone, from which sled makes the rest anew.
    DbAlone,
}

impl Parts {
    /// Whether these parts have a file of this name in sled's directory, or in `blobs`.
    fn have(self, name: &OsStr, is_blob: bool) -> bool {
        let Some(name) = name.to_str() else {
            return false;
        };
        if is_blob {
            return name.parse::<i64>().is_ok();
        }
        let is_table = name
            .strip_prefix(TABLE)
            .is_some_and(|end| end.len() == 16 && end.bytes().all(|byte| byte.is_ascii_hexdigit()));
        name == DB || (self == Self::Known && (name == CONF || is_table))
    }
}

/// Whether there is a table of pages. Without one sled reads its whole log.
pub(super) fn has_table(records: &Path) -> io::Result<bool> {
    Ok(small_files(records)?.any(|path| end_of_log(&path).is_some()))
}

/// Copies these parts of sled's directory.
pub(super) fn copy(from: &Path, to: &Path, parts: Parts) -> io::Result<()> {
    for (dir, is_blob) in [("", false), (BLOBS, true)] {
        let target = to.join(dir);
        fs::create_dir_all(&target)?;
        for name in names_in(&from.join(dir))?.unwrap_or_default() {
            let source = from.join(dir).join(&name);
            if parts.have(&name, is_blob) && is_file(&source)? {
                fs::copy(source, target.join(&name))?;
            }
        }
    }
    Ok(())
}

/// Renames what does not belong to these parts and would disturb sled: it would wait for ever at a pipe, for example.
pub(super) fn set_aside(records: &Path, parts: Parts) -> io::Result<()> {
    for (dir, is_blob) in [("", false), (BLOBS, true)] {
        let dir = records.join(dir);
        for name in names_in(&dir)?.unwrap_or_default() {
            let disturbs = is_blob || is_small(&name);
            let belongs = parts.have(&name, is_blob) && is_regular(&dir.join(&name))?;
            if disturbs && !belongs {
                let mut aside = OsString::from(ASIDE);
                aside.push(&name);
                fs::rename(dir.join(&name), records.join(aside))?;
            }
        }
    }
    Ok(())
}

/// Whether this is a regular file, or a link to one. A disk that cannot tell is an error: what is taken for missing is
/// removed again by [`PreOpenBackup::restore`].
fn is_file(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        found => Ok(found?.is_file()),
    }
}

/// Whether a name is that of a regular file, and not of a link to one.
fn is_regular(path: &Path) -> io::Result<bool> {
    Ok(fs::symlink_metadata(path)?.is_file())
}

/// The names in a directory, in order; none if it is missing.
fn names_in(dir: &Path) -> io::Result<Option<Vec<OsString>>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    let mut names = entries
        .map(|entry| Ok(entry?.file_name()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(Some(names))
}

/// Makes a scratch directory for a copy of this directory, with a name by which the copy is found again.
pub(super) fn scratch(records: &Path) -> io::Result<(TempDir, Temporary)> {
    let prefix = scratch_prefix(records)?;
    Temporary::of(|| tempfile::Builder::new().prefix(&prefix).tempdir())
}

/// Wipes the copies of this directory that killed processes left. No process may have them open.
pub(super) fn wipe_scratches(records: &Path) -> io::Result<()> {
    let prefix = scratch_prefix(records)?;
    for entry in fs::read_dir(std::env::temp_dir())? {
        let entry = entry?;
        let is_ours = entry.file_name().to_string_lossy().starts_with(&prefix)
            && entry.file_type()?.is_dir()
            && same_owner(&entry.path(), parent(records))?;
        if is_ours {
            swap::wipe(&entry.path())?;
        }
    }
    Ok(())
}

/// Names the ledger by its path. The copy of a ledger that was moved is not found again.
fn scratch_prefix(records: &Path) -> io::Result<String> {
    let path = fs::canonicalize(parent(records))?.join(records.file_name().unwrap_or_default());
    let digest = local_checksum(path.as_os_str().as_encoded_bytes()).to_string();
    Ok(format!("servanda-{}-", &digest[..16]))
}

/// The directory of the ledger, which is there even while its records have another name.
fn parent(records: &Path) -> &Path {
    match records.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
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

/// The files that sled writes whole when it is opened, in order.
fn small_files(records: &Path) -> io::Result<impl Iterator<Item = PathBuf>> {
    let names = names_in(records)?.unwrap_or_default().into_iter();
    let records = records.to_owned();
    Ok(names
        .filter(|name| is_small(name))
        .map(move |name| records.join(name)))
}

fn is_small(name: &OsStr) -> bool {
    name == CONF || name.as_encoded_bytes().starts_with(TABLE.as_bytes())
}

/// The end of the log when this table was written, from the table's name.
fn end_of_log(table: &Path) -> Option<u64> {
    let name = table.file_name()?.to_str()?;
    u64::from_str_radix(name.strip_prefix(TABLE)?, 16).ok()
}

fn read_at(mut file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}

/// The first bytes of a segment; none if it is cut.
fn header_of(file: &File, offset: u64, len: usize) -> io::Result<Option<[u8; HEADER_LEN]>> {
    let mut header = [0; HEADER_LEN];
    if len < HEADER_LEN {
        return Ok(None);
    }
    read_at(file, offset, &mut header)?;
    Ok(Some(header))
}

/// Whether opening neither reads a segment with this header anew nor drops it.
fn is_safe(header: [u8; HEADER_LEN], from: u64, segment_bytes: u64) -> bool {
    let mut place = [0; 8];
    place.copy_from_slice(&header[4..]);
    let place = u64::from_le_bytes(place) ^ (u64::MAX >> 1);
    header != [0; HEADER_LEN] && place < from && place.is_multiple_of(segment_bytes)
}

/// Reads these bytes of the file, without the zeros at the end.
fn read_written(mut file: &File, offset: u64, len: usize, piece: &mut [u8]) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut written = Vec::new();
    let mut at = 0;
    while at < len {
        let piece = &mut piece[..PIECE.min(len - at)];
        file.read_exact(piece)?;
        // A fold, unlike a search, looks at many bytes at once.
        if piece.iter().fold(0, |all, byte| all | byte) != 0 {
            written.resize(at, 0);
            written.extend_from_slice(piece);
        }
        at += piece.len();
    }
    let end = written.iter().rposition(|byte| *byte != 0);
    written.truncate(end.map_or(0, |last| last + 1));
    Ok(written)
}
