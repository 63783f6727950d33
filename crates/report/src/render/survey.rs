//! A pass over all rows of a table, for formats that need the width of its columns before the first row.

use std::borrow::Cow;

use super::text::says_something;
use crate::report::{Cell, Row, Table};

/// The most rows that are kept while they are surveyed. The rows of a longer table are made once more to be written.
const KEPT: usize = 1_000;

/// The room that a cell needs, in characters.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extent {
    /// All of it.
    pub whole: usize,
    /// Its longest word.
    pub word: usize,
    /// How many words it has.
    pub words: usize,
}

impl Extent {
    /// The room that either needs.
    pub fn max(self, other: Self) -> Self {
        Self {
            whole: self.whole.max(other.whole),
            word: self.word.max(other.word),
            words: self.words.max(other.words),
        }
    }
}

/// What the rows of a table say of one column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// The place of the column in its table.
    pub at: usize,
    /// Whether any cell says something.
    pub says: bool,
    /// Whether two rows at least say different things.
    pub varies: bool,
    /// Whether it holds numbers only, and so is aligned at its end.
    pub is_numeric: bool,
    /// The room that its cells need.
    pub extent: Extent,
    /// How many words they have in all.
    pub words: usize,
}

/// A table whose rows have been gone through once. It keeps them where they are few.
pub(super) struct Survey<'t> {
    pub table: &'t Table<'t>,
    pub columns: Vec<Column>,
    /// How many rows there are.
    pub rows: usize,
    /// The first of them.
    pub first: Option<Row>,
    kept: Option<Vec<Cow<'t, Row>>>,
}

impl<'t> Survey<'t> {
    /// Goes through the rows of a table; `extent` measures a cell.
    pub fn new(table: &'t Table<'t>, extent: impl Fn(&Cell) -> Extent) -> Self {
        let column = |at| Column {
            at,
            says: false,
            varies: false,
            is_numeric: true,
            extent: Extent::default(),
            words: 0,
        };
        let mut columns: Vec<Column> = (0..table.columns.len()).map(column).collect();
        let mut kept = Some(Vec::new());
        let (mut rows, mut first) = (0, None);
        for row in table.rows.iter() {
            rows += 1;
            let first: &Row = first.get_or_insert_with(|| row.clone().into_owned());
            for (column, cell) in columns.iter_mut().zip(row.iter()) {
                column.says |= says_something(cell);
                column.varies = column.varies || first[column.at] != *cell;
                column.is_numeric &= matches!(cell, Cell::Number(_) | Cell::None);
                let extent = extent(cell);
                column.words += extent.words;
                column.extent = column.extent.max(extent);
            }
            match &mut kept {
                Some(rows) if rows.len() < KEPT => rows.push(row),
                _ => kept = None,
            }
        }
        Self {
            table,
            columns,
            rows,
            first,
            kept,
        }
    }

    /// The rows, made again where they are not kept.
    pub fn rows(&self) -> impl Iterator<Item = Cow<'_, Row>> {
        let again = self.kept.is_none().then(|| self.table.rows.iter());
        let kept = self.kept.iter().flatten();
        kept.map(|row| Cow::Borrowed(&**row))
            .chain(again.into_iter().flatten())
    }
}
