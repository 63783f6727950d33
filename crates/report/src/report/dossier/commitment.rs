//! The dossier of a commitment.

use std::collections::{BTreeMap, BTreeSet};

use servanda_core::event::{Entry, Event, Fact, Kind};
use servanda_core::rules::Known;
use servanda_core::state::{Id, Move};
use servanda_core::value::commitment::{Contest, Standing};
use servanda_core::value::id::{Seq, Subject};
use servanda_core::view::sentences::Sentences;
use servanda_core::view::{Commitment, Due};
use servanda_core::words::plural;

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
    let rest = related.iter().copied();
    let rest = rest.filter(|seq| !own_tables_show(of, *seq, commitment));
    let rest = rest.collect();
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
    tables.extend(of.acknowledgements(&related));
    let title = format!("Commitment {}: {}", commitment.id, commitment.terms.text);
    let mut document = of.document(title, tables);
    let alone = Commitments::new(view, [commitment.number()]);
    document
        .notes
        .extend(caveats::notes(view, of.question, &alone, &[]));
    document.answer = answer(of, commitment);
    document
}

/// Where it stands, by when it is to be kept, and when it was last heard of.
fn answer(of: &Dossier<'_, '_>, commitment: &Commitment<'_>) -> Vec<String> {
    let (view, question) = (&of.view, of.question);
    let by = view.due_date(commitment);
    let by = by.map_or_else(String::new, |day| format!(": by {day}"));
    let due = match view.due(commitment, question.soon) {
        Due::Overdue { days } => {
            format!(
                "It has been overdue for {}{by}.",
                plural(to_usize(days), "day")
            )
        }
        Due::Contested { .. } => format!("Its deadline has passed, and it is argued about{by}."),
        Due::Soon { .. } => format!("It is due soon{by}."),
        Due::Later => format!("It is due later{by}."),
        Due::Waiting => "Its deadline waits for an event.".to_owned(),
        Due::Undated => "Nothing says by when it is to be kept.".to_owned(),
        Due::Standing => "It is to be kept at all times, or again and again.".to_owned(),
        Due::NotOwed => "Nothing of it is owed now.".to_owned(),
    };
    let since = match cells::since(view, commitment.stands_since()) {
        Cell::Text(since) => format!(" since {since}"),
        _ => String::new(),
    };
    let contest = match commitment.contest {
        Contest::None => "",
        Contest::Claimed | Contest::Disputed => " That is disputed.",
        Contest::Settled => " A dispute about it was settled.",
    };
    let heard = Heard::of(view, commitment, question.silent).last;
    vec![
        format!("It is {}{since}.{contest} {due}", commitment.standing),
        format!("It was last heard of on {heard}."),
    ]
}

fn to_usize(days: i64) -> usize {
    usize::try_from(days).unwrap_or(0)
}

fn state(of: &Dossier<'_, '_>, commitment: &Commitment<'_>) -> Table<'static> {
    let (view, question) = (&of.view, of.question);
    let heard = Heard::of(view, commitment, question.silent);
    let agreement = view.agreement(&commitment.terms.agreement);
    let agreement_status = agreement.as_ref().map(|each| each.status);
    let agreement = agreement.map(|each| format!("{}: {}", each.id, each.fact.title));
    let agreed = cells::since(view, commitment.recorded.seq);
    let differences = cells::differences(view.state, &commitment.standings);
    let differs = (!differences.is_empty()).then_some(("differs", Cell::List(differences)));
    let mut rows = vec![("standing", cells::standing(commitment.standing))];
    rows.extend(differs);
    rows.extend(vec![
        ("contest", cells::contest(commitment.contest)),
        (
            "assessment",
            Cell::List(cells::assessments(view, commitment)),
        ),
        ("due", cells::due_of(view, commitment, question.soon)),
        ("agreement", Cell::maybe(agreement)),
        ("agreement_status", Cell::maybe(agreement_status)),
        ("agreed_on", agreed),
        ("last_heard", Cell::text(heard.last)),
        ("silent", Cell::Flag(heard.silent)),
        ("verified", Cell::Flag(commitment.is_verified())),
        (
            "flags",
            Cell::List(cells::commitment_flags(view, commitment)),
        ),
    ]);
    pairs("state", "Where it stands", rows)
}

/// How it came to stand where it stands, from the record that made it on.
fn moves<'r>(of: &Dossier<'_, 'r>, commitment: &Commitment<'r>) -> Table<'r> {
    let columns = &["from", "to", "by", "capacity", "debtors"];
    let several = commitment.standings.len() > 1;
    let moves = commitment.moves.iter();
    let moves: BTreeMap<Seq, Move> = moves.map(|one| (one.seq, one.clone())).collect();
    let began = [commitment.recorded.seq].into_iter();
    let records = began.chain(moves.keys().copied()).collect();
    let title = "How it came there";
    of.table("moves", title, columns, records, move |scope, entry| {
        let capacity = match &entry.event.fact {
            Fact::StatusChanged(fact) => fact.capacity,
            _ => None,
        };
        let moved = moves.get(&entry.seq);
        let of = moved.map_or(&[][..], |moved| &moved.of);
        let debtors = of.iter().filter(|_| several);
        vec![
            from(of),
            standing_of(entry).map_or(Cell::None, cells::standing),
            Cell::List(cells::by(&entry.event)),
            Cell::maybe(capacity),
            Cell::list(debtors.map(|(debtor, _)| scope.view.state.slug(*debtor))),
        ]
    })
}

