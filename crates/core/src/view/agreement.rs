//! Agreements as of a day: their status, from when each change of it counts.
//!
//! A change counts from its date, or from when it takes effect where that is later. The last change in the order of the
//! chain stands, unless it was recorded late: of two changes with a date, the later one stands.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::View;
use crate::event::{AgreementRecorded, Entry, Fact, Kind};
use crate::rules::Known;
use crate::state::{EntityKind, Id};
use crate::value::agreement::AgreementStatus;
use crate::value::id::{AgreementId, Seq, Subject};
use crate::value::when::When;

/// An agreement as of a day.
#[derive(Debug, Clone)]
pub struct Agreement<'r> {
    /// Its id.
    pub id: &'r AgreementId,
    /// The record of its conclusion.
    pub recorded: &'r Entry,
    /// What it recorded.
    pub fact: &'r AgreementRecorded,
    /// Its status.
    pub status: AgreementStatus,
    /// The change that brought it there; none if it is as it was concluded.
    pub changed: Option<StatusChange>,
    /// The changes of its status that were made by then, in the order of the chain: those too that take effect later.
    pub changes: Vec<StatusChange>,
    /// What the parties did about it.
    pub participation: Vec<&'r Entry>,
}

/// A change of an agreement's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusChange {
    /// The record that says so.
    pub seq: Seq,
    /// The status from then on.
    pub to: AgreementStatus,
    /// When it takes effect, where that is not the record's own date.
    pub effective: Option<When>,
    /// The first day from which it can count; none where that is open.
    pub earliest: Option<NaiveDate>,
    /// The last day from which it can count: what counts.
    pub day: NaiveDate,
    /// Whether that day is from a date, and not the day of recording.
    is_dated: bool,
}

/// The change that stands on a day, of changes in the order of the chain.
pub fn standing_change(changes: &[StatusChange], day: NaiveDate) -> Option<StatusChange> {
    let in_effect = changes.iter().filter(|change| change.day <= day);
    in_effect.copied().reduce(|standing, change| {
        let is_late = change.is_dated && standing.is_dated && change.day < standing.day;
        if is_late { standing } else { change }
    })
}

/// What stands from which day on, in the order of the days, of changes in the order of the chain.
pub fn standing_changes(changes: &[StatusChange], until: NaiveDate) -> Vec<StatusChange> {
    let days: BTreeSet<NaiveDate> = changes.iter().map(|change| change.day).collect();
    let days = days.into_iter().filter(|day| *day <= until);
    // What stands again after a change that was recorded late began on its own day.
    let stands = |day| standing_change(changes, day).map(|change| StatusChange { day, ..change });
    let mut all: Vec<StatusChange> = days.filter_map(stands).collect();
    all.dedup_by_key(|change| change.seq);
    all
}

