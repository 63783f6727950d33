//! A rule in words: every 3 months, every Monday and Thursday until 2027-12-31. The words are those that people write.

use std::fmt::Write as _;

use chrono::Weekday;

use super::{Frequency, Recurrence};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WORKING: [Weekday; 5] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
];

impl Recurrence {
    /// The rule in words: `every 3 months`, `every Monday and Thursday until 2027-12-31`.
    pub fn in_words(&self) -> String {
        let mut text = self.period_in_words();
        if !self.positions.is_empty() {
            let which = self.positions.iter().map(|at| nth(*at)).collect();
            let _ = write!(text, ", only the {} of these days", listed(which));
        }
        if let Some(until) = self.until {
            let _ = write!(text, " until {until}");
        }
        match self.count {
            Some(1) => text.push_str(" once"),
            Some(count) => {
                let _ = write!(text, " {count} times");
            }
            None => {}
        }
        text
    }

    /// How often, and on which days.
    fn period_in_words(&self) -> String {
        let is_numbered = self.weekdays.iter().any(|(number, _)| number.is_some());
        let days: Vec<Weekday> = self.weekdays.iter().map(|(_, day)| *day).collect();
        if self.frequency == Frequency::Weekly && self.interval == 1 && !days.is_empty() {
            let days = match days.as_slice() == WORKING {
                true => "weekday".to_owned(),
                false => listed(days.iter().map(|day| name(*day)).collect()),
            };
            return format!("every {days}{}", self.months_in_words());
        }
        let unit = match self.frequency {
            Frequency::Daily => "day",
            Frequency::Weekly => "week",
            Frequency::Monthly => "month",
            Frequency::Yearly => "year",
        };
        let mut text = match self.interval {
            1 => format!("every {unit}"),
            many => format!("every {many} {unit}s"),
        };
        if let ([month], [day]) = (self.months.as_slice(), self.month_days.as_slice())
            && self.frequency == Frequency::Yearly
            && self.weekdays.is_empty()
            && *day > 0
        {
            let _ = write!(text, " on {day} {}", month_name(*month));
            return text;
        }
        if !self.month_days.is_empty() {
            let days = self.month_days.iter().map(|day| match day {
                -1 => "last day".to_owned(),
                day => nth(*day),
            });
            let _ = write!(text, " on the {}", listed(days.collect()));
        }
        if !self.weekdays.is_empty() {
            let days = self.weekdays.iter().map(|(number, day)| match number {
                Some(number) => format!("{} {}", nth(*number), name(*day)),
                None => name(*day),
            });
            let days = listed(days.collect());
            let lead = match (self.month_days.is_empty(), is_numbered) {
                (true, true) => " on the",
                (true, false) => " on",
                (false, _) => " where that is a",
            };
            let _ = write!(text, "{lead} {days}");
        }
        text + &self.months_in_words()
    }

    fn months_in_words(&self) -> String {
        match self.months.is_empty() {
            true => String::new(),
            false => {
                let months = self
                    .months
                    .iter()
                    .map(|month| month_name(*month).to_owned());
                format!(" in {}", listed(months.collect()))
            }
        }
    }
}

fn month_name(month: u32) -> &'static str {
    let at = usize::try_from(month).unwrap_or(1).clamp(1, 12);
    MONTHS[at - 1]
}

fn name(day: Weekday) -> String {
    let name = match day {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    };
    name.to_owned()
}

/// `first`, `15th`, `last`, `3rd to last`.
fn nth(number: i32) -> String {
    let ending = |number: u32| match (number % 10, number % 100) {
        (1, rest) if rest != 11 => "st",
        (2, rest) if rest != 12 => "nd",
        (3, rest) if rest != 13 => "rd",
        _ => "th",
    };
    let size = number.unsigned_abs();
    match number {
        -1 => "last".to_owned(),
        ..0 => format!("{size}{} to last", ending(size)),
        _ => format!("{size}{}", ending(size)),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(all: Vec<String>) -> String {
    match all.as_slice() {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => all.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_said_as_people_say_them() {
        for (rule, words) in [
            ("FREQ=MONTHLY;INTERVAL=3", "every 3 months"),
            ("FREQ=DAILY;COUNT=1", "every day once"),
            ("FREQ=WEEKLY;BYDAY=MO,TH", "every Monday and Thursday"),
            ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every weekday"),
            (
                "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR;COUNT=10",
                "every 2 weeks on Friday 10 times",
            ),
            ("FREQ=MONTHLY;BYMONTHDAY=15", "every month on the 15th"),
            ("FREQ=MONTHLY;BYMONTHDAY=-1", "every month on the last day"),
            ("FREQ=MONTHLY;BYDAY=-1FR", "every month on the last Friday"),
            (
                "FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR",
                "every month on the 13th where that is a Friday",
            ),
            (
                "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-2",
                "every month on Monday and Tuesday, only the 2nd to last of these days",
            ),
            (
                "FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=1;UNTIL=20271231",
                "every year on 1 May until 2027-12-31",
            ),
            (
                "FREQ=YEARLY;BYMONTH=1,6;BYMONTHDAY=11,22",
                "every year on the 11th and 22nd in January and June",
            ),
        ] {
            let found = Recurrence::of(&rule.parse().unwrap()).unwrap();
            assert_eq!(found.in_words(), words, "{rule}");
        }
    }
}
