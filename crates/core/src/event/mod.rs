//! Events: a file for each kind, the list of all kinds, and what all events share.
//!
//! A kind of event is declared in its own file: its number, its word, its fields with their help. From the declaration
//! come the flags of the command line, NDJSON, the template of the editor, corrections by field name and the bytes.

mod acknowledgement;
mod agreement;
mod agreement_status;
mod amendment;
mod assessment;
mod commitment;
mod contest;
mod context;
mod correction;
mod declare;
mod envelope;
mod evidence;
mod field;
#[cfg(test)]
mod growth;
mod ledger;
mod list;
mod meaning;
mod meeting;
mod note;
mod occurrence;
mod participation;
mod party;
mod party_key;
mod phrase;
mod progress;
mod recorder;
mod recorder_revoked;
mod recorder_rotated;
mod redaction;
mod rename;
mod retraction;
mod source;
mod spec;
mod statement;
mod status;
mod succession;
#[cfg(test)]
mod tests;

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;

pub use self::context::{Concerned, Context};
pub use self::envelope::{Envelope, IMPORT_KEY_LIMIT};
pub use self::field::{FieldError, FieldSpec, Fields};
pub use self::meaning::Correction;
pub use self::spec::{Change, Erasable, EventSpec, HeaderForm, Need};

use self::list::events;
use self::meaning::Meaning;
use crate::rules::{Known, Rejection};
use crate::state::Effect;
use crate::value::base::{Leaf, ValueError, excerpt, unknown_word};
use crate::value::id::{Reference, Seq, Slug};
use crate::value::unicode;
use crate::value::when::Instant;
use crate::wire::{Reader, Wire, WireError, Writer};

// The order of the help and of the template. A new event is a line here, and its `mod` above.
events! {
    ledger::LedgerOpened,
    party::PartyRegistered,
    rename::PartyRenamed,
    succession::PartySucceeded,
    source::SourceRegistered boxed,
    meeting::MeetingHeld,
    agreement::AgreementRecorded boxed,
    agreement_status::AgreementStatusChanged,
    participation::ParticipationRecorded,
    commitment::CommitmentRecorded boxed,
    amendment::CommitmentAmended boxed,
    status::StatusChanged,
    contest::ContestMoved,
    progress::ProgressReported,
    occurrence::OccurrenceHeld,
    assessment::Assessed,
    statement::StatementRecorded,
    evidence::EvidenceAttached,
    note::Noted,
    correction::Corrected,
    retraction::Retracted,
    redaction::Redacted,
    recorder::RecorderAdmitted,
    recorder_rotated::RecorderRotated,
    party_key::PartyKeyDeclared,
    acknowledgement::Acknowledged,
    recorder_revoked::RecorderRevoked,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Kind {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let found = <Self as Leaf>::WORDS.iter().position(|word| *word == text);
        match found {
            Some(at) => Ok(Self::ALL[at]),
            None => Err(unknown_word(text, <Self as Leaf>::WORDS)),
        }
    }
}

impl Kind {
    /// Its word: after `record` on the command line, and under `event` in NDJSON.
    pub const fn word(self) -> &'static str {
        self.spec().word
    }

    /// Whether an event of this kind is incomplete without this field, which is one of [`Kind::fields`], unless another
    /// field says why it is not there.
    pub fn requires(self, field: &FieldSpec) -> bool {
        let needs = self.spec().needs;
        let is_needed = needs.is_some_and(|need| need.field == field.name);
        field.is_required() || field.has("asked") || is_needed
    }

    /// Whether the payload of a record of this kind can be erased; `target` is the kind of the record that it is about.
    pub fn is_erasable(self, target: impl FnOnce() -> Option<Kind>) -> bool {
        match self.spec().form.erasable {
            Erasable::Never => false,
            Erasable::Always => true,
            Erasable::WithTarget => {
                target().is_some_and(|kind| kind.spec().form.erasable == Erasable::Always)
            }
        }
    }

    /// Its own fields, without those of the envelope.
    pub const fn own_fields(self) -> &'static [FieldSpec] {
        self.spec().fields
    }

    /// Every field of an event of this kind: its own, then the envelope's.
    pub fn fields(self) -> impl Iterator<Item = &'static FieldSpec> {
        self.own_fields().iter().chain(Envelope::FIELDS)
    }

    /// The field of this name, read with `-` as `_`.
    pub fn field(self, name: &str) -> Option<&'static FieldSpec> {
        let name = name.replace('-', "_");
        self.fields().find(|spec| spec.name == name)
    }
}

