//! Drafts that were left are offered when asking begins again, and a signal leaves the terminal as it was.

use std::process::Command;

use super::drafts::{count, drafts, pact};
use super::secretary::{CONTROL_C, ENTER, Secretary};
use crate::program::Scratch;

/// Runs a command, writes its process id, and then tells how it ended and how the terminal is set.
const TOLD: &str =
    "{ sh -c 'echo $$ > pid; exec \"$@\"' sh \"$@\"; echo \"ended with $?\"; stty -a; }";

/// Begins a note and types a part of its text.
fn begins_a_note(scratch: &Scratch, text: &str) -> Secretary {
    let mut secretary = Secretary::within(scratch, TOLD, &["add"]);
    secretary.answers("What happened?", "note");
    secretary.reads();
    secretary.types(text);
    secretary.sees(text);
    secretary
}

fn signal(scratch: &Scratch, name: &str) {
    let pid = std::fs::read_to_string(scratch.path("pid")).unwrap();
    let kill = format!("kill -s {name} {pid}");
    let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(status.success(), "{kill}");
}

/// The words of `stty -a` for a terminal that gives what is typed a line at a time.
fn is_as_usual(screen: &str) -> bool {
    let settings: Vec<&str> = screen.split([' ', ';', '\n']).collect();
    ["icanon", "isig", "opost"]
        .iter()
        .all(|setting| settings.contains(setting))
}

#[test]
fn a_signal_leaves_the_terminal_as_it_was_and_loses_no_letter() {
    for name in ["TERM", "HUP", "INT"] {
        let scratch = pact();
        let secretary = begins_a_note(&scratch, "Heard by te");
        signal(&scratch, name);
        let (screen, _) = secretary.ends();
        for says in [
            "ended with 130",
            "stopped; nothing was recorded",
            "what you typed is kept",
        ] {
            assert!(screen.contains(says), "{name}: no `{says}` in {screen}");
        }
        assert!(is_as_usual(&screen), "{name}: {screen}");
        assert_eq!(drafts(&scratch).len(), 1, "{name}");
        let mut secretary = Secretary::runs(&scratch, &["add"]);
        let (_, asked) = secretary.answers("You left 1 draft. Go on?", "go on with");
        assert!(asked.contains("go on with note: Heard by te ("), "{asked}");
        secretary.answers_all(&[
            ("text: Heard by te", "lephone"),
            ("about:", ""),
            ("Is it right?", "record it now"),
        ]);
        let receipts = secretary.has_recorded();
        assert!(receipts.contains("noted: Heard by telephone"), "{receipts}");
        assert!(drafts(&scratch).is_empty());
    }
}

/// What nobody can catch loses no letter either.
#[test]
fn a_kill_loses_no_letter() {
    let scratch = pact();
    let secretary = begins_a_note(&scratch, "Heard by te");
    signal(&scratch, "KILL");
    secretary.ends();
    let mut secretary = Secretary::runs(&scratch, &["record", "status", "C1"]);
    // What was typed on the command line comes after the draft.
    secretary.answers("You left 1 draft. Go on?", "go on with");
    secretary.answers_all(&[
        ("text: Heard by te", "lephone"),
        ("about:", ""),
        ("Is it right?", "keep it"),
        ("to:", "claimed"),
        ("on:", ""),
        ("by:", "(moda)"),
        ("another by:", ""),
        ("source:", ""),
        ("Is it right?", "record it now, with the 1 event before"),
    ]);
    let receipts = secretary.has_recorded();
    assert!(
        receipts.contains("record 5  note: noted: Heard by telephone"),
        "{receipts}"
    );
    assert!(
        receipts.contains("record 6  status: C1 went from agreed to claimed"),
        "{receipts}"
    );
}

#[test]
fn a_draft_is_kept_for_later_or_thrown_away() {
    let scratch = pact();
    for text in ["The first", "The second"] {
        let mut secretary = Secretary::runs(&scratch, &["add"]);
        if text == "The second" {
            secretary.answers("You left 1 draft. Go on?", "begin anew, and keep it");
        }
        secretary.answers("What happened?", "note");
        secretary.reads();
        secretary.types(text);
        secretary.sees(text);
        secretary.types(CONTROL_C);
        secretary.ends();
    }
    assert_eq!(drafts(&scratch).len(), 2);
    let mut secretary = Secretary::runs(&scratch, &["add"]);
    let (_, asked) = secretary.answers("You left 2 drafts. Go on?", "throw one away");
    // The newest comes first.
    let place = |text: &str| asked.find(text).unwrap();
    assert!(place("The second") < place("The first"), "{asked}");
    secretary.answers("Which one is not wanted any more?", "none of them");
    secretary.answers("You left 2 drafts. Go on?", "throw one away");
    secretary.answers("Which one is not wanted any more?", "The first");
    secretary.answers("You left 1 draft. Go on?", "go on with");
    secretary.answers_all(&[
        ("text: The second", ""),
        ("about:", ""),
        ("Is it right?", "record it now"),
    ]);
    let receipts = secretary.has_recorded();
    assert!(receipts.contains("noted: The second"), "{receipts}");
    assert!(drafts(&scratch).is_empty());
    assert_eq!(count(&scratch), 6);
}

/// A draft that somebody works on at another terminal is not offered, nor taken.
#[test]
fn a_draft_in_use_is_not_offered() {
    let scratch = pact();
    let mut working = begins_a_note(&scratch, "Mine");
    let [draft] = drafts(&scratch).try_into().unwrap();
    let mut other = Secretary::runs(&scratch, &["add"]);
    other.answers("What happened?", "note");
    other.types(CONTROL_C);
    assert_eq!(other.ends().1, 130);
    let mut other = Secretary::runs(&scratch, &["add", "--file", draft.to_str().unwrap()]);
    other.types("");
    let (screen, code) = other.ends();
    assert_eq!(code, 21, "{screen}");
    assert!(
        screen.contains("another process goes on with the draft"),
        "{screen}"
    );
    working.types(ENTER);
    working.answers_all(&[("about:", ""), ("Is it right?", "record it now")]);
    assert!(working.has_recorded().contains("noted: Mine"));
}

/// Each ledger has its own drafts.
#[test]
fn a_draft_of_another_ledger_is_not_offered() {
    let scratch = pact();
    let mut secretary = begins_a_note(&scratch, "Mine");
    secretary.types(CONTROL_C);
    secretary.ends();
    scratch
        .run(&["init", "--ledger", "other", "--origin", "example.org/other"])
        .ok();
    let mut secretary = Secretary::runs(&scratch, &["add", "--ledger", "other"]);
    secretary.answers("What happened?", "note");
    secretary.types(CONTROL_C);
    secretary.ends();
}
