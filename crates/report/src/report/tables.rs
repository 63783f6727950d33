//! Tables that several reports show.

use crate::parallel;
use servanda_core::view::{Agreement, Commitment, View};

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
pub fn commitments<'r>(
    view: &View<'r>,
    name: &'static str,
    title: &str,
    commitments: &[Commitment<'r>],
    question: &Question,
) -> Table {
    let mut table = Table::new(name, title, COMMITMENT_COLUMNS).or("no commitments");
    table.rows = parallel::map(commitments, |each| commitment_row(view, each, question));
    table
}

fn commitment_row<'r>(
    view: &View<'r>,
    commitment: &Commitment<'r>,
    question: &Question,
) -> Vec<Cell> {
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
    let commitments = view.commitment_counts();
    for agreement in agreements {
        let number = view.state.number(&agreement.id.0);
        let of_it = number.and_then(|number| commitments.get(&number).copied());
        table.rows.push(vec![
            Cell::text(agreement.id),
            Cell::text(&agreement.fact.title),
            Cell::maybe(agreement.fact.form),
            cells::on(view, agreement.recorded.seq),
            Cell::text(agreement.status),
            Cell::list(&agreement.fact.party),
            Cell::count(of_it.unwrap_or_default()),
            cells::agreement_acknowledged(view, agreement),
            Cell::List(cells::flags(view.state, agreement.recorded.seq)),
        ]);
    }
    table
}
