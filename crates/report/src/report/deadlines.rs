//! The deadlines of commitments, as entries of a calendar.

use std::sync::Arc;

use servanda_core::event::Fact;
use servanda_core::value::id::{PartyId, Seq};
use servanda_core::value::when::Instant;
use servanda_core::view::schedule::{DueDate, Term};
use servanda_core::view::{Commitment, View};

use super::calendar::{CalendarEntry, CalendarStatus};
use super::cells;
use super::commitments::Commitments;
use super::flow::Flow;

/// The deadlines of some commitments that are days, of which there are `count`. Those that have ended are among them:
/// a calendar that holds them has to learn that.
pub fn deadlines<'r>(
    view: &View<'r>,
    commitments: &Commitments<'r>,
    count: usize,
) -> Flow<'r, CalendarEntry> {
    let Some(ledger) = Ledger::of(view) else {
        return Flow::default();
    };
    let (all, ledger) = (commitments.clone(), Arc::new(ledger));
    Flow::made(count, move || {
        let ledger = ledger.clone();
        let entries = all.in_parallel(move |view, commitment| match view.term(&commitment) {
            Term::Dated(date) => Some(ledger.deadline(view, &commitment, date)),
            _ => None,
        });
        entries.flatten()
    })
}

/// What the entries of a ledger have in common.
struct Ledger {
    origin: String,
    revision: u64,
    changed: Instant,
}

impl Ledger {
    /// None for a ledger without a first record, or without a last one that can be read.
    fn of(view: &View<'_>) -> Option<Self> {
        let state = view.state;
        let last = Seq(state.count().checked_sub(1)?);
        let Fact::LedgerOpened(opened) = &state.entry(Seq(0))?.event.fact else {
            return None;
        };
        Some(Self {
            origin: opened.origin.to_string(),
            revision: last.0,
            changed: state.held(last)?.entry.recorded_at,
        })
    }

    fn deadline(
        &self,
        view: &View<'_>,
        commitment: &Commitment<'_>,
        date: DueDate,
    ) -> CalendarEntry {
        CalendarEntry {
            uid: format!("{}.deadline@{}", commitment.id, self.origin),
            revision: self.revision,
            changed: self.changed,
            summary: format!("{}: {}", commitment.id, commitment.terms.text),
            date: date.latest,
            description: description(view, commitment, date),
            status: if !commitment.standing.is_live() {
                CalendarStatus::Cancelled
            } else if date.earliest == Some(date.latest) {
                CalendarStatus::Confirmed
            } else {
                CalendarStatus::Tentative
            },
        }
    }
}

fn description(view: &View<'_>, commitment: &Commitment<'_>, date: DueDate) -> String {
    let ids = |parties: Vec<&PartyId>| {
        let ids: Vec<&str> = parties.into_iter().map(PartyId::as_str).collect();
        ids.join(", ")
    };
    let mut lines = vec![
        format!("agreement: {}", commitment.terms.agreement),
        format!("debtors: {}", ids(commitment.debtors())),
        format!("creditors: {}", ids(commitment.creditors())),
    ];
    lines.extend(
        commitment
            .terms
            .deadline
            .iter()
            .map(|deadline| format!("deadline: {deadline}")),
    );
    match date.earliest {
        Some(earliest) if earliest == date.latest => {}
        Some(earliest) => lines.push(format!("between {earliest} and {}", date.latest)),
        None => lines.push(format!("not after {}", date.latest)),
    }
    lines.extend(
        date.counted_from
            .map(|seq| format!("counted from: record {seq}")),
    );
    let standing = cells::standing_text(view.state, commitment.standing, &commitment.standings);
    lines.push(format!("standing: {standing}, as of {}", view.as_of));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::due::DueReport;
    use super::super::testing::*;
    use super::super::{Document, Question};
    use super::*;

    fn due(history: &History) -> Document<'static> {
        history.ask(&DueReport, "2023-06-01", &Question::default())
    }

    #[test]
    fn a_deadline_is_an_entry_whose_id_stays_when_it_moves() {
        let mut history = simple(" | deadline=2023-06-30");
        let first = due(&history).calendar;
        assert_eq!(first.kept[0].uid, "C1.deadline@example.org/test");
        assert_eq!(
            (first.kept[0].date, first.kept[0].status),
            (day("2023-06-30"), CalendarStatus::Confirmed)
        );
        assert!(
            first.kept[0]
                .description
                .contains("debtors: colombia\ncreditors: venezuela")
        );
        history.say("amendment | commitment=C1 | deadline=2023-09 | on=2023-05-01");
        let moved = due(&history).calendar;
        assert_eq!((moved.len(), &moved.kept[0].uid), (1, &first.kept[0].uid));
        assert!(moved.kept[0].revision > first.kept[0].revision);
        assert_eq!(
            (moved.kept[0].date, moved.kept[0].status),
            (day("2023-09-30"), CalendarStatus::Tentative)
        );
        assert!(
            moved.kept[0]
                .description
                .contains("between 2023-09-01 and 2023-09-30")
        );
        history.say("status | commitment=C1 | to=released | by=venezuela | on=2023-05-02");
        assert_eq!(
            due(&history).calendar.kept[0].status,
            CalendarStatus::Cancelled
        );
    }

    #[test]
    fn what_has_no_day_is_in_no_calendar() {
        for deadline in ["", " | deadline=continuing", " | deadline=unknown"] {
            assert!(due(&simple(deadline)).calendar.is_empty(), "{deadline}");
        }
        assert!(due(&communique()).calendar.is_empty());
    }
}
