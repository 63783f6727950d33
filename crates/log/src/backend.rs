//! What makes and opens logs of one kind.

use std::time::Duration;

use super::location::Location;
use super::log::Log;
use super::open_error::OpenError;

/// A kind of log, named by the scheme of a URL.
pub trait Backend: Send + Sync {
    /// The scheme.
    fn scheme(&self) -> &str;

    /// Checks that a ledger can be made at a location. Changes nothing.
    ///
    /// # Errors
    /// [`OpenError`], the one that [`Backend::create`] would end with.
    fn check_can_create(&self, at: &Location) -> Result<(), OpenError>;

    /// Makes a log without records, and opens it. `who` names this process to others that wait for the ledger:
    /// "servanda init".
    ///
    /// # Errors
    /// [`OpenError`]
    fn create(&self, at: &Location, who: &str) -> Result<Box<dyn Log>, OpenError>;

    /// Opens a log, and waits up to `wait` for others that have it to themselves. A location that is refused is not
    /// changed.
    ///
    /// # Errors
    /// [`OpenError`]
    fn open(&self, at: &Location, wait: Duration, who: &str) -> Result<Box<dyn Log>, OpenError>;
}
