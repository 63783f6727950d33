//! The order of ids as people count: a2 before a10.

use std::cmp::Ordering;

use servanda_core::rules::Known;
use servanda_core::state::{Id, State};

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
