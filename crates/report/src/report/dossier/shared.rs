//! What the dossiers of all kinds are made of.

use std::collections::BTreeMap;

use servanda_core::event::{Entry, Event, Fact};
use servanda_core::state::State;
use servanda_core::value::base::Text;
use servanda_core::value::id::{Seq, Slug, SourceId, Subject};
use servanda_core::view::View;

use crate::report::cell::Cell;
use crate::report::document::{Document, Row, Table};
use crate::report::question::Question;
use crate::report::{cells, rows};

/// What every dossier is drawn from.
pub struct Dossier<'q, 'r> {
    pub view: View<'r>,
    pub question: &'q Question,
}

impl<'r> Dossier<'_, 'r> {
    pub fn document(&self, title: String, tables: Vec<Table<'r>>) -> Document<'r> {
        let mut document = Document::new("dossier", title, &self.view, self.question);
        document.tables = tables;
        document
    }

    /// The records about an entity that had happened, and those about its records, in the order of the chain.
    pub fn related(&self, id: &Slug) -> Vec<&'r Entry> {
        let mut all: BTreeMap<Seq, &'r Entry> = BTreeMap::new();
        let mut open: Vec<Subject> = vec![entity(id)];
        // A record about another comes after it, so this ends.
        while let Some(subject) = open.pop() {
            for entry in self.view.trail(&subject) {
                let about_another = matches!(entry.event.defines(), Some(ref other) if other.subject() != entity(id));
                if all.insert(entry.seq, entry).is_none() && !about_another {
                    open.push(Subject::Record(entry.seq));
                }
            }
        }
        all.into_values().collect()
    }

    /// A table of records: each row begins with the record and its day and ends with its sources and flags, and `cells`
    /// makes what lies between.
    pub fn table(
        &self,
        name: &'static str,
        title: &str,
        columns: &[&'static str],
        entries: Vec<&'r Entry>,
        cells: impl Fn(&'r Entry) -> Row + Send + Sync + 'r,
    ) -> Table<'r> {
        let view = self.view;
        let all = ["record", "on"].iter().chain(columns);
        let all: Vec<&str> = all.chain(&["sources", "flags"]).copied().collect();
        Table::new(name, title, &all).with(rows::of(entries, move |entry: &&'r Entry| {
            let mut row = when(&view, entry);
            row.extend(cells(entry));
            row.push(Cell::List(cells::sources(&entry.event)));
            row.push(Cell::List(cells::flags(view.state, entry.seq)));
            Some(row)
        }))
    }

    /// Records as they come, whatever their kind.
    pub fn records(&self, name: &'static str, title: &str, entries: Vec<&'r Entry>) -> Table<'r> {
        let table = self.table(name, title, &["event", "text", "by"], entries, |entry| {
            vec![
                Cell::text(entry.event.kind()),
                Cell::Text(entry.event.headline()),
                Cell::List(cells::by(&entry.event)),
            ]
        });
        table.or("nothing")
    }

    pub fn evidence(&self, related: &[&'r Entry]) -> Table<'r> {
        let columns = &["bearing", "about", "text", "confidence"];
        let is_evidence = |entry: &&&Entry| matches!(entry.event.fact, Fact::EvidenceAttached(_));
        let entries = related.iter().filter(is_evidence).copied().collect();
        let title = "Evidence for and against";
        let table = self.table("evidence", title, columns, entries, |entry| {
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
    pub fn acknowledgements(&self, entries: impl Iterator<Item = &'r Entry>) -> Option<Table<'r>> {
        let columns = &["record", "on", "party", "of_record", "event", "flags"];
        let view = self.view;
        let is_one = |entry: &&Entry| matches!(entry.event.fact, Fact::Acknowledged(_));
        let entries: Vec<&Entry> = entries.filter(is_one).collect();
        let is_empty = entries.is_empty();
        let rows = rows::of(entries, move |entry: &&'r Entry| {
            let Fact::Acknowledged(fact) = &entry.event.fact else {
                return None;
            };
            let of = view.state.entry(fact.record);
            let mut row = when(&view, entry);
            row.extend([Cell::text(&fact.party), cells::record(fact.record)]);
            row.push(Cell::maybe(of.map(|of| of.event.kind())));
            row.push(Cell::List(cells::flags(view.state, entry.seq)));
            Some(row)
        });
        let table = Table::new("acknowledgements", "Who acknowledged it", columns);
        (!is_empty).then(|| table.with(rows))
    }

    /// Every place in every source that is cited for something; two places in one source are two.
    pub fn sources(&self, entries: &[&Entry]) -> Table<'static> {
        let columns = &["source", "place", "title", "records"];
        let mut table = Table::new("sources", "Sources", columns).or("none cited");
        let mut places: BTreeMap<(&SourceId, Option<&Text>), Vec<Seq>> = BTreeMap::new();
        for entry in entries {
            for citation in &entry.event.envelope.source {
                let place = (&citation.source, citation.place.as_ref());
                places.entry(place).or_default().push(entry.seq);
            }
        }
        for ((source, place), records) in places {
            let title = self.view.source(source).map(|source| &source.fact.title);
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
pub fn when(view: &View<'_>, entry: &Entry) -> Row {
    vec![cells::record(entry.seq), cells::on(view, entry.seq)]
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
