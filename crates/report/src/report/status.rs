//! What stands: every commitment with its three axes, every agreement, and the rates, of all and of each
//! agreement, party and theme.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use servanda_core::value::commitment::Standing;
use servanda_core::view::{Commitment, View};

use super::caveats::{Caveats, Part};
use super::cell::{Cell, Tone};
use super::chart::{Bar, Chart, Plot, StackedBar};
use super::commitments::Commitments;
use super::document::{Document, Report, Table};
use super::question::Question;
use super::rates::{self, Circumstances, Rate, Tally};
use super::{cells, select, tables};

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
        let agreements = select::agreements(view, question);
        let counts = Counts::new(&commitments, question);
        let mut document = Document::new(self.name(), "Status of commitments", view, question);
        document.tables = vec![
            tables::commitments("commitments", "Commitments", &commitments, question),
            counts.standings(),
            tables::agreements(view, &agreements),
            rates::table("rates", "Rates", &counts.all.tally.rates()),
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
            let circumstances = Circumstances::of(view, &commitment, soon, silent);
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
            counts.caveats.add(part);
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

/// A way to group commitments.
struct Group {
    /// The table, and its first column.
    table: &'static str,
    of: &'static str,
    title: &'static str,
    /// The groups that a commitment is in, each with the standings of those whom the group is about.
    keys: fn(&Commitment<'_>) -> Vec<(String, Vec<Standing>)>,
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
        keys: |commitment| {
            let agreement = commitment.terms.agreement.to_string();
            vec![(agreement, standings(commitment))]
        },
    },
    Group {
        table: "by_party",
        of: "party",
        title: "Commitments that each party owes",
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
        keys: |commitment| {
            let themes = cells::texts(&commitment.terms.theme).into_iter();
            let standings = standings(commitment);
            themes.map(|theme| (theme, standings.clone())).collect()
        },
    },
];

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
            "partial_of_due",
            "contested_of_due",
            "owed",
            "breached_of_owed",
            "missed_of_expected",
        ];
        let mut table = Table::new(self.table, self.title, &columns).or("none");
        for (key, Count { tally, standings }) in groups {
            let [fulfilled, partial, claimed, breached, overdue, contested] = tally.due_rates();
            let [_, _, breached_of_owed] = tally.owed_rates();
            let [_, missed] = tally.occurrence_rates();
            let [_, undated, ..] = tally.live_rates();
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
                Cell::text(partial.share()),
                Cell::text(contested.share()),
                Cell::count(tally.owed),
                Cell::text(breached_of_owed.share()),
                Cell::text(missed.share()),
            ]);
        }
        table
    }

    /// Of several groups, how many of each stand where.
    fn chart(&self, groups: &BTreeMap<String, Count>) -> Option<Chart> {
        let mut largest: Vec<_> = groups.iter().collect();
        largest.sort_by_key(|(key, count)| (Reverse(count.tally.all), *key));
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
mod tests {
    use super::super::testing::*;
    use super::*;

    fn ask(history: &History, day: &str) -> Document<'static> {
        history.ask(&Status, day, &Question::default())
    }

    #[test]
    fn the_communique_is_undated_and_in_no_rate() {
        let status = ask(&communique(), "2030-01-01");
        let rows = columns(&status, "commitments", &["id", "standing", "due", "since"]);
        for (row, id) in rows.iter().zip(["C1", "C2", "C3", "C4"]) {
            assert_eq!(row[..], [id, "agreed", "undated", "2023-05-11 (inferred)"]);
        }
        assert_eq!(rows.len(), 4);
        for rate in ["fulfilled", "claimed", "breached", "overdue"] {
            assert_eq!(share(&status, &format!("due/{rate}")), "none due");
        }
        assert_eq!(share(&status, "assessed/fulfilled"), "none assessed");
        assert_eq!(share(&status, "live/undated"), "4 of 4 (100%)");
        assert_eq!(
            columns(&status, "standings", &["standing", "share"]),
            [["agreed", "4 of 4 (100%)"]]
        );
        assert_eq!(
            columns(
                &status,
                "agreements",
                &["id", "form", "concluded_on", "status", "commitments"]
            ),
            [["A1", "reported", "2023-05-11 (inferred)", "concluded", "4"]]
        );
        assert!(notes(&status, "4 of 4 commitments are undated"));
        assert!(notes(&status, "on (2023-05-11) of record 7 (agreement A1)"));
    }

    #[test]
    fn both_sides_owe_a_mutual_commitment() {
        let status = ask(&communique(), "2030-01-01");
        let sides = columns(&status, "commitments", &["debtors", "creditors"]);
        assert_eq!(sides[0], ["colombia; venezuela", "venezuela; colombia"]);
    }

    #[test]
    fn the_day_decides_what_stands() {
        let mut history = simple(" | deadline=2023-06-30");
        history.on("2023-09-01").say_all(&[
            "status | commitment=C1 | to=claimed | by=colombia | on=2023-06-01",
            "status | commitment=C1 | to=fulfilled | by=venezuela | on=2023-08-01",
        ]);
        let at = |day| {
            columns(
                &ask(&history, day),
                "commitments",
                &["standing", "since", "due"],
            )
        };
        assert!(at("2022-12-31").is_empty());
        assert_eq!(at("2023-01-01"), [["agreed", "2023-01-01", "later"]]);
        assert_eq!(at("2023-07-31"), [["claimed", "2023-06-01", "not owed"]]);
        assert_eq!(at("2023-08-01"), [["fulfilled", "2023-08-01", "not owed"]]);
    }

    #[test]
    fn rates_divide_by_what_fell_due() {
        let mut history = simple(" | deadline=2023-06-30");
        history.say_all(&[
            "commitment | id=C2 | agreement=A1 | text=b | debtor=venezuela | creditor=colombia | deadline=2023-06-30",
            "commitment | id=C3 | agreement=A1 | text=c | debtor=venezuela | creditor=colombia | deadline=2029",
            "commitment | id=C4 | agreement=A1 | text=d | debtor=venezuela | creditor=colombia | deadline=continuing",
            "status | commitment=C1 | to=claimed | by=colombia | on=2023-06-01",
            "status | commitment=C1 | to=fulfilled | by=venezuela | on=2023-06-02",
        ]);
        // On its last day a commitment has not fallen due.
        assert_eq!(
            share(&ask(&history, "2023-06-30"), "due/fulfilled"),
            "none due"
        );
        let after = ask(&history, "2023-07-01");
        assert_eq!(share(&after, "due/fulfilled"), "1 of 2 (50%)");
        assert_eq!(share(&after, "due/overdue"), "1 of 2 (50%)");
        assert_eq!(share(&after, "live/undated"), "0 of 3 (0%)");
        assert!(notes(
            &after,
            "1 of 4 commitments is to be kept at all times"
        ));
        assert_eq!(
            column(&after, "commitments", "due"),
            ["not owed", "overdue", "later", "continuing"]
        );
    }

    #[test]
    fn agreements_parties_and_themes_have_rates_of_their_own() {
        let mut history = simple(" | deadline=2023-06-30 | theme=roads");
        history.say_all(&[
            "agreement | id=A2 | title=Pact | party=colombia | party=venezuela | on=2023-01-01",
            "commitment | id=C2 | agreement=A2 | text=b | debtor=venezuela | creditor=colombia | mutual=true | theme=roads | theme=trade",
            "status | commitment=C1 | to=claimed | by=colombia | on=2023-06-01",
            "status | commitment=C1 | to=fulfilled | by=venezuela | on=2023-06-02",
        ]);
        let status = ask(&history, "2023-07-01");
        let group = |table: &str, of: &str| {
            let wanted = [
                of,
                "commitments",
                "standings",
                "due",
                "fulfilled_of_due",
                "undated_of_live",
            ];
            columns(&status, table, &wanted)
        };
        let kept = ["1", "fulfilled 1", "1", "1 of 1 (100%)", "none live"];
        let owed = ["1", "agreed 1", "0", "none due", "1 of 1 (100%)"];
        let both = [
            "2",
            "agreed 1; fulfilled 1",
            "1",
            "1 of 1 (100%)",
            "1 of 1 (100%)",
        ];
        let row = |of: &str, cells: [&str; 5]| -> Vec<String> {
            [of].iter().chain(&cells).map(ToString::to_string).collect()
        };
        assert_eq!(
            group("by_agreement", "agreement"),
            [row("A1", kept), row("A2", owed)]
        );
        assert_eq!(
            group("by_party", "party"),
            [row("colombia", both), row("venezuela", owed)]
        );
        assert_eq!(
            group("by_theme", "theme"),
            [row("roads", both), row("trade", owed)]
        );
    }

    #[test]
    fn assessors_are_not_averaged_and_no_evidence_is_no_level() {
        let mut history = simple("");
        history.on("2024-01-01").say_all(&[
            "party | id=barometer | kind=organisation | name=Barometer",
            "assessment | commitment=C1 | scale=pam | level=1 | by=monitor | on=2023-03-01",
            "assessment | commitment=C1 | scale=pam | level=3 | by=monitor | on=2023-09-01",
            // Recorded last, but about an earlier day.
            "assessment | commitment=C1 | scale=pam | level=2 | by=monitor | on=2023-06-01",
            "assessment | commitment=C1 | scale=pam | level=no-evidence | by=barometer | on=2023-09-01",
        ]);
        let status = ask(&history, "2024-01-01");
        assert_eq!(
            column(&status, "commitments", "assessment"),
            ["pam=no-evidence by barometer; pam=3 by monitor"]
        );
        assert_eq!(
            share(&status, "assessed/no evidence found"),
            "1 of 1 (100%)"
        );
        let before = ask(&history, "2023-07-01");
        assert_eq!(
            column(&before, "commitments", "assessment"),
            ["pam=2 by monitor"]
        );
    }

    #[test]
    fn what_is_doubtful_is_flagged_and_noted() {
        let mut history = simple(" | deadline=2023 | inferred=deadline");
        let breach = history.say(
            "status | commitment=C1 | to=breached | by=venezuela | on=2023-02-01 | irregular=breached before it was in force",
        );
        history.say("correction | record=5 | field=text | to=open both bridges | reason=misread");
        let status = ask(&history, "2023-07-01");
        assert_eq!(
            column(&status, "commitments", "text"),
            ["open both bridges"]
        );
        assert_eq!(
            column(&status, "commitments", "flags"),
            [format!(
                "inferred deadline; corrected by 7; irregular (record {breach})"
            )]
        );
        assert!(notes(
            &status,
            "irregular: record 6 (status C1): breached before"
        ));
        assert!(notes(
            &status,
            "inferred by the recorder: deadline of record 5"
        ));
    }

    #[test]
    fn a_retracted_move_never_was() {
        let mut history = simple("");
        history.say("status | commitment=C1 | to=active | by=venezuela | on=2023-02-01");
        history.say("retraction | record=6 | reason=of another commitment");
        assert_eq!(
            column(&ask(&history, "2023-07-01"), "commitments", "standing"),
            ["agreed"]
        );
    }

    #[test]
    fn dates_that_leave_it_open_are_told() {
        let mut history = simple(" | deadline=2023");
        history.on("2024-05-05").say_all(&[
            "status | commitment=C1 | to=active | by=venezuela | on=2023",
            "status | commitment=C1 | to=claimed | by=colombia",
        ]);
        let within = ask(&history, "2023-07-01");
        assert_eq!(column(&within, "commitments", "standing"), ["agreed"]);
        assert!(notes(
            &within,
            "record 6 (status C1) happened 2023, perhaps after 2023-07-01"
        ));
        assert!(notes(
            &within,
            "the deadline of C1, 2023, passes at its end, 2023-12-31"
        ));
        let after = ask(&history, "2024-06-01");
        assert_eq!(
            column(&after, "commitments", "since"),
            ["2024-05-05 (recorded)"]
        );
        assert!(notes(&after, "record 7 has no date to count from"));
    }

    /// A history in which these parties have declared keys.
    fn with_keys(mut history: History, parties: &[&str]) -> History {
        for party in parties {
            history.say(&format!("party-key | party={party} | key=k"));
        }
        history
    }

    fn acknowledge(history: &mut History, party: &str, record: u64) {
        history.say(&format!(
            "acknowledgement | record={record} | party={party} | signature=s | on=2023-09-01"
        ));
    }

    fn acknowledged(history: &History, table: &str) -> String {
        let status = ask(history, "2024-01-01");
        column(&status, table, "acknowledged").swap_remove(0)
    }

    #[test]
    fn who_acknowledged_an_agreement_is_told() {
        let parties = ["velasquez", "colombia", "venezuela"];
        let mut history = with_keys(communique(), &parties);
        assert_eq!(acknowledged(&history, "agreements"), "");
        // A minister signs for his state.
        acknowledge(&mut history, "velasquez", 7);
        assert_eq!(acknowledged(&history, "agreements"), "velasquez only");
        acknowledge(&mut history, "venezuela", 7);
        assert_eq!(acknowledged(&history, "agreements"), "both");
        assert_eq!(acknowledged(&history, "commitments"), "");
        let before = ask(&history, "2023-08-31");
        assert_eq!(column(&before, "agreements", "acknowledged"), [""]);

        let mut history = with_keys(simple(""), &["colombia", "venezuela", "monitor"]);
        history.say("agreement | id=A0 | title=Trio | party=colombia | party=venezuela | party=monitor | on=2023-01-01");
        for (party, told) in [
            ("monitor", "monitor only"),
            ("colombia", "monitor, colombia only"),
            ("venezuela", "all"),
        ] {
            acknowledge(&mut history, party, 9);
            assert_eq!(acknowledged(&history, "agreements"), told);
        }
    }

    #[test]
    fn who_acknowledged_where_a_commitment_stands_is_told() {
        let parties = ["colombia", "venezuela", "monitor"];
        let told = |more: &str, signers: &[&str]| {
            let mut history = with_keys(simple(more), &parties);
            for signer in signers {
                acknowledge(&mut history, signer, 5);
            }
            acknowledged(&history, "commitments")
        };
        assert_eq!(told("", &[]), "");
        assert_eq!(told("", &["colombia"]), "debtor only");
        assert_eq!(told("", &["venezuela"]), "creditor only");
        assert_eq!(told("", &["venezuela", "colombia"]), "both sides");
        assert_eq!(told("", &["monitor"]), "monitor");
        assert_eq!(told("", &["monitor", "colombia"]), "monitor, colombia");
        // Of a mutual commitment both are debtors, and of several debtors one is not the side.
        assert_eq!(told(" | mutual=true", &["colombia"]), "colombia");
        assert_eq!(told(" | debtor=monitor", &["colombia"]), "colombia");
        let both = ["colombia", "monitor"];
        assert_eq!(told(" | debtor=monitor", &both), "debtor only");

        // A move has to be acknowledged anew.
        let mut history = with_keys(simple(""), &parties);
        acknowledge(&mut history, "colombia", 5);
        history.on("2023-10-01");
        let moved =
            history.say("status | commitment=C1 | to=claimed | by=colombia | on=2023-09-01");
        assert_eq!(acknowledged(&history, "commitments"), "");
        acknowledge(&mut history, "venezuela", moved.0);
        assert_eq!(acknowledged(&history, "commitments"), "creditor only");
    }

    #[test]
    fn questions_narrow_it() {
        let history = communique();
        let ids = |question: &Question| {
            column(
                &history.ask(&Status, "2024-01-01", question),
                "commitments",
                "id",
            )
        };
        let question = Question {
            commitment: Some("C2".parse().unwrap()),
            ..Question::default()
        };
        assert_eq!(ids(&question), ["C2"]);
        let question = Question {
            standings: vec![Standing::Active],
            ..Question::default()
        };
        assert!(ids(&question).is_empty());
        let question = Question {
            party: Some("velasquez".parse().unwrap()),
            ..Question::default()
        };
        assert!(
            ids(&question).is_empty(),
            "a state's promise is not its minister's"
        );
    }
}
