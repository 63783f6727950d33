//! The process that serves a ledger, and lends its log to others.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::message::{Frame, Line, Message, VERSION, Welcome, malformed};
use super::socket;
use crate::error::{Aborted, AppendError, LogError};
use crate::log::{Compaction, Lent, Log, Parts as _, Reader, Stored};
use crate::source::{Batch, BatchSource};
use crate::spool::{Spool, Stretch};
use servanda_core::chain::record::{Head, Sealed};

/// Most connections at once. A client has one, and another while it appends. Those beyond are hung up on, and wait as
/// for the lock.
pub const MAX_CLIENTS: usize = 128;

/// How long a client may leave the server without a byte in the middle of a stream, or between two questions. It
/// connects again when it has another one.
const IDLE: Duration = Duration::from_secs(600);

/// How long a client may take to accept a part of an answer.
const ACCEPTS: Duration = Duration::from_secs(30);

/// How long what is under way may take when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// Most records that are read for one frame.
const READ: u64 = 4096;

/// What is done with the log by the thread that has it.
pub type Work = Box<dyn FnOnce(&mut dyn Log) -> Lent + Send>;

/// The owner of a log, which lends it.
pub trait Host: Send + Sync + 'static {
    /// The head, as far as everybody is shown the records.
    fn head(&self) -> Head;

    /// What reads the records, and the snapshots.
    fn reader(&self) -> Arc<dyn Reader>;

    /// Lets work be done with the log while nobody else appends, and shows everybody what became of it before this
    /// returns.
    ///
    /// # Errors
    /// [`LogError`] where the log was closed: nothing was done.
    fn lend(&self, work: Work) -> Result<(), LogError>;
}

/// A log that is lent. Dropping it ends that: what is under way is finished, and the socket is removed.
pub struct Hosting {
    dir: PathBuf,
    clients: Arc<Clients>,
    accepting: Option<JoinHandle<()>>,
}

/// The connections.
#[derive(Default)]
struct Clients {
    is_over: AtomicBool,
    /// What ends each of them.
    open: Mutex<HashMap<u64, UnixStream>>,
    gone: Condvar,
}

impl Clients {
    fn open(&self) -> MutexGuard<'_, HashMap<u64, UnixStream>> {
        // Each change is one step.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hosting {
    /// Lends the log of a ledger through the socket in its directory, of which the caller has the lock.
    ///
    /// # Errors
    /// What the system says: the socket cannot be made.
    pub fn begin(dir: &Path, host: Arc<dyn Host>) -> io::Result<Self> {
        let listener = socket::bind(dir)?;
        let clients = Arc::new(Clients::default());
        let shared = Arc::clone(&clients);
        let accepting = thread::Builder::new()
            .name("servanda-socket".to_owned())
            .spawn(move || accept(&listener, &shared, &host))?;
        Ok(Self {
            dir: dir.to_owned(),
            clients,
            accepting: Some(accepting),
        })
    }
}

impl Drop for Hosting {
    fn drop(&mut self) {
        self.clients.is_over.store(true, Ordering::SeqCst);
        // The connection wakes the thread that accepts. Where the socket is gone, nobody comes any more.
        if socket::connect(&self.dir).is_ok()
            && let Some(accepting) = self.accepting.take()
        {
            let _ended = accepting.join();
        }
        socket::remove(&self.dir);
        let open = self.clients.open();
        for stream in open.values() {
            // No further question is heard. The one before is answered.
            let _ended = stream.shutdown(Shutdown::Read);
        }
        let waited = self
            .clients
            .gone
            .wait_timeout_while(open, GRACE, |open| !open.is_empty());
        drop(waited);
    }
}

fn accept(listener: &UnixListener, clients: &Arc<Clients>, host: &Arc<dyn Host>) {
    for number in 0.. {
        let accepted = listener.accept();
        if clients.is_over.load(Ordering::SeqCst) {
            return;
        }
        let Ok((stream, _)) = accepted else {
            // The process has too many files open.
            thread::sleep(Duration::from_millis(100));
            continue;
        };
        // Who is refused waits for the lock.
        let _refused = welcome(stream, number, clients, host);
    }
}

