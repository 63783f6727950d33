//! What a view answers from numbers, worked out once more from the entries of all records, read one after another.

use chrono::NaiveDate;

use crate::event::{CommitmentRecorded, Entry, Fact, Kind, StatusChanged};
use crate::rules::Known;
use crate::state::{Assessment, EntityKind, State};
use crate::value::commitment::{Asserter, Capacity, Contest, Standing, transition};
use crate::value::id::{CommitmentId, PartyId, Seq, Slug};
use crate::value::when::When;
use proptest::prelude::*;

use super::*;
use crate::event::Event;
use crate::records::ReadError;
use crate::state::Archive;
use crate::testing::{Choices, entries, histories, state};

/// The last possible day, by the entries alone.
fn last_day(state: &State, entry: &Entry) -> NaiveDate {
    let on = entry.event.envelope.on;
    let earliest = on.and_then(When::earliest);
    let agreed = match &entry.event.fact {
        Fact::CommitmentRecorded(fact) if earliest.is_none() => {
            let agreement = state.defining(&fact.agreement.0);
            agreement.and_then(|entry| entry.event.envelope.on)
        }
        _ => None,
    };
    let recorded = entry.recorded_at.day();
    let latest = on.and_then(When::latest);
    latest
        .or(agreed.and_then(When::latest))
        .unwrap_or(earliest.map_or(recorded, |first| recorded.max(first)))
}

fn has_happened(view: &View<'_>, entry: &Entry) -> bool {
    match &entry.event.fact {
        Fact::PartyRegistered(_) | Fact::SourceRegistered(_) | Fact::LedgerOpened(_) => true,
        _ => last_day(view.state, entry) <= view.as_of,
    }
}

/// Whether an event names or defines something.
fn names(event: &Event, id: &Slug) -> bool {
    let named = event.references().into_iter().map(|(_, named)| named);
    let mut all = named.chain(event.defines());
    all.any(|reference| reference.slug() == Some(id))
}

/// What is expected of a commitment: the records by what they did to it, and the last day it was heard of.
#[derive(Debug, Default, PartialEq, Eq)]
struct Expected {
    standing: Option<Standing>,
    standings: Vec<(String, Standing)>,
    contest: Option<Contest>,
    moves: Vec<Seq>,
    contests: Vec<Seq>,
    assessments: Vec<(Seq, Vec<String>, String, String)>,
    own: Vec<Seq>,
    last_heard: Option<NaiveDate>,
    verified: bool,
}

fn expected(view: &View<'_>, id: &CommitmentId) -> Option<Expected> {
    let defined = view.state.defining(&id.0)?;
    if !has_happened(view, defined) {
        return None;
    }
    let Fact::CommitmentRecorded(terms) = &defined.event.fact else {
        return None;
    };
    let mut performances = Performances::new(view.state, terms);
    let mut found = Expected {
        contest: Some(Contest::None),
        ..Expected::default()
    };
    let all = view
        .state
        .entries()
        .filter(|entry| names(&entry.event, &id.0));
    for entry in all.filter(|entry| has_happened(view, entry)) {
        let mut own = true;
        match &entry.event.fact {
            Fact::CommitmentRecorded(fact) if fact.id == *id => {}
            Fact::CommitmentAmended(fact) if fact.commitment == *id => {
                performances.amend(&fact.debtor, &fact.creditor);
            }
            Fact::OccurrenceHeld(fact) if fact.commitment == *id => {}
            Fact::StatusChanged(fact) if fact.commitment == *id => {
                performances.take(fact, &entry.event.envelope.by);
                found.moves.push(entry.seq);
                let looked = matches!(fact.capacity, Some(Capacity::Arbiter | Capacity::Assessor));
                found.verified |= looked;
            }
            Fact::ContestMoved(fact) if fact.commitment == *id => {
                found.contest = Some(fact.to);
                found.contests.push(entry.seq);
            }
            Fact::Assessed(fact) if fact.commitment == *id => {
                let by = entry.event.envelope.by.iter().map(ToString::to_string);
                let scale = fact.scale.to_string();
                let level = fact.level.to_string();
                found
                    .assessments
                    .push((entry.seq, by.collect(), scale, level));
                found.verified = true;
            }
            _ => own = false,
        }
        if own {
            found.own.push(entry.seq);
        }
        let kind = entry.event.kind();
        if !matches!(
            kind,
            Kind::Noted | Kind::Corrected | Kind::Retracted | Kind::Redacted
        ) {
            found.last_heard = found.last_heard.max(Some(last_day(view.state, entry)));
        }
    }
    let each = performances.each.iter();
    found.standings = each
        .map(|one| (one.debtor.to_string(), one.standing))
        .collect();
    found.standing = Standing::of_all(performances.each.iter().map(|one| one.standing));
    Some(found)
}

