//! Nothing that was typed is lost, nothing is recorded before the user says so, and only what the rules allow is offered.

use std::path::PathBuf;

use super::secretary::{CONTROL_C, ENTER, ESCAPE, Secretary};
use crate::program::{Scratch, contents};

/// A ledger with two parties, an agreement and a promise.
pub fn pact() -> Scratch {
    let scratch = Scratch::with_ledger();
    let lines = [
        r#"{"event":"party","id":"moda","kind":"state","name":"Moda"}"#,
        r#"{"event":"party","id":"modb","kind":"state","name":"Modb"}"#,
        r#"{"event":"agreement","id":"A1","title":"Pact","party":["moda","modb"],"on":"2023-05-11"}"#,
        r#"{"event":"commitment","id":"C1","agreement":"A1","text":"Patrol","debtor":["moda"],"creditor":["modb"]}"#,
    ];
    scratch.run_on(&["import", "-"], lines.join("\n")).ok();
    scratch
}

/// The drafts that are kept.
pub fn drafts(scratch: &Scratch) -> Vec<PathBuf> {
    let directory = scratch.state().join("servanda/drafts");
    let found = directory.exists().then(|| contents(&directory));
    let paths = found.into_iter().flatten().map(|(path, _)| path);
    paths.filter(|path| path.is_file()).collect()
}

pub fn count(scratch: &Scratch) -> usize {
    scratch.run(&["export"]).ok().lines().count()
}

#[test]
fn record_asks_for_what_is_missing_only() {
    let scratch = pact();
    let mut secretary = Secretary::runs(&scratch, &["record", "party", "--kind", "state"]);
    secretary.answers_all(&[
        ("name:", "Modc"),
        ("another name:", ""),
        ("parent:", ""),
        ("source:", ""),
        ("id: (modc)", ""),
    ]);
    let (preview, _) = secretary.answers("Is it right?", "record it now");
    assert!(
        preview.contains("party: Modc (modc) was registered as a state"),
        "{preview}"
    );
    let receipts = secretary.has_recorded();
    assert!(
        receipts.contains("undo: servanda record retraction 5 --reason REASON"),
        "{receipts}"
    );
    assert!(drafts(&scratch).is_empty());
}

#[test]
fn a_date_with_two_readings_is_asked_back() {
    let scratch = pact();
    let words = [
        "record",
        "note",
        "--text",
        "Heard by telephone",
        "--on",
        "11/05/2023",
    ];
    let mut secretary = Secretary::runs(&scratch, &words);
    secretary.answers("on: 11/05/2023", "");
    let (_, asked) = secretary.answers("Which day is it?", "2023-05-11");
    assert!(
        asked.contains("`11/05/2023` is 11 May 2023 or 5 November 2023"),
        "{asked}"
    );
    secretary.answers_all(&[
        ("about:", "C1: "),
        ("another about:", ""),
        ("Is it right?", "record it now"),
    ]);
    secretary.has_recorded();
    let note = scratch.run(&["show", "5"]).ok();
    assert!(note.contains("2023-05-11"), "{note}");
}

#[test]
fn a_refused_answer_stands_there_again() {
    let scratch = pact();
    let mut secretary = Secretary::runs(
        &scratch,
        &["record", "party", "--kind", "state", "--name", "Moda"],
    );
    secretary.answers_all(&[("parent:", ""), ("source:", ""), ("id: (P1)", "moda")]);
    secretary.sees("moda names the party of record 1");
    secretary.types(&format!("-2{ENTER}"));
    secretary.answers("Is it right?", "record it now");
    assert!(
        secretary
            .has_recorded()
            .contains("Moda (moda-2) was registered")
    );
}

