//! Who did what about which agreement: a row for each party to each, with the days of signature, consent,
//! effect and withdrawal.

use std::collections::{BTreeMap, BTreeSet};

use servanda_core::event::Entry;
use servanda_core::value::agreement::Action;
use servanda_core::value::id::{AgreementId, PartyId, Slug};
use servanda_core::view::{Agreement, View};
use servanda_core::words::plural;

use super::cell::Cell;
use super::chart::{Bar, Chart, Plot, StackedBar};
use super::commitments::Commitments;
use super::document::{Document, Report, Row, Table};
use super::participation::{Act, Membership, State, memberships};
use super::question::{Question, Takes};
use super::{caveats, cells, natural, rows, select};
use crate::parallel;

/// The report `matrix`.
#[derive(Debug, Clone, Copy)]
pub struct Matrix;

impl Report for Matrix {
    fn name(&self) -> &'static str {
        "matrix"
    }

    fn about(&self) -> &'static str {
        "What each party did about each agreement: signed, consented, withdrew, and when"
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Limit]
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let agreements = select::agreements(view, question);
        let circle = select::asked_circle(view, question);
        let names = cells::party_names(view);
        let mut document = Document::new(self.name(), "Parties and agreements", view, question);
        let mut by_agreement = Counts::default();
        let mut by_party = Counts::default();
        let mut count = 0;
        let states = parallel::ordered(view, agreements.len(), |scope, at| {
            let of = |(_, members): (_, Vec<Membership<'_>>)| {
                let state = |member: &Membership<'_>| member.state(&scope.view);
                let states = members.iter().map(|each| (each.party.clone(), state(each)));
                states.collect::<Vec<_>>()
            };
            members(&scope.view, agreements[at], circle.as_ref()).map(of)
        });
        for (agreement, states) in agreements.iter().zip(states) {
            for (party, state) in states.into_iter().flatten() {
                count += 1;
                by_agreement.add(agreement.as_str(), state);
                by_party.add(party.as_str(), state);
            }
        }
        document.answer = by_agreement.answer(by_party.0.len());
        let rows = rows::several(view, agreements.clone(), count, move |scope, id| {
            rows_of(&scope.view, id, circle.as_ref(), &names)
        });
        let matrix = Table::new("matrix", "What each party did", COLUMNS).lead(&[
            "agreement",
            "party",
            "state",
            "name",
            "in_force_from",
            "consented_on",
        ]);
        let mut matrix = matrix.or("no parties").with(rows);
        document.notes.extend(matrix.cut(question.limit));
        document.notes.extend(caveats::notes(
            view,
            question,
            &Commitments::new(view, []),
            &agreements,
        ));
        document.charts = charts(&by_agreement);
        document.tables = vec![
            matrix,
            by_agreement.table(
                "agreements",
                "Parties to each agreement, by where they stand",
                "agreement",
            ),
            by_party.table(
                "parties",
                "Agreements of each party, by where it stands",
                "party",
            ),
        ];
        document
    }
}

const COLUMNS: &[&str] = &[
    "agreement",
    "party",
    "name",
    "state",
    "signed_on",
    "consent",
    "consented_on",
    "in_force_from",
    "withdrawn_on",
    "out_from",
    "other",
    "flags",
];

/// An agreement with its parties, those of a circle alone where there is one.
fn members<'a>(
    view: &View<'a>,
    id: &Slug,
    circle: Option<&BTreeSet<PartyId>>,
) -> Option<(Agreement<'a>, Vec<Membership<'a>>)> {
    let agreement = view.agreement(&AgreementId(id.clone()))?;
    let mut members = memberships(view, &agreement);
    if let Some(circle) = circle {
        members.retain(|member| circle.contains(&member.party));
    }
    Some((agreement, members))
}

/// The rows of an agreement.
fn rows_of(
    view: &View<'_>,
    id: &Slug,
    circle: Option<&BTreeSet<PartyId>>,
    names: &BTreeMap<PartyId, String>,
) -> Vec<Row> {
    let Some((agreement, members)) = members(view, id, circle) else {
        return Vec::new();
    };
    let members = members.iter();
    members
        .map(|member| row(view, &agreement, member, names))
        .collect()
}

