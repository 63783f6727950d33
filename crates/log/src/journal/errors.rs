//! The errors of the journal.

use crate::error::LogError;
use servanda_core::chain::record::Head;

pub(super) fn damaged(what: String) -> LogError {
    LogError::Damaged { what, resume: None }
}

/// The backing log has a head that no append of this journal gave it.
pub(super) fn backing_moved(found: Head) -> LogError {
    damaged(format!(
        "another process appended to the log behind the journal: it has {found}"
    ))
}
