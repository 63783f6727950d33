//! The ledger's own records, newest first: those too that were retracted or withheld.

use crate::domain::event::Fact;
use crate::domain::id::{Seq, Subject};
use crate::domain::register::{Held, Register};
use crate::domain::view::View;

use super::{Cell, Document, Question, Report, Table, cells, select};

/// The log. It shows every record, and flags what has not happened by the view's day as `not yet`.
#[derive(Debug, Clone, Copy)]
pub struct Log;

impl Report for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn about(&self) -> &'static str {
        "The records, newest first"
    }

    fn document(&self, view: &View<'_>, question: &Question) -> Document {
        let wanted = select::Records::new(view, question);
        let unbounded = wanted.is_all() && question.since.is_none() && question.until.is_none();
        let mut table = Table::new("log", "Records", COLUMNS).or("no records");
        for (at, record) in view.register.records().iter().enumerate().rev() {
            match record {
                Some(held) => {
                    let entry = &held.entry;
                    if wanted.includes(entry) && select::within_occurred(view, entry, question) {
                        table.rows.push(row(view, held));
                    }
                }
                // Nobody knows what it said, so it can only be among all records.
                None if unbounded => table.rows.push(gone(view.register, Seq(at as u64))),
                None => {}
            }
        }
        let mut document = Document::new(self.name(), "Log", view, question);
        document.notes.extend(table.cut(question.limit));
        document.tables.push(table);
        document
    }
}

const COLUMNS: &[&str] = &["record", "recorded", "on", "event", "text", "by", "flags"];

fn row(view: &View<'_>, held: &Held) -> Vec<Cell> {
    let entry = &held.entry;
    let mut flags = cells::flags(view.register, entry);
    if held.is_standing() && !view.has_happened(entry) {
        flags.push("not yet".to_owned());
    }
    let withheld = held.redacted.is_some();
    vec![
        cells::record(entry.seq),
        cells::recorded(entry.recorded_at),
        if withheld {
            Cell::None
        } else {
            cells::on(view, entry)
        },
        Cell::text(entry.event.kind()),
        cells::headline(held),
        if withheld {
            Cell::None
        } else {
            Cell::List(cells::by(&entry.event))
        },
        Cell::List(flags),
    ]
}

/// A record whose payload is gone from the store.
fn gone(register: &Register, seq: Seq) -> Vec<Cell> {
    let mut flags = vec!["payload gone".to_owned()];
    let subject = Subject::Record(seq);
    let redactions = register.trail(&subject);
    let redactions = redactions.filter(|entry| matches!(entry.event.fact, Fact::Redacted(_)));
    flags.extend(redactions.map(|entry| format!("redacted by {}", entry.seq)));
    vec![
        cells::record(seq),
        Cell::None,
        Cell::None,
        Cell::None,
        Cell::text(cells::WITHHELD),
        Cell::None,
        Cell::List(flags),
    ]
}
