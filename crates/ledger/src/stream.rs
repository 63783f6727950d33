//! Streaming append: as many events as a source gives, all or none, without holding them.
//!
//! The caller's thread pulls events, checks each against the state and encodes it. A second thread binds what
//! was accepted to the chain and writes it, in batches of the chain; no more than a few of them wait between the
//! two. The log takes all of them or none, and gives none back before it has all. So what was checked is also kept
//! in a spool, where the state reads it again meanwhile, and lets go of it batch by batch. After the first refusal
//! nothing is written any more, but the rest is still checked, so that whoever mends the source is told of all that is
//! wrong with it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::admit::{Payload, Validator, opened};
use super::append::{self, Receipt};
use super::definitions::Definitions;
use super::environment::Environment;
use super::error::{LedgerError, Refusal};
use super::ledger::Ledger;
use super::submission::Submission;
use super::tail::Tail;
use servanda_core::archive;
use servanda_core::chain::codec;
use servanda_core::chain::key::SigningKey;
use servanda_core::chain::record::{Head, Record, Sealed, bind};
use servanda_core::chain::tree::{Tiled, leaf_hash};
use servanda_core::event::Event;
use servanda_core::ranges::CHUNK;
use servanda_core::signatures::Required;
use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_log::spool::Spool;
use servanda_log::{Aborted, AppendError, BatchSource, Log, Stored};

/// Most records of a batch of the chain.
const BATCH: usize = 4096;

/// Most records that the state holds itself before it lets go of them. Events are mended soon or never; many would
/// not stay in a processor's cache.
const AT_HAND: usize = 256;

/// Payload bytes after which a batch is closed, however few its records are.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Most batches that wait to be written.
const WAITING: usize = 2;

/// Most refusals that a stream tells of, and most events that differ from what was recorded under their key. The
/// others are counted.
pub const TOLD: usize = 100;

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its place in the source, such as a line's number: what errors name it by.
    pub place: usize,
    /// The event, and since when it is claimed to be recorded.
    pub submission: Submission,
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
    /// The rules refuse some events.
    #[error("{} refused", servanda_core::words::plural(*count, "event"))]
    Refused {
        /// The first of them, at most [`TOLD`].
        first: Vec<Refusal>,
        /// How many there are.
        count: usize,
    },
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Where the events of a stream went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Streamed {
    runs: Vec<Run>,
    /// How many events are new.
    pub appended: usize,
    /// How many were there already, under their import keys.
    pub known: usize,
    /// The places in the source of the first events that say something else than was recorded under their import
    /// key, at most [`TOLD`].
    pub differing: Vec<usize>,
    /// How many of these there are.
    pub differ: usize,
}

/// Events that follow each other, in records that do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u64,
    length: u64,
    known: bool,
}

impl Streamed {
    /// How many events there were.
    pub fn given(&self) -> usize {
        self.appended + self.known
    }

    /// The record of each event, in order, and whether it was there already.
    pub fn records(&self) -> impl Iterator<Item = (Seq, bool)> {
        self.runs.iter().flat_map(|run| {
            let records = run.first..run.first + run.length;
            records.map(|seq| (Seq(seq), run.known))
        })
    }

    fn differ(&mut self, place: usize) {
        self.differ += 1;
        if self.differing.len() < TOLD {
            self.differing.push(place);
        }
    }

    fn note(&mut self, seq: Seq, known: bool) {
        match known {
            true => self.known += 1,
            false => self.appended += 1,
        }
        match self.runs.last_mut() {
            Some(run) if run.known == known && run.first + run.length == seq.0 => run.length += 1,
            _ => self.runs.push(Run {
                first: seq.0,
                length: 1,
                known,
            }),
        }
    }
}

