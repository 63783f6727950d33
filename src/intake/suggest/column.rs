//! Columns, and the form of their cells.

use std::collections::HashSet;

use chrono::Datelike;

use crate::intake::rules::date::{Dates, Format};
use crate::intake::rules::slug::slug;
use crate::intake::table::{LIST, Table};
use servanda_core::value::when::{Date, When};

/// The formats that are tried. The rules name all formats that fit.
const FORMATS: &[&str] = &[
    "%Y-%m-%d",
    "%d %b %Y",
    "%d. %b %Y",
    "%b %d, %Y",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%Y/%m/%d",
    "%Y-%m-%dT%H:%M:%S",
    "%b %Y",
    "%Y-%m",
];

/// The languages of months that are tried.
const LANGUAGES: &[&str] = &["en", "es", "fr", "de", "pt"];

/// Texts that people write in an empty cell.
const NOTHING: &[&str] = &[
    "n/a", "na", "-", "--", "–", "—", "none", "null", "nil", "?", "...",
];

/// The years that dates in a table can have.
const YEARS: std::ops::Range<i32> = 1600..2100;

/// The most letters of a code after a date.
const CODE_LETTERS: usize = 3;

/// The characters between the values of a list.
const LISTS: [char; 5] = [LIST, ';', '|', '\n', '/'];

/// The longest value of a list, in characters.
const ITEM: usize = 80;

/// A column.
#[derive(Debug, Clone, Default)]
pub struct Column {
    /// Its place.
    pub at: usize,
    /// Its header.
    pub header: String,
    /// A short name for it.
    pub name: String,
    /// The number of its filled cells.
    pub filled: usize,
    /// The length of its longest cell.
    pub longest: usize,
    /// Its texts that mean an empty cell.
    pub empty: Vec<String>,
    /// The codes after its dates; empty for a date without code.
    pub codes: Vec<String>,
    /// The character between the values of its cells, if these seem to be lists.
    pub list: Option<char>,
    /// Whether its cells seem to be identifiers, such as numbers of documents, and no names.
    pub is_identifier: bool,
    /// Whether every row has a different cell here.
    pub is_distinct: bool,
    /// Its dates, without codes.
    dates: Vec<String>,
    numbers: usize,
}

impl Column {
    /// The columns of a table.
    pub fn all(table: &Table) -> Vec<Self> {
        let every = every_format();
        let mut names: Vec<String> = Vec::new();
        let headers = table.headers.iter().enumerate();
        headers
            .map(|(at, header)| {
                let short = slug(header).unwrap_or_default().replace('.', "-");
                let mut name: String = short.chars().take(24).collect();
                if name.is_empty() || names.contains(&name) || RESERVED.contains(&name.as_str()) {
                    name = format!("{name}{}", if name.is_empty() { "column-" } else { "-" })
                        + &(at + 1).to_string();
                }
                names.push(name.clone());
                let mut column = Self {
                    at,
                    header: header.clone(),
                    name,
                    ..Self::default()
                };
                let cells = table.rows.iter().filter_map(|row| row.cells.get(at));
                cells.clone().for_each(|cell| column.look_at(cell, &every));
                let cells: Vec<&str> = cells.map(String::as_str).collect();
                column.is_distinct = is_distinct(&cells);
                column.is_identifier = is_identifier(&cells);
                column.list = LISTS.into_iter().find(|between| is_list(&cells, *between));
                column
            })
            .collect()
    }

    fn look_at(&mut self, cell: &str, every: &Dates) {
        if cell.is_empty() {
            return;
        }
        if NOTHING.contains(&cell.to_lowercase().as_str()) {
            if !self.empty.iter().any(|known| known == cell) {
                self.empty.push(cell.to_owned());
            }
            return;
        }
        self.filled += 1;
        self.longest = self.longest.max(cell.chars().count());
        self.numbers += usize::from(cell.parse::<f64>().is_ok());
        let (date, code) = match cell.rsplit_once(' ') {
            Some((date, code))
                if code.len() <= CODE_LETTERS
                    && code.bytes().all(|b| b.is_ascii_alphabetic())
                    && every.read(date.trim_end()).is_ok() =>
            {
                (date.trim_end(), code)
            }
            _ => (cell, ""),
        };
        if every.read(date).is_ok() {
            self.dates.push(date.to_owned());
            if !self.codes.iter().any(|known| known == code) {
                self.codes.push(code.to_owned());
            }
        }
    }

    /// Whether most of its cells are dates.
    pub fn is_dated(&self) -> bool {
        self.dates.len() * 2 > self.filled
    }

    /// Whether its cells are texts, and not dates or numbers.
    pub fn is_text(&self) -> bool {
        !self.is_dated() && self.numbers * 2 <= self.filled
    }

