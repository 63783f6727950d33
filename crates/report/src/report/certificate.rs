//! What a ledger holds and how it is bound, for readers who rely on it: its records by kind, its head and checkpoint,
//! what was corrected, retracted and withheld, and the command that gives the same again.

use std::collections::BTreeMap;

use servanda_core::event::{Fact, Kind};
use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_core::view::View;

use super::answers::were;
use super::cell::{Cell, Tone};
use super::chart::{Bar, Chart, Plot};
use super::document::{Document, Report, Table};
use super::question::{Provenance, Question, Takes};
use super::{cells, rows};
use servanda_core::words::plural;

/// The report `certificate`.
#[derive(Debug, Clone, Copy)]
pub struct Certificate;

impl Report for Certificate {
    fn name(&self) -> &'static str {
        "certificate"
    }

    fn about(&self) -> &'static str {
        "What the ledger holds, how it is bound, what was corrected or withheld, and how to get this again"
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Provenance]
    }

    fn narrows(&self) -> bool {
        false
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let state = view.state;
        let mut document = Document::new(self.name(), "Certificate", view, question);
        let census = Census::of(state);
        document.answer = answer(state, &census);
        document.charts.push(census.chart());
        document.tables = vec![
            self::holds(state, &census, question.provenance.as_ref()),
            checkpoint(question.provenance.as_ref()),
            census.kinds(),
            corrections(view, census.mended),
            taken_out(view, "retractions", "Retracted", census.retracted)
                .or("nothing was retracted"),
            taken_out(view, "redactions", "Withheld", census.redacted).or("nothing was withheld"),
        ];
        document.notes.push(
            "this states what the ledger says of itself; whether its bytes are as they were is for \
             a verification to say"
                .to_owned(),
        );
        document.notes.push(
            "it is about records, whenever what they say happened; the day of the question changes nothing in it"
                .to_owned(),
        );
        if question.provenance.is_none() {
            document
                .notes
                .push("asked without the ledger: its head and tree are not known".to_owned());
        }
        document
    }
}

/// All records, sorted out in one pass.
#[derive(Default)]
struct Census {
    /// By kind: how many, and how many of them count.
    kinds: BTreeMap<Kind, (usize, usize)>,
    /// Records whose payload is gone.
    gone: usize,
    mended: Vec<Seq>,
    retracted: Vec<Seq>,
    redacted: Vec<Seq>,
}

impl Census {
    fn of(state: &State) -> Self {
        let mut census = Self::default();
        for seq in (0..state.count()).map(Seq) {
            let Some(kind) = state.kind(seq) else {
                census.gone += 1;
                continue;
            };
            let (all, count) = census.kinds.entry(kind).or_default();
            *all += 1;
            *count += usize::from(state.standing_kind(seq).is_some());
            match kind {
                Kind::Corrected => census.mended.push(seq),
                Kind::Retracted => census.retracted.push(seq),
                Kind::Redacted => census.redacted.push(seq),
                _ => {}
            }
        }
        census
    }

    fn standing(&self) -> usize {
        self.kinds.values().map(|(_, count)| count).sum()
    }

    fn kinds(&self) -> Table<'static> {
        let columns = &["event", "records", "counting"];
        let mut table = Table::new("kinds", "Records by kind", columns).or("no records");
        for (kind, (all, count)) in &self.kinds {
            table.push(vec![
                Cell::text(kind),
                Cell::count(*all),
                Cell::count(*count),
            ]);
        }
        table
    }

    fn chart(&self) -> Chart {
        let bar = |(kind, (all, _)): (&Kind, &(usize, usize))| Bar {
            label: kind.to_string(),
            count: i64::try_from(*all).unwrap_or(i64::MAX),
            tone: Tone::Plain,
        };
        Chart {
            name: "kinds".to_owned(),
            title: "Records by kind".to_owned(),
            table: "kinds",
            plot: Plot::Bars(self.kinds.iter().map(bar).collect()),
        }
    }
}

