//! Foreign tables by rules: our own small ones, and real ones where they are there. The real ones are no part of this
//! repository; tests that need them say so and pass where they are absent.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::Scratch;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A file of ours.
fn fixture(name: &str) -> String {
    format!("{ROOT}/fixtures/{name}")
}

/// Real tables, where they are there.
fn shared(name: &str) -> Option<PathBuf> {
    let place = Path::new(ROOT).join("../shared/data").join(name);
    if place.exists() {
        return Some(place);
    }
    println!("SKIPPED: {} is not there", place.display());
    eprintln!("SKIPPED: {} is not there", place.display());
    None
}

/// Imports tables by rules of ours, and gives what was said.
fn import(scratch: &Scratch, tables: &[&str], rules: &str, more: &[&str]) -> String {
    let rules = fixture(&format!("rules/{rules}.toml"));
    let args = [&["import"], tables, &["--rules", &rules], more].concat();
    let outcome = scratch.run(&args);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    outcome.stderr
}

/// What stands, by the records' import keys: each event as it reads now, without its place and its source.
fn present(scratch: &Scratch) -> BTreeMap<String, Value> {
    let mut events: BTreeMap<u64, Value> = BTreeMap::new();
    for line in scratch.run(&["export"]).ok().lines() {
        let mut event: Value = serde_json::from_str(line).unwrap();
        let fields = event.as_object_mut().unwrap();
        let seq = fields.remove("seq").unwrap().as_u64().unwrap();
        for name in ["recorded_at", "asserted", "source"] {
            fields.remove(name);
        }
        if fields["event"] == "correction" {
            let record = events.get_mut(&fields["record"].as_u64().unwrap()).unwrap();
            let name = fields["field"].as_str().unwrap();
            let to = fields.get("to").cloned().unwrap_or(Value::Null);
            let is_list = record[name].is_array();
            record[name] = match to {
                Value::Array(texts) if !is_list && texts.len() == 1 => texts[0].clone(),
                to => to,
            };
            continue;
        }
        events.insert(seq, event);
    }
    let keyed = events.into_values().filter_map(|mut event| {
        let key = event
            .as_object_mut()?
            .remove("import_key")?
            .as_str()?
            .to_owned();
        // The parties of an agreement have no order.
        if let Some(parties) = event.get_mut("party").and_then(Value::as_array_mut) {
            parties.sort_by_key(ToString::to_string);
        }
        Some((key, event))
    });
    keyed
        .filter(|(_, event)| event["event"] != "source")
        .collect()
}

#[test]
fn an_import_can_be_repeated_and_its_dry_run_imported() {
    let tables = [
        fixture("tables/harbours/h-1.csv"),
        fixture("tables/harbours/h-2.csv"),
    ];
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    let scratch = Scratch::with_ledger();
    let rules = fixture("rules/harbours.toml");
    let dry = [
        &["import"],
        tables.as_slice(),
        &["--rules", &rules, "--dry-run"],
    ]
    .concat();
    let lines = scratch.run(&dry).ok();
    assert!(import(&scratch, &tables, "harbours", &[]).contains("18 events appended"));
    assert!(import(&scratch, &tables, "harbours", &[]).contains("0 events appended"));
    assert_eq!(scratch.run(&dry).ok(), "");

    let other = Scratch::with_ledger();
    fs::write(other.path("events.ndjson"), lines).unwrap();
    let events = other.path("events.ndjson");
    other.run(&["import", events.to_str().unwrap()]).ok();
    assert_eq!(present(&other), present(&scratch));
    scratch.run(&["verify"]).ok();
}

#[test]
fn a_newer_version_brings_what_changed() {
    let scratch = Scratch::with_ledger();
    let directory = scratch.path("harbours");
    fs::create_dir(&directory).unwrap();
    fs::copy(fixture("tables/index.csv"), scratch.path("index.csv")).unwrap();
    let table = directory.join("h-1.csv");
    let path = table.to_str().unwrap().to_owned();
    let text = fs::read_to_string(fixture("tables/harbours/h-1.csv")).unwrap();
    fs::write(&table, &text).unwrap();
    import(&scratch, &[&path], "harbours", &[]);

    let newer = text
        .replace("12 Sept 1993 a", "12 Sept 1993")
        .replace(
            "Old Isles,3 May 1990,1 Jan 1999 d",
            "Old Isles,,2 Jan 1999 d",
        )
        .replace("Westmark,,", "Westmark,,5 May 2005 a");
    fs::write(&table, newer).unwrap();
    let said = import(&scratch, &[&path], "harbours", &[]);
    // The source, Westmark's accession; what the south did; and the date of the isles, by these rules a new fact.
    assert!(
        said.contains("4 events appended (2 new, 1 correction, 1 further)"),
        "{said}"
    );
    assert!(
        said.contains("`h-1:old-isles:signature` was recorded from an earlier version"),
        "{said}"
    );
    let present = present(&scratch);
    let column = "ratification-accession-a-succession-d";
    assert_eq!(
        present[&format!("h-1:cote-du-sud:{column}")]["action"],
        "ratification"
    );
    assert_eq!(
        present[&format!("h-1:old-isles:{column}")]["on"],
        "1999-01-01"
    );
    assert_eq!(
        present[&format!("h-1:old-isles:{column}#2")]["on"],
        "1999-01-02"
    );
    assert!(import(&scratch, &[&path], "harbours", &[]).contains("0 events appended"));
    scratch.run(&["verify"]).ok();
}

