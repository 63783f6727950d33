//! What all formats for people do with texts and cells.

pub(super) use servanda_core::words::{harmless, spelled_out};

use crate::report::Cell;

/// The name of a column as a header.
pub(super) fn spaced(column: &str) -> String {
    column.replace('_', " ")
}

/// Whether anything stands in a cell.
pub(super) fn says_something(cell: &Cell) -> bool {
    match cell {
        Cell::None => false,
        Cell::Text(text) | Cell::Word(text, _) => !text.is_empty(),
        Cell::List(texts) => !texts.is_empty(),
        Cell::Number(_) | Cell::Flag(_) => true,
    }
}

/// Yes or no.
pub(super) fn yes_or_no(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}
