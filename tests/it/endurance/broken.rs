//! The promises that a ledger can break.

use servanda_log::testing;

use super::files::Files;

/// A promise that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A record that was acknowledged is gone.
    Lost,
    /// A part of an append is there, or a record is another.
    InPart,
    /// Damage that `verify` does not name, or an exit code that says something else than what happened.
    Silent,
    /// A ledger that does not open or takes no appends, although nothing is damaged, or `verify` finds it sound.
    Stuck,
    /// A panic, or an end that is no exit code of the program.
    Panic,
    /// No end within the time limit.
    Hang,
    /// A look at a damaged ledger changed its bytes.
    Changed,
}

impl Fault {
    /// Each of them, and its name in the summary.
    pub const ALL: [(Self, &str); 7] = [
        (Self::Lost, "acknowledged_lost"),
        (Self::InPart, "in_part"),
        (Self::Silent, "silent"),
        (Self::Stuck, "stuck"),
        (Self::Panic, "panics"),
        (Self::Hang, "hangs"),
        (Self::Changed, "evidence_changed"),
    ];
}

/// How a promise was broken.
#[derive(Debug)]
pub struct Broken {
    /// The promise.
    pub fault: Fault,
    /// What was found.
    pub what: String,
    /// The directory in which it was found, as it was before anything looked at it.
    pub left: Option<Box<Files>>,
}

impl Broken {
    /// A broken promise.
    pub fn new(fault: Fault, what: impl Into<String>) -> Self {
        Self {
            fault,
            what: what.into(),
            left: None,
        }
    }

    /// Adds how it came to that.
    pub fn after(mut self, how: &str) -> Self {
        self.what = format!("{}; {how}", self.what);
        self
    }
}

impl From<testing::Broken> for Broken {
    fn from(broken: testing::Broken) -> Self {
        match broken {
            testing::Broken::Lost(what) => Self::new(Fault::Lost, what),
            testing::Broken::InPart(what) => Self::new(Fault::InPart, what),
            testing::Broken::Stuck(what) => Self::new(Fault::Stuck, what),
        }
    }
}

/// Breaks a promise where a condition does not hold.
pub fn hold(condition: bool, fault: Fault, what: impl FnOnce() -> String) -> Result<(), Broken> {
    if condition {
        Ok(())
    } else {
        Err(Broken::new(fault, what()))
    }
}
