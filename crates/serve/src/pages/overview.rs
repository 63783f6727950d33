//! The overview: answers in sentences first, then what is due, then what came last.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use maud::{Markup, html};

use servanda_core::rules::Known as _;
use servanda_core::state::{CommitmentHistory, EntityKind, Id};
use servanda_core::value::commitment::Standing;
use servanda_core::view::{Due, View};
use servanda_core::words::plural;
use servanda_http::Reply;
use servanda_report::report::due::DueReport;
use servanda_report::report::log::Log;
use servanda_report::report::{Document, Question, Report as _, Row};

use super::layout::{Page, clock_query};
use super::tables::Tables;
use crate::access::Needs;
use crate::ask::names;
use crate::exchange::{Answered, Exchange, Route};
use crate::words::capital;

/// Rows of each table.
const ROWS: usize = 8;

/// What the table of what is due shows elsewhere.
const ELSEWHERE: &[&str] = &["silent", "last_heard", "days_unheard", "flags", "contest"];

/// Most commitments that are looked at one by one for the overview; of more, only where they stand is told.
const LOOKED_AT: usize = 20_000;

/// The routes.
pub const ROUTES: &[Route] = &[Route {
    method: "GET",
    path: "/",
    needs: Needs::Read,
    about: "The overview",
    parameters: &[],
    gives: &["text/html"],
    handle: overview,
}];

/// What there is of promises on a day.
#[derive(Default)]
struct Promises {
    count: usize,
    standings: BTreeMap<&'static str, usize>,
    live: usize,
    overdue: usize,
    soon: usize,
    undated: usize,
    contested: usize,
    heard: Option<NaiveDate>,
    is_whole: bool,
}

impl Promises {
    fn of(view: &View<'_>, question: &Question) -> Self {
        if let Some(glances) = question.glances(view) {
            let mut found = Self {
                is_whole: true,
                ..Self::default()
            };
            for (_, glance) in glances.iter() {
                found.note(glance.standing);
                found.note_due(glance.is_contested, glance.due, glance.heard);
            }
            return found;
        }
        let all: Vec<_> = view.commitment_histories().collect();
        let mut found = Self {
            is_whole: all.len() <= LOOKED_AT,
            ..Self::default()
        };
        for told in all {
            if found.is_whole {
                found.look_at(view, told.number(), question);
            } else {
                found.count_standing(view, told);
            }
        }
        found
    }

    fn look_at(&mut self, view: &View<'_>, number: Id, question: &Question) {
        let Some(commitment) = view.commitment_numbered(number) else {
            return;
        };
        self.note(commitment.standing);
        let due = view.due(&commitment, question.soon);
        self.note_due(commitment.is_contested(), due, view.last_heard(&commitment));
    }

    fn note_due(&mut self, is_contested: bool, due: Due, heard: NaiveDate) {
        self.contested += usize::from(is_contested);
        match due {
            Due::Overdue { .. } => self.overdue += 1,
            Due::Soon { .. } => self.soon += 1,
            Due::Undated => self.undated += 1,
            _ => {}
        }
        self.heard = self.heard.max(Some(heard));
    }

    fn count_standing(&mut self, view: &View<'_>, told: CommitmentHistory<'_>) {
        if let Some((_, standings)) = told.standings(|seq| view.has_happened(seq)) {
            self.note(standings.whole());
        }
    }

    fn note(&mut self, standing: Standing) {
        self.count += 1;
        self.live += usize::from(standing.is_live());
        *self.standings.entry(word(standing)).or_default() += 1;
    }

    fn at(&self, standing: Standing) -> usize {
        self.standings
            .get(word(standing))
            .copied()
            .unwrap_or_default()
    }
}

fn word(standing: Standing) -> &'static str {
    use servanda_core::value::base::Leaf as _;
    let text = standing.to_string();
    let found = Standing::WORDS.iter().find(|word| **word == text);
    found.copied().unwrap_or("")
}

