//! What happened, in the order in which it happened.

use chrono::NaiveDate;

use crate::domain::event::Entry;
use crate::domain::view::View;

use super::{Cell, Document, Question, Report, Table, cells, select};

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

    fn document(&self, view: &View<'_>, question: &Question) -> Document {
        let wanted = select::Records::new(view, question);
        let asked = |entry: &&Entry| {
            wanted.includes(entry) && select::within_occurred(view, entry, question)
        };
        let mut document = Document::new(self.name(), "Timeline", view, question);
        let mut entries: Vec<&Entry> = view.entries().filter(asked).collect();
        entries.sort_by_key(|entry| place(view, entry));
        let mut table = Table::new("timeline", "Timeline", COLUMNS).or("nothing happened");
        table.rows = entries.into_iter().map(|entry| row(view, entry)).collect();
        document.notes.extend(table.cut(question.limit));
        document.tables.push(table);
        let later = view.register.entries().filter(asked);
        let later = later.filter(|entry| !view.has_happened(entry)).count();
        document.notes.extend(select::left_out(view, later));
        document
    }
}

const COLUMNS: &[&str] = &[
    "on", "record", "event", "about", "text", "by", "source", "flags",
];

/// Its first possible day (its last, where the first is open), then its number; what has no date comes last.
fn place(view: &View<'_>, entry: &Entry) -> (NaiveDate, u64) {
    let on = cells::occasion(view, entry).and_then(|(on, _)| on.earliest().or(on.latest()));
    (on.unwrap_or(NaiveDate::MAX), entry.seq.0)
}

fn row(view: &View<'_>, entry: &Entry) -> Vec<Cell> {
    vec![
        cells::on(view, entry),
        cells::record(entry.seq),
        Cell::text(entry.event.kind()),
        Cell::List(cells::about(&entry.event)),
        Cell::Text(entry.event.headline()),
        Cell::List(cells::by(&entry.event)),
        Cell::List(cells::sources(&entry.event)),
        Cell::List(cells::flags(view.register, entry)),
    ]
}
