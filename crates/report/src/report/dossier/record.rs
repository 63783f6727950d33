//! The dossiers of a record and of a recorder.

use servanda_core::event::Fact;
use servanda_core::state::{CurrentRecord, State};
use servanda_core::value::id::{Seq, Slug, Subject};
use servanda_core::view::sentences::Sentences;

use super::shared::{Dossier, correction_of, entity, last_setter, pairs, value};
use crate::report::cell::Cell;
use crate::report::cells;
use crate::report::document::{Document, Table};

pub fn recorder<'r>(of: &Dossier<'_, 'r>, id: &Slug) -> Option<Document<'r>> {
    let state = of.view.state;
    let recorded = state.defining(id)?;
    let tables = vec![
        of.fields("terms", "As admitted", &recorded.event, |field| {
            last_setter(state, recorded.seq, field)
        }),
        of.records("events", "What was recorded", standing(of, &entity(id))),
    ];
    Some(of.document(format!("Recorder {id}"), tables))
}

/// The records about something that count and had happened.
fn standing(of: &Dossier<'_, '_>, subject: &Subject) -> Vec<Seq> {
    let counts = |seq: &Seq| of.view.state.standing_kind(*seq).is_some();
    let trail = of.view.trail_records(subject).map(|(seq, _)| seq);
    trail.filter(counts).collect()
}

pub fn dossier<'r>(of: &Dossier<'_, 'r>, seq: Seq) -> Option<Document<'r>> {
    let state = of.view.state;
    if seq.0 >= state.count() {
        return None;
    }
    let held = state.held(seq);
    let mut tables = vec![record_state(of, seq, held)];
    if let Some(held) = held.filter(|held| held.redacted.is_none()) {
        tables.push(record_fields(state, held));
    }
    let about = Subject::Record(seq);
    let counts = |seq: &Seq| state.standing_kind(*seq).is_some();
    let trail = state.trail_records(&about).map(|(seq, _)| seq);
    let referring: Vec<Seq> = trail.filter(counts).collect();
    let acknowledgements = of.acknowledgements(&referring);
    tables.push(of.records("referred_to_by", "What refers to it", referring));
    tables.extend(acknowledgements);
    let title = match held {
        Some(held) => format!("Record {seq}: {}", held.entry.event.kind()),
        None => format!("Record {seq}"),
    };
    Some(of.document(title, tables))
}

fn record_state(of: &Dossier<'_, '_>, seq: Seq, held: Option<&CurrentRecord>) -> Table<'static> {
    let state = of.view.state;
    let mut rows = vec![("record", cells::record(seq))];
    if let Some(held) = held {
        let happened = of.view.has_happened(seq);
        let sentences = Sentences::new(state);
        rows.push(("recorded", cells::recorded(held.entry.recorded_at)));
        rows.push(("event", Cell::text(held.entry.event.kind())));
        rows.push(("text", cells::sentence(&sentences, held)));
        rows.push(("counts", Cell::Flag(held.is_standing() && happened)));
        let mut flags = cells::flags(state, seq);
        flags.extend(cells::asserted(state, seq));
        rows.push(("flags", Cell::List(flags)));
    } else {
        rows.push(("text", Cell::text(cells::WITHHELD)));
        rows.push(("counts", Cell::Flag(false)));
    }
    for entry in state.trail(&Subject::Record(seq)) {
        match &entry.event.fact {
            Fact::Retracted(fact) => {
                rows.push(("retracted_because", Cell::text(&fact.reason)));
            }
            Fact::Redacted(fact) => {
                rows.push(("redacted_because", Cell::text(&fact.reason)));
                rows.push(("redacted_by_authority_of", Cell::text(&fact.authority)));
            }
            _ => {}
        }
    }
    pairs("state", "The record", rows)
}

/// Every field of a record, of its fact and its envelope, as it reads and as it was recorded.
fn record_fields(state: &State, held: &CurrentRecord) -> Table<'static> {
    let columns = &["field", "value", "recorded_as", "corrected_by", "reason"];
    let mut table = Table::new("fields", "What it says", columns);
    let (now, then) = (held.entry.event.to_fields(), held.recorded().to_fields());
    for spec in held.entry.event.kind().fields() {
        let (now, then) = (now.get(spec.name), then.get(spec.name));
        let setter = last_setter(state, held.entry.seq, spec.name);
        let corrected = setter != held.entry.seq;
        if now.is_empty() && then.is_empty() {
            continue;
        }
        table.push(vec![
            Cell::text(spec.name),
            value(now),
            if corrected { value(then) } else { Cell::None },
            if corrected {
                cells::record(setter)
            } else {
                Cell::None
            },
            Cell::maybe(correction_of(state, setter, spec.name)),
        ]);
    }
    table
}
