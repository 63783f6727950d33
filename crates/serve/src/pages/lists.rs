//! Lists: filtered, searched, sorted and paged by their address alone.

use maud::{Markup, html};

use servanda_core::event::Kind;
use servanda_core::value::base::Leaf;
use servanda_core::value::commitment::Standing;
use servanda_core::value::party::PartyKind;
use servanda_core::view::View;
use servanda_http::Reply;
use servanda_report::report::listing::{Agreements, Commitments, Parties, Sources};
use servanda_report::report::log::Log;
use servanda_report::report::search::Search;
use servanda_report::report::{Document, Question, Report, Row};

use super::layout::{Page, clock_query};
use super::tables::{Sorted, Tables};
use crate::access::Needs;
use crate::ask::names;
use crate::exchange::{Answered, Exchange, Route};
use crate::problem::Problem;
use crate::query::Query;

/// Rows of a page.
const PAGE: usize = 50;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::page(
        Needs::Read,
        "GET",
        "/commitments",
        "The commitments",
        |e, r| listed(e, r, &COMMITMENTS),
    ),
    Route::page(
        Needs::Read,
        "GET",
        "/agreements",
        "The agreements",
        |e, r| listed(e, r, &AGREEMENTS),
    ),
    Route::page(Needs::Read, "GET", "/parties", "The parties", |e, r| {
        listed(e, r, &PARTIES)
    }),
    Route::page(Needs::Read, "GET", "/sources", "The sources", |e, r| {
        listed(e, r, &SOURCES)
    }),
    Route::page(
        Needs::Read,
        "GET",
        "/log",
        "The records, the newest first",
        |e, r| listed(e, r, &LOG),
    ),
    Route::page(
        Needs::Read,
        "GET",
        "/search",
        "The records whose texts have some words",
        |e, r| listed(e, r, &SEARCH),
    ),
];

/// A list: what it shows, and by what it is narrowed.
struct List {
    report: &'static dyn Report,
    title: &'static str,
    /// The path of the same in the API.
    api: &'static str,
    /// The parameters that choose among words, each with its label and its words.
    choices: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// The parameters that take an id, each with its label.
    ids: &'static [(&'static str, &'static str)],
    /// Whether rows are found and sorted by what they show.
    is_arranged: bool,
}

const COMMITMENTS: List = List {
    report: &Commitments,
    title: "Commitments",
    api: "/api/v1/commitments",
    choices: &[("standing", "Stands at", Standing::WORDS)],
    ids: &[("party", "Party"), ("agreement", "Agreement")],
    is_arranged: true,
};
const AGREEMENTS: List = List {
    report: &Agreements,
    title: "Agreements",
    api: "/api/v1/agreements",
    choices: &[],
    ids: &[("party", "Party")],
    is_arranged: true,
};
const PARTIES: List = List {
    report: &Parties,
    title: "Parties",
    api: "/api/v1/parties",
    choices: &[("party_kind", "Kind", PartyKind::WORDS)],
    ids: &[],
    is_arranged: true,
};
const SOURCES: List = List {
    report: &Sources,
    title: "Sources",
    api: "/api/v1/sources",
    choices: &[],
    ids: &[],
    is_arranged: true,
};
const LOG: List = List {
    report: &Log,
    title: "Log",
    api: "/api/v1/records",
    choices: &[("kind", "Kind of event", Kind::WORDS)],
    ids: &[
        ("party", "Party"),
        ("agreement", "Agreement"),
        ("commitment", "Commitment"),
        ("source", "Source"),
        ("since", "Since"),
        ("until", "Until"),
    ],
    is_arranged: false,
};
const SEARCH: List = List {
    report: &Search,
    title: "Search",
    api: "/api/v1/search",
    choices: &[("kind", "Kind of event", Kind::WORDS)],
    ids: &[
        ("party", "Party"),
        ("agreement", "Agreement"),
        ("since", "Since"),
        ("until", "Until"),
    ],
    is_arranged: false,
};

