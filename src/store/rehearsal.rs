//! A store that forgets what is appended: what `--dry-run` appends to.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::SpooledTempFile;

use super::{AppendError, BatchSource, Compaction, Reader, Store, StoreError, Stored};
use crate::chain::record::{Head, Sealed};

/// Bytes of rehearsed records that are kept in memory; more go into a file without a name.
const IN_MEMORY: usize = 16 * 1024 * 1024;

/// Reads from the store inside, and changes nothing there: what is appended lies beside it, and is gone with the
/// rehearsal. Nothing is erased.
pub struct Rehearsal<S> {
    inner: S,
    tail: Arc<Mutex<Tail>>,
}

/// Records that were appended in a rehearsal.
struct Tail {
    /// The number of the first.
    first: u64,
    head: Head,
    bytes: SpooledTempFile,
    /// Where each ends in them.
    ends: Vec<u64>,
}

impl Tail {
    fn append(&mut self, batch: &[Sealed], head: Head) -> Result<(), StoreError> {
        let mut end = self.ends.last().copied().unwrap_or_default();
        let mut bytes = Vec::new();
        for sealed in batch {
            bytes.extend_from_slice(&sealed.0);
            end += sealed.0.len() as u64;
            self.ends.push(end);
        }
        self.bytes
            .seek(SeekFrom::End(0))
            .and_then(|_| self.bytes.write_all(&bytes))
            .map_err(|source| failed("keeping rehearsed records", source))?;
        self.head = head;
        Ok(())
    }

    /// Forgets the newest records but so many.
    fn cut(&mut self, count: usize) -> Result<(), StoreError> {
        self.ends.truncate(count);
        let end = self.ends.last().copied().unwrap_or_default();
        let cut = self.bytes.set_len(end);
        cut.map_err(|source| failed("dropping rehearsed records", source))
    }

    fn read(&mut self, from: u64, limit: usize) -> Result<Vec<Stored>, StoreError> {
        let skip = usize::try_from(from - self.first).unwrap_or(usize::MAX);
        let before = skip.checked_sub(1).and_then(|at| self.ends.get(at));
        let mut start = before.copied().unwrap_or_default();
        let reading = |source| failed("reading rehearsed records", source);
        self.bytes.seek(SeekFrom::Start(start)).map_err(reading)?;
        let mut found = Vec::new();
        // What is appended just now is not acknowledged yet.
        for (seq, end) in
            (from..self.head.count).zip(self.ends.iter().skip(skip).take(limit.max(1)))
        {
            let mut sealed = vec![0; usize::try_from(end - start).unwrap_or_default()];
            self.bytes.read_exact(&mut sealed).map_err(reading)?;
            let sealed = sealed.into();
            found.push(Stored { seq, sealed });
            start = *end;
        }
        Ok(found)
    }
}

fn failed(doing: &str, source: io::Error) -> StoreError {
    StoreError::Io {
        doing: doing.to_owned(),
        source,
    }
}

fn lock(tail: &Mutex<Tail>) -> MutexGuard<'_, Tail> {
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Store> Rehearsal<S> {
    /// A rehearsal on this store.
    ///
    /// # Errors
    /// [`StoreError`], where its head cannot be read.
    pub fn new(inner: S) -> Result<Self, StoreError> {
        let head = inner.head()?;
        let tail = Tail {
            first: head.count,
            head,
            bytes: tempfile::spooled_tempfile(IN_MEMORY),
            ends: Vec::new(),
        };
        Ok(Self {
            inner,
            tail: Arc::new(Mutex::new(tail)),
        })
    }

    /// The store inside.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

/// Reads what is in the store, and what was rehearsed.
struct Beside {
    inner: Arc<dyn Reader>,
    tail: Arc<Mutex<Tail>>,
}

impl Reader for Beside {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, StoreError> {
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

impl<S: Store> Store for Rehearsal<S> {
    fn head(&self) -> Result<Head, StoreError> {
        Ok(lock(&self.tail).head)
    }

    fn append(&mut self, expected: Head, batch: &[Sealed], head: Head) -> Result<(), AppendError> {
        let mut tail = lock(&self.tail);
        if tail.head != expected {
            return Err(AppendError::HeadMoved(tail.head));
        }
        Ok(tail.append(batch, head)?)
    }

    fn append_stream(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        let before = lock(&self.tail).ends.len();
        let mut last = lock(&self.tail).head;
        if last != expected {
            return Err(AppendError::HeadMoved(last));
        }
        loop {
            // The source may ask for records meanwhile.
            let next = source.next_batch().map_err(StoreError::from);
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

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.reader().read(from, limit)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(Beside {
            inner: self.inner.reader(),
            tail: Arc::clone(&self.tail),
        })
    }

    fn put_snapshot(&mut self, _: u64, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }

    fn snapshots(&self) -> Result<Vec<u64>, StoreError> {
        self.inner.snapshots()
    }

    fn snapshot(&self, count: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.snapshot(count)
    }

    fn drop_snapshot(&mut self, _: u64) -> Result<(), StoreError> {
        Ok(())
    }

    fn erase(&mut self, _: &[Stored]) -> Result<(), StoreError> {
        Ok(())
    }

    /// Says nothing of what it would come to: that is known only when it was done.
    fn compact(&mut self) -> Result<Compaction, StoreError> {
        Ok(Compaction {
            before: 0,
            after: 0,
        })
    }
}
