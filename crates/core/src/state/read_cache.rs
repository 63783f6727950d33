//! Records that were read from the archive. Each stays at its address until the state changes.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::current::CurrentRecord;

/// How many records may be here when the state changes. If there are more, all are dropped.
const LIMIT: usize = 8_192;

/// How many records share a leaf. Those that are read are mostly far from each other.
const LEAF: usize = 8;

/// How many leaves share a page.
const LEAVES: usize = 128;

/// How many records a page is for. A clone makes a list of pages, which are few.
const PAGE: usize = LEAF * LEAVES;

type Slot = OnceLock<Option<Box<CurrentRecord>>>;
type Leaf = OnceLock<Box<[Slot; LEAF]>>;
type Page = OnceLock<Box<[Leaf; LEAVES]>>;

/// The records that were read from the archive; none for a record whose payload was erased or cannot be read.
#[derive(Debug, Default)]
pub(super) struct ReadCache {
    pages: Vec<Page>,
    loaded: AtomicUsize,
}

impl Clone for ReadCache {
    /// The clone is empty and reads again.
    fn clone(&self) -> Self {
        let mut read_cache = Self::default();
        read_cache.reach(self.pages.len() * PAGE);
        read_cache
    }
}

impl ReadCache {
    /// Makes room for the first `count` records.
    pub fn reach(&mut self, count: usize) {
        let pages = count.div_ceil(PAGE);
        if self.pages.len() < pages {
            self.pages.resize_with(pages, OnceLock::new);
        }
    }

    /// The record at a place. It is read if it is not here yet.
    pub fn get(
        &self,
        at: usize,
        read: impl FnOnce() -> Option<CurrentRecord>,
    ) -> Option<&CurrentRecord> {
        let page = self.pages.get(at / PAGE)?;
        let page = page.get_or_init(|| Box::new([const { Leaf::new() }; LEAVES]));
        let leaf = page[at % PAGE / LEAF].get_or_init(|| Box::new([const { Slot::new() }; LEAF]));
        let slot = leaf[at % LEAF].get_or_init(|| {
            self.loaded.fetch_add(1, Ordering::Relaxed);
            read().map(Box::new)
        });
        slot.as_deref()
    }

    /// Drops a record, so that it is read again.
    pub fn forget(&mut self, at: usize) {
        let page = self.pages.get_mut(at / PAGE).and_then(OnceLock::get_mut);
        let leaf = page.and_then(|page| page[at % PAGE / LEAF].get_mut());
        if let Some(leaf) = leaf
            && leaf[at % LEAF].take().is_some()
        {
            *self.loaded.get_mut() -= 1;
        }
    }

    /// How many records are here.
    pub fn loaded(&self) -> usize {
        self.loaded.load(Ordering::Relaxed)
    }

    /// Drops all records if there are too many.
    pub fn tidy(&mut self) {
        if *self.loaded.get_mut() > LIMIT {
            let pages = self.pages.len();
            self.pages.clear();
            self.pages.resize_with(pages, OnceLock::new);
            *self.loaded.get_mut() = 0;
        }
    }
}
