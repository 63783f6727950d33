//! The dossier of an agreement.

use std::collections::BTreeSet;

use servanda_core::event::{Fact, Kind};
use servanda_core::value::agreement::Relation;
use servanda_core::value::id::{AgreementId, Seq};
use servanda_core::view::Agreement;
use servanda_core::words::plural;

use super::shared::{Dossier, last_setter, link, links_table, pairs};
use crate::report::answers::are;
use crate::report::cell::Cell;
use crate::report::document::{Document, Row, Table};
use crate::report::{caveats, cells, select, tables};

pub fn dossier<'r>(of: &Dossier<'_, 'r>, agreement: Agreement<'r>) -> Document<'r> {
    let view = &of.view;
    let related = of.related(&agreement.id.0);
    let commitments = select::in_agreement(view, of.question, agreement.id);
    let recorded = agreement.recorded.seq;
    let own = agreement.participation.iter().chain([&agreement.recorded]);
    let shown: BTreeSet<Seq> = own
        .map(|entry| entry.seq)
        .chain(commitments.records())
        .collect();
    let is_acknowledgement = |seq| view.state.kind(seq) == Some(Kind::Acknowledged);
    let rest = related.iter().copied();
    let rest = rest.filter(|seq| !shown.contains(seq) && !is_acknowledgement(*seq));
    let rest = rest.collect();
    let mut tables = vec![
        of.fields("terms", "Terms", &agreement.recorded.event, |field| {
            last_setter(view.state, recorded, field)
        }),
        state(of, &agreement),
        participation(of, &agreement),
        links(of, &agreement),
        tables::commitments("commitments", "Commitments", &commitments, of.question),
        of.evidence(&related),
        of.records("events", "What else was recorded", rest),
        of.sources(&related),
    ];
    tables.extend(of.acknowledgements(&related));
    let title = format!("Agreement {}: {}", agreement.id, agreement.fact.title);
    let mut document = of.document(title, tables);
    let promises = plural(commitments.len(), "promise");
    let (status, count) = (agreement.status, commitments.len());
    document.answer = vec![format!(
        "It is {status}{}. {promises} {} recorded in it.",
        match since(of, &agreement) {
            Cell::Text(since) => format!(" since {since}"),
            _ => String::new(),
        },
        are(count)
    )];
    let notes = caveats::notes(view, of.question, &commitments, &[&agreement.id.0]);
    document.notes.extend(notes);
    document
}

fn state(of: &Dossier<'_, '_>, agreement: &Agreement<'_>) -> Table<'static> {
    let view = &of.view;
    pairs(
        "state",
        "Where it stands",
        vec![
            ("status", Cell::text(agreement.status)),
            ("since", since(of, agreement)),
            (
                "to_come",
                Cell::list(cells::to_come(view, &agreement.changes)),
            ),
            ("concluded_on", cells::on(&of.view, agreement.recorded.seq)),
            (
                "flags",
                Cell::List(cells::flags(of.view.state, agreement.recorded.seq)),
            ),
        ],
    )
}

/// Since when its status is what it is.
fn since(of: &Dossier<'_, '_>, agreement: &Agreement<'_>) -> Cell {
    match agreement.changed {
        Some(changed) => Cell::text(cells::effect_text(&of.view, changed.seq)),
        None => cells::since(&of.view, agreement.recorded.seq),
    }
}

fn participation<'r>(of: &Dossier<'_, 'r>, agreement: &Agreement<'r>) -> Table<'r> {
    let columns = &["party", "action", "effective", "text"];
    let title = "What the parties did about it";
    let all = agreement.participation.iter().map(|entry| entry.seq);
    let table = of.table(
        "participation",
        title,
        columns,
        all.collect(),
        |_, entry| {
            let Fact::ParticipationRecorded(fact) = &entry.event.fact else {
                return Row::new();
            };
            vec![
                Cell::text(&fact.party),
                Cell::text(fact.action),
                Cell::maybe(fact.effective),
                Cell::maybe(fact.text.as_ref()),
            ]
        },
    );
    table.or("nothing recorded")
}

/// How it relates to others, and they to it.
fn links(of: &Dossier<'_, '_>, agreement: &Agreement<'_>) -> Table<'static> {
    let mut table = links_table("links", "Other agreements");
    let title = |id: &AgreementId| of.view.agreement(id).map(|other| &other.fact.title);
    for each in &agreement.fact.link {
        table.push(link(
            each.relation.word(),
            &each.agreement,
            title(&each.agreement),
        ));
    }
    let naming = select::agreements_naming(&of.view, [&agreement.id.0]).into_iter();
    let naming = naming.map(|id| AgreementId(id.clone()));
    for other in naming.filter_map(|id| of.view.agreement(&id)) {
        for each in other
            .fact
            .link
            .iter()
            .filter(|link| link.agreement == *agreement.id)
        {
            let relation = passive(each.relation);
            table.push(link(relation, other.id, Some(&other.fact.title)));
        }
    }
    table
}

/// A relation as the other agreement has it.
fn passive(relation: Relation) -> &'static str {
    use Relation::*;
    match relation {
        Amends => "amended by",
        Supersedes => "superseded by",
        Continues => "continued by",
        Implements => "implemented by",
        Repeats => "repeated by",
        Terminates => "terminated by",
        Supplements => "supplemented by",
        ProtocolTo => "has protocol",
    }
}
