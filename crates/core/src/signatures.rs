//! Signatures in the ledger: of recorders over batches, of parties over what they acknowledge.
//!
//! Which keys must sign is read from the chain itself: a record that names an admitted recorder in
//! `recorded_by` needs the signature of that recorder's key on its batch; a rotation needs both keys'.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::chain::key::{KeyError, PRIVATE_PREFIX, SignatureType, SigningKey, VerifierKey};
use crate::chain::record::{BatchSignature, Hash, Head, acknowledgement_message, recorder_message};
use crate::event::{Acknowledged, Entry, Event, Fact};
use crate::rules;
use crate::state::{EntityKind, State};
use crate::value::id::{PartyId, RecorderId, Subject};

/// What is wrong with signatures, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A private key where a public one belongs. It is not repeated.
    #[error("this is a private key, where the public one belongs")]
    Private,
    /// A key in an event is no Ed25519 vkey.
    #[error("`{0}` is not a vkey of an Ed25519 key: {1}")]
    NoKey(String, String),
    /// A recorder's signature is not there.
    #[error("the signature of recorder {recorder} with the key {key} is missing")]
    Missing {
        /// Who should have signed.
        recorder: String,
        /// With which key, as name and id.
        key: String,
    },
    /// A signature does not hold.
    #[error("the signature of {0} does not hold")]
    Forged(String),
    /// A signature that nobody asked for.
    #[error("a signature by a key with the id {0:02x?} that was not asked for")]
    Stray([u8; 4]),
    /// Two different keys with one id: a signature could not say by which of them it is.
    #[error("two different keys that must sign have the id {0:02x?}")]
    SameId([u8; 4]),
    /// A batch is signed at its end only.
    #[error("a signature in the middle of a batch")]
    Inside,
    /// A party acknowledges without having declared a key.
    #[error("{0} has declared no key")]
    NoPartyKey(PartyId),
}

/// Reads a vkey that signs records or acknowledgements.
///
/// # Errors
/// [`SignatureError::NoKey`]
pub fn read_key(text: &str) -> Result<VerifierKey, SignatureError> {
    if text.contains(PRIVATE_PREFIX) {
        return Err(SignatureError::Private);
    }
    let wrong = |why: String| SignatureError::NoKey(text.to_owned(), why);
    let key: VerifierKey = text
        .parse()
        .map_err(|error: KeyError| wrong(error.to_string()))?;
    if key.kind() == SignatureType::Ed25519 {
        Ok(key)
    } else {
        Err(wrong("it is a witness's key".into()))
    }
}

/// The key that a recorder has now, unless it was revoked.
pub fn recorder_key(state: &State, recorder: &RecorderId) -> Option<String> {
    let mut key = None;
    for entry in state.trail(&Subject::Entity(recorder.0.clone())) {
        match &entry.event.fact {
            Fact::RecorderAdmitted(fact) if fact.id == *recorder => {
                key = Some(fact.key.to_string())
            }
            Fact::RecorderRotated(fact) if fact.recorder == *recorder => {
                key = Some(fact.key.to_string());
            }
            Fact::RecorderRevoked(fact) if fact.recorder == *recorder => return None,
            _ => {}
        }
    }
    key
}

/// The key that a party declared last.
pub fn party_key(state: &State, party: &PartyId) -> Option<String> {
    state
        .trail(&Subject::Entity(party.0.clone()))
        .filter_map(|entry| match &entry.event.fact {
            Fact::PartyKeyDeclared(fact) if fact.party == *party => Some(fact.key.to_string()),
            _ => None,
        })
        .next_back()
}

/// The keys that must sign a batch, with whose they are.
#[derive(Debug, Clone, Default)]
pub struct Required {
    keys: BTreeMap<[u8; 4], (String, VerifierKey)>,
}

impl Required {
    /// Adds what an event asks for, in the state as it is before the event.
    ///
    /// # Errors
    /// [`SignatureError::NoKey`] where a key cannot be read.
    pub fn add(&mut self, state: &State, event: &Event) -> Result<(), SignatureError> {
        if let Some(recorder) = rules::recorder(state, &event.envelope)
            && let Some(key) = recorder_key(state, &recorder)
        {
            self.insert(&recorder, &key)?;
        }
        match &event.fact {
            Fact::RecorderRotated(fact) => {
                if let Some(old) = recorder_key(state, &fact.recorder) {
                    self.insert(&fact.recorder, &old)?;
                }
                self.insert(&fact.recorder, fact.key.as_str())
            }
            Fact::RecorderAdmitted(fact) => read_key(fact.key.as_str()).map(drop),
            Fact::PartyKeyDeclared(fact) => read_key(fact.key.as_str()).map(drop),
            _ => Ok(()),
        }
    }

    /// Adds the keys of these signatures that recorders hold: where a payload is gone, nothing else tells who
    /// had to sign for it.
    pub fn add_signers(&mut self, signatures: &[BatchSignature], held: &HeldKeys) {
        for id in signatures.iter().map(|one| one.key_id) {
            if let Some((recorder, key)) = held.keys.get(&id) {
                let holder = (recorder.to_string(), key.clone());
                self.keys.entry(id).or_insert(holder);
            }
        }
    }

