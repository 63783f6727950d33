//! What reports say beside their tables.

use serde_json::Value;

use crate::program::Scratch;

#[test]
fn no_note_of_a_report_is_long() {
    let scratch = Scratch::with_ledger();
    let mut lines = String::from(
        "{\"event\":\"party\",\"id\":\"p\",\"kind\":\"state\",\"name\":[\"P\"]}\n\
         {\"event\":\"agreement\",\"id\":\"A\",\"title\":\"A\",\"party\":[\"p\"],\"on\":\"1950-01-01\"}\n",
    );
    let reason = "r".repeat(20_000);
    for one in 0..120 {
        lines.push_str(&format!(
            "{{\"event\":\"commitment\",\"id\":\"C{one}\",\"agreement\":\"A\",\"text\":\"t\",\"debtor\":[\"p\"],\
             \"on\":\"1951\",\"inferred\":[\"on\",\"text\"]}}\n\
             {{\"event\":\"status\",\"commitment\":\"C{one}\",\"to\":\"breached\",\"by\":[\"p\"],\"on\":\"1952\",\
             \"irregular\":\"{one}{reason}\"}}\n"
        ));
    }
    scratch.run_on(&["import", "-"], lines).ok();
    for report in [
        "status",
        "due",
        "party",
        "matrix",
        "curve",
        "irregular",
        "all",
    ] {
        let json = scratch.run(&["report", report, "--format", "json"]).ok();
        let document: Value = serde_json::from_str(&json).unwrap();
        let mut notes = Vec::new();
        all_notes(&document, &mut notes);
        assert!(
            notes.iter().all(|note| note.chars().count() <= 2_000),
            "{report}"
        );
    }
}

fn all_notes<'v>(value: &'v Value, notes: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(name, value)| match name.as_str() {
                "notes" => notes.extend(value.as_array().unwrap().iter().filter_map(Value::as_str)),
                _ => all_notes(value, notes),
            }),
        Value::Array(items) => items.iter().for_each(|item| all_notes(item, notes)),
        _ => {}
    }
}

/// A format that cannot hold an answer is refused before anything is read.
#[test]
fn a_format_that_holds_one_report_is_refused_at_once() {
    let scratch = Scratch::empty();
    let outcome = scratch.run(&["report", "all", "--format", "csv"]);
    outcome.fails(2, &["csv holds one report, and these are several"]);
}
