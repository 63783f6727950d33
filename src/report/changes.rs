//! What the ledger learned in a stretch of its own time: each record, with what it changed.
//!
//! The records are replayed as they were taken in, so that a change is told as it was when it came, whatever
//! later records made of it.

use std::collections::BTreeMap;

use crate::domain::event::{Entry, Event, Fact, Kind};
use crate::domain::id::{AgreementId, CommitmentId, PartyId, Seq, Slug, Subject};
use crate::domain::register::{Held, Register};
use crate::domain::view::View;

use super::{Cell, Document, Question, Report, Table, Takes, cells, select};

/// The report `changes`.
#[derive(Debug, Clone, Copy)]
pub struct Changes;

impl Report for Changes {
    fn name(&self) -> &'static str {
        "changes"
    }

    fn about(&self) -> &'static str {
        "What the ledger learned between two of its records or days, with what stood before and after"
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Recorded, Takes::Limit]
    }

    fn document(&self, view: &View<'_>, question: &Question) -> Document {
        let wanted = select::Records::new(view, question);
        let asked =
            |entry: &Entry| wanted.includes(entry) && select::within_recorded(entry, question);
        let mut document = Document::new(self.name(), "Changes", view, question);
        let mut table = Table::new("changes", "Changes", COLUMNS).or("nothing was recorded");
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        let mut later = 0;
        let mut past = Register::default();
        for record in view.register.records() {
            let Some(held) = record else {
                past.apply_missing();
                continue;
            };
            let mut step = Step::new(held);
            if !asked(&held.entry) {
                past.apply(&step.entry);
            } else if !view.has_happened(&held.entry) {
                past.apply(&step.entry);
                later += 1;
            } else {
                step.take(&mut past);
                *counts.entry(held.entry.event.kind()).or_default() += 1;
                table.rows.extend(step.rows(view, held));
            }
        }
        document.notes.extend(table.cut(question.limit));
        document.notes.extend(select::left_out(view, later));
        document.tables = vec![table, summary(counts)];
        document
    }
}

const COLUMNS: &[&str] = &[
    "record", "recorded", "on", "event", "what", "before", "after", "flags",
];

fn summary(counts: BTreeMap<Kind, usize>) -> Table {
    let mut table = Table::new("summary", "By kind", &["event", "count"]).or("nothing");
    let rows = counts
        .into_iter()
        .map(|(kind, count)| vec![Cell::text(kind), Cell::count(count)]);
    table.rows = rows.collect();
    table
}

/// What stood of an entity: the names of its fields and axes, each with its texts.
type State = BTreeMap<&'static str, Vec<String>>;

/// One change: of what, from what, to what.
struct Change {
    what: String,
    before: Vec<String>,
    after: Vec<String>,
}

/// One record being taken in.
struct Step {
    /// The entry as it was recorded.
    entry: Entry,
    changes: Vec<Change>,
}

impl Step {
    fn new(held: &Held) -> Self {
        let event = held.recorded().clone();
        let entry = Entry {
            event,
            ..held.entry.clone()
        };
        Self {
            entry,
            changes: Vec::new(),
        }
    }

    /// Takes the record into the register of what came before it, and notes what it changes.
    fn take(&mut self, past: &mut Register) {
        let touched = touched(past, self.entry.seq, &self.entry.event);
        let state_in = |register: &Register| touched.as_ref().map(|id| state(register, id));
        let before = state_in(past);
        self.note_fact(past);
        past.apply(&self.entry);
        let after = state_in(past);
        if let (Some(id), Some(before), Some(after)) = (&touched, before, after) {
            self.note_state(id, &before, &after);
        }
        if self.changes.is_empty() {
            self.changes.push(self.plain(Vec::new()));
        }
    }

    /// Notes what the record itself says of an earlier one.
    fn note_fact(&mut self, past: &Register) {
        match &self.entry.event.fact {
            Fact::Corrected(fact) => self.changes.push(Change {
                what: format!("record {}: {}", fact.record, fact.field),
                before: cells::texts(&fact.old),
                after: cells::texts(&fact.to),
            }),
            Fact::Retracted(fact) => {
                let headline = past
                    .held(fact.record)
                    .map(|held| held.entry.event.headline());
                self.changes.push(Change {
                    what: format!("record {}: {}", fact.record, headline.unwrap_or_default()),
                    before: vec!["counted".to_owned()],
                    after: vec!["retracted".to_owned()],
                });
            }
            _ => {}
        }
    }

