//! The free room on the disk, and the reserve.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use super::files::io_error;
use crate::error::LogError;

pub(crate) const RESERVE: &str = "reserve";

/// Bytes of the reserve: up to a segment that sled fills with zeros, and its new `snap.*`.
pub const RESERVE_BYTES: usize = 4 * 1024 * 1024;

pub(super) fn is_for_want_of_room(error: &LogError) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error, LogError::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge))
}

/// The total size of the files in a directory.
pub(super) fn size_of(dir: &Path) -> io::Result<u64> {
    fs::read_dir(dir)?.try_fold(0, |size, entry| {
        let path = entry?.path();
        let found = fs::metadata(&path)?;
        Ok(size
            + if found.is_dir() {
                size_of(&path)?
            } else {
                found.len()
            })
    })
}

/// Checks that this many bytes fit beside the records.
pub(super) fn check_room(records: &Path, bytes: u64) -> Result<(), LogError> {
    let free = free_room(records).map_err(|source| io_error("measuring", records, source))?;
    if free.is_none_or(|free| free > bytes) {
        return Ok(());
    }
    let why = format!(
        "a second copy of the records may take {bytes} bytes, and {} are free",
        free.unwrap_or(0)
    );
    let source = io::Error::new(io::ErrorKind::StorageFull, why);
    Err(io_error("compacting", records, source))
}

/// The free bytes on the file system, if the system tells.
#[cfg(unix)]
fn free_room(path: &Path) -> io::Result<Option<u64>> {
    let found = rustix::fs::statvfs(path)?;
    Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
}

#[cfg(not(unix))]
fn free_room(_: &Path) -> io::Result<Option<u64>> {
    Ok(None)
}

/// Makes the reserve, unless it exists.
pub(super) fn reserve(dir: &Path) -> Result<(), LogError> {
    let path = dir.join(RESERVE);
    if fs::metadata(&path).is_ok_and(|found| found.len() == RESERVE_BYTES as u64) {
        return Ok(());
    }
    let made = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; RESERVE_BYTES])?;
        file.sync_all()
    });
    made.map_err(|source| {
        // An incomplete reserve would only take room.
        let _room = release_reserve(dir);
        io_error("reserving room in", &path, source)
    })
}

/// Deletes the reserve, and tells whether it existed.
pub(super) fn release_reserve(dir: &Path) -> bool {
    fs::remove_file(dir.join(RESERVE)).is_ok()
}
