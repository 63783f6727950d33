//! The dossier of a party.

use std::collections::BTreeSet;

use servanda_core::event::Kind;
use servanda_core::value::id::{AgreementId, PartyId, Seq, Slug};
use servanda_core::view::{Agreement, Party, Successor};
use servanda_core::words::plural;

use super::shared::{Dossier, last_setter, link, links_table};
use crate::parallel;
use crate::report::cell::Cell;
use crate::report::document::{Document, Table};
use crate::report::{select, tables};

pub fn dossier<'r>(of: &Dossier<'_, 'r>, party: &Party<'r>) -> Document<'r> {
    let (view, question) = (&of.view, of.question);
    let related = of.related(&party.id.0);
    let recorded = party.recorded.seq;
    let [owes, owed] = select::sides(view, question, &BTreeSet::from([party.id.clone()]));
    let naming = select::agreements_naming(view, [&party.id.0]);
    let names_it = parallel::ordered(view, naming.len(), |scope, at| {
        let agreement = scope.view.agreement(&AgreementId(naming[at].clone()));
        let has_role = |agreement: &Agreement<'_>| {
            let mut roles = agreement.fact.role.iter();
            roles.any(|each| each.party == *party.id)
        };
        agreement.is_some_and(|agreement| {
            agreement.fact.party.contains(party.id) || has_role(&agreement)
        })
    });
    let agreements = naming.iter().zip(names_it);
    let agreements = agreements.filter_map(|(id, names_it)| names_it.then_some(*id));
    let agreements: Vec<&Slug> = agreements.collect();
    let is_promise = |seq: Seq| {
        let kind = view.state.kind(seq);
        matches!(
            kind,
            Some(Kind::CommitmentRecorded | Kind::AgreementRecorded)
        )
    };
    let rest = related.iter().copied();
    let rest = rest.filter(|seq| !is_promise(*seq) && *seq != recorded);
    let rest = rest.collect();
    let mut tables = vec![
        of.fields("terms", "As registered", &party.recorded.event, |field| {
            last_setter(view.state, recorded, field)
        }),
        names(party),
        kin(of, party),
        tables::commitments("owes", "What it owes", &owes, question),
        tables::commitments("is_owed", "What it is owed", &owed, question),
    ];
    tables.extend(as_successor(of, party));
    tables.extend([
        tables::agreements(view, &agreements),
        of.records("events", "What else was recorded", rest),
        of.sources(&related),
    ]);
    let name = party.names.first().map(|name| name.text.to_string());
    let title = format!("Party {}: {}", party.id, name.unwrap_or_default());
    let mut document = of.document(title, tables);
    document.answer = vec![format!(
        "It owes {} and is owed {}.",
        plural(owes.len(), "promise"),
        plural(owed.len(), "promise")
    )];
    document
}

/// What those that it succeeded owe and are owed; no tables where it succeeded nobody.
fn as_successor<'r>(of: &Dossier<'_, 'r>, party: &Party<'r>) -> Vec<Table<'r>> {
    let (view, question) = (&of.view, of.question);
    let predecessors = view.predecessors(party.id).into_iter();
    let predecessors: BTreeSet<PartyId> =
        predecessors.map(|each| PartyId(each.id.clone())).collect();
    if predecessors.is_empty() {
        return Vec::new();
    }
    let [owes, owed] = select::sides(view, question, &predecessors);
    let title = "What those that it succeeded owe";
    let owes = tables::commitments("owes_as_successor", title, &owes, question);
    let title = "What those that it succeeded are owed";
    let owed = tables::commitments("is_owed_as_successor", title, &owed, question);
    vec![owes, owed]
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
    }
    let mut push = |relation: &str, line: &Successor<'_>| {
        let other = PartyId(line.id.clone());
        let through: Vec<&str> = line.through.iter().map(|slug| slug.as_str()).collect();
        let relation = match through.as_slice() {
            [] => relation.to_owned(),
            through => format!("{relation}, through {}", through.join(", ")),
        };
        table.push(link(&relation, &other, name(&other)));
    };
    let predecessors = of.view.predecessors(party.id);
    predecessors.iter().for_each(|line| push("succeeds", line));
    let successors = of.view.successors(party.id);
    successors
        .iter()
        .for_each(|line| push("succeeded by", line));
    table
}
