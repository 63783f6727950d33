//! The tables that several dossiers have.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use servanda_core::event::{Entry, Event, Fact, FieldSpec, Kind};
use servanda_core::rules::Known;
use servanda_core::state::State;
use servanda_core::value::base::Text;
use servanda_core::value::id::{Seq, Slug, SourceId, Subject};
use servanda_core::view::View;

use crate::parallel::{self, Scope};
use crate::report::cell::Cell;
use crate::report::document::{Document, Row, Table};
use crate::report::question::Question;
use crate::report::{cells, rows};

/// The view and the question of a dossier.
pub struct Dossier<'q, 'r> {
    pub view: View<'r>,
    pub question: &'q Question,
    /// What was left out.
    cut: RefCell<Vec<String>>,
}

impl<'q, 'r> Dossier<'q, 'r> {
    pub fn new(view: &View<'r>, question: &'q Question) -> Self {
        Self {
            view: *view,
            question,
            cut: RefCell::default(),
        }
    }

    pub fn document(&self, title: String, mut tables: Vec<Table<'r>>) -> Document<'r> {
        let mut document = Document::new("dossier", title, &self.view, self.question);
        for table in &mut tables {
            let note = table.cut(self.question.limit);
            document
                .notes
                .extend(note.map(|note| format!("{}: {note}", table.title.to_lowercase())));
        }
        document.tables = tables;
        document.notes.extend(self.cut.take());
        document
    }

    /// The latest of some records, as many as a table may have rows.
    pub fn latest(&self, title: &str, mut records: Vec<Seq>) -> Vec<Seq> {
        let count = records.len();
        if let Some(limit) = self.question.limit.filter(|limit| *limit < count) {
            records.drain(..count - limit);
            let title = title.to_lowercase();
            let note = format!("{title}: those of the latest {limit} of {count} records");
            self.cut.borrow_mut().push(note);
        }
        records
    }

    /// The records about an entity that had happened, and those about its records, in the order of the chain. No
    /// record is read.
    pub fn related(&self, id: &Slug) -> Vec<Seq> {
        let own = self.view.state.entity(id).map(|(_, seq)| seq);
        let mut all = BTreeSet::new();
        let mut open: Vec<Subject> = vec![entity(id)];
        // A record about another comes after it, so this ends.
        while let Some(subject) = open.pop() {
            for (seq, kind) in self.view.trail_records(&subject) {
                let mut fields = kind.own_fields().iter();
                let defines_another = fields.any(FieldSpec::defines) && Some(seq) != own;
                if self.view.state.standing_kind(seq).is_some()
                    && all.insert(seq)
                    && !defines_another
                {
                    open.push(Subject::Record(seq));
                }
            }
        }
        all.into_iter().collect()
    }

    /// Those of some records that are of a kind.
    pub fn of_kind(&self, records: &[Seq], wanted: Kind) -> Vec<Seq> {
        let is_one = |seq: &&Seq| self.view.state.kind(**seq) == Some(wanted);
        records.iter().filter(is_one).copied().collect()
    }

    /// A table of records: each row begins with the record and its day and ends with its sources and flags, and `cells`
    /// makes what lies between.
    pub fn table(
        &self,
        name: &'static str,
        title: &str,
        columns: &[&'static str],
        records: Vec<Seq>,
        cells: impl Fn(&Scope<'_>, &Entry) -> Row + Send + Sync + 'r,
    ) -> Table<'r> {
        let records = self.latest(title, records);
        let all = ["record", "on"].iter().chain(columns);
        let all: Vec<&str> = all.chain(&["sources", "flags"]).copied().collect();
        let rows = rows::of(&self.view, records, move |scope, seq| {
            let entry = scope.view.state.entry(*seq)?;
            let mut row = when(&scope.view, *seq);
            row.extend(cells(scope, entry));
            row.push(Cell::List(cells::sources(&entry.event)));
            row.push(Cell::List(cells::flags(scope.view.state, *seq)));
            Some(row)
        });
        Table::new(name, title, &all).with(rows)
    }

    /// A table of records of any kind.
    pub fn records(&self, name: &'static str, title: &str, records: Vec<Seq>) -> Table<'r> {
        let columns = &["event", "text", "by"];
        let table = self.table(name, title, columns, records, |scope, entry| {
            vec![
                Cell::text(entry.event.kind()),
                Cell::Text(scope.sentences.of(entry)),
                Cell::List(cells::by(&entry.event)),
            ]
        });
        table.or("nothing")
    }

    /// The evidence among some records.
    pub fn evidence(&self, related: &[Seq]) -> Table<'r> {
        let columns = &["bearing", "about", "text", "confidence"];
        let records = self.of_kind(related, Kind::EvidenceAttached);
        let title = "Evidence for and against";
        let table = self.table("evidence", title, columns, records, |_, entry| {
            let Fact::EvidenceAttached(fact) = &entry.event.fact else {
                return Row::new();
            };
            vec![
                Cell::text(fact.bearing),
                Cell::List(cells::about(&entry.event)),
                Cell::maybe(fact.text.as_ref()),
                Cell::maybe(entry.event.envelope.confidence),
            ]
        });
        table.or("none")
    }

    /// Which parties acknowledged which records with their own keys; no table where nobody did.
    pub fn acknowledgements(&self, related: &[Seq]) -> Option<Table<'r>> {
        let columns = &["record", "on", "party", "of_record", "event", "flags"];
        let title = "Who acknowledged it";
        let records = self.latest(title, self.of_kind(related, Kind::Acknowledged));
        let is_empty = records.is_empty();
        let rows = rows::of(&self.view, records, |scope, seq| {
            let state = scope.view.state;
            let Fact::Acknowledged(fact) = &state.entry(*seq)?.event.fact else {
                return None;
            };
            let mut row = when(&scope.view, *seq);
            row.extend([Cell::text(&fact.party), cells::record(fact.record)]);
            row.push(Cell::maybe(state.standing_kind(fact.record)));
            row.push(Cell::List(cells::flags(state, *seq)));
            Some(row)
        });
        let table = Table::new("acknowledgements", title, columns);
        (!is_empty).then(|| table.with(rows))
    }

    /// Every place in every source that is cited for something; two places in one source are two.
    pub fn sources(&self, records: &[Seq]) -> Table<'static> {
        let columns = &["source", "place", "title", "records"];
        let mut table = Table::new("sources", "Sources", columns).or("none cited");
        let records = self.latest("Sources", records.to_vec());
        let mut places: BTreeMap<(SourceId, Option<Text>), Vec<Seq>> = BTreeMap::new();
        let cited = parallel::ordered(&self.view, records.len(), |scope, at| {
            let entry = scope.view.state.entry(records[at]);
            entry.map_or_else(Vec::new, |entry| entry.event.envelope.source.to_vec())
        });
        for (seq, cited) in records.iter().zip(cited) {
            for citation in cited {
                let place = (citation.source, citation.place);
                places.entry(place).or_default().push(*seq);
            }
        }
        for ((source, place), records) in places {
            let title = self.view.source(&source).map(|source| &source.fact.title);
            table.push(vec![
                Cell::text(source),
                Cell::maybe(place),
                Cell::maybe(title),
                Cell::list(records),
            ]);
        }
        table
    }

