//! The records of a log, as the core reads them.

use std::sync::{Arc, Mutex, PoisonError};

use servanda_core::records::{ReadError, Records, Stored};
use servanda_core::verify::Subject;
use servanda_log::{Log, LogError, Reader};

/// A log's reader.
struct OfLog(Arc<dyn Reader>);

impl Records for OfLog {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, ReadError> {
        self.0.read(from, limit).map_err(read_error)
    }
}

/// The records of a log, to be read as long as it is open.
pub(crate) fn of(log: &impl Log) -> Arc<dyn Records> {
    Arc::new(OfLog(log.reader()))
}

/// Whether the place of a log did not answer while it was judged: nothing is read from it after that.
#[derive(Default)]
pub(crate) struct Lost(Mutex<Option<ReadError>>);

impl Lost {
    fn get(&self) -> Option<ReadError> {
        let lost = self.0.lock();
        lost.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads something of the log.
    ///
    /// # Errors
    /// Those of reading; the first one again where the place did not answer.
    pub fn unless<T>(&self, read: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
        if let Some(lost) = self.get() {
            return Err(lost);
        }
        let read = read();
        if let Err(error) = &read
            && error.is_unreachable
        {
            let lost = self.0.lock();
            *lost.unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        }
        read
    }
}

/// Reads a log until its place does not answer once.
struct UntilLost(OfLog, Arc<Lost>);

impl Records for UntilLost {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, ReadError> {
        self.1.unless(|| self.0.read(from, limit))
    }
}

/// What is found about the records of a log and its committed head.
///
/// # Errors
/// [`LogError`], where the log does not give its head, or its place does not answer meanwhile: what is found then is no
/// verdict.
pub(crate) fn judged<T>(
    log: &impl Log,
    judge: impl FnOnce(&Subject, &Arc<Lost>) -> T,
) -> Result<T, LogError> {
    let lost = Arc::new(Lost::default());
    let subject = Subject {
        committed: log.head()?,
        records: Arc::new(UntilLost(OfLog(log.reader()), lost.clone())),
    };
    let found = judge(&subject, &lost);
    match lost.get() {
        Some(error) => Err(unreachable("verifying", error)),
        None => Ok(found),
    }
}

/// The error of a log whose place did not answer.
pub(crate) fn unreachable(doing: &str, error: ReadError) -> LogError {
    LogError::Unreachable {
        doing: doing.to_owned(),
        why: error.what,
    }
}

/// A log's error as the core has it.
pub(crate) fn read_error(error: LogError) -> ReadError {
    match error {
        LogError::Damaged { what, resume } => ReadError {
            resume,
            ..ReadError::damaged(what)
        },
        error => ReadError {
            is_unreachable: matches!(error, LogError::Unreachable { .. }),
            ..ReadError::damaged(error.to_string())
        },
    }
}
