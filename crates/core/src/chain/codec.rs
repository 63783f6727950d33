//! Events to payloads and back. `docs/format.md` states every byte.
//!
//! The fields of an event are written in the order of their declaration. The golden vectors notice an edit that moves a
//! byte.
//!
//! Decoding is not injective by itself (an integer may be longer than it need be), so [`decode`] encodes again and
//! compares: an event has one encoding.

use crate::event::{Envelope, Event, Fact, Kind};
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
        number(event.kind()).write(to);
        event.fact.write(to);
        event.envelope.write(to);
    }
}

fn number(kind: Kind) -> u8 {
    kind.spec().number as u8
}

fn read_kind(from: &mut Reader<'_>) -> Result<Kind, WireError> {
    let number = u8::read(from)?;
    Kind::of_number(number.into()).ok_or_else(|| WireError::no_such("Kind", number))
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
    let kind = read_kind(&mut reader)?;
    let event = Event {
        fact: Fact::read(kind, &mut reader)?,
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
    known.then(|| read_kind(&mut Reader::new(*schema, rest)).ok())?
}

#[cfg(test)]
mod tests;
