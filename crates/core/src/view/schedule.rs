//! When a commitment is due, as of a day: dates from its deadline, also where that counts from an event.

use chrono::NaiveDate;

use crate::event::Fact;
use crate::value::agreement::{Action, AgreementStatus};
use crate::value::commitment::Standing;
use crate::value::deadline::Anchor;
use crate::value::id::Seq;
use crate::value::when::{Date, Deadline};
use crate::view::{Commitment, View};

/// The date of a deadline, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term<'c> {
    /// Nothing says when.
    Undated,
    /// At all times, or again and again.
    Standing,
    /// By a day.
    Dated(DueDate),
    /// So long after an event that is not known to have happened.
    Waits(&'c Anchor),
}

/// The day of a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueDate {
    /// The first day that it may be; none where that is open.
    pub earliest: Option<NaiveDate>,
    /// The last day that it may be: what counts.
    pub latest: NaiveDate,
    /// The record of the event that it counts from, where it does.
    pub counted_from: Option<Seq>,
}

impl View<'_> {
    /// When a commitment is due.
    pub fn term<'c>(&self, commitment: &'c Commitment<'_>) -> Term<'c> {
        match &commitment.terms.deadline {
            None => Term::Undated,
            Some(deadline) if deadline.is_undated() => Term::Undated,
            Some(Deadline::Recurring(_) | Deadline::Continuing) => Term::Standing,
            Some(Deadline::By(when)) => when.latest().map_or(Term::Undated, |latest| {
                Term::Dated(DueDate {
                    earliest: when.earliest(),
                    latest,
                    counted_from: None,
                })
            }),
            Some(Deadline::After(relative)) => {
                let Some(Occasion {
                    seq,
                    earliest,
                    latest,
                }) = self.anchored(&relative.anchor)
                else {
                    return Term::Waits(&relative.anchor);
                };
                let end = |day| {
                    relative
                        .span
                        .after(day)
                        .filter(|end| Date::day(*end).is_some())
                };
                // What ends beyond the calendar has no date.
                end(latest).map_or(Term::Undated, |latest| {
                    Term::Dated(DueDate {
                        earliest: earliest.and_then(end),
                        latest,
                        counted_from: Some(seq),
                    })
                })
            }
        }
    }

    /// The last day on which a commitment can still be kept, where it has one.
    pub fn due_date(&self, commitment: &Commitment<'_>) -> Option<NaiveDate> {
        match self.term(commitment) {
            Term::Dated(date) => Some(date.latest),
            _ => None,
        }
    }

    /// The first and the last day on which a record can have happened; the last is the one from which it counts.
    pub fn possible_days(&self, seq: Seq) -> (Option<NaiveDate>, NaiveDate) {
        let stamp = self.agreement_stamp(seq).or(self.state.date(seq));
        // Without any date it counts from the day it was recorded, and may be of any day before.
        let earliest = stamp.and_then(|stamp| stamp.on?.earliest());
        (earliest, self.last_possible_day(seq))
    }

    /// The event that a relative deadline counts from: of those that had happened, the first.
    fn anchored(&self, anchor: &Anchor) -> Option<Occasion> {
        match anchor {
            Anchor::Conclusion(agreement) => {
                Some(self.occasion(self.agreement(agreement)?.recorded.seq))
            }
            Anchor::Action(wanted, agreement) => {
                let agreement = self.agreement(agreement)?;
                let did = agreement.participation.into_iter().filter(|entry| {
                    matches!(&entry.event.fact, Fact::ParticipationRecorded(did) if did.action == *wanted)
                });
                let entered = agreement.changes.into_iter().filter(|change| {
                    *wanted == Action::EntryIntoForce
                        && change.to == AgreementStatus::InForce
                        && change.day <= self.as_of
                });
                let entered = entered.map(|change| Occasion {
                    seq: change.seq,
                    earliest: change.earliest,
                    latest: change.day,
                });
                first(did.map(|entry| self.occasion(entry.seq)).chain(entered))
            }
            Anchor::Standing(commitment, wanted) => {
                let commitment = self.commitment(commitment)?;
                let began = match &commitment.recorded.event.fact {
                    Fact::CommitmentRecorded(fact) => fact.standing.unwrap_or(Standing::Agreed),
                    _ => return None,
                };
                let moves = commitment.moves.into_iter();
                let moves = moves.filter(|one| one.after == *wanted && one.before != *wanted);
                let moves = moves.map(|one| one.seq);
                let made = (began == *wanted).then_some(commitment.recorded.seq);
                first(made.into_iter().chain(moves).map(|seq| self.occasion(seq)))
            }
        }
    }

    /// When a record happened.
    fn occasion(&self, seq: Seq) -> Occasion {
        let (earliest, latest) = self.possible_days(seq);
        Occasion {
            seq,
            earliest,
            latest,
        }
    }
}

