//! Streaming append: as many events as a source gives, all or none, without holding them.
//!
//! The caller's thread pulls events, checks each against the state and encodes it. A second thread binds what
//! was accepted to the chain and writes it, in batches of the chain; no more than a few of them wait between the
//! two. The log takes all of them or none, and gives none back before it has all. So what was checked is also kept
//! in a spool, where the state reads it again meanwhile, and lets go of it batch by batch. After the first refusal
//! nothing is written any more, but the rest is still checked, so that whoever mends the source is told of all that is
//! wrong with it.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::bind::bind_batch;
use super::check::{Admitted, Checked, Checker, Placed};
use super::commit::{Ending, extend};
use super::definitions::Definitions;
use super::environment::Environment;
use super::error::LedgerError;
use super::ledger::Ledger;
use super::submission::Submission;
use super::tail::Tail;
use super::threads::side_by_side;
use servanda_core::archive;
use servanda_core::chain::key::SigningKey;
use servanda_core::chain::record::{Head, Record, Sealed};
use servanda_core::chain::tree::Tiled;
use servanda_core::state::State;
use servanda_core::value::base::Text;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_log::spool::Spool;
use servanda_log::{Aborted, AppendError, BatchSource, Log};

/// Most records of a batch of the chain.
const BATCH: usize = 4096;

/// Most records that the state holds itself before it lets go of them. Events are mended soon or never; many would
/// not stay in a processor's cache.
const AT_HAND: usize = 256;

/// Payload bytes after which a batch is closed, however few its records are.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Most batches that wait to be written.
const WAITING: usize = 2;

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its place in the source, such as a line's number: what errors name it by.
    pub place: usize,
    /// The event, and since when it is asserted to be recorded.
    pub submission: Submission,
    /// The reason with which it is recorded as irregular, if it breaks a rule about the world.
    pub if_irregular: Option<Text>,
}

/// What a source may ask of the ledger that it feeds: where the events before this one went.
pub struct Present<'a> {
    state: &'a State,
    refused: &'a HashMap<String, Seq>,
}

impl Present<'_> {
    /// The place of the next record.
    pub fn next(&self) -> Seq {
        Seq(self.state.count())
    }

    /// The record with an import key, in the ledger or earlier in the stream.
    pub fn keyed(&self, key: &str) -> Option<Seq> {
        let known = self.state.imported(key);
        known.or_else(|| self.refused.get(key).copied())
    }
}

