//! Who must sign a batch, and whether those did.

use std::collections::BTreeMap;

use super::error::SignatureError;
use super::keys::{Keyring, Keys, RecorderKey};
use crate::chain::key::{SigningKey, VerifierKey};
use crate::chain::record::{BatchSignature, Head, recorder_message};
use crate::event::{Event, Fact};

/// The keys that must sign a batch, with whose they are.
#[derive(Debug, Clone, Default)]
pub struct Required {
    signers: BTreeMap<[u8; 4], Signer>,
}

#[derive(Debug, Clone)]
struct Signer {
    recorder: String,
    key: VerifierKey,
    /// The key as the event gave it.
    vkey: String,
}

impl Required {
    /// Adds what an event asks for, with the keys as they are before the event.
    ///
    /// # Errors
    /// What is wrong with the keys that it gives, changes, takes or signs with. What it asks for all the same is added.
    pub fn add(&mut self, keys: &impl Keys, event: &Event) -> Result<(), SignatureError> {
        let recorded = match &event.envelope.recorded_by {
            None => Ok(()),
            Some(name) => match keys.recorder(name.as_str()) {
                None => Ok(()),
                Some(RecorderKey::Held(key)) => self.insert(keys, name.as_str(), &key),
                Some(RecorderKey::Revoked) => Err(SignatureError::Revoked(name.to_string())),
            },
        };
        recorded.and(self.add_own(keys, &event.fact))
    }

    fn add_own(&mut self, keys: &impl Keys, fact: &Fact) -> Result<(), SignatureError> {
        match fact {
            Fact::RecorderAdmitted(fact) => {
                let id = fact.id.to_string();
                match keys.recorder(&id) {
                    Some(_) => Err(SignatureError::AdmittedBefore(id)),
                    None => keys.read(fact.key.as_str()).map(drop),
                }
            }
            Fact::RecorderRotated(fact) => {
                let id = fact.recorder.to_string();
                let Some(RecorderKey::Held(old)) = keys.recorder(&id) else {
                    return Err(SignatureError::NoRecorderKey(id));
                };
                let old = self.insert(keys, &id, &old);
                old.and(self.insert(keys, &id, fact.key.as_str()))
            }
            Fact::RecorderRevoked(fact) => {
                let id = fact.recorder.to_string();
                match keys.recorder(&id) {
                    Some(RecorderKey::Held(_)) => Ok(()),
                    _ => Err(SignatureError::NoRecorderKey(id)),
                }
            }
            Fact::PartyKeyDeclared(fact) => keys.read(fact.key.as_str()).map(drop),
            _ => Ok(()),
        }
    }

    fn insert(
        &mut self,
        keys: &impl Keys,
        recorder: &str,
        vkey: &str,
    ) -> Result<(), SignatureError> {
        if self.signers.values().any(|signer| signer.vkey == vkey) {
            return Ok(());
        }
        let key = keys.read(vkey)?;
        let id = key.id().to_be_bytes();
        if self.signers.contains_key(&id) {
            return Err(SignatureError::SameId(id));
        }
        self.put(id, recorder.to_owned(), key);
        Ok(())
    }

    fn put(&mut self, id: [u8; 4], recorder: String, key: VerifierKey) {
        let vkey = key.to_string();
        self.signers.entry(id).or_insert(Signer {
            recorder,
            key,
            vkey,
        });
    }

    /// Adds the keys of these signatures that recorders had in the batch, which leads to a head: where a payload is gone,
    /// nothing else tells who had to sign for it. Of several keys with one id, the one counts that signed.
    pub(crate) fn add_signers(
        &mut self,
        signatures: &[BatchSignature],
        keyring: &Keyring,
        origin: &str,
        head: Head,
    ) {
        let message = recorder_message(origin, head);
        for one in signatures {
            let signed =
                |(_, key): &&(String, VerifierKey)| key.verify(&message, &one.signature).is_ok();
            let all: Vec<(String, VerifierKey)> = keyring.signers(one.key_id).collect();
            if let Some((recorder, key)) = all.iter().find(signed).or(all.first()) {
                self.put(one.key_id, recorder.clone(), key.clone());
            }
        }
    }

    /// Whether nobody needs to sign.
    pub fn is_empty(&self) -> bool {
        self.signers.is_empty()
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
        self.signers
            .iter()
            .map(|(id, signer)| {
                let key = keys
                    .iter()
                    .find(|key| *key.verifier() == signer.key)
                    .ok_or_else(|| signer.missing())?;
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
        for (id, signer) in &self.signers {
            match signatures.iter().find(|signature| signature.key_id == *id) {
                None => wrong.push(signer.missing()),
                Some(found) if signer.key.verify(&message, &found.signature).is_err() => {
                    let whose = format!("recorder {}", signer.recorder);
                    wrong.push(SignatureError::Forged(whose));
                }
                Some(_) => {}
            }
        }
        let stray = signatures
            .iter()
            .filter(|one| !self.signers.contains_key(&one.key_id));
        wrong.extend(stray.map(|one| SignatureError::Stray(one.key_id)));
        wrong
    }
}

impl Signer {
    fn missing(&self) -> SignatureError {
        SignatureError::Missing {
            recorder: self.recorder.clone(),
            key: self.vkey.clone(),
        }
    }
}
