//! What the server keeps of the ledger besides its state, so that pages read no record that they do not show: what is found
//! of every commitment today, where words stand, and how parties are called.
//!
//! The first two are made once, by a thread of their own, and brought up to date by whoever asks. Until they are there, and for other
//! days than today, the records are read.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;

use servanda_core::event::Kind;
use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_core::view::View;
use servanda_core::view::sentences::Names;
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
    /// Names that were looked up, and how many records the newest state had in which they are these.
    names: (Names, u64),
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
            self.put(glances.clone(), forgotten, |held| held == as_of);
            glances
        });
        Kept {
            glances,
            texts: Some(texts),
            names: self.names(state),
        }
    }

    /// The names of parties that were looked up in this state, or in one from which they did not change.
    fn names(&self, state: &State) -> Names {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (names, count) = &mut held.names;
        let Some(new) = state.count().checked_sub(*count) else {
            return Names::default();
        };
        if new > FEW || (*count..state.count()).any(|seq| may_rename(state, Seq(seq))) {
            *names = Names::default();
        }
        *count = state.count();
        names.clone()
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
            // Of other days nothing is kept any more.
            self.put(Arc::new(glances), forgotten, |_| true);
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

    /// Keeps what was found, where something of such a day is kept or nothing is, and of no other day.
    fn put(&self, glances: Arc<Glances>, forgotten: u64, fits: impl Fn(NaiveDate) -> bool) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What was made of a state from before is to be forgotten too.
        let is_other = |newest: &Arc<Glances>| !fits(newest.as_of());
        if held.forgotten != forgotten || held.glances.last().is_some_and(is_other) {
            return;
        }
        let day = glances.as_of();
        let mut all = std::mem::take(&mut held.glances);
        all.push(glances);
        all.sort_by_key(|one| one.count());
        let (mut all, mut gone): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|one| one.as_of() == day);
        let more = all.len().saturating_sub(GLANCES);
        gone.extend(all.drain(..more));
        held.glances = all;
        // They are large: nobody waits while they go.
        drop(held);
    }
}

/// Whether a record may change how a party is called.
fn may_rename(state: &State, seq: Seq) -> bool {
    let names = |kind: Kind| {
        matches!(
            kind,
            Kind::PartyRegistered | Kind::PartyRenamed | Kind::Redacted
        ) || kind.spec().change.is_some()
    };
    state.kind(seq).is_none_or(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use servanda_core::testing::{entries, event};
    use servanda_core::value::id::PartyId;
    use servanda_core::view::sentences::Sentences;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn of_a_day_that_is_over_nothing_is_kept() {
        let (keeper, state) = (Keeper::default(), State::default());
        let [before, today] = ["2023-05-10", "2023-05-11"].map(day);
        let is_kept = |day| keeper.of(&state, day).glances.is_some();
        keeper.keep_up(&state, before);
        assert_eq!((is_kept(before), is_kept(today)), (true, false));
        keeper.keep_up(&state, today);
        assert_eq!((is_kept(before), is_kept(today)), (false, true));
        // The clock was wrong, and is set back.
        keeper.keep_up(&state, before);
        assert_eq!((is_kept(before), is_kept(today)), (true, false));
        keeper.forget();
        assert!(!is_kept(before));
    }

    #[test]
    fn names_are_those_of_the_state_that_is_asked() {
        let party = [("id", "p"), ("kind", "state"), ("name", "Zaire")];
        let history = [
            event(Kind::PartyRegistered, &party),
            event(Kind::Noted, &[("text", "a note")]),
            event(Kind::PartyRenamed, &[("party", "p"), ("name", "Congo")]),
            event(Kind::Noted, &[("text", "another")]),
        ];
        let keeper = Keeper::default();
        let (mut state, mut states) = (State::default(), Vec::new());
        for entry in entries(&history) {
            state.apply(&entry);
            states.push(state.clone());
        }
        let name = |state: &State| {
            let kept = keeper.of(state, day("2023-05-11"));
            Sentences::with(state, kept.names).name(&PartyId("p".parse().unwrap()))
        };
        for order in [[0, 1, 2, 3], [3, 0, 2, 1]] {
            for at in order {
                let expected = ["Zaire", "Congo"][at / 2];
                assert_eq!(name(&states[at]), expected, "{at}");
            }
        }
    }
}
