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

/// A part of a file.
#[derive(Debug)]
pub(super) struct PreOpenBackup {
    db: PathBuf,
    len: u64,
    /// The saved parts of the file, each with its offset.
    segments: Vec<(u64, Vec<u8>)>,
    /// The small files that sled writes when it is opened: tables, drafts of them, and `conf`.
    small: Vec<(PathBuf, Vec<u8>)>,
    /// The names in `blobs`; none if it is missing.
    blobs: Option<Vec<OsString>>,
    /// Whether more segments are at risk than were saved.
    is_partial: bool,
}

impl PreOpenBackup {
    /// Reads the bytes of sled's directory that opening may change.
    pub(super) fn take(records: &Path, segment_size: usize) -> io::Result<Self> {
        let db = records.join(DB);
        let file = servanda_files::Source::open_regular(&db)?.into_file();
        let len = file.metadata()?.len();
        let mut small = Vec::new();
        for path in small_files(records)?.filter(|path| path.is_file()) {
            let bytes = servanda_files::read_regular(&path, SMALL_MAX_BYTES)?;
            small.push((path, bytes));
        }
        let stable = small.iter().filter_map(|(path, _)| end_of_log(path)).max();
        let segment_bytes = segment_size as u64;
        let from = stable.unwrap_or(0) / segment_bytes * segment_bytes;
        let mut segments = Vec::new();
        let mut is_partial = false;
        let mut bytes = vec![0; segment_size];
        for offset in (0..len).step_by(segment_size) {
            let room =
                usize::try_from(len - offset).map_or(segment_size, |left| left.min(segment_size));
            if at_risk(&file, offset, from, &mut bytes[..room], segment_bytes)? {
                is_partial |= segments.len() == MAX_SEGMENTS;
                if !is_partial {
                    read_at(&file, offset, &mut bytes[..room])?;
                    segments.push((offset, bytes[..room].to_vec()));
                }
            }
        }
        Ok(Self {
            db,
            len,
            segments,
            small,
            blobs: names_in(&records.join(BLOBS))?,
            is_partial,
        })
    }

    /// Stands for every byte that opening may change; none if some of them were not saved.
    pub(super) fn fingerprint(&self) -> Option<Hash> {
        let mut sum = LocalChecksum::default();
        let mut add = |bytes: &[u8]| {
            sum.add(&(bytes.len() as u64).to_le_bytes());
            sum.add(bytes);
        };
        add(&self.len.to_le_bytes());
        for (offset, bytes) in &self.segments {
            add(&offset.to_le_bytes());
            add(bytes);
        }
        for (path, bytes) in &self.small {
            add(path.file_name().unwrap_or_default().as_encoded_bytes());
            add(bytes);
        }
        for name in self.blobs.as_ref()? {
            add(name.as_encoded_bytes());
        }
        (!self.is_partial).then(|| sum.finish())
    }

    /// Writes back what differs. No process may have the directory open.
    pub(super) fn restore(&self) -> io::Result<()> {
        let mut file = OpenOptions::new().read(true).write(true).open(&self.db)?;
        let mut is_changed = file.metadata()?.len() != self.len;
        for (offset, saved) in &self.segments {
            let mut found = vec![0; saved.len()];
            if read_at(&file, *offset, &mut found).is_err() || found != *saved {
                file.seek(SeekFrom::Start(*offset))?;
                file.write_all(saved)?;
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
        for path in small_files(records)?.filter(|path| path.is_file()) {
            if !self.small.iter().any(|(kept, _)| *kept == path) {
                fs::remove_file(path)?;
            }
        }
        let blobs = records.join(BLOBS);
        if self.blobs.is_none() && blobs.exists() {
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
            if parts.have(&name, is_blob) && source.is_file() {
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

/// Whether opening reads this segment anew, or may drop it.
fn at_risk(
    file: &File,
    offset: u64,
    from: u64,
    segment: &mut [u8],
    segment_bytes: u64,
) -> io::Result<bool> {
    let Some(header) = segment.first_chunk_mut::<HEADER_LEN>() else {
        return Ok(true);
    };
    read_at(file, offset, header)?;
    let header = *header;
    if header == [0; HEADER_LEN] {
        // Never used, or zeroed when sled gave it up. Opening zeroes it again.
        read_at(file, offset, segment)?;
        return Ok(segment.iter().any(|byte| *byte != 0));
    }
    let mut place = [0; 8];
    place.copy_from_slice(&header[4..]);
    let place = u64::from_le_bytes(place) ^ (u64::MAX >> 1);
    Ok(place >= from || !place.is_multiple_of(segment_bytes))
}
