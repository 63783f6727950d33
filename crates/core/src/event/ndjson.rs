//! Events as JSON objects, one a line: what `import` reads and `export` writes.
//!
//! `{"event":"party","id":"colombia","kind":"state","name":["Colombia"]}`: the kind under `event`, and each
//! field under its name, as a string, or a list of strings where it takes several (one alone may stand
//! without its list). Record numbers may be written as numbers. An exported line also has `seq` and
//! `recorded_at`: where it lay and since when, and `claimed` where that is not by the machine's clock. Importing
//! gives events new places and, but for a backfill, the present time; `seq` then serves to find what other lines of
//! the file mean by a record's number.

use std::borrow::Cow;
use std::fmt;
use std::io::{BufRead, Read};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::places;
use crate::event::{Entry, Event, FieldError, FieldSpec, Fields, Kind};
use crate::value::base::{Shape, excerpt};
use crate::value::id::Seq;
use crate::value::when::Instant;

/// Longest line, in bytes. A payload has at most 64 KiB; JSON may write a byte as six.
pub const LINE_LIMIT: usize = 1024 * 1024;

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

/// What the lines of a file do not say, and the user does.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// A line without an import key gets the key `NAME:LINE`.
    pub key: Option<String>,
    /// Who recorded what a line says, where it does not tell.
    pub recorded_by: Option<String>,
}

/// A line that holds an event, as far as it can be read without a ledger.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its number, from 1.
    pub number: usize,
    /// The kind of event.
    pub kind: Kind,
    /// The record it was exported from.
    pub seq: Option<u64>,
    /// Since when it was recorded, as far as the line says so.
    pub recorded_at: Option<Instant>,
    /// What it says.
    pub said: Said,
}

/// What a line says. Most say an event, so there would be nothing to gain from a box.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)]
pub enum Said {
    /// An event.
    Event(Event),
    /// Fields, some of which name records by what they were exported from, or by import keys: see
    /// [`Places`](super::places::Places).
    Fields(Fields),
    /// What belongs to no other ledger: the opening of its own, and acknowledgements, which sign the links of its
    /// records.
    OfItsLedger,
}

impl Line {
    /// The import key.
    pub fn key(&self) -> Option<&str> {
        match &self.said {
            Said::Event(event) => event.envelope.import_key.as_ref().map(|key| key.as_str()),
            Said::Fields(fields) => fields.get("import_key").first().map(String::as_str),
            Said::OfItsLedger => None,
        }
    }
}

/// Reads lines one after the other, skipping empty ones.
pub struct Lines<R> {
    input: R,
    number: usize,
    buffer: Vec<u8>,
    defaults: Defaults,
    bytes: u64,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    /// The lines of an input.
    pub fn new(input: R, defaults: Defaults) -> Self {
        Self {
            input,
            number: 0,
            buffer: Vec::new(),
            defaults,
            bytes: 0,
            ended: false,
        }
    }

    /// How many bytes were read.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Goes to the next line and gives its length; none at the end. What is over the limit is counted, and never
    /// held.
    fn advance(&mut self) -> std::io::Result<Option<usize>> {
        const ROOM: u64 = LINE_LIMIT as u64 + 1;
        let mut length = 0;
        loop {
            self.buffer.clear();
            let mut part = self.input.by_ref().take(ROOM);
            let read = part.read_until(b'\n', &mut self.buffer)?;
            self.bytes += read as u64;
            length += read;
            if self.buffer.last() == Some(&b'\n') {
                self.buffer.pop();
                self.number += 1;
                return Ok(Some(length - 1));
            }
            if (read as u64) < ROOM {
                let is_last = length > 0;
                self.number += usize::from(is_last);
                return Ok(is_last.then_some(length));
            }
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    /// A line, or everything that is wrong with it; after an error of reading comes nothing more.
    type Item = Result<Line, Vec<LineError>>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.advance() {
                Ok(None) => self.ended = true,
                Ok(Some(length)) if length > LINE_LIMIT => {
                    let message = format!("has {length} bytes; the limit is {LINE_LIMIT}");
                    return Some(Err(vec![LineError::whole(self.number, message)]));
                }
                Ok(Some(_)) => match tell(&self.buffer, self.number, None) {
                    Ok(Some(told)) => return Some(told.line(self.number, &self.defaults)),
                    Ok(None) => {}
                    Err(errors) => return Some(Err(errors)),
                },
                Err(error) => {
                    self.ended = true;
                    let message = format!("cannot be read: {error}");
                    return Some(Err(vec![LineError::whole(self.number + 1, message)]));
                }
            }
        }
        None
    }
}

