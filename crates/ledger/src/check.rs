//! What an event must pass before it becomes a record.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::{LedgerError, Refusal};
use super::submission::{Submission, time_of};
use servanda_core::chain::codec;
use servanda_core::chain::record::{Content, ContentRef, Record, SALT_LEN, Unbound};
use servanda_core::event::{Entry, Event};
use servanda_core::rules::{self, Known as _, Rejection, Rule};
use servanda_core::signatures::{self, Required};
use servanda_core::state::State;
use servanda_core::value::base::Text;
use servanda_core::value::id::{Reference, Seq, Slug};
use servanda_core::value::when::Instant;
use servanda_core::verify::origin_of;
use servanda_log::{Reader, Stored};

/// Most refusals that a stream lists, and most of its events that differ from what was recorded under their import
/// key. The others are counted.
pub const LISTED: usize = 100;

/// Checks events one after the other, each against the state that the ones before it leave.
pub(super) struct Checker<'a> {
    /// The state of all records and of the events that were admitted since.
    pub state: &'a mut State,
    /// Most records of the ledger.
    limit: u64,
    /// The records.
    records: Arc<dyn Reader>,
    /// The machine's time.
    now: Instant,
    /// The recorded time of the last record, admitted or not.
    pub last_recorded: Instant,
    /// What was admitted and is not bound yet.
    pub admitted: Admitted,
    /// Whether new ids may differ from others in upper and lower case only.
    case_matters: bool,
    /// Where the events went.
    pub placed: Placed,
    /// What the rules refused.
    pub refusals: Refusals,
    /// What else was wrong first.
    failure: Option<LedgerError>,
}

/// Events that were admitted, and who must sign for them.
#[derive(Default)]
pub(super) struct Admitted {
    pub payloads: Vec<Payload>,
    pub required: Required,
}

/// What became of an event.
pub(super) enum Checked {
    /// Its import key is known.
    Known,
    /// It is the last of those that were admitted.
    New,
    /// It was refused, and its place is left empty.
    Wrong,
}

/// The events that the rules refused.
#[derive(Default)]
pub(super) struct Refusals {
    listed: Vec<Refusal>,
    count: usize,
    dependents: usize,
    /// The ids that refused events would have given, and how many refusals there were before the one at the root of it.
    missing: HashMap<Slug, usize>,
    /// Most that are listed.
    room: usize,
    /// The import keys of the refused events, and the places that are left empty for them.
    pub keys: HashMap<String, Seq>,
}

/// Why an event is not admitted.
enum Wrong {
    /// The rules refuse it.
    Refused(Rejection),
    /// Nothing can be appended.
    Failed(LedgerError),
}

impl From<LedgerError> for Wrong {
    fn from(error: LedgerError) -> Self {
        Self::Failed(error)
    }
}

/// The bytes of an event that was admitted, and what its header will say.
pub(super) struct Payload {
    content: Content,
    erasable: bool,
    recorded_at: Instant,
    asserted: bool,
}

impl Payload {
    pub fn content(&self) -> ContentRef<'_> {
        self.content.as_ref()
    }

    /// The time that the record will have.
    pub fn recorded_at(&self) -> Instant {
        self.recorded_at
    }

    /// What is to be bound to the chain.
    pub fn salted(self, salt: [u8; SALT_LEN]) -> Unbound {
        Unbound {
            content: self.content,
            salt,
            erasable: self.erasable,
            recorded_at: self.recorded_at.0,
            asserted: self.asserted,
        }
    }
}

impl<'a> Checker<'a> {
    /// Checks events behind the records of a log, the last of which was recorded then. At most `room` refusals are
    /// listed.
    pub fn new(
        state: &'a mut State,
        limit: u64,
        records: Arc<dyn Reader>,
        now: Instant,
        last_recorded: Instant,
        room: usize,
    ) -> Self {
        Self {
            state,
            limit,
            records,
            now,
            last_recorded,
            admitted: Admitted::default(),
            case_matters: false,
            placed: Placed::default(),
            refusals: Refusals {
                room,
                ..Refusals::default()
            },
            failure: None,
        }
    }

    /// Whether new ids may differ from others in upper and lower case only.
    pub fn case_matters(self, case_matters: bool) -> Self {
        Self {
            case_matters,
            ..self
        }
    }

