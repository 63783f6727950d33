use chrono::{Days, NaiveDate};

use super::*;
use crate::event::Event;
use crate::event::{Entry, Kind};
use crate::state::State;
use crate::testing::{event, state};
use crate::value::commitment::{Contest, Standing};
use crate::value::id::{CommitmentId, PartyId, Seq};

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
        let owed = matches!(
            standing,
            Standing::Agreed | Standing::Active | Standing::Partial
        );
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
