//! The example that each kind of event declares.

use crate::event::{Event, Kind};
use crate::ndjson::read_one;
use crate::testing::{event, state};

use super::super::{admit, complete};
use super::given;

fn example(kind: Kind) -> Event {
    let read = read_one(kind.spec().example.as_bytes(), kind).unwrap();
    let (read, fields) = read.expect("an object");
    assert_eq!(read, kind);
    Event::build(kind, &fields).unwrap_or_else(|errors| panic!("{kind}: {errors:?}"))
}

fn party(id: &str, kind: &str) -> Event {
    event(
        Kind::PartyRegistered,
        &[("id", id), ("kind", kind), ("name", id)],
    )
}

/// What the next examples take for granted, beside the examples before them.
fn after(kind: Kind) -> Vec<Event> {
    match kind {
        Kind::PartyRegistered => vec![
            party("venezuela", "state"),
            party("joint-staff", "organ"),
            party("joint-commission", "organ"),
            party("mission", "organisation"),
        ],
        Kind::CommitmentRecorded => vec![event(
            Kind::CommitmentRecorded,
            &[
                ("id", "C2"),
                ("agreement", "A1"),
                ("text", "meet"),
                ("debtor", "colombia"),
                ("deadline", "recurring"),
            ],
        )],
        _ => Vec::new(),
    }
}

/// The examples make one ledger: each is accepted after those of the kinds before it.
#[test]
fn every_example_is_accepted_after_those_before_it() {
    let mut history = given(&[]);
    for &kind in Kind::ALL {
        let example = example(kind);
        let state = state(&history.0);
        let completed = complete(&state, example.clone());
        admit(&state, &completed).unwrap_or_else(|refused| panic!("{kind}: {refused}"));
        history = history.and([example]).and(after(kind));
    }
}
