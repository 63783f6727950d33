use proptest::prelude::*;

use super::super::rates::Tally;
use super::super::testing::*;
use super::*;
use servanda_core::testing::{histories, state};

const ROW: &[&str] = &["series", "on", "count", "change", "share"];
const CROSSING: &[&str] = &["series", "threshold", "crossing", "on", "count", "earliest"];

fn treaty() -> History {
    let mut history = simple("");
    history.say_all(&[
        "participation | agreement=A1 | party=colombia | action=signature | on=2023-01-01",
        "participation | agreement=A1 | party=colombia | action=ratification | on=2023-02-01 | effective=2023-03-03",
        "participation | agreement=A1 | party=venezuela | action=accession | on=2023-02 | effective=2023-04-01",
        "participation | agreement=A1 | party=colombia | action=withdrawal | on=2023-09-01 | effective=2024-09-01",
        "participation | agreement=A1 | party=monitor | action=accession | on=2023-10-01",
    ]);
    history
}

fn asked(thresholds: &[u64]) -> Question {
    Question {
        thresholds: thresholds.to_vec(),
        ..Question::default()
    }
}

#[test]
fn parties_are_counted_by_day_and_the_withdrawn_count_down() {
    let curve = treaty().ask(&Curve, "2025-01-01", &asked(&[2, 3]));
    let mut rows = columns(&curve, "curve", ROW);
    rows.truncate(9);
    assert_eq!(
        rows,
        [
            ["signed", "2023-01-01", "1", "1", ""],
            ["consented", "2023-02-01", "1", "1", ""],
            ["consented", "2023-02-28", "2", "1", ""],
            ["consented", "2023-10-01", "3", "1", ""],
            ["consented", "2024-09-01", "2", "-1", ""],
            ["in force", "2023-03-03", "1", "1", ""],
            ["in force", "2023-04-01", "2", "1", ""],
            ["in force", "2024-09-01", "1", "-1", ""],
            ["made", "2023-01-01", "1", "1", ""],
        ]
    );
    assert_eq!(
        columns(&curve, "thresholds", CROSSING),
        [
            // The month of the second consent is known, and not its day.
            ["consented", "2", "reached", "2023-02-28", "2", "2023-02-01"],
            ["consented", "3", "reached", "2023-10-01", "3", "2023-10-01"],
            ["consented", "3", "lost", "2024-09-01", "2", ""],
            ["in force", "2", "reached", "2023-04-01", "2", "2023-04-01"],
            ["in force", "2", "lost", "2024-09-01", "1", ""],
            ["in force", "3", "not reached", "", "1", ""],
        ]
    );
    assert!(notes(
        &curve,
        "A1: 1 of 2 consents are known to have taken effect"
    ));
}

#[test]
fn the_day_of_the_view_ends_it() {
    let curve = treaty().ask(&Curve, "2023-03-02", &asked(&[1]));
    assert_eq!(
        columns(&curve, "thresholds", &["series", "on"]),
        [["consented", "2023-02-01"]]
    );
    let before = treaty().ask(&Curve, "2022-12-31", &asked(&[1]));
    assert!(column(&before, "curve", "on").is_empty());
}

#[test]
fn what_was_kept_is_a_share_of_what_fell_due() {
    let mut history = simple(" | deadline=2023-06-30");
    history.on("2023-09-01").say_all(&[
        "commitment | id=C2 | agreement=A1 | text=b | debtor=venezuela | creditor=colombia | deadline=2023-07-31 | on=2023-01-01",
        "status | commitment=C1 | to=claimed | by=colombia | on=2023-07-01",
        "status | commitment=C1 | to=fulfilled | by=venezuela | on=2023-08-15",
    ]);
    let curve = history.ask(&Curve, "2024-01-01", &Question::default());
    let rows = columns(&curve, "curve", ROW);
    let of = |series: &str| -> Vec<Vec<String>> {
        rows.iter()
            .filter(|row| row[0] == series)
            .cloned()
            .collect()
    };
    assert_eq!(
        of("fulfilled"),
        [
            ["fulfilled", "2023-07-01", "0", "0", "0 of 1 (0%)"],
            ["fulfilled", "2023-08-01", "0", "0", "0 of 2 (0%)"],
            ["fulfilled", "2023-08-15", "1", "1", "1 of 2 (50%)"],
        ]
    );
    // C1 was claimed on the day after its deadline, so it never was overdue.
    assert_eq!(
        of("overdue"),
        [
            ["overdue", "2023-07-01", "0", "0", "0 of 1 (0%)"],
            ["overdue", "2023-08-01", "1", "1", "1 of 2 (50%)"],
        ]
    );
}

#[test]
fn an_irregular_move_counts_and_is_noted() {
    let mut history = simple(" | deadline=2023-06-30");
    history.say(
        "status | commitment=C1 | to=fulfilled | by=colombia | on=2023-06-01 | irregular=nobody accepted it",
    );
    let curve = history.ask(&Curve, "2024-01-01", &Question::default());
    let rows = columns(&curve, "curve", ROW);
    assert_eq!(rows.last().unwrap()[..3], ["fulfilled", "2023-07-01", "1"]);
    assert!(notes(&curve, "nobody accepted it"));
}

/// What a series came to by a day.
fn at(document: &Document<'_>, series: &str, day: NaiveDate) -> usize {
    let rows = columns(document, "curve", &["series", "on", "count"]);
    let last = rows
        .into_iter()
        .rfind(|row| row[0] == series && row[1].parse::<NaiveDate>().unwrap() <= day);
    last.map_or(0, |row| row[2].parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Of every day the curve says what the report of that day does.
    #[test]
    fn the_curve_is_the_status_of_each_day(history in histories(20..120)) {
        let state = state(&history);
        let view = |as_of| View { state: &state, as_of };
        let last = super::super::testing::day("2026-01-01");
        let question = Question::default();
        let curve = Curve.document(&view(last), &question);
        let days: BTreeSet<String> = column(&curve, "curve", "on").into_iter().collect();
        for text in days {
            let day: NaiveDate = text.parse().unwrap();
            for day in [day.pred_opt().unwrap(), day] {
                let commitments = view(day).commitments();
                let tally = Tally::of(&view(day), &commitments, question.soon, question.silent);
                for (series, count) in [
                    ("made", tally.all),
                    ("live", tally.live),
                    ("owed", tally.owed),
                    ("breached of owed", tally.owed_breached),
                    ("due", tally.due),
                    ("fulfilled", tally.due_fulfilled),
                    ("partial", tally.due_partial),
                    ("breached", tally.due_breached),
                    ("overdue", tally.overdue),
                    ("contested", tally.due_contested),
                    ("expected", tally.expected),
                    ("missed", tally.expected - tally.held),
                ] {
                    prop_assert_eq!(at(&curve, series, day), count, "{} on {}", series, day);
                }
            }
        }
    }
}