fn row(
    view: &View<'_>,
    agreement: &Agreement<'_>,
    membership: &Membership<'_>,
    names: &BTreeMap<PartyId, String>,
) -> Row {
    let signed =
        membership.last(|action| matches!(action, Action::Signature | Action::DefinitiveSignature));
    let consent = membership.last(Action::is_consent);
    let force = membership.last(|action| action == Action::EntryIntoForce);
    let withdrawal = membership.last(|action| action == Action::Withdrawal);
    let on = |act: Option<Act<'_>>| act.map_or(Cell::None, |act| cells::since(view, act.entry.seq));
    let effect = |act: Option<Act<'_>>| act?.fact.effective.map(|on| on.to_string());
    let own = effect(consent).or_else(|| cells::occasion_text(view, force?.entry.seq));
    let of_agreement = |seq| format!("{} (of the agreement)", cells::effect_text(view, seq));
    let in_force = membership.entered(view).map(of_agreement).or(own);
    let state = membership.state(view);
    let ended = agreement.changed.filter(|_| state == State::Ended);
    let out = effect(withdrawal).or(ended.map(|ended| of_agreement(ended.seq)));
    vec![
        Cell::text(agreement.id),
        Cell::text(&membership.party),
        Cell::maybe(names.get(&membership.party)),
        state.cell(),
        on(signed),
        Cell::maybe(consent.map(|act| act.fact.action)),
        on(consent),
        Cell::maybe(in_force),
        on(withdrawal),
        Cell::maybe(out),
        Cell::List(
            membership
                .acts
                .iter()
                .filter_map(|act| other(view, *act))
                .collect(),
        ),
        Cell::List(flags(view, &membership.acts)),
    ]
}

/// What has no column of its own: a reservation, a declaration.
fn other(view: &View<'_>, act: Act<'_>) -> Option<String> {
    use Action::*;
    let shown = act.fact.action.is_consent()
        || matches!(act.fact.action, Signature | EntryIntoForce | Withdrawal);
    let on = || cells::occasion_text(view, act.entry.seq);
    (!shown).then(|| match on() {
        Some(on) => format!("{} {on}", act.fact.action),
        None => act.fact.action.to_string(),
    })
}

/// The flags of every act, with the number of its record, for a row is of several.
fn flags(view: &View<'_>, acts: &[Act<'_>]) -> Vec<String> {
    let of = |entry: &Entry| {
        let flags = cells::flags(view.state, entry.seq).into_iter();
        let seq = entry.seq;
        flags.map(move |flag| format!("{flag} (record {seq})"))
    };
    acts.iter().flat_map(|act| of(act.entry)).collect()
}

/// How many are in which state, of each of several things.
#[derive(Default)]
struct Counts(BTreeMap<String, BTreeMap<State, usize>>);

impl Counts {
    fn add(&mut self, of: &str, state: State) {
        let counts = self.0.entry(of.to_owned()).or_default();
        *counts.entry(state).or_default() += 1;
    }

    fn in_order(&self) -> Vec<(&String, &BTreeMap<State, usize>)> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by(|(one, _), (other, _)| natural::order(one, other));
        all
    }

    /// How many parties stand where, in a sentence.
    fn answer(&self, parties: usize) -> Vec<String> {
        let agreements = plural(self.0.len(), "agreement");
        let mut stand = Vec::new();
        for state in State::ALL {
            let count: usize = self.0.values().map(|counts| of_state(counts, state)).sum();
            if count > 0 {
                stand.push(format!("{count} {}", state.word().0));
            }
        }
        match stand.is_empty() {
            true => vec!["No party is recorded of any agreement.".to_owned()],
            false => vec![format!(
                "{parties} {} to {agreements}, where they stand: {}.",
                if parties == 1 { "party" } else { "parties" },
                stand.join(", ")
            )],
        }
    }

    fn table(&self, name: &'static str, title: &str, of: &'static str) -> Table<'static> {
        let columns = [
            of,
            "all",
            "in_force",
            "suspended",
            "withdrawing",
            "consented",
            "provisional",
            "signed",
            "withdrawn",
            "ended",
            "named",
            "other",
        ];
        let mut table = Table::new(name, title, &columns).or("none");
        for (of, counts) in self.in_order() {
            let mut row = vec![Cell::text(of), Cell::count(counts.values().sum())];
            row.extend(State::ALL.map(|state| match of_state(counts, state) {
                // Few agreements are suspended or have ended: without any, tables do without the columns.
                0 if matches!(state, State::Suspended | State::Ended) => Cell::None,
                count => Cell::count(count),
            }));
            table.push(row);
        }
        table
    }
}