impl<S: Log> Ledger<S> {
    /// Appends the events that `pull` gives until it gives none, all or none. An event whose import key is known is
    /// not appended again. Memory does not grow with their number but by the facts that the state holds of each.
    /// Many events take as many bytes of the system's scratch directory as they have, until this returns.
    ///
    /// When this returns, the events are on the disk.
    ///
    /// # Errors
    /// [`StreamError`]: nothing was appended, but where it holds [`LedgerError::Uncertain`].
    pub fn append_stream<E>(
        &mut self,
        pull: impl FnMut(&Present<'_>) -> Result<Option<Given>, E>,
    ) -> Result<Streamed, StreamError<E>> {
        self.append_batches(pull, BATCH, Spool::default())
    }

    /// As [`Ledger::append_stream`], in batches of so many records, with this spool for those that wait to be
    /// committed.
    fn append_batches<E>(
        &mut self,
        pull: impl FnMut(&Present<'_>) -> Result<Option<Given>, E>,
        batch: usize,
        spool: Spool,
    ) -> Result<Streamed, StreamError<E>> {
        if self.stale {
            self.refresh()?;
        }
        let before = self.head.count;
        let stored = self.state.archive().cloned();
        let stored = stored.unwrap_or_else(|| archive::of(crate::records::of(&self.log)));
        let tail = Arc::new(Tail::behind(Arc::clone(&stored), before, spool));
        self.state.read_from(tail.clone(), before);
        let outcome = self.stream(pull, batch, &tail);
        use LedgerError::{HeadMoved, Tree, Uncertain};
        match &outcome {
            Ok(_) => self.evict(),
            Err(StreamError::Ledger(HeadMoved(_) | Uncertain(_) | Tree(_))) => self.stale = true,
            // Nothing was written: the state is as before.
            Err(_) => self.take_back(before),
        }
        if self.stale {
            // The outcome is what the caller must hear. Should this fail, the next append begins with it.
            let _ = self.refresh();
        } else {
            self.state.read_from(stored, self.head.count);
        }
        if outcome.is_ok() {
            self.take_snapshot(before);
        }
        outcome
    }

    /// Takes the state back to so many records. Where those that go are the more, reading the others is the shorter
    /// way.
    fn take_back(&mut self, count: u64) {
        let gone = self.state.count().saturating_sub(count);
        self.stale = gone > count || self.state.rewind(count).is_err();
    }

    /// The receipt of each event of a stream, in order, and what was recorded: where its import key was known, what
    /// was recorded then. They are read from the log.
    pub fn receipts<'a>(
        &self,
        streamed: &'a Streamed,
    ) -> impl Iterator<Item = Result<(Receipt, Event), LedgerError>> + use<'a, S> {
        let records = self.log.reader();
        let mut chunk = Vec::new().into_iter();
        streamed.records().map(move |(seq, known)| {
            let mut next = chunk.next();
            if next
                .as_ref()
                .is_none_or(|stored: &Stored| stored.seq != seq.0)
            {
                chunk = records.read(seq.0, CHUNK)?.into_iter();
                next = chunk.next();
            }
            let record = opened(seq, next.as_ref())?;
            let broken = |what: String| LedgerError::Broken { seq: seq.0, what };
            let content = record
                .content()
                .ok_or_else(|| broken("its payload is gone".into()))?;
            let event = codec::decode(content).map_err(|error| broken(error.to_string()))?;
            Ok((append::receipt_of(&record, known), event))
        })
    }

