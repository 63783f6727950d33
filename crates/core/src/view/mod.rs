//! Views: what was true on a day, asked of a state.
//!
//! The state knows what was recorded; a view adds the other clock. An event counts on a day if it had
//! certainly happened by then: its last possible day is not later. An event that no date is known for
//! counts from the day it was recorded; a commitment without a date of its own has its agreement's.

pub mod occurrences;
pub mod schedule;
pub mod sentences;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{Days, NaiveDate};
use foldhash::fast::FixedState;

use crate::event::{
    AgreementRecorded, CommitmentRecorded, Entry, Fact, Kind, PartyRegistered, SourceRegistered,
};
use crate::state::{Assessment, CommitmentHistory, EntityKind, Id, RecordDate, State};
use crate::value::agreement::AgreementStatus;
use crate::value::commitment::{Capacity, Contest, Standing};
use crate::value::id::{AgreementId, CommitmentId, PartyId, Seq, Slug, SourceId, Subject};
use crate::value::party::Name;
use crate::value::when::When;
use crate::view::schedule::Term;

/// A state as of a day.
#[derive(Debug, Clone, Copy)]
pub struct View<'r> {
    /// What is known.
    pub state: &'r State,
    /// The day: what happened later does not count.
    pub as_of: NaiveDate,
}

/// A party as of a day.
#[derive(Debug, Clone)]
pub struct Party<'r> {
    /// Its id.
    pub id: &'r PartyId,
    /// The record that registered it.
    pub recorded: &'r Entry,
    /// What it registered.
    pub fact: &'r PartyRegistered,
    /// Its names on that day; the first is shown.
    pub names: &'r [Name],
    /// Who succeeded it.
    pub successors: Vec<&'r PartyId>,
}

/// A source.
#[derive(Debug, Clone)]
pub struct Source<'r> {
    /// Its id.
    pub id: &'r SourceId,
    /// The record that registered it.
    pub recorded: &'r Entry,
    /// What it registered.
    pub fact: &'r SourceRegistered,
}

/// An agreement as of a day.
#[derive(Debug, Clone)]
pub struct Agreement<'r> {
    /// Its id.
    pub id: &'r AgreementId,
    /// The record of its conclusion.
    pub recorded: &'r Entry,
    /// What it recorded.
    pub fact: &'r AgreementRecorded,
    /// Its status.
    pub status: AgreementStatus,
    /// The records that moved its status, in order.
    pub moves: Vec<&'r Entry>,
    /// What the parties did about it.
    pub participation: Vec<&'r Entry>,
}

/// A commitment as of a day.
#[derive(Debug, Clone)]
pub struct Commitment<'r> {
    /// Its id.
    pub id: &'r CommitmentId,
    /// The record that made it.
    pub recorded: &'r Entry,
    /// Its terms, with every amendment applied.
    pub terms: Cow<'r, CommitmentRecorded>,
    /// Which record set each field of the terms, where that is not the first one.
    pub set_by: BTreeMap<&'static str, Seq>,
    /// Where it stands: the first axis.
    pub standing: Standing,
    /// The records that moved it there, in order, and where to.
    pub moves: Vec<(Seq, Standing)>,
    /// What assessors found: the second axis. Never averaged.
    pub assessments: Vec<(Seq, &'r Assessment)>,
    /// Whether it is argued about: the third axis.
    pub contest: Contest,
    /// The records that moved the contest, both sides.
    pub contests: Vec<Seq>,
    /// All that was recorded of it.
    told: CommitmentHistory<'r>,
    /// Where its records are.
    state: &'r State,
}

/// What the calendar says of a commitment. Derived at query time, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Its deadline has passed and it is still owed.
    Overdue {
        /// Whole days since the deadline.
        days: i64,
    },
    /// Its deadline, or the next day of its rule, lies within the days asked for.
    Soon {
        /// Whole days until the deadline.
        days: i64,
    },
    /// Its deadline lies further ahead.
    Later,
    /// It is due so long after an event that is not known to have happened.
    Waiting,
    /// Nothing says when it is due.
    Undated,
    /// It is to be kept at all times, or by a rule of recurrence that has no day soon.
    Standing,
    /// It is not owed now: proposed, waiting, claimed, breached, suspended or ended.
    NotOwed,
}

/// Every event, whenever it happened.
pub const END_OF_TIME: NaiveDate = NaiveDate::MAX;

impl<'r> View<'r> {
    /// Everything that is known, whenever it happened.
    pub fn whole(state: &'r State) -> Self {
        Self {
            state,
            as_of: END_OF_TIME,
        }
    }

    /// Whether a record had happened by the day of the view; not one whose payload is gone.
    pub fn has_happened(&self, seq: Seq) -> bool {
        if self.state.latest_around(seq) <= self.as_of {
            return true;
        }
        let stamp = self.state.stamp(seq);
        stamp.is_some_and(|stamp| stamp.timeless || self.last_possible_day(seq) <= self.as_of)
    }

    /// The last day on which a record can have happened: the day from which it counts.
    pub fn last_possible_day(&self, seq: Seq) -> NaiveDate {
        let own = self.state.own_last_day(seq);
        let inherited = || self.agreement_stamp(seq)?.on?.latest();
        match self.state.kind(seq) {
            Some(Kind::CommitmentRecorded) => inherited().or(own),
            _ => own,
        }
        .unwrap_or(END_OF_TIME)
    }