    fn insert(&mut self, recorder: &RecorderId, key: &str) -> Result<(), SignatureError> {
        let key = read_key(key)?;
        let id = key.id().to_be_bytes();
        let (_, known) = self
            .keys
            .entry(id)
            .or_insert_with(|| (recorder.to_string(), key.clone()));
        if *known == key {
            Ok(())
        } else {
            Err(SignatureError::SameId(id))
        }
    }

    /// Whether nobody needs to sign.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Signs a batch that leads to a head.
    ///
    /// # Errors
    /// [`SignatureError::Missing`] for the first key that is not at hand.
    pub fn sign(
        &self,
        keys: &[SigningKey],
        origin: &str,
        head: Head,
    ) -> Result<Vec<BatchSignature>, SignatureError> {
        let message = recorder_message(origin, head);
        self.keys
            .iter()
            .map(|(id, (recorder, wanted))| {
                let key = keys
                    .iter()
                    .find(|key| key.verifier() == wanted)
                    .ok_or_else(|| missing(recorder, wanted))?;
                Ok(BatchSignature {
                    key_id: *id,
                    signature: key.sign(&message),
                })
            })
            .collect()
    }

    /// Everything that is wrong with the signatures of a batch that leads to a head.
    pub fn check(
        &self,
        signatures: &[BatchSignature],
        origin: &str,
        head: Head,
    ) -> Vec<SignatureError> {
        let message = recorder_message(origin, head);
        let mut wrong = Vec::new();
        for (id, (recorder, key)) in &self.keys {
            match signatures.iter().find(|signature| signature.key_id == *id) {
                None => wrong.push(missing(recorder, key)),
                Some(found) if key.verify(&message, &found.signature).is_err() => {
                    wrong.push(SignatureError::Forged(format!("recorder {recorder}")));
                }
                Some(_) => {}
            }
        }
        let stray = signatures
            .iter()
            .filter(|one| !self.keys.contains_key(&one.key_id));
        wrong.extend(stray.map(|one| SignatureError::Stray(one.key_id)));
        wrong
    }
}

/// The keys that recorders hold, by the keys' ids.
#[derive(Debug, Clone, Default)]
pub struct HeldKeys {
    keys: BTreeMap<[u8; 4], (RecorderId, VerifierKey)>,
}

impl HeldKeys {
    /// The keys that recorders hold after the records of a state.
    pub fn of(state: &State) -> Self {
        let mut entries: Vec<&Entry> = Vec::new();
        for id in state.ids(EntityKind::Recorder) {
            entries.extend(state.trail(&Subject::Entity(id.clone())));
        }
        entries.sort_by_key(|entry| entry.seq);
        let mut held = Self::default();
        entries.iter().for_each(|entry| held.apply(&entry.event));
        held
    }

    /// Whether no recorder holds a key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Takes in an event that gives, changes or takes a key. One that cannot be read is nobody's.
    pub fn apply(&mut self, event: &Event) {
        let (recorder, key) = match &event.fact {
            Fact::RecorderAdmitted(fact) => (&fact.id, Some(&fact.key)),
            Fact::RecorderRotated(fact) => (&fact.recorder, Some(&fact.key)),
            Fact::RecorderRevoked(fact) => (&fact.recorder, None),
            _ => return,
        };
        self.keys.retain(|_, (holder, _)| holder != recorder);
        if let Some(key) = key.and_then(|key| read_key(key.as_str()).ok()) {
            let id = key.id().to_be_bytes();
            self.keys.insert(id, (recorder.clone(), key));
        }
    }
}

fn missing(recorder: &str, key: &VerifierKey) -> SignatureError {
    SignatureError::Missing {
        recorder: recorder.to_owned(),
        key: key.to_string(),
    }
}

/// The signature of a party under a record.
pub fn acknowledge(
    key: &SigningKey,
    origin: &str,
    party: &PartyId,
    seq: u64,
    link: Hash,
) -> String {
    STANDARD.encode(key.sign(&acknowledgement_message(origin, party.as_str(), seq, link)))
}

/// Whether a party's signature holds, under the key that it declared last.
///
/// # Errors
/// [`SignatureError`]
pub fn check_acknowledgement(
    state: &State,
    fact: &Acknowledged,
    origin: &str,
    link: Hash,
) -> Result<(), SignatureError> {
    let key = party_key(state, &fact.party)
        .ok_or_else(|| SignatureError::NoPartyKey(fact.party.clone()))?;
    let key = read_key(&key)?;
    let forged = || SignatureError::Forged(format!("party {}", fact.party));
    let signature = STANDARD
        .decode(fact.signature.as_str())
        .map_err(|_| forged())?;
    let signature: [u8; 64] = signature.try_into().map_err(|_| forged())?;
    let message = acknowledgement_message(origin, fact.party.as_str(), fact.record.0, link);
    key.verify(&message, &signature).map_err(|_| forged())
}

/// What an event acknowledges, if it does.
pub fn acknowledged(event: &Event) -> Option<&Acknowledged> {
    match &event.fact {
        Fact::Acknowledged(fact) => Some(fact),
        _ => None,
    }
}
