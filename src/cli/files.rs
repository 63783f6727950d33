//! Files that users name, and files that the program keeps.

use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use super::error::CliError;
use servanda_core::chain::note;
use servanda_files::{Access, Existing, FileError, Source};

/// The longest key, note, policy, proof or opened record that is read, in bytes.
pub const TEXT_BYTES: u64 = note::MAX_LEN as u64;

/// Whether files may be replaced.
#[derive(Debug, clap::Args)]
pub struct Overwrite {
    /// Replace a file that exists
    #[arg(long)]
    pub force: bool,
}

impl Overwrite {
    pub fn existing(&self) -> Existing {
        match self.force {
            true => Existing::Replace,
            false => Existing::Refuse,
        }
    }
}

/// Reads a file that a user named.
pub fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, CliError> {
    servanda_files::read(path, max_bytes).map_err(|error| cannot("read", path, error))
}

/// Reads a file that a user named, and that holds a text.
pub fn read_text(path: &Path) -> Result<String, CliError> {
    String::from_utf8(read(path, TEXT_BYTES)?)
        .map_err(|_| CliError::refused(format!("cannot read {}: it is not UTF-8", path.display())))
}

/// Reads a file that the program keeps, or nothing if there is none.
pub fn if_there(path: &Path) -> Result<Option<Vec<u8>>, CliError> {
    match servanda_files::read_regular(path, TEXT_BYTES) {
        Ok(held) => Ok(Some(held)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(cannot("read", path, error)),
    }
}

/// Writes a file that the program keeps, in the place of the one before.
pub fn keep(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), CliError> {
    servanda_files::write(path, bytes, Existing::ReplaceOwn, Access::Umask)
        .map_err(|error| cannot("write", path, error))
}

/// As [`keep`], where this process holds a lock: the draft that a killed process left is overwritten by the next.
pub fn keep_locked(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), CliError> {
    servanda_files::write_locked(path, bytes).map_err(|error| cannot("write", path, error))
}

/// Writes a file that a user asked for.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>, existing: Existing) -> Result<(), CliError> {
    servanda_files::write(path, bytes, existing, Access::Umask)
        .map_err(|error| cannot("write", path, error))
}

/// The error for a file that is not read or written.
pub fn cannot(doing: &str, path: &Path, error: FileError) -> CliError {
    let path = path.display();
    let told = CliError::refused(format!("cannot {doing} {path}: {error}"));
    match error {
        FileError::Exists => told.hint("--force replaces it"),
        FileError::Directory => told.hint("name a file"),
        FileError::Slow(_) => {
            told.hint("is the program at the other end of the pipe still running?")
        }
        FileError::Io(_) | FileError::NotRegular(_) | FileError::TooLong(_) => told,
    }
}

/// How long the writer of a pipe that is recorded, imported or hashed may pause.
const INPUT_PATIENCE: Duration = Duration::from_secs(300);

/// What to call a file in messages.
pub fn input_name(path: &Path) -> String {
    if path.as_os_str() == "-" {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Opens a file for reading, or standard input for `-`.
pub fn input(path: &Path) -> Result<Box<dyn Read + Send>, CliError> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    let source = Source::open(path).map_err(|error| {
        let is_directory = matches!(error, FileError::Directory);
        let told = CliError::refused(format!("cannot read {}: {error}", path.display()));
        match is_directory {
            true => told.hint("name a file, or - for standard input"),
            false => told,
        }
    })?;
    Ok(Box::new(source.patience(INPUT_PATIENCE)))
}
