//! The order of ids as people count: a2 before a10.

use std::cmp::Ordering;

use servanda_core::rules::Known;
use servanda_core::state::{Id, State};
use servanda_core::view::View;

use crate::parallel;

/// Compares two ids as people count. Only the same ids are equal.
pub fn order(one: &str, other: &str) -> Ordering {
    alphanumeric_sort::compare_str(one, other).then_with(|| one.cmp(other))
}

/// Sorts ids by their numbers in a state, as people count. Where records first named them in about that order, this is
/// quick.
pub fn sort(state: &State, numbers: &mut [Id]) {
    let slug = |number: &Id| state.slug(*number).as_str();
    numbers.sort_by(|one, other| order(slug(one), slug(other)));
}

/// The numbers of the ids of all commitments of a view, in the order of the ids. No record is read.
pub fn commitments(view: &View<'_>) -> Vec<Id> {
    let ids = view.state.numbers();
    let there = |number: &Id| {
        let told = view.state.history_numbered(*number);
        told.is_some_and(|told| view.has_happened(told.defined()))
    };
    let mut numbers = parallel::shared(ids.start as usize..ids.end as usize, |stretch| {
        let stretch = stretch.start as Id..stretch.end as Id;
        stretch.filter(there).collect()
    });
    sort(view.state, &mut numbers);
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_the_order_of_their_numbers() {
        let mut ids = ["a10", "a1", "b1", "a2", "a02", "a"];
        ids.sort_by(|one, other| order(one, other));
        assert_eq!(
            ids.map(|id| id.starts_with('a')),
            [true, true, true, true, true, false]
        );
        assert_eq!((ids[0], ids[4]), ("a", "a10"));
        assert_ne!(order("a2", "a02"), Ordering::Equal);
    }
}
