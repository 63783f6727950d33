//! The checkpoint that a witness cosigned last, of each log: on the disk before it is answered.
//!
//! ```text
//! DIR/lock                               locked by the witness that uses the directory
//! DIR/<SHA-256 of the origin>.checkpoint the checkpoint cosigned last, as published
//! DIR/<SHA-256 of the origin>.draft      one being written; means nothing
//! ```
//!
//! The hash is lowercase hexadecimal, so that no origin can name another file. A checkpoint is replaced
//! whole: written beside, synced, renamed over the old one, and the directory synced.
//!
//! A missing file cannot be distinguished from a log that never asked. The operator has to keep the directory; an older
//! copy of it would let logs roll back.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use servanda_core::chain::checkpoint::{CheckpointError, SignedCheckpoint};
use servanda_core::chain::note;

const LOCK: &str = "lock";
/// Why a cosigned checkpoint cannot be read or written.
#[derive(Debug, Error)]
pub enum CosignedError {
    /// The system refused. What was remembered before still is.
    #[error("{doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another witness uses the directory.
    #[error("{} is in use by {holder}", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// Who, as they wrote it.
        holder: String,
    },
    /// A file is no checkpoint of that log. To go on without it would let the log roll back.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: CheckpointError,
    },
    /// The file of one log holds the checkpoint of another.
    #[error("{} is damaged: it holds a checkpoint of {found}, not of {origin}", path.display())]
    OtherLog {
        /// The file.
        path: PathBuf,
        /// The log it belongs to.
        origin: String,
        /// The log it speaks of.
        found: String,
    },
    /// A checkpoint was replaced, but the disk did not confirm it.
    #[error("{} may not be on the disk; the witness has to be started anew", path.display())]
    Uncertain {
        /// The file.
        path: PathBuf,
    },
}

/// What a witness cosigned last, of each log. One witness alone may use it.
pub trait CosignedStore: Send {
    /// The checkpoint of a log that was remembered last, with its signatures; `None` if there never was one.
    ///
    /// # Errors
    /// [`CosignedError`] if there is one and it cannot be had: a damaged one must never pass for none.
    fn latest(&self, origin: &str) -> Result<Option<SignedCheckpoint>, CosignedError>;

    /// Puts a checkpoint in the place of the one of its log. It survives a power failure once this returned;
    /// one that came before it survives if it did not.
    ///
    /// # Errors
    /// [`CosignedError`]
    fn remember(&mut self, cosigned: &SignedCheckpoint) -> Result<(), CosignedError>;
}

/// A [`CosignedStore`] in a directory of its own.
#[derive(Debug)]
pub struct CosignedDirectory {
    dir: PathBuf,
    /// The file whose last replacement the disk did not confirm.
    uncertain: Option<PathBuf>,
    /// Locked as long as this lives. The lock is the operating system's, so it is gone with its holder,
    /// however that ended.
    _lock: File,
}

impl CosignedDirectory {
    /// Takes a directory for one witness, and makes it if it does not exist.
    ///
    /// # Errors
    /// [`CosignedError::Locked`], [`CosignedError::Io`]
    pub fn open(dir: &Path) -> Result<Self, CosignedError> {
        fs::create_dir_all(dir).map_err(failed("cannot make", dir))?;
        let lock = lock(dir)?;
        // Its own name and the lock's. Some systems do not let the parent be opened; then it is as it is.
        sync(dir).map_err(failed("cannot sync", dir))?;
        if let Some(parent) = dir.canonicalize().ok().as_deref().and_then(Path::parent) {
            let _best_effort = sync(parent);
        }
        Ok(Self {
            dir: dir.to_owned(),
            uncertain: None,
            _lock: lock,
        })
    }

    /// The file of a log.
    pub fn file(&self, origin: &str) -> PathBuf {
        self.dir
            .join(origin_hash(origin))
            .with_extension("checkpoint")
    }