/// Reads one object, which may take several lines; `kind` is what it is if it does not say. An empty text
/// gives none.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_one(text: &[u8], kind: Kind) -> Result<Option<(Kind, Fields)>, Vec<LineError>> {
    if text.len() > LINE_LIMIT {
        return Err(vec![LineError::whole(
            1,
            format!("has more than {LINE_LIMIT} bytes"),
        )]);
    }
    let told = tell(text, 1, Some(kind))?;
    Ok(told.map(|told| {
        let given: Vec<_> = told.fields().collect();
        (told.kind, owned(&given))
    }))
}

/// A text of a line, borrowed from it unless it has escapes.
struct Borrowed<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Borrowed<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Borrowed<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Borrowed(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Borrowed(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A member's value: the texts of a field, or why it can be none.
enum Member<'a> {
    Absent,
    Text(Cow<'a, str>),
    Number(u64, Cow<'a, str>),
    List(Vec<Cow<'a, str>>),
    Wrong(&'static str),
}

impl Member<'_> {
    /// The texts of a field.
    fn texts(&self) -> Result<&[Cow<'_, str>], &'static str> {
        match self {
            Self::Absent => Ok(&[]),
            Self::Text(text) | Self::Number(_, text) => Ok(std::slice::from_ref(text)),
            Self::List(texts) => Ok(texts),
            Self::Wrong(why) => Err(why),
        }
    }
}

impl<'de> Deserialize<'de> for Member<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Member<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Member::Absent)
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Member::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Member::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
                let text = if flag { "true" } else { "false" };
                Ok(Member::Text(Cow::Borrowed(text)))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Member::Number(number, Cow::Owned(number.to_string())))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Member::Wrong("is a number; write it as a string"))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Member::Wrong("is a number; write it as a string"))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut texts = Vec::new();
                let mut wrong = None;
                while let Some(Item(item)) = list.next_element()? {
                    match item {
                        Ok(text) => texts.push(text),
                        Err(why) => _ = wrong.get_or_insert(why),
                    }
                }
                Ok(wrong.map_or(Member::List(texts), Member::Wrong))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Member::Wrong(
                    "is an object; fields are strings or lists of strings",
                ))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// A value in a list: a text, or why it is none.
struct Item<'a>(Result<Cow<'a, str>, &'static str>);

impl<'de> Deserialize<'de> for Item<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Member::deserialize(deserializer)? {
            Member::Text(text) | Member::Number(_, text) => Ok(text),
            Member::Absent => Err("has null in a list"),
            Member::List(_) => Err("has a list in a list"),
            Member::Wrong(why) => Err(why),
        }))
    }
}

/// A JSON object that keeps every member, so that one that stands twice is seen.
struct Object<'a>(Vec<(Cow<'a, str>, Member<'a>)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some((Borrowed(name), member)) = map.next_entry()? {
                    members.push((name, member));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A line's object: what kind of event it is, and its members, of which those that are no fields are `Absent`.
struct Told<'a> {
    kind: Kind,
    members: Vec<(Cow<'a, str>, Member<'a>)>,
    seq: Option<u64>,
    recorded_at: Option<Instant>,
}

