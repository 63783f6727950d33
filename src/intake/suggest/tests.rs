use super::*;
use crate::intake::mapper::{File, ImportJob, Outcome};
use crate::intake::rules::Rules;

/// What the suggested rules make of the table that they were guessed from.
fn imported(bytes: &[u8]) -> (Rules, Outcome) {
    let form = form_of(bytes);
    let table = Table::read(bytes, &form).unwrap();
    let text = suggest("a table.csv", &form, &table);
    let rules: Rules = text
        .parse()
        .unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"));
    let file = File {
        name: "a table.csv".into(),
        directory: "d".into(),
        digest: "0".repeat(64),
    };
    let job = ImportJob {
        rules: &rules,
        file: &file,
        table: &table,
        lookups: &[],
        version: None,
        touched: None,
    };
    let outcome = job.run();
    assert_eq!(outcome.bad, [], "{text}");
    (rules, outcome)
}

fn told(outcome: &Outcome, kind: &str, field: &str) -> Vec<String> {
    let made = outcome
        .events
        .iter()
        .filter(|made| made.kind.word() == kind);
    made.flat_map(|made| made.fields.get(field).to_vec())
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
    assert_eq!(rules.form.encoding, Encoding::Windows1252);
    assert_eq!(rules.form.delimiter, b';');
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
    let form = form_of(b"d,s\n01/02/2003,x\n");
    let table = Table::read(b"d,s\n01/02/2003,x\n", &form).unwrap();
    let text = suggest("t.csv", &form, &table);
    assert!(
        text.contains("fit %d/%m/%Y and %m/%d/%Y alike: look which is meant"),
        "{text}"
    );
}
