//! Spellings of one text in Unicode are one key, one header, one value; ids that differ in upper and lower case only
//! are asked back.

use serde_json::Value;

use crate::program::Scratch;

/// `Müller` in two characters for the letter, and in one.
const APART: &str = "Mu\u{308}ller";
const ONE: &str = "M\u{fc}ller";

/// The last record as it was exported.
fn last(scratch: &Scratch) -> Value {
    let export = scratch.run(&["export"]).ok();
    serde_json::from_str(export.lines().last().unwrap()).unwrap()
}

fn count(scratch: &Scratch) -> usize {
    scratch.run(&["export"]).ok().lines().count()
}

#[test]
fn flags_lines_and_templates_are_put_into_one_form() {
    let scratch = Scratch::with_ledger();
    let name = format!("{APART}@de");
    scratch
        .run(&[
            "record", "party", "mueller", "--kind", "person", "--name", &name, "--note", APART,
        ])
        .ok();
    assert_eq!(last(&scratch)["name"][0], format!("{ONE}@de"));
    assert_eq!(last(&scratch)["note"], ONE);
    // As characters, and as escapes of JSON.
    for text in [APART, "Mu\\u0308ller"] {
        let line = format!("{{\"text\":\"{text}\"}}");
        scratch
            .run_on(&["record", "note", "--file", "-"], &line)
            .ok();
        assert_eq!(last(&scratch)["text"], ONE);
        let line = format!("{{\"event\":\"note\",\"text\":\"{text}\",\"source\":[]}}");
        scratch.run_on(&["import", "-"], &line).ok();
        assert_eq!(last(&scratch)["text"], ONE);
    }
    let editor = scratch.write(
        "editor",
        format!("#!/bin/sh\necho 'text: {APART}' > \"$1\"\n"),
    );
    let editor = format!("sh {}", editor.display());
    let mut command = scratch.servanda();
    command
        .args(["record", "note", "--edit"])
        .env("EDITOR", editor);
    crate::program::run(command, b"").ok();
    assert_eq!(last(&scratch)["text"], ONE);
    // A sign that looks like K and is K.
    let kelvin = scratch.run(&[
        "record",
        "party",
        "\u{212a}1",
        "--kind",
        "person",
        "--name",
        "K",
    ]);
    kelvin.ok();
    assert_eq!(last(&scratch)["id"], "K1");
    scratch
        .run(&["report", "status", "--party", "\u{212a}1"])
        .ok();
    scratch.run(&["show", "\u{212a}1"]).ok();
    scratch.run(&["verify"]).ok();
}

#[test]
fn spellings_of_a_key_are_one_key() {
    let scratch = Scratch::with_ledger();
    let line =
        |key: &str| format!("{{\"event\":\"note\",\"text\":\"{key}\",\"import_key\":\"{key}\"}}\n");
    let first = scratch.run_on(&["import", "-"], line(APART));
    assert!(first.stderr.contains("1 appended"), "{first:#?}");
    for key in [APART, ONE, "Mu\\u0308ller"] {
        let again = scratch.run_on(&["import", "-"], line(key));
        assert!(
            again.stderr.contains("0 appended, 1 recorded before"),
            "{again:#?}"
        );
        assert!(
            !again.stderr.contains("not what was recorded"),
            "{again:#?}"
        );
    }
    // Twice in one file, by the flag for all lines, and named by other lines.
    scratch
        .run_on(
            &["import", "-"],
            line(&format!("{ONE}2")) + &line(&format!("{APART}2")),
        )
        .ok();
    assert_eq!(count(&scratch), 3);
    let note = "{\"event\":\"note\",\"text\":\"a\"}";
    scratch.run_on(&["import", "-", "--key", APART], note).ok();
    scratch.run_on(&["import", "-", "--key", ONE], note).ok();
    assert_eq!(count(&scratch), 4);
    let about = format!("{{\"event\":\"note\",\"text\":\"b\",\"about\":\"@{APART}\"}}");
    scratch.run_on(&["import", "-"], about).ok();
    assert_eq!(last(&scratch)["about"][0], 1);
    scratch.run(&["verify"]).ok();
}

#[test]
fn a_correction_knows_its_old_value_in_each_spelling() {
    let scratch = Scratch::with_ledger();
    scratch.run(&["record", "note", "--text", APART]).ok();
    let correct = |old: &str, to: &str| {
        let words = [
            "record",
            "correction",
            "1",
            "--field",
            "text",
            "--old",
            old,
            "--to",
            to,
        ];
        scratch.run(&[&words[..], &["--reason", "typo"]].concat())
    };
    correct(APART, ONE).fails(1, &["says so already"]);
    correct(APART, "M").ok();
    assert_eq!(last(&scratch)["old"][0], ONE);
}

