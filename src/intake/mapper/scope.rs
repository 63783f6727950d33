//! The values of names in templates, at a row of a table or at a cell of it.

use std::cell::Cell;
use std::collections::HashMap;

use super::file::File;
use super::index::Index;
use super::job::{ImportJob, Place};
use crate::intake::rules::template::{Failure, Found, Function, Scope};
use crate::intake::rules::{Lookup, NamePattern, Rules, glob};
use crate::intake::table::{Row, Table};
use servanda_core::value::base::excerpt;

/// The deepest nesting of names under `[let]`, which stops a name that stands for itself.
const DEPTH_LIMIT: usize = 16;

/// The columns of a table, and which of them the rules used.
pub struct Columns {
    /// The column for each name under `[columns]`; none for a name that may be absent.
    named: Vec<(String, Result<Option<usize>, String>)>,
    used: Vec<Cell<bool>>,
}

impl Columns {
    /// The columns of the job's table.
    pub fn new(job: &ImportJob<'_>) -> Self {
        let find = |headers: &Vec<String>| {
            if let Some(column) = headers.iter().find_map(|header| job.table.column(header)) {
                return Ok(Some(column));
            }
            let by_pattern = (0..job.table.headers.len()).find(|at| {
                let header = &job.table.headers[*at];
                headers
                    .iter()
                    .any(|pattern| glob::is_pattern(pattern) && glob::fits(pattern, header))
            });
            match by_pattern {
                Some(column) => Ok(Some(column)),
                None if headers.iter().any(String::is_empty) => Ok(None),
                None => Err(format!("the table has no column {}", headers.join(" or "))),
            }
        };
        let named = &job.rules.columns;
        Self {
            named: named
                .iter()
                .map(|(name, headers)| (name.clone(), find(headers)))
                .collect(),
            used: job.table.headers.iter().map(|_| Cell::new(false)).collect(),
        }
    }

    /// The columns whose header or name fits one of the patterns and no exception.
    pub fn fitting(
        &self,
        job: &ImportJob<'_>,
        patterns: &[String],
        except: &[String],
    ) -> Vec<usize> {
        let fits = |at: usize, patterns: &[String]| {
            patterns.iter().any(|pattern| {
                let named = self.named.iter().any(|(name, column)| {
                    name == pattern && matches!(column, Ok(Some(column)) if *column == at)
                });
                named || glob::fits(pattern, &job.table.headers[at])
            })
        };
        (0..job.table.headers.len())
            .filter(|at| fits(*at, patterns) && !fits(*at, except))
            .collect()
    }

