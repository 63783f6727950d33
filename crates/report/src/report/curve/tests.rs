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
            ["signed", "2", "not reached", "", "1", ""],
            ["signed", "3", "not reached", "", "1", ""],
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
        [["signed", "2023-01-01"], ["consented", "2023-02-01"]]
    );
    let before = treaty().ask(&Curve, "2022-12-31", &asked(&[1]));
    assert!(column(&before, "curve", "on").is_empty());
}

/// Two parties of an agreement, and what became of it.
fn of_two(lines: &[&str]) -> History {
    let mut history = simple("");
    history.say_all(lines);
    history
}

fn series(curve: &Document<'_>, name: &str) -> Vec<Vec<String>> {
    let mut rows = columns(curve, "curve", &["series", "on", "count"]);
    rows.retain(|row| row[0] == name);
    rows
}

#[test]
fn an_agreement_that_ended_counts_down_to_nobody() {
    let history = of_two(&[
        "participation | agreement=A1 | party=colombia | action=ratification | on=2023-06-01 | effective=2023-07-01",
        "participation | agreement=A1 | party=venezuela | action=ratification | on=2023-06-01 | effective=2023-07-01",
        "agreement-status | agreement=A1 | to=in-force | on=2023-07-01",
        "agreement-status | agreement=A1 | to=suspended | on=2023-09-01",
        "agreement-status | agreement=A1 | to=resumed | on=2023-10-01",
        "agreement-status | agreement=A1 | to=terminated | on=2023-12-01 | effective=2024-01-01",
    ]);
    let curve = history.ask(&Curve, "2030-01-01", &asked(&[2]));
    assert_eq!(
        series(&curve, "in force"),
        [
            ["in force", "2023-07-01", "2"],
            ["in force", "2023-09-01", "0"],
            ["in force", "2023-10-01", "2"],
            ["in force", "2024-01-01", "0"],
        ]
    );
    assert_eq!(
        series(&curve, "consented"),
        [
            ["consented", "2023-06-01", "2"],
            ["consented", "2024-01-01", "0"]
        ]
    );
    let crossings = columns(&curve, "thresholds", &["series", "crossing", "on"]);
    assert!(
        crossings.contains(
            &["in force", "lost", "2024-01-01"]
                .map(str::to_owned)
                .to_vec()
        )
    );
    // While it is suspended, the consents have taken effect all the same.
    let suspended = history.ask(&Curve, "2023-09-15", &asked(&[2]));
    assert!(!notes(&suspended, "are known to have taken effect"));
}

#[test]
fn an_agreement_in_force_whose_parties_only_signed_binds_them() {
    let history = of_two(&[
        "participation | agreement=A1 | party=colombia | action=signature | on=2023-01-01",
        "participation | agreement=A1 | party=venezuela | action=signature | on=2023-01-01",
        "agreement-status | agreement=A1 | to=in-force | on=2023-07",
    ]);
    let curve = history.ask(&Curve, "2024-01-01", &asked(&[2]));
    assert_eq!(
        series(&curve, "in force"),
        [["in force", "2023-07-31", "2"]]
    );
    assert!(notes(
        &curve,
        "A1: its own entry into force binds 2 parties: for them no day of effect is recorded"
    ));
    let wanted = ["series", "on", "earliest"];
    assert_eq!(
        columns(&curve, "thresholds", &wanted),
        [
            ["signed", "2023-01-01", "2023-01-01"],
            ["in force", "2023-07-31", "2023-07-01"]
        ]
    );
}

#[test]
fn a_threshold_says_why_nothing_is_told_of_it() {
    let empty = |curve: &Document<'_>| {
        let table = curve.tables.iter().find(|table| table.name == "thresholds");
        table.unwrap().empty
    };
    let history = simple("");
    let curve = history.ask(&Curve, "2024-01-01", &Question::default());
    assert_eq!(empty(&curve), "no threshold was asked for");
    let curve = history.ask(&Curve, "2024-01-01", &asked(&[10]));
    assert!(columns(&curve, "thresholds", CROSSING).is_empty());
    assert_eq!(empty(&curve), "nothing is counted that could reach one");
    // Signatures are counted, and consents.
    let mut history = simple("");
    history.say("participation | agreement=A1 | party=colombia | action=signature | on=2023-01-01");
    let curve = history.ask(&Curve, "2024-01-01", &asked(&[1, 10]));
    assert_eq!(
        columns(&curve, "thresholds", CROSSING),
        [
            ["signed", "1", "reached", "2023-01-01", "1", "2023-01-01"],
            ["signed", "10", "not reached", "", "1", ""],
        ]
    );
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
                    ("lapsed", tally.lapsed),
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
