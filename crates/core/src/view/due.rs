//! What the calendar says of a commitment.

use chrono::{Days, NaiveDate};

use super::schedule::Term;
use super::{Commitment, View};
use crate::event::Kind;
use crate::value::commitment::Standing;

/// What the calendar says of a commitment. Derived at query time, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Its deadline has passed and a debtor still owes it.
    Overdue {
        /// Whole days since the deadline.
        days: i64,
    },
    /// Its deadline has passed, no debtor owes it as it stands, and where it stands is argued about.
    Contested {
        /// Whole days since the deadline.
        days: i64,
    },
    /// Its deadline, or the next day of its rule, lies within the days asked for.
    Soon {
        /// Whole days until the deadline.
        days: i64,
    },
    /// Its deadline lies further ahead.
    Later,
    /// It is due so long after an event that is not known to have happened.
    Waiting,
    /// Nothing says when it is due.
    Undated,
    /// It is to be kept at all times, or by a rule of recurrence that has no day soon.
    Standing,
    /// No debtor owes it now: proposed, waiting, claimed, breached, suspended or ended.
    NotOwed,
}

impl View<'_> {
    /// What the calendar says of a commitment on the view's day; `soon` is how many days ahead count as soon.
    pub fn due(&self, commitment: &Commitment<'_>, soon: Days) -> Due {
        let calendar = self.calendar(commitment, soon);
        match calendar {
            _ if commitment.any(Standing::can_be_overdue) => calendar,
            Due::Overdue { days } if commitment.is_contested() => Due::Contested { days },
            _ => Due::NotOwed,
        }
    }

    /// What the calendar would say of a commitment that is owed.
    pub fn calendar(&self, commitment: &Commitment<'_>, soon: Days) -> Due {
        let last = match self.term(commitment) {
            Term::Undated => return Due::Undated,
            Term::Waits(_) => return Due::Waiting,
            Term::Dated(date) => date.latest,
            Term::Standing => {
                let next = self
                    .occurrences(commitment)
                    .and_then(|all| all.next(self.as_of));
                return match next.filter(|day| self.is_within(*day, soon)) {
                    Some(day) => Due::Soon {
                        days: (day - self.as_of).num_days(),
                    },
                    None => Due::Standing,
                };
            }
        };
        let days = (last - self.as_of).num_days();
        if days < 0 {
            Due::Overdue { days: -days }
        } else if self.is_within(last, soon) {
            Due::Soon { days }
        } else {
            Due::Later
        }
    }

    /// Whether a day is at most so many days ahead.
    fn is_within(&self, day: NaiveDate, ahead: Days) -> bool {
        let limit = self.as_of.checked_add_days(ahead);
        limit.is_some_and(|limit| day <= limit)
    }

    /// The last day on which something is known to have happened about a commitment.
    pub fn last_heard(&self, commitment: &Commitment<'_>) -> NaiveDate {
        let last = self.heard_after(commitment, None);
        last.unwrap_or_else(|| self.last_possible_day(commitment.recorded.seq))
    }

    /// The last day after this one on which something is known to have happened about a commitment; none where nothing is.
    pub fn heard_after(
        &self,
        commitment: &Commitment<'_>,
        day: Option<NaiveDate>,
    ) -> Option<NaiveDate> {
        let mut last = day;
        // What was recorded last happened last, as a rule: the rest need not be looked up.
        for seq in commitment.told.trail_backwards() {
            if last.is_some_and(|last| self.state.latest_heard_until(seq) <= last) {
                break;
            }
            if last.is_some_and(|last| self.state.latest_heard_around(seq) <= last) {
                continue;
            }
            let spec = self.state.kind(seq).map(Kind::spec);
            if spec.is_none_or(|spec| spec.is_bookkeeping) {
                continue;
            }
            // What has its day from its agreement says a later one than its own, or none.
            let is_own = spec.is_some_and(|spec| !spec.has_agreement_date);
            let own = self.state.own_last_day(seq).filter(|_| is_own);
            let is_known = own.is_some_and(|own| Some(own) <= last);
            if !is_known && self.has_happened(seq) {
                last = last.max(Some(self.last_possible_day(seq)));
            }
        }
        last.filter(|_| last > day)
    }
}
