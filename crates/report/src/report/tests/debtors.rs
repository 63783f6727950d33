//! Where each debtor stands, in every report that says where a commitment does.

use super::super::changes::Changes;
use super::super::curve::Curve;
use super::super::due::DueReport;
use super::super::party::PartyReport;
use super::super::status::Status;
use super::super::testing::*;
use super::super::timeline::Timeline;
use super::super::{Document, Question};

const DAY: &str = "2024-06-01";

/// The communiqué, whose first promise, which both sides made, is disputed: Venezuela says that Colombia broke it, and
/// Colombia says that it did not, and that it kept it.
fn disputed() -> History {
    let mut history = communique();
    history.on("2024-03-01").say_all(&[
        "status | commitment=C1 | to=active | capacity=terms | on=2023-06-01",
        "status | commitment=C1 | to=breached | by=venezuela | on=2024-01-10",
        "contest | commitment=C1 | to=claimed | by=venezuela | on=2024-01-10 | text=no soldier came",
        "contest | commitment=C1 | to=disputed | by=colombia | on=2024-01-20 | text=two battalions did",
        "status | commitment=C1 | to=claimed | by=venezuela | on=2024-02-01",
        "status | commitment=C1 | to=fulfilled | by=colombia | on=2024-02-20",
    ]);
    history
}

fn ask(history: &History, report: &dyn super::Report) -> Document<'static> {
    history.ask(report, DAY, &Question::default())
}

#[test]
fn the_disputed_promise_is_told_sentence_by_sentence() {
    let mut told = column(&ask(&disputed(), &Timeline), "timeline", "text");
    told.retain(|text| text.starts_with("C1 went") || text.starts_with("the contest"));
    assert_eq!(
        told,
        [
            "C1 went from agreed to active for Colombia and Venezuela, by its terms",
            "C1 went from active to breached for Colombia, says Venezuela",
            "the contest about C1 began as claimed, says Venezuela: no soldier came",
            "the contest about C1 went from claimed to disputed, says Colombia: two battalions did",
            "C1 went from active to claimed for Venezuela, says Venezuela",
            "C1 went from claimed to fulfilled for Venezuela, says Colombia",
        ]
    );
}

#[test]
fn the_accuser_breaks_nothing() {
    let history = disputed();
    let status = ask(&history, &Status);
    let wanted = ["id", "standing", "differs", "since", "contest"];
    let c1 = &columns(&status, "commitments", &wanted)[0];
    let differs = "colombia breached; venezuela fulfilled";
    assert_eq!(
        c1[..],
        ["C1", "breached", differs, "2024-01-10", "disputed"]
    );
    let by_party = columns(&status, "by_party", &["party", "standings"]);
    assert_eq!(
        by_party,
        [
            ["colombia", "agreed 3; breached 1"],
            ["venezuela", "agreed 3; fulfilled 1"],
        ]
    );
    let parties = ask(&history, &PartyReport);
    let wanted = ["id", "owes_by_standing", "is_owed_by_standing"];
    let rows = columns(&parties, "parties", &wanted);
    assert_eq!(
        rows[0],
        ["colombia", "agreed 3; breached 1", "agreed 3; fulfilled 1"]
    );
    assert_eq!(
        rows[3],
        ["venezuela", "agreed 3; fulfilled 1", "agreed 3; breached 1"]
    );
    let rates = columns(
        &parties,
        "rates",
        &["party", "rate", "denominator", "share"],
    );
    let of = |party: &str, rate: &str| {
        let found = rates.iter().find(|row| row[..3] == [party, rate, "owed"]);
        found.unwrap()[3].clone()
    };
    assert_eq!(of("colombia", "breached"), "1 of 4 (25%)");
    assert_eq!(of("venezuela", "breached"), "0 of 4 (0%)");
    assert_eq!(of("venezuela", "fulfilled"), "1 of 4 (25%)");
    // The dossier says whose standing each record moved, and from where.
    let dossier = history.dossier("C1", DAY).unwrap();
    let state = columns(&dossier, "state", &["field", "value"]);
    assert!(state.contains(&vec!["differs".to_owned(), differs.to_owned()]));
    let moves = columns(&dossier, "moves", &["from", "to", "debtors"]);
    assert_eq!(
        moves,
        [
            ["", "agreed", ""],
            ["agreed", "active", "colombia; venezuela"],
            ["active", "breached", "colombia"],
            ["active", "claimed", "venezuela"],
            ["claimed", "fulfilled", "venezuela"],
        ]
    );
}

