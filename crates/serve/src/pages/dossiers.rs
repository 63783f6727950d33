//! Dossiers: all there is about one thing, each part with the record that it comes from, and what can be recorded next.

use maud::{Markup, html};

use servanda_core::event::{Change, Kind};
use servanda_core::rules::{Known as _, may_be_redacted};
use servanda_core::state::{EntityKind, State};
use servanda_core::value::id::{Seq, Slug, Subject};
use servanda_http::Reply;
use servanda_report::report::dossier::dossier;
use servanda_report::report::{Document, Question, Row};

use super::documents;
use super::layout::{Page, clock_query, escaped};
use super::tables::Tables;
use crate::access::Needs;
use crate::ask::names;
use crate::exchange::{Answered, Exchange, Route};
use crate::problem::Problem;

/// Rows of a table, and not more: the lists have the whole.
const ROWS: usize = 100;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::page(
        Needs::Read,
        "GET",
        "/commitments/{id}",
        "All about a commitment",
        |e, r| entity(e, r, EntityKind::Commitment),
    ),
    Route::page(
        Needs::Read,
        "GET",
        "/agreements/{id}",
        "All about an agreement",
        |e, r| entity(e, r, EntityKind::Agreement),
    ),
    Route::page(
        Needs::Read,
        "GET",
        "/parties/{id}",
        "All about a party",
        |e, r| entity(e, r, EntityKind::Party),
    ),
    Route::page(
        Needs::Read,
        "GET",
        "/sources/{id}",
        "All about a source",
        |e, r| entity(e, r, EntityKind::Source),
    ),
    Route::page(
        Needs::Read,
        "GET",
        "/records/{number}",
        "All about a record",
        record,
    ),
];

fn entity(exchange: &Exchange<'_>, reply: &mut Reply, kind: EntityKind) -> Answered {
    let nothing = || {
        Problem::not_found(format!(
            "there is no {} {}",
            kind.word(),
            exchange.segment()
        ))
    };
    let id: Slug = exchange.segment().parse().map_err(|_| nothing())?;
    show(exchange, reply, &Subject::Entity(id), |state, subject| {
        let found = subject.slug().and_then(|id| state.entity(id));
        found
            .filter(|(found, _)| *found == kind)
            .map(|(_, seq)| seq)
            .ok_or_else(nothing)
    })
}

fn record(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let nothing = || Problem::not_found(format!("there is no record {}", exchange.segment()));
    let seq: Seq = exchange.segment().parse().map_err(|_| nothing())?;
    show(exchange, reply, &Subject::Record(seq), |state, _| {
        (seq.0 < state.count()).then_some(seq).ok_or_else(nothing)
    })
}

fn show(
    exchange: &Exchange<'_>,
    reply: &mut Reply,
    subject: &Subject,
    find: impl FnOnce(&State, &Subject) -> Result<Seq, Problem>,
) -> Answered {
    exchange.query.check_names(&names(&[]))?;
    let snapshot = exchange.snapshot();
    let asked = exchange.ask(&snapshot)?;
    let view = asked.view();
    let defined = find(view.state, subject)?;
    let question = Question {
        limit: asked.question.limit.or(Some(ROWS)),
        ..asked.question.clone()
    };
    let document = dossier(&view, subject, &question);
    let document = document.ok_or_else(|| {
        Problem::not_found(format!(
            "there was no {} yet on {}",
            exchange.segment(),
            asked.as_of
        ))
    })?;
    let tables = Tables::new(&asked, &clock_query(exchange));
    let title = document.title.clone();
    let kind = subject.slug().and_then(|id| view.state.entity(id));
    let kind = kind.map(|(kind, _)| kind);
    let is_source = kind == Some(EntityKind::Source);
    let content = html! {
        h1 dir="auto" { (title) }
        (answered(&document.answer))
        p.notice #recorded role="status" { "It is recorded. " a href="/record" { "Record something else" } "." }
        @if exchange.may(Needs::Record) { (actions(exchange, view.state, subject, defined)) }
        @if let Some(id) = subject.slug().filter(|_| is_source) { (documents::about(exchange, view.state, id)) }
        (shown(&tables, &document))
        @if let Some(kind) = kind { (lists(kind, subject, exchange)) }
        p.quiet { "The same for programs: " a href={ "/api/v1" (exchange.request.path) (clock_query(exchange)) } { "JSON" } "."
            @if exchange.may(Needs::Audit) { " The bytes of record " (defined) ": " a href={ "/api/v1/records/" (defined) "/opened" } { "opened" } ", " a href={ "/api/v1/proof/" (defined) "?format=json" } { "proof" } "." } }
    };
    asked.check_readable()?;
    let page = Page {
        title: &title,
        content,
        clocks: Some(&asked),
    };
    page.send(exchange, reply, &snapshot, 200)
}

/// The answer in sentences, the first of which is the largest.
pub fn answered(answer: &[String]) -> Markup {
    html! {
        @if !answer.is_empty() {
            div.answers { @for (at, sentence) in answer.iter().enumerate() { p.lead[at == 0] dir="auto" { (sentence) } } }
        }
    }
}

/// Links to the lists that have everything about something.
fn lists(kind: EntityKind, subject: &Subject, exchange: &Exchange<'_>) -> Markup {
    let id = escaped(&subject.to_string());
    let word = kind.word();
    let clocks = clock_query(exchange).replacen('?', "&", 1);
    let has_promises = matches!(kind, EntityKind::Party | EntityKind::Agreement);
    html! {
        @if kind != EntityKind::Recorder {
            p { "Everything about it: " a href={ "/log?" (word) "=" (id) (clocks) } { "all records" }
                @if has_promises { ", " a href={ "/commitments?" (word) "=" (id) (clocks) } { "all promises" } } "." }
        }
    }
}

