//! Signatures of parties over what they acknowledge.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::SignatureError;
use super::keys::Keys;
use crate::chain::key::SigningKey;
use crate::chain::record::{Hash, acknowledgement_message};
use crate::event::{Acknowledged, Event, Fact};
use crate::value::id::PartyId;

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
    keys: &impl Keys,
    fact: &Acknowledged,
    origin: &str,
    link: Hash,
) -> Result<(), SignatureError> {
    let key = keys.party(&fact.party);
    let key = key.ok_or_else(|| SignatureError::NoPartyKey(fact.party.clone()))?;
    let key = keys.read(&key)?;
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
