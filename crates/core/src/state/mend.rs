//! Mends: what corrections, retractions and redactions do to earlier records.

use super::current::RecordStatus;
use super::named::Named;
use super::tables::State;
use crate::event::{Change, Correction, Event, FieldSpec, Kind};
use crate::rules::Known as _;
use crate::value::id::Seq;

/// A correction, retraction or redaction of an earlier record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mend {
    /// The record that does it.
    by: u32,
    /// The record that it is done to.
    target: u32,
    change: Change,
    /// Whether it can change trails and facts. The corrections of most fields cannot.
    matters: bool,
}

impl State {
    /// The mend that a record makes, if its target is there.
    pub(super) fn mend_of(&self, record: u32, event: &Event) -> Option<Mend> {
        let change = event.kind().spec().change?;
        let target = event.target()?;
        let kind = self.kind(target)?;
        let matters = match event.correction() {
            // No rule lets it in, and the target would be corrected without end.
            Some(_) if kind.spec().change == Some(Change::Corrects) => return None,
            Some(correction) => kind.field(correction.field).is_some_and(FieldSpec::is_kept),
            None => true,
        };
        let target = u32::try_from(target.0)
            .ok()
            .filter(|target| *target < record)?;
        Some(Mend {
            by: record,
            target,
            change,
            matters,
        })
    }

    /// Applies a mend, or takes it back.
    pub(super) fn mend(&mut self, mend: Mend, applies: bool) {
        let touched = self.touched(mend);
        let events = |state: &Self| -> Vec<Option<Event>> {
            let entry = |record: &u32| state.entry(Seq((*record).into()));
            let event = |record| entry(record).map(|entry| entry.event.clone());
            touched.iter().map(event).collect()
        };
        let before = events(self);
        let tables = self.change();
        let change = |record_status: &mut RecordStatus| match mend.change {
            Change::Corrects if applies => record_status.corrections.push(mend.by),
            Change::Corrects => record_status.corrections.retain(|by| *by != mend.by),
            Change::Retracts => record_status.retracted = applies.then_some(mend.by),
            Change::Redacts => record_status.redacted = applies.then_some(mend.by),
        };
        tables.record_statuses.change(mend.target.into(), change);
        self.read_anew(mend.target);
        for record in &touched {
            self.read_anew(*record);
        }
        if let Some(cache) = self.change().scan_cache.get_mut() {
            let target = mend.target;
            let changed = touched.iter().chain([&target]);
            changed.for_each(|record| cache.forget(*record as usize));
        }
        let after = events(self);
        for (record, (before, after)) in touched.iter().zip(before.into_iter().zip(after)) {
            if let Some(held) = self.held(Seq((*record).into())) {
                let event = held.entry.event.clone();
                let agreement = event.dated_by().and_then(|id| self.number(id));
                let tables = self.change();
                tables.dates.change(*record as usize, &event);
                tables.redate(*record, agreement);
            }
            if before == after {
                continue;
            }
            if let Some(event) = before {
                self.change().unindex(*record, &event);
            }
            if let Some(event) = after {
                let tables = self.change();
                tables.index(*record, &event, &Named::default(), mend.by);
            }
        }
    }

    /// The records whose trails and facts a mend may change: its target, and if the target is a correction, the record
    /// that this corrects.
    fn touched(&self, mend: Mend) -> Vec<u32> {
        let mut touched = Vec::new();
        if mend.matters {
            touched.push(mend.target);
        }
        let target = Seq(mend.target.into());
        let is_correction = |kind: Kind| kind.spec().change == Some(Change::Corrects);
        if self.kind(target).is_some_and(is_correction)
            && let Some(held) = self.held(target)
            && let Some(Correction { record, .. }) = held.entry.event.correction()
            && self
                .record_status(record)
                .corrections
                .contains(&mend.target)
        {
            touched.extend(u32::try_from(record.0));
        }
        touched
    }
}
