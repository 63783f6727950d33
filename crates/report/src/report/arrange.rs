//! A document in the order and extent that a reader asked for: one table, some rows, sorted.

use std::cmp::Ordering;

use super::cell::Cell;
use super::document::{Document, Row, Table};
use super::question::Question;
use super::words::Wanted;
use crate::render::Render;
use servanda_core::value::unicode::folded;

/// How the tables of a document are to be shown.
#[derive(Debug, Clone, Default)]
pub struct Arrangement {
    /// Only the table of this name.
    pub table: Option<String>,
    /// Only rows that have all these texts, each in any of their cells.
    pub words: Vec<String>,
    /// The columns to sort by, the first one first.
    pub sort: Vec<SortBy>,
    /// At most so many rows of the first table, after the others were left out.
    pub limit: Option<usize>,
}

/// A column to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortBy {
    /// Its name.
    pub column: String,
    /// Whether the last come first.
    pub descending: bool,
}

/// A column's name; `-` before it sorts from the last to the first.
impl From<&str> for SortBy {
    fn from(text: &str) -> Self {
        let column = text.strip_prefix('-').unwrap_or(text);
        Self {
            column: column.replace('-', "_").to_lowercase(),
            descending: text.starts_with('-'),
        }
    }
}

/// A document that cannot be shown as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArrangeError {
    /// It has no such table.
    #[error("there is no table {given} in this report")]
    NoTable {
        /// The name that was asked for.
        given: String,
        /// The names of the tables that there are.
        tables: Vec<&'static str>,
    },
    /// None of its tables has such a column.
    #[error("there is no column {given} in this")]
    NoColumn {
        /// The name that was asked for.
        given: String,
        /// The columns of the first table.
        columns: Vec<&'static str>,
    },
}

impl Arrangement {
    /// Whether it asks for nothing.
    pub fn is_plain(&self) -> bool {
        self.table.is_none() && self.words.is_empty() && self.sort.is_empty()
    }

    /// Tells the question what of the answer a format shows when it is arranged like this, and takes its limit: that counts the
    /// rows that arranging leaves.
    pub fn settle(&mut self, question: &mut Question, format: &dyn Render) {
        if !self.is_plain() {
            self.limit = question.limit.take();
        }
        // The columns to sort by may be those of any table.
        let names_tables = self.table.is_some() || !self.sort.is_empty();
        question.first_table_only = format.holds_first_table_only() && !names_tables;
    }

    /// Arranges a document.
    ///
    /// # Errors
    /// [`ArrangeError`], where the document has no such table or column.
    pub fn arrange<'v>(&self, mut document: Document<'v>) -> Result<Document<'v>, ArrangeError> {
        if let Some(name) = &self.table {
            document = only(document, name)?;
        }
        self.check_columns(&document)?;
        self.each(&mut document);
        if let Some(table) = document.tables.first_mut() {
            let note = table.cut(self.limit);
            document.notes.extend(note);
        }
        if !self.words.is_empty() {
            let words = self.words.join("”, “");
            document
                .notes
                .insert(0, format!("only rows that have “{words}”"));
        }
        Ok(document)
    }

    fn check_columns(&self, document: &Document<'_>) -> Result<(), ArrangeError> {
        let tables = || document.parts().flat_map(|part| &part.tables);
        let has = |column: &str| tables().any(|table| table.columns.contains(&column));
        match self.sort.iter().find(|by| !has(&by.column)) {
            None => Ok(()),
            Some(by) => Err(ArrangeError::NoColumn {
                given: by.column.clone(),
                columns: tables()
                    .next()
                    .map_or(Vec::new(), |table| table.columns.clone()),
            }),
        }
    }

    /// Arranges the tables of a document and of its sections.
    fn each(&self, document: &mut Document<'_>) {
        for table in &mut document.tables {
            let rows = std::mem::take(&mut table.rows);
            table.rows = if self.words.is_empty() {
                rows
            } else {
                let wanted = Wanted::new(&self.words);
                table.empty = "no row has that";
                rows.passing(move |row| wanted.stand_in(row.iter().flat_map(texts)))
            };
            self.sort(table);
        }
        if !self.words.is_empty() {
            let mut is_first = true;
            document
                .tables
                .retain(|table| std::mem::take(&mut is_first) || !table.rows.is_empty());
        }
        for section in &mut document.sections {
            self.each(section);
        }
    }

    /// Sorts a table, if it has all the columns.
    fn sort(&self, table: &mut Table<'_>) {
        let place = |by: &SortBy| table.columns.iter().position(|column| *column == by.column);
        let places: Option<Vec<usize>> = self.sort.iter().map(place).collect();
        let Some(places) = places.filter(|places| !places.is_empty()) else {
            return;
        };
        let keys = |row: &Row| -> Vec<Key> { places.iter().map(|at| Key::of(&row[*at])).collect() };
        let order = |one: &Vec<Key>, other: &Vec<Key>| {
            let each = self.sort.iter().zip(one.iter().zip(other));
            let mut by = each.map(|(by, (one, other))| compare(one, other, by.descending));
            by.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        };
        table.rows = std::mem::take(&mut table.rows).sorted(keys, order);
    }
}

/// The document with one of its tables alone.
fn only<'v>(document: Document<'v>, name: &str) -> Result<Document<'v>, ArrangeError> {
    let tables = document.parts().flat_map(|part| &part.tables);
    let tables: Vec<&'static str> = tables.map(|table| table.name).collect();
    let Document {
        tables: own,
        sections,
        ..
    } = document;
    let all = own
        .into_iter()
        .chain(sections.into_iter().flat_map(|part| part.tables));
    let wanted = name.replace('-', "_");
    match all.into_iter().find(|table| table.name == wanted) {
        Some(table) => Ok(Document {
            tables: vec![table],
            charts: Vec::new(),
            sections: Vec::new(),
            ..document
        }),
        None => Err(ArrangeError::NoTable {
            given: name.to_owned(),
            tables,
        }),
    }
}

