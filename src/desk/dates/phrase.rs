//! Words that are a date, or lie before, after or between dates.

use chrono::NaiveDate;

use servanda_core::value::when::{Date, When};

use super::point::{Fault, point};

/// A date, or what lies before, after or between dates.
pub(super) fn phrase(words: &[String], today: NaiveDate) -> Result<When, Fault> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["not", "applicable"] => Ok(When::NotApplicable),
        [word] if matches!(*word, "unknown" | "unspecified" | "not-applicable") => {
            word.parse().map_err(|_| Fault::Form)
        }
        ["before", rest @ ..] => Ok(When::Before(single(rest, today)?)),
        ["after", rest @ ..] => Ok(When::After(single(rest, today)?)),
        ["between", rest @ ..] => between(rest, &["and"], today),
        ["from", rest @ ..] => between(rest, &["to", "until"], today),
        ["on" | "by", rest @ ..] => point(rest, today),
        rest => point(rest, today),
    }
}

fn between(words: &[&str], middle: &[&str], today: NaiveDate) -> Result<When, Fault> {
    let at = words.iter().position(|word| middle.contains(word));
    let at = at.ok_or(Fault::Form)?;
    let (from, to) = (
        single(&words[..at], today)?,
        single(&words[at + 1..], today)?,
    );
    if to.latest() < from.earliest() {
        return Err(Fault::Wrong("it ends before it begins".into()));
    }
    Ok(When::Range(from, to))
}

/// A day, month or year.
fn single(words: &[&str], today: NaiveDate) -> Result<Date, Fault> {
    match point(words, today)? {
        When::On(date) => Ok(date),
        _ => Err(Fault::Form),
    }
}
