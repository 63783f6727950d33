//! Functions that the parts of the import of tables share.

use std::path::Path;

use servanda_files::FileError;

use crate::cli::error::CliError;
use crate::cli::files;
use crate::intake::mapper::Place;
use crate::intake::table::TableError;

/// The columns that are added to bad rows.
pub const BAD_COLUMNS: [&str; 2] = ["bad_line", "bad_reason"];

/// The most errors that are listed; more are counted.
const LISTED: usize = 100;

/// The most characters of a line of an error or a report.
const LINE: usize = 2_000;

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

/// A file that is no table.
pub fn unread(path: &Path, error: TableError) -> CliError {
    let refused = CliError::refused(format!("{}: {error}", path.display()));
    match error.hint {
        Some(hint) => refused.hint(hint),
        None => refused,
    }
}

/// An error with the first of its details, and the number of the others.
pub fn listed(message: String, details: Vec<String>) -> CliError {
    let count = details.len();
    let mut error = CliError::refused(message);
    error.details = details.into_iter().take(LISTED).map(cut).collect();
    if count > LISTED {
        error = error.detail(format!("... and {} more", count - LISTED));
    }
    error
}

/// A line, cut where it is too long.
pub fn cut(mut line: String) -> String {
    if let Some((at, _)) = line.char_indices().nth(LINE - 1) {
        line.truncate(at);
        line.push('…');
    }
    line
}

/// The column of a place, before a reason.
pub fn column(place: &Place) -> String {
    let column = place.column.as_ref();
    column.map_or(String::new(), |column| format!("{column}: "))
}
