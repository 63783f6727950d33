//! A ledger on a PostgreSQL server, beside the server alone: the same bytes, by the same driver, in turns.
//!
//! The server is one of this run's own. Its data lies in the system's scratch directory (`TMPDIR`), which is to be on the
//! disk that is measured.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::Type;
use postgres::{Client, binary_copy::BinaryCopyOutIter};

use servanda_core::event::{Event, Fields, Kind};
use servanda_ledger::group::Group;
use servanda_ledger::replay::{KnownAt, replay_in_full};
use servanda_ledger::{Ledger, Machine};
use servanda_log::{Backend as _, Location, Log};
use servanda_postgres::Servers;
use servanda_postgres::testing::Server;

use crate::generator::Generator;
use crate::measure::{Better, Results, run, timed};
use crate::peers::Outcome;

const OURS: &str = "servanda";
const FLOOR: &str = "PostgreSQL";
const THREADS: usize = 16;

/// The table of the floor: what a ledger keeps of a record, and nothing else.
const BARE: &str = "CREATE TABLE bare (seq int8 PRIMARY KEY, sealed bytea NOT NULL)";
const INSERT: &str = "INSERT INTO bare (seq, sealed) VALUES ($1, $2)";
const INSERT_MANY: &str = "INSERT INTO bare (seq, sealed) \
    SELECT $1 + at - 1, sealed FROM unnest($2::bytea[]) WITH ORDINALITY AS given (sealed, at)";

/// What is measured.
pub struct OnPostgres {
    /// How often each takes its turn.
    pub rounds: usize,
    /// Appends of a turn.
    pub appends: usize,
    /// Events of the history that is replayed.
    pub events: u64,
    /// The program, which imports that history.
    pub servanda: PathBuf,
}

type OpenLedger = Ledger<Box<dyn Log>>;

impl OnPostgres {
    /// Measures everything.
    pub fn run(&self) -> Outcome<Results> {
        let server = Server::start(&["shared_buffers=512MB", "max_wal_size=4GB"]);
        let server = server.ok_or("PostgreSQL is not installed")?;
        let mut results = Results::default();
        for round in 0..self.rounds {
            self.single(&server, round, &mut results)?;
            self.batches(&server, round, &mut results)?;
        }
        self.replay(&server, &mut results)?;
        Ok(results)
    }

    /// One durable append after the other, by one process. Ours and the floor's take turns, a few of each.
    fn single(&self, server: &Server, round: usize, results: &mut Results) -> Outcome<()> {
        const TOGETHER: usize = 20;
        let what = "durable single append, p50";
        let mut ledger = new_ledger(server, &format!("single{round}"))?;
        let mut client = bare(server, &format!("bare_single{round}"))?;
        let insert = client.prepare(INSERT)?;
        let bytes = sealed(&mut ledger)?;
        let mut seq = 0_i64;
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..self.appends.div_ceil(TOGETHER) {
            for _ in 0..TOGETHER {
                let given = vec![note()?];
                let began = Instant::now();
                ledger.append(given)?;
                ours.push(began.elapsed().as_secs_f64() * 1e6);
            }
            for _ in 0..TOGETHER {
                seq += 1;
                let began = Instant::now();
                client.execute(&insert, &[&seq, &&bytes[..]])?;
                floor.push(began.elapsed().as_secs_f64() * 1e6);
            }
        }
        let p50 = |times: &[f64]| crate::measure::quantile(times, 0.5);
        results.add(what, OURS, "us", Better::Less, p50(&ours), Some(FLOOR));
        results.add(what, FLOOR, "us", Better::Less, p50(&floor), None);
        Ok(())
    }

    /// Many threads, each with batches: ours share a ledger, the floor's have a connection each.
    fn batches(&self, server: &Server, round: usize, results: &mut Results) -> Outcome<()> {
        for many in [1, 100] {
            let what = format!("{THREADS} threads, batches of {many}");
            let each = (self.appends / 10).max(10);
            let mut ledger = new_ledger(server, &format!("group{many}_{round}"))?;
            let bytes = sealed(&mut ledger)?;
            let group = Group::new(ledger)?;
            let ((), time) = timed(|| {
                at_once(|_| {
                    let appender = group.appender();
                    let events = (0..many).map(|_| note()).collect::<Outcome<Vec<_>>>()?;
                    for _ in 0..each {
                        appender.append(events.clone())?;
                    }
                    Ok(())
                })
            })?;
            let rate = |time: Duration| (THREADS * each * many) as f64 / time.as_secs_f64();
            results.add(&what, OURS, "events/s", Better::More, rate(time), Some(FLOOR));
            drop(group);
            let schema = format!("bare_group{many}_{round}");
            drop(bare(server, &schema)?);
            let clients = (0..THREADS).map(|_| looking_in(server, &schema));
            let clients = clients.collect::<Outcome<Vec<_>>>()?;
            let clients: Vec<_> = clients.into_iter().map(std::sync::Mutex::new).collect();
            let clients = Arc::new(clients);
            let ((), time) = timed(|| {
                at_once(|thread| {
                    let mut client = clients[thread].lock().map_err(|_| "a thread panicked")?;
                    let insert = client.prepare(INSERT_MANY)?;
                    let rows: Vec<&[u8]> = vec![&bytes; many];
                    for nth in 0..each {
                        let seq = ((thread * each + nth) * many) as i64;
                        client.execute(&insert, &[&seq, &rows])?;
                    }
                    Ok(())
                })
            })?;
            results.add(&what, FLOOR, "events/s", Better::More, rate(time), None);
        }
        Ok(())
    }

