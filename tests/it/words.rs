//! Whatever texts a ledger holds and whatever a user types, nothing leaves the program that moves a cursor, hides, turns
//! its neighbours around, or looks like another row.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use servanda_core::event::{FieldSpec, Kind};
use servanda_core::ndjson::entry_to_json;
use servanda_core::testing::{entries, history};
use servanda_core::value::base::Shape;
use servanda_core::words::is_unseen;
use servanda_report::render::FORMATS;
use servanda_report::report::REPORTS;

use crate::program::{Outcome, Scratch};

/// Begins like a formula and forges a receipt; turns around, hides, and carries a tag.
const HOSTILE: &str =
    "\u{3000}＝1+1\nrecord 99  party: ghost\u{202e}\u{2066}\u{200b}\u{feff}\u{e0041}|<b>`*_";

/// The same for texts of one line.
const HOSTILE_LINE: &str = "＝1+1\u{202e}\u{2066}\u{200b}\u{feff}\u{e0041}|<b>`*_";

/// Texts with a form or a meaning of their own.
const FORMED: &[&str] = &[
    "import_key",
    "inferred",
    "key",
    "old",
    "origin",
    "signature",
    "to",
];

fn is_free(spec: &FieldSpec) -> bool {
    matches!(spec.label, "TEXT" | "NAME[@LANG]") && !FORMED.contains(&spec.name)
}

/// A history whose every free text is hostile, and the fields that are so.
fn hostile_history() -> (String, BTreeSet<(Kind, &'static str)>) {
    let mut covered = BTreeSet::new();
    let mut lines = String::new();
    for entry in entries(&history(5, 160)) {
        let kind = entry.event.kind();
        let mut object = entry_to_json(&entry);
        // What was there before is hostile too: the ledger fills it in.
        object.remove("old");
        for spec in kind.fields().filter(|spec| is_free(spec)) {
            // An event that breaks no rule has no reason for it.
            if spec.name == "irregular" && !object.contains_key("irregular") {
                continue;
            }
            let text = if spec.label == "TEXT" {
                HOSTILE
            } else {
                HOSTILE_LINE
            };
            let text = Value::from(text);
            let value = match spec.shape {
                Shape::Many => Value::Array(vec![text]),
                _ => text,
            };
            object.insert(spec.name.to_owned(), value);
            covered.insert((kind, spec.name));
        }
        lines.push_str(&Value::Object(object).to_string());
        lines.push('\n');
    }
    (lines, covered)
}

/// Asserts that nothing harmful is in what was written. `is_table` where each row is a line.
#[track_caller]
fn is_harmless(outcome: &Outcome, what: &str, is_table: bool) {
    for (stream, text) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        let found = text
            .chars()
            .find(|c| is_unseen(*c) && !matches!(c, '\n' | '\r' | '\t'));
        assert_eq!(found, None, "{stream} of {what}");
        let forged = text.lines().any(|line| line.starts_with("record 99 "));
        assert!(!is_table || !forged, "{stream} of {what}: {text}");
    }
}

/// A command in every format.
#[track_caller]
fn in_every_format(scratch: &Scratch, words: &[&str]) {
    for format in FORMATS.iter().filter(|format| format.is_text()) {
        let words = [words, &["--format", format.name()]].concat();
        let outcome = scratch.run(&words);
        let is_table = format.name() == "table";
        is_harmless(&outcome, &words.join(" "), is_table);
        if format.name() == "csv" {
            let mut reader = csv::Reader::from_reader(outcome.stdout.as_bytes());
            for field in reader
                .records()
                .flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>())
            {
                let begins = field.trim_start().chars().next();
                assert!(
                    !matches!(begins, Some('＝' | '=' | '@')),
                    "{words:?}: {field}"
                );
            }
        }
    }
}

#[test]
fn hostile_texts_leave_harmless_in_every_command_and_format() {
    let (lines, covered) = hostile_history();
    let scratch = Scratch::empty();
    let origin = lines.lines().next().unwrap().parse::<Value>().unwrap()["origin"].clone();
    scratch
        .run(&["init", "--origin", origin.as_str().unwrap()])
        .ok();
    for format in ["json", "csv"] {
        let dry = scratch.run_on(&["import", "-", "--dry-run", "--format", format], &lines);
        is_harmless(&dry, "import --dry-run", false);
        dry.ok();
    }
    let receipts = scratch.run_on(&["import", "-"], &lines);
    is_harmless(&receipts, "import", true);
    receipts.ok();

    // Every free text of every kind that takes no key was among them.
    for kind in Kind::ALL {
        let needs_key = kind
            .own_fields()
            .iter()
            .any(|spec| matches!(spec.name, "key" | "signature"));
        let is_special = matches!(
            kind,
            Kind::LedgerOpened | Kind::Redacted | Kind::RecorderRevoked
        );
        for spec in kind.own_fields().iter().filter(|spec| is_free(spec)) {
            let is_covered = covered.contains(&(*kind, spec.name));
            assert!(
                is_covered || needs_key || is_special,
                "{kind}: {}",
                spec.name
            );
        }
    }

    let ids: Vec<String> = ids_of(&lines);
    for report in REPORTS {
        let name = report.name();
        // A dossier is of one thing, and `show` has the same.
        for id in ids.iter().filter(|_| name == "dossier") {
            in_every_format(&scratch, &["report", name, id]);
        }
        if name != "dossier" {
            in_every_format(&scratch, &["report", name, "--as-of", "2023-12-31"]);
        }
    }
    for words in ["1+1", "ghost", "record"] {
        in_every_format(&scratch, &["search", words]);
    }
    for what in ["parties", "agreements", "commitments", "sources"] {
        in_every_format(&scratch, &["list", what]);
    }
    in_every_format(&scratch, &["log"]);
    for id in &ids {
        in_every_format(&scratch, &["show", id]);
    }
    for record in ["1", "50", "159"] {
        in_every_format(&scratch, &["show", record]);
    }
    is_harmless(&scratch.run(&["export"]), "export", false);
    is_harmless(&scratch.run(&["verify"]), "verify", true);
}

