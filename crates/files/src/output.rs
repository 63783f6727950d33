//! Writing.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use super::error::FileError;
use super::source::{PATIENCE, Source, kind_of};
use super::temporary::Temporary;

/// What the system says where a pipe has no reader.
#[cfg(unix)]
const NO_READER: i32 = rustix::io::Errno::NXIO.raw_os_error();

/// What to do about a regular file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Leave it, and refuse.
    Refuse,
    /// Leave it, and refuse unless the new one is the same.
    RefuseOther,
    /// Put the new one in its place, at once: no reader ever sees a part of either.
    Replace,
    /// As [`Existing::Replace`], of a file that only this program writes: what is no regular file is refused.
    ReplaceOwn,
}

/// Who may read what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whom the umask of the process lets.
    Umask,
    /// The owner alone.
    Owner,
}

/// A file that is being written. A regular file appears under its name when [`Output::commit`] returns; dropped before
/// that, it leaves nothing. A device or a pipe takes the bytes as they come.
#[derive(Debug)]
pub struct Output {
    target: Target,
    existing: Existing,
}

#[derive(Debug)]
enum Target {
    Regular {
        draft: NamedTempFile,
        temporary: Temporary,
        path: PathBuf,
    },
    Stream(File),
}

impl Output {
    /// Begins a file. Missing directories above it are made. A symbolic link is followed, and stays.
    ///
    /// # Errors
    /// [`FileError::Exists`], [`FileError::Directory`], [`FileError::NotRegular`] for a link that leads nowhere,
    /// [`FileError::Io`].
    pub fn create(path: &Path, existing: Existing, access: Access) -> Result<Self, FileError> {
        let target = match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => draft(path, access)?,
            Err(error) => return Err(error.into()),
            Ok(_) => {
                let found = std::fs::metadata(path).map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => FileError::NotRegular("a link that leads nowhere"),
                    _ => FileError::Io(error),
                })?;
                match found.file_type() {
                    kind if kind.is_dir() => return Err(FileError::Directory),
                    kind if kind.is_file() && existing == Existing::Refuse => {
                        return Err(FileError::Exists);
                    }
                    kind if kind.is_file() => draft(&path.canonicalize()?, access)?,
                    kind if existing == Existing::ReplaceOwn || kind_of(kind) == "a socket" => {
                        return Err(FileError::NotRegular(kind_of(kind)));
                    }
                    _ => Target::Stream(open_stream(path)?),
                }
            }
        };
        Ok(Self { target, existing })
    }

    /// Whether the file could get its place now; what was written so far is all of it.
    ///
    /// # Errors
    /// [`FileError::Exists`], [`FileError::Io`].
    pub fn check(&mut self) -> Result<(), FileError> {
        self.flush()?;
        match &self.target {
            Target::Regular { draft, path, .. } if self.existing == Existing::RefuseOther => {
                match check_same(path, draft) {
                    Err(error) if error.is_missing() => Ok(()),
                    checked => checked,
                }
            }
            _ => Ok(()),
        }
    }

    /// Puts the file in its place, and waits until it is on the disk.
    ///
    /// # Errors
    /// [`FileError::Exists`] where somebody else made one meanwhile, [`FileError::Io`].
    pub fn commit(self) -> Result<(), FileError> {
        let (draft, temporary, path) = match self.target {
            Target::Stream(mut file) => return Ok(file.flush()?),
            Target::Regular {
                draft,
                temporary,
                path,
            } => (draft, temporary, path),
        };
        draft.as_file().sync_all()?;
        let placed = temporary.last_step(|| match self.existing {
            Existing::Refuse | Existing::RefuseOther => draft.persist_noclobber(&path),
            Existing::Replace | Existing::ReplaceOwn => draft.persist(&path),
        });
        match placed {
            Ok(_) => {}
            Err(refused) if refused.error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(refused.error.into());
            }
            Err(refused) if self.existing == Existing::RefuseOther => {
                check_same(&path, &refused.file)?;
            }
            Err(_) => return Err(FileError::Exists),
        }
        #[cfg(unix)]
        File::open(directory_of(&path))?.sync_all()?;
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Regular { draft, .. } => draft.write(bytes),
            Target::Stream(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Regular { draft, .. } => draft.flush(),
            Target::Stream(file) => file.flush(),
        }
    }
}

fn check_same(path: &Path, draft: &NamedTempFile) -> Result<(), FileError> {
    let found = Source::open_regular(path)?;
    match are_same(found, draft.reopen()?)? {
        true => Ok(()),
        false => Err(FileError::Exists),
    }
}

