//! What is asked of a report.

use std::sync::Arc;

use chrono::{Days, NaiveDate};

use servanda_core::event::Kind;
use servanda_core::value::commitment::Standing;
use servanda_core::value::id::{AgreementId, CommitmentId, PartyId, Seq, SourceId, Subject};
use servanda_core::value::party::PartyKind;
use servanda_core::value::when::Instant;
use servanda_core::view::View;
use servanda_core::view::sentences::Names;

use super::glance::Glances;
use super::look::Spans;
use super::texts::Texts;

/// What some reports take and others do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A stretch of time, by when things happened: [`Question::since`] and [`Question::until`].
    Occurred,
    /// A stretch of the ledger, by when things were recorded.
    Recorded,
    /// [`Question::grace`].
    Grace,
    /// [`Question::limit`].
    Limit,
    /// [`Question::thresholds`].
    Thresholds,
    /// [`Question::subject`].
    Subject,
    /// [`Question::provenance`].
    Provenance,
}

/// What is asked of a report. A report ignores the parts that it does not take.
#[derive(Debug, Clone)]
pub struct Question {
    /// Only what concerns this party.
    pub party: Option<PartyId>,
    /// Only what concerns this agreement.
    pub agreement: Option<AgreementId>,
    /// Only what concerns this commitment.
    pub commitment: Option<CommitmentId>,
    /// Only what this source is cited for.
    pub source: Option<SourceId>,
    /// Only events of these kinds; all where it is empty.
    pub kinds: Vec<Kind>,
    /// Only commitments that stand here, or a debtor of which does; all where it is empty.
    pub standings: Vec<Standing>,
    /// Only parties of this kind.
    pub party_kind: Option<PartyKind>,
    /// From here on.
    pub since: Option<Bound>,
    /// Up to and with this.
    pub until: Option<Bound>,
    /// At most so many rows.
    pub limit: Option<usize>,
    /// How many days ahead a deadline counts as soon.
    pub soon: Days,
    /// For how many days after a deadline nothing is called overdue yet: [`Takes::Grace`].
    pub grace: Days,
    /// After how many days without any event a live commitment counts as silent.
    pub silent: Days,
    /// How the ledger was known when this was asked, in words; none for all that is known.
    pub known_at: Option<String>,
    /// Counts whose crossing is asked for.
    pub thresholds: Vec<u64>,
    /// Words to look for.
    pub words: Vec<String>,
    /// What it is asked about: an entity or a record.
    pub subject: Option<Subject>,
    /// Where the answer comes from.
    pub provenance: Option<Provenance>,
    /// Whether the rows of the first table are all that is shown of the answer. A report may leave out the rest, where that
    /// takes long to find.
    pub first_table_only: bool,
    /// What whoever asks often keeps of the ledger.
    pub kept: Kept,
}

/// What is kept of a ledger by a server that is asked again and again. Answers are the same without it, and take longer.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// What is found of every commitment.
    pub glances: Option<Arc<Glances>>,
    /// Where words stand.
    pub texts: Option<Arc<Texts>>,
    /// Names of parties that were looked up.
    pub names: Names,
}

impl Question {
    /// The days that decide what is soon, in grace and silent.
    pub fn spans(&self) -> Spans {
        Spans {
            soon: self.soon,
            grace: self.grace,
            silent: self.silent,
        }
    }

    /// A question that asks for everything by the same days.
    pub fn with_spans(&self) -> Self {
        Self {
            soon: self.soon,
            grace: self.grace,
            silent: self.silent,
            ..Self::default()
        }
    }

    /// What is kept of every commitment of a view, if it is.
    pub fn glances(&self, view: &View<'_>) -> Option<&Arc<Glances>> {
        let glances = self.kept.glances.as_ref();
        glances.filter(|glances| glances.fit(view, self.spans()))
    }
}

/// Where an answer comes from: what the ledger says of itself, and how it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// How many records there are.
    pub records: u64,
    /// The link of the last one.
    pub link: String,
    /// The root of the tree over them.
    pub root: String,
    /// The checkpoint over them, as witnesses would cosign it.
    pub checkpoint: String,
    /// The program, and its version.
    pub tool: String,
    /// The command that gives this answer again.
    pub command: String,
    /// When it was given.
    pub at: Instant,
}

impl Default for Question {
    fn default() -> Self {
        Self {
            party: None,
            agreement: None,
            commitment: None,
            source: None,
            kinds: Vec::new(),
            standings: Vec::new(),
            party_kind: None,
            since: None,
            until: None,
            limit: None,
            soon: Days::new(30),
            grace: Days::new(0),
            silent: Days::new(180),
            known_at: None,
            thresholds: Vec::new(),
            words: Vec::new(),
            subject: None,
            provenance: None,
            first_table_only: false,
            kept: Kept::default(),
        }
    }
}

/// An end of a stretch of the log: a day, or a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A day, in UTC where it bounds recorded times.
    Day(NaiveDate),
    /// A record.
    Record(Seq),
    /// An instant.
    Time(Instant),
}