fn overview(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    exchange.query.check_names(&names(&[]))?;
    let snapshot = exchange.snapshot();
    let asked = exchange.ask(&snapshot)?;
    let view = asked.view();
    let promises = Promises::of(&view, &asked.question);
    let clocks = clock_query(exchange);
    let tables = Tables::new(&asked, &clocks).without(ELSEWHERE);
    let latest = Question {
        limit: Some(ROWS),
        ..asked.question.clone()
    };
    let log = Log.document(&view, &latest);
    let due = promises
        .is_whole
        .then(|| DueReport.document(&view, &asked.question));
    let origin = exchange.context.shared.origin();
    let opening = view
        .state
        .held(servanda_core::value::id::Seq(0))
        .map(|held| held.entry.event.to_fields());
    let purpose = opening.and_then(|fields| fields.get("purpose").first().cloned());
    let agreements = view.state.ids(EntityKind::Agreement);
    let agreements = agreements.filter(|id| {
        let recorded = view.state.entity(id);
        recorded.is_some_and(|(_, seq)| view.has_happened(seq))
    });
    let agreements = agreements.count();
    let content = html! {
        h1 dir="auto" { (capital(purpose.as_deref().unwrap_or(origin))) }
        div.answers { (sentences(&promises, agreements, &clocks)) }
        @if let Some(due) = &due { (first_of(&tables, due, "What is due", "/reports/due", &clocks)) }
        section {
            h2 { "What was recorded last" }
            (rows(&tables, &log, 0))
            p { a href={ "/log" (clocks) } { "All records" } }
        }
        @if exchange.may(Needs::Record) && view.state.ids(EntityKind::Party).next().is_none() {
            aside.notes { h2 { "Where to begin" } p { "This ledger is empty. " a href="/record/source" { "Register a source" } ", then the " a href="/record/party" { "parties" } ", the " a href="/record/agreement" { "agreement" } " and each " a href="/record/commitment" { "promise" } " in it." } }
        }
    };
    asked.check_readable()?;
    let page = Page {
        title: "Overview",
        content,
        clocks: Some(&asked),
    };
    page.send(exchange, reply, &snapshot, 200)
}

/// The answers: how many promises there are, what became of them, what is due, when something was heard last.
fn sentences(promises: &Promises, agreements: usize, clocks: &str) -> Markup {
    let with = |query: &str| match clocks.is_empty() {
        true => format!("/commitments?{query}"),
        false => format!("/commitments{clocks}&{query}"),
    };
    let (kept, broken) = (
        promises.at(Standing::Fulfilled),
        promises.at(Standing::Breached),
    );
    let (claimed, partial) = (
        promises.at(Standing::Claimed),
        promises.at(Standing::Partial),
    );
    html! {
        @if promises.count == 0 {
            p.lead { "No promise is recorded yet." }
        } @else {
            p.lead {
                a href={ "/commitments" (clocks) } { (plural(promises.count, "promise")) } " in "
                a href={ "/agreements" (clocks) } { (plural(agreements, "agreement")) } ". "
                @if kept + broken == 0 { "None was kept or broken on record." }
                @else {
                    a href=(with("standing=fulfilled")) { (kept) " kept" } ", "
                    a href=(with("standing=breached")) { (broken) " broken" } " on record."
                }
            }
            p {
                (promises.live) " of them " (if promises.live == 1 { "is" } else { "are" }) " live: something is owed, or may yet come to be. "
                @if claimed > 0 { "Of " a href=(with("standing=claimed")) { (claimed) } " a debtor says that it was kept, and nobody answered. " }
                @if partial > 0 { a href=(with("standing=partial")) { (partial) } " kept in part. " }
                @if promises.contested > 0 { (promises.contested) " argued about. " }
            }
            @if promises.is_whole {
                p {
                    @if promises.overdue == 0 { "Nothing is overdue. " }
                    @else { strong.bad { (promises.overdue) " overdue" } ". " }
                    @if promises.soon > 0 { strong.attention { (promises.soon) " due soon" } ". " }
                    @if promises.undated > 0 { "Of " (promises.undated) " nothing says by when. " }
                    @if let Some(heard) = promises.heard { "Last heard on " time datetime=(heard) { (heard) } "." }
                }
            }
        }
    }
}

fn rows(tables: &Tables<'_>, document: &Document<'_>, at: usize) -> Markup {
    let table = document.tables.get(at);
    html! {
        @if let Some(table) = table {
            @let rows: Vec<Row> = table.rows.iter().take(ROWS).map(std::borrow::Cow::into_owned).collect();
            (tables.table(table, &rows, None, true))
        }
    }
}

/// The first table of a report that has rows.
fn first_of(
    tables: &Tables<'_>,
    document: &Document<'_>,
    title: &str,
    path: &str,
    clocks: &str,
) -> Markup {
    let at = document
        .tables
        .iter()
        .position(|table| !table.rows.is_empty());
    html! {
        @if let Some(at) = at {
            section {
                h2 { (title) }
                (rows(tables, document, at))
                p { a href={ (path) (clocks) } { "All that is due, silent or undated" } }
            }
        }
    }
}
