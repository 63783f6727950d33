//! Where the records are read again that the state does not hold.

use std::sync::Arc;

use crate::event::Entry;
use crate::records::Stored;
use crate::value::id::Seq;

/// Reads the records that the state does not hold.
pub trait Archive: Send + Sync {
    /// The entry of a record as it was recorded; none if its payload was erased.
    ///
    /// # Errors
    /// The reason why the record cannot be read, in words.
    fn entry(&self, seq: Seq) -> Result<Option<Entry>, String>;

    /// Takes records that were just read: they are asked for again more often than others, because what is corrected
    /// was mostly recorded shortly before.
    fn just_read(&self, _records: &Arc<Vec<Stored>>) {}
}

/// A record that the archive cannot read any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {seq}: {why}")]
pub struct Unreadable {
    /// The record.
    pub seq: Seq,
    /// The reason, in words.
    pub why: String,
}
