//! Finding a ledger, and what is in it.

use std::fs;
use std::path::Path;

use crate::program::{Outcome, Scratch, run};

/// The program in a directory, without a ledger named.
#[track_caller]
fn in_directory(scratch: &Scratch, dir: &Path, words: &[&str]) -> Outcome {
    let mut command = scratch.servanda();
    command.env_remove("SERVANDA_LEDGER").current_dir(dir);
    command.args(words);
    run(command, b"")
}

#[test]
fn a_ledger_is_found_from_its_directory_and_below_it() {
    let scratch = Scratch::with_ledger();
    let count = ["log", "--format", "csv"];
    for dir in [scratch.ledger(), scratch.ledger().join("records")] {
        assert_eq!(in_directory(&scratch, &dir, &count).ok().lines().count(), 2);
    }
    let beside = scratch.path("beside");
    fs::create_dir(&beside).unwrap();
    in_directory(&scratch, &beside, &count).fails(2, &["which ledger?"]);
}

#[test]
fn a_directory_has_defaults() {
    let scratch = Scratch::with_ledger();
    let below = scratch.path("a/b");
    fs::create_dir_all(&below).unwrap();
    scratch.write(".servanda.toml", "ledger = \"ledger\"\nformat = \"csv\"\n");
    let log = in_directory(&scratch, &below, &["log"]).ok();
    assert!(log.starts_with("record,recorded,"), "{log}");
    let log = in_directory(&scratch, &below, &["log", "--format", "json"]).ok();
    assert!(log.starts_with('{'), "{log}");

    scratch.write(".servanda.toml", "format = \"cvs\"\n");
    in_directory(&scratch, &below, &["log"]).fails(2, &["there is no format cvs"]);
    scratch.write(".servanda.toml", "leger = \"ledger\"\n");
    in_directory(&scratch, &below, &["log"]).fails(2, &[".servanda.toml", "leger"]);
    let pipe = scratch.path(".servanda.toml");
    fs::remove_file(&pipe).unwrap();
    fs::create_dir(&pipe).unwrap();
    in_directory(&scratch, &below, &["log"]).fails(2, &[".servanda.toml"]);
}

/// What is found is told by name and place, in a ledger of which a checkpoint was kept.
#[test]
fn what_came_after_a_checkpoint() {
    let scratch = Scratch::with_ledger();
    let kept = scratch.run(&["checkpoint"]).ok();
    scratch.write("year.checkpoint", kept);
    let party = ["record", "party", "ash", "--kind", "state", "--name", "Ash"];
    scratch.run(&party).ok();
    let records = |bound: &str| {
        let log = scratch.run(&["log", bound, "year.checkpoint", "--format", "csv"]);
        let log = log.ok();
        let rows = log.lines().skip(1).filter_map(|row| row.split(',').next());
        rows.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(records("--since"), ["1"]);
    assert_eq!(records("--until"), ["0"]);
}

/// Of an agreement with very many commitments the first are shown, with their number and where all of them are.
#[test]
fn a_long_dossier_is_cut_and_says_so() {
    let scratch = Scratch::with_ledger();
    let mut lines = String::from(
        "{\"event\":\"party\",\"id\":\"p\",\"kind\":\"state\",\"name\":\"P\"}\n\
         {\"event\":\"agreement\",\"id\":\"long\",\"title\":\"A\",\"party\":[\"p\"]}\n",
    );
    for number in 1..=1_005 {
        lines.push_str(&format!(
            "{{\"event\":\"commitment\",\"id\":\"n{number}\",\"agreement\":\"long\",\"text\":\"t\",\"debtor\":[\"p\"]}}\n"
        ));
    }
    scratch.write("long.ndjson", lines);
    scratch
        .run(&["import", "long.ndjson", "--key", "long"])
        .ok();
    let pointer = "long tables are cut: --limit N shows more";
    let shown = scratch.run(&["show", "long"]).ok();
    assert!(
        shown.contains("commitments: the first 1000 of 1005 rows"),
        "{shown}"
    );
    assert!(shown.contains(pointer), "{shown}");
    assert!(
        shown.contains("n1000") && !shown.contains("n1001"),
        "{shown}"
    );
    let whole = scratch.run(&["show", "long", "--limit", "2000"]).ok();
    assert!(
        whole.contains("n1005") && !whole.contains(pointer),
        "{whole}"
    );
    let asked = [
        "show",
        "long",
        "--grep",
        "n1005",
        "--table",
        "commitments",
        "--format",
        "csv",
    ];
    assert!(scratch.run(&asked).ok().contains("n1005,long"));
    let listed = [
        "list",
        "commitments",
        "--agreement",
        "long",
        "--format",
        "csv",
    ];
    assert_eq!(scratch.run(&listed).ok().lines().count(), 1_006);
    let log = scratch
        .run(&[
            "log",
            "--agreement",
            "long",
            "--limit",
            "2",
            "--format",
            "csv",
        ])
        .ok();
    assert!(log.contains("n1005") && log.contains("n1004"), "{log}");
}
