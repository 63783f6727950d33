use proptest::prelude::*;

use super::super::Bound;
use super::super::testing::*;
use super::terms::terms;
use super::*;
use servanda_core::state::State;
use servanda_core::testing::{histories, state};
use servanda_core::value::id::Slug;

const CHANGE: &[&str] = &["record", "what", "before", "after"];

fn since(history: &History, bound: Bound) -> Document<'static> {
    let question = Question {
        since: Some(bound),
        ..Question::default()
    };
    history.ask(&Changes, "2024-01-01", &question)
}

#[test]
fn each_record_says_what_it_changed() {
    let mut history = simple(" | deadline=2023-06-30");
    history.on("2023-05-05").say_all(&[
        "status | commitment=C1 | to=active | by=venezuela",
        "amendment | commitment=C1 | deadline=2023-12-31 | purpose=trade",
        "correction | record=5 | field=text | to=open both bridges | reason=misread",
        "correction | record=6 | field=to | to=conditional | reason=it said until funded",
        "retraction | record=6 | reason=of another commitment",
        "contest | commitment=C1 | to=claimed | by=venezuela | text=nothing was done",
        "agreement-status | agreement=A1 | to=in-force",
        "rename | party=colombia | name=Republic of Colombia",
        "commitment | id=C2 | agreement=A1 | text=keep it open | debtor=colombia | creditor=venezuela",
        "note | text=asked again | about=C1",
    ]);
    let changes = since(&history, Bound::Record(Seq(6)));
    assert_eq!(
        columns(&changes, "changes", CHANGE),
        [
            ["6", "C1 standing", "agreed", "active"],
            ["7", "C1 deadline", "2023-06-30", "2023-12-31"],
            ["7", "C1 purpose", "", "trade"],
            [
                "8",
                "record 5: text",
                "open the bridge",
                "open both bridges"
            ],
            ["9", "record 6: to", "active", "conditional"],
            ["9", "C1 standing", "active", "conditional"],
            [
                "10",
                "record 6: C1 went from agreed to conditional, says Venezuela",
                "counted",
                "retracted"
            ],
            ["10", "C1 standing", "conditional", "agreed"],
            ["11", "C1 contest", "none", "claimed"],
            ["12", "A1 status", "concluded", "in-force"],
            ["13", "colombia name", "Colombia", "Republic of Colombia"],
            [
                "14",
                "Republic of Colombia promised Venezuela in A1 (C2): keep it open",
                "",
                "agreed"
            ],
            ["15", "noted about C1: asked again", "", ""],
        ]
    );
    let summary = columns(&changes, "summary", &["event", "count"]);
    assert!(summary.contains(&vec!["correction".to_owned(), "2".to_owned()]));
    assert_eq!(
        column(&changes, "changes", "flags")[0],
        "corrected by 9; retracted by 10"
    );
}

#[test]
fn it_is_the_clock_of_the_ledger_that_bounds_it() {
    let mut history = simple("");
    history
        .on("2023-05-05")
        .say("meeting | text=long ago | present=colombia | on=2020");
    history
        .on("2023-05-06")
        .say("meeting | text=not yet | present=colombia | on=2031");
    let changes = since(&history, Bound::Day(day("2023-05-05")));
    assert_eq!(
        column(&changes, "changes", "what"),
        ["Colombia attended a meeting: long ago"]
    );
    assert!(notes(&changes, "1 record is left out"));
    let noon = "2023-05-05T12:00:00Z".parse().unwrap();
    assert_eq!(
        column(&since(&history, Bound::Time(noon)), "changes", "what"),
        ["Colombia attended a meeting: long ago"]
    );
    let question = Question {
        until: Some(Bound::Day(day("2023-05-04"))),
        ..Question::default()
    };
    let before = history.ask(&Changes, "2024-01-01", &question);
    assert_eq!(column(&before, "changes", "record").len(), 6);
}

#[test]
fn what_was_withheld_stays_so() {
    let mut history = simple("");
    history.say("statement | text=a name | about=C1");
    history.say("redaction | record=6 | reason=personal data | authority=court");
    let changes = since(&history, Bound::Record(Seq(6)));
    assert_eq!(
        column(&changes, "changes", "what"),
        [
            "(withheld)",
            "the content of record 6 (statement) was withheld by authority of court: personal data"
        ]
    );
}

