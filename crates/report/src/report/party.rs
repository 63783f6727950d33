//! What each party owes and is owed, and how it kept to that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use servanda_core::event::Kind;
use servanda_core::value::commitment::Standing;
use servanda_core::value::id::{AgreementId, PartyId, Seq, Slug, Subject};
use servanda_core::view::{Commitment, Party, View};
use servanda_core::words::plural;

use super::bounded::Bounded;
use super::caveats::Caveats;
use super::cell::Cell;
use super::commitments::Commitments;
use super::document::{Document, Report, Row, Table};
use super::part::Part;
use super::question::{Question, Takes};
use super::rates::{Circumstances, Rate, Tally};
use super::{rows, select, succession, tables};
use crate::parallel;

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
        let (facts, notes) = Facts::new(view, question);
        match &question.party {
            Some(party) => one(self, facts, notes, party),
            None => every(self, facts, notes),
        }
    }
}

/// What is asked of once, for all parties, and sorted by party: there may be as many of them as commitments.
struct Facts<'r> {
    view: View<'r>,
    question: Question,
    commitments: Commitments<'r>,
    /// What the rates ask of each of the commitments, and where its debtors stand.
    counted: Vec<(Circumstances, Stands)>,
    /// The places of the commitments that each owes, and that each is owed.
    owes: Places,
    is_owed: Places,
    /// The places of the agreements that name each, and of the statements that each made.
    agreements: Places,
    statements: Places,
}

/// Where the debtors of a commitment stand.
enum Stands {
    /// All there.
    Alike(Standing),
    /// Each for itself.
    Apart(Vec<(PartyId, Standing)>),
}

impl Stands {
    fn of(commitment: &Commitment<'_>) -> Self {
        if !commitment.differs() {
            return Self::Alike(commitment.standing);
        }
        let each = commitment.each();
        Self::Apart(
            each.map(|(party, standing)| (party.clone(), standing))
                .collect(),
        )
    }

    /// Where those stand that are wanted.
    fn those(&self, wanted: impl Fn(&PartyId) -> bool) -> Vec<Standing> {
        match self {
            Self::Alike(standing) => vec![*standing],
            Self::Apart(each) => {
                let each = each.iter().filter(|(party, _)| wanted(party));
                each.map(|(_, standing)| *standing).collect()
            }
        }
    }
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

impl<'r> Facts<'r> {
    /// What is asked, and the notes that a reader needs.
    fn new(view: &View<'r>, question: &Question) -> (Self, Vec<String>) {
        let circle = select::asked_circle(view, question);
        let asked = circle
            .as_ref()
            .map(|circle| circle.iter().map(|party| &party.0));
        let named = match asked.clone() {
            Some(asked) => select::agreements_naming(view, asked),
            None => select::agreements(view, &Question::default()),
        };
        let mut facts = Self {
            view: *view,
            question: question.clone(),
            commitments: select::commitments(view, question),
            counted: Vec::new(),
            owes: Places::default(),
            is_owed: Places::default(),
            agreements: Places::default(),
            statements: Places::default(),
        };
        let parties = parallel::ordered(view, named.len(), |scope, at| {
            let agreement = scope.view.agreement(&AgreementId(named[at].clone()));
            agreement.map_or_else(Vec::new, |agreement| agreement.fact.party.clone())
        });
        for (at, parties) in parties.enumerate() {
            facts.agreements.add(at, &parties);
        }
        let statements = self::statements(view, asked);
        let speakers = parallel::ordered(view, statements.len(), |scope, at| {
            let entry = scope.view.state.entry(statements[at]);
            entry.map_or_else(Vec::new, |entry| entry.event.envelope.by.to_vec())
        });
        for (at, speakers) in speakers.enumerate() {
            facts.statements.add(at, &speakers);
        }
        let notes = facts.count();
        (facts, notes)
    }

