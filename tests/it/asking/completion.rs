//! What shells complete: what the ledger holds, and nothing where it cannot be read.

use std::fs;
use std::time::Duration;

use servanda_log::{Location, Registry};

use crate::program::{Outcome, Scratch, run};

/// What a shell is answered for the last of these words.
fn asked(scratch: &Scratch, shell: &str, words: &[&str]) -> Outcome {
    let mut command = scratch.servanda();
    command
        .args(["--", "servanda"])
        .args(words)
        .env("SERVANDA_COMPLETE", shell)
        .env("_CLAP_COMPLETE_INDEX", words.len().to_string())
        .env("_CLAP_IFS", "\n");
    run(command, b"")
}

#[track_caller]
fn completed(scratch: &Scratch, words: &[&str]) -> Vec<String> {
    let outcome = asked(scratch, "bash", words);
    assert_eq!(outcome.stderr, "");
    let found = outcome.ok();
    found.lines().map(str::to_owned).collect()
}

fn communique() -> Scratch {
    let scratch = Scratch::with_ledger();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/communique.ndjson");
    scratch.run(&["import", fixture]).ok();
    scratch
}

#[test]
fn shells_complete_what_the_ledger_holds() {
    let scratch = communique();
    let cases: &[(&[&str], &[&str])] = &[
        (&["record", "status", ""], &["C1", "C2", "C3", "C4"]),
        (&["record", "status", "C1", "wa"], &["waived"]),
        (
            &["record", "status", "C1", "claimed", "--by", "ven"],
            &["venezuela"],
        ),
        (&["record", "note", "--source", "S"], &["S1", "S2"]),
        (&["record", "commitment", "C9", "--agreement", ""], &["A1"]),
        (
            &["record", "correction", "20", "--field", "dea"],
            &["deadline"],
        ),
        (
            &["record", "correction", "C2", "--field", "mod"],
            &["modality"],
        ),
        (
            &["record", "retraction", "2"],
            &["28", "27", "26", "25", "24", "23", "22", "21", "20", "2"],
        ),
        (&["show", "col"], &["colombia"]),
        // By a name, where no id begins so.
        (&["show", "iván"], &["velasquez"]),
        (&["report", "party", "--party", "Padri"], &["padrino"]),
        (&["rep"], &["report"]),
        (
            &["record", "status", "C1", "claimed", "--deb"],
            &["--debtor"],
        ),
        (&["show", "nothing-of-the-kind"], &[]),
    ];
    for (words, expected) in cases {
        assert_eq!(completed(&scratch, words), *expected, "{words:?}");
    }
}

#[test]
fn shells_that_show_help_show_names() {
    let scratch = communique();
    let zsh = asked(&scratch, "zsh", &["show", "ven"]).ok();
    assert_eq!(zsh, "venezuela:Venezuela");
    let fish = asked(
        &scratch,
        "fish",
        &["record", "correction", "20", "--field", "dea"],
    )
    .ok();
    assert_eq!(fish, "deadline\tBy when, or how often\n");
}

#[test]
fn the_ledger_is_the_one_that_the_command_would_take() {
    let scratch = communique();
    let without = |words: &[&str], dir: &str| {
        let mut command = scratch.servanda();
        command
            .env_remove("SERVANDA_LEDGER")
            .current_dir(scratch.path(dir))
            .args(["--", "servanda"])
            .args(words)
            .env("SERVANDA_COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", words.len().to_string());
        run(command, b"").ok()
    };
    assert_eq!(without(&["show", "col"], "."), "");
    assert_eq!(
        without(&["--ledger", "ledger", "show", "col"], "."),
        "colombia"
    );
    assert_eq!(
        without(&["--ledger=ledger", "show", "col"], "."),
        "colombia"
    );
    assert_eq!(without(&["show", "col"], "ledger"), "colombia");
    scratch.write(".servanda.toml", "ledger = \"ledger\"");
    assert_eq!(without(&["show", "col"], "."), "colombia");
}

#[test]
fn a_ledger_that_cannot_be_read_completes_nothing() {
    let scratch = communique();
    let words: &[&str] = &["show", "col"];
    let location = Location::new(scratch.ledger());
    let registry = Registry::default();
    let backend = registry.of(&location).unwrap();
    let held = backend.open(&location, Duration::ZERO, "a test").unwrap();
    assert!(completed(&scratch, words).is_empty(), "locked");
    drop(held);
    assert_eq!(completed(&scratch, words), ["colombia"]);
    let before = crate::program::contents(&scratch.ledger());
    for (path, bytes) in &before {
        if path.is_file() {
            fs::write(path, vec![b'x'; bytes.len().max(1)]).unwrap();
        }
    }
    assert!(completed(&scratch, words).is_empty(), "broken");
    fs::remove_dir_all(scratch.ledger()).unwrap();
    assert!(completed(&scratch, words).is_empty(), "absent");
}
