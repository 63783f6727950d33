//! Append: events into the chain, whole batches or nothing.

use super::admit::{Payload, Validator, opened};
use super::environment::Environment;
use super::error::LedgerError;
use super::ledger::Ledger;
use super::snapshot;
use super::submission::BATCH_LIMIT;
use super::submission::Submission;
use servanda_core::chain::record::{Hash, Head, Record, SALT_LEN, Sealed, bind};
use servanda_core::chain::tree::leaf_hash;
use servanda_core::event::Event;
use servanda_core::signatures::Required;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_log::{AppendError, Log, LogError, OneBatch};

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
    pub asserted: bool,
    /// Whether it was there already, under the same import key.
    pub known: bool,
}

/// What became of the events of one request.
pub type Outcome = Result<Vec<Receipt>, LedgerError>;

impl<S: Log> Ledger<S> {
    /// Appends events, all or none, and gives a receipt for each. An event whose import key is known is not
    /// appended again; its receipt is that of the first.
    ///
    /// When this returns, the events are on the disk.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] with every refusal, [`LedgerError::Codec`], [`LedgerError::BatchTooLarge`],
    /// [`LedgerError::Full`], [`LedgerError::HeadMoved`]: nothing was appended. [`LedgerError::Uncertain`]: nobody knows.
    pub fn append(&mut self, events: Vec<Event>) -> Result<Vec<Receipt>, LedgerError> {
        self.append_asserted(events.into_iter().map(Submission::from).collect())
    }

    /// As [`Ledger::append`], with recorded times that are claimed. Only a ledger whose records all have a claimed
    /// time takes one: see [`Ledger::create_backfill`]. The first event without one ends that for good.
    ///
    /// # Errors
    /// As [`Ledger::append`], and [`LedgerError::Claim`].
    pub fn append_asserted(
        &mut self,
        events: Vec<Submission>,
    ) -> Result<Vec<Receipt>, LedgerError> {
        let mut outcomes = self.append_group(&[events])?;
        outcomes.pop().expect("each request has an outcome")
    }

    /// Appends several requests in one go: each is a batch of its own, appended whole or refused whatever becomes of
    /// the others, and one write of the log puts them all on the disk. Gives the outcome of each.
    ///
    /// # Errors
    /// What befell the write: nothing of any request was appended, unless it is [`LedgerError::Uncertain`].
    pub fn append_group(
        &mut self,
        requests: &[Vec<Submission>],
    ) -> Result<Vec<Outcome>, LedgerError> {
        let outcomes = self.append_where_the_head_is(requests);
        if self.stale {
            // The outcome is what the caller must hear. Should this fail, the next append begins with it.
            let _ = self.refresh();
        }
        outcomes
    }

    /// Tries until the head is still where it was when the events were checked.
    fn append_where_the_head_is(
        &mut self,
        requests: &[Vec<Submission>],
    ) -> Result<Vec<Outcome>, LedgerError> {
        let mut moved = self.head;
        for _ in 0..ATTEMPTS {
            if self.stale {
                self.refresh()?;
            }
            let before = self.state.count();
            let written = self.gather(requests).and_then(|group| self.write(group));
            match written {
                Err(LedgerError::HeadMoved(head)) => moved = head,
                Err(error @ (LedgerError::Uncertain(_) | LedgerError::Tree(_))) => {
                    self.stale = true;
                    return Err(error);
                }
                Err(error) => {
                    // Nothing was written: the state is as before.
                    self.rewind(before);
                    return Err(error);
                }
                done => return done,
            }
            self.stale = true;
        }
        Err(LedgerError::HeadMoved(moved))
    }

    /// Takes the state back to so many records. Where it cannot be, it is built anew before it is used again.
    fn rewind(&mut self, count: u64) {
        self.stale |= self.state.rewind(count).is_err();
    }

    /// Checks each request against the state as those before it leave it, and binds it to the chain.
    fn gather(&mut self, requests: &[Vec<Submission>]) -> Result<Group, LedgerError> {
        let mut group = Group {
            records: Vec::new(),
            head: self.head,
            last_recorded: self.last_recorded,
            outcomes: Vec::with_capacity(requests.len()),
        };
        for events in requests {
            let before = self.state.count();
            let plan = self.admit(events, group.last_recorded);
            let outcome = plan.and_then(|plan| self.bind(plan, &mut group));
            if outcome.is_err() {
                self.rewind(before);
                if self.stale {
                    return outcome.map(|_| group);
                }
            }
            group.outcomes.push(outcome);
        }
        Ok(group)
    }

