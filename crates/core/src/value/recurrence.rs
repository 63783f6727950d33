//! The days of a recurrence rule (RFC 5545, section 3.3.10), as far as days go.
//!
//! Worked out are `FREQ=DAILY`, `WEEKLY`, `MONTHLY` and `YEARLY` with `INTERVAL`, `COUNT`, `UNTIL`, `BYDAY`,
//! `BYMONTH`, `BYMONTHDAY`, `BYSETPOS` and `WKST`. A day that a month does not have is passed over, as the standard
//! has it. What a rule counts from is not itself an occurrence: nothing is due on the day of the promise.

mod words;

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

use crate::value::when::RecurrenceRule;

/// Most periods (days, weeks, months or years) of a rule that are looked at.
const PERIODS_LIMIT: u32 = 100_000;

/// A rule, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    frequency: Frequency,
    interval: u32,
    count: Option<usize>,
    until: Option<NaiveDate>,
    /// Weekdays; with a number, the nth of the month or year, from its end where that is negative.
    weekdays: Vec<(Option<i32>, Weekday)>,
    months: Vec<u32>,
    /// Days of the month, from its end where they are negative.
    month_days: Vec<i32>,
    /// Which of each period's days, from the end where they are negative.
    positions: Vec<i32>,
    week_start: Weekday,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// Why a rule's days are not worked out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} is not worked out")]
pub struct Unsupported {
    /// The part of the rule.
    pub part: String,
}

/// Checks a rule against what RFC 5545, section 3.3.10, allows, and that some day follows it.
///
/// # Errors
/// What is wrong, in words.
pub fn check(rule: &RecurrenceRule) -> Result<(), String> {
    let text = rule.to_string();
    let parts = text.split(';').filter_map(|part| part.split_once('='));
    let parts: Vec<(&str, &str)> = parts.collect();
    for (name, value) in &parts {
        if !is_in_range(name, value) {
            return Err(format!("{name} has no proper value"));
        }
    }
    if let Some(why) = forbidden(&parts) {
        return Err(why.to_owned());
    }
    // What is not worked out here may give days.
    let Ok(recurrence) = Recurrence::of(rule) else {
        return Ok(());
    };
    // Whatever it counts from, and up to when: the calendar repeats itself every 400 years.
    let always = Recurrence {
        until: None,
        ..recurrence
    };
    let start = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default();
    match always.days(start).next() {
        Some(_) => Ok(()),
        None => Err("no day follows it".to_owned()),
    }
}

/// What the standard forbids about parts beside each other.
fn forbidden(parts: &[(&str, &str)]) -> Option<&'static str> {
    let part = |name: &str| {
        let found = parts.iter().find(|(found, _)| *found == name);
        found.map(|(_, value)| *value)
    };
    let has = |name: &str| part(name).is_some();
    let frequency = part("FREQ").unwrap_or_default();
    let numbered = part("BYDAY").is_some_and(|days| days.contains(|c: char| c.is_ascii_digit()));
    let is_selected = parts
        .iter()
        .any(|(name, _)| name.starts_with("BY") && *name != "BYSETPOS");
    let rules = [
        (
            has("COUNT") && has("UNTIL"),
            "COUNT and UNTIL exclude each other",
        ),
        (
            numbered && !matches!(frequency, "MONTHLY" | "YEARLY"),
            "BYDAY has numbers in months and years alone",
        ),
        (
            numbered && frequency == "YEARLY" && has("BYWEEKNO"),
            "BYDAY has no numbers beside BYWEEKNO",
        ),
        (
            has("BYMONTHDAY") && frequency == "WEEKLY",
            "BYMONTHDAY is not for weeks",
        ),
        (
            has("BYYEARDAY") && matches!(frequency, "DAILY" | "WEEKLY" | "MONTHLY"),
            "BYYEARDAY is not for days, weeks and months",
        ),
        (
            has("BYWEEKNO") && frequency != "YEARLY",
            "BYWEEKNO is for years alone",
        ),
        (
            has("BYSETPOS") && !is_selected,
            "BYSETPOS needs another part that begins with BY",
        ),
    ];
    let broken = rules.iter().find(|(is_broken, _)| *is_broken);
    broken.map(|(_, why)| *why)
}

