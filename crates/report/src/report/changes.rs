//! What the ledger learned in a stretch of its own time: each record, with what it changed; and how what stood
//! at the end differs from what stood at the beginning.
//!
//! The records are replayed as they were taken in, so that a change is told as it was when it came, whatever
//! later records made of it.

use std::collections::{BTreeMap, BTreeSet};

use servanda_core::event::{Entry, Event, Fact, Kind};
use servanda_core::state::{CurrentRecord, State};
use servanda_core::value::id::{AgreementId, CommitmentId, PartyId, Seq, Slug, Subject};
use servanda_core::view::View;

use super::cell::Cell;
use super::document::{Document, Report, Table};
use super::question::{Question, Takes};
use super::{cells, select};

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

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let wanted = select::Records::new(view, question);
        let asked = |seq: Seq| {
            wanted.includes(view.state, seq) && select::within_recorded(view.state, seq, question)
        };
        let mut document = Document::new(self.name(), "Changes", view, question);
        let mut table = Table::new("changes", "Changes", COLUMNS).or("nothing was recorded");
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        let mut later = 0;
        let mut past = State::default();
        let mut ends = Ends::default();
        for record in view.state.records() {
            let Some(held) = record else {
                past.apply_missing();
                continue;
            };
            let mut step = Step::new(held);
            if !asked(held.entry.seq) {
                past.apply(&step.entry);
            } else if !view.has_happened(held.entry.seq) {
                past.apply(&step.entry);
                later += 1;
            } else {
                step.take(&mut past, &mut ends);
                *counts.entry(held.entry.event.kind()).or_default() += 1;
                table.rows.kept.extend(step.rows(view, held));
            }
        }
        document.notes.extend(table.cut(question.limit));
        document.notes.extend(select::left_out(view, later));
        document.tables = vec![table, ends.table(), summary(counts)];
        document
    }
}

const COLUMNS: &[&str] = &[
    "record", "recorded", "on", "event", "what", "before", "after", "flags",
];

fn summary(counts: BTreeMap<Kind, usize>) -> Table<'static> {
    let mut table = Table::new("summary", "By kind", &["event", "count"]).or("nothing");
    let rows = counts
        .into_iter()
        .map(|(kind, count)| vec![Cell::text(kind), Cell::count(count)]);
    table.rows = rows.collect();
    table
}

