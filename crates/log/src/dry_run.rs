//! A log that forgets what is appended, for `--dry-run`.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::{AppendError, LogError};
use super::log::{ChunkSink, Erase, Log, Parts as _, Reader, SnapshotCache, Stored};
use super::source::BatchSource;
use super::spool::Spool;
use servanda_core::chain::record::{Head, Sealed};
use servanda_core::pages::Source;

/// Reads from the log inside and changes nothing in it. Appended records are kept beside it and dropped with this log.
/// Nothing is erased.
pub struct DryRunLog<S> {
    inner: S,
    tail: Arc<Mutex<Tail>>,
}

/// Records that were appended in a dry run.
struct Tail {
    /// The number of the first of them.
    first: u64,
    head: Head,
    records: Spool,
}

impl Tail {
    fn append(&mut self, batch: &[Sealed], head: Head) -> Result<(), LogError> {
        let before = self.records.count();
        for sealed in batch {
            if let Err(source) = self.records.push(&[&sealed.0]) {
                self.cut(before)?;
                return Err(failed("keeping rehearsed records", source));
            }
        }
        self.head = head;
        Ok(())
    }

    /// Keeps only the first `count` records.
    fn cut(&mut self, count: u64) -> Result<(), LogError> {
        let cut = self.records.cut(count);
        cut.map_err(|source| failed("dropping rehearsed records", source))
    }

    fn read(&mut self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        // A record of an append that is not finished is not committed.
        let end = self
            .head
            .count
            .min(from.saturating_add(limit.max(1) as u64));
        let mut found = Vec::new();
        let mut next = from;
        while next < end {
            let stretch = self.records.stretch(next - self.first);
            let stretch = stretch.map_err(|source| failed("reading rehearsed records", source))?;
            let numbered = stretch.iter().map(|(at, sealed)| (self.first + at, sealed));
            for (seq, sealed) in numbered.filter(|(seq, _)| (next..end).contains(seq)) {
                let sealed = Sealed::from(sealed.to_vec());
                found.push(Stored { seq, sealed });
            }
            next = self.first + stretch.end();
        }
        Ok(found)
    }
}

fn failed(doing: &str, source: io::Error) -> LogError {
    LogError::Io {
        doing: doing.to_owned(),
        source,
    }
}

fn lock(tail: &Mutex<Tail>) -> MutexGuard<'_, Tail> {
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Log> DryRunLog<S> {
    /// Makes a dry run on this log.
    ///
    /// # Errors
    /// [`LogError`], where its head cannot be read.
    pub fn new(inner: S) -> Result<Self, LogError> {
        let head = inner.head()?;
        let tail = Tail {
            first: head.count,
            head,
            records: Spool::default(),
        };
        Ok(Self {
            inner,
            tail: Arc::new(Mutex::new(tail)),
        })
    }

    /// The log inside.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

/// Reads the records of the log and those of the dry run.
struct Beside {
    inner: Arc<dyn Reader>,
    tail: Arc<Mutex<Tail>>,
}

impl Reader for Beside {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let mut tail = lock(&self.tail);
        if from >= tail.first {
            return tail.read(from, limit);
        }
        let found = self.inner.read(from, limit)?;
        if found.is_empty() {
            let first = tail.first;
            return tail.read(first, limit);
        }
        Ok(found)
    }
}

impl<S: Log> Log for DryRunLog<S> {
    fn head(&self) -> Result<Head, LogError> {
        Ok(lock(&self.tail).head)
    }

    fn append(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        let before = lock(&self.tail).records.count();
        let mut last = lock(&self.tail).head;
        if last != expected {
            return Err(AppendError::HeadMoved(last));
        }
        loop {
            // The source may ask for records meanwhile.
            let next = source.next_batch().map_err(LogError::from);
            let mut tail = lock(&self.tail);
            let kept = match next {
                Ok(None) => {
                    tail.head = last;
                    return Ok(last);
                }
                Ok(Some((batch, head))) => {
                    last = head;
                    tail.append(&batch, expected)
                }
                Err(error) => Err(error),
            };
            if let Err(error) = kept {
                tail.cut(before)?;
                return Err(error.into());
            }
        }
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.reader().read(from, limit)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(Beside {
            inner: self.inner.reader(),
            tail: Arc::clone(&self.tail),
        })
    }

    fn damage(&self) -> Option<String> {
        self.inner.damage()
    }

    fn is_copied(&self) -> bool {
        self.inner.is_copied()
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        self.inner.snapshots().is_some().then_some(self)
    }

    fn eraser(&mut self) -> Option<&mut dyn Erase> {
        self.inner.eraser().is_some().then_some(self)
    }
}

/// Reads the snapshots of the log inside, and changes none.
impl<S: Log> SnapshotCache for DryRunLog<S> {
    fn put_chunks(&self, _: u64, _: &ChunkSink<'_>) -> Result<(), LogError> {
        Ok(())
    }

    fn counts(&self) -> Result<Vec<u64>, LogError> {
        self.inner.cache()?.counts()
    }

    fn load(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        self.inner.cache()?.load(count)
    }

    fn open(&self, count: u64) -> Result<Option<Arc<dyn Source>>, LogError> {
        self.inner.cache()?.open(count)
    }

    fn remove(&self, _: u64) -> Result<(), LogError> {
        Ok(())
    }
}

/// Erases nothing.
impl<S: Log> Erase for DryRunLog<S> {
    fn erase(&mut self, _: &[Stored]) -> Result<(), LogError> {
        Ok(())
    }
}
