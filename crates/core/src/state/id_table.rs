//! Ids as small numbers, given in the order in which records first name them.

use foldhash::quality::FixedState;
use hashbrown::HashTable;
use smallvec::SmallVec;
use std::hash::{BuildHasher, Hasher};

use crate::value::id::Slug;

/// The number of an id.
pub type Id = u32;

/// The numbers of some ids. Most lists are short.
pub type Ids = SmallVec<[Id; 4]>;

/// The number of each id that a record names.
#[derive(Debug, Clone, Default)]
pub(super) struct IdTable {
    slugs: Vec<Slug>,
    /// The record that first named each id.
    first: Vec<u32>,
    numbers: HashTable<Id>,
}

impl IdTable {
    /// The table of these ids, and the record that first named each.
    pub fn new(slugs: Vec<Slug>, first: Vec<u32>) -> Self {
        let mut names = Self {
            slugs: Vec::with_capacity(slugs.len()),
            first,
            numbers: HashTable::with_capacity(slugs.len()),
        };
        for slug in slugs {
            names.add(slug);
        }
        names
    }

    /// The ids in the order of their numbers.
    pub fn slugs(&self) -> &[Slug] {
        &self.slugs
    }

    /// The record that first named each id.
    pub fn first(&self) -> &[u32] {
        &self.first
    }

    /// The number of an id; none if no record names it.
    pub fn find(&self, slug: &Slug) -> Option<Id> {
        let of = |id: &Id| self.slugs[*id as usize] == *slug;
        self.numbers.find(hash(slug), of).copied()
    }

    /// The ids that differ from one in upper and lower case only.
    pub fn other_cases(&self, slug: &Slug) -> impl Iterator<Item = Id> {
        let same = move |id: &&Id| {
            let other = &self.slugs[**id as usize];
            other != slug && other.as_str().eq_ignore_ascii_case(slug.as_str())
        };
        self.numbers.iter_hash(hash(slug)).filter(same).copied()
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
        let rehash = |id: &Id| self::hash(&slugs[*id as usize]);
        self.numbers.insert_unique(hash, id, rehash);
        id
    }

    /// Forgets the ids that this record and later ones named first. They have the highest numbers.
    pub fn forget_since(&mut self, record: u32) {
        while self.first.last().is_some_and(|first| *first >= record) {
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