/// The texts that no history has: of commands that give them themselves.
#[test]
fn hostile_texts_of_commands_leave_harmless() {
    let scratch = Scratch::empty();
    let harmless = |words: &[&str]| {
        let outcome = scratch.run(words);
        is_harmless(&outcome, &words.join(" "), true);
        outcome.ok()
    };
    let origin = "example.org/test";
    let by = HOSTILE_LINE;
    harmless(&[
        "init",
        "--origin",
        origin,
        "--purpose",
        HOSTILE,
        "--recorded-by",
        by,
    ]);
    harmless(&["record", "note", "--text", HOSTILE, "--recorded-by", by]);
    harmless(&[
        "redact",
        "1",
        "--reason",
        HOSTILE,
        "--authority",
        HOSTILE,
        "--recorded-by",
        by,
    ]);
    harmless(&["key", "generate", "--name", "r1", "--out", "r1.key"]);
    let key = harmless(&["key", "show", "r1.key"]);
    harmless(&[
        "record",
        "recorder",
        "r1",
        "--key",
        key.trim(),
        "--name",
        HOSTILE_LINE,
    ]);
    harmless(&[
        "record",
        "party",
        "p1",
        "--kind",
        "state",
        "--name",
        HOSTILE_LINE,
    ]);
    harmless(&["record", "party-key", "p1", "--key", key.trim()]);
    harmless(&[
        "record",
        "agreement",
        "a1",
        "--title",
        HOSTILE_LINE,
        "--party",
        "p1",
    ]);
    harmless(&["acknowledge", "a1", "--party", "p1", "--key", "r1.key"]);
    harmless(&[
        "record",
        "recorder-revoked",
        "r1",
        "--reason",
        HOSTILE,
        "--recorded-by",
        by,
    ]);
    for report in REPORTS.iter().filter(|report| report.name() != "dossier") {
        in_every_format(&scratch, &["report", report.name()]);
    }
    in_every_format(&scratch, &["log"]);
    for record in ["0", "1", "2", "3", "4", "5", "6", "7", "8"] {
        in_every_format(&scratch, &["show", record]);
    }
    in_every_format(&scratch, &["search", "1+1"]);
    harmless(&["key", "generate", "--name", origin, "--out", "log.key"]);
    harmless(&["checkpoint", "--key", "log.key"]);
    harmless(&["prove", "0", "--key", "log.key"]);
    harmless(&["verify"]);
    harmless(&["recover", "--into", "salvaged"]);
    harmless(&["export", "--bundle", "b.tar"]);
}

/// One entity of each kind.
fn ids_of(lines: &str) -> Vec<String> {
    let objects = lines
        .lines()
        .map(|line| serde_json::from_str::<Map<String, Value>>(line).unwrap());
    let mut seen = BTreeSet::new();
    let first = objects
        .filter(|object| object.contains_key("id") && seen.insert(object["event"].to_string()));
    first
        .map(|object| object["id"].as_str().unwrap().to_owned())
        .collect()
}

/// What a user types, or a file holds, comes back in errors.
#[test]
fn what_was_typed_comes_back_harmless() {
    let scratch = Scratch::with_ledger();
    let evil = "x\u{1b}[31m\u{202e}\nrecord 99  party: ghost";
    let table = scratch.write("evil\u{1b}[2J\n.csv", format!("id,{evil}\n1,2\n"));
    let table = table.to_str().unwrap();
    scratch.write("rules.toml", format!("# {evil}\n\"{evil}\" = 1\n"));
    scratch.write("policy", format!("log {evil}\n"));
    let commands: &[&[&str]] = &[
        &["record", "party", evil, "--kind", "state", "--name", evil],
        &["record", "note", "--text", "a", "--about", evil],
        &["record", "note", "--text", evil, "--on", evil],
        &["record", "note", "--file", evil],
        &["record", "party", "a", "--kind", evil, "--name", "a"],
        &["show", evil],
        &["report", evil],
        &["report", "status", "--party", evil],
        &["report", "status", "--as-of", evil],
        &["log", "--by", evil],
        &["verify", "--against", evil],
        &["verify", "--policy", "policy"],
        &["verify", "--log-key", evil],
        &["log", "--ledger", evil],
        &["import", evil],
        &["import", table, "--rules", "rules.toml"],
        &["import", table, "--suggest"],
        &["import", table],
        &["prove", evil, "--key", evil],
        &["check-proof", evil, "--log-key", evil],
        &["key", "show", evil],
        &[evil],
    ];
    for words in commands {
        is_harmless(&scratch.run(words), &format!("{words:?}"), true);
    }
    let line = format!("{{\"event\":{},\"text\":1}}\n", Value::from(evil));
    is_harmless(
        &scratch.run_on(&["import", "-"], line),
        "import of an unknown event",
        true,
    );
    let line = format!("{{\"event\":\"note\",{}:1}}\n", Value::from(evil));
    is_harmless(
        &scratch.run_on(&["import", "-"], line),
        "import of an unknown field",
        true,
    );
}
