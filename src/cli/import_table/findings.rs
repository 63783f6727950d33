//! The result of reading tables, and its report to the user.

use std::collections::HashMap;

use super::shared::{column, cut, listed};
use crate::cli::error::CliError;
use crate::cli::session::Session;
use crate::intake::compare::{TableEvent, TableRemark, Tally};
use crate::intake::mapper::{Hashed, Key, Remark};
use servanda_core::rules::Rejection;
use servanda_core::words::plural;

/// The most lines of each part of the report; the rest is counted.
const TOLD: usize = 10;

/// The most stretches of lines that share a remark; the rest is counted.
const STRETCHES: usize = 20;

/// The result of reading the tables.
#[derive(Default)]
pub(super) struct Findings {
    /// The names of the tables.
    pub names: Vec<String>,
    /// The number of their rows.
    pub rows: usize,
    /// The events to append.
    pub events: Vec<TableEvent>,
    /// For each table and rule, the header of the first column that each field is made of.
    pub columns: Vec<Vec<Vec<(String, String)>>>,
    /// For each table, the rows that made an event together, by its import key.
    pub together: Vec<HashMap<Key, Vec<usize>, Hashed>>,
    /// Errors.
    pub bad: Vec<TableRemark>,
    /// Errors of tables as a whole, which no row can be left out for.
    pub wrong: Vec<TableRemark>,
    /// Rows and cells that were left out.
    pub skipped: Vec<TableRemark>,
    /// Values that were recorded before, and the new ones.
    pub changed: Vec<TableRemark>,
    /// Values of tables that are older than what stands.
    pub older: Vec<TableRemark>,
    /// For each table, the import keys that were recorded from an earlier version and are no longer in it.
    pub vanished: Vec<Vec<String>>,
    /// Warnings.
    pub warnings: Vec<String>,
    /// How the events compare with those recorded before.
    pub tally: Tally,
}

impl Findings {
    /// The errors, as the error of the command.
    pub fn errors(&self) -> CliError {
        let error = self.error_of(self.wrong.iter().chain(&self.bad));
        match self.wrong.is_empty() {
            true => error.hint(
                "change the rules or the table, or leave these rows out with --skip-bad FILE",
            ),
            false => error.hint("change the rules or the table"),
        }
    }

