//! A line and its errors.

use std::fmt;

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
    /// The import key.
    pub fn key(&self) -> Option<&str> {
        match &self.parsed {
            ParsedLine::Event(event) => event.envelope.import_key.as_ref().map(|key| key.as_str()),
            ParsedLine::Fields(fields) => fields.get("import_key").first().map(String::as_str),
            ParsedLine::OfItsLedger => None,
        }
    }
}
