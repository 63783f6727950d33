//! The directory of a ledger: its files, its lock, and the log in it.
//!
//! ```text
//! DIR/servanda     the marker: format and store, as text; written last when a ledger is made
//! DIR/lock         locked by the process that has the ledger open; names that process if there was room for it
//! DIR/head         the committed head
//! DIR/records/     the records
//! DIR/journal      appends that the records do not hold yet
//! DIR/reserve      room on the disk, given up when the disk is full
//! DIR/socket       where a process that serves the ledger is asked by others (`served.rs`)
//! ```
//!
//! During an erasure there is also a `records.new` or `records.old`; after a crash the next write removes it.
//!
//! The marker is three lines: `servanda ledger`, `format 1`, `store sled`. A directory that holds some of these files, no
//! marker and no record was never finished: making the ledger again begins anew. With records, the marker is damaged;
//! such a ledger is read, and takes no appends.
//!
//! One process at a time has a ledger open. The lock is the operating system's, so it ends with the process. The text
//! in the file only tells other processes which one they wait for.

use std::fs::{self, File};
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::time::{Duration, Instant};

use self::lock::locked;
use self::marker::MARKER;
use self::place::{JOURNAL, Place};
use self::refusal::{refused, refused_by_store};
use super::error::LogError;
use super::journal::Journal;
use super::log::Log as _;
use super::open_error::OpenError;
use super::sled::Sled;
use servanda_core::chain::record::Head;

mod lock;
mod marker;
mod place;
mod refusal;

pub use self::marker::{FORMAT, is_marked};

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

/// Checks that a ledger can be made in a directory. Changes nothing.
///
/// # Errors
/// [`OpenError`], the one that [`create`] would end with.
pub fn check_can_create(dir: &Path) -> Result<(), OpenError> {
    match place::look(dir)? {
        Place::Missing | Place::Empty | Place::HalfMade => Ok(()),
        Place::Ledger if place::is_without_records(dir) => Ok(()),
        Place::Foreign => Err(OpenError::NotEmpty(dir.into())),
        Place::Ledger | Place::Damaged(_) | Place::Unknown(_) => {
            Err(OpenError::AlreadyALedger(dir.into()))
        }
    }
}

/// Makes a ledger in a directory that does not exist or is empty, and opens it. What an earlier attempt left is
/// removed, or used if it lacks only the first record. `who` is written into the lock for other processes: "servanda
/// init".
///
/// # Errors
/// [`OpenError`]. Files that were made before the error stay; the next attempt removes them.
pub fn create(dir: &Path, who: &str) -> Result<LedgerDir, OpenError> {
    check_can_create(dir)?;
    fs::create_dir_all(dir).map_err(|source| refused("creating", dir, source))?;
    let lock = locked(dir, Duration::ZERO, who)?;
    // Another process may have made one in the meantime.
    check_can_create(dir)?;
    let deadline = Instant::now() + Duration::from_secs(2);
    if !matches!(place::look(dir)?, Place::Ledger) {
        place::clear(dir).map_err(|source| refused("clearing", dir, source))?;
        Sled::create(dir)
            .and_then(|()| Journal::<Sled>::create(&dir.join(JOURNAL), Head::EMPTY))
            .map_err(|error| refused_by_store(dir, error))?;
        marker::write(dir).map_err(|source| refused("writing", &dir.join(MARKER), source))?;
    }
    let made = LedgerDir::locked(dir, lock, deadline)?;
    // An append that was killed before it was committed may be whole.
    if made.head()? == Head::EMPTY {
        Ok(made)
    } else {
        Err(OpenError::AlreadyALedger(dir.into()))
    }
}

/// Opens the ledger in a directory, and waits up to `wait` for other processes to close it. `who` is written into the
/// lock for them: "servanda import". A directory that is refused is not changed.
///
/// # Errors
/// [`OpenError`]
pub fn open(dir: &Path, wait: Duration, who: &str) -> Result<LedgerDir, OpenError> {
    let began = Instant::now();
    let damage = match place::look(dir)? {
        Place::Ledger => None,
        Place::Damaged(what) => Some(what),
        Place::Missing => return Err(OpenError::NoSuchDirectory(dir.into())),
        Place::Empty | Place::Foreign => return Err(OpenError::NotALedger(dir.into())),
        Place::HalfMade => return Err(OpenError::HalfMade(dir.into())),
        Place::Unknown(error) => return Err(error),
    };
    let lock = locked(dir, wait, who)?;
    let deadline = began + wait.max(Duration::from_secs(1));
    let opened = LedgerDir::locked(dir, lock, deadline).map_err(|error| match error {
        LogError::Io { source, .. } if source.kind() == io::ErrorKind::WouldBlock => {
            OpenError::Locked {
                holder: "a process that does not use the lock".to_owned(),
                waited: began.elapsed(),
            }
        }
        error => refused_by_store(dir, error),
    });
    let mut opened = opened?;
    if let Some(damage) = damage {
        opened.log.refuse_appends(damage);
    }
    Ok(opened)
}

#[cfg(test)]
mod tests;
