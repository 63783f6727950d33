//! A draft: a file that keeps what was typed until it is recorded.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The beginning of the names of drafts.
const PREFIX: &str = "servanda-";

/// The ending of the name under which the next content of a draft is written.
const NEXT: &str = "next";

/// A file that stays until it is removed. Only its owner can read it, and one process has it at a time.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    /// The file, locked as long as this process has the draft.
    file: File,
}

/// Another process has the draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InUse;

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
    ///
    /// # Errors
    /// [`InUse`].
    pub fn again(path: &Path) -> Result<Option<Self>, InUse> {
        let name = path.file_name().and_then(|name| name.to_str());
        match name {
            Some(name) if name.starts_with(PREFIX) => Self::taken(path).map(Some),
            _ => Ok(None),
        }
    }

    /// The drafts in a directory with this ending that no process has, the newest first.
    pub fn left_in(directory: &Path, suffix: &str) -> Vec<Self> {
        let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let drafts = files.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let is_draft = name.starts_with(PREFIX) && name.ends_with(suffix);
            is_draft.then(|| Self::taken(&entry.path()).ok()).flatten()
        });
        let mut left: Vec<(SystemTime, Self)> = drafts
            .filter_map(|draft| Some((draft.written_at().ok()?, draft)))
            .collect();
        left.sort_by_key(|(written, _)| std::cmp::Reverse(*written));
        left.into_iter().map(|(_, draft)| draft).collect()
    }

    fn within(directory: &Path, suffix: &str) -> io::Result<Self> {
        let file = tempfile::Builder::new()
            .prefix(PREFIX)
            .suffix(suffix)
            .tempfile_in(directory)?;
        file.as_file().try_lock()?;
        let (file, path) = file.keep().map_err(|error| error.error)?;
        Ok(Self { path, file })
    }

    fn taken(path: &Path) -> Result<Self, InUse> {
        let taken = File::open(path).and_then(|file| {
            file.try_lock()?;
            let (locked, there) = (file.metadata()?, std::fs::metadata(path)?);
            // Who had it before may have put a newer file in its place, or removed it.
            let is_there = (locked.dev(), locked.ino()) == (there.dev(), there.ino());
            Ok(is_there.then_some(file))
        });
        match taken {
            Ok(Some(file)) => Ok(Self {
                path: path.to_owned(),
                file,
            }),
            Ok(None) | Err(_) => Err(InUse),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When it was written last.
    ///
    /// # Errors
    /// The system cannot say.
    pub fn written_at(&self) -> io::Result<SystemTime> {
        self.file.metadata()?.modified()
    }

    /// Replaces what it holds: a process that is killed meanwhile leaves the old content or the new one.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write(&mut self, text: &str) -> io::Result<()> {
        let next = self.next();
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&next)?;
        file.try_lock()?;
        file.write_all(text.as_bytes())?;
        std::fs::rename(&next, &self.path)?;
        self.file = file;
        Ok(())
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
        for path in [&self.next(), &self.path] {
            // A draft that stays does no harm.
            let _ = std::fs::remove_file(path);
        }
    }

    /// The file of its next content. Nobody else writes it, because this process has the draft.
    fn next(&self) -> PathBuf {
        self.path.with_extension(NEXT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_has_a_draft_and_what_is_left_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let mut draft = Draft::new(Some(directory.path()), ".ndjson").unwrap();
        draft.write("one").unwrap();
        draft.write("two").unwrap();
        let path = draft.path().to_owned();
        assert_eq!(Draft::again(&path).unwrap_err(), InUse);
        assert!(Draft::left_in(directory.path(), ".ndjson").is_empty());
        drop(draft);
        assert!(Draft::left_in(directory.path(), ".txt").is_empty());
        let [left] = Draft::left_in(directory.path(), ".ndjson")
            .try_into()
            .unwrap();
        assert_eq!(left.read().unwrap(), "two");
        left.remove();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(
            Draft::again(&directory.path().join("mine"))
                .unwrap()
                .is_none()
        );
    }
}
