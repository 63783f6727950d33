//! The commitments that a report is about: their ids are kept, and each is read when it is asked for.

use std::sync::Arc;

use servanda_core::rules::Known;
use servanda_core::value::id::{CommitmentId, Seq, Slug};
use servanda_core::view::{Commitment, View};

use super::natural;
use crate::parallel;

/// Commitments as of a day, in the order of their ids.
#[derive(Clone)]
pub struct Commitments<'r> {
    view: View<'r>,
    ids: Arc<[&'r Slug]>,
}

impl<'r> Commitments<'r> {
    /// The commitments with these ids.
    pub fn new(view: &View<'r>, ids: impl IntoIterator<Item = &'r Slug>) -> Self {
        let mut ids: Vec<&Slug> = ids.into_iter().collect();
        ids.sort_by(|one, other| natural::order(one.as_str(), other.as_str()));
        Self {
            view: *view,
            ids: ids.into(),
        }
    }

    /// The number of commitments.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether a commitment is among these.
    pub fn contains(&self, id: &CommitmentId) -> bool {
        let place = |held: &&Slug| natural::order(held.as_str(), id.as_str());
        self.ids.binary_search_by(place).is_ok()
    }

    /// The records that made the commitments.
    pub fn records(&self) -> impl Iterator<Item = Seq> {
        let records = self.ids.iter().filter_map(|id| self.view.state.entity(id));
        records.map(|(_, seq)| seq)
    }

    /// The commitment at a place, read with a view of the same day.
    pub fn get<'a>(&self, view: &View<'a>, at: usize) -> Option<Commitment<'a>> {
        let id = (*self.ids.get(at)?).clone();
        view.commitment(&CommitmentId(id))
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
        let ids = self.ids.iter().zip(kept);
        let ids = ids.filter_map(|(id, kept)| kept.then_some(*id));
        Self::new(&self.view, ids.collect::<Vec<_>>())
    }

    /// Those at these places.
    #[must_use]
    pub fn at(&self, places: impl IntoIterator<Item = usize>) -> Self {
        let ids = places.into_iter().filter_map(|at| self.ids.get(at));
        Self::new(&self.view, ids.copied())
    }
}
