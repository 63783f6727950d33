//! The errors of making and opening a ledger.

use std::io;
use std::time::Duration;

use super::error::LogError;
use super::location::Location;

/// Why a ledger cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No backend has the scheme of this location.
    #[error(
        "{location}: there is no log of the scheme {:?}; known are {}",
        location.scheme(),
        known.join(" and ")
    )]
    UnknownScheme {
        /// The location.
        location: Location,
        /// The known schemes, each with its colon.
        known: Vec<String>,
    },
    /// There is no ledger at this location.
    #[error("there is no ledger at {0}")]
    NoLedger(Location),
    /// There is nothing at this path.
    #[error("{0} does not exist")]
    NoSuchDirectory(Location),
    /// Something else than a directory is there.
    #[error("{0} is not a directory")]
    NotADirectory(Location),
    /// A directory, but not a ledger's.
    #[error("{0} is not a ledger")]
    NotALedger(Location),
    /// Making a ledger was broken off here; nothing was ever recorded in it.
    #[error("{0} was never finished: making the ledger was broken off")]
    HalfMade(Location),
    /// A newer servanda made it.
    #[error("the ledger has format {found}; this version of servanda knows {known}")]
    NewerFormat {
        /// Its format.
        found: u32,
        /// The newest format that is known here.
        known: u32,
    },
    /// Its records lie in a log that this servanda does not know.
    #[error("the ledger's records lie in a store called {name:?}, which is not known here")]
    UnknownStore {
        /// The log's name.
        name: String,
    },
    /// There is a ledger already where one was to be made.
    #[error("{0} is a ledger already")]
    AlreadyALedger(Location),
    /// There is something where a ledger was to be made.
    #[error("{0} is not empty")]
    NotEmpty(Location),
    /// It cannot be written to; the log cannot open it even to read.
    #[error("{path} cannot be written to: {source}")]
    ReadOnly {
        /// What cannot be written to.
        path: Location,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else has it open.
    #[error("the ledger is in use by {holder}; gave up after {:.1} s", waited.as_secs_f64())]
    Locked {
        /// Who, as they wrote it: "pid 1234, servanda import, since 2026-01-31T10:00:00Z".
        holder: String,
        /// How long was waited.
        waited: Duration,
    },
    /// A process of another version serves it, and does not understand this one.
    #[error("the ledger is served by servanda {server}, and this is {own}")]
    OtherVersion {
        /// The version of the server.
        server: String,
        /// The version of this process.
        own: &'static str,
    },
    /// The log cannot be made or opened.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl OpenError {
    /// Names the ledger by its location, where the error names its directory.
    #[cfg(feature = "sled")]
    pub(crate) fn named(self, at: &Location) -> Self {
        let directory = at.directory().map(|path| Location::from(path.as_path()));
        let named = |named: Location| match directory {
            Some(directory) if directory == named => at.clone(),
            _ => named,
        };
        match self {
            Self::NoSuchDirectory(path) => Self::NoSuchDirectory(named(path)),
            Self::NotADirectory(path) => Self::NotADirectory(named(path)),
            Self::NotALedger(path) => Self::NotALedger(named(path)),
            Self::HalfMade(path) => Self::HalfMade(named(path)),
            Self::AlreadyALedger(path) => Self::AlreadyALedger(named(path)),
            Self::NotEmpty(path) => Self::NotEmpty(named(path)),
            Self::ReadOnly { path, source } => Self::ReadOnly {
                path: named(path),
                source,
            },
            other => other,
        }
    }
}