    fn note_state(&mut self, id: &Slug, before: &State, after: &State) {
        if before.is_empty() && !after.is_empty() {
            let first = after.get("standing").or(after.get("status"));
            return self
                .changes
                .push(self.plain(first.cloned().unwrap_or_default()));
        }
        let corrects = self.entry.event.kind() == Kind::Corrected;
        let mut names: Vec<&&str> = before.keys().chain(after.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let texts = |state: &State| state.get(name).cloned().unwrap_or_default();
            let (before, after) = (texts(before), texts(after));
            // A correction has told of its field already; what follows from it is left to tell.
            let told = corrects && !AXES.contains(name);
            if before != after && !told {
                let what = format!("{id} {name}");
                self.changes.push(Change {
                    what,
                    before,
                    after,
                });
            }
        }
    }

    fn plain(&self, after: Vec<String>) -> Change {
        Change {
            what: self.entry.event.headline(),
            before: Vec::new(),
            after,
        }
    }

    fn rows(&self, view: &View<'_>, held: &Held) -> Vec<Vec<Cell>> {
        let withheld = held.redacted.is_some();
        let mut changes: Vec<(Cell, Cell, Cell)> = Vec::new();
        for change in &self.changes {
            changes.push((
                Cell::text(&change.what),
                joined(&change.before),
                joined(&change.after),
            ));
        }
        if withheld {
            changes = vec![(cells::headline(held), Cell::None, Cell::None)];
        }
        let row = |(what, before, after)| {
            vec![
                cells::record(held.entry.seq),
                cells::recorded(held.entry.recorded_at),
                if withheld {
                    Cell::None
                } else {
                    cells::on(view, &held.entry)
                },
                Cell::text(held.entry.event.kind()),
                what,
                before,
                after,
                Cell::List(cells::flags(view.register, &held.entry)),
            ]
        };
        changes.into_iter().map(row).collect()
    }
}

fn joined(texts: &[String]) -> Cell {
    Cell::maybe((!texts.is_empty()).then(|| texts.join("; ")))
}

/// What follows from records, and is no field of any.
const AXES: &[&str] = &["standing", "contest", "status"];

/// The entity that a record may change: the one it is about, or the one that the record it mends is about.
/// What else it names stays as it was, and may have a long history to go through.
fn touched(past: &Register, seq: Seq, event: &Event) -> Option<Slug> {
    let mended = match &event.fact {
        Fact::CommitmentAmended(fact) => return Some(fact.commitment.0.clone()),
        Fact::StatusChanged(fact) => return Some(fact.commitment.0.clone()),
        Fact::ContestMoved(fact) => return Some(fact.commitment.0.clone()),
        Fact::AgreementStatusChanged(fact) => return Some(fact.agreement.0.clone()),
        Fact::PartyRenamed(fact) => return Some(fact.party.0.clone()),
        Fact::PartySucceeded(fact) => return Some(fact.party.0.clone()),
        Fact::Corrected(fact) => fact.record,
        Fact::Retracted(fact) => fact.record,
        _ => {
            let defined = event.defines().map(|reference| reference.subject());
            return defined.and_then(|subject| match subject {
                Subject::Entity(id) => Some(id),
                Subject::Record(_) => None,
            });
        }
    };
    // In a sound ledger what is mended lies before; in any other this must still come to an end.
    let held = past.held(mended).filter(|_| mended < seq)?;
    touched(past, mended, &held.entry.event)
}

/// What stands of an entity, whenever it happens; nothing where there is no such entity.
fn state(register: &Register, id: &Slug) -> State {
    let view = View::whole(register);
    if let Some(commitment) = view.commitment(&CommitmentId(id.clone())) {
        let terms = Event::from(Fact::from(commitment.terms));
        let mut state = fields(&terms);
        state.insert("standing", vec![commitment.standing.to_string()]);
        state.insert("contest", vec![commitment.contest.to_string()]);
        return state;
    }
    if let Some(agreement) = view.agreement(&AgreementId(id.clone())) {
        let mut state = fields(&Event::from(Fact::from(agreement.fact.clone())));
        state.insert("status", vec![agreement.status.to_string()]);
        return state;
    }
    if let Some(party) = view.party(&PartyId(id.clone())) {
        let mut state = fields(&Event::from(Fact::from(party.fact.clone())));
        state.insert("name", cells::texts(party.names));
        state.insert(
            "successor",
            party.successors.iter().map(ToString::to_string).collect(),
        );
        return state;
    }
    State::new()
}

