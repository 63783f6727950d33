//! What wants attention: overdue, contested, breached, due soon, silent, undated.

use std::cmp::Reverse;

use chrono::NaiveDate;

#[cfg(test)]
use servanda_core::value::when::Deadline;
#[cfg(test)]
use servanda_core::view::Due;
use servanda_core::view::{Commitment, View};

use super::caveats::Caveats;
use super::cell::{Cell, Tone};
use super::cells::{self, whole};
use super::chart::{Bar, Chart, Plot};
use super::commitments::Commitments;
use super::document::{Document, Report, Row, Table};
use super::look::{Look, Spans, Urgency};
use super::question::{Question, Takes};
use super::rates::{Heard, Rate, Tally};
use super::{answers, deadlines, occurrences, rows, select, tables};

/// The report `due`.
#[derive(Debug, Clone, Copy)]
pub struct DueReport;

impl Report for DueReport {
    fn name(&self) -> &'static str {
        "due"
    }

    fn about(&self) -> &'static str {
        "What is overdue, contested, breached, due soon, silent or undated"
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Grace]
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let commitments = select::commitments(view, question);
        let mut document = Document::new(self.name(), "Due, silent and undated", view, question);
        if question.first_table_only {
            let calls = calls_alone(&commitments, question.spans());
            document.tables.push(table(view, &commitments, calls));
            return document;
        }
        let found = Found::new(&commitments, question);
        let tally = found.tally;
        let rates = [
            &tally.due_rates()[..],
            &tally.owed_rates(),
            &tally.live_rates(),
            &tally.occurrence_rates(),
        ]
        .concat();
        let recurring = commitments.at(found.recurring);
        let (occurrences, unknown, notes) = occurrences::table(&recurring, question.grace);
        document.answer = answers::due(&tally, question);
        document.tables = vec![
            table(view, &commitments, found.calls),
            occurrences,
            tables::rates("rates", "Rates", &rates),
        ];
        document.charts.push(rates_chart(&rates));
        document.calendar = deadlines::deadlines(view, &commitments, question);
        document.calendar_name = Some(deadlines::calendar_name(view));
        let caveats = found.caveats.notes(view, &commitments, &[]);
        document.notes.extend(caveats);
        document.notes.extend(unknown.iter().cloned());
        document.calendar_lacks = unknown;
        document.notes.extend(notes);
        document.notes.push(format!(
            "soon: within {} days; silent: nothing heard for {} days or more",
            whole(question.soon),
            whole(question.silent)
        ));
        let grace = whole(question.grace);
        if grace > 0 {
            document.notes.push(format!(
                "grace: up to {grace} days past a deadline; the rates count what is in grace as overdue"
            ));
        }
        document
    }
}

/// What is found in one pass over the commitments.
#[derive(Default)]
struct Found {
    tally: Tally,
    calls: Vec<Call>,
    /// The places of the commitments that have a rule of recurrence.
    recurring: Vec<usize>,
    caveats: Caveats,
}

impl Found {
    fn new(commitments: &Commitments<'_>, question: &Question) -> Self {
        let mut found = Self::default();
        if let Some(known) = commitments.glances() {
            known
                .enumerate()
                .for_each(|(at, glance)| found.add(at, &glance.look));
            return found;
        }
        let spans = question.spans();
        let all = commitments.in_parallel(|view, commitment| Look::of(view, &commitment, spans));
        all.enumerate().for_each(|(at, look)| found.add(at, &look));
        found
    }

    /// Takes in what was found of the commitment at a place.
    fn add(&mut self, at: usize, look: &Look) {
        self.tally = self.tally + look.tally;
        self.calls.extend(look.call.map(|call| Call::new(call, at)));
        if look.is_recurring {
            self.recurring.push(at);
        }
        self.caveats.add(&look.part);
    }
}

/// A commitment that wants attention, at its place among all of them.
#[derive(Clone, Copy)]
struct Call {
    urgency: Urgency,
    heard: Heard,
    at: usize,
}

impl Call {
    fn new((urgency, heard): (Urgency, Heard), at: usize) -> Self {
        Self { urgency, heard, at }
    }
}

/// The commitments that want attention, where nothing else is asked of them.
fn calls_alone(commitments: &Commitments<'_>, spans: Spans) -> Vec<Call> {
    let numbered = |(at, call): (usize, Option<_>)| Some(Call::new(call?, at));
    if let Some(known) = commitments.glances() {
        let calls = known.map(|glance| glance.look.call);
        return calls.enumerate().filter_map(numbered).collect();
    }
    let calls = commitments.in_parallel(|view, each| Urgency::call(view, &each, spans));
    calls.enumerate().filter_map(numbered).collect()
}