impl Fact {
    /// The rules about the record, when it comes as record `seq` and after every change of it.
    pub(crate) fn check_record(&self, known: &dyn Known, seq: Seq) -> Result<(), Rejection> {
        self.meaning().check_record(known, seq)
    }

    /// The rules about the world.
    pub(crate) fn check_world(
        &self,
        known: &dyn Known,
        envelope: &Envelope,
    ) -> Result<(), Rejection> {
        self.meaning().check_world(known, envelope)
    }

    /// The rules that came when there were ledgers already.
    pub(crate) fn check_new(
        &self,
        changed: Option<&str>,
        known: &dyn Known,
        envelope: &Envelope,
    ) -> Result<(), Rejection> {
        self.meaning().check_new(changed, known, envelope)
    }

    /// The rules about the world that hold after a correction of a field.
    pub(crate) fn check_corrected(
        &self,
        field: &str,
        known: &dyn Known,
        envelope: &Envelope,
    ) -> Result<(), Rejection> {
        self.meaning().check_corrected(field, known, envelope)
    }

    /// The entities and records that it names, each with the name of its field.
    pub fn references(&self) -> Vec<(&'static str, Reference<'_>)> {
        let mut all = Vec::new();
        self.each_reference(|field, named| all.push((field, named)));
        all
    }
}

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

    /// What it says as a correction, if it is one.
    pub fn correction(&self) -> Option<Correction<'_>> {
        self.fact.meaning().correction()
    }

    /// The agreement whose date it has when it has none of its own.
    pub fn dated_by(&self) -> Option<&Slug> {
        let mut fields = self.kind().own_fields().iter();
        let field = fields.find(|spec| spec.has("dated_by"))?;
        let mut agreement = None;
        self.fact.each_reference(|name, named| {
            if name == field.name {
                agreement = named.slug();
            }
        });
        agreement
    }

    /// Builds an event from texts, or says everything that is wrong with them. The texts are put into NFC: this is the
    /// door through which events come from outside.
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
        let is_normal = |text: &S| matches!(unicode::normal(text.as_ref()), Cow::Borrowed(_));
        if given.iter().all(|(_, texts)| texts.iter().all(is_normal)) {
            return Self::build_exactly(kind, given);
        }
        let normal = |text: &S| unicode::normal(text.as_ref()).into_owned();
        let texts: Vec<Vec<String>> = given
            .iter()
            .map(|(_, texts)| texts.iter().map(normal).collect())
            .collect();
        let names = given.iter().map(|(name, _)| *name);
        let given: Vec<(&str, &[String])> = names.zip(texts.iter().map(Vec::as_slice)).collect();
        Self::build_exactly(kind, &given)
    }

    /// Builds an event from texts in the form that they have.
    fn build_exactly<S: AsRef<str>>(
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
        if let Some(need) = self.kind().spec().needs
            && self.envelope.lacks(need.field)
        {
            let message = format!("is required: {}", need.what());
            errors.push(FieldError::new(need.field, message));
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

    /// The event with one field changed. All texts stay in the form that they have, so that a record reads the same in
    /// every program.
    ///
    /// # Errors
    /// As [`Event::build`].
    pub fn with_field(&self, name: &str, texts: Vec<String>) -> Result<Self, Vec<FieldError>> {
        let mut fields = self.to_fields();
        fields.set_exactly(name, texts);
        let given: Vec<(&str, &[String])> = fields.iter().collect();
        Self::build_exactly(self.kind(), &given)
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
        self.fact.fill_in(&mut other.fact);
        *self == other || self.is_normally(&other)
    }

    /// Whether two events are one once their texts are in NFC.
    fn is_normally(&self, other: &Self) -> bool {
        let normal = |event: &Self| Self::build(event.kind(), &event.to_fields()).ok();
        self.kind() == other.kind() && normal(self).is_some_and(|one| normal(other) == Some(one))
    }
}

impl Fact {
    /// Gives another fact what the ledger filled in of this one, which was recorded, where the other leaves it out.
    pub fn fill_in(&self, other: &mut Self) {
        match (self, other) {
            (Fact::Corrected(recorded), Fact::Corrected(other)) => {
                other.old.clone_from(&recorded.old);
            }
            (Fact::StatusChanged(recorded), Fact::StatusChanged(other))
                if other.debtor.is_empty() =>
            {
                other.debtor.clone_from(&recorded.debtor);
            }
            _ => {}
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
