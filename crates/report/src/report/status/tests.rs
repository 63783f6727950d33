use super::super::testing::*;
use super::*;

fn ask(history: &History, day: &str) -> Document<'static> {
    history.ask(&Status, day, &Question::default())
}

#[test]
fn the_communique_is_undated_and_in_no_rate() {
    let status = ask(&communique(), "2030-01-01");
    let rows = columns(&status, "commitments", &["id", "standing", "due", "since"]);
    for (row, id) in rows.iter().zip(["C1", "C2", "C3", "C4"]) {
        assert_eq!(row[..], [id, "agreed", "undated", "2023-05-11 (inferred)"]);
    }
    assert_eq!(rows.len(), 4);
    for rate in ["fulfilled", "claimed", "breached", "overdue"] {
        assert_eq!(share(&status, &format!("due/{rate}")), "none due");
    }
    assert_eq!(share(&status, "assessed/fulfilled"), "none assessed");
    assert_eq!(share(&status, "live/undated"), "4 of 4 (100%)");
    assert_eq!(
        columns(&status, "standings", &["standing", "share"]),
        [["agreed", "4 of 4 (100%)"]]
    );
    assert_eq!(
        columns(
            &status,
            "agreements",
            &["id", "form", "concluded_on", "status", "commitments"]
        ),
        [["A1", "reported", "2023-05-11 (inferred)", "concluded", "4"]]
    );
    assert!(notes(&status, "4 of 4 commitments are undated"));
    assert!(notes(&status, "on (2023-05-11) of record 7 (agreement A1)"));
}

#[test]
fn both_sides_owe_a_mutual_commitment() {
    let status = ask(&communique(), "2030-01-01");
    let sides = columns(&status, "commitments", &["debtors", "creditors"]);
    assert_eq!(sides[0], ["colombia; venezuela", "venezuela; colombia"]);
}

#[test]
fn the_day_decides_what_stands() {
    let mut history = simple(" | deadline=2023-06-30");
    history.on("2023-09-01").say_all(&[
        "status | commitment=C1 | to=claimed | by=colombia | on=2023-06-01",
        "status | commitment=C1 | to=fulfilled | by=venezuela | on=2023-08-01",
    ]);
    let at = |day| {
        columns(
            &ask(&history, day),
            "commitments",
            &["standing", "since", "due"],
        )
    };
    assert!(at("2022-12-31").is_empty());
    assert_eq!(at("2023-01-01"), [["agreed", "2023-01-01", "later"]]);
    assert_eq!(at("2023-07-31"), [["claimed", "2023-06-01", "not owed"]]);
    assert_eq!(at("2023-08-01"), [["fulfilled", "2023-08-01", "not owed"]]);
}

#[test]
fn rates_divide_by_what_fell_due() {
    let mut history = simple(" | deadline=2023-06-30");
    history.say_all(&[
        "commitment | id=C2 | agreement=A1 | text=b | debtor=venezuela | creditor=colombia | deadline=2023-06-30",
        "commitment | id=C3 | agreement=A1 | text=c | debtor=venezuela | creditor=colombia | deadline=2029",
        "commitment | id=C4 | agreement=A1 | text=d | debtor=venezuela | creditor=colombia | deadline=continuing",
        "status | commitment=C1 | to=claimed | by=colombia | on=2023-06-01",
        "status | commitment=C1 | to=fulfilled | by=venezuela | on=2023-06-02",
    ]);
    // On its last day a commitment has not fallen due.
    assert_eq!(
        share(&ask(&history, "2023-06-30"), "due/fulfilled"),
        "none due"
    );
    let after = ask(&history, "2023-07-01");
    assert_eq!(share(&after, "due/fulfilled"), "1 of 2 (50%)");
    assert_eq!(share(&after, "due/overdue"), "1 of 2 (50%)");
    assert_eq!(share(&after, "live/undated"), "0 of 3 (0%)");
    assert!(notes(
        &after,
        "1 of 4 commitments is to be kept at all times"
    ));
    assert_eq!(
        column(&after, "commitments", "due"),
        ["not owed", "overdue", "later", "continuing"]
    );
}

