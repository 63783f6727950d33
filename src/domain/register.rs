//! The register: the fold of all events, and the only place where state comes from events.
//!
//! It holds every record as it reads today (corrections applied, retracted ones left out), the trail of
//! records about each entity and record, and nothing that could not be rebuilt from these. What stands,
//! and what stood on a day, is asked of a [`View`](super::view::View).

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use super::event::{Entry, Event, Fact};
use super::id::{PartyId, Reference, Seq, Slug, Subject};

/// What kind of thing an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKind {
    /// A party.
    Party,
    /// A source.
    Source,
    /// An agreement.
    Agreement,
    /// A commitment.
    Commitment,
    /// A recorder.
    Recorder,
}

impl EntityKind {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Party => "party",
            Self::Source => "source",
            Self::Agreement => "agreement",
            Self::Commitment => "commitment",
            Self::Recorder => "recorder",
        }
    }

    /// What a reference asks for; none where any entity or a record will do.
    pub fn of(reference: &Reference) -> Option<Self> {
        match reference {
            Reference::Party(_) => Some(Self::Party),
            Reference::Source(_) => Some(Self::Source),
            Reference::Agreement(_) => Some(Self::Agreement),
            Reference::Commitment(_) => Some(Self::Commitment),
            Reference::Recorder(_) => Some(Self::Recorder),
            Reference::Entity(_) | Reference::Record(_) => None,
        }
    }
}

/// A record as it reads today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
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

impl Held {
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

/// The state of the ledger after some record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Register {
    /// One place a record; empty where the payload is gone.
    records: Vec<Option<Held>>,
    ids: BTreeMap<Slug, (EntityKind, Seq)>,
    trails: BTreeMap<Subject, Vec<Seq>>,
    import_keys: HashMap<String, Seq>,
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

impl Register {
    /// The register of these records.
    pub fn from_records(records: Vec<Option<Held>>) -> Self {
        let mut register = Self {
            records,
            ..Self::default()
        };
        for at in 0..register.records.len() {
            register.index(Seq(at as u64));
        }
        register
    }

    /// Every record in order, as it reads today; empty places are records whose payload is gone.
    pub fn records(&self) -> &[Option<Held>] {
        &self.records
    }

    /// How many records it has taken in.
    pub fn count(&self) -> u64 {
        self.records.len() as u64
    }

    /// A record, whether or not it was retracted.
    pub fn held(&self, seq: Seq) -> Option<&Held> {
        let at = usize::try_from(seq.0).ok()?;
        self.records.get(at)?.as_ref()
    }

    /// The entries that count, in the order of the chain.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.records
            .iter()
            .flatten()
            .filter(|held| held.is_standing())
            .map(|held| &held.entry)
    }

    /// An entry that counts.
    pub fn entry(&self, seq: Seq) -> Option<&Entry> {
        self.held(seq)
            .filter(|held| held.is_standing())
            .map(|held| &held.entry)
    }

    /// What an id names, and the record that gave it.
    pub fn entity(&self, id: &Slug) -> Option<(EntityKind, Seq)> {
        self.ids.get(id).copied()
    }

    /// The entry that gave an id.
    pub fn defining(&self, id: &Slug) -> Option<&Entry> {
        self.entity(id).and_then(|(_, seq)| self.entry(seq))
    }

    /// Every id of a kind, sorted by its bytes.
    pub fn ids(&self, kind: EntityKind) -> impl Iterator<Item = &Slug> {
        self.ids
            .iter()
            .filter(move |(_, (found, _))| *found == kind)
            .map(|(id, _)| id)
    }

    /// The records about something that count, in the order of the chain; for an entity, the record that
    /// defines it among them.
    pub fn trail(&self, subject: &Subject) -> impl DoubleEndedIterator<Item = &Entry> {
        self.trails
            .get(subject)
            .into_iter()
            .flatten()
            .filter_map(|seq| self.entry(*seq))
    }

    /// The record that an import key went into.
    pub fn imported(&self, key: &str) -> Option<Seq> {
        self.import_keys.get(key).copied()
    }

    /// What a text names: a record by its number, or an entity by its id or an unambiguous beginning of it.
    ///
    /// # Errors
    /// [`ResolveError`]
    pub fn resolve(&self, text: &str) -> Result<Subject, ResolveError> {
        self.resolve_among(text, |_| true)
    }

