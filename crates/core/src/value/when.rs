//! Time as recorders know it: calendar dates of any precision, deadlines, and the ledger's own instants.
//!
//! Written as in ISO 8601-2 (EDTF) where that has a form: `2023-05-11`, `2023-05`, `2023`,
//! `2023-05/2023-07`; else in words: `before 2023`, `after 2023-05`, `unknown`, `unspecified`,
//! `not-applicable`. Years run from 0001 to 9999, in the proleptic Gregorian calendar.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc};

use crate::value::base::{Leaf, ValueError, excerpt};
use crate::value::deadline::Relative;
use crate::value::id::Reference;
use crate::wire::{Reader, Wire, WireError, Writer, wire_texts, wire_variants};

/// A calendar date of some precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Date {
    /// A year.
    Year(u16),
    /// A month of a year, from 1.
    Month(u16, u8),
    /// A day.
    Day(NaiveDate),
}

impl Date {
    /// The first day it may be.
    pub fn earliest(self) -> NaiveDate {
        match self {
            Self::Year(year) => first_day(year, 1),
            Self::Month(year, month) => first_day(year, month),
            Self::Day(day) => day,
        }
    }

    /// The last day it may be.
    pub fn latest(self) -> NaiveDate {
        match self {
            Self::Year(year) => last_day(year, 12),
            Self::Month(year, month) => last_day(year, month),
            Self::Day(day) => day,
        }
    }

    /// A year, if it is one from 0001 to 9999.
    pub fn year(year: u16) -> Option<Self> {
        (1..=9999).contains(&year).then_some(Self::Year(year))
    }

    /// A month, if it is one of 1 to 12 in a year from 0001 to 9999.
    pub fn month(year: u16, month: u8) -> Option<Self> {
        let fits = (1..=9999).contains(&year) && (1..=12).contains(&month);
        fits.then_some(Self::Month(year, month))
    }

    /// A day, if its year is from 0001 to 9999.
    pub fn day(day: NaiveDate) -> Option<Self> {
        (1..=9999).contains(&day.year()).then_some(Self::Day(day))
    }
}

fn first_day(year: u16, month: u8) -> NaiveDate {
    NaiveDate::from_ymd_opt(i32::from(year), u32::from(month), 1).unwrap_or(NaiveDate::MIN)
}

fn last_day(year: u16, month: u8) -> NaiveDate {
    let (next_year, next_month) = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    first_day(next_year, next_month)
        .pred_opt()
        .unwrap_or(NaiveDate::MIN)
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Year(year) => write!(f, "{year:04}"),
            Self::Month(year, month) => write!(f, "{year:04}-{month:02}"),
            Self::Day(day) => write!(f, "{:04}-{:02}-{:02}", day.year(), day.month(), day.day()),
        }
    }
}

impl FromStr for Date {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = |why: String| ValueError(format!("`{}` is not a date: {why}", excerpt(text)));
        let number = |part: &str, digits: usize| {
            let fits = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
            fits.then(|| part.parse::<u16>().ok()).flatten()
        };
        let shape = || wrong("write 2023-05-11, 2023-05 or 2023".into());
        let mut parts = text.split('-');
        let year_text = parts.next().unwrap_or_default();
        if year_text.len() > 4 && year_text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong("years run from 0001 to 9999".into()));
        }
        let year = number(year_text, 4).ok_or_else(shape)?;
        if year == 0 {
            return Err(wrong("years run from 0001 to 9999".into()));
        }
        let Some(month_text) = parts.next() else {
            return Ok(Self::Year(year));
        };
        let month = number(month_text, 2).ok_or_else(shape)?;
        if !(1..=12).contains(&month) {
            return Err(wrong(format!("there is no month {month_text}")));
        }
        let month = month as u8;
        let Some(day_text) = parts.next() else {
            return Ok(Self::Month(year, month));
        };
        let day = number(day_text, 2).ok_or_else(shape)?;
        if parts.next().is_some() {
            return Err(shape());
        }
        NaiveDate::from_ymd_opt(i32::from(year), u32::from(month), u32::from(day))
            .map(Self::Day)
            .ok_or_else(|| {
                let last = last_day(year, month).day();
                wrong(format!("{year:04}-{month:02} has days 01 to {last}"))
            })
    }
}

