//! The values of names in templates, at a row of a table or at a cell of it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::fast::RandomState;

use super::file::File;
use super::index::Index;
use super::job::{ImportJob, Place};
use crate::intake::rules::function::{Failure, Found, Function, Scope, Texts};
use crate::intake::rules::template::Template;
use crate::intake::rules::{Lookup, NamePattern, Rules, glob};
use crate::intake::table::{LIST, Named, Row, Table};
use servanda_core::value::base::excerpt;

/// The deepest nesting of names under `[let]`, which stops a name that stands for itself.
const DEPTH_LIMIT: usize = 16;

/// The most columns that an error lists.
const LISTED: usize = 40;

/// The columns of a table, and which of them the rules used. The threads that read rows share it.
pub struct Columns<'a> {
    /// The column for each name under `[columns]`; none for a name that may be absent.
    named: HashMap<&'a str, Result<Option<usize>, String>, RandomState>,
    by_header: HashMap<&'a str, Named, RandomState>,
    used: Vec<AtomicBool>,
}

/// What the value of a name depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The cell of the row in this column.
    Column(usize),
    /// The cell that an event is made for: its column, and its text.
    Cell,
    /// The value of a list that an event is made for.
    Item,
    /// Something that differs from row to row.
    Row,
}

impl<'a> Columns<'a> {
    /// The columns of the job's table.
    pub fn new(job: &ImportJob<'a>) -> Self {
        let find = |headers: &Vec<String>| {
            for header in headers {
                match job.table.column(header) {
                    Named::Column(column) => return Ok(Some(column)),
                    Named::Several => return Err(several(header)),
                    Named::Nothing => {}
                }
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
                None => Err(format!(
                    "the table has no column {}; {}",
                    headers.join(" or "),
                    listed(job.table)
                )),
            }
        };
        let named = job.rules.columns.iter();
        let headers = job.table.headers.iter();
        Self {
            named: named
                .map(|(name, headers)| (name.as_str(), find(headers)))
                .collect(),
            used: headers.clone().map(|_| AtomicBool::new(false)).collect(),
            by_header: headers
                .map(|header| (header.as_str(), job.table.column(header)))
                .collect(),
        }
    }

    /// The first column that templates are filled from, as far as the rules tell.
    pub fn first_of(&self, job: &ImportJob<'_>, templates: &[Template]) -> Option<usize> {
        let mut first = None;
        let names = templates.iter().flat_map(Template::names);
        self.inputs(job, names, &mut |input| match input {
            Input::Column(at) => _ = first.get_or_insert(at),
            Input::Cell | Input::Item | Input::Row => {}
        });
        first
    }

