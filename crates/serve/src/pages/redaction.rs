//! Destroying the words of a record: asked twice, because nobody can bring them back.

use maud::{Markup, html};

use servanda_core::event::{Change, Event, Fact, Fields, Kind};
use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_core::view::sentences::Sentences;
use servanda_http::Reply;

use super::batch::Ground;
use super::layout::wrongs;
use super::login::redirect;
use super::preview::preview;
use super::record::{recorded_by, show};
use super::saving::hidden;
use crate::access::Needs;
use crate::exchange::{Answered, Exchange, Route};
use crate::problem::{Problem, Wrong};
use crate::words::capital;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::page(
        Needs::Erase,
        "GET",
        "/records/{number}/redact",
        "Asks why the words of a record are to be destroyed",
        ask,
    ),
    Route::page(
        Needs::Erase,
        "POST",
        "/records/{number}/redact",
        "Asks again, and destroys the words of a record",
        take,
    ),
];

/// What a redaction says beside the record: the field, the question, and what it means.
const FIELDS: &[(&str, &str, &str)] = &[
    ("reason", "Why", "Such as: names a witness."),
    (
        "authority",
        "By whose authority",
        "Such as a court order, or the article of a law.",
    ),
];

/// The record in the path.
fn record(exchange: &Exchange<'_>, state: &State) -> Result<Seq, Problem> {
    let nothing = || Problem::not_found(format!("there is no record {}", exchange.segment()));
    let seq: Seq = exchange.segment().parse().map_err(|_| nothing())?;
    (seq.0 < state.count()).then_some(seq).ok_or_else(nothing)
}

fn ask(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    asked(exchange, reply, None)
}

/// What the record says now, and what will be gone.
fn told(state: &State, seq: Seq) -> Markup {
    let sentence = state
        .entry(seq)
        .map(|entry| Sentences::new(state).of(entry));
    let is_of = |held: &&servanda_core::state::CurrentRecord| matches!(&held.entry.event.fact, Fact::Corrected(fact) if fact.record == seq);
    let corrections = state.records_of(|kind| kind.spec().change == Some(Change::Corrects));
    let corrections: Vec<Seq> = corrections
        .filter(is_of)
        .map(|held| held.entry.seq)
        .collect();
    html! {
        @if let Some(sentence) = sentence { blockquote { p dir="auto" { "Record " (seq) ": " (sentence) "." } } }
        p.lead { "These words are erased from the disk, for good." }
        ul {
            @if !corrections.is_empty() {
                li { "So are those of its corrections: record"
                    @for (at, seq) in corrections.iter().enumerate() { @if at > 0 { "," } " " a href={ "/records/" (seq) } { (seq) } }
                    "." }
            }
            li { "The record keeps its number, its time and its link: the chain, and what others keep of it, stay valid." }
            li { "Another record says that the words were withheld, why, and by whose authority." }
            li { "Backups, exports and copies are out of reach." }
            li { "The whole ledger is copied once. Until that is done nobody can record." }
        }
    }
}

fn asked(exchange: &Exchange<'_>, reply: &mut Reply, problem: Option<&Problem>) -> Answered {
    let snapshot = exchange.snapshot();
    let seq = record(exchange, snapshot.state())?;
    let given = |name: &str| exchange.query.get(name).unwrap_or_default();
    let content = html! {
        h1 { "Destroy the words of record " (seq) }
        @if let Some(problem) = problem {
            div.summary role="alert" {
                h2 { "This cannot be done" }
                p.wrong { (capital(&problem.message)) "." }
                (wrongs(&problem.errors))
            }
        }
        (told(snapshot.state(), seq))
        form.stacked method="post" action={ "/records/" (seq) "/redact" } {
            (hidden(exchange))
            @for (name, question, help) in FIELDS {
                div.field {
                    label for={ "f-" (name) } { (question) " " span.needed { "(needed)" } }
                    p.help id={ "f-" (name) "-help" } { (help) }
                    textarea id={ "f-" (name) } name=(name) rows="2" required aria-describedby={ "f-" (name) "-help" } { (given(name)) }
                }
            }
            p.buttons { button { "Go on" } " " span.quiet { "Nothing is destroyed yet." } }
        }
    };
    let status = problem.map_or(200, |_| 422);
    show(exchange, reply, &snapshot, "Destroy words", content, status)
}

/// The redaction that a form asks for.
fn event(exchange: &Exchange<'_>, state: &State, seq: Seq) -> Result<Event, Problem> {
    let is_redaction = |kind: &&Kind| kind.spec().change == Some(Change::Redacts);
    let kind = Kind::ALL.iter().find(is_redaction);
    let kind = *kind.ok_or_else(|| Problem::new(500, "failed", "nothing redacts a record"))?;
    let mut fields = Fields::default();
    fields.set("record", vec![seq.to_string()]);
    for (name, ..) in FIELDS {
        fields.set(name, exchange.query.all(name).map(str::to_owned).collect());
    }
    let who = recorded_by(exchange).map(str::to_owned);
    fields.set("recorded_by", who.into_iter().collect());
    let typed = exchange.context.options.desk.read(state, kind, &fields);
    let typed = typed.map_err(|wrong| {
        let wrong = wrong
            .iter()
            .map(|wrong| Wrong::field(&wrong.field, wrong.message.clone()));
        Problem::events(wrong.collect())
    })?;
    Ok(typed.event)
}

fn take(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let done = match exchange.query.get("step") {
        Some("destroy") => destroy(exchange, reply),
        _ => again(exchange, reply),
    };
    match done {
        Err(problem) if problem.status == 422 => asked(exchange, reply, Some(&problem)),
        done => done,
    }
}

/// Asks the second time, with the reason in the page.
fn again(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let ground = Ground::now(exchange);
    let seq = record(exchange, ground.state())?;
    let event = event(exchange, ground.state(), seq)?;
    let shown = preview(exchange.context, &ground, &event)?;
    let content = html! {
        h1 { "Are these words to be gone for good?" }
        (told(ground.snapshot.state(), seq))
        h2 { "What is recorded about it" }
        (shown.shown(&[]))
        form method="post" action={ "/records/" (seq) "/redact" } {
            (hidden(exchange))
            @for (name, ..) in FIELDS { @for text in exchange.query.all(name) { input type="hidden" name=(name) value=(text); } }
            p.buttons { button.danger name="step" value="destroy" { "Destroy the words for good" } " " a href={ "/records/" (seq) } { "Leave them" } }
        }
    };
    show(
        exchange,
        reply,
        &ground.snapshot,
        "Destroy words",
        content,
        200,
    )
}

fn destroy(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let snapshot = exchange.snapshot();
    let seq = record(exchange, snapshot.state())?;
    let Event { fact, envelope } = event(exchange, snapshot.state(), seq)?;
    let Fact::Redacted(fact) = fact else {
        return Err(Problem::new(500, "failed", "this is no redaction"));
    };
    // What it holds of the words goes before they do.
    drop(snapshot);
    exchange
        .context
        .shared
        .visit(move |ledger| ledger.redact(fact, envelope))??;
    reply.send(redirect(&format!("/records/{seq}")), "destroyed\n");
    Ok(())
}
