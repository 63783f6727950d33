//! The suite: each thing is measured for servanda and its peers in turns, so that a disk or a machine that is slower for
//! a while is slower for all of them.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use servanda_core::chain::record::{Content, Head, Sealed, Unbound, bind};
use servanda_core::event::{Event, Fields, Kind};
use servanda_ledger::group::Group;
use servanda_ledger::replay::{KnownAt, replay_in_full};
use servanda_ledger::{Ledger, Machine};
use servanda_log::directory;
use servanda_log::{Aborted, BatchSource, Log};
use tempfile::TempDir;

use crate::generator::Generator;
use crate::measure::{Better, Results, Spent, forget_files, run, size, timed};
#[cfg(feature = "peers")]
use crate::peers::sqlite;
use crate::peers::{Make, Outcome, PEERS, Peer, file};

/// What is to be measured.
pub struct Suite {
    /// Events of the history.
    pub events: u64,
    /// How often each import and verification takes its turn.
    pub rounds: usize,
    /// Single appends of each.
    pub appends: usize,
    /// The program.
    pub servanda: PathBuf,
    /// Where ledgers and peers lie meanwhile.
    pub dir: PathBuf,
    /// Whether peers import and verify too.
    pub with_peers: bool,
    /// Only measurements whose name contains this.
    pub only: Option<String>,
}

const US: f64 = 1e6;
const OURS: &str = "servanda";
const FLOOR: Option<&str> = Some("file");

impl Suite {
    fn wants(&self, what: &str) -> bool {
        self.only
            .as_ref()
            .is_none_or(|only| what.contains(only.as_str()))
    }

    fn scratch(&self) -> Outcome<TempDir> {
        Ok(TempDir::new_in(&self.dir)?)
    }

    /// Measures everything.
    pub fn run(&self) -> Outcome<Results> {
        let mut results = Results::default();
        if self.wants("append") {
            self.single_appends(&mut results)?;
        }
        for threads in [16, 64] {
            if self.wants("group") {
                self.groups(threads, &mut results)?;
            }
        }
        if self.wants("sealed") {
            self.sealed(&mut results)?;
        }
        self.bulk(&mut results)?;
        Ok(results)
    }

    fn peers(&self) -> impl Iterator<Item = (&'static str, Make)> {
        PEERS.iter().copied()
    }

    /// One event at a time, each on the disk before the next. Another one begins in each turn: what a sync costs depends on
    /// whose came before.
    fn single_appends(&self, results: &mut Results) -> Outcome<()> {
        let scratch = self.scratch()?;
        let ours = Ours(new_ledger(&scratch.path().join(OURS))?);
        let prewritten = file::Prewritten::create(scratch.path())?;
        let mut all: Vec<Box<dyn Peer>> = vec![Box::new(ours), Box::new(prewritten)];
        for (name, make) in self.peers().filter(|(name, _)| *name != "git") {
            let dir = scratch.path().join(name);
            fs::create_dir(&dir)?;
            all.push(make(&dir)?);
        }
        for turn in 0..self.appends {
            let text = format!(
                "Note number {turn}: {}",
                "what the commission heard at the crossing. ".repeat(5)
            );
            let count = all.len();
            for at in 0..count {
                let one = &mut all[(turn + at) % count];
                let (_, time) = timed(|| one.append(text.as_bytes()))?;
                let against = FLOOR.filter(|floor| *floor != one.name());
                results.add(
                    "durable single append",
                    one.name(),
                    "us",
                    Better::Less,
                    time.as_secs_f64() * US,
                    against,
                );
            }
        }
        Ok(())
    }

    /// Many threads, each with one event at a time: they share the writes and the syncs.
    fn groups(&self, threads: usize, results: &mut Results) -> Outcome<()> {
        let what = format!("group commit, {threads} threads");
        let each = (self.appends / 4).max(10);
        for _ in 0..self.rounds {
            let scratch = self.scratch()?;
            let group = Group::new(new_ledger(&scratch.path().join(OURS))?)?;
            let rate = rate_of(threads, each, |_| {
                let appender = group.appender();
                let note = event(Kind::Noted, &[("text", NOTE)])?;
                Ok(move || Ok(drop(appender.append(vec![note.clone()])?)))
            })?;
            results.add(&what, OURS, "events/s", Better::More, rate, FLOOR);
            drop(group);
            let shared = file::Shared::create(scratch.path())?;
            let rate = rate_of(threads, each, |_| {
                let shared = Arc::clone(&shared);
                Ok(move || shared.append(NOTE.as_bytes()))
            })?;
            results.add(&what, "file", "events/s", Better::More, rate, None);
            #[cfg(feature = "peers")]
            {
                let dir = scratch.path().to_owned();
                let rate = rate_of(threads, each, |_| sqlite::appender(&dir, NOTE))?;
                results.add(&what, "sqlite", "events/s", Better::More, rate, FLOOR);
            }
        }
        Ok(())
    }

