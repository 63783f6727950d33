//! Events written as JSON.

use serde_json::{Map, Number, Value};

use crate::event::{Entry, Event, FieldSpec};
use crate::value::base::Shape;
use crate::value::id::Seq;

/// Writes an event as a JSON object, `event` first.
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

/// Writes an entry as a JSON object, its number and recorded time first.
pub fn entry_to_json(entry: &Entry) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("seq".into(), entry.seq.0.into());
    object.insert("recorded_at".into(), entry.recorded_at.to_string().into());
    object.extend(event_to_json(&entry.event));
    object
}

fn field_to_json(spec: &FieldSpec, texts: &[String]) -> Value {
    let named = |text: &String| text.parse::<Seq>().ok();
    let one = |text: &String| match spec.may_name_records().then(|| named(text)).flatten() {
        Some(seq) => Value::Number(Number::from(seq.0)),
        None => Value::String(text.clone()),
    };
    match (spec.shape, texts) {
        (Shape::Flag, _) => Value::Bool(!texts.is_empty()),
        (Shape::Many, texts) => texts.iter().map(one).collect(),
        (_, [text, ..]) => one(text),
        (_, []) => Value::Null,
    }
}
