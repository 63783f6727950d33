//! The state: the fold of all events, and the only place where state comes from events.
//!
//! It holds what each record is and what later ones did to it, the trail of records about each entity and
//! record, and the few facts that the rules ask for. The texts it need not hold: it reads them again from an
//! [`Archive`], corrections applied, when they are asked for. What stands, and what stood on a day, is asked of
//! a [`View`](crate::view::View).

use std::fmt;
use std::sync::{Arc, OnceLock};

pub use self::assessments::Assessment;
pub use self::dates::RecordDate;
pub use self::effect::Effect;
use self::entity::Entity;
pub use self::facts::Position;
use self::folded::Folded;
pub use self::history::CommitmentHistory;
pub use self::id_table::Id;
use self::read_cache::ReadCache;
use crate::event::{Entry, Event, Fact, Kind};
use crate::value::agreement::{Action, AgreementStatus};
use crate::value::id::{AgreementId, CommitmentId, PartyId, RecorderId, Seq, Slug, Subject};

pub use crate::value::id::EntityKind;
use crate::value::when::When;

mod assessments;
mod dates;
mod effect;
mod entity;
mod facts;
mod folded;
mod grow;
mod history;
mod id_table;
mod image;
mod interned;
mod keeper;
mod keys;
mod known;
mod postings;
mod read_cache;
mod scan_cache;
#[cfg(test)]
mod tests;

/// A record as it reads today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentRecord {
    /// The entry, with every correction applied.
    pub entry: Entry,
    /// The event as it was recorded, where corrections changed it.
    pub original: Option<Box<Event>>,
    /// The corrections that apply to it, in order.
    pub corrections: Vec<Seq>,
    /// The retraction that took it out.
    pub retracted: Option<Seq>,
    /// The redaction that withheld it.
    pub redacted: Option<Seq>,
}

impl CurrentRecord {
    fn new(entry: Entry) -> Self {
        Self {
            entry,
            original: None,
            corrections: Vec::new(),
            retracted: None,
            redacted: None,
        }
    }

    /// Whether it counts: it was neither retracted nor redacted.
    pub fn is_standing(&self) -> bool {
        self.retracted.is_none() && self.redacted.is_none()
    }

    /// The event as it was recorded.
    pub fn recorded(&self) -> &Event {
        self.original.as_deref().unwrap_or(&self.entry.event)
    }
}

/// Where records are read again that the state does not hold.
pub trait Archive: Send + Sync {
    /// The entry of a record as it was recorded; none where its payload is gone.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn entry(&self, seq: Seq) -> Result<Option<Entry>, String>;
}

/// That a record was asked for and cannot be read any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {seq}: {why}")]
pub struct Unreadable {
    /// The record.
    pub seq: Seq,
    /// Why not.
    pub why: String,
}

/// What later records did to a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct RecordStatus {
    corrections: Vec<u32>,
    retracted: Option<u32>,
    redacted: Option<u32>,
}

impl RecordStatus {
    const NONE: &RecordStatus = &RecordStatus {
        corrections: Vec::new(),
        retracted: None,
        redacted: None,
    };

    fn is_standing(&self) -> bool {
        self.retracted.is_none() && self.redacted.is_none()
    }
}

/// Most records of a ledger, whose numbers are kept in 32 bits.
pub const RECORD_LIMIT: u64 = u32::MAX as u64;

/// The state of the ledger after some record. A clone shares what the records say until one of both changes, and keeps
/// the records that it reads itself: they go with it.
#[derive(Clone, Default)]
pub struct State {
    folded: Arc<Folded>,
    /// Where records are read again, and how many of the first ones can be.
    archive: Option<Arc<dyn Archive>>,
    archived: usize,
    /// Those that were read again.
    read_cache: ReadCache,
    /// The first record that could not be read again, by this state or a clone of it.
    unreadable: Arc<OnceLock<Unreadable>>,
}

/// What a reader must know where the recorded times of so many records, the first ones, are claimed; nothing
/// where none is.
pub fn asserted_times(count: u64) -> Option<String> {
    let records = match count {
        0 => return None,
        1 => "the recorded time of record 0 is".to_owned(),
        _ => format!("the recorded times of records 0 to {} are", count - 1),
    };
    Some(format!(
        "{records} claimed by whoever recorded them later, not the machine's: nothing shows that they were known then"
    ))
}

