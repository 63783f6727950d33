//! A table that lists changes to another table. Playing it back gives each version of the other table in turn.

use std::collections::HashMap;

use super::mapper::{ImportJob, Place, Remark, fill_one};
use super::rules::ChangeLog;
use super::table::{Row, Table};

/// A version of the other table.
#[derive(Debug, Default)]
pub struct Version {
    /// The text that its rows of the log share.
    pub name: String,
    /// The table. The lines of its rows are those of the log.
    pub table: Table,
    /// Whether each row changed.
    pub touched: Vec<bool>,
}

/// One row of the log.
struct Change {
    lines: (usize, usize),
    row: String,
    column: String,
    value: String,
    version: String,
}

/// Plays a log back and passes each version to `each`.
///
/// # Errors
/// The rows of the log that lack a value; then no version is passed.
pub fn play(
    job: &ImportJob<'_>,
    log: &ChangeLog,
    mut each: impl FnMut(&Version),
) -> Result<(), Vec<Remark>> {
    let changes = changes(job, log)?;
    let mut version = Version::default();
    for change in &changes {
        if !version.table.headers.contains(&change.column) {
            version.table.headers.push(change.column.clone());
        }
    }
    let columns: HashMap<String, usize> = version.table.headers.iter().cloned().zip(0..).collect();
    let mut rows: HashMap<&str, usize> = HashMap::new();
    let mut changes = changes.iter().peekable();
    while let Some(change) = changes.next() {
        let width = columns.len();
        let at = *rows.entry(&change.row).or_insert_with(|| {
            version.touched.push(false);
            version.table.rows.push(Row {
                lines: change.lines,
                cells: vec![String::new(); width],
                unreadable: None,
            });
            version.table.rows.len() - 1
        });
        let row = &mut version.table.rows[at];
        let first = match version.touched[at] {
            true => row.lines.0,
            false => change.lines.0,
        };
        row.lines = (first, change.lines.1);
        row.cells[columns[&change.column]].clone_from(&change.value);
        version.touched[at] = true;
        if changes
            .peek()
            .is_none_or(|next| next.version != change.version)
        {
            version.name.clone_from(&change.version);
            each(&version);
            version.touched.fill(false);
        }
    }
    Ok(())
}

fn changes(job: &ImportJob<'_>, log: &ChangeLog) -> Result<Vec<Change>, Vec<Remark>> {
    let mut changes = Vec::with_capacity(job.table.rows.len());
    let mut wrong = Vec::new();
    for row in &job.table.rows {
        if let Some(unreadable) = &row.unreadable {
            wrong.push(Remark::new(Place::of(row.lines), None, &unreadable.reason));
            continue;
        }
        let one = |name: &str, template, needed| fill_one(job, row, template, name, needed);
        let change = (|| {
            Ok(Change {
                lines: row.lines,
                row: one("row", &log.row, true)?,
                column: one("column", &log.column, true)?,
                value: one("value", &log.value, false)?,
                version: one("version", &log.version, true)?,
            })
        })();
        match change {
            Ok(change) => changes.push(change),
            Err(remark) => wrong.push(remark),
        }
    }
    match wrong.is_empty() {
        true => Ok(changes),
        false => Err(wrong),
    }
}
