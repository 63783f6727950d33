//! What the checks share: a log beside a copy of what it must hold, and batches to append.

use super::site::{Outcome, Site};
use crate::error::{Aborted, AppendError};
use crate::log::{Log, Parts as _, SnapshotCache, Stored};
use crate::source::{Batch, BatchSource, OneBatch};
use servanda_core::chain::record::{Body, Head, Record, SALT_LEN, Sealed};
use servanda_core::chain::testing::bind_bodies;

/// A log and what it must hold.
pub(super) struct Twin {
    pub(super) log: Box<dyn Log>,
    pub(super) records: Vec<Sealed>,
    pub(super) head: Head,
    /// Whether answers of this log may get lost.
    loses_answers: bool,
}

impl Twin {
    pub(super) fn open(site: &mut dyn Site) -> Result<Self, String> {
        Ok(Self {
            log: site.open()?,
            records: Vec::new(),
            head: Head::EMPTY,
            loses_answers: site.loses_answers(),
        })
    }

    pub(super) fn reopen(self, site: &mut dyn Site) -> Result<Self, String> {
        let Self { log, .. } = self;
        drop(log);
        Ok(Self {
            log: site.open()?,
            ..self
        })
    }

    /// Appends records with payloads of these lengths.
    pub(super) fn append(&mut self, lengths: &[usize]) -> Outcome {
        let (batch, head) = batch(self.head, lengths);
        self.append_batch(batch, head)
    }

    /// Appends these records; `head` is the head after them.
    pub(super) fn append_batch(&mut self, batch: Vec<Sealed>, head: Head) -> Outcome {
        loop {
            let mut source = OneBatch::new(batch.clone(), head);
            let appended = self.log.append(self.head, &mut source);
            if self.settle(appended, head)? {
                self.records.extend(batch);
                return Ok(());
            }
        }
    }

    /// Appends batches with payloads of these lengths.
    pub(super) fn append_stream(&mut self, batches: &[Vec<usize>]) -> Outcome {
        loop {
            let mut stream = Stream::of(self.head, batches.to_vec());
            let appended = self.log.append(self.head, &mut stream);
            if self.settle(appended, stream.head)? {
                self.records.append(&mut stream.given);
                return Ok(());
            }
        }
    }

    /// Whether an append happened: `head` is the head after it. Where the answer was lost, the head tells.
    fn settle(&mut self, appended: Result<Head, AppendError>, head: Head) -> Result<bool, String> {
        let now = match appended {
            Err(AppendError::Uncertain(_)) if self.loses_answers => told("head", self.log.head())?,
            appended => {
                let now = told("append", appended)?;
                expect(now == head, || {
                    format!("the append ended at {now}, not {head}")
                })?;
                now
            }
        };
        expect(now == head || now == self.head, || {
            format!(
                "the head is {now} after an append from {} to {head}",
                self.head
            )
        })?;
        self.head = now;
        Ok(now == head)
    }

    /// An append from another head was refused, with the present head; where answers get lost, this one may be lost too.
    pub(super) fn expect_moved(&self, outcome: &Result<Head, AppendError>) -> Outcome {
        let is_refused = match outcome {
            Err(AppendError::HeadMoved(now)) => *now == self.head,
            Err(AppendError::Uncertain(_)) => self.loses_answers,
            _ => false,
        };
        expect(is_refused, || {
            format!("an append from another head gave {outcome:?}")
        })
    }

    pub(super) fn put(&self, count: u64, bytes: &[u8]) -> Outcome {
        let put = self.log.cache().and_then(|cache| cache.put(count, bytes));
        told("storing a snapshot", put)
    }

    pub(super) fn counts(&self) -> Result<Vec<u64>, String> {
        let counts = self.log.cache().and_then(SnapshotCache::counts);
        told("listing snapshots", counts)
    }

    pub(super) fn load(&self, count: u64) -> Result<Option<Vec<u8>>, String> {
        let found = self.log.cache().and_then(|cache| cache.load(count));
        told("loading a snapshot", found)
    }

    pub(super) fn remove(&self, count: u64) -> Outcome {
        let removed = self.log.cache().and_then(|cache| cache.remove(count));
        told("removing a snapshot", removed)
    }

    pub(super) fn compact(&mut self) -> Outcome {
        let compacted = self.log.compacting().and_then(|log| log.compact());
        told("compacting", compacted.map(drop))
    }

