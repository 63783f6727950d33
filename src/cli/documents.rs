//! The documents beside the ledger of a command.

use super::session::Session;
use servanda_ledger::documents::{DOCUMENTS, Documents};

/// The documents beside the ledger; none where it has no directory.
pub fn of(session: &Session) -> Option<Documents> {
    let directory = session.beside(DOCUMENTS).ok()?;
    Some(Documents::in_directory(directory))
}
