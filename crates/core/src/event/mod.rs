//! Events: the closed list of facts that a record can hold, and the envelope around each.
//!
//! One table below declares every fact: its word, its Rust type, its fields with their help. From it come
//! the command line's flags, NDJSON, the editor template, corrections by field name and the completeness
//! of the codec (which lists the same fields again, in the frozen order of the bytes).

use std::fmt;
use std::str::FromStr;

use crate::value::agreement::{Action, AgreementStatus, Form, Link};
use crate::value::base::{Digest, Language, Leaf, Shape, Text, Value, ValueError, unknown_word};
use crate::value::commitment::{Capacity, Contest, Level, Modality, Standing};
use crate::value::id::{
    AgreementId, CommitmentId, FieldName, PartyId, RecorderId, Reference, Seq, SourceId, Subject,
};
use crate::value::party::{Identifier, Name, PartyKind};
use crate::value::source::{Bearing, Citation, Confidence, SourceKind};
use crate::value::when::{Deadline, Instant, When};

/// What is known of a field: enough to read, write, explain and ask for it.
#[derive(Debug, Clone, Copy)]
pub struct FieldSpec {
    /// Its name, in JSON, in corrections, and (with hyphens) as a flag.
    pub name: &'static str,
    /// How many texts it takes.
    pub shape: Shape,
    /// The label of its values: `PARTY`, `WHEN`.
    pub label: &'static str,
    /// Its closed list of words, or none.
    pub words: &'static [&'static str],
    doc: &'static str,
    attributes: &'static [&'static str],
}

impl FieldSpec {
    fn has(&self, attribute: &str) -> bool {
        self.attributes.contains(&attribute)
    }

    /// One sentence on what it says.
    pub fn help(&self) -> &'static str {
        self.doc.trim()
    }

    /// Whether it is given by position on the command line.
    pub fn is_positional(&self) -> bool {
        self.has("arg")
    }

    /// Whether it must be there.
    pub fn is_required(&self) -> bool {
        self.shape == Shape::One || self.has("some")
    }

    /// Whether it gives the entity its id. An id names an entity for ever, so it cannot be corrected.
    pub fn defines(&self) -> bool {
        self.has("id")
    }

    /// Whether its values may be record numbers, which change when events move to another ledger.
    pub fn may_name_records(&self) -> bool {
        self.label
            .split('|')
            .any(|label| label == <Seq as Leaf>::LABEL)
    }
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

/// Fields as texts, in order: what the command line, NDJSON and templates are read into and written from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, Vec<String>)>);

impl Fields {
    /// The texts of a field; none where it is absent.
    pub fn get(&self, name: &str) -> &[String] {
        self.0
            .iter()
            .find(|(field, _)| field == name)
            .map_or(&[], |(_, texts)| texts)
    }

    /// Sets the texts of a field; no texts remove it.
    pub fn set(&mut self, name: &str, texts: Vec<String>) {
        let place = self.0.iter().position(|(field, _)| field == name);
        match (place, texts.is_empty()) {
            (Some(i), true) => drop(self.0.remove(i)),
            (Some(i), false) => self.0[i].1 = texts,
            (None, true) => {}
            (None, false) => self.0.push((name.to_owned(), texts)),
        }
    }

    /// The fields that are there, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0
            .iter()
            .map(|(name, texts)| (name.as_str(), texts.as_slice()))
    }

    fn from_values(values: Vec<(&'static str, Vec<String>)>) -> Self {
        Self(
            values
                .into_iter()
                .filter(|(_, texts)| !texts.is_empty())
                .map(|(name, texts)| (name.to_owned(), texts))
                .collect(),
        )
    }
}

