//! Records as they read today: from memory or from the archive, with the corrections applied.

use std::sync::Arc;

use super::archive::{Archive, Unreadable};
use super::current::CurrentRecord;
use super::tables::State;
use crate::event::{Change, Entry, Event, Kind};
use crate::records::{ReadError, Stored};
use crate::value::id::Seq;

impl State {
    /// An empty state over an archive that holds the first `archived` records already.
    pub fn over(archive: Arc<dyn Archive>, archived: u64) -> Self {
        let mut state = Self::default();
        state.read_from(archive, archived);
        state
    }

    /// An empty state over the archive of this one. What one of the two fails to read, both have in
    /// [`State::unreadable`].
    pub fn anew(&self) -> Self {
        let mut state = Self {
            unreadable: self.unreadable.clone(),
            ..Self::default()
        };
        if let Some(archive) = &self.archive {
            state.read_from(archive.clone(), self.archived as u64);
        }
        state
    }

    /// Reads the first `archived` records from this archive from now on, and drops them from memory.
    pub fn read_from(&mut self, archive: Arc<dyn Archive>, archived: u64) {
        self.archive = Some(archive);
        self.archived(archived);
    }

    /// Reads the first `count` records from the archive from now on, and drops them from memory. Does nothing
    /// without an archive.
    pub fn archived(&mut self, count: u64) {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if self.archive.is_none() || count <= self.archived {
            return;
        }
        let gone = (count - self.archived).min(self.tables.kept.len());
        self.change().kept.drain(..gone);
        self.archived = count;
        self.read_cache.reach(count);
    }

    /// Tells the archive of records that were just read, and are about to be taken in.
    pub fn just_read(&self, records: &Arc<Vec<Stored>>) {
        if let Some(archive) = &self.archive {
            archive.just_read(records);
        }
    }

    /// How many records are in memory: those after the archived ones, and those that were read from the archive.
    pub fn in_memory(&self) -> usize {
        self.tables.kept.len() + self.read_cache.loaded()
    }

    /// Drops the records that were read from the archive, if they are many. Taking in a record does so too.
    pub fn tidy(&mut self) {
        self.read_cache.tidy();
    }

    /// Every record in order, as it reads today; none for a record whose payload was erased.
    pub fn records(
        &self,
    ) -> impl DoubleEndedIterator<Item = Option<&CurrentRecord>> + ExactSizeIterator {
        (0..self.tables.kinds.len()).map(|at| self.held(Seq(at as u64)))
    }

    /// The records of some kinds, whether or not they count, in order.
    pub fn records_of(
        &self,
        wanted: impl Fn(Kind) -> bool,
    ) -> impl Iterator<Item = &CurrentRecord> {
        let all = (0..self.tables.kinds.len()).map(|at| Seq(at as u64));
        all.filter(move |seq| self.kind(*seq).is_some_and(&wanted))
            .filter_map(|seq| self.held(seq))
    }

    /// The entries that count, in order.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries_of(|_| true)
    }

    /// The entries of some kinds that count, in order.
    pub fn entries_of(
        &self,
        wanted: impl Fn(Kind) -> bool,
    ) -> impl DoubleEndedIterator<Item = &Entry> {
        let all = (0..self.tables.kinds.len()).map(|at| Seq(at as u64));
        all.filter(move |seq| self.kind(*seq).is_some_and(&wanted))
            .filter_map(|seq| self.entry(seq))
    }

    /// The entry of a record, if it counts.
    pub fn entry(&self, seq: Seq) -> Option<&Entry> {
        self.standing_kind(seq)?;
        self.held(seq).map(|held| &held.entry)
    }

    /// A record as it reads today, whether or not it counts; none if its payload was erased or cannot be read. A
    /// failure to read is kept in [`State::unreadable`].
    pub fn held(&self, seq: Seq) -> Option<&CurrentRecord> {
        let at = usize::try_from(seq.0).ok()?;
        self.kind(seq)?;
        match at.checked_sub(self.archived) {
            Some(kept) => self.tables.kept.get(kept)?.as_ref(),
            None => self.read_cache.get(at, || self.read(at as u32)),
        }
    }

    /// The record that a correction corrects, and its event without that correction; none if one of the two does not
    /// count.
    pub fn without(&self, correction: Seq) -> Option<(Seq, Event)> {
        if self.standing_kind(correction)?.spec().change != Some(Change::Corrects) {
            return None;
        }
        let record = self.entry(correction)?.event.correction()?.record;
        let held = self.held(record).filter(|held| held.is_standing())?;
        Some((record, self.corrected(held, Some(correction))))
    }

    /// Reads a record from the archive.
    fn read(&self, record: u32) -> Option<CurrentRecord> {
        let seq = Seq(record.into());
        let kind = self.kind(seq);
        let archive = self.archive.as_ref().map(|archive| archive.entry(seq));
        let found = match archive.unwrap_or_else(|| Err(ReadError::damaged("nothing holds it"))) {
            // The state may have taken it in before its payload was erased.
            Ok(None) if self.record_status(seq).redacted.is_some() => return None,
            Ok(None) => Err(ReadError::damaged(
                "its payload is gone, and was there before",
            )),
            Ok(Some(entry)) if Some(entry.event.kind()) != kind => {
                Err(ReadError::damaged("it is another record than before"))
            }
            Ok(Some(entry)) => Ok(entry),
            Err(why) => Err(why),
        };
        match found {
            Ok(entry) => {
                let mut held = CurrentRecord::new(Entry { seq, ..entry });
                self.mark(&mut held);
                Some(held)
            }
            Err(why) => {
                self.unreadable.get_or_init(|| Unreadable { seq, why });
                None
            }
        }
    }

    /// Sets what later records did to a record, and applies its corrections. The record is as it was recorded.
    fn mark(&self, held: &mut CurrentRecord) {
        let record_status = self.record_status(held.entry.seq);
        let seq = |record: &u32| Seq((*record).into());
        held.corrections = record_status.corrections.iter().map(seq).collect();
        held.retracted = record_status.retracted.as_ref().map(seq);
        held.redacted = record_status.redacted.as_ref().map(seq);
        if held.corrections.is_empty() {
            return;
        }
        let event = self.corrected(held, None);
        if event != held.entry.event {
            let original = std::mem::replace(&mut held.entry.event, event);
            held.original = Some(Box::new(original));
        }
    }

    /// A record's event as it was recorded, with the corrections that count except one.
    fn corrected(&self, held: &CurrentRecord, except: Option<Seq>) -> Event {
        let mut event = held.recorded().clone();
        for correction in &held.corrections {
            if Some(*correction) == except {
                continue;
            }
            let entry = self.entry(*correction);
            if let Some(correction) = entry.and_then(|entry| entry.event.correction()) {
                let texts = correction.to.iter().map(ToString::to_string).collect();
                if let Ok(corrected) = event.with_field(correction.field, texts) {
                    event = corrected;
                }
            }
        }
        event
    }

    /// Applies again what later records did to a record.
    pub(super) fn read_anew(&mut self, record: u32) {
        let Some(at) = (record as usize).checked_sub(self.archived) else {
            self.read_cache.forget(record as usize);
            return;
        };
        let Some(mut held) = self.change().kept.get_mut(at).and_then(Option::take) else {
            return;
        };
        if let Some(original) = held.original.take() {
            held.entry.event = *original;
        }
        self.mark(&mut held);
        self.change().kept[at] = Some(held);
    }
}
