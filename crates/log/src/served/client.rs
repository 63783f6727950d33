//! The log of a process that asks a server.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::message::{Frame, Line, Message, VERSION, Welcome, malformed};
use super::socket;
use crate::directory::{self, LedgerDir};
use crate::error::{AppendError, LogError};
use crate::log::{
    ChunkSink, Compact, Compaction, Erase, Log, Parts as _, Reader, SnapshotCache, Stored,
};
use crate::open_error::OpenError;
use crate::source::{BatchSource, NoBatch, OneBatch, Peeked};
use servanda_core::chain::record::Head;

/// The version of this program, for a server of another one.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// How long a server may take to say hello, at least.
const HELLO: Duration = Duration::from_secs(1);

/// How long a server may take for an answer: appends of others come first, and one may be long.
const ANSWER: Duration = Duration::from_secs(600);

/// How often what broke off is tried again.
const ATTEMPTS: usize = 3;

/// Opens the ledger in a directory, and waits up to `wait`: the directory itself as soon as nobody has it, or the log of
/// the process that serves it.
///
/// # Errors
/// [`OpenError`]
pub(crate) fn open(dir: &Path, wait: Duration, who: &str) -> Result<Box<dyn Log>, OpenError> {
    let link = |way: Way| Link {
        dir: dir.to_owned(),
        wait,
        who: who.to_owned(),
        way: Mutex::new(Some(Arc::new(way))),
    };
    match find(dir, wait, who)? {
        Found::Own(log) => Ok(Box::new(*log)),
        Found::Server(line, welcome) => Ok(Box::new(ServedLog {
            link: Arc::new(link(Way::Server(Mutex::new(line)))),
            welcome,
        })),
    }
}

/// What opening found.
enum Found {
    /// The directory, which this process has open now.
    Own(Box<LedgerDir>),
    /// A server.
    Server(Line, Welcome),
}

fn find(dir: &Path, wait: Duration, who: &str) -> Result<Found, OpenError> {
    let began = Instant::now();
    let mut pause = Duration::ZERO;
    loop {
        let left = wait.saturating_sub(began.elapsed());
        let holder = match directory::open(dir, pause.min(left), who) {
            Ok(log) => return Ok(Found::Own(Box::new(log))),
            Err(OpenError::Locked { holder, .. }) => holder,
            Err(error) => return Err(error),
        };
        // Without an answer the lock decides: the socket may be what a killed server left.
        if let Ok((line, welcome)) = connect(dir, left.max(HELLO)) {
            return Ok(Found::Server(line, welcome?));
        }
        if wait <= began.elapsed() {
            return Err(OpenError::Locked {
                holder,
                waited: began.elapsed(),
            });
        }
        pause = (pause * 2).clamp(Duration::from_millis(2), Duration::from_millis(100));
    }
}

/// Connects to a server. One of another version is an error of its own.
fn connect(dir: &Path, patience: Duration) -> io::Result<(Line, Result<Welcome, OpenError>)> {
    let stream = socket::connect(dir)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let mut line = Line(stream);
    line.say(&Message::Hello {
        version: VERSION,
        program: PROGRAM.to_owned(),
    })?;
    let welcome = match line.hear_message()? {
        Message::Welcome(welcome) => Ok(welcome),
        Message::OtherVersion { program } => Err(OpenError::OtherVersion {
            server: program,
            own: PROGRAM,
        }),
        other => return Err(unexpected(&other)),
    };
    line.0.set_read_timeout(Some(ANSWER))?;
    line.0.set_write_timeout(Some(ANSWER))?;
    Ok((line, welcome))
}

fn unexpected(message: &Message) -> io::Error {
    malformed(format!("the server answers {message:?}"))
}

