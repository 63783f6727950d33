//! The documents of sources, beside the ledger: each in a file that has the digest of its bytes as its name.
//!
//! The ledger knows a document by the digest that its source was registered with. So anybody can compare the bytes with
//! what was recorded, and nobody has to keep them: a document that is elsewhere is as good. A document belongs to the
//! ledger as long as a source names its digest.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use servanda_core::chain::record::document_digest;
use servanda_core::event::Fact;
use servanda_core::state::{EntityKind, State};
use servanda_core::value::base::Digest;
use servanda_core::value::id::{Seq, Slug};
use servanda_files::{Access, Existing, FileError, Source};

/// The most bytes of a document that is kept.
pub const DOCUMENT_BYTES: u64 = 16 * 1024 * 1024;

/// The name of their directory beside the ledger.
pub const DOCUMENTS: &str = "documents";

/// A directory of documents. It is made when the first one is kept.
#[derive(Debug, Clone)]
pub struct Documents {
    directory: PathBuf,
}

/// Why a document is not kept, read or destroyed.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is longer than [`DOCUMENT_BYTES`].
    #[error("a document that is kept has at most {DOCUMENT_BYTES} bytes")]
    TooLong,
    /// Its bytes are not those of the digest that is its name.
    #[error("the bytes of the document {0} were changed: they have another digest")]
    Changed(Digest),
    /// The system refuses.
    #[error("{}: {error}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        error: FileError,
    },
}

/// What a comparison of all documents with the sources found.
#[derive(Debug, Default)]
pub struct Compared {
    /// How many are the ones that were registered.
    pub same: u64,
    /// Those that are not, or cannot be read, each with the record of its source and what is wrong.
    pub different: Vec<(Seq, Digest, DocumentError)>,
    /// How many sources have a digest whose document is not here.
    pub absent: u64,
    /// The documents here that no source names.
    pub unnamed: Vec<Digest>,
}

impl Documents {
    /// The documents in a directory, which need not be there.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Whether anything was ever kept here.
    pub fn is_there(&self) -> bool {
        self.directory.is_dir()
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.directory.join(digest.to_string())
    }

    /// The number of bytes of a document; none where it is not here.
    pub fn size(&self, digest: &Digest) -> Option<u64> {
        let source = Source::open_regular(&self.path(digest)).ok()?;
        Some(source.metadata().len())
    }

    /// Keeps a document, and returns its digest. When this returns it is on the disk.
    ///
    /// # Errors
    /// [`DocumentError::TooLong`], [`DocumentError::File`]. Nothing is kept then.
    pub fn keep(&self, bytes: &[u8]) -> Result<Digest, DocumentError> {
        if bytes.len() as u64 > DOCUMENT_BYTES {
            return Err(DocumentError::TooLong);
        }
        let failed = |error: io::Error| file_error(&self.directory, error.into());
        let digest = Digest(document_digest(bytes).map_err(failed)?.0);
        let path = self.path(&digest);
        // One that is there and was changed is replaced: what is kept is what the digest says.
        if self.check(&digest).is_ok_and(|is_there| is_there) {
            return Ok(digest);
        }
        servanda_files::write(&path, bytes, Existing::ReplaceOwn, Access::Owner)
            .map_err(|error| file_error(&path, error))?;
        Ok(digest)
    }

    /// The bytes of a document; none where it is not here.
    ///
    /// # Errors
    /// [`DocumentError::Changed`], [`DocumentError::TooLong`], [`DocumentError::File`].
    pub fn read(&self, digest: &Digest) -> Result<Option<Vec<u8>>, DocumentError> {
        let path = self.path(digest);
        let bytes = match servanda_files::read_regular(&path, DOCUMENT_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(None),
            Err(FileError::TooLong(_)) => return Err(DocumentError::TooLong),
            Err(error) => return Err(file_error(&path, error)),
        };
        let found = document_digest(bytes.as_slice());
        match found.map_err(|error| file_error(&path, error.into()))?.0 == digest.0 {
            true => Ok(Some(bytes)),
            false => Err(DocumentError::Changed(*digest)),
        }
    }

    /// Whether a document is here, with the bytes of its digest.
    ///
    /// # Errors
    /// [`DocumentError::Changed`], [`DocumentError::File`].
    pub fn check(&self, digest: &Digest) -> Result<bool, DocumentError> {
        let path = self.path(digest);
        let source = match Source::open_regular(&path) {
            Ok(source) => source,
            Err(error) if error.is_missing() => return Ok(false),
            Err(error) => return Err(file_error(&path, error)),
        };
        let found = document_digest(source).map_err(|error| file_error(&path, error.into()))?;
        match found.0 == digest.0 {
            true => Ok(true),
            false => Err(DocumentError::Changed(*digest)),
        }
    }

