//! Two years of follow-ups, recorded by answering: a dispute of a mutual promise, a partial fulfilment, a missed meeting
//! series, a renamed party, two that were merged, a correction. What the reports then say, sentence by sentence.

use super::secretary::{ESCAPE, Secretary};
use crate::program::Scratch;

const KEEP: (&str, &str) = ("Is it right?", "keep it");
const RECORD: (&str, &str) = ("Is it right?", "record it now");

/// Answers the questions of `add`, and gives the receipts.
#[track_caller]
fn told(scratch: &Scratch, dialog: &[(&str, &str)]) -> String {
    let mut secretary = Secretary::runs(scratch, &["add"]);
    secretary.answers_all(dialog);
    secretary.has_recorded()
}

#[track_caller]
fn says(scratch: &Scratch, words: &[&str], sentences: &[&str]) {
    let said = scratch.run(words).ok();
    for sentence in sentences {
        assert!(said.contains(sentence), "no `{sentence}` in:\n{said}");
    }
}

fn communique() -> Scratch {
    let scratch = Scratch::with_ledger();
    for fixture in ["communique", "communique-follow-ups"] {
        let path = format!("{}/fixtures/{fixture}.ndjson", env!("CARGO_MANIFEST_DIR"));
        scratch.run(&["import", &path]).ok();
    }
    scratch
}

/// What is asked after the source, its place and no other source.
const THE_ROADMAP: [(&str, &str); 3] = [
    ("source:", "S4: "),
    ("place:", "the roadmap"),
    ("another source, or place:", ""),
];

#[test]
fn a_mutual_promise_is_disputed_and_the_accuser_breaks_nothing() {
    let scratch = communique();
    let receipts = told(
        &scratch,
        &[
            ("What happened?", "status"),
            ("commitment:", "C1: "),
            ("to:", "active"),
            ("on:", "1 June 2023"),
            ("by:", "the terms"),
            ("source:", ""),
            KEEP,
            ("What else happened?", "status"),
            ("commitment:", "C1: "),
            ("to:", "breached"),
            ("on:", "10 January 2024"),
            ("by:", "(venezuela)"),
            ("another by:", ""),
            ("source:", ""),
            KEEP,
            ("What else happened?", "contest"),
            ("commitment:", "C1: "),
            ("to:", "claimed"),
            ("text:", "no unit came to the crossings"),
            ("on:", "10 January 2024"),
            ("by:", "(venezuela)"),
            ("another by:", ""),
            ("source:", ""),
            KEEP,
            ("What else happened?", "contest"),
            ("commitment:", "C1: "),
            ("to:", "disputed"),
            ("text:", "two posts were opened"),
            ("on:", "20 January 2024"),
            ("by:", "(colombia)"),
            ("another by:", ""),
            ("source:", ""),
            RECORD,
        ],
    );
    for sentence in [
        "record 39  status: C1 went from agreed to active for Colombia and Venezuela, by its terms",
        "record 40  status: C1 went from active to breached for Colombia, says Venezuela",
        "record 41  contest: the contest about C1 began as claimed, says Venezuela: no unit came to the crossings",
        "record 42  contest: the contest about C1 went from claimed to disputed, says Colombia: two posts were opened",
        "undo: servanda record retraction 42 --reason REASON, and so on back to record 39",
    ] {
        assert!(
            receipts.contains(sentence),
            "no `{sentence}` in:\n{receipts}"
        );
    }
    let at = ["--as-of", "2024-06-30", "--format", "csv"];
    says(
        &scratch,
        &[&["list", "commitments"], &at[..]].concat(),
        &["unspecified,breached,colombia breached; venezuela active,2024-01-10,,disputed,undated"],
    );
    says(
        &scratch,
        &[&["report", "party"], &at[..]].concat(),
        &[
            "colombia,Colombia,state,4,agreed 3; breached 1,4,agreed 3; active 1",
            "venezuela,Venezuela,state,4,agreed 3; active 1,4,agreed 3; breached 1",
        ],
    );
    says(
        &scratch,
        &["report", "due", "--as-of", "2024-06-30"],
        &["colombia breached, venezuela", "1 of 4 (25%)"],
    );
}

