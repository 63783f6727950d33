//! What stands: every commitment with its three axes, every agreement, and the rates, of all and of each
//! agreement, party and theme.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use servanda_core::value::commitment::Standing;
use servanda_core::view::{Commitment, View};

use super::caveats::Caveats;
use super::cell::{Cell, Tone};
use super::chart::{Bar, Chart, Plot, StackedBar};
use super::commitments::Commitments;
use super::document::{Document, Report, Table};
use super::part::Part;
use super::question::Question;
use super::rates::{Circumstances, Rate, Tally};
use super::{answers, cells, natural, select, tables};

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

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let commitments = select::commitments(view, question);
        let mut document = Document::new(self.name(), "Status of commitments", view, question);
        let table = tables::commitments("commitments", "Commitments", &commitments, question);
        if question.first_table_only {
            document.tables.push(table);
            return document;
        }
        let agreements = select::agreements(view, question);
        let counts = Counts::new(&commitments, question);
        document.answer =
            answers::became(&counts.all.tally, &counts.all.standings, agreements.len());
        document.tables = vec![
            table,
            counts.standings(),
            tables::agreements(view, &agreements),
            tables::rates("rates", "Rates", &counts.all.tally.rates()),
        ];
        document.charts.extend(counts.chart());
        for (group, counts) in GROUPS.iter().zip(&counts.groups) {
            document.charts.extend(group.chart(counts));
            document.tables.push(group.table(counts));
        }
        let notes = counts.caveats.notes(view, &commitments, &agreements);
        document.notes.extend(notes);
        document
    }
}

/// What is counted of some commitments.
#[derive(Default)]
struct Count {
    tally: Tally,
    /// How many stand there, for each standing that occurs.
    standings: BTreeMap<Standing, usize>,
}

impl Count {
    fn add(&mut self, tally: Tally, standing: Standing) {
        self.tally = self.tally + tally;
        *self.standings.entry(standing).or_default() += 1;
    }
}

/// What is counted of all commitments in one pass.
#[derive(Default)]
struct Counts {
    all: Count,
    groups: [BTreeMap<String, Count>; GROUPS.len()],
    caveats: Caveats,
}

impl Counts {
    fn new(commitments: &Commitments<'_>, question: &Question) -> Self {
        let (soon, silent) = (question.soon, question.silent);
        let all = commitments.in_parallel(|view, commitment| {
            let circumstances = Circumstances::of(view, &commitment, soon, Some(silent));
            let count = |standings: &[Standing]| {
                let tally = Tally::of_debtors(&circumstances, standings.iter().copied());
                let whole = Standing::of_all(standings.iter().copied());
                (tally, whole.unwrap_or(commitment.standing))
            };
            // Each commitment is in every group that it is in once.
            let keys = GROUPS.each_ref().map(|group| {
                let mut keys = (group.keys)(&commitment);
                keys.sort_unstable();
                keys.dedup_by(|(one, _), (other, _)| one == other);
                let keys = keys.into_iter();
                let counted = keys.map(|(key, standings)| (key, count(&standings)));
                counted.collect::<Vec<_>>()
            });
            let part = Part::new(view, &commitment);
            (count(&standings(&commitment)), keys, part)
        });
        let mut counts = Self::default();
        for ((tally, standing), keys, part) in all {
            counts.all.add(tally, standing);
            for (group, keys) in counts.groups.iter_mut().zip(keys) {
                for (key, (tally, standing)) in keys {
                    group.entry(key).or_default().add(tally, standing);
                }
            }
            counts.caveats.add(&part);
        }
        counts
    }

    /// How many commitments stand where.
    fn standings(&self) -> Table<'static> {
        let columns = &["standing", "count", "share"];
        let mut table = Table::new("standings", "Standings", columns).or("no commitments");
        for (standing, count) in &self.all.standings {
            let rate = Rate {
                name: "",
                denominator: "",
                count: *count,
                of: self.all.tally.all,
            };
            table.push(vec![
                cells::standing(*standing),
                Cell::count(*count),
                Cell::text(rate.share()),
            ]);
        }
        table
    }

    fn chart(&self) -> Option<Chart> {
        let bar = |(standing, count): (&Standing, &usize)| Bar {
            label: standing.to_string(),
            count: whole(*count),
            tone: tone(*standing),
        };
        (self.all.tally.all > 0).then(|| Chart {
            name: "standings".to_owned(),
            title: "Commitments, by where they stand".to_owned(),
            table: "standings",
            plot: Plot::Bars(self.all.standings.iter().map(bar).collect()),
        })
    }
}

