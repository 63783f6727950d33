//! How what stands after the last record that is asked for differs from what stood before the first.

use std::collections::{BTreeMap, BTreeSet};

use servanda_core::state::State;
use servanda_core::value::id::Slug;
use servanda_core::view::View;

use super::terms::{Difference, Terms, Touch, differences, terms};
use crate::parallel;
use crate::report::cell::Cell;
use crate::report::document::Row;

/// What became of each entity that was touched.
#[derive(Default)]
pub struct Ends(BTreeMap<Slug, End>);

/// What became of an entity.
#[derive(Default)]
struct End {
    /// Whether there was none before. All that stands of it is then a difference, and is looked up when it is shown.
    is_new: bool,
    /// What stands of a new one, where records that are not asked for changed that afterwards.
    pinned: Option<Terms>,
    /// Of another one, the fields that changed: what stood there first, and what stands there last.
    before: Terms,
    after: Terms,
}

impl Ends {
    /// Takes note of what a record did; `past` is the state after it.
    pub fn note(&mut self, past: &State, touches: Vec<Touch>) {
        for touch in touches {
            match touch {
                Touch::Appeared(id, _) => match self.0.get_mut(&id) {
                    Some(end) if end.is_new => end.pinned = None,
                    Some(end) => {
                        for (name, texts) in terms(past, &id) {
                            end.before.entry(name).or_default();
                            end.after.insert(name, texts);
                        }
                    }
                    None => {
                        let is_new = true;
                        let end = End {
                            is_new,
                            ..End::default()
                        };
                        self.0.insert(id, end);
                    }
                },
                Touch::Changed(id, differences) => {
                    let end = self.0.entry(id).or_default();
                    if end.is_new {
                        end.pinned = None;
                        continue;
                    }
                    for each in differences {
                        end.before.entry(each.name).or_insert(each.before);
                        end.after.insert(each.name, each.after);
                    }
                }
            }
        }
    }

    /// Keeps what stands of the new ones among these, because a record that is not asked for may change it.
    pub fn pin(&mut self, past: &State, ids: BTreeSet<Slug>) {
        for id in ids {
            if let Some(end) = self.0.get_mut(&id) {
                end.pin(past, &id);
            }
        }
    }

    /// As [`Ends::pin`], of all.
    pub fn pin_all(&mut self, past: &State) {
        self.0.iter_mut().for_each(|(id, end)| end.pin(past, id));
    }

    /// A row for each field or axis that differs.
    pub fn rows<'r>(self, view: &View<'r>) -> impl Iterator<Item = Row> + use<'r> {
        let ends: Vec<(Slug, End)> = self.0.into_iter().collect();
        let count = ends.len();
        let rows = parallel::ordered(view, count, move |scope, at| {
            let (id, end) = &ends[at];
            end.rows(scope.view.state, id)
        });
        rows.flatten()
    }
}

impl End {
    fn pin(&mut self, past: &State, id: &Slug) {
        if self.is_new && self.pinned.is_none() {
            self.pinned = Some(terms(past, id));
        }
    }

    fn rows(&self, state: &State, id: &Slug) -> Vec<Row> {
        let differences = match &self.pinned {
            Some(pinned) => differences(&self.before, pinned),
            None if self.is_new => differences(&self.before, &terms(state, id)),
            None => differences(&self.before, &self.after),
        };
        let row = |each: Difference| {
            vec![
                Cell::text(id),
                Cell::text(each.name),
                Cell::List(each.before),
                Cell::List(each.after),
            ]
        };
        differences.into_iter().map(row).collect()
    }
}
