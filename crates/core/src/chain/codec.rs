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

use std::cell::RefCell;
use std::fmt::{Display, Write as _};
use std::str::FromStr;

use bincode::de::read::Reader as _;
use bincode::de::{Decode, Decoder};
use bincode::enc::write::Writer;
use bincode::enc::{Encode, Encoder};
use bincode::error::{DecodeError, EncodeError};
use chrono::{Datelike, NaiveDate};

use crate::event::*;
use crate::value::agreement::{Action, AgreementStatus, Form, Link};
use crate::value::base::{Digest, Language, Text, ValueError};
use crate::value::commitment::{Capacity, Contest, Level, Modality, Standing};
use crate::value::deadline::{Anchor, Relative, Span, Unit};
use crate::value::id::*;
use crate::value::party::{Identifier, Name, PartyKind};
use crate::value::source::{Bearing, Citation, Confidence, SourceKind};
use crate::value::when::{Date, Deadline, Instant, RecurrenceRule, When};

/// The newest version of the lists below. Every payload begins with the lowest version that can express it, so that
/// the bytes of an event do not change with the program.
pub const SCHEMA: u8 = 2;

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
    #[error("the payload has schema version {0}; this version of servanda knows 1 to {SCHEMA}")]
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

/// Takes what is written. `bincode::encode_to_vec` would go over the value twice, to know the size before.
struct Growing(Vec<u8>);

impl Writer for Growing {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Compares what is written with bytes, of which this is the rest.
struct Comparing<'a>(&'a [u8]);

impl Writer for Comparing<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let rest = self.0.strip_prefix(bytes);
        self.0 = rest.ok_or(EncodeError::Other("other bytes"))?;
        Ok(())
    }
}

/// Whether these are the bytes of an event.
fn are_bytes_of(bytes: &[u8], event: &Event) -> bool {
    let mut comparing = Comparing(bytes);
    let value = (schema_of(event), event);
    bincode::encode_into_writer(value, &mut comparing, config()).is_ok() && comparing.0.is_empty()
}

/// The lowest schema version that can express an event: 2 has relative deadlines, 1 all else.
fn schema_of(event: &Event) -> u8 {
    let deadline = match &event.fact {
        Fact::CommitmentRecorded(fact) => &fact.deadline,
        Fact::CommitmentAmended(fact) => &fact.deadline,
        _ => &None,
    };
    if matches!(deadline, Some(Deadline::After(_))) {
        2
    } else {
        1
    }
}

/// The payload of an event.
///
/// # Errors
/// [`CodecError::TooLarge`] beyond [`PAYLOAD_LIMIT`].
pub fn encode(event: &Event) -> Result<Vec<u8>, CodecError> {
    let mut bytes = Growing(Vec::with_capacity(256));
    bincode::encode_into_writer((schema_of(event), event), &mut bytes, config())
        .map_err(|error| CodecError::Malformed(error.to_string()))?;
    let Growing(bytes) = bytes;
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
        Some(1..=SCHEMA) => {}
        Some(&other) => return Err(CodecError::Schema(other)),
    }
    let ((_, event), read): ((u8, Event), usize) = bincode::decode_from_slice(payload, config())
        .map_err(|error| CodecError::Malformed(error.to_string()))?;
    if read != payload.len() || !are_bytes_of(payload, &event) {
        return Err(CodecError::NotCanonical);
    }
    if payload.len() > PAYLOAD_LIMIT {
        return Err(CodecError::TooLarge(payload.len()));
    }
    Ok(event)
}

/// The kind of the event of a payload, which is not decoded; none where it begins as none does.
pub fn kind(payload: &[u8]) -> Option<Kind> {
    let known = (1..=SCHEMA).contains(payload.first()?);
    let read = || bincode::decode_from_slice::<(u8, Kind), _>(payload, config()).ok();
    let ((_, kind), _) = known.then(read)??;
    Some(kind)
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
                encode_text(self, encoder)
            }
        }

        impl<C> Decode<C> for $name {
            fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
                decode_text(decoder)
            }
        }
    )+};
}

thread_local! {
    /// Where texts are written before their length is known.
    static SCRATCH: RefCell<String> = const { RefCell::new(String::new()) };
}

fn encode_text<E: Encoder>(text: &impl Display, encoder: &mut E) -> Result<(), EncodeError> {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        write!(scratch, "{text}").map_err(|_| EncodeError::Other("a text cannot be written"))?;
        scratch.as_str().encode(encoder)
    })
}

