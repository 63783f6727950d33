//! A day, week, month or year in words or digits.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

use servanda_core::value::deadline::{Span, Unit};
use servanda_core::value::when::{Date, When};

/// Why words are no date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// They have none of the forms.
    Form,
    /// They have a form, and there is no such date.
    Wrong(String),
    /// They have two readings.
    Ambiguous(Date, Date),
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const NUMBERS: [&str; 12] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
];

/// Reads a day, a month or a year; a week is a range of days.
pub(super) fn point(words: &[&str], today: NaiveDate) -> Result<When, Fault> {
    match words {
        ["today"] => on(Some(today)),
        ["yesterday"] => on(today.pred_opt()),
        ["tomorrow"] => on(today.succ_opt()),
        ["the", rest @ ..] => point(rest, today),
        ["end", "of", rest @ ..] => on(point(rest, today)?.latest()),
        ["beginning" | "start", "of", rest @ ..] => on(point(rest, today)?.earliest()),
        [which @ ("last" | "previous" | "this" | "next"), what] => named(which, what, today),
        ["in", count, what] | [count, what, "from", "now"] if unit(what).is_some() => {
            on(span(count, what).ok_or(Fault::Form)?.after(today))
        }
        [count, unit, "ago"] => on(before(today, span(count, unit).ok_or(Fault::Form)?)),
        [count, unit, "after", rest @ ..] => {
            let span = span(count, unit).ok_or(Fault::Form)?;
            let from = point(rest, today)?;
            let single = from.latest().filter(|day| from.earliest() == Some(*day));
            on(span.after(single.ok_or(Fault::Form)?))
        }
        [day, rest @ ..] if weekday(day).is_some() => {
            let wanted = weekday(day).unwrap_or(Weekday::Mon);
            if rest.is_empty() {
                let (last, next) = (beside(today, wanted, false), beside(today, wanted, true));
                let both = last.and_then(Date::day).zip(next.and_then(Date::day));
                return Err(both.map_or(Fault::Form, |(last, next)| Fault::Ambiguous(last, next)));
            }
            match absolute(rest, today)? {
                Date::Day(found) if found.weekday() != wanted => {
                    Err(Fault::Wrong(format!("{found} is a {}", found.format("%A"))))
                }
                date => Ok(When::On(date)),
            }
        }
        ["in", rest @ ..] => absolute(rest, today).map(When::On),
        rest => absolute(rest, today).map(When::On),
    }
}

fn on(day: Option<NaiveDate>) -> Result<When, Fault> {
    let date = day.and_then(Date::day);
    date.map(When::On)
        .ok_or_else(|| Fault::Wrong("years run from 0001 to 9999".into()))
}

/// Last Friday, this week, next month.
fn named(which: &str, what: &str, today: NaiveDate) -> Result<When, Fault> {
    let is_next = which == "next";
    if let Some(wanted) = weekday(what) {
        return match which {
            "this" => Err(Fault::Form),
            _ => on(beside(today, wanted, is_next)),
        };
    }
    let step = match which {
        "this" => 0,
        "next" => 1,
        _ => -1,
    };
    let (year, month) = (today.year(), today.month0() as i32);
    match what {
        "week" => {
            let into = today.weekday().num_days_from_monday();
            let monday = today.checked_sub_days(Days::new(into.into()));
            let monday = match step {
                0 => monday,
                1 => monday.and_then(|day| day.checked_add_days(Days::new(7))),
                _ => monday.and_then(|day| day.checked_sub_days(Days::new(7))),
            };
            let sunday = monday.and_then(|day| day.checked_add_days(Days::new(6)));
            let ends = monday.and_then(Date::day).zip(sunday.and_then(Date::day));
            let (from, to) = ends.ok_or(Fault::Form)?;
            Ok(When::Range(from, to))
        }
        "month" => {
            let months = year * 12 + month + step;
            let date = u16::try_from(months.div_euclid(12))
                .ok()
                .and_then(|year| Date::month(year, (months.rem_euclid(12) + 1) as u8));
            date.map(When::On).ok_or(Fault::Form)
        }
        "year" => {
            let date = u16::try_from(year + step).ok().and_then(Date::year);
            date.map(When::On).ok_or(Fault::Form)
        }
        _ => Err(Fault::Form),
    }
}

