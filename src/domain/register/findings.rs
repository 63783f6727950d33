//! What assessors found, as small numbers: many find the same.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::super::commitment::Level;
use super::super::value::Text;
use super::names::Id;

/// What somebody found on a scale.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Finding {
    /// The numbers of the assessors' ids, in the order in which the record names them.
    pub by: Box<[Id]>,
    /// The scale's name.
    pub scale: Text,
    /// The level on it.
    pub level: Level,
}

/// Each finding once, in the order in which they first came. Some may be of no assessment any more; a snapshot
/// leaves those out, for they may have been redacted.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    all: Vec<Finding>,
    numbers: HashTable<u32>,
}

impl Findings {
    /// These findings, which get the numbers of their places.
    pub fn new(all: Vec<Finding>) -> Self {
        let mut numbers = HashTable::with_capacity(all.len());
        for (number, finding) in all.iter().enumerate() {
            let rehash = |number: &u32| hash(&all[*number as usize]);
            numbers.insert_unique(hash(finding), number as u32, rehash);
        }
        Self { all, numbers }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// The finding that has a number.
    pub fn get(&self, number: u32) -> Option<&Finding> {
        self.all.get(number as usize)
    }

    /// The number of a finding, which gets one if it has none.
    pub fn number(&mut self, finding: Finding) -> u32 {
        let same = |number: &u32| self.all[*number as usize] == finding;
        if let Some(number) = self.numbers.find(hash(&finding), same) {
            return *number;
        }
        // There are fewer findings than records, and of those fewer than 2^32.
        let number = self.all.len() as u32;
        let hashed = hash(&finding);
        self.all.push(finding);
        let all = &self.all;
        let rehash = |number: &u32| hash(&all[*number as usize]);
        self.numbers.insert_unique(hashed, number, rehash);
        number
    }
}

fn hash(finding: &Finding) -> u64 {
    // The seed is fixed: the domain knows no randomness.
    FixedState::with_seed(0).hash_one(finding)
}