/// Reads a text where it lies, if the reader lets it: nothing is copied but the value.
fn decode_text<T, D>(decoder: &mut D) -> Result<T, DecodeError>
where
    T: FromStr<Err = ValueError>,
    D: Decoder,
{
    let length = usize::decode(decoder)?;
    decoder.claim_container_read::<u8>(length)?;
    let read = |bytes: &[u8]| {
        let text = str::from_utf8(bytes).map_err(|inner| DecodeError::Utf8 { inner })?;
        text.parse().map_err(|error: ValueError| invalid(&error.0))
    };
    if let Some(bytes) = decoder.reader().peek_read(length) {
        let value = read(bytes)?;
        decoder.reader().consume(length);
        return Ok(value);
    }
    let mut bytes = vec![0; length];
    decoder.reader().read(&mut bytes)?;
    read(&bytes)
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
    Relative { span, anchor }
}

/// The number of each fact, which is that of its kind too: a payload's begins with it.
macro_rules! facts {
    ($($number:literal $name:ident),* $(,)?) => {
        variants! { Fact { $($number $name),* } }
        words! { Kind { $($number $name),* } }
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

variants! {
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
    Unit { 0 Day, 1 Week, 2 Month, 3 Year }
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
            Deadline::After(relative) => (3u8, relative).encode(encoder),
        }
    }
}

impl<C> Decode<C> for Deadline {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match u8::decode(decoder)? {
            0 => Decode::decode(decoder).map(Deadline::By),
            1 => Decode::decode(decoder).map(Deadline::Recurring),
            2 => Ok(Deadline::Continuing),
            3 => Decode::decode(decoder).map(Deadline::After),
            other => Err(no_such("Deadline", other)),
        }
    }
}

impl Encode for Span {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        (self.count(), self.unit()).encode(encoder)
    }
}

impl<C> Decode<C> for Span {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let (count, unit) = <(u16, Unit)>::decode(decoder)?;
        Span::new(count, unit).ok_or_else(|| invalid("there is no such span"))
    }
}

impl Encode for Anchor {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        match self {
            Anchor::Conclusion(agreement) => (0u8, agreement).encode(encoder),
            Anchor::Action(action, agreement) => (1u8, action, agreement).encode(encoder),
            Anchor::Standing(commitment, standing) => (2u8, commitment, standing).encode(encoder),
        }
    }
}