/// A struct of fields: its table, how it is built from texts, and back.
macro_rules! fields {
    ($(#[$meta:meta])* $name:ident {
        $(#[doc = $help:literal] $([$($attr:ident)+])? $field:ident : $ty:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $(#[doc = $help] pub $field: $ty,)*
        }

        impl $name {
            /// The table of its fields.
            pub const FIELDS: &'static [FieldSpec] = &[$(FieldSpec {
                name: stringify!($field),
                shape: <$ty as Value>::SHAPE,
                label: <$ty as Value>::LABEL,
                words: <$ty as Value>::WORDS,
                doc: $help,
                attributes: &[$($(stringify!($attr),)+)?],
            },)*];

            /// Whether it has a field of this name.
            fn takes(name: &str) -> bool {
                matches!(name, $(stringify!($field))|*)
            }

            fn build<S: AsRef<str>>(
                given: &[(&str, &[S])],
                errors: &mut Vec<FieldError>,
            ) -> Option<Self> {
                let before = errors.len();
                $(let mut $field: &[S] = &[];)*
                for (name, texts) in given {
                    match *name {
                        $(stringify!($field) => $field = texts,)*
                        _ => {}
                    }
                }
                // Some are required although their type may be empty: what is said of the type is said first.
                let absent = [$($field.is_empty(),)*];
                $(let $field = match <$ty as Value>::from_texts($field) {
                    Ok(value) => Some(value),
                    Err(error) => {
                        errors.push(FieldError { field: stringify!($field).to_owned(), error });
                        None
                    }
                };)*
                for (spec, absent) in Self::FIELDS.iter().zip(absent) {
                    if absent && spec.has("some") {
                        errors.push(FieldError::new(spec.name, "is required"));
                    }
                }
                if errors.len() > before {
                    return None;
                }
                Some(Self { $($field: $field?,)* })
            }

            fn texts(&self) -> Vec<(&'static str, Vec<String>)> {
                vec![$((stringify!($field), self.$field.to_texts()),)*]
            }

            fn missing(&self, errors: &mut Vec<FieldError>) {
                for (spec, absent) in Self::FIELDS.iter().zip([$(self.$field.is_absent(),)*]) {
                    if absent && spec.is_required() {
                        errors.push(FieldError::new(spec.name, "is required"));
                    }
                }
            }

            /// Shows what its fields name, but for the id that one of them gives.
            fn each_reference<'v>(&'v self, show: &mut impl FnMut(&'static str, Reference<'v>)) {
                $(if !matches!(&[$($(stringify!($attr),)+)?] as &[&str], [.., "id"]) {
                    self.$field.each_reference(&mut |named| show(stringify!($field), named));
                })*
            }
        }
    };
}

/// The closed list of facts.
macro_rules! facts {
    ($(
        $(#[doc = $about:literal])+
        $word:literal $name:ident { $($body:tt)* }
    )+) => {
        $(fields! { $(#[doc = $about])+ $name { $($body)* } })+

        /// A fact, in the past tense: what an event says.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Fact { $($(#[doc = $about])+ $name($name),)+ }

        /// The kind of a fact: the word after `record` on the command line, and `event` in NDJSON.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[doc = $about])+ $name,)+ }

        impl Kind {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)+];

            /// Its word.
            pub const fn word(self) -> &'static str {
                match self { $(Kind::$name => $word,)+ }
            }

            /// The past-tense name of its fact.
            pub const fn fact_name(self) -> &'static str {
                match self { $(Kind::$name => stringify!($name),)+ }
            }

            /// What it says, in a sentence or two.
            pub fn about(self) -> String {
                match self { $(Kind::$name => concat!($($about, "\n",)+),)+ }.trim().to_owned()
            }

            fn takes(self, name: &str) -> bool {
                match self { $(Kind::$name => $name::takes(name),)+ }
            }

            /// The table of the fields of its own, without the envelope's.
            pub const fn own_fields(self) -> &'static [FieldSpec] {
                match self { $(Kind::$name => $name::FIELDS,)+ }
            }
        }

        impl FromStr for Kind {
            type Err = ValueError;
            fn from_str(text: &str) -> Result<Self, ValueError> {
                match text {
                    $($word => Ok(Kind::$name),)+
                    other => Err(unknown_word(other, <Self as Leaf>::WORDS)),
                }
            }
        }

        impl Leaf for Kind {
            const LABEL: &'static str = "KIND";
            const WORDS: &'static [&'static str] = &[$($word,)+];
        }

        impl Fact {
            /// Its kind.
            pub const fn kind(&self) -> Kind {
                match self { $(Fact::$name(_) => Kind::$name,)+ }
            }

            fn build<S: AsRef<str>>(
                kind: Kind,
                given: &[(&str, &[S])],
                errors: &mut Vec<FieldError>,
            ) -> Option<Self> {
                match kind { $(Kind::$name => $name::build(given, errors).map(Fact::$name),)+ }
            }

            fn texts(&self) -> Vec<(&'static str, Vec<String>)> {
                match self { $(Fact::$name(fact) => fact.texts(),)+ }
            }

            fn missing(&self, errors: &mut Vec<FieldError>) {
                match self { $(Fact::$name(fact) => fact.missing(errors),)+ }
            }

            /// Shows each entity and record that it names, with the field that names it.
            pub fn each_reference<'v>(&'v self, mut show: impl FnMut(&'static str, Reference<'v>)) {
                match self { $(Fact::$name(fact) => fact.each_reference(&mut show),)+ }
            }

            /// The entities and records that it names, with the field that names each.
            pub fn references(&self) -> Vec<(&'static str, Reference<'_>)> {
                let mut all = Vec::new();
                self.each_reference(|field, named| all.push((field, named)));
                all
            }
        }

        $(impl From<$name> for Fact {
            fn from(fact: $name) -> Self {
                Fact::$name(fact)
            }
        })+
    };
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

