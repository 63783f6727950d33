//! What answers hold, and what events are made of.

use serde_json::{Map, Value, json};

use servanda_core::event::{FieldSpec, Kind};
use servanda_core::value::base::Shape;

use crate::exchange::{API, Route};

/// The names of the schemas of what routes answer with in JSON.
const ANSWERS: &[(&str, &str)] = &[
    ("POST /events", "Receipts"),
    ("/records", "Records"),
    ("/records/{number}", "Record"),
    ("/records/{number}/opened", "Opened"),
    ("/parties", "Page"),
    ("/agreements", "Page"),
    ("/commitments", "Page"),
    ("/sources", "Page"),
    ("/search", "Page"),
    ("/parties/{id}", "Document"),
    ("/agreements/{id}", "Document"),
    ("/commitments/{id}", "Document"),
    ("/sources/{id}", "Document"),
    ("/reports", "Reports"),
    ("/reports/{name}", "Document"),
    ("/proof/{number}", "Proof"),
    ("/consistency/{number}", "Consistency"),
];

/// The schema of what a route answers with in JSON.
pub fn of(route: &Route) -> Value {
    let path = route.path.trim_start_matches(API);
    let with_method = format!("{} {path}", route.method);
    let mut answers = ANSWERS.iter();
    let found = answers.find(|(of, _)| *of == path || *of == with_method);
    match found {
        Some((_, name)) => reference(name),
        None => json!({"type": "object"}),
    }
}

/// A schema by its name.
pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// All schemas by their names.
pub fn all() -> Map<String, Value> {
    let events = Kind::ALL.iter().filter(|kind| !kind.spec().is_local());
    let mut schemas: Map<String, Value> = events
        .clone()
        .map(|kind| (name(*kind), event(*kind)))
        .collect();
    let references: Vec<Value> = events.map(|kind| reference(&name(*kind))).collect();
    schemas.insert("Event".into(), json!({"oneOf": references, "description": "An event: its kind under `event`, and its fields."}));
    for (name, schema) in answers().into_iter().chain(documents_and_proofs()) {
        schemas.insert(name.to_owned(), schema);
    }
    schemas
}

fn name(kind: Kind) -> String {
    kind.spec().name.to_owned()
}

/// An object of these members, all of which are there.
fn object(about: &str, members: Value) -> Value {
    let names = members.as_object().into_iter().flat_map(Map::keys);
    let required: Vec<&String> = names.collect();
    json!({"type": "object", "description": about, "required": required, "properties": members})
}

fn list_of(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// The answers about records.
fn answers() -> Vec<(&'static str, Value)> {
    let (text, number, flag) = (
        json!({"type": "string"}),
        json!({"type": "integer"}),
        json!({"type": "boolean"}),
    );
    let maybe = json!({"type": ["string", "null"]});
    let texts = list_of(text.clone());
    let next = json!({"type": ["string", "null"], "description": "Where the next page begins: to be given back as cursor; null on the last"});
    let items = list_of(json!({"type": "object"}));
    vec![
        (
            "Head",
            object(
                "How many records there are, and the link of the last.",
                json!({"count": number, "link": text}),
            ),
        ),
        (
            "Receipt",
            object(
                "What became of an event.",
                json!({
                    "record": number, "event": maybe, "sentence": text, "recorded_at": maybe, "link": maybe, "known": flag, "differs": flag,
                }),
            ),
        ),
        (
            "Receipts",
            object(
                "What became of the events of a batch.",
                json!({
                    "receipts": list_of(reference("Receipt")), "dry_run": flag, "head": reference("Head"),
                }),
            ),
        ),
        (
            "Page",
            object(
                "A page of rows.",
                json!({
                    "items": items, "next": next, "as_of": text, "known_at": maybe, "head": reference("Head"), "notes": texts,
                }),
            ),
        ),
        ("Record", record()),
        (
            "Records",
            object(
                "A page of records.",
                json!({"items": list_of(reference("Record")), "next": next, "head": reference("Head")}),
            ),
        ),
        (
            "Opened",
            object(
                "A record's bytes in hexadecimal, and what they say.",
                json!({
                    "seq": number, "link": text, "record": text, "event": {"type": ["object", "null"]},
                }),
            ),
        ),
        ("Problem", problem()),
    ]
}

fn record() -> Value {
    let (text, number, flag) = (
        json!({"type": "string"}),
        json!({"type": "integer"}),
        json!({"type": "boolean"}),
    );
    let maybe = json!({"type": ["string", "null"]});
    json!({
        "type": "object",
        "description": "A record as it reads today: its event's fields by their names, and what later records did to it.",
        "required": ["seq", "event", "corrected_by", "retracted_by", "redacted_by", "asserted"],
        "properties": {
            "seq": number, "event": maybe, "sentence": text, "withheld": flag, "asserted": flag,
            "corrected_by": list_of(number.clone()),
            "retracted_by": {"type": ["integer", "null"]},
            "redacted_by": {"type": ["integer", "null"]},
        },
    })
}

/// Documents of reports, and what a tree gives.
fn documents_and_proofs() -> Vec<(&'static str, Value)> {
    let (text, number) = (json!({"type": "string"}), json!({"type": "integer"}));
    let texts = list_of(text.clone());
    vec![
        (
            "Document",
            object(
                "An answer of tables, as the command line writes it.",
                json!({"tables": {"type": "object"}}),
            ),
        ),
        (
            "Reports",
            object(
                "The reports that there are.",
                json!({"items": list_of(json!({"type": "object"})), "formats": texts}),
            ),
        ),
        (
            "Proof",
            object(
                "The hashes from a record to the root of the tree.",
                json!({
                    "index": number, "size": number, "hashes": texts, "root": text, "checkpoint": text,
                }),
            ),
        ),
        (
            "Consistency",
            object(
                "The hashes that lead from an older tree to the one of now.",
                json!({
                    "old": number, "size": number, "hashes": texts, "checkpoint": text,
                }),
            ),
        ),
    ]
}

/// The schema of the events of a kind.
fn event(kind: Kind) -> Value {
    let mut properties = Map::new();
    properties.insert("event".into(), json!({"const": kind.word()}));
    properties.extend(
        kind.fields()
            .map(|field| (field.name.to_owned(), property(field))),
    );
    let required = kind.fields().filter(|field| field.is_required());
    let required: Vec<&str> = std::iter::once("event")
        .chain(required.map(|field| field.name))
        .collect();
    json!({
        "type": "object",
        "description": kind.spec().about(),
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(field: &FieldSpec) -> Value {
    let one = match (field.words.is_empty(), field.may_name_records()) {
        (false, _) => json!({"type": "string", "enum": field.words}),
        (true, true) => json!({"type": ["string", "integer"]}),
        (true, false) => json!({"type": "string"}),
    };
    let mut schema = match field.shape {
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Many => json!({"anyOf": [one, {"type": "array", "items": one}]}),
        Shape::One | Shape::Optional => one,
    };
    schema["description"] = field.help().into();
    schema
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": {"type": "object", "properties": {
                "event": {"type": "integer", "description": "The place of the event in the batch, from 0"},
                "field": {"type": "string"},
                "message": {"type": "string"},
                "rule": {"type": "string"},
                "allowed": {"type": "array", "items": {"type": "string"}},
                "irregular_possible": {"type": "boolean"}
            }, "required": ["message"]}}
        },
        "required": ["type", "title", "status", "detail"]
    })
}
