//! Turns beside a writer that appends without pause, and beside somebody who keeps the lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32};

use super::*;
use crate::turn::CLASS;
use postgres::Client;
use servanda_core::event::{Event, Fields, Kind};
use servanda_ledger::{Ledger, Machine};
use servanda_log::{LogError, Reader, Stored};

/// A log that counts the appends that were tried.
struct Counted {
    inner: Box<dyn Log>,
    tried: Arc<AtomicU32>,
}

impl Log for Counted {
    fn head(&self) -> Result<Head, LogError> {
        self.inner.head()
    }
    fn append(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        self.tried.fetch_add(1, Ordering::Relaxed);
        self.inner.append(expected, source)
    }
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.inner.read(from, limit)
    }
    fn reader(&self) -> Arc<dyn Reader> {
        self.inner.reader()
    }
    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }
    fn ask_for_turn(&mut self) {
        self.inner.ask_for_turn();
    }
    fn end_turn(&mut self) {
        self.inner.end_turn();
    }
    fn streams_from(&self) -> Option<usize> {
        self.inner.streams_from()
    }
}

/// Sets a flag, also where its test fails meanwhile.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn event(kind: Kind, field: &'static str, text: &str) -> Event {
    let mut fields = Fields::default();
    fields.set(field, vec![text.to_owned()]);
    Event::build(kind, &fields).unwrap()
}

fn note(text: &str) -> Event {
    event(Kind::Noted, "text", text)
}

/// The number that stands for a ledger in its lock.
fn lock_of(client: &mut Client, fresh: &Fresh) -> i32 {
    let at = fresh.at.to_string();
    let schema = at.split("schema=").nth(1).unwrap();
    let asked = format!("SELECT ('x' || left(id::text, 8))::bit(32)::int FROM {schema}.ledger");
    client.query_one(&asked, &[]).unwrap().get(0)
}

/// Those of the locks that are a turn.
const TURN: &str = "granted AND mode = 'ExclusiveLock'";

/// How many locks there are, or waits for one, of this kind.
fn count(client: &mut Client, which: &str) -> i64 {
    let asked = format!(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid::int8 = $1 AND {which}"
    );
    client
        .query_one(&asked, &[&i64::from(CLASS)])
        .unwrap()
        .get(0)
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        thread::sleep(Duration::from_millis(5));
    }
}

/// One append takes as long to check as many of the other's, so that without a turn it is late however often it is tried.
#[test]
fn a_large_append_beside_a_writer_without_pause_is_in_after_a_few_attempts() {
    const EVENTS: usize = 3_000;
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let mut fresh = Fresh::on(&server);
    let opening = event(Kind::LedgerOpened, "origin", "example.org/test");
    let mut single = Ledger::create(fresh.open().unwrap(), Machine, opening).unwrap();
    let tried = Arc::new(AtomicU32::new(0));
    let log = Counted {
        inner: fresh.open().unwrap(),
        tried: Arc::clone(&tried),
    };
    let mut large = Ledger::open(log, Machine).unwrap();
    let (is_done, singles) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let _ends = Ends(&is_done);
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                single.append(vec![note("one")]).unwrap();
                singles.fetch_add(1, Ordering::Relaxed);
            }
        });
        while singles.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        let notes: Vec<Event> = (0..EVENTS).map(|nth| note(&nth.to_string())).collect();
        let receipts = large.append(notes).unwrap();
        assert_eq!(receipts.len(), EVENTS);
        let tried = tried.load(Ordering::Relaxed);
        // The third asks for the turn, and a single event or two come before it is heard of.
        assert!(tried <= 10, "{tried} attempts");
    });
    large.catch_up().unwrap();
    let all = 1 + EVENTS as u64 + u64::from(singles.into_inner());
    assert_eq!(large.head().count, all);
}

/// Appends so many times one record, and gives how long all of it took.
fn append_singly(log: &mut dyn Log, count: u64) -> Duration {
    let begun = Instant::now();
    for _ in 0..count {
        let before = log.head().unwrap();
        let (records, head) = records(before.count, 1);
        let appended = log.append(before, &mut OneBatch::new(records, head));
        assert_eq!(appended.unwrap(), head);
    }
    begun.elapsed()
}

#[test]
fn who_keeps_the_lock_for_ever_makes_others_wait_once_in_a_while_and_blocks_nobody() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let mut fresh = Fresh::on(&server);
    let [mut one, mut other] = [(); 2].map(|()| fresh.open().unwrap());
    let mut stranger = server.client();
    let ledger = lock_of(&mut stranger, &fresh);
    let lock = "SELECT pg_advisory_lock($1, $2)";
    stranger.execute(lock, &[&CLASS, &ledger]).unwrap();
    // Long before the ten seconds are over in which nobody waits again.
    let took = append_singly(&mut one, 20);
    let waits = Duration::from_secs(2);
    assert!((waits..4 * waits).contains(&took), "{took:?}");
    // Nor is anything gained by asking, nor anything lost.
    let begun = Instant::now();
    for _ in 0..5 {
        other.ask_for_turn();
    }
    assert!(begun.elapsed() < 4 * waits, "{:?}", begun.elapsed());
    append_singly(&mut other, 3);
    other.end_turn();
    // A stream asks too, in its own statement.
    let before = other.head().unwrap();
    let (records, head) = records(before.count, 300);
    let streamed = other.append(before, &mut OneBatch::new(records, head));
    assert_eq!(streamed.unwrap(), head);
}

#[test]
fn a_turn_ends_with_its_connection_or_its_log_and_is_taken_anew() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let mut fresh = Fresh::on(&server);
    let [mut one, mut other] = [(); 2].map(|()| fresh.open().unwrap());
    let mut client = server.client();
    one.ask_for_turn();
    one.ask_for_turn();
    assert_eq!(count(&mut client, TURN), 1);
    // Its own appends wait for nobody.
    assert!(append_singly(&mut one, 5) < Duration::from_secs(2));
    let end = "SELECT pg_terminate_backend(pid) FROM pg_locks \
        WHERE locktype = 'advisory' AND classid::int8 = $1";
    client.execute(end, &[&i64::from(CLASS)]).unwrap();
    wait_until(|| count(&mut client, TURN) == 0);
    append_singly(&mut one, 1);
    one.ask_for_turn();
    assert_eq!(count(&mut client, TURN), 1);
    one.end_turn();
    assert_eq!(count(&mut client, TURN), 0);
    // Somebody who was asked goes on as soon as the turn is over.
    one.ask_for_turn();
    append_singly(&mut other, 1);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| append_singly(&mut other, 1));
        wait_until(|| count(&mut client, "NOT granted") == 1);
        drop(one);
        let took = waiting.join().unwrap();
        assert!(took < Duration::from_secs(2), "{took:?}");
    });
    wait_until(|| count(&mut client, "granted") == 0);
}
