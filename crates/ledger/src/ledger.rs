//! A ledger over a log.

use std::time::{Duration, Instant as Clock};

use servanda_core::archive;
use servanda_core::chain::key::SigningKey;
use servanda_core::chain::record::Head;
use servanda_core::chain::tree::Tiled;
use servanda_core::event::{Fact, Kind, LedgerOpened};
use servanda_core::state::{RECORD_LIMIT, State};
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_log::{Lent, Log};

use super::check::LISTED;
use super::definitions::Definitions;
use super::environment::Environment;
use super::error::LedgerError;
use super::replayed::Replayed;
use super::submission::Submission;
use super::{records, replay};

/// How many records lie between two snapshots, unless [`Ledger::snapshot_every`] says otherwise.
pub const SNAPSHOT_EVERY: u64 = 65_536;

/// A ledger: a log, and the state that its records fold into.
pub struct Ledger<S> {
    pub(super) log: S,
    pub(super) environment: Box<dyn Environment>,
    pub(super) state: State,
    pub(super) head: Head,
    pub(super) last_recorded: Instant,
    pub(super) tree: Tiled,
    pub(super) definitions: Definitions,
    /// Of how many records the newest snapshot is that is of any use; 0 where there is none.
    pub(super) snapshot: u64,
    pub(super) signers: Vec<SigningKey>,
    pub(super) snapshot_every: u64,
    /// How much time lies between two snapshots at least, and when that began; none where it does not matter.
    pub(super) snapshot_pause: Option<(Duration, Clock)>,
    /// Whether the machine's clock may be far ahead of the last record.
    pub(super) clock_is_right: bool,
    /// Most refusals that a stream lists.
    pub(super) refusals_listed: usize,
    /// Whether new ids may differ from others in upper and lower case only.
    pub(super) case_matters: bool,
    /// Lower in tests alone.
    pub(super) record_limit: u64,
    /// Whether the state may hold what the log does not, after an append that failed.
    pub(super) stale: bool,
    /// How many appends in a row found that the head had moved.
    pub(super) outrun: u32,
    /// How often the state was read anew.
    pub(super) replays: u64,
}

impl<S: Log> Ledger<S> {
    /// Opens a new ledger in an empty log: appends its first record. If that asserts its recorded time, the ledger takes
    /// an old history: see [`Ledger::is_backfill`].
    ///
    /// # Errors
    /// [`LedgerError::NotEmpty`], and those of [`Ledger::append`].
    pub fn create(
        log: S,
        environment: impl Environment + 'static,
        opening: impl Into<Submission>,
    ) -> Result<Self, LedgerError> {
        let head = log.head()?;
        if head != Head::EMPTY {
            return Err(LedgerError::NotEmpty(head));
        }
        let mut ledger = Self::unread(log, environment);
        ledger.append(vec![opening])?;
        Ok(ledger)
    }

    /// A ledger of which nothing was read yet.
    pub(super) fn unread(log: S, environment: impl Environment + 'static) -> Self {
        Self {
            state: State::over(archive::of(records::of(&log)), 0),
            log,
            environment: Box::new(environment),
            head: Head::EMPTY,
            last_recorded: Instant(i64::MIN),
            tree: Tiled::new(),
            definitions: Definitions::default(),
            snapshot: 0,
            signers: Vec::new(),
            snapshot_every: SNAPSHOT_EVERY,
            snapshot_pause: None,
            clock_is_right: false,
            refusals_listed: LISTED,
            case_matters: false,
            record_limit: RECORD_LIMIT,
            stale: false,
            outrun: 0,
            replays: 0,
        }
    }

    /// Opens a ledger: replays it, and checks the chain on the way.
    ///
    /// # Errors
    /// [`LedgerError::Broken`] or [`LedgerError::Short`] where the chain is not sound.
    pub fn open(log: S, environment: impl Environment + 'static) -> Result<Self, LedgerError> {
        let mut ledger = Self::unread(log, environment);
        ledger.refresh()?;
        // After an update of the program, which may not know what snapshots hold, each command would replay all of it.
        let replayed = ledger.head.count - ledger.snapshot;
        if replayed >= SNAPSHOT_EVERY && ledger.is_far_from_snapshot() {
            ledger.keep_snapshot();
        }
        Ok(ledger)
    }

    /// How much time lies between two snapshots from now on, at least: where many wait for appends, they wait for a
    /// snapshot too.
    pub(super) fn pause_between_snapshots(&mut self, pause: Option<Duration>) {
        self.snapshot_pause = pause.map(|pause| (pause, Clock::now()));
    }

    /// How many records lie between two snapshots from now on.
    #[must_use]
    pub fn snapshot_every(mut self, records: u64) -> Self {
        self.snapshot_every = records.max(1);
        self
    }