    /// Tells everything in a table that the values of these names can depend on.
    pub fn inputs<'n>(
        &self,
        job: &ImportJob<'_>,
        names: impl Iterator<Item = &'n str>,
        tell: &mut dyn FnMut(Input),
    ) {
        names.for_each(|name| self.inputs_of(job, name, tell, 0));
    }

    fn inputs_of(
        &self,
        job: &ImportJob<'_>,
        name: &str,
        tell: &mut dyn FnMut(Input),
        depth: usize,
    ) {
        match name {
            "cell" | "column" => tell(Input::Cell),
            "item" => tell(Input::Item),
            "line" => return tell(Input::Row),
            _ if depth == DEPTH_LIMIT => return tell(Input::Row),
            _ => {}
        }
        let mut within = |template: &Template| {
            for name in template.names() {
                self.inputs_of(job, name, tell, depth + 1);
            }
        };
        let named = |(found, _): &&(String, _)| found == name;
        if let Some((_, template)) = job.rules.lets.iter().find(named) {
            return within(template);
        }
        let lookup = name.split_once('.').and_then(|(which, _)| {
            let mut lookups = job.rules.lookups.iter();
            lookups.find(|(found, _)| found == which)
        });
        if let Some((_, lookup)) = lookup {
            within(&lookup.by);
        }
        let named = self.named.get(name);
        let named = named.and_then(|column| column.as_ref().ok().copied().flatten());
        let by_header = match self.by_header.get(name) {
            Some(Named::Column(at)) => Some(*at),
            _ => None,
        };
        for column in named.into_iter().chain(by_header) {
            tell(Input::Column(column));
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
                let named = self.named.get(pattern.as_str());
                let is_named = matches!(named, Some(Ok(Some(column))) if *column == at);
                is_named || glob::fits(pattern, &job.table.headers[at])
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
        let unused = self
            .used
            .iter()
            .enumerate()
            .filter(|(_, used)| !used.load(Ordering::Relaxed));
        unused
            .map(|(at, _)| (job.table.headers[at].clone(), filled(at)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

/// What functions made of texts, by the rules of one job: names and dates recur from row to row. One thread has it.
#[derive(Default)]
pub struct Memo(RefCell<Vec<(Function, MadeOf)>>);

/// What a function made, by the text.
type MadeOf = HashMap<String, String, RandomState>;

/// The most texts that are known of a function.
const KNOWN: usize = 4_096;

impl Memo {
    fn recall(
        &self,
        function: &Function,
        text: &str,
        make: &dyn Fn() -> Result<Option<String>, String>,
    ) -> Result<Option<String>, String> {
        // Rules have few functions.
        let place = self
            .0
            .borrow()
            .iter()
            .position(|(other, _)| other == function);
        let known = place.and_then(|place| self.0.borrow()[place].1.get(text).cloned());
        if known.is_some() {
            return Ok(known);
        }
        let made = make()?;
        if let Some(made) = &made {
            let mut memo = self.0.borrow_mut();
            let place = place.unwrap_or_else(|| {
                memo.push((function.clone(), MadeOf::default()));
                memo.len() - 1
            });
            let known = &mut memo[place].1;
            if known.len() == KNOWN {
                known.clear();
            }
            known.insert(text.to_owned(), made.clone());
        }
        Ok(made)
    }
}

/// A place in a table, from which templates are filled.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    job: &'a ImportJob<'a>,
    columns: &'a Columns<'a>,
    row: &'a Row,
    cell: Option<usize>,
    item: Option<&'a str>,
    depth: usize,
    memo: Option<&'a Memo>,
}

impl<'a> Cursor<'a> {
    /// At a row.
    pub fn row(job: &'a ImportJob<'a>, columns: &'a Columns<'a>, row: &'a Row) -> Self {
        Self {
            job,
            columns,
            row,
            cell: None,
            item: None,
            depth: 0,
            memo: None,
        }
    }

    /// The same place; what functions make of texts is remembered.
    pub fn with(self, memo: &'a Memo) -> Self {
        Self {
            memo: Some(memo),
            ..self
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

    /// The text that a value depends on by an input.
    pub fn input(&self, input: Input) -> (usize, &str) {
        let cell = |at: usize| self.row.cells.get(at).map_or("", String::as_str);
        match (input, self.cell) {
            (Input::Column(at), _) | (Input::Cell, Some(at)) => (at, cell(at)),
            (Input::Item, _) => (0, self.item.unwrap_or_default()),
            (Input::Cell, None) | (Input::Row, _) => (0, ""),
        }
    }

    fn column(&self, at: usize) -> Found<'a> {
        let used = &self.columns.used[at];
        // Threads share it: it is not written again and again.
        if !used.load(Ordering::Relaxed) {
            used.store(true, Ordering::Relaxed);
        }
        let cell = self.row.cells.get(at).filter(|_| !self.is_empty(at));
        let texts = match cell {
            None => Texts::new(),
            Some(cell) if cell.contains(LIST) => cell.split(LIST).map(Cow::Borrowed).collect(),
            Some(cell) => one(cell),
        };
        Found {
            texts,
            column: Some(&self.job.table.headers[at]),
        }
    }

    /// A part of the file's name.
    fn name_part(&self, pattern: &NamePattern, name: &str) -> Option<Result<Found<'a>, Failure>> {
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
    fn looked_up(&self, name: &str) -> Option<Result<Found<'a>, Failure>> {
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

/// The columns of a table, and the delimiter where that may be wrong.
fn listed(table: &Table) -> String {
    let headers: Vec<&str> = table.headers.iter().map(String::as_str).collect();
    match headers.as_slice() {
        [one] => {
            let delimiter = table.delimiter.map(char::from);
            let why =
                delimiter.map_or(String::new(), |c| format!(", where `{c}` is the delimiter"));
            format!("its one column is `{}`{why}", excerpt(one))
        }
        many => {
            let more = many.len().saturating_sub(LISTED);
            let first = many[..many.len() - more].join(", ");
            let more = match more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("the columns are {first}{more}")
        }
    }
}

fn several(header: &str) -> String {
    format!(
        "several columns are called `{}`; name all of them in [table] header, and skip the header line with skip_lines",
        excerpt(header)
    )
}

/// A text.
fn one(text: &str) -> Texts<'_> {
    std::iter::once(Cow::Borrowed(text)).collect()
}

fn texts(text: &str) -> Found<'_> {
    let texts = match text {
        "" => Texts::new(),
        text => one(text),
    };
    Found {
        texts,
        column: None,
    }
}

impl<'a> Scope<'a> for Cursor<'a> {
    fn value(&self, name: &str) -> Result<Found<'a>, Failure> {
        match (name, self.cell, self.item) {
            ("cell", Some(at), _) => return Ok(self.column(at)),
            ("column", Some(at), _) => return Ok(texts(&self.job.table.headers[at])),
            ("item", _, Some(item)) => return Ok(texts(item)),
            ("line", _, _) => {
                let line = Cow::Owned(self.row.lines.0.to_string());
                return Ok(Found {
                    texts: std::iter::once(line).collect(),
                    column: None,
                });
            }
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
                column: self.cell.map(|at| self.job.table.headers[at].as_str()),
            });
        }
        if let Some(column) = self.columns.named.get(name) {
            return match column {
                Ok(Some(at)) => Ok(self.column(*at)),
                Ok(None) => Ok(Found::default()),
                Err(message) => Err(Failure::new(message.clone())),
            };
        }
        if let Some(text) = self.job.file.value(name) {
            return Ok(texts(text));
        }
        let parts = rules.file_name.as_ref();
        if let Some(found) = parts.and_then(|pattern| self.name_part(pattern, name)) {
            return found;
        }
        if let Some(found) = self.looked_up(name) {
            return found;
        }
        match self.columns.by_header.get(name) {
            Some(Named::Column(at)) => Ok(self.column(*at)),
            Some(Named::Several) => Err(Failure::new(several(name))),
            _ => Err(Failure::new(format!(
                "nothing is called `{}`; {}",
                excerpt(name),
                listed(self.job.table)
            ))),
        }
    }

    fn recall(
        &self,
        function: &Function,
        text: &str,
        make: &dyn Fn() -> Result<Option<String>, String>,
    ) -> Result<Option<String>, String> {
        match self.memo {
            Some(memo) => memo.recall(function, text, make),
            None => make(),
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
    let job = ImportJob::new(rules, file, &table);
    let columns = Columns::new(&job);
    for (at, row) in table.rows.iter().enumerate() {
        let line = row.lines.0;
        let keys = lookup
            .key
            .fill(&Cursor::row(&job, &columns, row))
            .map_err(|failure| format!("line {line}: {}", failure.message))?;
        for key in keys {
            if rows.insert(key.clone().into_owned(), at).is_some() {
                let key = excerpt(&key);
                return Err(format!("line {line}: two rows have the key `{key}`"));
            }
        }
    }
    Ok(Index { table, rows })
}
