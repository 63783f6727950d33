//! What must not come back to itself: promises that repeat one another, and deadlines that wait for one another.

use std::collections::BTreeSet;

use super::known::Known;
use super::rejection::{Advice, Rejection, Rule};
use crate::value::agreement::Relation;
use crate::value::deadline::Anchor;
use crate::value::id::{CommitmentId, Slug};
use crate::value::when::Deadline;

/// Nothing repeats itself, ends itself or goes on from itself, through nothing else either. `others` is what it relates to
/// in this way.
pub(crate) fn check_related(
    known: &dyn Known,
    id: &Slug,
    relation: Relation,
    others: &[&Slug],
) -> Result<(), Rejection> {
    // To what is new nothing relates yet.
    if known.entity(id).is_none() {
        return Ok(());
    }
    let mut seen: BTreeSet<Slug> = BTreeSet::new();
    let mut open: Vec<Slug> = others.iter().map(|earlier| (*earlier).clone()).collect();
    while let Some(earlier) = open.pop() {
        if earlier == *id {
            let message = format!("{id} {} itself, through others either", denied(relation));
            let advice = Advice::Do("name what came first".to_owned());
            return Err(Rejection::new(Rule::NoCircle, message).allowing([advice]));
        }
        if seen.insert(earlier.clone()) {
            open.extend(known.related(&earlier, relation));
        }
    }
    Ok(())
}

/// That nothing relates to itself so, as a verb.
fn denied(relation: Relation) -> &'static str {
    match relation {
        Relation::Amends => "does not amend",
        Relation::Supersedes => "does not supersede",
        Relation::Continues => "does not continue",
        Relation::Implements => "does not implement",
        Relation::Repeats => "does not repeat",
        Relation::Terminates => "does not terminate",
        Relation::Supplements => "does not supplement",
        Relation::ProtocolTo => "is no protocol to",
    }
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
