//! Files, read and written whole.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::error::CliError;

/// Reads a file.
pub fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|error| CliError::file("read", path, &error))
}

/// The contents that were read, or none if there is no such file.
pub fn if_there<T>(path: &Path, read: std::io::Result<T>) -> Result<Option<T>, CliError> {
    match read {
        Ok(held) => Ok(Some(held)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::file("read", path, &error)),
    }
}

/// Writes a file whole or not at all: no reader ever sees a part of it.
pub fn write_whole(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), CliError> {
    let write = || -> std::io::Result<()> {
        let mut file = draft_of(path)?;
        file.write_all(bytes.as_ref())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| CliError::file("write", path, &error))
}

/// Writes a file whole or not at all, where no other process writes it at the same time: the draft of a killed process is
/// overwritten by the next.
pub fn write_whole_locked(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), CliError> {
    let draft = path.with_extension("draft");
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&draft)?;
        file.write_all(bytes.as_ref())?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    };
    write().map_err(|error| CliError::file("write", path, &error))
}

/// Makes a file in the directory of another one, whose name it gets when it is written.
pub fn draft_of(path: &Path) -> std::io::Result<NamedTempFile> {
    let dir = match path.parent() {
        Some(dir) if dir != Path::new("") => dir,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(dir)?;
    let mut builder = tempfile::Builder::new();
    // Nothing secret is written here, so the umask decides who may read it.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(dir)
}
