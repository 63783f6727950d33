//! The occurrences of recurring commitments: which were held, which nothing is recorded for, and the next one.

use servanda_core::event::Fact;
use servanda_core::view::occurrences::{OCCURRENCES_LIMIT, Occurrence};
use servanda_core::view::{Commitment, View};

use super::due::whole;
use super::{Cell, Question, Table, Tone, cells};

const COLUMNS: &[&str] = &[
    "id",
    "number",
    "expected",
    "state",
    "held",
    "occurrence",
    "record",
];

/// The table of all occurrences of some commitments, by id and then by day, and what must be known to read it.
pub fn table(
    view: &View<'_>,
    commitments: &[Commitment<'_>],
    question: &Question,
) -> (Table, Vec<String>) {
    let mut table = Table::new("occurrences", "Occurrences", COLUMNS).or("no rule gives a day");
    let mut notes = Vec::new();
    let mut missed = false;
    for commitment in commitments {
        let Some(found) = view.occurrences(commitment) else {
            continue;
        };
        let id = commitment.id;
        notes.extend(found.unsupported.iter().map(|unsupported| {
            format!("the days of {id} are not known: {unsupported} in its rule")
        }));
        if found.cut {
            notes.push(format!("of {id} only the first {OCCURRENCES_LIMIT} days"));
        }
        let next = found.next(view.as_of);
        for occurrence in &found.all {
            let (word, tone) = match (occurrence.held, occurrence.expected) {
                (Some(_), _) => ("held", Tone::Good),
                (None, day) if day >= next && next.is_some() => ("next", Tone::Plain),
                (None, Some(day)) if (view.as_of - day).num_days() <= whole(question.grace) => {
                    ("grace", Tone::Attention)
                }
                (None, _) => ("missed", Tone::Attention),
            };
            missed |= word == "missed";
            table.rows.push(row(
                view,
                commitment,
                occurrence,
                Cell::Word(word.to_owned(), tone),
            ));
        }
    }
    if table.rows.iter().any(|row| row[1] != Cell::None) {
        notes.push(
            "occurrences: a rule counts from the day of the commitment, or of the amendment that set it; what was held is matched by its number, else to the nearest day".to_owned(),
        );
    }
    if missed {
        notes.push("missed: nothing is recorded for that day, which is no breach".to_owned());
    }
    (table, notes)
}

fn row(
    view: &View<'_>,
    commitment: &Commitment<'_>,
    occurrence: &Occurrence<'_>,
    state: Cell,
) -> Vec<Cell> {
    let named = occurrence.held.and_then(|entry| match &entry.event.fact {
        Fact::OccurrenceHeld(fact) => fact.occurrence.as_ref(),
        _ => None,
    });
    vec![
        Cell::text(commitment.id),
        occurrence.number.map_or(Cell::None, Cell::count),
        Cell::maybe(occurrence.expected),
        state,
        occurrence
            .held
            .map_or(Cell::None, |entry| cells::on(view, entry.seq)),
        Cell::maybe(named),
        occurrence
            .held
            .map_or(Cell::None, |entry| cells::record(entry.seq)),
    ]
}

#[cfg(test)]
mod tests {
    use chrono::Days;

    use super::super::due::DueReport;
    use super::super::testing::*;
    use super::super::{Document, Question};

    fn quarterly() -> History {
        let mut history = simple(" | deadline=RRULE:FREQ=MONTHLY;INTERVAL=3");
        history.say_all(&[
            "occurrence | commitment=C1 | on=2023-04-03 | place=Cúcuta",
            "occurrence | commitment=C1 | occurrence=extraordinary | on=2023-04",
        ]);
        history
    }

    fn rows(document: &Document) -> Vec<Vec<String>> {
        columns(
            document,
            "occurrences",
            &["number", "expected", "state", "held", "record"],
        )
    }

    #[test]
    fn held_missed_and_next_are_shown() {
        let history = quarterly();
        let began = history.ask(&DueReport, "2023-01-01", &Question::default());
        assert_eq!(rows(&began).len(), 1);
        let later = history.ask(&DueReport, "2023-11-30", &Question::default());
        let states = column(&later, "occurrences", "state");
        assert_eq!(states, ["held", "held", "missed", "next"]);
        assert!(later.notes.iter().any(|note| note.contains("no breach")));
        let question = Question {
            grace: Days::new(90),
            ..Question::default()
        };
        let graced = history.ask(&DueReport, "2023-11-30", &question);
        assert_eq!(
            column(&graced, "occurrences", "state"),
            ["held", "held", "grace", "next"]
        );
        assert!(!graced.notes.iter().any(|note| note.contains("no breach")));
    }

    #[test]
    fn a_rule_that_is_not_worked_out_is_named() {
        let history = simple(" | deadline=RRULE:FREQ=YEARLY;BYWEEKNO=20");
        let document = history.ask(&DueReport, "2023-11-30", &Question::default());
        assert!(rows(&document).is_empty());
        let note = "the days of C1 are not known: BYWEEKNO=20 is not worked out in its rule";
        assert!(
            document.notes.iter().any(|each| each == note),
            "{:?}",
            document.notes
        );
    }
}
