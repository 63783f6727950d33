//! The occurrences of a recurring commitment: the days that its rule gives, and those that were held.
//!
//! The rule counts from the day of the commitment, or of the amendment that set it. What was held is matched by the
//! number that the record gives, else by its day to the nearest day of the rule that nothing else was matched to.
//! A day without a match is only that: nothing is recorded for it.

use chrono::NaiveDate;

use crate::event::{Entry, Fact, Kind, OccurrenceHeld};
use crate::value::id::{Seq, Subject};
use crate::value::recurrence::{Recurrence, Unsupported};
use crate::value::when::Deadline;
use crate::view::{Commitment, View};

/// Most days of one rule that are worked out; the first ones.
pub const OCCURRENCES_LIMIT: usize = 10_000;

/// An occurrence: expected, held, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence<'r> {
    /// Its number among those expected, from 1.
    pub number: Option<usize>,
    /// The day that the rule gives.
    pub expected: Option<NaiveDate>,
    /// The record that says that it was held.
    pub held: Option<&'r Entry>,
}

/// The occurrences of a commitment, as of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrences<'r> {
    /// Those expected up to that day and the one after it, in order; then those held that the rule has no day for.
    pub all: Vec<Occurrence<'r>>,
    /// Why the rule's days are not worked out, where they are not.
    pub unsupported: Option<Unsupported>,
    /// Whether the rule has more days than are worked out.
    pub cut: bool,
}

impl Occurrences<'_> {
    /// The first day expected that is not past and for which nothing is recorded.
    pub fn next(&self, as_of: NaiveDate) -> Option<NaiveDate> {
        let open = self.all.iter().filter(|each| each.held.is_none());
        open.filter_map(|each| each.expected)
            .find(|day| *day >= as_of)
    }
}

