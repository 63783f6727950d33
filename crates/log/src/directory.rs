//! The directory of a ledger: its files, its lock, and the log in it.
//!
//! ```text
//! DIR/servanda     the marker: format and store, as text; written last when a ledger is made
//! DIR/lock         locked by the process that has the ledger open; names that process
//! DIR/head         the committed head
//! DIR/records/     the records
//! DIR/journal      appends that the records do not hold yet
//! DIR/reserve      room on the disk, given up when the disk is full
//! ```
//!
//! During an erasure there is also a `records.new` or `records.old`; after a crash the next write removes it.
//!
//! The marker is three lines: `servanda ledger`, `format 1`, `store sled`. A directory that holds some of these files
//! and no marker was never finished, and can be deleted.
//!
//! One process at a time has a ledger open. The lock is the operating system's, so it ends with the process. The text
//! in the file only tells other processes which one they wait for.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::backend::Backend;
use super::error::LogError;
use super::journal::Journal;
use super::location::{FILE, Location};
use super::log::Log;
use super::open_error::OpenError;
use super::sled::Sled;
use servanda_core::chain::record::Head;

/// The format of a ledger's directory.
pub const FORMAT: u32 = 1;
/// The log that holds the records, as the marker names it.
const STORE: &str = "sled";

const MARKER: &str = "servanda";
const MARKER_DRAFT: &str = "servanda.draft";
const MARKER_TITLE: &str = "servanda ledger";
/// The most bytes of a marker that are read.
const MARKER_MAX_BYTES: u64 = 4096;
const LOCK: &str = "lock";
const JOURNAL: &str = "journal";
/// The files that an interrupted creation may leave.
const PARTS: [&str; 6] = [MARKER_DRAFT, LOCK, JOURNAL, "head", "records", "reserve"];
const HOLDER_MAX_BYTES: u64 = 1024;

/// An open ledger directory: a log in sled with a journal before it, and the lock, which is held as long as this lives.
#[derive(Debug)]
pub struct LedgerDir {
    // Dropped in this order: no other process may begin before the log is closed.
    log: Journal<Sled>,
    _lock: File,
}

impl LedgerDir {
    /// Opens the log in a directory that this process has locked.
    fn locked(dir: &Path, lock: File, deadline: Instant) -> Result<Self, LogError> {
        let log = Journal::open(&dir.join(JOURNAL), Sled::open(dir, deadline)?)?;
        Ok(Self { log, _lock: lock })
    }
}

impl Deref for LedgerDir {
    type Target = Journal<Sled>;

    fn deref(&self) -> &Journal<Sled> {
        &self.log
    }
}

impl DerefMut for LedgerDir {
    fn deref_mut(&mut self) -> &mut Journal<Sled> {
        &mut self.log
    }
}

/// Directories, by path or as `file:` URL.
pub(super) struct Directories;

impl Directories {
    fn directory(at: &Location) -> Result<PathBuf, OpenError> {
        let directory = at.directory();
        directory.ok_or_else(|| OpenError::NoLedger(at.clone()))
    }
}

impl Backend for Directories {
    fn scheme(&self) -> &str {
        FILE
    }

    fn check_can_create(&self, at: &Location) -> Result<(), OpenError> {
        check_can_create(&Self::directory(at)?).map_err(|error| error.named(at))
    }

    fn create(&self, at: &Location, who: &str) -> Result<Box<dyn Log>, OpenError> {
        let made = create(&Self::directory(at)?, who);
        made.map(|log| Box::new(log) as Box<dyn Log>)
            .map_err(|error| error.named(at))
    }

    fn open(&self, at: &Location, wait: Duration, who: &str) -> Result<Box<dyn Log>, OpenError> {
        let opened = open(&Self::directory(at)?, wait, who);
        opened
            .map(|log| Box::new(log) as Box<dyn Log>)
            .map_err(|error| error.named(at))
    }
}

/// Checks that a ledger can be made in a directory. Changes nothing.
///
/// # Errors
/// [`OpenError`], the one that [`create`] would end with.
pub fn check_can_create(dir: &Path) -> Result<(), OpenError> {
    check_is_free(dir, &[])
}

/// Makes a ledger in a directory that does not exist or is empty, and opens it. `who` is written into the lock for
/// other processes: "servanda init".
///
/// # Errors
/// [`OpenError`]. Files that were made before the error stay; opening then reports [`OpenError::HalfMade`].
pub fn create(dir: &Path, who: &str) -> Result<LedgerDir, OpenError> {
    check_is_free(dir, &[])?;
    fs::create_dir_all(dir).map_err(|source| refused("creating", dir, source))?;
    let lock = locked(dir, Duration::ZERO, who)?;
    // Another process may have begun to make one in the meantime.
    check_is_free(dir, &[LOCK])?;
    Sled::create(dir)
        .and_then(|()| Journal::<Sled>::create(&dir.join(JOURNAL), Head::EMPTY))
        .map_err(|error| refused_by_store(dir, error))?;
    write_marker(dir).map_err(|source| refused("writing", &dir.join(MARKER), source))?;
    let deadline = Instant::now() + Duration::from_secs(2);
    Ok(LedgerDir::locked(dir, lock, deadline)?)
}