#[test]
fn what_was_typed_is_kept_when_the_user_stops() {
    let scratch = pact();
    let mut secretary = Secretary::runs(&scratch, &["add"]);
    secretary.answers_all(&[
        ("What happened?", "party"),
        ("kind:", "organ"),
        ("name:", "Joint Staff"),
        ("another name:", ""),
        ("parent:", ""),
        ("source:", ""),
        ("id: (joint-staff)", ""),
        ("Is it right?", "keep it"),
        ("What else happened?", "commitment"),
        ("agreement:", "A1: "),
    ]);
    secretary.reads();
    secretary.types("Share the ma");
    secretary.sees("Share the ma");
    secretary.types(CONTROL_C);
    let (screen, code) = secretary.ends();
    assert_eq!(code, 130, "{screen}");
    assert!(screen.contains("stopped; nothing was recorded"), "{screen}");
    let [draft] = drafts(&scratch).try_into().unwrap();
    assert!(
        screen.contains(&format!(
            "`servanda add --file {}` goes on with it",
            draft.display()
        )),
        "{screen}"
    );
    assert_eq!(count(&scratch), 5);

    let mut secretary = Secretary::runs(&scratch, &["add", "--file", draft.to_str().unwrap()]);
    let (_, asked) = secretary.answers("text: Share the ma", "ps");
    assert!(asked.contains("What was promised"), "{asked}");
    secretary.answers_all(&[
        ("modality:", ""),
        ("debtor:", "(joint-staff)"),
        ("another debtor:", ""),
        ("creditor:", ""),
        ("mutual:", ""),
        ("deadline:", "in 3 months"),
        ("on:", ""),
        ("source:", ""),
        ("id: (C2)", ""),
        ("Is it right?", "record it now"),
    ]);
    let receipts = secretary.has_recorded();
    assert!(
        receipts.contains("record 5  party: Joint Staff (joint-staff)"),
        "{receipts}"
    );
    assert!(
        receipts.contains("record 6  commitment: Joint Staff promised in A1 (C2): Share the maps"),
        "{receipts}"
    );
    assert!(drafts(&scratch).is_empty());
}

#[test]
fn a_form_inside_another_is_gone_on_with_first() {
    let scratch = pact();
    let mut secretary = Secretary::runs(&scratch, &["add"]);
    secretary.answers_all(&[
        ("What happened?", "succession"),
        ("party:", "(moda)"),
        ("successor:", "add a new"),
        ("kind:", "state"),
        ("name:", "Union"),
    ]);
    secretary.reads();
    secretary.types("Union of Mo");
    secretary.sees("Union of Mo");
    secretary.types(CONTROL_C);
    secretary.ends();
    let [draft] = drafts(&scratch).try_into().unwrap();
    let mut secretary = Secretary::runs(&scratch, &["add", "--file", draft.to_str().unwrap()]);
    secretary.answers_all(&[
        ("another name: Union of Mo", "da"),
        ("another name:", ""),
        ("parent:", ""),
        ("source:", ""),
        ("id: (union)", ""),
        ("Is it right?", "keep it"),
        ("successor:", "(union)"),
        ("another successor:", ""),
        ("on:", "2024"),
        ("by:", ""),
        ("source:", ""),
        ("Is it right?", "record it now"),
    ]);
    let receipts = secretary.has_recorded();
    assert!(
        receipts.contains("succession: Moda was succeeded by Union"),
        "{receipts}"
    );
    let names = scratch.run(&["show", "union"]).ok();
    assert!(names.contains("Union of Moda"), "{names}");
}

#[test]
fn only_moves_that_are_allowed_now_are_offered() {
    let scratch = pact();
    let mut secretary = Secretary::runs(&scratch, &["record", "status"]);
    secretary.answers("commitment:", "C1: ");
    let (_, asked) = secretary.answers("to:", "claimed");
    assert!(asked.contains("claimed, as a debtor may say"), "{asked}");
    assert!(!asked.contains("expired"), "{asked}");
    secretary.answers("on:", "");
    let (_, asked) = secretary.answers("by:", "(moda)");
    assert!(asked.contains("Moda (moda), who may say so"), "{asked}");
    assert!(!asked.contains("(modb)"), "{asked}");
    secretary.answers_all(&[("another by:", ""), ("source:", "")]);
    let (preview, _) = secretary.answers("Is it right?", "record it now");
    assert!(
        preview.contains("C1 went from agreed to claimed, says Moda"),
        "{preview}"
    );
    assert!(
        preview.contains("C1 standing: agreed before, claimed after"),
        "{preview}"
    );
    secretary.has_recorded();
}

#[test]
fn what_no_rule_allows_is_recorded_with_a_reason() {
    let scratch = pact();
    let mut secretary = Secretary::runs(&scratch, &["record", "status"]);
    secretary.answers_all(&[
        ("commitment:", "C1: "),
        ("to:", "another, which"),
        ("to:", "expired"),
        ("on:", "2024-01-01"),
        ("by:", ""),
        ("source:", ""),
    ]);
    let (preview, _) = secretary.answers("It cannot be recorded so. What then?", "it was reported");
    assert!(
        preview.contains("! C1 is agreed, and does not go from there to expired"),
        "{preview}"
    );
    secretary.answers_all(&[
        ("irregular:", "the commission called it expired"),
        ("Is it right?", "record it now"),
    ]);
    assert!(
        secretary
            .has_recorded()
            .contains("C1 went from agreed to expired")
    );
}

