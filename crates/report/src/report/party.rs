//! What each party owes and is owed, and how it kept to that.

use std::collections::{BTreeMap, BTreeSet};

use servanda_core::event::{Entry, Kind};
use servanda_core::value::commitment::Standing;
use servanda_core::value::id::{PartyId, Slug, Subject};
use servanda_core::view::{Commitment, Party, View};

use super::bounded::Bounded;
use super::caveats::{Caveats, Part};
use super::cell::Cell;
use super::commitments::Commitments;
use super::document::{Document, Report, Row, Table};
use super::question::{Question, Takes};
use super::rates::{Rate, Tally};
use super::{select, tables};

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

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let mut facts = Facts::new(view, question);
        match &question.party {
            Some(party) => one(self, &mut facts, party),
            None => every(self, &mut facts),
        }
    }
}

/// What is asked of once, for all parties, and sorted by party: there may be as many of them as commitments.
struct Facts<'v, 'r> {
    view: &'v View<'r>,
    question: &'v Question,
    commitments: Commitments<'r>,
    /// Where each of the commitments stands, and what it adds to the rates.
    counted: Vec<(Standing, Tally)>,
    notes: Vec<String>,
    /// The places of the commitments that each owes, and that each is owed.
    owes: Places,
    is_owed: Places,
    /// The places of the agreements that name each, and of the statements that each made.
    agreements: Places,
    statements: Places,
}

/// For each party the places of the things that name it.
#[derive(Default)]
struct Places(BTreeMap<PartyId, Vec<usize>>);

impl Places {
    fn add<'p>(&mut self, at: usize, parties: impl IntoIterator<Item = &'p PartyId>) {
        for party in parties {
            match self.0.get_mut(party) {
                Some(places) => places.push(at),
                None => drop(self.0.insert(party.clone(), vec![at])),
            }
        }
    }

    /// The places of what names any of these parties, in order, each once.
    fn of_any(&self, parties: &BTreeSet<PartyId>) -> BTreeSet<usize> {
        let of = |party| self.0.get(party).into_iter().flatten().copied();
        parties.iter().flat_map(of).collect()
    }
}

impl<'v, 'r> Facts<'v, 'r> {
    fn new(view: &'v View<'r>, question: &'v Question) -> Self {
        let circle = select::asked_circle(view, question);
        let asked = circle
            .as_ref()
            .map(|circle| circle.iter().map(|party| &party.0));
        let named = match asked.clone() {
            Some(asked) => view.agreements_naming(asked),
            None => view.agreements(),
        };
        let (mut agreements, mut statements) = (Places::default(), Places::default());
        for (at, agreement) in named.iter().enumerate() {
            agreements.add(at, &agreement.fact.party);
        }
        for (at, entry) in self::statements(view, asked).into_iter().enumerate() {
            statements.add(at, &entry.event.envelope.by);
        }
        let mut facts = Self {
            view,
            question,
            commitments: select::commitments(view, question),
            counted: Vec::new(),
            notes: Vec::new(),
            owes: Places::default(),
            is_owed: Places::default(),
            agreements,
            statements,
        };
        facts.count();
        facts
    }

