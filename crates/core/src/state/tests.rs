use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::event::{Entry, Event, Kind};
use crate::records::ReadError;
use crate::rules::{self, Known};
use crate::testing::{FIRST_RECORDED_AT, entries, event, events_of, histories, history, state};
use crate::value::agreement::AgreementStatus;
use crate::value::commitment::Standing;
use crate::value::id::{PartyId, Seq, Slug};
use crate::view::View;

mod days;
mod stored;

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

fn party(id: &str) -> Event {
    event(
        Kind::PartyRegistered,
        &[("id", id), ("kind", "state"), ("name", id)],
    )
}

fn note(about: &str) -> Event {
    event(Kind::Noted, &[("text", "n"), ("about", about)])
}

fn correction(record: &str, field: &str, to: &str) -> Event {
    let texts = [
        ("record", record),
        ("field", field),
        ("to", to),
        ("reason", "misread"),
    ];
    event(Kind::Corrected, &texts)
}

fn retraction(record: &str) -> Event {
    event(
        Kind::Retracted,
        &[("record", record), ("reason", "never was")],
    )
}

fn opened(more: &[Event]) -> Vec<Event> {
    let opening = event(Kind::LedgerOpened, &[("origin", "example.org/register")]);
    [&[opening], more].concat()
}

fn trail(state: &State, subject: &str) -> Vec<u64> {
    let subject = subject.parse().unwrap();
    state.trail(&subject).map(|entry| entry.seq.0).collect()
}

#[test]
fn a_correction_moves_its_record_to_another_trail() {
    let mut history = opened(&[party("peru"), party("chile"), note("peru")]);
    history.push(correction("3", "about", "chile"));
    let corrected = state(&history);
    assert_eq!(trail(&corrected, "peru"), [1]);
    assert_eq!(trail(&corrected, "chile"), [2, 3]);
    assert_eq!(trail(&corrected, "3"), [4]);
    let held = corrected.held(Seq(3)).unwrap();
    assert_eq!(held.entry.event, note("chile"));
    assert_eq!(held.recorded(), &note("peru"));
    assert_eq!(held.corrections, [Seq(4)]);
    // Taking the correction back takes the record back.
    history.push(retraction("4"));
    let restored = state(&history);
    assert_eq!(trail(&restored, "peru"), [1, 3]);
    assert_eq!(trail(&restored, "chile"), [2]);
    assert_eq!(restored.entry(Seq(3)).unwrap().event, note("peru"));
}

#[test]
fn of_two_corrections_of_a_field_the_later_that_stands_counts() {
    let base = opened(&[
        note("0"),
        correction("1", "text", "second"),
        correction("1", "text", "third"),
    ]);
    let text = |more: &[Event]| {
        let state = state(&[&base, more].concat());
        let texts = state.entry(Seq(1)).unwrap().event.to_fields();
        texts.get("text").to_vec()
    };
    assert_eq!(text(&[]), ["third"]);
    assert_eq!(text(&[retraction("3")]), ["second"]);
    assert_eq!(text(&[retraction("2")]), ["third"]);
    assert_eq!(text(&[retraction("2"), retraction("3")]), ["n"]);
}

#[test]
fn a_retraction_frees_the_id_and_not_the_import_key() {
    let keyed = event(
        Kind::PartyRegistered,
        &[
            ("id", "peru"),
            ("kind", "state"),
            ("name", "Perú"),
            ("import_key", "row 1"),
        ],
    );
    let mut history = opened(&[keyed, retraction("1")]);
    let retracted = state(&history);
    assert_eq!(retracted.entity(&slug("peru")), None);
    assert_eq!(retracted.imported("row 1"), Some(Seq(1)));
    assert!(retracted.held(Seq(1)).is_some() && retracted.entry(Seq(1)).is_none());
    assert_eq!(trail(&retracted, "peru"), [0u64; 0]);
    history.push(party("peru"));
    let again = state(&history);
    assert_eq!(
        again.entity(&slug("peru")),
        Some((EntityKind::Party, Seq(3)))
    );
    assert_eq!(again.imported("row 1"), Some(Seq(1)));
    assert_eq!(again.imported("row 2"), None);
}

