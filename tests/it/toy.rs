//! A toy of a remote log: a server in a thread, and clients that reach it over a channel. Answers are late, some are
//! lost, and another writer appends in between. It has no optional parts. It passes the conformance suite and a whole
//! session of the command line: so a log over a network fits behind the trait.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use servanda::cli::{Exit, run_with};
use servanda_core::chain::record::{Head, Sealed};
use servanda_core::event::{Event, Fields, Kind};
use servanda_ledger::verify::{Unwatched, verify};
use servanda_ledger::{Ledger, Machine};
use servanda_log::conformance::{self, Site};
use servanda_log::memory::MemoryLog;
use servanda_log::{
    AppendError, Backend, BatchSource, Location, Log, LogError, OneBatch, OpenError, Reader,
    Registry, Stored, Unsupported,
};

/// What a client asks of the server. The answer goes into the channel that comes with it.
enum Request {
    /// Makes the log of this name; false if there is one.
    Create(String, Sender<bool>),
    /// Whether there is a log of this name.
    Exists(String, Sender<bool>),
    Head(String, Sender<Head>),
    Read(String, u64, usize, Sender<Vec<Stored>>),
    /// Holds records back for the transaction of this number.
    Stage(u64, Vec<Sealed>),
    Forget(u64),
    /// Appends the records of a transaction.
    Commit {
        name: String,
        transaction: u64,
        expected: Head,
        head: Head,
        answer: Sender<Result<Head, Head>>,
    },
}

/// What goes wrong on the way to the server. The numbers count commits, from 1; 0 is never.
#[derive(Debug, Clone, Copy, Default)]
struct Weather {
    /// The server waits before every answer.
    delay: Duration,
    /// Every so many commits, the answer is lost.
    loses_answer: u64,
    /// Every so many commits, the request is lost.
    loses_request: u64,
    /// The next commit is preceded by one of another writer.
    other_writer: bool,
}

/// The server's side: the logs, and what is staged.
#[derive(Default)]
struct Server {
    logs: BTreeMap<String, MemoryLog>,
    staged: BTreeMap<u64, Vec<Sealed>>,
    commits: u64,
}

impl Server {
    fn run(mut self, requests: &Receiver<Request>, weather: &Mutex<Weather>) {
        for request in requests {
            let weather = *weather.lock().unwrap();
            std::thread::sleep(weather.delay);
            // A client that does not wait for its answer is no concern of the server.
            match request {
                Request::Create(name, answer) => {
                    let is_new = !self.logs.contains_key(&name);
                    self.logs.entry(name).or_default();
                    let _ = answer.send(is_new);
                }
                Request::Exists(name, answer) => {
                    let _ = answer.send(self.logs.contains_key(&name));
                }
                Request::Head(name, answer) => {
                    let _ = answer.send(self.log(&name).head().unwrap());
                }
                Request::Read(name, from, limit, answer) => {
                    let _ = answer.send(self.log(&name).read(from, limit).unwrap());
                }
                Request::Stage(transaction, records) => {
                    self.staged.entry(transaction).or_default().extend(records);
                }
                Request::Forget(transaction) => _ = self.staged.remove(&transaction),
                Request::Commit {
                    name,
                    transaction,
                    expected,
                    head,
                    answer,
                } => {
                    let records = self.staged.remove(&transaction).unwrap_or_default();
                    self.commits += 1;
                    let commits = self.commits;
                    let is_due = |every: u64| every > 0 && commits.is_multiple_of(every);
                    if is_due(weather.loses_request) {
                        continue;
                    }
                    let mut batch = OneBatch::new(records, head);
                    let outcome = match self.log(&name).append(expected, &mut batch) {
                        Ok(head) => Ok(head),
                        Err(AppendError::HeadMoved(now)) => Err(now),
                        Err(other) => unreachable!("{other}"),
                    };
                    if !is_due(weather.loses_answer) {
                        let _ = answer.send(outcome);
                    }
                }
            }
        }
    }

    fn log(&mut self, name: &str) -> &mut MemoryLog {
        self.logs.get_mut(name).unwrap()
    }
}

/// A running server, and what its clients share.
#[derive(Clone)]
struct Toy {
    requests: Sender<Request>,
    weather: Arc<Mutex<Weather>>,
    transactions: Arc<Mutex<u64>>,
}

impl Toy {
    fn start() -> Self {
        let (requests, received) = channel();
        let weather = Arc::new(Mutex::new(Weather::default()));
        let shared = Arc::clone(&weather);
        std::thread::spawn(move || Server::default().run(&received, &shared));
        Self {
            requests,
            weather,
            transactions: Arc::default(),
        }
    }

    fn set(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
    }

    fn ask<T>(&self, request: impl FnOnce(Sender<T>) -> Request) -> Result<T, LogError> {
        let (answer, answered) = channel();
        let sent = self.requests.send(request(answer));
        sent.map_err(|_| cut_off())?;
        answered.recv().map_err(|_| cut_off())
    }

