//! The marker of a ledger's directory.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use crate::open_error::OpenError;
use servanda_files::FileError;

/// The format of a ledger's directory.
pub const FORMAT: u32 = 1;
/// The log that holds the records, as the marker names it.
const STORE: &str = "sled";

pub(super) const MARKER: &str = "servanda";
pub(super) const MARKER_DRAFT: &str = "servanda.draft";
const MARKER_TITLE: &str = "servanda ledger";
/// The most bytes of a marker that are read.
const MARKER_MAX_BYTES: u64 = 4096;

/// What a marker says.
pub(super) enum Marker {
    /// There is none.
    Missing,
    /// It is the one that is written here.
    Known,
    /// It names a format or a log that is not known here.
    Unknown(OpenError),
    /// It is something else, and why.
    Strange(String),
}

/// Whether a directory has the marker of a ledger, of any format.
pub fn is_marked(dir: &Path) -> bool {
    matches!(read(dir), Ok(Marker::Known | Marker::Unknown(_)))
}

/// Reads the marker of a directory.
///
/// # Errors
/// Errors of the system.
pub(super) fn read(dir: &Path) -> io::Result<Marker> {
    match servanda_files::read_regular(&dir.join(MARKER), MARKER_MAX_BYTES) {
        Ok(text) => Ok(parse(&String::from_utf8_lossy(&text))),
        Err(FileError::Io(error)) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(Marker::Missing),
            _ => Err(error),
        },
        Err(error) => Ok(Marker::Strange(error.to_string())),
    }
}

fn parse(text: &str) -> Marker {
    let strange = |what: &str| Marker::Strange(what.to_owned());
    let mut lines = text.lines();
    if lines.next() != Some(MARKER_TITLE) {
        return strange("its first line is not `servanda ledger`");
    }
    let format = lines.next().and_then(|line| line.strip_prefix("format "));
    match format.and_then(|format| format.parse().ok()) {
        None => return strange("its second line is not `format` and a number"),
        Some(0) => return strange("there is no format 0"),
        Some(FORMAT) => {}
        Some(found) => {
            return Marker::Unknown(OpenError::NewerFormat {
                found,
                known: FORMAT,
            });
        }
    }
    match lines.next().and_then(|line| line.strip_prefix("store ")) {
        None => strange("its third line is not `store` and a name"),
        Some(STORE) => Marker::Known,
        Some(name) => Marker::Unknown(OpenError::UnknownStore {
            name: name.to_owned(),
        }),
    }
}

/// Writes the marker, after everything else in the directory is on the disk.
pub(super) fn write(dir: &Path) -> io::Result<()> {
    let sync = |dir: &Path| File::open(dir).and_then(|dir| dir.sync_all());
    sync(dir)?;
    let draft = dir.join(MARKER_DRAFT);
    let mut file = File::create(&draft)?;
    write!(file, "{MARKER_TITLE}\nformat {FORMAT}\nstore {STORE}\n")?;
    file.sync_all()?;
    fs::rename(&draft, dir.join(MARKER))?;
    sync(dir)?;
    // Syncs the directory's own name. Some systems do not let the parent be opened; then it is not synced.
    if let Some(parent) = dir.canonicalize()?.parent() {
        let _best_effort = sync(parent);
    }
    Ok(())
}
