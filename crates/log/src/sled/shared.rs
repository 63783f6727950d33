//! The open sled, for the log and its readers. It can be opened again while they hold it.

use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use super::files::REOPEN_WAIT;
use super::room::{is_for_want_of_room, release_reserve};
use super::trees::Trees;
use crate::error::LogError;
use crate::log::{Reader, Stored};

/// The part of a log that readers share.
#[derive(Debug)]
pub(super) struct Shared {
    /// None after the log was closed, or could not be opened again after a failure. No value of sled leaves this lock,
    /// so the holder of the write lock can open sled anew.
    pub(super) trees: RwLock<Option<Trees>>,
    /// The number of committed or adopted records.
    pub(super) end: AtomicU64,
    /// Whether a read met damage.
    pub(super) met_damage: AtomicBool,
}

/// The open sled, for the lifetime of this guard.
pub(super) struct Open<'a>(RwLockReadGuard<'a, Option<Trees>>);

impl Deref for Open<'_> {
    type Target = Trees;

    fn deref(&self) -> &Trees {
        self.0.as_ref().expect("it was looked at under this lock")
    }
}

impl Shared {
    /// Shares an open sled; `end` records may be read.
    pub(super) fn of(trees: Trees, end: u64) -> Arc<Self> {
        Arc::new(Self {
            trees: RwLock::new(Some(trees)),
            end: AtomicU64::new(end),
            met_damage: AtomicBool::new(false),
        })
    }

    pub(super) fn trees(&self) -> Option<Open<'_>> {
        // A thread that panicked under this lock was only reading.
        let trees = self.trees.read().unwrap_or_else(PoisonError::into_inner);
        trees.is_some().then(|| Open(trees))
    }

    /// The open sled.
    pub(super) fn opened(&self) -> Result<Open<'_>, LogError> {
        self.trees().ok_or_else(LogError::closed)
    }

    /// Flushes sled, and opens it anew after many bytes.
    pub(super) fn flush(&self) -> Result<(), LogError> {
        let trees = self.opened()?;
        trees.flush()?;
        let worn = trees.is_worn();
        drop(trees);
        if worn {
            self.renew();
        }
        Ok(())
    }

    /// Opens sled again after a failed write. If that fails too, the log counts as closed until its owner opens it
    /// again.
    pub(super) fn open_again(&self, dir: &Path) {
        let mut open = self.trees_mut();
        let Some(trees) = open.as_ref().filter(|trees| trees.copy.is_none()) else {
            return;
        };
        let records = trees.records.clone();
        *open = None;
        let deadline = Instant::now() + REOPEN_WAIT;
        let mut trees = Trees::open_until(&records, deadline);
        if trees.as_ref().is_err_and(is_for_want_of_room) && release_reserve(dir) {
            trees = Trees::open_until(&records, deadline);
        }
        *open = trees.ok();
    }

    /// Opens sled anew after many bytes were read or written. If that fails, the log counts as closed until its owner
    /// opens it again.
    fn renew(&self) {
        let mut open = self.trees_mut();
        if let Some(records) = open.as_ref().filter(|trees| trees.is_worn()) {
            let records = records.records.clone();
            *open = None;
            *open = Trees::open_until(&records, Instant::now() + REOPEN_WAIT).ok();
        }
    }

    fn trees_mut(&self) -> RwLockWriteGuard<'_, Option<Trees>> {
        self.trees.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn show(&self, trees: Trees) {
        *self.trees_mut() = Some(trees);
    }

    /// Waits for running reads, and closes sled.
    pub(super) fn close(&self) {
        *self.trees_mut() = None;
    }
}

impl Shared {
    /// Reads, and opens sled anew after many bytes.
    pub(super) fn reading<T>(
        &self,
        read: impl FnOnce(&Trees) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let trees = self.opened()?;
        let read = read(&trees);
        if matches!(read, Err(LogError::Damaged { .. })) {
            self.met_damage.store(true, Ordering::Relaxed);
        }
        let worn = trees.is_worn();
        drop(trees);
        if worn {
            self.renew();
        }
        read
    }
}

impl Reader for Shared {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.reading(|trees| trees.read(from, limit, self.end.load(Ordering::SeqCst)))
    }

    fn snapshot_counts(&self) -> Result<Vec<u64>, LogError> {
        self.opened()?.snapshots()
    }

    fn snapshot(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        self.opened()?.snapshot(count)
    }
}