/// The tables of a document that say something, and what a reader must know to understand them.
pub fn shown(tables: &Tables<'_>, document: &Document<'_>) -> Markup {
    let rows = |table: &servanda_report::report::Table<'_>| -> Vec<Row> {
        table
            .rows
            .iter()
            .map(std::borrow::Cow::into_owned)
            .collect()
    };
    html! {
        @for table in &document.tables {
            @let rows = rows(table);
            @if !rows.is_empty() { section { (tables.table(table, &rows, None, false)) } }
        }
        @let empty = document.tables.iter().filter(|table| table.rows.is_empty()).map(|table| table.title.to_lowercase()).collect::<Vec<_>>();
        @if !empty.is_empty() { p.empty { "Nothing under: " (empty.join(", ")) "." } }
        @if !document.notes.is_empty() {
            aside.notes { h2 { "Notes" } ul { @for note in document.told_notes() { li dir="auto" { (note) } } } }
        }
    }
}

/// What can be recorded of something: the kind of event, the field that names it, and the plain question.
const fn questions(kind: EntityKind) -> &'static [(Kind, &'static str, &'static str)] {
    use Kind::{
        AgreementStatusChanged, Assessed, CommitmentAmended, CommitmentRecorded, ContestMoved,
        EvidenceAttached, OccurrenceHeld, ParticipationRecorded, PartyRenamed, PartySucceeded,
        ProgressReported, StatementRecorded, StatusChanged,
    };
    match kind {
        EntityKind::Commitment => &[
            (StatusChanged, "commitment", "Somebody kept or broke it"),
            (ContestMoved, "commitment", "Somebody disputes it"),
            (ProgressReported, "commitment", "Progress was reported"),
            (
                OccurrenceHeld,
                "commitment",
                "It was kept on a day of its rule",
            ),
            (Assessed, "commitment", "Somebody assessed it"),
            (EvidenceAttached, "about", "There is evidence"),
            (
                StatementRecorded,
                "about",
                "Somebody said something about it",
            ),
            (CommitmentAmended, "commitment", "Its terms were changed"),
        ],
        EntityKind::Agreement => &[
            (CommitmentRecorded, "agreement", "It has another promise"),
            (AgreementStatusChanged, "agreement", "Its status changed"),
            (
                ParticipationRecorded,
                "agreement",
                "A party signed, joined or left",
            ),
            (
                StatementRecorded,
                "about",
                "Somebody said something about it",
            ),
        ],
        EntityKind::Party => &[
            (PartyRenamed, "party", "It has another name"),
            (PartySucceeded, "predecessor", "Others succeeded it"),
        ],
        EntityKind::Source | EntityKind::Recorder => &[],
    }
}

/// Links to the forms for what can be recorded of something.
fn actions(exchange: &Exchange<'_>, state: &State, subject: &Subject, defined: Seq) -> Markup {
    let kind = subject
        .slug()
        .and_then(|id| state.entity(id))
        .map(|(kind, _)| kind);
    let id = escaped(&subject.to_string());
    let known = kind.map(questions).unwrap_or_default().iter();
    let known = known.filter(|(kind, field, _)| kind.field(field).is_some());
    html! {
        nav.actions aria-label="Record something about it" {
            ul {
                @for (kind, field, what) in known {
                    li { a href={ "/record/" (kind.word()) "?" (field) "=" (id) } { (what) } }
                }
                (mending(state, defined))
                @if state.standing_spec(defined).is_some_and(|spec| is_acknowledged(spec.word)) {
                    li { a href={ "/record/" (Kind::Acknowledged.word()) "?record=" (defined) } { "A party acknowledges it with its key" } }
                }
                @if state.kind(defined).is_some_and(may_be_redacted) && exchange.may(Needs::Erase) {
                    li { a href={ "/records/" (defined) "/redact" } { "Destroy its words" } }
                }
                @if !matches!(kind, Some(EntityKind::Party | EntityKind::Source)) {
                    li { a href={ "/record/" (Kind::Noted.word()) "?about=" (id) } { "Add a note" } }
                }
            }
        }
    }
}

/// Whether parties acknowledge records of a kind.
fn is_acknowledged(word: &str) -> bool {
    let kinds = [
        Kind::AgreementRecorded,
        Kind::ParticipationRecorded,
        Kind::CommitmentRecorded,
        Kind::CommitmentAmended,
        Kind::StatusChanged,
    ];
    kinds.iter().any(|kind| kind.word() == word)
}

/// How a record is corrected or taken back.
fn mending(state: &State, defined: Seq) -> Markup {
    let spec = state.standing_spec(defined);
    let word = |change: Change| {
        Kind::ALL
            .iter()
            .find(|kind| kind.spec().change == Some(change))
            .map(|kind| kind.word())
    };
    html! {
        @if spec.is_some_and(|spec| spec.is_correctable()) {
            @if let Some(word) = word(Change::Corrects) { li { a href={ "/record/" (word) "?record=" (defined) } { "Correct the record" } } }
        }
        @if spec.is_some_and(|spec| spec.is_retractable()) {
            @if let Some(word) = word(Change::Retracts) { li { a href={ "/record/" (word) "?record=" (defined) } { "Take the record back" } } }
        }
    }
}
