//! Lookups: the ids, and the trail of an entity or a record.

use super::postings::Postings;
use super::tables::State;
use crate::event::{Entry, Kind};
use crate::rules::Known;
use crate::value::id::{EntityKind, Seq, Slug, Subject};

impl State {
    /// The entry of the record that defines an id.
    pub fn defining(&self, id: &Slug) -> Option<&Entry> {
        self.entity(id).and_then(|(_, seq)| self.entry(seq))
    }

    /// Every id of a kind, sorted by its bytes.
    pub fn ids(&self, kind: EntityKind) -> impl Iterator<Item = &Slug> {
        let named = self.tables.names.slugs().iter().zip(&self.tables.entities);
        let of_kind =
            named.filter(|(_, entity)| entity.defined.is_some_and(|(found, _)| found == kind));
        let mut ids: Vec<&Slug> = of_kind.map(|(slug, _)| slug).collect();
        ids.sort_unstable();
        ids.into_iter()
    }

    /// The records that name an entity or a record and count, in order. The record that defines an entity is one of
    /// them.
    pub fn trail(&self, subject: &Subject) -> impl DoubleEndedIterator<Item = &Entry> {
        self.trail_of(subject, |_| true)
    }

    /// The records of some kinds in a [`State::trail`]. Other records are not read.
    pub fn trail_of(
        &self,
        subject: &Subject,
        wanted: impl Fn(Kind) -> bool,
    ) -> impl DoubleEndedIterator<Item = &Entry> {
        let records: Vec<Seq> = self
            .trail_records(subject)
            .filter(|(_, kind)| wanted(*kind))
            .map(|(seq, _)| seq)
            .collect();
        records.into_iter().filter_map(|seq| self.entry(seq))
    }

    /// The numbers and kinds of the records in a trail, without reading them.
    pub fn trail_records(&self, subject: &Subject) -> impl Iterator<Item = (Seq, Kind)> + use<'_> {
        let trail = match subject {
            Subject::Entity(slug) => self
                .tables
                .names
                .find(slug)
                .map(|id| &self.tables.entities[id as usize].trail),
            Subject::Record(seq) => self.tables.about.get(&seq.0),
        };
        let numbers = trail.into_iter().flat_map(Postings::iter);
        numbers.filter_map(|number| {
            let seq = Seq(number.into());
            Some((seq, self.kind(seq)?))
        })
    }

    /// The record that has an import key.
    pub fn imported(&self, key: &str) -> Option<Seq> {
        let has_key = |record: &u32| {
            let held = self.held(Seq((*record).into()));
            let own = held.and_then(|held| held.entry.event.envelope.import_key.as_ref());
            own.is_some_and(|own| own.as_str() == key)
        };
        let record = self.tables.import_keys.records(key).find(has_key)?;
        Some(Seq(record.into()))
    }
}
