//! Import and export: a file goes in once however often it is imported, and what comes out goes into another
//! ledger as the same events.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::Scratch;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

fn communique() -> String {
    format!("{FIXTURES}/communique.ndjson")
}

fn follow_ups() -> String {
    format!("{FIXTURES}/communique-follow-ups.ndjson")
}

/// A ledger with both files of the communiqué.
fn with_communique() -> Scratch {
    let scratch = Scratch::with_ledger();
    scratch.run(&["import", &communique()]).ok();
    scratch.run(&["import", &follow_ups()]).ok();
    scratch
}

/// The receipts as they were printed: the record's number after each word before it, and its link.
fn receipts(text: &str) -> Vec<(String, u64, String)> {
    let mut found = Vec::new();
    let mut lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("C"));
    while let (Some(record), Some(link)) = (lines.next(), lines.next()) {
        let (verb, rest) = record.split_once("record ").unwrap();
        let seq = rest.split(' ').next().unwrap().parse().unwrap();
        let link = link.strip_prefix("  link ").unwrap();
        found.push((verb.to_owned(), seq, link.to_owned()));
    }
    found
}

/// An export without what a ledger gives its records: place and time.
fn events(export: &str) -> Vec<Value> {
    let event = |line: &str| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        let fields = event.as_object_mut().unwrap();
        assert!(fields.remove("seq").unwrap().is_u64());
        assert!(fields.remove("recorded_at").unwrap().is_string());
        event
    };
    export.lines().map(event).collect()
}

/// The events without the one that opens the ledger.
fn recorded(scratch: &Scratch) -> Vec<Value> {
    events(&scratch.run(&["export"]).ok()).split_off(1)
}

#[test]
fn importing_again_appends_nothing_and_gives_the_first_receipts() {
    let scratch = Scratch::with_ledger();
    let lines = "{\"event\":\"note\",\"text\":\"a\"}\n\n{\"event\":\"note\",\"text\":\"b\"}\n";
    let file = scratch.write("minutes.ndjson", lines);
    let words = ["import", file.to_str().unwrap(), "--key", "minutes"];
    let first = receipts(&scratch.run(&words).ok());
    let before = (scratch.kept_files(), scratch.records());

    let again = scratch.run(&words);
    assert!(
        again
            .stderr
            .contains("2 lines read, 0 appended, 2 recorded before"),
        "{again:#?}"
    );
    let again = receipts(&again.ok());
    assert_eq!((scratch.kept_files(), scratch.records()), before);
    for (new, old) in again.iter().zip(&first) {
        assert_eq!((new.0.as_str(), old.0.as_str()), ("already ", ""));
        assert_eq!((new.1, &new.2), (old.1, &old.2));
    }
    assert_eq!(again.len(), 2);

    // Grown, even by a line that names an earlier one, only what is new goes in.
    let grown = format!("{lines}{{\"event\":\"note\",\"text\":\"c\",\"about\":\"@minutes:1\"}}\n");
    scratch.write("minutes.ndjson", grown);
    let verbs: Vec<_> = receipts(&scratch.run(&words).ok())
        .into_iter()
        .map(|line| (line.0, line.1))
        .collect();
    let expected = [("already ", 1), ("already ", 2), ("", 3)];
    assert!(
        verbs
            .iter()
            .map(|(verb, seq)| (verb.as_str(), *seq))
            .eq(expected),
        "{verbs:?}"
    );
    let keys: Vec<_> = recorded(&scratch)
        .iter()
        .map(|event| event["import_key"].clone())
        .collect();
    assert_eq!(keys, ["minutes:1", "minutes:3", "minutes:4"]);
    assert_eq!(recorded(&scratch)[2]["about"], serde_json::json!([1]));
}

/// A key says that an event is known. If the event has become another, that must not pass for imported.
#[test]
fn a_known_key_with_another_event_is_told() {
    let scratch = Scratch::with_ledger();
    let note = |text: &str| format!("{{\"event\":\"note\",\"text\":\"{text}\"}}\n");
    let words = ["import", "-", "--key", "k"];
    scratch.run_on(&words, note("a") + &note("b")).ok();
    // A line put in the middle moves the others.
    let moved = scratch.run_on(&words, note("a") + &note("new") + &note("b"));
    let hint = "not what was recorded under the same import key, and not appended: line 2\n";
    assert!(moved.stderr.contains(hint), "{moved:#?}");
    let receipts = moved.ok();
    assert!(
        receipts.contains("already record 2, which says something else  note: noted: b\n"),
        "{receipts}"
    );
    assert!(!receipts.contains(": new"), "{receipts}");
    let again = scratch.run_on(&words, note("a") + &note("b"));
    assert!(
        !again.stderr.contains("not what was recorded"),
        "{again:#?}"
    );

    let words = ["record", "note", "--import-key", "k:1", "--text", "other"];
    let outcome = scratch.run(&words);
    let receipt = outcome.ok();
    assert!(
        receipt.contains("already record 1, which says something else  note: noted: a\n"),
        "{receipt}"
    );

    // What the ledger fills in is no difference.
    let lines = REFERENCES.replace("\"C1\"", "0").replace("\"C2\"", "0");
    scratch.run_on(&["import", "-"], &lines).ok();
    let again = scratch.run_on(&["import", "-"], &lines);
    assert!(
        !again.stderr.contains("not what was recorded"),
        "{again:#?}"
    );
    again.ok();
}

