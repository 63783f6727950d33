//! Dates and deadlines as people write them in English: pure functions of a text and of today.
//!
//! What ISO 8601 and the ledger's own words say comes first and means what it means everywhere. Then come names of
//! months, days counted from today, and recurrence in words. A text with two readings is an error that names both: nothing
//! is guessed. Only the desk reads dates in this way; NDJSON and the ledger know the ISO forms alone.

mod phrase;
mod point;
mod recurrence;
#[cfg(test)]
mod tests;

use chrono::NaiveDate;

use servanda_core::value::base::excerpt;
use servanda_core::value::when::{Date, Deadline, When};

use self::phrase::phrase;
use self::point::Fault;

/// Every form of a date, with an example of each.
pub const FORMS: &str = "a date: 2023-05-11, 2023-05, 2023, 2023-05/2023-07, before 2023, after 2023-05, unknown, \
unspecified, not-applicable; 11 May 2023, May 11, 2023, May 2023, 25/05/2023, end of May 2023, from May 2023 to \
July 2023, before 11 May 2023; today, yesterday, tomorrow, last Friday, next Friday, this week, last month, next \
year, in 3 months, 3 months ago, 30 days after 11 May 2023";

/// Every form of a deadline that is no date, with an example of each.
pub const DEADLINE_FORMS: &str = "or again and again: every 3 months, every other week, weekly, quarterly, every \
Monday, every month on the 15th, every month on the last day, every first Monday of the month, every year on 1 May, \
every 3 months until 2025, every week 10 times, recurring, RRULE:FREQ=MONTHLY;INTERVAL=3; or continuing; or so long \
after an event: 30 days after entry-into-force of A1, 6 months after C2 fulfilled";

/// Why a text is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DateError {
    message: String,
    /// The dates that it may mean, as the ledger writes them, if it has two readings.
    pub readings: Vec<String>,
    /// Whether a list of all forms would help.
    pub is_unknown_form: bool,
}

impl DateError {
    fn new(message: String) -> Self {
        Self {
            message,
            readings: Vec::new(),
            is_unknown_form: false,
        }
    }

    fn of(text: &str, fault: Fault, what: &str) -> Self {
        let text = excerpt(text);
        match fault {
            Fault::Form => Self {
                is_unknown_form: true,
                ..Self::new(format!("`{text}` is not a {what}"))
            },
            Fault::Wrong(why) => Self::new(format!("`{text}` is not a {what}: {why}")),
            Fault::Ambiguous(one, other) => Self {
                readings: vec![one.to_string(), other.to_string()],
                ..Self::new(format!(
                    "`{text}` is {} or {}: write {one} or {other}",
                    spelled(one),
                    spelled(other)
                ))
            },
        }
    }
}

/// What says that a date is not exact, and not how far off it may be.
const ABOUT: &[&str] = &[
    "about",
    "around",
    "approximately",
    "roughly",
    "circa",
    "ca.",
    "ca",
    "c.",
];

/// That a date is about another one: how far off it may be must be said.
fn about(text: &str, today: NaiveDate) -> Option<DateError> {
    let (first, rest) = text.split_once(char::is_whitespace)?;
    if !ABOUT.contains(&first.to_lowercase().as_str()) {
        return None;
    }
    let exact = when(rest, today).ok()?;
    let (before, after) = (exact.earliest()?.pred_opt()?, exact.latest()?.succ_opt()?);
    let wide = match exact.to_string().len() {
        4 => format!("{}/{}", before.format("%Y"), after.format("%Y")),
        7 => format!("{}/{}", before.format("%Y-%m"), after.format("%Y-%m")),
        10 => exact.earliest()?.format("%Y-%m").to_string(),
        _ => return None,
    };
    let text = excerpt(text);
    let message = format!(
        "`{text}` does not say how far off it may be: write a range such as {wide}, or {exact}"
    );
    Some(DateError {
        readings: vec![wide, exact.to_string()],
        ..DateError::new(message)
    })
}

/// A date in words.
fn spelled(date: Date) -> String {
    match date {
        Date::Day(day) => day.format("%-d %B %Y").to_string(),
        date => date.earliest().format("%B %Y").to_string(),
    }
}

/// Reads a date.
///
/// # Errors
/// A text that has no reading, or two.
pub fn when(text: &str, today: NaiveDate) -> Result<When, DateError> {
    let text = text.trim();
    let iso = match text.parse::<When>() {
        Ok(when) => return Ok(when),
        Err(error) => error,
    };
    if let Some(error) = about(text, today) {
        return Err(error);
    }
    phrase(&words(text), today).map_err(|fault| match fault {
        // What is in ISO form but no date has a better error of its own.
        Fault::Form if looks_like_iso(text) => DateError::new(iso.to_string()),
        fault => DateError::of(text, fault, "date"),
    })
}

/// Reads a deadline: a date, or when it recurs.
///
/// # Errors
/// A text that has no reading, or two.
pub fn deadline(text: &str, today: NaiveDate) -> Result<Deadline, DateError> {
    let text = text.trim();
    let own = match text.parse::<Deadline>() {
        Ok(deadline) => return Ok(deadline),
        Err(error) => error,
    };
    if text.starts_with("RRULE:") {
        return Err(DateError::new(own.to_string()));
    }
    if let Some(error) = about(text, today) {
        return Err(error);
    }
    let words = words(text);
    let read =
        recurrence::read(&words, today).unwrap_or_else(|| phrase(&words, today).map(Deadline::By));
    read.map_err(|fault| match fault {
        Fault::Form if looks_like_iso(text) || is_relative(&words) => {
            DateError::new(own.to_string())
        }
        fault => DateError::of(text, fault, "deadline"),
    })
}

/// The words of a text in lower case, without the commas between them.
fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| c.is_whitespace() || c == ',');
    let words = parts.filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn looks_like_iso(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits >= 4
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'/'))
}

/// Whether it is so long after something.
fn is_relative(words: &[String]) -> bool {
    words.len() > 2 && words[2] == "after"
}