/// When something happened, as far as the source or recorder knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum When {
    /// On a date of some precision.
    On(Date),
    /// At some time from the first date to the second, both included.
    Range(Date, Date),
    /// Before the date begins.
    Before(Date),
    /// After the date ends.
    After(Date),
    /// It has a date, which nobody here knows.
    Unknown,
    /// The source does not specify one.
    Unspecified,
    /// The question does not arise.
    NotApplicable,
}

impl When {
    /// The first day it may be; none where that is open.
    pub fn earliest(self) -> Option<NaiveDate> {
        match self {
            Self::On(date) | Self::Range(date, _) => Some(date.earliest()),
            Self::After(date) => date.latest().succ_opt(),
            _ => None,
        }
    }

    /// The last day it may be; none where that is open.
    pub fn latest(self) -> Option<NaiveDate> {
        match self {
            Self::On(date) | Self::Range(_, date) => Some(date.latest()),
            Self::Before(date) => date.earliest().pred_opt(),
            _ => None,
        }
    }

    /// The day that a rule of recurrence counts from: the last possible one, or the first where there is no last.
    pub fn counted_from(self) -> Option<NaiveDate> {
        self.latest().or(self.earliest())
    }

    /// How it lies to another, as far as that is certain: a partial order. None where the days that they may be
    /// overlap, unless both are the same single day; nothing is certain of a date that nobody knows.
    pub fn compare(self, other: When) -> Option<Ordering> {
        let single = |when: When| {
            when.earliest()
                .filter(|first| when.latest() == Some(*first))
        };
        if self.certainly_before(other) {
            Some(Ordering::Less)
        } else if other.certainly_before(self) {
            Some(Ordering::Greater)
        } else {
            let same = single(self)? == single(other)?;
            same.then_some(Ordering::Equal)
        }
    }

    /// Whether it certainly lies before another: its last possible day before the other's first.
    pub fn certainly_before(self, other: When) -> bool {
        matches!((self.latest(), other.earliest()), (Some(a), Some(b)) if a < b)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On(date) => date.fmt(f),
            Self::Range(from, to) => write!(f, "{from}/{to}"),
            Self::Before(date) => write!(f, "before {date}"),
            Self::After(date) => write!(f, "after {date}"),
            Self::Unknown => f.write_str("unknown"),
            Self::Unspecified => f.write_str("unspecified"),
            Self::NotApplicable => f.write_str("not-applicable"),
        }
    }
}

impl FromStr for When {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "unknown" => return Ok(Self::Unknown),
            "unspecified" => return Ok(Self::Unspecified),
            "not-applicable" => return Ok(Self::NotApplicable),
            _ => {}
        }
        if let Some(date) = text.strip_prefix("before ") {
            return date.parse().map(Self::Before);
        }
        if let Some(date) = text.strip_prefix("after ") {
            return date.parse().map(Self::After);
        }
        if let Some((from, to)) = text.split_once('/') {
            let (from, to): (Date, Date) = (from.parse()?, to.parse()?);
            if to.latest() < from.earliest() {
                return Err(ValueError(format!("`{text}` ends before it begins")));
            }
            return Ok(Self::Range(from, to));
        }
        text.parse().map(Self::On)
    }
}

impl Leaf for When {
    const LABEL: &'static str = "WHEN";
}

/// By when a commitment is to be kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deadline {
    /// By a date.
    By(When),
    /// Again and again, by an RFC 5545 recurrence rule where one is known.
    Recurring(Option<RecurrenceRule>),
    /// At all times.
    Continuing,
    /// So long after an event, which may not have happened yet.
    After(Relative),
}

impl Deadline {
    /// The last day on which it can still be kept; none for what has no such day, or has it from an event.
    pub fn latest(&self) -> Option<NaiveDate> {
        match self {
            Self::By(when) => when.latest(),
            _ => None,
        }
    }

    /// Whether nothing says when it is due: no date, and no rule that gives dates.
    pub fn is_undated(&self) -> bool {
        match self {
            Self::By(when) => when.latest().is_none(),
            Self::Recurring(rule) => rule.is_none(),
            Self::Continuing | Self::After(_) => false,
        }
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::By(when) => when.fmt(f),
            Self::Recurring(None) => f.write_str("recurring"),
            Self::Recurring(Some(rule)) => write!(f, "RRULE:{rule}"),
            Self::Continuing => f.write_str("continuing"),
            Self::After(relative) => relative.fmt(f),
        }
    }
}

