//! What is asked of many records at once, made when it is asked for.

use std::collections::HashMap;
use std::sync::OnceLock;

use chrono::NaiveDate;
use foldhash::fast::FixedState;

use super::days::{Days, TOGETHER};
use super::id_table::Id;

/// A bit for each record of a group.
pub(super) type Mended = [u64; TOGETHER / 64];

/// Answers about records.
#[derive(Debug, Clone, Default)]
pub(super) struct ScanCache {
    /// The latest days of each group of records.
    days: Vec<OnceLock<Days>>,
    /// Which records of each group were corrected, retracted or redacted.
    mended: Vec<OnceLock<Mended>>,
    /// For each group the latest day of it and of all before it, without the records of bookkeeping.
    heard: OnceLock<Vec<NaiveDate>>,
    /// The agreement of each commitment whose record has no date and came after the snapshot.
    agreements: OnceLock<HashMap<u32, Id, FixedState>>,
}

impl ScanCache {
    /// Of so many records.
    pub fn new(records: usize) -> Self {
        let groups = records.div_ceil(TOGETHER);
        Self {
            days: (0..groups).map(|_| OnceLock::new()).collect(),
            mended: (0..groups).map(|_| OnceLock::new()).collect(),
            ..Self::default()
        }
    }

    /// Makes room for so many records, of which the last is new.
    pub fn grow(&mut self, records: usize) {
        let groups = records.div_ceil(TOGETHER);
        self.days.resize_with(groups, OnceLock::new);
        self.mended.resize_with(groups, OnceLock::new);
        self.forget(records.saturating_sub(1));
    }

    /// Forgets what a record and its neighbours are, because it changed.
    pub fn forget(&mut self, record: usize) {
        let group = record / TOGETHER;
        if let (Some(days), Some(mended)) = (self.days.get_mut(group), self.mended.get_mut(group)) {
            days.take();
            mended.take();
        }
        self.heard.take();
        self.agreements.take();
    }

    /// The latest days of a group of records, which `make` gives where they are not known yet.
    pub fn days(&self, group: usize, make: impl FnOnce() -> Days) -> Option<&Days> {
        Some(self.days.get(group)?.get_or_init(make))
    }

    /// Which records of a group were corrected, retracted or redacted; `make` gives them where they are not known yet.
    pub fn mended(&self, group: usize, make: impl FnOnce() -> Mended) -> Option<&Mended> {
        Some(self.mended.get(group)?.get_or_init(make))
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
