//! Lookups: the ids, and the trail of an entity or a record.

use std::ops::Range;

use super::id_table::Id;
use super::postings::Postings;
use super::tables::State;
use crate::event::{Entry, Kind};
use crate::rules::Known;
use crate::value::id::{EntityKind, Seq, Slug, Subject};
use crate::value::unicode;

impl State {
    /// The entry of the record that defines an id.
    pub fn defining(&self, id: &Slug) -> Option<&Entry> {
        self.entity(id).and_then(|(_, seq)| self.entry(seq))
    }

    /// How many ids of a kind there are.
    pub fn count_of(&self, kind: EntityKind) -> usize {
        self.tables.id_counts[kind as usize] as usize
    }

    /// The numbers of all ids that records name.
    pub fn numbers(&self) -> Range<Id> {
        0..self.tables.names.slugs().len() as Id
    }

    /// Every id of a kind, sorted by its bytes.
    pub fn ids(&self, kind: EntityKind) -> impl Iterator<Item = &Slug> {
        let named = self.tables.names.slugs().iter();
        let named = named.zip(self.tables.entities.iter());
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
                .and_then(|id| self.tables.entity(id))
                .map(|entity| &entity.trail),
            Subject::Record(seq) => self.tables.about.get(seq.0),
        };
        let numbers = trail.into_iter().flat_map(Postings::iter);
        numbers.filter_map(|number| {
            let seq = Seq(number.into());
            Some((seq, self.kind(seq)?))
        })
    }

    /// The numbers of the records that name the entity whose id has a number, in order.
    pub fn trail_of_number(&self, id: Id) -> impl Iterator<Item = Seq> + use<'_> {
        let trail = self.tables.entity(id).map(|entity| &entity.trail);
        let numbers = trail.into_iter().flat_map(Postings::iter);
        let seqs = numbers.map(|number| Seq(number.into()));
        seqs.filter(|seq| self.kind(*seq).is_some())
    }

    /// The record that has an import key, in any spelling of Unicode that is the same in NFC.
    pub fn imported(&self, key: &str) -> Option<Seq> {
        // Records that another program wrote may have several spellings.
        let mut first_of_others = None;
        for (seq, own) in self.keyed(key) {
            if own == key {
                return Some(seq);
            }
            if unicode::same(own, key) && first_of_others.is_none_or(|first| seq < first) {
                first_of_others = Some(seq);
            }
        }
        first_of_others
    }

    /// The record that has exactly this import key.
    pub(crate) fn imported_exactly(&self, key: &str) -> Option<Seq> {
        let mut exactly = self.keyed(key).filter(|(_, own)| *own == key);
        exactly.next().map(|(seq, _)| seq)
    }

    /// The records that may have a key, with their own import keys.
    fn keyed(&self, key: &str) -> impl Iterator<Item = (Seq, &str)> {
        let records = self.tables.import_keys.records(key).map(u64::from).map(Seq);
        records.filter_map(|seq| {
            let own = self.held(seq)?.entry.event.envelope.import_key.as_ref()?;
            Some((seq, own.as_str()))
        })
    }

    /// An id in use that differs from this one in upper and lower case only.
    pub fn other_case(&self, id: &Slug) -> Option<&Slug> {
        let all = self.tables.names.other_cases(id);
        let mut used = all
            .map(|other| self.slug(other))
            .filter(|other| self.entity(other).is_some());
        used.next()
    }
}