    /// Some of the errors, as the error of the command.
    pub fn error_of<'r>(&self, remarks: impl Iterator<Item = &'r TableRemark>) -> CliError {
        let remarks: Vec<&TableRemark> = remarks.collect();
        let errors = plural(remarks.len(), "error");
        let tables = plural(self.names.len(), "table");
        let message = format!("{errors} in {tables}; nothing was appended");
        listed(message, self.grouped(remarks))
    }

    /// A remark on the row of an event that is refused, at the column that the refusal is about.
    pub fn refused(&self, index: usize, rejection: &Rejection, why: String) -> TableRemark {
        let TableEvent { table, event } = &self.events[index];
        let columns = event.rule.and_then(|rule| self.columns[*table].get(rule));
        let column = columns.and_then(|columns| {
            let named = |field| columns.iter().find(|(name, _)| name == field);
            rejection.fields().find_map(named)
        });
        let place = match &event.place.column {
            Some(_) => event.place.clone(),
            None => event.place.at(column.map(|(_, header)| header.as_str())),
        };
        let key = &event.key;
        let reason = format!("{why} (for the {} {key})", event.line.kind);
        TableRemark {
            table: *table,
            remark: Remark::new(place, None, reason),
        }
    }

    /// The rows that made an event.
    pub fn rows_of(&self, index: usize) -> Vec<usize> {
        let TableEvent { table, event } = &self.events[index];
        let together = self.together[*table].get(&event.key);
        together.cloned().unwrap_or_else(|| vec![event.row])
    }

    /// Reports the result; `irregular` is the number of events that were recorded as irregular.
    pub fn report(&self, session: &Session, irregular: usize) {
        let would = if session.dry_run {
            "would be appended"
        } else {
            "appended"
        };
        let Tally {
            new,
            unchanged,
            corrections,
            further,
            kept,
        } = self.tally;
        let irregular = match irregular {
            0 => String::new(),
            count => format!(", {count} irregular"),
        };
        session.talk(&format!(
            "{}, {}: {} {would} ({new} new, {}, {further} further{irregular}), {unchanged} known and unchanged",
            plural(self.names.len(), "table"),
            plural(self.rows, "row"),
            plural(self.events.len(), "event"),
            plural(corrections, "correction"),
        ));
        if kept > 0 {
            session.talk(&format!(
                "{} passed over, as the rules say",
                plural(kept, "change")
            ));
        }
        for (what, remarks) in [
            ("left out because they do not fit", &self.bad),
            ("skipped", &self.skipped),
            ("changed", &self.changed),
            (
                "older than what is recorded, and left as they are",
                &self.older,
            ),
        ] {
            if !remarks.is_empty() {
                session.talk(&format!("{} {what}:", remarks.len()));
                tell(session, "  ", self.grouped(remarks));
            }
        }
        for (name, keys) in self.names.iter().zip(&self.vanished) {
            let (verb, stays) = match keys.len() {
                0 => continue,
                1 => ("was", "is no longer in the table; it stays recorded"),
                _ => ("were", "are no longer in the table; they stay recorded"),
            };
            let keys = first_of(keys.iter().map(|key| format!("`{key}`")).collect(), ", ");
            session.talk(&cut(format!(
                "warning: {name}: {keys} {verb} recorded from an earlier version and {stays}"
            )));
        }
        tell(session, "warning: ", self.warnings.clone());
    }

    /// Remarks, a line each; those with the same reason at the same column share a line.
    pub fn grouped<'r>(&self, all: impl IntoIterator<Item = &'r TableRemark>) -> Vec<String> {
        let mut groups: Vec<(&'r TableRemark, Vec<usize>)> = Vec::new();
        let mut places = HashMap::new();
        for remark in all {
            let Remark { place, reason, .. } = &remark.remark;
            let at = *places
                .entry((remark.table, place.column.as_deref(), reason.as_str()))
                .or_insert(groups.len());
            if at == groups.len() {
                groups.push((remark, Vec::new()));
            }
            groups[at].1.push(place.line);
        }
        let line = |(first, mut lines): (&TableRemark, Vec<usize>)| {
            lines.sort_unstable();
            lines.dedup();
            let name = &self.names[first.table];
            let column = column(&first.remark.place);
            format!("{name}:{}: {column}{}", ranges(&lines), first.remark.why())
        };
        groups.into_iter().map(line).collect()
    }
}

/// Says the first of some lines, and how many more there are.
fn tell(session: &Session, before: &str, lines: Vec<String>) {
    let more = lines.len().saturating_sub(TOLD);
    for line in lines.into_iter().take(TOLD) {
        session.talk(&cut(format!("{before}{line}")));
    }
    if more > 0 {
        session.talk(&format!("{before}... and {more} more"));
    }
}

/// The first of some texts, and how many more there are.
fn first_of(texts: Vec<String>, separator: &str) -> String {
    match texts.len().saturating_sub(STRETCHES) {
        0 => texts.join(separator),
        more => format!(
            "{}{separator}and {more} more",
            texts[..STRETCHES].join(separator)
        ),
    }
}

/// Rising numbers in short: `2-85,90`.
fn ranges(numbers: &[usize]) -> String {
    let stretches = numbers.chunk_by(|one, next| one + 1 == *next);
    let texts = stretches.map(|stretch| match stretch {
        [first, .., last] => format!("{first}-{last}"),
        one => one.iter().map(ToString::to_string).collect(),
    });
    first_of(texts.collect(), ",")
}
