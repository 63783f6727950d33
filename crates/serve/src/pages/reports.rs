//! Reports as pages.

use maud::{Markup, html};

use servanda_http::Reply;
use servanda_report::render::FORMATS;
use servanda_report::report::{REPORTS, Report, Takes};

use super::dossiers::{answered, shown};
use super::layout::{Page, clock_query};
use super::tables::Tables;
use crate::access::Needs;
use crate::ask::names;
use crate::exchange::{Answered, Exchange, Route};
use crate::problem::Problem;
use crate::words::capital;

/// Rows of a table, and not more: the whole is in the other formats.
const ROWS: usize = 200;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/reports",
        needs: Needs::Read,
        about: "The reports that there are",
        parameters: &[],
        gives: &["text/html"],
        handle: listed,
    },
    Route {
        method: "GET",
        path: "/reports/{name}",
        needs: Needs::Read,
        about: "A report",
        parameters: &[],
        gives: &["text/html"],
        handle: report,
    },
];

/// Whether a report is a page of its own here: dossiers are the pages of what they are about.
fn is_page(report: &dyn Report) -> bool {
    !report.takes().contains(&Takes::Subject) && !report.has_sections()
}

fn listed(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let snapshot = exchange.snapshot();
    let asked = exchange.ask(&snapshot)?;
    let clocks = clock_query(exchange);
    let content = html! {
        h1 { "Reports" }
        dl.reports {
            @for report in REPORTS.iter().filter(|report| is_page(**report)) {
                dt { a href={ "/reports/" (report.name()) (clocks) } { (capital(report.name())) } }
                dd { (report.about()) "." }
            }
        }
        p { a href={ "/api/v1/reports/all?format=html" (clocks.replacen('?', "&", 1)) } { "All of them in one page" } ", to keep or to print." }
    };
    let page = Page {
        title: "Reports",
        content,
        clocks: Some(&asked),
    };
    page.send(exchange, reply, &snapshot, 200)
}

fn report(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let name = exchange.segment();
    let report = REPORTS
        .iter()
        .find(|report| report.name() == name && is_page(**report));
    let report = *report.ok_or_else(|| Problem::not_found(format!("there is no report {name}")))?;
    exchange.query.check_names(&names(&[]))?;
    let snapshot = exchange.snapshot();
    let asked = exchange.ask(&snapshot)?;
    let mut document = asked.arranged(report.document(&asked.view(), &asked.question))?;
    for table in &mut document.tables {
        let note = table.cut(Some(ROWS));
        document.notes.extend(note);
    }
    let tables = Tables::new(&asked, &clock_query(exchange));
    let title = document.title.clone();
    let content = html! {
        h1 dir="auto" { (title) }
        p.quiet { (report.about()) ". " (formats(exchange, name)) }
        (answered(&document.answer))
        (narrow(exchange, report))
        (shown(&tables, &document))
    };
    asked.check_readable()?;
    let page = Page {
        title: &title,
        content,
        clocks: Some(&asked),
    };
    page.send(exchange, reply, &snapshot, 200)
}

/// The same in other formats.
fn formats(exchange: &Exchange<'_>, name: &str) -> Markup {
    let offered = FORMATS
        .iter()
        .map(|format| format.name())
        .filter(|format| *format != "table");
    html! {
        "Also as "
        @for (at, format) in offered.enumerate() {
            @if at > 0 { ", " }
            a href={ "/api/v1/reports/" (name) (exchange.query.with(&[("format", format)])) } { (format) }
        }
        "."
    }
}

fn narrow(exchange: &Exchange<'_>, report: &dyn Report) -> Markup {
    let query = &exchange.query;
    let mut fields: Vec<(&str, &str)> = Vec::new();
    if report.narrows() {
        fields.extend([("party", "Party"), ("agreement", "Agreement")]);
    }
    for takes in report.takes() {
        match takes {
            Takes::Occurred | Takes::Recorded => {
                fields.extend([("since", "Since"), ("until", "Until")])
            }
            Takes::Grace => fields.push(("grace", "Days of grace")),
            Takes::Thresholds => fields.push(("threshold", "Threshold")),
            Takes::Limit | Takes::Subject | Takes::Provenance => {}
        }
    }
    html! {
        @if !fields.is_empty() {
            form.filters method="get" action=(exchange.request.path) {
                @for name in ["as_of", "known_at"] {
                    @if let Some(value) = query.get(name) { input type="hidden" name=(name) value=(value); }
                }
                @for (name, label) in fields { label { (label) " " input type="text" name=(name) size="12" value=[query.get(name)]; } }
                button { "Show" }
            }
        }
    }
}
