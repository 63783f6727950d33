//! Values by sorted keys, of which a snapshot has pages that are read when they are asked for.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

use foldhash::fast::FixedState;

use super::stored::{Cursor, Stored, Table};

/// A value that is found by a key.
pub(super) trait Keyed: Clone {
    /// Reads the value and its key; none if the bytes are not of them.
    fn read(from: &mut Cursor<'_>) -> Option<(u64, Self)>;
}

/// The values of a snapshot by their keys, of which several may be equal.
#[derive(Debug, Clone)]
pub(super) struct Sorted<V> {
    pages: Vec<OnceLock<Vec<(u64, V)>>>,
    stored: Option<(Arc<Stored>, Table)>,
}

impl<V> Default for Sorted<V> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            stored: None,
        }
    }
}

impl<V: Keyed> Sorted<V> {
    /// The values that a snapshot has in a table.
    pub fn stored(stored: &Arc<Stored>, table: Table) -> Self {
        Self {
            pages: (0..stored.count(table)).map(|_| OnceLock::new()).collect(),
            stored: Some((stored.clone(), table)),
        }
    }

    fn page(&self, page: usize) -> &[(u64, V)] {
        let read = || {
            let (stored, table) = self.stored.as_ref()?;
            stored.read(*table, page, V::read)
        };
        let page = self.pages.get(page);
        page.map_or(&[], |page| page.get_or_init(|| read().unwrap_or_default()))
    }

    /// The values with a key, in their order.
    pub fn of(&self, key: u64) -> impl Iterator<Item = &V> {
        self.between(key..=key).map(|(_, value)| value)
    }

    /// The values with these keys, in their order.
    fn between(&self, keys: RangeInclusive<u64>) -> impl Iterator<Item = (u64, &V)> {
        let (first, last) = keys.into_inner();
        let of_page = |page: &usize| {
            let (stored, table) = self.stored.as_ref()?;
            stored.pages().key(*table as usize, *page)
        };
        let start = self.stored.as_ref();
        let start = start.map_or(0, |(stored, table)| {
            stored.pages().page_of(*table as usize, first)
        });
        let pages = (start..self.pages.len())
            .take_while(move |page| of_page(page).is_some_and(|least| least <= last));
        pages.flat_map(move |page| {
            let all = self.page(page);
            let from = all.partition_point(|(key, _)| *key < first);
            let those = all.get(from..).unwrap_or_default().iter();
            those
                .take_while(move |(key, _)| *key <= last)
                .map(|(key, value)| (*key, value))
        })
    }

    /// All values with their keys, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        let pages = (0..self.pages.len()).flat_map(|page| self.page(page));
        pages.map(|(key, value)| (*key, value))
    }
}

/// The numbers of records or ids, by keys of 32 bits.
impl Keyed for u32 {
    fn read(from: &mut Cursor<'_>) -> Option<(u64, Self)> {
        Some((from.number()?.into(), from.number()?))
    }
}

/// One value for each key: those of a snapshot, and in their place those that were changed since. A value that says
/// nothing is none.
#[derive(Debug, Clone)]
pub(super) struct Overlaid<V> {
    below: Sorted<V>,
    own: HashMap<u64, V, FixedState>,
}

/// A value that may say nothing.
pub(super) trait Sparse: Keyed + Default {
    /// Whether it says nothing.
    fn is_none(&self) -> bool;
}

impl<V> Default for Overlaid<V> {
    fn default() -> Self {
        Self {
            below: Sorted::default(),
            own: HashMap::default(),
        }
    }
}

impl<V: Sparse> Overlaid<V> {
    /// The values that a snapshot has in a table.
    pub fn stored(stored: &Arc<Stored>, table: Table) -> Self {
        Self {
            below: Sorted::stored(stored, table),
            own: HashMap::default(),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: u64) -> Option<&V> {
        let own = self.own.get(&key);
        let found = own.or_else(|| self.below.of(key).next());
        found.filter(|value| !value.is_none())
    }

    /// Those of these keys that have a value, in no order.
    pub fn within(&self, keys: RangeInclusive<u64>) -> impl Iterator<Item = u64> {
        let below = self.below.between(keys.clone());
        let below = below.filter(|(key, value)| !self.own.contains_key(key) && !value.is_none());
        let is_own = |key: &u64| self.own.get(key).is_some_and(|value| !value.is_none());
        below.map(|(key, _)| key).chain(keys.filter(is_own))
    }

    /// Changes the value of a key.
    pub fn change(&mut self, key: u64, change: impl FnOnce(&mut V)) {
        let below = || self.below.of(key).next();
        let value = self.own.entry(key);
        let value = value.or_insert_with(|| below().cloned().unwrap_or_default());
        change(value);
        if value.is_none() && below().is_none() {
            self.own.remove(&key);
        }
    }

    /// The values and their keys, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        let below = self.below.iter();
        let below = below.filter(|(key, _)| !self.own.contains_key(key));
        let own = self.own.iter().map(|(key, value)| (*key, value));
        let mut all: Vec<(u64, &V)> = below.chain(own).collect();
        all.retain(|(_, value)| !value.is_none());
        all.sort_unstable_by_key(|(key, _)| *key);
        all.into_iter()
    }
}
