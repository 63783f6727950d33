//! A log that fails on purpose, for tests.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::{AppendError, LogError};
use super::log::{
    ChunkSink, Compact, Compaction, Erase, Log, Parts as _, Reader, SnapshotCache, Stored,
};
use super::source::BatchSource;
use servanda_core::chain::record::Head;
use servanda_core::pages::Source;

/// How a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done; an append is [`AppendError::Failed`].
    Before,
    /// The first batch is taken from the source, and nothing is done. Otherwise as [`Fault::Before`].
    Amid,
    /// All is done and the answer is lost; an append is [`AppendError::Uncertain`].
    After,
    /// The place does not answer: [`LogError::Unreachable`]. Nothing is done.
    Silent,
}

impl Fault {
    /// Those that a log of this machine knows.
    pub const ALL: [Self; 3] = [Self::Before, Self::Amid, Self::After];
}

/// Passes everything on to another log, but fails at one step. Every call of [`Log`] and of its parts is a step, and
/// every read by one of its readers; asking for a reader or for a part is none. Steps are counted from 0.
#[derive(Debug)]
pub struct Faulty<S> {
    inner: S,
    /// Shared with its readers.
    steps: Arc<Steps>,
}

#[derive(Debug, Default)]
struct Steps {
    taken: AtomicU64,
    fault: Mutex<Option<(Range<u64>, Fault)>>,
}

impl Steps {
    /// Counts a step, and gives the fault that is due.
    fn step(&self) -> Option<Fault> {
        let step = self.taken.fetch_add(1, Ordering::SeqCst);
        let due = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let met = due.as_ref().filter(|(steps, _)| steps.contains(&step));
        met.map(|(_, fault)| *fault)
    }
}

impl<S> Faulty<S> {
    /// Makes a log that does not fail yet.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            steps: Arc::default(),
        }
    }

    /// Makes one step fail: the next one if `steps` is 0. The steps after it work again.
    pub fn fail_after(&mut self, steps: u64, fault: Fault) {
        self.fail_times(1, steps, fault);
    }

    /// Makes `times` steps in a row fail, as [`Faulty::fail_after`] does one.
    pub fn fail_times(&mut self, times: u64, steps: u64, fault: Fault) {
        let at = self.steps() + steps;
        let due = self.steps.fault.lock();
        *due.unwrap_or_else(PoisonError::into_inner) = Some((at..at + times, fault));
    }

    /// Ends all faults.
    pub fn mend(&mut self) {
        self.fail_times(0, 0, Fault::Before);
    }

    /// The number of steps so far, with failed ones.
    pub fn steps(&self) -> u64 {
        self.steps.taken.load(Ordering::SeqCst)
    }

    /// The log inside.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Gives the log inside back.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Counts a step, and gives the fault that is due.
    fn step(&self) -> Option<Fault> {
        self.steps.step()
    }
}

/// A reader whose reading is a step.
struct FaultyReader {
    inner: Arc<dyn Reader>,
    steps: Arc<Steps>,
}

impl Reader for FaultyReader {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        with(self.steps.step(), || self.inner.read(from, limit))
    }
}

/// Does a step that either succeeds or fails.
fn with<T>(
    fault: Option<Fault>,
    step: impl FnOnce() -> Result<T, LogError>,
) -> Result<T, LogError> {
    match fault {
        None => step(),
        Some(Fault::Before | Fault::Amid) => Err(made_up()),
        Some(Fault::Silent) => Err(silent()),
        Some(Fault::After) => {
            step()?;
            Err(made_up())
        }
    }
}

/// Does a step that appends, and may be uncertain.
fn appending<T>(
    fault: Option<Fault>,
    step: impl FnOnce() -> Result<T, AppendError>,
) -> Result<T, AppendError> {
    match fault {
        None => step(),
        Some(Fault::Before | Fault::Amid) => Err(AppendError::Failed(made_up())),
        Some(Fault::Silent) => Err(AppendError::Failed(silent())),
        Some(Fault::After) => {
            step()?;
            Err(AppendError::Uncertain(made_up()))
        }
    }
}

fn silent() -> LogError {
    LogError::Unreachable {
        doing: "asking on purpose".to_owned(),
        why: "this silence is part of a test".to_owned(),
    }
}

fn made_up() -> LogError {
    LogError::Io {
        doing: "failing on purpose".to_owned(),
        source: io::Error::other("this fault is part of a test"),
    }
}

impl<S: Log> Log for Faulty<S> {
    fn head(&self) -> Result<Head, LogError> {
        with(self.step(), || self.inner.head())
    }

