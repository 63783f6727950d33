//! Given a history, when an event comes, then it is accepted or refused by a rule.

mod amending;
mod circles;
mod examples;
mod record;
mod standing;
mod world;

use super::{Advice, Known, Rejection, Rule, admit, check, complete};
use crate::event::{Event, Kind};
use crate::testing::{event, state};
use crate::value::commitment::Standing;

/// A history, every event of which must itself be accepted.
fn given(history: &[Event]) -> Given {
    Given(Vec::new()).and(history.to_vec())
}

/// A history that the rules accepted.
#[derive(Clone)]
struct Given(Vec<Event>);

impl Given {
    /// The history with more events after it.
    fn and(mut self, more: impl IntoIterator<Item = Event>) -> Self {
        for event in more {
            let state = state(&self.0);
            let event = complete(&state, event);
            if let Err(rejection) = check(&state, &event) {
                panic!("given record {}: {rejection}", self.0.len());
            }
            self.0.push(event);
        }
        self
    }

    /// What the rules say to an event after the history.
    fn when(&self, kind: Kind, texts: &[(&str, &str)]) -> Outcome {
        let state = state(&self.0);
        let event = complete(&state, event(kind, texts));
        let admitted = admit(&state, &event);
        // What is refused for a rule that came later is sound where it is recorded already.
        let is_new = |rejection: &Rejection| {
            matches!(
                rejection.rule,
                Rule::NoCircle | Rule::NamedOnce | Rule::SomeDay
            )
        };
        let checked = check(&state, &event);
        match &admitted {
            Err(rejection) if is_new(rejection) => {
                assert!(checked.is_ok() || event.envelope.irregular.is_some());
            }
            admitted => assert_eq!(checked, *admitted),
        }
        Outcome(admitted)
    }

    /// The number that the next record will have.
    fn next(&self) -> String {
        self.0.len().to_string()
    }

    /// The number of the last record.
    fn last(&self) -> String {
        (self.0.len() - 1).to_string()
    }
}

/// What the rules said.
#[derive(Debug)]
struct Outcome(Result<(), Rejection>);

impl Outcome {
    #[track_caller]
    fn accepted(self) {
        assert_eq!(self.0, Ok(()));
    }

    #[track_caller]
    fn refused(self, rule: Rule) -> Rejection {
        match self.0 {
            Err(rejection) if rejection.rule == rule => rejection,
            other => panic!("expected {rule}: {other:?}"),
        }
    }
}

impl Rejection {
    /// Asserts that the message or the allowed ways on have this in them.
    #[track_caller]
    fn saying(self, words: &str) -> Self {
        let allowed: Vec<String> = self.allowed.iter().map(worded).collect();
        let all = format!("{self} {}", allowed.join(", "));
        assert!(all.contains(words), "{words:?} is not in {all:?}");
        self
    }
}

/// The words of an advice that the tests look for.
fn worded(advice: &Advice) -> String {
    match advice {
        Advice::Use(words) | Advice::Do(words) => words.clone(),
        Advice::Move(row) => row.to.to_string(),
        Advice::AssertedBy(asserter) => asserter.to_string(),
        Advice::AsRegular => "record it without `irregular`".to_owned(),
        Advice::BothCases => "both cases".to_owned(),
        Advice::DeclareKey(party) => format!("party-key {party}"),
    }
}

fn party(id: &str, kind: &str, parent: Option<&str>) -> Event {
    let mut texts = vec![("id", id), ("kind", kind), ("name", id)];
    texts.extend(parent.map(|parent| ("parent", parent)));
    event(Kind::PartyRegistered, &texts)
}

/// A status, by parties separated by blanks, in a capacity (or none: "").
fn status(commitment: &str, to: &str, by: &str, capacity: &str) -> Event {
    event(
        Kind::StatusChanged,
        &status_texts(commitment, to, by, capacity),
    )
}

fn status_texts<'a>(
    commitment: &'a str,
    to: &'a str,
    by: &'a str,
    capacity: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let mut texts = vec![("commitment", commitment), ("to", to)];
    texts.extend(by.split_whitespace().map(|party| ("by", party)));
    if !capacity.is_empty() {
        texts.push(("capacity", capacity));
    }
    texts
}

