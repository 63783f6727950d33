//! The input and the result of mapping a table.

use std::rc::Rc;

use super::file::File;
use super::index::Index;
use crate::intake::rules::Rules;
use crate::intake::table::Table;
use servanda_core::event::{Fields, Kind};

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
    pub(super) fn of(lines: (usize, usize)) -> Self {
        Self {
            line: lines.0,
            last: lines.1,
            column: None,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedEvent {
    /// The number of its rule; none for the source that stands for the table, and for corrections.
    pub rule: Option<usize>,
    /// Its kind.
    pub kind: Kind,
    /// Its fields; `@KEY` names the record with that import key.
    pub fields: Fields,
    /// The place that it comes from.
    pub place: Place,
    /// The recorded time that the table states.
    pub recorded_at: Option<String>,
}

impl MappedEvent {
    /// Its import key.
    pub fn key(&self) -> &str {
        self.fields
            .get("import_key")
            .first()
            .map_or("", String::as_str)
    }
}

/// A remark about a place: why it is wrong, or was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The place.
    pub place: Place,
    /// The reason.
    pub reason: String,
}

/// The result of mapping a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The number of rows.
    pub rows: usize,
    /// The events, in the order in which they must be appended.
    pub events: Vec<MappedEvent>,
    /// Errors. The rows of these places gave no events.
    pub bad: Vec<Remark>,
    /// Rows and cells that were left out.
    pub skipped: Vec<Remark>,
    /// Columns that no rule uses, with the number of their filled cells.
    pub unused: Vec<(String, usize)>,
}

/// A table, and the data for mapping its rows.
pub struct ImportJob<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// The file.
    pub file: &'a File,
    /// The table.
    pub table: &'a Table,
    /// The second tables, in the order of the rules.
    pub lookups: &'a [Rc<Index>],
    /// The name of the version of the table that a change log describes.
    pub version: Option<&'a str>,
    /// Whether each row changed, for a version of a table. Other rows only add gathered values.
    pub touched: Option<&'a [bool]>,
}
