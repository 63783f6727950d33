//! The dossier of a source.

use std::collections::BTreeSet;

use servanda_core::value::base::Text;
use servanda_core::value::id::{Seq, SourceId};
use servanda_core::view::Source;
use servanda_core::words::plural;

use super::shared::{Dossier, entity, last_setter, link, links_table, when};
use crate::parallel;
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
    let title = format!("Source {}: {}", source.id, source.fact.title);
    let mut document = of.document(title, tables);
    let named = of.view.trail_records(&entity(&source.id.0));
    let named = named.filter(|(seq, _)| *seq != recorded).count();
    let names = if named == 1 { "names" } else { "name" };
    document.answer = vec![format!("{} {names} it.", plural(named, "record"))];
    document
}

/// What was read in a source, place by place; what names no place comes first.
fn cited<'r>(of: &Dossier<'_, 'r>, source: &Source<'r>) -> Table<'r> {
    let columns = &["place", "record", "on", "event", "about", "text", "flags"];
    let trail = of.view.trail_records(&entity(&source.id.0));
    let title = "What was read in it";
    let trail = of.latest(title, trail.map(|(seq, _)| seq).collect());
    let cited = parallel::ordered(&of.view, trail.len(), |scope, at| {
        let entry = scope.view.state.entry(trail[at]);
        entry.map_or_else(Vec::new, |entry| entry.event.envelope.source.to_vec())
    });
    let mut places: BTreeSet<(Option<Text>, Seq)> = BTreeSet::new();
    for (seq, cited) in trail.iter().zip(cited) {
        let here = cited.into_iter().filter(|one| one.source == *source.id);
        places.extend(here.map(|one| (one.place, *seq)));
    }
    let places = places.into_iter().collect();
    let rows = rows::of(
        &of.view,
        places,
        |scope, (place, seq): &(Option<Text>, Seq)| {
            let entry = scope.view.state.entry(*seq)?;
            let mut row = vec![Cell::maybe(place.as_ref())];
            row.extend(when(&scope.view, *seq));
            row.push(Cell::text(entry.event.kind()));
            row.push(Cell::List(cells::about(&entry.event)));
            row.push(Cell::Text(scope.sentences.of(entry)));
            row.push(Cell::List(cells::flags(scope.view.state, *seq)));
            Some(row)
        },
    );
    let table = Table::new("cited", title, columns);
    table.or("nothing").with(rows)
}