#[test]
fn what_changed_says_where_debtors_differ() {
    let changes = ask(&disputed(), &Changes);
    let rows = columns(&changes, "changes", &["what", "before", "after"]);
    let moves: Vec<_> = rows.iter().filter(|row| row[0] == "C1 standing").collect();
    assert_eq!(
        moves,
        [
            &["C1 standing", "agreed", "active"],
            &[
                "C1 standing",
                "active",
                "breached; differs: colombia breached, venezuela active"
            ],
            &[
                "C1 standing",
                "breached; differs: colombia breached, venezuela active",
                "breached; differs: colombia breached, venezuela claimed"
            ],
            &[
                "C1 standing",
                "breached; differs: colombia breached, venezuela claimed",
                "breached; differs: colombia breached, venezuela fulfilled"
            ],
        ]
    );
}

#[test]
fn a_breach_without_a_deadline_is_listed_and_counted() {
    let mut history = disputed();
    let states = |history: &History| {
        let wanted = ["id", "state", "standing", "contest", "days_overdue"];
        columns(&ask(history, &DueReport), "due", &wanted).swap_remove(0)
    };
    assert_eq!(
        states(&history),
        ["C1", "contested", "breached", "disputed", ""]
    );
    history.say("contest | commitment=C1 | to=settled | by=colombia | on=2024-03-01");
    assert_eq!(
        states(&history),
        ["C1", "breached", "breached", "settled", ""]
    );
    let due = ask(&history, &DueReport);
    assert_eq!(due.answer[0], "Nothing is overdue. 1 is broken on record.");
    let status = ask(&history, &Status);
    assert_eq!(column(&status, "commitments", "due")[0], "breached");
    for report in [&DueReport as &dyn super::Report, &Status] {
        let document = ask(&history, report);
        assert_eq!(share(&document, "due/breached"), "none due");
        assert_eq!(share(&document, "owed/breached"), "1 of 4 (25%)");
    }
    let curve = columns(&ask(&history, &Curve), "curve", &["series", "on", "share"]);
    let breached = curve
        .iter()
        .find(|row| row[..2] == ["breached of owed", "2024-01-10"]);
    assert_eq!(breached.unwrap()[2], "1 of 4 (25%)");
}

#[test]
fn a_disputed_claim_past_its_deadline_is_listed() {
    let mut history = simple(" | deadline=2023-06-30");
    history.on("2023-09-01").say_all(&[
        "status | commitment=C1 | to=claimed | by=colombia | on=2023-06-20",
        "contest | commitment=C1 | to=claimed | by=venezuela | on=2023-07-10",
        "contest | commitment=C1 | to=disputed | by=colombia | on=2023-07-20",
    ]);
    let at = |day: &str| {
        let due = history.ask(&DueReport, day, &Question::default());
        columns(
            &due,
            "due",
            &["state", "standing", "contest", "days_overdue"],
        )
    };
    assert_eq!(at("2023-06-29"), [[""; 4]; 0]);
    assert_eq!(
        at("2023-07-30"),
        [["contested", "claimed", "disputed", "30"]]
    );
    let due = history.ask(&DueReport, "2023-07-30", &Question::default());
    let answer = "Nothing is overdue. 1 is argued about past the deadline.";
    assert_eq!(due.answer[0], answer);
    let status = history.ask(&Status, "2023-07-30", &Question::default());
    assert_eq!(column(&status, "commitments", "due"), ["contested"]);
    assert_eq!(share(&status, "due/contested"), "1 of 1 (100%)");
    assert_eq!(share(&status, "due/claimed"), "1 of 1 (100%)");
    // Nobody but its debtor has looked at it.
    let dossier = history.dossier("C1", "2023-07-30").unwrap();
    let state = columns(&dossier, "state", &["field", "value"]);
    assert!(state.contains(&vec!["verified".to_owned(), "false".to_owned()]));
}

