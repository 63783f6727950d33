//! What is kept beside the records and can be compared with replay.

use crate::chain::record::Header;
use crate::records::ReadError;

use super::replayed::Replayed;

/// Snapshots of replay that are kept beside the records.
pub trait Kept {
    /// The counts of records for which there is a snapshot, ascending.
    ///
    /// # Errors
    /// [`ReadError`]
    fn counts(&self) -> Result<Vec<u64>, ReadError>;

    /// Whether it takes note of the payload of a record.
    fn wants(&self, header: &Header) -> bool;

    /// Takes note of the next record whose payload it wants, before a snapshot of the records up to it is compared.
    fn note(&mut self, header: &Header, payload: &[u8]);

    /// Compares the snapshot of all records so far with what replay gives of them.
    fn compare(&self, replayed: &Replayed) -> Compared;
}

/// How a snapshot compares with replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// It is what replay gives.
    Same,
    /// An older version of the program made it: it is not used.
    Outdated,
    /// It is something else, or cannot be read: what was found.
    Differs(String),
}

/// Nothing is kept beside the records.
impl Kept for () {
    fn counts(&self) -> Result<Vec<u64>, ReadError> {
        Ok(Vec::new())
    }

    fn wants(&self, _: &Header) -> bool {
        false
    }

    fn note(&mut self, _: &Header, _: &[u8]) {}

    fn compare(&self, _: &Replayed) -> Compared {
        Compared::Same
    }
}
