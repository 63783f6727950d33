//! What is declared of each field, and fields as texts.

use crate::value::base::{Leaf, Shape, ValueError};
use crate::value::id::Seq;
use crate::value::unicode;

/// The declaration of a field: what it takes to read, write, explain and ask for it.
#[derive(Debug, Clone, Copy)]
pub struct FieldSpec {
    /// Its name, in JSON, in corrections, and (with hyphens) as a flag.
    pub name: &'static str,
    /// How many texts it takes.
    pub shape: Shape,
    /// The label of its values: `PARTY`, `WHEN`.
    pub label: &'static str,
    /// The closed list of words that it takes; empty where it takes other texts.
    pub words: &'static [&'static str],
    /// The schema number that it came with. Payloads of a lower schema do not have it.
    pub since: u8,
    /// Whether the state keeps values of its type.
    pub(super) kept: bool,
    pub(super) doc: &'static str,
    pub(super) attributes: &'static [&'static str],
}

impl FieldSpec {
    pub(super) const fn has(&self, attribute: &str) -> bool {
        has(self.attributes, attribute)
    }

    /// Its help: one sentence.
    pub fn help(&self) -> &'static str {
        self.doc.trim()
    }

    /// Whether it is given by position on the command line.
    pub fn is_positional(&self) -> bool {
        self.has("arg")
    }

    /// Whether an event without it is incomplete.
    pub fn is_required(&self) -> bool {
        self.shape == Shape::One || self.has("some")
    }

    /// Whether the ledger fills it in where it is left out.
    pub fn is_filled(&self) -> bool {
        self.has("filled")
    }

    /// Whether a person who is asked for the event is asked for it too, though it may be left out.
    pub fn is_offered(&self) -> bool {
        self.has("offered")
    }

    /// Whether it gives a new entity its id.
    pub fn defines(&self) -> bool {
        self.has("id")
    }

    /// Whether it is the record that the event is about, which the header repeats.
    pub const fn is_target(&self) -> bool {
        self.has("target")
    }

    /// Whether a correction may change it. An id and an import key stay for ever.
    pub fn is_correctable(&self) -> bool {
        !self.defines() && !self.has("fixed")
    }

    /// Whether a correction of it can change what the state keeps of the event, or what the event names.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept || self.has("kept")
    }

    /// Whether its values may be record numbers, which change when events move to another ledger.
    pub fn may_name_records(&self) -> bool {
        self.label
            .split('|')
            .any(|label| label == <Seq as Leaf>::LABEL)
    }
}

/// Whether a list of attributes has one.
pub(super) const fn has(attributes: &[&str], wanted: &str) -> bool {
    let mut at = 0;
    while at < attributes.len() {
        if is_same(attributes[at].as_bytes(), wanted.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// The schema number after `since` in a list of attributes; 1 without one.
pub(super) const fn since_of(attributes: &[&str]) -> u8 {
    let mut at = 0;
    while at + 1 < attributes.len() {
        if let (b"since", [digit @ b'1'..=b'9']) =
            (attributes[at].as_bytes(), attributes[at + 1].as_bytes())
        {
            return *digit - b'0';
        }
        at += 1;
    }
    1
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {error}")]
pub struct FieldError {
    /// The field's name as it was given.
    pub field: String,
    /// What is wrong with it.
    pub error: ValueError,
}

impl FieldError {
    /// An error about a field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            error: ValueError(message.into()),
        }
    }
}

/// Fields as texts, in order. The command line, NDJSON and templates are read into them and written from them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, Vec<String>)>);

impl Fields {
    /// The texts of a field; empty where it is absent.
    pub fn get(&self, name: &str) -> &[String] {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map_or(&[], |(_, texts)| texts)
    }

    /// Sets the texts of a field, put into NFC; an empty list removes it.
    pub fn set(&mut self, name: &str, texts: Vec<String>) {
        let normal = texts.into_iter().map(unicode::into_normal);
        self.set_exactly(name, normal.collect());
    }

    /// Sets the texts of a field in the form that they have.
    pub(super) fn set_exactly(&mut self, name: &str, texts: Vec<String>) {
        let place = self.0.iter().position(|(field, _)| field == name);
        match (place, texts.is_empty()) {
            (Some(i), true) => drop(self.0.remove(i)),
            (Some(i), false) => self.0[i].1 = texts,
            (None, true) => {}
            (None, false) => self.0.push((name.to_owned(), texts)),
        }
    }

    /// The fields that are present, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0
            .iter()
            .map(|(name, texts)| (name.as_str(), texts.as_slice()))
    }

    pub(super) fn from_values(values: Vec<(&'static str, Vec<String>)>) -> Self {
        Self(
            values
                .into_iter()
                .filter(|(_, texts)| !texts.is_empty())
                .map(|(name, texts)| (name.to_owned(), texts))
                .collect(),
        )
    }
}