impl Told<'_> {
    /// The fields that are there, with their texts.
    fn fields(&self) -> impl Iterator<Item = (&str, &[Cow<'_, str>])> {
        let texts = |member| match member {
            // Told already.
            &Member::Wrong(_) => &[],
            member => member.texts().unwrap_or_default(),
        };
        let fields = self.members.iter();
        fields
            .map(move |(name, member)| (&**name, texts(member)))
            .filter(|(_, texts)| !texts.is_empty())
    }

    /// The line, with what the user says where it does not; its event, if no other record need be looked up for it.
    fn line(&self, number: usize, defaults: &Defaults) -> Result<Line, Vec<LineError>> {
        let line = |said| Line {
            number,
            kind: self.kind,
            seq: self.seq,
            recorded_at: self.recorded_at,
            said,
        };
        if matches!(self.kind, Kind::LedgerOpened | Kind::Acknowledged) {
            return Ok(line(Said::OfItsLedger));
        }
        let key = defaults.key.as_ref().map(|key| format!("{key}:{number}"));
        let key = key.map(Cow::Owned);
        let recorded_by = defaults.recorded_by.as_deref().map(Cow::Borrowed);
        let mut given: Vec<_> = self.fields().collect();
        for (name, text) in [("import_key", &key), ("recorded_by", &recorded_by)] {
            if let Some(text) = text
                && given.iter().all(|(field, _)| *field != name)
            {
                given.push((name, std::slice::from_ref(text)));
            }
        }
        if places::are_asked(self.kind, self.seq.is_some(), &given) {
            return Ok(line(Said::Fields(owned(&given))));
        }
        match Event::build_from(self.kind, &given) {
            Ok(event) => Ok(line(Said::Event(event))),
            Err(errors) => {
                let at = |error| LineError::at(number, error);
                Err(errors.into_iter().map(at).collect())
            }
        }
    }
}

/// Fields that outlive the line.
fn owned(given: &[(&str, &[Cow<'_, str>])]) -> Fields {
    let mut fields = Fields::default();
    for (name, texts) in given {
        fields.set(name, texts.iter().map(ToString::to_string).collect());
    }
    fields
}

fn tell(bytes: &[u8], line: usize, kind: Option<Kind>) -> Result<Option<Told<'_>>, Vec<LineError>> {
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
    if text.trim_start().is_empty() {
        return Ok(None);
    }
    let Object(mut members) = serde_json::from_str(text).map_err(|error| {
        whole(format!(
            "is not a JSON object: {}",
            without_position(&error)
        ))
    })?;
    let mut errors = Vec::new();
    let mut found = None;
    let mut named = false;
    let mut seq = None;
    let mut recorded_at = None;
    for at in 0..members.len() {
        let (before, rest) = members.split_at_mut(at);
        let Some((name, member)) = rest.first_mut() else {
            break;
        };
        let mut fail = |message: String| {
            errors.push(LineError {
                line,
                field: Some(excerpt(name)),
                message,
            });
        };
        if before.iter().any(|(earlier, _)| earlier == name) {
            fail("stands twice".into());
            continue;
        }
        match &**name {
            // What an export says of its ledger; here it is claimed again or not at all.
            "claimed" => {}
            "recorded_at" => match member.texts() {
                Err(message) => fail(message.into()),
                Ok([]) => {}
                Ok([text]) => match Instant::beginning(text) {
                    Ok(time) => recorded_at = Some(time),
                    Err(error) => fail(error.to_string()),
                },
                Ok(_) => fail("takes one time".into()),
            },
            "seq" => match member {
                Member::Number(number, _) => seq = Some(*number),
                _ => fail("is not a record's number".into()),
            },
            "event" => {
                named = true;
                match member.texts() {
                    Err(message) => fail(message.into()),
                    Ok([word]) => match word.parse::<Kind>() {
                        Ok(word) => found = Some(word),
                        Err(error) => fail(error.to_string()),
                    },
                    Ok(_) => fail("takes one word".into()),
                }
            }
            _ => {
                if let Member::Wrong(why) = member {
                    fail((*why).into());
                }
                continue;
            }
        }
        *member = Member::Absent;
    }
    match (found.or(if named { None } else { kind }), errors.is_empty()) {
        (Some(kind), true) => Ok(Some(Told {
            kind,
            members,
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
        match &line.said {
            Said::Event(event) => event,
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
            matches!(lines[0].said, Said::Fields(_))
        };
        assert!(!waits(r#"{"event":"note","text":"a","about":[3,"C1"]}"#));
        assert!(waits(r#"{"event":"note","text":"a","about":"@k"}"#));
        assert!(waits(r#"{"event":"note","text":"a","about":[3],"seq":4}"#));
        assert!(!waits(
            r#"{"event":"note","text":"3","about":"C1","seq":4}"#
        ));
        assert!(!waits(r#"{"event":"note","text":"@k"}"#));
        let correction = |field: &str| {
            format!(
                r#"{{"event":"correction","record":0,"field":"{field}","to":"@k","reason":"r"}}"#
            )
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
}