    /// The columns with filled cells that no rule used.
    pub fn unused(&self, job: &ImportJob<'_>) -> Vec<(String, usize)> {
        let filled = |at: usize| {
            let cells = job.table.rows.iter().filter_map(|row| row.cells.get(at));
            cells.filter(|cell| !cell.is_empty()).count()
        };
        let unused = self.used.iter().enumerate().filter(|(_, used)| !used.get());
        unused
            .map(|(at, _)| (job.table.headers[at].clone(), filled(at)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

/// A place in a table, from which templates are filled.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    job: &'a ImportJob<'a>,
    columns: &'a Columns,
    row: &'a Row,
    cell: Option<usize>,
    item: Option<&'a str>,
    depth: usize,
}

impl<'a> Cursor<'a> {
    /// At a row.
    pub fn row(job: &'a ImportJob<'a>, columns: &'a Columns, row: &'a Row) -> Self {
        Self {
            job,
            columns,
            row,
            cell: None,
            item: None,
            depth: 0,
        }
    }

    /// At a cell of the row.
    pub fn at_cell(self, column: usize) -> Self {
        Self {
            cell: Some(column),
            ..self
        }
    }

    /// At a value of a list.
    pub fn at_item<'b>(self, item: &'b str) -> Cursor<'b>
    where
        'a: 'b,
    {
        Cursor {
            item: Some(item),
            ..self
        }
    }

    /// The place, for messages.
    pub fn place(&self) -> Place {
        Place {
            line: self.row.lines.0,
            last: self.row.lines.1,
            column: self.cell.map(|at| self.job.table.headers[at].clone()),
        }
    }

    /// Whether a cell of the row is empty.
    pub fn is_empty(&self, column: usize) -> bool {
        let text = self.row.cells.get(column).map_or("", String::as_str);
        text.is_empty() || self.job.rules.is_empty(text)
    }

    fn column(&self, at: usize) -> Found {
        self.columns.used[at].set(true);
        let texts = match self.is_empty(at) {
            true => Vec::new(),
            false => vec![self.row.cells[at].clone()],
        };
        Found {
            texts,
            column: Some(self.job.table.headers[at].clone()),
        }
    }

    /// A part of the file's name.
    fn name_part(&self, pattern: &NamePattern, name: &str) -> Option<Result<Found, Failure>> {
        let at = pattern.names().position(|part| part == name)?;
        let stem = self.job.file.stem();
        Some(match pattern.split(stem) {
            Some(parts) => Ok(texts(parts[at])),
            None => Err(Failure::new(format!(
                "the file's name `{}` is not of the form {pattern}",
                excerpt(stem)
            ))),
        })
    }

    /// A column of a second table.
    fn looked_up(&self, name: &str) -> Option<Result<Found, Failure>> {
        let (which, header) = name.split_once('.')?;
        let lookups = &self.job.rules.lookups;
        let at = lookups.iter().position(|(name, _)| name == which)?;
        let index = self.job.lookups.get(at)?;
        let by = match lookups[at].1.by.fill(self) {
            Ok(by) => by,
            Err(failure) => return Some(Err(failure)),
        };
        let Some(key) = by.first() else {
            return Some(Ok(Found::default()));
        };
        let value = index.value(which, key, header);
        Some(
            value
                .map(|text| texts(text.unwrap_or_default()))
                .map_err(Failure::new),
        )
    }
}

fn texts(text: &str) -> Found {
    let texts = match text {
        "" => Vec::new(),
        text => vec![text.to_owned()],
    };
    Found {
        texts,
        column: None,
    }
}

impl Scope for Cursor<'_> {
    fn value(&self, name: &str) -> Result<Found, Failure> {
        match (name, self.cell, self.item) {
            ("cell", Some(at), _) => return Ok(self.column(at)),
            ("column", Some(at), _) => return Ok(texts(&self.job.table.headers[at])),
            ("item", _, Some(item)) => return Ok(texts(item)),
            ("line", _, _) => return Ok(texts(&self.row.lines.0.to_string())),
            ("version", _, _) if self.job.version.is_some() => {
                return Ok(texts(self.job.version.unwrap_or_default()));
            }
            _ => {}
        }
        let rules = self.job.rules;
        if let Some((_, template)) = rules.lets.iter().find(|(found, _)| found == name) {
            if self.depth == DEPTH_LIMIT {
                return Err(Failure::new(format!("[let] {name} refers to itself")));
            }
            let deeper = Self {
                depth: self.depth + 1,
                ..*self
            };
            return Ok(Found {
                texts: template.fill(&deeper)?,
                column: self.cell.map(|at| self.job.table.headers[at].clone()),
            });
        }
        if let Some((_, column)) = self.columns.named.iter().find(|(found, _)| found == name) {
            return match column {
                Ok(Some(at)) => Ok(self.column(*at)),
                Ok(None) => Ok(Found::default()),
                Err(message) => Err(Failure::new(message.clone())),
            };
        }
        if let Some(text) = self.job.file.value(name) {
            return Ok(texts(text));
        }
        if let Some(found) = rules
            .file_name
            .as_ref()
            .and_then(|pattern| self.name_part(pattern, name))
        {
            return found;
        }
        if let Some(found) = self.looked_up(name) {
            return found;
        }
        match self.job.table.column(name) {
            Some(at) => Ok(self.column(at)),
            None => Err(Failure::new(format!(
                "nothing is called `{}`; the columns are {}",
                excerpt(name),
                self.job.table.headers.join(", ")
            ))),
        }
    }

    fn call(&self, function: &Function, text: &str) -> Result<Option<String>, String> {
        let dates = &self.job.rules.dates;
        match function {
            Function::Date => dates.read(text).map(|when| Some(when.to_string())),
            Function::Code => Ok(Some(dates.code(text).to_owned())),
            Function::Map(name) => {
                match self.job.rules.maps.iter().find(|(found, _)| found == name) {
                    Some((_, map)) => map.find(name, text),
                    None => Err(format!("there is no [map.{name}]")),
                }
            }
            _ => Ok(Some(text.to_owned())),
        }
    }
}

/// Reads the keys of a second table.
///
/// # Errors
/// The first row without a key, or with the key of another row.
pub fn index(rules: &Rules, lookup: &Lookup, file: &File, table: Table) -> Result<Index, String> {
    let mut rows = HashMap::new();
    let job = ImportJob {
        rules,
        file,
        table: &table,
        lookups: &[],
        version: None,
        touched: None,
    };
    let columns = Columns::new(&job);
    for (at, row) in table.rows.iter().enumerate() {
        let line = row.lines.0;
        let keys = lookup
            .key
            .fill(&Cursor::row(&job, &columns, row))
            .map_err(|failure| format!("line {line}: {}", failure.message))?;
        for key in keys {
            if rows.insert(key.clone(), at).is_some() {
                let key = excerpt(&key);
                return Err(format!("line {line}: two rows have the key `{key}`"));
            }
        }
    }
    Ok(Index { table, rows })
}