/// What happened, and when.
struct Occasion {
    seq: Seq,
    earliest: Option<NaiveDate>,
    /// The day from which it counts.
    latest: NaiveDate,
}

/// What counts first.
fn first(occasions: impl Iterator<Item = Occasion>) -> Option<Occasion> {
    occasions.min_by_key(|occasion| (occasion.latest, occasion.seq))
}

#[cfg(test)]
mod tests {
    use chrono::Days;

    use super::*;
    use crate::event::{Event, Kind};
    use crate::state::State;
    use crate::testing::{event, state};
    use crate::view::Due;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// A1 of 2023-05-11 between a and b, with C1 and C2 in it; C1 has the deadline. Then what follows, from record 6.
    fn history(deadline: &str, then: &[(Kind, &[(&str, &str)])]) -> State {
        let party = |id| {
            event(
                Kind::PartyRegistered,
                &[("id", id), ("kind", "state"), ("name", id)],
            )
        };
        let commitment = |id, more: &[(&str, &str)]| {
            let own = [
                ("id", id),
                ("agreement", "A1"),
                ("text", "x"),
                ("debtor", "a"),
                ("creditor", "b"),
            ];
            event(Kind::CommitmentRecorded, &[&own, more].concat())
        };
        let agreement = [
            ("id", "A1"),
            ("title", "Pact"),
            ("party", "a"),
            ("party", "b"),
            ("on", "2023-05-11"),
        ];
        let mut all: Vec<Event> = vec![
            event(Kind::LedgerOpened, &[("origin", "example.org/schedule")]),
            party("a"),
            party("b"),
            event(Kind::AgreementRecorded, &agreement),
            commitment("C2", &[]),
            commitment("C1", &[("deadline", deadline)]),
        ];
        all.extend(then.iter().map(|(kind, texts)| event(*kind, texts)));
        state(&all)
    }

    /// C1's first and last possible day of its deadline and what it counts from, as of a day.
    fn dated(state: &State, as_of: &str) -> Option<(String, String, u64)> {
        let view = View {
            state,
            as_of: day(as_of),
        };
        let commitment = view.commitment(&"C1".parse().unwrap()).unwrap();
        match view.term(&commitment) {
            Term::Dated(date) => Some((
                date.earliest.map(|day| day.to_string()).unwrap_or_default(),
                date.latest.to_string(),
                date.counted_from.map_or(0, |seq| seq.0),
            )),
            Term::Waits(_) => None,
            other => panic!("{other:?}"),
        }
    }

    fn some(earliest: &str, latest: &str, from: u64) -> Option<(String, String, u64)> {
        Some((earliest.to_owned(), latest.to_owned(), from))
    }

