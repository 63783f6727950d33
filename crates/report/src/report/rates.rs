//! Rates: each names its denominator, and none stands without its counts.

use std::iter::Sum;
use std::ops::Add;

use chrono::Days;

use servanda_core::value::commitment::{Contest, Standing};
use servanda_core::view::{Commitment, Due, View};

use super::cell::Cell;
use super::cells;
use super::document::Table;

/// So many of so many, which are of a kind that is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// What is counted.
    pub name: &'static str,
    /// Among what: `live`, `due`, `assessed`.
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

    /// `1 of 2 (50%)`; `none due` where there is nothing to divide by.
    pub fn share(&self) -> String {
        match self.of {
            0 => format!("none {}", self.denominator),
            of => format!("{} of {of} ({})", self.count, percent(self.count, of)),
        }
    }
}

/// A table of rates.
pub fn table(name: &'static str, title: &str, rates: &[Rate]) -> Table<'static> {
    let mut table = Table::new(name, title, &Rate::COLUMNS);
    table.rows = rates.iter().map(Rate::cells).collect();
    table
}

/// A percentage in whole numbers, which never says all or none where it is not.
fn percent(count: usize, of: usize) -> String {
    match (count * 100 + of / 2) / of {
        0 if count > 0 => "<1%".to_owned(),
        100 if count < of => ">99%".to_owned(),
        percent => format!("{percent}%"),
    }
}

/// What the rates count among some commitments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub all: usize,
    /// Those of which something is owed, or may yet come to be.
    pub live: usize,
    /// Those whose deadline passed while they were owed.
    pub due: usize,
    /// Those that an assessor looked at.
    pub assessed: usize,
    /// Of those due, the fulfilled.
    pub due_fulfilled: usize,
    /// Of those due, the ones declared breached.
    pub due_breached: usize,
    /// Of those due, the ones said to be fulfilled, which nobody answered.
    pub due_claimed: usize,
    /// Of those due, the ones still owed.
    pub overdue: usize,
    /// Of the live, those that fall due soon.
    pub soon: usize,
    /// Of the live, those that nothing says when to keep.
    pub undated: usize,
    /// Of the live, those nothing was heard of for long.
    pub silent: usize,
    /// Of the live, those that are argued about.
    pub contested: usize,
    /// Of the assessed, the fulfilled.
    pub assessed_fulfilled: usize,
    /// Of the assessed, those where some assessor, when it last looked, found nothing to judge by.
    pub no_evidence: usize,
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
        each.map(|commitment| Self::of_one(view, commitment, soon, silent))
            .sum()
    }

    /// What one commitment adds.
    pub fn of_one<'r>(
        view: &View<'r>,
        commitment: &Commitment<'r>,
        soon: Days,
        silent: Days,
    ) -> Self {
        let mut tally = Self::default();
        let standing = commitment.standing;
        let add = |place: &mut usize, yes: bool| *place += usize::from(yes);
        add(&mut tally.all, true);
        let live = standing.is_live();
        let contested = matches!(commitment.contest, Contest::Claimed | Contest::Disputed);
        add(&mut tally.live, live);
        add(&mut tally.contested, live && contested);
        add(&mut tally.undated, live && cells::is_undated(commitment));
        add(
            &mut tally.silent,
            Heard::of(view, commitment, silent).silent,
        );
        let due = view.fell_due(commitment);
        add(&mut tally.due, due);
        add(
            &mut tally.due_fulfilled,
            due && standing == Standing::Fulfilled,
        );
        add(
            &mut tally.due_breached,
            due && standing == Standing::Breached,
        );
        add(&mut tally.due_claimed, due && standing == Standing::Claimed);
        let calendar = view.due(commitment, soon);
        add(&mut tally.overdue, matches!(calendar, Due::Overdue { .. }));
        add(&mut tally.soon, matches!(calendar, Due::Soon { .. }));
        let assessed = !commitment.assessments.is_empty();
        add(&mut tally.assessed, assessed);
        add(
            &mut tally.assessed_fulfilled,
            assessed && standing == Standing::Fulfilled,
        );
        let lacking = cells::lacks_evidence(view, commitment);
        add(&mut tally.no_evidence, lacking);
        tally
    }

    /// The rates of what is due.
    pub fn due_rates(&self) -> [Rate; 4] {
        let due = |name, count| Rate {
            name,
            denominator: "due",
            count,
            of: self.due,
        };
        [
            due("fulfilled", self.due_fulfilled),
            due("claimed", self.due_claimed),
            due("breached", self.due_breached),
            due("overdue", self.overdue),
        ]
    }

    /// The rates of what is live.
    pub fn live_rates(&self) -> [Rate; 4] {
        let live = |name, count| Rate {
            name,
            denominator: "live",
            count,
            of: self.live,
        };
        [
            live("due soon", self.soon),
            live("undated", self.undated),
            live("silent", self.silent),
            live("contested", self.contested),
        ]
    }

    /// The rates of what was assessed.
    pub fn assessed_rates(&self) -> [Rate; 2] {
        let assessed = |name, count| Rate {
            name,
            denominator: "assessed",
            count,
            of: self.assessed,
        };
        [
            assessed("fulfilled", self.assessed_fulfilled),
            assessed("no evidence found", self.no_evidence),
        ]
    }

    /// All of them.
    pub fn rates(&self) -> Vec<Rate> {
        let mut all = self.due_rates().to_vec();
        all.extend(self.live_rates());
        all.extend(self.assessed_rates());
        all
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            all: self.all + other.all,
            live: self.live + other.live,
            due: self.due + other.due,
            assessed: self.assessed + other.assessed,
            due_fulfilled: self.due_fulfilled + other.due_fulfilled,
            due_breached: self.due_breached + other.due_breached,
            due_claimed: self.due_claimed + other.due_claimed,
            overdue: self.overdue + other.overdue,
            soon: self.soon + other.soon,
            undated: self.undated + other.undated,
            silent: self.silent + other.silent,
            contested: self.contested + other.contested,
            assessed_fulfilled: self.assessed_fulfilled + other.assessed_fulfilled,
            no_evidence: self.no_evidence + other.no_evidence,
        }
    }
}

/// Since when nothing was heard of a commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// The last day on which something is known to have happened.
    pub last: chrono::NaiveDate,
    /// Whole days since.
    pub days: i64,
    /// Whether that is long, for a commitment that is live.
    pub silent: bool,
}

impl Heard {
    /// When it was last heard of; `silent` is after how many days that counts as long.
    pub fn of(view: &View<'_>, commitment: &Commitment<'_>, silent: Days) -> Self {
        let last = view.last_heard(commitment);
        let long = last
            .checked_add_days(silent)
            .is_some_and(|day| day <= view.as_of);
        Self {
            last,
            days: (view.as_of - last).num_days(),
            silent: long && commitment.standing.is_live(),
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
