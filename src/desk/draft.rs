//! A draft: a file that keeps what was typed until it is recorded.

use std::io;
use std::path::{Path, PathBuf};

/// The beginning of the names of drafts.
const PREFIX: &str = "servanda-";

/// A file that stays until it is removed. Only its owner can read it.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
}

impl Draft {
    /// A new file in a directory, which is made if it is not there; in the directory for temporary files where that
    /// cannot be.
    ///
    /// # Errors
    /// No file could be made.
    pub fn new(directory: Option<&Path>, suffix: &str) -> io::Result<Self> {
        let made = directory.and_then(|directory| {
            std::fs::create_dir_all(directory).ok()?;
            Self::within(directory, suffix).ok()
        });
        match made {
            Some(draft) => Ok(draft),
            None => Self::within(&std::env::temp_dir(), suffix),
        }
    }

    /// A draft that was kept, to go on with it. None for a file that has not the name of a draft: it stays as it is.
    pub fn again(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let path = path.to_owned();
        name.starts_with(PREFIX).then_some(Self { path })
    }

    fn within(directory: &Path, suffix: &str) -> io::Result<Self> {
        let file = tempfile::Builder::new()
            .prefix(PREFIX)
            .suffix(suffix)
            .tempfile_in(directory)?;
        let (_, path) = file.keep().map_err(|error| error.error)?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces what it holds.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write(&self, text: &str) -> io::Result<()> {
        std::fs::write(&self.path, text)
    }

    /// What it holds.
    ///
    /// # Errors
    /// It could not be read, or is no UTF-8.
    pub fn read(&self) -> io::Result<String> {
        std::fs::read_to_string(&self.path)
    }

    /// Removes it: what it holds was recorded, or is not wanted.
    pub fn remove(self) {
        // A draft that stays does no harm.
        let _ = std::fs::remove_file(self.path);
    }
}