    /// As [`Register::resolve`], among the ids of one kind only.
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
        let nothing = || ResolveError::Nothing(super::value::excerpt(text));
        match text.parse().map_err(|_| nothing())? {
            Subject::Record(seq) if seq.0 < self.count() => Ok(Subject::Record(seq)),
            Subject::Record(_) => Err(nothing()),
            Subject::Entity(slug) => {
                if self.ids.get(&slug).is_some_and(|(kind, _)| wanted(*kind)) {
                    return Ok(Subject::Entity(slug));
                }
                let from = (Bound::Included(&slug), Bound::Unbounded);
                let candidates: Vec<&Slug> = self
                    .ids
                    .range::<Slug, _>(from)
                    .take_while(|(id, _)| id.as_str().starts_with(slug.as_str()))
                    .filter(|(_, (kind, _))| wanted(*kind))
                    .map(|(id, _)| id)
                    .collect();
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
        let mut seen = vec![actor.clone()];
        let mut next = 0;
        while let Some(party) = seen.get(next).cloned() {
            if party == *principal {
                return true;
            }
            for superior in self.superiors(&party) {
                if !seen.contains(&superior) {
                    seen.push(superior);
                }
            }
            next += 1;
        }
        false
    }

    /// The party's parent, and the parties that it succeeded.
    fn superiors(&self, party: &PartyId) -> Vec<PartyId> {
        let subject = Subject::Entity(party.0.clone());
        let parent = self
            .defining(&party.0)
            .and_then(|entry| match &entry.event.fact {
                Fact::PartyRegistered(fact) => fact.parent.clone(),
                _ => None,
            });
        let succeeded = self
            .trail(&subject)
            .filter_map(|entry| match &entry.event.fact {
                Fact::PartySucceeded(fact) if fact.successor.contains(party) => {
                    Some(fact.party.clone())
                }
                _ => None,
            });
        parent.into_iter().chain(succeeded).collect()
    }

    /// Takes in the next record. Total: what the rules would refuse is taken in as far as it makes sense,
    /// so that a tampered ledger can still be shown.
    pub fn apply(&mut self, entry: &Entry) {
        let seq = Seq(self.count());
        self.records.push(Some(Held::new(Entry {
            seq,
            ..entry.clone()
        })));
        self.index(seq);
        match &entry.event.fact {
            Fact::Corrected(fact) => {
                if let Some(held) = self.held_mut(fact.record) {
                    held.corrections.push(seq);
                    self.mend(fact.record);
                }
            }
            Fact::Retracted(fact) => self.withdraw(fact.record, |held| held.retracted = Some(seq)),
            Fact::Redacted(fact) => self.withdraw(fact.record, |held| held.redacted = Some(seq)),
            _ => {}
        }
    }

    /// Takes in a record whose payload is gone.
    pub fn apply_missing(&mut self) {
        self.records.push(None);
    }

    fn held_mut(&mut self, seq: Seq) -> Option<&mut Held> {
        let at = usize::try_from(seq.0).ok()?;
        self.records.get_mut(at)?.as_mut()
    }

    /// Takes a record out of what counts. Taking out a correction mends its target again.
    fn withdraw(&mut self, target: Seq, mark: impl FnOnce(&mut Held)) {
        self.unindex(target);
        let Some(held) = self.held_mut(target) else {
            return;
        };
        mark(held);
        if let Fact::Corrected(fact) = &held.entry.event.fact {
            let corrected = fact.record;
            self.mend(corrected);
        }
    }

    /// Reads a record anew from its original and the corrections that stand.
    fn mend(&mut self, target: Seq) {
        let Some(held) = self.held(target) else {
            return;
        };
        let original = held.recorded().clone();
        let event = self.corrected(held, None);
        self.unindex(target);
        if let Some(held) = self.held_mut(target) {
            held.original = (event != original).then(|| Box::new(original));
            held.entry.event = event;
        }
        self.index(target);
    }

    /// A record's original with the corrections that stand, but for one.
    fn corrected(&self, held: &Held, except: Option<Seq>) -> Event {
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
        let Fact::Corrected(fact) = &self.entry(correction)?.event.fact else {
            return None;
        };
        let held = self.held(fact.record).filter(|held| held.is_standing())?;
        Some((fact.record, self.corrected(held, Some(correction))))
    }

    fn index(&mut self, seq: Seq) {
        let Some(held) = self.held(seq) else {
            return;
        };
        let key = held.entry.event.envelope.import_key.clone();
        let standing = held.is_standing();
        let subjects = subjects(&held.entry.event);
        let defines = held.entry.event.defines();
        if let Some(key) = key {
            // A key stays taken when its record is retracted: importing the row again must not bring it back.
            self.import_keys.entry(key.to_string()).or_insert(seq);
        }
        if !standing {
            return;
        }
        for subject in subjects {
            let trail = self.trails.entry(subject).or_default();
            if let Err(at) = trail.binary_search(&seq) {
                trail.insert(at, seq);
            }
        }
        if let Some(reference) = defines
            && let (Some(kind), Subject::Entity(id)) =
                (EntityKind::of(&reference), reference.subject())
        {
            self.ids.entry(id).or_insert((kind, seq));
        }
    }

    fn unindex(&mut self, seq: Seq) {
        let Some(held) = self.held(seq) else {
            return;
        };
        let event = held.entry.event.clone();
        for subject in subjects(&event) {
            if let Some(trail) = self.trails.get_mut(&subject) {
                trail.retain(|found| *found != seq);
                if trail.is_empty() {
                    self.trails.remove(&subject);
                }
            }
        }
        if let Some(Subject::Entity(id)) = event.defines().map(|r| r.subject())
            && self.ids.get(&id).is_some_and(|(_, by)| *by == seq)
        {
            self.ids.remove(&id);
        }
    }
}

/// What an event is about: everything that it names, and what it defines.
fn subjects(event: &Event) -> Vec<Subject> {
    let mut subjects: Vec<Subject> = event
        .references()
        .iter()
        .map(|(_, reference)| reference.subject())
        .chain(event.defines().map(|reference| reference.subject()))
        .collect();
    subjects.sort_unstable();
    subjects.dedup();
    subjects
}
