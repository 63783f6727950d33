//! The deadlines of commitments, as entries of a calendar.

use std::sync::Arc;

use chrono::NaiveDate;

use servanda_core::event::{CommitmentRecorded, Fact};
use servanda_core::rules::Known as _;
use servanda_core::value::base::Text;
use servanda_core::value::id::{PartyId, Seq, Slug};
use servanda_core::value::when::{Deadline, Instant};
use servanda_core::view::schedule::{DueDate, Term};
use servanda_core::view::{Commitment, View};

use super::calendar::{CalendarEntry, CalendarStatus};
use super::cells;
use super::commitments::Commitments;
use super::flow::Flow;
use super::glance::CalendarDay;
use super::question::Question;
use super::select;

/// The deadlines of some commitments that are days, or recur on days. Those that have ended or were retracted are among
/// them: a calendar that holds them has to learn that.
pub fn deadlines<'r>(
    view: &View<'r>,
    commitments: &Commitments<'r>,
    question: &Question,
) -> Flow<'r, CalendarEntry> {
    let Some(ledger) = Ledger::of(view) else {
        return Flow::default();
    };
    let (all, ledger) = (commitments.clone(), Arc::new(ledger));
    let retracted = ledger.retracted(view, question);
    Flow::uncounted(move || {
        let ledger = ledger.clone();
        let entries = all.in_parallel(move |view, commitment| ledger.entry_of(view, &commitment));
        entries.flatten().chain(retracted.clone())
    })
}

/// The entries of a calendar under which anything is owed, in the order of their days: at most so many, and how many there
/// are besides. Where there are more, days that are past are left out first. Only those that are shown are read.
pub fn agenda(view: &View<'_>, question: &Question, most: usize) -> (Vec<CalendarEntry>, usize) {
    let commitments = select::commitments(view, question);
    let days: Vec<Option<CalendarDay>> = match commitments.glances() {
        Some(known) => known.map(|glance| glance.day).collect(),
        None => {
            let days = commitments.in_parallel(|view, each| CalendarDay::of(view, &each));
            days.collect()
        }
    };
    let days = days.into_iter().enumerate();
    let days = days.filter_map(|(at, day)| Some((day.filter(|day| day.is_owed)?, at)));
    let mut days: Vec<(CalendarDay, usize)> = days.collect();
    let count = days.len();
    if count > most {
        days.retain(|(day, _)| day.recurs || day.date >= view.as_of);
    }
    days.sort_by_key(|(day, at)| (day.date, *at));
    days.truncate(most);
    let shown = commitments.at(days.into_iter().map(|(_, at)| at));
    let shown: Vec<CalendarEntry> = match Ledger::of(view) {
        None => Vec::new(),
        Some(ledger) => shown
            .in_parallel(|view, commitment| ledger.entry_of(view, &commitment))
            .flatten()
            .collect(),
    };
    let left_out = count - shown.len();
    (shown, left_out)
}