    #[test]
    fn a_relative_deadline_waits_for_its_event() {
        let state = history(
            "30 days after entry-into-force of A1",
            &[(
                Kind::AgreementStatusChanged,
                &[
                    ("agreement", "A1"),
                    ("to", "in-force"),
                    ("on", "2024-01-31"),
                ],
            )],
        );
        assert_eq!(dated(&state, "2024-01-30"), None);
        assert_eq!(
            dated(&state, "2024-01-31"),
            some("2024-03-01", "2024-03-01", 6)
        );
        let due = |as_of: &str| {
            let view = View {
                state: &state,
                as_of: day(as_of),
            };
            view.due(
                &view.commitment(&"C1".parse().unwrap()).unwrap(),
                Days::new(7),
            )
        };
        assert_eq!(due("2024-01-30"), Due::Waiting);
        assert_eq!(due("2024-02-01"), Due::Later);
        assert_eq!(due("2024-02-28"), Due::Soon { days: 2 });
        assert_eq!(due("2024-03-03"), Due::Overdue { days: 2 });
    }

    #[test]
    fn a_relative_deadline_counts_from_when_the_agreement_takes_effect() {
        let state = history(
            "30 days after entry-into-force of A1",
            &[(
                Kind::AgreementStatusChanged,
                &[
                    ("agreement", "A1"),
                    ("to", "in-force"),
                    ("on", "2024-01-31"),
                    ("effective", "2024-03-01"),
                ],
            )],
        );
        assert_eq!(dated(&state, "2024-02-29"), None);
        assert_eq!(
            dated(&state, "2024-03-01"),
            some("2024-03-31", "2024-03-31", 6)
        );
    }

    #[test]
    fn the_first_party_counts_and_its_first_time() {
        let did = |party: &'static str, on: &'static str| {
            (
                Kind::ParticipationRecorded,
                [
                    ("agreement", "A1"),
                    ("party", party),
                    ("action", "ratification"),
                    ("on", on),
                ],
            )
        };
        let all = [
            did("b", "2024-02-01"),
            did("a", "2023-12-31"),
            did("a", "2024-06-01"),
        ];
        let then: Vec<(Kind, &[(&str, &str)])> = all
            .iter()
            .map(|(kind, texts)| (*kind, texts.as_slice()))
            .collect();
        let state = history("2 months after ratification of A1", &then);
        assert_eq!(
            dated(&state, "2024-12-31"),
            some("2024-02-29", "2024-02-29", 7)
        );
        assert_eq!(dated(&state, "2023-12-30"), None);
    }

    #[test]
    fn an_uncertain_event_makes_an_uncertain_deadline() {
        let moved: &[(&str, &str)] = &[("commitment", "C2"), ("to", "active"), ("on", "2024-02")];
        let state = history("1 month after C2 active", &[(Kind::StatusChanged, moved)]);
        assert_eq!(dated(&state, "2024-02-28"), None, "it may have happened");
        assert_eq!(
            dated(&state, "2024-02-29"),
            some("2024-03-01", "2024-03-29", 6)
        );
        // Nobody knows when, so it counts from the day of recording, and may be older.
        let moved: &[(&str, &str)] = &[("commitment", "C2"), ("to", "active")];
        let state = history("1 day after C2 active", &[(Kind::StatusChanged, moved)]);
        let (earliest, _, from) = dated(&state, "2024-02-29").unwrap();
        assert_eq!((earliest.as_str(), from), ("", 6));
    }

    #[test]
    fn a_standing_or_a_conclusion_may_be_there_from_the_start() {
        let state = history("1 year after conclusion of A1", &[]);
        assert_eq!(
            dated(&state, "2023-05-11"),
            some("2024-05-11", "2024-05-11", 3)
        );
        // C2 has its agreement's date.
        let state = history("1 year after C2 agreed", &[]);
        assert_eq!(
            dated(&state, "2023-05-11"),
            some("2024-05-11", "2024-05-11", 4)
        );
        // Beyond the year 9999 there are no dates.
        let state = history("9999 years after C2 agreed", &[]);
        let view = View {
            state: &state,
            as_of: day("2024-01-01"),
        };
        let commitment = view.commitment(&"C1".parse().unwrap()).unwrap();
        assert_eq!(view.term(&commitment), Term::Undated);
    }
}