/// Whether a part's value is one that the standard allows.
fn is_in_range(name: &str, value: &str) -> bool {
    let all = |check: &dyn Fn(&str) -> bool| value.split(',').all(check);
    let plain = |low: u32, high: u32| {
        all(&|text| {
            text.bytes().all(|b| b.is_ascii_digit())
                && text.parse().is_ok_and(|n: u32| (low..=high).contains(&n))
        })
    };
    match name {
        "INTERVAL" | "COUNT" => value.parse().is_ok_and(|n: u32| n > 0) && !value.starts_with('+'),
        "UNTIL" => {
            let (day, time) = value
                .split_once('T')
                .map_or((value, None), |(day, time)| (day, Some(time)));
            let is_time = |time: &str| {
                let digits = time.strip_suffix('Z').unwrap_or(time);
                digits.len() == 6 && chrono::NaiveTime::parse_from_str(digits, "%H%M%S").is_ok()
            };
            day.len() == 8
                && NaiveDate::parse_from_str(day, "%Y%m%d").is_ok()
                && time.is_none_or(is_time)
        }
        "BYSECOND" => plain(0, 60),
        "BYMINUTE" => plain(0, 59),
        "BYHOUR" => plain(0, 23),
        "BYMONTH" => plain(1, 12),
        "BYDAY" => list(value, nth_weekday).is_some(),
        "BYMONTHDAY" => list(value, |text| number(text, 31)).is_some(),
        "BYYEARDAY" | "BYSETPOS" => list(value, |text| number(text, 366)).is_some(),
        "BYWEEKNO" => list(value, |text| number(text, 53)).is_some(),
        "WKST" => weekday(value).is_some(),
        _ => true,
    }
}