    /// Overwrites a document and removes it. Gives whether it was here.
    ///
    /// # Errors
    /// [`DocumentError::File`]
    pub fn destroy(&self, digest: &Digest) -> Result<bool, DocumentError> {
        let path = self.path(digest);
        match servanda_files::destroy(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(file_error(&path, error)),
        }
    }

    /// The digests of all documents here.
    ///
    /// # Errors
    /// [`DocumentError::File`]
    pub fn kept(&self) -> Result<BTreeSet<Digest>, DocumentError> {
        let failed = |error: io::Error| file_error(&self.directory, error.into());
        let entries = match std::fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut found = BTreeSet::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            found.extend(name.to_str().and_then(|name| name.parse::<Digest>().ok()));
        }
        Ok(found)
    }

    /// Compares all documents with the sources of a state.
    ///
    /// # Errors
    /// [`DocumentError::File`], where the directory cannot be read.
    pub fn compare(&self, state: &State) -> Result<Compared, DocumentError> {
        let mut unnamed = self.kept()?;
        let mut compared = Compared::default();
        for (seq, digest) in named(state) {
            unnamed.remove(&digest);
            match self.check(&digest) {
                Ok(true) => compared.same += 1,
                Ok(false) => compared.absent += 1,
                Err(why) => compared.different.push((seq, digest, why)),
            }
        }
        compared.unnamed = unnamed.into_iter().collect();
        Ok(compared)
    }

    /// Destroys the documents that no source of a state names, and returns their digests.
    ///
    /// # Errors
    /// [`DocumentError::File`]; those before the first failure are destroyed.
    pub fn destroy_unnamed(&self, state: &State) -> Result<Vec<Digest>, DocumentError> {
        let mut unnamed = self.kept()?;
        for (_, digest) in named(state) {
            unnamed.remove(&digest);
        }
        for digest in &unnamed {
            self.destroy(digest)?;
        }
        Ok(unnamed.into_iter().collect())
    }
}

fn file_error(path: &Path, error: FileError) -> DocumentError {
    let path = path.to_owned();
    DocumentError::File { path, error }
}

/// The digest of the document of a source, as it reads after corrections.
pub fn digest_of(state: &State, source: &Slug) -> Option<Digest> {
    match &state.defining(source)?.event.fact {
        Fact::SourceRegistered(fact) => fact.digest,
        _ => None,
    }
}

/// The digests of the documents of all sources, with the records that registered them.
pub fn named(state: &State) -> impl Iterator<Item = (Seq, Digest)> {
    let sources = state.ids(EntityKind::Source);
    sources.filter_map(|id| {
        let seq = state.defining(id)?.seq;
        Some((seq, digest_of(state, id)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_kept_by_its_digest_opened_again_and_destroyed() {
        let scratch = tempfile::tempdir().unwrap();
        let documents = Documents::in_directory(scratch.path().join(DOCUMENTS));
        assert!(!documents.is_there());
        assert!(documents.kept().unwrap().is_empty());
        let digest = documents.keep(b"minutes").unwrap();
        assert_eq!(documents.keep(b"minutes").unwrap(), digest);
        assert_eq!(
            documents.kept().unwrap().into_iter().collect::<Vec<_>>(),
            [digest]
        );
        assert_eq!(
            documents.read(&digest).unwrap().as_deref(),
            Some(&b"minutes"[..])
        );
        assert_eq!(documents.size(&digest), Some(7));
        let path = scratch.path().join(DOCUMENTS).join(digest.to_string());
        std::fs::write(&path, b"Minutes").unwrap();
        assert!(matches!(
            documents.read(&digest),
            Err(DocumentError::Changed(_))
        ));
        assert!(documents.check(&digest).is_err());
        // Whoever has the document mends it.
        assert_eq!(documents.keep(b"minutes").unwrap(), digest);
        assert!(documents.check(&digest).unwrap());
        assert!(documents.destroy(&digest).unwrap());
        assert!(!documents.destroy(&digest).unwrap());
        assert_eq!(documents.read(&digest).unwrap(), None);
        let long = vec![0; DOCUMENT_BYTES as usize + 1];
        assert!(matches!(documents.keep(&long), Err(DocumentError::TooLong)));
    }
}
