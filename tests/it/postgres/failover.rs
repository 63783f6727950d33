//! The primary dies, and a standby takes over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use servanda_core::event::{Event, Fields, Kind};
use servanda_ledger::verify::{Unwatched, verify};
use servanda_ledger::{Ledger, Machine};
use servanda_log::{Backend as _, Location, Log};
use servanda_postgres::Servers;
use servanda_postgres::testing::Server;

/// Every append waits until one of the standbys has it on its disk.
const QUORUM: &str = "synchronous_standby_names=ANY 1 (s1, s2)";

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

/// Appends until it is told to end, and gives what was acknowledged and the longest time that one took.
fn write(at: &Location, is_done: &AtomicBool) -> (Vec<String>, Duration) {
    let mut ledger = open(at);
    let (mut acknowledged, mut longest) = (Vec::new(), Duration::ZERO);
    for nth in 0.. {
        if is_done.load(Ordering::Relaxed) {
            break;
        }
        let text = format!("note {nth}.");
        let begun = Instant::now();
        if ledger.append(vec![note(&text)]).is_ok() {
            acknowledged.push(text);
            longest = longest.max(begun.elapsed());
        }
    }
    (acknowledged, longest)
}

#[test]
fn a_standby_takes_over_and_nothing_acknowledged_is_lost() {
    let Some(mut primary) = Server::start(&[QUORUM, "max_wal_senders=10"]) else {
        eprintln!("SKIPPED: PostgreSQL is not installed");
        return;
    };
    // Until there are standbys, nothing could be committed on all of them: the first two find one that waits for none.
    let standbys = [
        primary.standby("s1", &["synchronous_standby_names="]),
        primary.standby("s2", &["synchronous_standby_names="]),
    ];
    let hosts: Vec<String> = [&primary, &standbys[0], &standbys[1]]
        .map(|server| format!("127.0.0.1:{}", server.port))
        .into();
    let at = Location::new(format!(
        "postgres://postgres@{}/postgres?target_session_attrs=read-write",
        hosts.join(",")
    ));
    let [servers, _] = Servers::caching_in(None);
    let log = servers.create(&at, "a test").unwrap();
    let mut fields = Fields::default();
    fields.set("origin", vec!["example.org/test".to_owned()]);
    let opening = Event::build(Kind::LedgerOpened, &fields).unwrap();
    drop(Ledger::create(log, Machine, opening).unwrap());

    let is_done = AtomicBool::new(false);
    let (acknowledged, longest, new) = thread::scope(|scope| {
        let writer = scope.spawn(|| write(&at, &is_done));
        thread::sleep(Duration::from_secs(2));
        primary.kill();
        // What was acknowledged is on one of the two: the one that has more of the log.
        let new = standbys
            .iter()
            .max_by_key(|standby| standby.received())
            .unwrap();
        new.promote();
        thread::sleep(Duration::from_secs(2));
        is_done.store(true, Ordering::Relaxed);
        let (acknowledged, longest) = writer.join().unwrap();
        (acknowledged, longest, new)
    });
    println!(
        "{} acknowledged; the longest append took {longest:?}",
        acknowledged.len()
    );
    assert!(!acknowledged.is_empty());
    assert!(longest < Duration::from_secs(60), "{longest:?}");

    let at = Location::new(new.url("postgres", ""));
    let ledger = open(&at);
    let mut found: Vec<String> = ledger
        .state()
        .records()
        .flatten()
        .filter_map(|held| held.recorded().to_fields().get("text").first().cloned())
        .collect();
    // Each once, in order; behind them at most the one whose answer the writer did not wait for.
    assert!(found.len() <= acknowledged.len() + 1);
    found.truncate(acknowledged.len());
    assert_eq!(found, acknowledged);
    assert!(verify(ledger.log(), &mut Unwatched).unwrap().is_sound());
}
