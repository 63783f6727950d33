//! Admission: what an event must pass before it becomes a record.

use std::sync::Arc;

use super::error::{LedgerError, Refusal};
use super::submission::{Submission, time_of};
use servanda_core::chain::codec;
use servanda_core::chain::record::{Content, ContentRef, Record, SALT_LEN, Unbound};
use servanda_core::event::{Entry, Event, Fact};
use servanda_core::rules;
use servanda_core::signatures::{self, Required};
use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_log::{Reader, Stored};

/// Takes events into a state, one after the other.
pub(super) struct Validator<'a> {
    /// The state of all records and of what was admitted since.
    pub state: &'a mut State,
    /// How many records it may come to.
    pub limit: u64,
    /// The records.
    pub records: Arc<dyn Reader>,
    /// The machine's time.
    pub now: Instant,
    /// The recorded time of the last record, admitted or not.
    pub last_recorded: Instant,
    /// Who must sign for what was admitted.
    pub required: Required,
}

/// The bytes of an event that was admitted, and what its header will say.
pub(super) struct Payload {
    content: Content,
    erasable: bool,
    recorded_at: Instant,
    asserted: bool,
}

impl Payload {
    /// Its content.
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

impl Validator<'_> {
    /// Whether there are as many records as there can be.
    pub fn is_full(&self) -> bool {
        self.state.count() >= self.limit
    }

    /// The record that an event's import key went into: then it is not appended again.
    pub fn known(&self, event: &Event) -> Option<Seq> {
        let key = event.envelope.import_key.as_ref()?;
        self.state.imported(key.as_str())
    }

    /// Checks an event against the state and takes it in. `index` is what errors call it.
    ///
    /// # Errors
    /// [`LedgerError::Full`], [`LedgerError::Refused`], [`LedgerError::Signature`], [`LedgerError::Claim`],
    /// [`LedgerError::Codec`]: it was not taken in.
    pub fn admit(
        &mut self,
        index: usize,
        submission: Submission,
    ) -> Result<(Seq, Payload), LedgerError> {
        if self.is_full() {
            return Err(LedgerError::Full { limit: self.limit });
        }
        let claim = submission.recorded_at;
        let event = rules::complete(self.state, submission.event);
        rules::check(self.state, &event)
            .map_err(|rejection| LedgerError::Refused(vec![Refusal { index, rejection }]))?;
        self.required.add(self.state, &event)?;
        self.check_acknowledgement(&event)?;
        let is_backfill = self.state.asserted() == self.state.count();
        let recorded_at = time_of(is_backfill, claim, self.last_recorded, self.now)
            .map_err(|source| LedgerError::Claim { index, source })?;
        let payload = Payload {
            content: codec::encode(&event)
                .map_err(|source| LedgerError::Codec { index, source })?,
            erasable: rules::is_erasable(self.state, &event),
            recorded_at,
            asserted: claim.is_some(),
        };
        let seq = Seq(self.state.count());
        self.last_recorded = recorded_at;
        self.state.take(Entry {
            seq,
            recorded_at,
            event,
        });
        if claim.is_some() {
            self.state.note_asserted(seq.0 + 1);
        }
        Ok((seq, payload))
    }

    /// That every record which was asked for could be read: what was admitted else is not to be relied on.
    ///
    /// # Errors
    /// [`LedgerError::Broken`]
    pub fn check_readable(&self) -> Result<(), LedgerError> {
        match self.state.unreadable() {
            None => Ok(()),
            Some(unreadable) => Err(LedgerError::Broken {
                seq: unreadable.seq.0,
                what: unreadable.why.clone(),
            }),
        }
    }

    /// Checks the signature that an event carries over another record.
    fn check_acknowledgement(&self, event: &Event) -> Result<(), LedgerError> {
        let Some(fact) = signatures::acknowledged(event) else {
            return Ok(());
        };
        let stored = self.records.read(fact.record.0, 1)?;
        let link = opened(fact.record, stored.first())?.header.link();
        let opening = self.state.held(Seq(0)).map(|held| &held.recorded().fact);
        let origin = match opening {
            Some(Fact::LedgerOpened(fact)) => fact.origin.as_str(),
            _ => "",
        };
        Ok(signatures::check_acknowledgement(
            self.state, fact, origin, link,
        )?)
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
