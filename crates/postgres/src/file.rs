//! Files of the user's that say how to connect.

use std::path::{Path, PathBuf};

/// The most bytes of such a file that are read.
const MAX_BYTES: u64 = 1 << 20;

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub(super) struct UnusableFile {
    path: PathBuf,
    why: String,
}

impl UnusableFile {
    /// A file, and why it cannot be used.
    pub fn new(path: &Path, why: impl ToString) -> Self {
        Self {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }
}

/// Whether a file holds a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Others may read it.
    NoSecret,
    /// Only its owner may read it.
    Secret,
}

/// Reads a file.
///
/// # Errors
/// [`UnusableFile`], also where others can read a secret.
pub(super) fn read(path: &Path, holds: Holds) -> Result<Vec<u8>, UnusableFile> {
    let refused = |why: String| UnusableFile::new(path, why);
    let source = servanda_files::Source::open_regular(path);
    let source = source.map_err(|error| refused(error.to_string()))?;
    if holds == Holds::Secret && is_open_to_others(source.metadata()) {
        return Err(refused("others can read it: chmod 600".to_owned()));
    }
    let bytes = source.read_all(MAX_BYTES);
    bytes.map_err(|error| refused(error.to_string()))
}

#[cfg(unix)]
fn is_open_to_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &std::fs::Metadata) -> bool {
    false
}
