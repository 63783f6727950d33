//! What every page has: the head with its menu and both clocks, the foot with the head of the ledger.

use maud::{DOCTYPE, Markup, html};

use servanda_http::Reply;
use servanda_report::render::html::SHARED_STYLE;

use crate::access::Needs;
use crate::ask::Asked;
use crate::context::Options;
use crate::exchange::{Answered, Exchange, HTML, Route, TEXT, head};
use crate::problem::{Problem, Wrong};
use crate::shared::Snapshot;
use crate::words::capital;

/// What these pages have besides the style that they share with reports.
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("form.js");

/// The sign of the pages in a browser's tabs: two lines on a page, one of them kept.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%232a5d9f'/%3E%3Cpath d='M4 5h8M4 8h8M4 11h3m1 0 1.5 1.5L13 9' stroke='%23fff' fill='none'/%3E%3C/svg%3E";

/// The routes: what pages load, and what says nothing of the ledger.
pub const ROUTES: &[Route] = &[
    route(
        "/style.css",
        "The style sheet of all pages",
        &["text/css"],
        |_, reply| {
            let head = head(200, "text/css; charset=utf-8").with("cache-control", "max-age=300");
            reply.send(head, [SHARED_STYLE, STYLE].concat());
            Ok(())
        },
    ),
    route(
        "/form.js",
        "The script of forms, without which they work too",
        &["text/javascript"],
        |_, reply| {
            let head = head(200, "text/javascript; charset=utf-8");
            reply.send(head.with("cache-control", "max-age=300"), SCRIPT);
            Ok(())
        },
    ),
    route(
        "/healthz",
        "Says that the server runs",
        &["text/plain"],
        |_, reply| {
            reply.send(head(200, TEXT), "ok\n");
            Ok(())
        },
    ),
    route(
        "/readyz",
        "Says whether the ledger can be asked",
        &["text/plain"],
        |exchange, reply| {
            if !exchange.context.shared.is_reachable() {
                let message = "where the ledger is kept does not answer";
                return Err(Problem::new(503, "unavailable", message));
            }
            reply.send(head(200, TEXT), "ready\n");
            Ok(())
        },
    ),
    Route {
        method: "GET",
        path: "/metrics",
        needs: Needs::Read,
        about: "Numbers for Prometheus",
        parameters: &[],
        gives: &["text/plain"],
        handle: |exchange, reply| {
            let shared = &exchange.context.shared;
            let text = exchange.context.metrics.text(
                shared.head().count,
                exchange.context.news.bell().followers(),
            );
            reply.send(head(200, "text/plain; version=0.0.4"), text);
            Ok(())
        },
    },
];

const fn route(
    path: &'static str,
    about: &'static str,
    gives: &'static [&'static str],
    handle: crate::exchange::Handler,
) -> Route {
    Route {
        method: "GET",
        path,
        needs: Needs::Nothing,
        about,
        parameters: &[],
        gives,
        handle,
    }
}

/// The menu: the path and the name of each page.
const MENU: &[(&str, &str)] = &[
    ("/", "Overview"),
    ("/commitments", "Commitments"),
    ("/agreements", "Agreements"),
    ("/parties", "Parties"),
    ("/sources", "Sources"),
    ("/reports/due", "Due"),
    ("/calendar", "Calendar"),
    ("/log", "Log"),
    ("/reports", "Reports"),
];

/// A page.
pub struct Page<'a> {
    /// Its title.
    pub title: &'a str,
    /// What it shows.
    pub content: Markup,
    /// The clocks of what it shows; none on pages that are not asked as of a day.
    pub clocks: Option<&'a Asked<'a>>,
}

impl Page<'_> {
    /// Answers with the page.
    pub fn send(
        self,
        exchange: &Exchange<'_>,
        reply: &mut Reply,
        snapshot: &Snapshot,
        status: u16,
    ) -> Answered {
        let page = page(exchange, &self, snapshot).into_string();
        let mut head = head(status, HTML);
        if exchange.session.is_some() {
            // It shows what the next visitor of the same browser must not see.
            head = head.with("cache-control", "no-store");
        } else if status == 200 {
            head = head.with("etag", exchange.etag(snapshot));
        }
        reply.send(head, page);
        Ok(())
    }
}

fn document(title: &str, origin: &str, top: Markup, main: Markup, foot: Markup) -> Markup {
    let title = html! { (title) " – " (origin) };
    let script = html! { script src="/form.js" defer {} };
    let body = html! {
        a.skip href="#main" { "Skip to the content" }
        (top)
        main #main { (main) }
        (foot)
    };
    shell(title, script, body)
}

/// A whole page: its head, with more of it where there is more, and its body.
pub fn shell(title: Markup, more: Markup, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="icon" href=(ICON);
                link rel="stylesheet" href="/style.css";
                (more)
            }
            body { (body) }
        }
    }
}

