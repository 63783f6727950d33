//! Import keys of a table that is mapped.

use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use foldhash::fast::RandomState;

/// How keys are hashed, in any table of this process.
static HASHED: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// An import key, with its hash: it is looked up in several tables. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    // Compared first.
    hash: u64,
    text: Arc<str>,
}

/// Builds the tables of keys, which have their hashes already.
pub type Hashed = BuildHasherDefault<OwnHash>;

/// Takes the hash that a key has.
#[derive(Debug, Clone, Copy, Default)]
pub struct OwnHash(u64);

impl Hasher for OwnHash {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = HASHED.hash_one((self.0, bytes));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self {
            hash: HASHED.hash_one(text),
            text: text.into(),
        }
    }
}

impl Deref for Key {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
