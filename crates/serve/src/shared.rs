//! The ledger, open for many: one thread writes, and every reader has a snapshot.
//!
//! A snapshot has the tables of a [`State`] of its own, because a state whose tables are shared copies all of them at
//! the next record. So there are a few states which the writer brings up to date in turn: after each write it takes one
//! that no reader has any more, gives it the new records, and shows it to readers from then on. All of that happens
//! before those who wrote are answered.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use chrono::NaiveDate;

use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::chain::record::Head;
use servanda_core::chain::tree::TreeHash;
use servanda_core::event::Kind;
use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_ledger::anchor::Hashes;
use servanda_ledger::group::{Appender, Group, GroupError};
use servanda_ledger::{Ledger, LedgerError, Receipt, Submission};
use servanda_log::{Lent, Log, Reader, Watch};
use servanda_report::report::Kept;

use crate::frozen::Frozen;
use crate::keeper::Keeper;

/// A ledger over any log.
pub type OpenLedger = Ledger<Box<dyn Log>>;

/// Most states that wait to be brought up to date. Readers that take long keep those that they have.
const WAITING: usize = 3;

/// Stretches of records that are kept for all readers: some 40 MiB.
const AT_HAND: usize = 512;

/// A ledger that is open for many.
pub struct Shared {
    group: Mutex<Option<Group<Box<dyn Log>>>>,
    appender: Appender<Box<dyn Log>>,
    shown: Arc<Shown>,
    reader: Arc<dyn Reader>,
    origin: String,
    /// Whether others may append to the log: it may be far away.
    is_far: bool,
}

/// What readers see.
struct Shown {
    current: RwLock<Arc<Version>>,
    /// States that were shown before.
    earlier: Mutex<Vec<Arc<Version>>>,
    /// What is kept besides, for questions.
    keeper: Arc<Keeper>,
    /// Whether the log answered when it was last waited for.
    is_reachable: AtomicBool,
    /// Whether the committer was asked to take in what others appended, and has not come to it.
    is_asked: AtomicBool,
}

/// The ledger after a write.
struct Version {
    state: State,
    head: Head,
    checkpoint: Option<Checkpoint>,
    tiles: Arc<[TreeHash]>,
    /// How often the ledger's state was read anew before.
    replays: u64,
    /// The state from which all are answered who recorded in this write. It shares the tables of the other, so it goes first.
    answering: OnceLock<State>,
}

/// The ledger as those see it who are told what they recorded: one state for all of them.
pub struct Answering(Arc<Version>);

impl Answering {
    /// The state.
    pub fn state(&self) -> &State {
        self.0.answering.get_or_init(|| self.0.state.afresh())
    }

    /// The head.
    pub fn head(&self) -> Head {
        self.0.head
    }
}

/// The ledger as it was when somebody began to ask.
pub struct Snapshot {
    // It shares the tables of the version, so it goes first.
    state: State,
    version: Arc<Version>,
    reader: Arc<dyn Reader>,
    keeper: Arc<Keeper>,
}

impl Version {
    /// Its state, which shares its tables with no other of this version any more.
    fn into_state(self) -> State {
        drop(self.answering);
        self.state
    }

    fn of(ledger: &OpenLedger, state: State) -> Arc<Self> {
        if let Some(archive) = state.archive() {
            archive.keep_at_hand(AT_HAND);
        }
        Arc::new(Self {
            state,
            head: ledger.head(),
            checkpoint: ledger.checkpoint().ok(),
            tiles: ledger.tiles().into(),
            replays: ledger.replays(),
            answering: OnceLock::new(),
        })
    }
}

impl Shown {
    /// Shows what the ledger has become.
    fn note(&self, ledger: &OpenLedger) {
        let current = self.current();
        let is_replayed = current.replays != ledger.replays();
        if current.head == ledger.head() && !is_replayed {
            return;
        }
        let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        if is_replayed {
            // A record was redacted, perhaps. What was known of it before is to be forgotten.
            earlier.clear();
            let next = Version::of(ledger, ledger.state().clone());
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
            self.keeper.forget();
            return;
        }
        // Readers only take the current one, so that one which nobody has stays alone.
        let free = earlier.iter().position(|one| Arc::strong_count(one) == 1);
        let free = free.and_then(|at| Arc::into_inner(earlier.swap_remove(at)));
        let state = free.map_or_else(|| current.state.clone(), Version::into_state);
        let state = caught_up(state, ledger).unwrap_or_else(|| kept(ledger));
        let next = Version::of(ledger, state);
        let mut place = self.current.write().unwrap_or_else(PoisonError::into_inner);
        earlier.push(std::mem::replace(&mut *place, next));
        drop(place);
        if earlier.len() > WAITING {
            earlier.remove(0);
        }
    }

