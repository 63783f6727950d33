//! What a reader must know to read a report rightly: what was inferred, is undated, breaks a rule, or may
//! have happened but does not count.

use std::collections::BTreeSet;

use crate::domain::event::{Entry, Fact};
use crate::domain::id::Seq;
use crate::domain::schedule::{DueDate, Term};
use crate::domain::view::{Agreement, Commitment, View};
use crate::domain::when::{Deadline, When};

use super::cells;

/// The notes on some commitments and agreements.
pub fn notes(
    view: &View<'_>,
    commitments: &[Commitment<'_>],
    agreements: &[Agreement<'_>],
) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(undated(commitments));
    notes.extend(lasting(commitments));
    let entries = entries(view, commitments, agreements);
    notes.extend(inferred(&entries));
    notes.extend(entries.iter().filter_map(|entry| irregular(entry)));
    notes.extend(without_date(view, &entries));
    notes.extend(open_dates(view, commitments, agreements));
    notes.extend(open_deadlines(view, commitments));
    notes.extend(waiting(view, commitments));
    notes
}

/// The records that made these what they are, in the order of the chain, each once. Where a commitment has
/// no date, its agreement's record gives it one.
fn entries<'e>(
    view: &View<'e>,
    commitments: &'e [Commitment<'_>],
    agreements: &'e [Agreement<'_>],
) -> Vec<&'e Entry> {
    let mut all: Vec<&Entry> = commitments.iter().flat_map(cells::own_trail).collect();
    let dateless = commitments
        .iter()
        .filter(|each| each.recorded.event.envelope.on.is_none());
    all.extend(dateless.filter_map(|each| view.register.defining(&each.terms.agreement.0)));
    for agreement in agreements {
        all.push(agreement.recorded);
        all.extend(&agreement.moves);
        all.extend(&agreement.participation);
    }
    all.sort_by_key(|entry| entry.seq);
    all.dedup_by_key(|entry| entry.seq);
    all
}

/// How many commitments no rate of the due ones can hold.
pub fn undated(commitments: &[Commitment<'_>]) -> Option<String> {
    let count = commitments
        .iter()
        .filter(|commitment| cells::is_undated(commitment))
        .count();
    (count > 0).then(|| {
        format!(
            "{} undated: never overdue, and in no rate of the due ones",
            of_all(count, commitments.len())
        )
    })
}

/// How many commitments have a deadline of another sort than a date.
fn lasting(commitments: &[Commitment<'_>]) -> Option<String> {
    let lasts = |commitment: &&Commitment<'_>| {
        let deadline = commitment.terms.deadline.as_ref();
        let other = matches!(
            deadline,
            Some(Deadline::Recurring(_) | Deadline::Continuing)
        );
        other && !cells::is_undated(commitment)
    };
    let count = commitments.iter().filter(lasts).count();
    (count > 0).then(|| {
        format!(
            "{} to be kept at all times or again and again: in no rate of the due ones",
            of_all(count, commitments.len())
        )
    })
}

fn of_all(count: usize, all: usize) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{count} of {all} commitments {verb}")
}

/// What recorders inferred, by record.
fn inferred(entries: &[&Entry]) -> Option<String> {
    let parts: Vec<String> = entries
        .iter()
        .filter(|entry| !entry.event.envelope.inferred.is_empty())
        .map(|entry| {
            let fields: Vec<String> = cells::texts(&entry.event.envelope.inferred)
                .into_iter()
                .map(|field| with_value(entry, field))
                .collect();
            format!("{} of {}", fields.join(", "), named(entry))
        })
        .collect();
    (!parts.is_empty()).then(|| format!("inferred by the recorder: {}", parts.join("; ")))
}

/// A date that was inferred is short enough to be told.
fn with_value(entry: &Entry, field: String) -> String {
    match entry.event.envelope.on {
        Some(on) if field == "on" => format!("on ({on})"),
        _ => field,
    }
}

/// A record, and what it is about, in words.
fn named(entry: &Entry) -> String {
    let about = cells::about(&entry.event).join(", ");
    format!("record {} ({} {about})", entry.seq, entry.event.kind())
}

fn irregular(entry: &Entry) -> Option<String> {
    let reason = entry.event.envelope.irregular.as_ref()?;
    Some(format!("irregular: {}: {reason}", named(entry)))
}

