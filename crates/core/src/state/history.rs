//! What the state knows of records without reading them.

use chrono::NaiveDate;

use super::assessments::Assessment;
use super::dates::RecordDate;
use super::days::{Days, TOGETHER};
use super::facts::CommitmentFacts;
use super::id_table::Id;
use super::postings::Postings;
use super::scan_cache::ScanCache;
use super::standing::{Move, Promise, Standings};
use super::stored::Table;
use super::tables::State;
use crate::event::Kind;
use crate::value::agreement::AgreementStatus;
use crate::value::commitment::Contest;
use crate::value::id::{AgreementId, CommitmentId, EntityKind, Seq, Slug};
use crate::value::when::When;

/// The records that changed a commitment and count, of all days, in order.
#[derive(Debug, Clone, Copy)]
pub struct CommitmentHistory<'r> {
    state: &'r State,
    number: Id,
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
    /// The number of its id.
    pub fn number(self) -> Id {
        self.number
    }

    /// The record that defines it.
    pub fn defined(self) -> Seq {
        self.defined
    }

    /// Every record about it.
    pub fn trail(self) -> impl Iterator<Item = Seq> + use<'r> {
        self.trail.iter().map(seq)
    }

    /// Every record about it, the last first.
    pub(crate) fn trail_backwards(self) -> impl Iterator<Item = Seq> + use<'r> {
        self.trail.backwards().map(seq)
    }

    /// The number of the agreement that it was made in.
    pub fn agreement(self) -> Option<Id> {
        let record = u32::try_from(self.defined.0).ok()?;
        Some(self.facts.terms.of(record)?.agreement)
    }

    /// The records that moved its debtors' standings.
    pub fn moves(self) -> impl Iterator<Item = Seq> + use<'r> {
        self.facts.moves.iter().map(|(record, _)| seq(record))
    }

    /// The moves of its debtors' standings by the records that count for the asker, and where they led; none without terms.
    pub fn standings(self, counts: impl Fn(Seq) -> bool) -> Option<(Vec<Move>, Standings<'r>)> {
        let terms = self.facts.terms.of(number(self.defined))?;
        let counts = |record| counts(seq(record));
        Some(Standings::all(self.state, terms, self.facts, counts))
    }

    /// The moves of the contest about it.
    pub fn contests(self) -> impl Iterator<Item = (Seq, Contest)> + use<'r> {
        let contests = self.facts.contests.iter();
        contests.map(|(record, to)| (seq(record), *to))
    }

    /// The assessments.
    pub fn assessments(self) -> impl Iterator<Item = (Seq, &'r Assessment)> + use<'r> {
        let assessments = self.facts.assessments.iter();
        let found = &self.state.tables.assessments;
        assessments.filter_map(move |(record, number)| Some((seq(record), found.get(*number)?)))
    }

    /// Where its debtors stood before a record.
    pub(crate) fn standings_before(self, before: Seq) -> Option<Standings<'r>> {
        let promise = Promise {
            number: self.number,
            defined: number(self.defined),
            terms: self.facts.terms.of(number(self.defined))?,
            facts: self.facts,
        };
        Some(Standings::before(self.state, promise, number(before)))
    }

    /// The last move of the contest before a record.
    pub(crate) fn contest_before(self, before: Seq) -> Option<Contest> {
        let mut contests = self.facts.contests.before(number(before));
        contests.next().map(|(_, to)| *to)
    }

    /// The assessments before a record, the newest first.
    pub(crate) fn assessments_before(
        self,
        before: Seq,
    ) -> impl Iterator<Item = &'r Assessment> + use<'r> {
        let found = &self.state.tables.assessments;
        let assessments = self.facts.assessments.before(number(before));
        assessments.filter_map(move |(_, number)| found.get(*number))
    }

    /// The amendments of its terms before a record, the newest first.
    pub(crate) fn amendments_before(self, before: Seq) -> impl Iterator<Item = Seq> + use<'r> {
        let amendments = self.facts.amendments.before(number(before));
        amendments.map(|(record, _)| seq(record))
    }

    /// The amendments of its terms.
    pub(crate) fn amendments(self) -> impl Iterator<Item = Seq> + use<'r> {
        self.facts.amendments.iter().map(|(record, _)| seq(record))
    }

    /// The occurrences that were held.
    pub fn occurrences(self) -> impl Iterator<Item = Seq> + use<'r> {
        self.facts
            .occurrences
            .iter()
            .map(|(record, ())| seq(record))
    }

    /// The records that record it: one, if nobody tampered.
    pub(crate) fn recordings(self) -> impl Iterator<Item = Seq> + use<'r> {
        self.facts.terms.iter().map(|(record, _)| seq(record))
    }
}