    fn client(&self, name: &str) -> Client {
        let line = Line {
            toy: self.clone(),
            name: name.to_owned(),
        };
        Client(Arc::new(line))
    }
}

fn cut_off() -> LogError {
    LogError::Io {
        doing: "asking the toy".to_owned(),
        source: io::ErrorKind::ConnectionReset.into(),
    }
}

/// A connection to one log.
struct Line {
    toy: Toy,
    name: String,
}

impl Line {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let name = self.name.clone();
        self.toy
            .ask(|answer| Request::Read(name, from, limit, answer))
    }
}

/// The log, as its users see it. Readers do not keep the connection.
struct Client(Arc<Line>);

struct Remote(Weak<Line>);

impl Reader for Remote {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let line = self.0.upgrade().ok_or_else(LogError::closed)?;
        line.read(from, limit)
    }
}

impl Client {
    /// Sends all batches of a source, and gives the head after the last.
    fn stage(
        &self,
        transaction: u64,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        let toy = &self.0.toy;
        let mut head = expected;
        loop {
            let batch = source.next_batch().inspect_err(|_| {
                let _ = toy.requests.send(Request::Forget(transaction));
            })?;
            let Some((records, after)) = batch else {
                return Ok(head);
            };
            let sent = toy.requests.send(Request::Stage(transaction, records));
            sent.map_err(|_| cut_off())?;
            head = after;
        }
    }

    /// Another writer appends a note.
    fn meddle(&self) {
        let client = self.0.toy.client(&self.0.name);
        let mut other = Ledger::open(client, Machine).unwrap();
        let mut fields = Fields::default();
        fields.set("text", vec!["from another writer".to_owned()]);
        let note = Event::build(Kind::Noted, &fields).unwrap();
        other.append(vec![note]).unwrap();
    }
}

impl Log for Client {
    fn head(&self) -> Result<Head, LogError> {
        let name = self.0.name.clone();
        self.0.toy.ask(|answer| Request::Head(name, answer))
    }

    fn append(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        let toy = &self.0.toy;
        if std::mem::take(&mut toy.weather.lock().unwrap().other_writer) {
            self.meddle();
        }
        let transaction = {
            let mut transactions = toy.transactions.lock().unwrap();
            *transactions += 1;
            *transactions
        };
        let head = self.stage(transaction, expected, source)?;
        let answer = toy.ask(|answer| Request::Commit {
            name: self.0.name.clone(),
            transaction,
            expected,
            head,
            answer,
        });
        match answer {
            Ok(outcome) => outcome.map_err(AppendError::HeadMoved),
            Err(lost) => Err(AppendError::Uncertain(lost)),
        }
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.0.read(from, limit)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(Remote(Arc::downgrade(&self.0)))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn streams_from(&self) -> Option<usize> {
        Some(2)
    }
}

/// The scheme `toy:`.
impl Backend for Toy {
    fn scheme(&self) -> &str {
        "toy"
    }

    fn check_can_create(&self, at: &Location) -> Result<(), OpenError> {
        let name = at.address().to_owned();
        match self.ask(|answer| Request::Exists(name, answer))? {
            true => Err(OpenError::AlreadyALedger(at.clone())),
            false => Ok(()),
        }
    }

    fn create(&self, at: &Location, _: &str) -> Result<Box<dyn Log>, OpenError> {
        let name = at.address().to_owned();
        match self.ask(|answer| Request::Create(name, answer))? {
            true => Ok(Box::new(self.client(at.address()))),
            false => Err(OpenError::AlreadyALedger(at.clone())),
        }
    }

    fn open(&self, at: &Location, _: Duration, _: &str) -> Result<Box<dyn Log>, OpenError> {
        let name = at.address().to_owned();
        match self.ask(|answer| Request::Exists(name, answer))? {
            true => Ok(Box::new(self.client(at.address()))),
            false => Err(OpenError::NoLedger(at.clone())),
        }
    }
}

/// One log of a server.
struct Fresh(Toy);

impl Fresh {
    fn new(weather: Weather) -> Self {
        let toy = Toy::start();
        let location = Location::new("toy:fresh");
        drop(toy.create(&location, "a test").unwrap());
        toy.set(weather);
        Self(toy)
    }
}

impl Site for Fresh {
    fn open(&mut self) -> Result<Box<dyn Log>, String> {
        Ok(Box::new(self.0.client("fresh")))
    }

    fn lacks(&self) -> &[Unsupported] {
        &[
            Unsupported::Snapshots,
            Unsupported::Erasing,
            Unsupported::Compacting,
        ]
    }

