//! Reports, in every format of the command line.

use serde_json::{Value, json};

use servanda_core::chain::record::Record;
use servanda_http::Reply;
use servanda_ledger::anchor::Hashes;
use servanda_ledger::{Environment as _, LedgerError, Machine};
use servanda_log::Log as _;
use servanda_report::render::{FORMATS, Render, Style};
use servanda_report::report::{Provenance, REPORTS, Report, Takes};

use crate::access::Needs;
use crate::ask::{Asked, names};
use crate::exchange::{Answered, Exchange, HTML, JSON, Route, TEXT, head, stream};
use crate::problem::Problem;
use crate::shared::Snapshot;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/api/v1/reports",
        needs: Needs::Read,
        about: "The reports that there are, and the question that each answers",
        parameters: &[],
        gives: &[JSON],
        handle: listed,
    },
    Route {
        method: "GET",
        path: "/api/v1/reports/{name}",
        needs: Needs::Read,
        about: "A report, in a format of the command line: json without one",
        parameters: &[
            "format",
            "party",
            "agreement",
            "subject",
            "since",
            "until",
            "soon",
            "grace",
            "silent",
            "threshold",
            "limit",
            "as_of",
            "known_at",
            "table",
            "grep",
            "sort",
        ],
        gives: &[
            JSON,
            "text/csv",
            "text/markdown",
            "text/html",
            "text/calendar",
            XLSX,
            "text/plain",
        ],
        handle: report,
    },
];

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn listed(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let snapshot = exchange.snapshot();
    let reports = REPORTS.iter().map(|report| {
        json!({"name": report.name(), "about": report.about(), "href": format!("/api/v1/reports/{}", report.name())})
    });
    let formats = FORMATS.iter().map(|format| format.name());
    let answer = json!({
        "items": reports.collect::<Vec<Value>>(),
        "formats": formats.collect::<Vec<_>>(),
    });
    exchange.json(reply, &snapshot, &answer)
}

/// The media type of a format.
fn media_type(format: &dyn Render) -> &'static str {
    match format.name() {
        "json" => JSON,
        "csv" => "text/csv; charset=utf-8",
        "markdown" => "text/markdown; charset=utf-8",
        "html" => HTML,
        "ics" => "text/calendar; charset=utf-8",
        "xlsx" => XLSX,
        _ => TEXT,
    }
}

fn report(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let name = exchange.segment();
    let report = REPORTS.iter().find(|report| report.name() == name);
    let report = *report.ok_or_else(|| {
        let names: Vec<&str> = REPORTS.iter().map(|report| report.name()).collect();
        Problem::not_found(format!(
            "there is no report {name}; there are {}",
            names.join(", ")
        ))
    })?;
    exchange.query.check_names(&names(&["format"]))?;
    let wanted = exchange.query.get("format").unwrap_or("json");
    let format = FORMATS.iter().find(|format| format.name() == wanted);
    let format = *format.ok_or_else(|| {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
        Problem::parameter(
            "format",
            format!(
                "there is no format {wanted}; there are {}",
                names.join(", ")
            ),
        )
    })?;
    let snapshot = exchange.snapshot();
    let mut asked = exchange.ask(&snapshot)?;
    if report.takes().contains(&Takes::Subject) && asked.question.subject.is_none() {
        let message = "is required: an id or a record's number";
        return Err(Problem::unanswerable("subject", message));
    }
    if report.takes().contains(&Takes::Provenance) {
        asked.question.provenance = Some(provenance(exchange, &snapshot, &asked)?);
    }
    asked.arrangement.settle(&mut asked.question, format);
    write(exchange, reply, &snapshot, &asked, (report, format))
}

fn write(
    exchange: &Exchange<'_>,
    reply: &mut Reply,
    snapshot: &Snapshot,
    asked: &Asked<'_>,
    (report, format): (&dyn Report, &dyn Render),
) -> Answered {
    let document = asked.arranged(report.document(&asked.view(), &asked.question))?;
    if !document.sections.is_empty() && !format.holds_sections() {
        let message = format!("{} holds one report, and these are several", format.name());
        return Err(Problem::unanswerable("format", message));
    }
    let style = Style {
        colour: false,
        width: None,
    };
    let mut head = head(200, media_type(format)).with("etag", exchange.etag(snapshot));
    if format.name() == "html" {
        // A report is one file, with its style in it.
        head.headers
            .retain(|(name, _)| *name != "content-security-policy");
        let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        head = head.with("content-security-policy", policy);
    }
    if matches!(format.name(), "csv" | "xlsx" | "ics") {
        let name = format!(
            "attachment; filename=\"{}.{}\"",
            report.name(),
            format.name()
        );
        head = head.with("content-disposition", name);
    }
    stream(
        reply,
        head,
        |out| format.render(&document, style, out),
        || asked.check_readable(),
    )
}

/// What the ledger says of the records that the answer rests on.
fn provenance(
    exchange: &Exchange<'_>,
    snapshot: &Snapshot,
    asked: &Asked<'_>,
) -> Result<Provenance, Problem> {
    let records = asked.state.count();
    let root = |hashes: &Hashes<'_, _>| {
        let root = servanda_core::chain::tree::root(hashes, records);
        root.map_err(|error| LedgerError::Tree(error.to_string()))
    };
    let root = snapshot.hashes(root)?;
    let origin = exchange.context.shared.origin();
    let checkpoint = servanda_core::chain::checkpoint::Checkpoint::new(origin, records, root);
    let mut query = exchange
        .query
        .clone()
        .with(&[("as_of", &asked.as_of.to_string())]);
    if let Some(last) = records.checked_sub(1) {
        let fixed = crate::query::Query::parse(query.trim_start_matches('?').as_bytes());
        query = fixed.with(&[("known_at", &format!("#{last}"))]);
    }
    Ok(Provenance {
        records,
        link: link(snapshot, records)?,
        root: root.to_string(),
        checkpoint: checkpoint
            .map(|checkpoint| checkpoint.to_string())
            .unwrap_or_default(),
        tool: format!("servanda {}", env!("CARGO_PKG_VERSION")),
        command: format!("GET {}{query}", exchange.request.path),
        at: Machine.now(),
    })
}

/// The link of the last of so many records.
fn link(snapshot: &Snapshot, records: u64) -> Result<String, Problem> {
    let Some(seq) = records.checked_sub(1) else {
        return Ok(snapshot.head().link.to_string());
    };
    let broken = |what: String| Problem::from(LedgerError::Broken { seq, what });
    let read = snapshot.log().read(seq, 1).map_err(LedgerError::from)?;
    let last = read
        .first()
        .ok_or_else(|| broken("it is missing".to_owned()))?;
    let record = Record::open(&last.sealed).map_err(|error| broken(error.to_string()))?;
    Ok(record.header.link().to_string())
}
