//! `serve` and `add` where there is no ledger yet.

use super::secretary::{CONTROL_C, Secretary};
use crate::program::Scratch;

const SERVE: &[&str] = &["serve", "--listen", "127.0.0.1:0"];

#[test]
fn it_offers_to_make_a_ledger_and_serves_it() {
    let scratch = Scratch::empty();
    let mut secretary = Secretary::runs(&scratch, SERVE);
    secretary.answers("There is no ledger here yet. Make one?", "Yes");
    let (_, asked) = secretary.answers("What is it called, for life?", "example.org/made");
    assert!(asked.contains("example.org/joint-commission"), "{asked}");
    secretary.answers("What is it for?", "Promises of two ministers");
    secretary.answers("Who opens it?", "");
    secretary.sees("listening on http://");
    secretary.sees("/enter?token=");
    secretary.types(CONTROL_C);
    let (screen, code) = secretary.ends();
    assert_eq!(code, 0, "{screen}");
    let shown = scratch.run(&["show", "0"]).ok();
    assert!(shown.contains("Promises of two ministers"), "{shown}");
}

#[test]
fn add_offers_to_make_one_and_goes_on() {
    let scratch = Scratch::empty();
    let mut secretary = Secretary::runs(&scratch, &["add"]);
    secretary.answers("There is no ledger here yet. Make one?", "Yes");
    secretary.answers("What is it called, for life?", "example.org/made");
    secretary.answers("What is it for?", "");
    secretary.answers("Who opens it?", "");
    secretary.sees("What happened?");
    secretary.types(CONTROL_C);
    secretary.ends();
    let shown = scratch.run(&["show", "0"]).ok();
    assert!(shown.contains("example.org/made"), "{shown}");
}

/// Long answers go through the pager, where there is a terminal.
#[test]
fn long_answers_go_through_the_pager() {
    let scratch = Scratch::with_ledger();
    for words in [
        &["report", "status"][..],
        &["list", "agreements"],
        &["show", "0"],
        &["search", "ledger"],
    ] {
        let script = "SERVANDA_PAGER='cat > paged' exec \"$@\"";
        let secretary = Secretary::within(&scratch, script, words);
        let (screen, code) = secretary.ends();
        assert_eq!(code, 0, "{words:?}: {screen}");
        let path = scratch.path("paged");
        let paged = std::fs::read_to_string(&path).unwrap();
        assert!(!paged.is_empty(), "{words:?}");
        std::fs::remove_file(&path).unwrap();
    }
    let mut command = scratch.servanda();
    command.env("SERVANDA_PAGER", "cat > paged").arg("log");
    assert!(command.output().unwrap().status.success());
    assert!(!scratch.path("paged").exists());
}

#[test]
fn nothing_is_made_that_was_not_wanted() {
    let scratch = Scratch::empty();
    let mut secretary = Secretary::runs(&scratch, SERVE);
    secretary.answers("There is no ledger here yet. Make one?", "No");
    let (screen, code) = secretary.ends();
    assert_eq!(code, 20, "{screen}");
    assert!(!scratch.ledger().exists());
    // Where nobody can be asked, the command that makes one is told.
    let refused = scratch.run(SERVE);
    refused.fails(
        20,
        &[
            "there is no ledger here to serve",
            "servanda init",
            "serve --demo",
        ],
    );
    assert!(!scratch.ledger().exists());
    // In a folder with other things the usual error says what is wrong.
    scratch.write("ledger", "a file");
    scratch.run(SERVE).fails(20, &["is not a directory"]);
}
