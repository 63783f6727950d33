//! Append: events into the chain, whole batches or nothing.
//!
//! Every append takes the same four steps: a [`Checker`] checks the events, [`bind_batch`] binds them, the log writes
//! what its source of batches gives, and [`Ledger::conclude`] goes on from the outcome. Here the events of a few
//! requests are checked first and then written as one batch; `stream` does the steps side by side for many events.

use super::bind::bind_batch;
use super::check::{Became, Checker, Placed};
use super::commit::{Ending, extend};
use super::error::LedgerError;
use super::ledger::Ledger;
use super::receipt::Receipt;
use super::submission::{BATCH_LIMIT, Submission};
use servanda_core::chain::record::{Head, Record, Sealed};
use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_log::{Log, OneBatch};

/// How often to try again where others append to the same ledger.
const ATTEMPTS: usize = 100;

/// What became of the events of one request.
pub type Outcome = Result<Vec<Receipt>, LedgerError>;

/// Requests that are appended together.
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

impl Group {
    /// A group without requests, with room for so many, behind the last record of a ledger.
    fn behind(head: Head, last_recorded: Instant, requests: usize) -> Self {
        Self {
            records: Vec::new(),
            head,
            last_recorded,
            outcomes: Vec::with_capacity(requests),
        }
    }
}

impl<S: Log> Ledger<S> {
    /// Appends events, all or none, and gives a receipt for each. An event whose import key is known is not
    /// appended again; its receipt is that of the first.
    ///
    /// A [`Submission`] may assert its recorded time, where all records of the ledger so far have an asserted one. The
    /// first event without one ends that for good.
    ///
    /// When this returns, the events are on the disk.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] with every refusal, [`LedgerError::AssertedTime`],
    /// [`LedgerError::BatchTooLarge`], [`LedgerError::Full`], [`LedgerError::HeadMoved`]: nothing was appended.
    /// [`LedgerError::Uncertain`]: nobody knows. [`LedgerError::Unconfirmed`]: they are there, and may get lost.
    pub fn append(&mut self, events: Vec<impl Into<Submission>>) -> Outcome {
        let request = events.into_iter().map(Into::into).collect();
        let mut outcomes = self.append_group(vec![request])?;
        outcomes.pop().expect("each request has an outcome")
    }

    /// Appends several requests in one go: each is a batch of its own, appended whole or refused whatever becomes of
    /// the others, and one write of the log puts them all on the disk. Gives the outcome of each.
    ///
    /// # Errors
    /// What befell the write: nothing of any request was appended, unless it is [`LedgerError::Uncertain`] or
    /// [`LedgerError::Unconfirmed`].
    pub fn append_group(
        &mut self,
        mut requests: Vec<Vec<Submission>>,
    ) -> Result<Vec<Outcome>, LedgerError> {
        for attempt in 1.. {
            // Only a further attempt needs the events again.
            let given = match attempt {
                ATTEMPTS => std::mem::take(&mut requests),
                _ => requests.clone(),
            };
            self.refresh_if_stale()?;
            let before = self.state.count();
            let written = self.gather(given).and_then(|group| self.write(group));
            self.conclude(before, &Ending::of(&written));
            match written {
                Err(LedgerError::HeadMoved(_)) if attempt < ATTEMPTS => {}
                done => return done,
            }
        }
        unreachable!("the last attempt returns")
    }

    /// Checks events as [`Ledger::append`] does, shows the state as they would leave it with the receipts that they
    /// would get, and takes them back. Nothing is written; the links and times of the receipts are not those of a later
    /// append.
    ///
    /// # Errors
    /// As [`Ledger::append`], where they would not be appended.
    pub fn rehearse<T>(
        &mut self,
        events: Vec<Submission>,
        look: impl FnOnce(&State, &[Receipt]) -> T,
    ) -> Result<T, LedgerError> {
        self.refresh_if_stale()?;
        let before = self.state.count();
        let mut group = Group::behind(self.head, self.last_recorded, 1);
        let outcome = self.prepare(events, &mut group);
        let looked = outcome.map(|receipts| look(&self.state, &receipts));
        self.rewind(before);
        looked
    }

    /// Checks each request against the state as those before it leave it, and binds it to the chain.
    fn gather(&mut self, requests: Vec<Vec<Submission>>) -> Result<Group, LedgerError> {
        let mut group = Group::behind(self.head, self.last_recorded, requests.len());
        for events in requests {
            let before = self.state.count();
            let outcome = self.prepare(events, &mut group);
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

    /// Checks a request and binds it behind what the group has. Gives the receipts that hold once it is written.
    fn prepare(&mut self, events: Vec<Submission>, group: &mut Group) -> Outcome {
        if events.len() > BATCH_LIMIT {
            return Err(LedgerError::BatchTooLarge(events.len()));
        }
        let now = self.time_to_record()?;
        let mut checker = Checker::new(
            &mut self.state,
            self.record_limit,
            self.log.reader(),
            now,
            group.last_recorded,
            events.len(),
        )
        .case_matters(self.case_matters);
        for (index, submission) in events.into_iter().enumerate() {
            checker.check(index, submission, None);
            if checker.is_exhausted() {
                break;
            }
        }
        checker.finish()?;
        let (admitted, last_recorded) = (checker.admitted, checker.last_recorded);
        let placed = checker.placed;
        // Read first: once the batch is there, nothing may fail any more.
        let earlier = self.earlier_receipts(&placed, group)?;
        let origin = match self.origin() {
            Some(fact) if !admitted.required.is_empty() => fact.origin.to_string(),
            _ => String::new(),
        };
        let (mut records, head) = bind_batch(
            group.head,
            admitted,
            &mut *self.environment,
            &self.signers,
            &origin,
        )?;
        let first = group.head.count;
        let receipts = placed.records().zip(earlier);
        let receipts = receipts
            .map(|((seq, became), earlier)| {
                earlier.unwrap_or_else(|| Receipt::of(&records[(seq.0 - first) as usize], became))
            })
            .collect();
        group.records.append(&mut records);
        group.head = head;
        group.last_recorded = last_recorded;
        Ok(receipts)
    }

    /// The receipts of the events whose import keys were known before this request.
    fn earlier_receipts(
        &self,
        placed: &Placed,
        group: &Group,
    ) -> Result<Vec<Option<Receipt>>, LedgerError> {
        let receipt = |(seq, became): (Seq, Became)| {
            if seq.0 >= group.head.count {
                return Ok(None);
            }
            let receipt = match seq.0.checked_sub(self.head.count) {
                Some(at) => Receipt::of(&group.records[at as usize], became),
                None => Receipt {
                    known: became != Became::New,
                    differs: became == Became::Differing,
                    ..self.receipt(seq)?
                },
            };
            Ok(Some(receipt))
        };
        placed.records().map(receipt).collect()
    }

    /// Writes a group.
    fn write(&mut self, group: Group) -> Result<Vec<Outcome>, LedgerError> {
        if !group.records.is_empty() {
            let sealed: Vec<Sealed> = group.records.iter().map(Record::seal).collect();
            let answer = self
                .log
                .append(self.head, &mut OneBatch::new(sealed, group.head));
            self.answered(answer, Some(group.head))?;
            extend(&mut self.tree, &mut self.definitions, &group.records)?;
            self.head = group.head;
            self.last_recorded = group.last_recorded;
        } else if group.outcomes.iter().any(Result::is_ok) {
            // What was there before is acknowledged once more.
            self.answered(self.log.confirm(self.head).map(|()| self.head), None)?;
        }
        Ok(group.outcomes)
    }
}

#[cfg(test)]
mod tests;