/// The name of the calendar of a ledger's deadlines.
pub fn calendar_name(view: &View<'_>) -> String {
    match cells::opening(view.state) {
        Some(opening) => match &opening.purpose {
            Some(purpose) => format!("Deadlines of {purpose}"),
            None => format!("Deadlines of {}", opening.origin),
        },
        None => "Deadlines".to_owned(),
    }
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
        Some(Self {
            origin: cells::opening(state)?.origin.to_string(),
            revision: last.0,
            changed: state.held(last)?.entry.recorded_at,
        })
    }

    /// The entry of a commitment; none where it has no day.
    fn entry_of(&self, view: &View<'_>, commitment: &Commitment<'_>) -> Option<CalendarEntry> {
        match view.term(commitment) {
            Term::Dated(date) => Some(self.deadline(view, commitment, date)),
            _ => self.recurring(view, commitment),
        }
    }

    fn deadline(
        &self,
        view: &View<'_>,
        commitment: &Commitment<'_>,
        date: DueDate,
    ) -> CalendarEntry {
        let mut entry = self.entry(commitment, "deadline", date.latest);
        entry.description = description(view, commitment, Some(date));
        if date.earliest != Some(date.latest) && entry.status == CalendarStatus::Confirmed {
            entry.status = CalendarStatus::Tentative;
        }
        entry
    }

    /// The days of a rule; none of a commitment without one, or with one whose days are not worked out.
    fn recurring(&self, view: &View<'_>, commitment: &Commitment<'_>) -> Option<CalendarEntry> {
        let Some(Deadline::Recurring(Some(rule))) = &commitment.terms.deadline else {
            return None;
        };
        let occurrences = view.occurrences(commitment)?;
        let first = occurrences.all.first()?.expected?;
        let mut entry = self.entry(commitment, "occurrences", first);
        // Counted from the first day instead of the day before it, the rule gives the same days: that one is in a period
        // of the rule.
        entry.rule = Some(by_days(&rule.to_string()));
        entry.description = description(view, commitment, None);
        Some(entry)
    }

    fn entry(&self, commitment: &Commitment<'_>, what: &str, date: NaiveDate) -> CalendarEntry {
        let text = &commitment.terms.text;
        let mut entry = self.cancelled(&commitment.id.0, text, what, date);
        if commitment.standing.is_live() {
            entry.status = CalendarStatus::Confirmed;
        }
        entry
    }

    /// An entry that nothing is owed for any more, without a description.
    fn cancelled(&self, id: &Slug, text: &Text, what: &str, date: NaiveDate) -> CalendarEntry {
        CalendarEntry {
            uid: format!("{id}.{what}@{}", self.origin),
            revision: self.revision,
            changed: self.changed,
            summary: format!("{id}: {text}"),
            date,
            rule: None,
            description: String::new(),
            status: CalendarStatus::Cancelled,
        }
    }

    /// The entries of commitments that were retracted, and whose ids name no other one now.
    fn retracted(&self, view: &View<'_>, question: &Question) -> Vec<CalendarEntry> {
        let state = view.state;
        let gone = state.out_of_count().into_iter().filter_map(|seq| {
            let fact = match &state.held(seq)?.entry.event.fact {
                Fact::CommitmentRecorded(fact) => fact,
                _ => return None,
            };
            let is_asked = question
                .agreement
                .as_ref()
                .is_none_or(|id| *id == fact.agreement)
                && question.party.as_ref().is_none_or(|party| {
                    fact.debtor.contains(party) || fact.creditor.contains(party)
                });
            let is_free = state.entity(&fact.id.0).is_none();
            let by = state.retracted_by(seq)?;
            let entry = || self.retracted_entry(view, fact, by);
            (is_asked && is_free).then(entry)?
        });
        let mut gone: Vec<CalendarEntry> = gone.collect();
        gone.sort_by(|one, other| one.uid.cmp(&other.uid));
        gone.dedup_by(|one, other| one.uid == other.uid);
        gone
    }

    fn retracted_entry(
        &self,
        view: &View<'_>,
        fact: &CommitmentRecorded,
        by: Seq,
    ) -> Option<CalendarEntry> {
        // Where the day is not known any more, any day does: the id says which entry is meant.
        let (what, date) = match fact.deadline.as_ref()? {
            Deadline::By(when) => ("deadline", when.latest()?),
            Deadline::After(_) => ("deadline", view.last_possible_day(by)),
            Deadline::Recurring(Some(_)) => ("occurrences", view.last_possible_day(by)),
            Deadline::Recurring(None) | Deadline::Continuing => return None,
        };
        let mut entry = self.cancelled(&fact.id.0, &fact.text, what, date);
        entry.description = format!("retracted by record {by}");
        Some(entry)
    }
}