    /// Goes through the commitments once, and gives the notes on them.
    fn count(&mut self) -> Vec<String> {
        let (soon, silent) = (self.question.soon, self.question.silent);
        let owned =
            |parties: Vec<&PartyId>| -> Vec<PartyId> { parties.into_iter().cloned().collect() };
        let all = self.commitments.in_parallel(|view, commitment| {
            let circumstances = Circumstances::of(view, &commitment, soon, Some(silent));
            let sides = (owned(commitment.debtors()), owned(commitment.creditors()));
            let part = Part::new(view, &commitment);
            ((circumstances, Stands::of(&commitment)), sides, part)
        });
        let mut caveats = Caveats::default();
        for (at, (counted, (debtors, creditors), part)) in all.enumerate() {
            self.counted.push(counted);
            self.owes.add(at, &debtors);
            self.is_owed.add(at, &creditors);
            caveats.add(&part);
        }
        caveats.notes(&self.view, &self.commitments, &[])
    }

    fn document(&self, report: &PartyReport, title: String, notes: Vec<String>) -> Document<'r> {
        let mut document = Document::new(report.name(), title, &self.view, &self.question);
        document.notes.extend(notes);
        document
    }

    /// The row of a party, alone or with its parts.
    fn row(&self, view: &View<'_>, party: &Party<'_>, parties: &BTreeSet<PartyId>) -> Row {
        let predecessors = view.predecessors(party.id);
        let succeeded = predecessors.iter().map(|each| PartyId(each.id.clone()));
        let succeeded: BTreeSet<PartyId> = succeeded.collect();
        let inherited = |of: &Places| match succeeded.is_empty() {
            true => Cell::None,
            false => Cell::count(of.of_any(&succeeded).len()),
        };
        let (owes, owed) = (self.owes.of_any(parties), self.is_owed.of_any(parties));
        vec![
            Cell::text(party.id),
            Cell::maybe(party.names.first()),
            Cell::text(party.fact.kind),
            Cell::count(owes.len()),
            Cell::List(self.by_standing(&owes, |debtor| parties.contains(debtor))),
            Cell::count(owed.len()),
            Cell::List(self.by_standing(&owed, |debtor| !parties.contains(debtor))),
            Cell::count(self.agreements.of_any(parties).len()),
            Cell::count(self.statements.of_any(parties).len()),
            Cell::list(predecessors.iter().map(succession::named)),
            Cell::List(succession::now(view, party.id)),
            inherited(&self.owes),
            inherited(&self.is_owed),
        ]
    }

