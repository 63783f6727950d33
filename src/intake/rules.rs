//! Rules: how the rows of a foreign table become events. A file in TOML, in the spirit of hledger's rules for CSV;
//! `docs/import.md` explains every key.
//!
//! This file has what rules say. `rules/read.rs` reads them, with the line of whatever is wrong; `Display` prints
//! them, and what is printed reads as the same rules. `intake/make.rs` applies them to a table.

pub mod date;
pub mod glob;
mod print;
mod read;
pub mod slug;
pub mod template;

use std::fmt;

pub(super) use self::print::Quoted;

use self::date::Dates;
use self::template::{Expression, Template};
use super::table::Form;
use servanda_core::event::Kind;

/// Longest rules file, in bytes.
pub const RULES_LIMIT: usize = 1024 * 1024;

/// The rules for tables of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// How the table is written.
    pub form: Form,
    /// Parts of the file's name: `{chapter}-{treaty}`.
    pub file_name: Option<NamePattern>,
    /// Texts that stand for an empty cell.
    pub empty: Vec<String>,
    /// When a row was recorded in the table's own account.
    pub recorded_at: Option<Template>,
    /// Short names of columns, each with the headers that it may have.
    pub columns: Vec<(String, Vec<String>)>,
    /// Names of templates.
    pub lets: Vec<(String, Template)>,
    /// How dates are written.
    pub dates: Dates,
    /// Maps from texts to texts.
    pub maps: Vec<(String, Map)>,
    /// Second tables in which values are looked up.
    pub lookups: Vec<(String, Lookup)>,
    /// Where the table is a log of changes to another.
    pub change_log: Option<ChangeLog>,
    /// The fields of the source that the table itself is.
    pub source: Vec<(String, Vec<Template>)>,
    /// Rows that are left out on purpose.
    pub skips: Vec<Skip>,
    /// The events that a row becomes.
    pub events: Vec<EventRule>,
}

impl Rules {
    /// Whether a cell's text stands for an empty cell.
    pub fn is_empty(&self, text: &str) -> bool {
        self.empty.iter().any(|empty| empty == text)
    }
}

/// What other texts become that a map does not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Other {
    /// An error.
    #[default]
    Refuse,
    /// Themselves.
    Keep,
    /// Nothing.
    Drop,
}

/// A map from texts to texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map {
    /// Whether `FRANCE` is `France`.
    pub fold_case: bool,
    /// What other texts become.
    pub other: Other,
    /// The texts, or patterns of them, and what each becomes; the first that fits counts.
    pub values: Vec<(String, String)>,
}

impl Map {
    /// What a text becomes.
    ///
    /// # Errors
    /// Where it has nothing for the text and refuses it.
    pub fn find(&self, name: &str, text: &str) -> Result<Option<String>, String> {
        let found = match self.fold_case {
            true => {
                let text = text.to_lowercase();
                let fits = |pattern: &str| glob::fits(&pattern.to_lowercase(), &text);
                self.values.iter().find(|(pattern, _)| fits(pattern))
            }
            false => self
                .values
                .iter()
                .find(|(pattern, _)| glob::fits(pattern, text)),
        };
        match (found, self.other) {
            (Some((_, to)), _) => Ok(Some(to.clone())),
            (None, Other::Keep) => Ok(Some(text.to_owned())),
            (None, Other::Drop) => Ok(None),
            (None, Other::Refuse) => Err(format!(
                "`{}` is not in [map.{name}]",
                servanda_core::value::base::excerpt(text)
            )),
        }
    }
}

/// A second table, in which a row is found by a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Its file, as seen from the directory of the table.
    pub file: String,
    /// How it is written.
    pub form: Form,
    /// The key of each of its rows.
    pub key: Template,
    /// What is looked up.
    pub by: Template,
}

/// Where each row of the table says that a cell of another table changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeLog {
    /// The names of files that are such logs; where none are given, every one is.
    pub files: Vec<String>,
    /// Which row changed.
    pub row: Template,
    /// The header of the column.
    pub column: Template,
    /// What the cell says from then on.
    pub value: Template,
    /// When: rows that say the same here, one after the other, are one version.
    pub version: Template,
    /// When a version was recorded in the log's own account.
    pub recorded_at: Option<Template>,
}

