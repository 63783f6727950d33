//! What is asked of many records at once, made when it is asked for.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use chrono::NaiveDate;
use foldhash::fast::FixedState;

use super::days::{Days, TOGETHER};
use super::id_table::Id;

/// Some of the records of a group: a bit for each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks([u64; TOGETHER / 64]);

impl FromIterator<usize> for Marks {
    fn from_iter<T: IntoIterator<Item = usize>>(records: T) -> Self {
        let mut marks = Self::default();
        for record in records {
            let within = record % TOGETHER;
            marks.0[within / 64] |= 1 << (within % 64);
        }
        marks
    }
}

/// How many groups share a chunk.
const CHUNK: usize = 64;

type Chunk = [OnceLock<Marks>; CHUNK];

/// The marks of all records. Clones share them, chunk by chunk, until a record of the chunk changes: they must depend on
/// nothing else.
#[derive(Debug, Clone, Default)]
pub(super) struct AllMarks(Vec<OnceLock<Arc<Chunk>>>);

impl AllMarks {
    /// Whether a record is marked; `make` gives the marks of its group where they are not known yet.
    pub fn has(&self, record: usize, make: impl FnOnce(Range<usize>) -> Marks) -> bool {
        let (group, within) = (record / TOGETHER, record % TOGETHER);
        let first = group * TOGETHER;
        let make = || make(first..first + TOGETHER);
        let marks = self.of_group(group, make);
        marks.is_some_and(|marks| marks.0[within / 64] >> (within % 64) & 1 == 1)
    }

    fn of_group(&self, group: usize, make: impl FnOnce() -> Marks) -> Option<&Marks> {
        let empty = || Arc::new([const { OnceLock::new() }; CHUNK]);
        let chunk = self.0.get(group / CHUNK)?.get_or_init(empty);
        Some(chunk[group % CHUNK].get_or_init(make))
    }

    /// Makes room for the marks of so many groups.
    fn grow(&mut self, groups: usize) {
        self.0.resize_with(groups.div_ceil(CHUNK), OnceLock::new);
    }

    /// Forgets the marks of a group and of those that share its chunk.
    fn forget(&mut self, group: usize) {
        if let Some(chunk) = self.0.get_mut(group / CHUNK) {
            chunk.take();
        }
    }
}

/// Answers about records.
#[derive(Debug, Clone, Default)]
pub(super) struct ScanCache {
    /// The latest days of each group of records, which depend on the dates of agreements elsewhere.
    days: Vec<OnceLock<Days>>,
    /// The records that were corrected, retracted or redacted.
    pub mended: AllMarks,
    /// The records that are irregular, were inferred in part, or say no last day.
    pub noteworthy: AllMarks,
    /// For each group the latest day of it and of all before it, without the records of bookkeeping.
    heard: OnceLock<Vec<NaiveDate>>,
    /// The agreement of each commitment whose record has no date and came after the snapshot.
    agreements: OnceLock<HashMap<u32, Id, FixedState>>,
}

impl ScanCache {
    /// Of so many records.
    pub fn new(records: usize) -> Self {
        let mut cache = Self::default();
        cache.reach(records);
        cache
    }

    fn reach(&mut self, records: usize) {
        let groups = records.div_ceil(TOGETHER);
        self.days.resize_with(groups, OnceLock::new);
        self.mended.grow(groups);
        self.noteworthy.grow(groups);
    }

    /// Makes room for so many records, of which the last is new.
    pub fn grow(&mut self, records: usize) {
        self.reach(records);
        self.forget(records.saturating_sub(1));
    }

    /// Forgets what a record and its neighbours are, because it changed.
    pub fn forget(&mut self, record: usize) {
        let group = record / TOGETHER;
        if let Some(days) = self.days.get_mut(group) {
            days.take();
        }
        self.mended.forget(group);
        self.noteworthy.forget(group);
        self.heard.take();
        self.agreements.take();
    }

    /// The latest days of a group of records, which `make` gives where they are not known yet.
    pub fn days(&self, group: usize, make: impl FnOnce() -> Days) -> Option<&Days> {
        Some(self.days.get(group)?.get_or_init(make))
    }

    /// For each group the latest day of it and of all before it, where `all` gives that of each.
    pub fn heard(&self, all: impl Iterator<Item = NaiveDate>) -> &[NaiveDate] {
        self.heard.get_or_init(|| {
            let latest = all.scan(NaiveDate::MIN, |latest, day| {
                *latest = day.max(*latest);
                Some(*latest)
            });
            latest.collect()
        })
    }

    /// The agreements of commitments, of which `all` makes those that are not known yet.
    pub fn agreements(
        &self,
        all: impl FnOnce() -> HashMap<u32, Id, FixedState>,
    ) -> &HashMap<u32, Id, FixedState> {
        self.agreements.get_or_init(all)
    }
}
