//! Bundles of records, read ahead of those who ask for one after the other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::names::PART_BYTES;
use super::store::{Store, StoreError};
use servanda_core::chain::tile::{Address, Bundle, Part, RECORDS_WIDTH};
use servanda_log::{LogError, Stored};

/// Threads that fetch: a store across a network answers each request late, and many at once.
const THREADS: u64 = 8;

/// Bundles that are fetched ahead.
const AHEAD: u64 = 2 * THREADS;

/// How far from each other the bundles are that threads of one reader ask for.
const SIDE_BY_SIDE: u64 = 4;

/// Bundles that are kept: those ahead, and some behind for readers that go side by side.
const KEPT: usize = 3 * THREADS as usize;

/// The bytes of bundles at hand from which on none is fetched ahead.
const AHEAD_BYTES: usize = 64 << 20;

/// A bundle, or why there is none.
type Fetched = Result<Arc<Bundle>, Missing>;

/// Why there is no bundle.
#[derive(Debug, Clone)]
enum Missing {
    /// The store says that there is none, or it is damaged.
    Damaged(String),
    /// The store cannot be read now.
    Unread(StoreError),
}

/// The bundles of a published ledger. Threads fetch them until this is dropped.
pub(crate) struct Bundles(Arc<Shared>);

struct Shared {
    store: Arc<dyn Store>,
    size: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    at_hand: BTreeMap<u64, Fetched>,
    bytes: usize,
    wanted: VecDeque<u64>,
    under_way: BTreeSet<u64>,
    /// The newest that somebody asked for.
    last: Option<u64>,
    threads: u64,
    is_closed: bool,
    /// The first failure of the store.
    failure: Option<StoreError>,
}

