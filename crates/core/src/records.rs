//! Where the records of a ledger are read from.

use crate::chain::record::Sealed;

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place, from 0. `verify` compares it with the number in the record's header.
    pub seq: u64,
    /// The bytes of the record.
    pub sealed: Sealed,
}

/// Why records cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ReadError {
    /// What is wrong, and with what.
    pub what: String,
    /// The number of the first record after the damage that may be readable, if there is one.
    pub resume: Option<u64>,
    /// Whether the place that keeps the records does not answer: then nothing is known of them, and they may be read later.
    pub is_unreachable: bool,
}

impl ReadError {
    /// Something is wrong with the records.
    pub fn damaged(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            resume: None,
            is_unreachable: false,
        }
    }
}

/// Reads records, also from several threads at a time.
pub trait Records: Send + Sync {
    /// Reads at least one and about `limit` records from `from` on, in order; none only at the end. Places may be missing
    /// where records were taken away.
    ///
    /// # Errors
    /// [`ReadError`] names the place where reading can go on.
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, ReadError>;
}

/// Records in memory, such as those of a raw export, in the order in which they lie. Where that is not the order of their
/// places, nothing is left out.
impl Records for Vec<Stored> {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, ReadError> {
        let mut later = self.iter().skip_while(|stored| stored.seq < from);
        let mut read: Vec<Stored> = later.by_ref().take(limit.max(1)).cloned().collect();
        // One whose place was passed would never be asked for again.
        let end = read.last().map_or(0, |last| last.seq + 1);
        let passed = later.take_while(|stored| stored.seq < end);
        read.extend(passed.cloned());
        Ok(read)
    }
}