/// Whether two files hold the same bytes.
fn are_same(one: impl Read, other: impl Read) -> io::Result<bool> {
    let (mut one, mut other) = (BufReader::new(one), BufReader::new(other));
    loop {
        let (first, second) = (one.fill_buf()?, other.fill_buf()?);
        let length = first.len().min(second.len());
        if first[..length] != second[..length] || (length == 0 && first.len() != second.len()) {
            return Ok(false);
        }
        if length == 0 {
            return Ok(true);
        }
        one.consume(length);
        other.consume(length);
    }
}

/// Writes a file whole or not at all; see [`Output`].
///
/// # Errors
/// Those of [`Output::create`] and [`Output::commit`].
pub fn write(
    path: &Path,
    bytes: impl AsRef<[u8]>,
    existing: Existing,
    access: Access,
) -> Result<(), FileError> {
    let mut output = Output::create(path, existing, access)?;
    output.write_all(bytes.as_ref())?;
    output.commit()
}

/// Replaces a file of which this program is the only writer, and this process the only one at the moment, because it
/// holds a lock. The draft has a name of its own, so that the one of a killed process is no rubbish that stays.
///
/// # Errors
/// [`FileError::NotRegular`], [`FileError::Directory`], [`FileError::Io`].
pub fn write_locked(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), FileError> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(FileError::Directory),
        Ok(found) if !found.is_file() => {
            return Err(FileError::NotRegular(kind_of(found.file_type())));
        }
        _ => {}
    }
    let draft = path.with_extension("draft");
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let temporary = Temporary::at(&draft);
    let mut file = File::create_new(&draft)?;
    file.write_all(bytes.as_ref())?;
    file.sync_all()?;
    Ok(temporary.last_step(|| std::fs::rename(&draft, path))?)
}

/// Overwrites a regular file with zeros, waits until they are on the disk, and removes it. What the file system keeps of
/// overwritten files is out of reach. Of a symbolic link only the link is removed.
///
/// # Errors
/// [`FileError::Io`], also where there is no such file.
pub fn destroy(path: &Path) -> Result<(), FileError> {
    static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
    let found = std::fs::symlink_metadata(path)?;
    if found.is_file() {
        let mut file = super::source::open_own(path, u64::MAX)?;
        let mut rest = found.len();
        while rest > 0 {
            let length = rest.min(ZEROS.len() as u64);
            file.write_all(&ZEROS[..length as usize])?;
            rest -= length;
        }
        file.sync_all()?;
    }
    std::fs::remove_file(path)?;
    #[cfg(unix)]
    File::open(directory_of(path))?.sync_all()?;
    Ok(())
}

/// Opens a device or a pipe, and waits for a pipe's reader no longer than [`PATIENCE`].
fn open_stream(path: &Path) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32);
        let start = Instant::now();
        loop {
            match options.open(path) {
                Ok(file) => {
                    let flags = fcntl_getfl(&file).map_err(io::Error::from)?;
                    fcntl_setfl(&file, flags - OFlags::NONBLOCK).map_err(io::Error::from)?;
                    return Ok(file);
                }
                Err(error) if error.raw_os_error() != Some(NO_READER) => return Err(error.into()),
                Err(_) if start.elapsed() > PATIENCE => return Err(FileError::Slow(PATIENCE)),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
    #[cfg(not(unix))]
    Ok(options.open(path)?)
}

fn draft(path: &Path, access: Access) -> Result<Target, FileError> {
    let directory = directory_of(path);
    std::fs::create_dir_all(directory)?;
    let prefix = draft_prefix(path);
    remove_stale(directory, &prefix);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = match access {
            Access::Umask => 0o666,
            Access::Owner => 0o600,
        };
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    let (draft, temporary) = loop {
        let (draft, temporary) = Temporary::of(|| builder.tempfile_in(directory))?;
        // The lock says that somebody writes it. Before it was there, another process may have taken it for a stale one.
        let is_locked = draft.as_file().try_lock().is_ok();
        if !is_locked || draft.path().exists() {
            break (draft, temporary);
        }
    };
    let path = path.to_owned();
    Ok(Target::Regular {
        draft,
        temporary,
        path,
    })
}

/// What the names of all drafts of a file begin with.
fn draft_prefix(path: &Path) -> String {
    /// Longest part of a name that is repeated, in characters: names have at most 255 bytes.
    const REPEATED: usize = 50;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name: String = name.chars().take(REPEATED).collect();
    format!(".servanda-{name}-")
}

/// Removes the drafts that killed processes left of a file. A draft that is being written is locked.
fn remove_stale(directory: &Path, prefix: &str) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let is_draft = entry.file_name().to_string_lossy().starts_with(prefix);
        if !is_draft || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        // Those of other users stay, and so does what cannot be removed: a draft is no reason to fail.
        let Ok(stale) = File::open(entry.path()) else {
            continue;
        };
        if stale.try_lock().is_ok() {
            let _rubbish = std::fs::remove_file(entry.path());
        }
    }
}

fn directory_of(path: &Path) -> &Path {
    let parent = path.parent();
    parent
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