impl Recurrence {
    /// Reads a rule.
    ///
    /// # Errors
    /// The first part that is not worked out, or means nothing.
    pub fn of(rule: &RecurrenceRule) -> Result<Self, Unsupported> {
        let text = rule.to_string();
        let mut found = Self {
            frequency: Frequency::Daily,
            interval: 1,
            count: None,
            until: None,
            weekdays: Vec::new(),
            months: Vec::new(),
            month_days: Vec::new(),
            positions: Vec::new(),
            week_start: Weekday::Mon,
        };
        for part in text.split(';') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            found.take(name, value).ok_or_else(|| Unsupported {
                part: part.to_owned(),
            })?;
        }
        // The standard knows the nth weekday of a month or year, and days of a month in all but weeks.
        let numbered = found.weekdays.iter().any(|(nth, _)| nth.is_some());
        let by_week = found.frequency == Frequency::Weekly;
        let unsupported = |part: &str| {
            Err(Unsupported {
                part: part.to_owned(),
            })
        };
        if numbered && (by_week || found.frequency == Frequency::Daily) {
            return unsupported("a numbered BYDAY in days or weeks");
        }
        if by_week && !found.month_days.is_empty() {
            return unsupported("BYMONTHDAY in weeks");
        }
        Ok(found)
    }

    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "FREQ" => {
                self.frequency = match value {
                    "DAILY" => Frequency::Daily,
                    "WEEKLY" => Frequency::Weekly,
                    "MONTHLY" => Frequency::Monthly,
                    "YEARLY" => Frequency::Yearly,
                    _ => return None,
                };
            }
            "INTERVAL" => self.interval = value.parse().ok().filter(|interval| *interval > 0)?,
            "COUNT" => self.count = Some(value.parse().ok().filter(|count| *count > 0)?),
            "UNTIL" => {
                // Of a time, the day.
                let day = value.split('T').next().unwrap_or_default();
                self.until = Some(NaiveDate::parse_from_str(day, "%Y%m%d").ok()?);
            }
            "BYDAY" => self.weekdays = list(value, nth_weekday)?,
            "BYMONTH" => {
                self.months = list(value, |text| {
                    text.parse().ok().filter(|month| (1..=12).contains(month))
                })?;
            }
            "BYMONTHDAY" => self.month_days = list(value, |text| number(text, 31))?,
            "BYSETPOS" => self.positions = list(value, |text| number(text, 366))?,
            "WKST" => self.week_start = weekday(value)?,
            _ => return None,
        }
        Some(())
    }

    /// The days of the rule after `start`, in order. They end, for no rule is followed beyond the year 9999.
    pub fn days(&self, start: NaiveDate) -> impl Iterator<Item = NaiveDate> {
        let until = self.until.unwrap_or(NaiveDate::MAX);
        (0..PERIODS_LIMIT)
            .map_while(move |period| self.period(start, period.checked_mul(self.interval)?))
            .take_while(move |first| first.year() <= 9999 && *first <= until)
            .flat_map(move |first| self.positioned(self.expanded(first, start)))
            .filter(move |day| *day > start)
            .take_while(move |day| *day <= until)
            .take(self.count.unwrap_or(usize::MAX))
    }

    /// The first day of the period so many after the one that `start` is in.
    fn period(&self, start: NaiveDate, steps: u32) -> Option<NaiveDate> {
        match self.frequency {
            Frequency::Daily => start.checked_add_days(Days::new(steps.into())),
            Frequency::Weekly => {
                let into = start.weekday().days_since(self.week_start);
                start
                    .checked_sub_days(Days::new(into.into()))?
                    .checked_add_days(Days::new(u64::from(steps) * 7))
            }
            Frequency::Monthly => start.with_day(1)?.checked_add_months(Months::new(steps)),
            Frequency::Yearly => start
                .with_ordinal(1)?
                .checked_add_months(Months::new(steps.checked_mul(12)?)),
        }
    }

    /// The days of a period, in order.
    fn expanded(&self, first: NaiveDate, start: NaiveDate) -> Vec<NaiveDate> {
        let all: Vec<NaiveDate> = match self.frequency {
            Frequency::Daily => vec![first],
            Frequency::Weekly => first.iter_days().take(7).collect(),
            Frequency::Monthly => first
                .iter_days()
                .take_while(|day| day.month() == first.month())
                .collect(),
            Frequency::Yearly => first
                .iter_days()
                .take_while(|day| day.year() == first.year())
                .collect(),
        };
        all.into_iter()
            .filter(|day| self.months.is_empty() || self.months.contains(&day.month()))
            .filter(|day| self.is_among_month_days(*day))
            .filter(|day| self.is_among_weekdays(*day))
            .filter(|day| self.is_as_the_start(*day, start))
            .collect()
    }

    fn is_among_month_days(&self, day: NaiveDate) -> bool {
        let (from_start, from_end) = places(day.day(), days_of_month(day));
        self.month_days.is_empty()
            || self.month_days.contains(&from_start)
            || self.month_days.contains(&from_end)
    }

    fn is_among_weekdays(&self, day: NaiveDate) -> bool {
        if self.weekdays.is_empty() {
            return true;
        }
        // The nth weekday counts in the year only where no month narrows it.
        let in_year = self.frequency == Frequency::Yearly && self.months.is_empty();
        let (at, of) = if in_year {
            let days = if day.leap_year() { 366 } else { 365 };
            (day.ordinal(), days)
        } else {
            (day.day(), days_of_month(day))
        };
        let nth = ((at - 1) / 7 + 1) as i32;
        let from_end = -(((of - at) / 7 + 1) as i32);
        self.weekdays.iter().any(|(number, weekday)| {
            let fits = number.is_none_or(|number| number == nth || number == from_end);
            *weekday == day.weekday() && fits
        })
    }

    /// What no part of the rule says is as on the day it counts from.
    fn is_as_the_start(&self, day: NaiveDate, start: NaiveDate) -> bool {
        if !self.weekdays.is_empty() || !self.month_days.is_empty() {
            return true;
        }
        match self.frequency {
            Frequency::Daily => true,
            Frequency::Weekly => day.weekday() == start.weekday(),
            Frequency::Monthly => day.day() == start.day(),
            Frequency::Yearly => {
                let same_month = !self.months.is_empty() || day.month() == start.month();
                same_month && day.day() == start.day()
            }
        }
    }

    /// Those of a period's days that BYSETPOS asks for.
    fn positioned(&self, days: Vec<NaiveDate>) -> Vec<NaiveDate> {
        if self.positions.is_empty() {
            return days;
        }
        let of = days.len() as u32;
        (1..)
            .zip(days)
            .filter(|(at, _)| {
                let (from_start, from_end) = places(*at, of);
                self.positions.contains(&from_start) || self.positions.contains(&from_end)
            })
            .map(|(_, day)| day)
            .collect()
    }
}

