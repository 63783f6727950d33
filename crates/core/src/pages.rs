//! Tables in pages: what is kept beside the records in such a way that an answer reads a few pages of it and not all.
//!
//! Bytes: what the owner puts before; the pages, one behind the other; the directory; the length of the directory (4) and
//! its check sum (32). The directory has the length of the root (4) and the root, which is the owner's; the number of
//! tables (4), and of each table the number of its values (8) and of its pages (4), and of each page its length (4), its
//! key (8) and its check sum (16). Numbers are little endian. A page belongs to one table, and is read and checked whole.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::chain::record::local_checksum;

/// Bytes from which on a page is closed, where nothing else ends it.
pub const PAGE: usize = 16 * 1024;

/// Bytes after the directory: its length and its check sum.
const FOOTER: usize = 4 + 32;

/// Bytes of a page's check sum.
const SUM: usize = 16;

/// Bytes that are read piece by piece, also from several threads at a time.
pub trait Source: Send + Sync {
    /// How many bytes there are.
    fn length(&self) -> u64;

    /// Reads so many bytes from a place on.
    ///
    /// # Errors
    /// The reason why they cannot be read, in words.
    fn read(&self, at: u64, length: usize) -> Result<Vec<u8>, String>;
}

impl Source for Vec<u8> {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, at: u64, length: usize) -> Result<Vec<u8>, String> {
        let at = usize::try_from(at).ok();
        let found = at.and_then(|at| self.get(at..at.checked_add(length)?));
        let found = found.map(<[u8]>::to_vec);
        found.ok_or_else(|| "the bytes end before".to_owned())
    }
}

fn sum(bytes: &[u8]) -> [u8; SUM] {
    let whole = local_checksum(bytes).0;
    *whole.first_chunk().expect("a hash is longer")
}

/// Gives the bytes of tables away, page by page.
pub struct PageWriter<'g> {
    give: &'g mut dyn FnMut(&[u8]),
    page: Vec<u8>,
    key: u64,
    tables: u32,
    /// The directory of the tables that are closed, and of the pages of the open one.
    directory: Vec<u8>,
    places: Vec<u8>,
    pages: u32,
}

impl<'g> PageWriter<'g> {
    /// Begins with the first page of the first table.
    pub fn new(give: &'g mut dyn FnMut(&[u8])) -> Self {
        Self {
            give,
            page: Vec::new(),
            key: 0,
            tables: 0,
            directory: Vec::new(),
            places: Vec::new(),
            pages: 0,
        }
    }

    /// The bytes of the open page, to be added to. The first value of a page has this key.
    pub fn page(&mut self, key: u64) -> &mut Vec<u8> {
        if self.page.is_empty() {
            self.key = key;
        }
        &mut self.page
    }

    /// Closes the open page if it has so many bytes.
    pub fn close_page_of(&mut self, bytes: usize) {
        if self.page.len() >= bytes {
            self.close_page();
        }
    }

    /// Closes the open page, unless it is empty.
    pub fn close_page(&mut self) {
        if self.page.is_empty() {
            return;
        }
        // A page is far below 4 GiB: the largest is the trail of one entity.
        let length = self.page.len() as u32;
        self.places.extend_from_slice(&length.to_le_bytes());
        self.places.extend_from_slice(&self.key.to_le_bytes());
        self.places.extend_from_slice(&sum(&self.page));
        self.pages += 1;
        (self.give)(&self.page);
        self.page.clear();
    }

    /// Ends the table, which has so many values.
    pub fn close_table(&mut self, values: u64) {
        self.close_page();
        self.directory.extend_from_slice(&values.to_le_bytes());
        self.directory.extend_from_slice(&self.pages.to_le_bytes());
        self.directory.append(&mut self.places);
        self.tables += 1;
        self.pages = 0;
    }

    /// Gives the directory, with the root in it.
    pub fn finish(self, root: &[u8]) {
        let mut directory = (root.len() as u32).to_le_bytes().to_vec();
        directory.extend_from_slice(root);
        directory.extend_from_slice(&self.tables.to_le_bytes());
        directory.extend_from_slice(&self.directory);
        (self.give)(&directory);
        (self.give)(&(directory.len() as u32).to_le_bytes());
        (self.give)(&local_checksum(&directory).0);
    }
}

/// Makes all bytes anew from the records; none where these cannot be read.
pub type Remake = Box<dyn Fn() -> Option<Vec<u8>> + Send + Sync>;

/// Tables that are read page by page. A page that cannot be read, or is not what was written, is taken from bytes that
/// are made anew.
pub struct Pages {
    source: Arc<dyn Source>,
    tables: Vec<Table>,
    remake: Option<Remake>,
    remade: OnceLock<Option<Vec<u8>>>,
    lost: OnceLock<()>,
}

struct Table {
    values: u64,
    pages: Vec<Place>,
}