    /// Appends also where the machine's clock is more than a year ahead of the last record. Recorded times never go back,
    /// so that a clock which is wrong once would stay in the ledger for good.
    #[must_use]
    pub fn trusting_the_clock(mut self) -> Self {
        self.clock_is_right = true;
        self
    }

    /// How many refusals a stream lists from now on; more are counted.
    pub fn listing_refusals(&mut self, most: usize) {
        self.refusals_listed = most;
    }

    /// Takes also new ids that differ from others in upper and lower case only.
    #[must_use]
    pub fn telling_case_apart(mut self) -> Self {
        self.case_matters = true;
        self
    }

    /// Signs with these keys from now on, where a batch needs it.
    #[must_use]
    pub fn signing_with(mut self, keys: Vec<SigningKey>) -> Self {
        self.signers = keys;
        self
    }

    /// The state of all records. It is empty where the log could not be read after an append that failed.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The head.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The log.
    pub fn log(&self) -> &S {
        &self.log
    }

    /// The name that the ledger was opened under.
    pub fn origin(&self) -> Option<&LedgerOpened> {
        match self.state.held(Seq(0))?.recorded().fact {
            Fact::LedgerOpened(ref fact) => Some(fact),
            _ => None,
        }
    }

    /// Closes the ledger of a program that ends. The state is not dropped piece by piece, because that takes longer than
    /// many commands.
    pub fn close_without_drop(mut self) {
        std::mem::forget(std::mem::take(&mut self.state));
    }

    /// Gives the log back.
    pub fn into_log(self) -> S {
        self.log
    }

    /// Takes in what others appended to the log since, if anybody did.
    ///
    /// # Errors
    /// Those of reading the log, and of [`Ledger::open`].
    pub fn catch_up(&mut self) -> Result<(), LedgerError> {
        match self.stale || self.log.head()? != self.head {
            true => self.follow(),
            false => Ok(()),
        }
    }

    /// Lends the log to somebody else who works with it, and takes in what became of it. Where that cannot be read now,
    /// the next append begins with it.
    pub fn lend(&mut self, work: impl FnOnce(&mut S) -> Lent) {
        let taken_in = match work(&mut self.log) {
            Lent::Unchanged => Ok(()),
            Lent::Appended => self.catch_up(),
            Lent::Erased => self.refresh(),
        };
        // Whoever has the ledger hears of it where a state is needed.
        drop(taken_in);
    }

    /// How often the state was read anew, because a record was redacted, or after a failure. A state from before that
    /// may hold what is to be forgotten.
    pub fn replays(&self) -> u64 {
        self.replays
    }

    /// Replays the log from the newest snapshot that can be trusted.
    pub(super) fn refresh(&mut self) -> Result<(), LedgerError> {
        self.stale = true;
        self.replays += 1;
        self.state = State::default();
        let (replayed, snapshot) = replay::replay_noting_start(&self.log, replay::KnownAt::Now)?;
        self.snapshot = snapshot;
        self.take_over(replayed);
        Ok(())
    }

    /// Takes in what others appended. Where the state does not lead to the log's head, or a record was redacted, of which
    /// nothing may stay, the log is replayed instead.
    pub(super) fn follow(&mut self) -> Result<(), LedgerError> {
        self.stale = true;
        let before = self.head.count;
        let followed = self.take_present().and_then(|present| {
            replay::continue_from(&self.log, present, replay::KnownAt::Now).ok()
        });
        let redacts = |state: &State| {
            (before..state.count()).any(|seq| state.kind(Seq(seq)) == Some(Kind::Redacted))
        };
        match followed.filter(|followed| !redacts(&followed.state)) {
            Some(followed) => self.take_over(followed),
            None => self.refresh()?,
        }
        Ok(())
    }

    fn take_over(&mut self, replayed: Replayed) {
        self.state = replayed.state;
        self.head = replayed.head;
        self.last_recorded = replayed.last_recorded;
        self.tree = replayed.tree;
        self.definitions = replayed.definitions;
        self.stale = false;
    }

    /// Takes out what was known at the head, without what an append that failed left behind it; none if that cannot be
    /// told apart.
    fn take_present(&mut self) -> Option<Replayed> {
        let count = self.head.count;
        if self.state.count() > count {
            self.state.rewind(count).ok()?;
        }
        // What could not be read once may be readable again, to a state that has not tried.
        let is_readable = self.state.unreadable().is_none();
        if count == 0 || !is_readable || self.state.count() != count || self.tree.size() != count {
            return None;
        }
        Some(Replayed {
            state: std::mem::take(&mut self.state),
            head: self.head,
            last_recorded: self.last_recorded,
            tree: std::mem::take(&mut self.tree),
            definitions: std::mem::take(&mut self.definitions),
        })
    }
}