impl ChangeLog {
    /// Whether a file is such a log.
    pub fn is_one(&self, file: &str) -> bool {
        self.files.is_empty() || self.files.iter().any(|pattern| glob::fits(pattern, file))
    }
}

/// Conditions: expressions, and the patterns of which each must fit one.
pub type Conditions = Vec<(Expression, Vec<String>)>;

/// Rows that are left out on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// Which rows: all of these hold.
    pub when: Conditions,
    /// But not those for which one of these holds.
    pub unless: Conditions,
    /// Why.
    pub reason: String,
}

/// What a row, or each of some cells of it, becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRule {
    /// The kind of event.
    pub kind: Kind,
    /// What there is one event for.
    pub per: Per,
    /// Whether rows that give the same import key make one event together.
    pub once: bool,
    /// All of these hold.
    pub when: Conditions,
    /// None of these holds.
    pub unless: Conditions,
    /// Fields whose values are gathered from all rows, where the event is made once.
    pub gather: Vec<String>,
    /// What a value means that differs from the one imported before: by field, or for all others under `*`.
    pub on_change: Vec<(String, OnChange)>,
    /// Why it is recorded all the same where it breaks a rule about the world.
    pub if_irregular: Option<String>,
    /// The templates of its fields.
    pub fields: Vec<(String, Vec<Template>)>,
}

/// What there is one event for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Per {
    /// Each row.
    Row,
    /// Each cell of a row that is not empty, in the columns that fit the first patterns and not the second.
    Cell(Vec<String>, Vec<String>),
    /// Each value of a list.
    Item(Expression),
}

/// What it means that a newer version of a table has another value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnChange {
    /// The earlier value was wrong: a correction.
    #[default]
    Correct,
    /// Something new happened: a further event.
    Append,
    /// It does not matter: what was recorded stays.
    Keep,
}

impl EventRule {
    /// What a change of a field means.
    pub fn on_change(&self, field: &str) -> OnChange {
        let find = |name: &str| self.on_change.iter().find(|(found, _)| found == name);
        find(field)
            .or_else(|| find("*"))
            .map_or(OnChange::default(), |(_, what)| *what)
    }
}

/// A pattern with named parts: `{chapter}-{treaty}`. Each part is as short as can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    /// What stands before the first part.
    lead: String,
    /// Each part's name, and what stands after it.
    parts: Vec<(String, String)>,
}

impl NamePattern {
    /// The names of its parts.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|(name, _)| name.as_str())
    }

    /// The parts of a text, in order.
    pub fn split<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let mut rest = text.strip_prefix(self.lead.as_str())?;
        let mut found = Vec::with_capacity(self.parts.len());
        for (at, (_, after)) in self.parts.iter().enumerate() {
            let is_last = at + 1 == self.parts.len();
            let (part, behind) = match (is_last, after.is_empty()) {
                (true, _) => (rest.strip_suffix(after.as_str())?, ""),
                (false, _) => rest.split_once(after.as_str())?,
            };
            found.push(part);
            rest = behind;
        }
        rest.is_empty().then_some(found)
    }
}

impl std::str::FromStr for NamePattern {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut pieces = text.split('{');
        let lead = pieces.next().unwrap_or_default().to_owned();
        let mut parts: Vec<(String, String)> = Vec::new();
        for piece in pieces {
            let (name, after) = piece
                .split_once('}')
                .filter(|(name, after)| read::is_name(name) && !after.contains('}'))
                .ok_or("write parts as {name}, of letters, digits and `_`")?;
            if parts.last().is_some_and(|(_, after)| after.is_empty()) {
                return Err(format!(
                    "nothing stands before {{{name}}} to tell where it begins"
                ));
            }
            parts.push((name.to_owned(), after.to_owned()));
        }
        match parts.is_empty() || lead.contains('}') {
            true => Err("has no part such as {name}".into()),
            false => Ok(Self { lead, parts }),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lead)?;
        self.parts
            .iter()
            .try_for_each(|(name, after)| write!(f, "{{{name}}}{after}"))
    }
}

/// What is wrong with rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesError {
    /// The line, from 1.
    pub line: usize,
    /// The key, where it is one: `dates.formats`.
    pub key: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.message),
            key => write!(f, "line {}: {key}: {}", self.line, self.message),
        }
    }
}

#[cfg(test)]
mod tests;
