//! What a view finds of parties, sources and commitments.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use foldhash::fast::FixedState;

use crate::event::{CommitmentRecorded, Entry, Fact, Kind, PartyRegistered, SourceRegistered};
use crate::rules::Known;
use crate::state::{Assessment, CommitmentHistory, EntityKind, Id, Move, RecordDate, State};
use crate::value::commitment::{Contest, Standing};
use crate::value::id::{AgreementId, CommitmentId, PartyId, Seq, Slug, SourceId, Subject};
use crate::value::party::Name;
use crate::value::when::When;

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
    /// Where it stands as a whole, worked out from its debtors: the first axis.
    pub standing: Standing,
    /// The debtors, each with where it stands.
    pub standings: Vec<(Id, Standing)>,
    /// The moves of its debtors' standings, in order.
    pub moves: Vec<Move>,
    /// What assessors found: the second axis. Never averaged.
    pub assessments: Vec<(Seq, &'r Assessment)>,
    /// Whether it is argued about: the third axis.
    pub contest: Contest,
    /// The records that moved the contest, both sides.
    pub contests: Vec<Seq>,
    /// All that was recorded of it.
    pub(super) told: CommitmentHistory<'r>,
    /// Where its records are.
    pub(super) state: &'r State,
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

    /// Asks the same view with a memory of its own: the records that are read for the answer are let go of with it.
    pub fn apart<T>(&self, ask: impl FnOnce(&View<'_>) -> T) -> T {
        let state = self.state.clone();
        ask(&View {
            state: &state,
            as_of: self.as_of,
        })
    }

    /// Whether a record had happened by the day of the view; not one whose payload is gone.
    pub fn has_happened(&self, seq: Seq) -> bool {
        if self.as_of == END_OF_TIME || self.state.latest_around(seq) <= self.as_of {
            return true;
        }
        let stamp = self.state.date(seq);
        stamp.is_some_and(|stamp| stamp.timeless || self.last_possible_day(seq) <= self.as_of)
    }

    /// The last day on which a record can have happened: the day from which it counts.
    pub fn last_possible_day(&self, seq: Seq) -> NaiveDate {
        let own = self.state.own_last_day(seq);
        let agreement_date = self.agreement_stamp(seq);
        let inherited = agreement_date.and_then(|date| date.on?.latest());
        inherited.or(own).unwrap_or(END_OF_TIME)
    }

    /// What is kept of the record of a commitment's agreement, which gives a commitment without a date its own.
    pub fn agreement_stamp(&self, seq: Seq) -> Option<&'r RecordDate> {
        let state = self.state;
        let is_dateless = |stamp: &&RecordDate| !stamp.is_dated();
        let inherits = state.kind(seq)?.spec().has_agreement_date;
        // A date that is open at one end is a date of its own.
        state.date(seq).filter(|_| inherits).filter(is_dateless)?;
        let agreement = match state.agreement_of_dateless(seq) {
            Some(agreement) => state.slug(agreement),
            None => state.held(seq)?.entry.event.dated_by()?,
        };
        let (_, agreed) = state.entity(agreement)?;
        state.date(agreed)
    }

    /// When an agreement was concluded.
    pub fn agreed_on(&self, agreement: &AgreementId) -> Option<When> {
        let (_, agreed) = self.state.entity(&agreement.0)?;
        self.state.date(agreed)?.on
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
        let all = self.state.trail_records(subject);
        let wanted = all.filter(|(seq, kind)| wanted(*kind) && self.has_happened(*seq));
        let wanted: Vec<Seq> = wanted.map(|(seq, _)| seq).collect();
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

    /// The records that count and had not certainly happened by the day of the view, in order, without reading them.
    pub fn yet_to_happen(&self) -> impl Iterator<Item = Seq> + use<'r> {
        let view = *self;
        let count = match self.as_of {
            END_OF_TIME => 0,
            _ => self.state.count(),
        };
        self.state
            .later_than(self.as_of, count)
            .filter(move |seq| !view.has_happened(*seq))
            .filter(move |seq| view.state.standing_kind(*seq).is_some())
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

    pub(super) fn defining(&self, id: &Slug) -> Option<&'r Entry> {
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

    /// The parties to which a party leads: the one that it is part of, and those that succeeded it. No record is read.
    pub fn leads_to(&self, party: &Slug) -> Vec<Id> {
        let there = self.state.entity(party).map(|(_, seq)| seq);
        let number = self
            .state
            .number(party)
            .filter(|_| there.is_some_and(|seq| self.has_happened(seq)));
        let Some(number) = number else {
            return Vec::new();
        };
        let later = self.state.successors(number);
        let later = later.filter(|(seq, _)| self.has_happened(*seq));
        let later = later.flat_map(|(_, later)| later.iter().copied());
        self.state.parent(number).into_iter().chain(later).collect()
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

    /// A commitment.
    pub fn commitment(&self, id: &CommitmentId) -> Option<Commitment<'r>> {
        self.commitment_told(self.state.history(id)?)
    }

    /// The commitment whose id has a number.
    pub fn commitment_numbered(&self, number: Id) -> Option<Commitment<'r>> {
        self.commitment_told(self.state.history_numbered(number)?)
    }

    fn commitment_told(&self, told: CommitmentHistory<'r>) -> Option<Commitment<'r>> {
        let happened = self.has_happened(told.defined());
        let recorded = happened.then(|| self.state.entry(told.defined()))??;
        let Fact::CommitmentRecorded(fact) = &recorded.event.fact else {
            return None;
        };
        let happened = |seq: Seq| self.has_happened(seq);
        let (moves, standings) = told.standings(happened)?;
        let contests: Vec<_> = told.contests().filter(|(seq, _)| happened(*seq)).collect();
        let assessments = told.assessments().filter(|(seq, _)| happened(*seq));
        let mut commitment = Commitment {
            id: &fact.id,
            recorded,
            terms: Cow::Borrowed(fact),
            set_by: BTreeMap::new(),
            standing: standings.whole(),
            standings: standings.each().collect(),
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
            .chain(told.moves())
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
        for agreement in self
            .commitment_histories()
            .filter_map(|told| told.agreement())
        {
            *counts.entry(agreement).or_default() += 1;
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

    /// The history of every commitment, in the order in which records first named them. No record is read.
    pub fn commitment_histories(&self) -> impl Iterator<Item = CommitmentHistory<'r>> + use<'r> {
        let view = *self;
        let told = self.state.histories().map(|(_, told)| told);
        told.filter(move |told| view.has_happened(told.defined()))
    }

    /// Every commitment, by id.
    pub fn commitments(&self) -> Vec<Commitment<'r>> {
        let mut told: Vec<(&Slug, CommitmentHistory<'r>)> = self.state.histories().collect();
        told.sort_unstable_by_key(|(id, _)| *id);
        let told = told.into_iter();
        told.filter_map(|(_, told)| self.commitment_told(told))
            .collect()
    }
}