#[test]
fn a_redacted_record_does_not_count_whether_its_payload_is_there_or_not() {
    let redaction = event(
        Kind::Redacted,
        &[("record", "2"), ("reason", "privacy"), ("authority", "law")],
    );
    let history = opened(&[party("peru"), note("peru"), redaction]);
    let whole = state(&history);
    assert_eq!(whole.held(Seq(2)).unwrap().redacted, Some(Seq(3)));
    let mut gone = State::default();
    for entry in entries(&history) {
        match entry.seq {
            Seq(2) => gone.apply_missing(),
            _ => gone.apply(&entry),
        }
    }
    assert_eq!(gone.count(), 4);
    assert_eq!(gone.held(Seq(2)), None);
    for state in [&whole, &gone] {
        assert_eq!(trail(state, "peru"), [1]);
        assert_eq!(trail(state, "2"), [3]);
    }
}

#[test]
fn whom_a_party_acts_for_ends_even_where_parents_go_round() {
    // No rule lets this in; a tampered ledger may have it.
    let part_of = |id: &str, parent: &str| {
        let texts = [
            ("id", id),
            ("kind", "organ"),
            ("name", id),
            ("parent", parent),
        ];
        event(Kind::PartyRegistered, &texts)
    };
    let state = state(&opened(&[part_of("a", "b"), part_of("b", "a"), party("c")]));
    let id = |text: &str| text.parse::<PartyId>().unwrap();
    assert!(state.acts_for(&id("a"), &id("b")));
    assert!(!state.acts_for(&id("a"), &id("c")));
    assert!(state.acts_for(&id("unknown"), &id("unknown")));
}

/// The state of the history as it would have been without mistakes: each record that counts, in its
/// place, as it reads in the end.
fn mended(state: &State) -> State {
    let mut mended = State::default();
    for held in state.records() {
        match held {
            Some(held) if held.is_standing() => mended.apply(&held.entry),
            _ => mended.apply_missing(),
        }
    }
    mended
}

/// What a thing is, by which record, and the records about it.
type Sketch = (Option<(EntityKind, u32)>, Vec<u32>);

/// What is known of each thing, under its own name.
fn picture(state: &State) -> BTreeMap<String, Sketch> {
    let named = state.tables.names.slugs().iter();
    let named = named.zip(state.tables.entities.iter());
    let entities = named.map(|(slug, entity)| {
        let trail = entity.trail.iter().collect();
        (slug.to_string(), (entity.defined, trail))
    });
    let about = state.tables.about.iter();
    let records = about.map(|(seq, trail)| (seq.to_string(), (None, trail.iter().collect())));
    let all = entities.chain(records);
    all.filter(|(_, (_, trail)): &(_, Sketch)| !trail.is_empty())
        .collect()
}

/// The facts that the rules ask for against a view of everything.
fn compare_facts(state: &State) -> Result<(), TestCaseError> {
    let view = View::whole(state);
    let ids = |parties: Vec<&PartyId>| -> Vec<Id> {
        let id = |party: &PartyId| state.number(&party.0).unwrap();
        parties.into_iter().map(id).collect()
    };
    for commitment in view.commitments() {
        let position = state.position(commitment.id).unwrap();
        prop_assert_eq!(position.standing(), commitment.standing);
        prop_assert_eq!(position.contest(), commitment.contest);
        prop_assert_eq!(position.deadline(), commitment.terms.deadline.as_ref());
        let standings = position.standings();
        prop_assert_eq!(standings.debtors().to_vec(), ids(commitment.debtors()));
        prop_assert_eq!(standings.creditors().to_vec(), ids(commitment.creditors()));
        prop_assert_eq!(
            standings.each().collect::<Vec<_>>(),
            commitment.standings.clone()
        );
        let each = commitment.each().map(|(_, standing)| standing);
        prop_assert_eq!(Standing::of_all(each), Some(commitment.standing));
        let agreement = state.slug(position.agreement());
        prop_assert_eq!(agreement, &commitment.terms.agreement.0);
        // In a tampered ledger it may name anything.
        if let Some(agreement) = view.agreement(&commitment.terms.agreement) {
            let agreed = state.agreed_on(position.agreement());
            prop_assert_eq!(agreed, view.agreed_on(agreement.id));
        }
    }
    for agreement in view.agreements() {
        let last = agreement.changes.last();
        let last = last.map_or(AgreementStatus::Concluded, |change| change.to);
        prop_assert_eq!(state.agreement_status(agreement.id, None), Some(last));
    }
    Ok(())
}

/// What the state takes from an event: facts, what it names and defines, and its date.
fn taken(event: &Event) -> String {
    let mut effects = Vec::new();
    event.effects(&mut |effect| effects.push(format!("{effect:?}")));
    let references = (event.references(), event.defines());
    let date = RecordDate::of(event, FIRST_RECORDED_AT.day());
    format!("{effects:?} {references:?} {date:?}")
}