impl<'r> View<'r> {
    /// An agreement.
    pub fn agreement(&self, id: &AgreementId) -> Option<Agreement<'r>> {
        let recorded = self.defining(&id.0)?;
        let Fact::AgreementRecorded(fact) = &recorded.event.fact else {
            return None;
        };
        let changes = self.status_changes(self.state.number(&id.0)?);
        let changed = standing_change(&changes, self.as_of);
        let acts = self.trail_of(&Subject::Entity(id.0.clone()), |kind| {
            kind == Kind::ParticipationRecorded
        });
        let is_own = |entry: &&Entry| matches!(&entry.event.fact, Fact::ParticipationRecorded(did) if did.agreement == *id);
        Some(Agreement {
            id: &fact.id,
            recorded,
            fact,
            status: changed.map_or(AgreementStatus::Concluded, |change| change.to),
            changed,
            changes,
            participation: acts.filter(is_own).collect(),
        })
    }

    /// Every agreement, by id.
    pub fn agreements(&self) -> Vec<Agreement<'r>> {
        self.state
            .ids(EntityKind::Agreement)
            .filter_map(|id| self.agreement(&AgreementId(id.clone())))
            .collect()
    }

    /// The status of an agreement, without reading a record; none if there is no such agreement yet.
    pub fn agreement_status(&self, id: &AgreementId) -> Option<AgreementStatus> {
        let (kind, recorded) = self.state.entity(&id.0)?;
        if kind != EntityKind::Agreement || !self.has_happened(recorded) {
            return None;
        }
        let changes = self.status_changes(self.state.number(&id.0)?);
        let changed = standing_change(&changes, self.as_of);
        Some(changed.map_or(AgreementStatus::Concluded, |change| change.to))
    }

    /// Since when an agreement has ended or is suspended, without reading a record; none where it neither has nor is.
    pub fn lapsed_since(&self, agreement: Id) -> Option<NaiveDate> {
        let changes = self.status_changes(agreement);
        let stood = standing_changes(&changes, self.as_of);
        let lapsed = |to: AgreementStatus| to.has_ended() || to == AgreementStatus::Suspended;
        let lapses = stood.iter().rev().take_while(|change| lapsed(change.to));
        lapses.last().map(|change| change.day)
    }

    /// The changes of an agreement's status that were made by the day of the view, in the order of the chain: those too
    /// that take effect later. No record is read.
    pub fn status_changes(&self, agreement: Id) -> Vec<StatusChange> {
        let made = self.state.agreement_moves(agreement);
        let made = made.filter(|(seq, ..)| self.has_happened(*seq));
        made.map(|(seq, to, effective)| self.status_change(seq, to, effective))
            .collect()
    }

    fn status_change(
        &self,
        seq: Seq,
        to: AgreementStatus,
        effective: Option<When>,
    ) -> StatusChange {
        let own = self.last_possible_day(seq);
        let on = self.state.date(seq).and_then(|date| date.on);
        let takes_effect = effective.and_then(When::latest);
        // What is said to take effect before it was done does so when it was done.
        let day = takes_effect.map_or(own, |day| day.max(own));
        StatusChange {
            seq,
            to,
            effective,
            earliest: takes_effect.and(effective).or(on).and_then(When::earliest),
            day,
            is_dated: takes_effect.is_some() || on.and_then(When::latest).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{event, state};

    /// What A1 is on some days, after these changes: where to, on which day, effective when (or "").
    fn on_days(changes: &[[&str; 3]], days: &[&str]) -> Vec<&'static str> {
        let party = [("id", "a"), ("kind", "state"), ("name", "A")];
        let agreement = [("id", "A1"), ("title", "t"), ("party", "a"), ("on", "1950")];
        let mut all = vec![
            event(Kind::LedgerOpened, &[("origin", "example.org/x")]),
            event(Kind::PartyRegistered, &party),
            event(Kind::AgreementRecorded, &agreement),
        ];
        for [to, on, effective] in changes {
            let mut texts = vec![("agreement", "A1"), ("to", to), ("on", on)];
            texts.extend((!effective.is_empty()).then_some(("effective", *effective)));
            all.push(event(Kind::AgreementStatusChanged, &texts));
        }
        let state = state(&all);
        let status = |day: &&str| {
            let view = View {
                state: &state,
                as_of: day.parse().unwrap(),
            };
            let agreement = view.agreement(&"A1".parse().unwrap()).unwrap();
            assert_eq!(view.agreement_status(agreement.id), Some(agreement.status));
            let from = standing_changes(&agreement.changes, view.as_of);
            let last = from
                .last()
                .map_or(AgreementStatus::Concluded, |change| change.to);
            assert_eq!(last, agreement.status);
            agreement.status.word()
        };
        days.iter().map(status).collect()
    }

    #[test]
    fn a_change_counts_from_when_it_takes_effect() {
        let changes = [
            ["in-force", "1951-01-01", ""],
            ["terminated", "1960-01-01", "1961-01-01"],
        ];
        let days = ["1950-12-31", "1951-01-01", "1960-12-31", "1961-01-01"];
        assert_eq!(
            on_days(&changes, &days),
            ["concluded", "in-force", "in-force", "terminated"]
        );
        // Not before it was made, and at once where nobody knows when.
        let changes = [["in-force", "1951-01-01", "1949"]];
        assert_eq!(on_days(&changes, &days[..2]), ["concluded", "in-force"]);
        let changes = [["in-force", "1951-01-01", "unknown"]];
        assert_eq!(on_days(&changes, &days[..2]), ["concluded", "in-force"]);
    }

    #[test]
    fn what_was_recorded_late_does_not_undo_what_came_after_it() {
        let changes = [
            ["terminated", "1960-01-01", ""],
            ["in-force", "1951-01-01", ""],
        ];
        let days = ["1951-01-01", "1959-12-31", "1970-01-01", "2030-01-01"];
        assert_eq!(
            on_days(&changes, &days),
            ["in-force", "in-force", "terminated", "terminated"]
        );
        // Without a day it counts from its recording, and from there as the chain has it.
        let changes = [
            ["in-force", "unknown", ""],
            ["terminated", "1960-01-01", ""],
        ];
        assert_eq!(
            on_days(&changes, &days),
            ["concluded", "concluded", "terminated", "terminated"]
        );
    }
}
