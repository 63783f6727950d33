//! Functions that the parts of the import of tables share.

use std::path::Path;

use servanda_files::FileError;

use crate::cli::error::CliError;
use crate::cli::files;

/// The most errors that are listed; more are counted.
const LISTED: usize = 100;

/// Reads a file of at most `limit` bytes.
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    servanda_files::read(path, limit).map_err(|error| {
        let is_too_long = matches!(error, FileError::TooLong(_));
        let error = files::cannot("read", path, error);
        match is_too_long {
            true => error.hint("split it, and import one part after the other"),
            false => error,
        }
    })
}

/// An error with the first of its details, and the number of the others.
pub fn listed(message: String, details: impl ExactSizeIterator<Item = String>) -> CliError {
    let count = details.len();
    let mut error = CliError::refused(message);
    error.details = details.take(LISTED).collect();
    if count > LISTED {
        error = error.detail(format!("... and {} more", count - LISTED));
    }
    error
}