impl Bundles {
    pub fn of(store: Arc<dyn Store>, size: u64) -> Self {
        Self(Arc::new(Shared {
            store,
            size,
            state: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    /// The records from one on, at most `limit` of them and not beyond the bundle that it is in.
    ///
    /// # Errors
    /// [`LogError::Damaged`] where the bundle is not there or is damaged, [`LogError::Unreachable`] where it cannot be read now.
    pub fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let shared = &self.0;
        if from >= shared.size {
            return Ok(Vec::new());
        }
        let index = from / RECORDS_WIDTH;
        let first = index * RECORDS_WIDTH;
        let behind = first + RECORDS_WIDTH;
        let resume = (behind < shared.size).then_some(behind);
        let bundle = match shared.bundle(index) {
            Ok(bundle) => bundle,
            Err(Missing::Damaged(what)) => return Err(LogError::Damaged { what, resume }),
            Err(Missing::Unread(error)) => return Err(unread(error)),
        };
        // Below the width of a bundle.
        let at = (from - first) as usize;
        match bundle.records.get(at..).filter(|rest| !rest.is_empty()) {
            Some(rest) => Ok(rest.iter().take(limit.max(1)).cloned().collect()),
            None => {
                let fault = bundle.fault.unwrap_or("ends before its last record");
                let what = format!("{} {fault}", shared.path(index));
                Err(LogError::Damaged { what, resume })
            }
        }
    }

    /// Why the store could not be read, if that befell anybody.
    pub fn failure(&self) -> Option<StoreError> {
        self.0.state().failure.clone()
    }
}

impl Drop for Bundles {
    fn drop(&mut self) {
        self.0.state().is_closed = true;
        self.0.changed.notify_all();
    }
}

/// The error of a log for a store that cannot be read.
pub(crate) fn unread(error: StoreError) -> LogError {
    LogError::Unreachable {
        doing: "reading a published ledger".to_owned(),
        why: error.to_string(),
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, index: u64) -> String {
        let address = Address::in_log(Part::Records, index, self.size);
        address.map_or_else(String::new, |address| address.to_string())
    }

    /// A bundle, once it is here; those behind it are fetched too if they were asked for in order.
    fn bundle(self: &Arc<Self>, index: u64) -> Fetched {
        let mut state = self.state();
        // Threads of one reader go side by side.
        let in_order = state
            .last
            .is_none_or(|last| index.abs_diff(last) <= SIDE_BY_SIDE);
        if !in_order {
            // Who waits for one of these asks for it again.
            state.wanted.clear();
            self.changed.notify_all();
        }
        let last = state.last.filter(|last| in_order && *last > index);
        state.last = Some(last.unwrap_or(index));
        let count = self.size.div_ceil(RECORDS_WIDTH);
        if !state.is_here(index) {
            state.wanted.push_front(index);
        }
        if in_order && state.bytes < AHEAD_BYTES {
            for ahead in (index + 1..count).take(AHEAD as usize) {
                if !state.is_here(ahead) {
                    state.wanted.push_back(ahead);
                }
            }
        }
        if state.threads == 0 {
            let threads = THREADS.min(count);
            state.threads = (0..threads).filter(|_| self.start()).count() as u64;
        }
        if state.threads == 0 {
            // The system gives no thread.
            state.wanted.clear();
            drop(state);
            return self.fetch(index);
        }
        self.changed.notify_all();
        loop {
            if let Some(found) = state.at_hand.get(&index) {
                let found = found.clone();
                // What cannot be read now may be read the next time.
                if found.is_err() {
                    state.at_hand.remove(&index);
                }
                return found;
            }
            if !state.is_here(index) {
                // It was dropped before it was taken.
                state.wanted.push_front(index);
                self.changed.notify_all();
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Starts a thread that fetches what is wanted; gives whether there is one.
    fn start(self: &Arc<Self>) -> bool {
        let shared = Arc::clone(self);
        let thread = thread::Builder::new().name("servanda-bundles".to_owned());
        thread.spawn(move || shared.work()).is_ok()
    }

    fn work(&self) {
        let mut state = self.state();
        loop {
            if state.is_closed {
                return;
            }
            let Some(index) = state.wanted.pop_front() else {
                let waited = self.changed.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.under_way.insert(index);
            drop(state);
            let fetched = self.fetch(index);
            state = self.state();
            state.under_way.remove(&index);
            state.keep(index, fetched);
            self.changed.notify_all();
        }
    }

    fn fetch(&self, index: u64) -> Fetched {
        let Some(address) = Address::in_log(Part::Records, index, self.size) else {
            return Err(Missing::Damaged("there is no such bundle".to_owned()));
        };
        let get = |address: Address| self.store.get(&address.to_string(), PART_BYTES);
        let read = get(address).and_then(|found| match found {
            Some(found) => Ok(Some(Bundle::read(
                &found.bytes,
                address.first(),
                address.width,
            ))),
            // The ledger has grown since its checkpoint was read.
            None if !address.is_whole() => Ok(get(address.whole())?.map(|found| {
                let mut bundle = Bundle::read(&found.bytes, address.first(), RECORDS_WIDTH);
                bundle.cut_to(address.width);
                bundle
            })),
            None => Ok(None),
        });
        match read {
            Ok(Some(bundle)) => Ok(Arc::new(bundle)),
            Ok(None) => Err(Missing::Damaged(format!("{address} is not there"))),
            Err(StoreError::TooLong { path, found, limit }) => {
                let what = format!("{path} has {found} bytes; at most {limit} can be right");
                Err(Missing::Damaged(what))
            }
            Err(error) => Err(Missing::Unread(error)),
        }
    }
}

impl State {
    fn is_here(&self, index: u64) -> bool {
        self.at_hand.contains_key(&index)
            || self.under_way.contains(&index)
            || self.wanted.contains(&index)
    }

    fn keep(&mut self, index: u64, fetched: Fetched) {
        if let Err(Missing::Unread(error)) = &fetched {
            self.failure.get_or_insert_with(|| error.clone());
        }
        self.bytes += bytes_of(&fetched);
        self.at_hand.insert(index, fetched);
        let last = self.last.unwrap_or(0);
        while self.at_hand.len() > KEPT {
            let farthest = self.at_hand.keys().copied();
            let farthest = farthest.max_by_key(|kept| match kept.checked_sub(last) {
                // What is ahead is wanted more.
                Some(ahead) => ahead / 2,
                None => last - kept,
            });
            let gone = farthest.and_then(|farthest| self.at_hand.remove(&farthest));
            self.bytes -= gone.as_ref().map_or(0, bytes_of);
        }
    }
}

fn bytes_of(fetched: &Fetched) -> usize {
    let records = fetched.as_ref().map(|bundle| bundle.records.iter());
    records.map_or(0, |records| {
        records.map(|stored| stored.sealed.0.len()).sum()
    })
}
