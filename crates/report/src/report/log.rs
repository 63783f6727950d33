//! The ledger's own records, newest first: those too that were retracted or withheld.

use servanda_core::event::Fact;
use servanda_core::state::{CurrentRecord, State};
use servanda_core::value::id::{Seq, Subject};
use servanda_core::view::View;

use super::cell::Cell;
use super::document::{Document, Report, Row, Table, cut};
use super::flow::Flow;
use super::question::Question;
use super::{cells, rows, select};
use crate::parallel::Scope;

/// The log. It shows every record, and flags what has not happened by the view's day as `not yet`.
#[derive(Debug, Clone, Copy)]
pub struct Log;

impl Report for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn about(&self) -> &'static str {
        "The records, newest first"
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let wanted = select::Records::new(view, question);
        let unbounded = wanted.is_all() && question.since.is_none() && question.until.is_none();
        let (count, rows) = match unbounded {
            true => all(view, question),
            false => some(view, question, &wanted),
        };
        let mut document = Document::new(self.name(), "Log", view, question);
        document.notes.extend(cut(count, question.limit));
        let table = Table::new("log", "Records", COLUMNS).lead(&["record", "text", "on", "event"]);
        let table = table.by_day("recorded");
        document.tables.push(table.or("no records").with(rows));
        document
    }
}

/// How many records there are, and rows of the newest.
fn all<'r>(view: &View<'r>, question: &Question) -> (usize, Flow<'r, Row>) {
    let count = view.state.count();
    let length = usize::try_from(count).unwrap_or(usize::MAX);
    let shown = question.limit.map_or(length, |limit| limit.min(length));
    let rows = rows::numbered(view, shown, move |scope, at| {
        let state = scope.view.state;
        let seq = Seq(count.checked_sub(at as u64 + 1)?);
        let held = state.held(seq).map(|held| row(scope, held));
        // Nobody knows what it said, so it can only be among all records.
        held.or_else(|| Some(gone(state, seq)))
    });
    (length, rows)
}

/// How many records are asked for, and rows of the newest of these.
fn some<'r>(
    view: &View<'r>,
    question: &Question,
    wanted: &select::Records,
) -> (usize, Flow<'r, Row>) {
    let state = view.state;
    let is_asked = |seq: &Seq| {
        state.kind(*seq).is_some()
            && wanted.includes(state, *seq)
            && select::within_occurred(view, *seq, question)
    };
    let mut records: Vec<Seq> = wanted.newest_first(state).filter(is_asked).collect();
    let count = records.len();
    records.truncate(question.limit.unwrap_or(usize::MAX));
    let rows = rows::of(view, records, |scope, seq| {
        let held = scope.view.state.held(*seq);
        Some(held.map_or_else(|| gone(scope.view.state, *seq), |held| row(scope, held)))
    });
    (count, rows)
}

const COLUMNS: &[&str] = &["record", "recorded", "on", "event", "text", "by", "flags"];

fn row(scope: &Scope<'_>, held: &CurrentRecord) -> Row {
    let (view, entry) = (&scope.view, &held.entry);
    let mut flags = cells::flags(view.state, entry.seq);
    if held.is_standing() && !view.has_happened(entry.seq) {
        flags.push("not yet".to_owned());
    }
    flags.extend(cells::asserted(view.state, entry.seq));
    let withheld = held.redacted.is_some();
    vec![
        cells::record(entry.seq),
        cells::recorded(entry.recorded_at),
        if withheld {
            Cell::None
        } else {
            cells::on(view, entry.seq)
        },
        Cell::text(entry.event.kind()),
        cells::sentence(&scope.sentences, held),
        if withheld {
            Cell::None
        } else {
            Cell::List(cells::by(&entry.event))
        },
        Cell::List(flags),
    ]
}

