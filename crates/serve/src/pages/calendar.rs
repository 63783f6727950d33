//! The calendar: what is due on which day, and the same to subscribe to.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::NaiveDate;
use maud::{Markup, html};

use servanda_core::state::EntityKind;
use servanda_core::value::id::Slug;
use servanda_core::words::plural;
use servanda_http::{Reply, Request};
use servanda_report::render::{FORMATS, Style};
use servanda_report::report::calendar::{CalendarEntry, CalendarStatus};
use servanda_report::report::due::DueReport;
use servanda_report::report::{Report as _, agenda};

use super::layout::{Page, clock_query};
use super::tables::path_of;
use crate::access::Needs;
use crate::ask::names;
use crate::exchange::{Answered, Exchange, Route, head, stream};
use crate::problem::Problem;

/// The path of the calendar for programs.
const FEED: &str = "/calendar.ics";

/// Entries of the page, and not more: the whole is in the calendar to subscribe to.
const ENTRIES: usize = 500;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::page(
        Needs::Read,
        "GET",
        "/calendar",
        "What is due on which day",
        page,
    ),
    Route {
        method: "GET",
        path: FEED,
        needs: Needs::Read,
        about: "The same for a calendar to subscribe to",
        parameters: &[],
        gives: &["text/calendar"],
        handle: feed,
    },
];

/// Whether a request is of a program that reads the calendar. It sends a token as the password of a basic authentication, and
/// can follow no page to a form.
pub fn is_feed(request: &Request) -> bool {
    request.path == FEED
}

/// The token that a calendar sends as the password of a basic authentication. Nothing else takes one: a browser sends it
/// without being asked.
pub fn basic_token(request: &Request) -> Option<String> {
    let given = request.header("authorization")?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(given.trim()).ok()?).ok()?;
    let (_, password) = decoded.split_once(':')?;
    is_feed(request).then(|| password.to_owned())
}

fn page(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    exchange.query.check_names(&names(&[]))?;
    let snapshot = exchange.snapshot();
    let asked = exchange.ask(&snapshot)?;
    let mut months: BTreeMap<String, Vec<CalendarEntry>> = BTreeMap::new();
    let (entries, left_out) = agenda(&asked.view(), &asked.question, ENTRIES);
    for entry in entries {
        let month = entry.date.format("%Y-%m").to_string();
        months.entry(month).or_default().push(entry);
    }
    let clocks = clock_query(exchange);
    let content = html! {
        h1 { "Calendar" }
        @if months.is_empty() { p.lead { "Nothing that is owed has a day." } }
        @for entries in months.values() { (month(entries, asked.as_of, &clocks)) }
        @if left_out > 0 { p.quiet { (plural(left_out, "more entry")) " in the calendar to subscribe to." } }
        (subscribe(exchange))
    };
    asked.check_readable()?;
    let page = Page {
        title: "Calendar",
        content,
        clocks: Some(&asked),
    };
    page.send(exchange, reply, &snapshot, 200)
}

/// The entries of a month.
fn month(entries: &[CalendarEntry], today: NaiveDate, clocks: &str) -> Markup {
    let title = entries.first().map(|entry| entry.date.format("%B %Y"));
    html! {
        section {
            @if let Some(title) = title { h2 { (title) } }
            ul.days { @for entry in entries { li { (day(entry, today, clocks)) } } }
        }
    }
}

fn day(entry: &CalendarEntry, today: NaiveDate, clocks: &str) -> Markup {
    // An entry of a commitment begins with its id.
    let (id, text) = entry
        .summary
        .split_once(": ")
        .unwrap_or(("", &entry.summary));
    let id: Option<Slug> = id.parse().ok();
    let is_past = entry.date < today && entry.rule.is_none();
    html! {
        time.day datetime=(entry.date) { (entry.date.format("%a %-d")) }
        div {
            @if let Some(id) = &id { a href={ (path_of(EntityKind::Commitment, id)) (clocks) } { (id) } ": " }
            span dir="auto" { (text) }
            @if entry.rule.is_some() { " " span.quiet { "(the first of several days)" } }
            @if entry.status == CalendarStatus::Tentative { " " span.quiet { "(at the latest)" } }
            @if is_past { " " span.word.bad { span aria-hidden="true" { "✕ " } "past" } }
            p.quiet { @for (at, line) in entry.description.lines().enumerate() { @if at > 0 { " · " } (line) } }
        }
    }
}

/// How to have the calendar elsewhere.
fn subscribe(exchange: &Exchange<'_>) -> Markup {
    let host = exchange.request.header("host").unwrap_or_default();
    html! {
        aside.notes {
            h2 { "Subscribe" }
            p { "A calendar program takes the address " a href=(FEED) { code { (host) (FEED) } } " and stays up to date."
                @if !exchange.context.options.public_read { " It asks for a name and a password: any name, and a reader's token." } }
        }
    }
}

fn feed(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    exchange.query.check_names(&names(&[]))?;
    let snapshot = exchange.snapshot();
    let asked = exchange.ask(&snapshot)?;
    let format = FORMATS.iter().find(|format| format.name() == "ics");
    let format = format.ok_or_else(|| Problem::not_found("there is no calendar"))?;
    let document = DueReport.document(&asked.view(), &asked.question);
    let style = Style {
        colour: false,
        width: None,
    };
    let head = head(200, "text/calendar; charset=utf-8")
        .with("etag", exchange.etag(&snapshot))
        .with("content-disposition", "inline; filename=\"servanda.ics\"");
    stream(
        reply,
        head,
        |out| format.render(&document, style, out),
        || asked.check_readable(),
    )
}
