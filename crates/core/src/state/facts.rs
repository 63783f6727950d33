//! The facts of an entity that the rules ask for: its terms and moves, as small numbers and without texts.
//!
//! Each fact has the number of the record that says it. When that record is corrected or retracted, its facts go, and the
//! earlier ones hold again.

use thin_vec::ThinVec;

use super::id_table::{Id, Ids};
use crate::value::agreement::{Action, AgreementStatus};
use crate::value::commitment::{Contest, Standing};
use crate::value::when::{Deadline, When};

/// Values that records set, in the order of the records. An empty one takes one pointer, for most are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct History<T>(pub ThinVec<(u32, T)>);

impl<T> Default for History<T> {
    fn default() -> Self {
        Self(ThinVec::new())
    }
}

impl<T> History<T> {
    /// Sets the value of a record; none takes it out.
    pub(super) fn set(&mut self, record: u32, value: Option<T>) {
        let place = match self.0.last() {
            Some((last, _)) if *last >= record => self.0.binary_search_by_key(&record, |one| one.0),
            _ => Err(self.0.len()),
        };
        match (place, value) {
            (Ok(at), Some(value)) => self.0[at].1 = value,
            (Ok(at), None) => drop(self.0.remove(at)),
            (Err(at), Some(value)) => {
                self.make_room();
                self.0.insert(at, (record, value));
            }
            (Err(_), None) => {}
        }
    }

    /// Makes room for another value. There are millions of histories, and most are short: they grow by a quarter.
    fn make_room(&mut self) {
        if self.0.len() == self.0.capacity() {
            self.0.reserve_exact(1.max(self.0.len() / 4));
        }
    }

    /// The value of a record.
    pub fn of(&self, record: u32) -> Option<&T> {
        let at = self.0.binary_search_by_key(&record, |one| one.0).ok()?;
        Some(&self.0[at].1)
    }

    /// The value of the last record.
    pub fn last(&self) -> Option<&T> {
        self.0.last().map(|(_, value)| value)
    }

    /// The records and their values, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u32, &T)> {
        self.0.iter().map(|(record, value)| (*record, value))
    }

    /// The records before one and their values, the last first.
    pub fn before(&self, record: u32) -> impl Iterator<Item = (u32, &T)> {
        let end = self.0.partition_point(|one| one.0 < record);
        let all = self.0[..end].iter().rev();
        all.map(|(record, value)| (*record, value))
    }

    /// The records from one on and before another one, and their values, in order.
    pub fn within(&self, from: u32, before: u32) -> &[(u32, T)] {
        let place = |record| self.0.partition_point(|one| one.0 < record);
        let (from, end) = (place(from), place(before));
        &self.0[from.min(end)..end]
    }

    /// The values, in the order of the records.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }
}

/// The facts of an entity. Those of another kind than its own do not count: only a tampered ledger has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// As a party.
    pub party: Option<Box<PartyFacts>>,
    /// As an agreement.
    pub agreement: Option<Box<AgreementFacts>>,
    /// As a commitment.
    pub commitment: Option<Box<CommitmentFacts>>,
    /// As a recorder.
    pub recorder: Option<Box<RecorderFacts>>,
}

/// The facts of a party.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PartyFacts {
    /// The party that it is part of.
    pub parent: History<Id>,
    /// The parties that it succeeded.
    pub succeeded: History<Id>,
    /// Who succeeded it.
    pub successors: History<Ids>,
    /// The declarations of its key.
    pub keys: History<()>,
}

/// The facts of an agreement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AgreementFacts {
    /// When it was concluded, and by whom.
    pub concluded: History<Conclusion>,
    /// The moves of its status.
    pub moves: History<AgreementMove>,
    /// The acts of parties.
    pub acts: History<(Id, Action)>,
}

/// The conclusion of an agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conclusion {
    /// When it was concluded.
    pub on: Option<When>,
    /// The parties.
    pub parties: Ids,
    /// Whether there may be other parties.
    pub parties_unknown: bool,
}

/// A move of an agreement's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AgreementMove {
    /// Where it moves.
    pub to: AgreementStatus,
    /// When that takes effect, where it is later than the record's date.
    pub effective: Option<When>,
}

/// The facts of a commitment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CommitmentFacts {
    /// The terms at first.
    pub terms: History<Terms>,
    /// The amendments of the terms.
    pub amendments: History<Amendment>,
    /// The moves of its debtors' standings.
    ///
    /// Each is the number of a [`Word`](super::word::Word).
    pub moves: History<u32>,
    /// The moves of the contest.
    pub contests: History<Contest>,
    /// The numbers of the assessments.
    pub assessments: History<u32>,
    /// The occurrences that were held.
    pub occurrences: History<()>,
}

/// The facts of a recorder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RecorderFacts {
    /// The revocations of its key.
    pub revoked: History<()>,
}

/// The terms of a commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// The agreement.
    pub agreement: Id,
    /// The number of its [`Sides`](super::sides::Sides).
    pub sides: u32,
    /// The number of its deadline, or of none.
    pub deadline: u32,
    /// Where it stood at first.
    pub standing: Option<Standing>,
}

/// An amendment of terms. What is empty stays as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Amendment {
    /// The debtors.
    pub debtor: Ids,
    /// The creditors.
    pub creditor: Ids,
    /// The deadline.
    pub deadline: Option<Deadline>,
}

impl Facts {
    /// Drops the parts that hold no fact any more.
    pub(super) fn drop_empty(&mut self) {
        self.party.take_if(|facts| **facts == PartyFacts::default());
        self.agreement
            .take_if(|facts| **facts == AgreementFacts::default());
        self.commitment
            .take_if(|facts| **facts == CommitmentFacts::default());
        self.recorder
            .take_if(|facts| **facts == RecorderFacts::default());
    }
}
