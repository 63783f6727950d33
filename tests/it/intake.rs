//! Tables as recorders have them: irregular rows, rows that are refused, older and newer versions, tables that disagree,
//! other forms of files. What is wrong is told once, where it is, and what follows from it is counted.

mod change_logs;

use std::fs;

use serde_json::Value;

use crate::program::{Outcome, Scratch};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Rules for a register: parties, agreements and their status.
const RULES: &str = r#"
[dates]
formats = ["%d/%m/%Y"]

[[event]]
event = "party"
once = true
import_key = "p:{Who|slug}"
id = "{Who|slug}"
kind = "state"
name = "{Who}"

[[event]]
event = "agreement"
import_key = "a:{No}"
id = "a-{No}"
title = "Agreement {No}"
on = "{Signed|date}"
party = "{Who|slug}"

[[event]]
event = "agreement-status"
when = { Force = "?*" }
import_key = "f:{No}"
agreement = "a-{No}"
to = "in-force"
on = "{Force|date}"
if_irregular = "as the register has it"

[[event]]
event = "agreement-status"
when = { Ended = "?*" }
import_key = "e:{No}"
agreement = "a-{No}"
to = "terminated"
on = "{Ended|date}"
"#;

const HEADER: &str = "No,Who,Signed,Force,Ended\n";

/// A row that breaks a rule about the world, with a reason to record it; and one without.
const ROWS: &str = "1,Northland,20/12/1951,15/12/1951,\n2,Southland,20/12/1951,,01/12/1951\n";

fn with_rules(rules: &str) -> Scratch {
    let scratch = Scratch::with_ledger();
    scratch.write("a.toml", rules);
    scratch
}

fn import(scratch: &Scratch, tables: &[&str], more: &[&str]) -> Outcome {
    scratch.run(&[&["import"], tables, &["--rules", "a.toml"], more].concat())
}

