//! What was promised again: each promise that repeats an earlier one, how that stood when it was repeated, and
//! the chains of promises that these make.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Days;

use servanda_core::rules::Known;
use servanda_core::state::Id;
use servanda_core::value::agreement::Relation;
use servanda_core::value::commitment::Standing;
use servanda_core::value::id::{AgreementId, CommitmentId, Seq, Slug, Subject};
use servanda_core::view::{Commitment, View};

use super::cell::Cell;
use super::commitments::Commitments;
use super::document::{Document, Report, Row, Table};
use super::question::Question;
use super::rates::Rate;
use super::{caveats, cells, rows, select, tables};
use crate::parallel::{self, Scope};
use servanda_core::words::plural;

/// The report `repeats`.
#[derive(Debug, Clone, Copy)]
pub struct Repeats;

impl Report for Repeats {
    fn name(&self) -> &'static str {
        "repeats"
    }

    fn about(&self) -> &'static str {
        "What was promised again, and how the earlier promise stood when it was"
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let commitments = select::commitments(view, question);
        let agreements = select::agreements(view, question);
        let repetitions = repetitions(view, &commitments, &agreements);
        let mut document = Document::new(self.name(), "Promised again", view, question);
        let again = repetitions.iter().filter(|each| each.is_commitment);
        let again: BTreeSet<Id> = again.filter_map(|each| number(view, &each.id)).collect();
        let shares = shares(view, &repetitions, again.len(), commitments.len());
        document.answer = vec![format!(
            "{} of {} repeat an earlier one.",
            again.len(),
            plural(commitments.len(), "promise")
        )];
        let chains = chains(view, &repetitions);
        let soon = question.soon;
        let rows = rows::of(view, repetitions, move |scope, each| {
            Some(row(scope, soon, each))
        });
        let table = Table::new("repeats", "What repeats what", COLUMNS).lead(&[
            "id",
            "text",
            "repeats",
            "on",
            "stands_now",
        ]);
        document.tables = vec![
            table.or("nothing was promised again").with(rows),
            chains,
            tables::rates("rates", "How many", &shares),
        ];
        let shown = Commitments::new(view, again);
        let notes = caveats::notes(view, question, &shown, &[]);
        document.notes.extend(notes);
        document
    }
}

/// The number of the id of an entity.
fn number(view: &View<'_>, subject: &Subject) -> Option<Id> {
    match subject {
        Subject::Entity(id) => view.state.number(id),
        Subject::Record(_) => None,
    }
}

const COLUMNS: &[&str] = &[
    "id",
    "on",
    "text",
    "repeats",
    "repeats_what",
    "repeats_on",
    "repeats_text",
    "days_between",
    "stood_then",
    "due_then",
    "stands_now",
    "flags",
];

/// A promise that repeats an earlier one, or something that was said: what they are and their records.
#[derive(Clone)]
struct Repetition {
    id: Subject,
    is_commitment: bool,
    later: Seq,
    of: Subject,
    earlier: Seq,
}

/// The repetitions among these, in the order of the later one's day.
fn repetitions(
    view: &View<'_>,
    commitments: &Commitments<'_>,
    agreements: &[&Slug],
) -> Vec<Repetition> {
    let mut all = Vec::new();
    let mut add = |id: &Slug, is_commitment: bool, later: Seq, of: Vec<Subject>| {
        for of in of {
            let earlier = record_of(view, &of).filter(|seq| view.has_happened(*seq));
            all.extend(earlier.map(|earlier| Repetition {
                id: Subject::Entity(id.clone()),
                is_commitment,
                later,
                of,
                earlier,
            }));
        }
    };
    let promised = commitments.in_parallel(|_, commitment| {
        let again = &commitment.terms.repeats;
        let is_again = !again.is_empty();
        is_again.then(|| {
            (
                commitment.id.0.clone(),
                commitment.recorded.seq,
                again.clone(),
            )
        })
    });
    for (id, later, of) in promised.flatten() {
        add(&id, true, later, of);
    }
    let linked = parallel::ordered(view, agreements.len(), |scope, at| {
        let agreement = scope.view.agreement(&AgreementId(agreements[at].clone()))?;
        let links = agreement.fact.link.iter();
        let again = links.filter(|link| link.relation == Relation::Repeats);
        let again = again.map(|link| Subject::Entity(link.agreement.0.clone()));
        Some((agreement.recorded.seq, again.collect()))
    });
    for (id, linked) in agreements.iter().zip(linked) {
        if let Some((later, of)) = linked {
            add(id, false, later, of);
        }
    }
    all.sort_by_key(|each| (view.last_possible_day(each.later), each.later));
    all
}

/// The record that made something, if it counts.
fn record_of(view: &View<'_>, subject: &Subject) -> Option<Seq> {
    let seq = match subject {
        Subject::Entity(id) => view.state.entity(id)?.1,
        Subject::Record(seq) => *seq,
    };
    view.state.standing_kind(seq).map(|_| seq)
}