/// Why there is no answer.
enum Broken {
    /// The log failed.
    Failed(LogError),
    /// The connection is of no use any more.
    Lost(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

/// What another message than the expected one means.
fn other(message: Message) -> Broken {
    match message {
        Message::Failed(fault) => Broken::Failed(fault.into()),
        message => Broken::Lost(unexpected(&message)),
    }
}

/// The way to the log, for the log and its readers.
struct Link {
    dir: PathBuf,
    wait: Duration,
    who: String,
    /// None after a connection was lost.
    way: Mutex<Option<Arc<Way>>>,
}

/// How the log is reached.
enum Way {
    /// By a connection to a server. An append has one of its own, because its source may ask for records meanwhile.
    Server(Mutex<Line>),
    /// Here: the server ended.
    Own {
        log: Mutex<Box<LedgerDir>>,
        reader: Arc<dyn Reader>,
    },
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Link {
    /// The present way; where the last one was lost, a new one.
    fn way(&self) -> Result<Arc<Way>, LogError> {
        let mut way = lock(&self.way);
        if let Some(way) = &*way {
            return Ok(Arc::clone(way));
        }
        let found =
            find(&self.dir, self.wait, &self.who).map_err(|error| LogError::Unreachable {
                doing: "opening the ledger again, after its server ended".to_owned(),
                why: error.to_string(),
            })?;
        let found = Arc::new(match found {
            Found::Server(line, _) => Way::Server(Mutex::new(line)),
            Found::Own(log) => Way::Own {
                reader: log.reader(),
                log: Mutex::new(log),
            },
        });
        *way = Some(Arc::clone(&found));
        Ok(found)
    }

    /// Goes this way no more.
    fn lose(&self, lost: &Arc<Way>) {
        lock(&self.way).take_if(|way| Arc::ptr_eq(way, lost));
    }

    /// Asks the log, wherever it is. What is asked may be asked again.
    fn ask<T>(
        &self,
        of_server: impl Fn(&mut Line) -> Result<T, Broken>,
        own: impl Fn(&Mutex<Box<LedgerDir>>, &dyn Reader) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let mut lost = io::Error::from(io::ErrorKind::NotConnected);
        for _ in 0..ATTEMPTS {
            let way = self.way()?;
            let line = match &*way {
                Way::Own { log, reader } => return own(log, &**reader),
                Way::Server(line) => line,
            };
            let asked = of_server(&mut lock(line));
            match asked {
                Ok(answer) => return Ok(answer),
                Err(Broken::Failed(error)) => return Err(error),
                Err(Broken::Lost(error)) => {
                    self.lose(&way);
                    lost = error;
                }
            }
        }
        Err(no_answer(lost))
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let question = Message::Read {
            from,
            limit: limit as u64,
        };
        self.ask(
            |line| {
                line.say(&question)?;
                match line.hear()? {
                    Frame::Records(records) => Ok(records),
                    Frame::Message(message) => Err(other(message)),
                    Frame::Bytes(_) => Err(malformed("records were due".to_owned()).into()),
                }
            },
            |_, reader| reader.read(from, limit),
        )
    }

    fn head(&self) -> Result<Head, LogError> {
        self.ask(
            |line| {
                line.say(&Message::Head)?;
                match line.hear_message()? {
                    Message::At(place) => Ok(place.into()),
                    message => Err(other(message)),
                }
            },
            |log, _| lock(log).head(),
        )
    }

    /// Appends once.
    fn append(&self, expected: Head, source: &mut dyn BatchSource) -> Result<Head, Unappended> {
        let way = self.way().map_err(AppendError::from)?;
        if let Way::Own { log, .. } = &*way {
            return Ok(lock(log).append(expected, source)?);
        }
        let line = connect(&self.dir, HELLO.max(self.wait)).inspect_err(|_| self.lose(&way));
        let (mut line, welcome) = line.map_err(Unappended::lost)?;
        welcome.map_err(|error| no_answer(io::Error::other(error.to_string())))?;
        give(&mut line, expected, source)
    }
}

/// Why there is no head after an append.
enum Unappended {
    /// The log said so.
    Told(AppendError),
    /// The connection was lost, after all was given or before.
    Lost { error: io::Error, was_given: bool },
}

impl Unappended {
    fn lost(error: io::Error) -> Self {
        Self::Lost {
            error,
            was_given: false,
        }
    }
}

impl<E: Into<AppendError>> From<E> for Unappended {
    fn from(error: E) -> Self {
        Self::Told(error.into())
    }
}

/// Gives a source to a server, and waits for what becomes of it.
fn give(line: &mut Line, expected: Head, source: &mut dyn BatchSource) -> Result<Head, Unappended> {
    let expected_place = expected.into();
    line.say(&Message::Append {
        expected: expected_place,
    })
    .map_err(Unappended::lost)?;
    match line.hear_message().map_err(Unappended::lost)? {
        Message::Done => {}
        message => return Err(outcome(message, false)),
    }
    let mut seq = expected.count;
    while let Some((records, head)) = source.next_batch()? {
        let sent = line
            .send_records((seq..).zip(&records))
            .and_then(|()| line.say(&Message::At(head.into())));
        if let Err(error) = sent {
            // It may have said why it listens no more.
            return Err(match line.hear_message() {
                Ok(message) => outcome(message, false),
                Err(_) => Unappended::lost(error),
            });
        }
        seq += records.len() as u64;
    }
    let given = |error| Unappended::Lost {
        error,
        was_given: true,
    };
    line.say(&Message::End).map_err(given)?;
    match line.hear_message().map_err(given)? {
        Message::At(head) => Ok(head.into()),
        message => Err(outcome(message, true)),
    }
}

/// What a message other than the expected one says of an append.
fn outcome(message: Message, was_given: bool) -> Unappended {
    match message {
        Message::Moved(head) => AppendError::HeadMoved(head.into()).into(),
        Message::Uncertain(fault) => AppendError::Uncertain(fault.into()).into(),
        Message::Unconfirmed(fault) => AppendError::Unconfirmed(fault.into()).into(),
        message => match other(message) {
            Broken::Failed(error) => error.into(),
            Broken::Lost(error) => Unappended::Lost { error, was_given },
        },
    }
}

fn no_answer(error: io::Error) -> LogError {
    LogError::Unreachable {
        doing: "asking the process that serves the ledger".to_owned(),
        why: error.to_string(),
    }
}

/// A log that a server lends.
pub(super) struct ServedLog {
    link: Arc<Link>,
    welcome: Welcome,
}

/// Reads for as long as the log is open.
struct OfLink(Weak<Link>);

impl Reader for OfLink {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let link = self.0.upgrade().ok_or_else(LogError::closed)?;
        link.read(from, limit)
    }
}

impl ServedLog {
    /// Asks for something that is answered by `Done`.
    fn command(
        &self,
        of_server: impl Fn(&mut Line) -> io::Result<()>,
        own: impl Fn(&mut LedgerDir) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        self.link.ask(
            |line| {
                of_server(line)?;
                match line.hear_message()? {
                    Message::Done => Ok(()),
                    message => Err(other(message)),
                }
            },
            |log, _| own(&mut lock(log)),
        )
    }

    /// Appends what can be given again: after a lost answer the log tells whether it is there.
    fn append_again(
        &self,
        expected: Head,
        end: Head,
        source: impl Fn() -> Box<dyn BatchSource>,
    ) -> Result<Head, AppendError> {
        let mut lost = io::Error::from(io::ErrorKind::NotConnected);
        for _ in 0..ATTEMPTS {
            match self.link.append(expected, &mut *source()) {
                Ok(head) => return Ok(head),
                Err(Unappended::Told(error)) => return Err(error),
                Err(Unappended::Lost { error, was_given }) => {
                    lost = error;
                    if !was_given {
                        continue;
                    }
                }
            }
            match self.confirm(end) {
                Ok(()) => return Ok(end),
                Err(AppendError::HeadMoved(found)) if found == expected => {}
                Err(moved @ AppendError::HeadMoved(_)) => return Err(moved),
                Err(_) => return Err(AppendError::Uncertain(no_answer(lost))),
            }
        }
        Err(no_answer(lost).into())
    }
}

impl Log for ServedLog {
    fn head(&self) -> Result<Head, LogError> {
        self.link.head()
    }

    fn append(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        match Peeked::at(source)? {
            Peeked::Nothing => self.append_again(expected, expected, || Box::new(NoBatch)),
            Peeked::One((records, end)) => self.append_again(expected, end, || {
                Box::new(OneBatch::new(records.clone(), end))
            }),
            Peeked::Many(mut stream) => match self.link.append(expected, &mut stream) {
                Ok(head) => Ok(head),
                Err(Unappended::Told(error)) => Err(error),
                Err(Unappended::Lost { error, was_given }) => Err(match was_given {
                    true => AppendError::Uncertain(no_answer(error)),
                    false => no_answer(error).into(),
                }),
            },
        }
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.link.read(from, limit)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(OfLink(Arc::downgrade(&self.link)))
    }

    fn damage(&self) -> Option<String> {
        self.welcome.damage.clone()
    }

    fn is_copied(&self) -> bool {
        self.welcome.is_copied
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        self.welcome.keeps_snapshots.then_some(self)
    }

    fn eraser(&mut self) -> Option<&mut dyn Erase> {
        self.welcome.erases.then_some(self)
    }

    fn compactor(&mut self) -> Option<&mut dyn Compact> {
        self.welcome.compacts.then_some(self)
    }
}

impl SnapshotCache for ServedLog {
    fn put_chunks(&self, count: u64, chunks: &ChunkSink<'_>) -> Result<(), LogError> {
        self.command(
            |line| {
                line.say(&Message::Put { count })?;
                let mut sent = Ok(());
                chunks(&mut |chunk| {
                    if sent.is_ok() {
                        sent = line.send_bytes(chunk);
                    }
                });
                sent?;
                line.say(&Message::End)
            },
            |log| log.cache()?.put_chunks(count, chunks),
        )
    }

    fn counts(&self) -> Result<Vec<u64>, LogError> {
        self.link.ask(
            |line| {
                line.say(&Message::ListSnapshots)?;
                match line.hear_message()? {
                    Message::Counts(counts) => Ok(counts),
                    message => Err(other(message)),
                }
            },
            |log, _| lock(log).cache()?.counts(),
        )
    }

    fn load(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        self.link.ask(
            |line| {
                line.say(&Message::Load { count })?;
                let mut bytes = Vec::new();
                loop {
                    match line.hear()? {
                        Frame::Bytes(part) => bytes.extend_from_slice(&part),
                        Frame::Message(Message::End) => return Ok(Some(bytes)),
                        Frame::Message(Message::Missing) => return Ok(None),
                        Frame::Message(message) => return Err(other(message)),
                        Frame::Records(_) => {
                            return Err(malformed("a snapshot was due".to_owned()).into());
                        }
                    }
                }
            },
            |log, _| lock(log).cache()?.load(count),
        )
    }

    fn remove(&self, count: u64) -> Result<(), LogError> {
        self.command(
            |line| line.say(&Message::Remove { count }),
            |log| log.cache()?.remove(count),
        )
    }
}

impl Erase for ServedLog {
    fn erase(&mut self, records: &[Stored]) -> Result<(), LogError> {
        self.command(
            |line| {
                line.say(&Message::Erase)?;
                line.send_records(records.iter().map(|stored| (stored.seq, &stored.sealed)))?;
                line.say(&Message::End)
            },
            |log| log.erasing()?.erase(records),
        )
    }
}

impl Compact for ServedLog {
    fn compact(&mut self) -> Result<Compaction, LogError> {
        self.link.ask(
            |line| {
                line.say(&Message::Compact)?;
                match line.hear_message()? {
                    Message::Compacted { before, after } => Ok(Compaction { before, after }),
                    message => Err(other(message)),
                }
            },
            |log, _| lock(log).compacting()?.compact(),
        )
    }
}
