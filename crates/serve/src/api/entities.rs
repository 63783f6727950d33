//! Parties, agreements, commitments, sources; and search.

use serde_json::json;

use servanda_core::value::id::Subject;
use servanda_core::view::View;
use servanda_http::Reply;
use servanda_report::render::{Render as _, Style, json::Json};
use servanda_report::report::dossier::dossier;
use servanda_report::report::listing::{Agreements, Commitments, Parties, Sources};
use servanda_report::report::search::Search;
use servanda_report::report::{Document, Question, Report};

use super::cells::page;
use crate::access::Needs;
use crate::ask::{names, subject};
use crate::exchange::{Answered, Exchange, JSON, Route, head, stream};
use crate::problem::Problem;

/// Rows of a page, where nobody says how many.
const PAGE: usize = 100;

/// The most rows of a page.
const MOST: usize = 1_000;

const CLOCKS: &[&str] = &["as_of", "known_at", "limit"];
const ARRANGED: &[&str] = &["as_of", "known_at", "grep", "sort", "limit", "cursor"];

const fn list(
    path: &'static str,
    about: &'static str,
    parameters: &'static [&'static str],
    handle: crate::exchange::Handler,
) -> Route {
    Route {
        method: "GET",
        path,
        needs: Needs::Read,
        about,
        parameters,
        gives: &[JSON],
        handle,
    }
}

/// The routes.
pub const ROUTES: &[Route] = &[
    list(
        "/api/v1/parties",
        "The parties, a page of them",
        &[
            "party",
            "party_kind",
            "as_of",
            "known_at",
            "grep",
            "sort",
            "limit",
            "cursor",
        ],
        |e, r| listed(e, r, &Parties),
    ),
    list(
        "/api/v1/agreements",
        "The agreements, a page of them",
        &[
            "party",
            "agreement",
            "as_of",
            "known_at",
            "grep",
            "sort",
            "limit",
            "cursor",
        ],
        |e, r| listed(e, r, &Agreements),
    ),
    list(
        "/api/v1/commitments",
        "The commitments, a page of them",
        &[
            "party",
            "agreement",
            "standing",
            "soon",
            "silent",
            "as_of",
            "known_at",
            "grep",
            "sort",
            "limit",
            "cursor",
        ],
        |e, r| listed(e, r, &Commitments),
    ),
    list(
        "/api/v1/sources",
        "The sources, a page of them",
        ARRANGED,
        |e, r| listed(e, r, &Sources),
    ),
    list(
        "/api/v1/parties/{id}",
        "All there is about a party",
        CLOCKS,
        |e, r| one(e, r, "party"),
    ),
    list(
        "/api/v1/agreements/{id}",
        "All there is about an agreement",
        CLOCKS,
        |e, r| one(e, r, "agreement"),
    ),
    list(
        "/api/v1/commitments/{id}",
        "All there is about a commitment",
        CLOCKS,
        |e, r| one(e, r, "commitment"),
    ),
    list(
        "/api/v1/sources/{id}",
        "All there is about a source",
        CLOCKS,
        |e, r| one(e, r, "source"),
    ),
    list(
        "/api/v1/search",
        "The records whose texts have all these words, the newest first",
        &[
            "q",
            "party",
            "agreement",
            "commitment",
            "source",
            "kind",
            "since",
            "until",
            "as_of",
            "known_at",
            "limit",
            "cursor",
        ],
        search,
    ),
];

fn listed(exchange: &Exchange<'_>, reply: &mut Reply, report: &dyn Report) -> Answered {
    paged(exchange, reply, |view, question| {
        report.document(view, question)
    })
}

fn search(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    if exchange.query.get("q").is_none() {
        return Err(Problem::parameter(
            "q",
            "is required: the words to look for",
        ));
    }
    paged(exchange, reply, |view, question| {
        Search.document(view, question)
    })
}

/// A page of the first table of a document.
pub fn paged(
    exchange: &Exchange<'_>,
    reply: &mut Reply,
    make: impl for<'v> FnOnce(&View<'v>, &Question) -> Document<'v>,
) -> Answered {
    exchange.query.check_names(&names(&["cursor"]))?;
    let snapshot = exchange.snapshot();
    let mut asked = exchange.ask(&snapshot)?;
    let most = asked.question.limit.take().unwrap_or(PAGE).min(MOST);
    let from = match exchange.query.get("cursor").map(str::parse::<usize>) {
        None => 0,
        Some(Ok(from)) => from,
        Some(Err(_)) => return Err(Problem::parameter("cursor", "is not one that was given")),
    };
    let document = asked.arranged(make(&asked.view(), &asked.question))?;
    let (items, has_more) = match document.tables.first() {
        Some(table) => page(table, from, most),
        None => (Vec::new(), false),
    };
    asked.check_readable()?;
    let next = has_more.then(|| (from + items.len()).to_string());
    let answer = json!({
        "items": items,
        "next": next,
        "as_of": asked.as_of.to_string(),
        "known_at": asked.question.known_at,
        "head": {"count": snapshot.head().count, "link": snapshot.head().link.to_string()},
        "notes": document.told_notes(),
    });
    exchange.json(reply, &snapshot, &answer)
}

/// The dossier of one entity, as the command line writes it in JSON.
fn one(exchange: &Exchange<'_>, reply: &mut Reply, kind: &str) -> Answered {
    exchange.query.check_names(&names(&[]))?;
    let snapshot = exchange.snapshot();
    let asked = exchange.ask(&snapshot)?;
    let view = asked.view();
    let id = exchange.segment();
    let nothing = || Problem::not_found(format!("there is no {kind} {id} as of {}", asked.as_of));
    let found = match subject(view.state, id) {
        Ok(Subject::Entity(id)) => Subject::Entity(id),
        _ => return Err(nothing()),
    };
    let is_kind = found.slug().and_then(|id| {
        let (found, _) = servanda_core::rules::Known::entity(view.state, id)?;
        Some(found.word() == kind)
    });
    if is_kind != Some(true) {
        return Err(nothing());
    }
    let document = dossier(&view, &found, &asked.question).ok_or_else(nothing)?;
    let style = Style {
        colour: false,
        width: None,
    };
    let head = head(200, JSON).with("etag", exchange.etag(&snapshot));
    stream(
        reply,
        head,
        |out| Json.render(&document, style, out),
        || asked.check_readable(),
    )
}
