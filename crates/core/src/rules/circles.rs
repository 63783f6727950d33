//! What must not come back to itself: promises that repeat one another, and deadlines that wait for one another.

use std::collections::BTreeSet;

use super::known::Known;
use super::rejection::{Advice, Rejection, Rule};
use crate::value::deadline::Anchor;
use crate::value::id::{CommitmentId, Slug};
use crate::value::when::Deadline;

/// Nothing repeats itself, through nothing else either. `again` is what it repeats.
pub(crate) fn check_repeats(
    known: &dyn Known,
    id: &Slug,
    again: &[&Slug],
) -> Result<(), Rejection> {
    // What is new is repeated by nothing yet.
    if known.entity(id).is_none() {
        return Ok(());
    }
    let mut seen: BTreeSet<Slug> = BTreeSet::new();
    let mut open: Vec<Slug> = again.iter().map(|earlier| (*earlier).clone()).collect();
    while let Some(earlier) = open.pop() {
        if earlier == *id {
            let message = format!("{id} does not repeat itself, through others either");
            let advice = Advice::Do("name the promise that came first".to_owned());
            return Err(Rejection::new(Rule::NoCircle, message).allowing([advice]));
        }
        if seen.insert(earlier.clone()) {
            open.extend(known.repeats(&earlier));
        }
    }
    Ok(())
}

/// No deadline counts from how its own commitment was kept, through other deadlines either.
pub(crate) fn check_waits(
    known: &dyn Known,
    id: &CommitmentId,
    deadline: Option<&Deadline>,
) -> Result<(), Rejection> {
    let mut seen: BTreeSet<&CommitmentId> = BTreeSet::new();
    let mut next = deadline.and_then(waits_for);
    while let Some(earlier) = next.filter(|earlier| seen.insert(earlier)) {
        if earlier == id {
            let others: Vec<&str> = seen.iter().map(|other| other.as_str()).collect();
            let message = match others.as_slice() {
                [_] => format!("deadline: {id} is not due after it was kept or broken itself"),
                _ => format!("deadline: {} wait for one another", others.join(", ")),
            };
            return Err(Rejection::new(Rule::NoCircle, message));
        }
        next = known
            .position(earlier)
            .and_then(|position| position.deadline())
            .and_then(waits_for);
    }
    Ok(())
}

/// The commitment that must be kept or broken before a deadline has a day.
fn waits_for(deadline: &Deadline) -> Option<&CommitmentId> {
    match deadline {
        Deadline::After(relative) => match &relative.anchor {
            Anchor::Standing(commitment, standing) if standing.tells_of_keeping() => {
                Some(commitment)
            }
            _ => None,
        },
        _ => None,
    }
}
