//! The first records of a log, which does not stop growing meanwhile.

use std::io;
use std::sync::Arc;

use servanda_core::chain::record::Head;
use servanda_log::{AppendError, BatchSource, Log, LogError, Reader, Stored};

/// A log that ends at a head and takes nothing.
pub struct Frozen {
    reader: Arc<dyn Reader>,
    head: Head,
}

impl Frozen {
    /// The records of a reader up to this head, which were committed.
    pub fn new(reader: Arc<dyn Reader>, head: Head) -> Self {
        Self { reader, head }
    }
}

struct Clipped {
    reader: Arc<dyn Reader>,
    count: u64,
}

impl Reader for Clipped {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        if from >= self.count {
            return Ok(Vec::new());
        }
        let mut found = self.reader.read(from, limit)?;
        found.retain(|stored| stored.seq < self.count);
        Ok(found)
    }
}

impl Log for Frozen {
    fn head(&self) -> Result<Head, LogError> {
        Ok(self.head)
    }

    fn append(&mut self, _: Head, _: &mut dyn BatchSource) -> Result<Head, AppendError> {
        let source = io::Error::from(io::ErrorKind::Unsupported);
        let doing = "appending to a part of a log".to_owned();
        Err(AppendError::Failed(LogError::Io { doing, source }))
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.reader().read(from, limit)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(Clipped {
            reader: Arc::clone(&self.reader),
            count: self.head.count,
        })
    }
}
