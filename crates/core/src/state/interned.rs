//! Values as small numbers, because many records have equal ones.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::paged::{Item, Paged};

/// Each different value once, in the order in which they first came. Some may be of no record any more. What a snapshot has
/// is not looked for: a value that comes again after it gets another number, and has one again in the next snapshot.
#[derive(Debug, Clone)]
pub(super) struct Interned<T> {
    all: Paged<T>,
    /// The numbers of the values that came after those of a snapshot.
    numbers: HashTable<u32>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self {
            all: Paged::default(),
            numbers: HashTable::new(),
        }
    }
}

impl<T: Hash + Eq + Item> Interned<T> {
    /// The values of a snapshot, which have the numbers of their places.
    pub fn stored(all: Paged<T>) -> Self {
        Self {
            all,
            numbers: HashTable::new(),
        }
    }

    /// The values in the order of their numbers.
    pub fn all(&self) -> &Paged<T> {
        &self.all
    }

    /// The value of a number.
    pub fn get(&self, number: u32) -> Option<&T> {
        self.all.get(number as usize)
    }

    /// The values of these numbers, each once and in the order in which they first come, and for each number that of its
    /// value among them.
    pub fn used(&self, numbers: impl Iterator<Item = u32>) -> (Renumbered, Vec<&T>) {
        let mut places = vec![NONE; self.all.len()];
        let mut used = Vec::new();
        let mut equal: HashMap<&T, u32, FixedState> = HashMap::default();
        for number in numbers {
            let place = places.get_mut(number as usize);
            let place = place.filter(|place| **place == NONE);
            if let (Some(place), Some(value)) = (place, self.get(number)) {
                let next = used.len() as u32;
                *place = match self.all.is_stored() {
                    true => *equal.entry(value).or_insert(next),
                    false => next,
                };
                if *place == next {
                    used.push(value);
                }
            }
        }
        (Renumbered(places), used)
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
        let same = |number: &u32| self.get(*number).is_some_and(&is_same);
        self.numbers.find(hashed, same).copied()
    }

    fn add(&mut self, hashed: u64, value: T) -> u32 {
        // There are fewer values than records, and of those fewer than 2^32.
        let number = self.all.len() as u32;
        self.all.push(value);
        let all = &self.all;
        let rehash = |number: &u32| all.get(*number as usize).map_or(0, hash);
        self.numbers.insert_unique(hashed, number, rehash);
        number
    }
}

/// The numbers of values among those that are used.
pub(super) struct Renumbered(Vec<u32>);

/// The number of no value.
const NONE: u32 = u32::MAX;

impl Renumbered {
    /// The number that takes the place of one.
    pub fn of(&self, number: u32) -> u32 {
        self.0.get(number as usize).copied().unwrap_or(NONE)
    }
}

fn hash<T: Hash>(value: &T) -> u64 {
    // The seed is fixed: the domain knows no randomness.
    FixedState::with_seed(0).hash_one(value)
}