    /// Whether its header has one of these words.
    pub fn is_called(&self, words: &[&str]) -> bool {
        let header = self.header.to_lowercase();
        words.contains(&header.as_str())
            || header.split_whitespace().any(|word| words.contains(&word))
    }
}

/// Whether all cells are filled and different.
fn is_distinct(cells: &[&str]) -> bool {
    let different: HashSet<&str> = cells.iter().copied().collect();
    different.len() == cells.len() && !different.contains("")
}

/// Whether most cells are words with digits in them, and none has a space: `5f0c-11`, `UKTS 12/1951` is none.
fn is_identifier(cells: &[&str]) -> bool {
    let mut filled = cells.iter().filter(|cell| !cell.is_empty());
    let digits = filled
        .clone()
        .filter(|cell| cell.contains(|c: char| c.is_ascii_digit()));
    digits.count() * 2 > filled.clone().count()
        && filled.all(|cell| !cell.contains(char::is_whitespace))
}

/// Whether cells have this character between short values: more than one cell in ten, and at least two.
fn is_list(cells: &[&str], between: char) -> bool {
    let filled = cells.iter().filter(|cell| !cell.is_empty()).count();
    let mut lists = cells.iter().filter(|cell| cell.contains(between));
    let count = lists.clone().count();
    let is_short = |cell: &&&str| {
        cell.split(between)
            .all(|part| part.trim().chars().count() <= ITEM)
    };
    count >= 2 && count * 10 > filled && lists.all(|cell| is_short(&cell))
}

/// Names with another meaning in templates.
const RESERVED: &[&str] = &["cell", "column", "item", "line", "version", "act"];

fn every_format() -> Dates {
    Dates {
        formats: FORMATS
            .iter()
            .filter_map(|format| format.parse().ok())
            .collect(),
        months: LANGUAGES
            .iter()
            .filter_map(|language| language.parse().ok())
            .collect(),
        ..Dates::default()
    }
}

/// Dates of one format, and in one language if it has names of months.
fn only(format: &Format, language: Option<&str>) -> Dates {
    Dates {
        formats: vec![format.clone()],
        months: language
            .and_then(|language| language.parse().ok())
            .into_iter()
            .collect(),
        ..Dates::default()
    }
}

/// The formats that fit all dates of a column.
pub fn fitting_formats(column: &Column) -> Vec<String> {
    let every = every_format();
    let all_fit = |format: &&Format| {
        let dates = Dates {
            formats: vec![(*format).clone()],
            ..every.clone()
        };
        column.dates.iter().all(|date| dates.read(date).is_ok())
    };
    every
        .formats
        .iter()
        .filter(all_fit)
        .map(ToString::to_string)
        .collect()
}

/// Guesses the formats of the dates of columns: as few as possible, in the order of the list.
pub fn dates_of(columns: &[Column]) -> Dates {
    let mut found = Dates::default();
    let all: Vec<&String> = columns
        .iter()
        .filter(|column| column.is_dated())
        .flat_map(|column| &column.dates)
        .collect();
    let mut rest = all.clone();
    let every = every_format();
    while !rest.is_empty() {
        let languages = |format: &Format| match format.has_month_name() {
            true => LANGUAGES.iter().map(|language| Some(*language)).collect(),
            false => vec![None],
        };
        let best = every
            .formats
            .iter()
            .flat_map(|format| {
                languages(format)
                    .into_iter()
                    .map(move |language| (format, language))
            })
            .rev()
            .max_by_key(|(format, language)| {
                let dates = only(format, *language);
                rest.iter().filter(|date| dates.read(date).is_ok()).count()
            });
        let Some((format, language)) = best else {
            break;
        };
        let dates = only(format, language);
        let before = rest.len();
        rest.retain(|date| dates.read(date).is_err());
        if rest.len() == before {
            break;
        }
        if !found.formats.contains(format) {
            found.formats.push(format.clone());
        }
        for month in dates.months {
            if !found.months.contains(&month) {
                found.months.push(month);
            }
        }
    }
    let codes = columns
        .iter()
        .filter(|column| column.is_dated())
        .flat_map(|column| &column.codes);
    found.codes = codes.filter(|code| !code.is_empty()).cloned().collect();
    found.codes.sort();
    found.codes.dedup();
    for date in all {
        let year = match found.read(date) {
            Ok(When::On(Date::Day(day))) => day.year(),
            _ => continue,
        };
        if !YEARS.contains(&year) && !found.sentinels.iter().any(|(known, _)| known == date) {
            let when = match year {
                9999 => When::NotApplicable,
                _ => When::Unknown,
            };
            found.sentinels.push((date.clone(), when));
        }
    }
    found
}
