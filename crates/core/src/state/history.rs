//! What is known of records without reading them.

use chrono::NaiveDate;

use super::facts::CommitmentFacts;
use super::postings::Postings;
use super::scan_cache::ScanCache;
use super::{Assessment, EntityKind, Id, RecordDate, State};
use crate::value::agreement::AgreementStatus;
use crate::value::commitment::{Contest, Standing};
use crate::value::id::{AgreementId, CommitmentId, Seq, Slug};

/// What records say that made a commitment what it is, in their order: of every day, those that count.
#[derive(Debug, Clone, Copy)]
pub struct CommitmentHistory<'r> {
    state: &'r State,
    defined: Seq,
    trail: &'r Postings,
    facts: &'r CommitmentFacts,
}

fn seq(record: u32) -> Seq {
    Seq(record.into())
}

fn number(seq: Seq) -> u32 {
    u32::try_from(seq.0).unwrap_or(u32::MAX)
}

fn place(seq: Seq) -> usize {
    usize::try_from(seq.0).unwrap_or(usize::MAX)
}

impl<'r> CommitmentHistory<'r> {
    /// The record that defines it.
    pub fn defined(self) -> Seq {
        self.defined
    }

    /// Every record about it.
    pub fn trail(self) -> impl Iterator<Item = Seq> + use<'r> {
        self.trail.iter().map(seq)
    }

    /// The number of the agreement that it was made in.
    pub fn agreement(self) -> Option<Id> {
        let record = u32::try_from(self.defined.0).ok()?;
        Some(self.facts.terms.of(record)?.agreement)
    }

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
    pub fn assessments(self) -> impl Iterator<Item = (Seq, &'r Assessment)> + use<'r> {
        let assessments = self.facts.assessments.iter();
        let findings = self.state.folded.findings.all();
        assessments.filter_map(move |(record, finding)| {
            Some((seq(record), findings.get(*finding as usize)?))
        })
    }

    /// Where it came to stand last before a record.
    pub fn standing_before(self, before: Seq) -> Option<Standing> {
        let mut moves = self.facts.moves.before(number(before));
        moves.next().map(|(_, to)| *to)
    }

    /// Where the contest about it came to stand last before a record.
    pub fn contest_before(self, before: Seq) -> Option<Contest> {
        let mut contests = self.facts.contests.before(number(before));
        contests.next().map(|(_, to)| *to)
    }

    /// What assessors found before a record, the newest first.
    pub fn assessments_before(self, before: Seq) -> impl Iterator<Item = &'r Assessment> + use<'r> {
        let findings = self.state.folded.findings.all();
        let assessments = self.facts.assessments.before(number(before));
        assessments.filter_map(move |(_, finding)| findings.get(*finding as usize))
    }

    /// What changed its terms before a record, the newest first.
    pub fn amendments_before(self, before: Seq) -> impl Iterator<Item = Seq> + use<'r> {
        let amendments = self.facts.amendments.before(number(before));
        amendments.map(|(record, _)| seq(record))
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

impl State {
    /// When a record may have happened, and what is doubtful about it, whether or not it counts; none where its
    /// payload is gone.
    pub fn stamp(&self, seq: Seq) -> Option<&RecordDate> {
        self.kind(seq)?;
        self.folded.dates.get(usize::try_from(seq.0).ok()?)
    }

    /// The last day on which a record can have happened by what it says itself: [`RecordDate::last_day`].
    pub fn own_last_day(&self, seq: Seq) -> Option<NaiveDate> {
        self.folded.dates.last_day(usize::try_from(seq.0).ok()?)
    }

    /// What was recorded of a commitment; none where there is no such commitment.
    pub fn told(&self, commitment: &CommitmentId) -> Option<CommitmentHistory<'_>> {
        self.told_of(self.folded.names.find(&commitment.0)?)
    }

    /// An agreement's status by the records before one; none where there is no such agreement.
    pub fn agreement_status_before(
        &self,
        id: &AgreementId,
        before: Seq,
    ) -> Option<AgreementStatus> {
        let (entity, _) = self.found(&id.0, EntityKind::Agreement)?;
        let moves = &entity.facts.agreement.as_deref()?.moves;
        let last = moves.before(number(before)).next();
        Some(last.map_or(AgreementStatus::Concluded, |(_, to)| *to))
    }

    fn told_of(&self, id: Id) -> Option<CommitmentHistory<'_>> {
        let entity = &self.folded.entities[id as usize];
        let (kind, record) = entity.defined?;
        let facts = entity.facts.commitment.as_deref();
        Some(CommitmentHistory {
            state: self,
            defined: seq(record),
            trail: &entity.trail,
            facts: facts.filter(|_| kind == EntityKind::Commitment)?,
        })
    }

    /// What was recorded of each commitment, in the order in which their ids were given.
    pub fn all_told(&self) -> impl Iterator<Item = (&Slug, CommitmentHistory<'_>)> {
        let ids = (0..).zip(self.folded.names.slugs());
        ids.filter_map(|(id, slug)| Some((slug, self.told_of(id)?)))
    }

    fn marks(&self) -> &ScanCache {
        self.folded.marks.get_or_init(|| {
            let mended = self
                .folded
                .record_statuses
                .keys()
                .map(|record| *record as usize);
            let entities = self.folded.entities.iter();
            let commitments = entities.filter_map(|entity| entity.facts.commitment.as_deref());
            let terms = commitments.flat_map(|facts| facts.terms.iter());
            let made_in = terms.map(|(record, terms)| (record, terms.agreement));
            ScanCache::new(&self.folded.kinds, &self.folded.dates, mended, made_in)
        })
    }

    /// A day that no last possible day of a record lies after, nor of those around it: quick to tell.
    pub fn latest_around(&self, seq: Seq) -> NaiveDate {
        self.marks().latest(place(seq))
    }

    /// The agreement in which the commitment of a record was made, if the record counts and has no date.
    pub fn agreement_of_dateless(&self, seq: Seq) -> Option<Id> {
        self.marks().agreement(place(seq))
    }

    /// Whether a record breaks a rule, was inferred in part, or has no last day of its own.
    pub fn is_noteworthy(&self, seq: Seq) -> bool {
        self.marks().is_noteworthy(place(seq))
    }

    /// Whether a record was corrected, retracted or redacted.
    pub fn is_mended(&self, seq: Seq) -> bool {
        self.marks().is_mended(place(seq))
    }

    /// The corrections of a record, whether or not they count, in order.
    pub fn corrections(&self, seq: Seq) -> impl Iterator<Item = Seq> {
        self.record_status(seq)
            .corrections
            .iter()
            .map(|by| Seq((*by).into()))
    }

    /// The retraction that took a record out.
    pub fn retracted_by(&self, seq: Seq) -> Option<Seq> {
        self.record_status(seq).retracted.map(|by| Seq(by.into()))
    }

    /// The redaction that withheld a record.
    pub fn redacted_by(&self, seq: Seq) -> Option<Seq> {
        self.record_status(seq).redacted.map(|by| Seq(by.into()))
    }

    /// The records that were retracted or redacted and are still there, in order.
    pub fn out_of_count(&self) -> Vec<Seq> {
        let record_statuses = self
            .folded
            .record_statuses
            .iter()
            .filter(|(_, record_status)| !record_status.is_standing());
        let mut all: Vec<Seq> = record_statuses
            .map(|(record, _)| Seq((*record).into()))
            .collect();
        all.retain(|seq| self.kind(*seq).is_some());
        all.sort_unstable();
        all
    }
}
