//! What was promised again: each promise that repeats an earlier one, how that stood when it was repeated, and
//! the chains of promises that these make.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use servanda_core::event::Entry;
use servanda_core::value::agreement::Relation;
use servanda_core::value::commitment::Standing;
use servanda_core::value::id::{AgreementId, CommitmentId, Seq, Subject};
use servanda_core::view::{Agreement, Commitment, View};

use super::cell::Cell;
use super::commitments::Commitments;
use super::document::{Document, Report, Table};
use super::question::Question;
use super::rates::{self, Rate};
use super::{caveats, cells, select};

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
        let mut table =
            Table::new("repeats", "What repeats what", COLUMNS).or("nothing was promised again");
        table.rows = repetitions
            .iter()
            .map(|each| row(view, question, each))
            .collect();
        document.tables = vec![
            table,
            chains(view, &repetitions),
            rates::table(
                "rates",
                "How many",
                &shares(view, &repetitions, commitments.len()),
            ),
        ];
        let later: BTreeSet<Seq> = repetitions.iter().map(|each| each.later.seq).collect();
        let shown = commitments.filter(|commitment| later.contains(&commitment.recorded.seq));
        document.notes.extend(caveats::notes(view, &shown, &[]));
        document
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

/// A promise that repeats an earlier one, or something that was said.
struct Repetition<'r> {
    id: Subject,
    later: &'r Entry,
    of: Subject,
    earlier: &'r Entry,
}

/// The repetitions among these, in the order of the later one's day.
fn repetitions<'r>(
    view: &View<'r>,
    commitments: &Commitments<'r>,
    agreements: &[Agreement<'r>],
) -> Vec<Repetition<'r>> {
    let mut all = Vec::new();
    let mut add = |id: Subject, later: &'r Entry, of: Subject| {
        let earlier = entry_of(view, &of).filter(|entry| view.has_happened(entry.seq));
        all.extend(earlier.map(|earlier| Repetition {
            id,
            later,
            of,
            earlier,
        }));
    };
    for commitment in commitments.iter() {
        for of in &commitment.terms.repeats {
            let id = Subject::Entity(commitment.id.0.clone());
            add(id, commitment.recorded, of.clone());
        }
    }
    for agreement in agreements {
        for link in &agreement.fact.link {
            if link.relation == Relation::Repeats {
                let id = Subject::Entity(agreement.id.0.clone());
                add(
                    id,
                    agreement.recorded,
                    Subject::Entity(link.agreement.0.clone()),
                );
            }
        }
    }
    all.sort_by_key(|each| (view.last_possible_day(each.later.seq), each.later.seq));
    all
}

/// The record that made something.
fn entry_of<'r>(view: &View<'r>, subject: &Subject) -> Option<&'r Entry> {
    match subject {
        Subject::Entity(id) => view.state.defining(id),
        Subject::Record(seq) => view.state.entry(*seq),
    }
}

fn as_commitment<'r>(view: &View<'r>, subject: &Subject) -> Option<Commitment<'r>> {
    match subject {
        Subject::Entity(id) => view.commitment(&CommitmentId(id.clone())),
        Subject::Record(_) => None,
    }
}

fn row(view: &View<'_>, question: &Question, each: &Repetition<'_>) -> Vec<Cell> {
    let (first, last) = (day(view, each.earlier), day(view, each.later));
    // The earlier one as it stood at the end of the day before it was promised again.
    let eve = View {
        as_of: last.pred_opt().unwrap_or(last).max(first),
        ..*view
    };
    let then = as_commitment(&eve, &each.of);
    let due = then.as_ref().map_or(Cell::None, |commitment| {
        cells::due(
            eve.due(commitment, question.soon),
            commitment.terms.deadline.as_ref(),
        )
    });
    vec![
        Cell::text(&each.id),
        cells::on(view, each.later.seq),
        Cell::Text(each.later.event.headline()),
        Cell::text(&each.of),
        Cell::text(each.earlier.event.kind()),
        cells::on(view, each.earlier.seq),
        Cell::Text(each.earlier.event.headline()),
        Cell::Number((last - first).num_days()),
        standing(&eve, &each.of),
        due,
        standing(view, &each.of),
        Cell::List(cells::flags(view.state, each.later.seq)),
    ]
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

fn day(view: &View<'_>, entry: &Entry) -> NaiveDate {
    view.last_possible_day(entry.seq)
}

/// Promises that repeat one another, together, from the first to the last.
fn chains(view: &View<'_>, repetitions: &[Repetition<'_>]) -> Table<'static> {
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
    let mut table = Table::new("chains", "Chains of promises", columns).or("none");
    let mut beside: BTreeMap<&Subject, Vec<&Subject>> = BTreeMap::new();
    for each in repetitions {
        beside.entry(&each.id).or_default().push(&each.of);
        beside.entry(&each.of).or_default().push(&each.id);
    }
    let mut seen: BTreeSet<&Subject> = BTreeSet::new();
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
        let mut chain: Vec<(&Subject, &Entry)> = chain
            .into_iter()
            .filter_map(|subject| Some((subject, entry_of(view, subject)?)))
            .collect();
        chain.sort_by_key(|(_, entry)| (day(view, entry), entry.seq));
        let (Some((first, opening)), Some((last, latest))) = (chain.first(), chain.last()) else {
            continue;
        };
        table.push(vec![
            Cell::text(first),
            Cell::text(last),
            Cell::count(chain.len()),
            Cell::list(chain.iter().map(|(subject, _)| subject)),
            cells::on(view, opening.seq),
            cells::on(view, latest.seq),
            Cell::Number((day(view, latest) - day(view, opening)).num_days()),
            Cell::Text(opening.event.headline()),
            standing(view, last),
        ]);
    }
    table
}

/// How many commitments repeat something, and what became of the commitments that were repeated.
fn shares(view: &View<'_>, repetitions: &[Repetition<'_>], commitments: usize) -> [Rate; 3] {
    let is_commitment = |subject: &Subject| as_commitment(view, subject).is_some();
    let later: BTreeSet<&Subject> = repetitions
        .iter()
        .map(|each| &each.id)
        .filter(|id| is_commitment(id))
        .collect();
    let earlier: BTreeSet<&Subject> = repetitions.iter().map(|each| &each.of).collect();
    let earlier: Vec<Standing> = earlier
        .into_iter()
        .filter_map(|subject| Some(as_commitment(view, subject)?.standing))
        .collect();
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
            count: later.len(),
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