    fn current(&self) -> Arc<Version> {
        let current = self.current.read();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
    }
}

/// The ledger's state, with all of its snapshot, which may be removed while readers have it.
fn kept(ledger: &OpenLedger) -> State {
    ledger.state().read_all();
    ledger.state().clone()
}

/// A state with the records that came since; none where it cannot be brought up to date.
fn caught_up(earlier: State, ledger: &OpenLedger) -> Option<State> {
    let mut state = earlier.afresh();
    // While both are there they share their tables, which the first change would copy, all of them.
    drop(earlier);
    let count = ledger.head().count;
    let archive = Arc::clone(state.archive()?);
    if state.count() > count {
        return None;
    }
    state.archived(count);
    for seq in state.count()..count {
        match archive.entry(Seq(seq)).ok()? {
            // Others keep what they read of the record whose words are to go.
            Some(entry) if entry.event.kind() == Kind::Redacted => return None,
            Some(entry) => state.take(entry),
            None => state.apply_missing(),
        }
    }
    let asserted = ledger.state().asserted();
    if state.asserted() != asserted {
        state.note_asserted(asserted);
    }
    Some(state)
}

impl Shared {
    /// Opens a ledger for many.
    ///
    /// # Errors
    /// What the system says where it gives no thread.
    pub fn new(ledger: OpenLedger) -> io::Result<Self> {
        let version = Version::of(&ledger, kept(&ledger));
        let shown = Arc::new(Shown {
            current: RwLock::new(version),
            earlier: Mutex::default(),
            keeper: Arc::default(),
            is_reachable: AtomicBool::new(true),
            is_asked: AtomicBool::new(false),
        });
        let reader = ledger.log().reader();
        let is_far = ledger.log().is_shared();
        let origin = ledger.origin().map(|fact| fact.origin.to_string());
        let noting = Arc::clone(&shown);
        let group = Group::noting(ledger, move |ledger| noting.note(ledger))?;
        Ok(Self {
            appender: group.appender(),
            group: Mutex::new(Some(group)),
            shown,
            reader,
            origin: origin.unwrap_or_default(),
            is_far,
        })
    }

    /// The ledger's name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether the log may be far away, so that reading a record may take long.
    pub fn is_far(&self) -> bool {
        self.is_far
    }

    /// The ledger as it is now.
    pub fn snapshot(&self) -> Snapshot {
        self.source().snapshot()
    }

    /// The ledger as it is now, for those who are told what they recorded.
    pub fn answering(&self) -> Answering {
        Answering(self.shown.current())
    }

    /// Where snapshots come from, for those who ask for one after the other.
    pub fn source(&self) -> Source {
        Source {
            shown: Arc::clone(&self.shown),
            reader: Arc::clone(&self.reader),
        }
    }

    /// The head, without a snapshot.
    pub fn head(&self) -> Head {
        self.shown.current().head
    }

    /// Lets work be done with the log while nobody appends, and shows what became of it.
    ///
    /// # Errors
    /// [`GroupError::Closed`] once nobody serves it any more; [`GroupError::Lost`].
    pub fn lend(
        &self,
        work: impl FnOnce(&mut dyn Log) -> Lent + Send + 'static,
    ) -> Result<(), GroupError> {
        self.visit(|ledger| ledger.lend(|log| work(log.as_mut())))
    }

    /// What reads the records for as long as the ledger is open.
    pub fn reader(&self) -> Arc<dyn Reader> {
        Arc::clone(&self.reader)
    }

    /// Appends events, all or none. When this returns they are on the disk, and every snapshot has them.
    ///
    /// # Errors
    /// [`GroupError`]
    pub fn append(&self, events: Vec<Submission>) -> Result<Vec<Receipt>, GroupError> {
        self.appender.append(events)
    }