fn welcome(
    stream: UnixStream,
    number: u64,
    clients: &Arc<Clients>,
    host: &Arc<dyn Host>,
) -> io::Result<()> {
    socket::check_peer(&stream)?;
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(ACCEPTS))?;
    let mut open = clients.open();
    if open.len() >= MAX_CLIENTS {
        return Ok(());
    }
    open.insert(number, stream.try_clone()?);
    drop(open);
    let leaving = Leaving(Arc::clone(clients), number);
    let host = Arc::clone(host);
    let thread = thread::Builder::new().name("servanda-client".to_owned());
    thread.spawn(move || {
        // The host is let go first: who waits for the last client may close the log.
        let (_leaving, host) = (leaving, host);
        // However it ended: the client is gone, or it is of no use to talk to it.
        let _ended = converse(&mut Line(stream), &*host);
    })?;
    Ok(())
}

/// Takes a connection out of the list of those that are open, however it ends.
struct Leaving(Arc<Clients>, u64);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.open().remove(&self.1);
        self.0.gone.notify_all();
    }
}

/// Answers until the client leaves.
fn converse(line: &mut Line, host: &dyn Host) -> io::Result<()> {
    match line.hear_message()? {
        Message::Hello { version, program }
            if version == VERSION && program == env!("CARGO_PKG_VERSION") =>
        {
            let welcome = lent(host, |log| (Welcome::to(log), Lent::Unchanged));
            line.say(&welcome.map_or_else(failed, Message::Welcome))?;
        }
        _ => {
            let program = env!("CARGO_PKG_VERSION").to_owned();
            return line.say(&Message::OtherVersion { program });
        }
    }
    loop {
        let question = line.hear_message()?;
        answer(line, host, question)?;
    }
}

impl Welcome {
    fn to(log: &mut dyn Log) -> Self {
        Self {
            damage: log.damage(),
            is_copied: log.is_copied(),
            keeps_snapshots: log.snapshots().is_some(),
            erases: log.eraser().is_some(),
            compacts: log.compactor().is_some(),
        }
    }
}

fn answer(line: &mut Line, host: &dyn Host, question: Message) -> io::Result<()> {
    match question {
        Message::Head => line.say(&Message::At(host.head().into())),
        Message::Read { from, limit } => match host.reader().read(from, limit.min(READ) as usize) {
            Ok(records) => line.send_some_records(&records),
            Err(error) => line.say(&failed(error)),
        },
        Message::Append { expected } => append(line, host, expected.into()),
        Message::ListSnapshots => {
            let counts = host.reader().snapshot_counts();
            line.say(&counts.map_or_else(failed, Message::Counts))
        }
        Message::Load { count } => match host.reader().snapshot(count) {
            Ok(Some(bytes)) => {
                line.send_bytes(&bytes)?;
                line.say(&Message::End)
            }
            Ok(None) => line.say(&Message::Missing),
            Err(error) => line.say(&failed(error)),
        },
        Message::Put { count } => put(line, host, count),
        Message::Remove { count } => {
            let removed = lent(host, move |log| {
                (
                    log.cache().and_then(|cache| cache.remove(count)),
                    Lent::Unchanged,
                )
            });
            line.say(&done(removed))
        }
        Message::Erase => erase(line, host),
        Message::Compact => {
            let compacted = lent(host, |log| {
                (
                    log.compacting().and_then(|log| log.compact()),
                    Lent::Unchanged,
                )
            });
            line.say(&match compacted.and_then(|compacted| compacted) {
                Ok(Compaction { before, after }) => Message::Compacted { before, after },
                Err(error) => failed(error),
            })
        }
        other => Err(malformed(format!("{other:?} is no question"))),
    }
}

/// Lets work be done with the log, and gives what it found.
fn lent<T: Send + 'static>(
    host: &dyn Host,
    work: impl FnOnce(&mut dyn Log) -> (T, Lent) + Send + 'static,
) -> Result<T, LogError> {
    let (answer, answered) = sync_channel(1);
    host.lend(Box::new(move |log| {
        let (found, lent) = work(log);
        let _gone = answer.send(found);
        lent
    }))?;
    answered.recv().map_err(|_| LogError::closed())
}

fn failed(error: LogError) -> Message {
    Message::Failed((&error).into())
}

fn done(outcome: Result<Result<(), LogError>, LogError>) -> Message {
    outcome
        .and_then(|outcome| outcome)
        .map_or_else(failed, |()| Message::Done)
}

// ---- What comes in parts ----

