//! Copies that follow a published ledger: a file in their directory says which, and nothing is recorded in them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::CliError;
use super::files;
use servanda_core::chain::record::Head;
use servanda_log::{
    AppendError, BatchSource, Compact, Location, Log, LogError, Reader, SnapshotCache, Stored,
};

/// The file in the directory of a copy that says what it follows.
const MARKER: &str = "follows";

/// The place that the ledger in a directory follows; none if it is a ledger of its own.
pub(super) fn followed(dir: &Path) -> Result<Option<String>, CliError> {
    let text = files::if_there(&dir.join(MARKER))?;
    Ok(text.map(|text| String::from_utf8_lossy(&text).trim_end().to_owned()))
}

/// Notes what the ledger in a directory follows.
pub(super) fn note(dir: &Path, place: &Location) -> Result<(), CliError> {
    let path = dir.join(MARKER);
    // A place on this machine is found from any directory.
    let place = match place.directory() {
        Some(dir) => absolute(dir).display().to_string(),
        None => place.to_string(),
    };
    files::keep(&path, format!("{place}\n"))
}

fn absolute(dir: PathBuf) -> PathBuf {
    dir.canonicalize().unwrap_or(dir)
}

/// The log of a ledger; one that takes no appends where the ledger is a copy.
pub(super) fn kept_as_it_is(
    log: Box<dyn Log>,
    location: &Location,
) -> Result<Box<dyn Log>, CliError> {
    let place = match location.directory() {
        Some(dir) => followed(&dir)?,
        None => None,
    };
    Ok(match place {
        Some(place) => Box::new(Copy { log, place }),
        None => log,
    })
}

/// The log of a copy.
struct Copy {
    log: Box<dyn Log>,
    place: String,
}

impl Log for Copy {
    fn head(&self) -> Result<Head, LogError> {
        self.log.head()
    }
    fn append(&mut self, _: Head, _: &mut dyn BatchSource) -> Result<Head, AppendError> {
        let kind = io::ErrorKind::Unsupported;
        let why = "it is a copy, and two histories that go on from one cannot be joined: record in the ledger that it follows";
        Err(AppendError::Failed(LogError::Io {
            doing: format!("nothing is recorded here, where {} is followed", self.place),
            source: io::Error::new(kind, why),
        }))
    }
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.log.read(from, limit)
    }
    fn reader(&self) -> Arc<dyn Reader> {
        self.log.reader()
    }
    fn damage(&self) -> Option<String> {
        self.log.damage()
    }
    fn is_copied(&self) -> bool {
        self.log.is_copied()
    }
    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        self.log.snapshots()
    }
    fn compactor(&mut self) -> Option<&mut dyn Compact> {
        self.log.compactor()
    }
}
