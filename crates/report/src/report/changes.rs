//! What the ledger learned in a stretch of its own time: each record, with what it changed; and how what stood
//! at the end differs from what stood at the beginning.
//!
//! The records are replayed as they were recorded, so that a change is shown as it was when it came. Later corrections
//! of the record do not alter it.

mod asked;
mod ends;
mod replay;
mod step;
#[cfg(test)]
mod steps;
mod terms;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use servanda_core::event::Kind;
use servanda_core::value::id::Seq;
use servanda_core::view::View;

use self::asked::Asked;
use self::replay::Replay;
use super::cell::Cell;
use super::document::{Document, Report, Row, Table};
use super::flow::Flow;
use super::question::{Question, Takes};
use super::select;

/// The report `changes`.
#[derive(Debug, Clone, Copy)]
pub struct Changes;

impl Report for Changes {
    fn name(&self) -> &'static str {
        "changes"
    }

    fn about(&self) -> &'static str {
        "What the ledger learned between two of its records or days, with what stood before and after"
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Recorded, Takes::Limit]
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let asked = Asked::new(view, question);
        let mut document = Document::new(self.name(), "Changes", view, question);
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        let mut later = 0;
        let all = (0..view.state.count()).map(Seq);
        for seq in all.filter(|seq| asked.includes(view, *seq)) {
            match view.state.kind(seq) {
                Some(kind) if view.has_happened(seq) => *counts.entry(kind).or_default() += 1,
                Some(_) => later += 1,
                None => {}
            }
        }
        let count: usize = counts.values().sum();
        let start = Arc::new(Replay::until_first(view, asked));
        let rows = few_kept(count, start.clone(), |replay| replay.rows());
        let mut table = Table::new("changes", "Changes", COLUMNS)
            .by_day("recorded")
            .lead(&["record", "what", "event", "before", "after"])
            .or("nothing was recorded")
            .with(rows);
        let ends = Table::new("differences", "What stands otherwise at the end", ENDS)
            .or("all stands as it did")
            .with(few_kept(count, start, |replay| replay.ends()));
        document.notes.extend(table.cut(question.limit));
        document.notes.extend(select::left_out(view, later));
        document.answer = answer(&counts);
        document.tables = vec![table, ends, summary(counts)];
        document
    }
}

/// How many records there are, and of which kinds.
fn answer(counts: &BTreeMap<Kind, usize>) -> Vec<String> {
    let all: usize = counts.values().sum();
    let kinds = counts.iter().map(|(kind, count)| format!("{kind} {count}"));
    let kinds: Vec<String> = kinds.collect();
    vec![match all {
        0 => "Nothing was recorded.".to_owned(),
        1 => format!("1 record came: {}.", kinds.join(", ")),
        _ => format!("{all} records came: {}.", kinds.join(", ")),
    }]
}

/// Records of which so few are asked for have their rows made once and kept. The rows of more are made again, by
/// another replay, for each reader.
const FEW: usize = 1_000;

/// The rows that a replay makes, kept where they are of few records.
fn few_kept<'r, I: Iterator<Item = Row> + 'r>(
    count: usize,
    start: Arc<Replay<'r>>,
    rows: impl Fn(Replay<'r>) -> I + 'r,
) -> Flow<'r, Row> {
    let flow = Flow::uncounted(move || rows(start.as_ref().clone()));
    if count <= FEW { flow.kept() } else { flow }
}

const ENDS: &[&str] = &["id", "field", "before", "after"];

const COLUMNS: &[&str] = &[
    "record", "recorded", "on", "event", "what", "before", "after", "flags",
];

fn summary(counts: BTreeMap<Kind, usize>) -> Table<'static> {
    let mut table = Table::new("summary", "By kind", &["event", "count"]).or("nothing");
    let rows = counts
        .into_iter()
        .map(|(kind, count)| vec![Cell::text(kind), Cell::count(count)]);
    table.rows = rows.collect();
    table
}
