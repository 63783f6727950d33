//! Tests of dates and times.

use super::*;
use proptest::prelude::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn a_second_60_is_one_that_utc_had() {
    let time = |text: &str| text.parse::<Instant>();
    let leap = time("2016-12-31T23:59:60Z").unwrap();
    assert_eq!(leap, time("2017-01-01T00:00:00Z").unwrap());
    assert_eq!(
        time("2016-12-31T18:59:60.5-05:00").unwrap().0,
        leap.0 + 500_000
    );
    assert!(time("1972-06-30T23:59:60Z").is_ok());
    for text in [
        "2016-12-31T23:58:60Z",
        "2016-12-30T23:59:60Z",
        "2023-12-31T23:59:60Z",
        "2016-12-31T23:59:60+01:00",
        "2016-12-31T23:59:61Z",
    ] {
        assert!(time(text).is_err(), "{text}");
    }
}

#[test]
fn dates_of_every_precision() {
    for text in [
        "2023-05-11",
        "2023-05",
        "2023",
        "2023-05/2023-07",
        "2023-05-01/2023",
        "before 2023",
        "after 2023-05-11",
        "unknown",
        "unspecified",
        "not-applicable",
        "0001",
        "9999-12-31",
    ] {
        assert_eq!(text.parse::<When>().unwrap().to_string(), text);
    }
}