facts! {
    /// The ledger was opened: always record 0, and only there.
    "ledger" LedgerOpened {
        /// The ledger's name for life, such as a domain and path: example.org/joint-commission
        [arg] origin: Text,
        /// What the ledger is for
        purpose: Option<Text>,
    }
    /// A party was registered.
    "party" PartyRegistered {
        /// The id to know the party by
        [arg id] id: PartyId,
        /// What the party is
        kind: PartyKind,
        /// A name, with its language where known: Kolumbien@de; the first is shown
        [some] name: Vec<Name>,
        /// What a public register calls it: iso3166:CO
        identifier: Vec<Identifier>,
        /// The party that it is part of, and acts for
        parent: Option<PartyId>,
    }
    /// A party took other names.
    "rename" PartyRenamed {
        /// The party
        [arg] party: PartyId,
        /// The names it has from now on
        [some] name: Vec<Name>,
    }
    /// A party was succeeded by others, who act for it from now on.
    "succession" PartySucceeded {
        /// The party that was
        [arg] party: PartyId,
        /// Who succeeded it
        [some] successor: Vec<PartyId>,
    }
    /// A source was registered: a document in which things were read.
    "source" SourceRegistered {
        /// The id to cite the source by
        [arg id] id: SourceId,
        /// What kind of document it is
        kind: SourceKind,
        /// Its title
        title: Text,
        /// Who issued or published it
        issuer: Option<Text>,
        /// When it was published
        published: Option<When>,
        /// When it was retrieved
        retrieved: Option<When>,
        /// The language it is written in
        language: Option<Language>,
        /// The BLAKE3 digest of its file
        digest: Option<Digest>,
        /// Where it is kept: an address, a shelf mark
        locator: Option<Text>,
        /// The source through which it is known, where it was not seen itself
        derived_from: Option<SourceId>,
    }
    /// A meeting was held.
    "meeting" MeetingHeld {
        /// What it was, in a few words
        text: Option<Text>,
        /// Where
        place: Option<Text>,
        /// Who was present
        present: Vec<PartyId>,
        /// The agreements it led to
        led_to: Vec<AgreementId>,
    }
    /// An agreement was concluded, or is reported to have been.
    "agreement" AgreementRecorded {
        /// The id to know the agreement by
        [arg id] id: AgreementId,
        /// Its title
        title: Text,
        /// Its form
        form: Option<Form>,
        /// A party to it
        [some] party: Vec<PartyId>,
        /// Where it was concluded
        place: Option<Text>,
        /// How it relates to an earlier one: continues:A1
        link: Vec<Link>,
    }
    /// An agreement's status changed: it entered into force, was suspended, ended.
    "agreement-status" AgreementStatusChanged {
        /// The agreement
        [arg] agreement: AgreementId,
        /// Its status from now on
        [arg] to: AgreementStatus,
    }
    /// A party signed, ratified, acceded, withdrew, made a reservation.
    "participation" ParticipationRecorded {
        /// The agreement
        [arg] agreement: AgreementId,
        /// The party that acted
        [arg] party: PartyId,
        /// What it did
        [arg] action: Action,
        /// The words of a reservation, declaration or objection
        text: Option<Text>,
        /// When it took effect for the party
        effective: Option<When>,
    }
    /// A commitment was made in an agreement.
    "commitment" CommitmentRecorded {
        /// The id to know the commitment by
        [arg id] id: CommitmentId,
        /// The agreement it was made in
        agreement: AgreementId,
        /// What was promised
        text: Text,
        /// The force of its words; several where the sources differ
        modality: Vec<Modality>,
        /// Who owes it
        [some] debtor: Vec<PartyId>,
        /// To whom it is owed
        creditor: Vec<PartyId>,
        /// Both sides owe it to each other
        mutual: bool,
        /// Who witnessed it
        witness: Vec<PartyId>,
        /// Who guarantees it
        guarantor: Vec<PartyId>,
        /// What it is for
        purpose: Vec<Text>,
        /// What must happen before it is owed
        condition: Option<Text>,
        /// How keeping it would be measured
        measure: Option<Text>,
        /// An earlier fact its words take for granted
        presupposes: Option<Text>,
        /// By when, or how often
        deadline: Option<Deadline>,
        /// What it promises again: an earlier commitment, agreement or statement
        repeats: Vec<Subject>,
        /// A subject to group it under
        theme: Vec<Text>,
        /// Where it stands at first: agreed (if not given) or proposed
        standing: Option<Standing>,
    }
    /// A commitment's terms were changed by agreement: what is given replaces what was.
    "amendment" CommitmentAmended {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// The agreement that changed it
        instrument: Option<AgreementId>,
        /// What is promised from now on
        text: Option<Text>,
        /// The force of its words
        modality: Vec<Modality>,
        /// Who owes it
        debtor: Vec<PartyId>,
        /// To whom it is owed
        creditor: Vec<PartyId>,
        /// What it is for
        purpose: Vec<Text>,
        /// What must happen before it is owed
        condition: Option<Text>,
        /// How keeping it would be measured
        measure: Option<Text>,
        /// By when, or how often
        deadline: Option<Deadline>,
    }
    /// A commitment's standing moved.
    "status" StatusChanged {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// Where it stands from now on
        [arg] to: Standing,
        /// In which capacity this is asserted, where the parties' roles do not tell
        capacity: Option<Capacity>,
    }
    /// A commitment's standing was contested, disputed or settled.
    "contest" ContestMoved {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// Where the contest stands from now on
        [arg] to: Contest,
        /// What this side says
        text: Option<Text>,
    }
    /// Progress was reported, toward a commitment or none.
    "progress" ProgressReported {
        /// What was done
        text: Text,
        /// The commitment it is toward
        commitment: Option<CommitmentId>,
        /// Which occurrence of a recurring commitment
        occurrence: Option<Text>,
    }
    /// An occurrence of a recurring commitment was held.
    "occurrence" OccurrenceHeld {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// Which occurrence: a number, a date, a name
        occurrence: Option<Text>,
        /// Where
        place: Option<Text>,
        /// What it was
        text: Option<Text>,
    }
    /// An assessor (--by) found a level of completion, as of a date (--on).
    "assessment" Assessed {
        /// The commitment
        [arg] commitment: CommitmentId,
        /// The scale's name
        scale: Text,
        /// The level on it, or no-evidence (which is not level 0)
        level: Level,
    }
    /// A statement was made; it binds nobody.
    "statement" StatementRecorded {
        /// What was said, in own words or quoted
        text: Text,
        /// What it is about
        about: Vec<Subject>,
    }
    /// A source was attached as evidence for or against something.
    "evidence" EvidenceAttached {
        /// What it is evidence about
        [arg] about: Subject,
        /// Which way it points
        [arg] bearing: Bearing,
        /// What it shows
        text: Option<Text>,
    }
    /// A recorder's note.
    "note" Noted {
        /// The note
        text: Text,
        /// What it is about
        about: Vec<Subject>,
    }
    /// A field of an earlier record was corrected: replay uses the corrected value from then on.
    "correction" Corrected {
        /// The record that is corrected
        [arg] record: Seq,
        /// Its field
        field: FieldName,
        /// What the field said (filled in)
        old: Vec<Text>,
        /// What it should say; nothing clears the field
        to: Vec<Text>,
        /// Why
        reason: Text,
    }
    /// An earlier record was retracted: replay leaves it out from then on.
    "retraction" Retracted {
        /// The record that is retracted
        [arg] record: Seq,
        /// Why
        reason: Text,
    }
    /// An earlier record's payload may be gone from the log; its header never is.
    "redaction" Redacted {
        /// The record whose content is withheld
        [arg] record: Seq,
        /// Why
        reason: Text,
        /// By whose authority: a court order, a law's article
        authority: Text,
    }
    /// A recorder was admitted with a key.
    "recorder" RecorderAdmitted {
        /// The id to know the recorder by
        [arg id] id: RecorderId,
        /// The recorder's public key, as a vkey string of C2SP signed-note
        key: Text,
        /// The recorder's name
        name: Option<Text>,
    }
    /// A recorder took another key: the batch is signed with the old one and the new one.
    "recorder-rotated" RecorderRotated {
        /// The recorder
        [arg] recorder: RecorderId,
        /// The recorder's new public key, as a vkey string
        key: Text,
        /// Why
        reason: Option<Text>,
    }
    /// A party's own key was made known, with which it acknowledges.
    "party-key" PartyKeyDeclared {
        /// The party
        [arg] party: PartyId,
        /// Its public key, as a vkey string of C2SP signed-note; the last one declared holds
        key: Text,
    }
    /// A party acknowledged an agreement or a claimed fulfilment, signed with its own key.
    "acknowledgement" Acknowledged {
        /// The record of the agreement, commitment or standing
        [arg] record: Seq,
        /// The party
        [arg] party: PartyId,
        /// Its Ed25519 signature in base64, which `servanda acknowledge` makes
        signature: Text,
    }
    /// A recorder's key was revoked.
    "recorder-revoked" RecorderRevoked {
        /// The recorder
        [arg] recorder: RecorderId,
        /// Why
        reason: Text,
    }
}