fn fields(event: &Event) -> State {
    let fields = event.to_fields();
    let named = event.kind().own_fields().iter().map(|spec| spec.name);
    named
        .map(|name| (name, fields.get(name).to_vec()))
        .filter(|(_, texts)| !texts.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Bound;
    use super::super::testing::*;
    use super::*;

    const CHANGE: &[&str] = &["record", "what", "before", "after"];

    fn since(history: &History, bound: Bound) -> Document {
        let question = Question {
            since: Some(bound),
            ..Question::default()
        };
        history.ask(&Changes, "2024-01-01", &question)
    }

    #[test]
    fn each_record_says_what_it_changed() {
        let mut history = simple(" | deadline=2023-06-30");
        history.on("2023-05-05").say_all(&[
            "status | commitment=C1 | to=active | by=venezuela",
            "amendment | commitment=C1 | deadline=2023-12-31 | purpose=trade",
            "correction | record=5 | field=text | to=open both bridges | reason=misread",
            "correction | record=6 | field=to | to=conditional | reason=it said until funded",
            "retraction | record=6 | reason=of another commitment",
            "contest | commitment=C1 | to=claimed | by=venezuela | text=nothing was done",
            "agreement-status | agreement=A1 | to=in-force",
            "rename | party=colombia | name=Republic of Colombia",
            "commitment | id=C2 | agreement=A1 | text=keep it open | debtor=colombia | creditor=venezuela",
            "note | text=asked again | about=C1",
        ]);
        let changes = since(&history, Bound::Record(Seq(6)));
        assert_eq!(
            columns(&changes, "changes", CHANGE),
            [
                ["6", "C1 standing", "agreed", "active"],
                ["7", "C1 deadline", "2023-06-30", "2023-12-31"],
                ["7", "C1 purpose", "", "trade"],
                [
                    "8",
                    "record 5: text",
                    "open the bridge",
                    "open both bridges"
                ],
                ["9", "record 6: to", "active", "conditional"],
                ["9", "C1 standing", "active", "conditional"],
                ["10", "record 6: C1 is conditional", "counted", "retracted"],
                ["10", "C1 standing", "conditional", "agreed"],
                ["11", "C1 contest", "none", "claimed"],
                ["12", "A1 status", "concluded", "in-force"],
                ["13", "colombia name", "Colombia", "Republic of Colombia"],
                ["14", "keep it open", "", "agreed"],
                ["15", "asked again", "", ""],
            ]
        );
        let summary = columns(&changes, "summary", &["event", "count"]);
        assert!(summary.contains(&vec!["correction".to_owned(), "2".to_owned()]));
        assert_eq!(
            column(&changes, "changes", "flags")[0],
            "corrected by 9; retracted by 10"
        );
    }

    #[test]
    fn it_is_the_clock_of_the_ledger_that_bounds_it() {
        let mut history = simple("");
        history
            .on("2023-05-05")
            .say("meeting | text=long ago | present=colombia | on=2020");
        history
            .on("2023-05-06")
            .say("meeting | text=not yet | present=colombia | on=2031");
        let changes = since(&history, Bound::Day(day("2023-05-05")));
        assert_eq!(column(&changes, "changes", "what"), ["long ago"]);
        assert!(notes(&changes, "1 record is left out"));
        let noon = "2023-05-05T12:00:00Z".parse().unwrap();
        assert_eq!(
            column(&since(&history, Bound::Time(noon)), "changes", "what"),
            ["long ago"]
        );
        let question = Question {
            until: Some(Bound::Day(day("2023-05-04"))),
            ..Question::default()
        };
        let before = history.ask(&Changes, "2024-01-01", &question);
        assert_eq!(column(&before, "changes", "record").len(), 6);
    }

    #[test]
    fn what_was_withheld_stays_so() {
        let mut history = simple("");
        history.say("statement | text=a name | about=C1");
        history.say("redaction | record=6 | reason=personal data | authority=court");
        let changes = since(&history, Bound::Record(Seq(6)));
        assert_eq!(
            column(&changes, "changes", "what"),
            ["(withheld)", "record 6: personal data"]
        );
    }
}
