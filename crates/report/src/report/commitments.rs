//! The commitments that a report is about: their ids are kept, and each is read when it is asked for.

use std::sync::Arc;

use servanda_core::rules::Known;
use servanda_core::state::Id;
use servanda_core::value::id::{CommitmentId, Seq};
use servanda_core::view::{Commitment, View};

use super::document::Row;
use super::glance::{Glance, Glances};
use super::natural;
use crate::parallel;

/// Commitments as of a day, in the order of their ids.
#[derive(Clone)]
pub struct Commitments<'r> {
    view: View<'r>,
    /// The numbers of their ids.
    numbers: Arc<[Id]>,
    /// What is kept of them.
    known: Option<Arc<Glances>>,
}

impl<'r> Commitments<'r> {
    /// The commitments whose ids have these numbers.
    pub fn new(view: &View<'r>, numbers: impl IntoIterator<Item = Id>) -> Self {
        let mut numbers: Vec<Id> = numbers.into_iter().collect();
        natural::sort(view.state, &mut numbers);
        Self::sorted(view, numbers)
    }

    /// All commitments. No record is read.
    pub fn all(view: &View<'r>) -> Self {
        Self::sorted(view, natural::commitments(view))
    }

    fn sorted(view: &View<'r>, numbers: Vec<Id>) -> Self {
        Self {
            view: *view,
            numbers: numbers.into(),
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
        Self {
            view: *view,
            numbers: all.map(|(number, _)| number).collect(),
            known: Some(glances.clone()),
        }
    }

    /// What is kept of each, in their order; none where nothing is.
    pub fn glances(&self) -> Option<impl Iterator<Item = &Glance>> {
        let glances = self.known.as_ref()?;
        Some(
            self.numbers
                .iter()
                .filter_map(|number| glances.get(*number)),
        )
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
                Some(glances) => glances.row(*all.numbers.get(at)?, row),
                None => row(),
            }
        });
        rows.flatten()
    }

    /// The number of commitments.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether a commitment is among these.
    pub fn contains(&self, id: &CommitmentId) -> bool {
        let held = |number: &Id| self.view.state.slug(*number).as_str();
        let place = |number: &Id| natural::order(held(number), id.as_str());
        self.numbers.binary_search_by(place).is_ok()
    }

    /// The records that made the commitments.
    pub fn records(&self) -> impl Iterator<Item = Seq> {
        let state = self.view.state;
        let all = self.numbers.iter();
        let all = all.filter_map(|number| state.history_numbered(*number));
        all.map(|told| told.defined())
    }

    /// The commitment at a place, read with a view of the same day.
    pub fn get<'a>(&self, view: &View<'a>, at: usize) -> Option<Commitment<'a>> {
        view.commitment_numbered(*self.numbers.get(at)?)
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
        let numbers = places.into_iter().filter_map(|at| self.numbers.get(at));
        Self {
            view: self.view,
            numbers: numbers.copied().collect(),
            known: self.known.clone(),
        }
    }
}
