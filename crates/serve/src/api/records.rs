//! Records: as they read, one or many, and as they are stored.

use std::io::{self, Write as _};

use serde_json::{Map, Value, json};

use servanda_core::chain::codec;
use servanda_core::chain::record::Record;
use servanda_core::event::Kind;
use servanda_core::ndjson::{entry_to_json, event_to_json};
use servanda_core::ranges::CHUNK;
use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_core::view::sentences::Sentences;
use servanda_http::Reply;
use servanda_ledger::LedgerError;
use servanda_log::{Log as _, Stored};

use crate::access::Needs;
use crate::ask::{readable, subject};
use crate::exchange::{Answered, Exchange, JSON, Route, head, stream};
use crate::problem::Problem;
use crate::shared::Snapshot;

/// Records of a page, where nobody says how many.
const PAGE: u64 = 100;

/// The most records of a page.
const MOST: u64 = 1_000;

/// Lines of JSON.
const NDJSON: &str = "application/x-ndjson";

/// The routes.
pub const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/api/v1/records",
        needs: Needs::Read,
        about: "The records in their order, a page of them: all, or those of a kind or about something",
        parameters: &["kind", "about", "limit", "cursor"],
        gives: &[JSON],
        handle: listed,
    },
    Route {
        method: "GET",
        path: "/api/v1/records/{number}",
        needs: Needs::Read,
        about: "A record as it reads today, and what later ones did to it",
        parameters: &[],
        gives: &[JSON],
        handle: one,
    },
    Route {
        method: "GET",
        path: "/api/v1/records/{number}/opened",
        needs: Needs::Audit,
        about: "A record's bytes and what they say: the file beside a proof",
        parameters: &[],
        gives: &[JSON],
        handle: opened,
    },
    Route {
        method: "GET",
        path: "/api/v1/raw",
        needs: Needs::Audit,
        about: "Every record as it is stored, in hexadecimal, and the head: a raw export, for a verifier",
        parameters: &["from"],
        gives: &[NDJSON],
        handle: raw,
    },
];

/// A record as it reads today; none where its payload is gone from the log.
pub fn record(state: &State, sentences: &Sentences<'_>, seq: Seq) -> Map<String, Value> {
    let numbers =
        |records: &mut dyn Iterator<Item = Seq>| -> Value { records.map(|seq| seq.0).collect() };
    let held = state.held(seq);
    let mut object = match held.filter(|held| held.redacted.is_none()) {
        Some(held) => {
            let mut object = entry_to_json(&held.entry);
            object.insert("sentence".into(), sentences.of(&held.entry).into());
            object
        }
        None => {
            let mut object = Map::new();
            object.insert("seq".into(), seq.0.into());
            object.insert("event".into(), state.kind(seq).map(Kind::word).into());
            object.insert("withheld".into(), true.into());
            object
        }
    };
    object.insert("corrected_by".into(), numbers(&mut state.corrections(seq)));
    object.insert(
        "retracted_by".into(),
        state.retracted_by(seq).map(|seq| seq.0).into(),
    );
    object.insert(
        "redacted_by".into(),
        state.redacted_by(seq).map(|seq| seq.0).into(),
    );
    object.insert("asserted".into(), (seq.0 < state.asserted()).into());
    object
}

fn listed(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let query = &exchange.query;
    query.check_names(&["kind", "about", "limit", "cursor"])?;
    let snapshot = exchange.snapshot();
    let state = snapshot.state();
    let from = query.number("cursor")?.unwrap_or(0);
    let most: Option<u32> = query.number("limit")?;
    let most = most.map_or(PAGE, u64::from).min(MOST);
    let kinds: Result<Vec<Kind>, _> = query.all("kind").map(str::parse).collect();
    let kinds = kinds.map_err(|error| Problem::parameter("kind", error.to_string()))?;
    let is_wanted =
        |seq: &Seq| kinds.is_empty() || state.kind(*seq).is_some_and(|kind| kinds.contains(&kind));
    let all: Box<dyn Iterator<Item = Seq> + '_> = match query.get("about") {
        None => Box::new((from..state.count()).map(Seq)),
        Some(about) => {
            let about = subject(state, about).map_err(|why| Problem::missing("about", why))?;
            let trail = state.trail_records(&about).map(|(seq, _)| seq);
            let mut trail: Vec<Seq> = trail.filter(|seq| seq.0 >= from).collect();
            trail.sort_unstable();
            trail.dedup();
            Box::new(trail.into_iter())
        }
    };
    let mut wanted = all.filter(is_wanted);
    let sentences = Sentences::new(state);
    let page = wanted
        .by_ref()
        .take(usize::try_from(most).unwrap_or(usize::MAX));
    let items: Vec<Value> = page
        .map(|seq| record(state, &sentences, seq).into())
        .collect();
    let next = wanted.next().map(|seq| seq.0.to_string());
    readable(state)?;
    let head = snapshot.head();
    let answer = json!({
        "items": items,
        "next": next,
        "head": {"count": head.count, "link": head.link.to_string()},
    });
    exchange.json(reply, &snapshot, &answer)
}

