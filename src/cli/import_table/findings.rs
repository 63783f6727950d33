//! What became of tables, and how that is told.

use std::collections::HashMap;
use std::path::Path;

use super::shared::listed;
use crate::cli::error::CliError;
use crate::cli::session::Session;
use crate::intake::compare::{Step, Tally};
use crate::intake::make::Remark;
use crate::intake::rules::Rules;
use crate::intake::table::{Form, Table};
use servanda_ledger::plural;

/// The columns that bad rows have beside those of their table.
pub(super) const BAD_COLUMNS: [&str; 2] = ["bad_line", "bad_reason"];

/// A step, and the table it comes from.
pub(super) struct From {
    /// The name of the table's file.
    pub table: String,
    /// The step.
    pub step: Step,
}

impl From {
    /// Why its event is recorded where it breaks a rule about the world.
    pub fn irregular<'r>(&self, rules: &'r Rules) -> Option<&'r String> {
        rules.events.get(self.step.rule?)?.if_irregular.as_ref()
    }
}

/// Something said of a place in a table.
pub(super) struct Said {
    /// The name of the table's file.
    pub table: String,
    /// The place, and what is said.
    pub remark: Remark,
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Remark { place, reason } = &self.remark;
        write!(f, "{}:{}: ", self.table, place.line)?;
        match &place.column {
            Some(column) => write!(f, "{column}: {reason}"),
            None => f.write_str(reason),
        }
    }
}

/// What became of the tables.
#[derive(Default)]
pub(super) struct Findings {
    /// How many there were.
    pub tables: usize,
    /// How many rows they have together.
    pub rows: usize,
    /// The events to append.
    pub steps: Vec<From>,
    /// What does not fit.
    pub bad: Vec<Said>,
    /// What was left out.
    pub skipped: Vec<Said>,
    /// What else is worth a word.
    pub warnings: Vec<String>,
    /// How the events compare with what was recorded before.
    pub tally: Tally,
    /// The tables that have bad rows, with their names and forms.
    pub bad_tables: Vec<(String, Form, Table)>,
}

impl Findings {
    /// Tells what does not fit: as an error, or into a file.
    pub fn tell_bad(&self, session: &Session, skip_bad: Option<&Path>) -> Result<(), CliError> {
        if self.bad.is_empty() {
            return Ok(());
        }
        let Some(path) = skip_bad else {
            let (places, tables) = (
                plural(self.bad.len(), "place"),
                plural(self.tables, "table"),
            );
            let message =
                format!("what stands in {places} of {tables} does not fit; nothing was appended");
            return Err(listed(message, grouped(&self.bad).into_iter()).hint(
                "mend the rules or the table, or leave these rows out with --skip-bad FILE",
            ));
        };
        match session.dry_run {
            true => Ok(()),
            false => self.write_bad(path),
        }
    }

    /// Writes the rows that do not fit, each with its reason: one table to the file itself, several into a directory.
    fn write_bad(&self, path: &Path) -> Result<(), CliError> {
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
                self.bad.iter().filter(|said| said.table == *name),
            )
            .map_err(|error| failed(&error, &place))?;
            std::fs::write(&place, bytes).map_err(|error| failed(&error, &place))?;
        }
        Ok(())
    }

    /// Tells how it went.
    pub fn tell(&self, session: &Session) {
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
            plural(self.steps.len(), "event"),
            plural(corrections, "correction"),
        ));
        if kept > 0 {
            session.talk(&format!(
                "{} passed over, as the rules say",
                plural(kept, "change")
            ));
        }
        tell_all(
            session,
            "left out, for what stands there does not fit",
            &self.bad,
        );
        tell_all(session, "skipped", &self.skipped);
        for warning in &self.warnings {
            session.talk(&format!("warning: {warning}"));
        }
    }
}

fn tell_all(session: &Session, what: &str, all: &[Said]) {
    if !all.is_empty() {
        session.talk(&format!("{} {what}:", all.len()));
        for line in grouped(all) {
            session.talk(&format!("  {line}"));
        }
    }
}

/// What is said of places, a line each; neighbours of which the same is said share one.
fn grouped(all: &[Said]) -> Vec<String> {
    let same = |a: &Said, b: &Said| {
        let (column, other) = (&a.remark.place.column, &b.remark.place.column);
        a.table == b.table && a.remark.reason == b.remark.reason && column == other
    };
    let line = |group: &[Said]| match group {
        [first, .., _] => {
            let Remark { place, reason } = &first.remark;
            let lines = ranges(group.iter().map(|said| said.remark.place.line));
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

/// Numbers that count up, in short: `2-85,90`.
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

/// Bad rows, written as their table is: its own columns, then the line and the reason, which rules pass over.
fn bad_rows<'s>(
    form: &Form,
    table: &Table,
    bad: impl Iterator<Item = &'s Said>,
) -> Result<Vec<u8>, csv::Error> {
    let mut reasons: HashMap<usize, Vec<String>> = HashMap::new();
    for said in bad {
        let Remark { place, reason } = &said.remark;
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
            // A row that is too long stays so: who mends it has to see it.
            cells.resize(cells.len().max(table.headers.len()), String::new());
            cells.push(row.lines.0.to_string());
            cells.push(reasons.join("; "));
            rows.push(cells);
        }
    }
    form.write(&headers, &rows)
}