/// How many records there are, and what became of some.
fn answer(state: &State, census: &Census) -> Vec<String> {
    let (mended, retracted) = (census.mended.len(), census.retracted.len());
    vec![format!(
        "The ledger holds {}. {mended} {} corrected, {retracted} taken back, {} withheld.",
        plural(
            usize::try_from(state.count()).unwrap_or(usize::MAX),
            "record"
        ),
        were(mended),
        census.redacted.len()
    )]
}

fn holds(state: &State, census: &Census, provenance: Option<&Provenance>) -> Table<'static> {
    let mut table = Table::new("certificate", "What it holds", &["field", "value"]);
    let mut say = |field: &str, value: Cell| table.push(vec![Cell::text(field), value]);
    if let Some(fact) = cells::opening(state) {
        say("origin", Cell::text(&fact.origin));
        say("purpose", Cell::maybe(fact.purpose.as_ref()));
    }
    let count = state.count();
    let last = count.checked_sub(1);
    let recorded = |seq: Option<u64>| {
        let held = seq.and_then(|seq| state.held(Seq(seq)));
        held.map_or(Cell::None, |held| cells::recorded(held.entry.recorded_at))
    };
    say(
        "records",
        Cell::Number(i64::try_from(count).unwrap_or(i64::MAX)),
    );
    say(
        "first_record",
        last.map_or(Cell::None, |_| cells::record(Seq(0))),
    );
    say(
        "last_record",
        last.map_or(Cell::None, |last| cells::record(Seq(last))),
    );
    say("first_recorded", recorded(last.map(|_| 0)));
    say("last_recorded", recorded(last));
    say(
        "times_asserted",
        Cell::Number(i64::try_from(state.asserted()).unwrap_or(i64::MAX)),
    );
    say("counting", Cell::count(census.standing()));
    say("corrections", Cell::count(census.mended.len()));
    say("retractions", Cell::count(census.retracted.len()));
    say("redactions", Cell::count(census.redacted.len()));
    say("payloads_gone", Cell::count(census.gone));
    if let Some(provenance) = provenance {
        say("head_link", Cell::text(&provenance.link));
        say("tree_root", Cell::text(&provenance.root));
        say("tool", Cell::text(&provenance.tool));
        say("generated_at", cells::recorded(provenance.at));
        say("command", Cell::text(&provenance.command));
    }
    table
}

/// The text that witnesses would cosign, line by line.
fn checkpoint(provenance: Option<&Provenance>) -> Table<'static> {
    let mut table = Table::new("checkpoint", "Checkpoint", &["line"]).or("not known");
    let text = provenance.map_or("", |provenance| provenance.checkpoint.as_str());
    table.rows = text.lines().map(|line| vec![Cell::text(line)]).collect();
    table
}

fn corrections<'r>(view: &View<'r>, mended: Vec<Seq>) -> Table<'r> {
    let columns = &[
        "record",
        "recorded",
        "of_record",
        "field",
        "before",
        "after",
        "reason",
        "counts",
    ];
    let rows = rows::of(view, mended, |scope, seq| {
        let held = scope.view.state.held(*seq)?;
        let Fact::Corrected(fact) = &held.entry.event.fact else {
            return None;
        };
        let withheld = |cell: Cell| match held.redacted {
            Some(_) => Cell::text(cells::WITHHELD),
            None => cell,
        };
        Some(vec![
            cells::record(held.entry.seq),
            cells::recorded(held.entry.recorded_at),
            cells::record(fact.record),
            withheld(Cell::text(&fact.field)),
            withheld(Cell::List(cells::texts(&fact.old))),
            withheld(Cell::List(cells::texts(&fact.to))),
            withheld(Cell::text(&fact.reason)),
            Cell::Flag(held.is_standing()),
        ])
    });
    let table = Table::new("corrections", "Corrected", columns).by_day("recorded");
    table.or("nothing was corrected").with(rows)
}

