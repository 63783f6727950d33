//! A table that lists changes to another table. Playing it back gives each version of the other table in turn.
//!
//! Later changes rest on earlier ones: a row of the other table is what all its changes made of it. So a row is played with
//! all its changes or not at all. Where one of them is left out, the others of that row are left out, too.

use std::collections::HashMap;

use super::mapper::{ImportJob, Place, Remark, certain, fill_one, unfit};
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
    version: Option<String>,
    column: Option<String>,
    /// What changed; none where that is left out, so that the table has the same columns and versions all the same.
    cell: Option<Cell>,
}

/// A cell that changed.
struct Cell {
    lines: (usize, usize),
    row: String,
    value: String,
}

/// For each row of a log, the name of the row of the other table that it changes; none where it does not say that for
/// certain.
pub fn changed_rows(job: &ImportJob<'_>, log: &ChangeLog) -> Vec<Option<String>> {
    let rows = job.table.rows.iter();
    rows.map(|row| certain(job, row, &log.row)).collect()
}

/// Plays a log back without the rows that are left out, and passes each version to `each`.
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
    for column in changes.iter().filter_map(|change| change.column.as_ref()) {
        if !version.table.headers.contains(column) {
            version.table.headers.push(column.clone());
        }
    }
    let columns: HashMap<String, usize> = version.table.headers.iter().cloned().zip(0..).collect();
    let mut rows: HashMap<&str, usize> = HashMap::new();
    // A row that is left out and says no version ends none.
    let changes = changes.iter().filter(|change| change.version.is_some());
    let mut changes = changes.peekable();
    while let Some(change) = changes.next() {
        if let (Some(cell), Some(column)) = (&change.cell, &change.column) {
            let at = *rows.entry(&cell.row).or_insert_with(|| {
                version.touched.push(false);
                version.table.rows.push(Row {
                    lines: cell.lines,
                    cells: vec![String::new(); columns.len()],
                    unreadable: None,
                });
                version.table.rows.len() - 1
            });
            let row = &mut version.table.rows[at];
            let first = match version.touched[at] {
                true => row.lines.0,
                false => cell.lines.0,
            };
            row.lines = (first, cell.lines.1);
            row.cells[columns[column]].clone_from(&cell.value);
            version.touched[at] = true;
        }
        let next = changes.peek();
        let is_last = next.is_none_or(|next| next.version != change.version);
        if is_last && version.touched.contains(&true) {
            version.name = change.version.clone().unwrap_or_default();
            each(&version);
            version.touched.fill(false);
        }
    }
    Ok(())
}

fn changes(job: &ImportJob<'_>, log: &ChangeLog) -> Result<Vec<Change>, Vec<Remark>> {
    let mut changes = Vec::with_capacity(job.table.rows.len());
    let mut wrong = Vec::new();
    for (at, row) in job.table.rows.iter().enumerate() {
        let one = |name: &str, template, needed| fill_one(job, row, template, name, needed);
        if job.left_out.is_some_and(|rows| rows.contains(&at)) {
            changes.push(Change {
                version: certain(job, row, &log.version),
                column: certain(job, row, &log.column),
                cell: None,
            });
            continue;
        }
        if let Some(remark) = unfit(row, &job.table.headers, &Place::of(row.lines)) {
            wrong.push(remark);
            continue;
        }
        let change = (|| {
            Ok(Change {
                cell: Some(Cell {
                    lines: row.lines,
                    row: one("row", &log.row, true)?,
                    value: one("value", &log.value, false)?,
                }),
                column: Some(one("column", &log.column, true)?),
                version: Some(one("version", &log.version, true)?),
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