    /// Records that are sealed already, into the log, in batches of 4,096.
    fn sealed(&self, results: &mut Results) -> Outcome<()> {
        let scratch = self.scratch()?;
        let bodies = Generator::new(1, self.events.min(1_000_000)).map(|line| line.into_bytes());
        let mut batches = Vec::new();
        let mut head = Head::EMPTY;
        let mut bodies = bodies.peekable();
        let mut records = 0;
        while bodies.peek().is_some() {
            let batch = bodies.by_ref().take(4_096).map(|payload| {
                let salt = *blake3::hash(&payload)
                    .as_bytes()
                    .first_chunk()
                    .expect("a hash has 32 bytes");
                Unbound {
                    content: Content {
                        kind: 0,
                        target: 0,
                        payload,
                    },
                    salt,
                    erasable: false,
                    recorded_at: 0,
                    asserted: false,
                }
            });
            let (bound, after) = bind(head, batch.collect());
            head = after;
            records += bound.len();
            batches.push((
                bound
                    .iter()
                    .map(|record| record.seal())
                    .collect::<Vec<Sealed>>(),
                after,
            ));
        }
        for round in 0..self.rounds {
            let dir = scratch.path().join(format!("sealed-{round}"));
            let mut log = directory::create(&dir, "servanda-benches")?;
            let mut source = Prepared(batches.clone().into_iter());
            let (_, time) = timed(|| Ok(log.append(Head::EMPTY, &mut source)?))?;
            results.add(
                "sealed records into the store",
                OURS,
                "records/s",
                Better::More,
                records as f64 / time.as_secs_f64(),
                None,
            );
            drop(log);
            fs::remove_dir_all(&dir)?;
        }
        Ok(())
    }

    /// Import, and on what was imported: verify, replay, report, open, size.
    fn bulk(&self, results: &mut Results) -> Outcome<()> {
        if !["import", "verify", "replay", "report", "open", "size"]
            .iter()
            .any(|what| self.wants(what))
        {
            return Ok(());
        }
        let scratch = self.scratch()?;
        let history = scratch.path().join("history.ndjson");
        write_history(&history, self.events)?;
        let last = self.rounds.saturating_sub(1);
        let mut kept: Vec<(&'static str, Box<dyn Peer>)> = Vec::new();
        for round in 0..self.rounds {
            let ledger = scratch.path().join(format!("ledger-{round}"));
            self.import(&history, &ledger, results)?;
            if round != last {
                fs::remove_dir_all(&ledger)?;
            }
            for (name, make) in self.peers().filter(|_| self.with_peers) {
                let dir = scratch.path().join(format!("{name}-{round}"));
                fs::create_dir(&dir)?;
                let mut peer = make(&dir)?;
                let mut payloads = Generator::new(1, self.events).map(String::into_bytes);
                let (_, time) = timed(|| peer.import(&mut payloads))?;
                results.add(
                    "import",
                    name,
                    "events/s",
                    Better::More,
                    self.events as f64 / time.as_secs_f64(),
                    None,
                );
                if round == last {
                    results.add(
                        "size on disk",
                        name,
                        "bytes/event",
                        Better::Less,
                        size(&dir)? as f64 / self.events as f64,
                        None,
                    );
                    kept.push((name, peer));
                } else {
                    drop(peer);
                    fs::remove_dir_all(&dir)?;
                }
            }
        }
        let ledger = scratch.path().join(format!("ledger-{last}"));
        self.sizes(&ledger, results)?;
        for _ in 0..self.rounds {
            self.verify(&ledger, results)?;
            for (name, peer) in &mut kept {
                let (_, time) = timed(|| peer.verify())?;
                results.add(
                    "verify: chain",
                    name,
                    "events/s",
                    Better::More,
                    self.events as f64 / time.as_secs_f64(),
                    None,
                );
            }
            self.reading(&ledger, results)?;
        }
        Ok(())
    }

    fn verify(&self, ledger: &Path, results: &mut Results) -> Outcome<()> {
        for (what, how) in [
            (
                "verify: chain, tree, payloads, rules",
                &["verify", "--quiet"][..],
            ),
            ("verify: chain", &["verify", "--quiet", "--chain"]),
        ] {
            let spent = run(self.command(ledger).args(how))?;
            self.add_process(what, spent, results);
        }
        Ok(())
    }

    fn command(&self, ledger: &Path) -> Command {
        let mut command = Command::new(&self.servanda);
        command.arg("--no-memory").arg("--ledger").arg(ledger);
        command
    }

    fn import(&self, history: &Path, ledger: &Path, results: &mut Results) -> Outcome<()> {
        run(self
            .command(ledger)
            .args(["init", "--quiet", "--origin", "bench.example/log"]))?;
        let spent = run(self
            .command(ledger)
            .args(["import", "--quiet"])
            .arg(history))?;
        self.add_process("import", spent, results);
        Ok(())
    }

    /// How fast a process went over all events, and what it took of memory.
    fn add_process(&self, what: &str, spent: Spent, results: &mut Results) {
        let rate = self.events as f64 / spent.time.as_secs_f64();
        results.add(what, OURS, "events/s", Better::More, rate, None);
        let memory = spent.memory as f64 / f64::from(1 << 20);
        let what = format!("memory of {what}");
        results.add(&what, OURS, "MiB", Better::Less, memory, None);
    }

    /// The ledger's directory, and its payloads alone.
    fn sizes(&self, ledger: &Path, results: &mut Results) -> Outcome<()> {
        let log = directory::open(ledger, Duration::from_secs(10), "servanda-benches")?;
        let mut payloads = 0;
        let mut next = 0;
        loop {
            let chunk = log.read(next, 4_096)?;
            let Some(last) = chunk.last() else { break };
            next = last.seq + 1;
            for stored in &chunk {
                payloads += u64::from(
                    servanda_core::chain::record::Record::open(&stored.sealed)?
                        .header
                        .payload_len,
                );
            }
        }
        drop(log);
        let per = |bytes: u64| bytes as f64 / self.events as f64;
        results.add(
            "size on disk",
            OURS,
            "bytes/event",
            Better::Less,
            per(size(ledger)?),
            Some("payloads alone"),
        );
        results.add(
            "size on disk",
            "payloads alone",
            "bytes/event",
            Better::Less,
            per(payloads),
            None,
        );
        Ok(())
    }

    /// Opening, replaying and reporting.
    fn reading(&self, dir: &Path, results: &mut Results) -> Outcome<()> {
        let (ledger, time) = timed(|| {
            let log = directory::open(dir, Duration::from_secs(10), "servanda-benches")?;
            Ok(Ledger::open(log, Machine)?)
        })?;
        results.add(
            "open",
            OURS,
            "ms",
            Better::Less,
            time.as_secs_f64() * 1e3,
            None,
        );
        let (replayed, time) = timed(|| Ok(replay_in_full(ledger.log(), KnownAt::Now)?))?;
        let rate = replayed.head.count as f64 / time.as_secs_f64();
        results.add(
            "replay into the register",
            OURS,
            "events/s",
            Better::More,
            rate,
            None,
        );
        drop(ledger);
        let what = if forget_files() {
            "report status, cold"
        } else {
            "report status, files in memory"
        };
        let spent = run(self
            .command(dir)
            .args(["report", "status", "--format", "csv"]))?;
        results.add(
            what,
            OURS,
            "ms",
            Better::Less,
            spent.time.as_secs_f64() * 1e3,
            None,
        );
        Ok(())
    }
}

/// A ledger to which notes are appended.
struct Ours(Ledger<directory::LedgerDir>);

impl Peer for Ours {
    fn name(&self) -> &'static str {
        OURS
    }

