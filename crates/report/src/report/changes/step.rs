//! The rows of one record.

use servanda_core::event::{Entry, Kind};
use servanda_core::state::CurrentRecord;
use servanda_core::value::id::Seq;

use super::terms::Touch;
use crate::parallel::Scope;
use crate::report::cell::Cell;
use crate::report::cells;
use crate::report::document::Row;

/// What follows from records, and is no field of any.
const AXES: &[&str] = &["standing", "contest", "status"];

/// One row of a record.
pub enum Line {
    /// The record's sentence, and what stands after it.
    Sentence(Vec<String>),
    /// One change: of what, from what, to what.
    Change {
        what: String,
        before: Vec<String>,
        after: Vec<String>,
    },
}

/// A record with what it changed.
pub struct Step {
    seq: Seq,
    lines: Vec<Line>,
}

impl Step {
    /// The record, with a line that comes first and with what it did to entities.
    pub fn new(entry: &Entry, first: Option<Line>, touches: Vec<Touch>) -> Self {
        let mut lines: Vec<Line> = first.into_iter().collect();
        let corrects = entry.event.kind() == Kind::Corrected;
        for touch in touches {
            match touch {
                Touch::Appeared(_, axis) => lines.push(Line::Sentence(axis)),
                Touch::Changed(id, differences) => {
                    // The first line of a correction shows its field; what follows from that remains to be shown.
                    let shown = differences.into_iter();
                    let shown = shown.filter(|each| !corrects || AXES.contains(&each.name));
                    lines.extend(shown.map(|each| Line::Change {
                        what: format!("{id} {}", each.name),
                        before: each.before,
                        after: each.after,
                    }));
                }
            }
        }
        if lines.is_empty() {
            lines.push(Line::Sentence(Vec::new()));
        }
        Self {
            seq: entry.seq,
            lines,
        }
    }

    /// Its rows.
    pub fn rows(&self, scope: &Scope<'_>) -> Vec<Row> {
        let Some(held) = scope.view.state.held(self.seq) else {
            return Vec::new();
        };
        if held.redacted.is_some() {
            let cells = [
                cells::sentence(&scope.sentences, held),
                Cell::None,
                Cell::None,
            ];
            return vec![row(scope, held, Cell::None, cells)];
        }
        let on = cells::on(&scope.view, self.seq);
        let line = |line: &Line| {
            let cells = match line {
                Line::Sentence(after) => {
                    let said = scope.sentences.of_event(held.recorded(), self.seq);
                    [Cell::Text(said), Cell::None, joined(after)]
                }
                Line::Change {
                    what,
                    before,
                    after,
                } => [Cell::text(what), joined(before), joined(after)],
            };
            row(scope, held, on.clone(), cells)
        };
        self.lines.iter().map(line).collect()
    }
}

fn row(scope: &Scope<'_>, held: &CurrentRecord, on: Cell, change: [Cell; 3]) -> Row {
    let seq = held.entry.seq;
    let mut row = vec![
        cells::record(seq),
        cells::recorded(held.entry.recorded_at),
        on,
        Cell::text(held.entry.event.kind()),
    ];
    row.extend(change);
    row.push(Cell::List(cells::flags(scope.view.state, seq)));
    row
}

fn joined(texts: &[String]) -> Cell {
    Cell::maybe((!texts.is_empty()).then(|| texts.join("; ")))
}
