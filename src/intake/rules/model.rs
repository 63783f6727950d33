//! The data of rules.

use std::fmt;

use super::date::Dates;
use super::glob;
use super::name_pattern::NamePattern;
use super::template::{Expression, Template};
use crate::intake::table::Form;
use servanda_core::event::Kind;
use servanda_core::value::base::{Text, excerpt};

/// The longest rules file, in bytes.
pub const RULES_LIMIT: usize = 1024 * 1024;

/// The rules for tables of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// How the table's file is written.
    pub form: Form,
    /// Parts of the file's name: `{chapter}-{treaty}`.
    pub file_name: Option<NamePattern>,
    /// Texts that stand for an empty cell.
    pub empty: Vec<String>,
    /// The recorded time that the table states for a row.
    pub recorded_at: Option<Template>,
    /// Short names of columns, each with the headers that it may have.
    pub columns: Vec<(String, Vec<String>)>,
    /// Names of templates.
    pub lets: Vec<(String, Template)>,
    /// How dates are written.
    pub dates: Dates,
    /// Maps from texts to texts.
    pub maps: Vec<(String, Map)>,
    /// Second tables, in which values are looked up.
    pub lookups: Vec<(String, Lookup)>,
    /// How to read a table that lists changes to another table.
    pub change_log: Option<ChangeLog>,
    /// The fields of the source that stands for the table.
    pub source: Vec<(String, Vec<Template>)>,
    /// Rows that are left out on purpose.
    pub skips: Vec<Skip>,
    /// The events that a row gives.
    pub events: Vec<EventRule>,
}

impl Rules {
    /// Whether a cell's text stands for an empty cell.
    pub fn is_empty(&self, text: &str) -> bool {
        self.empty.iter().any(|empty| empty == text)
    }
}

/// What a map gives for texts that it does not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Other {
    /// An error.
    #[default]
    Refuse,
    /// The text itself.
    Keep,
    /// Nothing.
    Drop,
}

/// A map from texts to texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map {
    /// Whether `FRANCE` counts as `France`.
    pub fold_case: bool,
    /// What the map gives for other texts.
    pub other: Other,
    /// Patterns, and the text that each gives; the first that fits counts.
    pub values: Vec<(String, String)>,
}

impl Map {
    /// Looks up a text; `name` is the map's, for messages.
    ///
    /// # Errors
    /// When the map refuses a text that it does not have.
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
            (None, Other::Refuse) => Err(format!("`{}` is not in [map.{name}]", excerpt(text))),
        }
    }
}

/// A second table, in which a row is found by a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Its file, relative to the directory of the table.
    pub file: String,
    /// How it is written.
    pub form: Form,
    /// The key of each of its rows.
    pub key: Template,
    /// The key that a row of the table looks up.
    pub by: Template,
}

/// A table of which each row says that a cell of another table changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeLog {
    /// Patterns for the names of files that are such logs; without any, every file is one.
    pub files: Vec<String>,
    /// The row that changed.
    pub row: Template,
    /// The header of the column that changed.
    pub column: Template,
    /// The new text of the cell.
    pub value: Template,
    /// The version: neighbouring rows with the same text here are one version.
    pub version: Template,
    /// The recorded time that the log states for a version.
    pub recorded_at: Option<Template>,
}

impl ChangeLog {
    /// Whether a file is such a log.
    pub fn is_one(&self, file: &str) -> bool {
        self.files.is_empty() || self.files.iter().any(|pattern| glob::fits(pattern, file))
    }
}

/// Conditions: each expression must fit one of its patterns.
pub type Conditions = Vec<(Expression, Vec<String>)>;

/// Rows that are left out on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// Conditions that must all hold.
    pub when: Conditions,
    /// Conditions of which none may hold.
    pub unless: Conditions,
    /// Why they are left out.
    pub reason: String,
}

/// The event that a row gives, or each of some cells or values of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRule {
    /// The kind of event.
    pub kind: Kind,
    /// What gives one event each.
    pub per: Per,
    /// Whether rows with the same import key give one event together.
    pub once: bool,
    /// Conditions that must all hold.
    pub when: Conditions,
    /// Conditions of which none may hold.
    pub unless: Conditions,
    /// Fields whose values are gathered from all rows with the same import key.
    pub gather: Vec<String>,
    /// The meaning of a value that differs from the one imported before: by field, or `*` for other fields.
    pub on_change: Vec<(String, OnChange)>,
    /// The reason to record an event that breaks a rule about the world.
    pub if_irregular: Option<Text>,
    /// The templates of its fields.
    pub fields: Vec<(String, Vec<Template>)>,
}

/// What gives one event each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Per {
    /// Each row.
    Row,
    /// Each cell of a row that is not empty, in the columns that fit the first patterns and not the second.
    Cell(Vec<String>, Vec<String>),
    /// Each value of a list.
    Item(Expression),
}

/// The meaning of another value in a newer version of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnChange {
    /// The earlier value was wrong: a correction.
    #[default]
    Correct,
    /// Something new happened: a further event.
    Append,
    /// The change does not matter; the recorded value stays.
    Keep,
}

impl EventRule {
    /// The meaning of a change of a field.
    pub fn on_change(&self, field: &str) -> OnChange {
        let find = |name: &str| self.on_change.iter().find(|(found, _)| found == name);
        find(field)
            .or_else(|| find("*"))
            .map_or(OnChange::default(), |(_, what)| *what)
    }
}

/// An error in rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesError {
    /// The line, from 1.
    pub line: usize,
    /// The key, such as `dates.formats`; empty for an error of the whole file.
    pub key: String,
    /// The error, and how to mend it.
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
