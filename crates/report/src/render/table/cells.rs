//! Cells as texts and lines, and their width.

use unicode_width::UnicodeWidthStr;

use super::super::format::Style;
use super::super::text::{harmless, says_something, with_rules_in_words, yes_or_no};
use super::marks::toned;
use crate::report::Cell;

/// The most texts of a list that are shown on a terminal.
const LISTED: usize = 12;

/// What stands in a table where a cell has nothing.
const NOTHING: &str = "–";

/// A text as lines that fit into a width: broken between words, and within one that is too long for a line.
pub fn wrapped(text: &str, width: Option<u16>) -> Vec<String> {
    let Some(width) = width else {
        return vec![text.to_owned()];
    };
    let width = usize::from(width.max(1));
    // An id that is too long for a line is broken after a hyphen; no other word is.
    let is_too_long = |word: &str| self::width(word) > width;
    let splitter = match text.split(' ').any(is_too_long) {
        true => textwrap::WordSplitter::HyphenSplitter,
        false => textwrap::WordSplitter::NoHyphenation,
    };
    let options = textwrap::Options::new(width)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(splitter)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
    let lines = textwrap::wrap(text, options).into_iter();
    lines.map(|line| line.trim_end().to_owned()).collect()
}

/// A width as a terminal has it.
pub fn narrow(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

/// A cell as text, with marks for its colour.
pub fn shown_as(cell: &Cell, style: Style) -> String {
    if !says_something(cell) {
        return NOTHING.to_owned();
    }
    match cell {
        Cell::None => NOTHING.to_owned(),
        Cell::Text(text) => harmless(&with_rules_in_words(text)),
        Cell::Word(text, tone) => toned(&harmless(text), *tone, style),
        Cell::Number(number) => number.to_string(),
        Cell::Flag(flag) => yes_or_no(*flag).to_owned(),
        Cell::List(texts) => {
            let most = style.width.map_or(texts.len(), |_| LISTED);
            let shown = texts.iter().take(most).map(|text| harmless(text));
            let mut shown = shown.collect::<Vec<_>>().join(", ");
            if texts.len() > most {
                shown.push_str(&format!(" and {} more", texts.len() - most));
            }
            shown
        }
    }
}

/// How many columns a text takes; the marks of tones take none.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.width()
}
