//! The parameters of the API: what each asks for, and which values it takes.

use serde_json::{Value, json};

use servanda_core::event::Kind;
use servanda_core::value::base::Leaf as _;
use servanda_core::value::commitment::Standing;
use servanda_core::value::party::PartyKind;
use servanda_report::render::FORMATS;
use servanda_report::report::REPORTS;

use crate::ask::PARAMETERS;
use crate::exchange::Route;

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

/// Ids, as [`servanda_core::value::id::Slug`] has them.
const ID: &str = "^(?=.{1,64}$)[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z._-][A-Za-z0-9._-]*$|^[A-Za-z][A-Za-z0-9._-]{0,63}$";

/// Records: four digits alone would be a year.
const RECORD: &str = "^(#[0-9]{1,9}|[0-9]{1,3}|[0-9]{5,9})$";

/// Tiles, as C2SP tlog-tiles has their paths.
const TILE: &str = "^([0-5]|entries)/(x[0-9]{3}/)*[0-9]{3}(\\.p/[1-9][0-9]{0,2})?$";

/// The parameters of a route.
pub fn of(route: &Route) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        let name = name.trim_start_matches('*');
        let schema = in_path(name);
        Some(json!({"name": name, "in": "path", "required": true, "schema": schema}))
    });
    let in_query = route.parameters.iter().map(|name| {
        let mut all = PARAMETERS.iter().chain(OTHERS);
        let about = all.find(|(known, _)| known == name);
        let one = in_query(route, name);
        let schema = match SEVERAL.contains(name) {
            true => json!({"type": "array", "items": one}),
            false => one,
        };
        let mut parameter = json!({
            "name": name, "in": "query", "description": about.map(|(_, about)| *about), "schema": schema,
        });
        if *name == "q" {
            parameter["required"] = true.into();
        }
        parameter
    });
    let mut all: Vec<Value> = in_path.chain(in_query).collect();
    all.extend(in_head(route));
    all
}

fn in_head(route: &Route) -> Option<Value> {
    let (name, about) = match route.method {
        "POST" => (
            "If-Match",
            "The ETag of an answer: record only if the head is still the one that it was made of",
        ),
        _ if route.has_tag() => (
            "If-None-Match",
            "The ETag of an answer: give nothing (304) if it would be the same",
        ),
        _ => return None,
    };
    let schema = json!({"type": "string"});
    Some(json!({"name": name, "in": "header", "description": about, "schema": schema}))
}

fn number() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": u64::MAX})
}

fn in_path(name: &str) -> Value {
    match name {
        "number" => number(),
        "id" => json!({"type": "string", "pattern": ID}),
        "rest" => json!({"type": "string", "pattern": TILE}),
        "name" => {
            let names = REPORTS.iter().map(|report| report.name());
            json!({"type": "string", "enum": names.collect::<Vec<_>>()})
        }
        _ => json!({"type": "string"}),
    }
}

fn in_query(route: &Route, name: &str) -> Value {
    match name {
        "as_of" => json!({"type": "string", "format": "date"}),
        "since" if route.path.ends_with("/events") => number(),
        "known_at" | "since" | "until" => json!({"anyOf": [
            {"type": "string", "format": "date"},
            {"type": "string", "pattern": RECORD},
        ]}),
        "party" | "agreement" | "commitment" | "source" => json!({"type": "string", "pattern": ID}),
        "kind" => {
            let words = Kind::ALL.iter().map(|kind| kind.word());
            json!({"type": "string", "enum": words.collect::<Vec<_>>()})
        }
        "standing" => json!({"type": "string", "enum": Standing::WORDS}),
        "party_kind" => json!({"type": "string", "enum": PartyKind::WORDS}),
        "limit" => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        "soon" | "grace" | "silent" => json!({"type": "integer", "minimum": 0, "maximum": 366_000}),
        "from" | "threshold" => number(),
        "cursor" => json!({"type": "string", "pattern": "^[0-9]{1,18}$"}),
        "dry_run" => json!({"type": "boolean"}),
        "format" if route.path.ends_with("{name}") => {
            let names = FORMATS.iter().map(|format| format.name());
            json!({"type": "string", "enum": names.collect::<Vec<_>>()})
        }
        "format" => json!({"type": "string", "enum": ["json"]}),
        "q" => json!({"type": "string", "pattern": "[^\\s\"]"}),
        // No parameter of the API is empty.
        _ => json!({"type": "string", "pattern": "\\S"}),
    }
}
