//! Events to payloads and back. `docs/format.md` states every byte.
//!
//! Each struct is listed once more here, field by field in the order of its bytes, so that no edit of an event moves a
//! byte unnoticed: a field added there does not compile here.
//!
//! Decoding is not injective by itself (an integer may be longer than it need be), so [`decode`] encodes again and
//! compares: an event has one encoding.

use crate::event::*;
use crate::wire::{self, Reader, Wire, WireError, Writer};

/// The newest schema of payloads. A payload begins with the lowest schema that can express its event, so that the bytes
/// of an event do not change with the program.
pub const SCHEMA: u8 = 1;

/// Longest payload, in bytes. Documents are sources, named by their digest.
pub const PAYLOAD_LIMIT: usize = 64 * 1024;

/// Why bytes are not a payload, or an event has none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The event is too large.
    #[error("the event takes {0} bytes; the limit is {PAYLOAD_LIMIT}")]
    TooLarge(usize),
    /// The bytes begin with an unknown schema.
    #[error("the payload has schema version {0}; this version of servanda knows 1 to {SCHEMA}")]
    Schema(u8),
    /// The bytes do not decode.
    #[error("the payload does not decode: {0}")]
    Malformed(String),
    /// The bytes decode, but are not how the event is encoded.
    #[error("the payload is not in its canonical encoding")]
    NotCanonical,
}

impl From<WireError> for CodecError {
    fn from(error: WireError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// The lowest schema that can express an event.
fn schema_of(event: &Event) -> u8 {
    event.fact.since().max(event.envelope.since())
}

fn write(event: &Event, schema: u8) -> impl FnOnce(&mut Writer<'_>) {
    move |to| {
        schema.write(to);
        event.fact.write(to);
        event.envelope.write(to);
    }
}

/// The payload of an event.
///
/// # Errors
/// [`CodecError::TooLarge`] beyond [`PAYLOAD_LIMIT`].
pub fn encode(event: &Event) -> Result<Vec<u8>, CodecError> {
    let schema = schema_of(event);
    let bytes = wire::to_bytes(schema, write(event, schema));
    if bytes.len() > PAYLOAD_LIMIT {
        return Err(CodecError::TooLarge(bytes.len()));
    }
    Ok(bytes)
}

/// The event of a payload.
///
/// # Errors
/// Every [`CodecError`]: bytes that are not exactly the encoding of one event.
pub fn decode(payload: &[u8]) -> Result<Event, CodecError> {
    let (&schema, rest) = payload
        .split_first()
        .ok_or_else(|| CodecError::Malformed("it is empty".into()))?;
    if !(1..=SCHEMA).contains(&schema) {
        return Err(CodecError::Schema(schema));
    }
    let mut reader = Reader::new(schema, rest);
    let event = Event {
        fact: Fact::read(&mut reader)?,
        envelope: Envelope::read(&mut reader)?,
    };
    let is_canonical = reader.is_at_end()
        && schema == schema_of(&event)
        && wire::are_bytes(schema, payload, write(&event, schema));
    if !is_canonical {
        return Err(CodecError::NotCanonical);
    }
    if payload.len() > PAYLOAD_LIMIT {
        return Err(CodecError::TooLarge(payload.len()));
    }
    Ok(event)
}

/// The kind of the event of a payload, which is not decoded; none where it begins as none does.
pub fn kind(payload: &[u8]) -> Option<Kind> {
    let (schema, rest) = payload.split_first()?;
    let known = (1..=SCHEMA).contains(schema);
    known.then(|| Kind::read(&mut Reader::new(*schema, rest)).ok())?
}

/// Structs: their fields in the order of their bytes.
macro_rules! structs {
    ($($name:ident { $($field:ident),* $(,)? })+) => {$(
        impl Wire for $name {
            fn write(&self, to: &mut Writer<'_>) {
                let $name { $($field),* } = self;
                $($field.write(to);)*
            }

            fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
                Ok($name { $($field: Wire::read(from)?),* })
            }

            fn since(&self) -> u8 {
                let $name { $($field),* } = self;
                1_u8 $(.max($field.since()))*
            }
        }
    )+};
}

structs! {
    Envelope { on, by, recorded_by, source, note, confidence, inferred, import_key, irregular }
    LedgerOpened { origin, purpose }
    PartyRegistered { id, kind, name, identifier, parent }
    PartyRenamed { party, name }
    PartySucceeded { party, successor }
    SourceRegistered {
        id, kind, title, issuer, published, retrieved, language, digest, locator, derived_from,
    }
    MeetingHeld { text, place, present, led_to }
    AgreementRecorded { id, title, form, party, place, link }
    AgreementStatusChanged { agreement, to }
    ParticipationRecorded { agreement, party, action, text, effective }
    CommitmentRecorded {
        id, agreement, text, modality, debtor, creditor, mutual, witness, guarantor, purpose,
        condition, measure, presupposes, deadline, repeats, theme, standing,
    }
    CommitmentAmended {
        commitment, instrument, text, modality, debtor, creditor, purpose, condition, measure,
        deadline,
    }
    StatusChanged { commitment, to, capacity }
    ContestMoved { commitment, to, text }
    ProgressReported { text, commitment, occurrence }
    OccurrenceHeld { commitment, occurrence, place, text }
    Assessed { commitment, scale, level }
    StatementRecorded { text, about }
    EvidenceAttached { about, bearing, text }
    Noted { text, about }
    Corrected { record, field, old, to, reason }
    Retracted { record, reason }
    Redacted { record, reason, authority }
    RecorderAdmitted { id, key, name }
    RecorderRevoked { recorder, reason }
    RecorderRotated { recorder, key, reason }
    PartyKeyDeclared { party, key }
    Acknowledged { record, party, signature }
}

/// The number of each fact, which is that of its kind too.
macro_rules! facts {
    ($($number:literal $name:ident,)*) => {
        wire::wire_variants! { Fact { $($number $name(fact),)* } }
        wire::wire_variants! { Kind { $($number $name,)* } }
    };
}

facts! {
    0 LedgerOpened, 1 PartyRegistered, 2 PartyRenamed, 3 PartySucceeded, 4 SourceRegistered,
    5 MeetingHeld, 6 AgreementRecorded, 7 AgreementStatusChanged, 8 ParticipationRecorded,
    9 CommitmentRecorded, 10 CommitmentAmended, 11 StatusChanged, 12 ContestMoved,
    13 ProgressReported, 14 OccurrenceHeld, 15 Assessed, 16 StatementRecorded,
    17 EvidenceAttached, 18 Noted, 19 Corrected, 20 Retracted, 21 Redacted,
    22 RecorderAdmitted, 23 RecorderRevoked,
    24 RecorderRotated, 25 PartyKeyDeclared, 26 Acknowledged,
}

#[cfg(test)]
mod tests;
