//! Values as small numbers, because many records have equal ones.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Each different value once, in the order in which they first came. Some may be of no record any more.
#[derive(Debug, Clone)]
pub(super) struct Interned<T> {
    all: Vec<T>,
    numbers: HashTable<u32>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            numbers: HashTable::new(),
        }
    }
}

impl<T: Hash + Eq> Interned<T> {
    /// These values, which get the numbers of their places.
    pub fn new(all: Vec<T>) -> Self {
        let mut numbers = HashTable::with_capacity(all.len());
        for (number, value) in all.iter().enumerate() {
            let rehash = |number: &u32| hash(&all[*number as usize]);
            numbers.insert_unique(hash(value), number as u32, rehash);
        }
        Self { all, numbers }
    }

    /// The values in the order of their numbers.
    pub fn all(&self) -> &[T] {
        &self.all
    }

    /// The number of a value. A new value gets the next number.
    pub fn number(&mut self, value: T) -> u32 {
        let hashed = hash(&value);
        let same = |number: &u32| self.all[*number as usize] == value;
        if let Some(number) = self.numbers.find(hashed, same) {
            return *number;
        }
        // There are fewer values than records, and of those fewer than 2^32.
        let number = self.all.len() as u32;
        self.all.push(value);
        let all = &self.all;
        let rehash = |number: &u32| hash(&all[*number as usize]);
        self.numbers.insert_unique(hashed, number, rehash);
        number
    }
}

fn hash(value: &impl Hash) -> u64 {
    // The seed is fixed: the domain knows no randomness.
    FixedState::with_seed(0).hash_one(value)
}