    fn append(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        let fault = self.step();
        if fault == Some(Fault::Amid) {
            let _given_up = source.next_batch()?;
        }
        appending(fault, || self.inner.append(expected, source))
    }

    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        with(self.step(), || self.inner.read(from, limit))
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(FaultyReader {
            inner: self.inner.reader(),
            steps: Arc::clone(&self.steps),
        })
    }

    fn damage(&self) -> Option<String> {
        self.inner.damage()
    }

    fn is_copied(&self) -> bool {
        self.inner.is_copied()
    }

    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        self.inner.snapshots().is_some().then_some(self)
    }

    fn eraser(&mut self) -> Option<&mut dyn Erase> {
        self.inner.eraser().is_some().then_some(self)
    }

    fn compactor(&mut self) -> Option<&mut dyn Compact> {
        self.inner.compactor().is_some().then_some(self)
    }
}

impl<S: Log> SnapshotCache for Faulty<S> {
    fn put_chunks(&self, count: u64, chunks: &ChunkSink<'_>) -> Result<(), LogError> {
        with(self.step(), || {
            self.inner.cache()?.put_chunks(count, chunks)
        })
    }

    fn counts(&self) -> Result<Vec<u64>, LogError> {
        with(self.step(), || self.inner.cache()?.counts())
    }

    fn load(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        with(self.step(), || self.inner.cache()?.load(count))
    }

    fn open(&self, count: u64) -> Result<Option<Arc<dyn Source>>, LogError> {
        with(self.step(), || self.inner.cache()?.open(count))
    }

    fn remove(&self, count: u64) -> Result<(), LogError> {
        with(self.step(), || self.inner.cache()?.remove(count))
    }
}

impl<S: Log> Erase for Faulty<S> {
    fn erase(&mut self, records: &[Stored]) -> Result<(), LogError> {
        with(self.step(), || self.inner.erasing()?.erase(records))
    }
}

impl<S: Log> Compact for Faulty<S> {
    fn compact(&mut self) -> Result<Compaction, LogError> {
        with(self.step(), || self.inner.compacting()?.compact())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{self, Site};
    use crate::memory::MemoryLog;
    use crate::source::{Batch, OneBatch};
    use servanda_core::chain::record::Sealed;

    struct Faultless;

    impl Site for Faultless {
        fn open(&mut self) -> Result<Box<dyn Log>, String> {
            Ok(Box::new(Faulty::new(MemoryLog::default())))
        }
        fn keeps(&self) -> bool {
            false
        }
    }

    #[test]
    fn without_a_fault_it_conforms() {
        assert_eq!(
            conformance::check(&mut || Box::new(Faultless)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn exactly_the_step_chosen_fails() {
        let mut log = Faulty::new(MemoryLog::default());
        assert!(log.head().is_ok());
        log.fail_after(1, Fault::Before);
        assert!(log.read(0, 1).is_ok());
        assert!(log.counts().is_err());
        assert!(log.counts().is_ok());
        assert_eq!(log.steps(), 4);
        log.fail_times(2, 0, Fault::After);
        assert!(log.head().is_err());
        log.mend();
        assert!(log.head().is_ok());
    }

    #[test]
    fn a_stream_that_fails_amid_was_begun() {
        struct Endless(u64);
        impl BatchSource for Endless {
            fn next_batch(&mut self) -> Result<Option<Batch>, crate::Aborted> {
                self.0 += 1;
                let head = Head {
                    count: self.0,
                    ..Head::EMPTY
                };
                Ok(Some((vec![Sealed::from(vec![1])], head)))
            }
        }
        let mut log = Faulty::new(MemoryLog::default());
        for (fault, taken) in [(Fault::Before, 0), (Fault::Amid, 1)] {
            let mut source = Endless(0);
            log.fail_after(0, fault);
            let outcome = log.append(Head::EMPTY, &mut source);
            assert!(matches!(outcome, Err(AppendError::Failed(_))));
            assert_eq!((source.0, log.inner().records().len()), (taken, 0));
        }
    }

    #[test]
    fn before_leaves_nothing_and_after_leaves_all() {
        let head = Head {
            count: 1,
            ..Head::EMPTY
        };
        let batch = [Sealed::from(vec![1])];
        for fault in Fault::ALL {
            let count = usize::from(fault == Fault::After);
            let mut log = Faulty::new(MemoryLog::default());
            log.fail_after(0, fault);
            let outcome = log.append(Head::EMPTY, &mut OneBatch::new(batch.to_vec(), head));
            match fault {
                Fault::Before | Fault::Amid | Fault::Silent => {
                    assert!(matches!(outcome, Err(AppendError::Failed(_))));
                }
                Fault::After => assert!(matches!(outcome, Err(AppendError::Uncertain(_)))),
            }
            assert_eq!(log.inner().records().len(), count);
            log.fail_after(0, fault);
            assert!(log.put(1, b"x").is_err());
            assert_eq!(log.counts().unwrap().len(), count);
            assert_eq!(log.into_inner().records().len(), count);
        }
    }
}
