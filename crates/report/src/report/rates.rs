//! Rates: each names its denominator, and none stands without its counts.

use std::iter::Sum;
use std::ops::Add;

use chrono::{Days, NaiveDate};

use servanda_core::value::commitment::{Contest, Standing};
use servanda_core::view::{Commitment, Due, View};

use super::cell::Cell;
use super::cells;

/// So many of so many, which are of a kind that is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// What is counted.
    pub name: &'static str,
    /// Among what: `live`, `owed`, `due`, `expected`, `assessed`.
    pub denominator: &'static str,
    /// How many.
    pub count: usize,
    /// Of how many.
    pub of: usize,
}

impl Rate {
    /// The columns of a rate.
    pub const COLUMNS: [&'static str; 5] = ["rate", "denominator", "count", "of", "share"];

    /// The cells for these columns.
    pub fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(self.name),
            Cell::text(self.denominator),
            Cell::count(self.count),
            Cell::count(self.of),
            Cell::text(self.share()),
        ]
    }

    /// Several of the same.
    fn all<const N: usize>(
        denominator: &'static str,
        of: usize,
        counts: [(&'static str, usize); N],
    ) -> [Self; N] {
        counts.map(|(name, count)| Self {
            name,
            denominator,
            count,
            of,
        })
    }

    /// `1 of 2 (50%)`; `none due` where there is nothing to divide by.
    pub fn share(&self) -> String {
        match self.of {
            0 => format!("none {}", self.denominator),
            of => format!("{} of {of} ({})", self.count, percent(self.count, of)),
        }
    }
}

/// A percentage in whole numbers, which never says all or none where it is not.
fn percent(count: usize, of: usize) -> String {
    match (count * 100 + of / 2) / of {
        0 if count > 0 => "<1%".to_owned(),
        100 if count < of => ">99%".to_owned(),
        percent => format!("{percent}%"),
    }
}

/// What the rates ask of a commitment that is the same for each of its debtors.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// What the calendar says of it, if it is owed.
    calendar: Due,
    /// Whether its agreement has ended or is suspended since before it fell due.
    lapsed: bool,
    /// Whether nothing says when to keep it.
    undated: bool,
    /// Whether nothing was heard of it for long, where that is asked and it is live.
    unheard: bool,
    /// Whether somebody argues about where it stands.
    contested: bool,
    /// Whether an assessor looked at it.
    assessed: bool,
    /// Whether some assessor, when it last looked, found nothing to judge by.
    no_evidence: bool,
    /// The past days of its rule, and those on which an occurrence was held.
    expected: usize,
    held: usize,
}

impl Circumstances {
    /// What is asked of a commitment; `soon` is how many days ahead count as soon, `silent` after how many days without
    /// an event it counts as silent, none where nobody asks whether it does.
    pub fn of<'r>(
        view: &View<'r>,
        commitment: &Commitment<'r>,
        soon: Days,
        silent: Option<Days>,
    ) -> Self {
        let lapsed = cells::lapsed_since(view, commitment);
        let end = lapsed.unwrap_or(view.as_of).min(view.as_of);
        let (expected, held) = passed_occurrences(view, commitment, end);
        Self {
            calendar: view.calendar(commitment, soon),
            lapsed: lapsed.is_some(),
            undated: cells::is_undated(commitment),
            unheard: silent
                .filter(|_| commitment.any(Standing::is_live))
                .is_some_and(|silent| is_unheard(view, commitment, silent)),
            contested: matches!(commitment.contest, Contest::Claimed | Contest::Disputed),
            assessed: !commitment.assessments.is_empty(),
            no_evidence: cells::lacks_evidence(view, commitment),
            expected,
            held,
        }
    }
}

/// How many occurrences of a commitment were expected before a day, and how many of those were held.
fn passed_occurrences<'r>(
    view: &View<'r>,
    commitment: &Commitment<'r>,
    end: NaiveDate,
) -> (usize, usize) {
    let Some(all) = view.occurrences(commitment) else {
        return (0, 0);
    };
    let is_past = |day: NaiveDate| day < end;
    let past = || {
        all.all
            .iter()
            .filter(|each| each.expected.is_some_and(is_past))
    };
    (
        past().count(),
        past().filter(|each| each.held.is_some()).count(),
    )
}