/// What fell due and what became of it, and what of the live wants attention.
fn rates_chart(rates: &[Rate]) -> Chart {
    let bar = |rate: &Rate| Bar {
        label: format!("{}, of the {}", rate.name, rate.denominator),
        count: i64::try_from(rate.count).unwrap_or(i64::MAX),
        tone: match rate.name {
            "fulfilled" | "held" => Tone::Good,
            "breached" | "overdue" => Tone::Bad,
            "undated" => Tone::Plain,
            _ => Tone::Attention,
        },
    };
    Chart {
        name: "rates".to_owned(),
        title: "What fell due, and what wants attention".to_owned(),
        table: "rates",
        plot: Plot::Bars(rates.iter().map(bar).collect()),
    }
}

/// The commitments that want attention, the most urgent first, then the longest unheard of, then by id.
fn table<'r>(view: &View<'r>, commitments: &Commitments<'r>, calls: Vec<Call>) -> Table<'r> {
    let columns = &[
        "state",
        "id",
        "text",
        "debtors",
        "deadline",
        "days_overdue",
        "standing",
        "silent",
        "last_heard",
        "days_unheard",
        "flags",
        "due_on",
        "differs",
        "contest",
    ];
    let mut calls = calls;
    calls.sort_by_key(|call| (call.urgency, Reverse(call.heard.days), call.at));
    let all = commitments.clone();
    let rows = rows::of(view, calls, move |scope, call| {
        Some(row(&scope.view, &all.get(&scope.view, call.at)?, *call))
    });
    let table = Table::new("due", "Wanting attention", columns).lead(&[
        "id",
        "state",
        "text",
        "deadline",
        "days_overdue",
    ]);
    table.or("nothing").with(rows)
}

fn row(view: &View<'_>, commitment: &Commitment<'_>, call: Call) -> Row {
    let Call { urgency, heard, .. } = call;
    vec![
        urgency.cell(),
        Cell::text(commitment.id),
        Cell::text(&commitment.terms.text),
        Cell::list(commitment.debtors()),
        Cell::maybe(commitment.terms.deadline.as_ref()),
        urgency.days().map_or(Cell::None, Cell::Number),
        cells::standing(commitment.standing),
        Cell::Flag(heard.silent),
        Cell::text(heard.last),
        Cell::Number(heard.days),
        Cell::List(cells::commitment_flags(view, commitment)),
        Cell::maybe(due_on(view, commitment)),
        Cell::List(cells::differences(view.state, &commitment.standings)),
        cells::contest(commitment.contest),
    ]
}

/// The last day of a commitment's deadline, or the next day of its rule.
fn due_on(view: &View<'_>, commitment: &Commitment<'_>) -> Option<NaiveDate> {
    view.due_date(commitment).or_else(|| {
        let occurrences = view.occurrences(commitment)?;
        occurrences.next(view.as_of)
    })
}

