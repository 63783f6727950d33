//! What is verified, and where that begins.

use std::sync::Arc;

use super::replayed::Replayed;
use crate::chain::record::Head;
use crate::chain::walker::Walker;
use crate::records::Records;
use crate::state::RECORD_LIMIT;

/// The records of a ledger, and the head that was committed for them.
#[derive(Clone)]
pub struct Subject {
    /// The head that is stored apart from the records.
    pub committed: Head,
    /// The records.
    pub records: Arc<dyn Records>,
}

impl Subject {
    /// Whether as many records as were committed can be read here: a head that was tampered with says any number.
    pub(super) fn can_be_read(&self) -> bool {
        self.committed.count <= RECORD_LIMIT
    }
}

/// The beginning of a verification: what is known of the records before.
pub struct Start {
    /// What replay gives of the records before, which are trusted.
    pub trusted: Replayed,
    /// The walk along them.
    pub walker: Walker,
}

impl Start {
    /// Before the first record.
    pub fn nothing_of(subject: &Subject) -> Self {
        Self {
            trusted: Replayed::nothing_of(Arc::clone(&subject.records)),
            walker: Walker::START,
        }
    }

    /// How many records come before.
    pub(super) fn count(&self) -> u64 {
        self.trusted.head.count
    }
}