    /// What is kept of the record of a commitment's agreement, which gives a commitment without a date its own.
    pub fn agreement_stamp(&self, seq: Seq) -> Option<&'r RecordDate> {
        let state = self.state;
        let is_dateless = |stamp: &&RecordDate| !stamp.is_dated();
        let is_commitment = state.kind(seq) == Some(Kind::CommitmentRecorded);
        state
            .stamp(seq)
            .filter(is_dateless)
            .filter(|_| is_commitment)?;
        // A date that is open at one end is a date of its own.
        let Fact::CommitmentRecorded(fact) = &state.held(seq)?.entry.event.fact else {
            return None;
        };
        let (_, agreed) = state.entity(&fact.agreement.0)?;
        state.stamp(agreed)
    }

    /// When an agreement was concluded.
    pub fn agreed_on(&self, agreement: &AgreementId) -> Option<When> {
        let (_, agreed) = self.state.entity(&agreement.0)?;
        self.state.stamp(agreed)?.on
    }

    /// The records about something that had happened.
    pub fn trail(&self, subject: &Subject) -> impl DoubleEndedIterator<Item = &'r Entry> {
        self.trail_of(subject, |_| true)
    }

    /// As [`View::trail`], the records of some kinds only. The others are not even read.
    pub fn trail_of<W: Fn(Kind) -> bool>(
        &self,
        subject: &Subject,
        wanted: W,
    ) -> impl DoubleEndedIterator<Item = &'r Entry> + use<'r, W> {
        let all = self.trail_records(subject);
        let wanted = all.filter(|(_, kind)| wanted(*kind)).map(|(seq, _)| seq);
        let wanted: Vec<Seq> = wanted.collect();
        let state = self.state;
        wanted.into_iter().filter_map(|seq| state.entry(seq))
    }

    /// The records about something that had happened, with their kinds, without reading them.
    pub fn trail_records(&self, subject: &Subject) -> impl Iterator<Item = (Seq, Kind)> + use<'r> {
        let view = *self;
        let all = self.state.trail_records(subject);
        all.filter(move |(seq, _)| view.has_happened(*seq))
    }

    /// All that had happened, in the order of the chain.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &'r Entry> {
        self.entries_of(|_| true)
    }

    /// As [`View::entries`], those of some records only. The others are not even read.
    pub fn entries_of(
        &self,
        wanted: impl Fn(Seq) -> bool,
    ) -> impl DoubleEndedIterator<Item = &'r Entry> {
        let view = *self;
        let counts = move |seq: &Seq| view.state.standing_kind(*seq).is_some();
        (0..self.state.count())
            .map(Seq)
            .filter(counts)
            .filter(move |seq| wanted(*seq) && view.has_happened(*seq))
            .filter_map(move |seq| view.state.entry(seq))
    }

    /// The parties that acknowledged a record with their own key, in the order of the chain, each once.
    pub fn acknowledged_by(&self, seq: Seq) -> Vec<&'r PartyId> {
        let mut parties = Vec::new();
        for entry in self.trail_of(&Subject::Record(seq), |kind| kind == Kind::Acknowledged) {
            if let Fact::Acknowledged(fact) = &entry.event.fact
                && fact.record == seq
                && !parties.contains(&&fact.party)
            {
                parties.push(&fact.party);
            }
        }
        parties
    }

    fn defining(&self, id: &Slug) -> Option<&'r Entry> {
        let (_, seq) = self.state.entity(id)?;
        let happened = self.has_happened(seq);
        happened.then(|| self.state.entry(seq)).flatten()
    }

    /// A party.
    pub fn party(&self, id: &PartyId) -> Option<Party<'r>> {
        let recorded = self.defining(&id.0)?;
        let Fact::PartyRegistered(fact) = &recorded.event.fact else {
            return None;
        };
        let mut names = fact.name.as_slice();
        let mut successors = Vec::new();
        let changes = |kind| matches!(kind, Kind::PartyRenamed | Kind::PartySucceeded);
        for entry in self.trail_of(&Subject::Entity(id.0.clone()), changes) {
            match &entry.event.fact {
                Fact::PartyRenamed(renamed) if renamed.party == *id => names = &renamed.name,
                Fact::PartySucceeded(succeeded) if succeeded.party == *id => {
                    successors.extend(&succeeded.successor);
                }
                _ => {}
            }
        }
        Some(Party {
            id: &fact.id,
            recorded,
            fact,
            names,
            successors,
        })
    }

    /// A source.
    pub fn source(&self, id: &SourceId) -> Option<Source<'r>> {
        let recorded = self.defining(&id.0)?;
        match &recorded.event.fact {
            Fact::SourceRegistered(fact) => Some(Source {
                id: &fact.id,
                recorded,
                fact,
            }),
            _ => None,
        }
    }

    /// An agreement.
    pub fn agreement(&self, id: &AgreementId) -> Option<Agreement<'r>> {
        let recorded = self.defining(&id.0)?;
        let Fact::AgreementRecorded(fact) = &recorded.event.fact else {
            return None;
        };
        let mut agreement = Agreement {
            id: &fact.id,
            recorded,
            fact,
            status: AgreementStatus::Concluded,
            moves: Vec::new(),
            participation: Vec::new(),
        };
        let of_it = |kind| {
            matches!(
                kind,
                Kind::AgreementStatusChanged | Kind::ParticipationRecorded
            )
        };
        for entry in self.trail_of(&Subject::Entity(id.0.clone()), of_it) {
            match &entry.event.fact {
                Fact::AgreementStatusChanged(changed) if changed.agreement == *id => {
                    agreement.status = changed.to;
                    agreement.moves.push(entry);
                }
                Fact::ParticipationRecorded(did) if did.agreement == *id => {
                    agreement.participation.push(entry);
                }
                _ => {}
            }
        }
        Some(agreement)
    }

    /// A commitment.
    pub fn commitment(&self, id: &CommitmentId) -> Option<Commitment<'r>> {
        self.commitment_told(self.state.told(id)?)
    }

    fn commitment_told(&self, told: CommitmentHistory<'r>) -> Option<Commitment<'r>> {
        let happened = self.has_happened(told.defined());
        let recorded = happened.then(|| self.state.entry(told.defined()))??;
        let Fact::CommitmentRecorded(fact) = &recorded.event.fact else {
            return None;
        };
        let happened = |seq: Seq| self.has_happened(seq);
        let moves: Vec<_> = told.moves().filter(|(seq, _)| happened(*seq)).collect();
        let contests: Vec<_> = told.contests().filter(|(seq, _)| happened(*seq)).collect();
        let assessments = told.assessments().filter(|(seq, _)| happened(*seq));
        let first = fact.standing.unwrap_or(Standing::Agreed);
        let mut commitment = Commitment {
            id: &fact.id,
            recorded,
            terms: Cow::Borrowed(fact),
            set_by: BTreeMap::new(),
            standing: moves.last().map_or(first, |(_, to)| *to),
            moves,
            assessments: assessments.collect(),
            contest: contests.last().map_or(Contest::None, |(_, to)| *to),
            contests: contests.into_iter().map(|(seq, _)| seq).collect(),
            told,
            state: self.state,
        };
        commitment.note_corrections();
        let amendments = told.amendments().filter(|seq| happened(*seq));
        for entry in amendments.filter_map(|seq| self.state.entry(seq)) {
            commitment.amend(entry);
        }
        Some(commitment)
    }

    /// The records of a commitment's trail that made it what it is, in the order of the chain: its terms, moves,
    /// contests, assessments, occurrences.
    pub fn own_trail(&self, commitment: &Commitment<'r>) -> Vec<Seq> {
        self.own_trail_of(commitment, |_| true)
    }

    /// As [`View::own_trail`], some records of it only.
    pub fn own_trail_of(
        &self,
        commitment: &Commitment<'r>,
        wanted: impl Fn(Seq) -> bool,
    ) -> Vec<Seq> {
        let told = commitment.told;
        let own = told
            .recordings()
            .chain(told.amendments())
            .chain(told.moves().map(|(seq, _)| seq))
            .chain(told.contests().map(|(seq, _)| seq))
            .chain(told.assessments().map(|(seq, _)| seq))
            .chain(told.occurrences());
        let mut all: Vec<Seq> = own
            .filter(|seq| wanted(*seq) && self.has_happened(*seq))
            .collect();
        all.sort_unstable();
        all
    }

    /// How many commitments there are in each agreement, by the number of its id.
    pub fn commitment_counts(&self) -> HashMap<Id, usize, FixedState> {
        let mut counts = HashMap::default();
        for (_, told) in self.state.all_told() {
            if let Some(agreement) = told.agreement()
                && self.has_happened(told.defined())
            {
                *counts.entry(agreement).or_default() += 1;
            }
        }
        counts
    }

    /// Every party, by id.
    pub fn parties(&self) -> Vec<Party<'r>> {
        self.state
            .ids(EntityKind::Party)
            .filter_map(|id| self.party(&PartyId(id.clone())))
            .collect()
    }

    /// Every source, by id.
    pub fn sources(&self) -> Vec<Source<'r>> {
        self.state
            .ids(EntityKind::Source)
            .filter_map(|id| self.source(&SourceId(id.clone())))
            .collect()
    }

    /// Every agreement, by id.
    pub fn agreements(&self) -> Vec<Agreement<'r>> {
        self.state
            .ids(EntityKind::Agreement)
            .filter_map(|id| self.agreement(&AgreementId(id.clone())))
            .collect()
    }

    /// What records of some kinds that name one of these are about, each once and sorted: `about` tells of an entry.
    fn subjects_naming<'s, T: Ord>(
        &self,
        named: impl IntoIterator<Item = &'s Slug>,
        kinds: &[Kind],
        about: impl Fn(&'r Fact) -> Option<&'r T>,
    ) -> BTreeSet<&'r T> {
        let wanted = |kind: Kind| kinds.contains(&kind);
        named
            .into_iter()
            .flat_map(|named| self.trail_of(&Subject::Entity(named.clone()), wanted))
            .filter_map(|entry| about(&entry.event.fact))
            .collect()
    }

    /// Every commitment whose terms name or named one of these, by id: those of an agreement, those that a party
    /// has a part in.
    pub fn commitments_naming<'s>(
        &self,
        named: impl IntoIterator<Item = &'s Slug>,
    ) -> Vec<Commitment<'r>> {
        let terms = [Kind::CommitmentRecorded, Kind::CommitmentAmended];
        let ids = self.subjects_naming(named, &terms, |fact| match fact {
            Fact::CommitmentRecorded(fact) => Some(&fact.id),
            Fact::CommitmentAmended(fact) => Some(&fact.commitment),
            _ => None,
        });
        let commitments = ids.into_iter().filter_map(|id| self.commitment(id));
        commitments.collect()
    }

    /// Every party of which something was recorded that names this one: its parts, whom it succeeded, itself; by id.
    pub fn parties_naming(&self, named: &Slug) -> Vec<Party<'r>> {
        let wanted = [Kind::PartyRegistered, Kind::PartySucceeded];
        let ids = self.subjects_naming([named], &wanted, |fact| match fact {
            Fact::PartyRegistered(fact) => Some(&fact.id),
            Fact::PartySucceeded(fact) => Some(&fact.party),
            _ => None,
        });
        ids.into_iter().filter_map(|id| self.party(id)).collect()
    }

    /// Every source that names this one, and itself, by id.
    pub fn sources_naming(&self, named: &Slug) -> Vec<Source<'r>> {
        let ids = self.subjects_naming([named], &[Kind::SourceRegistered], |fact| match fact {
            Fact::SourceRegistered(fact) => Some(&fact.id),
            _ => None,
        });
        ids.into_iter().filter_map(|id| self.source(id)).collect()
    }

    /// Every agreement that names one of these, or that one of these did something about, by id.
    pub fn agreements_naming<'s>(
        &self,
        named: impl IntoIterator<Item = &'s Slug>,
    ) -> Vec<Agreement<'r>> {
        let wanted = [Kind::AgreementRecorded, Kind::ParticipationRecorded];
        let ids = self.subjects_naming(named, &wanted, |fact| match fact {
            Fact::AgreementRecorded(fact) => Some(&fact.id),
            Fact::ParticipationRecorded(fact) => Some(&fact.agreement),
            _ => None,
        });
        let agreements = ids.into_iter().filter_map(|id| self.agreement(id));
        agreements.collect()
    }

    /// Every commitment, by id.
    pub fn commitments(&self) -> Vec<Commitment<'r>> {
        let mut told: Vec<(&Slug, CommitmentHistory<'r>)> = self.state.all_told().collect();
        told.sort_unstable_by_key(|(id, _)| *id);
        let told = told.into_iter();
        told.filter_map(|(_, told)| self.commitment_told(told))
            .collect()
    }

    /// What the calendar says of a commitment on the view's day; `soon` is how many days ahead count as soon.
    pub fn due(&self, commitment: &Commitment<'_>, soon: Days) -> Due {
        if !commitment.standing.can_be_overdue() {
            return Due::NotOwed;
        }
        let last = match self.term(commitment) {
            Term::Undated => return Due::Undated,
            Term::Waits(_) => return Due::Waiting,
            Term::Dated(date) => date.latest,
            Term::Standing => {
                let next = self
                    .occurrences(commitment)
                    .and_then(|all| all.next(self.as_of));
                return match next.filter(|day| self.is_within(*day, soon)) {
                    Some(day) => Due::Soon {
                        days: (day - self.as_of).num_days(),
                    },
                    None => Due::Standing,
                };
            }
        };
        let days = (last - self.as_of).num_days();
        if days < 0 {
            Due::Overdue { days: -days }
        } else if self.is_within(last, soon) {
            Due::Soon { days }
        } else {
            Due::Later
        }
    }

    /// Whether a day is at most so many days ahead.
    fn is_within(&self, day: NaiveDate, ahead: Days) -> bool {
        let limit = self.as_of.checked_add_days(ahead);
        limit.is_some_and(|limit| day <= limit)
    }

    /// Whether a commitment's deadline passed while it was owed: what rates of the due ones divide by.
    pub fn fell_due(&self, commitment: &Commitment<'_>) -> bool {
        let last = self.due_date(commitment);
        commitment.standing.counts_as_due() && last.is_some_and(|last| last < self.as_of)
    }

    /// The last day on which something is known to have happened about a commitment.
    pub fn last_heard(&self, commitment: &Commitment<'_>) -> NaiveDate {
        let mut last = None;
        let trail: Vec<Seq> = commitment.told.trail().collect();
        // What was recorded last happened last, as a rule: the rest need not be looked up.
        for seq in trail.into_iter().rev() {
            let known = last.is_some_and(|last| self.state.latest_around(seq) <= last);
            if !known
                && self
                    .state
                    .kind(seq)
                    .is_some_and(|kind| !is_bookkeeping(kind))
                && self.has_happened(seq)
            {
                last = last.max(Some(self.last_possible_day(seq)));
            }
        }
        last.unwrap_or_else(|| self.last_possible_day(commitment.recorded.seq))
    }
}