fn of_state(counts: &BTreeMap<State, usize>, state: State) -> usize {
    counts.get(&state).copied().unwrap_or_default()
}

/// More bars than this nobody reads; the table has all.
const BARS: usize = 40;

/// Of one agreement, how many parties stand where; of several, the same of each.
fn charts(by_agreement: &Counts) -> Vec<Chart> {
    let count = |counts: &BTreeMap<State, usize>, state| {
        i64::try_from(of_state(counts, state)).unwrap_or(i64::MAX)
    };
    let plot = match by_agreement.0.len() {
        0 => return Vec::new(),
        1 => {
            let counts = by_agreement.0.values().next();
            let bar = |state: State| {
                let (word, tone) = state.word();
                let count = counts.map_or(0, |counts| count(counts, state));
                (count > 0).then(|| Bar {
                    label: word.to_owned(),
                    count,
                    tone,
                })
            };
            Plot::Bars(State::ALL.into_iter().filter_map(bar).collect())
        }
        _ => {
            let mut largest = by_agreement.in_order();
            largest.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.values().sum::<usize>()));
            let bar = |(id, counts): (&String, &BTreeMap<State, usize>)| StackedBar {
                label: id.clone(),
                counts: State::ALL.map(|state| count(counts, state)).to_vec(),
            };
            let words = State::ALL.map(State::word);
            Plot::Stacked {
                parts: words.map(|(word, tone)| (word.to_owned(), tone)).to_vec(),
                bars: largest.into_iter().take(BARS).map(bar).collect(),
            }
        }
    };
    let all = by_agreement.0.len();
    let title = match all {
        1 => "Parties, by where they stand".to_owned(),
        _ if all > BARS => {
            format!("Parties by where they stand: the {BARS} agreements of {all} with the most")
        }
        _ => "Parties to each agreement, by where they stand".to_owned(),
    };
    vec![Chart {
        name: "states".to_owned(),
        title,
        table: "agreements",
        plot,
    }]
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn treaty() -> History {
        let mut history = simple("");
        history.say_all(&[
            "participation | agreement=A1 | party=colombia | action=signature | on=2023-01-01",
            "participation | agreement=A1 | party=colombia | action=ratification | on=2023-02-01 | effective=2023-03-03",
            "participation | agreement=A1 | party=colombia | action=reservation | text=article 3 | on=2023-02-01",
            "participation | agreement=A1 | party=venezuela | action=signature | on=2023-01 | inferred=on",
            "participation | agreement=A1 | party=monitor | action=accession | on=2023-04-01 | effective=2023-05-01",
            "participation | agreement=A1 | party=monitor | action=withdrawal | on=2023-09-01 | effective=2024-09-01",
        ]);
        history
    }

    #[test]
    fn what_each_party_did_stands_in_its_row() {
        let matrix = treaty().ask(&Matrix, "2024-01-01", &Question::default());
        let wanted = [
            "party",
            "name",
            "state",
            "signed_on",
            "consent",
            "consented_on",
            "in_force_from",
            "withdrawn_on",
            "out_from",
            "other",
            "flags",
        ];
        assert_eq!(
            columns(&matrix, "matrix", &wanted),
            [
                [
                    "colombia",
                    "Colombia",
                    "in force",
                    "2023-01-01",
                    "ratification",
                    "2023-02-01",
                    "2023-03-03",
                    "",
                    "",
                    "reservation 2023-02-01",
                    ""
                ],
                [
                    "monitor",
                    "Monitor",
                    "withdrawing",
                    "",
                    "accession",
                    "2023-04-01",
                    "2023-05-01",
                    "2023-09-01",
                    "2024-09-01",
                    "",
                    ""
                ],
                [
                    "venezuela",
                    "Venezuela",
                    "signed",
                    "2023-01 (inferred)",
                    "",
                    "",
                    "",
                    "",
                    "",
                    "",
                    "inferred on (record 9)"
                ],
            ]
        );
        assert_eq!(
            columns(
                &matrix,
                "agreements",
                &["agreement", "all", "in_force", "withdrawing", "signed"]
            ),
            [["A1", "3", "1", "1", "1"]]
        );
        assert!(notes(&matrix, "on (2023-01) of record 9"));
    }

    #[test]
    fn the_withdrawn_are_shown() {
        let matrix = treaty().ask(&Matrix, "2024-09-01", &Question::default());
        let states = columns(&matrix, "matrix", &["party", "state"]);
        assert!(states.contains(&vec!["monitor".into(), "withdrawn".into()]));
        assert_eq!(column(&matrix, "agreements", "withdrawn"), ["1"]);
    }

    #[test]
    fn before_everything_parties_are_named_or_not_at_all() {
        let history = treaty();
        let states = |day| {
            column(
                &history.ask(&Matrix, day, &Question::default()),
                "matrix",
                "state",
            )
        };
        assert!(states("2022-12-31").is_empty());
        assert_eq!(states("2023-01-01"), ["signed", "named"]);
    }

    #[test]
    fn an_agreement_that_ended_binds_nobody() {
        let mut history = treaty();
        history.say_all(&[
            "agreement-status | agreement=A1 | to=in-force | on=2023-03-03",
            "agreement-status | agreement=A1 | to=terminated | on=2023-12-01 | effective=2024-06-30",
        ]);
        let rows = |day| {
            let matrix = history.ask(&Matrix, day, &Question::default());
            let wanted = ["party", "state", "in_force_from", "out_from"];
            let counts = ["all", "in_force", "ended", "withdrawn"];
            let counts = columns(&matrix, "agreements", &counts);
            (columns(&matrix, "matrix", &wanted), counts)
        };
        let (states, counts) = rows("2024-06-29");
        assert_eq!(states[0], ["colombia", "in force", "2023-03-03", ""]);
        assert_eq!(counts, [["3", "1", "", "0"]]);
        let (states, counts) = rows("2024-06-30");
        assert_eq!(
            states,
            [
                [
                    "colombia",
                    "ended",
                    "2023-03-03",
                    "2024-06-30 (of the agreement)"
                ],
                ["monitor", "ended", "2023-05-01", "2024-09-01"],
                ["venezuela", "ended", "", "2024-06-30 (of the agreement)"],
            ]
        );
        assert_eq!(counts, [["3", "0", "3", "0"]]);
    }

    #[test]
    fn an_agreement_in_force_says_from_when_it_binds() {
        let mut history = simple("");
        history
            .say("agreement-status | agreement=A1 | to=in-force | on=2023-02 | effective=2023-03");
        let matrix = history.ask(&Matrix, "2024-01-01", &Question::default());
        assert_eq!(
            columns(&matrix, "matrix", &["party", "state", "in_force_from"]),
            [
                ["colombia", "in force", "2023-03 (of the agreement)"],
                ["venezuela", "in force", "2023-03 (of the agreement)"],
            ]
        );
    }

    #[test]
    fn a_question_narrows_it_to_a_party_and_its_parts() {
        let mut history = treaty();
        history.say(
            "agreement | id=A2 | title=Other | party=colombia | party=venezuela | on=2023-01-01",
        );
        let question = Question {
            party: Some("monitor".parse().unwrap()),
            ..Question::default()
        };
        let matrix = history.ask(&Matrix, "2024-01-01", &question);
        assert_eq!(
            columns(&matrix, "matrix", &["agreement", "party"]),
            [["A1", "monitor"]]
        );
    }

    #[test]
    fn an_irregular_act_is_flagged() {
        let mut history = simple("");
        history.say("participation | agreement=A1 | party=monitor | action=withdrawal | on=2023-02-01 | irregular=it never joined");
        let matrix = history.ask(&Matrix, "2024-01-01", &Question::default());
        assert_eq!(
            column(&matrix, "matrix", "flags")[1],
            "irregular (record 6)"
        );
        assert!(notes(&matrix, "it never joined"));
    }
}