impl<C> Decode<C> for Anchor {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match u8::decode(decoder)? {
            0 => Decode::decode(decoder).map(Anchor::Conclusion),
            1 => <(Action, AgreementId)>::decode(decoder).map(|(a, b)| Anchor::Action(a, b)),
            2 => <(CommitmentId, Standing)>::decode(decoder).map(|(a, b)| Anchor::Standing(a, b)),
            other => Err(no_such("Anchor", other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs::File;
    use std::io::Write;
    use std::path::Path;

    use proptest::prelude::*;
    use serde_json::{Map, Value as Json, json};

    use super::super::testing::{hex, unhex};
    use super::super::vectors;
    use super::*;
    use crate::testing::{event, events, fields, histories};
    use crate::value::base::{Shape, TEXT_LIMIT};

    /// Every kind, field, word and shape of date, each with its bytes: pinned for ever.
    const GOLDEN: &str = include_str!("../../../../fixtures/golden/v1.ndjson");

    /// Those of the kinds that hold keys and signatures, which came later.
    const GOLDEN_TRUST: &str = include_str!("../../../../fixtures/golden/v1-trust.ndjson");
    /// What only schema 2 can express: relative deadlines.
    const GOLDEN_2: &str = include_str!("../../../../fixtures/golden/v2.ndjson");
    const TRUST: &[Kind] = &[
        Kind::RecorderRotated,
        Kind::PartyKeyDeclared,
        Kind::Acknowledged,
    ];

    /// The one event with its one encoding, or an error: what decoding any bytes must come to.
    fn assert_sound(bytes: &[u8]) -> Result<Event, CodecError> {
        let decoded = decode(bytes);
        if let Ok(event) = &decoded {
            assert_eq!(encode(event).as_deref(), Ok(bytes));
        }
        decoded
    }

    /// A note, whose text is the first field after the two bytes of schema and kind.
    fn note(text: &str) -> Event {
        event(Kind::Noted, &[("text", text)])
    }

    proptest! {
        #[test]
        fn an_event_survives_its_bytes(event in events()) {
            let bytes = encode(&event).unwrap();
            prop_assert_eq!(decode(&bytes), Ok(event));
        }

        #[test]
        fn no_part_of_a_payload_and_nothing_longer_is_a_payload(event in events(), more: u8) {
            let bytes = encode(&event).unwrap();
            for end in 0..bytes.len() {
                prop_assert!(decode(&bytes[..end]).is_err(), "{} of {} bytes", end, bytes.len());
            }
            let longer = [bytes.as_slice(), &[more]].concat();
            prop_assert_eq!(decode(&longer), Err(CodecError::NotCanonical));
        }

        #[test]
        fn a_changed_byte_is_an_error_or_another_event(event in events(), mask in 1u8..) {
            let bytes = encode(&event).unwrap();
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= mask;
                let decoded = assert_sound(&changed);
                prop_assert_ne!(decoded.as_ref(), Ok(&event), "byte {}", at);
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = assert_sound(&bytes);
            // Most of the above have no known schema.
            let _ = assert_sound(&[&[SCHEMA], bytes.as_slice()].concat());
        }

        #[test]
        fn histories_survive_their_bytes(history in histories(1..40)) {
            for event in history {
                let bytes = encode(&event).unwrap();
                prop_assert_eq!(decode(&bytes), Ok(event));
            }
        }
    }

    #[test]
    fn the_bytes_of_a_party_by_hand() {
        let party = event(
            Kind::PartyRegistered,
            &[
                ("id", "co"),
                ("kind", "state"),
                ("name", "C@es"),
                ("on", "2023-05"),
                ("confidence", "high"),
            ],
        );
        let expected = [
            &[1][..],           // schema
            &[1],               // fact: PartyRegistered
            &[2, b'c', b'o'],   // id: length, text
            &[0],               // kind: state
            &[1, 4],            // one name, of four bytes
            b"C@es",            //
            &[0],               // no identifiers
            &[0],               // no parent
            &[1, 0, 1],         // on: some, When::On, Date::Month
            &[251, 0xe7, 0x07], // 2023: more than 250, so a mark and two bytes
            &[5],               // May
            &[0],               // by: nobody
            &[0],               // no recorded_by
            &[0],               // no sources
            &[0],               // no note
            &[1, 2],            // confidence: some, high
            &[0, 0, 0],         // nothing inferred, no import key, not irregular
        ]
        .concat();
        assert_eq!(encode(&party), Ok(expected));
    }

    #[test]
    fn an_integer_is_not_longer_than_it_need_be() {
        let bytes = encode(&note("x")).unwrap();
        assert_eq!(bytes[2..4], [1, b'x']);
        for length in [
            &[251, 1, 0][..],
            &[252, 1, 0, 0, 0],
            &[253, 1, 0, 0, 0, 0, 0, 0, 0],
        ] {
            let padded = [&bytes[..2], length, &bytes[3..]].concat();
            assert_eq!(decode(&padded), Err(CodecError::NotCanonical));
        }
        // Nor is a name spelt in two ways: hyphens are read, underscores written.
        let moved = event(Kind::Noted, &[("text", "x"), ("inferred", "recorded_by")]);
        let mut bytes = encode(&moved).unwrap();
        let at = bytes.iter().position(|&b| b == b'_').unwrap();
        bytes[at] = b'-';
        assert_eq!(decode(&bytes), Err(CodecError::NotCanonical));
    }

    #[test]
    fn what_no_text_may_be_no_bytes_may_be() {
        let bytes = encode(&note("x")).unwrap();
        let changed = |at: usize, byte: u8| {
            let mut changed = bytes.clone();
            changed[at] = byte;
            decode(&changed)
        };
        // A blank text, a control character, no UTF-8, no such kind, an option that is neither 0 nor 1.
        for (at, byte) in [(3, b' '), (3, 0x1b), (3, 0xff), (1, 27), (5, 2)] {
            assert!(matches!(changed(at, byte), Err(CodecError::Malformed(_))));
        }
        // A range that ends before it begins, a 30th of February.
        let dated = |on: &str| encode(&event(Kind::Noted, &[("text", "x"), ("on", on)])).unwrap();
        let mut range = dated("2023-05/2023-06");
        let june = range.iter().rposition(|&b| b == 6).unwrap();
        range[june] = 4;
        let mut day = dated("2023-02-28");
        let last = day.iter().rposition(|&b| b == 28).unwrap();
        day[last] = 30;
        for bytes in [range, day] {
            assert!(matches!(decode(&bytes), Err(CodecError::Malformed(_))));
        }
    }

    #[test]
    fn an_unknown_schema_is_named() {
        let mut bytes = encode(&note("x")).unwrap();
        for schema in [0, 3, 255] {
            bytes[0] = schema;
            assert_eq!(decode(&bytes), Err(CodecError::Schema(schema)));
        }
        assert!(matches!(decode(&[]), Err(CodecError::Malformed(_))));
    }

    #[test]
    fn the_schema_is_the_lowest_that_can_express_the_event() {
        let amended = |deadline: &str| {
            let texts = [("commitment", "C1"), ("deadline", deadline)];
            encode(&event(Kind::CommitmentAmended, &texts)).unwrap()
        };
        for (deadline, schema) in [("2024", 1), ("3 weeks after C2 active", 2)] {
            let mut bytes = amended(deadline);
            assert_eq!(bytes[0], schema);
            bytes[0] = 3 - schema;
            assert_eq!(decode(&bytes), Err(CodecError::NotCanonical));
        }
        assert_eq!(encode(&note("x")).unwrap()[0], 1);
    }

    #[test]
    fn a_payload_has_its_limit_and_all_below_it_is_read() {
        let long = "x".repeat(TEXT_LIMIT);
        let of_note = |len: usize| {
            let note = "y".repeat(len);
            event(Kind::Noted, &[("text", &long), ("note", &note)])
        };
        let spare = PAYLOAD_LIMIT - encode(&of_note(1000)).unwrap().len();
        let full = of_note(1000 + spare);
        let bytes = encode(&full).unwrap();
        assert_eq!(bytes.len(), PAYLOAD_LIMIT);
        assert_eq!(decode(&bytes), Ok(full));
        let over = of_note(1001 + spare);
        let too_large = CodecError::TooLarge(PAYLOAD_LIMIT + 1);
        assert_eq!(encode(&over), Err(too_large.clone()));
        // And bytes that never came from `encode` are held to it too.
        let bytes = bincode::encode_to_vec((1u8, &over), config()).unwrap();
        assert_eq!(decode(&bytes), Err(too_large));
    }

    #[test]
    fn a_list_as_long_as_a_payload_is_read_and_a_longer_one_refused() {
        // The shortest items there are: two bytes or three each, many more in memory.
        let of = |kind: Kind, field: &str, item: &str, count: usize| {
            let mut all = fields(&[
                ("record", "0"),
                ("field", "note"),
                ("reason", "r"),
                ("id", "p"),
                ("kind", "state"),
                ("name", "n"),
                ("text", "t"),
            ]);
            let unknown: Vec<String> = all
                .iter()
                .filter(|(name, _)| kind.field(name).is_none())
                .map(|(name, _)| name.to_owned())
                .collect();
            for name in unknown {
                all.set(&name, Vec::new());
            }
            all.set(field, vec![item.to_owned(); count]);
            Event::build(kind, &all).unwrap()
        };
        for (kind, field, item) in [
            (Kind::Corrected, "to", "x"),
            (Kind::Noted, "by", "p"),
            (Kind::Noted, "source", "s"),
            (Kind::Noted, "about", "p"),
            (Kind::Noted, "about", "0"),
            (Kind::PartyRegistered, "name", "n"),
            (Kind::PartyRegistered, "identifier", "a:b"),
        ] {
            let len_of = |count| encode(&of(kind, field, item, count)).unwrap().len();
            let count = (PAYLOAD_LIMIT - 100) / (len_of(2) - len_of(1));
            let event = of(kind, field, item, count);
            let bytes = encode(&event).unwrap();
            assert_eq!(decode(&bytes), Ok(event), "{field} of {item}");
            let longest = of(kind, field, item, PAYLOAD_LIMIT);
            assert!(matches!(encode(&longest), Err(CodecError::TooLarge(_))));
        }
    }

    #[test]
    fn a_length_that_lies_claims_no_memory() {
        let bytes = encode(&note("x")).unwrap();
        // The text's length, then the list's after it.
        for at in [2, 4] {
            for length in [u64::MAX, 1 << 40, 1 << 24] {
                let lie = [&[253], length.to_le_bytes().as_slice()].concat();
                let lying = [&bytes[..at], &lie, &bytes[at + 1..]].concat();
                assert!(matches!(decode(&lying), Err(CodecError::Malformed(_))));
            }
        }
    }

    /// An event of a line of the golden vectors, and its bytes.
    fn golden() -> Vec<(Event, Vec<u8>)> {
        GOLDEN
            .lines()
            .chain(GOLDEN_TRUST.lines())
            .chain(GOLDEN_2.lines())
            .map(|line| {
                let line: Json = serde_json::from_str(line).unwrap();
                let texts = line["event"].as_object().unwrap();
                let kind = texts["event"].as_str().unwrap().parse().unwrap();
                let mut fields = Fields::default();
                for (name, value) in texts.iter().filter(|(name, _)| *name != "event") {
                    let text = |json: &Json| json.as_str().unwrap().to_owned();
                    let list = match value {
                        Json::Array(list) => list.iter().map(text).collect(),
                        scalar => vec![text(scalar)],
                    };
                    fields.set(name, list);
                }
                let payload = unhex(line["payload"].as_str().unwrap());
                (Event::build(kind, &fields).unwrap(), payload)
            })
            .collect()
    }

    #[test]
    fn the_bytes_are_those_that_were_pinned() {
        for (event, payload) in golden() {
            assert_eq!(
                encode(&event).map(|b| hex(&b)),
                Ok(hex(&payload)),
                "{event:?}"
            );
            assert_eq!(decode(&payload), Ok(event));
        }
    }

    #[test]
    fn every_kind_field_and_word_has_its_bytes_pinned() {
        let mut pinned = BTreeSet::new();
        for (event, _) in golden() {
            for (name, texts) in event.to_fields().iter() {
                pinned.insert(format!("{} {name}", event.kind()));
                let label = event.kind().field(name).unwrap().label;
                pinned.extend(texts.iter().map(|text| format!("{label} = {text}")));
            }
        }
        for &kind in Kind::ALL {
            for spec in kind.fields() {
                let field = format!("{kind} {}", spec.name);
                assert!(
                    pinned.contains(&field),
                    "not in the golden vectors: {field}"
                );
                // A flag is pinned by being there.
                for word in spec.words.iter().filter(|_| spec.shape != Shape::Flag) {
                    let value = format!("{} = {word}", spec.label);
                    let found = pinned.contains(&value);
                    assert!(found, "not in the golden vectors: {value}");
                }
            }
        }
    }

    /// What every vector is filled in with: two texts for a label, the second for lists only.
    fn sample(spec: &FieldSpec) -> [&'static str; 2] {
        match spec.label {
            "PARTY" => ["colombia", "mre-co"],
            "SOURCE" => ["S1", "S2"],
            "AGREEMENT" => ["A1", "A2"],
            "COMMITMENT" => ["C1", "C2"],
            "RECORDER" => ["R1", "R2"],
            "RECORD" => ["7", "8"],
            "ID|RECORD" => ["C1", "70000"],
            "LANG" => ["es", "pt-BR"],
            "DIGEST" => [
                "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
                "",
            ],
            "WHEN" => ["2023-05-11", ""],
            "NAME[@LANG]" => ["Kolumbien@de", "哥伦比亚"],
            "SCHEME:VALUE" => ["iso3166:CO", "orcid:0000-0001"],
            "SOURCE[: PLACE]" => ["S1", "S2: párrafo 4"],
            "RELATION:AGREEMENT" => ["continues:A1", "repeats:A2"],
            "LEVEL|no-evidence" => ["2", ""],
            "FIELD" => ["on", "note"],
            "BOOL" => ["true", ""],
            "TEXT" if spec.name == "origin" => ["example.org/log", ""],
            "TEXT" if spec.name == "import_key" => ["table-1:row 4", ""],
            "TEXT" => ["Se reúnen cada tres meses", "会談\n\tдва"],
            _ if !spec.words.is_empty() => [spec.words[0], spec.words[spec.words.len() - 1]],
            _ => ["2024-01-31", ""],
        }
    }

    /// An event of a kind with what it needs, and with all there is.
    fn sampled(kind: Kind, full: bool) -> Fields {
        let mut fields = Fields::default();
        for spec in kind.fields() {
            let needed = spec.is_required()
                || matches!(
                    (kind, spec.name),
                    (Kind::Assessed, "by") | (Kind::EvidenceAttached, "source")
                );
            let count = match spec.shape {
                Shape::Many if full => 2,
                _ => usize::from(full || needed),
            };
            let texts = sample(spec).into_iter().take(count).map(str::to_owned);
            fields.set(spec.name, texts.collect());
        }
        fields
    }

    /// Writes the golden vectors of a schema that has none yet. They are written once: this never replaces
    /// a file. Those of another schema get a file and a generator of their own.
    #[test]
    #[ignore = "writes a file, once for each schema"]
    fn write_the_golden_vectors() {
        let mut all = Vec::new();
        for &kind in Kind::ALL.iter().filter(|kind| !TRUST.contains(kind)) {
            all.push((kind, sampled(kind, false)));
            all.push((kind, sampled(kind, true)));
            for spec in kind.own_fields().iter().filter(|s| s.shape != Shape::Flag) {
                for word in spec.words {
                    let mut fields = sampled(kind, false);
                    fields.set(spec.name, vec![(*word).to_owned()]);
                    all.push((kind, fields));
                }
            }
        }
        let mut one = |kind: Kind, field: &str, text: &str| {
            let mut fields = sampled(kind, false);
            fields.set(field, vec![text.to_owned()]);
            all.push((kind, fields));
        };
        for word in Confidence::ALL {
            one(Kind::Noted, "confidence", word.word());
        }
        let deadlines = [
            "unspecified",
            "recurring",
            "RRULE:FREQ=MONTHLY;INTERVAL=3",
            "continuing",
            "before 2025",
        ];
        for deadline in deadlines {
            one(Kind::CommitmentAmended, "deadline", deadline);
        }
        let whens = [
            "0001",
            "0250",
            "0251",
            "9999-12-31",
            "2023",
            "2023-05",
            "2024-02-29",
            "2023-05-11/2023-07",
            "before 2023",
            "after 2023-05",
            "unknown",
            "unspecified",
            "not-applicable",
        ];
        for when in whens {
            one(Kind::MeetingHeld, "on", when);
        }
        for level in ["no-evidence", "0", "intermediate"] {
            one(Kind::Assessed, "level", level);
        }
        // Numbers on either side of each length of an integer.
        for record in [
            "0",
            "250",
            "251",
            "65535",
            "65536",
            "4294967296",
            "18446744073709551615",
        ] {
            one(Kind::Retracted, "record", record);
        }
        one(Kind::Noted, "text", &"ñ".repeat(126));
        write_vectors("v1.ndjson", all);
    }

    /// As [`write_the_golden_vectors`], for the kinds that hold keys and signatures.
    #[test]
    #[ignore = "writes a file, once"]
    fn write_the_golden_vectors_of_trust() {
        let mut all = Vec::new();
        for &kind in TRUST {
            for full in [false, true] {
                let mut fields = sampled(kind, full);
                if kind.field("key").is_some() {
                    fields.set("key", vec![vectors::LOG_VKEY.to_owned()]);
                }
                all.push((kind, fields));
            }
        }
        write_vectors("v1-trust.ndjson", all);
    }

    /// As [`write_the_golden_vectors`], for schema 2.
    #[test]
    #[ignore = "writes a file, once"]
    fn write_the_golden_vectors_of_schema_2() {
        let actions = Action::ALL.iter().map(|action| format!("{action} of A1"));
        let standings = Standing::ALL
            .iter()
            .map(|standing| format!("C2 {standing}"));
        let anchors = actions
            .chain(standings)
            .chain(["conclusion of A1".to_owned()]);
        let spans = ["1 day", "250 weeks", "251 months", "9999 years"];
        let mut all = Vec::new();
        for (anchor, span) in anchors.zip(spans.into_iter().cycle()) {
            let mut fields = sampled(Kind::CommitmentAmended, false);
            fields.set("deadline", vec![format!("{span} after {anchor}")]);
            all.push((Kind::CommitmentAmended, fields));
        }
        let mut fields = sampled(Kind::CommitmentRecorded, true);
        fields.set(
            "deadline",
            vec!["30 days after entry-into-force of A1".to_owned()],
        );
        all.push((Kind::CommitmentRecorded, fields));
        write_vectors("v2.ndjson", all);
    }

    fn write_vectors(file: &str, all: Vec<(Kind, Fields)>) {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/golden");
        let mut file = File::create_new(Path::new(dir).join(file)).unwrap();
        let mut written = BTreeSet::new();
        for (kind, fields) in all {
            let event = Event::build(kind, &fields).unwrap();
            if !written.insert(encode(&event).unwrap()) {
                continue;
            }
            let mut texts = Map::from_iter([("event".to_owned(), json!(kind.word()))]);
            for (name, list) in event.to_fields().iter() {
                let json = match kind.field(name).unwrap().shape {
                    Shape::Many => json!(list),
                    _ => json!(list[0]),
                };
                texts.insert(name.to_owned(), json);
            }
            let line = json!({ "event": texts, "payload": hex(&encode(&event).unwrap()) });
            writeln!(file, "{line}").unwrap();
        }
    }
}