fn listed(exchange: &Exchange<'_>, reply: &mut Reply, list: &List) -> Answered {
    exchange.query.check_names(&names(&["page"]))?;
    let snapshot = exchange.snapshot();
    let asked = exchange.ask(&snapshot)?;
    let number = exchange
        .query
        .get("page")
        .map_or(Ok(1), str::parse::<usize>);
    let number = number.ok().filter(|number| *number > 0);
    let number = number.ok_or_else(|| Problem::parameter("page", "is a number from 1 on"))?;
    let is_asked = list.api != SEARCH.api || exchange.query.get("q").is_some();
    let document = match is_asked {
        true => asked.arranged(made(list, &asked.view(), &asked.question))?,
        false => Document::default(),
    };
    let first = (number - 1).saturating_mul(PAGE);
    let (rows, has_more) = rows_of(&document, first);
    asked.check_readable()?;
    let path = exchange.request.path.as_str();
    let tables = Tables::new(&asked, &clock_query(exchange));
    let sorted = Sorted {
        path,
        query: &exchange.query,
    };
    let content = html! {
        h1 { (list.title) }
        (filters(list, exchange))
        @if let Some(table) = document.tables.first() {
            (tables.table(table, &rows, list.is_arranged.then_some(&sorted), true))
        }
        @if is_asked { (pager(path, &exchange.query, number, first, rows.len(), has_more)) }
        @if !document.notes.is_empty() {
            aside.notes { h2 { "Notes" } ul { @for note in document.told_notes() { li { (note) } } } }
        }
        @if is_asked {
            p.quiet { "The same for programs: " a href={ (list.api) (api_query(list, &exchange.query)) } { "JSON" } "." }
        }
    };
    let page = Page {
        title: list.title,
        content,
        clocks: Some(&asked),
    };
    page.send(exchange, reply, &snapshot, 200)
}

fn made<'v>(list: &List, view: &View<'v>, question: &Question) -> Document<'v> {
    list.report.document(view, question)
}

/// The query of the same list in the API, which pages by a cursor; its records are asked otherwise than the log.
fn api_query(list: &List, query: &Query) -> String {
    match list.api == LOG.api {
        true => String::new(),
        false => query.with(&[("page", "")]),
    }
}

/// The rows of a page, and whether there are more.
fn rows_of(document: &Document<'_>, first: usize) -> (Vec<Row>, bool) {
    let Some(table) = document.tables.first() else {
        return (Vec::new(), false);
    };
    let mut rows = table.rows.iter().skip(first);
    let page = rows
        .by_ref()
        .take(PAGE)
        .map(std::borrow::Cow::into_owned)
        .collect();
    (page, rows.next().is_some())
}

fn filters(list: &List, exchange: &Exchange<'_>) -> Markup {
    let query = &exchange.query;
    let is_set = list.ids.iter().any(|(name, _)| query.get(name).is_some())
        || list
            .choices
            .iter()
            .any(|(name, ..)| query.get(name).is_some());
    html! {
        form.filters method="get" action=(exchange.request.path) {
            @for name in ["as_of", "known_at", "sort"] {
                @if let Some(value) = query.get(name) { input type="hidden" name=(name) value=(value); }
            }
            @if list.is_arranged {
                label { "Has the text " input type="search" name="grep" value=[query.get("grep")]; }
            } @else if list.api == SEARCH.api {
                label { "Words " input type="search" name="q" value=[query.get("q")]; }
            }
            @for (name, label, words) in list.choices {
                label { (label) " "
                    select name=(name) {
                        option value="" { "any" }
                        @for word in *words { option value=(word) selected[query.get(name) == Some(word)] { (word) } }
                    }
                }
            }
            @for (name, label) in list.ids {
                label { (label) " " input type="text" name=(name) size="12" value=[query.get(name)]; }
            }
            button { "Show" }
            @if is_set || query.get("grep").is_some() { " " a href=(exchange.request.path) { "All" } }
        }
    }
}

fn pager(
    path: &str,
    query: &Query,
    number: usize,
    first: usize,
    count: usize,
    has_more: bool,
) -> Markup {
    let to = |number: usize| format!("{path}{}", query.with(&[("page", &number.to_string())]));
    html! {
        @if count > 0 && (number > 1 || has_more) {
            nav.pager aria-label="Parts of the list" {
                @if number > 1 { a rel="prev" href=(to(number - 1)) { "← Before" } " " }
                span { "Rows " (first + 1) " to " (first + count) }
                @if has_more { " " a rel="next" href=(to(number + 1)) { "After →" } }
            }
        }
    }
}