/// A place, from 1, and the same from the end, from -1.
fn places(at: u32, of: u32) -> (i32, i32) {
    (at as i32, at as i32 - of as i32 - 1)
}

fn days_of_month(day: NaiveDate) -> u32 {
    day.num_days_in_month().into()
}

fn list<T>(value: &str, one: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    value.split(',').map(one).collect()
}

/// A number up to a limit, from the end where it is negative, and not 0.
fn number(text: &str, limit: i32) -> Option<i32> {
    let number: i32 = text.parse().ok()?;
    (number != 0 && number.abs() <= limit).then_some(number)
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text {
        "MO" => Weekday::Mon,
        "TU" => Weekday::Tue,
        "WE" => Weekday::Wed,
        "TH" => Weekday::Thu,
        "FR" => Weekday::Fri,
        "SA" => Weekday::Sat,
        "SU" => Weekday::Sun,
        _ => return None,
    })
}

fn nth_weekday(text: &str) -> Option<(Option<i32>, Weekday)> {
    let (nth, day) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let nth = match nth {
        "" => None,
        nth => Some(number(nth, 53)?),
    };
    Some((nth, weekday(day)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn rule(text: &str) -> Recurrence {
        Recurrence::of(&text.parse().unwrap()).unwrap()
    }

    fn up_to(rule: &Recurrence, start: NaiveDate, last: NaiveDate) -> Vec<NaiveDate> {
        rule.days(start).take_while(|day| *day <= last).collect()
    }

    fn days(text: &str, start: &str, last: &str) -> Vec<String> {
        up_to(&rule(text), day(start), day(last))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    /// Rules with the days that python-dateutil gives for them: see the file's first line.
    const VECTORS: &str = include_str!("../../../../fixtures/recurrence.txt");

    #[test]
    fn the_days_are_those_of_another_program() {
        let mut checked = 0;
        for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
            let mut parts = line.split(' ');
            let mut next = || parts.next().unwrap();
            let (text, start, last) = (next(), next(), next());
            let expected: Vec<&str> = parts.collect();
            assert_eq!(days(text, start, last), expected, "{line}");
            checked += 1;
        }
        assert!(checked > 100, "{checked}");
    }

    #[test]
    fn the_day_it_counts_from_is_no_occurrence() {
        assert_eq!(
            days(
                "FREQ=MONTHLY;INTERVAL=3;COUNT=2",
                "2023-05-11",
                "2030-01-01"
            ),
            ["2023-08-11", "2023-11-11"]
        );
        assert_eq!(
            days(
                "FREQ=YEARLY;UNTIL=20250510T120000Z",
                "2022-05-11",
                "2030-01-01"
            ),
            ["2023-05-11", "2024-05-11"]
        );
        // A month without a 31st has none.
        assert_eq!(
            days("FREQ=MONTHLY", "2023-01-31", "2023-05-31"),
            ["2023-03-31", "2023-05-31"]
        );
    }

    #[test]
    fn what_is_not_worked_out_is_named() {
        for (text, part) in [
            ("FREQ=HOURLY", "FREQ=HOURLY"),
            ("FREQ=DAILY;BYHOUR=9", "BYHOUR=9"),
            ("FREQ=YEARLY;BYWEEKNO=20", "BYWEEKNO=20"),
            ("FREQ=YEARLY;BYYEARDAY=100", "BYYEARDAY=100"),
            ("FREQ=WEEKLY;BYDAY=1MO", "a numbered BYDAY in days or weeks"),
            ("FREQ=WEEKLY;BYMONTHDAY=3", "BYMONTHDAY in weeks"),
            ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0"),
            ("FREQ=DAILY;COUNT=X", "COUNT=X"),
            ("FREQ=DAILY;UNTIL=20230230", "UNTIL=20230230"),
            ("FREQ=DAILY;BYMONTH=13", "BYMONTH=13"),
            ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY=0"),
            ("FREQ=MONTHLY;BYDAY=XX", "BYDAY=XX"),
        ] {
            let error = Recurrence::of(&text.parse().unwrap()).unwrap_err();
            assert_eq!(error.part, part);
        }
    }

    #[test]
    fn there_is_a_limit() {
        let all = rule("FREQ=DAILY").days(day("1900-01-01")).count();
        assert_eq!(all as u32, PERIODS_LIMIT - 1);
        // Nor does a rule without days look for ever.
        let none = rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31");
        assert_eq!(none.days(day("2000-01-01")).count(), 0);
        let far = rule("FREQ=YEARLY;INTERVAL=4294967295");
        assert_eq!(far.days(day("2000-06-01")).count(), 0);
        let last = rule("FREQ=YEARLY").days(day("2000-06-01")).last().unwrap();
        assert_eq!(last, day("9999-06-01"));
    }

    #[test]
    fn rules_that_the_standard_forbids_or_no_day_follows_are_told() {
        let checked = |text: &str| check(&text.parse().unwrap());
        for text in [
            "FREQ=YEARLY",
            "FREQ=MONTHLY;BYMONTHDAY=31",
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
            "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
            "FREQ=WEEKLY;BYDAY=MO,WE;WKST=SU",
            "FREQ=DAILY;COUNT=3",
            "FREQ=DAILY;UNTIL=19990101",
            "FREQ=DAILY;UNTIL=19990101T235959Z",
            "FREQ=YEARLY;BYWEEKNO=53",
            "FREQ=YEARLY;BYYEARDAY=-1",
            "FREQ=HOURLY;BYMINUTE=0,30",
            "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1",
        ] {
            assert_eq!(checked(text), Ok(()), "{text}");
        }
        for (text, why) in [
            ("FREQ=DAILY;COUNT=3;UNTIL=20300101", "exclude each other"),
            ("FREQ=WEEKLY;BYDAY=1MO", "in months and years alone"),
            ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "beside BYWEEKNO"),
            ("FREQ=WEEKLY;BYMONTHDAY=1", "not for weeks"),
            ("FREQ=MONTHLY;BYYEARDAY=1", "not for days, weeks and months"),
            ("FREQ=MONTHLY;BYWEEKNO=1", "for years alone"),
            ("FREQ=MONTHLY;BYSETPOS=1", "needs another part"),
            ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "no day follows it"),
            ("FREQ=YEARLY;BYMONTH=13", "BYMONTH"),
            ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
            ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY"),
            ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
            ("FREQ=DAILY;COUNT=0", "COUNT"),
            ("FREQ=DAILY;UNTIL=20230231", "UNTIL"),
            ("FREQ=DAILY;UNTIL=20230228T250000", "UNTIL"),
            ("FREQ=WEEKLY;WKST=XX", "WKST"),
            ("FREQ=WEEKLY;BYDAY=MON", "BYDAY"),
            ("FREQ=MINUTELY;BYSECOND=61", "BYSECOND"),
        ] {
            let said = checked(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    proptest! {
        #[test]
        fn days_are_in_order_after_the_start_and_the_more_the_later_one_looks(
            frequency in prop::sample::select(vec!["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
            interval in 1u32..5, count in prop::option::of(1usize..20),
            month_day in prop::option::of(-31i32..=31), from in 700_000i32..740_000, length in 0i32..2000,
        ) {
            let mut text = format!("FREQ={frequency};INTERVAL={interval}");
            if let Some(count) = count {
                text += &format!(";COUNT={count}");
            }
            if let Some(at) = month_day.filter(|at| *at != 0 && frequency != "WEEKLY") {
                text += &format!(";BYMONTHDAY={at}");
            }
            let start = NaiveDate::from_num_days_from_ce_opt(from).unwrap();
            let last = NaiveDate::from_num_days_from_ce_opt(from + length).unwrap();
            let found = up_to(&rule(&text), start, last);
            prop_assert!(found.is_sorted_by(|a, b| a < b));
            prop_assert!(found.iter().all(|day| *day > start && *day <= last));
            prop_assert!(found.len() <= count.unwrap_or(usize::MAX));
            let longer = up_to(&rule(&text), start, last + Days::new(100));
            prop_assert!(longer.starts_with(&found));
        }

        #[test]
        fn no_rule_panics(text in "FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;(BYDAY|BYMONTHDAY|BYSETPOS|UNTIL|COUNT|INTERVAL)=[A-Z0-9,+-]{1,9}){0,2}") {
            if let Ok(rule) = text.parse()
                && let Ok(recurrence) = Recurrence::of(&rule)
            {
                let days = up_to(&recurrence, day("2023-05-11"), day("2027-01-01"));
                prop_assert!(days.len() <= 1500);
            }
        }
    }
}
