//! The file of a journal as a trait: tests use one that loses bytes which were not synced.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

/// A file of fixed length.
pub(super) trait Medium: Send {
    /// Reads all bytes.
    fn read(&self) -> io::Result<Vec<u8>>;

    /// Writes these bytes at this place. After an error, any of them may be written.
    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Syncs everything that was written.
    fn sync_data(&self) -> io::Result<()>;
}

impl Medium for File {
    fn read(&self) -> io::Result<Vec<u8>> {
        let mut file = self;
        let mut bytes = Vec::with_capacity(usize::try_from(self.metadata()?.len()).unwrap_or(0));
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }
}
