//! Events as JSON objects, one a line: what `import` reads and `export` writes.
//!
//! `{"event":"party","id":"colombia","kind":"state","name":["Colombia"]}`: the kind under `event`, and each
//! field under its name, as a string, or a list of strings where it takes several (one alone may stand
//! without its list). Record numbers may be written as numbers. An exported line also has `seq` and
//! `recorded_at`: where it lay and since when, and `claimed` where that is not by the machine's clock. Importing
//! gives events new places and, but for a backfill, the present time; `seq` then serves to find what other lines of
//! the file mean by a record's number.

use std::fmt;
use std::io::BufRead;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::domain::event::{Entry, Event, FieldError, FieldSpec, Fields, Kind};
use crate::domain::id::Seq;
use crate::domain::value::{Shape, excerpt};
use crate::domain::when::Instant;

/// Longest line, in bytes. A payload has at most 64 KiB; JSON may write a byte as six.
pub const LINE_LIMIT: usize = 1024 * 1024;

/// An event's fields as a line gave them, before they are checked.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The line, from 1.
    pub line: usize,
    /// The kind of event.
    pub kind: Kind,
    /// Its fields.
    pub fields: Fields,
    /// The record it was exported from.
    pub seq: Option<u64>,
    /// Since when it was recorded, as far as the line says so.
    pub recorded_at: Option<Instant>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineError {
    /// The line, from 1.
    pub line: usize,
    /// The field, where it is one.
    pub field: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "line {}: {field}: {}", self.line, self.message),
            None => write!(f, "line {}: {}", self.line, self.message),
        }
    }
}

impl LineError {
    fn whole(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            field: None,
            message: message.into(),
        }
    }

    /// A field's error at its line.
    pub fn at(line: usize, error: FieldError) -> Self {
        Self {
            line,
            field: Some(error.field),
            message: error.error.to_string(),
        }
    }
}

/// Reads every line, skipping empty ones.
///
/// # Errors
/// Everything that is wrong with every line; where reading itself fails, what the system says.
pub fn read(input: &mut dyn BufRead) -> Result<Vec<Draft>, Vec<LineError>> {
    let (drafts, errors) = read_all(input);
    if errors.is_empty() {
        Ok(drafts)
    } else {
        Err(errors)
    }
}

/// Reads one object, which may take several lines; `kind` is what it is if it does not say. An empty text
/// gives none.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_one(text: &[u8], kind: Kind) -> Result<Option<Draft>, Vec<LineError>> {
    if text.len() > LINE_LIMIT {
        return Err(vec![LineError::whole(
            1,
            format!("has more than {LINE_LIMIT} bytes"),
        )]);
    }
    parse(text, 1, Some(kind))
}

/// The lines that can be read, and everything that is wrong with the others.
pub fn read_all(input: &mut dyn BufRead) -> (Vec<Draft>, Vec<LineError>) {
    let mut drafts = Vec::new();
    let mut errors = Vec::new();
    for number in 1.. {
        match read_line(input) {
            Ok(Line::End) => break,
            Ok(Line::TooLong(length)) => errors.push(LineError::whole(
                number,
                format!("has {length} bytes; the limit is {LINE_LIMIT}"),
            )),
            Ok(Line::Bytes(bytes)) => match parse(&bytes, number, None) {
                Ok(draft) => drafts.extend(draft),
                Err(found) => errors.extend(found),
            },
            Err(error) => {
                errors.push(LineError::whole(number, format!("cannot be read: {error}")));
                break;
            }
        }
    }
    (drafts, errors)
}

enum Line {
    End,
    Bytes(Vec<u8>),
    TooLong(usize),
}

