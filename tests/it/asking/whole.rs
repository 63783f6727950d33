//! The seed's article recorded whole, with prompts only: the ledger says what the fixture's ledger says.

use super::robot::{events, record};
use super::secretary::Secretary;
use crate::program::Scratch;

const FIXTURES: [&str; 2] = ["communique", "communique-follow-ups"];

/// The reports that say nothing of the times of recording.
const REPORTS: &[&str] = &[
    "status",
    "due",
    "party",
    "matrix",
    "curve",
    "timeline",
    "repeats",
    "irregular",
];

/// What a ledger says in them.
fn reports(scratch: &Scratch) -> String {
    let said = REPORTS.iter().map(|report| {
        let words = ["report", report, "--as-of", "2024-06-30", "--format", "csv"];
        scratch.run(&words).ok()
    });
    said.collect()
}

#[test]
fn the_article_is_recorded_whole_with_prompts_only() {
    let imported = Scratch::with_ledger();
    let typed = Scratch::with_ledger();
    for fixture in FIXTURES {
        let path = format!("{}/fixtures/{fixture}.ndjson", env!("CARGO_MANIFEST_DIR"));
        let before = events(&imported.run(&["export"]).ok()).len();
        imported.run(&["import", &path]).ok();
        let all = events(&imported.run(&["export"]).ok());
        let receipts = record(Secretary::runs(&typed, &["add"]), &all[before..]);
        assert!(
            receipts.contains(&format!("record {}  ", all.len())),
            "{receipts}"
        );
    }
    let (said, meant) = (typed.run(&["export"]).ok(), imported.run(&["export"]).ok());
    assert_eq!(events(&said), events(&meant));
    assert_eq!(reports(&typed), reports(&imported));
    typed.run(&["verify"]).ok();

    let log = typed
        .run(&["log", "--limit", "1000", "--format", "csv"])
        .ok();
    for sentence in SENTENCES {
        assert!(log.contains(sentence), "no {sentence} in {log}");
    }
    let due = typed.run(&["report", "due", "--as-of", "2024-06-30"]).ok();
    for sentence in DUE {
        assert!(due.contains(sentence), "no {sentence} in {due}");
    }
}

/// What the log says, with the names of the article.
const SENTENCES: &[&str] = &[
    "Colombia and Venezuela agreed to A1 in Caracas: Reported outcome of the meeting of the two defence ministers",
    "Iván Velásquez and Vladimir Padrino López met in Caracas, which led to A1",
    "Colombia and Venezuela promised each other in A1 (C1): Increase the presence of the armed forces at informal \
     crossings along the common border",
    "Colombia and Venezuela promised each other in A1 (C2): Set up a direct channel of communication",
    "Colombia and Venezuela promised each other in A1 (C3): Continue the meetings between the Regional Military Units",
    "Colombia and Venezuela promised each other in A1 (C4): Resume bilateral communication on defence at all levels",
    "Vladimir Padrino López reported progress: Presented the results of 16 executed activities",
    "it was said about A1: It could be a first step towards stability and peace in the region",
    "Iván Velásquez said about C1: Stresses the greater presence at the crossings",
    "record 20 (C2) was corrected, repeats set to A0",
    "S4 supports C1: More presence at the crossings was agreed again",
];

/// What is due: nothing, for nothing has a date.
const DUE: &[&str] = &[
    "4 of 4 commitments are undated: never overdue, and in no rate of the due ones",
    "none due",
    "inferred by the recorder: on (2023-05-11) of record 19 (commitment C1)",
];
