//! Reading.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use super::error::FileError;

/// How long a pipe or a device may leave its reader without a byte, or a pipe its writer without a reader.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The most bytes of a lock's text.
const LOCK_MAX_BYTES: u64 = 1024;

/// A file that is open for reading. Opening it does not wait, not even for the writer of a pipe.
#[derive(Debug)]
pub struct Source {
    file: File,
    metadata: Metadata,
    patience: Duration,
}

impl Source {
    /// Opens a regular file, a pipe or a device.
    ///
    /// # Errors
    /// [`FileError::Directory`], [`FileError::Io`].
    pub fn open(path: &Path) -> Result<Self, FileError> {
        Self::open_with(OpenOptions::new(), path)
    }

    fn open_with(mut options: OpenOptions, path: &Path) -> Result<Self, FileError> {
        options.read(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
            options.custom_flags(flags.bits() as i32);
        }
        let file = options.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::IsADirectory => FileError::Directory,
            _ => FileError::Io(error),
        })?;
        // Of the open file: the name may belong to another one by now.
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(FileError::Directory);
        }
        Ok(Self {
            file,
            metadata,
            patience: PATIENCE,
        })
    }

    /// Opens a regular file and nothing else.
    ///
    /// # Errors
    /// As [`Source::open`], and [`FileError::NotRegular`].
    pub fn open_regular(path: &Path) -> Result<Self, FileError> {
        Self::open(path)?.regular()
    }

    fn regular(self) -> Result<Self, FileError> {
        match self.metadata.is_file() {
            true => Ok(self),
            false => Err(FileError::NotRegular(kind_of(self.metadata.file_type()))),
        }
    }

    /// Waits so long for the next byte instead of [`PATIENCE`].
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// What the system says about the open file.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The open file itself.
    pub fn into_file(self) -> File {
        self.file
    }

    /// Refuses a regular file that is longer than its limit, before a byte is read.
    ///
    /// # Errors
    /// [`FileError::TooLong`]
    pub fn limited(self, max_bytes: u64) -> Result<Self, FileError> {
        if self.metadata.is_file() && self.metadata.len() > max_bytes {
            return Err(FileError::TooLong(max_bytes));
        }
        Ok(self)
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// [`FileError::TooLong`] beyond so many bytes, [`FileError::Slow`], [`FileError::Io`].
    pub fn read_all(self, max_bytes: u64) -> Result<Vec<u8>, FileError> {
        let source = self.limited(max_bytes)?;
        let expected = match source.metadata.is_file() {
            true => usize::try_from(source.metadata.len()).unwrap_or_default(),
            false => 0,
        };
        let patience = source.patience;
        let mut bytes = Vec::new();
        bytes
            .try_reserve(expected)
            .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        source
            .take(max_bytes.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| match error.kind() {
                io::ErrorKind::TimedOut => FileError::Slow(patience),
                _ => FileError::Io(error),
            })?;
        if bytes.len() as u64 > max_bytes {
            return Err(FileError::TooLong(max_bytes));
        }
        Ok(bytes)
    }

    /// Waits until there is something to read, or the end. A regular file never waits.
    fn wait(&self) -> Result<(), FileError> {
        if self.metadata.is_file() {
            return Ok(());
        }
        #[cfg(unix)]
        {
            use rustix::event::{PollFd, PollFlags, Timespec, poll};
            let limit = Timespec::try_from(self.patience).map_err(io::Error::other)?;
            let mut polled = [PollFd::new(&self.file, PollFlags::IN)];
            loop {
                match poll(&mut polled, Some(&limit)) {
                    Ok(0) => return Err(FileError::Slow(self.patience)),
                    Ok(_) => return Ok(()),
                    Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(io::Error::from(error).into()),
                }
            }
        }
        #[cfg(not(unix))]
        Ok(())
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.wait()?;
            match self.file.read(buffer) {
                // Another reader of the pipe was faster.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}

/// Opens a regular file to be read and written, that this program wrote itself and that has at most so many bytes.
///
/// # Errors
/// [`FileError::NotRegular`], [`FileError::Directory`], [`FileError::TooLong`], [`FileError::Io`].
pub fn open_own(path: &Path, max_bytes: u64) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    options.write(true);
    Ok(Source::open_with(options, path)?
        .regular()?
        .limited(max_bytes)?
        .file)
}

/// Reads a file of at most so many bytes: a regular one, a pipe or a device.
///
/// # Errors
/// Those of [`Source::open`] and [`Source::read_all`].
pub fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, FileError> {
    Source::open(path)?.read_all(max_bytes)
}

/// As [`read`], of a regular file and nothing else: a file that this program wrote itself.
///
/// # Errors
/// As [`read`], and [`FileError::NotRegular`].
pub fn read_regular(path: &Path, max_bytes: u64) -> Result<Vec<u8>, FileError> {
    Source::open_regular(path)?.read_all(max_bytes)
}

/// The text that the holder of a lock wrote into the locked file, on one line; none where there is none.
pub fn lock_holder(path: &Path) -> Option<String> {
    let text = read_regular(path, LOCK_MAX_BYTES).ok()?;
    let text = String::from_utf8_lossy(&text);
    let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    Some(text).filter(|text| !text.is_empty())
}

/// What a file is that is no regular file.
pub(crate) fn kind_of(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if kind.is_dir() {
        "a directory"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else {
        "something else"
    }
}
