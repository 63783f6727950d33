//! What is wrong with signatures and keys.

use crate::rules::Rule;
use crate::value::id::PartyId;

/// What is wrong with signatures and keys, in words.
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
    /// A party acknowledges what is not recorded yet.
    #[error("record {0} is acknowledged before it is there")]
    NotYet(u64),
    /// The recorder of an event has no key any more.
    #[error("it is recorded by {0}, whose key is revoked")]
    Revoked(String),
    /// An id is admitted a second time.
    #[error("the recorder {0} was admitted before")]
    AdmittedBefore(String),
    /// A key is taken from a recorder, or exchanged for another, and the recorder has none.
    #[error("the recorder {0} has no key: it was never admitted, or its key is revoked")]
    NoRecorderKey(String),
}

impl SignatureError {
    /// The rules that an event with this fault breaks by the fault alone. A verifier that knows no rules finds the fault
    /// too, so it is told once: as one of signatures.
    pub fn rules(&self) -> &'static [Rule] {
        match self {
            Self::NoPartyKey(_) => &[Rule::PartyKey, Rule::Known],
            Self::NotYet(_) => &[Rule::Known],
            Self::Revoked(_) => &[Rule::RecorderAdmitted],
            Self::AdmittedBefore(_) => &[Rule::UniqueId],
            Self::NoRecorderKey(_) => &[Rule::RecorderAdmitted, Rule::Known],
            _ => &[],
        }
    }
}
