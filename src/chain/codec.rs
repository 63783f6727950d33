//! Events to bytes and back: the only file that names bincode.
//!
//! Each struct is listed once more here, field by field in the order of its bytes, and each word with its
//! number. The lists are frozen: a change of any is a new schema version, and the old one still reads.
//! Written by hand instead of derived, so that no edit of the domain moves a byte unnoticed: a field
//! added there does not compile here. The encoding is bincode 2 with its standard configuration: integers
//! as variable-length little endian, lists and texts after their length, an option after 0 or 1.
//!
//! bincode's decoding is not injective (an integer may be longer than it need be), so [`decode`] encodes
//! again and compares: an event has one encoding.

use bincode::de::{Decode, Decoder};
use bincode::enc::{Encode, Encoder};
use bincode::error::{DecodeError, EncodeError};
use chrono::{Datelike, NaiveDate};

use crate::domain::agreement::{Action, AgreementStatus, Form, Link};
use crate::domain::commitment::{Capacity, Contest, Level, Modality, Standing};
use crate::domain::event::*;
use crate::domain::id::*;
use crate::domain::party::{Identifier, Name, PartyKind};
use crate::domain::register::{Held, Register};
use crate::domain::source::{Bearing, Citation, Confidence, SourceKind};
use crate::domain::value::{Digest, Language, Text};
use crate::domain::when::{Date, Deadline, Instant, RecurrenceRule, When};

/// The version of the lists below, the first byte of every payload.
pub const SCHEMA: u8 = 1;

/// Longest payload, in bytes. Documents are sources, named by their digest.
pub const PAYLOAD_LIMIT: usize = 64 * 1024;

/// Most memory that decoding one payload may claim, in bytes.
const DECODE_LIMIT: usize = 16 * 1024 * 1024;

/// Why bytes are not a payload, or an event has none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The event is too large.
    #[error("the event takes {0} bytes; the limit is {PAYLOAD_LIMIT}")]
    TooLarge(usize),
    /// The bytes begin with an unknown schema version.
    #[error("the payload has schema version {0}; this version of servanda knows {SCHEMA}")]
    Schema(u8),
    /// The bytes do not decode.
    #[error("the payload does not decode: {0}")]
    Malformed(String),
    /// The bytes decode, but are not how the event is encoded.
    #[error("the payload is not in its canonical encoding")]
    NotCanonical,
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<DECODE_LIMIT>()
}

fn to_bytes(value: &impl Encode) -> Result<Vec<u8>, CodecError> {
    bincode::encode_to_vec(value, config()).map_err(|e| CodecError::Malformed(e.to_string()))
}

/// The payload of an event.
///
/// # Errors
/// [`CodecError::TooLarge`] beyond [`PAYLOAD_LIMIT`].
pub fn encode(event: &Event) -> Result<Vec<u8>, CodecError> {
    let bytes = to_bytes(&(SCHEMA, event))?;
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
    match payload.first() {
        None => return Err(CodecError::Malformed("it is empty".into())),
        Some(&SCHEMA) => {}
        Some(&other) => return Err(CodecError::Schema(other)),
    }
    let ((_, event), read): ((u8, Event), usize) = bincode::decode_from_slice(payload, config())
        .map_err(|error| CodecError::Malformed(error.to_string()))?;
    if read != payload.len() || encode(&event)? != payload {
        return Err(CodecError::NotCanonical);
    }
    Ok(event)
}

/// The bytes of a register's records, for a snapshot. Not part of the record format: a snapshot of another
/// version is dropped and built again.
///
/// # Errors
/// [`CodecError::Malformed`], should the encoder fail.
pub fn encode_register(register: &Register) -> Result<Vec<u8>, CodecError> {
    bincode::encode_to_vec(register.records(), bincode::config::standard())
        .map_err(|error| CodecError::Malformed(error.to_string()))
}

/// The register of a snapshot. Its bytes must have been checked before: their size is not bounded here.
///
/// # Errors
/// [`CodecError::Malformed`]
pub fn decode_register(bytes: &[u8]) -> Result<Register, CodecError> {
    let malformed = |error: &dyn std::fmt::Display| CodecError::Malformed(error.to_string());
    let (records, read): (Vec<Option<Held>>, usize) =
        bincode::decode_from_slice(bytes, bincode::config::standard())
            .map_err(|error| malformed(&error))?;
    if read != bytes.len() {
        return Err(malformed(&"bytes are left over"));
    }
    Ok(Register::from_records(records))
}