#[test]
fn agreements_parties_and_themes_have_rates_of_their_own() {
    let mut history = simple(" | deadline=2023-06-30 | theme=roads");
    history.say_all(&[
        "agreement | id=A2 | title=Pact | party=colombia | party=venezuela | on=2023-01-01",
        "commitment | id=C2 | agreement=A2 | text=b | debtor=venezuela | creditor=colombia | mutual=true | theme=roads | theme=trade",
        "status | commitment=C1 | to=claimed | by=colombia | on=2023-06-01",
        "status | commitment=C1 | to=fulfilled | by=venezuela | on=2023-06-02",
    ]);
    let status = ask(&history, "2023-07-01");
    let group = |table: &str, of: &str| {
        let wanted = [
            of,
            "commitments",
            "standings",
            "due",
            "fulfilled_of_due",
            "undated_of_live",
        ];
        columns(&status, table, &wanted)
    };
    let kept = ["1", "fulfilled 1", "1", "1 of 1 (100%)", "none live"];
    let owed = ["1", "agreed 1", "0", "none due", "1 of 1 (100%)"];
    let both = [
        "2",
        "agreed 1; fulfilled 1",
        "1",
        "1 of 1 (100%)",
        "1 of 1 (100%)",
    ];
    let row = |of: &str, cells: [&str; 5]| -> Vec<String> {
        [of].iter().chain(&cells).map(ToString::to_string).collect()
    };
    assert_eq!(
        group("by_agreement", "agreement"),
        [row("A1", kept), row("A2", owed)]
    );
    assert_eq!(
        group("by_party", "party"),
        [row("colombia", both), row("venezuela", owed)]
    );
    assert_eq!(
        group("by_theme", "theme"),
        [row("roads", both), row("trade", owed)]
    );
}

#[test]
fn assessors_are_not_averaged_and_no_evidence_is_no_level() {
    let mut history = simple("");
    history.on("2024-01-01").say_all(&[
        "party | id=barometer | kind=organisation | name=Barometer",
        "assessment | commitment=C1 | scale=pam | level=1 | by=monitor | on=2023-03-01",
        "assessment | commitment=C1 | scale=pam | level=3 | by=monitor | on=2023-09-01",
        // Recorded last, but about an earlier day.
        "assessment | commitment=C1 | scale=pam | level=2 | by=monitor | on=2023-06-01",
        "assessment | commitment=C1 | scale=pam | level=no-evidence | by=barometer | on=2023-09-01",
    ]);
    let status = ask(&history, "2024-01-01");
    assert_eq!(
        column(&status, "commitments", "assessment"),
        ["pam=no-evidence by barometer; pam=3 by monitor"]
    );
    assert_eq!(
        share(&status, "assessed/no evidence found"),
        "1 of 1 (100%)"
    );
    let before = ask(&history, "2023-07-01");
    assert_eq!(
        column(&before, "commitments", "assessment"),
        ["pam=2 by monitor"]
    );
}

#[test]
fn what_is_doubtful_is_flagged_and_noted() {
    let mut history = simple(" | deadline=2023 | inferred=deadline");
    let breach = history.say(
        "status | commitment=C1 | to=breached | by=venezuela | on=2023-02-01 | irregular=breached before it was in force",
    );
    history.say("correction | record=5 | field=text | to=open both bridges | reason=misread");
    let status = ask(&history, "2023-07-01");
    assert_eq!(
        column(&status, "commitments", "text"),
        ["open both bridges"]
    );
    assert_eq!(
        column(&status, "commitments", "flags"),
        [format!(
            "inferred deadline; corrected by 7; irregular (record {breach})"
        )]
    );
    assert!(notes(
        &status,
        "irregular: record 6 (status C1): breached before"
    ));
    assert!(notes(
        &status,
        "inferred by the recorder: deadline of record 5"
    ));
}