    /// As [`Shared::append`], and does not wait for it: [`Appender::append_then`].
    pub fn append_then(
        &self,
        events: Vec<Submission>,
        then: impl FnOnce(Result<Vec<Receipt>, GroupError>) + Send + 'static,
    ) {
        self.appender.append_then(events, then);
    }

    /// Does something with the ledger while nobody appends: [`Appender::visit`].
    ///
    /// # Errors
    /// [`GroupError`]
    pub fn visit<T: Send + 'static>(
        &self,
        visit: impl FnOnce(&mut OpenLedger) -> T + Send + 'static,
    ) -> Result<T, GroupError> {
        self.appender.visit(visit)
    }

    /// Whether the log answered when it was last waited for, where others append to it; true where nobody else does.
    pub fn is_reachable(&self) -> bool {
        self.shown.is_reachable.load(Ordering::Relaxed)
    }

    /// Waits until others may have appended, for at most so long, and takes in what they did.
    ///
    /// # Errors
    /// [`GroupError::Closed`] once nobody serves it any more.
    pub fn await_others(
        &self,
        others: &mut dyn Watch,
        at_most: Duration,
    ) -> Result<(), GroupError> {
        let waited = others.wait(at_most).is_ok();
        self.shown.is_reachable.store(waited, Ordering::Relaxed);
        // While the log does not answer, the committer waits for it, and this must not wait for the committer. One request
        // that nobody has come to stands for all.
        if self.shown.is_asked.swap(true, Ordering::AcqRel) {
            return self.is_open().then_some(()).ok_or(GroupError::Closed);
        }
        let shown = Arc::clone(&self.shown);
        let is_taken = self.appender.visit_later(move |ledger| {
            shown.is_asked.store(false, Ordering::Release);
            drop(ledger.catch_up());
        })?;
        if !is_taken {
            self.shown.is_asked.store(false, Ordering::Release);
        }
        Ok(())
    }

    fn is_open(&self) -> bool {
        let group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        group.is_some()
    }

    /// Takes in what others appended to the log, where several may have it open.
    ///
    /// # Errors
    /// [`GroupError::Closed`] once nobody serves it any more.
    pub fn catch_up(&self) -> Result<(), GroupError> {
        // What cannot be read now is tried again, and the next append says why.
        self.visit(|ledger| drop(ledger.catch_up()))
    }

    /// Waits until all that was asked for is done, and gives the ledger back; none the second time.
    ///
    /// # Errors
    /// [`GroupError::Lost`]
    pub fn close(&self) -> Result<Option<OpenLedger>, GroupError> {
        let mut group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        group.take().map(Group::close).transpose()
    }
}

/// Where snapshots come from.
pub struct Source {
    shown: Arc<Shown>,
    reader: Arc<dyn Reader>,
}

impl Source {
    /// How many records there are, without a snapshot.
    pub fn count(&self) -> u64 {
        self.shown.current().head.count
    }

    /// How often the state was read anew. What was said of records before may be what is to be forgotten.
    pub fn replays(&self) -> u64 {
        self.shown.current().replays
    }

    /// The ledger as it is now.
    pub fn snapshot(&self) -> Snapshot {
        let version = self.shown.current();
        Snapshot {
            keeper: Arc::clone(&self.shown.keeper),
            // What another reader failed to read may be readable again.
            state: version.state.afresh(),
            version,
            reader: Arc::clone(&self.reader),
        }
    }
}

impl Snapshot {
    /// The state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What is kept for questions as of a day.
    pub fn kept(&self, as_of: NaiveDate) -> Kept {
        self.keeper.of(&self.state, as_of)
    }

    /// Makes what is kept for questions as of a day, where it is not there yet.
    pub fn keep_up(&self, as_of: NaiveDate) {
        self.keeper.keep_up(&self.state, as_of);
    }

    /// The head.
    pub fn head(&self) -> Head {
        self.version.head
    }

    /// The checkpoint; none where the ledger's origin is no name for one.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.version.checkpoint.as_ref()
    }

    /// The records.
    pub fn log(&self) -> Frozen {
        Frozen::new(Arc::clone(&self.reader), self.version.head)
    }

    /// Asks the hashes of the tree over the records.
    ///
    /// # Errors
    /// What `ask` gives.
    pub fn hashes<T>(
        &self,
        ask: impl FnOnce(&Hashes<'_, Frozen>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        ask(&Hashes::new(&self.log(), &self.version.tiles))
    }
}

#[cfg(test)]
mod tests;
