//! One suite that every log must pass, for stores here and elsewhere.
//!
//! A log shows where it can be opened, a [`Site`]; [`check`] opens fresh sites and tells what failed.
//! What only a log knows of itself (what a crash leaves, what damage does) is for its own tests.

use std::sync::Arc;
use std::thread;

use super::{Aborted, AppendError, BatchSource, Log, Reader, Stored};
use servanda_core::chain::record::{Body, Hash, Head, Record, SALT_LEN, Sealed, bind};

/// A place in which one store lies.
pub trait Site {
    /// Opens the log; the first time, it is empty. What was opened before has been dropped.
    ///
    /// # Errors
    /// Says what went wrong.
    fn open(&mut self) -> Result<Box<dyn Log>, String>;

    /// Whether what was appended is still there when it is opened again. True but for stores in memory.
    fn keeps(&self) -> bool {
        true
    }
}

type Outcome = Result<(), String>;
type Check = (&'static str, fn(&mut dyn Site) -> Outcome);

const CHECKS: &[Check] = &[
    ("a new store is empty", new_store_is_empty),
    ("what is appended is read", appended_is_read),
    ("a moved head refuses an append", moved_head_refuses),
    ("reading starts and ends where asked", ranges),
    ("records of all lengths come back exactly", all_lengths),
    ("a big batch comes back exactly", big_batch),
    ("many single appends come back exactly", many_single_appends),
    ("small and big batches mix", mixed_batches),
    ("a stream comes back exactly", streams),
    ("of a stream broken off nothing is there", broken_streams),
    (
        "a stream from a moved head is refused",
        moved_head_refuses_streams,
    ),
    ("readers see what was acknowledged", readers),
    ("readers read while records are appended", readers_meanwhile),
    ("reopening keeps everything", reopening_keeps),
    (
        "reopening keeps streams that ended",
        reopening_keeps_streams,
    ),
    ("snapshots are kept, listed and dropped", snapshots),
    ("big snapshots come back exactly", big_snapshots),
    ("snapshots and records keep apart", snapshots_keep_apart),
    ("what is erased is gone and all else stays", erasing),
    ("reopening keeps what erasing left", reopening_keeps_erased),
    ("a place that is not there is not erased", erasing_nowhere),
    ("compacting changes no record", compacting),
];

/// Runs the suite, each check on a fresh site; gives what failed, nothing if all is well.
pub fn check(fresh: &mut dyn FnMut() -> Box<dyn Site>) -> Vec<String> {
    let run = |(name, check): &Check| {
        let failed = check(fresh().as_mut()).err()?;
        Some(format!("{name}: {failed}"))
    };
    CHECKS.iter().filter_map(run).collect()
}

/// A log and what it must hold.
struct Twin {
    log: Box<dyn Log>,
    records: Vec<Sealed>,
    head: Head,
}

impl Twin {
    fn open(site: &mut dyn Site) -> Result<Self, String> {
        Ok(Self {
            log: site.open()?,
            records: Vec::new(),
            head: Head::EMPTY,
        })
    }

    fn reopen(self, site: &mut dyn Site) -> Result<Self, String> {
        let Self { log, records, head } = self;
        drop(log);
        Ok(Self {
            log: site.open()?,
            records,
            head,
        })
    }

    /// Appends records with payloads of these lengths.
    fn append(&mut self, lengths: &[usize]) -> Outcome {
        let (batch, head) = batch(self.head, lengths);
        told("append", self.log.append(self.head, &batch, head))?;
        self.head = head;
        self.records.extend(batch);
        Ok(())
    }

    /// Compares head and records, read in steps of about this many.
    fn compare(&self, step: usize) -> Outcome {
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

    fn compare_chunk(&self, from: u64, chunk: &[Stored]) -> Result<u64, String> {
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
fn batch(head: Head, lengths: &[usize]) -> (Vec<Sealed>, Head) {
    let body = |(at, &length): (usize, &usize)| Body {
        salt: [length as u8; SALT_LEN],
        // Bytes that differ within a record and between records.
        payload: (0..length).map(|i| (i ^ (i >> 8) ^ at) as u8).collect(),
    };
    let bodies = lengths.iter().enumerate().map(body).collect();
    let (records, head) = bind(head, 1_700_000_000_000_000, bodies);
    (records.iter().map(|record| record.seal()).collect(), head)
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn told<T, E: std::fmt::Display>(doing: &str, result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| format!("{doing}: {error}"))
}

fn new_store_is_empty(site: &mut dyn Site) -> Outcome {
    let twin = Twin::open(site)?;
    twin.compare(10)?;
    let snapshots = told("snapshots", twin.log.snapshots())?;
    expect(snapshots.is_empty(), || {
        format!("snapshots of {snapshots:?}")
    })?;
    let snapshot = told("snapshot", twin.log.snapshot(0))?;
    expect(snapshot.is_none(), || {
        "there is a snapshot of nothing".to_owned()
    })?;
    expect(told("read", twin.log.read(u64::MAX, 1))?.is_empty(), || {
        "there is a record at the end of all numbers".to_owned()
    })
}

fn appended_is_read(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    twin.append(&[10])?;
    twin.compare(10)?;
    twin.append(&[0, 1, 200])?;
    twin.compare(10)?;
    twin.compare(1)
}

fn moved_head_refuses(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    twin.append(&[10, 20])?;
    let past = Head::EMPTY;
    let other_link = Head {
        count: twin.head.count,
        link: Hash([1; 32]),
    };
    let future = Head {
        count: twin.head.count + 1,
        ..twin.head
    };
    for stale in [past, other_link, future] {
        let (batch, head) = batch(stale, &[5]);
        match twin.log.append(stale, &batch, head) {
            Err(AppendError::HeadMoved(now)) if now == twin.head => {}
            other => return Err(format!("appending to {stale} gave {other:?}")),
        }
        twin.compare(10)?;
    }
    twin.append(&[5])?;
    twin.compare(10)
}

fn ranges(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    for lengths in [&[7; 3][..], &[70_000], &[7; 100], &[7], &[7]] {
        twin.append(lengths)?;
    }
    for step in [0, 1, 2, 63, 64, 65, 1000, usize::MAX] {
        twin.compare(step)?;
    }
    for from in 0..twin.head.count + 2 {
        for limit in [1, 5, 64] {
            let chunk = told("read", twin.log.read(from, limit))?;
            twin.compare_chunk(from, &chunk)?;
            let at_end = from >= twin.head.count;
            expect(chunk.is_empty() == at_end, || {
                format!("reading from {from} gave {} records", chunk.len())
            })?;
            expect(chunk.len() < limit + 1000, || {
                format!("{} records where {limit} were asked for", chunk.len())
            })?;
        }
    }
    Ok(())
}

/// Stores do not look into records: any bytes will do.
fn all_lengths(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    let lengths = (1..40).chain((1..=17).flat_map(|power| {
        let middle = 1_usize << power;
        middle - 1..=middle + 1
    }));
    let around_24_kib = (24 * 1024 - 10)..(24 * 1024 + 4);
    let longest = 64 * 1024 + 145;
    for length in lengths.chain(around_24_kib).chain([longest]) {
        let bytes = (0..length).map(|i| ((i * 7) ^ (i >> 8)) as u8);
        let batch = [Sealed(bytes.collect())];
        let head = Head {
            count: twin.head.count + 1,
            link: Hash([length as u8; 32]),
        };
        told("append", twin.log.append(twin.head, &batch, head))?;
        twin.records.extend(batch);
        twin.head = head;
    }
    twin.compare(10)?;
    twin.compare(1)
}

fn big_batch(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    let lengths: Vec<_> = (0..10_000).map(|at| at * 37 % 400).collect();
    twin.append(&lengths)?;
    twin.compare(1000)?;
    twin.append(&[1])?;
    twin.compare(4096)
}

fn many_single_appends(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    for at in 0..300 {
        twin.append(&[at])?;
        if at % 50 == 0 {
            twin.compare(100)?;
        }
    }
    twin.compare(100)?;
    twin.compare(1)
}

fn mixed_batches(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    for at in 0..150_usize {
        match at % 30 {
            29 => twin.append(&[300; 200])?,
            11 => twin.append(&[40_000, 3, 65_536])?,
            _ => twin.append(&vec![at; 1 + at % 3])?,
        }
    }
    twin.compare(100)
}

/// Batches of records with payloads of these lengths; broken off after the last, if so asked.
struct Stream {
    batches: std::vec::IntoIter<Vec<usize>>,
    breaks_off: bool,
    head: Head,
    given: Vec<Sealed>,
}

impl Stream {
    fn of(head: Head, batches: Vec<Vec<usize>>) -> Self {
        Self {
            batches: batches.into_iter(),
            breaks_off: false,
            head,
            given: Vec::new(),
        }
    }
}

impl BatchSource for Stream {
    fn next_batch(&mut self) -> Result<Option<(Vec<Sealed>, Head)>, Aborted> {
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
fn some_streams() -> Vec<Vec<Vec<usize>>> {
    vec![
        vec![],
        vec![vec![5]],
        vec![vec![70_000, 3], vec![7; 100], vec![60_000]],
        (0..40).map(|at| vec![at * 7 % 300; 100 + at]).collect(),
    ]
}

fn streams(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    for batches in some_streams() {
        let mut stream = Stream::of(twin.head, batches);
        let head = told("stream", twin.log.append_stream(twin.head, &mut stream))?;
        expect(head == stream.head, || {
            format!("the stream ended at {head}")
        })?;
        twin.head = head;
        twin.records.append(&mut stream.given);
        twin.compare(100)?;
        twin.append(&[9])?;
        twin.compare(1000)?;
    }
    Ok(())
}

fn broken_streams(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    for batches in some_streams() {
        let mut stream = Stream::of(twin.head, batches);
        stream.breaks_off = true;
        match twin.log.append_stream(twin.head, &mut stream) {
            Err(AppendError::Failed(_)) => {}
            other => return Err(format!("a stream that was broken off gave {other:?}")),
        }
        twin.compare(100)?;
        twin.append(&[9; 3])?;
        twin.compare(100)?;
    }
    Ok(())
}

fn reopening_keeps_streams(site: &mut dyn Site) -> Outcome {
    if !site.keeps() {
        return Ok(());
    }
    let mut twin = Twin::open(site)?;
    for batches in some_streams() {
        for breaks_off in [true, false] {
            let mut stream = Stream::of(twin.head, batches.clone());
            stream.breaks_off = breaks_off;
            if let Ok(head) = twin.log.append_stream(twin.head, &mut stream) {
                twin.head = head;
                twin.records.append(&mut stream.given);
            }
            twin = twin.reopen(site)?;
            twin.compare(100)?;
        }
    }
    twin.append(&[9; 3])?;
    twin.compare(100)
}

fn moved_head_refuses_streams(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    twin.append(&[10, 20])?;
    let mut stream = Stream::of(Head::EMPTY, vec![vec![5]]);
    match twin.log.append_stream(Head::EMPTY, &mut stream) {
        Err(AppendError::HeadMoved(now)) if now == twin.head => {}
        other => return Err(format!("a stream from an old head gave {other:?}")),
    }
    twin.compare(10)
}

fn readers(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    let reader = twin.log.reader();
    let compare = |twin: &Twin, reader: &Arc<dyn Reader>| {
        let chunk = told("read", reader.read(0, usize::MAX))?;
        let end = twin.compare_chunk(0, &chunk)?;
        expect(end == twin.head.count, || {
            format!("a reader ended at {end} of {}", twin.head.count)
        })
    };
    compare(&twin, &reader)?;
    twin.append(&[10, 20])?;
    compare(&twin, &reader)?;
    erase(&mut twin, &[1])?;
    compare(&twin, &reader)?;
    twin.append(&[70_000])?;
    compare(&twin, &Arc::clone(&reader))?;
    drop(twin);
    let outlived = reader.read(0, 1);
    expect(outlived.is_err(), || {
        "a reader reads from a store that was closed".to_owned()
    })?;
    if site.keeps() {
        site.open()?;
    }
    Ok(())
}

fn readers_meanwhile(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    twin.append(&[50; 500])?;
    let first = twin.records.clone();
    let reader = twin.log.reader();
    thread::scope(|scope| {
        let reading = || {
            for from in (0..500).step_by(50) {
                let chunk = told("read", reader.read(from, 50))?;
                for stored in chunk {
                    let due = usize::try_from(stored.seq)
                        .ok()
                        .and_then(|at| first.get(at));
                    expect(due.is_none_or(|due| *due == stored.sealed), || {
                        format!("record {} has other bytes", stored.seq)
                    })?;
                }
            }
            Ok(())
        };
        let readers = [scope.spawn(reading), scope.spawn(reading)];
        let appended = (0..20).try_for_each(|_| twin.append(&[30; 40]));
        let read =
            readers.map(|reader| reader.join().map_err(|_| "a reader panicked".to_owned())?);
        read.into_iter().collect::<Outcome>().and(appended)
    })?;
    twin.compare(100)
}

fn reopening_keeps(site: &mut dyn Site) -> Outcome {
    if !site.keeps() {
        return Ok(());
    }
    let mut twin = Twin::open(site)?.reopen(site)?;
    twin.compare(10)?;
    for round in 0..5 {
        twin.append(&[100; 70])?;
        for _ in 0..30 {
            twin.append(&[round])?;
        }
        twin.append(&[30_000; 2])?;
        told(
            "put_snapshot",
            twin.log.put_snapshot(twin.head.count, b"kept"),
        )?;
        if round == 2 {
            told("compact", twin.log.compact())?;
        }
        twin = twin.reopen(site)?;
        twin.compare(50)?;
        let snapshot = told("snapshot", twin.log.snapshot(twin.head.count))?;
        expect(snapshot.as_deref() == Some(b"kept"), || {
            format!("the snapshot is {snapshot:?}")
        })?;
    }
    Ok(())
}

fn snapshots(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    let counts = |twin: &Twin| told("snapshots", twin.log.snapshots());
    for (count, bytes) in [
        (300, &b"three"[..]),
        (5, b""),
        (70_000, b"seven"),
        (300, b"again"),
    ] {
        told("put_snapshot", twin.log.put_snapshot(count, bytes))?;
        let found = told("snapshot", twin.log.snapshot(count))?;
        expect(found.as_deref() == Some(bytes), || {
            format!("snapshot {count} is {found:?}")
        })?;
    }
    let listed = counts(&twin)?;
    expect(listed == [5, 300, 70_000], || {
        format!("listed are {listed:?}")
    })?;
    let missing = told("snapshot", twin.log.snapshot(6))?;
    expect(missing.is_none(), || {
        "there is a snapshot that was never put".to_owned()
    })?;
    told("drop_snapshot", twin.log.drop_snapshot(300))?;
    told("drop_snapshot", twin.log.drop_snapshot(6))?;
    let listed = counts(&twin)?;
    expect(listed == [5, 70_000], || {
        format!("after dropping 300, listed are {listed:?}")
    })?;
    let dropped = told("snapshot", twin.log.snapshot(300))?;
    expect(dropped.is_none(), || {
        "a dropped snapshot is there".to_owned()
    })
}

fn big_snapshots(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    let long: Vec<u8> = (0..1_000_000_u32).map(|i| (i ^ (i >> 9)) as u8).collect();
    for length in [long.len(), 24 * 1024, 24 * 1024 + 1, 48 * 1024, 1] {
        let bytes = &long[..length];
        told("put_snapshot", twin.log.put_snapshot(9, bytes))?;
        let found = told("snapshot", twin.log.snapshot(9))?;
        expect(found.as_deref() == Some(bytes), || {
            format!("{length} bytes come back otherwise")
        })?;
    }
    Ok(())
}

fn snapshots_keep_apart(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    twin.append(&[10; 5])?;
    told("put_snapshot", twin.log.put_snapshot(5, b"five"))?;
    twin.compare(10)?;
    twin.append(&[10; 5])?;
    told("drop_snapshot", twin.log.drop_snapshot(5))?;
    twin.compare(10)
}

/// The record at a place without its body, as a redaction leaves it.
fn bodiless(twin: &Twin, seq: u64) -> Result<Stored, String> {
    let place = usize::try_from(seq).ok();
    let sealed = place.and_then(|at| twin.records.get(at));
    let record = sealed.and_then(|sealed| Record::open(sealed).ok());
    let record = record.ok_or_else(|| format!("record {seq} is none"))?;
    let sealed = Record {
        body: None,
        ..record
    }
    .seal();
    Ok(Stored { seq, sealed })
}

fn erase(twin: &mut Twin, seqs: &[u64]) -> Outcome {
    let erased: Result<Vec<Stored>, String> = seqs.iter().map(|&seq| bodiless(twin, seq)).collect();
    let erased = erased?;
    told("erase", twin.log.erase(&erased))?;
    for stored in erased {
        let place = usize::try_from(stored.seq).ok();
        if let Some(record) = place.and_then(|at| twin.records.get_mut(at)) {
            *record = stored.sealed;
        }
    }
    Ok(())
}

fn erasing(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    for lengths in [&[7; 3][..], &[70_000], &[7; 100], &[60_000; 2], &[7], &[9]] {
        twin.append(lengths)?;
    }
    told("put_snapshot", twin.log.put_snapshot(3, b"three"))?;
    // One alone in its value, a long one, neighbours, the first and the last, not in order.
    for seqs in [&[50][..], &[3], &[105, 104], &[107, 0], &[50]] {
        erase(&mut twin, seqs)?;
        twin.compare(10)?;
        let snapshots = told("snapshots", twin.log.snapshots())?;
        expect(snapshots.is_empty(), || {
            format!("after erasing there are snapshots of {snapshots:?}")
        })?;
        told("put_snapshot", twin.log.put_snapshot(3, b"three"))?;
    }
    // Nothing to erase drops nothing.
    erase(&mut twin, &[])?;
    let snapshots = told("snapshots", twin.log.snapshots())?;
    expect(snapshots == [3], || format!("snapshots of {snapshots:?}"))?;
    twin.append(&[100; 70])?;
    twin.compare(64)
}

fn reopening_keeps_erased(site: &mut dyn Site) -> Outcome {
    if !site.keeps() {
        return Ok(());
    }
    let mut twin = Twin::open(site)?;
    twin.append(&[50; 200])?;
    erase(&mut twin, &[7])?;
    let mut twin = twin.reopen(site)?;
    twin.compare(1)?;
    erase(&mut twin, &[110])?;
    twin.append(&[5])?;
    twin.reopen(site)?.compare(1000)
}

fn erasing_nowhere(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    twin.append(&[10, 20])?;
    let first = bodiless(&twin, 0)?;
    let beyond = Stored {
        seq: 2,
        ..first.clone()
    };
    expect(twin.log.erase(&[first, beyond]).is_err(), || {
        "a record that is not there was erased".to_owned()
    })?;
    twin.compare(10)?;
    twin.append(&[5])?;
    twin.compare(10)
}

fn compacting(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    told("compact", twin.log.compact())?;
    twin.compare(10)?;
    for at in 0..100 {
        twin.append(&[at])?;
    }
    twin.append(&[300; 600])?;
    twin.append(&[70_000, 3])?;
    erase(&mut twin, &[7])?;
    told("put_snapshot", twin.log.put_snapshot(3, b"three"))?;
    let reader = twin.log.reader();
    for _ in 0..2 {
        told("compact", twin.log.compact())?;
        twin.compare(100)?;
        expect(reader.read(0, 1).is_ok(), || "a reader was lost".to_owned())?;
        let snapshot = told("snapshot", twin.log.snapshot(3))?;
        expect(snapshot.as_deref() == Some(b"three"), || {
            format!("the snapshot is {snapshot:?}")
        })?;
        twin.append(&[9; 3])?;
    }
    twin.compare(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;

    struct InMemory;

    impl Site for InMemory {
        fn open(&mut self) -> Result<Box<dyn Log>, String> {
            Ok(Box::new(Memory::default()))
        }
        fn keeps(&self) -> bool {
            false
        }
    }

    #[test]
    fn memory_conforms() {
        assert_eq!(check(&mut || Box::new(InMemory)), Vec::<String>::new());
    }

    #[test]
    fn a_store_that_forgets_does_not() {
        struct Forgetful;
        impl Site for Forgetful {
            fn open(&mut self) -> Result<Box<dyn Log>, String> {
                Ok(Box::new(Memory::default()))
            }
        }
        let failed = check(&mut || Box::new(Forgetful));
        assert_eq!(failed.len(), 3, "{failed:?}");
        assert!(
            failed
                .iter()
                .all(|failed| failed.starts_with("reopening keeps ")),
            "{failed:?}"
        );
    }
}
