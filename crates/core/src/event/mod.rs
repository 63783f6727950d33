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
mod entry;
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

use std::fmt;
use std::str::FromStr;

pub use self::context::Context;
pub use self::entry::{Entry, Event};
pub use self::envelope::{Envelope, IMPORT_KEY_LIMIT};
pub use self::field::{FieldError, FieldSpec, Fields};
pub use self::spec::{Erasable, EventSpec, HeaderForm};

use self::list::events;
use self::meaning::Meaning;
use crate::rules::{Known, Rejection};
use crate::value::base::{Leaf, ValueError, unknown_word};
use crate::value::id::{Reference, Seq};
use crate::wire::{Reader, Wire, WireError, Writer};

// The order of the help and of the template. A new event is a line here, and its `mod` above.
events! {
    ledger::LedgerOpened,
    party::PartyRegistered,
    rename::PartyRenamed,
    succession::PartySucceeded,
    source::SourceRegistered,
    meeting::MeetingHeld,
    agreement::AgreementRecorded,
    agreement_status::AgreementStatusChanged,
    participation::ParticipationRecorded,
    commitment::CommitmentRecorded,
    amendment::CommitmentAmended,
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
        let found = Self::WORDS.iter().position(|word| *word == text);
        match found {
            Some(at) => Ok(Self::ALL[at]),
            None => Err(unknown_word(text, Self::WORDS)),
        }
    }
}

impl Kind {
    /// Its word: after `record` on the command line, and under `event` in NDJSON.
    pub const fn word(self) -> &'static str {
        self.spec().word
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
