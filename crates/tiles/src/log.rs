//! A published ledger as a log.

use std::io;
use std::sync::{Arc, Weak};

use super::bundles::{Bundles, unread};
use super::store::{Store, StoreError};
use servanda_core::chain::record::{Hash, Head, RecordRef};
use servanda_log::{AppendError, BatchSource, Log, LogError, Reader, Stored};

/// The records of a published ledger, up to a checkpoint. It takes no append.
///
/// Nothing is believed: its head is that of the record that is there as the last one, and whoever verifies the records
/// compares their tree with the checkpoint.
pub struct PublishedLog {
    bundles: Arc<Bundles>,
    head: Head,
}

impl PublishedLog {
    /// Opens the first `size` records.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(crate) fn open(store: Arc<dyn Store>, size: u64) -> Result<Self, StoreError> {
        let bundles = Bundles::of(store, size);
        let link = match size.checked_sub(1).map(|last| bundles.read(last, 1)) {
            None => Hash::ZERO,
            Some(Ok(found)) => {
                let last = found.first();
                let last = last.and_then(|stored| RecordRef::peek(&stored.sealed.0).ok());
                last.map_or(Hash::ZERO, |record| record.link())
            }
            // Verifying names it.
            Some(Err(_)) => match bundles.failure() {
                Some(failure) => return Err(failure),
                None => Hash::ZERO,
            },
        };
        Ok(Self {
            bundles: Arc::new(bundles),
            head: Head { count: size, link },
        })
    }

    /// Why the place could not be read, if that befell a reader. What was found wrong then is no finding.
    pub fn failure(&self) -> Option<StoreError> {
        self.bundles.failure()
    }
}

struct OfBundles(Weak<Bundles>);

impl Reader for OfBundles {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let bundles = self.0.upgrade().ok_or_else(LogError::closed)?;
        bundles.read(from, limit)
    }
}

impl Log for PublishedLog {
    fn head(&self) -> Result<Head, LogError> {
        match self.failure() {
            Some(failure) if self.head.link == Hash::ZERO => Err(unread(failure)),
            _ => Ok(self.head),
        }
    }

    fn append(&mut self, _: Head, _: &mut dyn BatchSource) -> Result<Head, AppendError> {
        Err(AppendError::Failed(LogError::Io {
            doing: "appending to a published ledger".to_owned(),
            source: io::Error::from(io::ErrorKind::Unsupported),
        }))
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.bundles.read(from, limit)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(OfBundles(Arc::downgrade(&self.bundles)))
    }
}
