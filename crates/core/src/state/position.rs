//! The position of a commitment, which the rules ask for.

use super::facts::{Amendment, CommitmentFacts, Terms};
use super::id_table::Id;
use super::standing::{Promise, Sayings, Standings};
use crate::value::commitment::{Contest, Standing};
use crate::value::when::Deadline;

/// The position of a commitment after all records.
#[derive(Debug, Clone, Copy)]
pub struct Position<'r> {
    pub(super) state: &'r dyn Sayings,
    pub(super) number: Id,
    pub(super) defined: u32,
    pub(super) terms: &'r Terms,
    pub(super) facts: &'r CommitmentFacts,
}

impl<'r> Position<'r> {
    /// The agreement that it was made in.
    pub fn agreement(&self) -> Id {
        self.terms.agreement
    }

    /// Where its debtors stand.
    pub fn standings(&self) -> Standings<'r> {
        let promise = Promise {
            number: self.number,
            defined: self.defined,
            terms: self.terms,
            facts: self.facts,
        };
        Standings::before(self.state, promise, u32::MAX)
    }

    /// Where it stands as a whole.
    pub fn standing(&self) -> Standing {
        self.standings().whole()
    }

    /// The contest about it.
    pub fn contest(&self) -> Contest {
        self.facts.contests.last().copied().unwrap_or(Contest::None)
    }

    /// The deadline.
    pub fn deadline(&self) -> Option<&'r Deadline> {
        self.amended(|amendment| amendment.deadline.as_ref())
            .or_else(|| self.state.deadline(self.terms.deadline))
    }

    /// The value of the last amendment that sets it.
    fn amended<T>(&self, of: impl Fn(&'r Amendment) -> Option<T>) -> Option<T> {
        self.facts.amendments.values().rev().find_map(of)
    }
}