#[test]
fn what_one_debtor_breached_another_may_still_owe() {
    let mut history = simple(" | mutual=true | deadline=2023-06-30");
    history.on("2023-09-01").say_all(&[
        "status | commitment=C1 | to=active | capacity=terms | on=2023-02-01",
        "status | commitment=C1 | to=breached | by=venezuela | on=2023-05-01",
    ]);
    let status = history.ask(&Status, "2023-07-01", &Question::default());
    assert_eq!(share(&status, "due/breached"), "1 of 1 (100%)");
    assert_eq!(share(&status, "due/overdue"), "1 of 1 (100%)");
    let parties = history.ask(&PartyReport, "2023-07-01", &Question::default());
    let rates = columns(
        &parties,
        "rates",
        &["party", "rate", "denominator", "count"],
    );
    let count = |party: &str, rate: &str| {
        let found = rates.iter().find(|row| row[..3] == [party, rate, "due"]);
        found.unwrap()[3].clone()
    };
    for (party, breached, overdue) in [("colombia", "1", "0"), ("venezuela", "0", "1")] {
        assert_eq!(
            (count(party, "breached"), count(party, "overdue")),
            (breached.into(), overdue.into())
        );
    }
}

#[test]
fn what_was_kept_in_part_is_still_owed() {
    let mut history = simple(" | deadline=2023-06-30");
    history.on("2023-09-01").say_all(&[
        "status | commitment=C1 | to=active | by=colombia | on=2023-02-01",
        "status | commitment=C1 | to=partial | by=venezuela | on=2023-06-01 | note=one lane of two",
    ]);
    let status = history.ask(&Status, "2023-07-01", &Question::default());
    let row = columns(&status, "commitments", &["standing", "due"]);
    assert_eq!(row, [["partial", "overdue"]]);
    assert_eq!(share(&status, "due/partial"), "1 of 1 (100%)");
    assert_eq!(share(&status, "due/fulfilled"), "0 of 1 (0%)");
    assert_eq!(share(&status, "due/overdue"), "1 of 1 (100%)");
    history.say_all(&[
        "status | commitment=C1 | to=claimed | by=colombia | on=2023-07-05",
        "status | commitment=C1 | to=fulfilled | by=venezuela | on=2023-07-06",
    ]);
    let curve = history.ask(&Curve, "2024-01-01", &Question::default());
    let rows = columns(&curve, "curve", &["series", "on", "count"]);
    let partial: Vec<_> = rows.iter().filter(|row| row[0] == "partial").collect();
    assert_eq!(
        partial,
        [
            &["partial", "2023-07-01", "1"],
            &["partial", "2023-07-05", "0"]
        ]
    );
}

#[test]
fn missed_occurrences_are_counted_among_the_expected() {
    let mut history = simple(" | deadline=RRULE:FREQ=MONTHLY;INTERVAL=3");
    history.say_all(&[
        "occurrence | commitment=C1 | on=2023-04-03",
        "occurrence | commitment=C1 | occurrence=3 | on=2023-10-02",
    ]);
    let day = "2024-01-15";
    for report in [&DueReport as &dyn super::Report, &Status, &PartyReport] {
        let document = history.ask(report, day, &Question::default());
        assert_eq!(share(&document, "expected/held"), "2 of 4 (50%)");
        assert_eq!(share(&document, "expected/missed"), "2 of 4 (50%)");
    }
    let due = history.ask(&DueReport, day, &Question::default());
    let states = column(&due, "occurrences", "state");
    assert_eq!(states, ["held", "missed", "held", "missed", "next"]);
    let curve = history.ask(&Curve, day, &Question::default());
    let rows = columns(&curve, "curve", &["series", "on", "count", "share"]);
    let missed: Vec<_> = rows.iter().filter(|row| row[0] == "missed").collect();
    assert_eq!(
        missed.last().unwrap()[1..],
        ["2024-01-02", "2", "2 of 4 (50%)"]
    );
    // A rule of too many days is left out of the curve, and the note says so.
    let daily = simple(" | deadline=RRULE:FREQ=DAILY");
    let curve = daily.ask(&Curve, "2026-06-01", &Question::default());
    assert!(notes(&curve, "the occurrences of C1"));
    assert!(!column(&curve, "curve", "series").contains(&"expected".to_owned()));
}
