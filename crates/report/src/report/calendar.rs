//! What a report puts into a calendar, as plain data: days, each with an id that stays when the day moves.

use chrono::NaiveDate;

use servanda_core::value::when::Instant;

/// An entry of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarEntry {
    /// Its id for life, unlike any other's anywhere: made of the ledger's origin, the commitment's id, and which
    /// occurrence it is.
    pub uid: String,
    /// How often it may have changed: it grows with every record of the ledger, for any can retract or correct
    /// what it rests on.
    pub revision: u64,
    /// When the last record of the ledger was taken in.
    pub changed: Instant,
    /// What it is, in a line.
    pub summary: String,
    /// Its day.
    pub date: NaiveDate,
    /// Everything else that a reader needs, in lines.
    pub description: String,
    /// How certain it is.
    pub status: CalendarStatus,
}

/// How certain an entry of a calendar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalendarStatus {
    /// The day is known.
    Confirmed,
    /// It may be an earlier day: only the last possible one is known.
    Tentative,
    /// Nothing is owed on that day any more.
    Cancelled,
}