fn as_commitment<'r>(view: &View<'r>, subject: &Subject) -> Option<Commitment<'r>> {
    match subject {
        Subject::Entity(id) => view.commitment(&CommitmentId(id.clone())),
        Subject::Record(_) => None,
    }
}

fn row(scope: &Scope<'_>, soon: Days, each: &Repetition) -> Row {
    let view = &scope.view;
    let (first, last) = (
        view.last_possible_day(each.earlier),
        view.last_possible_day(each.later),
    );
    // The earlier one as it stood at the end of the day before it was promised again.
    let eve = View {
        as_of: last.pred_opt().unwrap_or(last).max(first),
        ..*view
    };
    let then = as_commitment(&eve, &each.of);
    let due = then.as_ref().map_or(Cell::None, |commitment| {
        cells::due_of(&eve, commitment, soon)
    });
    vec![
        Cell::text(&each.id),
        cells::on(view, each.later),
        sentence(scope, each.later),
        Cell::text(&each.of),
        Cell::maybe(view.state.kind(each.earlier)),
        cells::on(view, each.earlier),
        sentence(scope, each.earlier),
        Cell::Number((last - first).num_days()),
        standing(&eve, &each.of),
        due,
        standing(view, &each.of),
        Cell::List(cells::flags(view.state, each.later)),
    ]
}

/// What a record says.
fn sentence(scope: &Scope<'_>, seq: Seq) -> Cell {
    let entry = scope.view.state.entry(seq);
    Cell::maybe(entry.map(|entry| scope.sentences.of(entry)))
}

/// Where a commitment or an agreement stands; nothing for what has no standing.
fn standing(view: &View<'_>, subject: &Subject) -> Cell {
    if let Some(commitment) = as_commitment(view, subject) {
        return cells::standing(commitment.standing);
    }
    match subject {
        Subject::Entity(id) => {
            let agreement = view.agreement(&AgreementId(id.clone()));
            Cell::maybe(agreement.map(|agreement| agreement.status))
        }
        Subject::Record(_) => Cell::None,
    }
}

/// Promises that repeat one another, together, from the first to the last.
fn chains<'r>(view: &View<'r>, repetitions: &[Repetition]) -> Table<'r> {
    let columns = &[
        "first",
        "last",
        "promises",
        "chain",
        "first_on",
        "last_on",
        "days",
        "text",
        "last_stands",
    ];
    let mut beside: BTreeMap<&Subject, Vec<&Subject>> = BTreeMap::new();
    for each in repetitions {
        beside.entry(&each.id).or_default().push(&each.of);
        beside.entry(&each.of).or_default().push(&each.id);
    }
    let mut seen: BTreeSet<&Subject> = BTreeSet::new();
    let mut chains = Vec::new();
    for &start in beside.keys() {
        if !seen.insert(start) {
            continue;
        }
        let (mut chain, mut next) = (vec![start], 0);
        while let Some(subject) = chain.get(next).copied() {
            next += 1;
            for &other in beside.get(subject).into_iter().flatten() {
                if seen.insert(other) {
                    chain.push(other);
                }
            }
        }
        let made = chain.into_iter();
        let made = made.filter_map(|subject| Some((record_of(view, subject)?, subject.clone())));
        let mut chain: Vec<(Seq, Subject)> = made.collect();
        chain.sort_by_key(|(seq, _)| (view.last_possible_day(*seq), *seq));
        chains.push(chain);
    }
    let rows = rows::of(view, chains, |scope, chain| chain_row(scope, chain));
    let table = Table::new("chains", "Chains of promises", columns);
    table.or("none").with(rows)
}

fn chain_row(scope: &Scope<'_>, chain: &[(Seq, Subject)]) -> Option<Row> {
    let view = &scope.view;
    let ((opening, first), (latest, last)) = (chain.first()?, chain.last()?);
    let days = view.last_possible_day(*latest) - view.last_possible_day(*opening);
    Some(vec![
        Cell::text(first),
        Cell::text(last),
        Cell::count(chain.len()),
        Cell::list(chain.iter().map(|(_, subject)| subject)),
        cells::on(view, *opening),
        cells::on(view, *latest),
        Cell::Number(days.num_days()),
        sentence(scope, *opening),
        standing(view, last),
    ])
}

