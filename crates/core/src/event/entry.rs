//! An event: a fact in its envelope, as a record holds it.

use super::context::Context;
use super::envelope::{Envelope, IMPORT_KEY_LIMIT};
use super::field::{FieldError, Fields};
use super::{Fact, Kind};
use crate::state::Effect;
use crate::value::base::{Value, excerpt};
use crate::value::id::{Reference, Seq};
use crate::value::when::Instant;

/// A fact in its envelope: what one record holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What is said.
    pub fact: Fact,
    /// When, by whom, from where, how surely.
    pub envelope: Envelope,
}

impl From<Fact> for Event {
    fn from(fact: Fact) -> Self {
        Self {
            fact,
            envelope: Envelope::EMPTY,
        }
    }
}

impl Event {
    /// The kind of its fact.
    pub fn kind(&self) -> Kind {
        self.fact.kind()
    }

    /// The record that a correction, retraction or redaction is about: its header says so too.
    pub fn target(&self) -> Option<Seq> {
        self.fact.target()
    }

    /// Builds an event from texts, or says everything that is wrong with them.
    ///
    /// # Errors
    /// Every field that is missing, malformed or unknown to the kind.
    pub fn build(kind: Kind, fields: &Fields) -> Result<Self, Vec<FieldError>> {
        let given: Vec<(&str, &[String])> = fields.iter().collect();
        Self::build_from(kind, &given)
    }

    /// As [`Event::build`], from texts that are borrowed. No name stands twice.
    ///
    /// # Errors
    /// As [`Event::build`].
    pub fn build_from<S: AsRef<str>>(
        kind: Kind,
        given: &[(&str, &[S])],
    ) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        for (name, texts) in given {
            if !texts.is_empty() && !kind.takes(name) && !Envelope::takes(name) {
                errors.push(unknown_field(kind, name));
            }
        }
        let fact = Fact::build(kind, given, &mut errors);
        let envelope = Envelope::build(given, &mut errors);
        match (fact, envelope) {
            (Some(fact), Some(envelope)) => {
                let event = Self { fact, envelope };
                event.check_whole(&mut errors);
                if errors.is_empty() {
                    Ok(event)
                } else {
                    Err(errors)
                }
            }
            _ => Err(errors),
        }
    }

    /// What is wrong with an event that was not built from texts: fields left out, or that do not fit.
    pub fn problems(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        self.fact.missing(&mut errors);
        self.envelope.missing(&mut errors);
        self.check_whole(&mut errors);
        errors
    }

    /// What no single field can tell.
    fn check_whole(&self, errors: &mut Vec<FieldError>) {
        for field in &self.envelope.inferred {
            if self.kind().field(field.as_str()).is_none() {
                errors.push(unknown_field(self.kind(), field.as_str()));
            }
        }
        if let Some(key) = &self.envelope.import_key
            && key.as_str().len() > IMPORT_KEY_LIMIT
        {
            let message = format!("is longer than {IMPORT_KEY_LIMIT} bytes");
            errors.push(FieldError::new("import_key", message));
        }
        self.fact.meaning().problems(&self.envelope, errors);
    }

    /// Tells each fact that it sets for an entity.
    pub(crate) fn effects<'e>(&'e self, tell: &mut dyn FnMut(Effect<'e>)) {
        self.fact.meaning().effects(&self.envelope, tell);
    }

    /// What happened, in one sentence for people, without a full stop.
    pub fn sentence(&self, context: &dyn Context) -> String {
        self.fact.meaning().sentence(&self.envelope, context)
    }

    /// The event as texts; building them again gives an equal event.
    pub fn to_fields(&self) -> Fields {
        let mut values = self.fact.texts();
        values.extend(self.envelope.texts());
        Fields::from_values(values)
    }

    /// The event with one field changed.
    ///
    /// # Errors
    /// As [`Event::build`].
    pub fn with_field(&self, name: &str, texts: Vec<String>) -> Result<Self, Vec<FieldError>> {
        let mut fields = self.to_fields();
        fields.set(name, texts);
        Self::build(self.kind(), &fields)
    }

    /// Shows each entity and record that it names, with the field that names it.
    pub fn each_reference<'v>(&'v self, mut show: impl FnMut(&'static str, Reference<'v>)) {
        self.fact.each_reference(&mut show);
        self.envelope.each_reference(&mut show);
    }

    /// The entities and records that it names, with the field that names each.
    pub fn references(&self) -> Vec<(&'static str, Reference<'_>)> {
        let mut all = Vec::new();
        self.each_reference(|field, named| all.push((field, named)));
        all
    }

    /// The id that it gives to a new entity, where it does.
    pub fn defines(&self) -> Option<Reference<'_>> {
        self.fact.defines()
    }

    /// Whether another event says the same as this one, which was recorded, but for what the ledger fills in and who
    /// recorded it.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let mut other = other.clone();
        other
            .envelope
            .recorded_by
            .clone_from(&self.envelope.recorded_by);
        if let (Fact::Corrected(mine), Fact::Corrected(fact)) = (&self.fact, &mut other.fact) {
            fact.old.clone_from(&mine.old);
        }
        *self == other
    }

    /// The words that sum it up in a list: a title, a text, a name.
    pub fn headline(&self) -> String {
        let fields = self.to_fields();
        let first = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| fields.get(name).first().cloned())
        };
        let head = match &self.fact {
            Fact::StatusChanged(fact) => Some(format!("{} is {}", fact.commitment, fact.to)),
            Fact::ContestMoved(fact) => Some(format!("{} contest: {}", fact.commitment, fact.to)),
            Fact::AgreementStatusChanged(fact) => {
                Some(format!("{} is {}", fact.agreement, fact.to))
            }
            Fact::ParticipationRecorded(fact) => Some(format!(
                "{}: {} of {}",
                fact.party, fact.action, fact.agreement
            )),
            Fact::Assessed(fact) => Some(format!(
                "{}: {} = {}",
                fact.commitment, fact.scale, fact.level
            )),
            Fact::EvidenceAttached(fact) => Some(format!("{} {}", fact.bearing, fact.about)),
            Fact::Corrected(fact) => Some(format!("record {}: {}", fact.record, fact.field)),
            Fact::Retracted(fact) => Some(format!("record {}", fact.record)),
            Fact::Redacted(fact) => Some(format!("record {}", fact.record)),
            Fact::RecorderAdmitted(fact) => Some(format!("key {}", fact.key)),
            Fact::RecorderRotated(fact) => Some(format!("{}: key {}", fact.recorder, fact.key)),
            Fact::RecorderRevoked(fact) => Some(fact.recorder.to_string()),
            Fact::PartyKeyDeclared(fact) => Some(format!("{}: key {}", fact.party, fact.key)),
            Fact::Acknowledged(fact) => Some(format!(
                "{} acknowledges record {}",
                fact.party, fact.record
            )),
            Fact::PartySucceeded(fact) => {
                let successors: Vec<String> = fact.successor.to_texts();
                Some(format!("{} by {}", fact.party, successors.join(", ")))
            }
            _ => None,
        };
        let tail = first(&["title", "text", "name", "reason", "origin", "place"]);
        match (head, tail) {
            (Some(head), Some(tail)) => format!("{head}: {tail}"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => String::new(),
        }
    }
}