#[test]
fn events_of_a_batch_are_looked_at_again() {
    let scratch = pact();
    let mut secretary = Secretary::runs(&scratch, &["add"]);
    secretary.answers_all(&[
        ("What happened?", "note"),
        ("text:", "Heard by telefone"),
        ("about:", ""),
        ("Is it right?", "keep it"),
        ("What else happened?", "note"),
        ("text:", "Heard again"),
        ("about:", "(moda)"),
        ("another about:", ""),
        ("Is it right?", "keep it"),
        (
            "What else happened?",
            "look again at note: noted: Heard by telefone",
        ),
        ("about:", ""),
        ("Is it right?", "change"),
        ("Which field?", "text"),
        ("text: Heard by telefone", "\u{7f}\u{7f}\u{7f}\u{7f}phone"),
        ("Is it right?", "keep it"),
        ("What else happened?", "record the 2 events now"),
    ]);
    let receipts = secretary.has_recorded();
    assert!(
        receipts.contains("record 5  note: noted: Heard by telephone"),
        "{receipts}"
    );
    assert!(
        receipts.contains("record 6  note: noted about moda: Heard again"),
        "{receipts}"
    );
}

/// Esc goes back, and throws nothing away that was answered.
#[test]
fn escape_goes_back_and_loses_nothing() {
    let scratch = pact();
    let mut secretary = Secretary::runs(&scratch, &["add"]);
    secretary.answers_all(&[("What happened?", "note"), ("text:", "A remark")]);
    // From the list of entities to the overview, where another Esc changes nothing.
    for _ in 0..2 {
        secretary.reads();
        secretary.types(ESCAPE);
    }
    let (preview, _) = secretary.answers("Is it right?", "leave this event out");
    assert!(preview.contains("note: noted: A remark"), "{preview}");
    secretary.reads();
    secretary.types(ESCAPE);
    let (screen, code) = secretary.ends();
    assert_eq!(code, 0);
    assert!(screen.contains("nothing was recorded"), "{screen}");
    assert!(drafts(&scratch).is_empty());
    assert_eq!(count(&scratch), 5);
}

#[test]
fn nobody_waits_for_a_person_who_types() {
    let scratch = pact();
    let mut secretary = Secretary::runs(&scratch, &["add"]);
    secretary.answers_all(&[
        ("What happened?", "note"),
        ("text:", "Mine"),
        ("about:", ""),
    ]);
    scratch
        .run(&["record", "note", "--text", "Theirs", "--wait", "0"])
        .ok();
    secretary.answers("Is it right?", "record it now");
    assert!(
        secretary
            .has_recorded()
            .contains("record 6  note: noted: Mine")
    );
}

#[test]
fn a_dry_run_keeps_what_was_typed() {
    let scratch = pact();
    let mut secretary = Secretary::runs(&scratch, &["add", "--dry-run"]);
    secretary.answers_all(&[
        ("What happened?", "note"),
        ("text:", "A remark"),
        ("about:", ""),
        ("Is it right?", "record it now"),
    ]);
    let said = secretary.has_recorded();
    assert!(
        said.contains("would be record 5  note: noted: A remark"),
        "{said}"
    );
    assert!(said.contains("goes on with it"), "{said}");
    let [draft] = drafts(&scratch).try_into().unwrap();
    let mut secretary = Secretary::runs(&scratch, &["add", "--file", draft.to_str().unwrap()]);
    secretary.answers("What else happened?", "record the 1 event now");
    assert!(
        secretary
            .has_recorded()
            .contains("record 5  note: noted: A remark")
    );
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let scratch = pact();
    scratch
        .run(&["add"])
        .fails(2, &["add asks on a terminal", "servanda record KIND"]);
    scratch
        .run(&["record"])
        .fails(2, &["which kind of event?", "servanda record --help"]);
    scratch
        .run(&["record", "party", "modc"])
        .fails(2, &["kind: is required", "name: is required"]);
    let file = scratch.write("events.ndjson", "{\"event\":\"x\"}");
    let mut secretary = Secretary::runs(&scratch, &["add", "--file", file.to_str().unwrap()]);
    secretary.types("");
    let (screen, code) = secretary.ends();
    assert_eq!(code, 1);
    assert!(screen.contains("is no draft"), "{screen}");
    assert!(file.exists());
}
