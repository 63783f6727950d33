//! Where the records are read again that the state does not hold.

use std::sync::Arc;

use crate::event::Entry;
use crate::records::{ReadError, Stored};
use crate::value::id::Seq;

/// Reads the records that the state does not hold.
pub trait Archive: Send + Sync {
    /// The entry of a record as it was recorded; none if its payload was erased.
    ///
    /// # Errors
    /// Why the record cannot be read.
    fn entry(&self, seq: Seq) -> Result<Option<Entry>, ReadError>;

    /// Takes records that were just read: they are asked for again more often than others, because what is corrected
    /// was mostly recorded shortly before.
    fn just_read(&self, _records: &Arc<Vec<Stored>>) {}

    /// Keeps at most so many stretches of up to 256 records at hand from now on: more, for those who ask again and again.
    fn keep_at_hand(&self, _most: usize) {}
}

/// A record that the archive cannot read any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {seq}: {why}")]
pub struct Unreadable {
    /// The record.
    pub seq: Seq,
    /// The reason.
    pub why: ReadError,
}
