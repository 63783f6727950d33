//! Checks of what every log must do: append, read, keep.

use std::sync::Arc;
use std::thread;

use super::site::{Outcome, Site};
use super::twin::{Stream, Twin, batch, expect, some_streams, told};
use crate::error::AppendError;
use crate::log::Reader;
use crate::source::OneBatch;
use servanda_core::chain::record::{Hash, Head, Sealed};

pub(super) fn new_log_is_empty(site: &mut dyn Site) -> Outcome {
    let twin = Twin::open(site)?;
    twin.compare(10)?;
    if twin.log.snapshots().is_some() {
        let snapshots = twin.counts()?;
        expect(snapshots.is_empty(), || {
            format!("snapshots of {snapshots:?}")
        })?;
        expect(twin.load(0)?.is_none(), || {
            "there is a snapshot of nothing".to_owned()
        })?;
    }
    expect(told("read", twin.log.read(u64::MAX, 1))?.is_empty(), || {
        "there is a record at the end of all numbers".to_owned()
    })
}

pub(super) fn appended_is_read(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    twin.append(&[10])?;
    twin.compare(10)?;
    twin.append(&[0, 1, 200])?;
    twin.compare(10)?;
    twin.compare(1)
}

pub(super) fn moved_head_refuses(site: &mut dyn Site) -> Outcome {
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
        let outcome = twin.log.append(stale, &mut OneBatch::new(batch, head));
        twin.expect_moved(&outcome)?;
        twin.compare(10)?;
        let confirmed = twin.log.confirm(stale).map(|()| stale);
        match stale == past {
            true => told("confirming", confirmed).map(drop)?,
            false => twin.expect_moved(&confirmed)?,
        }
    }
    let before = twin.head;
    twin.append(&[5])?;
    for head in [before, twin.head] {
        told("confirming", twin.log.confirm(head))?;
    }
    twin.compare(10)
}

pub(super) fn ranges(site: &mut dyn Site) -> Outcome {
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
pub(super) fn all_lengths(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    let lengths = (1..40).chain((1..=17).flat_map(|power| {
        let middle = 1_usize << power;
        middle - 1..=middle + 1
    }));
    let around_24_kib = (24 * 1024 - 10)..(24 * 1024 + 4);
    let longest = 64 * 1024 + 145;
    for length in lengths.chain(around_24_kib).chain([longest]) {
        let bytes = (0..length).map(|i| ((i * 7) ^ (i >> 8)) as u8);
        let batch = vec![Sealed(bytes.collect())];
        let head = Head {
            count: twin.head.count + 1,
            link: Hash([length as u8; 32]),
        };
        twin.append_batch(batch, head)?;
    }
    twin.compare(10)?;
    twin.compare(1)
}

pub(super) fn big_batch(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    let lengths: Vec<_> = (0..10_000).map(|at| at * 37 % 400).collect();
    twin.append(&lengths)?;
    twin.compare(1000)?;
    twin.append(&[1])?;
    twin.compare(4096)
}

pub(super) fn many_single_appends(site: &mut dyn Site) -> Outcome {
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

pub(super) fn mixed_batches(site: &mut dyn Site) -> Outcome {
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

pub(super) fn streams(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    for batches in some_streams() {
        twin.append_stream(&batches)?;
        twin.compare(100)?;
        twin.append(&[9])?;
        twin.compare(1000)?;
    }
    Ok(())
}

pub(super) fn broken_streams(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    for batches in some_streams() {
        let mut stream = Stream::of(twin.head, batches);
        stream.breaks_off = true;
        match twin.log.append(twin.head, &mut stream) {
            Err(AppendError::Failed(_)) => {}
            other => return Err(format!("a stream that was broken off gave {other:?}")),
        }
        twin.compare(100)?;
        twin.append(&[9; 3])?;
        twin.compare(100)?;
    }
    Ok(())
}

pub(super) fn moved_head_refuses_streams(site: &mut dyn Site) -> Outcome {
    let mut twin = Twin::open(site)?;
    twin.append(&[10, 20])?;
    let mut stream = Stream::of(Head::EMPTY, vec![vec![5]]);
    let outcome = twin.log.append(Head::EMPTY, &mut stream);
    twin.expect_moved(&outcome)?;
    twin.compare(10)
}

pub(super) fn readers(site: &mut dyn Site) -> Outcome {
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
    if twin.log.eraser().is_some() {
        twin.erase(&[1])?;
        compare(&twin, &reader)?;
    }
    twin.append(&[70_000])?;
    compare(&twin, &Arc::clone(&reader))?;
    drop(twin);
    let outlived = reader.read(0, 1);
    expect(outlived.is_err(), || {
        "a reader reads from a log that was closed".to_owned()
    })?;
    if site.keeps() {
        site.open()?;
    }
    Ok(())
}

pub(super) fn readers_meanwhile(site: &mut dyn Site) -> Outcome {
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

pub(super) fn reopening_keeps(site: &mut dyn Site) -> Outcome {
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
        let count = twin.head.count;
        let has_snapshots = twin.log.snapshots().is_some();
        if has_snapshots {
            twin.put(count, b"kept")?;
        }
        if round == 2 && twin.log.compactor().is_some() {
            twin.compact()?;
        }
        twin = twin.reopen(site)?;
        twin.compare(50)?;
        if has_snapshots {
            let snapshot = twin.load(count)?;
            expect(snapshot.as_deref() == Some(b"kept"), || {
                format!("the snapshot is {snapshot:?}")
            })?;
        }
    }
    Ok(())
}

pub(super) fn reopening_keeps_streams(site: &mut dyn Site) -> Outcome {
    if !site.keeps() {
        return Ok(());
    }
    let mut twin = Twin::open(site)?;
    for batches in some_streams() {
        let mut broken = Stream::of(twin.head, batches.clone());
        broken.breaks_off = true;
        let refused = twin.log.append(twin.head, &mut broken).is_err();
        expect(refused, || "a broken stream was appended".to_owned())?;
        for ends in [false, true] {
            if ends {
                twin.append_stream(&batches)?;
            }
            twin = twin.reopen(site)?;
            twin.compare(100)?;
        }
    }
    twin.append(&[9; 3])?;
    twin.compare(100)
}