fn unknown_field(kind: Kind, name: &str) -> FieldError {
    let known: Vec<&str> = kind.fields().map(|spec| spec.name).collect();
    FieldError::new(
        excerpt(name),
        format!(
            "no such field of `{kind}`; its fields are {}",
            known.join(", ")
        ),
    )
}

/// An event as the ledger holds it: where, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the chain.
    pub seq: Seq,
    /// When the ledger took it in, by the recording machine's clock.
    pub recorded_at: Instant,
    /// What it says.
    pub event: Event,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn fields(pairs: &[(&str, &[&str])]) -> Fields {
        let mut fields = Fields::default();
        for (name, texts) in pairs {
            fields.set(name, texts.iter().map(|t| (*t).to_owned()).collect());
        }
        fields
    }

    #[test]
    fn an_event_is_its_texts() {
        let texts = fields(&[
            ("id", &["C1"]),
            ("agreement", &["A1"]),
            ("text", &["increase the presence"]),
            ("modality", &["intention", "obligation"]),
            ("debtor", &["colombia"]),
            ("creditor", &["venezuela"]),
            ("mutual", &["true"]),
            ("deadline", &["unspecified"]),
            ("on", &["2023-05-11"]),
            ("source", &["S1: paragraph 3", "S1: paragraph 7"]),
            ("inferred", &["on"]),
        ]);
        let event = Event::build(Kind::CommitmentRecorded, &texts).unwrap();
        assert_eq!(event.to_fields(), texts);
    }

    #[test]
    fn every_wrong_field_is_named_not_just_the_first() {
        let texts = fields(&[
            ("kind", &["kingdom"]),
            ("on", &["2023-02-30"]),
            ("colour", &["red"]),
            ("inferred", &["size"]),
        ]);
        let errors = Event::build(Kind::PartyRegistered, &texts).unwrap_err();
        let named: Vec<&str> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(named, ["colour", "id", "kind", "name", "on"]);
    }

    #[test]
    fn every_kind_has_its_word_and_help() {
        for &kind in Kind::ALL {
            assert_eq!(kind.word().parse(), Ok(kind));
            assert!(!kind.spec().about().is_empty());
            assert_eq!(Kind::of_number(kind.spec().number), Some(kind));
            for spec in kind.fields() {
                assert!(!spec.help().is_empty(), "{kind} {}", spec.name);
            }
            let names: Vec<&str> = kind.fields().map(|s| s.name).collect();
            let mut unique = names.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(names.len(), unique.len(), "{kind}: a field stands twice");
        }
    }

    #[test]
    fn no_number_is_given_twice() {
        let numbers: BTreeSet<u16> = Kind::ALL.iter().map(|kind| kind.spec().number).collect();
        assert_eq!(numbers.len(), Kind::ALL.len());
    }

    #[test]
    fn references_leave_out_the_id_that_is_being_given() {
        let texts = fields(&[
            ("id", &["A2"]),
            ("title", &["Roadmap"]),
            ("party", &["colombia"]),
            ("link", &["continues:A1"]),
            ("source", &["S3"]),
        ]);
        let event = Event::build(Kind::AgreementRecorded, &texts).unwrap();
        let named: Vec<String> = event
            .references()
            .iter()
            .map(|(field, r)| format!("{field}={}", r.subject()))
            .collect();
        assert_eq!(named, ["party=colombia", "link=A1", "source=S3"]);
    }
}
