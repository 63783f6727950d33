//! Import keys as hashes. Read the record to know whether it really has a key.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;
use hashbrown::HashTable;

use super::sorted::Sorted;
use crate::value::unicode::normal;

/// The records of import keys, by the hashes of the keys.
#[derive(Debug, Clone, Default)]
pub(super) struct ImportKeys {
    /// Those of a snapshot.
    below: Sorted<u32>,
    /// Those that came after it.
    own: HashTable<Key>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    tag: u32,
    record: u32,
}

impl ImportKeys {
    /// The records that may have a key, in this or another spelling of Unicode. A wrong record is one in four billion.
    pub fn records(&self, key: &str) -> impl Iterator<Item = u32> {
        let tag = tag(key);
        let own = self.own.iter_hash(spread(tag));
        let own = own
            .filter(move |found| found.tag == tag)
            .map(|found| found.record);
        own.chain(self.below.of(tag.into()).copied())
    }

    /// Notes that a record has a key.
    pub fn insert(&mut self, key: &str, record: u32) {
        self.put(Key {
            tag: tag(key),
            record,
        });
    }

    /// Forgets that a record has a key. It must have come after the snapshot.
    pub fn remove(&mut self, key: &str, record: u32) {
        let key = Key {
            tag: tag(key),
            record,
        };
        if let Ok(place) = self.own.find_entry(spread(key.tag), |found| *found == key) {
            place.remove();
        }
    }

    /// The hashes of the keys in order, each with its record.
    pub fn to_pairs(&self) -> Vec<(u32, u32)> {
        let below = self.below.iter();
        let below = below.map(|(tag, record)| (tag as u32, *record));
        let own = self.own.iter().map(|key| (key.tag, key.record));
        let mut pairs: Vec<(u32, u32)> = below.chain(own).collect();
        pairs.sort_unstable();
        pairs
    }

    /// Reads all that was not read yet.
    pub fn read_all(&self) {
        self.below.iter().for_each(drop);
    }

    /// The keys of a snapshot.
    pub fn stored(below: Sorted<u32>) -> Self {
        Self {
            below,
            own: HashTable::new(),
        }
    }

    fn put(&mut self, key: Key) {
        self.own
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
