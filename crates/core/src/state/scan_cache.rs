//! Summaries of all records, for questions that go over all of them.

use std::collections::HashMap;

use chrono::NaiveDate;
use foldhash::fast::FixedState;

use super::dates::RecordDates;
use super::id_table::Id;
use crate::event::Kind;
use crate::value::when::When;

/// How many records share a latest day. Each group begins at a multiple of it.
const TOGETHER: usize = 256;

/// Two latest days for each group of records, and two summaries for each record.
#[derive(Debug, Clone, Default)]
pub(super) struct ScanCache {
    latest: Vec<NaiveDate>,
    /// The same, without the records of bookkeeping.
    latest_heard: Vec<NaiveDate>,
    noteworthy: Bits,
    mended: Bits,
    /// The agreement of each commitment whose record has no date.
    agreements: HashMap<u32, Id, FixedState>,
}

impl ScanCache {
    /// Summarises records with these kinds and dates. `mended` are those that later ones corrected, retracted or
    /// redacted, and `made_in` has the agreements of the commitments.
    pub fn new(
        kinds: &[Option<Kind>],
        dates: &RecordDates,
        mended: impl Iterator<Item = usize>,
        made_in: impl Iterator<Item = (u32, Id)>,
    ) -> Self {
        let mut summaries = Self {
            latest: Vec::with_capacity(kinds.len().div_ceil(TOGETHER)),
            latest_heard: Vec::with_capacity(kinds.len().div_ceil(TOGETHER)),
            noteworthy: Bits::new(kinds.len()),
            mended: Bits::new(kinds.len()),
            agreements: HashMap::default(),
        };
        mended.for_each(|record| summaries.mended.set(record));
        let dateless = dates.which(|date| !date.is_dated());
        let noteworthy = dates.which(|date| {
            let has_end = date.on.and_then(When::latest).is_some();
            date.irregular || date.infers || !has_end
        });
        let made_in = made_in.filter(|(record, _)| {
            let place = dates.place(*record as usize);
            place.is_some_and(|place| dateless[place])
        });
        summaries.agreements = made_in.collect();
        let (mut latest, mut latest_heard) = (NaiveDate::MIN, NaiveDate::MIN);
        for (record, place) in dates.places().enumerate() {
            if noteworthy[place] {
                summaries.noteworthy.set(record);
            }
            let spec = kinds[record].map(Kind::spec);
            // The date of its agreement may be any day.
            let inherits = dateless[place] && spec.is_some_and(|spec| spec.has_agreement_date);
            let last_day = match inherits {
                true => NaiveDate::MAX,
                false => dates.last_days()[place],
            };
            latest = latest.max(last_day);
            if spec.is_some_and(|spec| !spec.is_bookkeeping) {
                latest_heard = latest_heard.max(last_day);
            }
            if (record + 1) % TOGETHER == 0 || record + 1 == kinds.len() {
                summaries.latest.push(latest);
                summaries.latest_heard.push(latest_heard);
                (latest, latest_heard) = (NaiveDate::MIN, NaiveDate::MIN);
            }
        }
        summaries
    }

    /// A day that is not before the last possible day of any record in the group of this one.
    pub fn latest(&self, record: usize) -> NaiveDate {
        let latest = self.latest.get(record / TOGETHER).copied();
        latest.unwrap_or(NaiveDate::MAX)
    }

    /// As [`ScanCache::latest`], of the records that are not bookkeeping.
    pub fn latest_heard(&self, record: usize) -> NaiveDate {
        let latest = self.latest_heard.get(record / TOGETHER).copied();
        latest.unwrap_or(NaiveDate::MAX)
    }

    /// The agreement of the commitment of a record without a date.
    pub fn agreement(&self, record: usize) -> Option<Id> {
        self.agreements.get(&u32::try_from(record).ok()?).copied()
    }

    /// Whether a record is irregular, was inferred in part, or says no last day.
    pub fn is_noteworthy(&self, record: usize) -> bool {
        self.noteworthy.get(record)
    }

    /// Whether a record was corrected, retracted or redacted.
    pub fn is_mended(&self, record: usize) -> bool {
        self.mended.get(record)
    }
}

/// A bit for each record.
#[derive(Debug, Clone, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn new(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    fn set(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    fn get(&self, at: usize) -> bool {
        let word = self.0.get(at / 64);
        word.is_some_and(|word| word & (1 << (at % 64)) != 0)
    }
}
