//! The sides of commitments, as small numbers: those of one agreement mostly have the same few.

use super::id_table::{Id, Ids};
use super::interned::Interned;
use crate::value::when::Deadline;

/// The two sides of a commitment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Sides {
    /// Who owes it.
    pub debtor: Ids,
    /// To whom it is owed.
    pub creditor: Ids,
    /// Whether both sides owe it.
    pub mutual: bool,
}

/// The different sides. A snapshot leaves out those that no commitment has any more.
pub(super) type AllSides = Interned<Sides>;

/// The different deadlines, and that of commitments without any.
pub(super) type Deadlines = Interned<Option<Deadline>>;

impl Sides {
    /// Who owes it: the debtors, and on a mutual commitment the creditors too.
    pub fn debtors(&self) -> Ids {
        self.both(&self.debtor, &self.creditor)
    }

    /// To whom it is owed: the creditors, and on a mutual commitment the debtors too.
    pub fn creditors(&self) -> Ids {
        self.both(&self.creditor, &self.debtor)
    }

    fn both(&self, own: &[Id], other: &[Id]) -> Ids {
        let mut all = Ids::from_slice(own);
        if self.mutual {
            let other = other.iter().copied();
            all.extend(other.filter(|party| !own.contains(party)));
        }
        all
    }

    /// To whom a debtor owes it: never to itself.
    pub fn creditors_of(&self, debtor: Id) -> Ids {
        let owes = self.debtor.contains(&debtor);
        let is_owed = self.creditor.contains(&debtor);
        let mut all = match (self.mutual, owes, is_owed) {
            (true, true, true) => self.debtors(),
            (true, false, _) => self.debtor.clone(),
            _ => self.creditor.clone(),
        };
        all.retain(|party| *party != debtor);
        all
    }
}
