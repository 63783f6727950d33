//! Publishing and reading, on a place in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::publish::{Done, Publication, PublishError, publish};
use super::testing::MemoryStore;
use super::{CHECKPOINT, Condition, ERASED, Object, Published, Store, StoreError};
use servanda_core::chain::tile::{Address, Part, grown};
use servanda_core::event::{Event, Fact, Kind};
use servanda_core::testing::event;
use servanda_core::verify::{FindingKind, Unwatched, Verdict};
use servanda_ledger::follow::FollowError;
use servanda_ledger::verify::verify;
use servanda_ledger::{Ledger, Machine};
use servanda_log::Log as _;
use servanda_log::memory::MemoryLog;

const SECRET: &str = "a word that is to be gone";

fn note(text: &str) -> Event {
    event(Kind::Noted, &[("text", text)])
}

fn opened() -> Ledger<MemoryLog> {
    let opening = event(Kind::LedgerOpened, &[("origin", "example.org/log")]);
    Ledger::create(MemoryLog::default(), Machine, opening).unwrap()
}

/// A ledger of so many records.
fn of(size: u64) -> Ledger<MemoryLog> {
    let mut ledger = opened();
    grow(&mut ledger, size);
    ledger
}

fn grow(ledger: &mut Ledger<MemoryLog>, size: u64) {
    let from = ledger.head().count;
    let notes: Vec<Event> = (from..size).map(|n| note(&format!("note {n}"))).collect();
    if !notes.is_empty() {
        ledger.append(notes).unwrap();
    }
}

fn redact(ledger: &mut Ledger<MemoryLog>, record: u64) {
    let redaction = event(
        Kind::Redacted,
        &[
            ("record", &record.to_string()),
            ("reason", "a name"),
            ("authority", "a court"),
        ],
    );
    let Fact::Redacted(fact) = redaction.fact else {
        panic!("it is a redaction");
    };
    ledger.redact(fact, redaction.envelope).unwrap();
}

/// Another ledger with the same records.
fn copy_of(ledger: &Ledger<MemoryLog>) -> Ledger<MemoryLog> {
    let log = MemoryLog::of(ledger.log().records(), ledger.head());
    Ledger::open(log, Machine).unwrap()
}

fn put(store: &Arc<dyn Store>, ledger: &Ledger<MemoryLog>) -> Result<Done, PublishError> {
    let checkpoint = ledger.checkpoint().unwrap();
    let publication = Publication {
        hashes: ledger.hashes(),
        note: checkpoint.to_string(),
        checkpoint: &checkpoint,
        cosigned: None,
        everything: false,
    };
    publish(store, "memory", &publication, &mut Unwatched)
}

fn shared(store: &Arc<MemoryStore>) -> Arc<dyn Store> {
    store.clone()
}

fn stored(ledger: &Ledger<MemoryLog>) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::default());
    put(&shared(&store), ledger).unwrap();
    store
}

/// The verdict on what is published, and whether its tree is the checkpoint's.
fn verdict(store: &Arc<MemoryStore>) -> (Verdict, bool) {
    let published = Published::open(shared(store), "memory").unwrap();
    let log = published.log().unwrap();
    let verdict = verify(&log, &mut Unwatched).unwrap();
    assert!(log.failure().is_none());
    let leads = verdict.root == *published.checkpoint().root();
    (verdict, leads)
}

fn holds(store: &Arc<MemoryStore>, word: &str) -> Vec<String> {
    let objects = store.objects().into_iter();
    let found = objects.filter(|(_, bytes)| {
        let mut windows = bytes.windows(word.len());
        windows.any(|window| window == word.as_bytes())
    });
    found.map(|(path, _)| path).collect()
}