#[test]
fn a_retracted_move_never_was() {
    let mut history = simple("");
    history.say("status | commitment=C1 | to=active | by=venezuela | on=2023-02-01");
    history.say("retraction | record=6 | reason=of another commitment");
    assert_eq!(
        column(&ask(&history, "2023-07-01"), "commitments", "standing"),
        ["agreed"]
    );
}

#[test]
fn dates_that_leave_it_open_are_told() {
    let mut history = simple(" | deadline=2023");
    history.on("2024-05-05").say_all(&[
        "status | commitment=C1 | to=active | by=venezuela | on=2023",
        "status | commitment=C1 | to=claimed | by=colombia",
    ]);
    let within = ask(&history, "2023-07-01");
    assert_eq!(column(&within, "commitments", "standing"), ["agreed"]);
    assert!(notes(
        &within,
        "record 6 (status C1) happened 2023, perhaps after 2023-07-01"
    ));
    assert!(notes(
        &within,
        "the deadline of C1, 2023, passes at its end, 2023-12-31"
    ));
    let after = ask(&history, "2024-06-01");
    assert_eq!(
        column(&after, "commitments", "since"),
        ["2024-05-05 (recorded)"]
    );
    assert!(notes(&after, "record 7 has no date to count from"));
}

/// A history in which these parties have declared keys.
fn with_keys(mut history: History, parties: &[&str]) -> History {
    for party in parties {
        history.say(&format!("party-key | party={party} | key=k"));
    }
    history
}

fn acknowledge(history: &mut History, party: &str, record: u64) {
    history.say(&format!(
        "acknowledgement | record={record} | party={party} | signature=s | on=2023-09-01"
    ));
}

fn acknowledged(history: &History, table: &str) -> String {
    let status = ask(history, "2024-01-01");
    column(&status, table, "acknowledged").swap_remove(0)
}

#[test]
fn who_acknowledged_an_agreement_is_told() {
    let parties = ["velasquez", "colombia", "venezuela"];
    let mut history = with_keys(communique(), &parties);
    assert_eq!(acknowledged(&history, "agreements"), "");
    // A minister signs for his state.
    acknowledge(&mut history, "velasquez", 7);
    assert_eq!(acknowledged(&history, "agreements"), "velasquez only");
    acknowledge(&mut history, "venezuela", 7);
    assert_eq!(acknowledged(&history, "agreements"), "both");
    assert_eq!(acknowledged(&history, "commitments"), "");
    let before = ask(&history, "2023-08-31");
    assert_eq!(column(&before, "agreements", "acknowledged"), [""]);

    let mut history = with_keys(simple(""), &["colombia", "venezuela", "monitor"]);
    history.say("agreement | id=A0 | title=Trio | party=colombia | party=venezuela | party=monitor | on=2023-01-01");
    for (party, told) in [
        ("monitor", "monitor only"),
        ("colombia", "monitor, colombia only"),
        ("venezuela", "all"),
    ] {
        acknowledge(&mut history, party, 9);
        assert_eq!(acknowledged(&history, "agreements"), told);
    }
}

#[test]
fn who_acknowledged_where_a_commitment_stands_is_told() {
    let parties = ["colombia", "venezuela", "monitor"];
    let told = |more: &str, signers: &[&str]| {
        let mut history = with_keys(simple(more), &parties);
        for signer in signers {
            acknowledge(&mut history, signer, 5);
        }
        acknowledged(&history, "commitments")
    };
    assert_eq!(told("", &[]), "");
    assert_eq!(told("", &["colombia"]), "debtor only");
    assert_eq!(told("", &["venezuela"]), "creditor only");
    assert_eq!(told("", &["venezuela", "colombia"]), "both sides");
    assert_eq!(told("", &["monitor"]), "monitor");
    assert_eq!(told("", &["monitor", "colombia"]), "monitor, colombia");
    // Of a mutual commitment both are debtors, and of several debtors one is not the side.
    assert_eq!(told(" | mutual=true", &["colombia"]), "colombia");
    assert_eq!(told(" | debtor=monitor", &["colombia"]), "colombia");
    let both = ["colombia", "monitor"];
    assert_eq!(told(" | debtor=monitor", &both), "debtor only");

    // A move has to be acknowledged anew.
    let mut history = with_keys(simple(""), &parties);
    acknowledge(&mut history, "colombia", 5);
    history.on("2023-10-01");
    let moved = history.say("status | commitment=C1 | to=claimed | by=colombia | on=2023-09-01");
    assert_eq!(acknowledged(&history, "commitments"), "");
    acknowledge(&mut history, "venezuela", moved.0);
    assert_eq!(acknowledged(&history, "commitments"), "creditor only");
}

