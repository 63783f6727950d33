//! A directory, which a web server may offer to others.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::store::{Condition, Object, Store, StoreError, Version};
use servanda_core::chain::record::document_digest;
use servanda_files::{Access, Existing, FileError};

/// The file that publishers lock before they replace another.
const LOCK: &str = ".lock";

/// A directory as a store.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    fn read(&self, path: &str, limit: u64) -> Result<Option<Object>, FileError> {
        match servanda_files::read_regular(&self.at(path), limit) {
            Ok(bytes) => Ok(Some(Object {
                version: version(&bytes)?,
                bytes: bytes.into(),
            })),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts the new object in the place of the one of this version.
    fn replace(&self, path: &str, bytes: &[u8], before: &Version) -> Result<bool, FileError> {
        let lock = File::create(self.at(LOCK))?;
        lock.lock()?;
        let limit = super::names::PART_BYTES;
        let found = self.read(path, limit)?;
        let is_unchanged = found.is_some_and(|found| found.version == *before);
        if is_unchanged {
            servanda_files::write(&self.at(path), bytes, Existing::ReplaceOwn, Access::Umask)?;
        }
        Ok(is_unchanged)
    }
}

fn version(bytes: &[u8]) -> io::Result<Version> {
    Ok(Version(document_digest(bytes)?.to_string()))
}

/// An error with the operation and the file.
fn failed(doing: &str, path: &Path, error: FileError) -> StoreError {
    let doing = format!("{doing} {}", path.display());
    let is_denied =
        matches!(&error, FileError::Io(error) if error.kind() == io::ErrorKind::PermissionDenied);
    let why = error.to_string();
    match is_denied {
        true => StoreError::NotAllowed { doing, why },
        false => StoreError::Failed { doing, why },
    }
}

impl Store for Directory {
    fn get(&self, path: &str, limit: u64) -> Result<Option<Object>, StoreError> {
        self.read(path, limit)
            .map_err(|error| failed("reading", &self.at(path), error))
    }

    fn put(&self, path: &str, bytes: Bytes, when: Condition<'_>) -> Result<bool, StoreError> {
        let at = self.at(path);
        let written = match when {
            Condition::Unchanged(before) => self.replace(path, &bytes, before),
            Condition::Always => {
                servanda_files::write(&at, &bytes, Existing::ReplaceOwn, Access::Umask)
                    .map(|()| true)
            }
            Condition::Absent => {
                match servanda_files::write(&at, &bytes, Existing::Refuse, Access::Umask) {
                    Ok(()) => Ok(true),
                    Err(FileError::Exists) => Ok(false),
                    Err(error) => Err(error),
                }
            }
        };
        written.map_err(|error| failed("writing", &at, error))
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let (mut left, mut found) = (vec![self.at(prefix)], Vec::new());
        while let Some(dir) = left.pop() {
            let failed = |error: io::Error| failed("listing", &dir, error.into());
            let entries = match fs::read_dir(&dir) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            for entry in entries {
                let entry = entry.map_err(failed)?;
                let path = entry.path();
                if entry.file_type().map_err(failed)?.is_dir() {
                    left.push(path);
                } else if let Ok(path) = path.strip_prefix(&self.0) {
                    found.push(path.to_string_lossy().replace('\\', "/"));
                }
            }
        }
        Ok(found)
    }

    fn delete(&self, path: &str) -> Result<(), StoreError> {
        let at = self.at(path);
        match fs::remove_file(&at) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("deleting", &at, error.into()))
            }
            _ => Ok(()),
        }
    }
}