    /// Checks each event against the state as the ones before it leave it.
    fn admit(
        &mut self,
        events: &[Submission],
        last_recorded: Instant,
    ) -> Result<Plan, LedgerError> {
        if events.len() > BATCH_LIMIT {
            return Err(LedgerError::BatchTooLarge(events.len()));
        }
        let mut plan = Plan {
            places: Vec::with_capacity(events.len()),
            payloads: Vec::new(),
            required: Required::default(),
            last_recorded,
        };
        let now = self.environment.now();
        let mut admission = Validator {
            state: &mut self.state,
            limit: self.record_limit,
            records: self.log.reader(),
            now,
            last_recorded,
            required: Required::default(),
        };
        let mut refusals = Vec::new();
        let mut failure = None;
        for (index, submission) in events.iter().enumerate() {
            if let Some(seq) = admission.known(&submission.event) {
                plan.places.push((seq, true));
                continue;
            }
            match admission.admit(index, submission.clone()) {
                Ok((seq, payload)) => {
                    plan.places.push((seq, false));
                    plan.payloads.push(payload);
                }
                Err(LedgerError::Refused(refused)) => refusals.extend(refused),
                Err(error) => _ = failure.get_or_insert(error),
            }
        }
        admission.check_readable()?;
        plan.required = admission.required;
        plan.last_recorded = admission.last_recorded;
        match (refusals.is_empty(), failure) {
            (true, None) => Ok(plan),
            (true, Some(failure)) => Err(failure),
            (false, _) => Err(LedgerError::Refused(refusals)),
        }
    }

    /// Binds a plan to the chain, behind what the group has. Gives the receipts that hold once it is written.
    fn bind(&mut self, plan: Plan, group: &mut Group) -> Outcome {
        let before = self.head.count;
        let first = group.head.count;
        // Read first: once the batch is there, nothing may fail any more.
        let earlier: Vec<Option<Receipt>> = plan
            .places
            .iter()
            .map(|(seq, known)| {
                if seq.0 >= first {
                    return Ok(None);
                }
                let receipt = match seq.0.checked_sub(before) {
                    Some(at) => receipt_of(&group.records[at as usize], *known),
                    None => Receipt {
                        known: *known,
                        ..self.receipt(*seq)?
                    },
                };
                Ok(Some(receipt))
            })
            .collect::<Result<_, LedgerError>>()?;
        let salts = salts(&mut *self.environment, plan.payloads.len())?;
        let bodies = plan.payloads.into_iter().zip(salts);
        let bodies = bodies.map(|(payload, salt)| payload.salted(salt)).collect();
        let (mut records, head) = bind(group.head, bodies);
        if let Some(last) = records.last_mut()
            && !plan.required.is_empty()
        {
            let origin = self.origin().map_or("", |fact| fact.origin.as_str());
            last.signatures = plan.required.sign(&self.signers, origin, head)?;
        }
        let receipts = plan.places.iter().zip(earlier);
        let receipts = receipts
            .map(|((seq, known), earlier)| {
                earlier.unwrap_or_else(|| receipt_of(&records[(seq.0 - first) as usize], *known))
            })
            .collect();
        group.records.append(&mut records);
        group.head = head;
        group.last_recorded = plan.last_recorded;
        Ok(receipts)
    }

    /// Writes a group.
    fn write(&mut self, group: Group) -> Result<Vec<Outcome>, LedgerError> {
        let (before, head) = (self.head.count, group.head);
        if !group.records.is_empty() {
            let sealed: Vec<Sealed> = group.records.iter().map(Record::seal).collect();
            let mut batch = OneBatch::new(sealed, head);
            match self.log.append(self.head, &mut batch) {
                Ok(_) => {}
                Err(AppendError::HeadMoved(found)) => return Err(LedgerError::HeadMoved(found)),
                Err(AppendError::Failed(error)) => return Err(LedgerError::Log(error)),
                Err(AppendError::Uncertain(lost)) => self.settle(lost, head)?,
            }
            self.head = head;
            self.last_recorded = group.last_recorded;
            self.evict();
            for record in &group.records {
                self.tree
                    .push(leaf_hash(&record.header.to_bytes()))
                    .map_err(super::error::too_large)?;
                self.definitions.push_record(record);
            }
            self.take_snapshot(before);
        }
        Ok(group.outcomes)
    }

