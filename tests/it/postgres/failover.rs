//! A primary and two standbys, of which one must have every append. The primary dies, a standby takes over, the other one
//! follows it, and the dead one comes back as a standby: once here, many times in `sh tests/endurance.sh`.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use servanda_core::event::{Event, Fields, Kind};
use servanda_ledger::verify::{Unwatched, verify};
use servanda_ledger::{Ledger, Machine};
use servanda_log::{Backend as _, Location, Log};
use servanda_postgres::Servers;
use servanda_postgres::testing::Server;

/// Every append waits until one of the others has it on its disk.
const QUORUM: &[&str] = &[
    "synchronous_standby_names=ANY 1 (s0, s1, s2)",
    "max_wal_senders=10",
    "max_replication_slots=10",
];

const WRITERS: usize = 3;

fn note(text: &str) -> Event {
    let mut fields = Fields::default();
    fields.set("text", vec![text.to_owned()]);
    Event::build(Kind::Noted, &fields).unwrap()
}

fn open(at: &Location) -> Ledger<Box<dyn Log>> {
    let [servers, _] = Servers::caching_in(None);
    let log = servers.open(at, Duration::from_secs(60), "a test").unwrap();
    Ledger::open(log, Machine).unwrap()
}

/// A server and the two that follow it, at places 0 to 2.
struct Cluster {
    servers: Vec<Server>,
    primary: usize,
}

impl Cluster {
    fn start() -> Option<Self> {
        let primary = Server::start(QUORUM)?;
        let standbys = [1, 2].map(|at| primary.standby(&format!("s{at}"), QUORUM));
        let mut servers = vec![primary];
        servers.extend(standbys);
        Some(Self {
            servers,
            primary: 0,
        })
    }

    /// Where a ledger is, whichever of them is the primary.
    fn location(&self) -> Location {
        let hosts = self.servers.iter();
        let hosts: Vec<String> = hosts
            .map(|server| format!("127.0.0.1:{}", server.port))
            .collect();
        let hosts = hosts.join(",");
        Location::new(format!(
            "postgres://postgres@{hosts}/postgres?target_session_attrs=read-write"
        ))
    }

    /// Kills the primary; another one takes over.
    fn fail_over(&mut self) {
        self.servers[self.primary].kill();
        let mut others: Vec<usize> = (0..3).filter(|at| *at != self.primary).collect();
        // What was acknowledged is on one of the two: the one that has more of the log.
        others.sort_by_key(|at| self.servers[*at].received());
        let (other, new) = (others[0], others[1]);
        self.servers[new].promote();
        self.servers[other].follow(&self.servers[new], &format!("s{other}"));
        self.primary = new;
    }

    /// Makes the one that died at a place a standby.
    fn bring_back(&mut self, dead: usize) {
        let port = self.servers[dead].port;
        let back = self.servers[self.primary].standby_at(port, &format!("s{dead}"), QUORUM);
        self.servers[dead] = back;
    }
}

/// Appends until it is told to end, and gives what was acknowledged.
fn write(at: &Location, by: usize, count: &AtomicUsize, is_done: &AtomicBool) -> Vec<String> {
    let mut ledger = open(at);
    let mut acknowledged = Vec::new();
    for nth in 0.. {
        if is_done.load(Ordering::Relaxed) {
            break;
        }
        let text = format!("note {nth} of {by}.");
        if ledger.append(vec![note(&text)]).is_ok() {
            acknowledged.push(text);
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
    acknowledged
}

/// Lets the primary die so often. Gives how many appends were acknowledged, and how long it took after each death until
/// one was again.
fn die(times: usize) -> Option<(usize, Vec<Duration>)> {
    let mut cluster = Cluster::start()?;
    let at = cluster.location();
    let [servers, _] = Servers::caching_in(None);
    let log = servers.create(&at, "a test").unwrap();
    let mut fields = Fields::default();
    fields.set("origin", vec!["example.org/test".to_owned()]);
    let opening = Event::build(Kind::LedgerOpened, &fields).unwrap();
    drop(Ledger::create(log, Machine, opening).unwrap());

    let (count, is_done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut stalls = Vec::new();
    let acknowledged: Vec<Vec<String>> = thread::scope(|scope| {
        let _ends = super::Ends(&is_done);
        let (at, count, is_done) = (&at, &count, &is_done);
        let writers: Vec<_> = (0..WRITERS)
            .map(|by| scope.spawn(move || write(at, by, count, is_done)))
            .collect();
        for _ in 0..times {
            thread::sleep(Duration::from_secs(2));
            let dead = cluster.primary;
            let began = Instant::now();
            cluster.fail_over();
            let before = count.load(Ordering::Relaxed);
            while count.load(Ordering::Relaxed) == before {
                assert!(began.elapsed() < Duration::from_secs(60), "nobody appends");
                thread::sleep(Duration::from_millis(5));
            }
            stalls.push(began.elapsed());
            cluster.bring_back(dead);
        }
        thread::sleep(Duration::from_secs(1));
        is_done.store(true, Ordering::Relaxed);
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect()
    });

    let ledger = open(&at);
    let held = ledger.state().records().flatten();
    let found: Vec<String> = held
        .filter_map(|held| held.recorded().to_fields().get("text").first().cloned())
        .collect();
    for (by, acknowledged) in acknowledged.iter().enumerate() {
        // Each once, in order; those in between were not acknowledged.
        let whose = format!(" of {by}.");
        let mut mine = found.iter().filter(|text| text.ends_with(&whose));
        for text in acknowledged {
            assert!(mine.any(|found| found == text), "{text} is lost");
        }
    }
    let mut once = found.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), found.len(), "a note is there twice");
    assert!(
        verify(ledger.log(), &mut Unwatched).unwrap().is_sound(),
        "the ledger is not sound"
    );
    Some((acknowledged.iter().map(Vec::len).sum(), stalls))
}

#[test]
fn a_standby_takes_over_and_nothing_acknowledged_is_lost() {
    let Some((acknowledged, stalls)) = die(1) else {
        eprintln!("SKIPPED: PostgreSQL is not installed");
        return;
    };
    println!("{acknowledged} acknowledged; stalls of {stalls:?}");
    assert!(acknowledged > 0);
}

/// What `sh tests/endurance.sh failovers=COUNT` runs.
#[test]
#[ignore = "long: sh tests/endurance.sh"]
fn a_long_run() {
    let times = std::env::var("SERVANDA_FAILOVERS");
    let times = times.map_or(8, |times| times.parse().unwrap());
    let (acknowledged, mut stalls) = die(times).unwrap();
    stalls.sort_unstable();
    let millis = |stall: Option<&Duration>| stall.map_or(0, Duration::as_millis);
    println!(
        "{{\"failovers\": {times}, \"acknowledged\": {acknowledged}, \"lost\": 0, \"stall_ms\": {{\"median\": {}, \"longest\": {}}}}}",
        millis(stalls.get(stalls.len() / 2)),
        millis(stalls.last())
    );
}
