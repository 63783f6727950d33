//! Who moves standings, as small numbers: most moves are made by the same few.

use super::id_table::Ids;
use super::interned::Interned;
use crate::value::commitment::{Capacity, Standing};

/// What is said of a standing: where it moves, who says so, in which capacity, and whose performance that is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Word {
    /// Where these debtors stand from now on.
    pub to: Standing,
    /// The parties that say so.
    pub by: Ids,
    /// Their capacity, where they gave one.
    pub capacity: Option<Capacity>,
    /// The debtors whose performance it is about; none where the record does not say.
    pub debtor: Ids,
}

/// The different words. A snapshot leaves out those that no record has any more.
pub(super) type Words = Interned<Word>;
