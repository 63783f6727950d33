//! A command costs what it asks for: what is read of the log does not grow with the ledger.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use servanda_core::chain::record::Head;
use servanda_core::event::{Event, Kind};
use servanda_core::pages::Source;
use servanda_core::testing::event;
use servanda_core::value::id::CommitmentId;
use servanda_core::view::View;
use servanda_ledger::{Given, Ledger, Machine};
use servanda_log::{
    AppendError, BatchSource, ChunkSink, Log, LogError, Parts as _, Reader, SnapshotCache, Stored,
    directory,
};

use crate::program::Scratch;

/// So many commitments are in the large ledger.
const COMMITMENTS: usize = 20_000;

/// Most bytes of records and of the snapshot that may be read beside what is read of an empty ledger. The snapshot of the
/// large one has some 2 MB.
const MORE: u64 = 300_000;

/// A log that counts the bytes that it gives.
struct Counted {
    inner: Box<dyn Log>,
    read: Arc<AtomicU64>,
}

/// What counts beside a log.
struct Beside<T: ?Sized>(Arc<T>, Arc<AtomicU64>);

fn counted(read: &AtomicU64, stored: Vec<Stored>) -> Vec<Stored> {
    let bytes: usize = stored.iter().map(|one| one.sealed.0.len()).sum();
    read.fetch_add(bytes as u64, Ordering::Relaxed);
    stored
}

impl Reader for Beside<dyn Reader> {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        Ok(counted(&self.1, self.0.read(from, limit)?))
    }
}

impl Source for Beside<dyn Source> {
    fn length(&self) -> u64 {
        self.0.length()
    }

    fn read(&self, at: u64, length: usize) -> Result<Vec<u8>, String> {
        self.1.fetch_add(length as u64, Ordering::Relaxed);
        self.0.read(at, length)
    }
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
        self.inner.append(expected, source)
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        Ok(counted(&self.read, self.inner.read(from, limit)?))
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(Beside(self.inner.reader(), self.read.clone()))
    }

    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        Some(self)
    }
}

impl SnapshotCache for Counted {
    fn put_chunks(&self, count: u64, chunks: &ChunkSink<'_>) -> Result<(), LogError> {
        self.inner.cache()?.put_chunks(count, chunks)
    }

    fn counts(&self) -> Result<Vec<u64>, LogError> {
        self.inner.cache()?.counts()
    }

    fn load(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        let loaded = self.inner.cache()?.load(count)?;
        let bytes = loaded.as_ref().map_or(0, Vec::len) as u64;
        self.read.fetch_add(bytes, Ordering::Relaxed);
        Ok(loaded)
    }

    fn open(&self, count: u64) -> Result<Option<Arc<dyn Source>>, LogError> {
        let opened = self.inner.cache()?.open(count)?;
        let counting = |source| Arc::new(Beside(source, self.read.clone())) as Arc<dyn Source>;
        Ok(opened.map(counting))
    }

    fn remove(&self, count: u64) -> Result<(), LogError> {
        self.inner.cache()?.remove(count)
    }
}

/// The bytes that are read to open a ledger and to do something with it.
fn read_by(scratch: &Scratch, deed: impl FnOnce(&mut Ledger<Counted>)) -> u64 {
    let log = directory::open(&scratch.ledger(), Duration::from_secs(10), "a test").unwrap();
    let read = Arc::new(AtomicU64::new(0));
    let log = Counted {
        inner: Box::new(log),
        read: read.clone(),
    };
    let mut ledger = Ledger::open(log, Machine).unwrap();
    deed(&mut ledger);
    read.load(Ordering::Relaxed)
}

/// A ledger with many commitments, and a snapshot of all of them.
fn large() -> Scratch {
    let scratch = Scratch::with_ledger();
    let log = directory::open(&scratch.ledger(), Duration::from_secs(10), "a test").unwrap();
    let mut ledger = Ledger::open(log, Machine).unwrap().snapshot_every(1);
    let party = [("id", "p"), ("kind", "state"), ("name", "P")];
    let agreement = [("id", "a"), ("title", "A"), ("party", "p")];
    let first = [
        event(Kind::PartyRegistered, &party),
        event(Kind::AgreementRecorded, &agreement),
    ];
    let commitment = |number: usize| {
        let (id, text) = (format!("c{number}"), format!("t {number}"));
        let fields = [
            ("agreement", "a"),
            ("debtor", "p"),
            ("id", &*id),
            ("text", &*text),
        ];
        event(Kind::CommitmentRecorded, &fields)
    };
    let mut events = first.into_iter().chain((0..COMMITMENTS).map(commitment));
    let mut place = 0;
    let placed = ledger.append_stream(|_| {
        place += 1;
        let given = |event: Event| Given {
            place,
            submission: event.into(),
            if_irregular: None,
        };
        Ok::<_, ()>(events.next().map(given))
    });
    assert_eq!(placed.unwrap().appended, COMMITMENTS + 2);
    scratch
}

/// What a record or a commitment costs is what it is, and not what lies beside it.
#[test]
fn what_is_read_does_not_grow_with_the_ledger() {
    let (empty, large) = (Scratch::with_ledger(), large());
    let id: CommitmentId = "c12345".parse().unwrap();
    let notes = |about: &'static [(&str, &str)]| {
        move |ledger: &mut Ledger<Counted>| {
            let fields = [&[("text", "n")], about].concat();
            ledger.append(vec![event(Kind::Noted, &fields)]).unwrap();
        }
    };
    let little = read_by(&empty, notes(&[]));
    let opened = read_by(&large, |ledger| {
        assert!(ledger.state().stored_records() > 20_000)
    });
    let about_one = read_by(&large, notes(&[("about", "c12345")]));
    let shown = read_by(&large, |ledger| {
        let day = "2026-01-01".parse().unwrap();
        let view = View {
            state: ledger.state(),
            as_of: day,
        };
        let _ = view.commitment(&id);
        assert!(ledger.state().history(&id).is_some());
    });
    for (what, read) in [
        ("opened", opened),
        ("a note", read_by(&large, notes(&[]))),
        ("a note about one", about_one),
        ("one commitment", shown),
    ] {
        println!("{what}: {read} bytes, of an empty ledger {little}");
        assert!(read < little + MORE, "{what}: {read} bytes, and {little}");
    }
}
