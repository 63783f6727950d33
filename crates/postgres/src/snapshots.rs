//! Snapshots of the state, in the user's own cache directory: `servanda/ID/GENERATION/COUNT.snapshot`. They are checked
//! when they are read, and a generation ends with each erasure, wherever that was asked for.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use servanda_files::{Access, Existing, Output};
use servanda_log::{ChunkSink, LogError, SnapshotCache};

const SUFFIX: &str = ".snapshot";

/// The snapshots of one ledger.
pub(super) struct Snapshots(PathBuf);

impl Snapshots {
    /// The snapshots of a ledger with this id after so many erasures. Those of earlier generations are removed.
    pub fn of(cache: &Path, id: &str, erasures: i64) -> Self {
        let ledger = cache.join("servanda").join(id);
        let generation = erasures.to_string();
        for entry in fs::read_dir(&ledger).into_iter().flatten().flatten() {
            if entry.file_name().to_str() != Some(&generation) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Self(ledger.join(generation))
    }

    /// Removes all of them.
    pub fn clear(&self) -> Result<(), LogError> {
        self.done(&self.0, missing_is_fine(fs::remove_dir_all(&self.0)))
    }

    fn path(&self, count: u64) -> PathBuf {
        self.0.join(format!("{count}{SUFFIX}"))
    }

    fn done<T>(&self, path: &Path, outcome: io::Result<T>) -> Result<T, LogError> {
        outcome.map_err(|source| LogError::Io {
            doing: path.display().to_string(),
            source,
        })
    }
}

fn missing_is_fine(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

impl SnapshotCache for Snapshots {
    fn put_chunks(&self, count: u64, chunks: &ChunkSink<'_>) -> Result<(), LogError> {
        let path = self.path(count);
        self.done(&self.0, fs::create_dir_all(&self.0))?;
        let written = || -> io::Result<()> {
            let mut output = Output::create(&path, Existing::Replace, Access::Owner)
                .map_err(io::Error::other)?;
            let mut outcome = Ok(());
            chunks(&mut |chunk| {
                if outcome.is_ok() {
                    outcome = output.write_all(chunk);
                }
            });
            outcome?;
            output.commit().map_err(io::Error::other)
        };
        self.done(&path, written())
    }

    fn counts(&self) -> Result<Vec<u64>, LogError> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => self.done(&self.0, entries)?,
        };
        let mut counts: Vec<u64> = entries
            .flatten()
            .filter_map(|entry| {
                entry
                    .file_name()
                    .to_str()?
                    .strip_suffix(SUFFIX)?
                    .parse()
                    .ok()
            })
            .collect();
        counts.sort_unstable();
        Ok(counts)
    }

    fn load(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        let path = self.path(count);
        match servanda_files::read_regular(&path, u64::MAX) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => self.done(&path, Err(io::Error::other(error))),
        }
    }

    fn remove(&self, count: u64) -> Result<(), LogError> {
        let path = self.path(count);
        self.done(&path, missing_is_fine(fs::remove_file(&path)))
    }
}