/// What stood of an entity: the names of its fields and axes, each with its texts.
type Terms = BTreeMap<&'static str, Vec<String>>;

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
    fn new(held: &CurrentRecord) -> Self {
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

    /// Takes the record into the state of what came before it, and notes what it changes.
    fn take(&mut self, past: &mut State, ends: &mut Ends) {
        let touched = touched(past, self.entry.seq, &self.entry.event).into_iter();
        let touched: Vec<(Slug, Terms)> = touched
            .map(|id| {
                let before = terms(past, &id);
                (id, before)
            })
            .collect();
        self.note_fact(past);
        past.apply(&self.entry);
        for (id, before) in touched {
            let after = terms(past, &id);
            self.note_state(&id, &before, &after);
            ends.note(id, before, after);
        }
        if self.changes.is_empty() {
            self.changes.push(self.plain(Vec::new()));
        }
    }

    /// Notes what the record itself says of an earlier one.
    fn note_fact(&mut self, past: &State) {
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

    fn note_state(&mut self, id: &Slug, before: &Terms, after: &Terms) {
        if before.is_empty() && !after.is_empty() {
            let first = after.get("standing").or(after.get("status"));
            return self
                .changes
                .push(self.plain(first.cloned().unwrap_or_default()));
        }
        let corrects = self.entry.event.kind() == Kind::Corrected;
        for (name, before, after) in differences(before, after) {
            // A correction has told of its field already; what follows from it is left to tell.
            if !corrects || AXES.contains(&name) {
                self.changes.push(Change {
                    what: format!("{id} {name}"),
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

    fn rows(&self, view: &View<'_>, held: &CurrentRecord) -> Vec<Vec<Cell>> {
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
                    cells::on(view, held.entry.seq)
                },
                Cell::text(held.entry.event.kind()),
                what,
                before,
                after,
                Cell::List(cells::flags(view.state, held.entry.seq)),
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

/// The entities that a record may change, each once: the one it is about, or those that the record it mends was
/// about before and is about now. What else it names stays as it was, and may have a long history to go through.
fn touched(past: &State, seq: Seq, event: &Event) -> BTreeSet<Slug> {
    let about = match &event.fact {
        Fact::CommitmentAmended(fact) => &fact.commitment.0,
        Fact::StatusChanged(fact) => &fact.commitment.0,
        Fact::ContestMoved(fact) => &fact.commitment.0,
        Fact::AgreementStatusChanged(fact) => &fact.agreement.0,
        Fact::PartyRenamed(fact) => &fact.party.0,
        Fact::PartySucceeded(fact) => &fact.party.0,
        Fact::Corrected(fact) => {
            let Some(mended) = earlier(past, seq, fact.record) else {
                return BTreeSet::new();
            };
            let to = fact.to.iter().map(ToString::to_string).collect();
            let now = mended.with_field(fact.field.as_str(), to).ok();
            let both = [Some(mended.clone()), now].into_iter().flatten();
            return both
                .flat_map(|event| touched(past, fact.record, &event))
                .collect();
        }
        Fact::Retracted(fact) => return touched_by_loss(past, seq, fact.record),
        Fact::Redacted(fact) => return touched_by_loss(past, seq, fact.record),
        _ => {
            let defined = event.defines().map(|reference| reference.subject());
            return match defined {
                Some(Subject::Entity(id)) => BTreeSet::from([id]),
                _ => BTreeSet::new(),
            };
        }
    };
    BTreeSet::from([about.clone()])
}

/// The entities that may change when a record no longer counts. Where that is a correction, the record that it
/// mended may be about another one again.
fn touched_by_loss(past: &State, seq: Seq, lost: Seq) -> BTreeSet<Slug> {
    let Some(event) = earlier(past, seq, lost) else {
        return BTreeSet::new();
    };
    let mut all = touched(past, lost, event);
    if let Some((mended, without)) = past.without(lost).filter(|(mended, _)| *mended < lost) {
        all.extend(touched(past, mended, &without));
    }
    if let Fact::Corrected(fact) = &event.fact
        && let Some(now) = earlier(past, lost, fact.record)
    {
        all.extend(touched(past, fact.record, now));
    }
    all
}

/// A record as it reads. In a sound ledger what is mended lies before what mends it; in any other this must still
/// come to an end.
fn earlier(past: &State, seq: Seq, record: Seq) -> Option<&Event> {
    let held = past.held(record).filter(|_| record < seq);
    held.map(|held| &held.entry.event)
}

/// What stood of each entity that was touched, before the first record that did and after the last.
#[derive(Default)]
struct Ends(BTreeMap<Slug, (Terms, Terms)>);

impl Ends {
    fn note(&mut self, id: Slug, before: Terms, after: Terms) {
        let (_, last) = self.0.entry(id).or_insert_with(|| (before, Terms::new()));
        *last = after;
    }

    /// What stands otherwise.
    fn table(&self) -> Table<'static> {
        let columns = &["id", "field", "before", "after"];
        let mut table = Table::new("differences", "What stands otherwise at the end", columns)
            .or("all stands as it did");
        for (id, (before, after)) in &self.0 {
            for (field, before, after) in differences(before, after) {
                table.push(vec![
                    Cell::text(id),
                    Cell::text(field),
                    Cell::List(before),
                    Cell::List(after),
                ]);
            }
        }
        table
    }
}

/// The fields and axes in which two states differ, each with its texts in both.
fn differences(
    before: &Terms,
    after: &Terms,
) -> impl Iterator<Item = (&'static str, Vec<String>, Vec<String>)> {
    let names: BTreeSet<&'static str> = before.keys().chain(after.keys()).copied().collect();
    let texts = |terms: &Terms, name| terms.get(name).cloned().unwrap_or_default();
    let pairs: Vec<_> = names
        .into_iter()
        .map(|name| (name, texts(before, name), texts(after, name)))
        .filter(|(_, before, after)| before != after)
        .collect();
    pairs.into_iter()
}

/// What stands of an entity, whenever it happens; nothing where there is no such entity.
fn terms(state: &State, id: &Slug) -> Terms {
    let view = View::whole(state);
    if let Some(commitment) = view.commitment(&CommitmentId(id.clone())) {
        let terms = Event::from(Fact::from(commitment.terms.into_owned()));
        let mut terms = fields(&terms);
        terms.insert("standing", vec![commitment.standing.to_string()]);
        terms.insert("contest", vec![commitment.contest.to_string()]);
        return terms;
    }
    if let Some(agreement) = view.agreement(&AgreementId(id.clone())) {
        let mut terms = fields(&Event::from(Fact::from(agreement.fact.clone())));
        terms.insert("status", vec![agreement.status.to_string()]);
        return terms;
    }
    if let Some(party) = view.party(&PartyId(id.clone())) {
        let mut terms = fields(&Event::from(Fact::from(party.fact.clone())));
        terms.insert("name", cells::texts(party.names));
        let successors: Vec<String> = party.successors.iter().map(ToString::to_string).collect();
        if !successors.is_empty() {
            terms.insert("successor", successors);
        }
        return terms;
    }
    Terms::new()
}

fn fields(event: &Event) -> Terms {
    let fields = event.to_fields();
    let named = event.kind().own_fields().iter().map(|spec| spec.name);
    named
        .map(|name| (name, fields.get(name).to_vec()))
        .filter(|(_, texts)| !texts.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Bound;
    use super::super::testing::*;
    use super::*;
    use servanda_core::testing::{histories, state};

    const CHANGE: &[&str] = &["record", "what", "before", "after"];

    fn since(history: &History, bound: Bound) -> Document<'static> {
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

    #[test]
    fn the_two_ends_are_compared() {
        let mut history = simple(" | deadline=2023-06-30");
        history.on("2023-05-05").say_all(&[
            "status | commitment=C1 | to=active | by=venezuela | on=2023-02-01",
            "amendment | commitment=C1 | deadline=2023-12-31",
            "retraction | record=6 | reason=of another commitment",
            "rename | party=colombia | name=Republic of Colombia",
        ]);
        let changes = since(&history, Bound::Record(Seq(6)));
        assert_eq!(
            columns(&changes, "differences", &["id", "field", "before", "after"]),
            [
                ["C1", "deadline", "2023-06-30", "2023-12-31"],
                ["colombia", "name", "Colombia", "Republic of Colombia"],
            ]
        );
    }

    /// What stands of everything.
    fn all(state: &State) -> BTreeMap<String, BTreeMap<String, String>> {
        use servanda_core::state::EntityKind::{Agreement, Commitment, Party};
        let ids = [Agreement, Commitment, Party].map(|kind| state.ids(kind));
        let texts = |id: &Slug| {
            let terms = terms(state, id).into_iter();
            terms
                .map(|(name, texts)| (name.to_owned(), texts.join("; ")))
                .collect()
        };
        ids.into_iter()
            .flatten()
            .map(|id| (id.to_string(), texts(id)))
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        /// What stood at the beginning, with the differences, is what stands at the end.
        #[test]
        fn the_differences_lead_from_one_end_to_the_other(
            history in histories(30..140),
            from in 1..30usize,
            length in 1..110usize,
        ) {
            let until = (from + length).min(history.len());
            let [first, last, whole] = [from, until, history.len()].map(|n| state(&history[..n]));
            let question = Question {
                since: Some(Bound::Record(Seq(from as u64))),
                until: Some(Bound::Record(Seq(until as u64 - 1))),
                ..Question::default()
            };
            let changes = Changes.document(&View::whole(&whole), &question);
            let mut terms = all(&first);
            for row in columns(&changes, "differences", &["id", "field", "before", "after"]) {
                let [id, field, before, after] = <[String; 4]>::try_from(row).unwrap();
                let fields = terms.entry(id.clone()).or_default();
                prop_assert_eq!(fields.remove(&field).unwrap_or_default(), before, "{} {}", id, field);
                if !after.is_empty() {
                    fields.insert(field, after);
                }
                if fields.is_empty() {
                    terms.remove(&id);
                }
            }
            prop_assert_eq!(terms, all(&last));
        }
    }
}