fn tone(standing: Standing) -> Tone {
    match cells::standing(standing) {
        Cell::Word(_, tone) => tone,
        _ => Tone::Plain,
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A group, and the standings of those whom it is about.
type Key = (String, Vec<Standing>);

/// A way to group commitments.
struct Group {
    /// The table, and its first column.
    table: &'static str,
    of: &'static str,
    title: &'static str,
    /// The columns that are given room first.
    lead: &'static [&'static str],
    /// The groups that a commitment is in, each with the standings of those whom the group is about.
    keys: fn(&Commitment<'_>) -> Vec<Key>,
}

/// Where each debtor of a commitment stands.
fn standings(commitment: &Commitment<'_>) -> Vec<Standing> {
    let each = commitment.standings.iter();
    each.map(|(_, standing)| *standing).collect()
}

const GROUPS: [Group; 3] = [
    Group {
        table: "by_agreement",
        of: "agreement",
        title: "Commitments of each agreement",
        lead: &[
            "agreement",
            "commitments",
            "standings",
            "due",
            "fulfilled_of_due",
            "overdue_of_due",
        ],
        keys: |commitment| {
            let agreement = commitment.terms.agreement.to_string();
            vec![(agreement, standings(commitment))]
        },
    },
    Group {
        table: "by_party",
        of: "party",
        title: "Commitments that each party owes",
        lead: &[
            "party",
            "commitments",
            "standings",
            "due",
            "fulfilled_of_due",
            "overdue_of_due",
        ],
        keys: |commitment| {
            let each = commitment.each();
            each.map(|(party, standing)| (party.to_string(), vec![standing]))
                .collect()
        },
    },
    Group {
        table: "by_theme",
        of: "theme",
        title: "Commitments of each theme",
        lead: &[
            "theme",
            "commitments",
            "standings",
            "due",
            "fulfilled_of_due",
            "overdue_of_due",
        ],
        keys: |commitment| {
            let themes = cells::texts(&commitment.terms.theme).into_iter();
            let standings = standings(commitment);
            themes.map(|theme| (theme, standings.clone())).collect()
        },
    },
];

/// The groups in the order of their keys.
fn in_order(groups: &BTreeMap<String, Count>) -> Vec<(&String, &Count)> {
    let mut all: Vec<_> = groups.iter().collect();
    all.sort_by(|(one, _), (other, _)| natural::order(one, other));
    all
}

/// More bars than this nobody reads; the table has all.
const BARS: usize = 40;

impl Group {
    fn table(&self, groups: &BTreeMap<String, Count>) -> Table<'static> {
        let columns = [
            self.of,
            "commitments",
            "standings",
            "live",
            "undated_of_live",
            "due",
            "fulfilled_of_due",
            "claimed_of_due",
            "breached_of_due",
            "overdue_of_due",
            "partial_of_owed",
            "breached_of_owed",
            "contested_of_live",
            "lapsed_of_live",
            "missed_of_expected",
        ];
        let some = |rate: Rate| Cell::maybe((rate.count > 0).then(|| rate.share()));
        let mut table = Table::new(self.table, self.title, &columns)
            .lead(self.lead)
            .or("none");
        for (key, Count { tally, standings }) in in_order(groups) {
            let [fulfilled, _, claimed, breached, overdue, _] = tally.due_rates();
            let [_, partial, breached_of_owed] = tally.owed_rates();
            let [_, undated, _, contested, lapsed] = tally.live_rates();
            let [_, missed] = tally.occurrence_rates();
            let words = standings.iter();
            table.push(vec![
                Cell::text(key),
                Cell::count(tally.all),
                Cell::list(words.map(|(standing, count)| format!("{standing} {count}"))),
                Cell::count(tally.live),
                Cell::text(undated.share()),
                Cell::count(tally.due),
                Cell::text(fulfilled.share()),
                Cell::text(claimed.share()),
                Cell::text(breached.share()),
                Cell::text(overdue.share()),
                some(partial),
                some(breached_of_owed),
                some(contested),
                some(lapsed),
                some(missed),
            ]);
        }
        table
    }

    /// Of several groups, how many of each stand where.
    fn chart(&self, groups: &BTreeMap<String, Count>) -> Option<Chart> {
        let mut largest = in_order(groups);
        largest.sort_by_key(|(_, count)| Reverse(count.tally.all));
        let all = largest.len();
        largest.truncate(BARS);
        let bar = |(key, of): (&String, &Count)| {
            let count = |standing| whole(of.standings.get(standing).copied().unwrap_or_default());
            StackedBar {
                label: key.clone(),
                counts: Standing::ALL.iter().map(count).collect(),
            }
        };
        let part = |standing: &Standing| (standing.to_string(), tone(*standing));
        (all > 1).then(|| Chart {
            name: self.table.to_owned(),
            title: if all > BARS {
                format!(
                    "{}, by where they stand: the {BARS} of {all} with the most",
                    self.title
                )
            } else {
                format!("{}, by where they stand", self.title)
            },
            table: self.table,
            plot: Plot::Stacked {
                parts: Standing::ALL.iter().map(part).collect(),
                bars: largest.into_iter().map(bar).collect(),
            },
        })
    }
}

#[cfg(test)]
mod tests;
