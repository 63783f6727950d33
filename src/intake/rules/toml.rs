//! Values of TOML, taken with the line and key of each error.

use std::cell::RefCell;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::model::RulesError;
use servanda_core::value::base::excerpt;

/// A text in the quotes of TOML.
pub(crate) struct Quoted<'t>(pub &'t str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_control() => write!(f, "\\u{:04X}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

/// The text of a rules file, and the errors found in it.
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) errors: RefCell<Vec<RulesError>>,
}

impl Reader<'_> {
    pub(super) fn fail(&self, at: usize, key: &str, message: impl Into<String>) {
        let before = self.text.as_bytes().iter().take(at);
        self.errors.borrow_mut().push(RulesError {
            line: before.filter(|byte| **byte == b'\n').count() + 1,
            key: key.to_owned(),
            message: message.into(),
        });
    }
}

/// A value, its place and its key.
pub(super) struct Item<'r, 'a> {
    pub(super) reader: &'r Reader<'r>,
    pub(super) path: String,
    pub(super) at: usize,
    pub(super) value: &'a DeValue<'a>,
}

impl<'r, 'a> Item<'r, 'a> {
    pub(super) fn fail(&self, message: impl Into<String>) {
        self.reader.fail(self.at, &self.path, message);
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) => Some(text),
            _ => {
                self.fail("write a text in quotes");
                None
            }
        }
    }

    pub(super) fn parsed<T: FromStr>(&self) -> Option<T>
    where
        T::Err: Display,
    {
        match self.text()?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fail(error.to_string());
                None
            }
        }
    }

    pub(super) fn flag(&self) -> bool {
        match self.value {
            DeValue::Boolean(flag) => *flag,
            _ => {
                self.fail("write true or false");
                false
            }
        }
    }

    pub(super) fn number(&self) -> usize {
        let number = match self.value {
            DeValue::Integer(number) => number.as_str().parse().ok(),
            _ => None,
        };
        number.unwrap_or_else(|| {
            self.fail("write a number such as 2");
            0
        })
    }

    /// The values of a list; a single value may stand without its list.
    pub(super) fn list(&self) -> Vec<Item<'r, 'a>> {
        match self.value {
            DeValue::Array(items) => items
                .iter()
                .map(|item| Item {
                    reader: self.reader,
                    path: self.path.clone(),
                    at: item.span().start,
                    value: item.get_ref(),
                })
                .collect(),
            value => vec![Item {
                reader: self.reader,
                path: self.path.clone(),
                at: self.at,
                value,
            }],
        }
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.list()
            .iter()
            .filter_map(Item::text)
            .map(ToOwned::to_owned)
            .collect()
    }

    pub(super) fn all<T: FromStr>(&self) -> Vec<T>
    where
        T::Err: Display,
    {
        self.list().iter().filter_map(Item::parsed).collect()
    }

    /// A word of a closed list.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.fail(format!(
                "`{}` is not one of {}",
                excerpt(text),
                known.join(", ")
            ));
        }
        found.map(|(_, value)| *value)
    }

    pub(super) fn section(&self) -> Section<'r, 'a> {
        let table = match self.value {
            DeValue::Table(table) => Some(table),
            _ => {
                self.fail("write a table, as in { key = \"value\" }");
                None
            }
        };
        Section {
            reader: self.reader,
            path: self.path.clone(),
            at: self.at,
            table,
            taken: RefCell::default(),
        }
    }
}

/// A table of TOML. Its keys are taken one by one; the others are refused at the end.
pub(super) struct Section<'r, 'a> {
    pub(super) reader: &'r Reader<'r>,
    pub(super) path: String,
    pub(super) at: usize,
    pub(super) table: Option<&'a DeTable<'a>>,
    pub(super) taken: RefCell<Vec<&'static str>>,
}

impl<'r, 'a> Section<'r, 'a> {
    pub(super) fn item(
        &self,
        key: &str,
        at: usize,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Item<'r, 'a> {
        let path = match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        };
        Item {
            reader: self.reader,
            path,
            at,
            value: value.get_ref(),
        }
    }

    pub(super) fn take(&self, key: &'static str) -> Option<Item<'r, 'a>> {
        self.taken.borrow_mut().push(key);
        let (name, value) = self.table?.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(self.item(key, name.span().start, value))
    }

    pub(super) fn need(&self, key: &'static str, what: &str) -> Option<Item<'r, 'a>> {
        let found = self.take(key);
        if found.is_none() && self.table.is_some() {
            self.reader
                .fail(self.at, &self.path, format!("{key} is missing: {what}"));
        }
        found
    }

    /// The entries that were not taken, with their keys.
    pub(super) fn rest(&self) -> Vec<(String, Item<'r, 'a>)> {
        let taken = self.taken.borrow();
        self.table
            .into_iter()
            .flat_map(DeTable::iter)
            .filter(|(name, _)| !taken.iter().any(|taken| name.get_ref() == taken))
            .map(|(name, value)| {
                let key = name.get_ref().to_string();
                (key.clone(), self.item(&key, name.span().start, value))
            })
            .collect()
    }

    /// Refuses the entries that were not taken.
    pub(super) fn close(&self) {
        let known: Vec<&str> = self.taken.borrow().clone();
        for (_, item) in self.rest() {
            item.fail(format!("no such key; there are {}", known.join(", ")));
        }
    }
}