    /// Erases the payloads of these records, as a redaction does.
    pub(super) fn erase(&mut self, seqs: &[u64]) -> Outcome {
        let erased = seqs.iter().map(|&seq| self.bodiless(seq));
        let erased: Vec<Stored> = erased.collect::<Result<_, String>>()?;
        let done = self.log.erasing().and_then(|log| log.erase(&erased));
        told("erasing", done)?;
        for stored in erased {
            let place = usize::try_from(stored.seq).ok();
            if let Some(record) = place.and_then(|at| self.records.get_mut(at)) {
                *record = stored.sealed;
            }
        }
        Ok(())
    }

    /// The record of this number without its payload.
    pub(super) fn bodiless(&self, seq: u64) -> Result<Stored, String> {
        let place = usize::try_from(seq).ok();
        let sealed = place.and_then(|at| self.records.get(at));
        let record = sealed.and_then(|sealed| Record::open(sealed).ok());
        let record = record.ok_or_else(|| format!("record {seq} is none"))?;
        let bodiless = Record {
            body: None,
            ..record
        };
        Ok(Stored {
            seq,
            sealed: bodiless.seal(),
        })
    }

    /// Compares head and records, read in steps of about this many.
    pub(super) fn compare(&self, step: usize) -> Outcome {
        let head = told("head", self.log.head())?;
        expect(head == self.head, || {
            format!("the head is {head}, not {}", self.head)
        })?;
        let mut next: u64 = 0;
        loop {
            let chunk = told("read", self.log.read(next, step))?;
            if chunk.is_empty() {
                break;
            }
            next = self.compare_chunk(next, &chunk)?;
        }
        expect(next == self.head.count, || {
            format!("reading ended at {next} of {}", self.head.count)
        })
    }

    pub(super) fn compare_chunk(&self, from: u64, chunk: &[Stored]) -> Result<u64, String> {
        let mut next = from;
        for stored in chunk {
            expect(stored.seq == next, || {
                format!("{} stood where {next} was due", stored.seq)
            })?;
            let expected = usize::try_from(next)
                .ok()
                .and_then(|at| self.records.get(at));
            expect(expected == Some(&stored.sealed), || {
                format!("record {next} has other bytes")
            })?;
            next += 1;
        }
        Ok(next)
    }
}

/// A batch of records with payloads of these lengths, and the head after it.
pub(super) fn batch(head: Head, lengths: &[usize]) -> (Vec<Sealed>, Head) {
    let body = |(at, &length): (usize, &usize)| Body {
        salt: [length as u8; SALT_LEN],
        // Bytes that differ within a record and between records.
        payload: (0..length).map(|i| (i ^ (i >> 8) ^ at) as u8).collect(),
    };
    let bodies = lengths.iter().enumerate().map(body).collect();
    let (records, head) = bind_bodies(head, 1_700_000_000_000_000, bodies);
    (records.iter().map(|record| record.seal()).collect(), head)
}

pub(super) fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise()) }
}

pub(super) fn told<T, E: std::fmt::Display>(
    doing: &str,
    result: Result<T, E>,
) -> Result<T, String> {
    result.map_err(|error| format!("{doing}: {error}"))
}

/// Batches of records with payloads of these lengths; broken off after the last, if so asked.
pub(super) struct Stream {
    batches: std::vec::IntoIter<Vec<usize>>,
    pub(super) breaks_off: bool,
    head: Head,
    pub(super) given: Vec<Sealed>,
}

impl Stream {
    pub(super) fn of(head: Head, batches: Vec<Vec<usize>>) -> Self {
        Self {
            batches: batches.into_iter(),
            breaks_off: false,
            head,
            given: Vec::new(),
        }
    }
}

impl BatchSource for Stream {
    fn next_batch(&mut self) -> Result<Option<Batch>, Aborted> {
        let Some(lengths) = self.batches.next() else {
            return if self.breaks_off {
                Err(Aborted)
            } else {
                Ok(None)
            };
        };
        let (batch, head) = batch(self.head, &lengths);
        self.head = head;
        self.given.extend_from_slice(&batch);
        Ok(Some((batch, head)))
    }
}

/// Streams of no batches, of one, of long records first and last, and of many.
pub(super) fn some_streams() -> Vec<Vec<Vec<usize>>> {
    vec![
        vec![],
        vec![vec![5]],
        vec![vec![70_000, 3], vec![7; 100], vec![60_000]],
        (0..40).map(|at| vec![at * 7 % 300; 100 + at]).collect(),
    ]
}
