//! What wants attention: overdue, due soon, silent, undated.

use std::cmp::Reverse;

use chrono::{Days, NaiveDate};

use crate::domain::view::{Commitment, Due, View};

use super::rates::{self, Heard, Tally};
use super::{Cell, Document, Question, Report, Table, Tone, caveats, cells, select};

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
        document.notes = caveats::notes(view, &commitments, &[]);
        document.notes.push(format!(
            "soon: within {} days; silent: nothing heard for {} days or more",
            whole(question.soon),
            whole(question.silent)
        ));
        document
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
            Due::Later | Due::Standing | Due::NotOwed => heard.silent.then_some(Self::Silent),
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