/// Parties and an agreement, which the tests build on. Records: 0 the ledger, 1 to 8 the parties, 9 the
/// source, 10 the agreement.
fn world() -> Given {
    given(&[
        event(Kind::LedgerOpened, &[("origin", "example.org/rules")]),
        party("colombia", "state", None),
        party("ecuador", "state", None),
        party("venezuela", "state", None),
        party("norway", "state", None),
        party("kroc", "organisation", None),
        party("mre-co", "organ", Some("colombia")),
        party("minister-co", "person", Some("mre-co")),
        party("mre-ve", "organ", Some("venezuela")),
        event(
            Kind::SourceRegistered,
            &[("id", "S1"), ("kind", "article"), ("title", "News")],
        ),
        event(
            Kind::AgreementRecorded,
            &[
                ("id", "A1"),
                ("title", "Border"),
                ("party", "colombia"),
                ("party", "venezuela"),
                ("on", "2023-05"),
            ],
        ),
    ])
}

/// Record 11 in the world: C1, which Colombia and Ecuador owe to Venezuela.
fn promise(more: &[(&str, &str)]) -> Event {
    let mut texts = vec![
        ("id", "C1"),
        ("agreement", "A1"),
        ("text", "meet"),
        ("debtor", "colombia"),
        ("debtor", "ecuador"),
        ("creditor", "venezuela"),
    ];
    texts.extend(more);
    event(Kind::CommitmentRecorded, &texts)
}

fn promised() -> Given {
    world().and([promise(&[])])
}

/// C1 at a live standing, brought there by those who may.
fn at(standing: Standing) -> Given {
    use Standing::*;
    let active = status("C1", "active", "", "terms");
    match standing {
        Proposed => world().and([promise(&[("standing", "proposed")])]),
        Agreed => promised(),
        Conditional => promised().and([status("C1", "conditional", "", "terms")]),
        Active => promised().and([active]),
        Suspended => promised().and([active, status("C1", "suspended", "", "terms")]),
        Claimed => promised().and([active, status("C1", "claimed", "colombia ecuador", "")]),
        Partial => promised().and([active, status("C1", "partial", "venezuela", "")]),
        Breached => promised().and([active, status("C1", "breached", "venezuela", "")]),
        ended => {
            let (by, capacity) = match ended {
                Expired => ("", "terms"),
                Cancelled => ("colombia ecuador", ""),
                Superseded => ("colombia ecuador venezuela", ""),
                _ => ("venezuela", ""),
            };
            let before = match ended {
                Expired => at(Conditional),
                Fulfilled => at(Claimed),
                _ => at(Active),
            };
            before.and([status("C1", ended.word(), by, capacity)])
        }
    }
}

fn correction(record: &str, field: &str, to: &[&str]) -> Event {
    event(Kind::Corrected, &correction_texts(record, field, to))
}

fn correction_texts<'a>(
    record: &'a str,
    field: &'a str,
    to: &[&'a str],
) -> Vec<(&'a str, &'a str)> {
    let mut texts = vec![("record", record), ("field", field), ("reason", "misread")];
    texts.extend(to.iter().map(|to| ("to", *to)));
    texts
}

/// What the rules say to a correction.
fn correct(given: &Given, record: &str, field: &str, to: &[&str]) -> Outcome {
    given.when(Kind::Corrected, &correction_texts(record, field, to))
}

fn retraction(record: &str) -> Event {
    event(
        Kind::Retracted,
        &[("record", record), ("reason", "never was")],
    )
}

/// What the rules say to a retraction.
fn retract(given: &Given, record: &str) -> Outcome {
    given.when(
        Kind::Retracted,
        &[("record", record), ("reason", "never was")],
    )
}

/// What the rules say to a redaction.
fn redact(given: &Given, record: &str) -> Outcome {
    let texts = [
        ("record", record),
        ("reason", "privacy"),
        ("authority", "art. 17"),
    ];
    given.when(Kind::Redacted, &texts)
}

/// M1, which Colombia and Venezuela owe to each other, in force.
fn mutual() -> Given {
    world().and([
        event(
            Kind::CommitmentRecorded,
            &[
                ("id", "M1"),
                ("agreement", "A1"),
                ("text", "both meet"),
                ("debtor", "colombia"),
                ("creditor", "venezuela"),
                ("mutual", "true"),
            ],
        ),
        status("M1", "active", "", "terms"),
    ])
}
