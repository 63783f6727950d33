//! The occurrences of recurring commitments: which were held, which nothing is recorded for, and the next one.

use chrono::{Days, NaiveDate};

use servanda_core::event::Fact;
use servanda_core::value::when::Deadline;
use servanda_core::view::occurrences::{OCCURRENCES_LIMIT, Occurrence};
use servanda_core::view::{Commitment, View};

use super::bounded::Bounded;
use super::cell::{Cell, Tone};
use super::cells;
use super::commitments::Commitments;
use super::document::{Row, Table};
use super::flow::Flow;

const COLUMNS: &[&str] = &[
    "id",
    "number",
    "expected",
    "state",
    "held",
    "occurrence",
    "record",
];

/// The table of all occurrences of some commitments, by id and then by day; the rules of which not all days are known; and
/// what else must be known to read it.
pub fn table<'r>(
    commitments: &Commitments<'r>,
    grace: Days,
) -> (Table<'r>, Vec<String>, Vec<String>) {
    let (mut count, mut is_numbered, mut is_missed) = (0, false, false);
    let mut unknown = Bounded::default();
    for found in commitments.in_parallel(|view, each| Found::new(view, &each, grace)) {
        unknown.extend(found.notes);
        count += found.count;
        is_numbered |= found.is_numbered;
        is_missed |= found.is_missed;
    }
    let unknown = unknown.lines("rules of which not all days are known");
    let mut notes = Vec::new();
    if is_numbered {
        notes.push(
            "occurrences: a rule counts from the day of the commitment, or of the amendment that set it; what was held is matched by its number, else to the nearest day".to_owned(),
        );
    }
    if is_missed {
        notes.push("missed: nothing is recorded for that day, which is no breach".to_owned());
    }
    let all = commitments.clone();
    let rows = Flow::made(count, move || {
        all.in_parallel(move |view, each| rows(view, &each, grace))
            .flatten()
    });
    let table = Table::new("occurrences", "Occurrences", COLUMNS);
    (table.or("no rule gives a day").with(rows), unknown, notes)
}

/// What the rows of one commitment come to.
#[derive(Default)]
struct Found {
    notes: Vec<String>,
    count: usize,
    is_numbered: bool,
    is_missed: bool,
}

impl Found {
    fn new(view: &View<'_>, commitment: &Commitment<'_>, grace: Days) -> Self {
        let id = commitment.id;
        let Some(found) = view.occurrences(commitment) else {
            return Self::default();
        };
        let mut notes = Vec::new();
        notes.extend(found.unsupported.as_ref().map(|unsupported| {
            format!("the days of {id} are not known: {unsupported} in its rule")
        }));
        let has_day = found.all.iter().any(|one| one.expected.is_some());
        let has_rule = matches!(
            commitment.terms.deadline,
            Some(Deadline::Recurring(Some(_)))
        ) && found.unsupported.is_none();
        if has_rule && !has_day && commitment.standing.is_live() {
            notes.push(format!(
                "the rule of {id} gives no day: it ends before it begins"
            ));
        }
        if found.cut {
            notes.push(format!("of {id} only the first {OCCURRENCES_LIMIT} days"));
        }
        let next = found.next(view.as_of);
        let mut each = found.all.iter();
        Self {
            notes,
            count: found.all.len(),
            is_numbered: found.all.iter().any(|one| one.number.is_some()),
            is_missed: each.any(|one| state(view, one, next, grace).0 == MISSED),
        }
    }
}

const HELD: &str = "held";
const NEXT: &str = "next";
const GRACE: &str = "grace";
const MISSED: &str = "missed";

/// The words of the column `state`.
#[cfg(test)]
pub(super) fn words() -> Vec<String> {
    [HELD, NEXT, GRACE, MISSED].map(str::to_owned).to_vec()
}

/// Whether an occurrence was held, is the next one, or has nothing recorded for it.
fn state(
    view: &View<'_>,
    occurrence: &Occurrence<'_>,
    next: Option<NaiveDate>,
    grace: Days,
) -> (&'static str, Tone) {
    match (occurrence.held, occurrence.expected) {
        (Some(_), _) => (HELD, Tone::Good),
        (None, day) if day >= next && next.is_some() => (NEXT, Tone::Plain),
        (None, Some(day)) if (view.as_of - day).num_days() <= cells::whole(grace) => {
            (GRACE, Tone::Attention)
        }
        (None, _) => (MISSED, Tone::Attention),
    }
}

/// The rows of one commitment.
fn rows(view: &View<'_>, commitment: &Commitment<'_>, grace: Days) -> Vec<Row> {
    let Some(found) = view.occurrences(commitment) else {
        return Vec::new();
    };
    let next = found.next(view.as_of);
    let row = |occurrence: &Occurrence<'_>| {
        let (word, tone) = state(view, occurrence, next, grace);
        row(
            view,
            commitment,
            occurrence,
            Cell::Word(word.to_owned(), tone),
        )
    };
    found.all.iter().map(row).collect()
}

fn row(
    view: &View<'_>,
    commitment: &Commitment<'_>,
    occurrence: &Occurrence<'_>,
    state: Cell,
) -> Row {
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

    fn rows(document: &Document<'_>) -> Vec<Vec<String>> {
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

    #[test]
    fn a_rule_that_ended_before_it_began_is_named() {
        let history = simple(" | deadline=RRULE:FREQ=MONTHLY;UNTIL=20200101");
        let document = history.ask(&DueReport, "2023-11-30", &Question::default());
        assert!(rows(&document).is_empty());
        let note = "the rule of C1 gives no day: it ends before it begins";
        assert!(
            document.notes.iter().any(|each| each == note),
            "{:?}",
            document.notes
        );
    }
}
