//! The commitments that a report is about: the numbers of their ids are kept, and each is read when it is asked for.

use std::sync::Arc;

use servanda_core::rules::Known;
use servanda_core::state::Id;
use servanda_core::value::id::{CommitmentId, Seq, Slug};
use servanda_core::view::{Commitment, View};

use super::natural;
use crate::parallel;

/// Commitments as of a day, in the order of their ids.
#[derive(Clone)]
pub struct Commitments<'r> {
    view: View<'r>,
    numbers: Arc<[Id]>,
}

impl<'r> Commitments<'r> {
    /// The commitments with these ids.
    pub fn new<'i>(view: &View<'r>, ids: impl IntoIterator<Item = &'i Slug>) -> Self {
        let numbers = ids.into_iter().filter_map(|id| view.state.number(id));
        Self::numbered(view, numbers)
    }

    /// The commitments whose ids have these numbers.
    pub fn numbered(view: &View<'r>, numbers: impl IntoIterator<Item = Id>) -> Self {
        let state = view.state;
        let named = numbers
            .into_iter()
            .map(|number| (state.slug(number), number));
        let mut named: Vec<(&Slug, Id)> = named.collect();
        named.sort_by(|(one, _), (other, _)| natural::order(one.as_str(), other.as_str()));
        Self {
            view: *view,
            numbers: named.into_iter().map(|(_, number)| number).collect(),
        }
    }

    /// The number of commitments.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether a commitment is among these.
    pub fn contains(&self, id: &CommitmentId) -> bool {
        let place = |held: &Id| {
            let held = self.view.state.slug(*held);
            natural::order(held.as_str(), id.as_str())
        };
        self.numbers.binary_search_by(place).is_ok()
    }

    /// The records that made the commitments.
    pub fn records(&self) -> impl Iterator<Item = Seq> {
        let numbers = self.numbers.iter();
        let histories = numbers.filter_map(|number| self.view.state.history_of(*number));
        histories.map(|told| told.defined())
    }

    /// The commitment at a place, read with a view of the same day.
    pub fn get<'a>(&self, view: &View<'a>, at: usize) -> Option<Commitment<'a>> {
        view.commitment_of(*self.numbers.get(at)?)
    }

    /// The first so many of them.
    #[must_use]
    pub fn first(&self, most: usize) -> Self {
        Self {
            view: self.view,
            numbers: self.numbers.iter().copied().take(most).collect(),
        }
    }

    /// What `each` makes of every commitment, in order. All processors read a bounded part at a time.
    pub fn in_parallel<T, F>(&self, each: F) -> impl Iterator<Item = T> + use<'r, T, F>
    where
        T: Send,
        F: for<'a> Fn(&View<'a>, Commitment<'a>) -> T + Sync,
    {
        let all = self.clone();
        let read = parallel::ordered_lightly(&self.view, self.len(), move |scope, at| {
            let commitment = all.get(&scope.view, at)?;
            Some(each(&scope.view, commitment))
        });
        read.flatten()
    }

    /// Those that `wanted` keeps.
    #[must_use]
    pub fn filter(&self, wanted: impl Fn(&Commitment<'_>) -> bool + Sync) -> Self {
        let kept = parallel::ordered_lightly(&self.view, self.len(), |scope, at| {
            let commitment = self.get(&scope.view, at);
            commitment.is_some_and(|commitment| wanted(&commitment))
        });
        let kept = self.numbers.iter().zip(kept);
        Self {
            view: self.view,
            numbers: kept
                .filter_map(|(number, kept)| kept.then_some(*number))
                .collect(),
        }
    }

    /// Those at these places, which are in order.
    #[must_use]
    pub fn at(&self, places: impl IntoIterator<Item = usize>) -> Self {
        let places = places.into_iter();
        Self {
            view: self.view,
            numbers: places
                .filter_map(|at| self.numbers.get(at).copied())
                .collect(),
        }
    }
}
