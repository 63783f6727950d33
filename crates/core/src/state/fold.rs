//! The fold: how the state takes records in, and out again.

use super::archive::Unreadable;
use super::current::CurrentRecord;
use super::mend::Mend;
use super::tables::State;
use crate::event::{Entry, Event};
use crate::value::id::Seq;

impl State {
    /// Takes in the next record. It takes in events that the rules refuse too, so that a tampered ledger can be
    /// shown.
    pub fn apply(&mut self, entry: &Entry) {
        let keeps = self.keeps_next();
        self.dates.push(entry);
        let mend = self.fold(&entry.event);
        if keeps {
            self.keep(entry.clone());
        }
        self.finish(mend);
    }

    /// Takes in the next record as [`State::apply`] does, without a copy of the entry.
    pub fn take(&mut self, entry: Entry) {
        let keeps = self.keeps_next();
        self.dates.push(&entry);
        let mend = self.fold(&entry.event);
        if keeps {
            self.keep(entry);
        }
        self.finish(mend);
    }

    /// Takes in the next record, whose payload was erased.
    pub fn apply_missing(&mut self) {
        if self.keeps_next() {
            self.kept.push(None);
        }
        self.scan_cache.take();
        self.dates.push_gone();
        self.kinds.push(None);
    }

    /// Takes the last records out again, until `count` are left. The state is then as it was before they came.
    ///
    /// # Errors
    /// [`Unreadable`]: the archive cannot read a record any more. The state is then of no use.
    pub fn rewind(&mut self, count: u64) -> Result<(), Unreadable> {
        while self.count() > count {
            self.take_back();
            if let Some(unreadable) = self.unreadable() {
                return Err(unreadable.clone());
            }
        }
        Ok(())
    }

    /// Whether the state must hold the next record, because the archive does not.
    fn keeps_next(&self) -> bool {
        self.kinds.len() >= self.archived
    }

    fn keep(&mut self, entry: Entry) {
        let seq = Seq((self.archived + self.kept.len()) as u64);
        self.kept
            .push(Some(CurrentRecord::new(Entry { seq, ..entry })));
    }

    /// Takes in the event of the next record, and returns what it does to an earlier record.
    fn fold(&mut self, event: &Event) -> Option<Mend> {
        let record = self.kinds.len() as u32;
        let mend = self.mend_of(record, event);
        self.index(record, event, record);
        if let Some(key) = &event.envelope.import_key
            && self.imported(key.as_str()).is_none()
        {
            // The key of a retracted record stays taken: importing the row again must not bring it back.
            self.import_keys.insert(key.as_str(), record);
        }
        self.kinds.push(Some(event.kind()));
        mend
    }

    fn finish(&mut self, mend: Option<Mend>) {
        self.scan_cache.take();
        self.read_cache.tidy();
        if let Some(mend) = mend {
            self.mend(mend, true);
        }
    }

    /// Takes the last record out.
    fn take_back(&mut self) {
        let Some(record) = self.kinds.len().checked_sub(1) else {
            return;
        };
        let number = record as u32;
        let held = self.held(Seq(record as u64));
        if let Some(event) = held.map(|held| held.entry.event.clone()) {
            if let Some(mend) = self.mend_of(number, &event) {
                self.mend(mend, false);
            }
            self.unindex(number, &event);
            if let Some(key) = &event.envelope.import_key {
                self.import_keys.remove(key.as_str(), number);
            }
        }
        self.scan_cache.take();
        self.kinds.pop();
        self.dates.pop();
        if record < self.archived {
            self.read_cache.forget(record);
            self.archived = record;
        } else {
            self.kept.pop();
        }
        self.asserted = self.asserted.min(record as u64);
        self.names.forget_since(number);
        self.entities.truncate(self.names.slugs().len());
    }
}