/// Structs: their fields in the order of their bytes.
macro_rules! structs {
    ($($name:ident { $($field:ident),* $(,)? })+) => {$(
        impl Encode for $name {
            fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
                let $name { $($field),* } = self;
                $($field.encode(encoder)?;)*
                Ok(())
            }
        }

        impl<C> Decode<C> for $name {
            fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
                Ok($name { $($field: Decode::decode(decoder)?),* })
            }
        }
    )+};
}

/// Words: one byte each.
macro_rules! words {
    ($($name:ident { $($number:literal $variant:ident),* $(,)? })+) => {$(
        impl Encode for $name {
            fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
                let number: u8 = match self { $($name::$variant => $number),* };
                number.encode(encoder)
            }
        }

        impl<C> Decode<C> for $name {
            fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
                match u8::decode(decoder)? {
                    $($number => Ok($name::$variant),)*
                    other => Err(no_such(stringify!($name), other)),
                }
            }
        }
    )+};
}

/// Enums whose variants hold one value: a byte, then the value.
macro_rules! variants {
    ($($name:ident { $($number:literal $variant:ident),* $(,)? })+) => {$(
        impl Encode for $name {
            fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
                match self { $($name::$variant(value) => {
                    u8::encode(&$number, encoder)?;
                    value.encode(encoder)
                })* }
            }
        }

        impl<C> Decode<C> for $name {
            fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
                match u8::decode(decoder)? {
                    $($number => Ok($name::$variant(Decode::decode(decoder)?)),)*
                    other => Err(no_such(stringify!($name), other)),
                }
            }
        }
    )+};
}

/// Values written as their text. The text must be the one that the value writes.
macro_rules! texts {
    ($($name:ident)+) => {$(
        impl Encode for $name {
            fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
                self.to_string().encode(encoder)
            }
        }

        impl<C> Decode<C> for $name {
            fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
                let text = String::decode(decoder)?;
                text.parse().map_err(|error| invalid(&format!("{error}")))
            }
        }
    )+};
}

/// Newtypes: the value inside.
macro_rules! newtypes {
    ($($name:ident)+) => {$(
        impl Encode for $name {
            fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
                self.0.encode(encoder)
            }
        }

        impl<C> Decode<C> for $name {
            fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
                Decode::decode(decoder).map(Self)
            }
        }
    )+};
}

fn invalid(message: &str) -> DecodeError {
    DecodeError::OtherString(message.to_owned())
}

fn no_such(name: &str, number: u8) -> DecodeError {
    invalid(&format!("{name} has no number {number}"))
}

structs! {
    Event { fact, envelope }
    Envelope { on, by, recorded_by, source, note, confidence, inferred, import_key, irregular }
    Entry { seq, recorded_at, event }
    Held { entry, original, corrections, retracted, redacted }
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
}

variants! {
    Fact {
        0 LedgerOpened, 1 PartyRegistered, 2 PartyRenamed, 3 PartySucceeded, 4 SourceRegistered,
        5 MeetingHeld, 6 AgreementRecorded, 7 AgreementStatusChanged, 8 ParticipationRecorded,
        9 CommitmentRecorded, 10 CommitmentAmended, 11 StatusChanged, 12 ContestMoved,
        13 ProgressReported, 14 OccurrenceHeld, 15 Assessed, 16 StatementRecorded,
        17 EvidenceAttached, 18 Noted, 19 Corrected, 20 Retracted, 21 Redacted,
        22 RecorderAdmitted, 23 RecorderRevoked,
    }
    Subject { 0 Entity, 1 Record }
}

