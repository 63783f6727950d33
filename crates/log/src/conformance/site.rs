//! What a log tells the suite of itself.

use crate::error::Unsupported;
use crate::log::Log;

/// The outcome of a check: what went wrong, if anything.
pub(super) type Outcome = Result<(), String>;

/// A place in which one log lies.
pub trait Site {
    /// Opens the log; the first time, it is empty. The log that was opened before has been dropped.
    ///
    /// # Errors
    /// Says what went wrong.
    fn open(&mut self) -> Result<Box<dyn Log>, String>;

    /// Whether the records are still there when the log is opened again. False for logs in memory alone.
    fn keeps(&self) -> bool {
        true
    }

    /// The optional parts that this log lacks. Every other part is tested.
    fn lacks(&self) -> &[Unsupported] {
        &[]
    }

    /// Whether an append may end as uncertain. The suite then reads the head, and appends again where it did not move.
    fn loses_answers(&self) -> bool {
        false
    }
}