#[test]
fn what_is_published_is_the_ledger() {
    for size in [1, 255, 1024, 2_500] {
        let ledger = of(size);
        let store = stored(&ledger);
        let reads = store.reads();
        let (found, leads) = verdict(&store);
        let own = verify(ledger.log(), &mut Unwatched).unwrap();
        assert_eq!((&found.findings, found.head), (&own.findings, own.head));
        assert!(found.is_sound() && leads, "{:?}", found.findings);
        let published = Published::open(shared(&store), "memory").unwrap();
        let read = published.log().unwrap().read(size - 1, 1).unwrap();
        assert_eq!(read, ledger.log().read(size - 1, 1).unwrap());
        // Each bundle is fetched once: the checkpoint, and the newest bundle for the head.
        assert!(store.reads() - reads <= 2 * size.div_ceil(1024) + 4);
        // All that C2SP tlog-tiles and docs/publishing.md name is there, and nothing else.
        let addresses = grown(0, size).into_iter().map(|at| at.to_string());
        let mut expected: Vec<String> = addresses.collect();
        expected.extend([CHECKPOINT.to_owned(), ERASED.to_owned()]);
        expected.sort();
        assert_eq!(store.objects().into_keys().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn publishing_again_uploads_nothing_and_more_records_only_what_is_new() {
    let mut ledger = of(1_100);
    let store = stored(&ledger);
    let (steps, objects) = (store.steps(), store.objects());
    let done = put(&shared(&store), &ledger).unwrap();
    assert_eq!(
        (done.before, done.size, done.erased),
        (Some(1_100), 1_100, 0)
    );
    assert_eq!((store.steps(), store.objects()), (steps, objects));
    grow(&mut ledger, 1_101);
    put(&shared(&store), &ledger).unwrap();
    // A tile, its entries, its records, the checkpoint, and how far redactions are carried out.
    assert_eq!(store.steps() - steps, 5);
    assert!(verdict(&store).0.is_sound());
}

/// The ledger at some times, and the words that are gone at the last.
fn history() -> Vec<Ledger<MemoryLog>> {
    let mut ledger = of(3);
    let mut all = vec![copy_of(&ledger)];
    ledger.append(vec![note(SECRET)]).unwrap();
    grow(&mut ledger, 250);
    all.push(copy_of(&ledger));
    grow(&mut ledger, 1_030);
    all.push(copy_of(&ledger));
    redact(&mut ledger, 3);
    all.push(ledger);
    all
}

#[test]
fn a_crash_between_any_two_uploads_leaves_a_valid_log() {
    let history = history();
    let mut before = BTreeMap::new();
    for (at, ledger) in history.iter().enumerate() {
        let whole = Arc::new(MemoryStore::of(before.clone()));
        put(&shared(&whole), ledger).unwrap();
        for step in 0..whole.steps() {
            for is_done in [false, true] {
                let store = Arc::new(MemoryStore::of(before.clone()));
                store.fail_from(step, is_done);
                let crashed = put(&shared(&store), ledger);
                assert!(
                    matches!(crashed, Err(PublishError::Store(_))),
                    "{crashed:?}"
                );
                store.mend();
                if at > 0 || store.objects().contains_key(CHECKPOINT) {
                    let (found, leads) = verdict(&store);
                    assert!(
                        found.is_sound() && leads,
                        "{at} {step}: {:?}",
                        found.findings
                    );
                    let sizes = [at.checked_sub(1).map(|at| &history[at]), Some(ledger)];
                    let mut sizes = sizes.iter().flatten().map(|ledger| ledger.head());
                    assert!(sizes.any(|head| head == found.head));
                }
                put(&shared(&store), ledger).unwrap();
                let (found, whole) = (store.objects(), whole.objects());
                for address in grown(0, ledger.head().count) {
                    let path = address.to_string();
                    assert_eq!(found.get(&path), whole.get(&path), "{path}");
                }
                assert_eq!(found[CHECKPOINT], whole[CHECKPOINT]);
                if at == history.len() - 1 {
                    assert_eq!(holds(&store, SECRET), Vec::<String>::new());
                }
            }
        }
        before = whole.objects();
    }
}

#[test]
fn a_redaction_replaces_one_bundle_and_no_tile() {
    let history = history();
    let store = stored(&history[2]);
    assert!(!holds(&store, SECRET).is_empty());
    let before = store.objects();
    let done = put(&shared(&store), &history[3]).unwrap();
    assert_eq!(done.erased, 1);
    assert_eq!(holds(&store, SECRET), Vec::<String>::new());
    let after = store.objects();
    let changed = before
        .iter()
        .filter(|(path, bytes)| after.get(*path) != Some(*bytes));
    let changed: Vec<&str> = changed.map(|(path, _)| path.as_str()).collect();
    // The last is the bundle with the records behind the first 1,024 that grew.
    let expected = [
        "checkpoint",
        "erased",
        "tile/records/000",
        "tile/records/001.p/6",
    ];
    assert_eq!(changed, expected);
    assert!(verdict(&store).0.is_sound());
}

/// Another history after the same first records.
fn parted(size: u64) -> [Ledger<MemoryLog>; 2] {
    let one = of(size);
    let mut other = copy_of(&one);
    let mut one = one;
    grow(&mut one, size + 2);
    other
        .append(vec![note("another one"), note("and more")])
        .unwrap();
    [one, other]
}

#[test]
fn another_history_is_refused_with_both_checkpoints() {
    let [one, other] = parted(5);
    let store = stored(&one);
    let objects = store.objects();
    let refused = put(&shared(&store), &other);
    let Err(PublishError::Forked { found, own }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(*found, one.checkpoint().unwrap());
    assert_eq!(*own, other.checkpoint().unwrap());
    assert_eq!(store.objects(), objects);
    // An older copy, and another ledger.
    assert!(matches!(
        put(&shared(&store), &of(2)),
        Err(PublishError::Behind { .. })
    ));
    let opening = event(Kind::LedgerOpened, &[("origin", "example.org/other")]);
    let foreign = Ledger::create(MemoryLog::default(), Machine, opening).unwrap();
    assert!(matches!(
        put(&shared(&store), &foreign),
        Err(PublishError::OtherLedger { .. })
    ));
    assert_eq!(store.objects(), objects);
}

/// A store where another publisher comes first, just before the checkpoint is written.
struct Overtaken {
    store: Arc<MemoryStore>,
    by: Mutex<Option<Ledger<MemoryLog>>>,
}

impl Store for Overtaken {
    fn get(&self, path: &str, limit: u64) -> Result<Option<Object>, StoreError> {
        self.store.get(path, limit)
    }
    fn put(&self, path: &str, bytes: Bytes, when: Condition<'_>) -> Result<bool, StoreError> {
        if path == CHECKPOINT
            && let Some(by) = self.by.lock().unwrap().take()
        {
            // Where the histories have parted, their parts differ already.
            drop(put(&shared(&self.store), &by));
        }
        self.store.put(path, bytes, when)
    }
    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.store.list(prefix)
    }
    fn delete(&self, path: &str) -> Result<(), StoreError> {
        self.store.delete(path)
    }
}

fn overtaken(
    store: &Arc<MemoryStore>,
    one: &Ledger<MemoryLog>,
    by: Ledger<MemoryLog>,
) -> Result<Done, PublishError> {
    let store: Arc<dyn Store> = Arc::new(Overtaken {
        store: store.clone(),
        by: Mutex::new(Some(by)),
    });
    put(&store, one)
}

#[test]
fn of_two_publishers_one_wins_and_nothing_forks() {
    // Both have the same records: both are right.
    let mut ledger = of(4);
    let store = stored(&ledger);
    grow(&mut ledger, 6);
    let done = overtaken(&store, &ledger, copy_of(&ledger)).unwrap();
    assert_eq!(done.size, 6);
    assert!(verdict(&store).0.is_sound());
    // The other has more.
    let fewer = copy_of(&ledger);
    let store = stored(&fewer);
    let mut seven = copy_of(&fewer);
    seven.append(vec![note("note 6")]).unwrap();
    let mut nine = copy_of(&seven);
    grow(&mut nine, 9);
    let raced = overtaken(&store, &seven, nine);
    assert!(matches!(raced, Err(PublishError::Raced(9))), "{raced:?}");
    assert!(verdict(&store).0.is_sound());
    // The histories have parted: the parts that both would write are the same objects.
    let [one, other] = parted(5);
    let store = Arc::new(MemoryStore::default());
    let (first, second) = (put(&shared(&store), &one), put(&shared(&store), &other));
    assert!(first.is_ok() && matches!(second, Err(PublishError::Forked { .. })));
    let (found, leads) = verdict(&store);
    assert!(found.is_sound() && leads);
}

#[test]
fn what_is_wrong_with_published_records_is_found() {
    let ledger = of(2_100);
    let objects = stored(&ledger).objects();
    let path = "tile/records/001";
    let sound = objects[path].clone();
    let with = |bytes: Option<Vec<u8>>| {
        let mut objects = objects.clone();
        match bytes {
            Some(bytes) => objects.insert(path.to_owned(), bytes.into()),
            None => objects.remove(path),
        };
        Arc::new(MemoryStore::of(objects))
    };
    let mut flipped = sound.to_vec();
    // In the payload of the first record.
    flipped[4 + 128 + 20] ^= 1;
    let mut longer = sound.to_vec();
    longer.push(0);
    let cut = sound[..sound.len() / 2].to_vec();
    for (bytes, kind, first) in [
        (Some(flipped), FindingKind::Payload, 1024),
        (Some(longer), FindingKind::Unreadable, 2047),
        (Some(cut), FindingKind::Unreadable, 1500),
        (None, FindingKind::Unreadable, 1024),
    ] {
        let (found, _) = verdict(&with(bytes));
        let finding = found.findings.iter().find(|finding| finding.kind == kind);
        let finding = finding.unwrap_or_else(|| panic!("{kind:?} {:?}", found.findings));
        let near = finding.records[0];
        assert!(near >= first && near < 2048, "{finding:?}");
    }
}

#[test]
fn a_copy_follows_and_takes_over_nothing_that_is_wrong() {
    let history = history();
    let mut copy = copy_of(&history[0]);
    let follow = |copy: &mut Ledger<MemoryLog>, store: &Arc<MemoryStore>| {
        let published = Published::open(shared(store), "memory").unwrap();
        let log = published.log().unwrap();
        copy.follow_copy(&log, published.checkpoint(), &mut Unwatched)
    };
    let store = stored(&history[2]);
    let followed = follow(&mut copy, &store).unwrap();
    assert_eq!((followed.before, followed.count), (3, 1_030));
    assert_eq!(copy.log().records(), history[2].log().records());
    // The redaction erases here too.
    put(&shared(&store), &history[3]).unwrap();
    let followed = follow(&mut copy, &store).unwrap();
    assert_eq!(followed.erased.len(), 1);
    assert_eq!(copy.log().records(), history[3].log().records());
    // What is older, another history, damaged, or not what the checkpoint says.
    let kept = copy.log().records();
    let older = follow(&mut copy, &stored(&history[1]));
    assert!(matches!(older, Err(FollowError::Older { .. })), "{older:?}");
    let forked = follow(&mut copy, &stored(&parted(1_200)[1]));
    assert!(
        matches!(forked, Err(FollowError::Forked { .. })),
        "{forked:?}"
    );
    let mut more = copy_of(&history[3]);
    grow(&mut more, 1_040);
    let good = stored(&more).objects();
    let newest = Address::in_log(Part::Records, 1, 1_040)
        .unwrap()
        .to_string();
    let mut damaged = good.clone();
    let mut bytes = damaged[&newest].to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    damaged.insert(newest.clone(), bytes.into());
    let refused = follow(&mut copy, &Arc::new(MemoryStore::of(damaged)));
    assert!(
        matches!(refused, Err(FollowError::Unsound(_))),
        "{refused:?}"
    );
    let mut missing = good.clone();
    missing.remove(&newest);
    let refused = follow(&mut copy, &Arc::new(MemoryStore::of(missing)));
    assert!(
        matches!(refused, Err(FollowError::Damaged(_))),
        "{refused:?}"
    );
    let mut lying = good.clone();
    let root = history[1].checkpoint().unwrap();
    let text = format!("example.org/log\n1040\n{}\n", root.root().to_base64());
    lying.insert(CHECKPOINT.to_owned(), text.into());
    let refused = follow(&mut copy, &Arc::new(MemoryStore::of(lying)));
    assert!(
        matches!(refused, Err(FollowError::OtherRoot { .. })),
        "{refused:?}"
    );
    assert_eq!(copy.log().records(), kept);
    follow(&mut copy, &Arc::new(MemoryStore::of(good))).unwrap();
    assert_eq!(copy.head(), more.head());
}
