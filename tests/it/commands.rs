//! What every command has: help with examples, completions, manual pages.

use servanda_core::chain::record::SALT_LEN;
use servanda_core::event::{Event, Fields, Kind};
use servanda_core::value::when::Instant;
use servanda_ledger::{Environment, Ledger};
use servanda_log::directory;

use crate::program::{Scratch, run, servanda};

fn help(words: &[&str]) -> String {
    let mut command = servanda();
    command.args(words).arg("--help");
    run(command, b"").ok()
}

/// The commands that a help text lists under a heading.
fn commands(help: &str) -> Vec<String> {
    let headings = ["Commands:", "Kinds:"];
    let lines = help
        .lines()
        .skip_while(|line| !headings.contains(line))
        .skip(1);
    lines
        .take_while(|line| !line.is_empty())
        // Deeper lines go on with a description.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_has_help_and_examples() {
    let program = help(&[]);
    assert!(
        program.contains("Examples:") && program.contains("Exit codes:"),
        "{program}"
    );
    let names = commands(&program);
    assert!(names.len() > 16, "{names:?}");
    let mut below = 0;
    for name in &names {
        let text = help(&[name]);
        assert!(text.contains("\nExamples:\n  "), "{text}");
        for kind in commands(&text) {
            let text = help(&[name, &kind]);
            assert!(text.contains("Usage:"), "{text}");
            below += 1;
        }
    }
    // record's kinds, the lists and the reports.
    assert!(below > 25, "{below} commands below {names:?}");
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    let scratch = Scratch::empty();
    let cases: [(&[&str], &str); 8] = [
        (&["burn"], "burn"),
        (&["record"], "which kind of event?"),
        (&["record", "crown"], "crown"),
        (&["record", "note"], "--text"),
        (
            &["record", "party", "a", "--kind", "king", "--name", "A"],
            "king",
        ),
        (&["log", "--wait", "long"], "long"),
        (&["log", "--format", "xml"], "xml"),
        (&["completions", "bush"], "bush"),
    ];
    for (words, says) in cases {
        scratch.run(words).fails(2, &[says]);
    }
    let mut command = servanda();
    command.arg("log").current_dir(scratch.path("."));
    run(command, b"").fails(2, &["which ledger?", "--ledger DIR", "servanda init"]);
    assert!(!scratch.ledger().exists());
}

#[test]
fn scripts_for_shells_ask_the_program() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let mut command = servanda();
        command.args(["completions", shell]);
        let script = run(command, b"").ok();
        assert!(script.contains("SERVANDA_COMPLETE"), "{shell}: {script}");
        assert!(script.len() < 10_000, "{shell} has {} bytes", script.len());
    }
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let scratch = Scratch::empty();
    let dir = scratch.path("man/man1");
    scratch.run(&["man", dir.to_str().unwrap()]).ok();
    for name in commands(&help(&[])) {
        let page = std::fs::read_to_string(dir.join(format!("servanda-{name}.1"))).unwrap();
        assert!(page.contains(".SH NAME"), "{page}");
    }
    assert!(dir.join("servanda-record-commitment.1").is_file());
    let file = scratch.write("file", "x");
    scratch
        .run(&["man", file.to_str().unwrap()])
        .fails(1, &["cannot make"]);
}

/// As scripts set them: `SERVANDA_SIGN_WITH= servanda record ...`.
#[test]
fn an_empty_environment_variable_is_not_set() {
    let scratch = Scratch::with_ledger();
    let with_empty = |names: &[&str], words: &[&str]| {
        let mut command = scratch.servanda();
        for name in names {
            command.env(name, "");
        }
        command.args(words);
        run(command, b"")
    };
    let all = [
        "SERVANDA_SIGN_WITH",
        "SERVANDA_LOG_KEY",
        "SERVANDA_RECORDER",
        "SERVANDA_PAGER",
        "EDITOR",
    ];
    with_empty(&all, &["record", "note", "--text", "a"]).ok();
    with_empty(&all, &["export"]).ok();
    with_empty(&["SERVANDA_LOG_KEY"], &["checkpoint"]).ok();
    with_empty(&["SERVANDA_LEDGER"], &["log"]).fails(2, &["which ledger?"]);

    // An empty VISUAL does not hide EDITOR.
    let script = scratch.write("editor", "#!/bin/sh\necho 'text: by the editor' > \"$1\"\n");
    for visual in ["", " "] {
        let mut command = scratch.servanda();
        command.env("VISUAL", visual);
        command.env("EDITOR", format!("sh {}", script.display()));
        command.args(["record", "note", "--edit"]);
        run(command, b"").ok();
    }
    let log = scratch.run(&["export"]).ok();
    assert_eq!(log.matches("by the editor").count(), 2, "{log}");
    let mut command = scratch.servanda();
    command.env("VISUAL", "").env("EDITOR", "");
    command.args(["record", "note", "--edit"]);
    run(command, b"").fails(2, &["--edit needs a terminal, or EDITOR"]);
}

/// A machine whose clock stands in 2001.
struct Past;

impl Environment for Past {
    fn now(&self) -> Instant {
        Instant(1_000_000_000_000_000)
    }
    fn salt(&mut self) -> Result<[u8; SALT_LEN], std::io::Error> {
        Ok([5; SALT_LEN])
    }
}

/// The last record was made more than a year ago: a clock may have jumped.
#[test]
fn a_clock_far_from_the_last_record_needs_somebody_who_says_that_it_is_right() {
    let scratch = Scratch::empty();
    let log = directory::create(&scratch.ledger(), "a test").unwrap();
    let mut fields = Fields::default();
    fields.set("origin", vec!["example.org/old".to_owned()]);
    let opening = Event::build(Kind::LedgerOpened, &fields).unwrap();
    drop(Ledger::create(log, Past, opening).unwrap());
    let words = ["record", "note", "--text", "a"];
    let before = scratch.records();
    let refused = scratch.run(&words);
    refused.fails(1, &["error: ", "clock", "hint: ", "--clock-is-right"]);
    assert_eq!(scratch.records(), before);
    scratch
        .run(&[&words[..], &["--clock-is-right"]].concat())
        .ok();
    // From now on, the last record is new.
    scratch.run(&words).ok();
    scratch.run(&["verify"]).ok();
}

/// Two zones that are 26 hours apart never have the same day.
#[test]
fn today_is_the_day_where_the_recorder_is() {
    let scratch = Scratch::with_ledger();
    let today_in = |zone: &str, offset: &str| {
        let mut command = scratch.servanda();
        command.env("TZ", zone);
        command.args(["record", "note", "--text", zone, "--on", "today"]);
        let outcome = run(command, b"");
        let told = format!("{}{}", outcome.stdout, outcome.stderr);
        let names = format!("({zone}, UTC{offset})");
        assert!(told.contains(&names), "no {names} in {told}");
        outcome.ok();
        let export = scratch.run(&["export"]).ok();
        let last = export.lines().last().unwrap();
        let record: serde_json::Value = serde_json::from_str(last).unwrap();
        record["on"].as_str().unwrap().to_owned()
    };
    let east = today_in("Etc/GMT-14", "+14:00");
    let west = today_in("Etc/GMT+12", "-12:00");
    assert!(east > west, "{east} and {west}");
}
