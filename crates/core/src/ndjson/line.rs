//! A line and its errors.

use std::fmt;

use super::references::{has_references, with_some_records};
use crate::event::{Event, FieldError, Fields, Kind};
use crate::value::when::Instant;

/// An error in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// The line, from 1.
    pub line: usize,
    /// The field; none for an error of the whole line.
    pub field: Option<String>,
    /// The error, as the end of a sentence that begins with the line or the field.
    pub message: String,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "line {}: {field}: {}", self.line, self.message),
            None => write!(f, "line {}: {}", self.line, self.message),
        }
    }
}

impl LineError {
    pub(super) fn whole(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            field: None,
            message: message.into(),
        }
    }

    pub(super) fn field(line: usize, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            line,
            field: Some(field.into()),
            message: message.into(),
        }
    }

    pub(super) fn at(line: usize, error: FieldError) -> Self {
        Self::field(line, error.field, error.error.to_string())
    }
}

/// Values that the user gives for lines that lack them.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// A line without an import key gets the key `KEY:LINE`.
    pub key: Option<String>,
    /// The recorder of lines that name none.
    pub recorded_by: Option<String>,
}

/// Copies fields, which then outlive the line.
pub(super) fn owned<S: AsRef<str>>(given: &[(&str, &[S])]) -> Fields {
    let mut fields = Fields::default();
    for (name, texts) in given {
        fields.set(
            name,
            texts.iter().map(|text| text.as_ref().to_owned()).collect(),
        );
    }
    fields
}

/// A line that holds an event, read without a ledger.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: usize,
    /// The kind of event.
    pub kind: Kind,
    /// The number of the record that the line was exported from.
    pub seq: Option<u64>,
    /// The recorded time that the line states.
    pub recorded_at: Option<Instant>,
    /// The event, as far as the line alone gives it.
    pub parsed: ParsedLine,
}

/// What a line alone gives. Most lines give an event, so a box would save nothing.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)]
pub enum ParsedLine {
    /// A complete event.
    Event(Event),
    /// Fields that refer to records by exported numbers or by import keys: a
    /// [`ReferenceResolver`](super::ReferenceResolver) makes the event.
    Fields(Fields),
    /// An event that belongs to one ledger alone: its opening, or an acknowledgement, which signs the link of a
    /// record.
    OfItsLedger,
}

impl Line {
    /// Makes a line of fields that were read elsewhere, such as from a row of a table. No name stands twice.
    ///
    /// # Errors
    /// All errors in the fields, also where the line must wait for the ledger to find the records that it names by
    /// `@KEY`.
    pub fn of_fields<S: AsRef<str>>(
        number: usize,
        kind: Kind,
        recorded_at: Option<Instant>,
        given: &[(&str, &[S])],
    ) -> Result<Self, Vec<FieldError>> {
        let parsed = match has_references(kind, false, given) {
            false => ParsedLine::Event(Event::build_from(kind, given)?),
            true => {
                let fields = owned(given);
                Event::build(kind, &with_some_records(kind, &fields))?;
                ParsedLine::Fields(fields)
            }
        };
        Ok(Self {
            number,
            kind,
            seq: None,
            recorded_at,
            parsed,
        })
    }

    /// Its fields as texts.
    pub fn fields(&self) -> Fields {
        match &self.parsed {
            ParsedLine::Event(event) => event.to_fields(),
            ParsedLine::Fields(fields) => fields.clone(),
            ParsedLine::OfItsLedger => Fields::default(),
        }
    }

    /// The import key.
    pub fn key(&self) -> Option<&str> {
        match &self.parsed {
            ParsedLine::Event(event) => event.envelope.import_key.as_ref().map(|key| key.as_str()),
            ParsedLine::Fields(fields) => fields.get("import_key").first().map(String::as_str),
            ParsedLine::OfItsLedger => None,
        }
    }
}
