//! Where the names in templates have their values: a row of a table, or a cell of it.

use std::cell::Cell;
use std::collections::HashMap;

use super::{Job, Place};
use crate::intake::rules::slug::slug;
use crate::intake::rules::template::{Failure, Found, Function, Scope};
use crate::intake::rules::{Lookup, NamePattern, Rules, glob};
use crate::intake::table::{Row, Table};
use servanda_core::event::Fields;
use servanda_core::value::base::excerpt;

/// Deepest nesting of names under `[let]`, so that none can stand for itself.
const DEPTH_LIMIT: usize = 16;

/// The digits of a digest that are enough to tell the versions of a file.
const VERSION_DIGITS: usize = 12;

/// What is known of a table's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// The name of its directory.
    pub directory: String,
    /// Its digest, as 64 hexadecimal digits.
    pub digest: String,
}

impl File {
    /// Its name without the extension.
    pub fn stem(&self) -> &str {
        match self.name.rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem,
            _ => &self.name,
        }
    }

    /// What tells its version from others.
    fn version(&self) -> &str {
        &self.digest[..self.digest.len().min(VERSION_DIGITS)]
    }

    /// What the import keys of all versions of the table begin with.
    pub fn key(&self) -> String {
        format!("table:{}:", slug(&self.name).unwrap_or_default())
    }

    /// The fields of the source that it is, as far as rules do not say otherwise.
    pub(super) fn source(&self) -> Fields {
        let mut fields = Fields::default();
        let mut set = |name: &str, text: String| fields.set(name, vec![text]);
        let id = format!("{} {}", self.stem(), self.version());
        set("id", slug(&id).unwrap_or_default());
        set("kind", "table".into());
        set("title", self.name.clone());
        set("digest", self.digest.clone());
        set("import_key", format!("{}{}", self.key(), self.version()));
        fields
    }

    fn value(&self, name: &str) -> Option<&str> {
        match name {
            "file.name" => Some(&self.name),
            "file.stem" => Some(self.stem()),
            "file.directory" => Some(&self.directory),
            "file.digest" => Some(&self.digest),
            "file.version" => Some(self.version()),
            _ => None,
        }
    }
}

/// A second table with its rows by their keys.
#[derive(Debug, Clone, Default)]
pub struct Index {
    table: Table,
    rows: HashMap<String, usize>,
}

impl Index {
    /// Reads the keys of a second table.
    ///
    /// # Errors
    /// The first row whose key cannot be had, or is that of another.
    pub fn new(rules: &Rules, lookup: &Lookup, file: &File, table: Table) -> Result<Self, String> {
        let mut rows = HashMap::new();
        let job = Job {
            rules,
            file,
            table: &table,
            lookups: &[],
            version: None,
            touched: None,
        };
        let columns = Columns::new(&job);
        for (at, row) in table.rows.iter().enumerate() {
            let cursor = Cursor::row(&job, &columns, row);
            let line = row.lines.0;
            let keys = lookup
                .key
                .fill(&cursor)
                .map_err(|failure| format!("line {line}: {}", failure.message))?;
            for key in keys {
                if rows.insert(key.clone(), at).is_some() {
                    return Err(format!(
                        "line {line}: two rows have the key `{}`",
                        excerpt(&key)
                    ));
                }
            }
        }
        Ok(Self { table, rows })
    }

    fn value(&self, name: &str, key: &str, header: &str) -> Result<Option<&str>, String> {
        let column = self
            .table
            .column(header)
            .ok_or_else(|| format!("[lookup.{name}] has no column called `{}`", excerpt(header)))?;
        let row = self
            .rows
            .get(key)
            .ok_or_else(|| format!("[lookup.{name}] has no row `{}`", excerpt(key)))?;
        Ok(self.table.rows[*row].cells.get(column).map(String::as_str))
    }
}

/// The columns of a table, and which of them were asked for.
pub struct Columns {
    /// For each name under `[columns]`, the column that it stands for; none where it may be absent.
    named: Vec<(String, Result<Option<usize>, String>)>,
    used: Vec<Cell<bool>>,
}

impl Columns {
    /// The columns of a job's table.
    pub fn new(job: &Job<'_>) -> Self {
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

    /// The columns whose header or name fits one of the patterns, and none of the exceptions.
    pub fn fitting(&self, job: &Job<'_>, patterns: &[String], except: &[String]) -> Vec<usize> {
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

    /// The columns with filled cells that nothing asked for.
    pub fn unused(&self, job: &Job<'_>) -> Vec<(String, usize)> {
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

/// A place in a table that templates are filled from.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    job: &'a Job<'a>,
    columns: &'a Columns,
    row: &'a Row,
    cell: Option<usize>,
    item: Option<&'a str>,
    depth: usize,
}

impl<'a> Cursor<'a> {
    /// At a row.
    pub fn row(job: &'a Job<'a>, columns: &'a Columns, row: &'a Row) -> Self {
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

    /// Where that is.
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
                return Err(Failure::new(format!("[let] {name} goes round in a circle")));
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
