//! The file of a journal as a trait: tests use one that loses bytes which were not synced.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};

/// A file of fixed length.
pub(super) trait Medium: Send {
    /// How many bytes it has.
    fn length(&self) -> io::Result<u64>;

    /// Fills these bytes from this place on.
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Writes these bytes at this place. After an error, any of them may be written.
    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Syncs everything that was written.
    fn sync_data(&self) -> io::Result<()>;
}

impl Medium for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, bytes, at)
    }

    #[cfg(not(unix))]
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let mut file = self;
        file.seek(SeekFrom::Start(at))?;
        io::Read::read_exact(&mut file, bytes)
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