/// Opens the ledger in a directory, and waits up to `wait` for other processes to close it. `who` is written into the
/// lock for them: "servanda import". A directory that is refused is not changed.
///
/// # Errors
/// [`OpenError`]
pub fn open(dir: &Path, wait: Duration, who: &str) -> Result<LedgerDir, OpenError> {
    let began = Instant::now();
    check_marker(dir)?;
    let lock = locked(dir, wait, who)?;
    let deadline = began + wait.max(Duration::from_secs(1));
    LedgerDir::locked(dir, lock, deadline).map_err(|error| match error {
        LogError::Io { source, .. } if source.kind() == io::ErrorKind::WouldBlock => {
            OpenError::Locked {
                holder: "a process that does not use the lock".to_owned(),
                waited: began.elapsed(),
            }
        }
        error => refused_by_store(dir, error),
    })
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

/// Checks that a directory holds nothing but these files of ours.
fn check_is_free(dir: &Path, ours: &[&str]) -> Result<(), OpenError> {
    let names = names(dir)?.unwrap_or_default();
    let others = || names.iter().filter(|name| !ours.contains(&name.as_str()));
    if names.iter().any(|name| name == MARKER) {
        return Err(match check_marker(dir) {
            Err(OpenError::NotALedger(dir)) => OpenError::NotEmpty(dir),
            _ => OpenError::AlreadyALedger(dir.into()),
        });
    }
    if others().next().is_none() {
        Ok(())
    } else if others().all(|name| PARTS.contains(&name.as_str())) {
        Err(OpenError::HalfMade(dir.into()))
    } else {
        Err(OpenError::NotEmpty(dir.into()))
    }
}

/// Checks that the marker names the format and the log that are known here.
fn check_marker(dir: &Path) -> Result<(), OpenError> {
    let path = dir.join(MARKER);
    let text = File::open(&path).and_then(|file| {
        let mut text = Vec::new();
        file.take(MARKER_MAX_BYTES).read_to_end(&mut text)?;
        Ok(text)
    });
    match text {
        Ok(text) => parse_marker(dir, &String::from_utf8_lossy(&text)),
        Err(source) => Err(match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => no_marker(dir)?,
            io::ErrorKind::IsADirectory => OpenError::NotALedger(dir.into()),
            _ => io_error("reading", &path, source).into(),
        }),
    }
}

/// The error for a directory without a marker.
fn no_marker(dir: &Path) -> Result<OpenError, OpenError> {
    let Some(names) = names(dir)? else {
        return Ok(OpenError::NoSuchDirectory(dir.into()));
    };
    let half_made = !names.is_empty() && names.iter().all(|name| PARTS.contains(&name.as_str()));
    Ok(if half_made {
        OpenError::HalfMade(dir.into())
    } else {
        OpenError::NotALedger(dir.into())
    })
}

fn parse_marker(dir: &Path, text: &str) -> Result<(), OpenError> {
    let mut lines = text.lines();
    if lines.next() != Some(MARKER_TITLE) {
        return Err(OpenError::NotALedger(dir.into()));
    }
    let damaged = |what: &str| LogError::Damaged {
        what: format!("{}: {what}", dir.join(MARKER).display()),
        resume: None,
    };
    let format = lines.next().and_then(|line| line.strip_prefix("format "));
    let format: u32 = format
        .and_then(|format| format.parse().ok())
        .ok_or_else(|| damaged("its second line is not `format` and a number"))?;
    match format {
        FORMAT => {}
        0 => return Err(damaged("there is no format 0").into()),
        found => {
            return Err(OpenError::NewerFormat {
                found,
                known: FORMAT,
            });
        }
    }
    let name = lines
        .next()
        .and_then(|line| line.strip_prefix("store "))
        .ok_or_else(|| damaged("its third line is not `store` and a name"))?;
    if name != STORE {
        return Err(OpenError::UnknownStore {
            name: name.to_owned(),
        });
    }
    Ok(())
}

/// Writes the marker, after everything else in the directory is on the disk.
fn write_marker(dir: &Path) -> io::Result<()> {
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

/// Locks the lock file and writes `who` into it.
fn locked(dir: &Path, wait: Duration, who: &str) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let began = Instant::now();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options
        .open(&path)
        .map_err(|source| refused("opening", &path, source))?;
    let mut pause = Duration::from_millis(2);
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(source)) => {
                return Err(io_error("locking", &path, source).into());
            }
            Err(TryLockError::WouldBlock) => {}
        }
        let left = wait.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(OpenError::Locked {
                holder: holder(&path),
                waited: began.elapsed(),
            });
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(100));
    }
    let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let write = file
        .set_len(0)
        .and_then(|()| writeln!(file, "pid {}, {who}, since {now}", std::process::id()));
    write.map_err(|source| refused("writing", &path, source))?;
    Ok(file)
}

/// The text that the holder of the lock wrote into it.
fn holder(path: &Path) -> String {
    let mut text = String::new();
    let read =
        File::open(path).and_then(|file| file.take(HOLDER_MAX_BYTES).read_to_string(&mut text));
    let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    if read.is_err() || text.is_empty() {
        "a process that did not say who it is".to_owned()
    } else {
        text
    }
}

fn io_error(doing: &str, path: &Path, source: io::Error) -> LogError {
    LogError::Io {
        doing: format!("{doing} {}", path.display()),
        source,
    }
}

/// The error for a refused write.
fn refused(doing: &str, path: &Path, source: io::Error) -> OpenError {
    match source.kind() {
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            OpenError::ReadOnly {
                path: path.into(),
                source,
            }
        }
        io::ErrorKind::NotADirectory => OpenError::NotADirectory(path.into()),
        _ => io_error(doing, path, source).into(),
    }
}

fn refused_by_store(dir: &Path, error: LogError) -> OpenError {
    match error {
        LogError::Io { doing, source } => match refused("", dir, source) {
            OpenError::Log(LogError::Io { source, .. }) => LogError::Io { doing, source }.into(),
            read_only => read_only,
        },
        damaged => damaged.into(),
    }
}

#[cfg(test)]
mod tests;