/// The performance of a debtor, with those who claimed it.
#[derive(Clone)]
struct Performance {
    debtor: PartyId,
    standing: Standing,
    claimants: Vec<PartyId>,
}

/// Where debtors stand, by the ids of parties alone.
struct Performances<'s> {
    state: &'s State,
    sides: [Vec<PartyId>; 2],
    mutual: bool,
    each: Vec<Performance>,
}

impl<'s> Performances<'s> {
    fn new(state: &'s State, terms: &CommitmentRecorded) -> Self {
        let mut new = Self {
            state,
            sides: [terms.debtor.clone(), terms.creditor.clone()],
            mutual: terms.mutual,
            each: Vec::new(),
        };
        let standing = terms.standing.unwrap_or(Standing::Agreed);
        let all = new.side(0).into_iter();
        new.each = all
            .map(|debtor| Performance {
                debtor,
                standing,
                claimants: Vec::new(),
            })
            .collect();
        new
    }

    fn side(&self, own: usize) -> Vec<PartyId> {
        let mut all = self.sides[own].clone();
        if self.mutual {
            let others = self.sides[1 - own].iter();
            all.extend(
                others
                    .filter(|party| !self.sides[own].contains(party))
                    .cloned(),
            );
        }
        all
    }

    fn creditors_of(&self, debtor: &PartyId) -> Vec<PartyId> {
        let [owes, is_owed] = [0, 1].map(|side| self.sides[side].contains(debtor));
        let all = match (self.mutual, owes, is_owed) {
            (true, true, true) => self.side(0),
            (true, false, true) => self.sides[0].clone(),
            _ => self.sides[1].clone(),
        };
        all.into_iter().filter(|party| party != debtor).collect()
    }

    fn amend(&mut self, debtor: &[PartyId], creditor: &[PartyId]) {
        if !debtor.is_empty() {
            self.sides[0] = debtor.to_vec();
        }
        if !creditor.is_empty() {
            self.sides[1] = creditor.to_vec();
        }
        let before = std::mem::take(&mut self.each);
        let now = self.side(0);
        let left: Vec<&Performance> = before
            .iter()
            .filter(|one| !now.contains(&one.debtor))
            .collect();
        let same = |all: &[&Performance]| {
            let first = all.first().map(|one| one.standing);
            first.filter(|first| all.iter().all(|one| one.standing == *first))
        };
        let standing = match left.as_slice() {
            [] => same(&before.iter().collect::<Vec<_>>()).filter(|standing| {
                use Standing::*;
                !matches!(standing, Claimed | Partial | Fulfilled | Breached)
            }),
            left => same(left),
        };
        let claimants = match left.as_slice() {
            [one] => one.claimants.clone(),
            _ => Vec::new(),
        };
        for debtor in now {
            let own = before.iter().find(|one| one.debtor == debtor).cloned();
            self.each.push(own.unwrap_or(Performance {
                debtor,
                standing: standing.unwrap_or(Standing::Active),
                claimants: claimants.clone(),
            }));
        }
    }

