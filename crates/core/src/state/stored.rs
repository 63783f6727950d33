//! The tables of a snapshot, from which a state reads the pages that are asked for.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::pages::Pages;

/// The tables of a state, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// The kind of each record.
    Kinds,
    /// The number of the date of each record.
    Places,
    /// The dates.
    Dates,
    /// What later records did, by the record that it was done to.
    Statuses,
    /// The ids, by their numbers.
    Slugs,
    /// The record that first named each id.
    First,
    /// The numbers of ids, by the hashes of the ids.
    Hashes,
    /// The assessments.
    Assessments,
    /// The words by which standings moved.
    Words,
    /// The sides of commitments.
    Sides,
    /// The deadlines.
    Deadlines,
    /// The bytes of long trails.
    Trails,
    /// The entities, by the numbers of their ids.
    Entities,
    /// The trails of records.
    About,
    /// The records of import keys, by the hashes of the keys.
    Keys,
    /// The agreement of each commitment whose record has no date, by that record.
    Dateless,
    /// The latest days of each group of records that is full.
    Days,
}

impl Table {
    /// How many tables there are.
    pub const COUNT: usize = Self::Days as usize + 1;
}

/// The tables of a snapshot.
pub(super) struct Stored {
    pages: Arc<Pages>,
    /// The pages of long trails that were read.
    trails: Vec<OnceLock<Box<[u8]>>>,
}

impl Stored {
    /// The tables that these pages begin with.
    pub fn new(pages: Arc<Pages>) -> Arc<Self> {
        let trails = pages.count(Table::Trails as usize);
        Arc::new(Self {
            trails: (0..trails).map(|_| OnceLock::new()).collect(),
            pages,
        })
    }

    /// The pages.
    pub fn pages(&self) -> &Pages {
        &self.pages
    }

    /// How many records the snapshot is of.
    pub fn records(&self) -> u64 {
        self.values(Table::Kinds) as u64
    }

    /// How many values a table has.
    pub fn values(&self, table: Table) -> usize {
        // What does not fit into memory is not there.
        usize::try_from(self.pages.values(table as usize)).unwrap_or(0)
    }

    /// How many pages a table has.
    pub fn count(&self, table: Table) -> usize {
        self.pages.count(table as usize)
    }

    /// The values of a page; none if the page is lost for good, which the pages tell from then on.
    pub fn read<T>(
        self: &Arc<Self>,
        table: Table,
        page: usize,
        each: impl Fn(&mut Cursor<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.pages.read(table as usize, page, |bytes| {
            let mut from = self.cursor(bytes);
            let mut all = Vec::new();
            while !from.rest.is_empty() {
                all.push(each(&mut from)?);
            }
            Some(all)
        })
    }

    /// Reads these bytes.
    pub fn cursor<'b>(self: &'b Arc<Self>, bytes: &'b [u8]) -> Cursor<'b> {
        Cursor {
            rest: bytes,
            stored: self,
        }
    }

    /// A long trail that begins at this place of this page; none if there is no such place.
    pub fn trail(self: &Arc<Self>, page: u32, at: u32, length: u32) -> Option<Trail> {
        let there = self.pages.length(Table::Trails as usize, page as usize);
        let end = at.checked_add(length)?;
        (length > 0 && end as usize <= there).then(|| Trail {
            stored: self.clone(),
            page,
            at,
            length,
        })
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pages.fmt(f)
    }
}

/// The bytes of a long trail, which are read when they are asked for.
#[derive(Debug, Clone)]
pub(super) struct Trail {
    stored: Arc<Stored>,
    page: u32,
    at: u32,
    length: u32,
}

impl Trail {
    /// The bytes; none of them if they are lost for good.
    pub fn bytes(&self) -> &[u8] {
        let page = self.page as usize;
        let read = || {
            let pages = &self.stored.pages;
            let read = pages.read(Table::Trails as usize, page, |bytes| Some(bytes.into()));
            read.unwrap_or_default()
        };
        let place = self.stored.trails.get(page);
        let bytes = place.map_or(&[][..], |page| page.get_or_init(read));
        let at = self.at as usize;
        bytes.get(at..at + self.length as usize).unwrap_or_default()
    }
}

/// Reads the values of a page. They may be forged.
pub(super) struct Cursor<'b> {
    pub rest: &'b [u8],
    stored: &'b Arc<Stored>,
}

impl<'b> Cursor<'b> {
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*array)
    }

    pub fn byte(&mut self) -> Option<u8> {
        let [byte] = self.array()?;
        Some(byte)
    }

    pub fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// The number of a value of a table.
    pub fn number_of(&mut self, table: Table) -> Option<u32> {
        let values = self.stored.values(table);
        self.number().filter(|number| (*number as usize) < values)
    }

    pub fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = self.number()?;
        let (bytes, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(bytes)
    }

    pub fn text(&mut self) -> Option<&'b str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    pub fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.number()? as usize;
        // What is forged may say any length. The bytes that are left limit how many values there can be.
        let mut all = Vec::with_capacity(length.min(self.rest.len()));
        for _ in 0..length {
            all.push(each(self)?);
        }
        Some(all)
    }

    /// A long trail.
    pub fn long_trail(&mut self) -> Option<Trail> {
        let (page, at, length) = (self.number()?, self.number()?, self.number()?);
        self.stored.trail(page, at, length)
    }
}
