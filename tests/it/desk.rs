//! The recorder's desk without a terminal: dates and names as people write them, all errors at once, suggestions, and the
//! editor that loses no line.

use std::fs;
use std::path::PathBuf;

use crate::program::{Outcome, Scratch, run};

/// A ledger with two parties, an agreement and a commitment.
fn desk() -> Scratch {
    let scratch = Scratch::with_ledger();
    for words in [
        "record party moda --kind organ --name|Ministry of Defence of Ardania",
        "record party modb --kind organ --name|Ministry of Defence of Bresia",
        "record party velasquez --kind person --name|Iván Velásquez --parent moda",
        "record source S1 --kind article --title|Ministers meet",
        "record agreement A1 --title|Joint statement --party moda --party modb --on 2023-05-11",
        "record commitment C1 --agreement A1 --text|Open a channel --debtor moda --creditor modb",
        "record commitment C2 --agreement A1 --text|Meet again --debtor modb --creditor moda --deadline 2024",
    ] {
        record(&scratch, words).ok();
    }
    scratch
}

/// Runs a command: its words are separated by spaces; what follows a `|` is one word up to the next ` --`.
#[track_caller]
fn record(scratch: &Scratch, line: &str) -> Outcome {
    scratch.run(&words(line))
}

fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for part in line.split(" --") {
        let part = match words.is_empty() {
            true => part.to_owned(),
            false => format!("--{part}"),
        };
        match part.split_once('|') {
            Some((before, text)) => {
                words.extend(before.split_whitespace().map(str::to_owned));
                words.push(text.to_owned());
            }
            None => words.extend(part.split_whitespace().map(str::to_owned)),
        }
    }
    words
}

