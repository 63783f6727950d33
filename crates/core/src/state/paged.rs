//! Lists of values in pages, of which those of a snapshot are read when they are asked for.

use std::sync::{Arc, OnceLock};

use super::stored::{Cursor, Stored, Table};

/// A value of a list in pages.
pub(super) trait Item: Clone {
    /// How many values a page has, but for the last one: a power of two.
    const TOGETHER: usize;

    /// Reads the value; none if the bytes are not of one.
    fn read(from: &mut Cursor<'_>) -> Option<Self>;

    /// What stands in the place of a value that is lost for good.
    fn lost() -> Self;
}

/// A list of values. A page that was read stays at its address until the list changes.
#[derive(Debug, Clone)]
pub(super) struct Paged<T> {
    pages: Vec<OnceLock<Vec<T>>>,
    length: usize,
    stored: Option<(Arc<Stored>, Table)>,
}

impl<T> Default for Paged<T> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            length: 0,
            stored: None,
        }
    }
}

impl<T: Item> Paged<T> {
    /// The list that a snapshot has in a table; none if it has another number of pages.
    pub fn stored(stored: &Arc<Stored>, table: Table) -> Option<Self> {
        let length = stored.values(table);
        let pages = length.div_ceil(T::TOGETHER);
        (pages == stored.count(table)).then(|| Self {
            pages: (0..pages).map(|_| OnceLock::new()).collect(),
            length,
            stored: Some((stored.clone(), table)),
        })
    }

    /// Whether the list begins with values of a snapshot.
    pub fn is_stored(&self) -> bool {
        self.stored.is_some()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// The value at a place.
    pub fn get(&self, at: usize) -> Option<&T> {
        self.page(at / T::TOGETHER)?.get(at % T::TOGETHER)
    }

    /// The values of a page.
    fn page(&self, page: usize) -> Option<&Vec<T>> {
        Some(self.pages.get(page)?.get_or_init(|| self.read(page)))
    }

    /// All values, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.pages.len()).flat_map(|page| self.page(page).into_iter().flatten())
    }

    /// The value at a place, to be changed.
    pub fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.page_mut(at / T::TOGETHER)?.get_mut(at % T::TOGETHER)
    }

    fn page_mut(&mut self, page: usize) -> Option<&mut Vec<T>> {
        self.page(page)?;
        self.pages.get_mut(page)?.get_mut()
    }

    /// Adds a value.
    pub fn push(&mut self, value: T) {
        if self.length.is_multiple_of(T::TOGETHER) {
            self.pages.push(OnceLock::from(Vec::new()));
        }
        let last = self.pages.len() - 1;
        if let Some(page) = self.page_mut(last) {
            page.push(value);
        }
        self.length += 1;
    }

    /// Takes out the last value.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.pages.len().checked_sub(1)?;
        let page = self.page_mut(last)?;
        let value = page.pop();
        if page.is_empty() {
            self.pages.pop();
        }
        self.length -= 1;
        value
    }

    /// Takes out the values from a place on.
    pub fn truncate(&mut self, length: usize) {
        while self.length > length {
            self.pop();
        }
    }

    /// Reads all that was not read yet.
    pub fn read_all(&self) {
        (0..self.pages.len()).for_each(|page| _ = self.page(page));
    }

    /// Reads a page of the snapshot.
    fn read(&self, page: usize) -> Vec<T> {
        let Some((stored, table)) = &self.stored else {
            return Vec::new();
        };
        let values = stored.values(*table);
        let count = T::TOGETHER.min(values.saturating_sub(page * T::TOGETHER));
        let mut all = stored.read(*table, page, T::read).unwrap_or_default();
        // Forged pages may have any number of values.
        all.resize_with(count, T::lost);
        all
    }
}

impl Item for u16 {
    const TOGETHER: usize = 8_192;

    fn read(from: &mut Cursor<'_>) -> Option<Self> {
        from.array().map(Self::from_le_bytes)
    }

    fn lost() -> Self {
        0
    }
}

impl Item for u32 {
    const TOGETHER: usize = 4_096;

    fn read(from: &mut Cursor<'_>) -> Option<Self> {
        from.number()
    }

    fn lost() -> Self {
        0
    }
}
