//! The file of those who have a token.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use servanda_files::{Access, Existing};

use super::role::{Role, Who};
use super::secret::{digest, is_same, new_token};

/// The longest file, in bytes: some ten thousand people.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Somebody in the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name, once in a file.
    pub name: String,
    /// The role, as its word.
    pub role: String,
    /// Whom events are recorded by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records_as: Option<String>,
    /// The SHA-256 of the token, in base64.
    token_sha256: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    access: Vec<Entry>,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: servanda_files::FileError,
    },
    /// It is not what this program wrote.
    #[error("{} is no list of those who have access: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where it is wrong.
        why: String,
    },
    /// Somebody has this name already.
    #[error("{0} has a token already")]
    Known(String),
    /// Nobody has this name.
    #[error("nobody is called {0}")]
    Unknown(String),
    /// The system has no randomness.
    #[error("no random bytes for a token: {0}")]
    Entropy(#[from] std::io::Error),
}

/// The file of those who have a token, read again when it changed.
#[derive(Debug)]
pub struct AccessFile {
    path: PathBuf,
    read: Mutex<Option<(Option<Stamp>, Vec<Entry>)>>,
}

/// By which a change of the file is seen.
type Stamp = (SystemTime, u64);

impl AccessFile {
    /// The file of this name, which need not be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            read: Mutex::default(),
        }
    }

    /// The file's name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Those who have a token, in the order in which they got it; nobody where there is no file.
    ///
    /// # Errors
    /// [`FileError::File`], [`FileError::Malformed`].
    pub fn entries(&self) -> Result<Vec<Entry>, FileError> {
        let bytes = match servanda_files::read_regular(&self.path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(error)),
        };
        let malformed = |why: String| FileError::Malformed {
            path: self.path.clone(),
            why,
        };
        let contents: Contents =
            serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
        for entry in &contents.access {
            let role = entry.role.parse::<Role>();
            role.map_err(|why| malformed(format!("the role of {} {why}", entry.name)))?;
        }
        Ok(contents.access)
    }

    /// Gives somebody a token, and returns it: it is kept nowhere.
    ///
    /// # Errors
    /// [`FileError`]
    pub fn add(
        &self,
        name: &str,
        role: Role,
        records_as: Option<&str>,
    ) -> Result<String, FileError> {
        let mut access = self.entries()?;
        if access.iter().any(|entry| entry.name == name) {
            return Err(FileError::Known(name.to_owned()));
        }
        let token = new_token()?;
        access.push(Entry {
            name: name.to_owned(),
            role: role.word().to_owned(),
            records_as: records_as.map(str::to_owned),
            token_sha256: digest(&token),
        });
        self.write(access)?;
        Ok(token)
    }

    /// Takes somebody's token back.
    ///
    /// # Errors
    /// [`FileError`]
    pub fn remove(&self, name: &str) -> Result<(), FileError> {
        let mut access = self.entries()?;
        let before = access.len();
        access.retain(|entry| entry.name != name);
        if access.len() == before {
            return Err(FileError::Unknown(name.to_owned()));
        }
        self.write(access)
    }

    fn write(&self, access: Vec<Entry>) -> Result<(), FileError> {
        let mut text = serde_json::to_string_pretty(&Contents { access })
            .map_err(|error| FileError::Entropy(error.into()))?;
        text.push('\n');
        let (existing, access) = (Existing::ReplaceOwn, Access::Owner);
        servanda_files::write(&self.path, text, existing, access)
            .map_err(|error| self.failed(error))
    }

    fn failed(&self, error: servanda_files::FileError) -> FileError {
        FileError::File {
            path: self.path.clone(),
            error,
        }
    }

    /// Who has this token now; nobody either where the file cannot be read.
    pub fn who(&self, token: &str) -> Option<Who> {
        let digest = digest(token);
        let found = self.find(|entry| is_same(&entry.token_sha256, &digest))?;
        found.who()
    }

    /// Who has this name now, whatever their token is.
    pub fn named(&self, name: &str) -> Option<Who> {
        self.find(|entry| entry.name == name)?.who()
    }

    /// Who has this name now, with the same token as when this digest was noted.
    pub fn still(&self, name: &str, digest: &str) -> Option<Who> {
        let is_it = |entry: &Entry| entry.name == name && is_same(&entry.token_sha256, digest);
        self.find(is_it)?.who()
    }

    fn find(&self, is_it: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = std::fs::metadata(&self.path).ok();
        let stamp = stamp.and_then(|data| Some((data.modified().ok()?, data.len())));
        let is_current = read.as_ref().is_some_and(|(read, _)| *read == stamp);
        if !is_current {
            *read = Some((stamp, self.entries().ok()?));
        }
        let (_, entries) = read.as_ref()?;
        // Each is compared, so that the time does not tell who it is.
        let mut found = None;
        for entry in entries {
            if is_it(entry) {
                found = Some(entry.clone());
            }
        }
        found
    }
}

impl Entry {
    fn who(&self) -> Option<Who> {
        Some(Who {
            name: self.name.clone(),
            role: self.role.parse().ok()?,
            records_as: self.records_as.clone(),
        })
    }
}
