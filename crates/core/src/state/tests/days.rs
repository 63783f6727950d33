//! The latest days of groups of records, of states in memory and of states over a snapshot.

use chrono::NaiveDate;

use super::*;
use crate::state::days::TOGETHER;

/// The state of the first `cut` events from a snapshot, and of the others as they come after it.
fn over_snapshot(events: &[Event], cut: usize) -> State {
    let bytes = state(&events[..cut]).to_bytes();
    let mut state = State::from_bytes(&bytes, Arc::new(Kept::of(events))).unwrap();
    for entry in entries(events).split_off(cut) {
        state.apply(&entry);
    }
    state
}

/// As a question about a day does, before the next record comes.
fn ask(state: &State) -> Vec<NaiveDate> {
    let all = (0..state.count()).map(|seq| state.latest_around(Seq(seq)));
    all.collect()
}

#[track_caller]
pub(super) fn assert_bounds(state: &State) {
    let view = View::whole(state);
    for seq in (0..state.count()).map(Seq) {
        let last = view.last_possible_day(seq);
        if state.date(seq).is_some() {
            assert!(state.latest_around(seq) >= last, "record {seq}: {last}");
            let is_heard = state
                .kind(seq)
                .is_some_and(|kind| !kind.spec().is_bookkeeping);
            let heard = (seq.0..state.count()).step_by(TOGETHER).map(Seq);
            for later in heard.filter(|_| is_heard) {
                assert!(state.latest_heard_until(later) >= last, "record {seq}");
            }
        }
    }
}

/// An agreement of a day, and commitments in it without a date of their own, which fill three groups.
fn dateless(on: &str) -> Vec<Event> {
    let agreement = event(
        Kind::AgreementRecorded,
        &[
            ("id", "a"),
            ("title", "A"),
            ("on", on),
            ("party", "x"),
            ("party", "y"),
        ],
    );
    let promise = |number: usize| {
        let id = format!("c{number}");
        event(
            Kind::CommitmentRecorded,
            &[
                ("id", &id),
                ("agreement", "a"),
                ("text", "keep it"),
                ("debtor", "x"),
                ("modality", "obligation"),
            ],
        )
    };
    let more = (0..3 * TOGETHER).map(promise);
    let first = [party("x"), party("y"), agreement];
    opened(&first.into_iter().chain(more).collect::<Vec<_>>())
}

#[test]
fn no_record_happened_after_the_latest_day_of_its_group() {
    for seed in 0..8 {
        let events = history(seed, 700);
        let mut asked = state(&events[..520]);
        ask(&asked);
        for entry in entries(&events).split_off(520) {
            asked.apply(&entry);
            ask(&asked);
        }
        assert_bounds(&asked);
        assert_bounds(&over_snapshot(&events, 520));
        assert_bounds(&over_snapshot(&events, 700));
    }
}

#[test]
fn commitments_that_have_their_date_from_an_agreement_keep_their_group_before_a_day() {
    let events = dateless("1999-05-07");
    let recorded = entries(&events).last().unwrap().recorded_at.day();
    let snapshot = over_snapshot(&events, events.len());
    for state in [&snapshot, &state(&events)] {
        let latest = ask(state);
        assert!(latest.iter().all(|day| *day <= recorded));
        assert!(latest[0] < recorded);
    }
}

#[test]
fn an_agreement_with_a_later_date_moves_the_groups_of_its_commitments() {
    for on in ["1999-05-07", "unknown", "after 1999"] {
        assert_moved_by(on);
    }
}

#[track_caller]
fn assert_moved_by(on: &str) {
    let mut events = dateless(on);
    let count = events.len();
    events.push(correction("3", "on", "2090-01-02"));
    let later: NaiveDate = "2090-01-02".parse().unwrap();
    let mut asked = state(&events[..count]);
    ask(&asked);
    asked.apply(entries(&events).last().unwrap());
    for state in [&asked, &over_snapshot(&events, count)] {
        assert_bounds(state);
        let latest = state.latest_around(Seq(2 * TOGETHER as u64));
        assert_eq!(latest, later);
        let view = View {
            state,
            as_of: "2030-01-01".parse().unwrap(),
        };
        assert!(!view.has_happened(Seq(2 * TOGETHER as u64)));
    }
}

#[test]
fn a_corrected_date_after_the_snapshot_moves_its_group() {
    let mut events = dateless("1999-05-07");
    let count = events.len();
    events.push(correction("300", "on", "2090-01-02"));
    let state = over_snapshot(&events, count);
    assert_bounds(&state);
    assert!(ask(&state)[0] < ask(&state)[300]);
}