    /// Finds out whether a batch is there whose answer was lost; `head` is the head after it. Others may have
    /// appended since, so it is the batch's last record that tells.
    pub(super) fn settle(&self, lost: LogError, head: Head) -> Result<(), LedgerError> {
        let Ok(found) = self.log.head() else {
            return Err(LedgerError::Uncertain(lost));
        };
        if found == head {
            return Ok(());
        }
        if found == self.head {
            return Err(LedgerError::Log(lost));
        }
        if found.count <= head.count {
            return Err(LedgerError::HeadMoved(found));
        }
        let Ok(last) = self.log.read(head.count - 1, 1) else {
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
        let stored = self.log.read(seq.0, 1)?;
        let record = opened(seq, stored.first())?;
        Ok(receipt_of(&record, false))
    }

    /// Drops from the state the records that the log holds.
    pub(super) fn evict(&mut self) {
        if let Ok(held) = self.log.head() {
            self.state.archived(held.count.min(self.head.count));
        }
    }

    /// Keeps a snapshot if the append crossed a multiple of the interval, unless the newest one is nearly as long:
    /// all the snapshots of a growing ledger together then take no more than a few times the work of the last.
    pub(super) fn take_snapshot(&mut self, before: u64) {
        let every = self.snapshot_every;
        if before / every != self.head.count / every && self.is_far_from_snapshot() {
            self.keep_snapshot();
        }
    }

    /// Whether there are many records more than in the newest snapshot that is of any use.
    pub(super) fn is_far_from_snapshot(&self) -> bool {
        self.head.count.saturating_sub(self.snapshot) >= self.snapshot / 8
    }

    /// Keeps a snapshot of all records, if the log has a cache of snapshots.
    pub(super) fn keep_snapshot(&mut self) {
        if self.log.snapshots().is_none() {
            return;
        }
        let parts = snapshot::Parts {
            head: self.head,
            last_recorded: self.last_recorded,
            state: &self.state,
            tree: &self.tree,
            definitions: &self.definitions,
        };
        let pieces = |give: &mut dyn FnMut(&[u8])| snapshot::each_piece(&parts, give);
        // A snapshot that cannot be written is one that is not there: the records are. Losing one loses nothing.
        if let Some(cache) = self.log.snapshots()
            && cache.put_chunks(self.head.count, &pieces).is_ok()
        {
            self.snapshot = self.head.count;
            for count in snapshot::surplus(&cache.counts().unwrap_or_default()) {
                let _ = cache.remove(count);
            }
        }
    }
}

/// Fresh salts.
pub(super) fn salts(
    environment: &mut dyn Environment,
    count: usize,
) -> Result<Vec<[u8; SALT_LEN]>, LedgerError> {
    let mut salts = vec![[0; SALT_LEN]; count];
    environment
        .fill_salts(&mut salts)
        .map_err(LedgerError::Entropy)?;
    Ok(salts)
}

pub(super) fn receipt_of(record: &Record, known: bool) -> Receipt {
    Receipt {
        seq: Seq(record.header.seq),
        link: record.header.link(),
        recorded_at: Instant(record.header.recorded_at),
        asserted: record.header.asserted,
        known,
    }
}

/// Requests that may be appended together.
struct Group {
    /// The records of all of them.
    records: Vec<Record>,
    /// The head after these.
    head: Head,
    /// The recorded time of the last of them.
    last_recorded: Instant,
    /// What becomes of each request once the records are written.
    outcomes: Vec<Outcome>,
}

/// Events that may be appended: where each goes, and the bytes of those that are new.
struct Plan {
    places: Vec<(Seq, bool)>,
    payloads: Vec<Payload>,
    required: Required,
    /// The recorded time of the last of them.
    last_recorded: Instant,
}

#[cfg(test)]
mod tests;