impl FromStr for Deadline {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "continuing" => Ok(Self::Continuing),
            "recurring" => Ok(Self::Recurring(None)),
            _ if Relative::looks_like(text) => text.parse().map(Self::After),
            _ => match text.strip_prefix("RRULE:") {
                Some(rule) => rule.parse().map(|rule| Self::Recurring(Some(rule))),
                None => text.parse().map(Self::By),
            },
        }
    }
}

impl Leaf for Deadline {
    const LABEL: &'static str = "WHEN|SPAN after EVENT|RRULE:...|recurring|continuing|unspecified";
    fn reference(&self) -> Option<Reference<'_>> {
        match self {
            Self::After(relative) => relative.anchor.reference(),
            _ => None,
        }
    }
}

/// A recurrence rule of RFC 5545, section 3.3.10, kept as written, without the leading `RRULE:`.
///
/// Its parts' names and characters are checked here, and no more: what a record may say must not depend
/// on the version of a calendar library.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecurrenceRule(String);

impl fmt::Display for RecurrenceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for RecurrenceRule {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        const PARTS: &[&str] = &[
            "FREQ",
            "UNTIL",
            "COUNT",
            "INTERVAL",
            "BYSECOND",
            "BYMINUTE",
            "BYHOUR",
            "BYDAY",
            "BYMONTHDAY",
            "BYYEARDAY",
            "BYWEEKNO",
            "BYMONTH",
            "BYSETPOS",
            "WKST",
        ];
        const FREQUENCIES: &[&str] = &[
            "SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY",
        ];
        let wrong = |why: &str| {
            Err(ValueError(format!(
                "`{}` is not a recurrence rule such as FREQ=MONTHLY;INTERVAL=3: {why}",
                excerpt(text)
            )))
        };
        if text.len() > 256 {
            return wrong("it is longer than 256 characters");
        }
        let mut seen = Vec::new();
        for part in text.split(';') {
            let Some((name, value)) = part.split_once('=') else {
                return wrong("parts are NAME=VALUE");
            };
            let in_charset = |b: u8| {
                b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b',' | b'+' | b'-')
            };
            if !PARTS.contains(&name) || seen.contains(&name) {
                return wrong(&format!("`{}` is no part, or stands twice", excerpt(name)));
            }
            if value.is_empty() || !value.bytes().all(in_charset) {
                return wrong(&format!("{name} has no proper value"));
            }
            if name == "FREQ" && !FREQUENCIES.contains(&value) {
                return wrong(&format!("FREQ is one of {}", FREQUENCIES.join(", ")));
            }
            seen.push(name);
        }
        if !seen.contains(&"FREQ") {
            return wrong("FREQ is missing");
        }
        Ok(Self(text.to_owned()))
    }
}

impl Leaf for RecurrenceRule {
    const LABEL: &'static str = "RRULE";
}

/// An instant of the ledger's own clock: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

impl Instant {
    /// The day in UTC.
    pub fn day(self) -> NaiveDate {
        DateTime::<Utc>::from_timestamp_micros(self.0)
            .map_or(NaiveDate::MAX, |time| time.date_naive())
    }

    /// The instant that a text names: a time, or the first one of a date in UTC.
    ///
    /// # Errors
    /// What is neither.
    pub fn beginning(text: &str) -> Result<Self, ValueError> {
        if text.contains(['T', ':']) {
            return text.parse();
        }
        let first = text.parse::<Date>()?.earliest();
        Ok(Self(
            first
                .and_time(chrono::NaiveTime::MIN)
                .and_utc()
                .timestamp_micros(),
        ))
    }

    /// The last instant of a day in UTC.
    pub fn end_of(day: NaiveDate) -> Self {
        let next = day.succ_opt().unwrap_or(day);
        Self(
            next.and_time(chrono::NaiveTime::MIN)
                .and_utc()
                .timestamp_micros()
                - 1,
        )
    }
}

impl fmt::Display for Instant {
    /// As in RFC 3339, in UTC, to the microsecond.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_micros(self.0) {
            Some(time) => f.pad(&time.to_rfc3339_opts(SecondsFormat::Micros, true)),
            None => write!(f, "{} µs", self.0),
        }
    }
}

