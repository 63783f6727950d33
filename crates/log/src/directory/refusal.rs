//! The errors of the system, as errors of opening.

use std::io;
use std::path::Path;

use crate::error::LogError;
use crate::open_error::OpenError;

pub(super) fn io_error(doing: &str, path: &Path, source: io::Error) -> LogError {
    LogError::Io {
        doing: format!("{doing} {}", path.display()),
        source,
    }
}

/// The error for a refused write.
pub(super) fn refused(doing: &str, path: &Path, source: io::Error) -> OpenError {
    match source.kind() {
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            OpenError::ReadOnly {
                path: path.into(),
                source,
            }
        }
        io::ErrorKind::NotADirectory => OpenError::NotADirectory(path.into()),
        _ => io_error(doing, path, source).into(),
    }
}

pub(super) fn refused_by_store(dir: &Path, error: LogError) -> OpenError {
    match error {
        LogError::Io { doing, source } => match refused("", dir, source) {
            OpenError::Log(LogError::Io { source, .. }) => LogError::Io { doing, source }.into(),
            read_only => read_only,
        },
        damaged => damaged.into(),
    }
}