    /// Goes through the commitments once.
    fn count(&mut self) {
        let (view, soon, silent) = (*self.view, self.question.soon, self.question.silent);
        let owned =
            |parties: Vec<&PartyId>| -> Vec<PartyId> { parties.into_iter().cloned().collect() };
        let each = move |commitment: Commitment<'r>| {
            let tally = Tally::of_one(&view, &commitment, soon, silent);
            let sides = (owned(commitment.debtors()), owned(commitment.creditors()));
            let part = Part::new(&view, &commitment);
            ((commitment.standing, tally), sides, part)
        };
        let mut caveats = Caveats::default();
        let all = self.commitments.in_parallel(each).enumerate();
        for (at, (counted, (debtors, creditors), part)) in all {
            self.counted.push(counted);
            self.owes.add(at, &debtors);
            self.is_owed.add(at, &creditors);
            caveats.add(part);
        }
        self.notes = caveats.notes(&view, &self.commitments, &[]);
    }

    fn document(&mut self, report: &PartyReport, title: String) -> Document<'r> {
        let mut document = Document::new(report.name(), title, self.view, self.question);
        document.notes.append(&mut self.notes);
        document
    }

    /// The row of a party, alone or with its parts.
    fn row(&self, party: &Party<'_>, parties: &BTreeSet<PartyId>) -> Row {
        let (owes, owed) = (self.owes.of_any(parties), self.is_owed.of_any(parties));
        vec![
            Cell::text(party.id),
            Cell::maybe(party.names.first()),
            Cell::text(party.fact.kind),
            Cell::count(owes.len()),
            Cell::List(self.by_standing(&owes)),
            Cell::count(owed.len()),
            Cell::List(self.by_standing(&owed)),
            Cell::count(self.agreements.of_any(parties).len()),
            Cell::count(self.statements.of_any(parties).len()),
        ]
    }

    /// `agreed 4`, for each standing that occurs among the commitments at these places.
    fn by_standing(&self, places: &BTreeSet<usize>) -> Vec<String> {
        let mut counts = BTreeMap::new();
        for at in places {
            *counts.entry(self.counted[*at].0).or_insert(0) += 1;
        }
        let in_order = Standing::ALL.iter();
        let counts = in_order.filter_map(|standing| Some((standing, counts.get(standing)?)));
        counts
            .map(|(standing, count)| format!("{standing} {count}"))
            .collect()
    }

    /// The rates of what these parties owe.
    fn rates(&self, parties: &BTreeSet<PartyId>) -> Vec<Rate> {
        let owes = self.owes.of_any(parties);
        if owes.is_empty() {
            return Vec::new();
        }
        let tally: Tally = owes.into_iter().map(|at| self.counted[at].1).sum();
        tally.rates()
    }

    /// A table of the commitments at these places.
    fn table(&self, name: &'static str, title: &str, places: BTreeSet<usize>) -> Table<'r> {
        let commitments = self.commitments.at(places);
        tables::commitments(self.view, name, title, &commitments, self.question)
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
fn every<'r>(report: &PartyReport, facts: &mut Facts<'_, 'r>) -> Document<'r> {
    let mut document = facts.document(report, "Parties".to_owned());
    let mut parties = Table::new("parties", "Parties", COLUMNS).or("no parties");
    let mut rates = rates_table();
    for party in select::parties(facts.view, facts.question) {
        let alone = BTreeSet::from([party.id.clone()]);
        parties.push(facts.row(&party, &alone));
        add_rates(&mut rates, facts, party.id, &alone);
    }
    document.notes.extend(parties.cut(facts.question.limit));
    document.tables = vec![parties, rates];
    document
}

/// One party, with the parts that act for it.
fn one<'r>(report: &PartyReport, facts: &mut Facts<'_, 'r>, id: &PartyId) -> Document<'r> {
    let circle = select::circle(facts.view, id);
    let mut document = facts.document(report, format!("Party {id}"));
    let mut parties = Table::new("parties", "Party", COLUMNS).or("no such party");
    let mut rates = rates_table();
    if let Some(party) = facts.view.party(id) {
        parties.push(facts.row(&party, &circle));
        add_rates(&mut rates, facts, id, &circle);
    }
    document.tables = vec![
        parties,
        rates,
        facts.table("owes", "What it owes", facts.owes.of_any(&circle)),
        facts.table("is_owed", "What it is owed", facts.is_owed.of_any(&circle)),
    ];
    let mut parts = Bounded::default();
    let others = circle.iter().filter(|part| *part != id);
    parts.extend(others.map(ToString::to_string));
    let parts = parts.joined(", ");
    let note = parts.map(|parts| format!("with its parts: {parts}"));
    document.notes.extend(note);
    document
}

fn rates_table() -> Table<'static> {
    let columns: Vec<&str> = ["party"].into_iter().chain(Rate::COLUMNS).collect();
    Table::new("rates", "Rates of what is owed", &columns).or("nobody owes anything")
}

fn add_rates(
    table: &mut Table<'_>,
    facts: &Facts<'_, '_>,
    id: &PartyId,
    parties: &BTreeSet<PartyId>,
) {
    for rate in facts.rates(parties) {
        let mut row = vec![Cell::text(id)];
        row.extend(rate.cells());
        table.push(row);
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
