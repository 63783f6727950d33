//! Summaries of all records, for questions that go over all of them.

use std::collections::HashMap;
use std::sync::OnceLock;

use chrono::NaiveDate;
use foldhash::fast::FixedState;

use super::dates::RecordDates;
use super::id_table::Id;
use super::paged::{Item as _, Paged};
use crate::event::Kind;

/// How many records share a latest day. Each group begins at a multiple of it.
pub(super) const TOGETHER: usize = 256;

/// How many records are summarised at once: those of a page.
const RECORDS: usize = <Option<Kind>>::TOGETHER;

/// Summaries of records, made when they are asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct ScanCache {
    summaries: Vec<OnceLock<Box<Summary>>>,
    /// The agreement of each commitment whose record has no date and came after the snapshot.
    agreements: OnceLock<HashMap<u32, Id, FixedState>>,
}

/// Two latest days for each group of records, and a bit for each record.
#[derive(Debug, Clone)]
pub(super) struct Summary {
    latest: [NaiveDate; RECORDS / TOGETHER],
    /// The same, without the records of bookkeeping.
    latest_heard: [NaiveDate; RECORDS / TOGETHER],
    noteworthy: [u64; RECORDS / 64],
}

impl ScanCache {
    /// Of so many records.
    pub fn new(records: usize) -> Self {
        let summaries = records.div_ceil(RECORDS);
        Self {
            summaries: (0..summaries).map(|_| OnceLock::new()).collect(),
            agreements: OnceLock::new(),
        }
    }

    /// Makes room for so many records, of which the last is new.
    pub fn grow(&mut self, records: usize) {
        self.summaries
            .resize_with(records.div_ceil(RECORDS), OnceLock::new);
        self.forget(records.saturating_sub(1));
    }

    /// Forgets what a record and its neighbours are, because it changed.
    pub fn forget(&mut self, record: usize) {
        if let Some(summary) = self.summaries.get_mut(record / RECORDS) {
            summary.take();
        }
        self.agreements.take();
    }

    /// The summary of a record and its neighbours.
    pub fn of(
        &self,
        record: usize,
        kinds: &Paged<Option<Kind>>,
        dates: &RecordDates,
    ) -> Option<&Summary> {
        let summary = self.summaries.get(record / RECORDS)?;
        let first = record - record % RECORDS;
        Some(summary.get_or_init(|| Summary::new(first, kinds.run(first), dates)))
    }

    /// The agreements of commitments, of which `all` makes those that are not known yet.
    pub fn agreements(
        &self,
        all: impl FnOnce() -> HashMap<u32, Id, FixedState>,
    ) -> &HashMap<u32, Id, FixedState> {
        self.agreements.get_or_init(all)
    }
}

impl Summary {
    /// Summarises records from this one on.
    fn new(first: usize, kinds: &[Option<Kind>], dates: &RecordDates) -> Box<Self> {
        let mut summary = Box::new(Self {
            latest: [NaiveDate::MIN; RECORDS / TOGETHER],
            latest_heard: [NaiveDate::MIN; RECORDS / TOGETHER],
            noteworthy: [0; RECORDS / 64],
        });
        for (at, kind) in kinds.iter().enumerate() {
            let Some(stamp) = dates.stamp(first + at) else {
                continue;
            };
            if stamp.is_noteworthy {
                summary.noteworthy[at / 64] |= 1 << (at % 64);
            }
            let spec = kind.map(Kind::spec);
            // The date of its agreement may be any day.
            let inherits = stamp.is_dateless && spec.is_some_and(|spec| spec.has_agreement_date);
            let last_day = match inherits {
                true => NaiveDate::MAX,
                false => stamp.last_day,
            };
            let latest = &mut summary.latest[at / TOGETHER];
            *latest = last_day.max(*latest);
            if spec.is_some_and(|spec| !spec.is_bookkeeping) {
                let latest = &mut summary.latest_heard[at / TOGETHER];
                *latest = last_day.max(*latest);
            }
        }
        summary
    }

    /// A day that is not before the last possible day of any record in the group of this one.
    pub fn latest(&self, record: usize) -> NaiveDate {
        self.latest[record % RECORDS / TOGETHER]
    }

    /// As [`Summary::latest`], of the records that are not bookkeeping.
    pub fn latest_heard(&self, record: usize) -> NaiveDate {
        self.latest_heard[record % RECORDS / TOGETHER]
    }

    /// Whether a record is irregular, was inferred in part, or says no last day.
    pub fn is_noteworthy(&self, record: usize) -> bool {
        let at = record % RECORDS;
        self.noteworthy[at / 64] & (1 << (at % 64)) != 0
    }
}
