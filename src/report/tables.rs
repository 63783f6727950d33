//! Tables that several reports show.

use std::collections::BTreeMap;

use crate::domain::id::AgreementId;
use crate::domain::view::{Agreement, Commitment, View};

use super::{Cell, Question, Table, cells};

/// The columns of a table of commitments.
const COMMITMENT_COLUMNS: &[&str] = &[
    "id",
    "agreement",
    "text",
    "debtors",
    "creditors",
    "deadline",
    "standing",
    "since",
    "assessment",
    "contest",
    "due",
    "acknowledged",
    "flags",
];

/// A table of commitments, in the order in which they are given.
pub fn commitments(
    view: &View<'_>,
    name: &'static str,
    title: &str,
    commitments: &[Commitment<'_>],
    question: &Question,
) -> Table {
    let mut table = Table::new(name, title, COMMITMENT_COLUMNS).or("no commitments");
    let rows = commitments
        .iter()
        .map(|each| commitment_row(view, each, question));
    table.rows = rows.collect();
    table
}

fn commitment_row(view: &View<'_>, commitment: &Commitment<'_>, question: &Question) -> Vec<Cell> {
    let terms = &commitment.terms;
    let deadline = terms.deadline.as_ref();
    vec![
        Cell::text(commitment.id),
        Cell::text(&terms.agreement),
        Cell::text(&terms.text),
        Cell::list(commitment.debtors()),
        Cell::list(commitment.creditors()),
        Cell::maybe(deadline),
        cells::standing(commitment.standing),
        cells::since(view, commitment.last_move()),
        Cell::List(cells::assessments(view, commitment)),
        cells::contest(commitment.contest),
        cells::due(view.due(commitment, question.soon), deadline),
        cells::commitment_acknowledged(view, commitment),
        Cell::List(cells::commitment_flags(view, commitment)),
    ]
}

/// A table of agreements, in the order in which they are given.
pub fn agreements(view: &View<'_>, agreements: &[Agreement<'_>]) -> Table {
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
    ];
    let mut table = Table::new("agreements", "Agreements", columns).or("no agreements");
    let mut commitments: BTreeMap<AgreementId, usize> = BTreeMap::new();
    for commitment in view.commitments() {
        *commitments.entry(commitment.terms.agreement).or_default() += 1;
    }
    for agreement in agreements {
        let of_it = commitments.get(agreement.id).copied();
        table.rows.push(vec![
            Cell::text(agreement.id),
            Cell::text(&agreement.fact.title),
            Cell::maybe(agreement.fact.form),
            cells::on(view, agreement.recorded.seq),
            Cell::text(agreement.status),
            Cell::list(&agreement.fact.party),
            Cell::count(of_it.unwrap_or_default()),
            cells::agreement_acknowledged(view, agreement),
            Cell::List(cells::flags(view.register, agreement.recorded.seq)),
        ]);
    }
    table
}