#[test]
fn lines_without_keys_are_told_that_they_would_be_appended_again() {
    let scratch = Scratch::with_ledger();
    let line = "{\"event\":\"note\",\"text\":\"a\"}";
    let outcome = scratch.run_on(&["import", "-"], line);
    assert!(outcome.stderr.contains("see --key"), "{outcome:#?}");
    outcome.ok();
    scratch.run_on(&["import", "-"], line).ok();
    assert_eq!(recorded(&scratch).len(), 2);
    // A key of the line's own is kept.
    let line = "{\"event\":\"note\",\"text\":\"a\",\"import_key\":\"mine\"}";
    scratch.run_on(&["import", "-", "--key", "file"], line).ok();
    assert_eq!(recorded(&scratch)[2]["import_key"], "mine");
}

#[test]
fn keys_name_records_of_the_file_and_of_the_ledger() {
    let scratch = with_communique();
    let expected: BTreeSet<_> = ["communique:C2", "communique:M1"]
        .map(place_of(&scratch))
        .into();
    let named = |event: &Value| {
        let record = event.get("record").or_else(|| event.get("about")?.get(0))?;
        record.as_u64()
    };
    let found: BTreeSet<_> = recorded(&scratch).iter().filter_map(named).collect();
    assert_eq!(found, expected);

    let unknown = "{\"event\":\"note\",\"text\":\"a\",\"about\":\"@nobody:1\"}";
    let outcome = scratch.run_on(&["import", "-"], unknown);
    outcome.fails(
        1,
        &["line 1: about: no record has the import key `nobody:1`"],
    );
    // A key names only what stands before.
    let forward = "{\"event\":\"note\",\"text\":\"a\",\"about\":\"@k:2\"}\n{\"event\":\"note\",\"text\":\"b\"}";
    let outcome = scratch.run_on(&["import", "-", "--key", "k"], forward);
    outcome.fails(1, &["line 1: about: no record has the import key `k:2`"]);
}

/// The number of the record with a key.
fn place_of(scratch: &Scratch) -> impl FnMut(&str) -> u64 {
    let events = events(&scratch.run(&["export"]).ok());
    move |key| {
        events
            .iter()
            .position(|event| event["import_key"] == key)
            .unwrap() as u64
    }
}

/// Corrections of texts and of what names records, notes about records, retractions.
const REFERENCES: &str = r#"{"event":"note","text":"one","import_key":"r:1"}
{"event":"note","text":"two","about":["@r:1","C1"],"import_key":"r:2"}
{"event":"note","text":"three","about":["@r:1"],"import_key":"r:3"}
{"event":"correction","record":"@r:3","field":"about","to":["@r:2","C2"],"reason":"the other one","import_key":"r:4"}
{"event":"correction","record":"@r:1","field":"text","to":["28"],"reason":"a number of things","import_key":"r:5"}
{"event":"note","text":"five","import_key":"r:6"}
{"event":"retraction","record":"@r:6","reason":"recorded twice","import_key":"r:7"}
"#;

#[test]
fn an_export_imported_elsewhere_is_the_same_events() {
    let old = with_communique();
    old.run_on(&["import", "-"], REFERENCES).ok();
    old.run(&["verify"]).ok();
    let export = old.run(&["export"]).ok();
    let new = Scratch::with_ledger();
    let outcome = new.run_on(&["import", "-"], &export);
    assert!(
        outcome
            .stderr
            .contains("1 passed over (openings and acknowledgements belong to their own ledger)"),
        "{outcome:#?}"
    );
    outcome.ok();
    new.run(&["verify"]).ok();
    assert_eq!(events(&new.run(&["export"]).ok()), events(&export));
    // Without keys too, for then numbers are all that lines have.
    let bare: String = export
        .lines()
        .map(|line| {
            let mut event: Value = serde_json::from_str(line).unwrap();
            event.as_object_mut().unwrap().remove("import_key");
            format!("{event}\n")
        })
        .collect();
    let keyless = Scratch::with_ledger();
    keyless.run_on(&["import", "-"], &bare).ok();
    assert_eq!(events(&keyless.run(&["export"]).ok()), events(&bare));
}

