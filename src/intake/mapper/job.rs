//! The input and the result of mapping a table.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::file::File;
use super::index::Index;
use super::key::{Hashed, Key};
use crate::intake::rules::Rules;
use crate::intake::table::Table;
use servanda_core::event::Kind;
use servanda_core::ndjson::Line;

/// A place in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The first line, from 1.
    pub line: usize,
    /// The last line.
    pub last: usize,
    /// The header of the column, if the place is one cell.
    pub column: Option<String>,
}

impl Place {
    /// The place of a row.
    pub fn of(lines: (usize, usize)) -> Self {
        Self {
            line: lines.0,
            last: lines.1,
            column: None,
        }
    }

    /// A cell of the same row.
    pub fn at(&self, column: Option<&str>) -> Self {
        let column = column.map(str::to_owned);
        Self {
            column: column.or_else(|| self.column.clone()),
            ..*self
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.last == self.line {
            true => write!(f, "line {}", self.line)?,
            false => write!(f, "lines {} to {}", self.line, self.last)?,
        }
        match &self.column {
            Some(column) => write!(f, ", column {column}"),
            None => Ok(()),
        }
    }
}

/// An event that a row was mapped to.
#[derive(Debug, Clone)]
pub struct MappedEvent {
    /// The number of its rule; none for the source that stands for the table.
    pub rule: Option<usize>,
    /// Its import key; that of the corrected event for a correction.
    pub key: Key,
    /// The event, as far as the table alone gives it: `@KEY` names the record with that import key.
    pub line: Box<Line>,
    /// The place that it comes from.
    pub place: Place,
    /// The number of the row, from 0; of the first one, if several make the event together.
    pub row: usize,
    /// What the ledger has under its key.
    pub earlier: Earlier,
}

/// What a ledger has under an import key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// No record.
    Nothing,
    /// One record, which says the same.
    Same,
    /// Anything else.
    Other,
}

/// A remark about a place: why it is wrong, or was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The place.
    pub place: Place,
    /// The kinds of events that are concerned.
    pub kinds: Vec<Kind>,
    /// The reason.
    pub reason: String,
}

impl Remark {
    pub(crate) fn new(place: Place, kind: Option<Kind>, reason: impl Into<String>) -> Self {
        Self {
            place,
            kinds: kind.into_iter().collect(),
            reason: reason.into(),
        }
    }

    /// The reason, with the kinds of events.
    pub fn why(&self) -> String {
        let kinds: Vec<String> = self
            .kinds
            .iter()
            .map(|kind| format!("the {kind}"))
            .collect();
        match kinds.is_empty() {
            true => self.reason.clone(),
            false => format!("{} (for {})", self.reason, kinds.join(", ")),
        }
    }
}

/// The result of mapping a table.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The number of rows.
    pub rows: usize,
    /// The events, in the order in which they must be appended.
    pub events: Vec<MappedEvent>,
    /// The numbers of the rows that made an event together, by its import key.
    pub together: HashMap<Key, Vec<usize>, Hashed>,
    /// For each rule, the header of the first column that each field is made of.
    pub columns: Vec<Vec<(String, String)>>,
    /// Errors. The rows of these places gave no events.
    pub bad: Vec<Remark>,
    /// Why there is no source that stands for the table. No row is to blame for that.
    pub wrong_source: Option<Remark>,
    /// Rows and cells that were left out.
    pub skipped: Vec<Remark>,
    /// Columns that no rule uses, with the number of their filled cells.
    pub unused: Vec<(String, usize)>,
}

/// A table, and the data for mapping its rows.
#[derive(Clone, Copy)]
pub struct ImportJob<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// The file.
    pub file: &'a File,
    /// The table.
    pub table: &'a Table,
    /// The second tables, in the order of the rules.
    pub lookups: &'a [Arc<Index>],
    /// The name of the version of the table that a change log describes.
    pub version: Option<&'a str>,
    /// Whether each row changed, for a version of a table. Other rows only add gathered values.
    pub touched: Option<&'a [bool]>,
    /// The numbers of the rows that are left out.
    pub left_out: Option<&'a HashSet<usize>>,
    /// Who records the events.
    pub recorded_by: Option<&'a str>,
    /// What the ledger has under an import key, beside the line of an event.
    pub earlier: &'a (dyn Fn(&str, &Line) -> Earlier + Sync),
}

impl<'a> ImportJob<'a> {
    /// A job for all rows of a table.
    pub fn new(rules: &'a Rules, file: &'a File, table: &'a Table) -> Self {
        Self {
            rules,
            file,
            table,
            lookups: &[],
            version: None,
            touched: None,
            left_out: None,
            recorded_by: None,
            earlier: &|_, _| Earlier::Nothing,
        }
    }
}