/// The texts of a cell.
fn texts(cell: &Cell) -> Vec<&str> {
    match cell {
        Cell::None | Cell::Number(_) | Cell::Flag(_) => Vec::new(),
        Cell::Text(text) | Cell::Word(text, _) => vec![text],
        Cell::List(texts) => texts.iter().map(String::as_str).collect(),
    }
}

/// By what a cell is sorted: made once for each.
enum Key {
    Nothing,
    Number(i64),
    Text(String),
}

impl Key {
    fn of(cell: &Cell) -> Self {
        match cell {
            Cell::Number(number) => Self::Number(*number),
            Cell::Flag(flag) => Self::Number(i64::from(*flag)),
            cell => match texts(cell).join("; ") {
                text if text.is_empty() => Self::Nothing,
                text => Self::Text(folded(&text)),
            },
        }
    }
}

/// Numbers by their value, texts as people count (a2 before a10), and nothing after everything.
fn compare(one: &Key, other: &Key, descending: bool) -> Ordering {
    let is_nothing = |key: &Key| matches!(key, Key::Nothing);
    let nothing = is_nothing(one).cmp(&is_nothing(other));
    let order = match (one, other) {
        (Key::Number(one), Key::Number(other)) => one.cmp(other),
        (Key::Text(one), Key::Text(other)) => alphanumeric_sort::compare_str(one, other),
        (Key::Number(_), _) => Ordering::Less,
        (_, Key::Number(_)) => Ordering::Greater,
        _ => Ordering::Equal,
    };
    nothing.then(if descending { order.reverse() } else { order })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{FORMATS, sample};
    use crate::report::testing::{column, kept, notes};

    fn named(names: &[&str]) -> Document<'static> {
        let mut table = Table::new("names", "Names", &["name", "count"]);
        for (count, name) in names.iter().enumerate() {
            let name = if name.is_empty() {
                Cell::None
            } else {
                Cell::text(name)
            };
            table.push(vec![name, Cell::count(count)]);
        }
        Document {
            tables: vec![table],
            ..sample()
        }
    }

    fn sorted(names: &[&str], by: &str) -> Vec<String> {
        let arrangement = Arrangement {
            sort: vec![by.into()],
            ..Arrangement::default()
        };
        column(&arrangement.arrange(named(names)).unwrap(), "names", "name")
    }

    #[test]
    fn rows_are_sorted_as_people_count() {
        assert_eq!(
            sorted(&["a10", "", "a2", "Á1"], "name"),
            ["Á1", "a2", "a10", ""]
        );
        assert_eq!(
            sorted(&["a10", "", "a2", "Á1"], "-name"),
            ["a10", "a2", "Á1", ""]
        );
        assert_eq!(sorted(&["x", "y", "z"], "-count"), ["z", "y", "x"]);
    }

    #[test]
    fn a_report_is_told_where_its_first_table_is_all_that_is_shown() {
        let told = |arrangement: &Arrangement, format: &str| {
            let format = FORMATS.iter().find(|one| one.name() == format).unwrap();
            let mut question = Question::default();
            arrangement.clone().settle(&mut question, *format);
            question.first_table_only
        };
        let plain = Arrangement::default();
        assert!(told(&plain, "csv"));
        assert!(!told(&plain, "json") && !told(&plain, "table"));
        let searched = Arrangement {
            words: vec!["bridge".into()],
            ..plain.clone()
        };
        assert!(told(&searched, "csv"));
        let another = Arrangement {
            table: Some("rates".into()),
            ..plain.clone()
        };
        assert!(!told(&another, "csv"));
        // It may be a column of another table alone.
        let sorted = Arrangement {
            sort: vec!["share".into()],
            ..plain
        };
        assert!(!told(&sorted, "csv"));
    }

    #[test]
    fn rows_without_the_words_are_left_out_before_the_limit() {
        let arrangement = Arrangement {
            words: vec!["BRIDGE".into()],
            limit: Some(1),
            ..Arrangement::default()
        };
        let names = named(&["a road", "a bridge", "another bridge"]);
        let found = kept(arrangement.arrange(names).unwrap());
        assert_eq!(column(&found, "names", "name"), ["a bridge"]);
        assert!(notes(&found, "only rows that have “BRIDGE”"));
        assert!(notes(&found, "the first 1 of 2 rows"));
    }

    #[test]
    fn one_table_alone() {
        let arrangement = |table: &str| Arrangement {
            table: Some(table.into()),
            ..Arrangement::default()
        };
        let rates = arrangement("rates").arrange(sample()).unwrap();
        assert_eq!(rates.tables.len(), 1);
        assert_eq!(rates.tables[0].name, "rates");
        let error = arrangement("rate").arrange(sample()).unwrap_err();
        assert_eq!(
            error,
            ArrangeError::NoTable {
                given: "rate".into(),
                tables: vec!["commitments", "rates"]
            }
        );
    }

    #[test]
    fn an_unknown_column_is_refused() {
        let arrangement = Arrangement {
            sort: vec!["size".into()],
            ..Arrangement::default()
        };
        let error = arrangement.arrange(named(&["a"])).unwrap_err();
        assert!(
            matches!(error, ArrangeError::NoColumn { columns, .. } if columns == ["name", "count"])
        );
    }
}