    /// The fields of an event's fact, each with the record that set it.
    pub fn fields(
        &self,
        name: &'static str,
        title: &str,
        event: &Event,
        set_by: impl Fn(&str) -> Seq,
    ) -> Table<'static> {
        let mut table = Table::new(name, title, &["field", "value", "record", "flags"]);
        let fields = event.to_fields();
        for spec in event.kind().own_fields() {
            let texts = fields.get(spec.name);
            if texts.is_empty() {
                continue;
            }
            let setter = set_by(spec.name);
            let setting = self.view.state.entry(setter);
            let inferred = setting.is_some_and(|entry| cells::infers(&entry.event, spec.name));
            table.push(vec![
                Cell::text(spec.name),
                value(texts),
                cells::record(setter),
                Cell::list(inferred.then_some("inferred")),
            ]);
        }
        table
    }
}

/// The cells with which the row of a record begins.
pub fn when(view: &View<'_>, seq: Seq) -> Row {
    vec![cells::record(seq), cells::on(view, seq)]
}

pub fn entity(id: &Slug) -> Subject {
    Subject::Entity(id.clone())
}

/// Names and values, those with a value.
pub fn pairs(name: &'static str, title: &str, rows: Vec<(&'static str, Cell)>) -> Table<'static> {
    let mut table = Table::new(name, title, &["field", "value"]);
    let rows = rows
        .into_iter()
        .map(|(field, value)| vec![Cell::text(field), value]);
    table.rows = rows.collect();
    table
}

pub fn value(texts: &[String]) -> Cell {
    match texts {
        [] => Cell::None,
        [text] => Cell::text(text),
        several => Cell::List(several.to_vec()),
    }
}

pub fn links_table(name: &'static str, title: &str) -> Table<'static> {
    Table::new(name, title, &["relation", "id", "text"]).or("none")
}

pub fn link(relation: &str, id: impl ToString, text: Option<impl ToString>) -> Vec<Cell> {
    vec![Cell::text(relation), Cell::text(id), Cell::maybe(text)]
}

/// The last correction that set a field of a record, or the record itself.
pub fn last_setter(state: &State, seq: Seq, field: &str) -> Seq {
    let corrections = state.held(seq).map_or(&[][..], |held| &held.corrections);
    let sets = |correction: &&Seq| correction_of(state, **correction, field).is_some();
    corrections.iter().rev().find(sets).copied().unwrap_or(seq)
}

/// The reason of a correction that counts, where it is one of this field.
pub fn correction_of<'r>(state: &'r State, correction: Seq, field: &str) -> Option<&'r Text> {
    match &state.entry(correction)?.event.fact {
        Fact::Corrected(fact) if fact.field.as_str() == field => Some(&fact.reason),
        _ => None,
    }
}
