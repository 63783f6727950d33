//! What is known of many records at once. It is computed when it is first asked for, so that a walk over all records
//! does not look up each of them.

use std::collections::HashMap;

use chrono::NaiveDate;
use foldhash::fast::FixedState;

use super::dates::RecordDates;
use super::id_table::Id;
use crate::event::Kind;
use crate::value::when::When;

/// So many records, from a multiple of it on, have one latest day.
const TOGETHER: usize = 256;

/// What is known of many records at once.
#[derive(Debug, Clone, Default)]
pub struct ScanCache {
    latest: Vec<NaiveDate>,
    noteworthy: Bits,
    mended: Bits,
    /// The agreement of each commitment whose record has no date.
    agreements: HashMap<u32, Id, FixedState>,
}

impl ScanCache {
    /// Of records with these kinds and stamps; `mended` are those that something became of, and `made_in` the
    /// agreements of commitments.
    pub fn new(
        kinds: &[Option<Kind>],
        dates: &RecordDates,
        mended: impl Iterator<Item = usize>,
        made_in: impl Iterator<Item = (u32, Id)>,
    ) -> Self {
        let mut marks = Self {
            latest: Vec::with_capacity(kinds.len().div_ceil(TOGETHER)),
            noteworthy: Bits::new(kinds.len()),
            mended: Bits::new(kinds.len()),
            agreements: HashMap::default(),
        };
        mended.for_each(|record| marks.mended.set(record));
        let dateless = dates.which(|stamp| !stamp.is_dated());
        let noteworthy = dates.which(|stamp| {
            let has_end = stamp.on.and_then(When::latest).is_some();
            stamp.irregular || stamp.infers || !has_end
        });
        let places: Vec<usize> = dates.places().collect();
        let made_in = made_in.filter(|(record, _)| {
            let place = places.get(*record as usize);
            place.is_some_and(|place| dateless[*place])
        });
        marks.agreements = made_in.collect();
        let mut latest = NaiveDate::MIN;
        for (record, place) in places.into_iter().enumerate() {
            if noteworthy[place] {
                marks.noteworthy.set(record);
            }
            // Its agreement may give it any day.
            let inherits = dateless[place] && kinds[record] == Some(Kind::CommitmentRecorded);
            latest = latest.max(if inherits {
                NaiveDate::MAX
            } else {
                dates.last_days()[place]
            });
            if (record + 1) % TOGETHER == 0 || record + 1 == kinds.len() {
                marks.latest.push(latest);
                latest = NaiveDate::MIN;
            }
        }
        marks
    }

    /// A day that no last possible day of a record lies after, nor of those around it.
    pub fn latest(&self, record: usize) -> NaiveDate {
        let latest = self.latest.get(record / TOGETHER).copied();
        latest.unwrap_or(NaiveDate::MAX)
    }

    /// The agreement of the commitment of a record without a date.
    pub fn agreement(&self, record: usize) -> Option<Id> {
        self.agreements.get(&u32::try_from(record).ok()?).copied()
    }

    /// Whether a record breaks a rule, was inferred in part, or has no last day of its own.
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
