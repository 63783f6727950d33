//! The commitments that a report is about: their ids are kept, and each is read when it is asked for.

use std::sync::Arc;

use servanda_core::rules::Known;
use servanda_core::state::Id;
use servanda_core::value::id::{CommitmentId, Seq, Slug};
use servanda_core::view::{Commitment, View};

use super::document::Row;
use super::glance::{Glance, Glances};
use super::natural;
use crate::parallel;

/// Commitments as of a day, in the order of their ids.
#[derive(Clone)]
pub struct Commitments<'r> {
    view: View<'r>,
    ids: Arc<[&'r Slug]>,
    /// What is kept of them, and their numbers.
    known: Option<(Arc<Glances>, Arc<[Id]>)>,
}

impl<'r> Commitments<'r> {
    /// The commitments with these ids.
    pub fn new(view: &View<'r>, ids: impl IntoIterator<Item = &'r Slug>) -> Self {
        let mut ids: Vec<&Slug> = ids.into_iter().collect();
        ids.sort_by(|one, other| natural::order(one.as_str(), other.as_str()));
        Self {
            view: *view,
            ids: ids.into(),
            known: None,
        }
    }

    /// Those that are wanted of all that are kept of this view. No record is read.
    pub fn known(
        view: &View<'r>,
        glances: &Arc<Glances>,
        wanted: impl Fn(&Glance) -> bool,
    ) -> Self {
        let all = glances.iter().filter(|(_, glance)| wanted(glance));
        let numbers: Arc<[Id]> = all.map(|(number, _)| number).collect();
        Self {
            view: *view,
            ids: numbers.iter().map(|id| view.state.slug(*id)).collect(),
            known: Some((glances.clone(), numbers)),
        }
    }

    /// What is kept of each, in their order; none where nothing is.
    pub fn glances(&self) -> Option<impl Iterator<Item = &Glance>> {
        let (glances, numbers) = self.known.as_ref()?;
        Some(numbers.iter().filter_map(|number| glances.get(*number)))
    }

    /// The row of each in lists, which `make` makes where none is kept.
    pub fn rows<F>(&self, make: F) -> impl Iterator<Item = Row> + use<'r, F>
    where
        F: for<'a> Fn(&View<'a>, Commitment<'a>) -> Row + Sync,
    {
        let all = self.clone();
        let rows = parallel::ordered_lightly(&self.view, self.len(), move |scope, at| {
            let row = || Some(make(&scope.view, all.get(&scope.view, at)?));
            match &all.known {
                Some((glances, numbers)) => glances.row(*numbers.get(at)?, row),
                None => row(),
            }
        });
        rows.flatten()
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
        let places = kept.enumerate().filter(|(_, kept)| *kept);
        let places: Vec<usize> = places.map(|(at, _)| at).collect();
        self.at(places)
    }

    /// Those at these places, which ascend.
    #[must_use]
    pub fn at(&self, places: impl IntoIterator<Item = usize>) -> Self {
        let places: Vec<usize> = places.into_iter().collect();
        let ids = places.iter().filter_map(|at| self.ids.get(*at));
        let known = self.known.as_ref().map(|(glances, numbers)| {
            let numbers = places.iter().filter_map(|at| numbers.get(*at));
            (glances.clone(), numbers.copied().collect())
        });
        Self {
            view: self.view,
            ids: ids.copied().collect(),
            known,
        }
    }
}
