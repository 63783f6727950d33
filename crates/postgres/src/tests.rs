//! The log on a server of the tests' own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use super::Servers;
use super::testing::Server;
use servanda_core::chain::record::{Hash, Head, Sealed};
use servanda_log::conformance::{self, Site};
use servanda_log::{
    Aborted, AppendError, Backend as _, Batch, BatchSource, Location, Log, OneBatch, Unsupported,
};
use tempfile::TempDir;

mod turns;

/// A ledger of its own.
struct Fresh {
    at: Location,
    is_made: bool,
    cache: TempDir,
}

static SITES: AtomicU32 = AtomicU32::new(0);

impl Fresh {
    fn on(server: &Server) -> Self {
        let schema = format!("schema=l{}", SITES.fetch_add(1, Ordering::Relaxed));
        Self {
            at: Location::new(server.url("postgres", &schema)),
            is_made: false,
            cache: tempfile::tempdir().unwrap(),
        }
    }
}

impl Site for Fresh {
    fn open(&mut self) -> Result<Box<dyn Log>, String> {
        let [servers, _] = Servers::caching_in(Some(self.cache.path()));
        let opened = match std::mem::replace(&mut self.is_made, true) {
            true => servers.open(&self.at, Duration::ZERO, "a test"),
            false => servers.create(&self.at, "a test"),
        };
        opened.map_err(|error| error.to_string())
    }

    fn lacks(&self) -> &[Unsupported] {
        &[Unsupported::Compacting]
    }
}

#[test]
fn it_conforms() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let failed = conformance::check(&mut || Box::new(Fresh::on(&server)));
    assert_eq!(failed, Vec::<String>::new());
}

/// Batches, and what is done before the last.
struct Slow<F>(Vec<Batch>, Option<F>);

impl<F: FnOnce()> BatchSource for Slow<F> {
    fn next_batch(&mut self) -> Result<Option<Batch>, Aborted> {
        if self.0.len() == 1
            && let Some(then) = self.1.take()
        {
            then();
        }
        Ok((!self.0.is_empty()).then(|| self.0.remove(0)))
    }
}

/// So many records behind the empty ledger, and the head that `first` and their number name.
fn records(first: u64, count: u64) -> Batch {
    let head = Head {
        count: first + count,
        link: Hash([count as u8; 32]),
    };
    let records = (0..count).map(|_| Sealed::from(vec![7; 300])).collect();
    (records, head)
}

/// Waits until a process of the server has inserted rows, and waits for more.
fn wait_for_rows(server: &Server) {
    const WAITS: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity \
        WHERE backend_xid IS NOT NULL AND wait_event = 'ClientRead')";
    let mut client = server.client();
    let begun = Instant::now();
    while !client.query_one(WAITS, &[]).unwrap().get::<_, bool>(0) {
        assert!(begun.elapsed() < Duration::from_secs(30));
        thread::sleep(Duration::from_millis(5));
    }
}

/// A stream has its first records in a table when a single batch comes that belongs in the same place. Which of the two is
/// first there waits for nothing that the other has; otherwise the server would end one of them after a second.
#[test]
fn a_batch_beside_a_stream_waits_for_it_and_is_told_that_the_head_moved() {
    let Some(server) = Server::start(&["deadlock_timeout=100"]) else {
        return;
    };
    for size in [1, 2] {
        let mut fresh = Fresh::on(&server);
        let [mut one, mut other] = [(); 2].map(|()| fresh.open().unwrap());
        // Two batches are asked for before the first is written, and the server inserts a thousand rows at a time.
        let stream = vec![records(0, 3_000), records(3_000, 1), records(3_001, 1)];
        let (go, told) = channel();
        let appended = thread::scope(|scope| {
            let waiting = scope.spawn(move || {
                told.recv().unwrap();
                let (records, head) = records(0, size);
                other.append(Head::EMPTY, &mut OneBatch::new(records, head))
            });
            let meanwhile = || {
                wait_for_rows(&server);
                go.send(()).unwrap();
                thread::sleep(Duration::from_millis(400));
            };
            let streamed = one.append(Head::EMPTY, &mut Slow(stream, Some(meanwhile)));
            (streamed, waiting.join().unwrap())
        });
        let end = records(3_001, 1).1;
        assert_eq!(appended.0.unwrap(), end);
        assert!(matches!(appended.1, Err(AppendError::HeadMoved(found)) if found == end));
        assert!(!server.said().contains("deadlock"), "{}", server.said());
    }
}