fn page(exchange: &Exchange<'_>, page: &Page<'_>, snapshot: &Snapshot) -> Markup {
    let origin = exchange.context.shared.origin();
    let path = exchange.request.path.as_str();
    let kept = exchange.query.with(&[]);
    let kept = if exchange.request.method == "GET" {
        kept
    } else {
        String::new()
    };
    let clocks = clock_query(exchange);
    let top = html! {
        header.top {
            p.name { a href={ "/" (clocks) } { (origin) } }
            nav aria-label="Pages" {
                ul {
                    @for (to, name) in MENU {
                        li { a href={ (to) (clocks) } aria-current=[(*to == path).then_some("page")] { (name) } }
                    }
                    @if exchange.may(Needs::Record) {
                        li { a.act href="/record" aria-current=[path.starts_with("/record/").then_some("page")] { "Record" } }
                    }
                }
            }
            form.search role="search" action="/search" method="get" {
                label.unseen for="q" { "Search all texts" }
                input #q type="search" name="q" placeholder="Search all texts" value=[exchange.query.get("q").filter(|_| path == "/search")];
                button { "Search" }
            }
        }
    };
    let main = html! {
        @if let Some(asked) = page.clocks { (clock(asked, exchange)) }
        (page.content)
    };
    let head = snapshot.head();
    let foot = html! {
        footer {
            p { (head.count) " records. Link of the last: " code { (short(&head.link.to_string())) } ". "
                @if exchange.may(Needs::Audit) { a href="/api/v1/checkpoint" { "Checkpoint" } " · " a href="/api/v1/raw" { "Raw records" } " · " a href="/verify" { "Verify them" } " · " }
                a href="/api/v1/openapi.json" { "API" } }
            @if let Some(who) = &exchange.who {
                form.who action="/logout" method="post" {
                    "You are " b { (who.name) } " (" (who.role) "). "
                    @if let Some(session) = &exchange.session {
                        input type="hidden" name="csrf" value=(session.csrf);
                        button.link { "Log out" }
                    }
                }
            } @else {
                p { a href={ "/login?next=" (escaped(&format!("{path}{kept}"))) } { "Log in" } }
            }
        }
    };
    document(page.title, origin, top, main, foot)
}

/// The beginning of a link, for people: all of it is in the records.
fn short(link: &str) -> &str {
    link.get(..16).unwrap_or(link)
}

/// A text as the value of a parameter.
pub fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The clocks of a page as the query of another one.
pub fn clock_query(exchange: &Exchange<'_>) -> String {
    let mut written = form_urlencoded::Serializer::new(String::new());
    for name in ["as_of", "known_at"] {
        if let Some(value) = exchange.query.get(name) {
            written.append_pair(name, value);
        }
    }
    match written.finish() {
        written if written.is_empty() => written,
        written => format!("?{written}"),
    }
}

/// Both clocks, and the form to set them.
fn clock(asked: &Asked<'_>, exchange: &Exchange<'_>) -> Markup {
    let set = |name: &str| exchange.query.get(name);
    let is_set = set("as_of").or(set("known_at")).is_some();
    html! {
        details.clocks open[is_set] {
            summary {
                "As of " b { (asked.as_of) }
                @if set("as_of").is_none() { " (today)" }
                ", as known " b { @match &asked.question.known_at { Some(known) => { "at " (known) }, None => "now" } }
            }
            form method="get" action=(exchange.request.path) {
                @for (name, value) in exchange.query.iter().filter(|(name, value)| !matches!(*name, "as_of" | "known_at" | "page") && !value.is_empty()) {
                    input type="hidden" name=(name) value=(value);
                }
                label { "What was true on " input type="date" name="as_of" value=[set("as_of")]; }
                label { "as known at the end of a day, or with a record " input type="text" name="known_at" size="14" placeholder="2024-01-15 or 12" value=[set("known_at")]; }
                button { "Show" }
                @if is_set { " " a href={ (exchange.request.path) (exchange.query.with(&[("as_of", ""), ("known_at", "")])) } { "Today, as known now" } }
            }
        }
    }
}

/// The page that says what went wrong.
pub fn error(_: &Options, problem: &Problem) -> String {
    let title = match problem.status {
        401 => "Log in",
        403 => "Not allowed",
        404 => "Not found",
        429 => "Wait a little",
        400..500 => "That did not work",
        _ => "The server failed",
    };
    let main = html! {
        h1 { (title) }
        p.lead { (capital(&problem.message)) "." }
        // One thing alone is what the message says.
        @if problem.errors.len() > 1 || problem.errors.iter().any(|wrong| wrong.rule.is_some()) { (wrongs(&problem.errors)) }
        p { a href="/" { "Overview" } @if problem.status == 401 { " · " a href="/login" { "Log in" } } }
    };
    document(title, "servanda", html! {}, main, html! {}).into_string()
}

/// What is wrong, a line each.
pub fn wrongs(errors: &[Wrong]) -> Markup {
    html! {
        @if !errors.is_empty() {
            ul.wrong {
                @for wrong in errors {
                    li {
                        @if let Some(field) = &wrong.field { b { (field) } ": " }
                        (wrong.message)
                        @if let Some(rule) = &wrong.rule { " " span.quiet { "(rule " (rule) ")" } }
                        @if !wrong.allowed.is_empty() {
                            ul { @for allowed in &wrong.allowed { li { "allowed: " (allowed) } } }
                        }
                    }
                }
            }
        }
    }
}