    /// `agreed 4`, for each standing of the debtors that are wanted among the commitments at these places.
    fn by_standing(
        &self,
        places: &BTreeSet<usize>,
        wanted: impl Fn(&PartyId) -> bool,
    ) -> Vec<String> {
        let mut counts = BTreeMap::new();
        for at in places {
            if let Some(standing) = Standing::of_all(self.counted[*at].1.those(&wanted)) {
                *counts.entry(standing).or_insert(0) += 1;
            }
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
        let tally = |at: usize| {
            let (circumstances, stands) = &self.counted[at];
            let own = stands.those(|debtor| parties.contains(debtor));
            Tally::of_debtors(circumstances, own.into_iter())
        };
        let tally: Tally = owes.into_iter().map(tally).sum();
        tally.rates()
    }

    /// The rows of these rates.
    fn rate_rows(&self, id: &PartyId, parties: &BTreeSet<PartyId>) -> Vec<Row> {
        let row = |rate: Rate| [vec![Cell::text(id)], rate.cells()].concat();
        self.rates(parties).into_iter().map(row).collect()
    }

    /// A table of the commitments at these places.
    fn table(&self, name: &'static str, title: &str, places: BTreeSet<usize>) -> Table<'r> {
        let commitments = self.commitments.at(places);
        tables::commitments(name, title, &commitments, &self.question)
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
    "succeeds",
    "succeeded_by",
    "owes_as_successor",
    "is_owed_as_successor",
];

/// Every party for itself. What parts owe is not counted again for what they are parts of.
fn every<'r>(report: &PartyReport, facts: Facts<'r>, notes: Vec<String>) -> Document<'r> {
    let (view, limit) = (facts.view, facts.question.limit);
    let mut document = facts.document(report, "Parties".to_owned(), notes);
    let parties = select::parties(&view, &facts.question);
    let ids: Vec<PartyId> = parties.into_iter().cloned().map(PartyId).collect();
    let (facts, count) = (Arc::new(facts), ids.len());
    let alone = |id: &PartyId| BTreeSet::from([id.clone()]);
    let mut parties = Table::new("parties", "Parties", COLUMNS)
        .lead(&["id", "name", "owes", "is_owed", "owes_by_standing"])
        .or("no parties");
    let of = facts.clone();
    parties.rows = rows::of(&view, ids.clone(), move |scope, id| {
        let view = &scope.view;
        Some(of.row(view, &view.party(id)?, &alone(id)))
    });
    let rates = ids.iter().map(|id| facts.rates(&alone(id)).len()).sum();
    let of = facts.clone();
    let rates = rows::several(&view, ids, rates, move |_, id| of.rate_rows(id, &alone(id)));
    document.answer = of_all(&facts, count);
    document.notes.extend(parties.cut(limit));
    document.tables = vec![parties, rates_table().with(rates)];
    document
}

/// How many parties owe something, and who owes most.
fn of_all(facts: &Facts<'_>, parties: usize) -> Vec<String> {
    let owing = facts.owes.0.len();
    let counted = match parties {
        1 => "1 party".to_owned(),
        many => format!("{many} parties"),
    };
    let mut answer = format!("{counted}, of which {owing} owe something or did.");
    let most = facts.owes.0.iter().max_by_key(|(_, places)| places.len());
    if let Some((party, places)) = most.filter(|_| owing > 1) {
        let name = facts.view.party(party);
        let name = name.and_then(|party| Some(party.names.first()?.to_string()));
        let name = name.unwrap_or_else(|| party.to_string());
        let promises = plural(places.len(), "promise");
        answer.push_str(&format!(" The most are of {name}: {promises}."));
    }
    vec![answer]
}

/// One party, with the parts that act for it and those that it succeeded.
fn one<'r>(
    report: &PartyReport,
    facts: Facts<'r>,
    notes: Vec<String>,
    id: &PartyId,
) -> Document<'r> {
    let circle = select::circle(&facts.view, id);
    let mut document = facts.document(report, format!("Party {id}"), notes);
    let mut parties = Table::new("parties", "Party", COLUMNS)
        .lead(&["id", "name", "owes", "is_owed", "owes_by_standing"])
        .or("no such party");
    let mut rates = rates_table();
    if let Some(party) = facts.view.party(id) {
        parties.push(facts.row(&facts.view, &party, &circle));
        rates.rows = facts.rate_rows(id, &circle).into();
    }
    document.tables = vec![
        parties,
        rates,
        facts.table("owes", "What it owes", facts.owes.of_any(&circle)),
        facts.table("is_owed", "What it is owed", facts.is_owed.of_any(&circle)),
    ];
    document
        .notes
        .extend(answers_with(&facts.view, id, &circle));
    document
}

/// Whom a party answers with, and who stands in its place.
fn answers_with(view: &View<'_>, id: &PartyId, circle: &BTreeSet<PartyId>) -> Vec<String> {
    let succeeded = view.predecessors(id);
    let is_part =
        |other: &&PartyId| *other != id && succeeded.iter().all(|each| *each.id != other.0);
    let mut notes = Vec::new();
    let mut parts = Bounded::default();
    parts.extend(circle.iter().filter(is_part).map(ToString::to_string));
    let parts = parts.joined(", ");
    notes.extend(parts.map(|parts| format!("with its parts: {parts}")));
    let mut earlier = Bounded::default();
    earlier.extend(succeeded.iter().map(succession::named));
    let earlier = earlier.joined("; ");
    notes.extend(
        earlier.map(|earlier| {
            format!("with what those that it succeeded owe and are owed: {earlier}")
        }),
    );
    let now = succession::now(view, id).join(", ");
    notes.extend((!now.is_empty()).then(|| format!("{id} was succeeded: it is now {now}")));
    notes
}

