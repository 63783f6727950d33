//! Tables that several reports show.

use chrono::Days;

use servanda_core::rules::Known;
use servanda_core::value::id::{AgreementId, PartyId, Slug};
use servanda_core::view::{Agreement, Commitment, View};

use super::cell::Cell;
use super::commitments::Commitments;
use super::document::{Row, Table};
use super::flow::Flow;
use super::question::Question;
use super::rates::Rate;
use super::{cells, rows};

/// The columns of a table of commitments.
const COMMITMENT_COLUMNS: &[&str] = &[
    "id",
    "agreement",
    "text",
    "debtors",
    "creditors",
    "deadline",
    "standing",
    "differs",
    "since",
    "assessment",
    "contest",
    "due",
    "acknowledged",
    "flags",
];

/// A table of commitments, whose rows are made when they are written.
pub fn commitments<'r>(
    name: &'static str,
    title: &str,
    commitments: &Commitments<'r>,
    question: &Question,
) -> Table<'r> {
    let (all, soon) = (commitments.clone(), question.soon);
    let rows = move || all.rows(move |view, each| commitment_row(view, &each, soon));
    Table::new(name, title, COMMITMENT_COLUMNS)
        .lead(&["id", "text", "standing", "due", "deadline"])
        .or("no commitments")
        .with(Flow::made(commitments.len(), rows))
}

fn commitment_row<'r>(view: &View<'r>, commitment: &Commitment<'r>, soon: Days) -> Row {
    let terms = &commitment.terms;
    let deadline = terms.deadline.as_ref();
    vec![
        Cell::text(commitment.id.as_str()),
        Cell::text(terms.agreement.as_str()),
        Cell::text(terms.text.as_str()),
        Cell::list(commitment.debtors().into_iter().map(PartyId::as_str)),
        Cell::list(commitment.creditors().into_iter().map(PartyId::as_str)),
        Cell::maybe(deadline),
        cells::standing(commitment.standing),
        Cell::List(cells::differences(view.state, &commitment.standings)),
        cells::since(view, commitment.stands_since()),
        Cell::List(cells::assessments(view, commitment)),
        cells::contest(commitment.contest),
        cells::due_of(view, commitment, soon),
        cells::commitment_acknowledged(view, commitment),
        Cell::List(cells::commitment_flags(view, commitment)),
    ]
}

/// A table of agreements, in the order in which they are given, whose rows are made when they are written.
pub fn agreements<'r>(view: &View<'r>, agreements: &[&Slug]) -> Table<'r> {
    let columns = &[
        "id",
        "title",
        "form",
        "concluded_on",
        "status",
        "parties",
        "commitments",
        "acknowledged",
        "flags",
        "roles",
        "subjects",
        "identifiers",
    ];
    let ids = agreements.iter().map(|id| AgreementId((*id).clone()));
    let counts = view.commitment_counts();
    let rows = rows::of(view, ids.collect(), move |scope, id| {
        let number = scope.view.state.number(&id.0)?;
        let count = counts.get(&number).copied().unwrap_or_default();
        Some(agreement_row(
            &scope.view,
            &scope.view.agreement(id)?,
            count,
        ))
    });
    Table::new("agreements", "Agreements", columns)
        .lead(&["id", "title", "status", "concluded_on"])
        .or("no agreements")
        .with(rows)
}

fn agreement_row(view: &View<'_>, agreement: &Agreement<'_>, commitments: usize) -> Row {
    vec![
        Cell::text(agreement.id),
        Cell::text(&agreement.fact.title),
        Cell::maybe(agreement.fact.form),
        cells::on(view, agreement.recorded.seq),
        Cell::text(agreement.status),
        parties(agreement),
        Cell::count(commitments),
        cells::agreement_acknowledged(view, agreement),
        Cell::List(cells::agreement_flags(view, agreement)),
        Cell::list(&agreement.fact.role),
        Cell::list(&agreement.fact.subject),
        Cell::list(&agreement.fact.identifier),
    ]
}

/// The parties that an agreement names, and whether there are others.
fn parties(agreement: &Agreement<'_>) -> Cell {
    let mut parties = cells::texts(&agreement.fact.party);
    if agreement.fact.parties_unknown {
        parties.push("(not known)".to_owned());
    }
    Cell::List(parties)
}

/// A table of rates.
pub fn rates(name: &'static str, title: &str, rates: &[Rate]) -> Table<'static> {
    let mut table = Table::new(name, title, &Rate::COLUMNS);
    table.rows = rates.iter().map(Rate::cells).collect();
    table
}