macro_rules! tally {
    ($($(#[$doc:meta])* $count:ident,)+) => {
        /// What the rates count among some commitments, or among what some debtors owe.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Tally {
            $($(#[$doc])* pub $count: usize,)+
        }

        impl Add for Tally {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self { $($count: self.$count + other.$count,)+ }
            }
        }
    };
}

tally! {
    /// All of them.
    all,
    /// Those of which something is owed, or may yet come to be.
    live,
    /// Of the live, those of an agreement that has ended or is suspended since before they fell due. Nothing says whether
    /// they are to be kept, so that they are in no rate of what is owed or due.
    lapsed,
    /// Those that were owed and not taken away since, with any deadline or none.
    owed,
    /// Of the owed, the fulfilled.
    owed_fulfilled,
    /// Of the owed, those kept in part.
    owed_partial,
    /// Of the owed, the ones declared breached.
    owed_breached,
    /// Of the owed, those whose deadline passed.
    due,
    /// Of those due, the fulfilled.
    due_fulfilled,
    /// Of those due, the ones kept in part.
    due_partial,
    /// Of those due, the ones said to be fulfilled, which nobody answered.
    due_claimed,
    /// Of those due, the ones declared breached.
    due_breached,
    /// Of those due, the ones that a debtor still owes.
    overdue,
    /// Of those due, the live ones that are argued about.
    due_contested,
    /// Of the live, those that fall due soon.
    soon,
    /// Of the live, those that nothing says when to keep.
    undated,
    /// Of the live, those nothing was heard of for long.
    silent,
    /// Of the live, those that are argued about.
    contested,
    /// The occurrences that were expected before today.
    expected,
    /// Of the expected, those that were held.
    held,
    /// Those that an assessor looked at.
    assessed,
    /// Of the assessed, the fulfilled.
    assessed_fulfilled,
    /// Of the assessed, those where some assessor, when it last looked, found nothing to judge by.
    no_evidence,
}

impl Tally {
    /// Counts.
    #[cfg(test)]
    pub fn of<'c, 'r: 'c>(
        view: &View<'r>,
        commitments: impl IntoIterator<Item = &'c Commitment<'r>>,
        soon: Days,
        silent: Days,
    ) -> Self {
        let each = commitments.into_iter();
        each.map(|commitment| Self::of_one(view, commitment, soon, Some(silent)))
            .sum()
    }

    /// What one commitment adds.
    pub fn of_one<'r>(
        view: &View<'r>,
        commitment: &Commitment<'r>,
        soon: Days,
        silent: Option<Days>,
    ) -> Self {
        let circumstances = Circumstances::of(view, commitment, soon, silent);
        let standings = commitment.standings.iter();
        Self::of_debtors(&circumstances, standings.map(|(_, standing)| *standing))
    }

    /// What one commitment adds by the standings of some of its debtors.
    pub fn of_debtors(
        of: &Circumstances,
        standings: impl Iterator<Item = Standing> + Clone,
    ) -> Self {
        use Standing::{Breached, Claimed, Conditional, Fulfilled, Partial, Proposed};
        let Some(whole) = Standing::of_all(standings.clone()) else {
            return Self::default();
        };
        let live = whole.is_live();
        // What was said of its performance stands, whatever became of the agreement.
        let lapsed = live && of.lapsed && !matches!(whole, Claimed | Breached);
        let owed = whole.was_owed() && !lapsed;
        let still_owed = !of.lapsed && standings.into_iter().any(Standing::can_be_overdue);
        let past = matches!(of.calendar, Due::Overdue { .. });
        let soon = matches!(of.calendar, Due::Soon { .. });
        let due = owed && past;
        let recurs = !matches!(whole, Proposed | Conditional);
        let one = usize::from;
        Self {
            all: 1,
            live: one(live),
            lapsed: one(lapsed),
            owed: one(owed),
            owed_fulfilled: one(whole == Fulfilled),
            owed_partial: one(owed && whole == Partial),
            owed_breached: one(whole == Breached),
            due: one(due),
            due_fulfilled: one(due && whole == Fulfilled),
            due_partial: one(due && whole == Partial),
            due_claimed: one(due && whole == Claimed),
            due_breached: one(due && whole == Breached),
            overdue: one(due && still_owed),
            due_contested: one(due && live && of.contested),
            soon: one(soon && still_owed),
            undated: one(live && of.undated),
            silent: one(live && of.unheard),
            contested: one(live && of.contested),
            expected: if recurs { of.expected } else { 0 },
            held: if recurs { of.held } else { 0 },
            assessed: one(of.assessed),
            assessed_fulfilled: one(of.assessed && whole == Fulfilled),
            no_evidence: one(of.no_evidence),
        }
    }

    /// The rates of what is due.
    pub fn due_rates(&self) -> [Rate; 6] {
        Rate::all(
            "due",
            self.due,
            [
                ("fulfilled", self.due_fulfilled),
                ("partial", self.due_partial),
                ("claimed", self.due_claimed),
                ("breached", self.due_breached),
                ("overdue", self.overdue),
                ("contested", self.due_contested),
            ],
        )
    }

    /// The rates of what was owed, whatever its deadline.
    pub fn owed_rates(&self) -> [Rate; 3] {
        Rate::all(
            "owed",
            self.owed,
            [
                ("fulfilled", self.owed_fulfilled),
                ("partial", self.owed_partial),
                ("breached", self.owed_breached),
            ],
        )
    }

    /// The rates of what is live.
    pub fn live_rates(&self) -> [Rate; 5] {
        Rate::all(
            "live",
            self.live,
            [
                ("due soon", self.soon),
                ("undated", self.undated),
                ("silent", self.silent),
                ("contested", self.contested),
                (cells::LAPSED, self.lapsed),
            ],
        )
    }

    /// The rates of the occurrences that were expected.
    pub fn occurrence_rates(&self) -> [Rate; 2] {
        let missed = self.expected - self.held;
        Rate::all(
            "expected",
            self.expected,
            [("held", self.held), ("missed", missed)],
        )
    }

    /// The rates of what was assessed.
    pub fn assessed_rates(&self) -> [Rate; 2] {
        Rate::all(
            "assessed",
            self.assessed,
            [
                ("fulfilled", self.assessed_fulfilled),
                ("no evidence found", self.no_evidence),
            ],
        )
    }

    /// All of them.
    pub fn rates(&self) -> Vec<Rate> {
        let mut all = self.due_rates().to_vec();
        all.extend(self.owed_rates());
        all.extend(self.live_rates());
        all.extend(self.occurrence_rates());
        all.extend(self.assessed_rates());
        all
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}

/// The last day on which something can have been heard of what counts as unheard for so many days.
fn unheard_since(view: &View<'_>, silent: Days) -> Option<NaiveDate> {
    view.as_of.checked_sub_days(silent)
}

/// Whether nothing was heard of a commitment for so many days.
fn is_unheard(view: &View<'_>, commitment: &Commitment<'_>, silent: Days) -> bool {
    let since = unheard_since(view, silent);
    since.is_some_and(|day| view.heard_after(commitment, Some(day)).is_none())
}

/// Whether a commitment is live, and nothing was heard of it for so many days.
pub fn is_silent(view: &View<'_>, commitment: &Commitment<'_>, silent: Days) -> bool {
    commitment.standing.is_live() && is_unheard(view, commitment, silent)
}

/// Since when nothing was heard of a commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// The last day on which something is known to have happened.
    pub last: NaiveDate,
    /// Whole days since.
    pub days: i64,
    /// Whether that is long, for a commitment that is live.
    pub silent: bool,
}

impl Heard {
    /// When it was last heard of; `silent` is after how many days that counts as long.
    pub fn of(view: &View<'_>, commitment: &Commitment<'_>, silent: Days) -> Self {
        let last = view.last_heard(commitment);
        let is_long = unheard_since(view, silent).is_some_and(|day| last <= day);
        Self {
            last,
            days: (view.as_of - last).num_days(),
            silent: is_long && commitment.standing.is_live(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_never_says_all_or_none_where_it_is_not() {
        assert_eq!(percent(1, 3), "33%");
        assert_eq!(percent(2, 3), "67%");
        assert_eq!(percent(999, 1000), ">99%");
        assert_eq!(percent(1, 1000), "<1%");
        assert_eq!((percent(0, 7), percent(7, 7)), ("0%".into(), "100%".into()));
    }

    #[test]
    fn nothing_to_divide_by_gives_no_percentage() {
        let rate = Rate {
            name: "fulfilled",
            denominator: "due",
            count: 0,
            of: 0,
        };
        assert_eq!(rate.share(), "none due");
    }
}
