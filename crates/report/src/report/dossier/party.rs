//! The dossier of a party.

use servanda_core::event::{Entry, Fact};
use servanda_core::value::id::PartyId;
use servanda_core::view::{Commitment, Party};

use super::shared::{Dossier, last_setter, link, links_table};
use crate::report::cell::Cell;
use crate::report::document::{Document, Table};
use crate::report::{select, tables};

pub fn dossier<'r>(of: &Dossier<'_, 'r>, party: &Party<'r>) -> Document<'r> {
    let (view, question) = (&of.view, of.question);
    let related = of.related(&party.id.0);
    let recorded = party.recorded.seq;
    let commitments = select::commitments_naming(view, [&party.id.0]);
    let owes = commitments.filter(|each: &Commitment<'r>| each.debtors().contains(&party.id));
    let owed = commitments.filter(|each: &Commitment<'r>| each.creditors().contains(&party.id));
    let mut agreements = view.agreements_naming([&party.id.0]);
    agreements.retain(|agreement| agreement.fact.party.contains(party.id));
    let is_promise = |entry: &Entry| {
        matches!(
            entry.event.fact,
            Fact::CommitmentRecorded(_) | Fact::AgreementRecorded(_)
        )
    };
    let rest = related.iter();
    let rest = rest.filter(|entry| !is_promise(entry) && entry.seq != recorded);
    let rest = rest.copied().collect();
    let tables = vec![
        of.fields("terms", "As registered", &party.recorded.event, |field| {
            last_setter(view.state, recorded, field)
        }),
        names(party),
        kin(of, party),
        tables::commitments(view, "owes", "What it owes", &owes, question),
        tables::commitments(view, "is_owed", "What it is owed", &owed, question),
        tables::agreements(view, &agreements),
        of.records("events", "What else was recorded", rest),
        of.sources(&related),
    ];
    let name = party.names.first().map(|name| name.text.to_string());
    of.document(
        format!("Party {}: {}", party.id, name.unwrap_or_default()),
        tables,
    )
}

fn names(party: &Party<'_>) -> Table<'static> {
    let mut table = Table::new("names", "Names on that day", &["name", "language"]);
    let rows = party.names.iter();
    let rows = rows.map(|name| vec![Cell::text(&name.text), Cell::maybe(name.language.as_ref())]);
    table.rows = rows.collect();
    table
}

/// What it is part of, its parts, whom it succeeded and who succeeded it.
fn kin(of: &Dossier<'_, '_>, party: &Party<'_>) -> Table<'static> {
    let mut table = links_table("kin", "Other parties");
    let name = |other: &PartyId| {
        let other = of.view.party(other)?;
        other.names.first().map(|name| name.text.clone())
    };
    if let Some(parent) = &party.fact.parent {
        table.push(link("part of", parent, name(parent)));
    }
    for other in of.view.parties_naming(&party.id.0) {
        if other.fact.parent.as_ref() == Some(party.id) {
            table.push(link("has part", other.id, name(other.id)));
        }
        if other.successors.contains(&party.id) {
            table.push(link("succeeds", other.id, name(other.id)));
        }
    }
    for successor in &party.successors {
        table.push(link("succeeded by", *successor, name(successor)));
    }
    table
}
