//! Append: events into the chain, whole batches or nothing.

use std::collections::HashMap;

use super::replay::Replayed;
use super::{BATCH_LIMIT, Ledger, LedgerError, Refusal, snapshot};
use crate::chain::codec;
use crate::chain::record::{Body, Hash, Record, Sealed, bind};
use crate::domain::event::{Entry, Event};
use crate::domain::id::Seq;
use crate::domain::rules;
use crate::domain::when::Instant;
use crate::store::{AppendError, Store};

/// How often to try again where others append to the same ledger.
const ATTEMPTS: usize = 5;

/// What an event became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The record it went into.
    pub seq: Seq,
    /// That record's link; whoever holds it can tell whether the record or any before it was changed.
    pub link: Hash,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// Whether it was there already, under the same import key.
    pub known: bool,
}

impl<S: Store> Ledger<S> {
    /// Appends events, all or none, and gives a receipt for each. An event whose import key is known is not
    /// appended again; its receipt is that of the first.
    ///
    /// When this returns, the events are on the disk.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] with every refusal, [`LedgerError::Codec`], [`LedgerError::BatchTooLarge`],
    /// [`LedgerError::HeadMoved`]: nothing was appended. [`LedgerError::Uncertain`]: nobody knows.
    pub fn append(&mut self, events: Vec<Event>) -> Result<Vec<Receipt>, LedgerError> {
        if events.len() > BATCH_LIMIT {
            return Err(LedgerError::BatchTooLarge(events.len()));
        }
        for _ in 0..ATTEMPTS {
            match self.try_append(&events) {
                Err(LedgerError::HeadMoved(_)) => self.refresh()?,
                outcome => return outcome,
            }
        }
        Err(LedgerError::HeadMoved(self.head))
    }

    /// Appends if the head has not moved. On any failure the register is as the store has it.
    fn try_append(&mut self, events: &[Event]) -> Result<Vec<Receipt>, LedgerError> {
        let before = self.register.count();
        let outcome = self.admit(events).and_then(|plan| self.write(plan));
        if outcome.is_err() && self.register.count() != before {
            self.refresh()?;
        }
        outcome
    }

    /// Checks each event against the register as the ones before it leave it.
    fn admit(&mut self, events: &[Event]) -> Result<Plan, LedgerError> {
        let mut plan = Plan {
            places: Vec::with_capacity(events.len()),
            payloads: Vec::new(),
            recorded_at: self.surroundings.now().max(self.last_recorded),
        };
        let mut refusals = Vec::new();
        let mut failure = None;
        let mut keys: HashMap<&str, Seq> = HashMap::new();
        for (index, event) in events.iter().enumerate() {
            let key = event.envelope.import_key.as_ref().map(|key| key.as_str());
            let known = key.and_then(|key| {
                self.register
                    .imported(key)
                    .or_else(|| keys.get(key).copied())
            });
            if let Some(seq) = known {
                plan.places.push((seq, true));
                continue;
            }
            let event = rules::complete(&self.register, event.clone());
            if let Err(rejection) = rules::check(&self.register, &event) {
                refusals.push(Refusal { index, rejection });
                continue;
            }
            match codec::encode(&event) {
                Ok(payload) => plan.payloads.push(payload),
                Err(source) => {
                    failure.get_or_insert(LedgerError::Codec { index, source });
                    continue;
                }
            }
            let seq = Seq(self.register.count());
            keys.extend(key.map(|key| (key, seq)));
            plan.places.push((seq, false));
            self.register.apply(&Entry {
                seq,
                recorded_at: plan.recorded_at,
                event,
            });
        }
        match (refusals.is_empty(), failure) {
            (true, None) => Ok(plan),
            (true, Some(failure)) => Err(failure),
            (false, _) => Err(LedgerError::Refused(refusals)),
        }
    }

    /// Binds a plan to the chain and writes it.
    fn write(&mut self, plan: Plan) -> Result<Vec<Receipt>, LedgerError> {
        if plan.payloads.is_empty() {
            return self.receipts(&plan, &[]);
        }
        let mut bodies = Vec::with_capacity(plan.payloads.len());
        for payload in &plan.payloads {
            bodies.push(Body {
                salt: self.surroundings.salt().map_err(LedgerError::Entropy)?,
                payload: payload.clone(),
            });
        }
        let (records, head) = bind(self.head, plan.recorded_at.0, bodies);
        let sealed: Vec<Sealed> = records.iter().map(Record::seal).collect();
        match self.store.append(self.head, &sealed, head) {
            Ok(()) => {}
            Err(AppendError::HeadMoved(found)) => return Err(LedgerError::HeadMoved(found)),
            Err(AppendError::Failed(error)) => return Err(LedgerError::Store(error)),
            // The answer was lost: the head tells, if it can be read.
            Err(AppendError::Uncertain(lost)) => match self.store.head() {
                Ok(found) if found == head => {}
                Ok(found) if found == self.head => return Err(LedgerError::Store(lost)),
                Ok(found) => return Err(LedgerError::HeadMoved(found)),
                Err(_) => return Err(LedgerError::Uncertain(lost)),
            },
        }
        let before = self.head.count;
        self.head = head;
        self.last_recorded = plan.recorded_at;
        self.take_snapshot(before);
        self.receipts(&plan, &records)
    }

    /// A receipt for each event of a plan.
    fn receipts(&self, plan: &Plan, written: &[Record]) -> Result<Vec<Receipt>, LedgerError> {
        let first = self.head.count - written.len() as u64;
        let mut receipts = Vec::with_capacity(plan.places.len());
        for (seq, known) in &plan.places {
            let fresh = seq
                .0
                .checked_sub(first)
                .and_then(|at| written.get(usize::try_from(at).ok()?));
            receipts.push(match fresh {
                Some(record) => receipt_of(record, *known),
                None => self.receipt(*seq)?,
            });
        }
        Ok(receipts)
    }

    /// The receipt of a record that is in the ledger.
    ///
    /// # Errors
    /// [`LedgerError::Broken`] where the record cannot be read.
    pub fn receipt(&self, seq: Seq) -> Result<Receipt, LedgerError> {
        let broken = |what: &str| LedgerError::Broken {
            seq: seq.0,
            what: what.to_owned(),
        };
        let stored = self.store.read(seq.0, 1)?;
        let stored = stored.first().ok_or_else(|| broken("it is missing"))?;
        let record = Record::open(&stored.sealed).map_err(|error| broken(&error.to_string()))?;
        Ok(receipt_of(&record, true))
    }

    /// Keeps a snapshot if the append crossed a multiple of the interval. Losing one loses nothing.
    fn take_snapshot(&mut self, before: u64) {
        let every = self.snapshot_every;
        if before / every == self.head.count / every {
            return;
        }
        let replayed = Replayed {
            register: std::mem::take(&mut self.register),
            head: self.head,
            last_recorded: self.last_recorded,
        };
        if let Some(bytes) = snapshot::encode(&replayed) {
            // A snapshot that cannot be written is one that is not there: the records are.
            let _ = self.store.put_snapshot(self.head.count, &bytes);
        }
        self.register = replayed.register;
    }
}

fn receipt_of(record: &Record, known: bool) -> Receipt {
    Receipt {
        seq: Seq(record.header.seq),
        link: record.header.link(),
        recorded_at: Instant(record.header.recorded_at),
        known,
    }
}

/// Events that may be appended: where each goes, and the bytes of those that are new.
struct Plan {
    places: Vec<(Seq, bool)>,
    payloads: Vec<Vec<u8>>,
    recorded_at: Instant,
}