/// Why a stream was not appended. Nothing of it is in the ledger, unless the outcome is uncertain.
#[derive(Debug, thiserror::Error)]
pub enum StreamError<E> {
    /// The source broke it off.
    #[error("the source failed")]
    Source(E),
    /// The ledger refused or failed. Of the events that the rules refuse it lists at most
    /// [`LISTED`](crate::LISTED), unless [`Ledger::listing_refusals`] said otherwise.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl<S: Log> Ledger<S> {
    /// Appends the events that `pull` gives until it gives none, all or none. An event whose import key is known is
    /// not appended again. Memory does not grow with their number but by the facts that the state holds of each.
    /// Many events take as many bytes of the system's scratch directory as they have, until this returns.
    ///
    /// When this returns, the events are on the disk.
    ///
    /// # Errors
    /// [`StreamError`]: nothing was appended, but where it holds [`LedgerError::Uncertain`] or
    /// [`LedgerError::Unconfirmed`].
    pub fn append_stream<E>(
        &mut self,
        pull: impl FnMut(&Present<'_>) -> Result<Option<Given>, E>,
    ) -> Result<Placed, StreamError<E>> {
        self.append_batches(pull, BATCH, Spool::default())
    }

    /// As [`Ledger::append_stream`], in batches of so many records, with this spool for those that wait to be
    /// committed.
    fn append_batches<E>(
        &mut self,
        pull: impl FnMut(&Present<'_>) -> Result<Option<Given>, E>,
        batch: usize,
        spool: Spool,
    ) -> Result<Placed, StreamError<E>> {
        self.refresh_if_stale()?;
        let before = self.head.count;
        let stored = self.state.archive().cloned();
        let stored = stored.unwrap_or_else(|| archive::of(crate::records::of(&self.log)));
        let tail = Arc::new(Tail::behind(Arc::clone(&stored), before, spool));
        self.state.read_from(tail.clone(), before);
        let checked = self.check_and_write(pull, batch, &tail);
        // What is wrong with the events says more than that they were not written.
        let outcome = match checked {
            Ok((placed, written)) => written.map(|()| placed).map_err(StreamError::from),
            Err(error) => Err(error),
        };
        let ending = match &outcome {
            Ok(_) => Ending::Written,
            Err(StreamError::Source(_)) => Ending::NotWritten,
            Err(StreamError::Ledger(error)) => Ending::of_error(error),
        };
        self.conclude(before, &ending);
        self.state.read_from(stored, self.head.count);
        outcome
    }

    /// Checks on this thread, binds and writes on another. Gives where the events went, if nothing was wrong with
    /// them, and what became of the writing.
    fn check_and_write<E>(
        &mut self,
        pull: impl FnMut(&Present<'_>) -> Result<Option<Given>, E>,
        batch: usize,
        tail: &Tail,
    ) -> Result<(Placed, Result<(), LedgerError>), StreamError<E>> {
        let now = self.time_to_record()?;
        let origin = self.origin().map_or("", |fact| fact.origin.as_str());
        let (sender, receiver) = sync_channel(WAITING);
        let mut binder = Binder {
            receiver,
            first: None,
            origin: origin.to_owned(),
            signers: &self.signers,
            environment: &mut *self.environment,
            bound: Bound {
                head: self.head,
                tree: self.tree.clone(),
                definitions: self.definitions.clone(),
                ended: false,
                failure: None,
            },
        };
        let mut checking = Checking {
            checker: Checker::new(
                &mut self.state,
                self.record_limit,
                self.log.reader(),
                now,
                self.last_recorded,
                self.refusals_listed,
            )
            .case_matters(self.case_matters),
            tail,
            batch,
            sender: Some(sender),
            kept: 0,
            bytes: 0,
        };
        let (expected, log) = (self.head, &mut self.log);
        let write = move || {
            // A stream of nothing new is no append, and one that broke off before its first batch neither.
            let answer = match binder.first() {
                // What was there before is acknowledged once more.
                Some(Step::End) => log.confirm(expected).map(|()| expected),
                None => Err(AppendError::Failed(Aborted.into())),
                Some(Step::Batch(_)) => log.append(expected, &mut binder),
            };
            // With the binder goes the receiver, so that the checker hears of a log that stopped.
            (answer, binder.bound)
        };
        let check = || {
            let checked = checking.run(pull);
            // Without a sender nothing more can come, and the writer ends.
            checking.sender = None;
            checked
        };
        let ((answer, bound), checked) = side_by_side(write, check).map_err(LedgerError::from)?;
        let last_recorded = checking.checker.last_recorded;
        let placed = std::mem::take(&mut checking.checker.placed);
        checked?;
        Ok((placed, self.close_stream(answer, bound, last_recorded)))
    }

    /// Goes on from what the log answered to a stream.
    fn close_stream(
        &mut self,
        answer: Result<Head, AppendError>,
        bound: Bound,
        last_recorded: Instant,
    ) -> Result<(), LedgerError> {
        if let Some(failure) = bound.failure {
            return Err(failure);
        }
        self.answered(answer, bound.ended.then_some(bound.head))?;
        self.head = bound.head;
        self.tree = bound.tree;
        self.definitions = bound.definitions;
        self.last_recorded = last_recorded;
        Ok(())
    }
}

/// What goes from checking to binding.
enum Step {
    Batch(Admitted),
    /// Nothing more comes, and all of it is to be appended.
    End,
}

/// Checks the events of a stream, and sends them on batch by batch.
struct Checking<'a> {
    checker: Checker<'a>,
    /// Where the state reads what it let go of.
    tail: &'a Tail,
    /// Most records of a batch.
    batch: usize,
    /// Where batches go; nowhere any more once something is wrong.
    sender: Option<SyncSender<Step>>,
    /// Records that were taken in since the last batch, and the bytes of their payloads.
    kept: usize,
    bytes: usize,
}

impl Checking<'_> {
    /// Checks every event. Stops early where the writer has stopped; its error says why.
    fn run<E>(
        &mut self,
        mut pull: impl FnMut(&Present<'_>) -> Result<Option<Given>, E>,
    ) -> Result<(), StreamError<E>> {
        loop {
            let present = Present {
                state: self.checker.state,
                refused: &self.checker.refusals.keys,
            };
            let Some(given) = pull(&present).map_err(StreamError::Source)? else {
                break;
            };
            self.take(given).map_err(LedgerError::Scratch)?;
            if self.checker.is_exhausted() {
                break;
            }
            let is_full = self.kept == self.batch || self.bytes >= BATCH_BYTES;
            if is_full && !self.send_batch() {
                return Ok(());
            }
        }
        if let Some(failure) = self.tail.failure() {
            return Err(LedgerError::Scratch(failure).into());
        }
        self.checker.finish()?;
        if self.send_batch() {
            self.send(Step::End);
        }
        Ok(())
    }

    /// Checks an event, and keeps it or its empty place where the state reads it again.
    ///
    /// # Errors
    /// What the system says where the scratch directory has no room: nothing can be checked any more.
    fn take(&mut self, given: Given) -> io::Result<()> {
        let reason = given.if_irregular.as_ref();
        let checked = self.checker.check(given.place, given.submission, reason);
        match (checked, self.checker.admitted.payloads.last()) {
            (Checked::New, Some(payload)) => {
                self.kept += 1;
                self.bytes += payload.content().payload.len();
                self.tail.keep(payload.recorded_at(), payload.content())?;
                if self.kept.is_multiple_of(AT_HAND) {
                    self.checker.state.archived(self.tail.count());
                }
            }
            (Checked::Wrong, _) => {
                self.kept += 1;
                // Nothing of it will be written.
                self.sender = None;
                self.tail.keep_place()?;
            }
            (Checked::Known | Checked::New, _) => {}
        }
        if self.sender.is_none() {
            self.checker.admitted = Admitted::default();
        }
        Ok(())
    }

    /// Sends what was admitted since the last batch; whether the writer still takes it. The state lets go of it.
    fn send_batch(&mut self) -> bool {
        self.checker.state.archived(self.tail.count());
        (self.kept, self.bytes) = (0, 0);
        let admitted = std::mem::take(&mut self.checker.admitted);
        admitted.payloads.is_empty() || self.send(Step::Batch(admitted))
    }

    fn send(&self, step: Step) -> bool {
        let sender = self.sender.as_ref();
        sender.is_none_or(|sender| sender.send(step).is_ok())
    }
}

/// Binds batches to the chain, as the log asks for them.
struct Binder<'a> {
    receiver: Receiver<Step>,
    /// The first step, until it is taken.
    first: Option<Step>,
    environment: &'a mut dyn Environment,
    signers: &'a [SigningKey],
    origin: String,
    bound: Bound,
}

/// What was bound so far.
struct Bound {
    head: Head,
    tree: Tiled,
    definitions: Definitions,
    /// Whether that is all there is.
    ended: bool,
    failure: Option<LedgerError>,
}

impl Binder<'_> {
    /// Waits for the first step.
    fn first(&mut self) -> Option<&Step> {
        self.first = self.receiver.recv().ok();
        self.first.as_ref()
    }

    fn bind(&mut self, batch: Admitted) -> Result<Vec<Sealed>, LedgerError> {
        let bound = &mut self.bound;
        let (records, head) = bind_batch(
            bound.head,
            batch,
            self.environment,
            self.signers,
            &self.origin,
        )?;
        extend(&mut bound.tree, &mut bound.definitions, &records)?;
        bound.head = head;
        Ok(records.iter().map(Record::seal).collect())
    }
}

impl BatchSource for Binder<'_> {
    fn next_batch(&mut self) -> Result<Option<(Vec<Sealed>, Head)>, Aborted> {
        let step = match self.first.take() {
            Some(first) => Ok(first),
            None => self.receiver.recv(),
        };
        match step {
            Ok(Step::Batch(batch)) => match self.bind(batch) {
                Ok(sealed) => Ok(Some((sealed, self.bound.head))),
                Err(error) => {
                    self.bound.failure = Some(error);
                    Err(Aborted)
                }
            },
            Ok(Step::End) => {
                self.bound.ended = true;
                Ok(None)
            }
            Err(_) => Err(Aborted),
        }
    }
}

#[cfg(test)]
mod tests;
