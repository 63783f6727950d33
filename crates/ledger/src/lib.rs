//! What is done with it: append, replay, verify. Ties the domain, the chain and a log together; knows a
//! [`Log`], never which.

mod admit;
pub mod anchor;
pub mod append;
pub mod backfill;
mod definitions;
pub mod group;
mod records;
pub mod recover;
pub mod redact;
pub mod replay;
pub mod snapshot;
pub mod stream;
mod tail;
#[cfg(test)]
mod testing;
mod threads;
pub mod verify;

use self::backfill::{ClaimError, Submission};
use self::definitions::Definitions;
use servanda_core::archive;
use servanda_core::chain::codec::CodecError;
use servanda_core::chain::key::SigningKey;
use servanda_core::chain::record::{Head, SALT_LEN};
use servanda_core::chain::tree::Tiled;
use servanda_core::event::{Event, Fact, LedgerOpened};
use servanda_core::rules::Rejection;
use servanda_core::signatures::SignatureError;
use servanda_core::state::{RECORD_LIMIT, State};
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_core::words::plural;
use servanda_log::{Log, LogError};

/// Most events of one append. All of them are held in memory until they are written.
pub const BATCH_LIMIT: usize = 10_000_000;

/// How many records lie between two snapshots, unless [`Ledger::snapshot_every`] says otherwise.
pub const SNAPSHOT_EVERY: u64 = 65_536;

/// What a ledger takes from the world: the time, and salts that nobody can guess.
pub trait Environment: Send {
    /// Now, by the machine's clock.
    fn now(&self) -> Instant;

    /// Fresh random bytes.
    ///
    /// # Errors
    /// What the system says, where it has none.
    fn salt(&mut self) -> Result<[u8; SALT_LEN], std::io::Error>;

    /// As many as there is room for.
    ///
    /// # Errors
    /// As [`Environment::salt`].
    fn fill_salts(&mut self, salts: &mut [[u8; SALT_LEN]]) -> Result<(), std::io::Error> {
        for salt in salts {
            *salt = self.salt()?;
        }
        Ok(())
    }
}

/// The machine's clock and its source of randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl Environment for Machine {
    fn now(&self) -> Instant {
        Instant(chrono::Utc::now().timestamp_micros())
    }

    fn salt(&mut self) -> Result<[u8; SALT_LEN], std::io::Error> {
        let mut salt = [0; SALT_LEN];
        getrandom::fill(&mut salt).map_err(std::io::Error::other)?;
        Ok(salt)
    }

    fn fill_salts(&mut self, salts: &mut [[u8; SALT_LEN]]) -> Result<(), std::io::Error> {
        // Asking the system costs more than what it gives.
        getrandom::fill(salts.as_flattened_mut()).map_err(std::io::Error::other)
    }
}

/// One event of a batch that the rules refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// Why.
    pub rejection: Rejection,
}