/// The number of a record that is there.
pub fn number(exchange: &Exchange<'_>, snapshot: &Snapshot) -> Result<Seq, Problem> {
    let text = exchange.segment();
    let seq = text.parse::<Seq>().ok();
    let seq = seq.filter(|seq| seq.0 < snapshot.head().count);
    seq.ok_or_else(|| Problem::not_found(format!("there is no record {text}")))
}

fn one(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    exchange.query.check_names(&[])?;
    let snapshot = exchange.snapshot();
    let seq = number(exchange, &snapshot)?;
    let state = snapshot.state();
    let mut object = record(state, &Sentences::new(state), seq);
    if let Some(held) = state.held(seq)
        && held.redacted.is_none()
        && held.recorded() != &held.entry.event
    {
        object.insert("as_recorded".into(), event_to_json(held.recorded()).into());
    }
    let (stored, opened) = read(&snapshot, seq)?;
    object.insert("link".into(), opened.header.link().to_string().into());
    object.insert("bytes".into(), stored.sealed.0.len().into());
    readable(state)?;
    exchange.json(reply, &snapshot, &object.into())
}

/// A record as it is stored, and opened.
pub fn read(snapshot: &Snapshot, seq: Seq) -> Result<(Stored, Record), Problem> {
    let broken = |what: String| Problem::from(LedgerError::Broken { seq: seq.0, what });
    let read = snapshot.log().read(seq.0, 1).map_err(LedgerError::from)?;
    let stored = read.into_iter().next().filter(|stored| stored.seq == seq.0);
    let stored = stored.ok_or_else(|| broken("it is missing".to_owned()))?;
    let record = Record::open(&stored.sealed).map_err(|error| broken(error.to_string()))?;
    if !record.payload_is_sound() {
        return Err(broken(
            "its payload is not the one that was recorded".to_owned(),
        ));
    }
    Ok((stored, record))
}

fn opened(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let snapshot = exchange.snapshot();
    let seq = number(exchange, &snapshot)?;
    let (stored, record) = read(&snapshot, seq)?;
    let broken = |what: String| Problem::from(LedgerError::Broken { seq: seq.0, what });
    let event = record.content().map(codec::decode).transpose();
    let event = event.map_err(|error| broken(error.to_string()))?;
    let answer = json!({
        "seq": seq.0,
        "link": record.header.link().to_string(),
        "record": hex(&stored.sealed.0),
        "event": event.as_ref().map(event_to_json),
    });
    exchange.json(reply, &snapshot, &answer)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// Every record from one on, even an unsound one, which the verifier must find.
fn raw(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    exchange.query.check_names(&["from"])?;
    let from = exchange.query.number("from")?.unwrap_or(0);
    let snapshot = exchange.snapshot();
    let (log, end) = (snapshot.log(), snapshot.head());
    let name = "attachment; filename=\"records.ndjson\"";
    let head = head(200, NDJSON)
        .with("etag", exchange.etag(&snapshot))
        .with("content-disposition", name);
    stream(
        reply,
        head,
        |out| {
            let mut next = from;
            loop {
                let chunk = log.read(next, CHUNK).map_err(io::Error::other)?;
                let Some(last) = chunk.last() else { break };
                next = last.seq + 1;
                for stored in &chunk {
                    let link = Record::open(&stored.sealed).ok();
                    let link = link.map(|record| record.header.link().to_string());
                    let line =
                        json!({"seq": stored.seq, "link": link, "record": hex(&stored.sealed.0)});
                    writeln!(out, "{line}")?;
                }
            }
            let end = json!({"head": {"count": end.count, "link": end.link.to_string()}});
            writeln!(out, "{end}")
        },
        || Ok(()),
    )
}
