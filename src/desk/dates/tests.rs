//! Tests of dates as people write them.

use chrono::Datelike;
use proptest::prelude::*;

use super::*;
use servanda_core::value::recurrence::Recurrence;

/// A Monday.
fn today() -> NaiveDate {
    "2026-11-23".parse().unwrap()
}

fn read(text: &str) -> String {
    match when(text, today()) {
        Ok(when) => when.to_string(),
        Err(error) => format!("! {error}"),
    }
}

fn due(text: &str) -> String {
    match deadline(text, today()) {
        Ok(deadline) => deadline.to_string(),
        Err(error) => format!("! {error}"),
    }
}

#[test]
fn dates_with_names_of_months() {
    for text in [
        "11 May 2023",
        "May 11, 2023",
        "May 11 2023",
        "11th of May 2023",
        "the 11th of May, 2023",
        "11 may 2023",
        "on 11 May 2023",
        "Thursday, 11 May 2023",
        "Thu 11 May 2023",
        "  11   MAY   2023 ",
        "2023/5/11",
        "2023.05.11",
        "2023-5-11",
    ] {
        assert_eq!(read(text), "2023-05-11", "{text}");
    }
    for (text, date) in [
        ("May 2023", "2023-05"),
        ("in May 2023", "2023-05"),
        ("Sept. 2023", "2023-09"),
        ("5/2023", "2023-05"),
        ("25/05/2023", "2023-05-25"),
        ("05/25/2023", "2023-05-25"),
        ("25.5.2023", "2023-05-25"),
        ("5/5/2023", "2023-05-05"),
        ("end of February 2024", "2024-02-29"),
        ("end of 2024", "2024-12-31"),
        ("before 11 May 2023", "before 2023-05-11"),
        ("after May 2023", "after 2023-05"),
        ("from May 2023 to July 2023", "2023-05/2023-07"),
        ("between 11 May 2023 and 2024", "2023-05-11/2024"),
        ("Unknown", "unknown"),
        ("not applicable", "not-applicable"),
    ] {
        assert_eq!(read(text), date, "{text}");
    }
}

#[test]
fn dates_counted_from_today() {
    for (text, date) in [
        ("today", "2026-11-23"),
        ("Yesterday", "2026-11-22"),
        ("tomorrow", "2026-11-24"),
        ("last thu", "2026-11-19"),
        ("last Monday", "2026-11-16"),
        ("next Friday", "2026-11-27"),
        ("next monday", "2026-11-30"),
        ("this week", "2026-11-23/2026-11-29"),
        ("last week", "2026-11-16/2026-11-22"),
        ("this month", "2026-11"),
        ("next month", "2026-12"),
        ("last month", "2026-10"),
        ("next year", "2027"),
        ("last year", "2025"),
        ("in 3 months", "2027-02-23"),
        ("in three months", "2027-02-23"),
        ("in a week", "2026-11-30"),
        ("3 months ago", "2026-08-23"),
        ("10 days from now", "2026-12-03"),
        ("30 days after 11 May 2023", "2023-06-10"),
        ("end of next month", "2026-12-31"),
        ("before yesterday", "before 2026-11-22"),
    ] {
        assert_eq!(read(text), date, "{text}");
    }
    let january: NaiveDate = "2026-01-31".parse().unwrap();
    let day = |text| when(text, january).unwrap().to_string();
    assert_eq!(day("last month"), "2025-12");
    assert_eq!(day("in 1 month"), "2026-02-28");
}

#[test]
fn what_has_two_readings_is_asked_back_with_both() {
    let error = when("11/05/2023", today()).unwrap_err();
    assert_eq!(error.readings, ["2023-05-11", "2023-11-05"]);
    assert_eq!(
        error.to_string(),
        "`11/05/2023` is 11 May 2023 or 5 November 2023: write 2023-05-11 or 2023-11-05"
    );
    let readings = |text: &str| when(text, today()).unwrap_err().readings;
    assert_eq!(readings("1 May"), ["2026-05-01", "2027-05-01"]);
    assert_eq!(readings("29 February"), ["2024-02-29", "2028-02-29"]);
    assert_eq!(readings("May"), ["2026-05", "2027-05"]);
    assert_eq!(readings("Friday"), ["2026-11-20", "2026-11-27"]);
    assert_eq!(readings("before 11.5.2023").len(), 2);
    let error = deadline("11/05/2023", today()).unwrap_err();
    assert_eq!(error.readings, ["2023-05-11", "2023-11-05"]);
}