/// How many commitments repeat something, and what became of the commitments that were repeated.
fn shares(
    view: &View<'_>,
    repetitions: &[Repetition],
    again: usize,
    commitments: usize,
) -> [Rate; 3] {
    let earlier: BTreeSet<&Subject> = repetitions.iter().map(|each| &each.of).collect();
    let earlier: Vec<&Subject> = earlier.into_iter().collect();
    let standings = parallel::ordered(view, earlier.len(), |scope, at| {
        let commitment = as_commitment(&scope.view, earlier[at])?;
        Some(commitment.standing)
    });
    let earlier: Vec<Standing> = standings.flatten().collect();
    let stand = |wanted: fn(Standing) -> bool| earlier.iter().filter(|s| wanted(**s)).count();
    let of_repeated = |name, count| Rate {
        name,
        denominator: "repeated",
        count,
        of: earlier.len(),
    };
    [
        Rate {
            name: "promised again",
            denominator: "commitments",
            count: again,
            of: commitments,
        },
        of_repeated("live", stand(Standing::is_live)),
        of_repeated(
            "fulfilled",
            stand(|standing| standing == Standing::Fulfilled),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn again() -> History {
        let mut history = simple(" | deadline=2023-06-30");
        history.on("2024-01-01").say_all(&[
            "agreement | id=A2 | title=Pact anew | party=colombia | party=venezuela | on=2023-09-01 | link=repeats:A1",
            "commitment | id=C2 | agreement=A2 | text=open the bridge at last | debtor=colombia | creditor=venezuela | repeats=C1",
            "agreement | id=A3 | title=Third pact | party=colombia | party=venezuela | on=2023-12-01",
            "commitment | id=C3 | agreement=A3 | text=open it now | debtor=colombia | creditor=venezuela | repeats=C2 | repeats=C1",
            "status | commitment=C1 | to=released | by=venezuela | on=2023-12-02",
        ]);
        history
    }

    #[test]
    fn what_was_repeated_stood_somewhere_then_and_stands_somewhere_now() {
        let report = again().ask(&Repeats, "2024-02-01", &Question::default());
        let wanted = [
            "id",
            "on",
            "repeats",
            "repeats_what",
            "days_between",
            "stood_then",
            "due_then",
            "stands_now",
        ];
        assert_eq!(
            columns(&report, "repeats", &wanted),
            [
                [
                    "A2",
                    "2023-09-01",
                    "A1",
                    "agreement",
                    "243",
                    "concluded",
                    "",
                    "concluded"
                ],
                [
                    "C2",
                    "2023-09-01",
                    "C1",
                    "commitment",
                    "243",
                    "agreed",
                    "overdue",
                    "released"
                ],
                [
                    "C3",
                    "2023-12-01",
                    "C2",
                    "commitment",
                    "91",
                    "agreed",
                    "undated",
                    "agreed"
                ],
                [
                    "C3",
                    "2023-12-01",
                    "C1",
                    "commitment",
                    "334",
                    "agreed",
                    "overdue",
                    "released"
                ],
            ]
        );
        assert_eq!(
            columns(
                &report,
                "chains",
                &["first", "last", "promises", "chain", "last_stands"]
            ),
            [
                ["A1", "A2", "2", "A1; A2", "concluded"],
                ["C1", "C3", "3", "C1; C2; C3", "agreed"],
            ]
        );
    }

    #[test]
    fn shares_are_of_what_was_promised_again() {
        let report = again().ask(&Repeats, "2024-02-01", &Question::default());
        assert_eq!(share(&report, "commitments/promised again"), "2 of 3 (67%)");
        assert_eq!(share(&report, "repeated/live"), "1 of 2 (50%)");
        assert_eq!(share(&report, "repeated/fulfilled"), "0 of 2 (0%)");
    }

    #[test]
    fn the_day_decides_what_was_promised_again() {
        let report = again().ask(&Repeats, "2023-10-01", &Question::default());
        assert_eq!(column(&report, "repeats", "id"), ["A2", "C2"]);
        let before = again().ask(&Repeats, "2022-12-31", &Question::default());
        assert!(column(&before, "chains", "first").is_empty());
        assert_eq!(share(&before, "repeated/live"), "none repeated");
    }

    #[test]
    fn a_statement_can_be_repeated_and_what_is_doubtful_is_told() {
        let mut history = simple("");
        let said = history.say("statement | text=we shall open it | by=colombia | on=2022-12-01");
        history.say(&format!(
            "commitment | id=C2 | agreement=A1 | text=open it | debtor=colombia | on=2023-01-01 | inferred=on | repeats={said}"
        ));
        let report = history.ask(&Repeats, "2024-02-01", &Question::default());
        assert_eq!(
            columns(
                &report,
                "repeats",
                &["id", "repeats_what", "stood_then", "flags"]
            ),
            [["C2", "statement", "", "inferred on"]]
        );
        assert!(notes(
            &report,
            "inferred by the recorder: on (2023-01-01) of record 7"
        ));
        history.say("status | commitment=C2 | to=fulfilled | by=colombia | on=2023-06-01 | irregular=nobody accepted it");
        let report = history.ask(&Repeats, "2024-02-01", &Question::default());
        assert!(notes(&report, "nobody accepted it"));
    }

    #[test]
    fn promises_that_were_corrected_into_a_ring_come_to_an_end() {
        let mut history = again();
        history.say("correction | record=5 | field=repeats | to=C3 | reason=an error");
        let report = history.ask(&Repeats, "2024-02-01", &Question::default());
        assert_eq!(column(&report, "chains", "promises"), ["2", "3"]);
    }
}
