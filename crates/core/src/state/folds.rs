//! Where the debtors of commitments with many moves stood in between, so that the moves are not gone through from the
//! first one for each question.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::id_table::Id;

/// How many moves are gone through at most to answer a question, once the others were.
pub(super) const STEP: usize = 64;

/// What is kept of each commitment, by its number: the record that defines it, and what stood after some of its moves.
/// A clone begins without any.
pub(super) struct Folds<T>(Mutex<HashMap<Id, (u32, Kept<T>)>>);

/// What stood after records, in their order.
type Kept<T> = Vec<(u32, T)>;

impl<T> Default for Folds<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Clone for Folds<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T: Clone> Folds<T> {
    /// The last record before one after which something is kept, and what stood after it.
    pub fn before(&self, commitment: Id, defined: u32, record: u32) -> Option<(u32, T)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, kept) = all.get(&commitment).filter(|(by, _)| *by == defined)?;
        let end = kept.partition_point(|(after, _)| *after < record);
        kept[..end].last().cloned()
    }

    /// Keeps what stood after a record that is later than those of which something is kept.
    pub fn keep(&self, commitment: Id, defined: u32, after: u32, stood: T) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (by, kept) = all.entry(commitment).or_default();
        if *by != defined {
            (*by, *kept) = (defined, Vec::new());
        }
        // Another thread may have been here first.
        if kept.last().is_none_or(|(last, _)| *last < after) {
            kept.push((after, stood));
        }
    }

    /// Forgets what stood after a record of a commitment and after those that follow it.
    pub fn forget(&mut self, commitment: Id, record: u32) {
        let all = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, kept)) = all.get_mut(&commitment) {
            kept.truncate(kept.partition_point(|(after, _)| *after < record));
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        let all = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        all.clear();
    }
}