/// What counts from the day it was recorded, because nobody knows when it happened.
fn without_date(view: &View<'_>, entries: &[&Entry]) -> Option<String> {
    let unknown = |entry: &&&Entry| {
        let on = cells::occasion(view, entry).map(|(on, _)| on);
        on.and_then(When::latest).is_none()
    };
    let records: Vec<Seq> = entries
        .iter()
        .filter(unknown)
        .map(|entry| entry.seq)
        .collect();
    (!records.is_empty()).then(|| {
        format!(
            "{} no date to count from, and {} from the day of recording",
            records_have(&records),
            if records.len() == 1 {
                "counts"
            } else {
                "count"
            },
        )
    })
}

fn records_have(records: &[Seq]) -> String {
    match records {
        [one] => format!("record {one} has"),
        many => format!("records {} have", cells::texts(many).join(", ")),
    }
}

/// What may have happened by the day of the view, but not certainly, and so does not count yet.
fn open_dates(
    view: &View<'_>,
    commitments: &[Commitment<'_>],
    agreements: &[Agreement<'_>],
) -> Vec<String> {
    // Most of a history may lie ahead of the day, so that looking each up must be quick.
    let commitments: BTreeSet<_> = commitments.iter().map(|each| each.id).collect();
    let agreements: BTreeSet<_> = agreements.iter().map(|each| each.id).collect();
    let concerns = |entry: &&Entry| match &entry.event.fact {
        Fact::CommitmentRecorded(fact) => agreements.contains(&fact.agreement),
        Fact::StatusChanged(fact) => commitments.contains(&fact.commitment),
        Fact::ContestMoved(fact) => commitments.contains(&fact.commitment),
        Fact::Assessed(fact) => commitments.contains(&fact.commitment),
        Fact::CommitmentAmended(fact) => commitments.contains(&fact.commitment),
        Fact::AgreementStatusChanged(fact) => agreements.contains(&fact.agreement),
        Fact::ParticipationRecorded(fact) => agreements.contains(&fact.agreement),
        // Nothing but the day of the view keeps an agreement out of it.
        Fact::AgreementRecorded(_) => true,
        _ => false,
    };
    let began = |entry: &Entry| {
        let (on, _) = cells::occasion(view, entry)?;
        on.earliest()
            .filter(|first| *first <= view.as_of)
            .map(|_| on)
    };
    view.register
        .entries()
        .filter(|entry| !view.has_happened(entry))
        .filter(concerns)
        .filter_map(|entry| {
            let on = began(entry)?;
            Some(format!(
                "{} happened {on}, perhaps after {}: it does not count yet",
                named(entry),
                view.as_of
            ))
        })
        .collect()
}

/// Deadlines of which only the last possible day counts, where the view's day lies before it.
fn open_deadlines(view: &View<'_>, commitments: &[Commitment<'_>]) -> Vec<String> {
    let open = |commitment: &Commitment<'_>| {
        let Term::Dated(DueDate {
            earliest: Some(first),
            latest: last,
            counted_from,
        }) = view.term(commitment)
        else {
            return None;
        };
        let is_open =
            commitment.standing.can_be_overdue() && first < view.as_of && view.as_of <= last;
        let deadline = commitment.terms.deadline.as_ref().filter(|_| is_open)?;
        let id = commitment.id;
        Some(match counted_from {
            None => format!("the deadline of {id}, {deadline}, passes at its end, {last}"),
            Some(seq) => format!(
                "the deadline of {id}, {deadline}, depends on the day of record {seq}: it is between {first} and {last}, which counts"
            ),
        })
    };
    commitments.iter().filter_map(open).collect()
}

/// Deadlines that count from what is not known to have happened.
fn waiting(view: &View<'_>, commitments: &[Commitment<'_>]) -> Option<String> {
    let waits = |commitment: &Commitment<'_>| match view.term(commitment) {
        Term::Waits(anchor) if commitment.standing.can_be_overdue() => {
            Some(format!("{} for {anchor}", commitment.id))
        }
        _ => None,
    };
    let all: Vec<String> = commitments.iter().filter_map(waits).collect();
    (!all.is_empty()).then(|| {
        format!(
            "no deadline before an event: {}: in no rate of the due ones",
            all.join(", ")
        )
    })
}
