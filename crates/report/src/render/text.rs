//! What all formats for people do with texts and cells.

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

/// Text that cannot move a cursor, hide, turn its neighbours around or look like another row: newlines are
/// shown, and what controls a terminal or the direction of writing is spelled out.
pub(super) fn harmless(text: &str) -> String {
    spelled_out(text, " ↵ ")
}

/// As [`harmless`], with this in place of newlines.
pub(super) fn spelled_out(text: &str, newline: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str(newline),
            '\t' => out.push(' '),
            c if c.is_control() || is_unseen(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// What takes no room and changes how the rest reads. Joiners, which several scripts need, do not.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{200b}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    )
}
