//! Why a file is not read or not written.

use std::io;
use std::time::Duration;

/// Why a file is not read or not written. The message does not name the file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refuses.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A directory is there.
    #[error("it is a directory")]
    Directory,
    /// Something else is there than a regular file.
    #[error("it is {0}, not a regular file")]
    NotRegular(&'static str),
    /// It is longer than its limit, in bytes.
    #[error("it is longer than {0} bytes")]
    TooLong(u64),
    /// No byte came for so long.
    #[error("nothing came for {} seconds", .0.as_secs())]
    Slow(Duration),
    /// A file is there already.
    #[error("it exists already")]
    Exists,
}

impl FileError {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// As an error of a reader or a writer; [`FileError`] is inside.
impl From<FileError> for io::Error {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => error,
            FileError::Slow(_) => Self::new(io::ErrorKind::TimedOut, error),
            error => Self::other(error),
        }
    }
}
