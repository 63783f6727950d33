//! What happened, in the order in which it happened.

use chrono::NaiveDate;

use servanda_core::event::Entry;
use servanda_core::value::id::Seq;
use servanda_core::view::View;
use servanda_core::view::sentences::Sentences;

use super::cell::{Cell, Tone};
use super::chart::{Chart, Mark, Plot};
use super::document::{Document, Report, Row, Table};
use super::question::{Question, Takes};
use super::{cells, rows, select};
use crate::parallel::Scope;

/// The report `timeline`.
#[derive(Debug, Clone, Copy)]
pub struct Timeline;

impl Report for Timeline {
    fn name(&self) -> &'static str {
        "timeline"
    }

    fn about(&self) -> &'static str {
        "What happened, in the order in which it happened"
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Occurred, Takes::Limit]
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let wanted = select::Records::new(view, question);
        let state = view.state;
        let asked = |seq: &Seq| {
            state.standing_kind(*seq).is_some()
                && wanted.includes(state, *seq)
                && select::within_occurred(view, *seq, question)
        };
        let mut document = Document::new(self.name(), "Timeline", view, question);
        let mut later = 0;
        let mut records = Vec::new();
        for seq in (0..state.count()).map(Seq).filter(asked) {
            match view.has_happened(seq) {
                true => records.push(seq),
                false => later += 1,
            }
        }
        records.sort_by_cached_key(|seq| place(view, *seq));
        document.answer = answer(view, &records);
        document.charts.extend(chart(view, &records));
        let mut table = Table::new("timeline", "Timeline", COLUMNS)
            .lead(&["on", "text", "record", "event"])
            .or("nothing happened");
        table.rows = rows::of(view, records, |scope, seq| {
            Some(row(scope, scope.view.state.entry(*seq)?))
        });
        document.notes.extend(table.cut(question.limit));
        document.notes.extend(select::left_out(view, later));
        document.tables.push(table);
        document
    }
}

/// How much happened, between which days.
fn answer(view: &View<'_>, records: &[Seq]) -> Vec<String> {
    let happened = match records.len() {
        0 => return vec!["Nothing happened.".to_owned()],
        1 => "1 record tells".to_owned(),
        many => format!("{many} records tell"),
    };
    let on = |seq: &Seq| cells::occasion_text(view, *seq);
    let (first, last) = (
        records.iter().find_map(on),
        records.iter().rev().find_map(on),
    );
    vec![match (first, last) {
        (Some(first), Some(last)) => {
            format!("{happened} what happened, from {first} to {last}.")
        }
        _ => format!("{happened} what happened; none says when."),
    }]
}

/// More marks than this would lie on one another.
const MARKS: usize = 120;

/// The days that are known, also roughly; not those that are open at an end.
fn chart(view: &View<'_>, records: &[Seq]) -> Option<Chart> {
    let days = |seq: &Seq| {
        let (on, _) = cells::occasion(view, *seq)?;
        Some((*seq, on.earliest()?, on.latest()?))
    };
    // One more than can be shown is enough to know that there are too many.
    let dated: Vec<_> = records.iter().filter_map(days).take(MARKS + 1).collect();
    let sentences = Sentences::new(view.state);
    let mark = |(seq, first, last): (Seq, NaiveDate, NaiveDate)| {
        let entry = view.state.entry(seq)?;
        Some(Mark {
            first,
            last,
            label: sentences.of(entry),
            tone: match entry.event.envelope.irregular {
                Some(_) => Tone::Attention,
                None => Tone::Plain,
            },
        })
    };
    (1..=MARKS).contains(&dated.len()).then(|| Chart {
        name: "timeline".to_owned(),
        title: "What happened when".to_owned(),
        table: "timeline",
        plot: Plot::Timeline(dated.into_iter().filter_map(mark).collect()),
    })
}

const COLUMNS: &[&str] = &[
    "on", "record", "event", "about", "text", "by", "source", "flags",
];

/// Its first possible day (its last, where the first is open), then its number; what has no date comes last.
fn place(view: &View<'_>, seq: Seq) -> (NaiveDate, Seq) {
    let on = cells::occasion(view, seq).and_then(|(on, _)| on.earliest().or(on.latest()));
    (on.unwrap_or(NaiveDate::MAX), seq)
}

fn row(scope: &Scope<'_>, entry: &Entry) -> Row {
    vec![
        cells::on(&scope.view, entry.seq),
        cells::record(entry.seq),
        Cell::text(entry.event.kind()),
        Cell::List(cells::about(&entry.event)),
        Cell::Text(scope.sentences.of(entry)),
        Cell::List(cells::by(&entry.event)),
        Cell::List(cells::sources(&entry.event)),
        Cell::List(cells::flags(scope.view.state, entry.seq)),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::Bound;
    use super::super::testing::*;
    use super::*;

    #[test]
    fn what_happened_first_comes_first_and_the_undated_last() {
        let mut history = simple("");
        history.say_all(&[
            "meeting | text=last | present=colombia | on=2023-05-11",
            "meeting | text=first | present=colombia | on=before 2022",
            "meeting | text=some day | present=colombia | on=unknown",
            "meeting | text=in spring | present=colombia | on=2023-03/2023-05",
        ]);
        let question = Question {
            kinds: vec!["meeting".parse().unwrap(), "commitment".parse().unwrap()],
            ..Question::default()
        };
        let timeline = history.ask(&Timeline, "2024-01-01", &question);
        assert_eq!(
            columns(&timeline, "timeline", &["on", "record", "about", "text"]),
            [
                ["before 2022", "7", "", "Colombia attended a meeting: first"],
                [
                    "2023-01-01",
                    "5",
                    "C1",
                    "Colombia promised Venezuela in A1 (C1): open the bridge"
                ],
                [
                    "2023-03/2023-05",
                    "9",
                    "",
                    "Colombia attended a meeting: in spring"
                ],
                ["2023-05-11", "6", "", "Colombia attended a meeting: last"],
                ["unknown", "8", "", "Colombia attended a meeting: some day"],
            ]
        );
    }

    #[test]
    fn what_has_not_happened_is_counted_not_shown() {
        let mut history = simple("");
        history.say("meeting | text=next | present=colombia | on=2031-01-01");
        history.say("meeting | text=wrong | present=colombia | on=2023-02-01");
        history.say("retraction | record=7 | reason=no such meeting");
        let question = Question {
            kinds: vec!["meeting".parse().unwrap()],
            ..Question::default()
        };
        let timeline = history.ask(&Timeline, "2024-01-01", &question);
        assert!(column(&timeline, "timeline", "text").is_empty());
        assert!(notes(&timeline, "1 record is left out"));
    }

    #[test]
    fn bounds_take_in_what_may_lie_within() {
        let history = communique();
        let asked = |since: &str, until: &str| {
            let question = Question {
                commitment: Some("C1".parse().unwrap()),
                since: Some(Bound::Day(day(since))),
                until: Some(Bound::Day(day(until))),
                ..Question::default()
            };
            column(
                &history.ask(&Timeline, "2030-01-01", &question),
                "timeline",
                "record",
            )
        };
        assert_eq!(asked("2023-05-11", "2023-05-11"), ["8"]);
        // The undated statement counts on the day it was recorded.
        assert_eq!(asked("2023-05-12", "2023-06-01"), ["14"]);
        assert!(asked("2023-05-12", "2023-05-31").is_empty());
    }
}
