//! Events to payloads and back. `docs/format.md` states every byte.
//!
//! The fields of an event are written in the order of their declaration. The golden vectors notice an edit that moves a
//! byte.
//!
//! An event has one encoding: reading refuses every other one in place, such as an integer that is longer than it need be.

use bytes::Bytes;

use super::record::{Content, ContentRef, PAYLOAD_LIMIT};
use crate::event::{Envelope, Event, Fact, Kind};
use crate::value::id::Seq;
use crate::wire::{self, Reader, Wire, WireError, Writer};

/// The newest schema of payloads. A payload begins with the lowest schema that can express its event, so that the bytes
/// of an event do not change with the program.
pub const SCHEMA: u8 = 2;

/// Why bytes are not a payload, or an event has none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The event is too large.
    #[error("the event takes {0} bytes; the limit is {PAYLOAD_LIMIT}")]
    TooLarge(usize),
    /// The bytes begin with an unknown schema.
    #[error(
        "the payload has schema {0}, and this version of servanda knows 1 to {SCHEMA}: a later version wrote it"
    )]
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
        match error {
            WireError::Malformed(message) => Self::Malformed(message),
            WireError::NotCanonical => Self::NotCanonical,
        }
    }
}

/// Kinds of facts that a payload can hold, and the schema up to which they are known.
pub(crate) trait Facts: Sized {
    /// The newest schema that is known.
    const SCHEMA: u8;

    /// The number of its kind.
    fn number(&self) -> u16;

    /// The record that it corrects, retracts or redacts.
    fn target(&self) -> Option<Seq>;

    /// The lowest schema that can express it.
    fn since(&self) -> u8;

    /// Writes its fields.
    fn write(&self, to: &mut Writer);

    /// Reads the fields of a kind.
    ///
    /// # Errors
    /// [`CodecError::Kind`], or where the bytes are not such fields.
    fn read(kind: u16, from: &mut Reader<'_>) -> Result<Self, CodecError>;
}

impl Facts for Fact {
    const SCHEMA: u8 = SCHEMA;

    fn number(&self) -> u16 {
        self.kind().spec().number
    }

    fn target(&self) -> Option<Seq> {
        self.target()
    }

    fn since(&self) -> u8 {
        self.since()
    }

    fn write(&self, to: &mut Writer) {
        self.write(to);
    }

    fn read(kind: u16, from: &mut Reader<'_>) -> Result<Self, CodecError> {
        let kind = Kind::of_number(kind).ok_or(CodecError::Kind(kind))?;
        Ok(Self::read(kind, from)?)
    }
}

fn write(fact: &impl Facts, envelope: &Envelope, schema: u8) -> impl FnOnce(&mut Writer) {
    move |to| {
        schema.write(to);
        fact.write(to);
        envelope.write(to);
    }
}

/// The content of an event's record.
///
/// # Errors
/// [`CodecError::TooLarge`] beyond [`PAYLOAD_LIMIT`].
pub fn encode(event: &Event) -> Result<Content, CodecError> {
    encode_facts(&event.fact, &event.envelope)
}

/// As [`encode`], of any facts.
pub(crate) fn encode_facts(fact: &impl Facts, envelope: &Envelope) -> Result<Content, CodecError> {
    let schema = fact.since().max(envelope.since());
    let payload = wire::to_bytes(schema, write(fact, envelope, schema));
    if payload.len() > PAYLOAD_LIMIT {
        return Err(CodecError::TooLarge(payload.len()));
    }
    Ok(Content {
        kind: fact.number(),
        target: fact.target().map_or(0, |seq| seq.0),
        payload,
    })
}

/// The event of a record's content.
///
/// # Errors
/// Every [`CodecError`]: the bytes are not exactly the encoding of one event of this kind.
pub fn decode(content: ContentRef<'_>) -> Result<Event, CodecError> {
    let (fact, envelope) = decode_facts(content)?;
    Ok(Event { fact, envelope })
}

/// As [`decode`], of the content of a record that lies in this memory: long texts stay there, and keep it.
///
/// # Errors
/// As [`decode`].
pub fn decode_within(content: ContentRef<'_>, record: &Bytes) -> Result<Event, CodecError> {
    let (fact, envelope) = read(content, Some(record))?;
    Ok(Event { fact, envelope })
}

/// As [`decode`], of any facts.
pub(crate) fn decode_facts<F: Facts>(content: ContentRef<'_>) -> Result<(F, Envelope), CodecError> {
    read(content, None)
}

fn read<F: Facts>(
    content: ContentRef<'_>,
    memory: Option<&Bytes>,
) -> Result<(F, Envelope), CodecError> {
    let ContentRef {
        kind,
        target,
        payload,
    } = content;
    let (&schema, rest) = payload
        .split_first()
        .ok_or_else(|| CodecError::Malformed("it is empty".into()))?;
    if !(1..=F::SCHEMA).contains(&schema) {
        return Err(CodecError::Schema(schema));
    }
    if payload.len() > PAYLOAD_LIMIT {
        return Err(CodecError::TooLarge(payload.len()));
    }
    let mut reader = Reader::new(schema, rest, memory);
    let fact = F::read(kind, &mut reader)?;
    let envelope = Envelope::read(&mut reader)?;
    if !reader.is_at_end() || schema != fact.since().max(envelope.since()) {
        return Err(CodecError::NotCanonical);
    }
    match fact.target().map_or(0, |seq| seq.0) {
        named if named == target => Ok((fact, envelope)),
        named => Err(CodecError::Target { named, target }),
    }
}

#[cfg(test)]
mod tests;
