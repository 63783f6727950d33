//! What lies in a directory: nothing, a ledger, a damaged one, or what a killed `init` left of one.

use std::fs;
use std::io;
use std::path::Path;

use super::lock::LOCK;
use super::marker::{self, MARKER, MARKER_DRAFT, Marker};
use super::refusal::io_error;
use crate::head::HeadFile;
use crate::journal;
use crate::open_error::OpenError;
use crate::sled::{HEAD, RECORDS, RESERVE};

pub(super) const JOURNAL: &str = "journal";

/// The files of a ledger without its marker, the last that is made first. The head is made first and removed last:
/// where there are records, there is a head.
const PARTS: [&str; 6] = [MARKER_DRAFT, JOURNAL, RESERVE, RECORDS, HEAD, LOCK];

/// What lies in a directory.
#[derive(Debug)]
pub(super) enum Place {
    /// Nothing: there is no directory.
    Missing,
    /// Nothing: the directory is empty.
    Empty,
    /// Files of others.
    Foreign,
    /// The files of a ledger whose making was broken off before its marker. Nothing was ever recorded in it.
    HalfMade,
    /// A ledger.
    Ledger,
    /// A ledger with a marker that says something else, and what.
    Damaged(String),
    /// A ledger that is not known here.
    Unknown(OpenError),
}

/// Looks into a directory. Changes nothing.
///
/// # Errors
/// [`OpenError::NotADirectory`], and errors of the system.
pub(super) fn look(dir: &Path) -> Result<Place, OpenError> {
    let Some(names) = names(dir)? else {
        return Ok(Place::Missing);
    };
    let has = |name: &str| names.iter().any(|found| found == name);
    let path = dir.join(MARKER);
    let marker = marker::read(dir).map_err(|source| io_error("reading", &path, source))?;
    let is_ledger = [HEAD, JOURNAL, RECORDS].into_iter().all(has);
    let damaged = |what: &str| Place::Damaged(format!("{}: {what}", path.display()));
    Ok(match marker {
        Marker::Known => Place::Ledger,
        // Another program's ledger does not lie in sled.
        Marker::Unknown(OpenError::UnknownStore { name }) if is_ledger => damaged(&format!(
            "it names the store {name:?}, and the records lie in sled"
        )),
        Marker::Unknown(error) => Place::Unknown(error),
        Marker::Strange(what) if is_ledger => damaged(&what),
        Marker::Strange(_) => Place::Foreign,
        Marker::Missing if names.is_empty() => Place::Empty,
        Marker::Missing => {
            let is_ours = names.iter().all(|name| PARTS.contains(&name.as_str()));
            let has_head = has(HEAD) || !(has(RECORDS) || has(JOURNAL));
            if is_ours && has_head && is_blank(dir) {
                Place::HalfMade
            } else if is_ledger || is_ours {
                damaged("it is missing")
            } else {
                Place::Foreign
            }
        }
    })
}

/// Removes what a killed `init` left, the lock excepted, which this process holds.
pub(super) fn clear(dir: &Path) -> io::Result<()> {
    for name in PARTS.into_iter().filter(|name| *name != LOCK) {
        let path = dir.join(name);
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Whether neither the head nor the journal knows a record. What a killed `init` wrote of them knows none.
pub(super) fn is_blank(dir: &Path) -> bool {
    HeadFile::is_blank(&dir.join(HEAD)) && journal::is_blank(&dir.join(JOURNAL))
}

/// Whether a finished ledger has no record yet: its first append may have been broken off.
pub(super) fn is_without_records(dir: &Path) -> bool {
    HeadFile::is_blank(&dir.join(HEAD)) && journal::is_empty(&dir.join(JOURNAL))
}

/// The names in a directory; none if it does not exist.
fn names(dir: &Path) -> Result<Option<Vec<String>>, OpenError> {
    let names = fs::read_dir(dir).and_then(|entries| {
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    });
    match names {
        Ok(names) => Ok(Some(names)),
        Err(source) => match source.kind() {
            io::ErrorKind::NotFound => Ok(None),
            io::ErrorKind::NotADirectory => Err(OpenError::NotADirectory(dir.into())),
            _ => Err(io_error("reading", dir, source).into()),
        },
    }
}
