//! What one commitment adds to the notes that a reader needs.

use servanda_core::rules::Known;
use servanda_core::value::commitment::Standing;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Deadline;
use servanda_core::view::schedule::{DueDate, Term};
use servanda_core::view::{Commitment, View};

use super::cells;

/// What one commitment adds to the notes.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// Whether nothing says by when it is to be kept.
    pub is_undated: bool,
    /// Whether it is to be kept at all times or again and again.
    pub is_lasting: bool,
    /// The records that made it what it is and have something to tell.
    pub records: Vec<Seq>,
    /// The note on its deadline, where only its last possible day counts.
    pub open_deadline: Option<String>,
    /// For which event its deadline waits.
    pub waits: Option<String>,
    /// That its agreement has ended or is suspended, and nothing says what became of it.
    pub unsettled: Option<String>,
}

impl Part {
    /// What must be known of a commitment.
    pub fn new<'r>(view: &View<'r>, commitment: &Commitment<'r>) -> Self {
        let is_undated = cells::is_undated(commitment);
        let deadline = commitment.terms.deadline.as_ref();
        let recurs = matches!(
            deadline,
            Some(Deadline::Recurring(_) | Deadline::Continuing)
        );
        let noteworthy = |seq| view.state.is_noteworthy(seq);
        let mut records = view.own_trail_of(commitment, noteworthy);
        // Where a commitment has no date, its agreement's record gives it one.
        if commitment.recorded.event.envelope.on.is_none() {
            let agreement = view.state.entity(&commitment.terms.agreement.0);
            records.extend(agreement.map(|(_, seq)| seq));
        }
        Self {
            is_undated,
            is_lasting: recurs && !is_undated,
            records,
            open_deadline: open_deadline(view, commitment),
            waits: waits(view, commitment),
            unsettled: cells::unsettled(view, commitment).map(|status| {
                format!(
                    "{} ({} {status})",
                    commitment.id, commitment.terms.agreement
                )
            }),
        }
    }
}

/// The note on a deadline of which only the last possible day counts, where the view's day lies before it.
fn open_deadline(view: &View<'_>, commitment: &Commitment<'_>) -> Option<String> {
    let Term::Dated(DueDate {
        earliest: Some(first),
        latest: last,
        counted_from,
    }) = view.term(commitment)
    else {
        return None;
    };
    let is_open =
        commitment.any(Standing::can_be_overdue) && first < view.as_of && view.as_of <= last;
    let deadline = commitment.terms.deadline.as_ref().filter(|_| is_open)?;
    let id = commitment.id;
    Some(match counted_from {
        None => format!("the deadline of {id}, {deadline}, passes at its end, {last}"),
        Some(seq) => format!(
            "the deadline of {id}, {deadline}, depends on the day of record {seq}: it is between {first} and {last}, which counts"
        ),
    })
}

/// A commitment whose deadline counts from what is not known to have happened, and what that is.
fn waits(view: &View<'_>, commitment: &Commitment<'_>) -> Option<String> {
    match view.term(commitment) {
        Term::Waits(anchor) if commitment.any(Standing::can_be_overdue) => {
            Some(format!("{} for {anchor}", commitment.id))
        }
        _ => None,
    }
}
