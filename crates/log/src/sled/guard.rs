//! Calls sled, catches its panics, and translates its errors.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;

use super::files::{damaged, io_error};
use crate::error::LogError;

/// What sled says where memory ends. That is no damage.
const NO_MEMORY: &str = "failed to allocate";

thread_local! {
    /// Whether this thread is inside a guarded call.
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Calls sled, and turns its panics and errors into [`LogError`].
pub(super) fn guarded<T>(
    doing: &str,
    path: &Path,
    call: impl FnOnce() -> ::sled::Result<T>,
) -> Result<T, LogError> {
    let outer = CATCHING.replace(true);
    // Half-done state of sled in memory is not used again: the log is opened anew after a failed write, and a failed
    // read changes nothing.
    let outcome = catch_unwind(AssertUnwindSafe(call));
    CATCHING.set(outer);
    match outcome {
        Ok(result) => result.map_err(|error| translated(doing, path, error)),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no reason given");
            if text.contains(NO_MEMORY) {
                return Err(io_error(doing, path, io::ErrorKind::OutOfMemory.into()));
            }
            let what = format!("{doing} {}: sled gave up: {text}", path.display());
            Err(damaged(what, None))
        }
    }
}

/// Whether a panic of this thread becomes an error: it is inside a guarded call of sled, or one of sled's own threads.
/// A program's panic hook asks this, so that such panics print nothing.
pub fn is_guarded() -> bool {
    let is_of_sled = |name: &str| name.starts_with("sled-io");
    CATCHING.get() || thread::current().name().is_some_and(is_of_sled)
}

pub(super) fn translated(doing: &str, path: &Path, error: ::sled::Error) -> LogError {
    use ::sled::Error;
    let said = |what: String| damaged(format!("{doing} {}: {what}", path.display()), None);
    match error {
        Error::Io(source) => io_error(doing, path, plain(source)),
        Error::Corruption { at: Some(at), .. } => said(format!("sled met damage at {at}")),
        Error::Corruption { .. } => said("sled met damage".to_owned()),
        Error::CollectionNotFound(_) => said("sled lost a tree".to_owned()),
        Error::Unsupported(what) | Error::ReportableBug(what) => said(what),
    }
}

/// The system's error if sled kept only its text; `WouldBlock` if another process holds sled's lock.
pub(super) fn plain(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() {
        return error;
    }
    let text = error.to_string();
    if text.starts_with("could not acquire lock") {
        return io::Error::new(
            io::ErrorKind::WouldBlock,
            "sled's lock is held by another process",
        );
    }
    let code = text.strip_prefix("Os { code: ").and_then(|rest| {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    });
    code.map_or(error, io::Error::from_raw_os_error)
}

/// Whether another process holds sled's lock.
pub(super) fn is_in_use(error: &LogError) -> bool {
    matches!(error, LogError::Io { source, .. } if source.kind() == io::ErrorKind::WouldBlock)
}