    fn take(&mut self, fact: &StatusChanged, by: &[PartyId]) {
        let about = self.about(fact, by);
        for one in self
            .each
            .iter_mut()
            .filter(|one| about.contains(&one.debtor))
        {
            match (one.standing, fact.to) {
                (_, Standing::Claimed) => one.claimants = by.to_vec(),
                (Standing::Claimed, Standing::Breached) => {}
                _ => one.claimants.clear(),
            }
            one.standing = fact.to;
        }
    }

    fn about(&self, fact: &StatusChanged, by: &[PartyId]) -> Vec<PartyId> {
        let all: Vec<PartyId> = self.each.iter().map(|one| one.debtor.clone()).collect();
        match (all.len(), fact.debtor.as_slice()) {
            (1, _) => return all,
            (_, []) => {}
            (_, named) => return named.to_vec(),
        }
        let speak = |party: &PartyId| by.iter().any(|actor| self.state.acts_for(actor, party));
        let row = |one: &&Performance| transition(one.standing, fact.to).is_some();
        let movable: Vec<&Performance> = self.each.iter().filter(row).collect();
        let may = movable.iter().filter(|one| {
            let row = transition(one.standing, fact.to).unwrap();
            row.by
                .iter()
                .any(|asserter| self.satisfies(*asserter, one, fact, by))
        });
        let may: Vec<PartyId> = may.map(|one| one.debtor.clone()).collect();
        if !may.is_empty() {
            return may;
        }
        let meant = all.iter().filter(|debtor| match fact.to {
            Standing::Claimed | Standing::Cancelled => speak(debtor),
            to if transition_takes_a_creditor(to) => {
                !speak(debtor) && self.creditors_of(debtor).iter().any(speak)
            }
            _ => true,
        });
        let meant: Vec<PartyId> = meant.cloned().collect();
        let meant = if meant.is_empty() { all } else { meant };
        let movable: Vec<PartyId> = movable.iter().map(|one| one.debtor.clone()).collect();
        let both: Vec<PartyId> = meant
            .iter()
            .filter(|one| movable.contains(one))
            .cloned()
            .collect();
        if both.is_empty() { meant } else { both }
    }

    fn satisfies(
        &self,
        asserter: Asserter,
        one: &Performance,
        fact: &StatusChanged,
        by: &[PartyId],
    ) -> bool {
        let state = self.state;
        let speak = |party: &PartyId| by.iter().any(|actor| state.acts_for(actor, party));
        let given = fact.capacity;
        let as_one = |capacity| given.is_none() || given == Some(capacity);
        let [debtors, creditors] = [self.side(0), self.side(1)];
        let some = debtors.iter().chain(&creditors).any(speak);
        let outside = |capacity| given == Some(capacity) && !by.is_empty() && !some;
        match asserter {
            Asserter::AllDebtors => debtors.iter().all(speak),
            Asserter::AllParties => {
                !creditors.is_empty() && debtors.iter().chain(&creditors).all(speak)
            }
            Asserter::AnyParty => some,
            Asserter::Terms => given == Some(Capacity::Terms),
            Asserter::Arbiter => outside(Capacity::Arbiter),
            Asserter::Assessor => outside(Capacity::Assessor),
            Asserter::Debtor => as_one(Capacity::Debtor) && speak(&one.debtor),
            Asserter::Creditor => {
                let own = one.claimants.iter();
                let own: Vec<_> = own
                    .filter(|actor| state.acts_for(actor, &one.debtor))
                    .collect();
                let claimed =
                    |party: &PartyId| own.iter().any(|actor| state.acts_for(actor, party));
                let mut creditors = self.creditors_of(&one.debtor).into_iter();
                as_one(Capacity::Creditor)
                    && creditors.any(|party| speak(&party) && !claimed(&party))
            }
        }
    }
}

