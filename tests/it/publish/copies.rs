//! Copies of published ledgers: made, followed, and what they refuse.

use std::path::Path;

use super::{add, backup, flip, ledger_of, publish, redact, text};
use crate::program::{Outcome, Scratch};

fn clone(scratch: &Scratch, from: &Path, more: &[&str]) -> Outcome {
    let (from, copy) = (text(from), text(&scratch.path("copy")));
    scratch.run(&[&["clone", &from, &copy], more].concat())
}

fn records(scratch: &Scratch, ledger: &str) -> String {
    let ledger = text(&scratch.path(ledger));
    scratch
        .run(&["export", "--raw", "--ledger", &ledger, "--no-memory"])
        .ok()
}

#[test]
fn a_copy_is_the_ledger_and_takes_over_what_is_new() {
    let scratch = ledger_of(1_100);
    scratch.run(&["record", "note", "--text", "a name"]).ok();
    let published = publish(&scratch);
    let made = clone(&scratch, &published, &[]);
    assert!(
        made.stderr.contains("1101 records copied and verified"),
        "{made:?}"
    );
    assert_eq!(records(&scratch, "copy"), records(&scratch, "ledger"));
    let again = clone(&scratch, &published, &[]);
    assert!(
        again.stderr.contains("nothing is new: 1101 records"),
        "{again:?}"
    );
    add(&scratch, 1_100..1_105);
    redact(&scratch, "1100").ok();
    publish(&scratch);
    let taken = clone(&scratch, &published, &[]);
    assert!(
        taken
            .stderr
            .contains("6 records taken over and verified; 1107 records in all"),
        "{taken:?}"
    );
    assert!(taken.stderr.contains("1 payload erased"), "{taken:?}");
    assert_eq!(records(&scratch, "copy"), records(&scratch, "ledger"));
    let copy = text(&scratch.path("copy"));
    scratch.run(&["verify", "--ledger", &copy]).ok();
    // It only follows.
    let refused = scratch.run(&["record", "note", "--text", "here", "--ledger", &copy]);
    refused.fails(
        1,
        &[
            "nothing is recorded here",
            "record in the ledger that it follows",
        ],
    );
    assert_eq!(records(&scratch, "copy"), records(&scratch, "ledger"));
}

#[test]
fn what_is_damaged_older_or_another_history_changes_no_copy() {
    let scratch = ledger_of(1_050);
    let published = publish(&scratch);
    let older = backup(&scratch, &published, "older");
    add(&scratch, 1_050..1_060);
    publish(&scratch);
    clone(&scratch, &published, &[]).ok();
    let (kept, files) = (
        records(&scratch, "copy"),
        crate::program::contents(&scratch.path("copy")),
    );
    let back = clone(&scratch, &older, &[]);
    back.fails(
        10,
        &[
            "fewer than were taken over",
            "here:  example.org/test 1060",
            "there: example.org/test 1050",
        ],
    );
    // Another history of the same ledger.
    let other = Scratch::empty();
    other.run(&["init", "--origin", "example.org/test"]).ok();
    add(&other, 1..1_070);
    let forked = clone(&scratch, &publish(&other), &[]);
    forked.fails(10, &["its history has parted", "here:  ", "there: "]);
    let foreign = Scratch::empty();
    foreign
        .run(&["init", "--origin", "example.org/foreign"])
        .ok();
    clone(&scratch, &publish(&foreign), &[]).fails(10, &["it is the ledger example.org/foreign"]);
    // New records that are damaged, or gone.
    add(&scratch, 1_060..1_064);
    publish(&scratch);
    let bundle = published.join("tile/records/001.p/40");
    let sound = std::fs::read(&bundle).unwrap();
    flip(&bundle, sound.len() - 1);
    clone(&scratch, &published, &[]).fails(10, &["do not verify", "1063: payload:"]);
    std::fs::remove_file(&bundle).unwrap();
    clone(&scratch, &published, &[]).fails(10, &["tile/records/001.p/40 is not there"]);
    // A checkpoint of something else.
    std::fs::write(&bundle, sound).unwrap();
    let checkpoint = std::fs::read_to_string(published.join("checkpoint")).unwrap();
    let root = checkpoint.lines().nth(2).unwrap();
    let lying = checkpoint.replace(root, &format!("A{}", &root[1..]));
    std::fs::write(published.join("checkpoint"), lying).unwrap();
    clone(&scratch, &published, &[]).fails(
        10,
        &[
            "do not lead to the checkpoint",
            "its records:",
            "its checkpoint:",
        ],
    );
    assert_eq!(records(&scratch, "copy"), kept);
    let unlocked = |files: Vec<(std::path::PathBuf, Vec<u8>)>| -> Vec<_> {
        let files = files.into_iter();
        files
            .filter(|(path, _)| {
                ["head", "checkpoint", "follows", "servanda"]
                    .iter()
                    .any(|name| path.ends_with(name))
            })
            .collect()
    };
    assert_eq!(
        unlocked(crate::program::contents(&scratch.path("copy"))),
        unlocked(files)
    );
    std::fs::write(published.join("checkpoint"), checkpoint).unwrap();
    clone(&scratch, &published, &[]).ok();
    assert_eq!(records(&scratch, "copy"), records(&scratch, "ledger"));
}

#[test]
fn of_what_does_not_verify_no_copy_is_made() {
    let scratch = ledger_of(300);
    let published = publish(&scratch);
    flip(&published.join("tile/records/000.p/300"), 4 + 128 + 20);
    clone(&scratch, &published, &["--no-memory"]).fails(10, &["does not verify", "0: payload:"]);
    assert!(!scratch.path("copy").exists() && !scratch.path(".copy.cloning").exists());
    let nothing = clone(&scratch, &scratch.path("nowhere"), &[]);
    nothing.fails(20, &["no ledger is published at"]);
    let own = ["clone", &text(&published), &text(&scratch.ledger())];
    scratch
        .run(&own)
        .fails(1, &["is a ledger of its own, and no copy"]);
    std::fs::create_dir(scratch.path("copy")).unwrap();
    scratch.write("copy/mine", "a file");
    clone(&scratch, &published, &[]).fails(1, &["is not empty, and holds no ledger"]);
}