#[test]
fn a_preview_shows_what_stands_before_and_after() {
    let scratch = communique();
    let mut secretary = Secretary::runs(&scratch, &["record", "status", "C2"]);
    secretary.answers_all(&[
        ("to:", "claimed"),
        ("on:", "2024-05-02"),
        ("by:", "(colombia)"),
        ("another by:", ""),
        ("source:", ""),
    ]);
    let (preview, _) = secretary.answers("Is it right?", "leave this event out");
    for sentence in [
        "status: C2 went from agreed to claimed for Colombia, says Colombia",
        "C2 differs: nothing before, colombia claimed; venezuela agreed after",
    ] {
        assert!(preview.contains(sentence), "no `{sentence}` in:\n{preview}");
    }
    secretary.reads();
    secretary.types(ESCAPE);
    let said = secretary.has_recorded();
    assert!(said.contains("nothing was recorded"), "{said}");
    assert_eq!(scratch.run(&["export"]).ok().lines().count(), 39);
}

#[test]
fn a_promise_is_kept_in_part() {
    let scratch = communique();
    told(
        &scratch,
        &[
            ("What happened?", "status"),
            ("commitment:", "C2: "),
            ("to:", "active"),
            ("on:", "2024-02-01"),
            ("by:", "the terms"),
            ("source:", ""),
            KEEP,
            ("What else happened?", "status"),
            ("commitment:", "C2: "),
            ("to:", "claimed"),
            ("on:", "2024-05-02"),
            ("by:", "(colombia)"),
            ("another by:", ""),
            ("source:", ""),
            KEEP,
            ("What else happened?", "status"),
            ("commitment:", "C2: "),
            ("to:", "partial"),
            ("on:", "2024-06-01"),
            ("by:", "(venezuela)"),
            ("another by:", ""),
            ("source:", ""),
            ("Is it right?", "change"),
            ("Which field?", "note"),
            ("note:", "the channel works by day only"),
            RECORD,
        ],
    );
    says(
        &scratch,
        &["show", "C2", "--as-of", "2024-06-30", "--format", "csv"],
        &["differs,colombia partial; venezuela active"],
    );
    says(
        &scratch,
        &[
            "report",
            "changes",
            "--from",
            "39",
            "--as-of",
            "2024-06-30",
            "--format",
            "csv",
        ],
        &[
            "C2 standing,agreed,active",
            "C2 standing,active,\"active; differs: colombia claimed, venezuela active\"",
            "C2 standing,\"active; differs: colombia claimed, venezuela active\",\"active; differs: colombia partial, venezuela active\"",
        ],
    );
    says(
        &scratch,
        &[
            "report",
            "party",
            "--as-of",
            "2024-06-30",
            "--format",
            "csv",
        ],
        &["colombia,Colombia,state,4,agreed 3; partial 1,4,agreed 3; active 1"],
    );
    says(
        &scratch,
        &["show", "41"],
        &["the channel works by day only"],
    );
}

#[test]
fn a_series_of_meetings_is_missed() {
    let scratch = communique();
    let amendment = [
        ("What happened?", "amendment"),
        ("commitment:", "C3: "),
        ("instrument:", "A2: "),
        ("deadline:", "every 3 months"),
        ("on:", "17 Nov 2023"),
        ("by:", "(colombia)"),
        ("another by:", "(venezuela)"),
        ("another by:", ""),
    ];
    let meetings = [
        KEEP,
        ("What else happened?", "occurrence"),
        ("commitment:", "C3: "),
        ("occurrence:", "first"),
        ("place:", "Cúcuta"),
        ("text:", ""),
        ("on:", "20 Feb 2024"),
        ("by:", ""),
        ("source:", ""),
        KEEP,
        ("What else happened?", "occurrence"),
        // It is the only one that recurs.
        ("commitment:", ""),
        ("occurrence:", "second"),
        ("place:", ""),
        ("text:", ""),
        ("on:", "17 August 2024"),
        ("by:", ""),
        ("source:", ""),
        RECORD,
    ];
    let mut secretary = Secretary::runs(&scratch, &["add"]);
    secretary.answers_all(&amendment[..4]);
    // The rule is said as it was understood.
    let (said, _) = secretary.reads();
    assert!(
        said.contains(
            "every 3 months is RRULE:FREQ=MONTHLY;INTERVAL=3; counted from today, the next day is"
        ),
        "{said}"
    );
    secretary.types("17 Nov 2023\r");
    secretary.answers_all(&amendment[5..]);
    secretary.answers_all(&THE_ROADMAP);
    secretary.answers_all(&meetings);
    let receipts = secretary.has_recorded();
    for sentence in [
        "C3 was amended by A2: deadline from recurring to RRULE:FREQ=MONTHLY;INTERVAL=3",
        "occurrence first of C3 took place in Cúcuta",
        "occurrence second of C3 took place",
    ] {
        assert!(
            receipts.contains(sentence),
            "no `{sentence}` in:\n{receipts}"
        );
    }
    let table = [
        "report",
        "due",
        "--as-of",
        "2025-06-30",
        "--format",
        "csv",
        "--table",
    ];
    says(
        &scratch,
        &[&table[..], &["occurrences"]].concat(),
        &[
            "C3,1,2024-02-17,held,2024-02-20,first,40",
            "C3,2,2024-05-17,missed,,,",
            "C3,3,2024-08-17,held,2024-08-17,second,41",
            "C3,4,2024-11-17,missed,,,",
            "C3,5,2025-02-17,missed,,,",
            "C3,6,2025-05-17,missed,,,",
            "C3,7,2025-08-17,next,,,",
        ],
    );
    says(
        &scratch,
        &["report", "due", "--as-of", "2025-06-30"],
        &[
            "2 of 6 (33%)",
            "4 of 6 (67%)",
            "missed: nothing is recorded for that day, which is no breach",
        ],
    );
}

