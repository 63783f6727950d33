//! The records of a log, as the core reads them.

use std::sync::Arc;

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

/// The records of a log and its committed head.
pub(crate) fn subject(log: &impl Log) -> Result<Subject, LogError> {
    Ok(Subject {
        committed: log.head()?,
        records: of(log),
    })
}

/// A log's error as the core has it.
pub(crate) fn read_error(error: LogError) -> ReadError {
    match error {
        LogError::Damaged { what, resume } => ReadError { what, resume },
        error => ReadError {
            what: error.to_string(),
            resume: None,
        },
    }
}