/// One line without its end. A line over the limit is passed over, and never held.
fn read_line(input: &mut dyn BufRead) -> std::io::Result<Line> {
    let mut line = Vec::new();
    let mut length = 0;
    let mut any = false;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        length += part.len();
        if length <= LINE_LIMIT {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    Ok(match (any, length > LINE_LIMIT) {
        (false, _) => Line::End,
        (true, true) => Line::TooLong(length),
        (true, false) => Line::Bytes(line),
    })
}

/// A JSON object that keeps every member, so that one that stands twice is seen.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

fn parse(bytes: &[u8], line: usize, kind: Option<Kind>) -> Result<Option<Draft>, Vec<LineError>> {
    let whole = |message: String| vec![LineError::whole(line, message)];
    let text = std::str::from_utf8(bytes).map_err(|error| {
        whole(format!(
            "is not UTF-8 from byte {}",
            error.valid_up_to() + 1
        ))
    })?;
    // A byte order mark is what some editors put before the first line.
    let text = if line == 1 {
        text.trim_start_matches('\u{feff}')
    } else {
        text
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    let Object(members) = serde_json::from_str(text).map_err(|error| {
        whole(format!(
            "is not a JSON object: {}",
            without_position(&error)
        ))
    })?;
    let mut errors = Vec::new();
    let mut fields = Fields::default();
    let mut found = None;
    let mut seq = None;
    let mut recorded_at = None;
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in members {
        let mut fail = |message: String| {
            errors.push(LineError {
                line,
                field: Some(excerpt(&name)),
                message,
            });
        };
        if seen.contains(&name) {
            fail("stands twice".into());
            continue;
        }
        match (name.as_str(), texts(&value)) {
            // What an export says of its ledger; here it is claimed again or not at all.
            ("claimed", _) => {}
            ("recorded_at", Ok(texts)) => match texts.as_slice() {
                [] => {}
                [text] => match Instant::beginning(text) {
                    Ok(time) => recorded_at = Some(time),
                    Err(error) => fail(error.to_string()),
                },
                _ => fail("takes one time".into()),
            },
            ("seq", _) => match value.as_u64() {
                Some(number) => seq = Some(number),
                None => fail("is not a record's number".into()),
            },
            (_, Err(message)) => fail(message.into()),
            ("event", Ok(texts)) => match texts.as_slice() {
                [word] => match word.parse::<Kind>() {
                    Ok(word) => found = Some(word),
                    Err(error) => fail(error.to_string()),
                },
                _ => fail("takes one word".into()),
            },
            (_, Ok(texts)) => fields.set(&name, texts),
        }
        seen.push(name);
    }
    let named = seen.iter().any(|name| name == "event");
    match (found.or(if named { None } else { kind }), errors.is_empty()) {
        (Some(kind), true) => Ok(Some(Draft {
            line,
            kind,
            fields,
            seq,
            recorded_at,
        })),
        (None, _) if !named => {
            errors.push(LineError {
                line,
                field: Some("event".into()),
                message: "is required: the kind of event".into(),
            });
            Err(errors)
        }
        _ => Err(errors),
    }
}

/// serde_json's message without its own line number, which counts from this line, not from the file.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        // What is wrong as a whole has no place in it.
        Some(end) if error.column() == 0 => message[..end].to_owned(),
        Some(end) if error.line() > 1 => {
            format!(
                "{} (at byte {} of line {})",
                &message[..end],
                error.column(),
                error.line()
            )
        }
        Some(end) => format!("{} (at byte {})", &message[..end], error.column()),
        None => message,
    }
}

/// The texts of a JSON value.
fn texts(value: &Value) -> Result<Vec<String>, &'static str> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().map(text).collect(),
        one => text(one).map(|text| vec![text]),
    }
}

fn text(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) if number.is_u64() => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(_) => Err("is a number; write it as a string"),
        Value::Null => Err("has null in a list"),
        Value::Array(_) => Err("has a list in a list"),
        Value::Object(_) => Err("is an object; fields are strings or lists of strings"),
    }
}

/// The JSON of an event's fields, beginning with `event`.
pub fn event_to_json(event: &Event) -> Map<String, Value> {
    let kind = event.kind();
    let mut object = Map::new();
    object.insert("event".into(), kind.word().into());
    for (name, texts) in event.to_fields().iter() {
        if let Some(spec) = kind.field(name) {
            object.insert(name.into(), field_to_json(spec, texts));
        }
    }
    object
}

/// The JSON line of an entry, with its place and time first.
pub fn entry_to_json(entry: &Entry) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("seq".into(), entry.seq.0.into());
    object.insert("recorded_at".into(), entry.recorded_at.to_string().into());
    object.extend(event_to_json(&entry.event));
    object
}

fn field_to_json(spec: &FieldSpec, texts: &[String]) -> Value {
    let one = |text: &String| match text.parse::<Seq>() {
        Ok(seq) if spec.may_name_records() => Value::Number(Number::from(seq.0)),
        _ => Value::String(text.clone()),
    };
    match (spec.shape, texts) {
        (Shape::Flag, _) => Value::Bool(!texts.is_empty()),
        (Shape::Many, texts) => texts.iter().map(one).collect(),
        (_, [text, ..]) => one(text),
        (_, []) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Draft>, Vec<LineError>> {
        read(&mut text.as_bytes())
    }

    fn messages(text: &[u8]) -> Vec<String> {
        let mut input = text;
        let errors = read(&mut input).unwrap_err();
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_line_is_an_event() {
        let line = r#"{"event":"correction","record":12,"field":"deadline","to":"2024-01-31","reason":"typo"}"#;
        let drafts = read_text(&format!("\u{feff}{line}\r\n\n{line}")).unwrap();
        assert_eq!(drafts.len(), 2);
        assert_eq!(drafts[1].line, 3);
        let event = Event::build(drafts[0].kind, &drafts[0].fields).unwrap();
        let json = Value::Object(event_to_json(&event)).to_string();
        assert!(json.contains(r#""record":12"#), "{json}");
        let again = read_text(&json).unwrap();
        assert_eq!(Event::build(again[0].kind, &again[0].fields), Ok(event));
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
        assert_eq!(draft.fields.get("text"), ["a"]);
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
}
