//! What a view answers from numbers, worked out once more from the entries of all records, read one after another.

use chrono::NaiveDate;

use crate::event::{Entry, Fact, Kind};
use crate::rules::Known;
use crate::state::{Assessment, EntityKind, State};
use crate::value::commitment::Capacity;
use crate::value::commitment::{Contest, Standing};
use crate::value::id::{CommitmentId, Seq, Slug};
use crate::value::when::When;
use proptest::prelude::*;

use super::*;
use crate::event::Event;
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
    let first = match &defined.event.fact {
        Fact::CommitmentRecorded(fact) => fact.standing.unwrap_or(Standing::Agreed),
        _ => return None,
    };
    let mut found = Expected {
        standing: Some(first),
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
            Fact::CommitmentAmended(fact) if fact.commitment == *id => {}
            Fact::OccurrenceHeld(fact) if fact.commitment == *id => {}
            Fact::StatusChanged(fact) if fact.commitment == *id => {
                found.standing = Some(fact.to);
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
    Some(found)
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
        contest: Some(commitment.contest),
        moves: commitment.moves.iter().map(|(seq, _)| *seq).collect(),
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
    }
    let happened = |entry: &&Entry| has_happened(view, entry);
    prop_assert!(view.entries().eq(state.entries().filter(happened)));
    Ok(())
}

/// An archive in memory.
struct Kept(Vec<Entry>);

impl Archive for Kept {
    fn entry(&self, seq: Seq) -> Result<Option<Entry>, String> {
        let entry = self.0.get(seq.0 as usize).cloned();
        entry.map(Some).ok_or_else(|| "it is missing".to_owned())
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