/// A rule whose last day is a day, as that of an entry of whole days must be (RFC 5545, section 3.3.10).
fn by_days(rule: &str) -> String {
    let parts = rule
        .split(';')
        .map(|part| match part.strip_prefix("UNTIL=") {
            Some(until) => format!("UNTIL={}", until.split('T').next().unwrap_or(until)),
            None => part.to_owned(),
        });
    parts.collect::<Vec<_>>().join(";")
}

fn description(view: &View<'_>, commitment: &Commitment<'_>, date: Option<DueDate>) -> String {
    let ids = |parties: Vec<&PartyId>| {
        let ids: Vec<&str> = parties.into_iter().map(PartyId::as_str).collect();
        ids.join(", ")
    };
    let agreement = &commitment.terms.agreement;
    let status = view.agreement_status(agreement);
    let status = status.map_or_else(String::new, |status| format!(" ({status})"));
    let mut lines = vec![
        format!("agreement: {agreement}{status}"),
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
    if let Some(date) = date {
        match date.earliest {
            Some(earliest) if earliest == date.latest => {}
            Some(earliest) => lines.push(format!("between {earliest} and {}", date.latest)),
            None => lines.push(format!("not after {}", date.latest)),
        }
        let counted_from = date.counted_from;
        lines.extend(counted_from.map(|seq| format!("counted from: record {seq}")));
    }
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
    fn what_is_retracted_is_cancelled_unless_its_id_names_another_one() {
        let mut history = simple(" | deadline=2023-06-30");
        let first = due(&history).calendar;
        let at = history.view("2023-06-01").commitments()[0].recorded.seq;
        history.say(&format!("retraction | record={at} | reason=recorded twice"));
        let entry = &due(&history).calendar.kept[0];
        assert_eq!(
            (&entry.uid, entry.status),
            (&first.kept[0].uid, CalendarStatus::Cancelled)
        );
        assert!(entry.revision > first.kept[0].revision);
        let other = Question {
            agreement: Some("A2".parse().unwrap()),
            ..Question::default()
        };
        assert!(
            history
                .ask(&DueReport, "2023-06-01", &other)
                .calendar
                .is_empty()
        );
        history.say("commitment | id=C1 | agreement=A1 | text=t | debtor=colombia | deadline=2023-07-31 | on=2023-01-01");
        let calendar = due(&history).calendar;
        assert_eq!(
            (calendar.len(), calendar.kept[0].status),
            (1, CalendarStatus::Confirmed)
        );
    }

    #[test]
    fn what_recurs_is_one_entry_with_its_rule() {
        let history = simple(" | deadline=RRULE:FREQ=MONTHLY;BYMONTHDAY=1;UNTIL=20240301T000000Z");
        let calendar = due(&history).calendar;
        let entry = &calendar.kept[0];
        assert_eq!(entry.uid, "C1.occurrences@example.org/test");
        assert_eq!(
            entry.rule.as_deref(),
            Some("FREQ=MONTHLY;BYMONTHDAY=1;UNTIL=20240301")
        );
        let first = entry.date.to_string();
        assert!(first.ends_with("-01"), "{first}");
    }

    #[test]
    fn what_has_no_day_is_in_no_calendar() {
        for deadline in ["", " | deadline=continuing", " | deadline=unknown"] {
            assert!(due(&simple(deadline)).calendar.is_empty(), "{deadline}");
        }
        assert!(due(&communique()).calendar.is_empty());
    }

    #[test]
    fn a_calendar_says_what_it_lacks() {
        let document = due(&simple(" | deadline=RRULE:FREQ=YEARLY;BYWEEKNO=20"));
        assert!(document.calendar.is_empty());
        let lacks = "the days of C1 are not known: BYWEEKNO=20 is not worked out in its rule";
        assert_eq!(document.calendar_lacks, [lacks]);
        assert!(
            due(&simple(" | deadline=RRULE:FREQ=MONTHLY"))
                .calendar_lacks
                .is_empty()
        );
    }
}