    /// All records of a history, read and folded into a state, beside COPY of the same rows and no more.
    fn replay(&self, server: &Server, results: &mut Results) -> Outcome<()> {
        let what = "replay";
        let scratch = tempfile::tempdir()?;
        let history = scratch.path().join("history");
        let lines: Vec<String> = Generator::new(1, self.events).collect();
        std::fs::write(&history, lines.join("\n"))?;
        let url = server.url("postgres", "schema=history");
        for words in [
            &["init", "--origin", "bench.example/log"][..],
            &["import", path(&history)],
        ] {
            let mut command = Command::new(&self.servanda);
            command.args(["--no-memory", "--quiet", "--ledger", &url]).args(words);
            let spent = run(&mut command)?;
            if words[0] == "import" {
                let rate = self.events as f64 / spent.time.as_secs_f64();
                results.add("import", OURS, "events/s", Better::More, rate, None);
            }
        }
        looking_in(server, "history")?.batch_execute("VACUUM ANALYZE records")?;
        for _ in 0..self.rounds {
            let [servers, _] = Servers::caching_in(None);
            let at = Location::new(url.clone());
            let log = servers.open(&at, Duration::ZERO, "servanda-benches")?;
            let (replayed, time) = timed(|| Ok(replay_in_full(&log, KnownAt::Now)?))?;
            let count = replayed.head.count as f64;
            let rate = |time: Duration| count / time.as_secs_f64();
            results.add(what, OURS, "events/s", Better::More, rate(time), Some(FLOOR));
            let ((), time) = timed(|| read_all(&log))?;
            let rows = "records read, and not looked at";
            results.add(rows, OURS, "events/s", Better::More, rate(time), None);
            let mut client = looking_in(server, "history")?;
            let (found, time) = timed(|| copied(&mut client))?;
            assert_eq!(found as f64, count);
            results.add(what, FLOOR, "events/s", Better::More, rate(time), None);
        }
        Ok(())
    }
}

/// Does something on so many threads at once.
fn at_once(work: impl Fn(usize) -> Outcome<()> + Sync) -> Outcome<()> {
    let work = &work;
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        running
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })
}

/// The rows as COPY gives them.
fn copied(client: &mut Client) -> Outcome<u64> {
    let copy = client.copy_out("COPY records (seq, sealed) TO STDOUT BINARY")?;
    let mut rows = BinaryCopyOutIter::new(copy, &[Type::INT8, Type::BYTEA]);
    let (mut found, mut bytes) = (0, 0);
    while let Some(row) = rows.next()? {
        bytes += row.try_get::<&[u8]>(1)?.len();
        found += 1;
    }
    assert!(bytes > 0);
    Ok(found)
}

/// The rows as the log gives them, by its reader.
fn read_all(log: &dyn Log) -> Outcome<()> {
    let mut next = 0;
    loop {
        let chunk = log.read(next, 1024)?;
        let Some(last) = chunk.last() else {
            return Ok(());
        };
        next = last.seq + 1;
    }
}

fn note() -> Outcome<Event> {
    const TEXT: &str = "What the commission heard at the crossing, and from whom, and what it was shown there; what \
        it could not see, and why; who was present, who was not; and what both sides said of it when they were asked.";
    let mut fields = Fields::default();
    fields.set("text", vec![TEXT.to_owned()]);
    Event::build(Kind::Noted, &fields).map_err(|errors| format!("{errors:?}").into())
}

/// A record as it is stored, of the ones that are appended.
fn sealed(ledger: &mut OpenLedger) -> Outcome<Vec<u8>> {
    ledger.append(vec![note()?])?;
    let last = ledger.log().read(ledger.head().count - 1, 1)?;
    Ok(last[0].sealed.0.to_vec())
}

fn new_ledger(server: &Server, schema: &str) -> Outcome<OpenLedger> {
    let at = Location::new(server.url("postgres", &format!("schema={schema}")));
    let [servers, _] = Servers::caching_in(None);
    let log = servers.create(&at, "servanda-benches")?;
    let mut fields = Fields::default();
    fields.set("origin", vec!["bench.example/log".to_owned()]);
    let opening = Event::build(Kind::LedgerOpened, &fields);
    let opening = opening.map_err(|errors| format!("{errors:?}"))?;
    Ok(Ledger::create(log, Machine, opening)?)
}

fn looking_in(server: &Server, schema: &str) -> Outcome<Client> {
    let mut client = server.client();
    client.batch_execute(&format!("SET search_path = {schema}"))?;
    Ok(client)
}

fn bare(server: &Server, schema: &str) -> Outcome<Client> {
    server.client().batch_execute(&format!("CREATE SCHEMA {schema}"))?;
    let mut client = looking_in(server, schema)?;
    client.batch_execute(BARE)?;
    Ok(client)
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}
