//! Recurrence in words: every 3 months, every year on 1 May, weekly.

use chrono::{NaiveDate, Weekday};

use servanda_core::value::deadline::Unit;
use servanda_core::value::recurrence::check;
use servanda_core::value::when::{Deadline, RecurrenceRule};

use super::phrase::phrase;
use super::point::{Fault, day_of_month, month, number, unit, weekday};

/// A rule as it is read, part by part.
#[derive(Debug, Default)]
struct Rule(Vec<String>);

impl Rule {
    fn every(count: u16, unit: Unit) -> Self {
        let frequency = match unit {
            Unit::Day => "DAILY",
            Unit::Week => "WEEKLY",
            Unit::Month => "MONTHLY",
            Unit::Year => "YEARLY",
        };
        let mut rule = Self(vec![format!("FREQ={frequency}")]);
        if count > 1 {
            rule.0.push(format!("INTERVAL={count}"));
        }
        rule
    }

    fn with(mut self, part: impl Into<String>) -> Self {
        self.0.push(part.into());
        self
    }
}

/// Reads when something recurs; none if the words speak of no recurrence.
pub(super) fn read(words: &[String], today: NaiveDate) -> Option<Result<Deadline, Fault>> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["recurring" | "regularly"] => return Some(Ok(Deadline::Recurring(None))),
        ["continuing" | "always" | "continuously"] | ["at", "all", "times"] => {
            return Some(Ok(Deadline::Continuing));
        }
        _ => {}
    }
    let (rule, rest) = match words.as_slice() {
        ["every" | "each", rest @ ..] => match every(rest) {
            Some(read) => read,
            None => return Some(Err(Fault::Form)),
        },
        ["once", "a" | "every", rest @ ..] => match every(rest) {
            Some(read) => read,
            None => return Some(Err(Fault::Form)),
        },
        [word, rest @ ..] => {
            let (count, of) = adverb(word)?;
            on(Rule::every(count, of), of, rest)
        }
        [] => return None,
    };
    Some(ended(rule, rest, today))
}

/// Weekly, quarterly.
fn adverb(word: &str) -> Option<(u16, Unit)> {
    Some(match word {
        "daily" => (1, Unit::Day),
        "weekly" => (1, Unit::Week),
        "fortnightly" => (2, Unit::Week),
        "monthly" => (1, Unit::Month),
        "quarterly" => (3, Unit::Month),
        "yearly" | "annually" => (1, Unit::Year),
        _ => return None,
    })
}

/// What stands after "every", and the words after that.
fn every<'w, 's>(words: &'w [&'s str]) -> Option<(Rule, &'w [&'s str])> {
    match words {
        ["weekday", rest @ ..] | ["working", "day", rest @ ..] => Some((
            Rule::every(1, Unit::Week).with("BYDAY=MO,TU,WE,TH,FR"),
            rest,
        )),
        ["quarter", rest @ ..] => Some(on(Rule::every(3, Unit::Month), Unit::Month, rest)),
        ["other", word, rest @ ..] => {
            let unit = unit(word)?;
            Some(on(Rule::every(2, unit), unit, rest))
        }
        [word, rest @ ..] if unit(word).is_some() => {
            let unit = unit(word)?;
            Some(on(Rule::every(1, unit), unit, rest))
        }
        [count, word, rest @ ..] if unit(word).is_some() => {
            let (count, unit) = (number(count).filter(|count| *count > 0)?, unit(word)?);
            Some(on(Rule::every(count, unit), unit, rest))
        }
        [nth, day, rest @ ..] if ordinal(nth).is_some() && weekday(day).is_some() => {
            let rule = Rule::every(1, Unit::Month).with(format!(
                "BYDAY={}{}",
                ordinal(nth)?,
                code(weekday(day)?)
            ));
            let rest = match rest {
                ["of", "the" | "each" | "every" | "a", "month", rest @ ..] => rest,
                rest => rest,
            };
            Some((rule, rest))
        }
        [day, ..] if weekday(day).is_some() => {
            let (days, rest) = weekdays(words);
            Some((Rule::every(1, Unit::Week).with(days), rest))
        }
        _ => {
            let (part, rest) = day_of_year(words)?;
            Some((Rule::every(1, Unit::Year).with(part), rest))
        }
    }
}

