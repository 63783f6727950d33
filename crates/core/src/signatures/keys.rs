//! Who holds which key.

use std::collections::BTreeMap;

use super::error::SignatureError;
use crate::chain::key::{KeyError, PRIVATE_PREFIX, SignatureType, VerifierKey};
use crate::event::{Entry, Event, Fact, Kind};
use crate::rules::{self, Known as _};
use crate::state::{EntityKind, State};
use crate::value::id::{PartyId, RecorderId, Subject};

/// Reads a vkey that signs records or acknowledgements.
///
/// # Errors
/// [`SignatureError::NoKey`], [`SignatureError::Private`]
fn read_key(text: &str) -> Result<VerifierKey, SignatureError> {
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

/// The key of a recorder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecorderKey {
    /// The vkey that it holds, as the event gave it.
    Held(String),
    /// It was revoked.
    Revoked,
}

/// The keys that recorders and parties hold after some records.
pub trait Keys {
    /// The key of the recorder of this id; none where no recorder was admitted under it.
    fn recorder(&self, id: &str) -> Option<RecorderKey>;

    /// The vkey that a party declared last.
    fn party(&self, party: &PartyId) -> Option<String>;

    /// Reads one of these keys.
    ///
    /// # Errors
    /// [`SignatureError::NoKey`], [`SignatureError::Private`]
    fn read(&self, vkey: &str) -> Result<VerifierKey, SignatureError> {
        read_key(vkey)
    }
}

/// As replay has it, for events that keep the rules.
impl Keys for State {
    fn recorder(&self, id: &str) -> Option<RecorderKey> {
        let recorder = rules::recorder(self, id)?;
        let mut key = None;
        for entry in self.trail(&Subject::Entity(recorder.0.clone())) {
            match &entry.event.fact {
                Fact::RecorderAdmitted(fact) if fact.id == recorder => {
                    key = Some(fact.key.to_string());
                }
                Fact::RecorderRotated(fact) if fact.recorder == recorder => {
                    key = Some(fact.key.to_string());
                }
                Fact::RecorderRevoked(fact) if fact.recorder == recorder => {
                    return Some(RecorderKey::Revoked);
                }
                _ => {}
            }
        }
        key.map(RecorderKey::Held)
    }

    fn party(&self, party: &PartyId) -> Option<String> {
        let subject = Subject::Entity(party.0.clone());
        let mut declared = self.trail_of(&subject, |kind| kind == Kind::PartyKeyDeclared);
        match &declared.next_back()?.event.fact {
            Fact::PartyKeyDeclared(fact) if fact.party == *party => Some(fact.key.to_string()),
            _ => None,
        }
    }
}

/// The keys by the events that gave them, whether or not these keep the rules: what `docs/format.md` has, so that every
/// verifier comes to the same keys.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keyring {
    /// The vkey of each recorder; none in it of one that was revoked.
    recorders: BTreeMap<String, Option<String>>,
    parties: BTreeMap<PartyId, String>,
    /// Keys that recorders had when the batch began or since, and have no more, with their recorders.
    former: Vec<(String, String)>,
    /// Every key that was given, read once.
    read: BTreeMap<String, Result<VerifierKey, SignatureError>>,
}

impl Keys for Keyring {
    fn recorder(&self, id: &str) -> Option<RecorderKey> {
        let key = self.recorders.get(id)?.clone();
        Some(key.map_or(RecorderKey::Revoked, RecorderKey::Held))
    }

    fn party(&self, party: &PartyId) -> Option<String> {
        self.parties.get(party).cloned()
    }

    fn read(&self, vkey: &str) -> Result<VerifierKey, SignatureError> {
        let known = self.read.get(vkey).cloned();
        known.unwrap_or_else(|| read_key(vkey))
    }
}

impl Keyring {
    /// The keys after the records of a state, whose events keep the rules.
    pub fn of(state: &State) -> Self {
        let mut entries: Vec<&Entry> = Vec::new();
        for id in state.ids(EntityKind::Recorder) {
            entries.extend(state.trail(&Subject::Entity(id.clone())));
        }
        entries.sort_by_key(|entry| entry.seq);
        let mut keyring = Self::default();
        entries.iter().for_each(|entry| keyring.take(&entry.event));
        for id in state.ids(EntityKind::Party) {
            let party = PartyId(id.clone());
            if state.has_key(&party)
                && let Some(key) = state.party(&party)
            {
                keyring.declare(&party, &key);
            }
        }
        keyring.end_batch();
        keyring
    }

    /// Takes in an event that gives, changes or takes a key. One that cannot do that changes nothing: an admission of an
    /// id that was admitted before, a rotation or a revocation of a key that is not there.
    pub fn take(&mut self, event: &Event) {
        match &event.fact {
            Fact::RecorderAdmitted(fact) => {
                let id = fact.id.to_string();
                if !self.recorders.contains_key(&id) {
                    self.remember(fact.key.as_str());
                    self.recorders.insert(id, Some(fact.key.to_string()));
                }
            }
            Fact::RecorderRotated(fact) => self.change(&fact.recorder, Some(fact.key.as_str())),
            Fact::RecorderRevoked(fact) => self.change(&fact.recorder, None),
            Fact::PartyKeyDeclared(fact) => self.declare(&fact.party, fact.key.as_str()),
            _ => {}
        }
    }

    fn change(&mut self, recorder: &RecorderId, key: Option<&str>) {
        let id = recorder.to_string();
        if let Some(held @ Some(_)) = self.recorders.get_mut(&id) {
            let former = std::mem::replace(held, key.map(str::to_owned));
            self.former.extend(former.map(|key| (id, key)));
            if let Some(key) = key {
                self.remember(key);
            }
        }
    }

    fn declare(&mut self, party: &PartyId, key: &str) {
        self.remember(key);
        self.parties.insert(party.clone(), key.to_owned());
    }

    fn remember(&mut self, key: &str) {
        if !self.read.contains_key(key) {
            self.read.insert(key.to_owned(), read_key(key));
        }
    }

    /// The batch ends: what recorders had before is of no account any more.
    pub fn end_batch(&mut self) {
        self.former.clear();
    }

    /// Whether no recorder had a key in the batch.
    pub fn has_no_recorders(&self) -> bool {
        self.former.is_empty() && self.recorders.values().all(Option::is_none)
    }

    /// The keys of this id that recorders had in the batch, and the recorders.
    pub(super) fn signers(&self, id: [u8; 4]) -> impl Iterator<Item = (String, VerifierKey)> {
        let held = self.recorders.iter();
        let held = held.filter_map(|(recorder, key)| Some((recorder, key.as_ref()?)));
        let former = self.former.iter().map(|(recorder, key)| (recorder, key));
        held.chain(former).filter_map(move |(recorder, vkey)| {
            let key = self.read(vkey).ok()?;
            (key.id().to_be_bytes() == id).then(|| (recorder.clone(), key))
        })
    }
}
