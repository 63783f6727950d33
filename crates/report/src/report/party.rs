//! What each party owes and is owed, and how it kept to that.

use std::collections::{BTreeMap, BTreeSet};

use servanda_core::event::{Entry, Kind};
use servanda_core::value::commitment::Standing;
use servanda_core::value::id::{PartyId, Slug, Subject};
use servanda_core::view::{Commitment, Party, View};

use super::rates::{Rate, Tally};
use super::{Cell, Document, Question, Report, Table, Takes, caveats, select, tables};

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

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Limit]
    }

    fn document(&self, view: &View<'_>, question: &Question) -> Document {
        let facts = Facts::new(view, question);
        match &question.party {
            Some(party) => one(self, &facts, party),
            None => every(self, &facts),
        }
    }
}

/// What is asked of once, for all parties, and sorted by party: there may be as many of them as commitments.
struct Facts<'v, 'r> {
    view: &'v View<'r>,
    question: &'v Question,
    commitments: Vec<Commitment<'r>>,
    /// The places of the commitments that each owes, and that each is owed.
    owes: Places,
    is_owed: Places,
    /// The places of the agreements that name each, and of the statements that each made.
    agreements: Places,
    statements: Places,
}

type Places = BTreeMap<PartyId, Vec<usize>>;

impl<'v, 'r> Facts<'v, 'r> {
    fn new(view: &'v View<'r>, question: &'v Question) -> Self {
        let commitments = select::commitments(view, question);
        let circle = select::asked_circle(view, question);
        let asked = circle
            .as_ref()
            .map(|circle| circle.iter().map(|party| &party.0));
        let agreements = match asked.clone() {
            Some(asked) => view.agreements_naming(asked),
            None => view.agreements(),
        };
        let statements = statements(view, asked);
        Self {
            owes: places(commitments.iter().map(Commitment::debtors)),
            is_owed: places(commitments.iter().map(Commitment::creditors)),
            agreements: places(agreements.iter().map(|each| each.fact.party.iter())),
            statements: places(
                statements
                    .iter()
                    .map(|entry| entry.event.envelope.by.iter()),
            ),
            view,
            question,
            commitments,
        }
    }

    fn document(&self, report: &PartyReport, title: String) -> Document {
        let mut document = Document::new(report.name(), title, self.view, self.question);
        let notes = caveats::notes(self.view, &self.commitments, &[]);
        document.notes.extend(notes);
        document
    }

    /// The commitments that any of these owes.
    fn owed_by(&self, parties: &BTreeSet<PartyId>) -> Vec<&Commitment<'r>> {
        self.at(&self.owes, parties)
    }

    /// The commitments that are owed to any of these.
    fn owed_to(&self, parties: &BTreeSet<PartyId>) -> Vec<&Commitment<'r>> {
        self.at(&self.is_owed, parties)
    }

    fn at(&self, places: &Places, parties: &BTreeSet<PartyId>) -> Vec<&Commitment<'r>> {
        let places = of_any(places, parties).into_iter();
        places.map(|at| &self.commitments[at]).collect()
    }

    /// The row of a party, alone or with its parts.
    fn row(&self, party: &Party<'_>, parties: &BTreeSet<PartyId>) -> Vec<Cell> {
        let (owes, owed) = (self.owed_by(parties), self.owed_to(parties));
        vec![
            Cell::text(party.id),
            Cell::maybe(party.names.first()),
            Cell::text(party.fact.kind),
            Cell::count(owes.len()),
            Cell::List(by_standing(&owes)),
            Cell::count(owed.len()),
            Cell::List(by_standing(&owed)),
            Cell::count(of_any(&self.agreements, parties).len()),
            Cell::count(of_any(&self.statements, parties).len()),
        ]
    }

    /// The rates of what these parties owe.
    fn rates(&self, parties: &BTreeSet<PartyId>) -> Option<Vec<Rate>> {
        let owes = self.owed_by(parties);
        let Question { soon, silent, .. } = *self.question;
        (!owes.is_empty()).then(|| Tally::of(self.view, owes, soon, silent).rates())
    }
}

