//! What a reader must know to read a report rightly: what was inferred, is undated, breaks a rule, or may
//! have happened but does not count.

use std::collections::BTreeSet;

use crate::parallel;
use servanda_core::event::{Entry, Fact, Kind};
use servanda_core::state::RecordDate;
use servanda_core::value::id::Seq;
use servanda_core::value::when::{Deadline, When};
use servanda_core::view::schedule::{DueDate, Term};
use servanda_core::view::{Agreement, Commitment, View};

use super::cells;

/// The notes on some commitments and agreements.
pub fn notes<'r>(
    view: &View<'r>,
    commitments: &[Commitment<'r>],
    agreements: &[Agreement<'r>],
) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(undated(commitments));
    notes.extend(lasting(commitments));
    let records = records(view, commitments, agreements);
    notes.extend(inferred(view, &records));
    notes.extend(irregular(view, &records));
    notes.extend(without_date(view, &records));
    notes.extend(open_dates(view, commitments, agreements));
    notes.extend(open_deadlines(view, commitments));
    notes.extend(waiting(view, commitments));
    notes
}

/// The records that made these what they are, in the order of the chain, each once; those that there is something
/// to tell of. Where a commitment has no date, its agreement's record gives it one.
fn records<'r>(
    view: &View<'r>,
    commitments: &[Commitment<'r>],
    agreements: &[Agreement<'r>],
) -> Vec<Seq> {
    let noteworthy = |seq| view.state.is_noteworthy(seq);
    let own = |commitment: &Commitment<'r>| view.own_trail_of(commitment, noteworthy);
    let own = parallel::map(commitments, own);
    let mut all: Vec<Seq> = own.into_iter().flatten().collect();
    let dateless = commitments
        .iter()
        .filter(|each| each.recorded.event.envelope.on.is_none());
    let agreed = dateless.filter_map(|each| view.state.entity(&each.terms.agreement.0));
    all.extend(agreed.map(|(_, seq)| seq));
    for agreement in agreements {
        all.push(agreement.recorded.seq);
        all.extend(agreement.moves.iter().map(|entry| entry.seq));
        all.extend(agreement.participation.iter().map(|entry| entry.seq));
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// The entries of those records whose stamps are such.
fn entries<'r>(
    view: &View<'r>,
    records: &[Seq],
    wanted: impl Fn(&RecordDate) -> bool,
) -> impl Iterator<Item = &'r Entry> {
    let state = view.state;
    let wanted = move |seq: &&Seq| state.stamp(**seq).is_some_and(&wanted);
    let wanted = records.iter().filter(wanted);
    wanted.filter_map(|seq| state.entry(*seq))
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
fn inferred(view: &View<'_>, records: &[Seq]) -> Option<String> {
    let parts: Vec<String> = entries(view, records, |stamp| stamp.infers)
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

fn irregular(view: &View<'_>, records: &[Seq]) -> Vec<String> {
    let note = |entry: &Entry| {
        let reason = entry.event.envelope.irregular.as_ref()?;
        Some(format!("irregular: {}: {reason}", named(entry)))
    };
    let irregular = entries(view, records, |stamp| stamp.irregular);
    irregular.filter_map(note).collect()
}

/// What counts from the day it was recorded, because nobody knows when it happened.
fn without_date(view: &View<'_>, records: &[Seq]) -> Option<String> {
    let unknown = |seq: &Seq| {
        let on = cells::occasion(view, *seq).map(|(on, _)| on);
        on.and_then(When::latest).is_none()
    };
    let records: Vec<Seq> = records.iter().copied().filter(unknown).collect();
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
    let began = |seq: Seq| {
        let (on, _) = cells::occasion(view, seq)?;
        on.earliest()
            .filter(|first| *first <= view.as_of)
            .map(|_| on)
    };
    let is_open = |seq: &Seq| {
        let of_kind = view.state.standing_kind(*seq).is_some_and(may_be_open);
        of_kind && !view.has_happened(*seq) && began(*seq).is_some()
    };
    (0..view.state.count())
        .map(Seq)
        .filter(is_open)
        .filter_map(|seq| view.state.entry(seq))
        .filter(concerns)
        .filter_map(|entry| {
            let on = began(entry.seq)?;
            Some(format!(
                "{} happened {on}, perhaps after {}: it does not count yet",
                named(entry),
                view.as_of
            ))
        })
        .collect()
}

/// The kinds that make commitments and agreements what they are.
fn may_be_open(kind: Kind) -> bool {
    use Kind::*;
    matches!(
        kind,
        CommitmentRecorded
            | StatusChanged
            | ContestMoved
            | Assessed
            | CommitmentAmended
            | AgreementStatusChanged
            | ParticipationRecorded
            | AgreementRecorded
    )
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