/// The nearest such weekday after or before a day.
fn beside(day: NaiveDate, wanted: Weekday, is_after: bool) -> Option<NaiveDate> {
    let (from, to) = match is_after {
        true => (day.weekday(), wanted),
        false => (wanted, day.weekday()),
    };
    let days = match to.days_since(from) {
        0 => 7,
        days => days,
    };
    match is_after {
        true => day.checked_add_days(Days::new(days.into())),
        false => day.checked_sub_days(Days::new(days.into())),
    }
}

/// The day so long before another.
fn before(day: NaiveDate, span: Span) -> Option<NaiveDate> {
    let count = u32::from(span.count());
    match span.unit() {
        Unit::Day => day.checked_sub_days(Days::new(count.into())),
        Unit::Week => day.checked_sub_days(Days::new(u64::from(count) * 7)),
        Unit::Month => day.checked_sub_months(Months::new(count)),
        Unit::Year => day.checked_sub_months(Months::new(count * 12)),
    }
}

/// Three months, a week.
pub(super) fn span(count: &str, unit: &str) -> Option<Span> {
    Span::new(number(count)?, self::unit(unit)?)
}

/// A number in digits or as a word.
pub(super) fn number(word: &str) -> Option<u16> {
    if matches!(word, "a" | "an") {
        return Some(1);
    }
    match NUMBERS.iter().position(|number| *number == word) {
        Some(at) => Some(at as u16 + 1),
        None => digits(word, 4),
    }
}

/// Days, weeks, months or years.
pub(super) fn unit(word: &str) -> Option<Unit> {
    let one = word.strip_suffix('s').unwrap_or(word);
    Unit::ALL.into_iter().find(|unit| unit.word() == one)
}

/// A weekday by its name or the beginning of it, from three letters on.
pub(super) fn weekday(word: &str) -> Option<Weekday> {
    let word = word.trim_end_matches('.');
    let all = (0..7).filter_map(|at| Weekday::try_from(at).ok());
    let names = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let mut named = all.zip(names);
    let found = named.find(|(_, name)| word.len() >= 3 && name.starts_with(word));
    found.map(|(weekday, _)| weekday)
}

/// A month by its name or the beginning of it, from three letters on.
pub(super) fn month(word: &str) -> Option<u8> {
    let word = word.trim_end_matches('.');
    let is_it = |name: &&str| word.len() >= 3 && name.starts_with(word);
    MONTHS.iter().position(is_it).map(|at| at as u8 + 1)
}

/// A day of a month: `1`, `1st`, `22nd`.
pub(super) fn day_of_month(word: &str) -> Option<u8> {
    let suffixes = ["st", "nd", "rd", "th"];
    let plain = suffixes
        .iter()
        .find_map(|suffix| word.strip_suffix(suffix))
        .unwrap_or(word);
    let day = digits(plain, 2)?;
    (1..=31).contains(&day).then_some(day as u8)
}

fn digits(word: &str, most: usize) -> Option<u16> {
    let fits = (1..=most).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| word.parse().ok()).flatten()
}