#[test]
fn questions_narrow_it() {
    let history = communique();
    let ids = |question: &Question| {
        column(
            &history.ask(&Status, "2024-01-01", question),
            "commitments",
            "id",
        )
    };
    let question = Question {
        commitment: Some("C2".parse().unwrap()),
        ..Question::default()
    };
    assert_eq!(ids(&question), ["C2"]);
    let question = Question {
        standings: vec![Standing::Active],
        ..Question::default()
    };
    assert!(ids(&question).is_empty());
    let question = Question {
        party: Some("velasquez".parse().unwrap()),
        ..Question::default()
    };
    assert!(
        ids(&question).is_empty(),
        "a state's promise is not its minister's"
    );
}

#[test]
fn what_lapsed_with_its_agreement_is_live_and_in_no_rate_of_what_is_owed() {
    let mut history = simple(" | deadline=2023-06-30");
    let promised = "debtor=colombia | creditor=venezuela | on=2023-01-01 | theme=river";
    for (id, deadline) in [("C2", "2023-03-31"), ("C3", "2023-12-31"), ("C4", "")] {
        let deadline = match deadline {
            "" => String::new(),
            day => format!(" | deadline={day}"),
        };
        history.say(&format!(
            "commitment | id={id} | agreement=A1 | text=t | {promised}{deadline}"
        ));
    }
    history.say_all(&[
        "status | commitment=C4 | to=active | by=colombia | by=venezuela | on=2023-02-01",
        "status | commitment=C4 | to=partial | by=venezuela | on=2023-02-02",
        "status | commitment=C3 | to=active | by=colombia | by=venezuela | on=2023-02-01",
        "status | commitment=C3 | to=breached | by=venezuela | on=2023-04-01",
        "agreement-status | agreement=A1 | to=in-force | on=2023-01-02",
        "agreement-status | agreement=A1 | to=terminated | on=2023-05-01",
    ]);
    let due = |day| columns(&ask(&history, day), "commitments", &["id", "due"]);
    assert_eq!(due("2023-04-30")[0], ["C1", "later"]);
    let after = ask(&history, "2024-06-01");
    assert_eq!(
        due("2024-06-01"),
        [
            ["C1", "lapsed"],
            ["C2", "overdue"],
            ["C3", "breached"],
            ["C4", "lapsed"]
        ]
    );
    // C1 and C4 lapsed; C2 had fallen due before, and the breach of C3 stays one.
    assert_eq!(share(&after, "live/lapsed"), "2 of 4 (50%)");
    assert_eq!(share(&after, "owed/breached"), "1 of 2 (50%)");
    assert_eq!(share(&after, "owed/partial"), "0 of 2 (0%)");
    assert_eq!(share(&after, "due/overdue"), "1 of 2 (50%)");
    let group = &["theme", "live", "due", "breached_of_owed", "lapsed_of_live"];
    assert_eq!(
        columns(&after, "by_theme", group),
        [["river", "3", "2", "1 of 2 (50%)", "1 of 3 (33%)"]]
    );
    let hidden = columns(
        &after,
        "by_theme",
        &["contested_of_live", "missed_of_expected"],
    );
    assert_eq!(hidden, [["", ""]]);
}