/// For each party the places of the things that name it.
fn places<'p, P: IntoIterator<Item = &'p PartyId>>(things: impl Iterator<Item = P>) -> Places {
    let mut places = Places::new();
    for (at, parties) in things.enumerate() {
        for party in parties {
            places.entry(party.clone()).or_default().push(at);
        }
    }
    places
}

/// The places of what names any of these parties, in order, each once.
fn of_any(places: &Places, parties: &BTreeSet<PartyId>) -> BTreeSet<usize> {
    let of = |party| places.get(party).into_iter().flatten().copied();
    parties.iter().flat_map(of).collect()
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
    let table = |name, title: &str, commitments: Vec<&Commitment<'_>>| {
        let commitments: Vec<Commitment<'_>> = commitments.into_iter().cloned().collect();
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

/// The statements that name any of these, or all, in the order of the chain.
fn statements<'r, 's>(
    view: &View<'r>,
    asked: Option<impl Iterator<Item = &'s Slug>>,
) -> Vec<&'r Entry> {
    let is_statement = |kind| kind == Kind::StatementRecorded;
    let Some(asked) = asked else {
        let state = view.state;
        let wanted = move |seq| state.kind(seq).is_some_and(is_statement);
        return view.entries_of(wanted).collect();
    };
    let naming = |id: &Slug| view.trail_of(&Subject::Entity(id.clone()), is_statement);
    let mut all: Vec<&Entry> = asked.flat_map(naming).collect();
    all.sort_by_key(|entry| entry.seq);
    all.dedup_by_key(|entry| entry.seq);
    all
}

/// `agreed 4`, for each standing that occurs.
fn by_standing(commitments: &[&Commitment<'_>]) -> Vec<String> {
    let counts = Standing::ALL.iter().map(|standing| {
        let there = commitments.iter().filter(|each| each.standing == *standing);
        (standing, there.count())
    });
    let counts = counts.filter(|(_, count)| *count > 0);
    counts
        .map(|(standing, count)| format!("{standing} {count}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn each_party_answers_for_itself() {
        let history = communique();
        let report = history.ask(&PartyReport, "2024-01-01", &Question::default());
        let wanted = [
            "id",
            "owes",
            "owes_by_standing",
            "is_owed",
            "agreements",
            "statements",
        ];
        assert_eq!(
            columns(&report, "parties", &wanted),
            [
                ["colombia", "4", "agreed 4", "4", "1", "0"],
                ["mindef-co", "0", "", "0", "0", "0"],
                ["velasquez", "0", "", "0", "0", "1"],
                ["venezuela", "4", "agreed 4", "4", "1", "0"],
            ]
        );
        let rates = columns(&report, "rates", &["party", "rate", "denominator", "share"]);
        assert!(
            rates
                .iter()
                .all(|row| row[2] != "due" || row[3] == "none due")
        );
        assert!(rates.iter().all(|row| row[0] != "velasquez"));
        assert!(notes(&report, "4 of 4 commitments are undated"));
    }

    #[test]
    fn one_party_answers_with_its_parts() {
        let mut history = simple(" | deadline=2023-06-30");
        history.say_all(&[
            "party | id=army | kind=organ | name=Army | parent=colombia",
            "commitment | id=C2 | agreement=A1 | text=patrol | debtor=army | creditor=venezuela",
            "commitment | id=C3 | agreement=A1 | text=pay | debtor=venezuela | creditor=army",
        ]);
        let question = Question {
            party: Some("colombia".parse().unwrap()),
            ..Question::default()
        };
        let report = history.ask(&PartyReport, "2023-07-01", &question);
        assert_eq!(column(&report, "owes", "id"), ["C1", "C2"]);
        assert_eq!(column(&report, "is_owed", "id"), ["C3"]);
        assert_eq!(share(&report, "due/overdue"), "1 of 1 (100%)");
        assert!(notes(&report, "with its parts: army"));
    }
}