    fn loses_answers(&self) -> bool {
        let weather = self.0.weather.lock().unwrap();
        weather.loses_answer > 0 || weather.loses_request > 0
    }
}

#[test]
fn it_conforms_in_fair_weather_and_foul() {
    let fair = Weather::default();
    let foul = Weather {
        delay: Duration::from_micros(200),
        loses_answer: 3,
        loses_request: 5,
        ..fair
    };
    for weather in [fair, foul] {
        let failed = conformance::check(&mut || Box::new(Fresh::new(weather)));
        assert_eq!(failed, Vec::<String>::new(), "{weather:?}");
    }
}

/// Tells a copy of this test program to run the session, with its files in this directory.
const SESSION_IN: &str = "SERVANDA_TEST_TOY_SESSION_IN";

#[test]
fn the_command_line_has_a_whole_session_on_it() {
    let scratch = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["toy::session", "--exact", "--ignored", "--nocapture"])
        .env(SESSION_IN, scratch.path())
        .env("XDG_STATE_HOME", scratch.path().join("state"))
        .env_remove("SERVANDA_LEDGER")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stdout}\n{stderr}");
    for said in [
        "Colombia",
        "committed late",
        "from another writer",
        "Not checked",
    ] {
        assert!(stdout.contains(said), "{said}: {stdout}");
    }
    for said in [
        "cannot erase records",
        "cannot be compacted",
        "there is no ledger at toy:none",
        "toy:one is a ledger already",
        "--ledger toy:one",
    ] {
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
}

/// The commands of the session, each with its exit code.
#[test]
#[ignore = "run by another test in a process of its own"]
fn session() {
    let Some(scratch) = std::env::var_os(SESSION_IN).map(std::path::PathBuf::from) else {
        return;
    };
    let toy = Toy::start();
    let registry = Arc::new(Registry::default().with(toy.clone()));
    let run = |words: &[&str]| {
        let words = ["servanda"].iter().chain(words);
        let exit = run_with(&registry, words.map(OsString::from));
        println!();
        exit
    };
    let on = |words: &[&str]| run(&[words, &["--ledger", "toy:one"]].concat());
    let file = scratch.join("events.ndjson");
    let events = (0..9_000).map(|at| {
        format!("{{\"event\": \"note\", \"text\": \"note {at}\", \"import_key\": \"note {at}\"}}\n")
    });
    std::fs::write(&file, events.collect::<String>()).unwrap();
    let file = file.to_str().unwrap();
    let salvaged = scratch.join("salvaged");
    let salvaged = salvaged.to_str().unwrap();
    let delayed = Weather {
        delay: Duration::from_millis(1),
        ..Weather::default()
    };

    assert_eq!(run(&["log", "--ledger", "toy:none"]), Exit::NoLedger);
    toy.set(delayed);
    assert_eq!(on(&["init", "--origin", "example.org/toy"]), Exit::Ok);
    assert_eq!(on(&["init", "--origin", "example.org/toy2"]), Exit::Refused);
    let party = ["record", "party", "colombia", "--kind", "state"];
    let party = [&party[..], &["--name", "Colombia"]].concat();
    assert_eq!(on(&[&party[..], &["--dry-run"]].concat()), Exit::Ok);
    assert_eq!(on(&party), Exit::Ok);
    // The answer is lost: the ledger finds its records at the end.
    toy.set(Weather {
        loses_answer: 1,
        ..delayed
    });
    assert_eq!(
        on(&["record", "note", "--text", "committed late"]),
        Exit::Ok
    );
    assert_eq!(on(&["import", file]), Exit::Ok);
    // The request is lost: nothing is recorded, and the user is told.
    toy.set(Weather {
        loses_request: 1,
        ..delayed
    });
    let lost = ["record", "note", "--text", "never committed"];
    assert_ne!(on(&lost), Exit::Ok);
    // Another writer is faster: the events are checked again and appended behind.
    toy.set(Weather {
        other_writer: true,
        ..delayed
    });
    assert_eq!(
        on(&["record", "note", "--text", "behind the other"]),
        Exit::Ok
    );
    // The same file again is known, event by event.
    assert_eq!(on(&["import", file]), Exit::Ok);

    for words in [
        &["log", "--since", "9000"][..],
        &["show", "1"],
        &["list", "parties"],
        &["report", "status"],
        &["report", "dossier", "colombia"],
        &["checkpoint"],
        &["verify"],
        &["export"],
        &["recover", "--into", salvaged],
        &["recover", "--into", "toy:two"],
    ] {
        assert_eq!(on(words), Exit::Ok, "{words:?}");
    }
    assert_eq!(run(&["verify", "--ledger", "toy:two"]), Exit::Ok);
    assert_eq!(run(&["verify", "--ledger", salvaged]), Exit::Ok);
    let redact = ["redact", "2", "--reason", "too much"];
    let redact = [&redact[..], &["--authority", "a court"]].concat();
    assert_eq!(on(&redact), Exit::Refused);
    assert_eq!(on(&["compact"]), Exit::Refused);

    let ledger = Ledger::open(toy.client("one"), Machine).unwrap();
    let notes = 1 + 9_000 + 2;
    assert_eq!(ledger.head().count, 2 + notes);
    assert!(verify(ledger.log(), &mut Unwatched).unwrap().is_sound());
}
