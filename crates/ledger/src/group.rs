//! Group commit: many threads append to one ledger, and share the writes.
//!
//! One thread, the committer, has the ledger. While it writes, requests wait; then it takes all that wait and writes
//! them in one go, with one sync. Each request is checked by itself, in the order in which they came, and is a batch
//! of its own in the chain: what one is refused does not touch the others.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::error::LedgerError;
use super::ledger::Ledger;
use super::receipt::{Outcome, Receipt};
use super::submission::Submission;
use servanda_log::Log;

/// Most requests that wait. Who brings one more waits with it ([`Appender::append`]) or is told ([`Appender::append_then`]).
pub const WAITING_MAX: usize = 1024;
/// A group is closed when it has this many events. It has at least one request, however many events that has.
const GROUP_EVENTS: usize = 16_384;
/// The least time between two snapshots: everybody waits for one, for some 80 ms with a million records. At thousands of
/// records a second they would be taken every few seconds.
const SNAPSHOT_PAUSE: Duration = Duration::from_secs(60);
/// How often the committer lets others run, where fewer requests came than the last time.
const PATIENCE: usize = 4;

/// Why a request was not appended.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// This request was refused, or failed by itself; nothing of it was appended.
    #[error(transparent)]
    Refused(#[from] LedgerError),
    /// The write failed that this request shared with others. Nothing of any was appended, unless it is
    /// [`LedgerError::Uncertain`] or [`LedgerError::Unconfirmed`].
    #[error("{0}")]
    NotWritten(Arc<LedgerError>),
    /// As many requests wait as can; this one was not taken.
    #[error("{WAITING_MAX} requests wait for the log, and no more can")]
    Crowded,
    /// Nobody commits any more; the request was not taken.
    #[error("the ledger was closed")]
    Closed,
    /// The committer ended before it answered. Whether the events were appended is not known: open the ledger again
    /// and look.
    #[error("the outcome of the append is uncertain: its committer gave up")]
    Lost,
}

/// A ledger to which many threads append.
pub struct Group<S> {
    appender: Appender<S>,
    committer: JoinHandle<Ledger<S>>,
}

/// Appends to the ledger of a [`Group`]. Clones are for other threads.
pub struct Appender<S> {
    messages: SyncSender<Message<S>>,
}

/// What is done with the ledger between two writes. What it gives tells the visitor.
type Visit<S> = Box<dyn FnOnce(&mut Ledger<S>) -> Box<dyn FnOnce()> + Send>;

enum Message<S> {
    Append(Request),
    Visit(Visit<S>),
    Close,
}

struct Request {
    events: Vec<Submission>,
    /// None once it was taken to be committed.
    answer: Option<Answer>,
}

/// What is told to whoever asked.
type Told = Result<Vec<Receipt>, GroupError>;

/// Whom to tell. Dropped before, that the committer gave up.
struct Answer(Option<Box<dyn FnOnce(Told) + Send>>);

impl Answer {
    fn tell(mut self, told: Told) {
        if let Some(then) = self.0.take() {
            then(told);
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(then) = self.0.take() {
            then(Err(GroupError::Lost));
        }
    }
}

impl Request {
    fn new(events: Vec<impl Into<Submission>>, then: impl FnOnce(Told) + Send + 'static) -> Self {
        Self {
            events: events.into_iter().map(Into::into).collect(),
            answer: Some(Answer(Some(Box::new(then)))),
        }
    }

    fn take(mut self) -> (Vec<Submission>, Option<Answer>) {
        (std::mem::take(&mut self.events), self.answer.take())
    }
}

impl Drop for Request {
    /// Nobody takes it any more.
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            answer.tell(Err(GroupError::Closed));
        }
    }
}

impl<S: Log + 'static> Group<S> {
    /// Lets many threads append to a ledger.
    ///
    /// # Errors
    /// What the system says where it gives no thread; the ledger is then closed.
    pub fn new(ledger: Ledger<S>) -> Result<Self, io::Error> {
        Self::noting(ledger, |_| {})
    }

    /// As [`Group::new`], and shows the ledger after each write and each visit, before anybody is answered: so that what
    /// is told of it then can be read by those who are answered.
    ///
    /// # Errors
    /// As [`Group::new`].
    pub fn noting(
        mut ledger: Ledger<S>,
        note: impl FnMut(&Ledger<S>) + Send + 'static,
    ) -> Result<Self, io::Error> {
        ledger.pause_between_snapshots(Some(SNAPSHOT_PAUSE));
        let (messages, waiting) = sync_channel(WAITING_MAX);
        let thread = thread::Builder::new().name("servanda-committer".to_owned());
        let committer = thread.spawn(move || commit(ledger, &waiting, note))?;
        Ok(Self {
            appender: Appender { messages },
            committer,
        })
    }

    /// A handle to append with.
    pub fn appender(&self) -> Appender<S> {
        self.appender.clone()
    }

    /// Waits until all that was asked for before is done, and gives the ledger back. What is asked for later is
    /// refused.
    ///
    /// # Errors
    /// [`GroupError::Lost`], where the committer gave up.
    pub fn close(self) -> Result<Ledger<S>, GroupError> {
        // If nobody takes it, the committer has ended already.
        let _ended = self.appender.messages.send(Message::Close);
        let mut ledger = self.committer.join().map_err(|_| GroupError::Lost)?;
        ledger.pause_between_snapshots(None);
        Ok(ledger)
    }
}

impl<S> std::fmt::Debug for Group<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").finish_non_exhaustive()
    }
}

impl<S> Clone for Appender<S> {
    fn clone(&self) -> Self {
        Self {
            messages: self.messages.clone(),
        }
    }
}

