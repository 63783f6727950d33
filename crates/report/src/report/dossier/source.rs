//! The dossier of a source.

use std::collections::BTreeMap;

use servanda_core::event::Entry;
use servanda_core::value::base::Text;
use servanda_core::value::id::{Seq, SourceId};
use servanda_core::view::Source;

use super::shared::{Dossier, entity, last_setter, link, links_table, when};
use crate::report::cell::Cell;
use crate::report::document::{Document, Table};
use crate::report::{cells, rows};

pub fn dossier<'r>(of: &Dossier<'_, 'r>, source: &Source<'r>) -> Document<'r> {
    let state = of.view.state;
    let recorded = source.recorded.seq;
    let mut links = links_table("derivation", "Known through");
    let title = |id: &SourceId| of.view.source(id).map(|other| &other.fact.title);
    if let Some(id) = &source.fact.derived_from {
        links.push(link("derived from", id, title(id)));
    }
    for other in of.view.sources_naming(&source.id.0) {
        if other.fact.derived_from.as_ref() == Some(source.id) {
            links.push(link("source of", other.id, Some(&other.fact.title)));
        }
    }
    let tables = vec![
        of.fields("terms", "As registered", &source.recorded.event, |field| {
            last_setter(state, recorded, field)
        }),
        links,
        cited(of, source),
    ];
    of.document(
        format!("Source {}: {}", source.id, source.fact.title),
        tables,
    )
}

/// What was read in a source, place by place; what names no place comes first.
fn cited<'r>(of: &Dossier<'_, 'r>, source: &Source<'r>) -> Table<'r> {
    let columns = &["place", "record", "on", "event", "about", "text", "flags"];
    let mut places: BTreeMap<(Option<&Text>, Seq), &Entry> = BTreeMap::new();
    for entry in of.view.trail(&entity(&source.id.0)) {
        for citation in &entry.event.envelope.source {
            if citation.source == *source.id {
                places.insert((citation.place.as_ref(), entry.seq), entry);
            }
        }
    }
    let places = places.into_iter().map(|((place, _), entry)| (place, entry));
    let view = of.view;
    let rows = rows::of(
        places.collect(),
        move |(place, entry): &(Option<&Text>, &Entry)| {
            let mut row = vec![Cell::maybe(*place)];
            row.extend(when(&view, entry));
            row.push(Cell::text(entry.event.kind()));
            row.push(Cell::List(cells::about(&entry.event)));
            row.push(Cell::Text(entry.event.headline()));
            row.push(Cell::List(cells::flags(view.state, entry.seq)));
            Some(row)
        },
    );
    let table = Table::new("cited", "What was read in it", columns);
    table.or("nothing").with(rows)
}
