//! Functions that the parts of the import of tables share.

use std::path::Path;

use crate::cli::error::CliError;

/// The most errors that are listed; more are counted.
const LISTED: usize = 100;

/// Reads a file of at most `limit` bytes.
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    let length = std::fs::metadata(path).map(|metadata| metadata.len());
    let bytes = length.and_then(|length| match length > limit {
        true => Ok(None),
        false => std::fs::read(path).map(Some),
    });
    match bytes {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(CliError::refused(format!(
            "{} is longer than {limit} bytes",
            path.display()
        ))
        .hint("split it, and import one part after the other")),
        Err(error) => Err(CliError::file("read", path, &error)),
    }
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