/// Why a ledger does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What the log holds is not a sound chain. `verify` tells all that is wrong.
    #[error("record {seq}: {what}")]
    Broken {
        /// The first record where it shows.
        seq: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The log holds fewer records than were committed.
    #[error("the log holds {found} of the {committed} records that were committed")]
    Short {
        /// Records found.
        found: u64,
        /// Records committed.
        committed: u64,
    },
    /// The rules refuse some events; nothing was appended.
    #[error("{} refused", plural(.0.len(), "event"))]
    Refused(Vec<Refusal>),
    /// An event cannot be encoded; nothing was appended.
    #[error("event {index} of the batch: {source}")]
    Codec {
        /// Its place in the batch, from 0.
        index: usize,
        /// Why.
        source: CodecError,
    },
    /// A recorded time that is claimed cannot be; nothing was appended.
    #[error("event {index} of the batch: {source}")]
    Claim {
        /// Its place in the batch, from 0.
        index: usize,
        /// Why.
        source: ClaimError,
    },
    /// A batch is too large; nothing was appended.
    #[error("{0} events in one append; the limit is {BATCH_LIMIT}")]
    BatchTooLarge(usize),
    /// The ledger would have more records than it can; nothing was appended.
    #[error(
        "a ledger has at most {limit} records, and this one would have more; nothing was appended"
    )]
    Full {
        /// How many it can have.
        limit: u64,
    },
    /// The log holds more records than a ledger can have here.
    #[error("the ledger has {0} records; at most {RECORD_LIMIT} can be read here")]
    TooLong(u64),
    /// Others kept appending first; nothing was appended.
    #[error("the head keeps moving: others append to this ledger, which now has {0}")]
    HeadMoved(Head),
    /// Nobody knows whether the append is there.
    #[error("the outcome of the append is uncertain: {0}")]
    Uncertain(LogError),
    /// A signature is missing, or does not hold; nothing was appended.
    #[error("{0}")]
    Signature(#[from] SignatureError),
    /// The tree cannot give what was asked for.
    #[error("{0}")]
    Tree(String),
    /// A redaction is recorded, and the payload that it names is still in the log.
    #[error("the redaction is recorded, but the payload is not erased yet: {0}")]
    NotErased(Box<LedgerError>),
    /// The system's scratch directory does not hold the events that wait to be committed; nothing was appended.
    #[error("the scratch directory does not hold the events that wait to be committed: {0}")]
    Scratch(std::io::Error),
    /// The system has no randomness.
    #[error("no random bytes for salts: {0}")]
    Entropy(std::io::Error),
    /// There is a ledger already.
    #[error("the log holds a ledger already, with {0}")]
    NotEmpty(Head),
}

/// A ledger: a log, and the state that its records fold into.
pub struct Ledger<S> {
    log: S,
    environment: Box<dyn Environment>,
    state: State,
    head: Head,
    last_recorded: Instant,
    tree: Tiled,
    definitions: Definitions,
    /// Of how many records the newest snapshot is that is of any use; 0 where there is none.
    snapshot: u64,
    signers: Vec<SigningKey>,
    snapshot_every: u64,
    /// Lower in tests alone.
    record_limit: u64,
    /// Whether the state may hold what the log does not, after an append that failed.
    stale: bool,
}

impl<S: Log> Ledger<S> {
    /// Opens a new ledger in an empty log: appends its first record.
    ///
    /// # Errors
    /// [`LedgerError::NotEmpty`], and those of [`Ledger::append`].
    pub fn create(
        log: S,
        environment: impl Environment + 'static,
        opening: Event,
    ) -> Result<Self, LedgerError> {
        Self::create_with(log, environment, opening.into())
    }

    fn create_with(
        log: S,
        environment: impl Environment + 'static,
        opening: Submission,
    ) -> Result<Self, LedgerError> {
        let head = log.head()?;
        if head != Head::EMPTY {
            return Err(LedgerError::NotEmpty(head));
        }
        let mut ledger = Self::unread(log, environment);
        ledger.append_asserted(vec![opening])?;
        Ok(ledger)
    }

    /// A ledger of which nothing was read yet.
    fn unread(log: S, environment: impl Environment + 'static) -> Self {
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
            record_limit: RECORD_LIMIT,
            stale: false,
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

    /// How many records lie between two snapshots from now on.
    #[must_use]
    pub fn snapshot_every(mut self, records: u64) -> Self {
        self.snapshot_every = records.max(1);
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

    /// Replays the log from the newest snapshot that can be trusted.
    fn refresh(&mut self) -> Result<(), LedgerError> {
        self.stale = true;
        self.state = State::default();
        let (replayed, snapshot) = replay::replay_noting_start(&self.log, replay::KnownAt::Now)?;
        self.snapshot = snapshot;
        self.state = replayed.state;
        self.head = replayed.head;
        self.last_recorded = replayed.last_recorded;
        self.tree = replayed.tree;
        self.definitions = replayed.definitions;
        self.stale = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
