//! An opened record: the file beside a proof, with the bytes of a record and what they say.

use std::path::Path;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::CliError;
use super::files;
use super::raw::{hex, unhex};
use servanda_core::chain::codec;
use servanda_core::chain::record::{Record, Sealed};
use servanda_core::ndjson::event_to_json;

/// The members of the file. Only `record` is proved; the others show what it says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opened {
    seq: u64,
    link: String,
    /// The record's bytes in hexadecimal digits.
    record: String,
    /// The event in the payload; none where that is erased.
    event: Option<Event>,
}

/// An event as JSON, each member once.
#[derive(Serialize, PartialEq)]
struct Event(Map<String, Value>);

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Event;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an event")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member stands twice"));
                    }
                }
                Ok(Event(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Why an opened record is not to be believed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Untrue {
    /// The record says otherwise than a member beside it.
    #[error("`{0}` is not what the record says")]
    Member(&'static str),
    /// The payload is not the one that the header vouches for.
    #[error("its payload is not the one that was recorded")]
    Payload,
    /// The payload is not there, and it cannot have been erased.
    #[error("its payload is not there, and its header says that it cannot be erased")]
    Gone,
    /// The payload is no event.
    #[error(transparent)]
    Event(#[from] codec::CodecError),
}

impl Opened {
    /// What a record says, opened.
    ///
    /// # Errors
    /// [`Untrue`], where its payload is not to be believed.
    pub(super) fn of(sealed: &Sealed, record: &Record) -> Result<Self, Untrue> {
        if !record.payload_is_sound() {
            return Err(Untrue::Payload);
        }
        let event = match record.content() {
            None if !record.header.erasable => return Err(Untrue::Gone),
            None => None,
            Some(content) => Some(Event(event_to_json(&codec::decode(content)?))),
        };
        Ok(Self {
            seq: record.header.seq,
            link: record.header.link().to_string(),
            record: hex(&sealed.0),
            event,
        })
    }

    /// Reads the file, and the bytes of the record in it. Nothing else in it is compared yet.
    pub(super) fn read(path: &Path) -> Result<(Self, Sealed), CliError> {
        let text = files::read_text(path)
            .map_err(|error| error.hint("name the opened record with --event FILE"))?;
        let wrong = |why: &str| {
            CliError::refused(format!("{} holds no opened record: {why}", path.display()))
        };
        let opened: Self =
            serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
        let bytes = unhex(&opened.record).ok_or_else(|| wrong("`record` is not hexadecimal"))?;
        Ok((opened, bytes.into()))
    }

    /// Compares every member with what the record says.
    ///
    /// # Errors
    /// [`Untrue`]
    pub(super) fn compare(&self, sealed: &Sealed, record: &Record) -> Result<(), Untrue> {
        let true_one = Self::of(sealed, record)?;
        for (name, is_true) in [
            ("seq", self.seq == true_one.seq),
            ("link", self.link == true_one.link),
            ("event", self.event == true_one.event),
        ] {
            if !is_true {
                return Err(Untrue::Member(name));
            }
        }
        Ok(())
    }

    /// The event, as JSON; none where its payload is erased.
    pub(super) fn event(&self) -> Option<Value> {
        let event = self.event.as_ref()?;
        Some(Value::Object(event.0.clone()))
    }
}
