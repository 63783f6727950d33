//! The description of the API in OpenAPI 3.1, made of the table of routes and of the declarations of events.

use serde_json::{Map, Value, json};

use servanda_core::event::{FieldSpec, Kind};
use servanda_core::value::base::Shape;
use servanda_http::Reply;

use crate::access::Needs;
use crate::ask::PARAMETERS;
use crate::exchange::{API, Answered, Exchange, JSON, Route, head};

/// The routes.
pub const ROUTES: &[Route] = &[Route {
    method: "GET",
    path: "/api/v1/openapi.json",
    needs: Needs::Nothing,
    about: "This description",
    parameters: &[],
    gives: &[JSON],
    handle: openapi,
}];

/// Parameters that are no question of a report.
const OTHERS: &[(&str, &str)] = &[
    ("about", "Only records about this id or record"),
    (
        "cursor",
        "Where to go on: what the page before gave as next",
    ),
    (
        "dry_run",
        "Check and show what would be recorded, and record nothing",
    ),
    ("format", "The format of the answer"),
    ("from", "From this record on"),
];

/// Parameters that may stand several times.
const SEVERAL: &[&str] = &["kind", "standing", "threshold", "grep", "sort"];

fn openapi(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let document = document(exchange.routes);
    reply.send(head(200, JSON), document.to_string() + "\n");
    Ok(())
}

fn document(routes: &[&[Route]]) -> Value {
    let mut paths = Map::new();
    let of_api = routes
        .iter()
        .copied()
        .flatten()
        .filter(|route| route.path.starts_with(API));
    for route in of_api {
        let path = route.path.replace("{*", "{");
        let operations = paths
            .entry(path)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(operations) = operations {
            operations.insert(route.method.to_lowercase(), operation(route));
        }
    }
    let events = Kind::ALL.iter().filter(|kind| !kind.spec().is_local());
    let mut schemas: Map<String, Value> = events
        .clone()
        .map(|kind| (name(*kind), event(*kind)))
        .collect();
    let references: Vec<Value> = events
        .map(|kind| json!({"$ref": format!("#/components/schemas/{}", name(*kind))}))
        .collect();
    schemas.insert("Event".into(), json!({"oneOf": references, "description": "An event: its kind under `event`, and its fields."}));
    schemas.insert("Problem".into(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "servanda",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A ledger of agreements and the commitments in them. Answers carry the head of the ledger as their ETag; what comes in pages has `next`, to be given back as `cursor`.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"}
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
        },
    })
}

fn operation(route: &Route) -> Value {
    let in_path = route.path.split('/').filter_map(|part| {
        let name = part
            .strip_prefix('{')?
            .strip_suffix('}')?
            .trim_start_matches('*');
        Some(json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
    });
    let in_query = route.parameters.iter().map(|name| {
        let mut all = PARAMETERS.iter().chain(OTHERS);
        let about = all
            .find(|(known, _)| known == name)
            .map(|(_, about)| *about);
        let text = json!({"type": "string"});
        let schema = match SEVERAL.contains(name) {
            true => json!({"type": "array", "items": text}),
            false => text,
        };
        json!({"name": name, "in": "query", "description": about, "schema": schema})
    });
    let parameters: Vec<Value> = in_path.chain(in_query).collect();
    let content: Map<String, Value> = route
        .gives
        .iter()
        .map(|media| ((*media).to_owned(), json!({})))
        .collect();
    let mut responses = Map::new();
    if route.method == "POST" {
        responses.insert(
            "201".into(),
            json!({"description": "Recorded", "content": content}),
        );
    }
    responses.insert(
        "200".into(),
        json!({"description": route.about, "content": content}),
    );
    let refused =
        json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
    responses.insert(
        "default".into(),
        json!({"description": "What went wrong", "content": refused}),
    );
    let mut operation = json!({
        "operationId": id(route),
        "summary": route.about,
        "parameters": parameters,
        "responses": responses,
    });
    if route.needs == Needs::Nothing {
        operation["security"] = json!([]);
    }
    if route.method == "POST" {
        let one = json!({"$ref": "#/components/schemas/Event"});
        let body = json!({"oneOf": [one, {"type": "array", "items": one, "minItems": 1}]});
        operation["requestBody"] = json!({"required": true, "content": {
            "application/json": {"schema": body},
            "application/x-ndjson": {"schema": {"type": "string"}},
        }});
    }
    operation
}

/// `get_commitments_id`
fn id(route: &Route) -> String {
    let path = route.path.trim_start_matches(API);
    let words = path
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let words: Vec<&str> = words.collect();
    format!("{}_{}", route.method.to_lowercase(), words.join("_"))
}

fn name(kind: Kind) -> String {
    kind.spec().name.to_owned()
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
