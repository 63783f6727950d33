//! What the records say together: a part of the state that its clones share.

use std::collections::HashMap;
use std::sync::OnceLock;

use foldhash::fast::FixedState;

use super::assessments::Assessments;
use super::dates::RecordDates;
use super::entity::Entity;
use super::id_table::IdTable;
use super::keeper::Keeper;
use super::keys::ImportKeys;
use super::postings::Postings;
use super::scan_cache::ScanCache;
use super::{CurrentRecord, RecordStatus};
use crate::event::{Event, Kind};
use crate::value::id::{EntityKind, Reference, Slug};

/// What the records say together.
#[derive(Clone, Default)]
pub struct Folded {
    /// The kind of each record; none where its payload is gone.
    pub(super) kinds: Vec<Option<Kind>>,
    /// When each may have happened, and what is doubtful about it.
    pub(super) dates: RecordDates,
    /// What became of those records that something became of.
    pub(super) record_statuses: HashMap<u32, RecordStatus, FixedState>,
    pub(super) names: IdTable,
    /// By the number of the id.
    pub(super) entities: Vec<Entity>,
    pub(super) findings: Assessments,
    /// How many ids there are of each kind.
    pub(super) given: [u32; 5],
    /// The records about a record.
    pub(super) about: HashMap<u64, Postings, FixedState>,
    pub(super) import_keys: ImportKeys,
    /// The records that no archive holds, the last ones.
    pub(super) kept: Vec<Option<CurrentRecord>>,
    /// What is known of many records at once; nothing until it is asked for after a change.
    pub(super) marks: OnceLock<ScanCache>,
    /// How many records, the first ones, have a recorded time that is claimed.
    pub(super) asserted: u64,
}

impl Folded {
    /// Takes what a record that counts says into trails, ids and facts. `now` is the record that brings it there.
    pub(super) fn index(&mut self, record: u32, event: &Event, now: u32) {
        event.each_reference(|_, named| match named {
            Reference::Record(seq) => self.about.entry(seq.0).or_default().insert(record),
            named => {
                if let Some(slug) = named.slug() {
                    self.entity_named(slug, now).trail.insert(record);
                }
            }
        });
        if let Some(reference) = event.defines()
            && let (Some(kind), Some(slug)) = (EntityKind::of(&reference), reference.slug())
        {
            let entity = self.entity_named(slug, now);
            entity.trail.insert(record);
            if entity.defined.is_none() {
                entity.defined = Some((kind, record));
                self.given[kind as usize] += 1;
            }
        }
        self.set_facts(record, event, true);
    }

    /// What an id names, which a record may be the first to name.
    fn entity_named(&mut self, slug: &Slug, record: u32) -> &mut Entity {
        let id = self.names.number(slug, record) as usize;
        if id == self.entities.len() {
            self.entities.push(Entity::default());
        }
        &mut self.entities[id]
    }

    fn set_facts(&mut self, record: u32, event: &Event, counts: bool) {
        let Self {
            entities,
            names,
            findings,
            ..
        } = self;
        let mut keeper = Keeper {
            all: entities,
            names,
            findings,
            record,
            counts,
        };
        event.effects(&mut |effect| keeper.set(effect));
    }

    /// Takes what a record says out of trails, ids and facts.
    pub(super) fn unindex(&mut self, record: u32, event: &Event) {
        self.set_facts(record, event, false);
        let defined = event.defines();
        let names = &self.names;
        let entities = &mut self.entities;
        let about = &mut self.about;
        let given = &mut self.given;
        let mut forget = |named: Reference<'_>| match named {
            Reference::Record(seq) => {
                if let Some(trail) = about.get_mut(&seq.0) {
                    trail.remove(record);
                    if trail.is_empty() {
                        about.remove(&seq.0);
                    }
                }
            }
            named => {
                let id = named.slug().and_then(|slug| names.find(slug));
                if let Some(entity) = id.map(|id| &mut entities[id as usize]) {
                    entity.trail.remove(record);
                    if defined == Some(named)
                        && let Some((kind, _)) = entity.defined.take_if(|(_, by)| *by == record)
                    {
                        given[kind as usize] -= 1;
                    }
                }
            }
        };
        event.each_reference(|_, named| forget(named));
        defined.into_iter().for_each(forget);
    }
}