/// Whether events of this kind are about the record, not about the world.
fn is_bookkeeping(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Noted | Kind::Corrected | Kind::Retracted | Kind::Redacted
    )
}

impl<'r> Commitment<'r> {
    /// Who owes it: the debtors, and on a mutual commitment the creditors too.
    pub fn debtors(&self) -> Vec<&PartyId> {
        both_sides(&self.terms.debtor, &self.terms.creditor, self.terms.mutual)
    }

    /// To whom it is owed: the creditors, and on a mutual commitment the debtors too.
    pub fn creditors(&self) -> Vec<&PartyId> {
        both_sides(&self.terms.creditor, &self.terms.debtor, self.terms.mutual)
    }

    /// The parties whose claim of fulfilment is being answered, or was answered by the breach that stands.
    /// An older claim, which was rejected or overtaken, binds nobody any more.
    pub fn claimants(&self) -> &'r [PartyId] {
        let claim = match self.moves.as_slice() {
            [.., claim, (_, Standing::Breached)] => Some(claim),
            moves => moves.last(),
        };
        claim
            .filter(|(_, to)| *to == Standing::Claimed)
            .and_then(|(seq, _)| self.state.entry(*seq))
            .map_or(&[], |entry| entry.event.envelope.by.as_slice())
    }

    /// Whether an assessor or arbiter has looked at it.
    pub fn is_verified(&self) -> bool {
        let mut moves = self.move_entries();
        let arbitrated = moves.any(|entry| match &entry.event.fact {
            Fact::StatusChanged(fact) => {
                matches!(fact.capacity, Some(Capacity::Arbiter | Capacity::Assessor))
            }
            _ => false,
        });
        arbitrated || !self.assessments.is_empty()
    }

    /// The records that moved its standing, read.
    pub fn move_entries(&self) -> impl Iterator<Item = &'r Entry> {
        let moves = self.moves.iter();
        moves.filter_map(|(seq, _)| self.state.entry(*seq))
    }

    /// The record that brought it where it stands.
    pub fn last_move(&self) -> Seq {
        self.moves.last().map_or(self.recorded.seq, |(seq, _)| *seq)
    }

    /// Notes which corrections set which fields of the defining record.
    fn note_corrections(&mut self) {
        for correction in self.state.corrections(self.recorded.seq) {
            let corrected = self.state.entry(correction);
            if let Some(Fact::Corrected(fact)) = corrected.map(|entry| &entry.event.fact)
                && let Some(spec) = self.recorded.event.kind().field(fact.field.as_str())
            {
                self.set_by.insert(spec.name, correction);
            }
        }
    }

    /// Takes in what an amendment replaces.
    fn amend(&mut self, entry: &Entry) {
        match &entry.event.fact {
            Fact::CommitmentAmended(fact) if fact.commitment == *self.id => {
                let mut set = |field: &'static str| {
                    self.set_by.insert(field, entry.seq);
                };
                let terms = self.terms.to_mut();
                replace_some(&mut terms.condition, &fact.condition, "condition", &mut set);
                replace_some(&mut terms.measure, &fact.measure, "measure", &mut set);
                replace_some(&mut terms.deadline, &fact.deadline, "deadline", &mut set);
                replace_all(&mut terms.modality, &fact.modality, "modality", &mut set);
                replace_all(&mut terms.debtor, &fact.debtor, "debtor", &mut set);
                replace_all(&mut terms.creditor, &fact.creditor, "creditor", &mut set);
                replace_all(&mut terms.purpose, &fact.purpose, "purpose", &mut set);
                if let Some(text) = &fact.text {
                    terms.text = text.clone();
                    set("text");
                }
            }
            _ => {}
        }
    }
}

