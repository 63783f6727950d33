//! The index of the records that count: trails, ids and facts.

use super::entity::Entity;
use super::keeper::Keeper;
use super::named::Named;
use super::tables::Tables;
use crate::event::Event;
use crate::value::id::{EntityKind, Reference, Slug};

impl Tables {
    /// Adds a record to trails, ids and facts; `known` may have the numbers of its ids. `now` is the record that makes it
    /// count: itself, or a later one.
    pub(super) fn index(&mut self, record: u32, event: &Event, known: &Named<'_>, now: u32) {
        event.each_reference(|_, named| match named {
            Reference::Record(seq) => self.about.change(seq.0, |trail| trail.insert(record)),
            named => {
                if let Some(slug) = named.slug() {
                    self.entity_named(slug, known, now).trail.insert(record);
                }
            }
        });
        if let Some(reference) = event.defines()
            && let (Some(kind), Some(slug)) = (EntityKind::of(&reference), reference.slug())
        {
            let entity = self.entity_named(slug, known, now);
            entity.trail.insert(record);
            if entity.defined.is_none() {
                entity.defined = Some((kind, record));
                self.id_counts[kind as usize] += 1;
                self.note_redated(kind, slug, record, now);
            }
        }
        self.set_facts(record, event, known, true);
    }

    /// Takes a record out of trails, ids and facts.
    pub(super) fn unindex(&mut self, record: u32, event: &Event) {
        self.set_facts(record, event, &Named::default(), false);
        let defined = event.defines();
        let names = &self.names;
        let entities = &mut self.entities;
        let about = &mut self.about;
        let id_counts = &mut self.id_counts;
        let mut forget = |named: Reference<'_>| match named {
            Reference::Record(seq) => {
                about.change(seq.0, |trail| trail.remove(record));
            }
            named => {
                let id = named.slug().and_then(|slug| names.find(slug));
                if let Some(entity) = id.and_then(|id| entities.get_mut(id as usize)) {
                    entity.trail.remove(record);
                    if defined == Some(named)
                        && let Some((kind, _)) = entity.defined.take_if(|(_, by)| *by == record)
                    {
                        id_counts[kind as usize] -= 1;
                    }
                }
            }
        };
        event.each_reference(|_, named| forget(named));
        defined.into_iter().for_each(forget);
    }

    /// Notes the day of an agreement that is defined after something may have been made in it: again, or late.
    fn note_redated(&mut self, kind: EntityKind, slug: &Slug, record: u32, now: u32) {
        let names = &self.names;
        let first = || names.first().get(names.find(slug)? as usize);
        let is_late = || now != record || first().is_some_and(|first| *first < record);
        if kind == EntityKind::Agreement && is_late() {
            self.redated = self.redated.max(self.dates.last_day(record as usize));
        }
    }

    /// The entity of an id. A new id is noted as first named by this record.
    fn entity_named(&mut self, slug: &Slug, known: &Named<'_>, record: u32) -> &mut Entity {
        let id = known.find(slug);
        let id = id.unwrap_or_else(|| self.names.number(slug, record)) as usize;
        if id == self.entities.len() {
            self.entities.push(Entity::default());
        }
        let entity = self.entities.get_mut(id);
        entity.expect("there is an entity for each number")
    }

    /// Sets the facts of a record, or takes them out if it does not count.
    fn set_facts(&mut self, record: u32, event: &Event, known: &Named<'_>, counts: bool) {
        let Self {
            entities,
            names,
            assessments,
            words,
            sides,
            deadlines,
            folds,
            ..
        } = self;
        let mut keeper = Keeper {
            all: entities,
            names,
            known,
            assessments,
            words,
            sides,
            deadlines,
            folds,
            record,
            counts,
        };
        event.effects(&mut |effect| keeper.set(effect));
    }
}
