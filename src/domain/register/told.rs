//! What is known of records without reading them.

use chrono::NaiveDate;

use super::super::commitment::{Contest, Standing};
use super::super::id::{CommitmentId, Seq};
use super::facts::CommitmentFacts;
use super::{EntityKind, Finding, Register, Stamp};

/// What records say that made a commitment what it is, in their order: of every day, those that count.
#[derive(Debug, Clone, Copy)]
pub struct Told<'r> {
    facts: &'r CommitmentFacts,
    findings: &'r super::Findings,
}

fn seq(record: u32) -> Seq {
    Seq(record.into())
}

impl<'r> Told<'r> {
    /// Where it came to stand.
    pub fn moves(self) -> impl Iterator<Item = (Seq, Standing)> + use<'r> {
        let moves = self.facts.moves.iter();
        moves.map(|(record, to)| (seq(record), *to))
    }

    /// Where the contest about it came to stand.
    pub fn contests(self) -> impl Iterator<Item = (Seq, Contest)> + use<'r> {
        let contests = self.facts.contests.iter();
        contests.map(|(record, to)| (seq(record), *to))
    }

    /// What assessors found.
    pub fn assessments(self) -> impl Iterator<Item = (Seq, &'r Finding)> + use<'r> {
        let assessments = self.facts.assessments.iter();
        assessments
            .filter_map(move |(record, finding)| Some((seq(record), self.findings.get(*finding)?)))
    }

    /// What changed its terms.
    pub fn amendments(self) -> impl Iterator<Item = Seq> + use<'r> {
        self.facts.amendments.iter().map(|(record, _)| seq(record))
    }

    /// The occurrences that were held.
    pub fn occurrences(self) -> impl Iterator<Item = Seq> + use<'r> {
        self.facts
            .occurrences
            .iter()
            .map(|(record, ())| seq(record))
    }

    /// The records that recorded it: one, unless somebody tampered.
    pub fn recordings(self) -> impl Iterator<Item = Seq> + use<'r> {
        self.facts.terms.iter().map(|(record, _)| seq(record))
    }
}

impl Register {
    /// When a record may have happened, and what is doubtful about it, whether or not it counts; none where its
    /// payload is gone.
    pub fn stamp(&self, seq: Seq) -> Option<&Stamp> {
        self.kind(seq)?;
        self.stamps.get(usize::try_from(seq.0).ok()?)
    }

    /// The last day on which a record can have happened by what it says itself: [`Stamp::last_day`].
    pub fn own_last_day(&self, seq: Seq) -> Option<NaiveDate> {
        self.stamps.last_day(usize::try_from(seq.0).ok()?)
    }

    /// What was recorded of a commitment; none where there is no such commitment.
    pub fn told(&self, commitment: &CommitmentId) -> Option<Told<'_>> {
        let (entity, _) = self.found(&commitment.0, EntityKind::Commitment)?;
        Some(Told {
            facts: entity.facts.commitment.as_deref()?,
            findings: &self.findings,
        })
    }

    /// The corrections of a record, whether or not they count, in order.
    pub fn corrections(&self, seq: Seq) -> impl Iterator<Item = Seq> {
        self.fate(seq)
            .corrections
            .iter()
            .map(|by| Seq((*by).into()))
    }

    /// The retraction that took a record out.
    pub fn retracted_by(&self, seq: Seq) -> Option<Seq> {
        self.fate(seq).retracted.map(|by| Seq(by.into()))
    }

    /// The redaction that withheld a record.
    pub fn redacted_by(&self, seq: Seq) -> Option<Seq> {
        self.fate(seq).redacted.map(|by| Seq(by.into()))
    }

    /// The records that were retracted or redacted and are still there, in order.
    pub fn out_of_count(&self) -> Vec<Seq> {
        let fates = self.fates.iter().filter(|(_, fate)| !fate.is_standing());
        let mut all: Vec<Seq> = fates.map(|(record, _)| Seq((*record).into())).collect();
        all.retain(|seq| self.kind(*seq).is_some());
        all.sort_unstable();
        all
    }
}
