//! What the server keeps of the ledger besides its state, so that pages read no record that they do not show: what is found
//! of every commitment today, and where words stand.
//!
//! Both are made once, by a thread of their own, and brought up to date by whoever asks. Until they are there, and for other
//! days than today, the records are read.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;

use servanda_core::state::State;
use servanda_core::view::View;
use servanda_report::report::glance::Glances;
use servanda_report::report::{Kept, Question, Texts};

/// How many of the newest are kept: a reader may have a state that is a little older.
const GLANCES: usize = 8;

/// How many new records whoever asks takes in. More are left to the thread.
const FEW: u64 = 4_096;

/// What is kept of a ledger.
#[derive(Default)]
pub struct Keeper(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// The oldest first.
    glances: Vec<Arc<Glances>>,
    texts: Arc<Texts>,
    /// How often everything was forgotten.
    forgotten: u64,
}

impl Keeper {
    /// Forgets everything: a record was destroyed.
    pub fn forget(&self) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Held {
            forgotten: held.forgotten + 1,
            ..Held::default()
        };
    }

    /// What is kept for questions to a state as of a day.
    pub fn of(&self, state: &State, as_of: NaiveDate) -> Kept {
        let view = View { state, as_of };
        let (base, texts, forgotten) = self.newest(&view);
        let is_near = |base: &Arc<Glances>| state.count() - base.count() <= FEW;
        let glances = base.filter(is_near).map(|base| {
            let glances = match base.count() == state.count() {
                true => return base,
                false => Arc::new(base.caught_up(&view)),
            };
            self.put(glances.clone(), forgotten);
            glances
        });
        Kept {
            glances,
            texts: Some(texts),
        }
    }

    /// Makes what is not there for a state as of a day, which takes seconds with a large ledger.
    pub fn keep_up(&self, state: &State, as_of: NaiveDate) {
        let view = View { state, as_of };
        let (base, texts, forgotten) = self.newest(&view);
        let is_new = |base: &Arc<Glances>| base.count() < state.count();
        if base.as_ref().is_none_or(is_new) {
            let glances = match base {
                Some(base) => base.caught_up(&view),
                None => Glances::new(&view, Question::default().spans()),
            };
            self.put(Arc::new(glances), forgotten);
        }
        texts.catch_up(&view);
    }

    /// The newest that are of this day and not newer than the state, and how often everything was forgotten.
    fn newest(&self, view: &View<'_>) -> (Option<Arc<Glances>>, Arc<Texts>, u64) {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits =
            |one: &&Arc<Glances>| one.as_of() == view.as_of && one.count() <= view.state.count();
        let glances = held.glances.iter().rev().find(fits).cloned();
        (glances, held.texts.clone(), held.forgotten)
    }

    fn put(&self, glances: Arc<Glances>, forgotten: u64) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What was made of a state from before is to be forgotten too.
        if held.forgotten != forgotten {
            return;
        }
        held.glances.push(glances);
        held.glances.sort_by_key(|one| (one.as_of(), one.count()));
        let more = held.glances.len().saturating_sub(GLANCES);
        held.glances.drain(..more);
    }
}
