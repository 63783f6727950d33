//! The result of an import of tables, and its report to the user.

use std::collections::HashMap;
use std::path::Path;

use super::shared::listed;
use crate::cli::error::CliError;
use crate::cli::files;
use crate::cli::session::Session;
use crate::intake::compare::Tally;
use crate::intake::mapper::{MappedEvent, Remark};
use crate::intake::rules::Rules;
use crate::intake::table::{Form, Table};
use servanda_core::words::plural;
use servanda_files::Existing;

/// The columns that are added to bad rows.
pub(super) const BAD_COLUMNS: [&str; 2] = ["bad_line", "bad_reason"];

/// An event, and the table that it comes from.
pub(super) struct TableEvent {
    /// The name of the table's file.
    pub table: String,
    /// The event.
    pub event: MappedEvent,
}

impl TableEvent {
    /// The reason in the rules to record it although it breaks a rule about the world.
    pub fn irregular<'r>(&self, rules: &'r Rules) -> Option<&'r String> {
        rules.events.get(self.event.rule?)?.if_irregular.as_ref()
    }
}

/// A remark about a place in a table.
pub(super) struct TableRemark {
    /// The name of the table's file.
    pub table: String,
    /// The place and the reason.
    pub remark: Remark,
}

impl std::fmt::Display for TableRemark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Remark { place, reason } = &self.remark;
        write!(f, "{}:{}: ", self.table, place.line)?;
        match &place.column {
            Some(column) => write!(f, "{column}: {reason}"),
            None => f.write_str(reason),
        }
    }
}

/// The result of reading the tables.
#[derive(Default)]
pub(super) struct Findings {
    /// The number of tables.
    pub tables: usize,
    /// The number of their rows.
    pub rows: usize,
    /// The events to append.
    pub events: Vec<TableEvent>,
    /// Errors.
    pub bad: Vec<TableRemark>,
    /// Rows and cells that were left out.
    pub skipped: Vec<TableRemark>,
    /// Warnings.
    pub warnings: Vec<String>,
    /// How the events compare with those recorded before.
    pub tally: Tally,
    /// The tables that have bad rows, with their names and forms.
    pub bad_tables: Vec<(String, Form, Table)>,
}

impl Findings {
    /// Reports the errors: as an error, or in a file of bad rows.
    pub fn report_bad(
        &self,
        session: &Session,
        skip_bad: Option<&Path>,
        existing: Existing,
    ) -> Result<(), CliError> {
        if self.bad.is_empty() {
            return Ok(());
        }
        let Some(path) = skip_bad else {
            let errors = plural(self.bad.len(), "error");
            let tables = plural(self.tables, "table");
            let message = format!("{errors} in {tables}; nothing was appended");
            return Err(listed(message, grouped(&self.bad).into_iter()).hint(
                "change the rules or the table, or leave these rows out with --skip-bad FILE",
            ));
        };
        match session.dry_run {
            true => Ok(()),
            false => self.write_bad(path, existing),
        }
    }

    /// Writes the bad rows, each with its reason: those of one table to the file, those of several into a directory.
    fn write_bad(&self, path: &Path, existing: Existing) -> Result<(), CliError> {
        let failed = |error: &dyn std::fmt::Display, path: &Path| {
            CliError::refused(format!("cannot write {}: {error}", path.display()))
        };
        if self.tables > 1 {
            std::fs::create_dir_all(path).map_err(|error| failed(&error, path))?;
        }
        for (name, form, table) in &self.bad_tables {
            let place = match self.tables {
                1 => path.to_owned(),
                _ => path.join(name),
            };
            let bytes = bad_rows(
                form,
                table,
                self.bad.iter().filter(|remark| remark.table == *name),
            )
            .map_err(|error| failed(&error, &place))?;
            files::write(&place, bytes, existing)?;
        }
        Ok(())
    }

    /// Reports the result.
    pub fn report(&self, session: &Session) {
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
        session.talk(&format!(
            "{}, {}: {} {would} ({new} new, {}, {further} further), {unchanged} known and unchanged",
            plural(self.tables, "table"),
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
        report_all(session, "left out because they do not fit", &self.bad);
        report_all(session, "skipped", &self.skipped);
        for warning in &self.warnings {
            session.talk(&format!("warning: {warning}"));
        }
    }
}

fn report_all(session: &Session, what: &str, all: &[TableRemark]) {
    if !all.is_empty() {
        session.talk(&format!("{} {what}:", all.len()));
        for line in grouped(all) {
            session.talk(&format!("  {line}"));
        }
    }
}

/// Remarks, a line each; neighbours with the same reason share a line.
fn grouped(all: &[TableRemark]) -> Vec<String> {
    let same = |a: &TableRemark, b: &TableRemark| {
        let (column, other) = (&a.remark.place.column, &b.remark.place.column);
        a.table == b.table && a.remark.reason == b.remark.reason && column == other
    };
    let line = |group: &[TableRemark]| match group {
        [first, .., _] => {
            let Remark { place, reason } = &first.remark;
            let lines = ranges(group.iter().map(|remark| remark.remark.place.line));
            let column = place
                .column
                .as_ref()
                .map_or(String::new(), |column| format!("{column}: "));
            format!("{}:{lines}: {column}{reason}", first.table)
        }
        group => group.iter().map(ToString::to_string).collect(),
    };
    all.chunk_by(same).map(line).collect()
}

/// Rising numbers in short: `2-85,90`.
fn ranges(numbers: impl Iterator<Item = usize>) -> String {
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match stretches.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => stretches.push((number, number)),
        }
    }
    let texts: Vec<String> = stretches
        .into_iter()
        .map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        })
        .collect();
    texts.join(",")
}

/// Bad rows in the form of their table: its own columns, then the line and the reason, which rules ignore.
fn bad_rows<'s>(
    form: &Form,
    table: &Table,
    bad: impl Iterator<Item = &'s TableRemark>,
) -> Result<Vec<u8>, csv::Error> {
    let mut reasons: HashMap<usize, Vec<String>> = HashMap::new();
    for bad in bad {
        let Remark { place, reason } = &bad.remark;
        let text = match &place.column {
            Some(column) => format!("{column}: {reason}"),
            None => reason.clone(),
        };
        reasons.entry(place.line).or_default().push(text);
    }
    let extra = BAD_COLUMNS.map(ToOwned::to_owned);
    let headers = [table.headers.as_slice(), &extra].concat();
    let mut rows = Vec::with_capacity(reasons.len());
    for row in &table.rows {
        if let Some(reasons) = reasons.get(&row.lines.0) {
            let mut cells = row.cells.clone();
            // A row that is too long stays too long, so that the user sees it.
            cells.resize(cells.len().max(table.headers.len()), String::new());
            cells.push(row.lines.0.to_string());
            cells.push(reasons.join("; "));
            rows.push(cells);
        }
    }
    form.write(&headers, &rows)
}
