//! Checkpoints: a log's name, size and root, signed by the log and cosigned by witnesses. C2SP
//! tlog-checkpoint 1.0.0 (<https://c2sp.org/tlog-checkpoint@v1.0.0>) and tlog-cosignature,
//! cosignature/v1 (<https://c2sp.org/tlog-cosignature>).
//!
//! Kept elsewhere, a checkpoint is what shows that a ledger was cut or rewritten as a whole. A
//! cosignature says more: that at its time the witness had seen no other history of this log.
//!
//! The log's key has to be named after its origin, in signing and in verifying: a key trusted for one
//! log must not vouch for another.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::chain::key::{SignatureType, SigningKey, VerifierKey};
use crate::chain::note::{Note, NoteError, NoteSignature, Verified, check_type};
use crate::chain::text;
use crate::chain::tree::{MAX_SIZE, TreeHash, empty_root};

/// Why a checkpoint was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// The note around it is wrong, or a signature in it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Fewer than three lines, or the last has no newline.
    #[error("a checkpoint is an origin, a size and a root, each on its line")]
    Lines,
    /// Empty, or with a newline or another control character in it.
    #[error("the origin of a checkpoint is a line of text")]
    Origin,
    /// Not a decimal without leading zeros, or above 2^63 - 1.
    #[error("the size of a checkpoint is a decimal of at most 2^63 - 1, without leading zeros")]
    Size,
    /// Not canonical base64 of 32 bytes.
    #[error("the root of a checkpoint is the base64 of 32 bytes")]
    Root,
    /// Size zero with a root other than that of the empty tree.
    #[error("a checkpoint of size 0 has the root of the empty tree")]
    EmptyRoot,
    /// An extension line that is empty or holds a control character.
    #[error("an extension of a checkpoint is a line of text")]
    Extension,
    /// The key is not named after the origin.
    #[error("the key {key} cannot sign for {origin}")]
    WrongLog {
        /// The key's name.
        key: String,
        /// The checkpoint's origin.
        origin: String,
    },
    /// No signature by a trusted key of the log itself.
    #[error("the checkpoint is not signed by a trusted key of {origin}")]
    NotSignedByLog {
        /// The checkpoint's origin.
        origin: String,
    },
}

