use super::*;
use crate::intake::mapper::{File, ImportJob, Outcome};
use crate::intake::rules::Rules;
use crate::intake::table::encoding;

/// What the suggested rules make of the table that they were guessed from.
fn imported(bytes: &[u8]) -> (Rules, Outcome) {
    imported_as("a table.csv", bytes)
}

fn imported_as(name: &str, bytes: &[u8]) -> (Rules, Outcome) {
    let text = suggest(name, bytes).unwrap();
    let rules: Rules = text
        .parse()
        .unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"));
    let table = Table::read(name, bytes, &rules.form).unwrap();
    let file = File {
        name: name.into(),
        directory: "d".into(),
        digest: "0".repeat(64),
    };
    let outcome = ImportJob::new(&rules, &file, &table).run();
    assert_eq!(outcome.bad, [], "{text}");
    (rules, outcome)
}

fn told(outcome: &Outcome, kind: &str, field: &str) -> Vec<String> {
    let made = outcome
        .events
        .iter()
        .filter(|made| made.line.kind.word() == kind);
    made.flat_map(|made| made.line.fields().get(field).to_vec())
        .collect()
}

#[test]
fn a_table_of_participations() {
    let text = "Participant,Signature,\"Ratification, Acceptance(A), Accession(a), x(xx)\"\nA,3 May 1990,4 June 1991\nB,n/a,5 Jun 1992 a\nC,,6 Jun 1993 xx\n";
    let (rules, outcome) = imported(text.as_bytes());
    assert_eq!(rules.empty, ["n/a"]);
    assert_eq!(rules.dates.codes, ["a", "xx"]);
    assert_eq!(
        told(&outcome, "participation", "action"),
        ["signature", "ratification", "accession", "notification"]
    );
    assert_eq!(told(&outcome, "agreement", "party"), ["a", "b", "c"]);
}

#[test]
fn a_table_of_commitments() {
    let text =
        "Nr;Wer;Was;Frist\n1;S\u{fc}d;Die Br\u{fc}cke;31.07.2024\n2;Nord;Der Fluss;31.12.9999\n";
    let bytes: Vec<u8> = text.chars().map(|c| c as u8).collect();
    let (rules, outcome) = imported(&bytes);
    assert_eq!(rules.form.encoding, encoding("windows-1252"));
    assert_eq!(rules.form.delimiter, Some(b';'));
    assert_eq!(
        told(&outcome, "commitment", "text"),
        ["Die Brücke", "Der Fluss"]
    );
    assert_eq!(
        told(&outcome, "commitment", "deadline"),
        ["2024-07-31", "not-applicable"]
    );
    assert_eq!(told(&outcome, "commitment", "debtor"), ["sud", "nord"]);
}

#[test]
fn tables_of_anything_else() {
    let (_, outcome) = imported(b"1|2\n1|2\n3|4\n");
    assert_eq!(told(&outcome, "note", "text").len(), 2);
    imported(b"\"a }| '\",a,a,,cell\nx y z,2,3,4,5\n");
    imported(b"x\n");
    let text = suggest("t.csv", b"d,s\n01/02/2003,x\n").unwrap();
    assert!(
        text.contains("fit %d/%m/%Y and %m/%d/%Y alike: look which is meant"),
        "{text}"
    );
}

/// A register of treaties: an identifier that is no party, a title that is no commitment, lists of parties.
const REGISTER: &str = "uuid,Title,Country,Signed,Entry into force,Ended,Subject
5f0c7c1e-0a11-4c8e-9d11-1d5f3a9b0c01,Treaty of Peace,Northland ; Southland,20/12/1951,15/01/1952,,Peace
5f0c7c1e-0a11-4c8e-9d11-1d5f3a9b0c02,Fisheries Convention,Southland ; Westmark ; Old Isles,21/03/1960,,,Fish
5f0c7c1e-0a11-4c8e-9d11-1d5f3a9b0c03,Exchange of Notes,Northland,30/06/1971,,31/12/1980,Trade
";

#[test]
fn a_register_of_agreements() {
    let (rules, outcome) = imported(REGISTER.as_bytes());
    assert_eq!(rules.dates.formats.len(), 1);
    assert_eq!(
        told(&outcome, "party", "name"),
        ["Northland", "Southland", "Westmark", "Old Isles"]
    );
    assert_eq!(
        told(&outcome, "agreement", "title"),
        [
            "Treaty of Peace",
            "Fisheries Convention",
            "Exchange of Notes"
        ]
    );
    assert_eq!(
        told(&outcome, "agreement", "on"),
        ["1951-12-20", "1960-03-21", "1971-06-30"]
    );
    assert_eq!(
        told(&outcome, "agreement-status", "to"),
        ["in-force", "terminated"]
    );
    assert_eq!(told(&outcome, "commitment", "id"), Vec::<String>::new());
}

#[test]
fn a_json_document_and_one_of_several_lists() {
    let text = r#"{"treaties": [
        {"id": "T1", "title": "Peace", "parties": ["Northland", "Southland"], "signed": "1951-12-20"},
        {"id": "T2", "title": "Fish", "parties": ["Southland", "Westmark"], "signed": "1960-03-21"}
    ], "notes": [{"a": 1}]}"#;
    let (rules, outcome) = imported_as("p.json", text.as_bytes());
    assert_eq!(rules.form.sheet.as_deref(), Some("treaties"));
    assert_eq!(
        told(&outcome, "party", "id"),
        ["northland", "southland", "westmark"]
    );
    assert_eq!(
        told(&outcome, "agreement", "party"),
        ["northland", "southland", "southland", "westmark"]
    );
    let error = suggest("p.json", b"{\"a\": 1}").unwrap_err();
    assert_eq!(error.to_string(), "line 1: has no list of objects");
}

#[test]
fn quotation_marks_that_do_not_fit_are_text() {
    let (rules, _) = imported(b"Country,Signature\nA,3 May 1990\n\"B\" or C,4 May 1990\n");
    assert!(!rules.form.quotes);
}