/// A record whose payload is gone from the log.
fn gone(state: &State, seq: Seq) -> Row {
    let mut flags = vec!["payload gone".to_owned()];
    let subject = Subject::Record(seq);
    let redactions = state.trail(&subject);
    let redactions = redactions.filter(|entry| matches!(entry.event.fact, Fact::Redacted(_)));
    flags.extend(redactions.map(|entry| format!("redacted by {}", entry.seq)));
    vec![
        cells::record(seq),
        Cell::None,
        Cell::None,
        Cell::None,
        Cell::text(cells::WITHHELD),
        Cell::None,
        Cell::List(flags),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::Bound;
    use super::super::testing::*;
    use super::*;

    fn history() -> History {
        let mut history = communique();
        history.on("2023-06-02").say_all(&[
            "status | commitment=C1 | to=active | by=colombia",
            "retraction | record=15 | reason=of another border",
            "statement | text=a name that must not stand here | by=velasquez | about=C2",
            "redaction | record=17 | reason=personal data | authority=court order 7",
            "agreement | id=A2 | title=Roadmap | party=colombia | party=venezuela | on=2031-11-17 | link=continues:A1",
        ]);
        history
    }

    fn ask(history: &History, question: &Question) -> Document<'static> {
        history.ask(&Log, "2024-01-01", question)
    }

    #[test]
    fn it_shows_every_record_newest_first() {
        let history = history();
        let log = ask(&history, &Question::default());
        let records = column(&log, "log", "record");
        assert_eq!(records.len() as u64, history.state.count());
        assert_eq!(records[..2], ["19", "18"]);
        let rows = columns(&log, "log", &["record", "recorded", "text", "by", "flags"]);
        let row = |seq: &str| rows.iter().find(|row| row[0] == seq).unwrap()[1..].to_vec();
        assert_eq!(row("15")[3], "retracted by 16");
        assert_eq!(
            row("17"),
            ["2023-06-02T12:00:02Z", "(withheld)", "", "redacted by 18"]
        );
        assert_eq!(row("19")[3], "not yet");
    }

    #[test]
    fn a_record_without_payload_is_still_a_record() {
        let mut history = history();
        history.state.apply_missing();
        let log = ask(&history, &Question::default());
        let rows = columns(&log, "log", &["record", "text", "flags"]);
        assert_eq!(rows[0], ["20", "(withheld)", "payload gone"]);
        let question = Question {
            party: Some("colombia".parse().unwrap()),
            ..Question::default()
        };
        assert!(!column(&ask(&history, &question), "log", "record").contains(&"20".to_owned()));
    }

    #[test]
    fn filters_follow_what_is_about_what() {
        let history = history();
        let records = |question: Question| column(&ask(&history, &question), "log", "record");
        let commitment = Question {
            commitment: Some("C1".parse().unwrap()),
            ..Question::default()
        };
        // The commitment, a statement about it, its move, and the retraction of that.
        assert_eq!(records(commitment), ["16", "15", "14", "8"]);
        let agreement = Question {
            agreement: Some("A1".parse().unwrap()),
            limit: Some(3),
            ..Question::default()
        };
        assert_eq!(records(agreement.clone()), ["19", "18", "17"]);
        assert!(notes(&ask(&history, &agreement), "the first 3 of 12 rows"));
        let source = Question {
            source: Some("S1".parse().unwrap()),
            kinds: vec!["statement".parse().unwrap()],
            ..Question::default()
        };
        assert_eq!(records(source), ["14"]);
        // Its ministry and its minister are parts of it.
        let party = Question {
            party: Some("colombia".parse().unwrap()),
            kinds: vec!["statement".parse().unwrap(), "meeting".parse().unwrap()],
            ..Question::default()
        };
        assert_eq!(records(party), ["17", "14", "12"]);
        let bounds = Question {
            since: Some(Bound::Record(Seq(3))),
            until: Some(Bound::Record(Seq(4))),
            ..Question::default()
        };
        assert_eq!(records(bounds), ["4", "3"]);
    }
}