/// The days that ended with a second 60 in UTC (IERS Bulletin C), as year, month and day. None was announced since.
const LEAP_SECONDS: [(i32, u32, u32); 27] = [
    (1972, 6, 30),
    (1972, 12, 31),
    (1973, 12, 31),
    (1974, 12, 31),
    (1975, 12, 31),
    (1976, 12, 31),
    (1977, 12, 31),
    (1978, 12, 31),
    (1979, 12, 31),
    (1981, 6, 30),
    (1982, 6, 30),
    (1983, 6, 30),
    (1985, 6, 30),
    (1987, 12, 31),
    (1989, 12, 31),
    (1990, 12, 31),
    (1992, 6, 30),
    (1993, 6, 30),
    (1994, 6, 30),
    (1995, 12, 31),
    (1997, 6, 30),
    (1998, 12, 31),
    (2005, 12, 31),
    (2008, 12, 31),
    (2012, 6, 30),
    (2015, 6, 30),
    (2016, 12, 31),
];

/// Whether a second 60 followed this second 59, counted from 1970.
fn is_leap_second(second: i64) -> bool {
    let time = DateTime::<Utc>::from_timestamp(second, 0);
    time.is_some_and(|time| {
        let day = (time.year(), time.month(), time.day());
        second.rem_euclid(86_400) == 86_399 && LEAP_SECONDS.contains(&day)
    })
}

impl FromStr for Instant {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = |why: &str| {
            ValueError(format!(
                "`{}` is not a time such as 2023-05-11T09:30:00Z{why}",
                excerpt(text)
            ))
        };
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| wrong(""))?;
        if time.timestamp_subsec_nanos() >= 1_000_000_000 && !is_leap_second(time.timestamp()) {
            return Err(wrong(": UTC had no second 60 then"));
        }
        Ok(Self(time.timestamp_micros()))
    }
}

impl Leaf for Instant {
    const LABEL: &'static str = "TIME";
}

wire_texts! { RecurrenceRule }
wire_variants! { Deadline { 0 By(when), 1 Recurring(rule), 2 Continuing, 3 After(relative), } }

impl Wire for Date {
    fn write(&self, to: &mut Writer) {
        match self {
            Self::Year(year) => {
                0u8.write(to);
                year.write(to);
            }
            Self::Month(year, month) => {
                1u8.write(to);
                year.write(to);
                month.write(to);
            }
            Self::Day(day) => {
                2u8.write(to);
                // Years of dates are 1 to 9999.
                (day.year() as u16).write(to);
                (day.month() as u8).write(to);
                (day.day() as u8).write(to);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let (precision, year) = (u8::read(from)?, u16::read(from)?);
        let date = match precision {
            0 => Self::year(year),
            1 => Self::month(year, u8::read(from)?),
            2 => {
                let (month, day) = (u8::read(from)?, u8::read(from)?);
                NaiveDate::from_ymd_opt(year.into(), month.into(), day.into()).and_then(Self::day)
            }
            other => return Err(WireError::no_such("Date", other)),
        };
        date.ok_or_else(|| WireError::new("there is no such date"))
    }
}

impl Wire for When {
    fn write(&self, to: &mut Writer) {
        let (number, dates): (u8, [Option<&Date>; 2]) = match self {
            Self::On(date) => (0, [Some(date), None]),
            Self::Range(from, until) => (1, [Some(from), Some(until)]),
            Self::Before(date) => (2, [Some(date), None]),
            Self::After(date) => (3, [Some(date), None]),
            Self::Unknown => (4, [None; 2]),
            Self::Unspecified => (5, [None; 2]),
            Self::NotApplicable => (6, [None; 2]),
        };
        number.write(to);
        dates.into_iter().flatten().for_each(|date| date.write(to));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::read(from)? {
            0 => Date::read(from).map(Self::On),
            1 => {
                let (first, last) = (Date::read(from)?, Date::read(from)?);
                if last.latest() < first.earliest() {
                    return Err(WireError::new("a range ends before it begins"));
                }
                Ok(Self::Range(first, last))
            }
            2 => Date::read(from).map(Self::Before),
            3 => Date::read(from).map(Self::After),
            4 => Ok(Self::Unknown),
            5 => Ok(Self::Unspecified),
            6 => Ok(Self::NotApplicable),
            other => Err(WireError::no_such("When", other)),
        }
    }
}

#[cfg(test)]
mod tests;
