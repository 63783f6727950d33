//! Ids as small numbers, given in the order in which records first name them.

use foldhash::quality::FixedState;
use hashbrown::HashTable;
use smallvec::SmallVec;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use super::paged::Paged;
use super::sorted::Sorted;
use super::stored::{Stored, Table};
use crate::value::id::Slug;

/// The number of an id.
pub type Id = u32;

/// The numbers of some ids. Most lists are short.
pub type Ids = SmallVec<[Id; 4]>;

/// The number of each id that a record names.
#[derive(Debug, Clone, Default)]
pub(super) struct IdTable {
    slugs: Paged<Slug>,
    /// The record that first named each id.
    first: Paged<u32>,
    /// The numbers of the ids of a snapshot, by the upper halves of their hashes.
    below: Sorted<Id>,
    /// The numbers of the others.
    numbers: HashTable<Id>,
}

impl IdTable {
    /// The ids of a snapshot; none if its tables do not fit each other.
    pub fn stored(stored: &Arc<Stored>) -> Option<Self> {
        Some(Self {
            slugs: Paged::stored(stored, Table::Slugs)?,
            first: Paged::stored(stored, Table::First)?,
            below: Sorted::stored(stored, Table::Hashes),
            numbers: HashTable::new(),
        })
    }

    /// The ids in the order of their numbers.
    pub fn slugs(&self) -> &Paged<Slug> {
        &self.slugs
    }

    /// The record that first named each id.
    pub fn first(&self) -> &Paged<u32> {
        &self.first
    }

    /// The upper halves of the hashes of all ids, with the numbers of the ids, sorted.
    pub fn hashes(&self) -> Vec<(u32, Id)> {
        let halves = self.slugs.iter().map(|slug| upper_half(hash(slug)) as u32);
        let mut all: Vec<(u32, Id)> = halves.zip(0..).collect();
        all.sort_unstable();
        all
    }

    /// Reads all numbers that were not read yet.
    pub fn read_all(&self) {
        self.below.iter().for_each(drop);
    }

    /// The number of an id; none if no record names it.
    pub fn find(&self, slug: &Slug) -> Option<Id> {
        let hash = hash(slug);
        let of = |id: &Id| self.slugs.get(*id as usize) == Some(slug);
        let own = self.numbers.find(hash, of).copied();
        own.or_else(|| self.below.of(upper_half(hash)).copied().find(of))
    }

    /// The ids that differ from one in upper and lower case only.
    pub fn other_cases(&self, slug: &Slug) -> impl Iterator<Item = Id> {
        let same = move |id: &Id| {
            let other = self.slugs.get(*id as usize);
            other.is_some_and(|other| {
                other != slug && other.as_str().eq_ignore_ascii_case(slug.as_str())
            })
        };
        let hash = hash(slug);
        let all = self.numbers.iter_hash(hash);
        let all = all.chain(self.below.of(upper_half(hash)));
        all.copied().filter(same)
    }

    /// The number of an id. A new id gets the next number, with this record as the first that names it.
    pub fn number(&mut self, slug: &Slug, record: u32) -> Id {
        if let Some(id) = self.find(slug) {
            return id;
        }
        self.first.push(record);
        self.add(slug.clone())
    }

    fn add(&mut self, slug: Slug) -> Id {
        // There are fewer ids than bytes of records, and of records there are fewer than 2^32.
        let id = self.slugs.len() as Id;
        let hash = hash(&slug);
        self.slugs.push(slug);
        let slugs = &self.slugs;
        let rehash = |id: &Id| slugs.get(*id as usize).map_or(0, self::hash);
        self.numbers.insert_unique(hash, id, rehash);
        id
    }

    /// Forgets the ids that this record and later ones named first. They have the highest numbers.
    pub fn forget_since(&mut self, record: u32) {
        let last = |first: &Paged<u32>| first.get(first.len().checked_sub(1)?).copied();
        while last(&self.first).is_some_and(|first| first >= record) {
            self.first.pop();
            let Some(slug) = self.slugs.pop() else {
                return;
            };
            let id = self.slugs.len() as Id;
            if let Ok(place) = self.numbers.find_entry(hash(&slug), |found| *found == id) {
                place.remove();
            }
        }
    }
}

/// The half of a hash by which a snapshot has it.
fn upper_half(hash: u64) -> u64 {
    hash >> 32
}

/// The hash of an id, which is that of all its spellings in upper and lower case.
fn hash(slug: &Slug) -> u64 {
    /// The bit in which the cases of a letter differ. All other characters of an id, but `_`, have it.
    const CASE: u64 = 0x2020_2020_2020_2020;
    // The seed is fixed: the domain knows no randomness.
    let mut hasher = FixedState::with_seed(0).build_hasher();
    let (words, rest) = slug.as_str().as_bytes().as_chunks();
    for word in words {
        hasher.write_u64(u64::from_le_bytes(*word) | CASE);
    }
    let rest = rest
        .iter()
        .fold(0, |word, byte| word << 8 | u64::from(*byte | 0x20));
    hasher.write_u64(rest);
    hasher.finish()
}