impl<'r> View<'r> {
    /// The occurrences of a commitment; none of one that is not recurring.
    pub fn occurrences(&self, commitment: &Commitment<'r>) -> Option<Occurrences<'r>> {
        let Some(Deadline::Recurring(rule)) = &commitment.terms.deadline else {
            return None;
        };
        let mut found = Occurrences {
            all: Vec::new(),
            unsupported: None,
            cut: false,
        };
        match rule.as_ref().map(Recurrence::of) {
            None => {}
            Some(Ok(rule)) => self.expect(&rule, commitment, &mut found),
            Some(Err(unsupported)) => found.unsupported = Some(unsupported),
        }
        self.hold(commitment, &mut found);
        Some(found)
    }

    /// The days that a rule gives.
    fn expect(&self, rule: &Recurrence, commitment: &Commitment<'r>, found: &mut Occurrences<'r>) {
        let ended = commitment
            .moves
            .last()
            .filter(|_| !commitment.standing.is_live())
            .map(|one| self.last_possible_day(one.seq));
        for (at, day) in rule.days(self.rule_began(commitment)).enumerate() {
            if at == OCCURRENCES_LIMIT {
                found.cut = true;
                break;
            }
            if ended.is_some_and(|ended| day > ended) {
                break;
            }
            found.all.push(Occurrence {
                number: Some(at + 1),
                expected: Some(day),
                held: None,
            });
            if day > self.as_of {
                break;
            }
        }
    }

    /// The day that the rule of a commitment counts from.
    fn rule_began(&self, commitment: &Commitment<'r>) -> NaiveDate {
        let set_by = commitment.set_by.get("deadline");
        let amends = |seq: &&Seq| self.state.kind(**seq) == Some(Kind::CommitmentAmended);
        let amendment = set_by.filter(amends).copied();
        self.last_possible_day(amendment.unwrap_or(commitment.recorded.seq))
    }

    /// Matches what was held.
    fn hold(&self, commitment: &Commitment<'r>, found: &mut Occurrences<'r>) {
        let own = Subject::Entity(commitment.id.0.clone());
        let mut held: Vec<(&'r Entry, &'r OccurrenceHeld)> = self
            .trail_of(&own, |kind| kind == Kind::OccurrenceHeld)
            .filter_map(|entry| match &entry.event.fact {
                Fact::OccurrenceHeld(fact) => Some((entry, fact)),
                _ => None,
            })
            .collect();
        held.sort_by_key(|(entry, fact)| {
            (number(fact).is_none(), self.held_on(entry, fact), entry.seq)
        });
        for (entry, fact) in held {
            let day = self.held_on(entry, fact);
            let free = found.all.iter_mut().filter(|each| each.held.is_none());
            let place = match number(fact) {
                Some(number) => free.into_iter().find(|each| each.number == Some(number)),
                None => free
                    .filter_map(|each| Some(((each.expected? - day).abs(), each)))
                    .min_by_key(|(distance, _)| *distance)
                    .map(|(_, each)| each),
            };
            match place {
                Some(place) => place.held = Some(entry),
                None => found.all.push(Occurrence {
                    number: None,
                    expected: None,
                    held: Some(entry),
                }),
            }
        }
    }

    /// The day that an occurrence was held on, or for: the one that its name gives, or that it happened on.
    fn held_on(&self, entry: &Entry, fact: &OccurrenceHeld) -> NaiveDate {
        let named = fact
            .occurrence
            .as_ref()
            .and_then(|text| text.as_str().parse().ok());
        named.unwrap_or_else(|| self.last_possible_day(entry.seq))
    }
}

/// The number that a record gives an occurrence.
fn number(fact: &OccurrenceHeld) -> Option<usize> {
    fact.occurrence.as_ref()?.as_str().parse().ok()
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

    /// C1 in A1 of 2023-05-11, every three months; then what follows, from record 5.
    fn history(deadline: &str, then: &[(Kind, &[(&str, &str)])]) -> State {
        let party = |id| {
            event(
                Kind::PartyRegistered,
                &[("id", id), ("kind", "state"), ("name", id)],
            )
        };
        let agreement = [
            ("id", "A1"),
            ("title", "Pact"),
            ("party", "a"),
            ("party", "b"),
            ("on", "2023-05-11"),
        ];
        let commitment = [
            ("id", "C1"),
            ("agreement", "A1"),
            ("text", "meet"),
            ("debtor", "a"),
            ("creditor", "b"),
            ("deadline", deadline),
        ];
        let mut all: Vec<Event> = vec![
            event(Kind::LedgerOpened, &[("origin", "example.org/occurrences")]),
            party("a"),
            party("b"),
            event(Kind::AgreementRecorded, &agreement),
            event(Kind::CommitmentRecorded, &commitment),
        ];
        all.extend(then.iter().map(|(kind, texts)| event(*kind, texts)));
        state(&all)
    }

    const QUARTERLY: &str = "RRULE:FREQ=MONTHLY;INTERVAL=3";

    /// "number expected record" of each occurrence of C1.
    fn shown(state: &State, as_of: &str) -> Vec<String> {
        let view = View {
            state,
            as_of: day(as_of),
        };
        let commitment = view.commitment(&"C1".parse().unwrap()).unwrap();
        let found = view.occurrences(&commitment).unwrap();
        let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let all = found.all.iter().map(|each| {
            let number = text(each.number.map(|number| number.to_string()));
            let expected = text(each.expected.map(|day| day.to_string()));
            let held = text(each.held.map(|entry| entry.seq.to_string()));
            format!("{number} {expected} {held}")
        });
        all.collect()
    }

    fn held<'a>(more: &'a [(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        [&[("commitment", "C1")], more].concat()
    }

    #[test]
    fn days_are_expected_up_to_the_next_one() {
        let state = history(QUARTERLY, &[]);
        assert_eq!(shown(&state, "2023-08-10"), ["1 2023-08-11 -"]);
        assert_eq!(
            shown(&state, "2023-08-11"),
            ["1 2023-08-11 -", "2 2023-11-11 -"]
        );
        // A deadline of another sort has none.
        let state = history("2024", &[]);
        let view = View::whole(&state);
        let commitment = view.commitment(&"C1".parse().unwrap()).unwrap();
        assert_eq!(view.occurrences(&commitment), None);
    }

    #[test]
    fn what_was_held_is_matched_by_number_or_by_day() {
        let late = held(&[("on", "2023-08-20")]);
        let numbered = held(&[("occurrence", "3"), ("on", "2024-06-01")]);
        let again = held(&[("occurrence", "3"), ("on", "2024-06-02")]);
        let named = held(&[("occurrence", "2024-05-10"), ("on", "2024-07")]);
        let then: Vec<(Kind, &[(&str, &str)])> = [&late, &numbered, &again, &named]
            .map(|texts| (Kind::OccurrenceHeld, texts.as_slice()))
            .to_vec();
        let state = history(QUARTERLY, &then);
        assert_eq!(
            shown(&state, "2024-07-31"),
            [
                "1 2023-08-11 5",
                "2 2023-11-11 -",
                "3 2024-02-11 6",
                "4 2024-05-11 8",
                "5 2024-08-11 -",
                "- - 7"
            ]
        );
        // A recurrence without a rule expects nothing.
        let state = history("recurring", &then);
        assert_eq!(shown(&state, "2023-12-31"), ["- - 5"]);
        let state = history("RRULE:FREQ=YEARLY;BYWEEKNO=3", &then[..1]);
        assert_eq!(shown(&state, "2023-12-31"), ["- - 5"]);
    }

    #[test]
    fn an_amended_rule_counts_from_the_amendment_and_an_end_ends_it() {
        let amended: &[(&str, &str)] = &[
            ("commitment", "C1"),
            ("deadline", "RRULE:FREQ=YEARLY"),
            ("on", "2023-09-01"),
        ];
        let released: &[(&str, &str)] = &[
            ("commitment", "C1"),
            ("to", "released"),
            ("on", "2025-09-01"),
        ];
        let state = history(
            QUARTERLY,
            &[
                (Kind::CommitmentAmended, amended),
                (Kind::StatusChanged, released),
            ],
        );
        assert_eq!(
            shown(&state, "2025-08-31"),
            ["1 2024-09-01 -", "2 2025-09-01 -"]
        );
        assert_eq!(
            shown(&state, "2030-01-01"),
            ["1 2024-09-01 -", "2 2025-09-01 -"]
        );
    }

    #[test]
    fn the_next_one_may_be_due_soon() {
        let held: &[(&str, &str)] = &[("commitment", "C1"), ("on", "2023-08-09")];
        let state = history(QUARTERLY, &[(Kind::OccurrenceHeld, held)]);
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
        assert_eq!(due("2023-08-04"), Due::Soon { days: 7 });
        // It was held already.
        assert_eq!(due("2023-08-09"), Due::Standing);
        assert_eq!(due("2023-11-11"), Due::Soon { days: 0 });
    }
}
