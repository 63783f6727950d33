//! A witness: it cosigns a log's checkpoints as long as each grew from the last one, and so vouches that
//! nobody was shown another history. C2SP tlog-witness 1.0.0
//! (<https://c2sp.org/tlog-witness@v1.0.0>).
//!
//! [`Witness`] holds the rules, [`memory`] what it cosigned last, [`serve`] speaks HTTP for it, and [`ask`]
//! is the other side: a log that wants a cosignature.
//!
//! Everything rests on one thing: a witness never forgets. It takes the first checkpoint of a log on trust,
//! so whoever loses its memory, or gives it a fresh one, lets every log begin anew.
//!
//! The specification would rather have ML-DSA-44 cosignatures; these are Ed25519, `cosignature/v1`, as most
//! witnesses make today. `sign-subtree`, which is optional, is not there.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};

use thiserror::Error;

use memory::{Memory, MemoryError, origin_hash};
use request::{AddCheckpoint, RequestError};
use servanda_core::chain::checkpoint::SignedCheckpoint;
use servanda_core::chain::key::{SignatureType, SigningKey, VerifierKey};
use servanda_core::chain::note::{Note, NoteError, NoteSignature};
use servanda_core::chain::tree::{TreeError, TreeHash, empty_root, verify_consistency};

pub mod ask;
pub mod memory;
pub mod request;
pub mod serve;
#[cfg(test)]
mod testing;

/// Why a witness cannot be, or cannot answer. None of it is the asker's fault.
#[derive(Debug, Error)]
pub enum WitnessError {
    /// Its key signs texts, not cosignatures.
    #[error(
        "the key {name} makes {found} signatures; a witness's makes {}",
        SignatureType::CosignatureV1
    )]
    WitnessKey {
        /// The key's name.
        name: String,
        /// Its type.
        found: SignatureType,
    },
    /// The key of a log signs cosignatures, not texts.
    #[error(
        "the key {name} makes {found} signatures; a log's makes {}",
        SignatureType::Ed25519
    )]
    LogKey {
        /// The key's name.
        name: String,
        /// Its type.
        found: SignatureType,
    },
    /// It would refuse everything.
    #[error("a witness has to know the key of at least one log")]
    NoLogs,
    /// What it cosigned last cannot be read or written.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// What it is said to have cosigned last bears neither its own signature nor that of a log it knows, or
    /// one that is wrong: somebody changed it, or it belongs to another witness.
    #[error("what was remembered of {origin} is not to be trusted: {why}")]
    NotMine {
        /// The log.
        origin: String,
        /// What is wrong with the signatures.
        why: NoteError,
    },
    /// No time that a cosignature could state.
    #[error("the clock says {now} seconds after 1970, which no cosignature can state")]
    Clock {
        /// Unix seconds.
        now: u64,
    },
    /// An earlier request ended in a panic; what is remembered may be half done.
    #[error("an earlier request failed in the middle; the witness has to be started anew")]
    Interrupted,
}

/// What a witness says to a checkpoint: the answers of tlog-witness 1.0.0, and [`Answer::Failed`]. Prints as a
/// line for whoever keeps the witness.
#[derive(Debug)]
pub enum Answer {
    /// 200: it grew from the last one, and is now the last one, on the disk.
    Cosigned {
        /// The log.
        origin: String,
        /// Its size now.
        size: u64,
        /// The cosignature.
        cosignature: NoteSignature,
    },
    /// 400: the request is not one.
    Malformed(RequestError),
    /// 400: the checkpoint is smaller than the tree it is said to have grown from.
    OldAboveSize {
        /// Size stated as the old one.
        old: u64,
        /// Size of the checkpoint.
        size: u64,
    },
    /// 403: no signature by a trusted key of the log, or one that fails.
    Untrusted {
        /// The log.
        origin: String,
        /// What is wrong with the signatures.
        why: NoteError,
    },
    /// 404: not a log this witness knows.
    UnknownLog {
        /// What it is called.
        origin: String,
    },
    /// 409: the old size is not the one cosigned last.
    Conflict {
        /// The log.
        origin: String,
        /// Size cosigned last; zero if there was none.
        size: u64,
    },
    /// 422: the log signed this, and it has not been shown to have grown from what was cosigned before. With
    /// a sound proof of the asker's side it is evidence against the log.
    Inconsistent {
        /// The log.
        origin: String,
        /// Size cosigned last.
        old: u64,
        /// Size the log signed.
        size: u64,
        /// Root the log signed.
        root: TreeHash,
        /// What is wrong with the proof.
        why: TreeError,
    },
    /// 500: the witness itself cannot. Nothing was cosigned.
    Failed(WitnessError),
}