/// Two states are equal that hold the same state, wherever they read texts from.
impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.count() == other.count() && self.to_bytes() == other.to_bytes()
    }
}

impl Eq for State {}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("count", &self.count())
            .field("statuses", &self.folded.record_statuses)
            .field("entities", &self.folded.entities)
            .finish_non_exhaustive()
    }
}

/// Why a text does not name one thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Nothing has such an id.
    #[error("nothing here is called `{0}`")]
    Nothing(String),
    /// Several ids begin so.
    #[error("`{text}` may be {}", candidates.join(", "))]
    Ambiguous {
        /// The text.
        text: String,
        /// The ids that begin with it.
        candidates: Vec<String>,
    },
}

impl State {
    /// An empty state for the records of an archive, which holds so many of them already.
    pub fn over(archive: Arc<dyn Archive>, archived: u64) -> Self {
        let mut state = Self::default();
        state.read_from(archive, archived);
        state
    }

    /// A state that has taken in nothing yet, and reads records from where this one does. What either cannot read, both
    /// name.
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

    /// From now on the archive holds so many of the records, the first ones, and reads them where they are asked
    /// for. Those that the state itself holds it lets go.
    pub fn read_from(&mut self, archive: Arc<dyn Archive>, archived: u64) {
        self.archive = Some(archive);
        self.archived(archived);
    }

    /// Where records are read again.
    pub fn archive(&self) -> Option<&Arc<dyn Archive>> {
        self.archive.as_ref()
    }

    /// The archive holds so many of the records now, the first ones: the state lets go of them.
    pub fn archived(&mut self, count: u64) {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if self.archive.is_none() || count <= self.archived {
            return;
        }
        let gone = (count - self.archived).min(self.folded.kept.len());
        self.change().kept.drain(..gone);
        self.archived = count;
        self.read_cache.reach(count);
    }

    /// How many records it has in memory: those that no archive holds, and those that were read again.
    pub fn in_memory(&self) -> usize {
        self.folded.kept.len() + self.read_cache.loaded()
    }

    /// Lets go of the records that were read again, once they are many. Taking in a record does so too.
    pub fn tidy(&mut self) {
        self.read_cache.tidy();
    }

    /// Every record in order, as it reads today; none for records whose payload is gone.
    pub fn records(
        &self,
    ) -> impl DoubleEndedIterator<Item = Option<&CurrentRecord>> + ExactSizeIterator {
        (0..self.folded.kinds.len()).map(|at| self.held(Seq(at as u64)))
    }

    /// The records of some kinds, whether or not they were retracted, in order.
    pub fn records_of(
        &self,
        wanted: impl Fn(Kind) -> bool,
    ) -> impl Iterator<Item = &CurrentRecord> {
        let all = (0..self.folded.kinds.len()).map(|at| Seq(at as u64));
        all.filter(move |seq| self.kind(*seq).is_some_and(&wanted))
            .filter_map(|seq| self.held(seq))
    }

    /// The records that were redacted and were still there when they were taken in, with their kinds, in order.
    pub fn redacted(&self) -> Vec<(Seq, Kind)> {
        let record_statuses = self
            .folded
            .record_statuses
            .iter()
            .filter(|(_, record_status)| record_status.redacted.is_some());
        let seqs = record_statuses.map(|(record, _)| Seq((*record).into()));
        let mut all: Vec<(Seq, Kind)> = seqs
            .filter_map(|seq| Some((seq, self.kind(seq)?)))
            .collect();
        all.sort_unstable();
        all
    }

    /// How many records it has taken in.
    pub fn count(&self) -> u64 {
        self.folded.kinds.len() as u64
    }

    /// How many records, the first ones, have a recorded time that was claimed when they were imported, and is not
    /// that of the machine's clock.
    pub fn asserted(&self) -> u64 {
        self.folded.asserted
    }

    /// Takes note that the recorded times of so many records, the first ones, are claimed. Headers say so, which
    /// [`State::apply`] does not get.
    pub fn note_asserted(&mut self, count: u64) {
        self.change().asserted = count;
    }

    /// The first record that was asked for and could not be read again: what was answered since is not to be
    /// relied on.
    pub fn unreadable(&self) -> Option<&Unreadable> {
        self.unreadable.get()
    }