/// An archive in memory.
struct Kept(Vec<Result<Option<Entry>, ReadError>>);

impl Kept {
    fn of(history: &[Event]) -> Self {
        Self(
            entries(history)
                .into_iter()
                .map(|entry| Ok(Some(entry)))
                .collect(),
        )
    }
}

impl Archive for Kept {
    fn entry(&self, seq: Seq) -> Result<Option<Entry>, ReadError> {
        let entry = self.0.get(seq.0 as usize).cloned();
        entry.unwrap_or_else(|| Err(ReadError::damaged("it is missing")))
    }
}

#[test]
fn a_payload_that_was_there_and_is_gone_is_told_unless_it_was_redacted() {
    let redaction = event(
        Kind::Redacted,
        &[("record", "2"), ("reason", "privacy"), ("authority", "law")],
    );
    let history = opened(&[party("peru"), note("peru"), redaction]);
    for (lost, told) in [(1, true), (2, false)] {
        let mut archive = Kept::of(&history);
        archive.0[lost] = Ok(None);
        let mut state = state(&history);
        state.read_from(Arc::new(archive), 4);
        assert_eq!(state.held(Seq(lost as u64)), None);
        assert_eq!(state.unreadable().is_some(), told);
    }
}

#[test]
fn the_histories_below_have_mends_in_them() {
    let state = state(&history(0, 600));
    let held = || state.records().flatten();
    assert!(held().filter(|held| held.original.is_some()).count() > 3);
    assert!(held().filter(|held| held.retracted.is_some()).count() > 3);
    assert!(held().any(|held| held.redacted.is_some()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A correction of such a field does not touch trails and facts.
    #[test]
    fn the_state_takes_nothing_from_fields_that_it_does_not_keep(
        (event, other) in select(Kind::ALL).prop_flat_map(|kind| (events_of(kind), events_of(kind))),
    ) {
        let other = other.to_fields();
        for spec in event.kind().fields().filter(|spec| !spec.is_kept()) {
            if let Ok(changed) = event.with_field(spec.name, other.get(spec.name).to_vec()) {
                prop_assert_eq!(taken(&changed), taken(&event), "{} of {}", spec.name, event.kind());
            }
        }
    }
}

proptest! {
    // Histories take their time; 64 of them have seen every mend many times.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn mends_leave_what_a_history_without_mistakes_would_have(history in histories(0..160)) {
        let state = state(&history);
        let mended = mended(&state);
        prop_assert!(state.entries().eq(mended.entries()));
        prop_assert_eq!(picture(&state), picture(&mended));
    }

    #[test]
    fn what_is_taken_out_again_was_never_there(history in histories(0..120), cut: usize) {
        let cut = cut % (history.len() + 1);
        let before = state(&history[..cut]);
        let whole = state(&history);
        let mut rewound = whole.clone();
        prop_assert_eq!(rewound.rewind(cut as u64), Ok(()));
        prop_assert_eq!(&rewound, &before);
        prop_assert!(rewound.records().eq(before.records()));
        for entry in entries(&history).split_off(cut) {
            rewound.take(entry);
        }
        prop_assert_eq!(&rewound, &whole);
        prop_assert!(rewound.records().eq(whole.records()));
    }

    #[test]
    fn the_facts_at_hand_are_what_a_view_finds(history in histories(0..160)) {
        compare_facts(&state(&history))?;
    }

    #[test]
    fn a_state_that_reads_again_is_as_one_that_keeps_all(
        history in histories(0..120),
        cut: usize,
    ) {
        let whole = state(&history);
        let cut = cut % (history.len() + 1);
        let archive = Arc::new(Kept::of(&history));
        // Known from the start, and let go of in the middle.
        let mut replayed = State::over(archive.clone(), history.len() as u64);
        let mut appended = State::over(archive, 0);
        for (at, entry) in entries(&history).iter().enumerate() {
            prop_assert_eq!(rules::check(&replayed, &entry.event), Ok(()));
            replayed.apply(entry);
            appended.apply(entry);
            if at == cut {
                appended.archived(cut as u64);
            }
        }
        for lean in [&replayed, &appended] {
            prop_assert_eq!(lean, &whole);
            prop_assert!(lean.records().eq(whole.records()));
            prop_assert!(lean.entries().eq(whole.entries()));
            prop_assert_eq!(lean.unreadable(), None);
        }
        for lean in [&mut replayed, &mut appended] {
            prop_assert_eq!(lean.rewind(cut as u64), Ok(()));
            prop_assert!(lean.records().eq(state(&history[..cut]).records()));
            prop_assert_eq!(&*lean, &state(&history[..cut]));
        }
    }

    #[test]
    fn a_state_is_its_image(history in histories(0..160)) {
        let whole = state(&history);
        let bytes = whole.to_bytes();
        let archive = Arc::new(Kept::of(&history));
        let again = State::from_bytes(&bytes, archive).unwrap();
        prop_assert_eq!(&again, &whole);
        prop_assert!(again.records().eq(whole.records()));
        prop_assert_eq!(again.to_bytes(), bytes);
    }

    #[test]
    fn what_cannot_be_read_again_does_not_vanish(history in histories(1..80), lost: usize) {
        let lost = lost % history.len();
        let mut archive = Kept::of(&history);
        archive.0[lost] = Err(ReadError::damaged("a bad block"));
        let mut state = State::over(Arc::new(archive), history.len() as u64);
        for entry in entries(&history) {
            state.apply(&entry);
        }
        let _ = state.records().count();
        let unreadable = state.unreadable().map(|unreadable| unreadable.seq);
        prop_assert_eq!(unreadable, Some(Seq(lost as u64)));
    }

    #[test]
    fn a_history_stays_acceptable_without_the_payloads_it_redacts(history in histories(0..200)) {
        let whole = state(&history);
        let mut gone = State::default();
        for entry in entries(&history) {
            prop_assert_eq!(rules::check(&gone, &entry.event), Ok(()), "record {}", entry.seq);
            match whole.held(entry.seq) {
                Some(held) if held.redacted.is_some() => gone.apply_missing(),
                _ => gone.apply(&entry),
            }
        }
        prop_assert!(gone.entries().eq(whole.entries()));
        prop_assert_eq!(picture(&gone), picture(&whole));
    }

    /// What the rules refuse is taken in without a panic, and a snapshot of it is still the state.
    #[test]
    fn any_events_in_any_order_are_taken_in(
        events in prop::collection::vec(crate::testing::events(), 0..20),
        history in histories(0..60),
        order: u64,
    ) {
        let mut all = [history, events].concat();
        let mut choices = crate::testing::Choices(order);
        for at in (1..all.len()).rev() {
            all.swap(at, choices.below(at + 1));
        }
        let state = state(&all);
        prop_assert_eq!(state.count(), all.len() as u64);
        let view = crate::view::View::whole(&state);
        let _ = (view.commitments(), view.agreements(), view.parties(), view.sources());
        for event in &all {
            let _ = rules::check(&state, event);
        }
        compare_facts(&state)?;
    }
}

#[test]
fn a_clone_shares_the_tables_until_one_of_both_changes() {
    let events = history(7, 120);
    let mut state = state(&events);
    let clone = state.clone();
    assert!(Arc::ptr_eq(&state.tables, &clone.tables));
    let bytes = state.to_bytes();
    state.rewind(1).unwrap();
    assert_eq!((state.count(), clone.count()), (1, events.len() as u64));
    assert_eq!(clone.to_bytes(), bytes);
}

proptest! {
    /// Clones share the marks of records: what one of both takes in changes nothing that the other says.
    #[test]
    fn what_is_found_of_records_is_of_each_clone(history in histories(2..200)) {
        let asked = |state: &State| -> Vec<(bool, bool)> {
            let all = (0..state.count()).map(Seq);
            all.map(|seq| (state.is_noteworthy(seq), state.is_mended(seq))).collect()
        };
        let half = history.len() / 2;
        let behind = state(&history[..half]);
        asked(&behind);
        let mut ahead = behind.clone();
        for entry in &entries(&history)[half..] {
            ahead.apply(entry);
            asked(&ahead);
        }
        prop_assert_eq!(asked(&ahead), asked(&state(&history)));
        prop_assert_eq!(asked(&behind), asked(&state(&history[..half])));
    }
}

/// A replay asks a whole view after each record: that must not cost a scan of all records.
#[test]
fn a_whole_view_scans_no_records() {
    let events = history(7, 120);
    let state = state(&events);
    let view = View::whole(&state);
    let all = (view.commitments().len(), view.agreements().len());
    assert!(all.1 > 0);
    assert!(state.tables.scan_cache.get().is_none());
}
