//! The dossier of a commitment.

use std::collections::BTreeMap;

use servanda_core::event::{Entry, Event, Fact};
use servanda_core::value::commitment::Standing;
use servanda_core::value::id::{CommitmentId, Seq, Subject};
use servanda_core::view::Commitment;

use super::shared::{Dossier, last_setter, link, links_table, pairs};
use crate::report::cell::Cell;
use crate::report::commitments::Commitments;
use crate::report::document::{Document, Row, Table};
use crate::report::rates::Heard;
use crate::report::{caveats, cells};

pub fn dossier<'r>(of: &Dossier<'_, 'r>, commitment: &Commitment<'r>) -> Document<'r> {
    let view = &of.view;
    let related = of.related(&commitment.id.0);
    let terms = Event::from(Fact::from(commitment.terms.clone().into_owned()));
    let set_by = |field: &str| {
        let base = commitment.set_by.get(field).copied();
        last_setter(view.state, base.unwrap_or(commitment.recorded.seq), field)
    };
    let rest = |entry: &&&Entry| !own_tables_show(entry, commitment.id);
    let rest = related.iter().filter(rest).copied().collect();
    let mut tables = vec![
        state(of, commitment),
        of.fields("terms", "Terms", &terms, set_by),
        moves(of, commitment),
        of.evidence(&related),
        assessments(of, commitment),
        contest(of, commitment),
        of.records("events", "What else was recorded", rest),
        of.sources(&related),
        repeats(of, commitment),
    ];
    tables.extend(of.acknowledgements(related.iter().copied()));
    let title = format!("Commitment {}: {}", commitment.id, commitment.terms.text);
    let mut document = of.document(title, tables);
    let alone = Commitments::new(view, [commitment.id]);
    document.notes.extend(caveats::notes(view, &alone, &[]));
    document
}

fn state(of: &Dossier<'_, '_>, commitment: &Commitment<'_>) -> Table<'static> {
    let (view, question) = (&of.view, of.question);
    let heard = Heard::of(view, commitment, question.silent);
    let agreement = view.agreement(&commitment.terms.agreement);
    let agreement = agreement.map(|each| format!("{}: {}", each.id, each.fact.title));
    let agreed = cells::since(view, commitment.recorded.seq);
    let due = view.due(commitment, question.soon);
    pairs(
        "state",
        "Where it stands",
        vec![
            ("standing", cells::standing(commitment.standing)),
            ("contest", cells::contest(commitment.contest)),
            (
                "assessment",
                Cell::List(cells::assessments(view, commitment)),
            ),
            ("due", cells::due(due, commitment.terms.deadline.as_ref())),
            ("agreement", Cell::maybe(agreement)),
            ("agreed_on", agreed),
            ("last_heard", Cell::text(heard.last)),
            ("silent", Cell::Flag(heard.silent)),
            ("verified", Cell::Flag(commitment.is_verified())),
            (
                "flags",
                Cell::List(cells::commitment_flags(view, commitment)),
            ),
        ],
    )
}

/// How it came to stand where it stands, from the record that made it on.
fn moves<'r>(of: &Dossier<'_, 'r>, commitment: &Commitment<'r>) -> Table<'r> {
    let columns = &["from", "to", "by", "capacity"];
    let first = [commitment.recorded].into_iter();
    let entries = first.chain(commitment.move_entries());
    let entries: Vec<&Entry> = entries
        .filter(|entry| standing_of(entry).is_some())
        .collect();
    let pairs = entries.iter().zip(entries.iter().skip(1));
    let before: BTreeMap<Seq, Standing> = pairs
        .filter_map(|(before, entry)| Some((entry.seq, standing_of(before)?)))
        .collect();
    of.table(
        "moves",
        "How it came there",
        columns,
        entries,
        move |entry| {
            let capacity = match &entry.event.fact {
                Fact::StatusChanged(fact) => fact.capacity,
                _ => None,
            };
            let standing =
                |standing: Option<Standing>| standing.map_or(Cell::None, cells::standing);
            vec![
                standing(before.get(&entry.seq).copied()),
                standing(standing_of(entry)),
                Cell::List(cells::by(&entry.event)),
                Cell::maybe(capacity),
            ]
        },
    )
}

/// Where a record moved a commitment.
fn standing_of(entry: &Entry) -> Option<Standing> {
    match &entry.event.fact {
        Fact::StatusChanged(fact) => Some(fact.to),
        Fact::CommitmentRecorded(fact) => Some(fact.standing.unwrap_or(Standing::Agreed)),
        _ => None,
    }
}

/// The records with these numbers, read.
fn read<'r>(of: &Dossier<'_, 'r>, records: impl Iterator<Item = Seq>) -> Vec<&'r Entry> {
    records.filter_map(|seq| of.view.state.entry(seq)).collect()
}

fn assessments<'r>(of: &Dossier<'_, 'r>, commitment: &Commitment<'r>) -> Table<'r> {
    let all = read(of, commitment.assessments.iter().map(|(seq, _)| *seq));
    let columns = &["by", "scale", "level"];
    let table = of.table("assessments", "Assessments", columns, all, |entry| {
        let Fact::Assessed(fact) = &entry.event.fact else {
            return Row::new();
        };
        vec![
            Cell::List(cells::by(&entry.event)),
            Cell::text(&fact.scale),
            Cell::text(&fact.level),
        ]
    });
    table.or("nobody assessed it")
}

/// What each side says.
fn contest<'r>(of: &Dossier<'_, 'r>, commitment: &Commitment<'r>) -> Table<'r> {
    let all = read(of, commitment.contests.iter().copied());
    let columns = &["to", "by", "text"];
    let table = of.table("contest", "Contest", columns, all, |entry| {
        let Fact::ContestMoved(fact) = &entry.event.fact else {
            return Row::new();
        };
        vec![
            cells::contest(fact.to),
            Cell::List(cells::by(&entry.event)),
            Cell::maybe(fact.text.as_ref()),
        ]
    });
    table.or("nobody argues about it")
}

/// What it promises again, and what promises it again.
fn repeats(of: &Dossier<'_, '_>, commitment: &Commitment<'_>) -> Table<'static> {
    let mut table = links_table("repeats", "Promised before and after");
    let headline = |subject: &Subject| {
        let entry = match subject {
            Subject::Entity(id) => of.view.state.defining(id),
            Subject::Record(seq) => of.view.state.entry(*seq),
        };
        entry.map(|entry| entry.event.headline())
    };
    for subject in &commitment.terms.repeats {
        table.push(link("repeats", subject, headline(subject)));
    }
    let own = Subject::Entity(commitment.id.0.clone());
    for entry in of.view.trail(&own) {
        if let Fact::CommitmentRecorded(fact) = &entry.event.fact
            && fact.repeats.contains(&own)
        {
            table.push(link("repeated by", &fact.id, Some(&fact.text)));
        }
    }
    table
}

/// Whether a table of its own shows an entry in the dossier of a commitment.
fn own_tables_show(entry: &Entry, id: &CommitmentId) -> bool {
    match &entry.event.fact {
        Fact::StatusChanged(fact) => fact.commitment == *id,
        Fact::ContestMoved(fact) => fact.commitment == *id,
        Fact::Assessed(fact) => fact.commitment == *id,
        Fact::CommitmentRecorded(fact) => fact.id == *id,
        Fact::EvidenceAttached(_) | Fact::Acknowledged(_) => true,
        _ => false,
    }
}