impl<S> std::fmt::Debug for Appender<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Appender").finish_non_exhaustive()
    }
}

impl<S: 'static> Appender<S> {
    /// Appends events, all or none, as [`Ledger::append`] does, perhaps with those of others. When this returns, they
    /// are on the disk.
    ///
    /// # Errors
    /// [`GroupError`]
    pub fn append(&self, events: Vec<impl Into<Submission>>) -> Result<Vec<Receipt>, GroupError> {
        let (answer, answered) = sync_channel(1);
        // Whoever asked may be gone. The events are there all the same.
        let request = Request::new(events, move |told| drop(answer.send(told)));
        // A request that nobody takes says so when it is dropped, which must be before its answer is waited for.
        drop(self.messages.send(Message::Append(request)));
        answered.recv().map_err(|_| GroupError::Lost)?
    }

    /// As [`Appender::append`], and never waits: `then` is told what became of the events, on the thread that writes, so
    /// it must be short; or at once, that as many wait as can.
    pub fn append_then(
        &self,
        events: Vec<impl Into<Submission>>,
        then: impl FnOnce(Told) + Send + 'static,
    ) {
        let request = Message::Append(Request::new(events, then));
        if let Err(TrySendError::Full(Message::Append(request))) = self.messages.try_send(request)
            && let (_, Some(answer)) = request.take()
        {
            answer.tell(Err(GroupError::Crowded));
        }
    }

    /// Does something with the ledger while nobody appends, after all that was asked for before. It keeps everybody
    /// waiting, so it must be short.
    ///
    /// # Errors
    /// [`GroupError::Closed`]; [`GroupError::Lost`] where the committer ended meanwhile.
    pub fn visit<T: Send + 'static>(
        &self,
        visit: impl FnOnce(&mut Ledger<S>) -> T + Send + 'static,
    ) -> Result<T, GroupError> {
        let (answer, answered) = sync_channel(1);
        let visit: Visit<S> = Box::new(move |ledger| {
            let found = visit(ledger);
            // Whoever asked may be gone. What was done is done all the same.
            Box::new(move || drop(answer.send(found)))
        });
        self.messages
            .send(Message::Visit(visit))
            .map_err(|_| GroupError::Closed)?;
        answered.recv().map_err(|_| GroupError::Lost)
    }
}

impl<S: 'static> Appender<S> {
    /// Does something with the ledger as [`Appender::visit`] does, and does not wait for it. False where as many
    /// wait as can: it is not done then.
    ///
    /// # Errors
    /// [`GroupError::Closed`]
    pub fn visit_later(
        &self,
        visit: impl FnOnce(&mut Ledger<S>) + Send + 'static,
    ) -> Result<bool, GroupError> {
        let visit: Visit<S> = Box::new(move |ledger| {
            visit(ledger);
            Box::new(|| ())
        });
        match self.messages.try_send(Message::Visit(visit)) {
            Err(TrySendError::Disconnected(_)) => Err(GroupError::Closed),
            Err(TrySendError::Full(_)) => Ok(false),
            Ok(()) => Ok(true),
        }
    }
}

/// Commits until the group is closed, or nobody is left who could append.
fn commit<S: Log>(
    mut ledger: Ledger<S>,
    waiting: &Receiver<Message<S>>,
    mut note: impl FnMut(&Ledger<S>),
) -> Ledger<S> {
    let mut last_time = 1;
    let mut next = waiting.recv().ok();
    loop {
        next = match next {
            None | Some(Message::Close) => return ledger,
            Some(Message::Visit(visit)) => {
                let tell = visit(&mut ledger);
                note(&ledger);
                tell();
                waiting.recv().ok()
            }
            Some(Message::Append(first)) => {
                let (requests, after) = gather(first, last_time, waiting);
                last_time = requests.len();
                let (events, answers): (Vec<_>, Vec<_>) =
                    requests.into_iter().map(Request::take).unzip();
                let outcomes = told(ledger.append_group(events), answers.len());
                note(&ledger);
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    if let Some(answer) = answer {
                        answer.tell(outcome);
                    }
                }
                after.or_else(|| waiting.recv().ok())
            }
        };
    }
}

/// All that wait, up to the first message of another kind. Threads that were just answered are about to ask again: for
/// as many as there were the last time this waits a moment, for a sync shared by few costs as much.
fn gather<S>(
    first: Request,
    last_time: usize,
    waiting: &Receiver<Message<S>>,
) -> (Vec<Request>, Option<Message<S>>) {
    let mut events = first.events.len();
    let mut requests = vec![first];
    let mut patience = PATIENCE;
    while events < GROUP_EVENTS {
        match waiting.try_recv() {
            Ok(Message::Append(request)) => {
                events += request.events.len();
                requests.push(request);
            }
            Ok(other) => return (requests, Some(other)),
            Err(_) if requests.len() < last_time && patience > 0 => {
                patience -= 1;
                thread::yield_now();
            }
            Err(_) => break,
        }
    }
    (requests, None)
}

/// What each request is told.
fn told(written: Result<Vec<Outcome>, LedgerError>, count: usize) -> Vec<Told> {
    match written {
        Ok(outcomes) => {
            let refused = |outcome: Outcome| outcome.map_err(GroupError::Refused);
            outcomes.into_iter().map(refused).collect()
        }
        Err(error) => {
            let error = Arc::new(error);
            let failed = || Err(GroupError::NotWritten(Arc::clone(&error)));
            std::iter::repeat_with(failed).take(count).collect()
        }
    }
}

#[cfg(test)]
mod tests;
