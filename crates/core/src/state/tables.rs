//! The tables of the state, into which records are folded.

use std::fmt;
use std::sync::{Arc, OnceLock};

use chrono::NaiveDate;

use super::archive::{Archive, Unreadable};
use super::assessments::Assessments;
use super::current::{CurrentRecord, RecordStatus};
use super::dates::RecordDates;
use super::days::{Days, TOGETHER};
use super::entity::Entity;
use super::folds::Folds;
use super::id_table::{Id, IdTable};
use super::keys::ImportKeys;
use super::paged::Paged;
use super::postings::Postings;
use super::read_cache::ReadCache;
use super::scan_cache::ScanCache;
use super::sides::{AllSides, Deadlines};
use super::sorted::{Overlaid, Sorted};
use super::standing::Stood;
use super::stored::Stored;
use super::word::Words;
use crate::event::Kind;
use crate::records::ReadError;
use crate::value::id::{EntityKind, Seq, Slug};

/// The most records of a ledger: the state keeps their numbers in 32 bits.
pub const RECORD_LIMIT: u64 = u32::MAX as u64;

/// The state of a ledger after its first records, as many as [`State::count`] says. A clone shares the tables until one
/// of the two changes. It has the records that it reads for itself, and drops them when it is dropped.
#[derive(Clone, Default)]
pub struct State {
    pub(super) tables: Arc<Tables>,
    /// Reads the first `archived` records.
    pub(super) archive: Option<Arc<dyn Archive>>,
    pub(super) archived: usize,
    /// The records that were read from the archive.
    pub(super) read_cache: ReadCache,
    /// The first record that the archive failed to read, for this state or a clone.
    pub(super) unreadable: Arc<OnceLock<Unreadable>>,
}

/// The tables of a state.
#[derive(Clone, Default)]
pub(super) struct Tables {
    /// The kind of each record; none if its payload was erased.
    pub kinds: Paged<Option<Kind>>,
    /// The date of each record, and what is doubtful about it.
    pub dates: RecordDates,
    /// The records that later ones corrected, retracted or redacted.
    pub record_statuses: Overlaid<RecordStatus>,
    /// Every id that a record names, with its number.
    pub names: IdTable,
    /// The entity of each id, at the number of the id.
    pub entities: Paged<Entity>,
    /// The different assessments. Facts have their numbers.
    pub assessments: Assessments,
    /// The different words by which standings moved. Facts have their numbers.
    pub words: Words,
    /// The different sides of commitments. Terms have their numbers.
    pub sides: AllSides,
    /// The different deadlines. Terms have their numbers.
    pub deadlines: Deadlines,
    /// How many ids there are of each [`EntityKind`].
    pub id_counts: [u32; 5],
    /// The trail of each record that others name.
    pub about: Overlaid<Postings>,
    /// The records of the import keys.
    pub import_keys: ImportKeys,
    /// The records after those of the archive; none for one whose payload was erased.
    pub kept: Vec<Option<CurrentRecord>>,
    /// What is asked of all records at once. A change clears what it concerns, and the next question makes it again.
    pub scan_cache: OnceLock<ScanCache>,
    /// Where debtors stood between many moves; built by questions.
    pub folds: Folds<Stood>,
    /// How many of the first records have a recorded time that an importer stated.
    pub asserted: u64,
    /// The agreement of each commitment whose record has no date, as the snapshot has it.
    pub dateless: Sorted<Id>,
    /// The latest days of the groups of records that the snapshot has, and later ones where a record changed.
    pub days: Paged<Days>,
    /// The last of the days that agreements were given after something named them.
    pub redated: Option<NaiveDate>,
    /// The snapshot that the tables begin with.
    pub stored: Option<Arc<Stored>>,
}

impl Tables {
    /// How many of the first records the snapshot is of.
    pub fn stored_records(&self) -> u64 {
        self.stored.as_ref().map_or(0, |stored| stored.records())
    }

    /// The agreement of each commitment whose record has no date, by that record, of the entities from this number on.
    pub fn dateless(&self, first: usize) -> impl Iterator<Item = (u32, Id)> {
        let entities = (first..self.entities.len()).filter_map(|id| self.entities.get(id));
        let commitments = entities.filter_map(|entity| entity.facts.commitment.as_deref());
        let terms = commitments.flat_map(|facts| facts.terms.iter());
        terms
            .filter(|(record, _)| {
                let stamp = self.dates.stamp(*record as usize);
                stamp.is_some_and(|stamp| stamp.is_dateless)
            })
            .map(|(record, terms)| (record, terms.agreement))
    }

    /// The last day on which an agreement can have been concluded; none if there is no such agreement.
    pub fn agreed_by(&self, agreement: Id) -> Option<NaiveDate> {
        let (kind, record) = self.entity(agreement)?.defined?;
        let is_one = kind == EntityKind::Agreement;
        self.dates.last_day(record as usize).filter(|_| is_one)
    }

    /// The latest days of a group of records; `agreement` gives that of a commitment whose record has no date.
    pub fn days_of(&self, group: usize, agreement: impl Fn(u32) -> Option<Id>) -> Days {
        let mut days = Days::default();
        let first = group * TOGETHER;
        for record in first..self.kinds.len().min(first + TOGETHER) {
            let kind = self.kinds.get(record).copied().flatten();
            if let Some(stamp) = self.dates.stamp(record) {
                let agreed = || self.agreed_by(agreement(record as u32)?);
                days.add(stamp, kind, agreed);
            }
        }
        days
    }