fn rates_table() -> Table<'static> {
    let columns: Vec<&str> = ["party"].into_iter().chain(Rate::COLUMNS).collect();
    Table::new("rates", "Rates of what is owed", &columns).or("nobody owes anything")
}

/// The statements that name any of these, or all, in the order of the chain.
fn statements<'s>(view: &View<'_>, asked: Option<impl Iterator<Item = &'s Slug>>) -> Vec<Seq> {
    let is_statement = |kind| kind == Kind::StatementRecorded;
    let Some(asked) = asked else {
        let all = (0..view.state.count()).map(Seq);
        let stands = |seq: &Seq| view.state.standing_kind(*seq).is_some_and(is_statement);
        return all
            .filter(|seq| stands(seq) && view.has_happened(*seq))
            .collect();
    };
    let naming = |id: &Slug| view.trail_records(&Subject::Entity(id.clone()));
    let all = asked
        .flat_map(naming)
        .filter(|(_, kind)| is_statement(*kind));
    let all: BTreeSet<Seq> = all.map(|(seq, _)| seq).collect();
    all.into_iter().collect()
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
    fn a_successor_answers_for_those_that_it_succeeded() {
        let mut history = simple(" | deadline=2023-06-30");
        history.say_all(&[
            "party | id=gran | kind=state | name=Gran Colombia",
            "party | id=union | kind=state | name=Union",
            "succession | party=colombia | successor=gran | on=2023-03-01",
            "succession | party=gran | successor=union | on=2023-04-01",
        ]);
        let question = Question {
            party: Some("union".parse().unwrap()),
            ..Question::default()
        };
        let report = history.ask(&PartyReport, "2023-07-01", &question);
        let wanted = ["id", "owes", "succeeds", "owes_as_successor"];
        assert_eq!(
            columns(&report, "parties", &wanted),
            [["union", "1", "gran; colombia through gran", "1"]]
        );
        assert_eq!(
            columns(&report, "owes", &["id", "debtors", "flags"]),
            [[
                "C1",
                "colombia",
                "debtor colombia is now union through gran"
            ]]
        );
        assert_eq!(share(&report, "due/overdue"), "1 of 1 (100%)");
        let note =
            "with what those that it succeeded owe and are owed: gran; colombia through gran";
        assert!(notes(&report, note), "{:?}", report.notes);
        assert!(!notes(&report, "with its parts"));
        // Before the last succession, nothing of it is the union's.
        let before = history.ask(&PartyReport, "2023-03-31", &question);
        assert_eq!(
            columns(&before, "parties", &wanted),
            [["union", "0", "", ""]]
        );
        // Every party alone, and the predecessor itself.
        let every = history.ask(&PartyReport, "2023-07-01", &Question::default());
        let wanted = ["id", "owes", "succeeded_by", "owes_as_successor"];
        let rows = columns(&every, "parties", &wanted);
        assert_eq!(rows[0], ["colombia", "1", "union through gran", ""]);
        assert_eq!(rows[1], ["gran", "0", "union", "1"]);
        assert_eq!(rows[3], ["union", "0", "", "1"]);
        let question = Question {
            party: Some("colombia".parse().unwrap()),
            ..Question::default()
        };
        let report = history.ask(&PartyReport, "2023-07-01", &question);
        assert!(notes(
            &report,
            "colombia was succeeded: it is now union through gran"
        ));
    }

    #[test]
    fn both_sides_that_became_one_are_flagged() {
        let mut history = simple("");
        history.say_all(&[
            "party | id=gran | kind=state | name=Gran Colombia",
            "succession | party=colombia | successor=gran | on=2023-03-01",
            "succession | party=venezuela | successor=gran | on=2023-04-01",
        ]);
        let flags = |day: &str| {
            let report = history.ask(&super::super::status::Status, day, &Question::default());
            column(&report, "commitments", "flags").remove(0)
        };
        assert_eq!(flags("2023-02-28"), "");
        assert_eq!(flags("2023-03-31"), "debtor colombia is now gran");
        assert_eq!(
            flags("2023-04-01"),
            "debtor colombia is now gran; creditor venezuela is now gran; debtor and creditor are now one: gran"
        );
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
