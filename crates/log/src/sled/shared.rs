//! What is open, for the log and its readers: sled can be opened anew under them.

use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use super::files::REOPEN_WAIT;
use super::room::{is_for_want_of_room, release_reserve};
use super::trees::Trees;
use crate::error::LogError;
use crate::log::{Reader, Stored};

/// What readers see of a log.
#[derive(Debug)]
pub(super) struct Shared {
    /// None once the log was closed, and after a failure from which opening again did not recover. Nothing
    /// that belongs to sled leaves this lock, so whoever holds it alone can open sled anew.
    pub(super) trees: RwLock<Option<Trees>>,
    /// How many records were committed, or taken in on opening.
    pub(super) end: AtomicU64,
}

/// What is open of sled, for as long as this lives.
pub(super) struct Open<'a>(RwLockReadGuard<'a, Option<Trees>>);

impl Deref for Open<'_> {
    type Target = Trees;

    fn deref(&self) -> &Trees {
        self.0.as_ref().expect("it was looked at under this lock")
    }
}

impl Shared {
    /// What is open, of which so many records may be read.
    pub(super) fn of(trees: Trees, end: u64) -> Arc<Self> {
        Arc::new(Self {
            trees: RwLock::new(Some(trees)),
            end: AtomicU64::new(end),
        })
    }

    pub(super) fn trees(&self) -> Option<Open<'_>> {
        // Whoever panicked under the lock only read.
        let trees = self.trees.read().unwrap_or_else(PoisonError::into_inner);
        trees.is_some().then(|| Open(trees))
    }

    /// What is open.
    pub(super) fn opened(&self) -> Result<Open<'_>, LogError> {
        self.trees().ok_or_else(LogError::closed)
    }

    /// Writes what was handed to sled, and opens it anew where that was much.
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

    /// Opens sled again after a write that failed. If that fails too, it counts as closed until its owner opens it again.
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

    /// Opens sled anew where much was read or written. If that fails, it counts as closed until its owner opens it again.
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

    /// Waits for whoever is reading, and lets go of sled.
    pub(super) fn close(&self) {
        *self.trees_mut() = None;
    }
}

impl Reader for Shared {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let trees = self.trees().ok_or_else(LogError::closed)?;
        let read = trees.read(from, limit, self.end.load(Ordering::SeqCst));
        let worn = trees.is_worn();
        drop(trees);
        if worn {
            self.renew();
        }
        read
    }
}