/// A table, and rules for it, each in both spellings.
#[test]
fn tables_and_rules_meet_in_one_form() {
    let table = |name: &str| format!("{name},Kind\n{name},person\n");
    let rules = |name: &str| {
        format!(
            "[columns]\nwho = [\"{name}\"]\n[map.who.values]\n\"{name}\" = \"Herr {name}\"\n\
             [[event]]\nevent = \"party\"\nid = \"{{who|slug}}\"\nkind = \"{{Kind}}\"\n\
             name = \"{{who|who}}\"\nimport_key = \"party:{{who}}\"\nwhen = {{ \"{name}\" = \"{name}\" }}\n"
        )
    };
    let scratch = Scratch::with_ledger();
    let import = |cells: &str, names: &str| {
        scratch.write("table.csv", table(cells));
        scratch.write("rules.toml", rules(names));
        scratch.run(&["import", "table.csv", "--rules", "rules.toml"])
    };
    let first = import(APART, ONE);
    assert!(first.stderr.contains("2 events appended"), "{first:#?}");
    assert_eq!(last(&scratch)["name"][0], format!("Herr {ONE}"));
    assert_eq!(last(&scratch)["import_key"], format!("party:{ONE}"));
    for (cells, names) in [(ONE, APART), (APART, APART), (ONE, ONE)] {
        let again = import(cells, names);
        assert!(again.stderr.contains("0 corrections"), "{again:#?}");
        // The file has other bytes, so it is another version of its source; its rows are known.
        assert!(again.stderr.contains("known and unchanged"), "{again:#?}");
    }
    // Two spellings of one header are one header twice.
    scratch.write("table.csv", format!("{APART},{ONE},Kind\na,b,person\n"));
    let twice = scratch.run(&["import", "table.csv", "--rules", "rules.toml"]);
    twice.fails(1, &["error:"]);
    scratch.run(&["verify"]).ok();
}

/// A file that is named in another spelling than on the disk, and a table whose own name is.
#[test]
fn names_of_files_are_compared_in_one_form() {
    let scratch = Scratch::with_ledger();
    scratch.write(&format!("{APART}.csv"), "Name\nana\n");
    scratch.write("more.csv", "Key,Kind\nana,person\n");
    let rules = format!(
        "[lookup.more]\nfile = \"{ONE}.csv\"\nkey = \"{{Name}}\"\nby = \"{{Key}}\"\n[[event]]\nevent = \"party\"\n\
         id = \"{{Key}}\"\nkind = \"{{Kind}}\"\nname = \"{{more.Name}}\"\nimport_key = \"{{Key}}\"\n"
    );
    scratch.write("rules.toml", rules);
    scratch
        .run(&["import", "more.csv", "--rules", "rules.toml"])
        .ok();
    assert_eq!(last(&scratch)["name"][0], "ana");
}

#[test]
fn ids_that_differ_in_case_only_are_asked_back() {
    let scratch = Scratch::with_ledger();
    let party = |id: &str, more: &[&str]| {
        let words = ["record", "party", id, "--kind", "state", "--name", "A"];
        scratch.run(&[&words[..], more].concat())
    };
    party("colombia", &[]).ok();
    let refused = ["differs from colombia, the party of record 1, in upper and lower case only"];
    let says = [
        refused[0],
        "rule unique-id",
        "name colombia instead",
        "--case-matters",
    ];
    party("Colombia", &[]).fails(1, &says);
    // Whatever the id is to name.
    scratch
        .run(&[
            "record", "source", "COLOMBIA", "--kind", "report", "--title", "T",
        ])
        .fails(1, &refused);
    let line = |id: &str| {
        format!("{{\"event\":\"party\",\"id\":\"{id}\",\"kind\":\"state\",\"name\":\"A\"}}\n")
    };
    let lines = line("peru") + &line("PERU") + &line("Colombia");
    let both = scratch.run_on(&["import", "-"], &lines);
    both.fails(
        1,
        &[
            "line 2: id: PERU differs from peru",
            "line 3: ",
            "--case-matters",
        ],
    );
    scratch.write("table.csv", "Id\nColombia\n");
    scratch.write(
        "rules.toml",
        "[[event]]\nevent = \"party\"\nid = \"{Id}\"\nkind = \"state\"\nname = \"{Id}\"\nimport_key = \"{Id}\"\n",
    );
    let import = ["import", "table.csv", "--rules", "rules.toml"];
    scratch
        .run(&import)
        .fails(1, &["table.csv:2: ", refused[0], "--case-matters"]);
    assert_eq!(count(&scratch), 2);
    // A name that is looked up, and one that an event uses, finds the one id; a file spells it as it is.
    let shown = scratch.run(&["show", "COLOMBIA"]).ok();
    assert!(shown.contains("Party colombia"), "{shown}");
    let noted = scratch.run(&["record", "note", "--text", "a", "--about", "Colombia"]);
    assert!(
        noted.stderr.contains("about: Colombia is colombia"),
        "{noted:#?}"
    );
    noted.ok();
    let about = "{\"event\":\"note\",\"text\":\"a\",\"about\":[\"Colombia\"]}\n";
    scratch.run_on(&["import", "-"], about).fails(
        1,
        &["allowed: colombia, which differs in upper and lower case only"],
    );
    // Said on purpose, they are two.
    party("Colombia", &["--case-matters"]).ok();
    scratch
        .run_on(
            &["import", "-", "--case-matters"],
            lines.replace("Colombia", "COLOMBIA"),
        )
        .ok();
    scratch.run(&["show", "COLOMBIA"]).ok();
    // An id that was retracted is free in each case.
    scratch
        .run(&["record", "source", "s1", "--kind", "report", "--title", "T"])
        .ok();
    let last = count(&scratch) - 1;
    scratch
        .run(&["record", "retraction", &last.to_string(), "--reason", "r"])
        .ok();
    scratch
        .run(&["record", "source", "S1", "--kind", "report", "--title", "T"])
        .ok();
    scratch.run(&["verify"]).ok();
}