/// Imports a table, and gives what is said.
fn said(scratch: &Scratch, table: &str, text: impl AsRef<[u8]>) -> String {
    scratch.write(table, text);
    let outcome = import(scratch, &[table], &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    outcome.stderr
}

/// The events without those that open the ledger.
fn events(scratch: &Scratch) -> Vec<Value> {
    let export = scratch.run(&["export"]).ok();
    export
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn keyed(scratch: &Scratch, key: &str) -> Value {
    let mut found = events(scratch)
        .into_iter()
        .filter(|event| event["import_key"] == key);
    found.next().unwrap_or(Value::Null)
}

#[test]
fn only_what_has_no_reason_is_refused() {
    let scratch = with_rules(RULES);
    scratch.write("b.csv", format!("{HEADER}{ROWS}"));
    let outcome = import(&scratch, &["b.csv"], &[]);
    let says = [
        "error: 1 event refused; nothing was appended",
        "  b.csv:3: Ended: ",
        "(for the agreement-status e:2)",
        "if_irregular",
    ];
    outcome.fails(1, &says);
    assert!(!outcome.stderr.contains("b.csv:2"), "{outcome:#?}");
    assert_eq!(outcome.stderr.matches("b.csv").count(), 1, "{outcome:#?}");
}

#[test]
fn an_irregular_event_is_corrected_as_it_was_recorded() {
    let scratch = with_rules(RULES);
    let table = format!("{HEADER}{}", ROWS.lines().next().unwrap());
    let first = said(&scratch, "b.csv", &table);
    assert!(
        first.contains("4 events appended (4 new, 0 corrections, 0 further, 1 irregular)"),
        "{first}"
    );
    assert_eq!(
        keyed(&scratch, "f:1")["irregular"],
        "as the register has it"
    );

    let newer = said(&scratch, "b.csv", table.replace("15/12/1951", "16/12/1951"));
    assert!(
        newer.contains("2 events appended (1 new, 1 correction, 0 further, 1 irregular)"),
        "{newer}"
    );
    assert!(
        newer.contains("1 changed:\n  b.csv:2: on: `1951-12-15` (from b-"),
        "{newer}"
    );
    let correction = events(&scratch).pop().unwrap();
    assert_eq!(correction["irregular"], "as the register has it");
    assert_eq!(
        correction["reason"],
        "b.csv, which was imported later, says so"
    );
    assert_eq!(correction["to"], serde_json::json!(["1951-12-16"]));
    // A date that breaks no rule is a plain correction.
    let last = said(&scratch, "b.csv", table.replace("15/12/1951", "31/12/1951"));
    assert!(
        last.contains("(1 new, 1 correction, 0 further), "),
        "{last}"
    );
    scratch.run(&["verify"]).ok();
}

#[test]
fn rows_that_rules_refuse_are_left_out_whole() {
    let scratch = with_rules(&RULES.replace("if_irregular = \"as the register has it\"", ""));
    let table = format!("{HEADER}{ROWS}3,Westmark,20/12/1951,15/01/1952,\n4,C\u{f4}te,,soon,\n");
    let mut bytes: Vec<u8> = table.into_bytes();
    bytes.extend(b"5,Isle of \xf4,20/12/1951,,\n");
    scratch.write("b.csv", &bytes);
    import(
        &scratch,
        &["b.csv"],
        &["--skip-bad", "bad.csv", "--dry-run"],
    )
    .ok();
    assert!(!scratch.path("bad.csv").exists());
    let outcome = import(&scratch, &["b.csv"], &["--skip-bad", "bad.csv"]);
    assert!(
        outcome.stderr.contains("4 events appended (4 new"),
        "{outcome:#?}"
    );
    assert!(
        outcome
            .stderr
            .contains("4 left out because they do not fit:"),
        "{outcome:#?}"
    );
    let places = outcome.stderr.split("b.csv:").skip(1);
    let lines = places.map(|place| place.split(':').next().unwrap());
    assert_eq!(
        lines.collect::<Vec<_>>(),
        ["2", "3", "5", "6"],
        "{outcome:#?}"
    );
    // What only rows that are left out have in a column is not called unused.
    assert!(!outcome.stderr.contains("do not use"), "{outcome:#?}");
    outcome.ok();
    let bad = fs::read(scratch.path("bad.csv")).unwrap();
    let text = String::from_utf8_lossy(&bad);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "No,Who,Signed,Force,Ended,bad_line,bad_reason");
    assert!(
        lines[1]
            .starts_with("1,Northland,20/12/1951,15/12/1951,,2,\"Force: 1951-12-15 lies before"),
        "{text}"
    );
    assert!(
        lines[2].starts_with("2,Southland,20/12/1951,,01/12/1951,3,"),
        "{text}"
    );
    assert!(
        lines[3].starts_with("4,Côte,,soon,,5,Force: `soon` is no date"),
        "{text}"
    );
    assert!(
        bad.windows(12).any(|bytes| bytes == b"5,Isle of \xf4,"),
        "{text}"
    );
    assert_eq!(keyed(&scratch, "p:northland"), Value::Null);
    assert_eq!(keyed(&scratch, "f:3")["on"], "1952-01-15");
    scratch.run(&["verify"]).ok();

    // The file is not written over, and then nothing is appended.
    let before = scratch.records();
    scratch.write(
        "b.csv",
        [bytes.as_slice(), b"6,Eastmark,20/12/1951,,\n"].concat(),
    );
    let outcome = import(&scratch, &["b.csv"], &["--skip-bad", "bad.csv"]);
    outcome.fails(1, &["cannot write bad.csv", "--force replaces it"]);
    assert_eq!(scratch.records(), before);
    import(&scratch, &["b.csv"], &["--skip-bad", "bad.csv", "--force"]).ok();
}

/// A row names the party of another row. Where that is left out, this one is, too.
#[test]
fn a_row_that_rests_on_one_that_is_left_out_is_left_out_too() {
    let rules = RULES
        .replace("if_irregular = \"as the register has it\"", "")
        .replace(
            "party = \"{Who|slug}\"",
            "party = [\"{Who|slug}\", \"{With|slug}\"]",
        );
    let scratch = with_rules(&rules);
    let table = "No,Who,Signed,Force,Ended,With\n\
        1,Northland,20/12/1951,15/12/1951,,\n\
        2,Southland,20/12/1951,,,Northland\n\
        3,Westmark,20/12/1951,,,Southland\n\
        4,Eastmark,20/12/1951,,,\n";
    scratch.write("b.csv", table);
    let outcome = import(&scratch, &["b.csv"], &["--skip-bad", "bad.csv"]);
    assert!(outcome.stderr.contains("3 left out"), "{outcome:#?}");
    assert!(
        outcome
            .stderr
            .contains("b.csv:3: Who: party: no party is called northland"),
        "{outcome:#?}"
    );
    outcome.ok();
    let bad = fs::read_to_string(scratch.path("bad.csv")).unwrap();
    assert_eq!(bad.lines().count(), 4, "{bad}");
    assert_eq!(keyed(&scratch, "a:3"), Value::Null);
    assert_eq!(keyed(&scratch, "a:4")["title"], "Agreement 4");
}

const NOTES: &str =
    "[[event]]\nevent = \"note\"\nimport_key = \"{key}\"\ntext = \"{text}\"\non = \"{on}\"\n";

fn note(on: &str) -> String {
    format!("key,text,on\nx1,same,2024-01-01\nx2,other,{on}\n")
}

/// Which of two values is newer is never guessed, and nothing goes to and fro.
#[test]
fn two_tables_with_one_key_do_not_correct_each_other_for_ever() {
    let scratch = with_rules(NOTES);
    scratch.write("jan.csv", note("2024-06-01"));
    scratch.write("feb.csv", note("2024-06-30"));
    let both = import(&scratch, &["jan.csv", "feb.csv"], &[]);
    both.fails(
        1,
        &["feb.csv:3: on: `2024-06-30`, but jan.csv:3 says `2024-06-01` under the same import key `x2`"],
    );
    import(&scratch, &["jan.csv"], &[]).ok();
    let feb = import(&scratch, &["feb.csv"], &[]).stderr;
    assert!(
        feb.contains("(1 new, 1 correction, 0 further), 1 known and unchanged"),
        "{feb}"
    );
    assert!(
        feb.contains("feb.csv:3: on: `2024-06-01` (from jan-"),
        "{feb}"
    );
    for (table, older) in [("jan.csv", true), ("feb.csv", false), ("jan.csv", true)] {
        let again = import(&scratch, &[table], &[]).stderr;
        assert!(again.contains("0 events appended"), "{again}");
        let told = "jan.csv:3: on: `2024-06-01`, where `2024-06-30` was recorded later (from feb-";
        assert_eq!(again.contains(told), older, "{again}");
        assert!(!again.contains("newer"), "{again}");
    }
    let both = import(&scratch, &["jan.csv", "feb.csv"], &[]);
    assert!(both.stderr.contains("0 events appended"), "{both:#?}");
    both.ok();
    // What a recorder corrects by hand stays, too.
    let record = keyed(&scratch, "x1")["seq"].to_string();
    let words = [
        "record",
        "correction",
        &record,
        "--field",
        "on",
        "--to",
        "2024-02-02",
        "--reason",
        "r",
    ];
    scratch.run(&words).ok();
    let again = import(&scratch, &["feb.csv"], &[]).stderr;
    assert!(again.contains("0 events appended"), "{again}");
    assert!(again.contains("1 older than what is recorded"), "{again}");
    scratch.run(&["verify"]).ok();
}

#[test]
fn a_table_that_states_its_day_is_older_than_one_that_states_a_later_day() {
    let rules = format!("[source]\npublished = \"{{file.stem|after(-)}}\"\n{NOTES}");
    let scratch = with_rules(&rules);
    let feb = said(&scratch, "t-2024-02.csv", note("2024-06-30"));
    assert!(feb.contains("3 events appended"), "{feb}");
    let jan = said(&scratch, "t-2024-01.csv", note("2024-06-01"));
    assert!(
        jan.contains("1 event appended (1 new, 0 corrections"),
        "{jan}"
    );
    assert!(
        jan.contains("1 older than what is recorded, and left as they are:"),
        "{jan}"
    );
    let mar = said(&scratch, "t-2024-03.csv", note("2024-07-01"));
    assert!(mar.contains("(1 new, 1 correction"), "{mar}");
    let reason = events(&scratch).pop().unwrap()["reason"].clone();
    assert_eq!(reason, "t-2024-03.csv, which was published later, says so");
    assert_eq!(keyed(&scratch, "x2")["on"], "2024-06-30");
}

/// Gathered values of several tables add to each other, in one import and in later ones.
#[test]
fn what_tables_gather_adds_up() {
    let scratch = with_rules(
        "[[event]]\nevent = \"party\"\nonce = true\nimport_key = \"p:{who}\"\nid = \"{who}\"\nkind = \"state\"\nname = \"{who}\"\n\
         [[event]]\nevent = \"agreement\"\nonce = true\ngather = [\"party\"]\nimport_key = \"all\"\nid = \"all\"\ntitle = \"A\"\nparty = \"{who}\"\n",
    );
    for (name, rows) in [
        ("1.csv", "who\na\nb\n"),
        ("2.csv", "who\nb\nc\n"),
        ("3.csv", "who\nd\n"),
    ] {
        scratch.write(name, rows);
    }
    let first = import(&scratch, &["1.csv", "2.csv", "3.csv"], &[]);
    assert!(
        first.stderr.contains("(8 new, 2 corrections, 0 further)"),
        "{first:#?}"
    );
    assert_eq!(
        events(&scratch).pop().unwrap()["to"],
        serde_json::json!(["a", "b", "c", "d"])
    );
    let again = import(&scratch, &["2.csv", "3.csv"], &[]);
    assert!(again.stderr.contains("0 events appended"), "{again:#?}");
}

/// Rules that were wrong are mended, and the same table says something else.
#[test]
fn the_same_table_read_by_other_rules_corrects_what_it_said() {
    let scratch = with_rules(NOTES);
    said(&scratch, "n.csv", note("2024-06-01"));
    scratch.write("a.toml", NOTES.replace("{text}", "{text|upper}"));
    let again = said(&scratch, "n.csv", note("2024-06-01"));
    assert!(
        again.contains("(0 new, 2 corrections, 0 further)"),
        "{again}"
    );
    assert_eq!(
        events(&scratch).pop().unwrap()["reason"],
        "n.csv is read by other rules now"
    );
    let again = said(&scratch, "n.csv", note("2024-06-01"));
    assert!(again.contains("0 events appended"), "{again}");
}

#[test]
fn quotation_marks_that_do_not_fit_are_refused() {
    let scratch = with_rules(NOTES);
    for (rows, line) in [
        ("x1,\"a\nx2,b,2024\nx3,c,2024\n", 2),
        ("x0,a,2024\nx1,\"Open \"the\" road\",2024\n", 3),
    ] {
        scratch.write("n.csv", format!("key,text,on\n{rows}"));
        let place = format!("n.csv: line {line}: a quotation mark opens a cell here");
        import(&scratch, &["n.csv"], &[]).fails(1, &[&place, "[table] quotes = false"]);
    }
    scratch.write("a.toml", format!("[table]\nquotes = false\n{NOTES}"));
    import(&scratch, &["n.csv"], &[]).ok();
    assert_eq!(keyed(&scratch, "x1")["text"], "\"Open \"the\" road\"");
}

#[test]
fn a_line_end_in_a_text_is_a_newline_wherever_it_comes_from() {
    let scratch = with_rules(NOTES);
    said(&scratch, "n.csv", "key,text,on\r\nx1,\"a\r\nb\",2024\r\n");
    assert_eq!(keyed(&scratch, "x1")["text"], "a\nb");
    let line = "{\"event\":\"note\",\"text\":\"a\\r\\nb\",\"import_key\":\"j\"}\r\n";
    scratch.run_on(&["import", "-"], line).ok();
    assert_eq!(keyed(&scratch, "j")["text"], "a\nb");
    let words = ["record", "note", "--text", "a\r\nb", "--import-key", "f"];
    scratch.run(&words).ok();
    assert_eq!(keyed(&scratch, "f")["text"], "a\nb");
    // Old systems end lines with CR alone.
    scratch.write("n.csv", "key,text,on\rx1,a,2024\rx2,b,soon\r");
    import(&scratch, &["n.csv"], &[]).fails(1, &["n.csv:3: on: on: `soon` is not a date"]);
    scratch.run(&["verify"]).ok();
}

/// An agreement that is too large is the root; what names it is counted.
#[test]
fn the_root_is_told_and_what_rests_on_it_counted() {
    let rules = r#"
[[event]]
event = "party"
once = true
import_key = "p:{Who}"
id = "{Who}"
kind = "state"
name = "{Who}"
[[event]]
event = "agreement"
once = true
gather = ["party"]
import_key = "uk"
id = "uk"
title = "All"
party = "{Who}"
[[event]]
event = "participation"
import_key = "s:{Who}"
agreement = "uk"
party = "{Who}"
action = "signature"
"#;
    let scratch = with_rules(rules);
    let rows: String = (0..1_500).map(|row| format!("p{row:050}\n")).collect();
    scratch.write("uk.csv", format!("Who\n{rows}"));
    let outcome = import(&scratch, &["uk.csv"], &[]);
    outcome.fails(
        1,
        &[
            "error: 1 event refused, and 1500 events that name what it would have made; nothing was appended",
            "uk.csv:2: the event takes ",
            " bytes; the limit is 65536 (rule size)",
        ],
    );
    assert!(
        !outcome.stderr.contains("no agreement is called uk"),
        "{outcome:#?}"
    );
}

#[test]
fn other_forms_of_files_are_tables_too() {
    let expected = {
        let scratch = with_rules(RULES);
        let rows = "1;Northland;20/12/1951;15/01/1952;\n2;Côte du Sud;21/03/1960;;\n";
        said(&scratch, "b.csv", HEADER.replace(',', ";") + rows);
        told(&scratch)
    };
    assert_eq!(expected.len(), 5);
    let json = r#"{"of": "today", "Register": [
        {"No": 1, "Who": "Northland", "Signed": "20/12/1951", "Force": "15/01/1952", "Ended": null},
        {"No": 2, "Who": "Côte du Sud", "Signed": "21/03/1960", "Force": ""}]}"#;
    let utf16: Vec<u8> =
        format!("\u{feff}{HEADER}1,Northland,20/12/1951,15/01/1952,\n2,Côte du Sud,21/03/1960,,\n")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
    let fixture = |name: &str| fs::read(format!("{ROOT}/fixtures/tables/{name}")).unwrap();
    for (name, bytes) in [
        ("b.json", json.as_bytes().to_vec()),
        ("b.csv", utf16),
        ("b.xlsx", fixture("register.xlsx")),
        ("b.ods", fixture("register.ods")),
    ] {
        let rules = match name {
            "b.xlsx" | "b.ods" => RULES.replace("%d/%m/%Y", "%Y-%m-%d"),
            _ => RULES.to_owned(),
        };
        let scratch = with_rules(&format!("[table]\nsheet = \"Register\"\n{rules}"));
        said(&scratch, name, bytes);
        assert_eq!(told(&scratch), expected, "{name}");
    }
    let scratch = with_rules(RULES);
    scratch.write("b.xlsx", fixture("register.xlsx"));
    import(&scratch, &["b.xlsx"], &[]).fails(
        1,
        &[
            "b.xlsx: line 1: has several sheets: `Notes`, `Register`",
            "[table] sheet = \"Notes\"",
        ],
    );
    scratch.write("b.json", json);
    scratch
        .run(&["import", "b.json"])
        .fails(1, &["tables need --rules FILE"]);
}

