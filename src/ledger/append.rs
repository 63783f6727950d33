//! Append: events into the chain, whole batches or nothing.

use super::backfill::Submission;
use super::replay::Replayed;
use super::signatures::{self, Required};
use super::{BATCH_LIMIT, Ledger, LedgerError, Refusal, snapshot};
use crate::chain::codec;
use crate::chain::record::{Body, Hash, Head, Record, Sealed, Unbound, bind_each};
use crate::chain::tree::leaf_hash;
use crate::domain::event::{Entry, Event};
use crate::domain::id::Seq;
use crate::domain::register::Unreadable;
use crate::domain::rules;
use crate::domain::when::Instant;
use crate::store::{AppendError, Store, StoreError};

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
    /// Whether that time is claimed, in a backfill, and not the machine's.
    pub claimed: bool,
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
        self.append_claimed(events.into_iter().map(Submission::from).collect())
    }

    /// As [`Ledger::append`], with recorded times that are claimed. Only a ledger whose records all have a claimed
    /// time takes one: see [`Ledger::create_backfill`]. The first event without one ends that for good.
    ///
    /// # Errors
    /// As [`Ledger::append`], and [`LedgerError::Claim`].
    pub fn append_claimed(&mut self, events: Vec<Submission>) -> Result<Vec<Receipt>, LedgerError> {
        if events.len() > BATCH_LIMIT {
            return Err(LedgerError::BatchTooLarge(events.len()));
        }
        let outcome = self.append_where_the_head_is(&events);
        if self.stale {
            // The outcome is what the caller must hear. Should this fail, the next append begins with it.
            let _ = self.refresh();
        }
        outcome
    }

    /// Tries until the head is still where it was when the events were checked.
    fn append_where_the_head_is(
        &mut self,
        events: &[Submission],
    ) -> Result<Vec<Receipt>, LedgerError> {
        let mut moved = self.head;
        for _ in 0..ATTEMPTS {
            if self.stale {
                self.refresh()?;
            }
            let before = self.register.count();
            let outcome = self.admit(events).and_then(|plan| self.write(plan));
            match outcome {
                Err(LedgerError::HeadMoved(head)) => moved = head,
                Err(error @ (LedgerError::Uncertain(_) | LedgerError::Tree(_))) => {
                    self.stale = true;
                    return Err(error);
                }
                Err(error) => {
                    // Nothing was written: the register is as before.
                    self.stale = self.register.rewind(before).is_err();
                    return Err(error);
                }
                done => return done,
            }
            self.stale = true;
        }
        Err(LedgerError::HeadMoved(moved))
    }

    /// Checks each event against the register as the ones before it leave it.
    fn admit(&mut self, events: &[Submission]) -> Result<Plan, LedgerError> {
        let mut plan = Plan {
            places: Vec::with_capacity(events.len()),
            payloads: Vec::new(),
            required: Required::default(),
            last_recorded: self.last_recorded,
        };
        let now = self.surroundings.now();
        let mut refusals = Vec::new();
        let mut failure = None;
        for (
            index,
            Submission {
                event,
                recorded_at: claim,
            },
        ) in events.iter().enumerate()
        {
            let key = event.envelope.import_key.as_ref().map(|key| key.as_str());
            let known = key.and_then(|key| self.register.imported(key));
            if let Some(seq) = known {
                plan.places.push((seq, true));
                continue;
            }
            let event = rules::complete(&self.register, event.clone());
            if let Err(rejection) = rules::check(&self.register, &event) {
                refusals.push(Refusal { index, rejection });
                continue;
            }
            if let Err(error) = self.admit_signatures(&mut plan.required, &event) {
                failure.get_or_insert(error);
                continue;
            }
            let recorded_at = match self.time_of(*claim, plan.last_recorded, now) {
                Ok(time) => time,
                Err(source) => {
                    failure.get_or_insert(LedgerError::Claim { index, source });
                    continue;
                }
            };
            match codec::encode(&event) {
                Ok(payload) => plan.payloads.push(Payload {
                    bytes: payload,
                    redactable: rules::is_redactable(&self.register, &event),
                    recorded_at,
                    claimed: claim.is_some(),
                }),
                Err(source) => {
                    failure.get_or_insert(LedgerError::Codec { index, source });
                    continue;
                }
            }
            let seq = Seq(self.register.count());
            plan.places.push((seq, false));
            plan.last_recorded = recorded_at;
            self.register.take(Entry {
                seq,
                recorded_at,
                event,
            });
            if claim.is_some() {
                self.register.note_claimed(seq.0 + 1);
            }
        }
        if let Some(Unreadable { seq, why }) = self.register.unreadable().cloned() {
            return Err(LedgerError::Broken {
                seq: seq.0,
                what: why,
            });
        }
        match (refusals.is_empty(), failure) {
            (true, None) => Ok(plan),
            (true, Some(failure)) => Err(failure),
            (false, _) => Err(LedgerError::Refused(refusals)),
        }
    }

    /// Notes who must sign for an event, and checks the signature that it carries.
    fn admit_signatures(&self, required: &mut Required, event: &Event) -> Result<(), LedgerError> {
        required.add(&self.register, event)?;
        if let Some(fact) = signatures::acknowledged(event) {
            let origin = self.origin().map_or("", |fact| fact.origin.as_str());
            let link = self.receipt(fact.record)?.link;
            signatures::check_acknowledgement(&self.register, fact, origin, link)?;
        }
        Ok(())
    }

    /// Binds a plan to the chain and writes it.
    fn write(&mut self, plan: Plan) -> Result<Vec<Receipt>, LedgerError> {
        let before = self.head.count;
        // Read first: once the batch is there, nothing may fail any more.
        let earlier: Vec<Option<Receipt>> = plan
            .places
            .iter()
            .map(|(seq, known)| {
                let receipt = (seq.0 < before).then(|| self.receipt(*seq)).transpose()?;
                Ok(receipt.map(|receipt| Receipt {
                    known: *known,
                    ..receipt
                }))
            })
            .collect::<Result<_, LedgerError>>()?;
        let mut bodies = Vec::with_capacity(plan.payloads.len());
        for payload in plan.payloads {
            let salt = self.surroundings.salt().map_err(LedgerError::Entropy)?;
            bodies.push(Unbound {
                body: Body {
                    salt,
                    payload: payload.bytes,
                },
                redactable: payload.redactable,
                recorded_at: payload.recorded_at.0,
                claimed: payload.claimed,
            });
        }
        let (mut records, head) = bind_each(self.head, bodies);
        if let Some(last) = records.last_mut()
            && !plan.required.is_empty()
        {
            let origin = self.origin().map_or("", |fact| fact.origin.as_str());
            last.signatures = plan.required.sign(&self.signers, origin, head)?;
        }
        if !records.is_empty() {
            let sealed: Vec<Sealed> = records.iter().map(Record::seal).collect();
            match self.store.append(self.head, &sealed, head) {
                Ok(()) => {}
                Err(AppendError::HeadMoved(found)) => return Err(LedgerError::HeadMoved(found)),
                Err(AppendError::Failed(error)) => return Err(LedgerError::Store(error)),
                Err(AppendError::Uncertain(lost)) => self.settle(lost, head)?,
            }
            self.head = head;
            self.last_recorded = plan.last_recorded;
            self.let_go();
            for record in &records {
                self.tree
                    .push(leaf_hash(&record.header.to_bytes()))
                    .map_err(super::anchor::too_large)?;
            }
            self.take_snapshot(before);
        }
        let receipts = plan.places.iter().zip(earlier);
        Ok(receipts
            .map(|((seq, known), earlier)| {
                earlier.unwrap_or_else(|| receipt_of(&records[(seq.0 - before) as usize], *known))
            })
            .collect())
    }

    /// Finds out whether a batch is there whose answer was lost; `head` is the head after it. Others may have
    /// appended since, so it is the batch's last record that tells.
    fn settle(&self, lost: StoreError, head: Head) -> Result<(), LedgerError> {
        let Ok(found) = self.store.head() else {
            return Err(LedgerError::Uncertain(lost));
        };
        if found == head {
            return Ok(());
        }
        if found == self.head {
            return Err(LedgerError::Store(lost));
        }
        if found.count <= head.count {
            return Err(LedgerError::HeadMoved(found));
        }
        let Ok(last) = self.store.read(head.count - 1, 1) else {
            return Err(LedgerError::Uncertain(lost));
        };
        let last = last.first().map(|stored| Record::open(&stored.sealed));
        match last {
            Some(Ok(record)) if record.header.link() == head.link => Ok(()),
            _ => Err(LedgerError::HeadMoved(found)),
        }
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
        Ok(receipt_of(&record, false))
    }

    /// The register need not hold what the store does. A rehearsal's store holds nothing of what was appended.
    fn let_go(&mut self) {
        if let Ok(held) = self.store.head() {
            self.register.archived(held.count.min(self.head.count));
        }
    }

    /// Keeps a snapshot if the append crossed a multiple of the interval, unless the newest one is nearly as long:
    /// all the snapshots of a growing ledger together then take no more than a few times the work of the last.
    fn take_snapshot(&mut self, before: u64) {
        let every = self.snapshot_every;
        let count = self.head.count;
        if before / every == count / every {
            return;
        }
        // One that cannot be listed is one that is not there.
        let newest = self.store.snapshots().unwrap_or_default().pop();
        if newest.is_none_or(|newest| count - count.min(newest) >= newest / 8) {
            self.keep_snapshot();
        }
    }

    /// Keeps a snapshot of all records.
    pub(super) fn keep_snapshot(&mut self) {
        let replayed = Replayed {
            register: std::mem::take(&mut self.register),
            head: self.head,
            last_recorded: self.last_recorded,
            tree: std::mem::take(&mut self.tree),
        };
        if let Some(bytes) = snapshot::encode(&replayed) {
            // A snapshot that cannot be written is one that is not there: the records are. Losing one loses nothing.
            if self.store.put_snapshot(self.head.count, &bytes).is_ok() {
                for count in snapshot::surplus(&self.store.snapshots().unwrap_or_default()) {
                    let _ = self.store.drop_snapshot(count);
                }
            }
        }
        self.register = replayed.register;
        self.tree = replayed.tree;
    }
}

fn receipt_of(record: &Record, known: bool) -> Receipt {
    Receipt {
        seq: Seq(record.header.seq),
        link: record.header.link(),
        recorded_at: Instant(record.header.recorded_at),
        claimed: record.header.claimed,
        known,
    }
}

/// Events that may be appended: where each goes, and the bytes of those that are new.
struct Plan {
    places: Vec<(Seq, bool)>,
    payloads: Vec<Payload>,
    required: Required,
    /// The recorded time of the last of them.
    last_recorded: Instant,
}

/// The bytes of an event that is new, and what its header will say.
struct Payload {
    bytes: Vec<u8>,
    redactable: bool,
    recorded_at: Instant,
    claimed: bool,
}

#[cfg(test)]
mod tests;