/// What a checkpoint says. Parses from and prints as the text of its note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: TreeHash,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// States that the log called `origin` has `size` leaves with that `root`.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`], [`CheckpointError::Size`] or [`CheckpointError::EmptyRoot`].
    pub fn new(
        origin: impl Into<String>,
        size: u64,
        root: TreeHash,
    ) -> Result<Self, CheckpointError> {
        let origin = origin.into();
        if !is_line(&origin) {
            return Err(CheckpointError::Origin);
        }
        if size > MAX_SIZE {
            return Err(CheckpointError::Size);
        }
        if size == 0 && root != empty_root() {
            return Err(CheckpointError::EmptyRoot);
        }
        let extensions = Vec::new();
        Ok(Self {
            origin,
            size,
            root,
            extensions,
        })
    }

    /// The log's name, for life.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// RFC 6962 root of those leaves.
    pub fn root(&self) -> &TreeHash {
        &self.root
    }

    /// Lines after the third, as they are. Witnesses sign them but vouch for nothing in them; none
    /// are written here.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    fn with_extension(mut self, line: &str) -> Result<Self, CheckpointError> {
        if !is_line(line) {
            return Err(CheckpointError::Extension);
        }
        self.extensions.push(line.to_owned());
        Ok(self)
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(body: &str) -> Result<Self, CheckpointError> {
        let body = body.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Lines);
        };
        let size = text::decimal(size).ok_or(CheckpointError::Size)?;
        let root = TreeHash::from_base64(root).ok_or(CheckpointError::Root)?;
        lines.try_fold(Self::new(origin, size, root)?, Self::with_extension)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}\n{}\n{}",
            self.origin,
            self.size,
            self.root.to_base64()
        )?;
        self.extensions
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A checkpoint in its note: what is published, kept elsewhere and sent to witnesses. Prints as the
/// bytes it was parsed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Signs a checkpoint with the log's key. That it grew from the last one signed is for the
    /// caller to make sure of.
    ///
    /// # Errors
    /// [`CheckpointError::WrongLog`] if the key is not named after the origin,
    /// [`NoteError::WrongKeyType`] if it is a witness's.
    pub fn sign(checkpoint: Checkpoint, key: &SigningKey) -> Result<Self, CheckpointError> {
        let name = key.verifier().name().as_str();
        if name != checkpoint.origin {
            return Err(CheckpointError::WrongLog {
                key: name.to_owned(),
                origin: checkpoint.origin,
            });
        }
        let note = Note::sign(checkpoint.to_string(), key)?;
        Ok(Self { checkpoint, note })
    }

    /// Reads a checkpoint in its note. Nothing in it is verified yet.
    ///
    /// # Errors
    /// [`CheckpointError`] if it is not one, to the byte.
    pub fn parse(note: &[u8]) -> Result<Self, CheckpointError> {
        let note = Note::parse(note)?;
        let checkpoint = note.text().parse()?;
        Ok(Self { checkpoint, note })
    }

    /// What it says, verified or not: compare, show, but believe only what [`Self::verify`] returns.
    pub fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note around it.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Makes a witness's cosignature, stating `timestamp` (Unix seconds), without adding it. That the
    /// log's signature holds and that the tree grew from the last one cosigned is for the witness to
    /// check, and to have on disk, before.
    ///
    /// # Errors
    /// [`NoteError::WrongKeyType`] unless the key is a witness's, [`NoteError::Timestamp`].
    pub fn cosign(&self, key: &SigningKey, timestamp: u64) -> Result<NoteSignature, NoteError> {
        NoteSignature::cosign(self.note.text(), key, timestamp)
    }

    /// Adds a cosignature if it is by the witness `key`, and returns the Unix seconds it states.
    ///
    /// # Errors
    /// [`NoteError::WrongKeyType`] unless the key is a witness's, [`NoteError::BadSignature`] if the
    /// signature is not by it or does not verify; nothing is added then.
    pub fn add_cosignature(
        &mut self,
        signature: NoteSignature,
        key: &VerifierKey,
    ) -> Result<u64, NoteError> {
        let timestamp = signature.verify_cosignature(self.note.text(), key)?;
        self.note.add(signature)?;
        Ok(timestamp)
    }

    /// Checks the signatures: there must be one by a key in `logs` that is named after the origin,
    /// and all others by keys in `logs` or `witnesses` must hold too. Keys in `logs` named otherwise
    /// are not used, so that one list may serve for several logs.
    ///
    /// How many witnesses are enough is another question, for a
    /// [`Policy`](crate::chain::policy::Policy): this alone accepts none.
    ///
    /// # Errors
    /// [`CheckpointError::NotSignedByLog`], or [`NoteError`] for a signature that fails and for a
    /// key of the wrong type in either list.
    pub fn verify<'k>(
        &self,
        logs: impl IntoIterator<Item = &'k VerifierKey>,
        witnesses: impl IntoIterator<Item = &'k VerifierKey>,
    ) -> Result<VerifiedCheckpoint<'k>, CheckpointError> {
        let origin = &self.checkpoint.origin;
        let not_signed = || CheckpointError::NotSignedByLog {
            origin: origin.clone(),
        };
        let mut keys = of_type(logs, SignatureType::Ed25519)?;
        keys.retain(|key| key.name().as_str() == origin);
        keys.extend(of_type(witnesses, SignatureType::CosignatureV1)?);

        let verified = self.note.verify(keys).map_err(|error| match error {
            NoteError::NoKnownSignature => not_signed(),
            other => other.into(),
        })?;
        let log = verified.iter().find(|one| one.timestamp.is_none());
        let cosignature = |one: &Verified<'k>| {
            let (key, timestamp) = (one.key, one.timestamp?);
            Some(Cosignature { key, timestamp })
        };
        Ok(VerifiedCheckpoint {
            checkpoint: self.checkpoint.clone(),
            log: log.ok_or_else(not_signed)?.key,
            cosignatures: verified.iter().filter_map(cosignature).collect(),
        })
    }
}

impl FromStr for SignedCheckpoint {
    type Err = CheckpointError;

    fn from_str(note: &str) -> Result<Self, CheckpointError> {
        Self::parse(note.as_bytes())
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

/// A checkpoint with a signature of its log that holds. Only [`SignedCheckpoint::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCheckpoint<'k> {
    checkpoint: Checkpoint,
    log: &'k VerifierKey,
    cosignatures: Vec<Cosignature<'k>>,
}

impl<'k> VerifiedCheckpoint<'k> {
    /// What the log signed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The key of the log that signed it.
    pub fn log(&self) -> &'k VerifierKey {
        self.log
    }

    /// The cosignatures by known witnesses, each witness once. There may be none.
    pub fn cosignatures(&self) -> &[Cosignature<'k>] {
        &self.cosignatures
    }
}

/// A witness's word that it saw this checkpoint, and no other history of the log, by this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cosignature<'k> {
    /// The witness.
    pub key: &'k VerifierKey,
    /// Unix seconds of the witness's clock.
    pub timestamp: u64,
}

fn of_type<'k>(
    keys: impl IntoIterator<Item = &'k VerifierKey>,
    wanted: SignatureType,
) -> Result<Vec<&'k VerifierKey>, NoteError> {
    let check = |key| check_type(key, wanted).map(|()| key);
    keys.into_iter().map(check).collect()
}

/// One non-empty line that a note may hold.
fn is_line(line: &str) -> bool {
    !line.is_empty() && !line.contains('\n') && !text::has_control(line)
}

#[cfg(test)]
mod tests;