impl Answer {
    /// The HTTP status code.
    pub fn status(&self) -> u16 {
        match self {
            Self::Cosigned { .. } => 200,
            Self::Malformed(_) | Self::OldAboveSize { .. } => 400,
            Self::Untrusted { .. } => 403,
            Self::UnknownLog { .. } => 404,
            Self::Conflict { .. } => 409,
            Self::Inconsistent { .. } => 422,
            Self::Failed(_) => 500,
        }
    }

    /// The HTTP content type.
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "text/x.tlog.size",
            _ => "text/plain; charset=utf-8",
        }
    }

    /// The HTTP body. That of an error is for people; of a failure it tells strangers nothing.
    pub fn body(&self) -> String {
        match self {
            Self::Cosigned { cosignature, .. } => format!("{cosignature}\n"),
            Self::Conflict { size, .. } => format!("{size}\n"),
            Self::Failed(_) => "the witness cannot answer now\n".to_owned(),
            other => format!("{other}\n"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cosigned { origin, size, .. } => write!(f, "cosigned {origin} at size {size}"),
            Self::Malformed(why) => why.fmt(f),
            Self::OldAboveSize { old, size } => {
                write!(f, "the old size {old} is above {size}, the checkpoint's")
            }
            Self::Untrusted { origin, why } => write!(f, "{origin}: {why}"),
            Self::UnknownLog { origin } => write!(f, "no log called {origin} is known here"),
            Self::Conflict { origin, size } => {
                write!(f, "{origin} was last cosigned at size {size}")
            }
            Self::Inconsistent {
                origin,
                old,
                size,
                root,
                why,
            } => write!(
                f,
                "{origin} signed size {size} and root {}, which is not shown to have grown from the size {old} \
                 cosigned before: {why}",
                root.to_base64()
            ),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

/// A witness: a key, the logs it knows, and what it cosigned last.
///
/// Any number of threads may ask it. They are answered one after another: comparing with the last checkpoint
/// and replacing it is one step, or two askers could get two histories cosigned.
pub struct Witness {
    key: SigningKey,
    /// Never empty, nor are the lists. A key is listed under its own name.
    logs: BTreeMap<String, Vec<VerifierKey>>,
    state: Mutex<Box<dyn Memory>>,
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness")
            .field("key", &self.key)
            .field("logs", &self.logs)
            .finish_non_exhaustive()
    }
}

impl Witness {
    /// A witness of the logs with these keys, each named after its origin; a log may have several. Reads
    /// what is remembered of each, so that damage is found now and not by the first who asks.
    ///
    /// # Errors
    /// [`WitnessError`]
    pub fn new(
        key: SigningKey,
        log_keys: impl IntoIterator<Item = VerifierKey>,
        state: Box<dyn Memory>,
    ) -> Result<Self, WitnessError> {
        let name = |key: &VerifierKey| key.name().as_str().to_owned();
        let found = key.verifier().kind();
        if found != SignatureType::CosignatureV1 {
            let name = name(key.verifier());
            return Err(WitnessError::WitnessKey { name, found });
        }
        let mut logs = BTreeMap::<String, Vec<VerifierKey>>::new();
        for log in log_keys {
            let (name, found) = (name(&log), log.kind());
            if found != SignatureType::Ed25519 {
                return Err(WitnessError::LogKey { name, found });
            }
            logs.entry(name).or_default().push(log);
        }
        if logs.is_empty() {
            return Err(WitnessError::NoLogs);
        }
        let state = Mutex::new(state);
        let witness = Self { key, logs, state };
        for origin in witness.logs.keys() {
            witness.latest(origin)?;
        }
        Ok(witness)
    }

    /// Its name and public key, for whoever wants to rely on it.
    pub fn verifier(&self) -> &VerifierKey {
        self.key.verifier()
    }

    /// The origins of the logs it knows.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.logs.keys().map(String::as_str)
    }

    /// The checkpoint of a log that it cosigned last, with the log's signatures and its own. `None` if there
    /// is none, or the log is not known.
    ///
    /// # Errors
    /// [`WitnessError`] if what is remembered cannot be read or is not to be trusted.
    pub fn latest(&self, origin: &str) -> Result<Option<SignedCheckpoint>, WitnessError> {
        let Some(keys) = self.logs.get(origin) else {
            return Ok(None);
        };
        self.recall(&**self.lock()?, origin, keys)
    }

    /// [`Witness::latest`] by the lowercase hexadecimal SHA-256 of the origin, as monitors ask for it.
    ///
    /// # Errors
    /// The same.
    pub fn latest_by_hash(&self, hash: &str) -> Result<Option<SignedCheckpoint>, WitnessError> {
        match self.origins().find(|origin| origin_hash(origin) == hash) {
            Some(origin) => self.latest(origin),
            None => Ok(None),
        }
    }

    /// Answers the `body` of an `add-checkpoint` request at `now`, Unix seconds, which a cosignature will
    /// state. If it is cosigned, it is on the disk before this returns.
    pub fn add_checkpoint(&self, body: &[u8], now: u64) -> Answer {
        match AddCheckpoint::parse(body) {
            Ok(request) => self.judge(&request, now).unwrap_or_else(|answer| answer),
            Err(why) => Answer::Malformed(why),
        }
    }

    /// The rules in the order of the specification.
    fn judge(&self, request: &AddCheckpoint, now: u64) -> Result<Answer, Answer> {
        let AddCheckpoint {
            old,
            size,
            root,
            note,
            ..
        } = request;
        let (old, size) = (*old, *size);
        let origin = || request.origin.clone();
        let keys = self.logs.get(&request.origin);
        let keys = keys.ok_or_else(|| Answer::UnknownLog { origin: origin() })?;
        let signed = note.verify(keys).map_err(|why| Answer::Untrusted {
            origin: origin(),
            why,
        })?;
        if old > size {
            return Err(Answer::OldAboveSize { old, size });
        }

        // From here to the end, nobody else.
        let mut state = self.lock().map_err(Answer::Failed)?;
        let latest = self.recall(&**state, &request.origin, keys);
        let latest = latest.map_err(Answer::Failed)?;
        let (known, known_root) = latest.map_or((0, empty_root()), |latest| {
            let latest = latest.unverified();
            (latest.size(), *latest.root())
        });
        if old != known {
            return Err(Answer::Conflict {
                origin: origin(),
                size: known,
            });
        }
        verify_consistency(known, &known_root, size, root, &request.proof).map_err(|why| {
            Answer::Inconsistent {
                origin: origin(),
                old: known,
                size,
                root: *root,
                why,
            }
        })?;

        let clock = || Answer::Failed(WitnessError::Clock { now });
        if now == 0 {
            // The specification forbids it: zero says that no time is stated.
            return Err(clock());
        }
        let cosignature = NoteSignature::cosign(note.text(), &self.key, now);
        let cosignature = cosignature.map_err(|_| clock())?;
        // Only what was checked is kept: strangers' signatures could fill the disk.
        let by = |key| note.signatures().iter().find(|one| one.is_by(key)).cloned();
        let mut signatures: Vec<_> = signed.iter().filter_map(|one| by(one.key)).collect();
        signatures.push(cosignature.clone());
        let kept = cosigned(note.text(), signatures).map_err(Answer::Malformed)?;
        let remembered = state.remember(&kept);
        remembered.map_err(|error| Answer::Failed(error.into()))?;
        Ok(Answer::Cosigned {
            origin: origin(),
            size,
            cosignature,
        })
    }

    fn lock(&self) -> Result<MutexGuard<'_, Box<dyn Memory>>, WitnessError> {
        self.state.lock().map_err(|_| WitnessError::Interrupted)
    }

    /// What is remembered of a log, if the signatures on it hold. A bit that flipped on the disk is found
    /// that way. Either the log's or its own is enough, so that either may change its key.
    fn recall(
        &self,
        state: &dyn Memory,
        origin: &str,
        keys: &[VerifierKey],
    ) -> Result<Option<SignedCheckpoint>, WitnessError> {
        let Some(latest) = state.latest(origin)? else {
            return Ok(None);
        };
        let known = keys.iter().chain([self.verifier()]);
        match latest.note().verify(known) {
            Ok(_) => Ok(Some(latest)),
            Err(why) => Err(WitnessError::NotMine {
                origin: origin.to_owned(),
                why,
            }),
        }
    }
}

fn cosigned(text: &str, signatures: Vec<NoteSignature>) -> Result<SignedCheckpoint, RequestError> {
    let note = Note::new(text.to_owned(), signatures);
    let note = note.map_err(|error| RequestError::Checkpoint(error.into()))?;
    Ok(SignedCheckpoint::parse(note.to_string().as_bytes())?)
}

#[cfg(test)]
mod tests;