fn both_sides<'a>(own: &'a [PartyId], other: &'a [PartyId], mutual: bool) -> Vec<&'a PartyId> {
    let mut all: Vec<&PartyId> = own.iter().collect();
    if mutual {
        all.extend(other.iter().filter(|party| !own.contains(party)));
    }
    all
}

fn replace_some<T: Clone>(
    term: &mut Option<T>,
    new: &Option<T>,
    field: &'static str,
    set: &mut impl FnMut(&'static str),
) {
    if new.is_some() {
        term.clone_from(new);
        set(field);
    }
}

fn replace_all<T: Clone>(
    term: &mut Vec<T>,
    new: &[T],
    field: &'static str,
    set: &mut impl FnMut(&'static str),
) {
    if !new.is_empty() {
        *term = new.to_vec();
        set(field);
    }
}

#[cfg(test)]
mod oracle;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Kind};
    use crate::testing::{event, state};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn as_of<'r>(state: &'r State, text: &str) -> View<'r> {
        View {
            state,
            as_of: day(text),
        }
    }

    fn c1() -> CommitmentId {
        "C1".parse().unwrap()
    }

    fn party(id: &str) -> Event {
        event(
            Kind::PartyRegistered,
            &[("id", id), ("kind", "state"), ("name", id)],
        )
    }

    /// A1 of 2023-05-11 between a and b, and C1 in it, with more texts for C1. Records 0 to 4, taken in
    /// on 2023-11-14 and, from record 2, on the 15th.
    fn promised(more: &[(&str, &str)]) -> Vec<Event> {
        let mut texts = vec![
            ("id", "C1"),
            ("agreement", "A1"),
            ("text", "meet"),
            ("debtor", "a"),
            ("creditor", "b"),
        ];
        texts.extend(more);
        vec![
            event(Kind::LedgerOpened, &[("origin", "example.org/view")]),
            party("a"),
            party("b"),
            event(
                Kind::AgreementRecorded,
                &[
                    ("id", "A1"),
                    ("title", "Border"),
                    ("party", "a"),
                    ("party", "b"),
                    ("on", "2023-05-11"),
                ],
            ),
            event(Kind::CommitmentRecorded, &texts),
        ]
    }

    fn status(to: &str, on: &str) -> Event {
        let texts = [("commitment", "C1"), ("to", to), ("on", on)];
        event(Kind::StatusChanged, &texts)
    }

    fn amendment(more: &[(&str, &str)]) -> Event {
        let texts = [&[("commitment", "C1")], more].concat();
        event(Kind::CommitmentAmended, &texts)
    }

    #[test]
    fn an_event_counts_once_it_has_certainly_happened() {
        // The last day it does not count, the first it does. Records are taken in on 2023-11-15 at 03:13.
        for (on, not_yet, counts) in [
            ("2023-06-10", "2023-06-09", "2023-06-10"),
            ("2023-06", "2023-06-29", "2023-06-30"),
            ("2023", "2023-12-30", "2023-12-31"),
            ("2023-06/2023-07", "2023-07-30", "2023-07-31"),
            ("before 2023-06", "2023-05-30", "2023-05-31"),
            // With no last day known, what is recorded had happened by then.
            ("after 2023-06", "2023-11-14", "2023-11-15"),
            ("unknown", "2023-11-14", "2023-11-15"),
            ("unspecified", "2023-11-14", "2023-11-15"),
            ("not-applicable", "2023-11-14", "2023-11-15"),
            // Recorded ahead of its time, it has to wait for its first day.
            ("after 2030-01-30", "2030-01-30", "2030-01-31"),
        ] {
            let mut history = promised(&[]);
            history.push(status("active", on));
            let state = state(&history);
            let standing = |day: &str| as_of(&state, day).commitment(&c1()).unwrap().standing;
            assert_eq!(standing(not_yet), Standing::Agreed, "{on}");
            assert_eq!(standing(counts), Standing::Active, "{on}");
        }
    }

    #[test]
    fn an_undated_event_counts_from_the_day_it_was_recorded() {
        let mut history = promised(&[]);
        let moved = [("commitment", "C1"), ("to", "active")];
        history.push(event(Kind::StatusChanged, &moved));
        let mut state = State::default();
        for entry in crate::testing::entries(&history) {
            // A month later than the rest.
            let recorded_at = match entry.seq {
                Seq(5) => "2023-12-24T23:59:59Z".parse().unwrap(),
                _ => entry.recorded_at,
            };
            state.apply(&Entry {
                recorded_at,
                ..entry
            });
        }
        let standing = |day: &str| as_of(&state, day).commitment(&c1()).unwrap().standing;
        assert_eq!(standing("2023-12-23"), Standing::Agreed);
        assert_eq!(standing("2023-12-24"), Standing::Active);
    }

    #[test]
    fn a_commitment_without_a_date_has_its_agreements() {
        for (more, not_yet, counts) in [
            (&[][..], "2023-05-10", "2023-05-11"),
            (&[("on", "unspecified")], "2023-05-10", "2023-05-11"),
            (&[("on", "2023-05-20")], "2023-05-19", "2023-05-20"),
            // An open date is a date: it did not happen on the agreement's day.
            (&[("on", "after 2023-05")], "2023-11-14", "2023-11-15"),
        ] {
            let state = state(&promised(more));
            assert!(as_of(&state, not_yet).commitment(&c1()).is_none());
            assert!(as_of(&state, not_yet).commitments().is_empty());
            assert!(as_of(&state, counts).commitment(&c1()).is_some());
        }
        // Parties and sources have always been.
        let state = state(&promised(&[]));
        assert_eq!(as_of(&state, "1900-01-01").parties().len(), 2);
        assert_eq!(as_of(&state, "1900-01-01").agreements().len(), 0);
    }

    #[test]
    fn an_amendment_replaces_what_it_gives_and_says_so() {
        let mut history = promised(&[
            ("purpose", "peace"),
            ("purpose", "trade"),
            ("deadline", "2024"),
        ]);
        history.push(amendment(&[
            ("text", "meet twice"),
            ("deadline", "2025"),
            ("on", "2023-07"),
        ]));
        history.push(amendment(&[
            ("purpose", "health"),
            ("debtor", "b"),
            ("creditor", "a"),
            ("modality", "intention"),
            ("condition", "if it rains"),
            ("measure", "minutes"),
            ("deadline", "2026"),
            ("on", "2023-09"),
        ]));
        let state = state(&history);
        let on = |day: &str| as_of(&state, day).commitment(&c1()).unwrap();
        let deadline = |c: &Commitment<'_>| c.terms.deadline.clone().unwrap().to_string();

        let first = on("2023-06-30");
        assert_eq!(first.terms.text.as_str(), "meet");
        assert!(first.set_by.is_empty());

        let second = on("2023-07-31");
        assert_eq!(second.terms.text.as_str(), "meet twice");
        assert_eq!(deadline(&second), "2025");
        assert_eq!(second.terms.purpose.len(), 2);
        let set: Vec<_> = second.set_by.iter().map(|(f, s)| (*f, s.0)).collect();
        assert_eq!(set, [("deadline", 5), ("text", 5)]);

        let third = on("2023-09-30");
        assert_eq!(third.terms.text.as_str(), "meet twice");
        assert_eq!(deadline(&third), "2026");
        assert_eq!(third.terms.purpose.len(), 1);
        assert_eq!(third.debtors()[0].as_str(), "b");
        assert_eq!(third.creditors()[0].as_str(), "a");
        let set: Vec<_> = third.set_by.iter().map(|(f, s)| (*f, s.0)).collect();
        let by_6 = ["condition", "creditor", "deadline", "debtor", "measure"];
        let expected: Vec<_> = by_6
            .into_iter()
            .chain(["modality", "purpose"])
            .map(|field| (field, 6))
            .chain([("text", 5)])
            .collect();
        assert_eq!(set, expected);
    }

    #[test]
    fn a_corrected_field_names_the_correction_unless_an_amendment_came_over_it() {
        let correction = |record: &str, field: &str, to: &str| {
            event(
                Kind::Corrected,
                &[
                    ("record", record),
                    ("field", field),
                    ("to", to),
                    ("reason", "r"),
                ],
            )
        };
        let mut history = promised(&[]);
        history.push(correction("4", "text", "meet often"));
        history.push(correction("4", "deadline", "2024"));
        history.push(amendment(&[("deadline", "2025")]));
        history.push(correction("7", "deadline", "2026"));
        let terms = |history: &[Event]| {
            let state = state(history);
            let commitment = View::whole(&state).commitment(&c1()).unwrap();
            let set: Vec<_> = commitment.set_by.iter().map(|(f, s)| (*f, s.0)).collect();
            (
                commitment.terms.text.to_string(),
                commitment.terms.deadline.as_ref().map(|d| d.to_string()),
                set,
            )
        };
        assert_eq!(
            terms(&history),
            (
                "meet often".to_owned(),
                Some("2026".to_owned()),
                vec![("deadline", 7), ("text", 5)]
            )
        );
        // A correction that was taken back set nothing.
        history.push(event(
            Kind::Retracted,
            &[("record", "5"), ("reason", "right after all")],
        ));
        assert_eq!(terms(&history).0, "meet");
        assert_eq!(terms(&history).2, [("deadline", 7)]);
    }

    #[test]
    fn the_calendar_says_when_a_commitment_is_due() {
        let due = |deadline: &str, day: &str| {
            let more = [("deadline", deadline)];
            let texts: &[_] = if deadline.is_empty() { &[] } else { &more };
            let state = state(&promised(texts));
            let view = as_of(&state, day);
            view.due(&view.commitment(&c1()).unwrap(), Days::new(30))
        };
        assert_eq!(due("2024-01-31", "2024-02-01"), Due::Overdue { days: 1 });
        assert_eq!(due("2024-01-31", "2024-01-31"), Due::Soon { days: 0 });
        assert_eq!(due("2024-01-31", "2024-01-01"), Due::Soon { days: 30 });
        assert_eq!(due("2024-01-31", "2023-12-31"), Due::Later);
        // A month or a year runs to its last day.
        assert_eq!(due("2024-02", "2024-02-29"), Due::Soon { days: 0 });
        assert_eq!(due("2024-02", "2024-03-01"), Due::Overdue { days: 1 });
        assert_eq!(due("2024", "2024-11-30"), Due::Later);
        assert_eq!(due("before 2024", "2024-01-01"), Due::Overdue { days: 1 });
        assert_eq!(due("2024/2025", "2025-12-31"), Due::Soon { days: 0 });
        for undated in [
            "",
            "unknown",
            "unspecified",
            "not-applicable",
            "after 2023",
            "recurring",
        ] {
            assert_eq!(due(undated, "2030-01-01"), Due::Undated, "{undated}");
        }
        for standing in ["continuing", "RRULE:FREQ=YEARLY"] {
            assert_eq!(due(standing, "2030-01-01"), Due::Standing, "{standing}");
        }
    }

    #[test]
    fn only_what_is_owed_now_is_due() {
        for &standing in Standing::ALL {
            let mut history = promised(&[("deadline", "2024")]);
            history.push(status(standing.word(), "2023-06-01"));
            let state = state(&history);
            let due = |day: &str| {
                let view = as_of(&state, day);
                view.due(&view.commitment(&c1()).unwrap(), Days::new(30))
            };
            let owed = matches!(standing, Standing::Agreed | Standing::Active);
            let expected = if owed {
                Due::Overdue { days: 1 }
            } else {
                Due::NotOwed
            };
            assert_eq!(due("2025-01-01"), expected, "{standing}");
            // Before the move it was agreed, and owed.
            assert_eq!(due("2023-05-31"), Due::Later, "{standing}");
        }
        // A whole view has no day in the calendar's reach: all that has a date has passed.
        let state = state(&promised(&[("deadline", "9999")]));
        let view = View::whole(&state);
        let due = view.due(&view.commitment(&c1()).unwrap(), Days::new(u64::MAX));
        assert!(matches!(due, Due::Overdue { .. }));
    }

    #[test]
    fn a_renamed_party_has_the_names_of_the_day() {
        let rename = |name: &str, on: &str| {
            event(
                Kind::PartyRenamed,
                // Its successor-to-be says so, and is not renamed by that.
                &[("party", "a"), ("name", name), ("on", on), ("by", "b")],
            )
        };
        let mut history = promised(&[]);
        history.push(rename("Alpha", "2023-08-01"));
        history.push(rename("Alef", "2023-09-01"));
        history.push(event(
            Kind::PartySucceeded,
            &[("party", "a"), ("successor", "b"), ("on", "2023-10-01")],
        ));
        let state = state(&history);
        let named = |id: &str, day: &str| {
            let party = as_of(&state, day).party(&id.parse().unwrap()).unwrap();
            (party.names[0].to_string(), party.successors.len())
        };
        assert_eq!(named("a", "2023-07-31"), ("a".into(), 0));
        assert_eq!(named("a", "2023-08-01"), ("Alpha".into(), 0));
        assert_eq!(named("a", "2023-09-30"), ("Alef".into(), 0));
        assert_eq!(named("a", "2023-10-01"), ("Alef".into(), 1));
        // The successor is named in the same record, and keeps its own names and nobody after it.
        assert_eq!(named("b", "2023-12-31"), ("b".into(), 0));
    }

    #[test]
    fn both_sides_of_a_mutual_commitment_are_both_debtors_and_creditors() {
        let sides = |more: &[(&str, &str)]| {
            let state = state(&promised(more));
            let commitment = View::whole(&state).commitment(&c1()).unwrap();
            let names = |parties: Vec<&PartyId>| -> Vec<String> {
                parties.iter().map(ToString::to_string).collect()
            };
            (names(commitment.debtors()), names(commitment.creditors()))
        };
        let lists = |debtors: &[&str], creditors: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
            (owned(debtors), owned(creditors))
        };
        assert_eq!(sides(&[]), lists(&["a"], &["b"]));
        assert_eq!(
            sides(&[("mutual", "true")]),
            lists(&["a", "b"], &["b", "a"])
        );
        // A party on both lists is counted once.
        assert_eq!(
            sides(&[("mutual", "true"), ("creditor", "a")]),
            lists(&["a", "b"], &["b", "a"])
        );
    }

    #[test]
    fn who_acknowledged_a_record_is_named_once_and_in_order() {
        let key = |party: &str| event(Kind::PartyKeyDeclared, &[("party", party), ("key", "k")]);
        let acknowledges = |party: &str, record: &str, on: &str| {
            let texts = [
                ("record", record),
                ("party", party),
                ("signature", "s"),
                ("on", on),
            ];
            event(Kind::Acknowledged, &texts)
        };
        let mut history = promised(&[]);
        history.extend([
            key("a"),
            key("b"),
            acknowledges("b", "3", "2023-06-01"),
            acknowledges("a", "3", "2023-07-01"),
            acknowledges("b", "3", "2023-08-01"),
            acknowledges("a", "4", "2023-06-01"),
        ]);
        let by = |history: &[Event], seq: u64, day: &str| -> Vec<String> {
            let state = state(history);
            let parties = as_of(&state, day).acknowledged_by(Seq(seq));
            parties.into_iter().map(ToString::to_string).collect()
        };
        assert!(by(&history, 3, "2023-05-31").is_empty());
        assert_eq!(by(&history, 3, "2023-06-01"), ["b"]);
        assert_eq!(by(&history, 3, "2024-01-01"), ["b", "a"]);
        assert_eq!(by(&history, 4, "2024-01-01"), ["a"]);
        assert!(by(&history, 7, "2024-01-01").is_empty());
        // What was retracted does not count.
        history.push(event(
            Kind::Retracted,
            &[("record", "7"), ("reason", "another record was meant")],
        ));
        assert_eq!(by(&history, 3, "2024-01-01"), ["a", "b"]);
    }

    #[test]
    fn the_axes_are_kept_apart() {
        let mut history = promised(&[]);
        let about =
            |kind, more: &[(&str, &str)]| event(kind, &[&[("commitment", "C1")], more].concat());
        history.push(about(
            Kind::ContestMoved,
            &[("to", "claimed"), ("on", "2023-06-01")],
        ));
        history.push(about(
            Kind::ContestMoved,
            &[("to", "disputed"), ("on", "2023-07-01")],
        ));
        history.push(about(
            Kind::Assessed,
            &[
                ("scale", "s"),
                ("level", "no-evidence"),
                ("by", "b"),
                ("on", "2023-08-01"),
            ],
        ));
        history.push(event(
            Kind::Noted,
            &[("text", "n"), ("about", "C1"), ("on", "2023-10-01")],
        ));
        let state = state(&history);
        let on = |day: &str| as_of(&state, day).commitment(&c1()).unwrap();
        let june = on("2023-06-15");
        assert_eq!(
            (june.standing, june.contest),
            (Standing::Agreed, Contest::Claimed)
        );
        assert!(!june.is_verified());
        let late = on("2023-10-15");
        assert_eq!(
            (late.standing, late.contest),
            (Standing::Agreed, Contest::Disputed)
        );
        assert_eq!((late.contests.len(), late.assessments.len()), (2, 1));
        assert!(late.is_verified() && late.moves.is_empty());
        // A note is no word from the world.
        let view = as_of(&state, "2023-10-15");
        assert_eq!(view.last_heard(&late), day("2023-08-01"));
        assert_eq!(view.trail_records(&"C1".parse().unwrap()).count(), 5);
    }
}