fn transition_takes_a_creditor(to: Standing) -> bool {
    use Standing::*;
    matches!(
        to,
        Active | Partial | Fulfilled | Breached | Released | Waived
    )
}

/// What the view says of the same.
fn answered(view: &View<'_>, id: &CommitmentId) -> Option<Expected> {
    let commitment = view.commitment(id)?;
    let finding = |(seq, finding): &(Seq, &Assessment)| {
        let by = finding.by.iter();
        let by = by.map(|id| view.state.slug(*id).to_string());
        let (scale, level) = (finding.scale.to_string(), finding.level.to_string());
        (*seq, by.collect(), scale, level)
    };
    Some(Expected {
        standing: Some(commitment.standing),
        standings: commitment
            .each()
            .map(|(debtor, standing)| (debtor.to_string(), standing))
            .collect(),
        contest: Some(commitment.contest),
        moves: commitment.moves.iter().map(|one| one.seq).collect(),
        contests: commitment.contests.clone(),
        assessments: commitment.assessments.iter().map(finding).collect(),
        own: view.own_trail(&commitment),
        last_heard: Some(view.last_heard(&commitment)),
        verified: commitment.is_verified(),
    })
}

fn compare(view: &View<'_>) -> Result<(), TestCaseError> {
    let state = view.state;
    for held in state.records().flatten() {
        let (entry, seq) = (&held.entry, held.entry.seq);
        prop_assert_eq!(
            view.last_possible_day(seq),
            last_day(state, entry),
            "{}",
            seq
        );
        prop_assert_eq!(view.has_happened(seq), has_happened(view, entry), "{}", seq);
        let envelope = &entry.event.envelope;
        let stamp = state.date(seq).unwrap();
        prop_assert_eq!(stamp.on, envelope.on, "{}", seq);
        prop_assert_eq!(stamp.irregular, envelope.irregular.is_some(), "{}", seq);
        prop_assert_eq!(stamp.infers, !envelope.inferred.is_empty(), "{}", seq);
    }
    for id in state.ids(EntityKind::Commitment) {
        let id = CommitmentId(id.clone());
        prop_assert_eq!(answered(view, &id), expected(view, &id), "{}", id);
        if let Some(commitment) = view.commitment(&id) {
            let last = view.last_heard(&commitment);
            for day in [last.pred_opt(), Some(last), last.succ_opt()] {
                let later = Some(last).filter(|last| Some(*last) > day);
                prop_assert_eq!(view.heard_after(&commitment, day), later, "{}", id);
            }
        }
    }
    let happened = |entry: &&Entry| has_happened(view, entry);
    prop_assert!(view.entries().eq(state.entries().filter(happened)));
    Ok(())
}

/// An archive in memory.
struct Kept(Vec<Entry>);

impl Archive for Kept {
    fn entry(&self, seq: Seq) -> Result<Option<Entry>, ReadError> {
        let entry = self.0.get(seq.0 as usize).cloned();
        entry
            .map(Some)
            .ok_or_else(|| ReadError::damaged("it is missing"))
    }
}

proptest! {
    // Histories take their time; 64 of them have seen every mend many times.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_view_answers_as_all_records_would(history in histories(0..200), seed: u64) {
        let whole = state(&history);
        let read_cache = std::sync::Arc::new(Kept(entries(&history)));
        let again = State::from_bytes(&whole.to_bytes(), read_cache).unwrap();
        let mut choices = Choices(seed);
        let mut days = vec![END_OF_TIME];
        // Around the days that records name, where answers turn.
        let named = whole.entries().filter_map(|entry| entry.event.envelope.on?.latest());
        let named: Vec<NaiveDate> = named.collect();
        for _ in 0..4 {
            if let Some(day) = choices.pick(&named) {
                days.extend([Some(*day), day.pred_opt()].into_iter().flatten());
            }
        }
        for as_of in days {
            for state in [&whole, &again] {
                compare(&View { state, as_of })?;
            }
        }
    }
}
