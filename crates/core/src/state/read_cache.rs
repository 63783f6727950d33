//! Records that were read from the archive, each at an address that stays until the state changes.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::CurrentRecord;

/// Records that may lie on the shelf before it is cleared, when the state changes next.
const LIMIT: usize = 8_192;

const PAGE: usize = 64;

type Slot = OnceLock<Option<Box<CurrentRecord>>>;

/// What was read from the archive so far; an empty place where a payload is gone, or could not be read.
#[derive(Debug, Default)]
pub struct ReadCache {
    pages: Vec<OnceLock<Box<[Slot; PAGE]>>>,
    loaded: AtomicUsize,
}

impl Clone for ReadCache {
    /// A clone reads again.
    fn clone(&self) -> Self {
        let mut read_cache = Self::default();
        read_cache.reach(self.pages.len() * PAGE);
        read_cache
    }
}

impl ReadCache {
    /// Makes room for so many records.
    pub fn reach(&mut self, count: usize) {
        let pages = count.div_ceil(PAGE);
        if self.pages.len() < pages {
            self.pages.resize_with(pages, OnceLock::new);
        }
    }

    /// The record at a place, read now if it does not lie here yet.
    pub fn get(
        &self,
        at: usize,
        read: impl FnOnce() -> Option<CurrentRecord>,
    ) -> Option<&CurrentRecord> {
        let page = self.pages.get(at / PAGE)?;
        let page = page.get_or_init(|| Box::new([const { Slot::new() }; PAGE]));
        let slot = page[at % PAGE].get_or_init(|| {
            self.loaded.fetch_add(1, Ordering::Relaxed);
            read().map(Box::new)
        });
        slot.as_deref()
    }

    /// Takes a record away, which then is read anew.
    pub fn forget(&mut self, at: usize) {
        let page = self.pages.get_mut(at / PAGE).and_then(OnceLock::get_mut);
        if let Some(page) = page
            && page[at % PAGE].take().is_some()
        {
            *self.loaded.get_mut() -= 1;
        }
    }

    /// How many records lie here.
    pub fn loaded(&self) -> usize {
        self.loaded.load(Ordering::Relaxed)
    }

    /// Clears the shelf if much lies on it.
    pub fn tidy(&mut self) {
        if *self.loaded.get_mut() > LIMIT {
            let pages = self.pages.len();
            self.pages.clear();
            self.pages.resize_with(pages, OnceLock::new);
            *self.loaded.get_mut() = 0;
        }
    }
}
