//! What each party owes and is owed, and how it kept to that.

use std::collections::BTreeSet;

use crate::domain::commitment::Standing;
use crate::domain::event::{Entry, Fact};
use crate::domain::id::PartyId;
use crate::domain::view::{Commitment, Party, View};

use super::rates::{Rate, Tally};
use super::{Cell, Document, Question, Report, Table, caveats, select, tables};

/// The report `party`.
#[derive(Debug, Clone, Copy)]
pub struct PartyReport;

impl Report for PartyReport {
    fn name(&self) -> &'static str {
        "party"
    }

    fn about(&self) -> &'static str {
        "What each party owes and is owed, with the rates of what it kept"
    }

    fn document(&self, view: &View<'_>, question: &Question) -> Document {
        let facts = Facts::new(view, question);
        match &question.party {
            Some(party) => one(self, &facts, party),
            None => every(self, &facts),
        }
    }
}

/// What is asked of once, for all parties.
struct Facts<'v, 'r> {
    view: &'v View<'r>,
    question: &'v Question,
    commitments: Vec<Commitment<'r>>,
}

impl<'v, 'r> Facts<'v, 'r> {
    fn new(view: &'v View<'r>, question: &'v Question) -> Self {
        Self {
            view,
            question,
            commitments: select::commitments(view, question),
        }
    }

    fn document(&self, report: &PartyReport, title: String) -> Document {
        let mut document = Document::new(report.name(), title, self.view, self.question);
        document.notes = caveats::notes(self.view, &self.commitments, &[]);
        document
    }

    /// The commitments that any of these owes.
    fn owed_by(&self, parties: &BTreeSet<PartyId>) -> Vec<Commitment<'r>> {
        self.of(|commitment| {
            commitment
                .debtors()
                .into_iter()
                .any(|id| parties.contains(id))
        })
    }

    /// The commitments that are owed to any of these.
    fn owed_to(&self, parties: &BTreeSet<PartyId>) -> Vec<Commitment<'r>> {
        self.of(|commitment| {
            commitment
                .creditors()
                .into_iter()
                .any(|id| parties.contains(id))
        })
    }

    fn of(&self, wanted: impl Fn(&Commitment<'r>) -> bool) -> Vec<Commitment<'r>> {
        let wanted = self
            .commitments
            .iter()
            .filter(|commitment| wanted(commitment));
        wanted.cloned().collect()
    }

    /// The row of a party, alone or with its parts.
    fn row(&self, party: &Party<'_>, parties: &BTreeSet<PartyId>) -> Vec<Cell> {
        let (owes, owed) = (self.owed_by(parties), self.owed_to(parties));
        let agreements = self.view.agreements();
        let joined = agreements
            .iter()
            .filter(|agreement| agreement.fact.party.iter().any(|id| parties.contains(id)));
        let said = self
            .view
            .entries()
            .filter(|entry| is_statement_of(entry, parties));
        vec![
            Cell::text(party.id),
            Cell::maybe(party.names.first()),
            Cell::text(party.fact.kind),
            Cell::count(owes.len()),
            Cell::List(by_standing(&owes)),
            Cell::count(owed.len()),
            Cell::List(by_standing(&owed)),
            Cell::count(joined.count()),
            Cell::count(said.count()),
        ]
    }

    /// The rates of what these parties owe.
    fn rates(&self, parties: &BTreeSet<PartyId>) -> Option<Vec<Rate>> {
        let owes = self.owed_by(parties);
        let Question { soon, silent, .. } = *self.question;
        (!owes.is_empty()).then(|| Tally::of(self.view, &owes, soon, silent).rates())
    }
}

const COLUMNS: &[&str] = &[
    "id",
    "name",
    "kind",
    "owes",
    "owes_by_standing",
    "is_owed",
    "is_owed_by_standing",
    "agreements",
    "statements",
];

/// Every party for itself. What parts owe is not counted again for what they are parts of.
fn every(report: &PartyReport, facts: &Facts<'_, '_>) -> Document {
    let mut document = facts.document(report, "Parties".to_owned());
    let mut parties = Table::new("parties", "Parties", COLUMNS).or("no parties");
    let mut rates = rates_table();
    for party in select::parties(facts.view, facts.question) {
        let alone = BTreeSet::from([party.id.clone()]);
        parties.rows.push(facts.row(&party, &alone));
        add_rates(&mut rates, facts, party.id, &alone);
    }
    document.notes.extend(parties.cut(facts.question.limit));
    document.tables = vec![parties, rates];
    document
}

/// One party, with the parts that act for it.
fn one(report: &PartyReport, facts: &Facts<'_, '_>, id: &PartyId) -> Document {
    let circle = select::circle(facts.view, id);
    let mut document = facts.document(report, format!("Party {id}"));
    let mut parties = Table::new("parties", "Party", COLUMNS).or("no such party");
    let mut rates = rates_table();
    if let Some(party) = facts.view.party(id) {
        parties.rows.push(facts.row(&party, &circle));
        add_rates(&mut rates, facts, id, &circle);
    }
    let table = |name, title: &str, commitments: Vec<Commitment<'_>>| {
        tables::commitments(facts.view, name, title, &commitments, facts.question)
    };
    document.tables = vec![
        parties,
        rates,
        table("owes", "What it owes", facts.owed_by(&circle)),
        table("is_owed", "What it is owed", facts.owed_to(&circle)),
    ];
    let parts: Vec<&str> = circle
        .iter()
        .filter(|part| *part != id)
        .map(PartyId::as_str)
        .collect();
    if !parts.is_empty() {
        document
            .notes
            .push(format!("with its parts: {}", parts.join(", ")));
    }
    document
}

fn rates_table() -> Table {
    let columns: Vec<&str> = ["party"].into_iter().chain(Rate::COLUMNS).collect();
    Table::new("rates", "Rates of what is owed", &columns).or("nobody owes anything")
}

fn add_rates(table: &mut Table, facts: &Facts<'_, '_>, id: &PartyId, parties: &BTreeSet<PartyId>) {
    for rate in facts.rates(parties).unwrap_or_default() {
        let mut row = vec![Cell::text(id)];
        row.extend(rate.cells());
        table.rows.push(row);
    }
}

fn is_statement_of(entry: &Entry, parties: &BTreeSet<PartyId>) -> bool {
    let by_one = entry
        .event
        .envelope
        .by
        .iter()
        .any(|id| parties.contains(id));
    by_one && matches!(entry.event.fact, Fact::StatementRecorded(_))
}

/// `agreed 4`, for each standing that occurs.
fn by_standing(commitments: &[Commitment<'_>]) -> Vec<String> {
    let counts = Standing::ALL.iter().map(|standing| {
        let there = commitments.iter().filter(|each| each.standing == *standing);
        (standing, there.count())
    });
    let counts = counts.filter(|(_, count)| *count > 0);
    counts
        .map(|(standing, count)| format!("{standing} {count}"))
        .collect()
}
