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
        match self.find(hashed, |one| *one == value) {
            Some(number) => number,
            None => self.add(hashed, value),
        }
    }

    /// The number of the value that is made of parts, which hash as it does. It is made only where it is new.
    pub fn number_of(
        &mut self,
        parts: &impl Hash,
        is_same: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> u32 {
        let hashed = hash(parts);
        match self.find(hashed, is_same) {
            Some(number) => number,
            None => self.add(hashed, make()),
        }
    }

    fn find(&self, hashed: u64, is_same: impl Fn(&T) -> bool) -> Option<u32> {
        let same = |number: &u32| is_same(&self.all[*number as usize]);
        self.numbers.find(hashed, same).copied()
    }

    fn add(&mut self, hashed: u64, value: T) -> u32 {
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
