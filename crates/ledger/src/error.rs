//! Why a ledger refuses, or fails.

use servanda_core::chain::record::Head;
use servanda_core::chain::tree::ProveError;
use servanda_core::rules::Rejection;
use servanda_core::signatures::SignatureError;
use servanda_core::state::RECORD_LIMIT;
use servanda_core::state::Unreadable;
use servanda_core::value::when::Instant;
use servanda_core::words::plural;
use servanda_log::LogError;

use super::submission::{AssertedTimeError, BATCH_LIMIT};

/// One event of a batch that the rules refuse. Events that are refused only because they name what this one would have
/// made are no refusals of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// Why.
    pub rejection: Rejection,
    /// How many later events are refused only because they name what this one, or one of them, would have made.
    pub dependents: usize,
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
    #[error("{}", refused(*count, *dependents))]
    Refused {
        /// The first of them; of a stream at most [`LISTED`](crate::LISTED) unless the ledger was told otherwise, of other
        /// appends all.
        listed: Vec<Refusal>,
        /// How many there are.
        count: usize,
        /// How many more are refused only because they name what those would have made.
        dependents: usize,
    },
    /// A recorded time that is asserted cannot be; nothing was appended.
    #[error("event {index} of the batch: {source}")]
    AssertedTime {
        /// Its place in the batch, from 0.
        index: usize,
        /// Why.
        source: AssertedTimeError,
    },
    /// The machine's clock is far ahead of the last record, and nobody said that it is right; nothing was appended.
    #[error("this machine's clock says {now}, more than a year after the last record of {last}")]
    ClockJump {
        /// When the last record was recorded.
        last: Instant,
        /// The machine's time.
        now: Instant,
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
    /// The records are there, and the servers that must confirm them did not: they are lost if the one that has them is.
    #[error("recorded on one server, and not confirmed by another: {0}")]
    Unconfirmed(LogError),
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

impl From<&Unreadable> for LedgerError {
    fn from(Unreadable { seq, why }: &Unreadable) -> Self {
        match why.is_unreachable {
            true => Self::Log(crate::records::unreachable(
                &format!("reading record {seq} again"),
                why.clone(),
            )),
            false => Self::Broken {
                seq: seq.0,
                what: why.what.clone(),
            },
        }
    }
}

impl LedgerError {
    /// Whether what keeps the ledger does not answer.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Log(LogError::Unreachable { .. }))
    }
}

/// `2 events refused, and 8131 events that name what they would have made`.
fn refused(count: usize, dependents: usize) -> String {
    let (events, build) = (plural(count, "event"), plural(dependents, "event"));
    let they = if count == 1 { "it" } else { "they" };
    match dependents {
        0 => format!("{events} refused"),
        _ => format!("{events} refused, and {build} that name what {they} would have made"),
    }
}

/// What a proof failed at: there is none, or the records could not be read.
pub(super) fn tree_error(error: ProveError<LedgerError>) -> LedgerError {
    match error {
        ProveError::Tree(error) => LedgerError::Tree(error.to_string()),
        ProveError::Leaves(error) => error,
    }
}

/// What a size limit of the tree, which no ledger reaches, would say.
pub(super) fn too_large(error: impl std::error::Error) -> LedgerError {
    LedgerError::Tree(error.to_string())
}