/// Where a page lies, and what it is.
struct Place {
    at: u64,
    length: u32,
    key: u64,
    sum: [u8; SUM],
}

impl Place {
    fn is_of(&self, page: &[u8]) -> bool {
        page.len() == self.length as usize && sum(page) == self.sum
    }
}

impl Pages {
    /// Opens the tables of these bytes, of which the first `before` are the owner's, and gives the root; none if the
    /// directory is damaged.
    pub fn open(
        source: Arc<dyn Source>,
        before: u64,
        remake: Option<Remake>,
    ) -> Option<(Self, Vec<u8>)> {
        let end = source.length().checked_sub(FOOTER as u64)?;
        let footer = source.read(end, FOOTER).ok()?;
        let (length, checksum) = footer.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length);
        let start = end.checked_sub(length.into())?;
        let directory = source.read(start, length as usize).ok()?;
        if local_checksum(&directory).0 != checksum {
            return None;
        }
        let mut rest = Rest(&directory);
        let root = rest.number()? as usize;
        let root = rest.bytes(root)?.to_vec();
        let mut next = before;
        let mut tables = Vec::new();
        for _ in 0..rest.number()? {
            tables.push(rest.table(&mut next)?);
        }
        let pages = Self {
            source,
            tables,
            remake,
            remade: OnceLock::new(),
            lost: OnceLock::new(),
        };
        (rest.0.is_empty() && next == start).then_some((pages, root))
    }

    /// How many values a table has.
    pub fn values(&self, table: usize) -> u64 {
        self.tables.get(table).map_or(0, |table| table.values)
    }

    /// How many pages a table has.
    pub fn count(&self, table: usize) -> usize {
        self.tables.get(table).map_or(0, |table| table.pages.len())
    }

    /// The key of the first value of a page.
    pub fn key(&self, table: usize, page: usize) -> Option<u64> {
        Some(self.tables.get(table)?.pages.get(page)?.key)
    }

    /// How many bytes a page has.
    pub fn length(&self, table: usize, page: usize) -> usize {
        let place = self.tables.get(table).and_then(|all| all.pages.get(page));
        place.map_or(0, |place| place.length as usize)
    }

    /// The first page of a table, sorted by keys, that may have a value with a key.
    pub fn page_of(&self, table: usize, key: u64) -> usize {
        let pages = self.tables.get(table).map_or(&[][..], |table| &table.pages);
        let before = pages.partition_point(|place| place.key < key);
        // The one before may end with it.
        before.saturating_sub(1)
    }

    /// Reads the bytes of a page; none if it is damaged. Nothing is made anew.
    pub fn peek(&self, table: usize, page: usize) -> Option<Vec<u8>> {
        let place = self.tables.get(table)?.pages.get(page)?;
        let bytes = self.source.read(place.at, place.length as usize).ok()?;
        place.is_of(&bytes).then_some(bytes)
    }

    /// Reads a page; none if it is lost for good.
    pub fn read<T>(
        &self,
        table: usize,
        page: usize,
        decode: impl Fn(&[u8]) -> Option<T>,
    ) -> Option<T> {
        let place = self.tables.get(table)?.pages.get(page)?;
        let found = self.peek(table, page).and_then(|bytes| decode(&bytes));
        let remade = || {
            let bytes = self.remade(place);
            bytes.filter(|bytes| place.is_of(bytes)).and_then(&decode)
        };
        let found = found.or_else(remade);
        if found.is_none() {
            let _ = self.lost.set(());
        }
        found
    }

    /// A page of the bytes that are made anew. Where they are others, a page there has another check sum.
    fn remade(&self, place: &Place) -> Option<&[u8]> {
        let remake = || self.remake.as_ref().and_then(|remake| remake());
        let bytes = self.remade.get_or_init(remake).as_ref()?;
        let at = usize::try_from(place.at).ok()?;
        bytes.get(at..at.checked_add(place.length as usize)?)
    }

    /// Whether a page was damaged, so that all was made anew.
    pub fn is_damaged(&self) -> bool {
        self.remade.get().is_some()
    }

    /// Whether a page is lost for good.
    pub fn is_lost(&self) -> bool {
        self.lost.get().is_some()
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("tables", &self.tables.len())
            .field("is_damaged", &self.is_damaged())
            .finish_non_exhaustive()
    }
}

/// The rest of a directory.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn bytes(&mut self, length: usize) -> Option<&'b [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A table whose first page lies at `next`, which goes on to the end of its last.
    fn table(&mut self, next: &mut u64) -> Option<Table> {
        let values = u64::from_le_bytes(self.array()?);
        let mut pages = Vec::new();
        for _ in 0..self.number()? {
            let place = Place {
                at: *next,
                length: self.number()?,
                key: u64::from_le_bytes(self.array()?),
                sum: self.array()?,
            };
            *next = next.checked_add(place.length.into())?;
            pages.push(place);
        }
        Some(Table { values, pages })
    }
}

#[cfg(test)]
mod tests;