    /// Takes the date that a correction gave to a record of the snapshot into the latest days of its group.
    pub fn redate(&mut self, record: u32, agreement: Option<Id>) {
        let agreed = agreement.and_then(|agreement| self.agreed_by(agreement));
        let kind = self.kinds.get(record as usize).copied().flatten();
        let days = self.days.get_mut(record as usize / TOGETHER);
        if let (Some(days), Some(stamp)) = (days, self.dates.stamp(record as usize)) {
            days.add(stamp, kind, || agreed);
        }
    }

    /// Forgets what is asked of all records about the last record, which is new.
    pub fn scan_grown(&mut self) {
        let records = self.kinds.len();
        if let Some(cache) = self.scan_cache.get_mut() {
            cache.grow(records);
        }
    }

    /// The entity of the id of a number.
    pub fn entity(&self, id: Id) -> Option<&Entity> {
        self.entities.get(id as usize)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("count", &self.count())
            .field("stored", &self.tables.stored)
            .finish_non_exhaustive()
    }
}

/// The note for readers of a ledger whose first `count` records have a stated recorded time; none if `count` is 0.
pub fn asserted_times(count: u64) -> Option<String> {
    let records = match count {
        0 => return None,
        1 => "the recorded time of record 0 is".to_owned(),
        _ => format!("the recorded times of records 0 to {} are", count - 1),
    };
    Some(format!(
        "{records} asserted by whoever recorded them later, not the machine's: nothing shows that they were known then"
    ))
}

impl State {
    /// The archive that reads the first records.
    pub fn archive(&self) -> Option<&Arc<dyn Archive>> {
        self.archive.as_ref()
    }

    /// How many records the state has taken in.
    pub fn count(&self) -> u64 {
        self.tables.kinds.len() as u64
    }

    /// How many of the first records have a recorded time that was stated when they were imported, and is not from
    /// the machine's clock.
    pub fn asserted(&self) -> u64 {
        self.tables.asserted
    }

    /// Sets [`State::asserted`]. The headers of records have it, and [`State::apply`] does not get these.
    pub fn note_asserted(&mut self, count: u64) {
        self.change().asserted = count;
    }

    /// The tables, to be changed. A clone that shares them keeps what they were.
    pub(super) fn change(&mut self) -> &mut Tables {
        Arc::make_mut(&mut self.tables)
    }

    /// The first record that the archive failed to read. Answers given after that may be wrong.
    pub fn unreadable(&self) -> Option<&Unreadable> {
        let stored = self.tables.stored.as_ref();
        if let Some(stored) = stored.filter(|stored| stored.pages().is_lost()) {
            let last = Seq(stored.records().saturating_sub(1));
            let why = "the snapshot up to it is damaged, and the records do not give it again";
            self.unreadable.get_or_init(|| Unreadable {
                seq: last,
                why: ReadError::damaged(why),
            });
        }
        self.unreadable.get()
    }

    /// How many of the first records are in the snapshot that the state was read from; 0 where there is none.
    pub fn stored_records(&self) -> u64 {
        self.tables.stored_records()
    }

    /// Whether a page of that snapshot was damaged, so that all of it was made anew.
    pub fn is_damaged(&self) -> bool {
        let stored = self.tables.stored.as_ref();
        stored.is_some_and(|stored| stored.pages().is_damaged())
    }

    /// Reads all of the snapshot that was not read yet: for a process that keeps the state, whose snapshot may be removed.
    pub fn read_all(&self) {
        let tables = &self.tables;
        tables.kinds.read_all();
        tables.dates.read_all();
        tables.names.slugs().read_all();
        tables.names.first().read_all();
        tables.entities.read_all();
        tables.assessments.all().read_all();
        tables.words.all().read_all();
        tables.sides.all().read_all();
        tables.deadlines.all().read_all();
        tables
            .entities
            .iter()
            .for_each(|entity| _ = entity.trail.bytes());
        tables.about.iter().for_each(|(_, trail)| _ = trail.bytes());
        tables.record_statuses.iter().for_each(drop);
        tables.names.read_all();
        tables.import_keys.read_all();
        tables.dateless.iter().for_each(drop);
        tables.days.read_all();
    }

    /// A clone to which what this state or a clone failed to read counts as not tried yet. The archive may read again.
    #[must_use]
    pub fn afresh(&self) -> Self {
        Self {
            unreadable: Arc::default(),
            ..self.clone()
        }
    }

    /// The kind of a record, whether or not it counts; none if its payload was erased.
    pub fn kind(&self, seq: Seq) -> Option<Kind> {
        let at = usize::try_from(seq.0).ok()?;
        *self.tables.kinds.get(at)?
    }

    /// The kind of a record that counts.
    pub fn standing_kind(&self, seq: Seq) -> Option<Kind> {
        let kind = self.kind(seq)?;
        self.record_status(seq).is_standing().then_some(kind)
    }

    /// What later records did to a record.
    pub(super) fn record_status(&self, seq: Seq) -> &RecordStatus {
        let record_status = self.tables.record_statuses.get(seq.0);
        record_status.unwrap_or(RecordStatus::NONE)
    }

    /// The entity with this id and the record that defines it, if it is of this kind.
    pub(super) fn found(&self, slug: &Slug, kind: EntityKind) -> Option<(&Entity, u32)> {
        let entity = self.tables.entity(self.tables.names.find(slug)?)?;
        let (found, record) = entity.defined?;
        (found == kind).then_some((entity, record))
    }
}