/// The last record of a ledger, as `export` writes it.
fn last(scratch: &Scratch) -> String {
    let all = scratch.run(&["export"]).ok();
    all.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn dates_in_words_are_recorded_as_the_day_they_name() {
    let scratch = desk();
    for (typed, flag, written) in [
        ("May 11, 2023", "on", "2023-05-11"),
        ("11 May 2023", "on", "2023-05-11"),
        ("May 2023", "on", "2023-05"),
        ("before 11 May 2023", "on", "before 2023-05-11"),
    ] {
        let outcome = record(&scratch, &format!("record note --text x --{flag}|{typed}"));
        assert!(
            outcome
                .stderr
                .contains(&format!("on: {typed} is {written}\n")),
            "{outcome:#?}"
        );
        let line = last(&scratch);
        assert!(line.contains(&format!(r#""on":"{written}""#)), "{line}");
    }
    // What counts from today says where today is.
    let outcome = record(&scratch, "record note --text x --on|last month");
    assert!(outcome.stderr.contains(" here (UTC"), "{outcome:#?}");
    // One door for deadlines, clocks and stretches of time.
    let line =
        "record commitment C3 --agreement A1 --text y --debtor moda --deadline|every 3 months";
    let outcome = record(&scratch, line);
    let said = "deadline: every 3 months is RRULE:FREQ=MONTHLY;INTERVAL=3; counted from today, the next day is ";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    assert!(last(&scratch).contains(r#""deadline":"RRULE:FREQ=MONTHLY;INTERVAL=3""#));
    // A rule counts from the day of its record, as the report of what is due says.
    let line = "record commitment C4 --agreement A1 --text y --debtor moda --deadline|every 3 months --on|2023-05-11";
    let outcome = record(&scratch, line);
    let (_, next) = outcome
        .stderr
        .split_once("counted from 2023-05-11, the next day is ")
        .unwrap();
    let next = &next[..10];
    let due = record(&scratch, "report due --format json").ok();
    let due: serde_json::Value = serde_json::from_str(&due).unwrap();
    let rows = due["tables"]["occurrences"].as_array().unwrap();
    let expected = rows
        .iter()
        .filter(|row| row["id"] == "C4" && row["state"] == "next");
    let expected: Vec<_> = expected
        .map(|row| row["expected"].as_str().unwrap())
        .collect();
    assert_eq!(expected, [next]);
    let as_of = record(&scratch, "list commitments --as-of|11 May 2023").ok();
    assert!(as_of.contains("as of 2023-05-11"), "{as_of}");
    for stretch in [
        "--since|1 May 2023 --until|end of May 2023",
        "--until|today",
    ] {
        let shown = record(&scratch, &format!("log --format csv {stretch}")).ok();
        assert!(shown.contains("agreed to A1"), "{stretch}: {shown}");
    }
    let none = record(&scratch, "log --format csv --since|before May 2023");
    none.fails(2, &["--since", "names no day"]);
}

#[test]
fn an_ambiguous_date_is_asked_back_and_an_unknown_one_lists_every_form() {
    let scratch = desk();
    let before = scratch.records();
    record(&scratch, "record note --text x --on 11/05/2023").fails(
        1,
        &["on: `11/05/2023` is 11 May 2023 or 5 November 2023: write 2023-05-11 or 2023-11-05"],
    );
    record(&scratch, "log --since 11/05/2023").fails(2, &["2023-05-11 or 2023-11-05"]);
    record(&scratch, "record note --text x --on soon").fails(
        1,
        &[
            "on: `soon` is not a date",
            "2023-05/2023-07",
            "11 May 2023",
            "last month",
        ],
    );
    record(&scratch, "record amendment C1 --deadline soon")
        .fails(1, &["every 3 months", "continuing", "11 May 2023"]);
    record(&scratch, "report status --as-of soon").fails(2, &["--as-of", "last month"]);
    assert_eq!(scratch.records(), before);
}

#[test]
fn files_are_read_as_ndjson_is() {
    let scratch = desk();
    let strict = scratch.run_on(
        &["record", "note", "--file", "-"],
        r#"{"text":"x","on":"11 May 2023"}"#,
    );
    strict.fails(1, &["on: `11 May 2023` is not a date"]);
    let strict = scratch.run_on(
        &["record", "note", "--file", "-"],
        r#"{"text":"x","by":["Velasquez"]}"#,
    );
    strict.fails(1, &["no party is called Velasquez"]);
    // An option beside the file is typed.
    let typed = ["record", "note", "--file", "-", "--on", "11 May 2023"];
    scratch.run_on(&typed, r#"{"text":"x"}"#).ok();
    assert!(last(&scratch).contains("2023-05-11"));
}

#[test]
fn ids_are_found_by_their_beginning_their_case_and_their_names() {
    let scratch = desk();
    for by in [
        "velasquez",
        "VELASQUEZ",
        "vel",
        "Iván Velásquez",
        "ivan velasquez",
        "Velasq",
    ] {
        record(&scratch, &format!("record note --text x --by|{by}")).ok();
        assert!(last(&scratch).contains(r#""by":["velasquez"]"#), "{by}");
    }
    let said = record(
        &scratch,
        "record status c1 Active --by|Ministry of Defence of Ardania",
    );
    assert!(
        said.stderr
            .contains("commitment: c1 is C1 (Open a channel)"),
        "{said:#?}"
    );
    assert!(
        said.stderr
            .contains("is moda (Ministry of Defence of Ardania)"),
        "{said:#?}"
    );
    said.ok();
    for (command, shown) in [
        ("show|Iván Velásquez", "Party velasquez"),
        ("show MODA", "Party moda"),
        ("show|Open a channel", "Commitment C1"),
        (
            "list commitments --party|Ministry of Defence of Bresia",
            "C2",
        ),
        ("report party --party Modb --format csv", "modb,"),
        ("list commitments --agreement|joint statement", "C1"),
        (
            "record note --text x --source|ministers meet: page 2",
            "noted: x",
        ),
    ] {
        let outcome = record(&scratch, command).ok();
        assert!(outcome.contains(shown), "{command}: {outcome}");
    }
    assert!(last(&scratch).contains(r#""S1: page 2""#));
    // What several begin with is asked back, with their names.
    let candidates =
        "`mod` may be moda (Ministry of Defence of Ardania), modb (Ministry of Defence of Bresia)";
    record(&scratch, "record note --text x --by mod").fails(1, &[candidates]);
    record(&scratch, "show mod").fails(1, &[candidates]);
    record(&scratch, "record note --text x --by|Ministry of Defence")
        .fails(1, &[&candidates["`mod`".len()..]]);
    let other = "A1 is no party, it names the agreement of record 5";
    record(&scratch, "record note --text x --by A1").fails(1, &[other]);
}

#[test]
fn a_record_is_meant_by_its_number_or_by_the_id_it_gives() {
    let scratch = desk();
    record(
        &scratch,
        "record correction c2 --field Deadline --to|May 2025 --reason misread",
    )
    .ok();
    assert!(
        last(&scratch).contains(r#""record":7,"field":"deadline","old":["2024"],"to":["2025-05"]"#),
        "{}",
        last(&scratch)
    );
    record(
        &scratch,
        "record correction #7 --field creditor --to VELASQUEZ --reason misread",
    )
    .ok();
    assert!(last(&scratch).contains(r#""to":["velasquez"]"#));
    // After an amendment an id may mean either record.
    record(&scratch, "record amendment C2 --deadline 2026").ok();
    record(
        &scratch,
        "record correction C2 --field deadline --to 2027 --reason misread",
    )
    .fails(1, &["record: `C2` may be 7 (", "10 (C2 was amended"]);
    record(
        &scratch,
        "record correction C2 --field text --to|Meet --reason misread",
    )
    .ok();
    record(&scratch, "record note --text wrong").ok();
    record(&scratch, "record retraction #12 --reason wrong").ok();
    record(&scratch, "record retraction 99 --reason wrong").fails(1, &["there is no record 99"]);
}

#[test]
fn what_is_mistyped_is_suggested_from_the_ledger() {
    let scratch = desk();
    for (command, code, says) in [
        (
            "record note --text x --by modz",
            1,
            "no party is called `modz`; did you mean moda or modb?",
        ),
        ("record status C9 claimed", 1, "did you mean C1 or C2?"),
        ("show velasqez", 1, "did you mean velasquez?"),
        (
            "list commitments --party velasqez",
            1,
            "did you mean velasquez?",
        ),
        (
            "record correction C2 --field deadlin --to 2024 --reason x",
            1,
            "did you mean deadline?",
        ),
        ("record status C1 clamed", 2, "did you mean claimed?"),
        (
            "record status C1 claimed --deadlin x",
            2,
            "--deadlin: there is no such option",
        ),
        (
            "record note --tex x",
            2,
            "--tex: there is no such option; did you mean --text?",
        ),
        ("report overdue", 2, "'due'"),
        ("record comitment", 2, "'commitment'"),
        ("lag", 2, "'log'"),
    ] {
        record(&scratch, command).fails(code, &[says]);
    }
    for destructive in ["edit", "redct", "reduct"] {
        let outcome = scratch.run(&[destructive]);
        assert!(!outcome.stderr.contains("'redact'"), "{outcome:#?}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let scratch = desk();
    let before = scratch.records();
    record(
        &scratch,
        "record commitment C3 --agreement|none such --modality must --deadline soon --creditor modz --colour red --wait x",
    )
    .fails(
        2,
        &[
            "8 fields are wrong; nothing was recorded",
            "--colour: there is no such option",
            "--wait: `x`: invalid digit",
            "agreement: no agreement is called `none such`",
            "modality: `must` is not one of",
            "deadline: `soon` is not a",
            "creditor: no party is called `modz`",
            "text: is required (--text TEXT)",
            "debtor: is required (--debtor PARTY)",
        ],
    );
    record(&scratch, "log --limit many --wait x --format pdf").fails(
        2,
        &[
            "3 arguments are wrong",
            "--limit: `many`",
            "--wait: `x`",
            "--format: `pdf` is not one of",
        ],
    );
    // Without a ledger, what can be seen without one.
    let nowhere = Scratch::empty();
    record(&nowhere, "record note --confidence sure")
        .fails(2, &["text: is required", "confidence: `sure`"]);
    record(&nowhere, "record note --text x").fails(20, &["does not exist"]);
    assert_eq!(scratch.records(), before);
}

#[test]
fn receipts_tell_what_differs_and_how_to_undo() {
    let scratch = desk();
    let new = record(&scratch, "record note --text one --import-key k");
    assert!(
        new.stderr
            .contains("undo: servanda record retraction 8 --reason REASON"),
        "{new:#?}"
    );
    let same = record(&scratch, "record note --text one --import-key k");
    assert!(same.stdout.contains("already record 8  note"), "{same:#?}");
    assert!(!same.stderr.contains("undo"), "{same:#?}");
    let other = record(&scratch, "record note --text two --import-key k --quiet").ok();
    assert!(
        other.contains("already record 8, which says something else  note: noted: one"),
        "{other}"
    );
    let json = record(
        &scratch,
        "record note --text two --import-key k --quiet --format json",
    )
    .ok();
    assert!(json.contains(r#""differs": true"#), "{json}");
    let lines = "{\"event\":\"note\",\"text\":\"one\",\"import_key\":\"k\"}\n{\"event\":\"note\",\"text\":\"three\",\"import_key\":\"k\"}\n{\"event\":\"note\",\"text\":\"new\",\"import_key\":\"n\"}\n";
    let csv = scratch
        .run_on(&["import", "-", "--format", "csv"], lines)
        .ok();
    let flags: Vec<&str> = csv
        .lines()
        .skip(1)
        .filter_map(|line| line.rsplit_once("Z,"))
        .map(|(_, rest)| rest)
        .collect();
    let ends: Vec<String> = flags
        .iter()
        .map(|rest| rest.split(',').skip(1).collect::<Vec<_>>().join(","))
        .collect();
    assert_eq!(ends, ["true,false", "true,true", "false,false"], "{csv}");
}

/// An editor that changes the template with `sed`, and counts how often it was opened.
fn edited(scratch: &Scratch, words: &[&str], script: &str) -> Outcome {
    let mut command = scratch.servanda();
    let opened = scratch.path("opened");
    command.args(words).env(
        "EDITOR",
        format!("echo x >> {}; sed -i -E '{script}'", opened.display()),
    );
    run(command, b"")
}

fn rounds(scratch: &Scratch) -> usize {
    let opened = fs::read_to_string(scratch.path("opened")).unwrap();
    opened.lines().count()
}

/// The file that an error says what was typed is kept in.
fn kept(outcome: &Outcome) -> PathBuf {
    let (_, rest) = outcome
        .stderr
        .split_once("what you typed is kept in ")
        .unwrap();
    rest.lines().next().unwrap().into()
}

#[test]
fn the_editor_opens_again_with_every_error_marked() {
    let scratch = desk();
    // The first round types two wrong values; later ones mend what is marked.
    let script = "s/^text:$/text: heard by telephone/; s/^by:$/by: modz/; s/^on:$/on: soon/; \
                  /^# error: by: no party is called .modz./,/^by:/ s/^by: modz/by: Velásquez/; \
                  /^# error: on: /,/^on:/ s/^on: soon/on: May 11, 2023/";
    let outcome = edited(&scratch, &["record", "note", "--edit"], script);
    assert_eq!(rounds(&scratch), 2);
    assert!(
        outcome.stdout.contains("noted: heard by telephone"),
        "{outcome:#?}"
    );
    let line = last(&scratch);
    assert!(
        line.contains(r#""by":["velasquez"]"#) && line.contains("2023-05-11"),
        "{line}"
    );
}

#[test]
fn what_a_rule_refuses_is_marked_too() {
    let scratch = desk();
    let script =
        "s/^by:$/by: modb/; /^# error: .*allowed|^# error: allowed/,$ s/^by: modb/by: moda/";
    let words = ["record", "status", "C1", "claimed", "--edit"];
    let outcome = edited(&scratch, &words, script);
    assert!(
        outcome.stdout.contains("C1 went from agreed to claimed"),
        "{outcome:#?}"
    );
    assert_eq!(rounds(&scratch), 2);
}

#[test]
fn an_editor_that_is_closed_without_success_loses_no_line() {
    let scratch = desk();
    let before = scratch.records();
    let typed = "s/^text:$/text: a long text that took an hour\\nwhat is this/; s/^by:$/by: modz/";
    let outcome = edited(&scratch, &["record", "note", "--edit"], typed);
    assert!(outcome.stderr.contains("is not a line"), "{outcome:#?}");
    assert_eq!(rounds(&scratch), 2);
    let path = kept(&outcome);
    let text = fs::read_to_string(&path).unwrap();
    for part in [
        "text: a long text that took an hour",
        "what is this",
        "by: modz",
        "# error: by: no party",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(scratch.records(), before);
    // Going on with it.
    let file = path.to_str().unwrap();
    let mend = "/^what is this$/d; s/^by: modz/by: moda/";
    edited(
        &scratch,
        &["record", "note", "--edit", "--file", file],
        mend,
    )
    .ok();
    assert!(last(&scratch).contains("took an hour"));
    // An editor that fails keeps what it wrote.
    let mut command = scratch.servanda();
    command
        .args(["record", "note", "--edit"])
        .env("EDITOR", "sh -c 'echo text: mine >> \"$1\"; exit 3' sh");
    let outcome = run(command, b"");
    outcome.fails(1, &["failed"]);
    assert!(
        fs::read_to_string(kept(&outcome))
            .unwrap()
            .contains("text: mine")
    );
    // Nothing typed, nothing kept.
    let outcome = edited(&scratch, &["record", "note", "--edit"], "");
    assert!(
        outcome.stderr.contains("the template is empty"),
        "{outcome:#?}"
    );
    assert!(!outcome.stderr.contains("kept"), "{outcome:#?}");
}
