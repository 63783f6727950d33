//! Import keys as hashes. Read the record to know whether it really has a key.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;
use hashbrown::HashTable;

use crate::value::unicode::normal;

/// The records of import keys, by the hashes of the keys.
#[derive(Debug, Clone, Default)]
pub(super) struct ImportKeys(HashTable<Key>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    tag: u32,
    record: u32,
}

impl ImportKeys {
    /// The records that may have a key, in this or another spelling of Unicode. A wrong record is one in four billion.
    pub fn records(&self, key: &str) -> impl Iterator<Item = u32> {
        let tag = tag(key);
        self.0
            .iter_hash(spread(tag))
            .filter(move |found| found.tag == tag)
            .map(|found| found.record)
    }

    /// Notes that a record has a key.
    pub fn insert(&mut self, key: &str, record: u32) {
        self.put(Key {
            tag: tag(key),
            record,
        });
    }

    /// Forgets that a record has a key.
    pub fn remove(&mut self, key: &str, record: u32) {
        let key = Key {
            tag: tag(key),
            record,
        };
        if let Ok(place) = self.0.find_entry(spread(key.tag), |found| *found == key) {
            place.remove();
        }
    }

    /// The records in order, each with the hash of its key.
    pub fn to_pairs(&self) -> Vec<(u32, u32)> {
        let mut pairs: Vec<(u32, u32)> = self.0.iter().map(|key| (key.record, key.tag)).collect();
        pairs.sort_unstable();
        pairs
    }

    /// The keys of these pairs, which [`ImportKeys::to_pairs`] gave.
    pub fn from_pairs(pairs: impl ExactSizeIterator<Item = (u32, u32)>) -> Self {
        let mut keys = Self(HashTable::with_capacity(pairs.len()));
        for (record, tag) in pairs {
            keys.put(Key { tag, record });
        }
        keys
    }

    fn put(&mut self, key: Key) {
        self.0
            .insert_unique(spread(key.tag), key, |key| spread(key.tag));
    }
}

/// The hash of a key, which is that of all its spellings in Unicode.
fn tag(key: &str) -> u32 {
    FixedState::with_seed(1).hash_one(&*normal(key)) as u32
}

/// Spreads a hash over 64 bits, because a hash table uses the highest bits and the lowest ones.
fn spread(tag: u32) -> u64 {
    u64::from(tag).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