    /// Checks an event. `index` is what errors call it. What is wrong with it is kept for [`Checker::finish`]; the
    /// events after it are checked as if there were a record in its place, so that all that is wrong is found.
    ///
    /// `if_irregular` is the reason with which the event is recorded where it breaks a rule that can be waived.
    pub fn check(
        &mut self,
        index: usize,
        submission: Submission,
        if_irregular: Option<&Text>,
    ) -> Checked {
        self.state.tidy();
        if let Some(seq) = self.known(&submission.event) {
            let held = self.state.held(seq).map(|held| held.recorded());
            let became = match held {
                Some(recorded) if recorded.says_the_same(&submission.event) => Became::Known,
                _ => Became::Differing,
            };
            if became == Became::Differing {
                self.placed.differ(index);
            }
            self.placed.note(seq, became);
            return Checked::Known;
        }
        let mut event = rules::complete(self.state, submission.event);
        let is_new = !submission.recorded_elsewhere;
        let admitted = self
            .comply(&mut event, is_new, if_irregular)
            .map_err(Wrong::Refused)
            .and_then(|()| self.payload(index, &event, submission.recorded_at));
        match admitted {
            Ok(payload) => {
                self.admit(event, payload);
                Checked::New
            }
            Err(wrong) => {
                self.leave_out(index, &event, wrong);
                Checked::Wrong
            }
        }
    }

    /// Whether the rest cannot be checked, because the ledger has no numbers left for it.
    pub fn is_exhausted(&self) -> bool {
        self.failure.is_some() && self.is_full()
    }

    /// What was wrong with the events, if anything was.
    ///
    /// # Errors
    /// [`LedgerError::Broken`] and [`LedgerError::Log`] where a record that was asked for could not be read; [`LedgerError::Refused`]; the
    /// first other failure.
    pub fn finish(&mut self) -> Result<(), LedgerError> {
        if let Some(unreadable) = self.state.unreadable() {
            return Err(unreadable.into());
        }
        if self.refusals.count > 0 {
            return Err(LedgerError::Refused {
                listed: std::mem::take(&mut self.refusals.listed),
                count: self.refusals.count,
                dependents: self.refusals.dependents,
            });
        }
        self.failure.take().map_or(Ok(()), Err)
    }

    fn is_full(&self) -> bool {
        self.state.count() >= self.limit
    }

    /// The record that an event's import key went into: then it is not appended again.
    fn known(&self, event: &Event) -> Option<Seq> {
        let key = event.envelope.import_key.as_ref()?;
        self.state.imported(key.as_str())
    }

    /// Checks an event by the rules, and marks it as irregular with the reason given if it breaks a rule that can be
    /// waived.
    fn comply(
        &mut self,
        event: &mut Event,
        is_new: bool,
        if_irregular: Option<&Text>,
    ) -> Result<(), Rejection> {
        let Err(rejection) = self.complies(event, is_new) else {
            return Ok(());
        };
        let reason = if_irregular.filter(|_| rejection.rule.is_waivable());
        let Some(reason) = reason else {
            return Err(rejection);
        };
        event.envelope.irregular = Some(reason.clone());
        self.complies(event, is_new)?;
        self.placed.irregular += 1;
        Ok(())
    }

    fn complies(&self, event: &Event, is_new: bool) -> Result<(), Rejection> {
        if !is_new {
            return rules::check(self.state, event);
        }
        rules::admit(self.state, event)?;
        match self.case_matters {
            true => Ok(()),
            false => rules::check_spelling(self.state, event),
        }
    }

    /// The payload of an event that the rules accept.
    fn payload(
        &mut self,
        index: usize,
        event: &Event,
        asserted: Option<Instant>,
    ) -> Result<Payload, Wrong> {
        if self.is_full() {
            return Err(LedgerError::Full { limit: self.limit }.into());
        }
        let content =
            codec::encode(event).map_err(|error| Wrong::Refused(Rejection::too_large(error)))?;
        self.admitted
            .required
            .add(self.state, event)
            .map_err(LedgerError::from)?;
        self.check_acknowledgement(event)?;
        let is_backfill = self.state.asserted() == self.state.count();
        let recorded_at = time_of(is_backfill, asserted, self.last_recorded, self.now)
            .map_err(|source| LedgerError::AssertedTime { index, source })?;
        Ok(Payload {
            content,
            erasable: rules::is_erasable(self.state, event),
            recorded_at,
            asserted: asserted.is_some(),
        })
    }

    /// Takes an event in.
    fn admit(&mut self, event: Event, payload: Payload) {
        let seq = Seq(self.state.count());
        let recorded_at = payload.recorded_at;
        self.last_recorded = recorded_at;
        self.state.take(Entry {
            seq,
            recorded_at,
            event,
        });
        if payload.asserted {
            self.state.note_asserted(seq.0 + 1);
        }
        self.placed.note(seq, Became::New);
        self.admitted.payloads.push(payload);
    }