words! {
    PartyKind { 0 State, 1 Organisation, 2 Organ, 3 Office, 4 Person, 5 Unit, 6 Group }
    SourceKind {
        0 Article, 1 Statement, 2 Treaty, 3 Report, 4 Letter, 5 Table, 6 Interview, 7 Website,
        8 Document,
    }
    Bearing { 0 Supports, 1 Refutes }
    Confidence { 0 Low, 1 Medium, 2 High }
    Form {
        0 Treaty, 1 Protocol, 2 Memorandum, 3 ExchangeOfLetters, 4 Communique, 5 Roadmap,
        6 Contract, 7 Oral, 8 Reported, 9 Other,
    }
    AgreementStatus {
        0 Concluded, 1 InForce, 2 Suspended, 3 Resumed, 4 Amended, 5 Superseded, 6 Terminated,
    }
    Action {
        0 Signature, 1 DefinitiveSignature, 2 Ratification, 3 Acceptance, 4 Approval, 5 Accession,
        6 Succession, 7 FormalConfirmation, 8 ProvisionalApplication, 9 Notification,
        10 EntryIntoForce, 11 Withdrawal, 12 Reservation, 13 Declaration, 14 Objection,
    }
    Modality { 0 Obligation, 1 Permission, 2 Prohibition, 3 Intention }
    Standing {
        0 Proposed, 1 Agreed, 2 Conditional, 3 Active, 4 Suspended, 5 Claimed, 6 Fulfilled,
        7 Breached, 8 Waived, 9 Released, 10 Cancelled, 11 Expired, 12 Superseded,
    }
    Capacity { 0 Debtor, 1 Creditor, 2 Arbiter, 3 Assessor, 4 Terms }
    Contest { 0 None, 1 Claimed, 2 Disputed, 3 Settled }
}

texts! { Text Language Slug FieldName Name Identifier Citation Link Level RecurrenceRule }

newtypes! { PartyId SourceId AgreementId CommitmentId RecorderId Seq Instant Digest }

impl Encode for Date {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        match self {
            Date::Year(year) => (0u8, year).encode(encoder),
            Date::Month(year, month) => (1u8, year, month).encode(encoder),
            Date::Day(day) => {
                (2u8, day.year() as u16, day.month() as u8, day.day() as u8).encode(encoder)
            }
        }
    }
}

impl<C> Decode<C> for Date {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let (precision, year) = <(u8, u16)>::decode(decoder)?;
        let date = match precision {
            0 => Date::year(year),
            1 => Date::month(year, u8::decode(decoder)?),
            2 => {
                let (month, day) = <(u8, u8)>::decode(decoder)?;
                NaiveDate::from_ymd_opt(year.into(), month.into(), day.into()).and_then(Date::day)
            }
            other => return Err(no_such("Date", other)),
        };
        date.ok_or_else(|| invalid("there is no such date"))
    }
}

impl Encode for When {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        match self {
            When::On(date) => (0u8, date).encode(encoder),
            When::Range(from, to) => (1u8, from, to).encode(encoder),
            When::Before(date) => (2u8, date).encode(encoder),
            When::After(date) => (3u8, date).encode(encoder),
            When::Unknown => 4u8.encode(encoder),
            When::Unspecified => 5u8.encode(encoder),
            When::NotApplicable => 6u8.encode(encoder),
        }
    }
}

impl<C> Decode<C> for When {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match u8::decode(decoder)? {
            0 => Decode::decode(decoder).map(When::On),
            1 => {
                let (from, to) = <(Date, Date)>::decode(decoder)?;
                if to.latest() < from.earliest() {
                    return Err(invalid("a range ends before it begins"));
                }
                Ok(When::Range(from, to))
            }
            2 => Decode::decode(decoder).map(When::Before),
            3 => Decode::decode(decoder).map(When::After),
            4 => Ok(When::Unknown),
            5 => Ok(When::Unspecified),
            6 => Ok(When::NotApplicable),
            other => Err(no_such("When", other)),
        }
    }
}

impl Encode for Deadline {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        match self {
            Deadline::By(when) => (0u8, when).encode(encoder),
            Deadline::Recurring(rule) => (1u8, rule).encode(encoder),
            Deadline::Continuing => 2u8.encode(encoder),
        }
    }
}

impl<C> Decode<C> for Deadline {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match u8::decode(decoder)? {
            0 => Decode::decode(decoder).map(Deadline::By),
            1 => Decode::decode(decoder).map(Deadline::Recurring),
            2 => Ok(Deadline::Continuing),
            other => Err(no_such("Deadline", other)),
        }
    }
}