    fn check_certain(&self) -> Result<(), CosignedError> {
        let uncertain = |path| CosignedError::Uncertain { path };
        self.uncertain
            .clone()
            .map_or(Ok(()), |path| Err(uncertain(path)))
    }
}

impl CosignedStore for CosignedDirectory {
    fn latest(&self, origin: &str) -> Result<Option<SignedCheckpoint>, CosignedError> {
        self.check_certain()?;
        let path = self.file(origin);
        let bytes = match servanda_files::read_regular(&path, note::MAX_LEN as u64) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(failed("cannot read", &path)(error.into())),
        };
        let signed = match SignedCheckpoint::parse(&bytes) {
            Ok(signed) => signed,
            Err(why) => return Err(CosignedError::Damaged { path, why }),
        };
        let found = signed.unverified().origin();
        if found != origin {
            return Err(CosignedError::OtherLog {
                path,
                origin: origin.to_owned(),
                found: found.to_owned(),
            });
        }
        Ok(Some(signed))
    }

    fn remember(&mut self, cosigned: &SignedCheckpoint) -> Result<(), CosignedError> {
        self.check_certain()?;
        let path = self.file(cosigned.unverified().origin());
        let draft = path.with_extension("draft");
        let write = || -> io::Result<()> {
            let mut file = File::create(&draft)?;
            file.write_all(cosigned.to_string().as_bytes())?;
            file.sync_all()
        };
        write().map_err(failed("cannot write", &draft))?;
        // What is on the disk after one of these failed, nobody knows.
        let replaced = fs::rename(&draft, &path).and_then(|()| sync(&self.dir));
        replaced.map_err(|source| {
            self.uncertain = Some(path.clone());
            failed("cannot replace", &path)(source)
        })
    }
}

