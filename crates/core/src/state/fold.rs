//! The fold: how the state takes records in, and out again.

use super::archive::Unreadable;
use super::current::CurrentRecord;
use super::mend::Mend;
use super::named::Named;
use super::tables::State;
use crate::event::Entry;
use crate::records::ReadError;
use crate::value::id::Seq;

impl State {
    /// Takes in the next record. It takes in events that the rules refuse too, so that a tampered ledger can be
    /// shown.
    pub fn apply(&mut self, entry: &Entry) {
        let named = self.named(&entry.event);
        self.apply_named(entry, &named);
    }

    /// As [`State::apply`], of an event whose ids were looked up.
    pub fn apply_named(&mut self, entry: &Entry, named: &Named<'_>) {
        let keeps = self.keeps_next();
        let mend = self.fold(entry, named);
        if keeps {
            self.keep(entry.clone());
        }
        self.finish(mend);
    }

    /// Takes in the next record as [`State::apply`] does, without a copy of the entry.
    pub fn take(&mut self, entry: Entry) {
        let keeps = self.keeps_next();
        let mend = self.fold(&entry, &self.named(&entry.event));
        if keeps {
            self.keep(entry);
        }
        self.finish(mend);
    }

    /// Takes in the next record, whose payload was erased.
    pub fn apply_missing(&mut self) {
        let keeps = self.keeps_next();
        let tables = self.change();
        if keeps {
            tables.kept.push(None);
        }
        tables.dates.push_gone();
        tables.kinds.push(None);
        tables.scan_grown();
    }

    /// Takes the last records out again, until `count` are left. The state is then as it was before they came.
    ///
    /// # Errors
    /// [`Unreadable`]: the archive cannot read a record any more. The state is then of no use.
    pub fn rewind(&mut self, count: u64) -> Result<(), Unreadable> {
        if count < self.tables.stored_records() {
            return self.replay(count);
        }
        while self.count() > count {
            self.take_back();
            if let Some(unreadable) = self.unreadable() {
                return Err(unreadable.clone());
            }
        }
        Ok(())
    }

    /// Becomes the state of the first `count` records, which the archive gives: what a snapshot has is not taken out of
    /// it.
    fn replay(&mut self, count: u64) -> Result<(), Unreadable> {
        let mut again = self.anew();
        for seq in (0..count).map(Seq) {
            let found = self.archive().map(|archive| archive.entry(seq));
            let found = found.unwrap_or_else(|| Err(ReadError::damaged("nothing holds it")));
            match found.map_err(|why| Unreadable { seq, why })? {
                Some(entry) => again.take(entry),
                None => again.apply_missing(),
            }
        }
        again.change().asserted = self.asserted().min(count);
        *self = again;
        Ok(())
    }

    /// Whether the state must hold the next record, because the archive does not.
    fn keeps_next(&self) -> bool {
        self.tables.kinds.len() >= self.archived
    }

    fn keep(&mut self, entry: Entry) {
        let seq = Seq((self.archived + self.tables.kept.len()) as u64);
        let held = CurrentRecord::new(Entry { seq, ..entry });
        self.change().kept.push(Some(held));
    }

    /// Takes in the next record, and returns what it does to an earlier one.
    fn fold(&mut self, entry: &Entry, named: &Named<'_>) -> Option<Mend> {
        let event = &entry.event;
        let record = self.tables.kinds.len() as u32;
        let mend = self.mend_of(record, event);
        // The key of a retracted record stays taken: importing the row again must not bring it back.
        let key = event.envelope.import_key.as_ref();
        let key = key.filter(|key| self.imported_exactly(key.as_str()).is_none());
        let tables = self.change();
        tables.dates.push(entry);
        tables.index(record, event, named, record);
        if let Some(key) = key {
            tables.import_keys.insert(key.as_str(), record);
        }
        tables.kinds.push(Some(event.kind()));
        tables.scan_grown();
        mend
    }

    fn finish(&mut self, mend: Option<Mend>) {
        self.read_cache.tidy();
        if let Some(mend) = mend {
            self.mend(mend, true);
        }
    }

    /// Takes the last record out.
    fn take_back(&mut self) {
        let Some(record) = self.tables.kinds.len().checked_sub(1) else {
            return;
        };
        let number = record as u32;
        let held = self.held(Seq(record as u64));
        if let Some(event) = held.map(|held| held.entry.event.clone()) {
            if let Some(mend) = self.mend_of(number, &event) {
                self.mend(mend, false);
            }
            let tables = self.change();
            tables.unindex(number, &event);
            if let Some(key) = &event.envelope.import_key {
                tables.import_keys.remove(key.as_str(), number);
            }
        }
        let is_archived = record < self.archived;
        let tables = self.change();
        tables.scan_cache.take();
        tables.kinds.pop();
        tables.dates.pop();
        if !is_archived {
            tables.kept.pop();
        }
        tables.asserted = tables.asserted.min(record as u64);
        tables.names.forget_since(number);
        let named = tables.names.slugs().len();
        tables.entities.truncate(named);
        if is_archived {
            self.read_cache.forget(record);
            self.archived = record;
        }
    }
}