impl State {
    /// The date of a record and what is doubtful about it, whether or not it counts; none if its payload was erased.
    pub fn date(&self, seq: Seq) -> Option<&RecordDate> {
        self.kind(seq)?;
        self.tables.dates.get(usize::try_from(seq.0).ok()?)
    }

    /// The [`RecordDate::last_day`] of a record.
    pub(crate) fn own_last_day(&self, seq: Seq) -> Option<NaiveDate> {
        self.tables.dates.last_day(usize::try_from(seq.0).ok()?)
    }

    /// The history of a commitment; none if there is no such commitment.
    pub fn history(&self, commitment: &CommitmentId) -> Option<CommitmentHistory<'_>> {
        self.history_numbered(self.tables.names.find(&commitment.0)?)
    }

    /// The status of an agreement before a record; none if there is no such agreement.
    pub(crate) fn agreement_status_before(
        &self,
        id: &AgreementId,
        before: Seq,
    ) -> Option<AgreementStatus> {
        let (entity, _) = self.found(&id.0, EntityKind::Agreement)?;
        let moves = &entity.facts.agreement.as_deref()?.moves;
        let last = moves.before(number(before)).next();
        Some(last.map_or(AgreementStatus::Concluded, |(_, made)| made.to))
    }

    /// The moves of an agreement's status, each with when it takes effect where that is not its own date.
    pub(crate) fn agreement_moves(
        &self,
        agreement: Id,
    ) -> impl Iterator<Item = (Seq, AgreementStatus, Option<When>)> {
        let entity = self.tables.entity(agreement);
        let facts = entity.and_then(|entity| entity.facts.agreement.as_deref());
        let moves = facts.into_iter().flat_map(|facts| facts.moves.iter());
        moves.map(|(record, made)| (seq(record), made.to, made.effective))
    }

    /// The parties that a party succeeded, each with the record that says so.
    pub(crate) fn predecessors(&self, party: Id) -> impl Iterator<Item = (Seq, Id)> {
        let entity = self.tables.entity(party);
        let facts = entity.and_then(|entity| entity.facts.party.as_deref());
        let all = facts.into_iter().flat_map(|facts| facts.succeeded.iter());
        all.map(|(record, earlier)| (seq(record), *earlier))
    }

    /// The parties that succeeded a party, with the records that say so.
    pub(crate) fn successors(&self, party: Id) -> impl Iterator<Item = (Seq, &[Id])> {
        let entity = self.tables.entity(party);
        let facts = entity.and_then(|entity| entity.facts.party.as_deref());
        let all = facts.into_iter().flat_map(|facts| facts.successors.iter());
        all.map(|(record, later)| (seq(record), &**later))
    }

    /// The history of the commitment whose id has a number; none if it is no commitment's.
    pub fn history_numbered(&self, id: Id) -> Option<CommitmentHistory<'_>> {
        let entity = self.tables.entity(id)?;
        let (kind, record) = entity.defined?;
        let facts = entity.facts.commitment.as_deref();
        Some(CommitmentHistory {
            state: self,
            number: id,
            defined: seq(record),
            trail: &entity.trail,
            facts: facts.filter(|_| kind == EntityKind::Commitment)?,
        })
    }

    /// The history of each commitment, in the order in which records first named them.
    pub fn histories(&self) -> impl Iterator<Item = (&Slug, CommitmentHistory<'_>)> {
        let ids = (0..).zip(self.tables.names.slugs().iter());
        ids.filter_map(|(id, slug)| Some((slug, self.history_numbered(id)?)))
    }

    fn scan_cache(&self) -> &ScanCache {
        let tables = &self.tables;
        let cache = || ScanCache::new(tables.kinds.len());
        tables.scan_cache.get_or_init(cache)
    }

    /// The latest days of a record and its neighbours.
    fn days_around(&self, seq: Seq) -> Option<&Days> {
        let tables = &self.tables;
        let group = place(seq) / TOGETHER;
        let agreement = |record| self.agreement_of_dateless(Seq(u64::from(record)));
        let make = || tables.days_of(group, agreement);
        let stored = tables.days.get(group);
        stored.or_else(|| self.scan_cache().days(group, make))
    }

    /// The last of the days that agreements were given after something named them.
    fn redated(&self) -> NaiveDate {
        self.tables.redated.unwrap_or(NaiveDate::MIN)
    }

    /// A day that is not before the last possible day of a record or of its neighbours. This is a quick bound.
    pub(crate) fn latest_around(&self, seq: Seq) -> NaiveDate {
        let days = self.days_around(seq);
        days.map_or(NaiveDate::MAX, |days| days.latest(self.redated()))
    }

    /// Those of the first `count` records that may have happened later than a day: a bound, found by groups of records.
    pub(crate) fn later_than(
        &self,
        day: NaiveDate,
        count: u64,
    ) -> impl Iterator<Item = Seq> + use<'_> {
        let groups = (0..count).step_by(TOGETHER);
        let later = groups.filter(move |first| self.latest_around(Seq(*first)) > day);
        later.flat_map(move |first| (first..count.min(first + TOGETHER as u64)).map(Seq))
    }

    /// As [`State::latest_around`], of the records that are not bookkeeping.
    pub(crate) fn latest_heard_around(&self, seq: Seq) -> NaiveDate {
        let days = self.days_around(seq);
        days.map_or(NaiveDate::MAX, |days| days.latest_heard(self.redated()))
    }

    /// A day that is not before the last possible day of a record and of all before it, without those of bookkeeping.
    pub(crate) fn latest_heard_until(&self, seq: Seq) -> NaiveDate {
        let firsts = (0..self.count()).step_by(TOGETHER).map(Seq);
        let all = firsts.map(|first| self.latest_heard_around(first));
        let heard = self.scan_cache().heard(all);
        let until = heard.get(place(seq) / TOGETHER);
        until.copied().unwrap_or(NaiveDate::MAX)
    }

    /// The agreement in which the commitment of a record was made, if the record counts and has no date, and the record
    /// need not be read to know that.
    pub(crate) fn agreement_of_dateless(&self, seq: Seq) -> Option<Id> {
        let record = u32::try_from(seq.0).ok()?;
        if seq.0 < self.tables.stored_records() {
            // What was corrected may have been corrected since.
            let known = self.tables.dateless.of(seq.0).next();
            return known.filter(|_| !self.is_mended(seq)).copied();
        }
        let agreements = self.scan_cache().agreements(|| {
            let stored = self.tables.stored.as_ref();
            let first = stored.map_or(0, |stored| stored.values(Table::Entities));
            self.tables.dateless(first).collect()
        });
        agreements.get(&record).copied()
    }

    /// Whether a record is irregular, was inferred in part, or says no last day.
    pub fn is_noteworthy(&self, seq: Seq) -> bool {
        let dates = &self.tables.dates;
        let is_one = |record: &usize| dates.stamp(*record).is_some_and(|one| one.is_noteworthy);
        let noteworthy = &self.scan_cache().noteworthy;
        noteworthy.has(place(seq), |group| group.filter(is_one).collect())
    }

    /// Whether a record was corrected, retracted or redacted.
    pub fn is_mended(&self, seq: Seq) -> bool {
        let statuses = &self.tables.record_statuses;
        let mended = &self.scan_cache().mended;
        mended.has(place(seq), |group| {
            let all = statuses.within(group.start as u64..=group.end as u64 - 1);
            all.map(|record| record as usize).collect()
        })
    }

    /// The corrections of a record, whether or not they count, in order.
    pub fn corrections(&self, seq: Seq) -> impl Iterator<Item = Seq> {
        self.record_status(seq)
            .corrections
            .iter()
            .map(|by| Seq((*by).into()))
    }

    /// The retraction of a record.
    pub fn retracted_by(&self, seq: Seq) -> Option<Seq> {
        self.record_status(seq).retracted.map(|by| Seq(by.into()))
    }

    /// The redaction of a record.
    pub fn redacted_by(&self, seq: Seq) -> Option<Seq> {
        self.record_status(seq).redacted.map(|by| Seq(by.into()))
    }

    /// The redacted records whose payload was there when they were taken in, with their kinds, in order.
    pub fn redacted(&self) -> Vec<(Seq, Kind)> {
        let record_statuses = self
            .tables
            .record_statuses
            .iter()
            .filter(|(_, record_status)| record_status.redacted.is_some());
        let seqs = record_statuses.map(|(record, _)| Seq(record));
        let mut all: Vec<(Seq, Kind)> = seqs
            .filter_map(|seq| Some((seq, self.kind(seq)?)))
            .collect();
        all.sort_unstable();
        all
    }

    /// The retracted or redacted records whose payload was there when they were taken in, in order.
    pub fn out_of_count(&self) -> Vec<Seq> {
        let record_statuses = self
            .tables
            .record_statuses
            .iter()
            .filter(|(_, record_status)| !record_status.is_standing());
        let mut all: Vec<Seq> = record_statuses.map(|(record, _)| Seq(record)).collect();
        all.retain(|seq| self.kind(*seq).is_some());
        all.sort_unstable();
        all
    }
}