#[test]
fn what_is_no_date_says_why() {
    for (text, why) in [
        ("2023-02-30", "2023-02 has days 01 to 28"),
        ("2024-02-30", "2024-02 has days 01 to 29"),
        ("10000", "years run from 0001 to 9999"),
        ("10000-01-01", "years run from 0001 to 9999"),
        ("0000", "years run from 0001 to 9999"),
        ("2023-13", "there is no month 13"),
        ("11 May 2023", "write 2023-05-11, 2023-05 or 2023"),
        ("23-05-11", "write 2023-05-11, 2023-05 or 2023"),
        ("2023-5-1", "write 2023-05-11, 2023-05 or 2023"),
        ("2023-05-11T00", "write 2023-05-11, 2023-05 or 2023"),
        ("2023/2022", "ends before it begins"),
        ("", "write 2023-05-11, 2023-05 or 2023"),
    ] {
        let error = text.parse::<When>().unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn a_year_is_an_interval() {
    let year: When = "2023".parse().unwrap();
    assert_eq!(year.earliest(), Some(day("2023-01-01")));
    assert_eq!(year.latest(), Some(day("2023-12-31")));
    let before: When = "before 2023-05".parse().unwrap();
    assert_eq!(
        (before.earliest(), before.latest()),
        (None, Some(day("2023-04-30")))
    );
    let after: When = "after 2023-05".parse().unwrap();
    assert_eq!(
        (after.earliest(), after.latest()),
        (Some(day("2023-06-01")), None)
    );
    assert!("2022".parse::<When>().unwrap().certainly_before(year));
    assert!(!"2023-01".parse::<When>().unwrap().certainly_before(year));
}

#[test]
fn deadlines() {
    for text in [
        "2024-01-31",
        "recurring",
        "continuing",
        "RRULE:FREQ=MONTHLY;INTERVAL=3",
        "unspecified",
        "after 2024",
        "30 days after entry-into-force of A1",
    ] {
        assert_eq!(text.parse::<Deadline>().unwrap().to_string(), text);
    }
    for text in [
        "RRULE:",
        "RRULE:INTERVAL=3",
        "RRULE:FREQ=OFTEN",
        "RRULE:FREQ=DAILY;FREQ=DAILY",
        "soon",
    ] {
        assert!(text.parse::<Deadline>().is_err(), "{text}");
    }
    let undated = |text: &str| text.parse::<Deadline>().unwrap().is_undated();
    assert!(undated("unspecified") && undated("recurring") && undated("unknown"));
    assert!(!undated("2024") && !undated("continuing") && !undated("RRULE:FREQ=DAILY"));
}

#[test]
fn instants_are_written_in_utc() {
    assert_eq!(Instant(0).to_string(), "1970-01-01T00:00:00.000000Z");
    assert_eq!("1970-01-01T01:00:00+01:00".parse(), Ok(Instant(0)));
    assert_eq!(
        Instant::end_of(day("1970-01-01")),
        Instant(86_400_000_000 - 1)
    );
}

#[test]
fn what_cannot_be_told_is_not_told() {
    let compare = |a: &str, b: &str| {
        let (a, b): (When, When) = (a.parse().unwrap(), b.parse().unwrap());
        a.compare(b)
    };
    assert_eq!(compare("2023-05-11", "2023-05-11"), Some(Ordering::Equal));
    assert_eq!(
        compare("2023-05-11", "2023-05-11/2023-05-11"),
        Some(Ordering::Equal)
    );
    assert_eq!(compare("2022", "2023-01-01"), Some(Ordering::Less));
    assert_eq!(
        compare("2023-06", "before 2023-06"),
        Some(Ordering::Greater)
    );
    assert_eq!(compare("before 2024", "after 2022"), None);
    assert_eq!(compare("before 2023", "after 2023"), Some(Ordering::Less));
    // Two of a year may be either way round, and so may the year and a day in it.
    assert_eq!(compare("2023", "2023"), None);
    assert_eq!(compare("2023", "2023-05-11"), None);
    assert_eq!(compare("unknown", "2023"), None);
}

/// Dates of every shape, close enough to one another to meet.
fn near() -> impl Strategy<Value = When> {
    let date = prop_oneof![
        (2020u16..2024).prop_map(Date::Year),
        (2020u16..2024, 1u8..=12).prop_map(|(year, month)| Date::Month(year, month)),
        (737_400i32..738_900)
            .prop_map(|day| { Date::Day(NaiveDate::from_num_days_from_ce_opt(day).unwrap()) }),
    ];
    prop_oneof![
        4 => date.clone().prop_map(When::On),
        2 => (date.clone(), date.clone()).prop_map(|(a, b)| {
            if b.latest() < a.earliest() { When::Range(b, a) } else { When::Range(a, b) }
        }),
        1 => date.clone().prop_map(When::Before),
        1 => date.prop_map(When::After),
        1 => Just(When::Unknown),
    ]
}

proptest! {
    #[test]
    fn dates_are_a_strict_partial_order(a in near(), b in near(), c in near()) {
        let before = |a: When, b: When| a.compare(b) == Some(Ordering::Less);
        prop_assert!(!before(a, a));
        prop_assert!(!(before(a, b) && before(b, a)));
        if before(a, b) && before(b, c) {
            prop_assert!(before(a, c));
        }
        prop_assert_eq!(a.compare(b), b.compare(a).map(Ordering::reverse));
        // What is equal can stand for the other.
        if a.compare(b) == Some(Ordering::Equal) {
            prop_assert_eq!(a.compare(c), b.compare(c));
        }
    }

    #[test]
    fn a_certain_order_is_that_of_every_pair_of_days(a in near(), b in near()) {
        let ends = |when: When| Some((when.earliest()?, when.latest()?));
        if let (Some(a_ends), Some(b_ends)) = (ends(a), ends(b)) {
            let orders = [a_ends.0, a_ends.1].map(|x| [b_ends.0, b_ends.1].map(|y| x.cmp(&y)));
            let all = |order| orders.iter().flatten().all(|found| *found == order);
            for order in [Ordering::Less, Ordering::Equal, Ordering::Greater] {
                prop_assert_eq!(a.compare(b) == Some(order), all(order));
            }
        }
    }

    #[test]
    fn any_text_is_a_date_or_an_error(text in "[0-9a-z/ -]{0,24}") {
        if let Ok(when) = text.parse::<When>() {
            prop_assert_eq!(when.to_string(), text);
        }
    }

    #[test]
    fn the_earliest_day_is_never_after_the_latest(year in 1u16..=9999, month in 1u8..=12) {
        for date in [Date::Year(year), Date::Month(year, month)] {
            prop_assert!(date.earliest() <= date.latest());
            prop_assert!(date.earliest() > NaiveDate::MIN);
        }
    }
}
