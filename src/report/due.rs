//! What wants attention: overdue, due soon, silent, undated.

use std::cmp::Reverse;

use chrono::{Days, NaiveDate};

use crate::domain::view::{Commitment, Due, View};

use super::chart::{Bar, Chart, Plot};
use super::rates::{self, Heard, Rate, Tally};
use super::{Cell, Document, Question, Report, Table, Tone, calendar, caveats, cells, select};

/// The report `due`.
#[derive(Debug, Clone, Copy)]
pub struct DueReport;

impl Report for DueReport {
    fn name(&self) -> &'static str {
        "due"
    }

    fn about(&self) -> &'static str {
        "What is overdue, due soon, silent or undated"
    }

    fn document(&self, view: &View<'_>, question: &Question) -> Document {
        let commitments = select::commitments(view, question);
        let tally = Tally::of(view, &commitments, question.soon, question.silent);
        let mut document = Document::new(self.name(), "Due, silent and undated", view, question);
        let rates = [&tally.due_rates()[..], &tally.live_rates()[..]].concat();
        document.tables = vec![
            calls(view, &commitments, question),
            rates::table("rates", "Rates", &rates),
        ];
        document.charts.push(rates_chart(&rates));
        document.calendar = calendar::deadlines(view, &commitments);
        document
            .notes
            .extend(caveats::notes(view, &commitments, &[]));
        document.notes.push(format!(
            "soon: within {} days; silent: nothing heard for {} days or more",
            whole(question.soon),
            whole(question.silent)
        ));
        document
    }
}

/// What fell due and what became of it, and what of the live wants attention.
fn rates_chart(rates: &[Rate]) -> Chart {
    let bar = |rate: &Rate| Bar {
        label: format!("{}, of the {}", rate.name, rate.denominator),
        count: i64::try_from(rate.count).unwrap_or(i64::MAX),
        tone: match rate.name {
            "fulfilled" => Tone::Good,
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

/// How many days these are, which `Days` itself does not tell.
fn whole(days: Days) -> i64 {
    let start = NaiveDate::default();
    let end = start.checked_add_days(days);
    end.map_or(i64::MAX, |end| (end - start).num_days())
}

/// Why a commitment wants attention; the first is the most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// The longest overdue come first.
    Overdue(Reverse<i64>),
    /// The nearest come first.
    Soon(i64),
    Silent,
    Undated,
}

impl State {
    fn of(due: Due, heard: Heard) -> Option<Self> {
        match due {
            Due::Overdue { days } => Some(Self::Overdue(Reverse(days))),
            Due::Soon { days } => Some(Self::Soon(days)),
            Due::Undated => Some(Self::Undated),
            Due::Later | Due::Waiting | Due::Standing | Due::NotOwed => {
                heard.silent.then_some(Self::Silent)
            }
        }
    }

    fn cell(self) -> Cell {
        let (word, tone) = match self {
            Self::Overdue(_) => ("overdue", Tone::Bad),
            Self::Soon(_) => ("soon", Tone::Attention),
            Self::Silent => ("silent", Tone::Attention),
            Self::Undated => ("undated", Tone::Plain),
        };
        Cell::Word(word.to_owned(), tone)
    }

    /// Days since the deadline, negative before it.
    fn days(self) -> Option<i64> {
        match self {
            Self::Overdue(Reverse(days)) => Some(days),
            Self::Soon(days) => Some(-days),
            Self::Silent | Self::Undated => None,
        }
    }
}

/// The commitments that want attention, the most urgent first, then the longest unheard of, then by id.
fn calls(view: &View<'_>, commitments: &[Commitment<'_>], question: &Question) -> Table {
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
    ];
    let mut table = Table::new("due", "Wanting attention", columns).or("nothing");
    let mut calls: Vec<(State, Heard, &Commitment<'_>)> = commitments
        .iter()
        .filter_map(|commitment| {
            let heard = Heard::of(view, commitment, question.silent);
            let state = State::of(view.due(commitment, question.soon), heard)?;
            Some((state, heard, commitment))
        })
        .collect();
    calls.sort_by_key(|(state, heard, commitment)| (*state, Reverse(heard.days), commitment.id));
    for (state, heard, commitment) in calls {
        table.rows.push(vec![
            state.cell(),
            Cell::text(commitment.id),
            Cell::text(&commitment.terms.text),
            Cell::list(commitment.debtors()),
            Cell::maybe(commitment.terms.deadline.as_ref()),
            state.days().map_or(Cell::None, Cell::Number),
            cells::standing(commitment.standing),
            Cell::Flag(heard.silent),
            Cell::text(heard.last),
            Cell::Number(heard.days),
            Cell::List(cells::commitment_flags(view.register, commitment)),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn ask(history: &History, day: &str) -> Document {
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
    fn what_has_ended_is_not_silent() {
        let mut history = simple("");
        let state = |history: &History| column(&ask(history, "2030-01-01"), "due", "silent");
        assert_eq!(state(&history), ["true"]);
        history.say("status | commitment=C1 | to=released | by=venezuela | on=2023-02-01");
        assert!(state(&history).is_empty());
    }
}