/// Rules that came when there were ledgers already are not asked of what another ledger recorded before them.
#[test]
fn an_export_of_what_is_refused_today_is_imported() {
    let old = [
        r#"{"event":"party","id":"north","kind":"state","name":["North"],"seq":1}"#,
        r#"{"event":"party","id":"NORTH","kind":"state","name":["North"],"seq":2}"#,
        r#"{"event":"agreement","id":"A1","title":"t","party":["north","north"],"seq":3}"#,
    ];
    let scratch = Scratch::with_ledger();
    scratch.run_on(&["import", "-"], old.join("\n")).ok();
    let export = scratch.run(&["export"]).ok();
    assert!(export.contains(r#"["north","north"]"#), "{export}");
    let other = Scratch::with_ledger();
    other.run_on(&["import", "-"], &export).ok();
    assert_eq!(recorded(&other), recorded(&scratch));
    other.run(&["verify"]).ok();
    // Without numbers they are new, and refused.
    let new = old.join("\n");
    let new: String = (1..4).fold(new, |text, seq| {
        text.replace(&format!(",\"seq\":{seq}"), "")
    });
    let refused = Scratch::with_ledger().run_on(&["import", "-"], &new);
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(
        refused.stderr.contains("north is named twice"),
        "{refused:#?}"
    );
}

#[test]
fn records_are_renumbered_where_others_stand_before_them() {
    const OTHERS: u64 = 3;
    let old = with_communique();
    old.run_on(&["import", "-"], REFERENCES).ok();
    let export = old.run(&["export"]).ok();
    let new = Scratch::with_ledger();
    for _ in 0..OTHERS {
        new.run(&["record", "note", "--text", "here already"]).ok();
    }
    new.run_on(&["import", "-"], &export).ok();
    new.run(&["verify"]).ok();
    let mut found = recorded(&new).split_off(OTHERS as usize);
    let expected = events(&export).split_off(1);
    let mut renumbered = 0;
    for event in &mut found {
        for number in numbers(event) {
            *number = Value::from(number.as_u64().unwrap() - OTHERS);
            renumbered += 1;
        }
        // The values of a corrected field are texts, whatever the field names.
        if event["field"] == "about" {
            for texts in ["old", "to"] {
                let text = event[texts][0].as_str().unwrap();
                let number: u64 = text.parse().unwrap();
                event[texts][0] = (number - OTHERS).to_string().into();
                renumbered += 1;
            }
        }
    }
    assert_eq!(found, expected);
    // One correction and two notes of the follow-ups; the rest stands above.
    assert_eq!(renumbered, 3 + 7);
}

/// The record numbers in an event.
fn numbers(event: &mut Value) -> Vec<&mut Value> {
    let fields = event.as_object_mut().unwrap().iter_mut();
    let named = fields.filter(|(name, _)| matches!(name.as_str(), "record" | "about"));
    let mut found = Vec::new();
    for (_, value) in named {
        match value {
            Value::Array(values) => found.extend(values.iter_mut().filter(|value| value.is_u64())),
            one => found.extend(one.is_u64().then_some(one)),
        }
    }
    found
}

#[test]
fn a_part_of_an_export_that_names_what_is_not_in_it_is_refused() {
    let old = Scratch::with_ledger();
    old.run(&["record", "note", "--text", "one"]).ok();
    old.run(&["record", "note", "--text", "two", "--about", "1"])
        .ok();
    let export = old.run(&["export"]).ok();
    let last = export.lines().last().unwrap();
    let new = Scratch::with_ledger();
    let outcome = new.run_on(&["import", "-"], last);
    outcome.fails(
        1,
        &[
            "line 1: about: no line before this one has seq 1",
            "nothing was appended",
        ],
    );
    let twice = format!("{export}{last}");
    let outcome = new.run_on(&["import", "-"], &twice);
    outcome.fails(1, &["line 4: seq: 2 stands twice"]);
    assert_eq!(recorded(&new), Vec::<Value>::new());
}

#[test]
fn a_dry_run_changes_nothing() {
    let scratch = Scratch::with_ledger();
    let before = (scratch.kept_files(), scratch.records());
    let outcome = scratch.run(&["import", &communique(), "--dry-run"]);
    assert!(
        outcome.stderr.contains("28 would be appended"),
        "{outcome:#?}"
    );
    assert!(outcome.stdout.contains("would be record 1"), "{outcome:#?}");
    assert!(!outcome.stdout.contains("link"), "{outcome:#?}");
    outcome.ok();
    let note = ["record", "note", "--text", "a", "--dry-run"];
    let outcome = scratch.run(&note);
    assert!(
        outcome.stderr.contains("nothing was recorded"),
        "{outcome:#?}"
    );
    outcome.ok();
    // It finds what is wrong as the import itself would.
    let wrong = "{\"event\":\"note\",\"text\":\"a\",\"by\":\"nobody\"}";
    let outcome = scratch.run_on(&["import", "-", "--dry-run"], wrong);
    outcome.fails(1, &["line 1: by: no party is called nobody"]);
    assert_eq!((scratch.kept_files(), scratch.records()), before);

    let elsewhere = scratch.path("elsewhere");
    let init = ["init", "--origin", "x.org", "--dry-run", "--ledger"].map(Into::into);
    let init = [&init[..], &[elsewhere.clone().into_os_string()]].concat();
    scratch.run(&init).ok();
    assert!(!elsewhere.exists());
    scratch.write("elsewhere", "a letter");
    scratch.run(&init).fails(1, &["is not a directory"]);
}

#[test]
fn the_communique_is_known_without_its_follow_ups() {
    let scratch = with_communique();
    let known = scratch.run(&["report", "status", "--known-at", "28"]).ok();
    let short = {
        let scratch = Scratch::with_ledger();
        scratch.run(&["import", &communique()]).ok();
        scratch.run(&["report", "status"]).ok()
    };
    for id in ["C1", "C2", "C3", "C4"] {
        for report in [&known, &short] {
            let rows = report
                .lines()
                .filter(|line| line.split_whitespace().any(|word| word == id));
            assert_ne!(rows.count(), 0, "{id}: {report}");
        }
    }
    assert!(!known.contains("A0"), "{known}");
    assert!(
        scratch
            .run(&["list", "agreements", "--known-at", "28"])
            .code
            == Some(0)
    );
    scratch
        .run(&["log", "--known-at", "39"])
        .fails(1, &["there is no record 39", "the last one is 38"]);
}

/// More lines than are read, checked and written at once.
fn many_lines() -> String {
    "{\"event\":\"note\",\"text\":\"one of very many notes, all of them the same\"}\n"
        .repeat(30_000)
}

#[test]
fn a_wrong_line_at_the_end_of_a_large_file_takes_all_back() {
    let scratch = Scratch::with_ledger();
    let before = scratch.records();
    for (last, says) in [
        ("[", "line 30001: is not a JSON object"),
        (
            "{\"event\":\"note\",\"text\":\"a\",\"by\":\"nobody\"}",
            "line 30001: by: no party is called nobody",
        ),
    ] {
        let outcome = scratch.run_on(&["import", "-"], many_lines() + last);
        outcome.fails(1, &[says, "nothing was appended"]);
        assert!(scratch.records() == before, "{says}");
    }
    scratch.run(&["verify"]).ok();
    scratch.run(&["record", "note", "--text", "after"]).ok();
}

/// Starts an import, gives it many lines and no end, and sends it a signal.
fn broken_off(scratch: &Scratch, signal: &str) -> std::process::Output {
    let mut command = scratch.servanda();
    command
        .args(["import", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Most of it was read when this returns, for it is more than a pipe holds.
    stdin.write_all(many_lines().as_bytes()).unwrap();
    let kill = ["-s", signal, &child.id().to_string()];
    assert!(Command::new("kill").args(kill).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    output
}

#[test]
fn an_import_that_is_broken_off_leaves_nothing() {
    let scratch = Scratch::with_ledger();
    let before = scratch.records();
    let killed = broken_off(&scratch, "KILL");
    assert_eq!(killed.status.code(), None);
    assert!(scratch.records() == before);
    scratch.run(&["verify"]).ok();

    let interrupted = broken_off(&scratch, "INT");
    let stderr = String::from_utf8_lossy(&interrupted.stderr);
    assert_eq!(interrupted.status.code(), Some(130), "{stderr}");
    assert!(
        stderr.contains("interrupted; nothing was appended"),
        "{stderr}"
    );
    assert!(scratch.records() == before);
    scratch.run(&["verify"]).ok();

    scratch.run_on(&["import", "-"], many_lines()).ok();
    assert_eq!(recorded(&scratch).len(), 30_000);
}
