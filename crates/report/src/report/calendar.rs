//! The entries that a report puts into a calendar. The id of an entry stays when its day moves.

use chrono::NaiveDate;

use servanda_core::value::when::Instant;

/// An entry of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarEntry {
    /// Its id, which no other entry anywhere has: the commitment's id, which deadline it is, and the ledger's origin.
    pub uid: String,
    /// How often it may have changed: the number of the ledger's last record, because any record can change it.
    pub revision: u64,
    /// When the last record of the ledger was taken in.
    pub changed: Instant,
    /// What it is, in a line.
    pub summary: String,
    /// Its day; of one that recurs, the first.
    pub date: NaiveDate,
    /// The rule by which it recurs, in the words of RFC 5545, counted from its day.
    pub rule: Option<String>,
    /// The other facts, one a line.
    pub description: String,
    /// How certain it is.
    pub status: CalendarStatus,
}

/// How certain an entry of a calendar is. An entry that is not cancelled has an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalendarStatus {
    /// The day is known.
    Confirmed,
    /// It may be an earlier day: only the last possible one is known.
    Tentative,
    /// Nothing is owed on that day any more.
    Cancelled,
}
