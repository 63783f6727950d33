use serde_json::Value;

use super::*;
use crate::event::{Event, Kind};

/// The lines, or everything that is wrong with them.
fn read(text: &[u8]) -> Result<Vec<Line>, Vec<LineError>> {
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    for line in Lines::new(text, Defaults::default()) {
        match line {
            Ok(line) => lines.push(line),
            Err(wrong) => errors.extend(wrong),
        }
    }
    if errors.is_empty() {
        Ok(lines)
    } else {
        Err(errors)
    }
}

fn messages(text: &[u8]) -> Vec<String> {
    let errors = read(text).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

fn event(line: &Line) -> &Event {
    match &line.parsed {
        ParsedLine::Event(event) => event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_line_is_an_event() {
    let line = r#"{"event":"correction","record":12,"field":"deadline","to":"2024-01-31","reason":"typo"}"#;
    let lines = read(format!("\u{feff}{line}\r\n\n{line}").as_bytes()).unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1].number, 3);
    let json = Value::Object(event_to_json(event(&lines[0]))).to_string();
    assert!(json.contains(r#""record":12"#), "{json}");
    let again = read(json.as_bytes()).unwrap();
    assert_eq!(event(&again[0]), event(&lines[0]));
}

#[test]
fn the_user_says_what_lines_do_not() {
    let text = b"{\"event\":\"note\",\"text\":\"a\"}\n\n{\"event\":\"note\",\"text\":\"b\",\"import_key\":\"mine\",\"recorded_by\":null}";
    let defaults = Defaults {
        key: Some("minutes".into()),
        recorded_by: Some("ana".into()),
    };
    let lines: Vec<Line> = Lines::new(&text[..], defaults)
        .map(Result::unwrap)
        .collect();
    assert_eq!(lines[0].key(), Some("minutes:1"));
    assert_eq!(lines[1].key(), Some("mine"));
    for line in &lines {
        let recorded_by = event(line).envelope.recorded_by.as_ref();
        assert_eq!(recorded_by.map(|text| text.as_str()), Some("ana"));
    }
}

#[test]
fn only_lines_that_name_records_by_other_numbers_or_keys_wait_for_a_ledger() {
    let waits = |text: &str| {
        let lines = read(text.as_bytes()).unwrap();
        matches!(lines[0].parsed, ParsedLine::Fields(_))
    };
    assert!(!waits(r#"{"event":"note","text":"a","about":[3,"C1"]}"#));
    assert!(waits(r#"{"event":"note","text":"a","about":"@k"}"#));
    assert!(waits(r#"{"event":"note","text":"a","about":[3],"seq":4}"#));
    assert!(!waits(
        r#"{"event":"note","text":"3","about":"C1","seq":4}"#
    ));
    assert!(!waits(r#"{"event":"note","text":"@k"}"#));
    let correction = |field: &str| {
        format!(r#"{{"event":"correction","record":0,"field":"{field}","to":"@k","reason":"r"}}"#)
    };
    assert!(waits(&correction("about")));
    assert!(!waits(&correction("text")));
}

#[test]
fn every_wrong_line_is_named() {
    let text = b"{\"event\":\"king\"}\n[1]\n\xff\n{\"event\":\"note\",\"event\":\"note\",\"text\":{}}\n{}\n{\"event\":\"note\"";
    let found = messages(text);
    for part in [
        "line 1: event: `king` is not one of",
        "line 2: is not a JSON object",
        "line 3: is not UTF-8 from byte 1",
        "line 4: event: stands twice",
        "line 4: text: is an object",
        "line 5: event: is required",
        "line 6: is not a JSON object: EOF",
    ] {
        assert!(
            found.iter().any(|m| m.starts_with(part)),
            "{part}: {found:#?}"
        );
    }
}

#[test]
fn one_object_may_take_several_lines_but_not_its_texts() {
    let draft = read_one(b"{\n  \"text\": \"a\"\n}\r\n", Kind::Noted)
        .unwrap()
        .unwrap();
    assert_eq!(draft.1.get("text"), ["a"]);
    assert!(read_one(b" \n", Kind::Noted).unwrap().is_none());
    let errors = read_one(b"{\n\"text\": \"a\nb\"}", Kind::Noted).unwrap_err();
    assert!(
        errors[0].message.contains("control character"),
        "{errors:?}"
    );
    let errors = read_one(&[b' '; LINE_LIMIT + 1], Kind::Noted).unwrap_err();
    assert_eq!(errors[0].message, "has more than 1048576 bytes");
}

#[test]
fn a_long_line_is_refused_and_the_next_one_read() {
    let mut text = vec![b'x'; 5_000_000];
    text.extend_from_slice(b"\n{}\n");
    let found = messages(&text);
    assert_eq!(found[0], "line 1: has 5000000 bytes; the limit is 1048576");
    assert!(found[1].starts_with("line 2: event: is required"));
}