/// A date that does not count from today.
fn absolute(words: &[&str], today: NaiveDate) -> Result<Date, Fault> {
    if let [word] = words {
        if let Ok(date) = word.parse() {
            return Ok(date);
        }
        if month(word).is_none() {
            return in_digits(word);
        }
    }
    let words: Vec<&str> = words.iter().copied().filter(|word| *word != "of").collect();
    let (day, month_name, year) = match words.as_slice() {
        [one, two] if month(one).is_some() && is_year(two) => (None, *one, Some(*two)),
        [one] => (None, *one, None),
        [one, two] if month(one).is_some() => (Some(*two), *one, None),
        [one, two] => (Some(*one), *two, None),
        [one, two, year] if month(one).is_some() => (Some(*two), *one, Some(*year)),
        [one, two, year] => (Some(*one), *two, Some(*year)),
        _ => return Err(Fault::Form),
    };
    let month = month(month_name).ok_or(Fault::Form)?;
    let day = day.map(|day| day_of_month(day).ok_or(Fault::Form));
    let day = day.transpose()?;
    let Some(year) = year else {
        return Err(without_year(month, day, today));
    };
    if !is_year(year) {
        return Err(match digits(year, 2) {
            Some(_) => Fault::Wrong(CENTURY.into()),
            None => Fault::Form,
        });
    }
    built(year.parse().unwrap_or_default(), month, day)
}

const CENTURY: &str = "write the year with four digits";

fn is_year(word: &str) -> bool {
    word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit())
}

fn built(year: u16, month: u8, day: Option<u8>) -> Result<Date, Fault> {
    let text = match day {
        Some(day) => format!("{year:04}-{month:02}-{day:02}"),
        None => format!("{year:04}-{month:02}"),
    };
    text.parse::<Date>().map_err(|error| {
        let why = error.to_string();
        let why = why
            .split_once("is not a date: ")
            .map(|(_, why)| why.to_owned());
        Fault::Wrong(why.unwrap_or_else(|| "there is no such day".into()))
    })
}

/// A date without a year has two readings: the last one, and the next.
fn without_year(month: u8, day: Option<u8>, today: NaiveDate) -> Fault {
    // A 29 February is at most 8 years away.
    let years = |step: i32| {
        let years = (0..9).map(move |years| today.year() + step * years);
        let dates = years.filter_map(|year| built(u16::try_from(year).ok()?, month, day).ok());
        dates.map(move |date| (date.earliest() > today, date))
    };
    let next = years(1).find(|(is_ahead, _)| *is_ahead);
    let last = years(-1).find(|(is_ahead, _)| !*is_ahead);
    match (last, next) {
        (Some((_, last)), Some((_, next))) => Fault::Ambiguous(last, next),
        _ => Fault::Wrong("there is no such day".into()),
    }
}

/// A date in digits alone, with the year first or last: 2023/5/11, 25.5.2023, 5/2023.
fn in_digits(word: &str) -> Result<Date, Fault> {
    let is_separator = |c: char| matches!(c, '/' | '.' | '-');
    let separator = word.find(is_separator).ok_or(Fault::Form)?;
    let separator = word[separator..].chars().next().unwrap_or('/');
    let parts: Vec<&str> = word.split(separator).collect();
    if !parts.iter().all(|part| digits(part, 4).is_some()) {
        return Err(Fault::Form);
    }
    let small = |part: &str| digits(part, 2).map(|number| number as u8);
    match parts.as_slice() {
        [month, year] if is_year(year) => built(
            year.parse().unwrap_or_default(),
            small(month).ok_or(Fault::Form)?,
            None,
        ),
        [year, month, day] if is_year(year) => built(
            year.parse().unwrap_or_default(),
            small(month).ok_or(Fault::Form)?,
            Some(small(day).ok_or(Fault::Form)?),
        ),
        [one, other, year] if is_year(year) => {
            let year = year.parse().unwrap_or_default();
            let (one, other) = small(one).zip(small(other)).ok_or(Fault::Form)?;
            match (built(year, other, Some(one)), built(year, one, Some(other))) {
                (Ok(day_first), Ok(month_first)) if day_first != month_first => {
                    Err(Fault::Ambiguous(day_first, month_first))
                }
                (Ok(date), _) | (_, Ok(date)) => Ok(date),
                (Err(fault), Err(_)) if other <= 12 => Err(fault),
                (Err(_), Err(fault)) => Err(fault),
            }
        }
        [one, two, three] if [one, two, three].iter().all(|part| small(part).is_some()) => {
            Err(Fault::Wrong(CENTURY.into()))
        }
        _ => Err(Fault::Form),
    }
}