/// Where debtors stood before a move.
fn from(each: &[(Id, Standing)]) -> Cell {
    let before: BTreeSet<Standing> = each.iter().map(|(_, standing)| *standing).collect();
    match before.iter().collect::<Vec<_>>().as_slice() {
        [] => Cell::None,
        [one] => cells::standing(**one),
        several => Cell::list(several),
    }
}

/// Where a record moved a commitment.
fn standing_of(entry: &Entry) -> Option<Standing> {
    match &entry.event.fact {
        Fact::StatusChanged(fact) => Some(fact.to),
        Fact::CommitmentRecorded(fact) => Some(fact.standing.unwrap_or(Standing::Agreed)),
        _ => None,
    }
}

fn assessments<'r>(of: &Dossier<'_, 'r>, commitment: &Commitment<'r>) -> Table<'r> {
    let all = commitment.assessments.iter().map(|(seq, _)| *seq);
    let columns = &["by", "scale", "level"];
    let table = of.table(
        "assessments",
        "Assessments",
        columns,
        all.collect(),
        |_, entry| {
            let Fact::Assessed(fact) = &entry.event.fact else {
                return Row::new();
            };
            vec![
                Cell::List(cells::by(&entry.event)),
                Cell::text(&fact.scale),
                Cell::text(&fact.level),
            ]
        },
    );
    table.or("nobody assessed it")
}

/// What each side says.
fn contest<'r>(of: &Dossier<'_, 'r>, commitment: &Commitment<'r>) -> Table<'r> {
    let all = commitment.contests.clone();
    let columns = &["to", "by", "text"];
    let table = of.table("contest", "Contest", columns, all, |_, entry| {
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
    let sentences = Sentences::new(of.view.state);
    let sentence = |subject: &Subject| {
        let entry = match subject {
            Subject::Entity(id) => of.view.state.defining(id),
            Subject::Record(seq) => of.view.state.entry(*seq),
        };
        entry.map(|entry| sentences.of(entry))
    };
    for subject in &commitment.terms.repeats {
        table.push(link("repeats", subject, sentence(subject)));
    }
    let own = Subject::Entity(commitment.id.0.clone());
    let promises = |kind| kind == Kind::CommitmentRecorded;
    for entry in of.view.trail_of(&own, promises) {
        if let Fact::CommitmentRecorded(fact) = &entry.event.fact
            && fact.repeats.contains(&own)
        {
            table.push(link("repeated by", &fact.id, Some(&fact.text)));
        }
    }
    table
}

/// Whether a table of its own shows a record in the dossier of a commitment.
fn own_tables_show(of: &Dossier<'_, '_>, seq: Seq, commitment: &Commitment<'_>) -> bool {
    use Kind::{
        Acknowledged, Assessed, CommitmentRecorded, ContestMoved, EvidenceAttached, StatusChanged,
    };
    match of.view.state.kind(seq) {
        Some(CommitmentRecorded) => seq == commitment.recorded.seq,
        Some(StatusChanged | ContestMoved | Assessed | EvidenceAttached | Acknowledged) => true,
        _ => false,
    }
}