#[test]
fn parties_are_renamed_and_merged_and_a_deadline_corrected() {
    let scratch = communique();
    let mut dialog = vec![
        ("What happened?", "rename"),
        ("party:", "(fanb)"),
        ("name:", "Bolivarian Armed Forces"),
        ("another name:", ""),
        ("on:", "2024-09-01"),
        ("by:", ""),
        ("source:", ""),
        KEEP,
        ("What else happened?", "commitment"),
        ("agreement:", "A2: "),
        ("text:", "Patrol the crossings together"),
        ("modality:", ""),
        ("debtor:", "(units-colombia)"),
        ("another debtor:", ""),
        ("creditor:", "(units-venezuela)"),
        ("another creditor:", ""),
        ("mutual:", "no"),
        ("deadline:", "31 December 2024"),
        ("on:", ""),
    ];
    dialog.extend(THE_ROADMAP);
    dialog.extend([
        ("id: (C5)", ""),
        KEEP,
        ("What else happened?", "succession"),
        ("party:", "(units-colombia)"),
        ("successor:", "add a new"),
        // The party that is not there yet is registered in between.
        ("kind:", "unit"),
        ("name:", "Joint Border Units"),
        ("another name:", ""),
        ("parent:", ""),
        ("source:", ""),
        ("id: (joint-border-units)", ""),
        ("Is it right?", "take it"),
        ("another successor:", ""),
        ("on:", "2025-01-01"),
        ("by:", ""),
        ("source:", ""),
        KEEP,
        ("What else happened?", "succession"),
        ("party:", "(units-venezuela)"),
        ("successor:", "(joint-border-units)"),
        ("another successor:", ""),
        ("on:", "2025-01-01"),
        ("by:", ""),
        ("source:", ""),
        RECORD,
    ]);
    told(&scratch, &dialog);
    let receipts = told(
        &scratch,
        &[
            ("What happened?", "correction"),
            ("record:", "patrol the crossings"),
            ("field:", "deadline"),
            ("what deadline should say:", "30 November 2024"),
            ("reason:", "the roadmap says the end of November"),
            RECORD,
        ],
    );
    assert!(
        receipts.contains(
            "correction: record 40 (C5) was corrected, deadline from 2024-12-31 to 2024-11-30: the roadmap says the end of November"
        ),
        "{receipts}"
    );
    says(
        &scratch,
        &["log", "--limit", "1000", "--format", "csv"],
        &[
            "fanb was renamed from Bolivarian National Armed Forces of Venezuela to Bolivarian Armed Forces",
            "Regional Military Units of Colombia in the border areas was succeeded by Joint Border Units",
            "Regional Military Units of Venezuela in the border areas was succeeded by Joint Border Units",
        ],
    );
    says(
        &scratch,
        &["report", "due", "--as-of", "2025-06-30", "--format", "csv"],
        &[
            "overdue,C5,Patrol the crossings together,units-colombia,2024-11-30,212,agreed",
            "debtor units-colombia is now joint-border-units; creditor units-venezuela is now joint-border-units; \
             debtor and creditor are now one: joint-border-units",
        ],
    );
    says(
        &scratch,
        &[
            "report",
            "party",
            "--as-of",
            "2025-06-30",
            "--format",
            "csv",
        ],
        &[
            "fanb,Bolivarian Armed Forces,organ",
            "joint-border-units,Joint Border Units,unit,0,,0,,0,0,units-colombia; units-venezuela",
        ],
    );
}
