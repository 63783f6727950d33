//! The latest days of groups of records: a question about a day passes over the groups that lie before it.

use chrono::{Datelike as _, NaiveDate};

use super::dates::Stamp;
use super::paged::Item;
use super::stored::Cursor;
use crate::event::Kind;

/// How many records have their latest days together. Each group begins at a multiple of it.
pub(super) const TOGETHER: usize = 256;

/// Days that are not before the last possible day of any record of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days {
    /// Of the days that the records have of their own, and of those that they were recorded on.
    own: NaiveDate,
    /// The same, without the records of bookkeeping.
    own_heard: NaiveDate,
    /// Of the days that commitments have from their agreements; none where each has one of its own.
    agreed: Option<NaiveDate>,
}

impl Default for Days {
    /// Those of no record.
    fn default() -> Self {
        Self {
            own: NaiveDate::MIN,
            own_heard: NaiveDate::MIN,
            agreed: None,
        }
    }
}

impl Days {
    /// Takes in a record. `agreed` gives the last day of the agreement that it has its date from; none if it is not known.
    pub fn add(
        &mut self,
        stamp: &Stamp,
        kind: Option<Kind>,
        agreed: impl FnOnce() -> Option<NaiveDate>,
    ) {
        let spec = kind.map(Kind::spec);
        self.own = self.own.max(stamp.last_day);
        if spec.is_some_and(|spec| !spec.is_bookkeeping) {
            self.own_heard = self.own_heard.max(stamp.last_day);
        }
        if stamp.is_dateless && spec.is_some_and(|spec| spec.has_agreement_date) {
            // What is not known may be any day.
            let agreed = agreed().unwrap_or(NaiveDate::MAX);
            self.agreed = self.agreed.max(Some(agreed));
        }
    }

    /// A day that is not before the last possible day of any of the records, where `redated` is the last of the days that
    /// agreements were given after the days of the group were gathered.
    pub fn latest(&self, redated: NaiveDate) -> NaiveDate {
        self.with_agreed(self.own, redated)
    }

    /// As [`Days::latest`], of the records that are not bookkeeping.
    pub fn latest_heard(&self, redated: NaiveDate) -> NaiveDate {
        self.with_agreed(self.own_heard, redated)
    }

    fn with_agreed(&self, own: NaiveDate, redated: NaiveDate) -> NaiveDate {
        self.agreed
            .map_or(own, |agreed| own.max(agreed).max(redated))
    }

    /// The days as numbers, for a snapshot.
    pub fn to_numbers(self) -> [u32; 3] {
        let agreed = self.agreed.unwrap_or(NaiveDate::MIN);
        [self.own, self.own_heard, agreed].map(|day| day.num_days_from_ce() as u32)
    }
}

impl Item for Days {
    const TOGETHER: usize = 1_024;

    fn read(from: &mut Cursor<'_>) -> Option<Self> {
        let (own, own_heard, agreed) = (from.day()?, from.day()?, from.day()?);
        Some(Self {
            own,
            own_heard,
            agreed: Some(agreed).filter(|day| *day != NaiveDate::MIN),
        })
    }

    /// What is lost may have been any day.
    fn lost() -> Self {
        Self {
            own: NaiveDate::MAX,
            own_heard: NaiveDate::MAX,
            agreed: None,
        }
    }
}