    /// Notes what is wrong with an event, and leaves its place empty.
    fn leave_out(&mut self, index: usize, event: &Event, wrong: Wrong) {
        let cause = match wrong {
            Wrong::Refused(rejection) => self.refuse(index, event, rejection),
            Wrong::Failed(error) => {
                self.failure.get_or_insert(error);
                usize::MAX
            }
        };
        let place = Seq(self.state.count());
        let key = event.envelope.import_key.as_ref().map(Text::to_string);
        self.refusals.keys.extend(key.map(|key| (key, place)));
        if let Some(id) = event.defines().and_then(Reference::slug)
            && self.state.entity(id).is_none()
        {
            self.refusals.missing.entry(id.clone()).or_insert(cause);
        }
        self.state.apply_missing();
    }

    /// Lists a refusal; counts it where the event only names what an earlier refused one would have made. Gives how many
    /// refusals there were before the one at the root.
    fn refuse(&mut self, index: usize, event: &Event, rejection: Rejection) -> usize {
        let mut roots = Vec::new();
        if rejection.rule == Rule::Known {
            event.each_reference(|_, reference| {
                let unknown = reference
                    .slug()
                    .filter(|id| self.state.entity(id).is_none());
                roots.extend(unknown.map(|id| self.refusals.missing.get(id).copied()));
            });
        }
        let root = match roots.first() {
            Some(Some(root)) if roots.iter().all(Option::is_some) => *root,
            _ => return self.refusals.add(index, rejection),
        };
        self.refusals.dependents += 1;
        if let Some(refusal) = self.refusals.listed.get_mut(root) {
            refusal.dependents += 1;
        }
        root
    }

    /// Checks the signature that an event carries over another record.
    fn check_acknowledgement(&self, event: &Event) -> Result<(), LedgerError> {
        let Some(fact) = signatures::acknowledged(event) else {
            return Ok(());
        };
        let stored = self.records.read(fact.record.0, 1)?;
        let link = opened(fact.record, stored.first())?.header.link();
        let origin = origin_of(self.state).unwrap_or_default();
        Ok(signatures::check_acknowledgement(
            self.state, fact, &origin, link,
        )?)
    }
}

impl Refusals {
    /// Lists a refusal where there is room, and gives how many there were before it.
    fn add(&mut self, index: usize, rejection: Rejection) -> usize {
        self.count += 1;
        if self.listed.len() < self.room {
            self.listed.push(Refusal {
                index,
                rejection,
                dependents: 0,
            });
        }
        self.count - 1
    }
}

/// Where the events of an append went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placed {
    pub(super) runs: Vec<Run>,
    /// Number of events that are new.
    pub appended: usize,
    /// Number of events whose import keys were known.
    pub known: usize,
    /// Number of new events that were marked as irregular with the reason given for that case.
    pub irregular: usize,
    /// The places in the source of the first events that say something else than was recorded under their import
    /// key, at most [`LISTED`].
    pub differing: Vec<usize>,
    /// Number of such events.
    pub differ: usize,
}

/// What became of an event that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It is a new record.
    New,
    /// The record with its import key says the same.
    Known,
    /// The record with its import key says something else.
    Differing,
}

/// Events that follow each other, in records that do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    first: u64,
    length: u64,
    became: Became,
}

impl Placed {
    /// Number of events.
    pub fn given(&self) -> usize {
        self.appended + self.known
    }

    /// The record of each event, in order, and what became of the event.
    pub fn records(&self) -> impl Iterator<Item = (Seq, Became)> {
        self.runs.iter().flat_map(|run| {
            let records = run.first..run.first + run.length;
            records.map(|seq| (Seq(seq), run.became))
        })
    }

    fn differ(&mut self, place: usize) {
        self.differ += 1;
        if self.differing.len() < LISTED {
            self.differing.push(place);
        }
    }

    fn note(&mut self, seq: Seq, became: Became) {
        match became {
            Became::New => self.appended += 1,
            Became::Known | Became::Differing => self.known += 1,
        }
        match self.runs.last_mut() {
            Some(run) if run.became == became && run.first + run.length == seq.0 => run.length += 1,
            _ => self.runs.push(Run {
                first: seq.0,
                length: 1,
                became,
            }),
        }
    }
}

/// A record as the log gave it.
///
/// # Errors
/// [`LedgerError::Broken`] where it is missing or no record.
pub(super) fn opened(seq: Seq, stored: Option<&Stored>) -> Result<Record, LedgerError> {
    let broken = |what: &str| LedgerError::Broken {
        seq: seq.0,
        what: what.to_owned(),
    };
    let stored = stored.filter(|stored| stored.seq == seq.0);
    let stored = stored.ok_or_else(|| broken("it is missing"))?;
    Record::open(&stored.sealed).map_err(|error| broken(&error.to_string()))
}