    /// A record, whether or not it was retracted; none where its payload is gone.
    pub fn held(&self, seq: Seq) -> Option<&CurrentRecord> {
        let at = usize::try_from(seq.0).ok()?;
        self.kind(seq)?;
        match at.checked_sub(self.archived) {
            Some(kept) => self.folded.kept.get(kept)?.as_ref(),
            None => self.read_cache.get(at, || self.read(at as u32)),
        }
    }

    /// What kind of event a record holds, whether or not it was retracted; none where its payload is gone.
    pub fn kind(&self, seq: Seq) -> Option<Kind> {
        let at = usize::try_from(seq.0).ok()?;
        *self.folded.kinds.get(at)?
    }

    /// The kind of a record that counts.
    pub fn standing_kind(&self, seq: Seq) -> Option<Kind> {
        let kind = self.kind(seq)?;
        self.record_status(seq).is_standing().then_some(kind)
    }

    /// The entries that count, in the order of the chain.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries_of(|_| true)
    }

    /// The entries of some kinds that count, in the order of the chain.
    pub fn entries_of(
        &self,
        wanted: impl Fn(Kind) -> bool,
    ) -> impl DoubleEndedIterator<Item = &Entry> {
        let all = (0..self.folded.kinds.len()).map(|at| Seq(at as u64));
        all.filter(move |seq| self.kind(*seq).is_some_and(&wanted))
            .filter_map(|seq| self.entry(seq))
    }

    /// An entry that counts.
    pub fn entry(&self, seq: Seq) -> Option<&Entry> {
        self.standing_kind(seq)?;
        self.held(seq).map(|held| &held.entry)
    }

    /// What an id names, and the record that gave it.
    pub fn entity(&self, id: &Slug) -> Option<(EntityKind, Seq)> {
        let (kind, record) = self.folded.entities[self.folded.names.find(id)? as usize].defined?;
        Some((kind, Seq(record.into())))
    }

    /// The entry that gave an id.
    pub fn defining(&self, id: &Slug) -> Option<&Entry> {
        self.entity(id).and_then(|(_, seq)| self.entry(seq))
    }

    /// Whether there is any id of this kind.
    pub fn has_any(&self, kind: EntityKind) -> bool {
        self.folded.given[kind as usize] > 0
    }

    /// Every id of a kind, sorted by its bytes.
    pub fn ids(&self, kind: EntityKind) -> impl Iterator<Item = &Slug> {
        let named = self.folded.names.slugs().iter().zip(&self.folded.entities);
        let of_kind =
            named.filter(|(_, entity)| entity.defined.is_some_and(|(found, _)| found == kind));
        let mut ids: Vec<&Slug> = of_kind.map(|(slug, _)| slug).collect();
        ids.sort_unstable();
        ids.into_iter()
    }

    /// The records about something that count, in the order of the chain; for an entity, the record that
    /// defines it among them.
    pub fn trail(&self, subject: &Subject) -> impl DoubleEndedIterator<Item = &Entry> {
        self.trail_of(subject, |_| true)
    }

    /// As [`State::trail`], those of some kinds only. The others are not even read.
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

    /// The records of a trail with their kinds, without reading them.
    pub fn trail_records(&self, subject: &Subject) -> impl Iterator<Item = (Seq, Kind)> + use<'_> {
        let trail = match subject {
            Subject::Entity(slug) => self
                .folded
                .names
                .find(slug)
                .map(|id| &self.folded.entities[id as usize].trail),
            Subject::Record(seq) => self.folded.about.get(&seq.0),
        };
        let numbers = trail.into_iter().flat_map(|trail| trail.iter());
        numbers.filter_map(|number| {
            let seq = Seq(number.into());
            Some((seq, self.kind(seq)?))
        })
    }

    /// The record that an import key went into.
    pub fn imported(&self, key: &str) -> Option<Seq> {
        let has_key = |record: &u32| {
            let held = self.held(Seq((*record).into()));
            let own = held.and_then(|held| held.entry.event.envelope.import_key.as_ref());
            own.is_some_and(|own| own.as_str() == key)
        };
        let record = self.folded.import_keys.records(key).find(has_key)?;
        Some(Seq(record.into()))
    }

    /// What a text names: a record by its number, or an entity by its id or an unambiguous beginning of it.
    ///
    /// # Errors
    /// [`ResolveError`]
    pub fn resolve(&self, text: &str) -> Result<Subject, ResolveError> {
        self.resolve_among(text, |_| true)
    }

    /// As [`State::resolve`], among the ids of one kind only.
    ///
    /// # Errors
    /// [`ResolveError`]
    pub fn resolve_id(&self, text: &str, kind: EntityKind) -> Result<Slug, ResolveError> {
        match self.resolve_among(text, |found| found == kind)? {
            Subject::Entity(slug) => Ok(slug),
            Subject::Record(_) => Err(ResolveError::Nothing(text.to_owned())),
        }
    }

    fn resolve_among(
        &self,
        text: &str,
        wanted: impl Fn(EntityKind) -> bool,
    ) -> Result<Subject, ResolveError> {
        let nothing = || ResolveError::Nothing(crate::value::base::excerpt(text));
        match text.parse().map_err(|_| nothing())? {
            Subject::Record(seq) if seq.0 < self.count() => Ok(Subject::Record(seq)),
            Subject::Record(_) => Err(nothing()),
            Subject::Entity(slug) => {
                if self.entity(&slug).is_some_and(|(kind, _)| wanted(kind)) {
                    return Ok(Subject::Entity(slug));
                }
                let named = self.folded.names.slugs().iter().zip(&self.folded.entities);
                let mut candidates: Vec<&Slug> = named
                    .filter(|(id, _)| id.as_str().starts_with(slug.as_str()))
                    .filter(|(_, entity)| entity.defined.is_some_and(|(kind, _)| wanted(kind)))
                    .map(|(id, _)| id)
                    .collect();
                candidates.sort_unstable();
                match candidates.as_slice() {
                    [] => Err(nothing()),
                    [one] => Ok(Subject::Entity((*one).clone())),
                    many => Err(ResolveError::Ambiguous {
                        text: text.to_owned(),
                        candidates: many.iter().take(8).map(ToString::to_string).collect(),
                    }),
                }
            }
        }
    }

    /// Whether one party may act for another: it is that party, a part of it, or its successor.
    pub fn acts_for(&self, actor: &PartyId, principal: &PartyId) -> bool {
        match (
            self.folded.names.find(&actor.0),
            self.folded.names.find(&principal.0),
        ) {
            (Some(actor), Some(principal)) => self.stands_for(actor, principal),
            _ => actor == principal,
        }
    }

    /// As [`State::acts_for`], by the numbers of their ids.
    pub fn stands_for(&self, actor: Id, principal: Id) -> bool {
        if actor == principal {
            return true;
        }
        let mut seen = vec![actor];
        let mut next = 0;
        while let Some(party) = seen.get(next).copied() {
            if party == principal {
                return true;
            }
            for superior in self.superiors(party) {
                if !seen.contains(&superior) {
                    seen.push(superior);
                }
            }
            next += 1;
        }
        false
    }

    /// The party's parent, and the parties that it succeeded.
    fn superiors(&self, party: Id) -> impl Iterator<Item = Id> {
        let entity = &self.folded.entities[party as usize];
        let facts = entity.facts.party.as_deref();
        let parent = entity
            .defined
            .zip(facts)
            .and_then(|((_, record), facts)| facts.parent.of(record));
        let succeeded = facts.into_iter().flat_map(|facts| facts.succeeded.values());
        parent.into_iter().chain(succeeded).copied()
    }

    /// The number of an id, if a record ever named it.
    pub fn number(&self, slug: &Slug) -> Option<Id> {
        self.folded.names.find(slug)
    }

    /// The id that has a number.
    pub fn slug(&self, id: Id) -> &Slug {
        &self.folded.names.slugs()[id as usize]
    }

    fn found(&self, slug: &Slug, kind: EntityKind) -> Option<(&Entity, u32)> {
        let entity = &self.folded.entities[self.folded.names.find(slug)? as usize];
        let (found, record) = entity.defined?;
        (found == kind).then_some((entity, record))
    }

    /// A commitment as all that was recorded of it leaves it, whenever it happens.
    pub fn position(&self, id: &CommitmentId) -> Option<Position<'_>> {
        let (entity, record) = self.found(&id.0, EntityKind::Commitment)?;
        let facts = entity.facts.commitment.as_deref()?;
        let terms = facts.terms.of(record)?;
        Some(Position { terms, facts })
    }

    /// When an agreement was concluded.
    pub fn agreed_on(&self, agreement: Id) -> Option<When> {
        let entity = &self.folded.entities[agreement as usize];
        let (_, record) = entity.defined?;
        entity.facts.agreement.as_ref()?.concluded.of(record)?.0
    }

    /// An agreement's status as all that was recorded of it leaves it; none where there is no such agreement.
    pub fn agreement_status(&self, id: &AgreementId) -> Option<AgreementStatus> {
        let (entity, _) = self.found(&id.0, EntityKind::Agreement)?;
        let facts = entity.facts.agreement.as_deref()?;
        Some(
            facts
                .moves
                .last()
                .copied()
                .unwrap_or(AgreementStatus::Concluded),
        )
    }

    /// Whether a party takes part in an agreement: its last act that is about that, or being named in it. None
    /// where there is no such agreement.
    pub fn takes_part(&self, id: &AgreementId, party: &PartyId) -> Option<bool> {
        use Action::{Declaration, Objection, Reservation, Withdrawal};
        let (entity, record) = self.found(&id.0, EntityKind::Agreement)?;
        let facts = entity.facts.agreement.as_deref()?;
        let party = self.folded.names.find(&party.0);
        let mut acts = facts.acts.values().filter(|(who, _)| Some(*who) == party);
        let last = acts.rfind(|(_, act)| !matches!(act, Reservation | Declaration | Objection));
        Some(match last {
            Some((_, act)) => *act != Withdrawal,
            None => {
                let (_, parties) = facts.concluded.of(record)?;
                party.is_some_and(|party| parties.contains(&party))
            }
        })
    }

    /// Whether a party's own key is known.
    pub fn has_key(&self, party: &PartyId) -> bool {
        let entity = self
            .folded
            .names
            .find(&party.0)
            .map(|id| &self.folded.entities[id as usize]);
        let facts = entity.and_then(|entity| entity.facts.party.as_ref());
        facts.is_some_and(|facts| facts.keys.last().is_some())
    }

    /// The first record that revoked a recorder's key.
    pub fn revoked(&self, recorder: &RecorderId) -> Option<Seq> {
        let id = self.folded.names.find(&recorder.0)?;
        let facts = self.folded.entities[id as usize].facts.recorder.as_ref()?;
        let (record, ()) = facts.revoked.0.first()?;
        Some(Seq((*record).into()))
    }

    /// Takes in the next record. Total: what the rules would refuse is taken in as far as it makes sense,
    /// so that a tampered ledger can still be shown.
    pub fn apply(&mut self, entry: &Entry) {
        let keeps = self.keeps_next();
        let mend = self.fold(entry);
        if keeps {
            self.keep(entry.clone());
        }
        self.finish(mend);
    }

    /// As [`State::apply`], without a copy of the entry.
    pub fn take(&mut self, entry: Entry) {
        let keeps = self.keeps_next();
        let mend = self.fold(&entry);
        if keeps {
            self.keep(entry);
        }
        self.finish(mend);
    }

    /// Takes in a record whose payload is gone.
    pub fn apply_missing(&mut self) {
        let keeps = self.keeps_next();
        let folded = self.change();
        if keeps {
            folded.kept.push(None);
        }
        folded.marks.take();
        folded.dates.push_gone();
        folded.kinds.push(None);
    }

    /// What the records say, to be changed: no clone has it in common with this state any more.
    fn change(&mut self) -> &mut Folded {
        Arc::make_mut(&mut self.folded)
    }

    /// Takes the last records out again, until there are so many: the state is then as it was before they came.
    ///
    /// # Errors
    /// [`Unreadable`]: a record cannot be read any more. The state is then of no use.
    pub fn rewind(&mut self, count: u64) -> Result<(), Unreadable> {
        while self.count() > count {
            self.take_back();
            if let Some(unreadable) = self.unreadable() {
                return Err(unreadable.clone());
            }
        }
        Ok(())
    }

    /// Whether the archive does not hold the next record yet.
    fn keeps_next(&self) -> bool {
        self.folded.kinds.len() >= self.archived
    }

    fn keep(&mut self, entry: Entry) {
        let seq = Seq((self.archived + self.folded.kept.len()) as u64);
        let held = CurrentRecord::new(Entry { seq, ..entry });
        self.change().kept.push(Some(held));
    }

    /// Takes in what the next record says by itself, and tells what it does to an earlier one.
    fn fold(&mut self, entry: &Entry) -> Option<Adjustment> {
        let event = &entry.event;
        let record = self.folded.kinds.len() as u32;
        let mend = self.mend_of(record, event);
        // A key stays taken when its record is retracted: importing the row again must not bring it back.
        let key = event.envelope.import_key.as_ref();
        let key = key.filter(|key| self.imported(key.as_str()).is_none());
        let folded = self.change();
        folded.dates.push(entry);
        folded.index(record, event, record);
        if let Some(key) = key {
            folded.import_keys.insert(key.as_str(), record);
        }
        folded.kinds.push(Some(event.kind()));
        folded.marks.take();
        mend
    }

    fn finish(&mut self, mend: Option<Adjustment>) {
        self.read_cache.tidy();
        if let Some(mend) = mend {
            self.mend(mend, true);
        }
    }

    /// What a record does to an earlier one that is there.
    fn mend_of(&self, record: u32, event: &Event) -> Option<Adjustment> {
        let (target, how) = match &event.fact {
            Fact::Corrected(fact) => {
                let kind = self.kind(fact.record)?;
                // No rule lets it in, and it would be corrected without end.
                if kind == Kind::Corrected {
                    return None;
                }
                let spec = kind.field(fact.field.as_str());
                let matters = spec.is_some_and(facts::depend_on);
                (fact.record, How::Correct { matters })
            }
            Fact::Retracted(fact) => (fact.record, How::Retract),
            Fact::Redacted(fact) => (fact.record, How::Redact),
            _ => return None,
        };
        let target = u32::try_from(target.0)
            .ok()
            .filter(|target| *target < record)?;
        self.kind(Seq(target.into()))?;
        Some(Adjustment {
            by: record,
            target,
            how,
        })
    }

    /// Does what a record does to an earlier one, or takes it back.
    fn mend(&mut self, mend: Adjustment, done: bool) {
        let touched = self.touched(mend);
        let events = |state: &Self| -> Vec<Option<Event>> {
            let entry = |record: &u32| state.entry(Seq((*record).into()));
            let event = |record| entry(record).map(|entry| entry.event.clone());
            touched.iter().map(event).collect()
        };
        let before = events(self);
        let folded = self.change();
        let record_status = folded.record_statuses.entry(mend.target).or_default();
        match mend.how {
            How::Correct { .. } if done => record_status.corrections.push(mend.by),
            How::Correct { .. } => record_status.corrections.retain(|by| *by != mend.by),
            How::Retract => record_status.retracted = done.then_some(mend.by),
            How::Redact => record_status.redacted = done.then_some(mend.by),
        }
        if record_status == RecordStatus::NONE {
            folded.record_statuses.remove(&mend.target);
        }
        folded.marks.take();
        self.read_anew(mend.target);
        for record in &touched {
            self.read_anew(*record);
        }
        let after = events(self);
        for (record, (before, after)) in touched.iter().zip(before.into_iter().zip(after)) {
            if let Some(held) = self.held(Seq((*record).into())) {
                let event = held.entry.event.clone();
                self.change().dates.change(*record as usize, &event);
            }
            if before == after {
                continue;
            }
            if let Some(event) = before {
                self.change().unindex(*record, &event);
            }
            if let Some(event) = after {
                self.change().index(*record, &event, mend.by);
            }
        }
    }

    /// The records whose place in trails and facts a mend may change: the one that it mends, and where that is a
    /// correction, the one that it corrected.
    fn touched(&self, mend: Adjustment) -> Vec<u32> {
        let mut touched = Vec::new();
        if !matches!(mend.how, How::Correct { matters: false }) {
            touched.push(mend.target);
        }
        let target = Seq(mend.target.into());
        if self.kind(target) == Some(Kind::Corrected)
            && let Some(held) = self.held(target)
            && let Fact::Corrected(fact) = &held.entry.event.fact
            && self
                .record_status(fact.record)
                .corrections
                .contains(&mend.target)
        {
            touched.extend(u32::try_from(fact.record.0));
        }
        touched
    }

    fn record_status(&self, seq: Seq) -> &RecordStatus {
        let record = u32::try_from(seq.0).ok();
        let record_status = record.and_then(|record| self.folded.record_statuses.get(&record));
        record_status.unwrap_or(RecordStatus::NONE)
    }

    /// Sees to it that a record reads as what became of it says.
    fn read_anew(&mut self, record: u32) {
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

    /// Reads a record from the archive.
    fn read(&self, record: u32) -> Option<CurrentRecord> {
        let seq = Seq(record.into());
        let kind = self.kind(seq);
        let archive = self.archive.as_ref().map(|archive| archive.entry(seq));
        let found = match archive.unwrap_or_else(|| Err("nothing holds it".to_owned())) {
            // An earlier reader may have known it before its payload was destroyed.
            Ok(None) if self.record_status(seq).redacted.is_some() => return None,
            Ok(None) => Err("its payload is gone, and was there before".to_owned()),
            Ok(Some(entry)) if Some(entry.event.kind()) != kind => {
                Err("it is another record than before".to_owned())
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

    /// Marks a record as it was recorded with what became of it, and applies its corrections.
    fn mark(&self, held: &mut CurrentRecord) {
        let record_status = self.record_status(held.entry.seq);
        let seq = |record: &u32| Seq((*record).into());
        held.corrections = record_status.corrections.iter().map(seq).collect();
        held.retracted = record_status.retracted.as_ref().map(seq);
        held.redacted = record_status.redacted.as_ref().map(seq);
        let event = self.corrected(held, None);
        if event != held.entry.event {
            let original = std::mem::replace(&mut held.entry.event, event);
            held.original = Some(Box::new(original));
        }
    }

    /// A record's original with the corrections that stand, but for one.
    fn corrected(&self, held: &CurrentRecord, except: Option<Seq>) -> Event {
        let mut event = held.recorded().clone();
        for correction in &held.corrections {
            if Some(*correction) == except {
                continue;
            }
            if let Some(Fact::Corrected(fact)) = self.entry(*correction).map(|e| &e.event.fact) {
                let texts = fact.to.iter().map(ToString::to_string).collect();
                if let Ok(corrected) = event.with_field(fact.field.as_str(), texts) {
                    event = corrected;
                }
            }
        }
        event
    }

    /// The record that a correction mends, if that counts, and how it would read without the correction.
    pub fn without(&self, correction: Seq) -> Option<(Seq, Event)> {
        if self.standing_kind(correction)? != Kind::Corrected {
            return None;
        }
        let Fact::Corrected(fact) = &self.entry(correction)?.event.fact else {
            return None;
        };
        let held = self.held(fact.record).filter(|held| held.is_standing())?;
        Some((fact.record, self.corrected(held, Some(correction))))
    }

    /// Takes the last record out.
    fn take_back(&mut self) {
        let Some(record) = self.folded.kinds.len().checked_sub(1) else {
            return;
        };
        let number = record as u32;
        let held = self.held(Seq(record as u64));
        if let Some(event) = held.map(|held| held.entry.event.clone()) {
            if let Some(mend) = self.mend_of(number, &event) {
                self.mend(mend, false);
            }
            let folded = self.change();
            folded.unindex(number, &event);
            if let Some(key) = &event.envelope.import_key {
                folded.import_keys.remove(key.as_str(), number);
            }
        }
        let is_archived = record < self.archived;
        let folded = self.change();
        folded.marks.take();
        folded.kinds.pop();
        folded.dates.pop();
        if !is_archived {
            folded.kept.pop();
        }
        folded.asserted = folded.asserted.min(record as u64);
        folded.names.forget_since(number);
        let named = folded.names.slugs().len();
        folded.entities.truncate(named);
        if is_archived {
            self.read_cache.forget(record);
            self.archived = record;
        }
    }
}

/// What a record does to an earlier one.
#[derive(Debug, Clone, Copy)]
struct Adjustment {
    by: u32,
    target: u32,
    how: How,
}

#[derive(Debug, Clone, Copy)]
enum How {
    /// Whether the field can matter to trails and facts.
    Correct {
        matters: bool,
    },
    Retract,
    Redact,
}