/// What events say, without where they were read.
fn told(scratch: &Scratch) -> Vec<Value> {
    let mut events = events(scratch).split_off(2);
    for event in &mut events {
        let fields = event.as_object_mut().unwrap();
        fields.remove("recorded_at");
        fields.remove("source");
    }
    events
}

#[test]
fn a_header_and_a_delimiter_that_are_wrong_are_named() {
    let scratch = with_rules(&format!(
        "[table]\ndelimiter = \",\"\n[columns]\nw = \"Text\"\n{}",
        NOTES.replace("{key}", "{w}")
    ));
    scratch.write("n.csv", "key;Text;on\nx;a;2024\n");
    let outcome = import(&scratch, &["n.csv"], &[]);
    outcome.fails(
        1,
        &["n.csv:2: the table has no column Text; its one column is `key;Text;on`, where `,` is the delimiter"],
    );
    scratch.write("n.csv", "key,Text,Text,on\nx,a,b,2024\n");
    import(&scratch, &["n.csv"], &[]).fails(1, &["several columns are called `Text`"]);
}

/// A report of an import is short, however much there is to tell.
#[test]
fn what_an_import_says_is_bounded() {
    let scratch = with_rules(&format!(
        "[[skip]]\nwhen = {{ on = \"\" }}\nreason = \"no day\"\n{NOTES}"
    ));
    let rows: String = (0..3_000)
        .map(|row| format!("x{row},{row},2024-01-01,{row}\ny{row},z,,{row}\n"))
        .collect();
    let table = format!("key,text,on,more\n{rows}");
    let first = said(&scratch, "n.csv", &table);
    let newer = said(
        &scratch,
        "n.csv",
        table
            .replace("2024-01-01", "2024-01-02")
            .replace("x1", "w1"),
    );
    for told in [&first, &newer] {
        assert!(told.lines().count() < 30, "{}", told.lines().count());
        assert!(told.lines().all(|line| line.chars().count() <= 2_000));
        assert!(told.contains("3000 skipped:"), "{told}");
    }
    assert!(newer.contains("  ... and "), "{newer}");
    assert!(
        newer.contains("more were recorded from an earlier version and are no longer in the table"),
        "{newer}"
    );
}