/// Which days of each week, month or year, if the words begin with that; and the words after it.
fn on<'w, 's>(rule: Rule, unit: Unit, words: &'w [&'s str]) -> (Rule, &'w [&'s str]) {
    let ["on", days @ ..] = words else {
        return (rule, words);
    };
    let days = match days {
        ["the", days @ ..] => days,
        days => days,
    };
    let found = match (unit, days) {
        (Unit::Week, [day, ..]) if weekday(day).is_some() => Some(weekdays(days)),
        (Unit::Month, ["last", "day", rest @ ..]) => Some(("BYMONTHDAY=-1".to_owned(), rest)),
        (Unit::Month, [nth, day, rest @ ..])
            if ordinal(nth).is_some() && weekday(day).is_some() =>
        {
            let nth = ordinal(nth).unwrap_or_default();
            let day = weekday(day).map(code).unwrap_or_default();
            Some((format!("BYDAY={nth}{day}"), rest))
        }
        (Unit::Month, [day, rest @ ..]) if day_of_month(day).is_some() => {
            let day = day_of_month(day).unwrap_or_default();
            Some((format!("BYMONTHDAY={day}"), rest))
        }
        (Unit::Year, days) => day_of_year(days),
        _ => None,
    };
    match found {
        Some((part, rest)) => (rule.with(part), rest),
        // The words that are left make it an error.
        None => (rule, words),
    }
}

/// Monday and Thursday.
fn weekdays<'w, 's>(words: &'w [&'s str]) -> (String, &'w [&'s str]) {
    let mut days = Vec::new();
    let mut rest = words;
    while let [day, after @ ..] = rest
        && let Some(day) = weekday(day)
    {
        days.push(code(day));
        rest = match after {
            ["and", next, ..] if weekday(next).is_some() => &after[1..],
            after => after,
        };
    }
    (format!("BYDAY={}", days.join(",")), rest)
}

/// 1 May, May 1, the 1st of May.
fn day_of_year<'w, 's>(words: &'w [&'s str]) -> Option<(String, &'w [&'s str])> {
    let (day, of, rest) = match words {
        ["the", rest @ ..] => return day_of_year(rest),
        [day, "of", of, rest @ ..] if month(of).is_some() => (day, of, rest),
        [day, of, rest @ ..] if month(of).is_some() => (day, of, rest),
        [of, day, rest @ ..] if month(of).is_some() => (day, of, rest),
        _ => return None,
    };
    let (day, month) = (day_of_month(day)?, month(of)?);
    Some((format!("BYMONTH={month};BYMONTHDAY={day}"), rest))
}

fn ordinal(word: &str) -> Option<i32> {
    Some(match word {
        "first" | "1st" => 1,
        "second" | "2nd" => 2,
        "third" | "3rd" => 3,
        "fourth" | "4th" => 4,
        "last" => -1,
        _ => return None,
    })
}

fn code(day: Weekday) -> &'static str {
    ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][day.num_days_from_monday() as usize]
}

/// Until when, or how often.
fn ended(rule: Rule, words: &[&str], today: NaiveDate) -> Result<Deadline, Fault> {
    let rule = match words {
        [] => rule,
        ["until", rest @ ..] => {
            let words: Vec<String> = rest.iter().map(|word| (*word).to_owned()).collect();
            let last = phrase(&words, today)?.latest().ok_or(Fault::Form)?;
            rule.with(last.format("UNTIL=%Y%m%d").to_string())
        }
        ["for", count, "times"] | [count, "times"] => {
            let count = number(count).filter(|count| *count > 0);
            rule.with(format!("COUNT={}", count.ok_or(Fault::Form)?))
        }
        _ => return Err(Fault::Form),
    };
    let rule: RecurrenceRule = rule.0.join(";").parse().map_err(|_| Fault::Form)?;
    match check(&rule) {
        Ok(()) => Ok(Deadline::Recurring(Some(rule))),
        Err(why) => Err(Fault::Wrong(why)),
    }
}
