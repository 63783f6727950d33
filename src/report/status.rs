//! What stands: every commitment with its three axes, every agreement, and the rates.

use crate::domain::commitment::Standing;
use crate::domain::view::{Commitment, View};

use super::rates::{self, Rate, Tally};
use super::{Cell, Document, Question, Report, Table, caveats, cells, select, tables};

/// The report `status`.
#[derive(Debug, Clone, Copy)]
pub struct Status;

impl Report for Status {
    fn name(&self) -> &'static str {
        "status"
    }

    fn about(&self) -> &'static str {
        "Where every commitment and agreement stands, with the rates of what was kept"
    }

    fn document(&self, view: &View<'_>, question: &Question) -> Document {
        let commitments = select::commitments(view, question);
        let agreements = select::agreements(view, question);
        let tally = Tally::of(view, &commitments, question.soon, question.silent);
        let mut document = Document::new(self.name(), "Status of commitments", view, question);
        document.tables = vec![
            tables::commitments(view, "commitments", "Commitments", &commitments, question),
            standings(&commitments),
            tables::agreements(view, &agreements),
            rates::table("rates", "Rates", &tally.rates()),
        ];
        document.notes = caveats::notes(view, &commitments, &agreements);
        document
    }
}

/// How many commitments stand where.
fn standings(commitments: &[Commitment<'_>]) -> Table {
    let columns = &["standing", "count", "share"];
    let mut table = Table::new("standings", "Standings", columns).or("no commitments");
    for &standing in Standing::ALL {
        let count = commitments
            .iter()
            .filter(|each| each.standing == standing)
            .count();
        if count > 0 {
            let rate = Rate {
                name: "",
                denominator: "",
                count,
                of: commitments.len(),
            };
            table.rows.push(vec![
                cells::standing(standing),
                Cell::count(count),
                Cell::text(rate.share()),
            ]);
        }
    }
    table
}
