use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;
use servanda_core::chain::record::Head as LogHead;
use servanda_core::event::{Event, Fields, Kind};
use servanda_core::rules::Known as _;
use servanda_ledger::Machine;
use servanda_log::memory::MemoryLog;
use servanda_log::{AppendError, BatchSource, LogError, Stored};

fn event(kind: Kind, texts: &[(&str, &str)]) -> Event {
    let mut fields = Fields::default();
    for (name, text) in texts {
        fields.set(name, vec![(*text).to_owned()]);
    }
    Event::build(kind, &fields).unwrap()
}

fn shared() -> Shared {
    let log: Box<dyn Log> = Box::new(MemoryLog::default());
    let opening = event(Kind::LedgerOpened, &[("origin", "example.org/test")]);
    Shared::new(Ledger::create(log, Machine, opening).unwrap()).unwrap()
}

fn note(text: &str) -> Submission {
    event(Kind::Noted, &[("text", text)]).into()
}

/// Each request is three notes, so that a reader who saw a part of one would see a number that is no multiple of three.
#[test]
fn readers_see_whole_batches_and_what_they_wrote_themselves() {
    let (shared, done) = (shared(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(Ordering::SeqCst) {
                    let snapshot = shared.snapshot();
                    let count = snapshot.state().count();
                    assert_eq!(count, snapshot.head().count);
                    assert_eq!(count % 3, 1);
                    assert!(count >= last);
                    assert_eq!(snapshot.checkpoint().unwrap().size(), count);
                    let texts = snapshot.state().entries().count();
                    assert_eq!(texts as u64, count);
                    last = count;
                }
            });
        }
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let shared = &shared;
                scope.spawn(move || {
                    // One that is never let go of in time: the others must not wait for it, nor change it.
                    let kept = shared.snapshot();
                    let before = kept.state().count();
                    for round in 0..40 {
                        let three = [0, 1, 2].map(|part| note(&format!("{writer} {round} {part}")));
                        let receipts = shared.append(three.into()).unwrap();
                        let seen = shared.snapshot().state().count();
                        assert!(seen > receipts[2].seq.0, "{seen} {receipts:?}");
                    }
                    assert_eq!(kept.state().count(), before);
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
    let shown = shared.snapshot();
    let ledger = shared.close().unwrap().unwrap();
    assert_eq!(shown.head(), ledger.head());
    assert_eq!(shown.state(), ledger.state());
    assert_eq!(shown.state().count(), 1 + 3 * 40 * 3);
    assert!(shared.close().unwrap().is_none());
}

/// A log that several have open.
#[derive(Clone, Default)]
struct Common(Arc<Mutex<MemoryLog>>);

impl Log for Common {
    fn head(&self) -> Result<LogHead, LogError> {
        self.0.lock().unwrap().head()
    }

    fn append(
        &mut self,
        expected: LogHead,
        source: &mut dyn BatchSource,
    ) -> Result<LogHead, AppendError> {
        self.0.lock().unwrap().append(expected, source)
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.0.lock().unwrap().read(from, limit)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        self.0.lock().unwrap().reader()
    }
}

#[test]
fn what_others_append_is_taken_in() {
    let log = Common::default();
    let opening = event(Kind::LedgerOpened, &[("origin", "example.org/test")]);
    let boxed: Box<dyn Log> = Box::new(log.clone());
    let shared = Shared::new(Ledger::create(boxed, Machine, opening).unwrap()).unwrap();
    let mut other = Ledger::open(log, Machine).unwrap();
    other.append(vec![note("by another")]).unwrap();
    assert_eq!(shared.snapshot().state().count(), 1);
    shared.catch_up().unwrap();
    assert_eq!(shared.snapshot().state().count(), 2);
    assert_eq!(shared.append(vec![note("here")]).unwrap()[0].seq, Seq(2));
    other.catch_up().unwrap();
    assert_eq!(other.state().count(), 3);
    let ledger = shared.close().unwrap().unwrap();
    assert_eq!(ledger.head(), other.head());
    assert!(matches!(shared.catch_up(), Err(GroupError::Closed)));
}

/// The tables of a large ledger take longer to copy than anything else that an append does.
#[test]
fn an_append_copies_no_tables_that_readers_gave_back() {
    let shared = shared();
    let append = |number: usize| {
        shared.append(vec![note(&number.to_string())]).unwrap();
        let snapshot = shared.snapshot();
        // Where the first page of a table lies, as long as nobody copies it.
        std::ptr::from_ref(snapshot.state().slug(0)) as usize
    };
    // One party, so that there is a first id; then each state is made once.
    let party = [("id", "p"), ("kind", "state"), ("name", "Party")];
    let party = event(Kind::PartyRegistered, &party);
    shared.append(vec![party.into()]).unwrap();
    let first: Vec<usize> = (0..2 * WAITING).map(append).collect();
    let later: Vec<usize> = (0..40).map(append).collect();
    let is_known = |place: &&usize| !first[WAITING..].contains(place);
    assert_eq!(later.iter().find(is_known), None, "{first:x?} {later:x?}");
}
