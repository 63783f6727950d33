//! What all formats for people do with texts and cells.

use std::borrow::Cow;

pub(super) use servanda_core::words::{harmless, spelled_out};

use servanda_core::value::recurrence::Recurrence;
use servanda_core::value::when::RecurrenceRule;

use crate::report::Cell;

/// The name of a column as a header.
pub(super) fn spaced(column: &str) -> String {
    column.replace('_', " ")
}

/// A word of a text in which a rule of recurrence is said in words, if it is one: `every 3 months,`, or
/// `by the rule FREQ=HOURLY`.
pub(super) fn recurrence(word: &str) -> Option<String> {
    let (rule, rest) = word.split_at(word.trim_end_matches([',', ':', ')']).len());
    let rule = rule.strip_prefix("RRULE:")?;
    let read: Option<RecurrenceRule> = rule.parse().ok();
    let said = match read.and_then(|rule| Recurrence::of(&rule).ok()) {
        Some(rule) => rule.in_words(),
        None => format!("by the rule {rule}"),
    };
    Some(said + rest)
}

/// A text in which rules of recurrence are in words.
pub(super) fn with_rules_in_words(text: &str) -> Cow<'_, str> {
    if !text.contains("RRULE:") {
        return Cow::Borrowed(text);
    }
    let words = text.split(' ').map(|word| match recurrence(word) {
        Some(said) => Cow::Owned(said),
        None => Cow::Borrowed(word),
    });
    Cow::Owned(words.collect::<Vec<_>>().join(" "))
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