/// The words of the column `state` here, and of the columns `due` and `silent` elsewhere.
#[cfg(test)]
pub(super) fn words() -> Vec<String> {
    let states = [
        Urgency::Overdue(Reverse(1)),
        Urgency::Contested(Reverse(1)),
        Urgency::Breached,
        Urgency::Grace(Reverse(1)),
        Urgency::Soon(1),
        Urgency::Ended,
        Urgency::Suspended,
        Urgency::Silent,
        Urgency::Undated,
    ];
    let dues = [
        Due::Overdue { days: 1 },
        Due::Contested { days: 1 },
        Due::Soon { days: 1 },
        Due::Later,
        Due::Waiting,
        Due::Undated,
        Due::Standing,
        Due::NotOwed,
    ];
    let states = states.into_iter().map(Urgency::cell);
    let recurring = cells::due(Due::Standing, Some(&Deadline::Recurring(None)));
    let cells = states
        .chain(dues.map(|due| cells::due(due, None)))
        .chain([recurring]);
    let words = cells.filter_map(|cell| match cell {
        Cell::Word(word, _) => Some(word),
        _ => None,
    });
    words.chain([cells::LAPSED.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use chrono::Days;

    use super::super::testing::*;
    use super::*;

    fn ask(history: &History, day: &str) -> Document<'static> {
        history.ask(&DueReport, day, &Question::default())
    }

    #[test]
    fn nothing_of_the_communique_is_ever_overdue() {
        let history = communique();
        let rows = columns(&ask(&history, "2023-06-15"), "due", &["state", "silent"]);
        assert_eq!(rows, vec![["undated", "false"]; 4]);
        // C1 was spoken of on the day that was recorded last, and is silent half a year after it.
        let later = columns(
            &ask(&history, "2033-01-01"),
            "due",
            &["state", "silent", "days_overdue"],
        );
        assert_eq!(later, vec![["undated", "true", ""]; 4]);
        assert_eq!(
            share(&ask(&history, "2033-01-01"), "due/overdue"),
            "none due"
        );
        assert_eq!(
            share(&ask(&history, "2033-01-01"), "live/silent"),
            "4 of 4 (100%)"
        );
    }

    #[test]
    fn the_most_urgent_comes_first() {
        let mut history = History::opened("2023-01-02");
        history.say_all(&[
            "party | id=a | kind=state | name=A",
            "party | id=b | kind=state | name=B",
            "agreement | id=A1 | title=Pact | party=a | party=b | on=2023-01-01",
        ]);
        for (id, deadline) in [
            ("C1", "unspecified"),
            ("C2", "2023-07-15"),
            ("C3", "2023-06-30"),
            ("C4", "2023-05"),
            ("C5", "continuing"),
            ("C6", "2023-07-01"),
            ("C7", "2030"),
        ] {
            history.say(&format!(
                "commitment | id={id} | agreement=A1 | text=x | debtor=a | creditor=b | deadline={deadline}"
            ));
        }
        let wanted = ["state", "id", "days_overdue", "days_unheard"];
        assert_eq!(
            columns(&ask(&history, "2023-07-01"), "due", &wanted),
            [
                ["overdue", "C4", "31", "181"],
                ["overdue", "C3", "1", "181"],
                ["soon", "C6", "0", "181"],
                ["soon", "C2", "-14", "181"],
                ["silent", "C5", "", "181"],
                ["silent", "C7", "", "181"],
                ["undated", "C1", "", "181"],
            ]
        );
        assert_eq!(
            share(&ask(&history, "2023-07-01"), "due/overdue"),
            "2 of 2 (100%)"
        );
        // A day less, and nothing is silent.
        let states = column(&ask(&history, "2023-06-29"), "due", "state");
        assert_eq!(states, ["overdue", "soon", "soon", "soon", "undated"]);
    }

    #[test]
    fn a_claim_stops_the_clock_and_news_breaks_the_silence() {
        let mut history = simple(" | deadline=2023-06-30");
        history
            .on("2023-07-05")
            .say("status | commitment=C1 | to=claimed | by=colombia | on=2023-07-02");
        assert_eq!(
            column(&ask(&history, "2023-07-01"), "due", "state"),
            ["overdue"]
        );
        assert!(column(&ask(&history, "2023-07-02"), "due", "state").is_empty());
        assert_eq!(
            column(&ask(&history, "2023-12-29"), "due", "state"),
            ["silent"]
        );
        history
            .on("2023-12-30")
            .say("progress | text=paint | commitment=C1 | on=2023-12-28");
        // A recorder's note is no news of the world.
        history
            .on("2024-03-01")
            .say("note | text=asked again | about=C1");
        assert!(column(&ask(&history, "2023-12-29"), "due", "state").is_empty());
        assert_eq!(
            column(&ask(&history, "2024-07-01"), "due", "last_heard"),
            ["2023-12-28"]
        );
    }

    #[test]
    fn grace_is_listed_apart_and_counted_as_overdue() {
        let history = simple(" | deadline=2023-06-30");
        let question = Question {
            grace: Days::new(10),
            ..Question::default()
        };
        let state = |day: &str| {
            let document = history.ask(&DueReport, day, &question);
            columns(&document, "due", &["state", "days_overdue", "due_on"])
        };
        assert_eq!(state("2023-06-30"), [["soon", "0", "2023-06-30"]]);
        assert_eq!(state("2023-07-10"), [["grace", "10", "2023-06-30"]]);
        assert_eq!(state("2023-07-11"), [["overdue", "11", "2023-06-30"]]);
        let document = history.ask(&DueReport, "2023-07-10", &question);
        assert_eq!(share(&document, "due/overdue"), "1 of 1 (100%)");
        assert!(
            document
                .notes
                .iter()
                .any(|note| note.starts_with("grace: up to 10 days"))
        );
    }

    #[test]
    fn a_deadline_that_counts_from_an_event_has_its_day() {
        let mut history = simple(" | deadline=30 days after entry-into-force of A1");
        let asked = |history: &History, day: &str| {
            let document = ask(history, day);
            let rows = columns(&document, "due", &["state", "due_on"]);
            (rows, document.notes)
        };
        let (rows, notes) = asked(&history, "2023-02-01");
        assert!(rows.is_empty());
        let waits = "C1 for entry-into-force of A1";
        assert!(notes.iter().any(|note| note.contains(waits)), "{notes:?}");
        history.say("agreement-status | agreement=A1 | to=in-force | on=2023-03");
        let (rows, notes) = asked(&history, "2023-04-20");
        assert_eq!(rows, [["soon", "2023-04-30"]]);
        let open = "between 2023-03-31 and 2023-04-30";
        assert!(notes.iter().any(|note| note.contains(open)), "{notes:?}");
        assert_eq!(asked(&history, "2023-05-01").0, [["overdue", "2023-04-30"]]);
    }

    #[test]
    fn what_is_live_in_an_agreement_that_ended_is_told() {
        let mut history = simple(" | deadline=2030-06-30");
        history.say_all(&[
            "commitment | id=C2 | agreement=A1 | text=x | debtor=colombia | deadline=2023-02-28",
            "commitment | id=C3 | agreement=A1 | text=x | debtor=colombia",
            "status | commitment=C3 | to=active | capacity=terms | on=2023-02-01",
            "status | commitment=C3 | to=suspended | capacity=terms | on=2023-03-15",
            "commitment | id=C4 | agreement=A1 | text=x | debtor=colombia | creditor=venezuela",
            "status | commitment=C4 | to=released | by=venezuela | on=2023-02-01",
            "agreement-status | agreement=A1 | to=in-force | on=2023-02-01",
            "agreement-status | agreement=A1 | to=suspended | on=2023-03-01",
            "agreement-status | agreement=A1 | to=terminated | on=2023-04-01 | effective=2023-05-01",
        ]);
        let rows = |day: &str| {
            let document = ask(&history, day);
            let rows = columns(&document, "due", &["state", "id", "flags"]);
            (rows, document.notes)
        };
        let (before, notes) = rows("2023-02-20");
        assert_eq!(before, [["soon", "C2", ""], ["undated", "C3", ""]]);
        assert!(!notes.iter().any(|note| note.contains("suspended")));
        let (suspended, notes) = rows("2023-03-20");
        assert_eq!(
            suspended,
            [
                ["overdue", "C2", "agreement A1 suspended"],
                ["agreement suspended", "C1", "agreement A1 suspended"],
            ]
        );
        let note = "still owed: C1 (A1 suspended), C2 (A1 suspended)";
        assert!(notes.iter().any(|each| each.ends_with(note)), "{notes:?}");
        let (ended, notes) = rows("2023-05-01");
        assert_eq!(
            ended,
            [
                ["overdue", "C2", "agreement A1 terminated"],
                ["agreement ended", "C1", "agreement A1 terminated"],
                ["agreement ended", "C3", "agreement A1 terminated"],
            ]
        );
        let note = "C1 (A1 terminated), C2 (A1 terminated), C3 (A1 terminated)";
        assert!(notes.iter().any(|each| each.ends_with(note)), "{notes:?}");
    }

    #[test]
    fn what_a_predecessor_owes_is_shown_with_its_successor() {
        let mut history = simple(" | deadline=2023-06-30");
        history.say_all(&[
            "party | id=gran | kind=state | name=Gran Colombia",
            "succession | party=colombia | successor=gran | on=2023-03-01",
        ]);
        let asked = |day: &str| {
            let question = Question {
                party: Some("gran".parse().unwrap()),
                ..Question::default()
            };
            let document = history.ask(&DueReport, day, &question);
            columns(&document, "due", &["state", "id", "debtors", "flags"])
        };
        assert!(asked("2023-02-28").is_empty());
        assert_eq!(
            asked("2023-07-01"),
            [["overdue", "C1", "colombia", "debtor colombia is now gran"]]
        );
    }

    #[test]
    fn what_has_ended_is_not_silent() {
        let mut history = simple("");
        let state = |history: &History| column(&ask(history, "2030-01-01"), "due", "silent");
        assert_eq!(state(&history), ["true"]);
        history.say("status | commitment=C1 | to=released | by=venezuela | on=2023-02-01");
        assert!(state(&history).is_empty());
    }
}