    fn stream<E>(
        &mut self,
        pull: impl FnMut(&Present<'_>) -> Result<Option<Given>, E>,
        batch: usize,
        tail: &Tail,
    ) -> Result<Streamed, StreamError<E>> {
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
        let mut checker = Checker {
            admission: Validator {
                now: binder.environment.now(),
                state: &mut self.state,
                limit: self.record_limit,
                records: self.log.reader(),
                last_recorded: self.last_recorded,
                required: Required::default(),
            },
            tail,
            batch,
            sender: Some(sender),
            payloads: Vec::new(),
            kept: 0,
            bytes: 0,
            streamed: Streamed::default(),
            refusals: Refusals::default(),
            failure: None,
        };
        let (expected, log) = (self.head, &mut self.log);
        let (checked, written, bound) = std::thread::scope(|scope| {
            let writing = scope.spawn(move || {
                // A stream of nothing new is no append, and one that broke off before its first batch neither: they
                // leave the log alone.
                let written = match binder.first() {
                    Some(Step::End) => Ok(expected),
                    None => Err(AppendError::Failed(Aborted.into())),
                    Some(Step::Batch(..)) => log.append(expected, &mut binder),
                };
                // With the binder goes the receiver, so that the checker hears of a log that stopped.
                (written, binder.bound)
            });
            let checked = checker.check(pull);
            // Without a sender nothing more can come, and the writer ends.
            checker.sender = None;
            let (written, bound) = writing
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (checked, written, bound)
        });
        let last_recorded = checker.admission.last_recorded;
        // What is wrong with the events says more than that they were not written.
        let streamed = checked?;
        self.close_stream(written, bound)?;
        self.last_recorded = last_recorded;
        Ok(streamed)
    }

    /// Goes on from what the log made of a stream.
    fn close_stream(
        &mut self,
        written: Result<Head, AppendError>,
        bound: Bound,
    ) -> Result<(), LedgerError> {
        if let Some(failure) = bound.failure {
            return Err(failure);
        }
        match written {
            Ok(_) => {}
            Err(AppendError::HeadMoved(found)) => return Err(LedgerError::HeadMoved(found)),
            Err(AppendError::Failed(error)) => return Err(LedgerError::Log(error)),
            Err(AppendError::Uncertain(lost)) if bound.ended => self.settle(lost, bound.head)?,
            Err(AppendError::Uncertain(lost)) => return Err(LedgerError::Uncertain(lost)),
        }
        self.head = bound.head;
        self.tree = bound.tree;
        self.definitions = bound.definitions;
        Ok(())
    }
}

/// What goes from checking to binding.
enum Step {
    /// A batch, and who must sign it.
    Batch(Vec<Payload>, Required),
    /// Nothing more comes, and all of it is to be appended.
    End,
}

/// Checks the events of a stream.
struct Checker<'a> {
    admission: Validator<'a>,
    /// Where the state reads what it let go of.
    tail: &'a Tail,
    /// Most records of a batch.
    batch: usize,
    /// Where batches go; nowhere any more once something is wrong.
    sender: Option<SyncSender<Step>>,
    payloads: Vec<Payload>,
    /// Records that were taken in since the last batch, and the bytes of their payloads.
    kept: usize,
    bytes: usize,
    streamed: Streamed,
    refusals: Refusals,
    failure: Option<LedgerError>,
}

/// What the rules refused.
#[derive(Default)]
struct Refusals {
    first: Vec<Refusal>,
    count: usize,
    /// The keys of the events, and the places that are kept for them, so that numbers stay right.
    keys: HashMap<String, Seq>,
}

