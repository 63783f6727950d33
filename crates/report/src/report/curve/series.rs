//! Counts over time.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use servanda_core::value::id::AgreementId;

use crate::report::cells;
use crate::report::participation::Position;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Parties that signed, also those that have left since.
    Signed,
    /// Parties that consented and have not left, until the agreement ends.
    Consented,
    /// Parties that the agreement binds.
    InForce,
    /// Commitments.
    Made,
    /// Commitments of which something is owed, or may yet come to be.
    Live,
    /// Of the live, those of an agreement that has ended or is suspended since before they fell due.
    Lapsed,
    /// Commitments that were owed and not taken away since, with any deadline or none.
    Owed,
    /// Of the owed, the ones declared breached.
    BreachedOfOwed,
    /// Of the owed, those whose deadline passed.
    Due,
    /// Of the due, the fulfilled.
    Fulfilled,
    /// Of the due, the ones kept in part.
    Partial,
    /// Of the due, the ones declared breached.
    Breached,
    /// Of the due, the ones that a debtor still owes.
    Overdue,
    /// Of the due, the live ones that are argued about.
    Contested,
    /// Occurrences whose day passed.
    Expected,
    /// Of the expected, those for which nothing is recorded.
    Missed,
}

impl What {
    /// Its name in the table: the words of the other reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Consented => "consented",
            Self::InForce => "in force",
            Self::Made => "made",
            Self::Live => "live",
            Self::Lapsed => cells::LAPSED,
            Self::Owed => "owed",
            Self::BreachedOfOwed => "breached of owed",
            Self::Due => "due",
            Self::Fulfilled => "fulfilled",
            Self::Partial => "partial",
            Self::Breached => "breached",
            Self::Overdue => "overdue",
            Self::Contested => "contested",
            Self::Expected => "expected",
            Self::Missed => "missed",
        }
    }

    /// Among what it is counted.
    pub fn denominator(self) -> Option<Self> {
        match self {
            Self::Fulfilled | Self::Partial | Self::Breached | Self::Overdue | Self::Contested => {
                Some(Self::Due)
            }
            Self::Lapsed => Some(Self::Live),
            Self::BreachedOfOwed => Some(Self::Owed),
            Self::Missed => Some(Self::Expected),
            _ => None,
        }
    }

    /// Whether it counts a party that stands there.
    pub fn holds(self, at: Position) -> bool {
        match self {
            Self::Signed => at.has_signed(),
            Self::Consented => at.has_consented(),
            Self::InForce => at.is_bound(),
            _ => false,
        }
    }

    /// Whether a threshold of it means anything.
    pub fn has_thresholds(self) -> bool {
        matches!(
            self,
            Self::Signed | Self::Consented | Self::InForce | Self::Fulfilled
        )
    }
}

/// A count over time.
pub struct Series {
    /// What is counted.
    pub what: What,
    /// Of which agreement; none for commitments.
    pub agreement: Option<AgreementId>,
    /// By day: how much it changed, from what it came to.
    pub changes: BTreeMap<NaiveDate, i64>,
    /// The same, had every gain come as early as it can have, and every loss as late. None for what is counted
    /// by the calendar.
    pub at_best: Option<BTreeMap<NaiveDate, i64>>,
}

impl Series {
    /// A series without changes.
    pub fn new(what: What, agreement: Option<AgreementId>) -> Self {
        Self {
            what,
            agreement,
            changes: BTreeMap::new(),
            at_best: None,
        }
    }

    /// Adds a change of a day.
    pub fn change(&mut self, day: NaiveDate, by: i64) {
        if by != 0 {
            *self.changes.entry(day).or_default() += by;
        }
    }

    /// The days on which it changed, each with what it came to.
    pub fn points(&self) -> Vec<(NaiveDate, i64)> {
        let changed = self.changes.iter().filter(|(_, by)| **by != 0);
        let points = changed.scan(0, |count, (day, by)| {
            *count += by;
            Some((*day, *count))
        });
        points.collect()
    }
}