#[test]
fn bad_rows_go_in_once_they_are_mended() {
    let scratch = Scratch::with_ledger();
    let (table, rules) = (fixture("tables/pledges.csv"), fixture("rules/pledges.toml"));
    let bad = scratch.path("bad.csv");
    let bad_path = bad.to_str().unwrap().to_owned();
    let says = [
        "pledges.csv:4: Frist: `bald` is no date of the form %d.%m.%Y",
        "--skip-bad",
    ];
    scratch
        .run(&["import", &table, "--rules", &rules])
        .fails(1, &says);
    import(
        &scratch,
        &[&table],
        "pledges",
        &["--skip-bad", &bad_path, "--dry-run"],
    );
    assert!(!bad.exists());
    import(&scratch, &[&table], "pledges", &["--skip-bad", &bad_path]);
    // It is written as the table is, so that the same rules read it.
    let text: String = fs::read(&bad)
        .unwrap()
        .into_iter()
        .map(char::from)
        .collect();
    assert!(
        text.starts_with("No;Wer;Wem;Was;Frist;bad_line;bad_reason\n3;Stadt S\u{fc}d;"),
        "{text}"
    );
    let bytes: Vec<u8> = text
        .replace("bald", "01.02.2025")
        .chars()
        .map(|c| c as u8)
        .collect();
    fs::write(&bad, bytes).unwrap();
    let said = import(&scratch, &[&bad_path], "pledges", &[]);
    assert!(said.contains("2 events appended (2 new"), "{said}");
    assert_eq!(present(&scratch)["pledges:3"]["deadline"], "2025-02-01");
}

#[test]
fn suggested_rules_can_be_used_as_they_are() {
    let scratch = Scratch::with_ledger();
    let table = fixture("tables/harbours/h-1.csv");
    let rules = scratch.run(&["import", "--suggest", &table]).ok();
    let path = scratch.path("rules.toml");
    fs::write(
        &path,
        rules.replace("[\"en\"]", "[\"en\"]\nmonth_names = { Sept = 9 }"),
    )
    .unwrap();
    scratch
        .run(&["import", &table, "--rules", path.to_str().unwrap()])
        .ok();
    let present = present(&scratch);
    let actions: Vec<&Value> = present
        .values()
        .filter_map(|event| event.get("action"))
        .collect();
    assert_eq!(actions.len(), 5, "{present:#?}");
}

/// The Paris Agreement's table and its history lead to the same present, and the history keeps what the table lost.
#[test]
fn paris() {
    let Some(data) = shared("paris") else { return };
    let table = data.join("paris-agreement-entry-into-force.csv");
    let history = data.join("history.csv");
    let by_table = Scratch::with_ledger();
    let said = import(&by_table, &[table.to_str().unwrap()], "paris", &[]);
    assert!(said.contains("590 events appended"), "{said}");
    let by_table_present = present(&by_table);
    let parties = by_table_present
        .values()
        .filter(|event| event["event"] == "party");
    assert_eq!(parties.count(), 198);

    let by_history = Scratch::empty();
    let ledger = [
        "init",
        "--origin",
        "example.org/paris",
        "--backfill",
        "2016-01-01",
    ];
    by_history.run(&ledger).ok();
    import(&by_history, &[history.to_str().unwrap()], "paris", &[]);
    by_history.run(&["verify"]).ok();
    let mut found = present(&by_history);
    // The one row that was overwritten: what the table says now is a further fact, beside what it said.
    let now = found.remove("paris:usa:consent#2").unwrap();
    let before = found.insert("paris:usa:consent".into(), now).unwrap();
    assert_eq!(before["on"], "2016-09-03");
    assert_eq!(before["effective"], "2016-11-04");
    assert_eq!(found, by_table_present);

    let known = |at: &str| {
        by_history
            .run(&["log", "--known-at", at, "--format", "csv"])
            .ok()
    };
    let consents = |log: &str| {
        log.matches("United States of America accepted paris")
            .count()
    };
    assert_eq!(consents(&known("2020-12-01")), 1);
    assert!(known("2020-12-01").contains("2016-09-03,participation,\"United States of America"));
    assert_eq!(consents(&known("2021-02-01")), 2);
    let said = import(&by_history, &[table.to_str().unwrap()], "paris", &[]);
    assert!(
        said.contains("1 event appended (1 new, 0 corrections, 0 further)"),
        "{said}"
    );
}

/// All 324 tables of treaties by one file of rules.
#[test]
fn untreaties() {
    let Some(data) = shared("untreaties/treaties") else {
        return;
    };
    let mut tables: Vec<String> = fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .collect();
    tables.sort();
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    let scratch = Scratch::with_ledger();
    let said = import(&scratch, &tables, "untreaties", &[]);
    // 324 sources, 324 agreements, 233 parties, 31,422 dated actions.
    assert!(
        said.contains("324 tables, 23757 rows: 32303 events appended (32303 new,"),
        "{said}"
    );
    assert!(said.contains("85 skipped:"), "{said}");
    assert!(
        said.contains("1-4.csv:2-85: no event: the table has no column"),
        "{said}"
    );
    assert!(
        said.contains("5-3.csv:21: no event: nothing stands under Signature or"),
        "{said}"
    );
    let again = import(&scratch, &tables, "untreaties", &[]);
    assert!(again.contains("0 events appended"), "{again}");
    scratch.run(&["verify"]).ok();
}