#[test]
fn what_is_no_date_says_why() {
    for (text, why) in [
        ("30 February 2023", "2023-02 has days 01 to 28"),
        ("31/06/2023", "2023-06 has days 01 to 30"),
        ("2023-13", "there is no month 13"),
        ("11/05/23", "four digits"),
        ("11 May 23", "four digits"),
        ("23-05-11", "four digits"),
        ("Friday, 11 May 2023", "2023-05-11 is a Thursday"),
        ("from 2024 to 2023", "ends before it begins"),
        ("2024/2023", "ends before it begins"),
        ("10000", "0001 to 9999"),
    ] {
        let error = when(text, today()).unwrap_err();
        assert!(error.to_string().contains(why), "{text}: {error}");
        assert!(!error.is_unknown_form, "{text}");
    }
    for text in [
        "soon",
        "",
        "next",
        "in many months",
        "32 May 2023",
        "every day",
    ] {
        assert!(when(text, today()).unwrap_err().is_unknown_form, "{text}");
    }
}

#[test]
fn recurrence_in_words() {
    for (text, rule) in [
        ("every 3 months", "FREQ=MONTHLY;INTERVAL=3"),
        ("every three months", "FREQ=MONTHLY;INTERVAL=3"),
        ("every month", "FREQ=MONTHLY"),
        ("every other week", "FREQ=WEEKLY;INTERVAL=2"),
        ("weekly", "FREQ=WEEKLY"),
        ("quarterly", "FREQ=MONTHLY;INTERVAL=3"),
        ("annually", "FREQ=YEARLY"),
        ("once a year", "FREQ=YEARLY"),
        ("every Monday", "FREQ=WEEKLY;BYDAY=MO"),
        ("every Monday and Thursday", "FREQ=WEEKLY;BYDAY=MO,TH"),
        ("every 2 weeks on Friday", "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR"),
        ("every weekday", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
        ("every month on the 15th", "FREQ=MONTHLY;BYMONTHDAY=15"),
        ("every month on the last day", "FREQ=MONTHLY;BYMONTHDAY=-1"),
        ("every first Monday of the month", "FREQ=MONTHLY;BYDAY=1MO"),
        ("monthly on the last Friday", "FREQ=MONTHLY;BYDAY=-1FR"),
        ("every year on 1 May", "FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=1"),
        ("every year on May 1", "FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=1"),
        ("every 1st of May", "FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=1"),
        (
            "every 3 months until 2027",
            "FREQ=MONTHLY;INTERVAL=3;UNTIL=20271231",
        ),
        ("every week 10 times", "FREQ=WEEKLY;COUNT=10"),
    ] {
        assert_eq!(due(text), format!("RRULE:{rule}"), "{text}");
    }
    for (text, plain) in [
        ("recurring", "recurring"),
        ("always", "continuing"),
        ("next month", "2026-12"),
        ("by 31 May 2027", "2027-05-31"),
        (
            "30 days after entry-into-force of A1",
            "30 days after entry-into-force of A1",
        ),
        ("RRULE:FREQ=DAILY", "RRULE:FREQ=DAILY"),
    ] {
        assert_eq!(due(text), plain, "{text}");
    }
    for text in [
        "every",
        "every 0 months",
        "every blue moon",
        "weekly or so",
        "soon",
    ] {
        let error = deadline(text, today()).unwrap_err();
        assert!(error.is_unknown_form, "{text}: {error}");
    }
    let error = deadline("every year on 30 February", today()).unwrap_err();
    assert!(error.to_string().contains("no day follows it"), "{error}");
    let error = deadline("1 month after C1 happened", today()).unwrap_err();
    assert!(error.to_string().contains("is not one of"), "{error}");
}

/// The lists of forms are texts for people; each example in them is read.
#[test]
fn every_form_that_errors_list_is_read() {
    let examples = |forms: &'static str| {
        let joined = forms.replace("May 11, 2023", "May 11 2023");
        let parts: Vec<String> = joined
            .split([',', ';'])
            .flat_map(|part| part.split(": ").last().map(str::trim).map(str::to_owned))
            .collect();
        parts
    };
    for example in examples(FORMS) {
        assert!(when(&example, today()).is_ok(), "{example}");
    }
    for example in examples(DEADLINE_FORMS) {
        let example = example.trim_start_matches("or ");
        // The rule has a semicolon of its own.
        if example == "INTERVAL=3" {
            continue;
        }
        assert!(deadline(example, today()).is_ok(), "{example}");
    }
}