/// Takes a whole stream from the client, and appends it then.
fn append(line: &mut Line, host: &dyn Host, expected: Head) -> io::Result<()> {
    let found = host.head();
    if found != expected {
        return line.say(&Message::Moved(found.into()));
    }
    line.say(&Message::Done)?;
    let mut taken = Taken::behind(expected);
    loop {
        let kept = match line.hear()? {
            Frame::Records(records) => taken.take(&records),
            Frame::Message(Message::At(head)) => {
                taken.ends.push_back(head.into());
                Ok(())
            }
            Frame::Message(Message::End) => break,
            other => return Err(malformed(format!("{other:?} in an append"))),
        };
        if let Err(error) = kept {
            line.say(&failed(scratch(error)))?;
            return Err(malformed("the stream cannot be kept".to_owned()));
        }
    }
    let appended = lent(host, move |log| {
        let appended = log.append(expected, &mut taken);
        let appended = match (appended, taken.failure) {
            (Err(AppendError::Failed(_)), Some(error)) => Err(scratch(error).into()),
            (appended, _) => appended,
        };
        (appended, Lent::Appended)
    });
    line.say(&match appended {
        Ok(Ok(head)) => Message::At(head.into()),
        Ok(Err(AppendError::HeadMoved(head))) => Message::Moved(head.into()),
        Ok(Err(AppendError::Uncertain(error))) => Message::Uncertain((&error).into()),
        Ok(Err(AppendError::Unconfirmed(error))) => Message::Unconfirmed((&error).into()),
        Ok(Err(AppendError::Failed(error))) | Err(error) => failed(error),
    })
}

fn scratch(source: io::Error) -> LogError {
    LogError::Io {
        doing: "keeping what is to be appended in the server's scratch directory".to_owned(),
        source,
    }
}

/// The batches of a stream, taken whole.
struct Taken {
    records: Spool,
    /// The number of the first record, and of the next to give.
    first: u64,
    next: u64,
    /// The head behind each batch.
    ends: VecDeque<Head>,
    /// Why the spool could not be read.
    failure: Option<io::Error>,
}

impl Taken {
    fn behind(head: Head) -> Self {
        Self {
            records: Spool::default(),
            first: head.count,
            next: head.count,
            ends: VecDeque::new(),
            failure: None,
        }
    }

    fn take(&mut self, records: &[Stored]) -> io::Result<()> {
        records
            .iter()
            .try_for_each(|stored| self.records.push(&[&stored.sealed.0]))
    }

    fn stretch(&mut self) -> Result<Stretch, Aborted> {
        self.records
            .stretch(self.next - self.first)
            .map_err(|error| {
                self.failure = Some(error);
                Aborted
            })
    }
}

impl BatchSource for Taken {
    fn next_batch(&mut self) -> Result<Option<Batch>, Aborted> {
        let Some(end) = self.ends.pop_front() else {
            return Ok(None);
        };
        let mut batch = Vec::new();
        while self.next < end.count {
            let stretch = self.stretch()?;
            let wanted = self.next - self.first..end.count - self.first;
            let found = stretch.iter().filter(|(at, _)| wanted.contains(at));
            batch.extend(found.map(|(_, bytes)| Sealed::from(bytes.to_vec())));
            self.next = (self.first + stretch.end()).min(end.count);
        }
        Ok(Some((batch, end)))
    }
}

/// Takes a whole snapshot from the client, and stores it then.
fn put(line: &mut Line, host: &dyn Host, count: u64) -> io::Result<()> {
    let mut parts = Spool::default();
    loop {
        match line.hear()? {
            Frame::Bytes(part) => parts.push(&[&part])?,
            Frame::Message(Message::End) => break,
            other => return Err(malformed(format!("{other:?} in a snapshot"))),
        }
    }
    let put = lent(host, move |log| {
        let parts = Mutex::new(parts);
        let put = log.cache().and_then(|cache| {
            cache.put_chunks(count, &|give: &mut dyn FnMut(&[u8])| {
                let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
                let mut next = 0;
                while next < parts.count()
                    && let Ok(stretch) = parts.stretch(next)
                {
                    stretch.iter().for_each(|(_, part)| give(part));
                    next = stretch.end();
                }
            })
        });
        (put, Lent::Unchanged)
    });
    line.say(&done(put))
}

/// Takes all records without their words from the client, and erases them then.
fn erase(line: &mut Line, host: &dyn Host) -> io::Result<()> {
    let mut records = Vec::new();
    loop {
        match line.hear()? {
            Frame::Records(part) => records.extend(part),
            Frame::Message(Message::End) => break,
            other => return Err(malformed(format!("{other:?} in an erasure"))),
        }
    }
    let erased = lent(host, move |log| {
        (
            log.erasing().and_then(|log| log.erase(&records)),
            Lent::Erased,
        )
    });
    line.say(&done(erased))
}
