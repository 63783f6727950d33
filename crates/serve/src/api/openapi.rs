//! The description of the API in OpenAPI 3.1, made of the table of routes and of the declarations of events.

mod parameters;
mod schemas;

use serde_json::{Map, Value, json};

use servanda_http::Reply;

use crate::access::Needs;
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
            "schemas": schemas::all(),
        },
    })
}

fn operation(route: &Route) -> Value {
    let content: Map<String, Value> = route
        .gives
        .iter()
        .map(|media| ((*media).to_owned(), json!({"schema": given(route, media)})))
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
    if route.has_tag() {
        let unchanged = "The answer is the one whose ETag was given in If-None-Match";
        responses.insert("304".into(), json!({"description": unchanged}));
    }
    let refused =
        json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
    responses.insert(
        "default".into(),
        json!({"description": "What went wrong", "content": refused}),
    );
    let mut operation = json!({
        "operationId": id(route),
        "summary": route.about,
        "parameters": parameters::of(route),
        "responses": responses,
    });
    if route.needs == Needs::Nothing {
        operation["security"] = json!([]);
    }
    if route.method == "POST" {
        let one = schemas::reference("Event");
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

/// The schema of an answer in a media type.
fn given(route: &Route, media: &str) -> Value {
    match media {
        JSON => schemas::of(route),
        _ if media.starts_with("text/") || media.ends_with("ndjson") => json!({"type": "string"}),
        _ => json!({"type": "string", "format": "binary"}),
    }
}
