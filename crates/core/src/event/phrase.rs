//! Phrases that sentences about events share.

use std::fmt::Display;

use super::context::Context;
use super::envelope::Envelope;
use crate::value::id::{PartyId, Subject};
use crate::value::when::When;

/// Most names in a row; the others are counted.
const NAMES: usize = 6;

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list<T: Display>(all: &[T]) -> String {
    let mut names: Vec<String> = all.iter().take(NAMES).map(ToString::to_string).collect();
    if all.len() > NAMES {
        names.push(format!("{} more", all.len() - NAMES));
    }
    match names.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The names of parties.
pub(super) fn parties(all: &[PartyId], context: &dyn Context) -> String {
    let shown = all.iter().take(NAMES + 1);
    let mut names: Vec<String> = shown.map(|id| context.party(id)).collect();
    // Only counted from here on.
    names.resize(all.len(), String::new());
    list(&names)
}

/// `, says Colombia`, or nothing where nobody asserts it.
pub(super) fn says(envelope: &Envelope, context: &dyn Context) -> String {
    match envelope.by.as_slice() {
        [] => String::new(),
        [one] => format!(", says {}", context.party(one)),
        many => format!(", say {}", parties(many, context)),
    }
}

/// `: text`, or nothing where it is absent.
pub(super) fn after_colon<T: Display>(text: Option<&T>) -> String {
    text.map_or_else(String::new, |text| format!(": {text}"))
}

/// `, effective 2024-01-01`, or nothing.
pub(super) fn effective(on: Option<When>) -> String {
    on.map_or_else(String::new, |on| format!(", effective {on}"))
}

/// ` in Caracas`, or nothing.
pub(super) fn in_place<T: Display>(place: Option<&T>) -> String {
    place.map_or_else(String::new, |place| format!(" in {place}"))
}

/// ` about C1 and record 5`, or nothing.
pub(super) fn about(subjects: &[Subject], context: &dyn Context) -> String {
    let names: Vec<String> = subjects.iter().map(|one| subject(one, context)).collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!(" about {}", list(names)),
    }
}

/// `C1`, or `record 5 (status)`.
pub(super) fn subject(subject: &Subject, context: &dyn Context) -> String {
    match subject {
        Subject::Entity(id) => id.to_string(),
        Subject::Record(seq) => context.record(*seq),
    }
}

/// `went from active to claimed`; `is now claimed` where it is not known what it was.
pub(super) fn went<T: Display>(from: Option<T>, to: T) -> String {
    match from {
        Some(from) => format!("went from {from} to {to}"),
        None => format!("is now {to}"),
    }
}

/// What became of a field: `from a to b`, `set to b`, `cleared, it was a`.
pub(super) fn changed<T: Display, U: Display>(old: &[T], new: &[U]) -> String {
    match (old, new) {
        ([], new) => format!("set to {}", list(new)),
        (old, []) => format!("cleared, it was {}", list(old)),
        (old, new) => format!("from {} to {}", list(old), list(new)),
    }
}