impl Checker<'_> {
    /// Checks every event. Stops early where the writer has stopped; its error says why.
    fn check<E>(
        &mut self,
        mut pull: impl FnMut(&Present<'_>) -> Result<Option<Given>, E>,
    ) -> Result<Streamed, StreamError<E>> {
        loop {
            let present = Present {
                state: self.admission.state,
                refused: &self.refusals.keys,
            };
            let Some(given) = pull(&present).map_err(StreamError::Source)? else {
                break;
            };
            self.take(given)?;
            if self.failure.is_some() && self.admission.is_full() {
                // There are no numbers left to check the rest with.
                break;
            }
            let is_full = self.kept == self.batch || self.bytes >= BATCH_BYTES;
            if is_full && !self.send_batch() {
                return Ok(std::mem::take(&mut self.streamed));
            }
        }
        self.check_readable()?;
        if self.refusals.count > 0 {
            return Err(StreamError::Refused {
                first: std::mem::take(&mut self.refusals.first),
                count: self.refusals.count,
            });
        }
        if let Some(failure) = self.failure.take() {
            return Err(failure.into());
        }
        if self.send_batch() {
            self.send(Step::End);
        }
        Ok(std::mem::take(&mut self.streamed))
    }

    /// Checks an event.
    ///
    /// # Errors
    /// [`LedgerError::Scratch`]: nothing can be checked any more. What else is wrong is noted.
    fn take(&mut self, given: Given) -> Result<(), LedgerError> {
        let Given { place, submission } = given;
        self.admission.state.tidy();
        if let Some(seq) = self.admission.known(&submission.event) {
            let held = self.admission.state.held(seq);
            let recorded = held.map(|held| held.recorded());
            if recorded.is_none_or(|recorded| !recorded.says_the_same(&submission.event)) {
                self.streamed.differ(place);
            }
            self.streamed.note(seq, true);
            return Ok(());
        }
        let key = submission.event.envelope.import_key.clone();
        self.kept += 1;
        match self.admission.admit(place, submission) {
            Ok((seq, payload)) => {
                self.streamed.note(seq, false);
                self.bytes += payload.content().payload.len();
                let kept = self.tail.keep(payload.recorded_at(), payload.content());
                if self.sender.is_some() {
                    self.payloads.push(payload);
                }
                kept.map_err(LedgerError::Scratch)?;
                if self.kept.is_multiple_of(AT_HAND) {
                    self.admission.state.archived(self.tail.count());
                }
                return Ok(());
            }
            Err(LedgerError::Refused(refused)) => self.refusals.add(refused),
            Err(error) => _ = self.failure.get_or_insert(error),
        }
        // Nothing of it will be written.
        self.sender = None;
        self.payloads = Vec::new();
        let place = Seq(self.admission.state.count());
        let key = key.map(|key| key.to_string());
        self.refusals.keys.extend(key.map(|key| (key, place)));
        self.admission.state.apply_missing();
        self.tail.keep_place().map_err(LedgerError::Scratch)
    }

    /// Sends what was admitted since the last batch; whether the writer still takes it. The state lets go of it.
    fn send_batch(&mut self) -> bool {
        self.admission.state.archived(self.tail.count());
        (self.kept, self.bytes) = (0, 0);
        let payloads = std::mem::take(&mut self.payloads);
        let required = std::mem::take(&mut self.admission.required);
        payloads.is_empty() || self.send(Step::Batch(payloads, required))
    }

    /// That every record which was asked for could be read.
    fn check_readable(&self) -> Result<(), LedgerError> {
        match self.tail.failure() {
            Some(failure) => Err(LedgerError::Scratch(failure)),
            None => self.admission.check_readable(),
        }
    }

    fn send(&self, step: Step) -> bool {
        let sender = self.sender.as_ref();
        sender.is_none_or(|sender| sender.send(step).is_ok())
    }
}

impl Refusals {
    fn add(&mut self, refused: Vec<Refusal>) {
        self.count += refused.len();
        let room = TOLD - self.first.len();
        self.first.extend(refused.into_iter().take(room));
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

    fn bind(
        &mut self,
        payloads: Vec<Payload>,
        required: &Required,
    ) -> Result<Vec<Sealed>, LedgerError> {
        let salts = append::salts(self.environment, payloads.len())?;
        let bodies = payloads.into_iter().zip(salts);
        let bodies = bodies.map(|(payload, salt)| payload.salted(salt)).collect();
        let (mut records, head) = bind(self.bound.head, bodies);
        if let Some(last) = records.last_mut()
            && !required.is_empty()
        {
            last.signatures = required.sign(self.signers, &self.origin, head)?;
        }
        for record in &records {
            self.bound
                .tree
                .push(leaf_hash(&record.header.to_bytes()))
                .map_err(super::error::too_large)?;
            self.bound.definitions.push_record(record);
        }
        self.bound.head = head;
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
            Ok(Step::Batch(payloads, required)) => match self.bind(payloads, &required) {
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