#[test]
fn the_two_ends_are_compared() {
    let mut history = simple(" | deadline=2023-06-30");
    history.on("2023-05-05").say_all(&[
        "status | commitment=C1 | to=active | by=venezuela | on=2023-02-01",
        "amendment | commitment=C1 | deadline=2023-12-31",
        "retraction | record=6 | reason=of another commitment",
        "rename | party=colombia | name=Republic of Colombia",
    ]);
    let changes = since(&history, Bound::Record(Seq(6)));
    assert_eq!(
        columns(&changes, "differences", &["id", "field", "before", "after"]),
        [
            ["C1", "deadline", "2023-06-30", "2023-12-31"],
            ["colombia", "name", "Colombia", "Republic of Colombia"],
        ]
    );
}

/// What stands of everything.
fn all(state: &State) -> BTreeMap<String, BTreeMap<String, String>> {
    use servanda_core::state::EntityKind::{Agreement, Commitment, Party};
    let ids = [Agreement, Commitment, Party].map(|kind| state.ids(kind));
    let texts = |id: &Slug| {
        let terms = terms(state, id).into_iter();
        terms
            .map(|(name, texts)| (name.to_owned(), texts.join("; ")))
            .collect()
    };
    ids.into_iter()
        .flatten()
        .map(|id| (id.to_string(), texts(id)))
        .collect()
}

/// The steps that the rows of all records take.
fn steps_of(history: &History) -> usize {
    let view = history.view("2024-01-01");
    steps::taken();
    let changes = Changes.document(&view, &Question::default());
    let rows = changes.tables[0].rows.iter().count();
    assert!(rows >= history.state.count() as usize);
    steps::taken()
}

/// Twice as many records take about twice as many steps: of many commitments, and of one with a long history.
#[test]
fn the_steps_grow_with_the_records() {
    let many = |count: usize| {
        let mut history = simple("");
        for number in 0..count {
            history.say(&format!("commitment | id=D{number} | agreement=A1 | text=t | debtor=colombia | creditor=venezuela"));
            history.say(&format!(
                "status | commitment=D{number} | to=active | by=colombia"
            ));
            history.say(&format!("amendment | commitment=D{number} | text=u"));
        }
        steps_of(&history)
    };
    let one = |count: usize| {
        let mut history = simple("");
        history.say("status | commitment=C1 | to=active | by=colombia");
        for number in 0..count {
            history.say("status | commitment=C1 | to=suspended | by=colombia | by=venezuela");
            history.say("status | commitment=C1 | to=active | by=colombia | by=venezuela");
            history.say(&format!("amendment | commitment=C1 | text=text {number}"));
        }
        steps_of(&history)
    };
    for (few, twice) in [(many(300), many(600)), (one(300), one(600))] {
        assert!(few >= 900, "{few}");
        assert!(twice * 10 <= few * 22, "{few} steps, then {twice}");
    }
}

/// A question about one party leaves out records in between, which change what was asked for.
#[test]
fn records_that_are_not_asked_for_do_not_show_in_the_differences() {
    let mut history = simple(" | deadline=2023-06-30");
    history.on("2023-05-05").say_all(&[
        "commitment | id=C2 | agreement=A1 | text=t | debtor=colombia | creditor=venezuela",
        "amendment | commitment=C2 | text=u",
    ]);
    let question = Question {
        since: Some(Bound::Record(Seq(6))),
        until: Some(Bound::Record(Seq(6))),
        ..Question::default()
    };
    let changes = history.ask(&Changes, "2024-01-01", &question);
    let rows = columns(&changes, "differences", &["id", "field", "after"]);
    assert!(
        rows.contains(&vec!["C2".into(), "text".into(), "t".into()]),
        "{rows:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// What stood at the beginning, with the differences, is what stands at the end.
    #[test]
    fn the_differences_lead_from_one_end_to_the_other(
        history in histories(30..140),
        from in 1..30usize,
        length in 1..110usize,
    ) {
        let until = (from + length).min(history.len());
        let [first, last, whole] = [from, until, history.len()].map(|n| state(&history[..n]));
        let question = Question {
            since: Some(Bound::Record(Seq(from as u64))),
            until: Some(Bound::Record(Seq(until as u64 - 1))),
            ..Question::default()
        };
        let changes = Changes.document(&View::whole(&whole), &question);
        let mut terms = all(&first);
        for row in columns(&changes, "differences", &["id", "field", "before", "after"]) {
            let [id, field, before, after] = <[String; 4]>::try_from(row).unwrap();
            let fields = terms.entry(id.clone()).or_default();
            prop_assert_eq!(fields.remove(&field).unwrap_or_default(), before, "{} {}", id, field);
            if !after.is_empty() {
                fields.insert(field, after);
            }
            if fields.is_empty() {
                terms.remove(&id);
            }
        }
        prop_assert_eq!(terms, all(&last));
    }
}