    fn append(&mut self, payload: &[u8]) -> Outcome<()> {
        let text = std::str::from_utf8(payload)?;
        self.0
            .append(vec![event(Kind::Noted, &[("text", text)])?])?;
        Ok(())
    }
}

/// The text of every note that is appended.
const NOTE: &str = "What the commission heard at the crossing, and from whom, and what it was shown there; what it could not \
     see, and why; who was present, who was not; and what both sides said of it when they were asked, item by item.";

/// Events a second of so many threads that append so many each, one at a time.
fn rate_of<W>(threads: usize, each: usize, worker: impl Fn(usize) -> Outcome<W>) -> Outcome<f64>
where
    W: FnMut() -> Outcome<()> + Send,
{
    let workers = (0..threads).map(worker).collect::<Outcome<Vec<W>>>()?;
    let began = std::time::Instant::now();
    std::thread::scope(|scope| {
        let running: Vec<_> = workers
            .into_iter()
            .map(|mut work| scope.spawn(move || (0..each).try_for_each(|_| work())))
            .collect();
        running
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })?;
    Ok((threads * each) as f64 / began.elapsed().as_secs_f64())
}

/// Batches that are there already.
struct Prepared(std::vec::IntoIter<(Vec<Sealed>, Head)>);

impl BatchSource for Prepared {
    fn next_batch(&mut self) -> Result<Option<(Vec<Sealed>, Head)>, Aborted> {
        Ok(self.0.next())
    }
}

fn event(kind: Kind, pairs: &[(&str, &str)]) -> Outcome<Event> {
    let mut fields = Fields::default();
    for (name, text) in pairs {
        fields.set(name, vec![(*text).to_owned()]);
    }
    Event::build(kind, &fields).map_err(|errors| format!("{errors:?}").into())
}

/// A ledger in a new directory.
fn new_ledger(dir: &Path) -> Outcome<Ledger<directory::LedgerDir>> {
    let log = directory::create(dir, "servanda-benches")?;
    let opening = event(Kind::LedgerOpened, &[("origin", "bench.example/log")])?;
    Ok(Ledger::create(log, Machine, opening)?)
}

fn write_history(path: &Path, events: u64) -> Outcome<()> {
    let mut out = BufWriter::with_capacity(1 << 20, fs::File::create(path)?);
    for line in Generator::new(1, events) {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}
