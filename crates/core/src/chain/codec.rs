//! Events to payloads and back. `docs/format.md` states every byte.
//!
//! The fields of an event are written in the order of their declaration. The golden vectors notice an edit that moves a
//! byte.
//!
//! Decoding is not injective by itself (an integer may be longer than it need be), so [`decode`] encodes again and
//! compares: an event has one encoding.

use super::record::{Content, ContentRef, PAYLOAD_LIMIT};
use crate::event::{Envelope, Event, Fact, Kind};
use crate::wire::{self, Reader, Wire, WireError, Writer};

/// The newest schema of payloads. A payload begins with the lowest schema that can express its event, so that the bytes
/// of an event do not change with the program.
pub const SCHEMA: u8 = 1;

/// Why bytes are not a payload, or an event has none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The event is too large.
    #[error("the event takes {0} bytes; the limit is {PAYLOAD_LIMIT}")]
    TooLarge(usize),
    /// The bytes begin with an unknown schema.
    #[error("the payload has schema version {0}; this version of servanda knows 1 to {SCHEMA}")]
    Schema(u8),
    /// The header names a kind that this program does not know.
    #[error(
        "the event is of kind {0}, which this version of servanda does not know: a later version wrote it"
    )]
    Kind(u16),
    /// The header names another target than the payload; 0 is none.
    #[error("the event is about record {named}, and the header says {target}")]
    Target {
        /// The number in the payload.
        named: u64,
        /// The number in the header.
        target: u64,
    },
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

/// The content of an event's record.
///
/// # Errors
/// [`CodecError::TooLarge`] beyond [`PAYLOAD_LIMIT`].
pub fn encode(event: &Event) -> Result<Content, CodecError> {
    let schema = schema_of(event);
    let payload = wire::to_bytes(schema, write(event, schema));
    if payload.len() > PAYLOAD_LIMIT {
        return Err(CodecError::TooLarge(payload.len()));
    }
    Ok(Content {
        kind: event.kind().spec().number,
        target: event.target().map_or(0, |seq| seq.0),
        payload,
    })
}

/// The event of a record's content.
///
/// # Errors
/// Every [`CodecError`]: the bytes are not exactly the encoding of one event of this kind.
pub fn decode(content: ContentRef<'_>) -> Result<Event, CodecError> {
    let ContentRef {
        kind,
        target,
        payload,
    } = content;
    let (&schema, rest) = payload
        .split_first()
        .ok_or_else(|| CodecError::Malformed("it is empty".into()))?;
    if !(1..=SCHEMA).contains(&schema) {
        return Err(CodecError::Schema(schema));
    }
    let kind = Kind::of_number(kind).ok_or(CodecError::Kind(kind))?;
    let mut reader = Reader::new(schema, rest);
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
    match event.target().map_or(0, |seq| seq.0) {
        named if named == target => Ok(event),
        named => Err(CodecError::Target { named, target }),
    }
}

#[cfg(test)]
mod tests;