fn days() -> impl Strategy<Value = NaiveDate> {
    // The years 0001 to 9999.
    (1i32..3_652_059).prop_map(|day| NaiveDate::from_num_days_from_ce_opt(day).unwrap())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(
        text in "[0-9a-z/., -]{0,30}|((every|next|last|in|3|months?|may|1|on|the|monday|until|2023|of|end|ago|after) ){0,7}",
        today in days(),
    ) {
        if let Ok(when) = when(&text, today) {
            prop_assert_eq!(when.to_string().parse(), Ok(when));
        }
        if let Ok(deadline) = deadline(&text, today) {
            prop_assert_eq!(deadline.to_string().parse(), Ok(deadline));
        }
    }

    #[test]
    fn what_the_ledger_reads_means_the_same_here(text in "[0-9]{4}(-[0-9]{2}){0,2}", today in days()) {
        if let Ok(own) = text.parse::<When>() {
            prop_assert_eq!(when(&text, today), Ok(own));
        }
    }

    #[test]
    fn a_day_in_words_is_that_day(day in days(), today in days()) {
        for form in ["%-d %B %Y", "%B %-d, %Y", "%d %b %Y", "%A, %-d %B %Y", "%Y/%m/%d"] {
            let text = day.format(form).to_string();
            // chrono writes years before 1000 with fewer digits nowhere.
            prop_assert_eq!(when(&text, today), Ok(When::On(Date::Day(day))), "{}", text);
        }
    }

    #[test]
    fn a_day_in_digits_is_asked_back_if_it_may_be_two(day in days(), separator in "[-/.]") {
        let text = day.format(&format!("%d{separator}%m{separator}%Y")).to_string();
        let is_ambiguous = day.day() <= 12 && day.day() != day.month();
        match when(&text, today()) {
            Ok(found) => {
                prop_assert!(!is_ambiguous);
                prop_assert_eq!(found, When::On(Date::Day(day)));
            }
            Err(error) => {
                prop_assert!(is_ambiguous, "{}", error);
                prop_assert!(error.readings.contains(&day.to_string()));
            }
        }
    }

    #[test]
    fn days_ahead_and_ago_undo_each_other(today in 1000i32..3_000_000, count in 1u16..9999) {
        let today = NaiveDate::from_num_days_from_ce_opt(today + 400_000).unwrap();
        for unit in ["days", "weeks"] {
            let ahead = when(&format!("in {count} {unit}"), today).map(|when| when.latest());
            if let Ok(Some(ahead)) = ahead {
                let back = when(&format!("{count} {unit} ago"), ahead).map(|when| when.latest());
                prop_assert_eq!(back, Ok(Some(today)));
            }
        }
    }

    #[test]
    fn every_so_many_units_recurs_so(count in 1u16..60, unit in 0usize..4, start in 0i32..700_000) {
        let words = ["days", "weeks", "months", "years"][unit];
        let Ok(Deadline::Recurring(Some(rule))) = deadline(&format!("every {count} {words}"), today()) else {
            panic!("every {count} {words}");
        };
        let start = NaiveDate::from_num_days_from_ce_opt(start + 1).unwrap();
        // A day that every month has.
        let start = start.with_day(start.day().min(28)).unwrap();
        let next = Recurrence::of(&rule).unwrap().days(start).next();
        let span = format!("{count} {words}").parse::<servanda_core::value::deadline::Span>().unwrap();
        prop_assert_eq!(next, span.after(start));
    }
}

#[test]
fn about_is_no_date_until_it_is_said_how_far_off() {
    let said = |text: &str| when(text, today()).unwrap_err().to_string();
    assert_eq!(
        said("about May 2023"),
        "`about May 2023` does not say how far off it may be: write a range such as 2023-04/2023-06, or 2023-05"
    );
    assert!(said("circa 2023").contains("2022/2024"));
    let day = when("ca. 11 May 2023", today()).unwrap_err();
    assert_eq!(day.readings, ["2023-05", "2023-05-11"]);
    assert!(
        deadline("around 2024", today())
            .unwrap_err()
            .to_string()
            .contains("2023/2025")
    );
    assert!(when("about noon", today()).unwrap_err().is_unknown_form);
}