/// The name of a log in file names and in the URLs of monitors: the SHA-256 of its origin in lowercase
/// hexadecimal, as in C2SP tlog-witness 1.0.0.
pub fn origin_hash(origin: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(origin).into();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lock(dir: &Path) -> Result<File, CosignedError> {
    let path = dir.join(LOCK);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(&path).map_err(failed("cannot open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(source)) => return Err(failed("cannot lock", &path)(source)),
        Err(TryLockError::WouldBlock) => {
            return Err(CosignedError::Locked {
                dir: dir.to_owned(),
                holder: holder(&path),
            });
        }
    }
    // Other processes show this text when they find the lock taken.
    let write = file
        .set_len(0)
        .and_then(|()| writeln!(file, "pid {}", std::process::id()));
    write.map_err(failed("cannot write", &path))?;
    Ok(file)
}

/// What the holder of a lock wrote into it.
fn holder(path: &Path) -> String {
    let told = servanda_files::lock_holder(path);
    told.unwrap_or_else(|| "another witness".to_owned())
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CosignedError {
    let path = path.to_owned();
    move |source| CosignedError::Io {
        doing,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ORIGIN, TestLog};

    fn open(dir: &Path) -> CosignedDirectory {
        CosignedDirectory::open(dir).unwrap()
    }

    fn with_seven() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let mut memory = open(dir.path());
        memory.remember(&TestLog::of(7).checkpoint(7)).unwrap();
        let file = memory.file(ORIGIN);
        (dir, file)
    }

    #[test]
    fn what_was_remembered_is_there_after_opening_again() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("a/new/one");
        let log = TestLog::of(9);
        assert_eq!(open(&dir).latest(ORIGIN).unwrap(), None);
        for size in [7, 9, 9] {
            let signed = log.checkpoint(size);
            open(&dir).remember(&signed).unwrap();
            assert_eq!(open(&dir).latest(ORIGIN).unwrap(), Some(signed.clone()));
            let text = fs::read_to_string(open(&dir).file(ORIGIN)).unwrap();
            assert_eq!(text, signed.to_string());
        }
        assert_eq!(open(&dir).latest("example.org/other").unwrap(), None);
        let names = fs::read_dir(&dir).unwrap().count();
        assert_eq!(names, 2, "the lock and one checkpoint");
    }

    #[test]
    fn the_name_of_the_file_is_the_hash_of_the_origin() {
        // printf '' | sha256sum
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(origin_hash(""), empty);
        let (dir, file) = with_seven();
        assert_eq!(file.parent(), Some(dir.path()));
        assert!(!origin_hash("../../etc/passwd").contains(['/', '.']));
    }

    #[test]
    fn a_damaged_file_is_an_error_and_stays() {
        let (dir, file) = with_seven();
        let whole = fs::read(&file).unwrap();
        let mut cases: Vec<Vec<u8>> = (0..whole.len()).map(|len| whole[..len].to_vec()).collect();
        cases.push([whole.as_slice(), b"\n"].concat());
        cases.push(vec![0; 4096]);
        for bytes in cases {
            fs::write(&file, &bytes).unwrap();
            let error = open(dir.path()).latest(ORIGIN).unwrap_err();
            assert!(matches!(error, CosignedError::Damaged { .. }), "{error}");
            assert!(error.to_string().contains("is damaged"), "{error}");
            assert_eq!(fs::read(&file).unwrap(), bytes);
        }
    }

    #[test]
    fn a_file_of_another_log_is_an_error() {
        let (dir, file) = with_seven();
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replacen(ORIGIN, "example.org/other", 1)).unwrap();
        let error = open(dir.path()).latest(ORIGIN).unwrap_err();
        assert!(matches!(error, CosignedError::OtherLog { .. }), "{error}");
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let (dir, file) = with_seven();
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        let error = open(dir.path()).latest(ORIGIN).unwrap_err();
        assert!(matches!(error, CosignedError::Io { .. }), "{error}");
    }

    #[test]
    fn a_draft_means_nothing() {
        let (dir, file) = with_seven();
        fs::write(file.with_extension("draft"), "half a check").unwrap();
        let mut memory = open(dir.path());
        assert_eq!(
            memory.latest(ORIGIN).unwrap().unwrap().unverified().size(),
            7
        );
        memory.remember(&TestLog::of(8).checkpoint(8)).unwrap();
        assert_eq!(
            memory.latest(ORIGIN).unwrap().unwrap().unverified().size(),
            8
        );
        assert!(!file.with_extension("draft").exists());
    }

    #[test]
    fn a_draft_that_cannot_be_written_changes_nothing() {
        let (dir, file) = with_seven();
        fs::create_dir(file.with_extension("draft")).unwrap();
        let mut memory = open(dir.path());
        let error = memory.remember(&TestLog::of(8).checkpoint(8)).unwrap_err();
        assert!(matches!(error, CosignedError::Io { .. }), "{error}");
        assert_eq!(
            memory.latest(ORIGIN).unwrap().unwrap().unverified().size(),
            7
        );
    }

    #[test]
    fn an_uncertain_replacement_stops_it() {
        let (dir, file) = with_seven();
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        let mut memory = open(dir.path());
        let error = memory.remember(&TestLog::of(8).checkpoint(8)).unwrap_err();
        assert!(matches!(error, CosignedError::Io { .. }), "{error}");
        fs::remove_dir(&file).unwrap();
        let error = memory.latest(ORIGIN).unwrap_err();
        assert!(matches!(error, CosignedError::Uncertain { .. }), "{error}");
        let error = memory.remember(&TestLog::of(8).checkpoint(8)).unwrap_err();
        assert!(matches!(error, CosignedError::Uncertain { .. }), "{error}");
    }

    #[test]
    fn a_directory_has_one_witness() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path());
        let error = CosignedDirectory::open(dir.path()).unwrap_err();
        let CosignedError::Locked { holder, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(*holder, format!("pid {}", std::process::id()));
        drop(first);
        open(dir.path());
    }
}
