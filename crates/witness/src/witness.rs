//! The rules of a witness: C2SP tlog-witness 1.0.0.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};

use servanda_core::chain::checkpoint::SignedCheckpoint;
use servanda_core::chain::key::{SignatureType, SigningKey, VerifierKey};
use servanda_core::chain::note::{Note, NoteSignature};
use servanda_core::chain::tree::{empty_root, verify_consistency};

use crate::answer::{Answer, WitnessError};
use crate::cosigned::{CosignedStore, origin_hash};
use crate::request::{AddCheckpoint, RequestError};

/// A witness: a key, the logs it knows, and what it cosigned last.
///
/// Any number of threads may ask it. They are answered one after another: comparing with the last checkpoint
/// and replacing it is one step, or two askers could get two histories cosigned.
pub struct Witness {
    key: SigningKey,
    /// Never empty, nor are the lists. A key is listed under its own name.
    logs: BTreeMap<String, Vec<VerifierKey>>,
    state: Mutex<Box<dyn CosignedStore>>,
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
        state: Box<dyn CosignedStore>,
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

    /// Its name and public key.
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

        // One request at a time from here on: compare and replace are one step.
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

    fn lock(&self) -> Result<MutexGuard<'_, Box<dyn CosignedStore>>, WitnessError> {
        self.state.lock().map_err(|_| WitnessError::Interrupted)
    }

    /// The checkpoint cosigned last of a log, if a signature on it holds: so a flipped bit on the disk is found. The
    /// log's signature or its own is enough, so that either may change its key.
    fn recall(
        &self,
        state: &dyn CosignedStore,
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
