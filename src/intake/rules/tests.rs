use proptest::prelude::*;

use super::model::{Map, Other};
use super::*;
use servanda_core::event::Kind;
use servanda_core::value::unicode;

/// Rules that use every key.
const EVERY_KEY: &str = r##"
[table]
encoding = "windows-1252"
delimiter = "tab"
quotes = false
skip_lines = 2
header = ["Name", "Day", "What, exactly?"]
file_name = "{chapter}-{number}"
empty = ["N/A", "-"]
recorded_at = "{Day}"

[columns]
who = ["Name", "Participant*", ""]
"größe" = "Size"

[dates]
formats = ["%d %b %Y", "%Y"]
months = ["en", "es"]
month_names = { Sept = 9 }
codes = ["a", "AA"]
sentinels = { "2899-01-01" = "unknown" }

[map.acts]
fold_case = true
other = "keep"
[map.acts.values]
"a: *" = "accession"
"say \"yes\"\n" = "yes"

[let]
act = "{cell|code // '-'}: {column}"

[lookup.index]
file = "../index.csv"
delimiter = ";"
key = "{a}-{b|slug}"
by = "{file.stem}"

[change_log]
files = "*log*"
recorded_at = "{version}"
row = "{Name}"
column = "{field}"
value = "{new}"
version = "{recorded_at}"

[source]
title = "A table, {{as it is}}"

[[skip]]
when = { Name = "Total*" }
unless = { "Day|date" = ["", "2*"] }
reason = "a sum"

[[event]]
event = "agreement"
once = true
gather = "party"
on_change = { party = "keep", "*" = "append" }
import_key = "{file.stem}"
id = "{file.stem|slug}"
title = "{index.title // file.name}"
party = ["{who|slug}", "all"]

[[event]]
event = "participation"
cells = ["*", "x"]
except = "Name"
if_irregular = "as the table has it"
import_key = "{file.stem}:{who|slug}:{column|slug}"
agreement = "{file.stem|slug}"
party = "{who|slug}"
action = "{act|acts}"
on = "{cell|date?}"

[[event]]
event = "party"
each = "Names|split(;)"
on_change = "keep"
import_key = "{item}"
id = "{item|slug}"
kind = "state"
name = "{item}"
"##;

fn errors(text: &str) -> Vec<String> {
    let errors = text.parse::<Rules>().unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn every_key_reads() {
    let rules: Rules = EVERY_KEY.parse().unwrap();
    assert_eq!(rules.form.delimiter, Some(b'\t'));
    assert_eq!(rules.events.len(), 3);
    assert_eq!(rules.events[0].on_change("party"), OnChange::Keep);
    assert_eq!(rules.events[0].on_change("title"), OnChange::Append);
    let event = &rules.events[1];
    assert_eq!(
        event.per,
        Per::Cell(vec!["*".into(), "x".into()], vec!["Name".into()])
    );
    let names: Vec<&str> = event.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["import_key", "agreement", "party", "action", "on"]);
}

#[test]
fn every_mistake_is_told_with_its_line_and_key() {
    let text = r#"
[table]
encoding = "ebcdic"
delimiter = "::"
colour = "red"

[dates]
formats = ["%d.%m.%y", "%b %Y"]

[map.date]
values = { a = 1 }

[let]
a = "{b|maps}"

[lookup.index]
file = "x"

[[event]]
event = "participation"
each = "x"
cells = "*"
gather = "party"
colour = "{red"
on = "{red"

[[event]]
event = "king"
"#;
    let found = errors(text);
    for wanted in [
        "line 3: table.encoding: is no encoding; there are utf-8, utf-16",
        "line 4: table.delimiter: write one ASCII character",
        "line 5: table.colour: no such key; there are encoding, delimiter",
        "line 8: dates.formats: %y leaves the century to a guess",
        "line 8: dates.formats: %b needs a language",
        "line 10: map.date: this is the name of a function",
        "line 11: map.date.values.a: write a text in quotes",
        "line 14: let.a: `maps` is no function and no [map]",
        "line 16: lookup.index: key is missing: the key of its rows",
        "line 21: event.each: an event is made for each cell or for each value",
        "line 23: event.gather: only an event that is made once gathers",
        "line 24: event.colour: `participation` has no field `colour`; its fields are agreement, party",
        "line 25: event.on: a `{` is not closed",
        "import_key is missing: it identifies a row",
        "line 28: event.event: `king` is not one of: ledger, party",
    ] {
        assert!(
            found.iter().any(|error| error.contains(wanted)),
            "{wanted}: {found:#?}"
        );
    }
    assert!(errors("[table")[0].starts_with("line 1: not TOML:"));
    assert!(errors("")[0].contains("[[event]] is missing"));
    let found = errors("[[events]]\n").join("\n");
    assert!(
        found.contains("line 1: events: no such key; there are table, columns"),
        "{found}"
    );
}

/// The keys of `[[event]]` must not be names of fields.
#[test]
fn no_field_is_called_as_a_key_of_rules_is() {
    let keys = [
        "event",
        "once",
        "cells",
        "except",
        "each",
        "when",
        "unless",
        "gather",
        "on_change",
        "if_irregular",
    ];
    for kind in Kind::ALL {
        for spec in kind.fields() {
            assert!(!keys.contains(&spec.name), "{kind} {}", spec.name);
        }
    }
}

#[test]
fn parts_of_names() {
    let pattern: NamePattern = "{chapter}-{number}".parse().unwrap();
    assert_eq!(pattern.split("1-5-a"), Some(vec!["1", "5-a"]));
    assert_eq!(pattern.split("15"), None);
    let pattern: NamePattern = "t_{a}.x".parse().unwrap();
    assert_eq!(pattern.split("t_b.x"), Some(vec!["b"]));
    assert_eq!(pattern.split("t_b"), None);
    for bad in ["", "x", "{a}{b}", "{a b}", "{a", "a}"] {
        assert!(bad.parse::<NamePattern>().is_err(), "{bad}");
    }
}

#[test]
fn maps() {
    let map = Map {
        fold_case: true,
        other: Other::Refuse,
        values: vec![
            ("Czech Republic".into(), "Czechia".into()),
            ("a *".into(), "b".into()),
        ],
    };
    assert_eq!(map.find("m", "CZECH republic"), Ok(Some("Czechia".into())));
    assert_eq!(map.find("m", "A x"), Ok(Some("b".into())));
    assert_eq!(map.find("m", "x"), Err("`x` is not in [map.m]".into()));
    let other = |other| {
        Map {
            other,
            ..map.clone()
        }
        .find("m", "x")
    };
    assert_eq!(other(Other::Keep), Ok(Some("x".into())));
    assert_eq!(other(Other::Drop), Ok(None));
}

proptest! {
    #[test]
    fn a_quoted_text_reads_as_itself(text: String) {
        let rules = format!("[table]\nempty = {}\n[[event]]\nevent = \"note\"\nimport_key = \"k\"", Quoted(&text));
        prop_assert_eq!(rules.parse::<Rules>().map(|rules| rules.empty), Ok(vec![unicode::normal(&text).into_owned()]));
    }

    #[test]
    fn no_text_panics(text in "[\\[\\]a-z=\"{}|.\n ]{0,80}") {
        let _ = text.parse::<Rules>();
    }
}