/// Records that took others out, and why.
fn taken_out<'r>(view: &View<'r>, name: &'static str, title: &str, by: Vec<Seq>) -> Table<'r> {
    let columns = &["record", "recorded", "of_record", "reason", "authority"];
    let rows = rows::of(view, by, |scope, seq| {
        let held = scope.view.state.held(*seq)?;
        let (of, reason, authority) = match &held.entry.event.fact {
            Fact::Retracted(fact) => (fact.record, &fact.reason, None),
            Fact::Redacted(fact) => (fact.record, &fact.reason, Some(&fact.authority)),
            _ => return None,
        };
        Some(vec![
            cells::record(held.entry.seq),
            cells::recorded(held.entry.recorded_at),
            cells::record(of),
            match held.redacted {
                Some(_) => Cell::text(cells::WITHHELD),
                None => Cell::text(reason),
            },
            Cell::maybe(authority),
        ])
    });
    Table::new(name, title, columns)
        .by_day("recorded")
        .with(rows)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn field(document: &Document<'_>, name: &str) -> String {
        let rows = columns(document, "certificate", &["field", "value"]);
        let found = rows.into_iter().find(|row| row[0] == name);
        found.map_or_else(String::new, |mut row| row.remove(1))
    }

    #[test]
    fn it_lists_what_was_mended_and_withheld() {
        let mut history = simple("");
        history.say_all(&[
            "correction | record=5 | field=text | to=open both bridges | reason=misread",
            "note | text=a name | about=C1",
            "note | text=another | about=C1",
            "retraction | record=7 | reason=of another ledger",
            "redaction | record=8 | reason=personal data | authority=court",
        ]);
        history.state.note_asserted(2);
        let report = history.ask(&Certificate, "2024-01-01", &Question::default());
        assert_eq!(field(&report, "origin"), "example.org/test");
        assert_eq!(
            (field(&report, "records"), field(&report, "last_record")),
            ("11".into(), "10".into())
        );
        assert_eq!(
            (field(&report, "counting"), field(&report, "times_asserted")),
            ("9".into(), "2".into())
        );
        assert_eq!(
            columns(
                &report,
                "corrections",
                &["record", "of_record", "field", "before", "after", "counts"]
            ),
            [[
                "6",
                "5",
                "text",
                "open the bridge",
                "open both bridges",
                "true"
            ]]
        );
        assert_eq!(
            columns(&report, "retractions", &["record", "of_record"]),
            [["9", "7"]]
        );
        assert_eq!(
            columns(&report, "redactions", &["record", "of_record", "authority"]),
            [["10", "8", "court"]]
        );
        let kinds = columns(&report, "kinds", &["event", "records", "counting"]);
        assert!(kinds.contains(&vec!["note".into(), "2".into(), "0".into()]));
        assert!(notes(&report, "its head and tree are not known"));
    }

    #[test]
    fn it_says_where_it_comes_from() {
        let question = Question {
            provenance: Some(Provenance {
                records: 6,
                link: "a1".into(),
                root: "b2".into(),
                checkpoint: "example.org/test\n6\nsrI=\n".into(),
                tool: "servanda 1".into(),
                command: "servanda report certificate".into(),
                at: "2024-01-01T10:00:00Z".parse().unwrap(),
            }),
            ..Question::default()
        };
        let report = simple("").ask(&Certificate, "2024-01-01", &question);
        assert_eq!(field(&report, "head_link"), "a1");
        assert_eq!(field(&report, "generated_at"), "2024-01-01T10:00:00Z");
        assert_eq!(field(&report, "command"), "servanda report certificate");
        assert_eq!(
            column(&report, "checkpoint", "line"),
            ["example.org/test", "6", "srI="]
        );
        assert!(!notes(&report, "not known"));
    }

    #[test]
    fn the_day_of_the_question_changes_nothing() {
        let history = simple("");
        let tables = |day: &str| history.ask(&Certificate, day, &Question::default()).tables;
        assert_eq!(tables("1900-01-01"), tables("2024-01-01"));
    }
}
