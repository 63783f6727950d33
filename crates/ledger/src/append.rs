//! Append: events into the chain, whole batches or nothing.
//!
//! Every append takes the same four steps: a [`Checker`](super::check::Checker) checks the events, `bind_batch` binds them,
//! the log writes what its source of batches gives, and [`Ledger::conclude`] goes on from the outcome. Here the events of a
//! few requests are checked first and then written as one batch, or while they are checked, where many are for a log that
//! prefers it; `stream` does the steps side by side for events without number.

use std::sync::mpsc::{Receiver, sync_channel};

use super::commit::{Ending, extend};
use super::definitions::Definitions;
use super::error::LedgerError;
use super::gather::{Gathering, Group};
use super::ledger::Ledger;
use super::receipt::{Outcome, Receipt};
use super::submission::Submission;
use super::threads::side_by_side;
use servanda_core::chain::record::{Head, Record, Sealed};
use servanda_core::chain::tree::Tiled;
use servanda_core::state::State;
use servanda_log::{Aborted, AppendError, Batch, BatchSource, Log, OneBatch};

/// How often to try again where others append to the same ledger.
const ATTEMPTS: usize = 100;

/// Most requests that wait to be written.
const WAITING: usize = 4;

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
        let events: usize = requests.iter().map(Vec::len).sum();
        let streams = self.log.streams_from().is_some_and(|least| events >= least);
        for attempt in 1.. {
            self.refresh_if_stale()?;
            let before = self.state.count();
            // Only a further attempt needs the events again, and only where others append can there be one.
            let is_last = attempt == ATTEMPTS || !self.log.is_shared();
            let given: &mut dyn Iterator<Item = Vec<Submission>> = match is_last {
                true => &mut requests.drain(..),
                false => &mut requests.iter().cloned(),
            };
            let written = match streams {
                true => self.write_meanwhile(given),
                false => self.write(given),
            };
            self.conclude(before, &Ending::of(&written));
            match written {
                Err(LedgerError::HeadMoved(_)) if !is_last => {}
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
        let mut group = Group::behind(self.head, self.last_recorded);
        let outcome = self.gathering().0.prepare(events, &mut group);
        let looked = outcome.map(|receipts| look(&self.state, &receipts));
        self.rewind(before);
        looked
    }

    /// What checks and binds requests, and the log, which may write meanwhile.
    fn gathering(&mut self) -> (Gathering<'_>, &mut S) {
        let gathering = Gathering {
            behind: self.clock_must_be_near(),
            records: self.log.reader(),
            state: &mut self.state,
            stale: &mut self.stale,
            environment: &mut *self.environment,
            signers: &self.signers,
            tree: &self.tree,
            definitions: &self.definitions,
            written: self.head,
            last_recorded: self.last_recorded,
            record_limit: self.record_limit,
            case_matters: self.case_matters,
        };
        (gathering, &mut self.log)
    }

    /// Checks requests, and then writes them as one batch.
    fn write(
        &mut self,
        requests: &mut dyn Iterator<Item = Vec<Submission>>,
    ) -> Result<Vec<Outcome>, LedgerError> {
        let (mut gathering, log) = self.gathering();
        let group = gathering.gather(requests, |_, _| {})?;
        let answer = (!group.records.is_empty()).then(|| {
            let sealed: Vec<Sealed> = group.records.iter().map(Record::seal).collect();
            let expected = gathering.written;
            log.append(expected, &mut OneBatch::new(sealed, group.head))
        });
        self.written(group, answer, None)
    }

    /// Checks requests while another thread writes those that were checked.
    fn write_meanwhile(
        &mut self,
        requests: &mut dyn Iterator<Item = Vec<Submission>>,
    ) -> Result<Vec<Outcome>, LedgerError> {
        let (mut gathering, log) = self.gathering();
        let expected = gathering.written;
        let (sender, receiver) = sync_channel(WAITING);
        let write = move || {
            let first = Some(receiver.recv().ok().flatten()?);
            Some(log.append(expected, &mut Sent { first, receiver }))
        };
        let check = move || {
            let gathered = gathering.gather(requests, |records, head| {
                let sealed = records.iter().map(Record::seal).collect();
                // A log that stopped has its reason, and what is checked meanwhile goes with the rest.
                let _ = sender.send(Some((sealed, head)));
            });
            if gathered.is_ok() {
                let _ = sender.send(None);
            }
            // Without a sender nothing more can come, and the writer ends.
            drop(sender);
            // Here that costs no time: the log is not done yet.
            gathered.and_then(|group| Ok((gathering.extended(&group)?, group)))
        };
        let (answer, bound) = side_by_side(write, check)?;
        let (extended, group) = bound?;
        self.written(group, answer, Some(extended))
    }

    /// Goes on behind a group that was written, as the log answered; it was not asked where there was nothing to write.
    /// `extended` is what is kept beside the state, where that was extended already.
    fn written(
        &mut self,
        group: Group,
        answer: Option<Result<Head, AppendError>>,
        extended: Option<(Tiled, Definitions)>,
    ) -> Result<Vec<Outcome>, LedgerError> {
        if let Some(answer) = answer {
            self.answered(answer, Some(group.head))?;
            match extended {
                Some(extended) => (self.tree, self.definitions) = extended,
                None => extend(&mut self.tree, &mut self.definitions, &group.records)?,
            }
            self.head = group.head;
            self.last_recorded = group.last_recorded;
        } else if group.outcomes.iter().any(Result::is_ok) {
            // What was there before is acknowledged once more.
            self.answered(self.log.confirm(self.head).map(|()| self.head), None)?;
        }
        Ok(group.outcomes)
    }
}

/// Batches that another thread sends, and at their end nothing.
struct Sent {
    /// The first, until it is taken.
    first: Option<Batch>,
    receiver: Receiver<Option<Batch>>,
}

impl BatchSource for Sent {
    fn next_batch(&mut self) -> Result<Option<Batch>, Aborted> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.receiver.recv().map_err(|_| Aborted),
        }
    }
}

#[cfg(test)]
mod tests;