fields! {
    /// What every event says of itself, whatever its fact.
    Envelope {
        /// When it happened: a day, month, year, range, `before`/`after` one, unknown, unspecified, not-applicable
        on: Option<When>,
        /// The party that asserts it
        by: Vec<PartyId>,
        /// Who recorded it
        recorded_by: Option<Text>,
        /// Where it was read: a source and the place in it, "S1: paragraph 4"
        source: Vec<Citation>,
        /// A remark of the recorder's
        note: Option<Text>,
        /// How sure the recorder is
        confidence: Option<Confidence>,
        /// A field whose value the recorder inferred
        inferred: Vec<FieldName>,
        /// A key of the recorder's: an event whose key is in the ledger already is not appended again
        import_key: Option<Text>,
        /// Why an event that breaks a rule is recorded all the same
        irregular: Option<Text>,
    }
}

/// Longest import key, in bytes.
pub const IMPORT_KEY_LIMIT: usize = 256;

impl Envelope {
    /// An envelope that says nothing.
    pub const EMPTY: Envelope = Envelope {
        on: None,
        by: Vec::new(),
        recorded_by: None,
        source: Vec::new(),
        note: None,
        confidence: None,
        inferred: Vec::new(),
        import_key: None,
        irregular: None,
    };
}

impl Kind {
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
        match &self.fact {
            // The name that checkpoints of the ledger go by: C2SP signed-note allows neither.
            Fact::LedgerOpened(fact)
                if fact
                    .origin
                    .as_str()
                    .contains(|c: char| c.is_whitespace() || c == '+') =>
            {
                errors.push(FieldError::new("origin", "has a space or a `+`"));
            }
            Fact::Assessed(_) if self.envelope.by.is_empty() => {
                errors.push(FieldError::new("by", "is required: who assessed it"));
            }
            Fact::EvidenceAttached(_) if self.envelope.source.is_empty() => {
                errors.push(FieldError::new(
                    "source",
                    "is required: what the evidence is",
                ));
            }
            _ => {}
        }
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
        match &self.fact {
            Fact::PartyRegistered(fact) => fact.id.reference(),
            Fact::SourceRegistered(fact) => fact.id.reference(),
            Fact::AgreementRecorded(fact) => fact.id.reference(),
            Fact::CommitmentRecorded(fact) => fact.id.reference(),
            Fact::RecorderAdmitted(fact) => fact.id.reference(),
            _ => None,
        }
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
        crate::value::base::excerpt(name),
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
            assert!(!kind.about().is_empty());
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
