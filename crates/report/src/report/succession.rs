//! What became of the parties to a commitment, in words.

use std::collections::BTreeSet;

use servanda_core::rules::Known;
use servanda_core::state::Id;
use servanda_core::value::id::PartyId;
use servanda_core::view::{Commitment, Successor, View};

/// `np`, or `np through p2`.
pub fn named(successor: &Successor<'_>) -> String {
    let through: Vec<&str> = successor.through.iter().map(|slug| slug.as_str()).collect();
    match through.as_slice() {
        [] => successor.id.to_string(),
        through => format!("{} through {}", successor.id, through.join(", ")),
    }
}

/// Who stands in the place of a party that was succeeded: `np through p2`, for each.
pub fn now(view: &View<'_>, party: &PartyId) -> Vec<String> {
    let successors = view.successors(party);
    let last = successors.iter().filter(|each| each.is_last);
    last.map(named).collect()
}

/// The flags of a commitment whose parties were succeeded: who stands in their place, and where both sides became one.
pub fn flags(view: &View<'_>, commitment: &Commitment<'_>) -> Vec<String> {
    let terms = &commitment.terms;
    let mut all = Vec::new();
    let sides = [("debtor", &terms.debtor), ("creditor", &terms.creditor)];
    for (side, parties) in sides {
        for party in parties {
            let now = now(view, party);
            if !now.is_empty() {
                all.push(format!("{side} {party} is now {}", now.join(", ")));
            }
        }
    }
    if all.is_empty() {
        return all;
    }
    let now = |parties: &[PartyId]| -> BTreeSet<Id> {
        let all = parties.iter().flat_map(|party| view.in_place_of(party));
        all.collect()
    };
    let is_both = |id: &Id| {
        let slug = view.state.slug(*id);
        let names = |parties: &[PartyId]| parties.iter().any(|party| party.0 == *slug);
        names(&terms.debtor) && names(&terms.creditor)
    };
    let (debtors, creditors) = (now(&terms.debtor), now(&terms.creditor));
    let one = debtors.intersection(&creditors).filter(|id| !is_both(id));
    all.extend(one.map(|id| format!("debtor and creditor are now one: {}", view.state.slug(*id))));
    all
}
