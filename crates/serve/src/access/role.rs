//! Roles, what requests need, and who is known.

use std::fmt;
use std::str::FromStr;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Read pages, lists and reports.
    Reader,
    /// Read, and take records, proofs and tiles to verify them elsewhere.
    Auditor,
    /// As an auditor, and record events.
    Recorder,
    /// As a recorder, in the name of anybody; and destroy what may be destroyed.
    Admin,
}

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it says nothing of the ledger.
    Nothing,
    /// To read.
    Read,
    /// To take records as they are stored, proofs and tiles.
    Audit,
    /// To record.
    Record,
    /// To destroy words or documents for good.
    Erase,
}

impl Role {
    /// Every role, the one that may do least first.
    pub const ALL: &'static [Role] = &[Self::Reader, Self::Auditor, Self::Recorder, Self::Admin];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Auditor => "auditor",
            Self::Recorder => "recorder",
            Self::Admin => "admin",
        }
    }

    /// Whether it suffices for a request.
    pub fn may(self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing | Needs::Read => true,
            Needs::Audit => self != Self::Reader,
            Needs::Record => matches!(self, Self::Recorder | Self::Admin),
            Needs::Erase => self == Self::Admin,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|role| role.word() == word);
        let words = || Self::ALL.iter().map(|role| role.word()).collect::<Vec<_>>();
        found
            .copied()
            .ok_or_else(|| format!("is not one of: {}", words().join(", ")))
    }
}

/// Somebody who is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The name, as the log lines have it.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whom events are recorded by: the only one that a recorder can name.
    pub records_as: Option<String>,
}
