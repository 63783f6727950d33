//! A journal's file with any bytes, and one with any slots and frames whose check sums fit, which nobody would hit by
//! chance: it opens or says why not; opening changes nothing; what it gives back is never more than was acknowledged;
//! and what is appended then is there when it is opened again.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use servanda_core::chain::record::{Hash, Head, Sealed, local_checksum};
use servanda_log::{Log, OneBatch};
use servanda_log::journal::Journal;
use servanda_log::memory::MemoryLog;

const PAGE: usize = 4096;

fuzz_target!(|bytes: &[u8]| {
    let Some((&form, rest)) = bytes.split_first() else {
        return;
    };
    let file = match form % 4 {
        0 => rest.to_vec(),
        _ => forged(rest),
    };
    let dir = tempfile::tempdir().expect("there is a scratch directory");
    let path = dir.path().join("journal");
    fs::write(&path, &file).expect("a scratch file is written");
    let Ok(mut journal) = Journal::open(&path, MemoryLog::default()) else {
        return;
    };
    let Ok(before) = journal.head() else {
        return;
    };
    let found = journal.read(0, 1000).unwrap_or_default();
    assert!(
        found.len() as u64 <= before.count,
        "more than was acknowledged"
    );
    assert_eq!(fs::read(&path).ok(), Some(file), "opening changed it");

    let after = Head {
        count: before.count.saturating_add(1),
        link: Hash([77; 32]),
    };
    if journal.append(before, &mut OneBatch::new(vec![Sealed::from(vec![7; 9])], after)).is_ok() {
        assert_eq!(journal.head().ok(), Some(after));
        assert_eq!(
            found.len() as u64,
            before.count,
            "it took an append, and has lost records"
        );
        let all = journal.read(0, 2000).unwrap_or_default();
        assert_eq!(all.len() as u64, after.count);
        // Nothing was handed over yet: the log behind is empty again.
        drop(journal);
        let journal = Journal::open(&path, MemoryLog::default()).expect("it was opened before");
        assert_eq!(journal.head().ok(), Some(after));
    }
});

/// A file whose slots and frames are what the bytes say, in short: a byte stands for each number and link.
fn forged(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.iter().copied();
    let mut next = || bytes.next().unwrap_or(0);
    let slots = [
        [next(), next(), next(), next()],
        [next(), next(), next(), next()],
    ];
    let pages = usize::from(next() % 8);
    let mut file = vec![0; 2 * PAGE];
    for _ in 0..pages {
        let frame = frame(&mut next);
        file.extend(frame);
    }
    let size = file.len() as u64;
    for (at, [generation, first, last, count]) in slots.into_iter().enumerate() {
        // The one at the start has even generations.
        let generation = u64::from(generation) * 2 + at as u64;
        let mut slot = b"srvdjrnl".to_vec();
        slot.extend(generation.to_le_bytes());
        slot.extend(u64::from(first).to_le_bytes());
        slot.extend(u64::from(last).to_le_bytes());
        slot.extend(head(count, count));
        slot.extend(size.to_le_bytes());
        let checksum = local_checksum(&slot);
        slot.extend(checksum.0);
        file[at * PAGE..][..slot.len()].copy_from_slice(&slot);
    }
    file
}

/// A frame of up to three records, in whole pages.
fn frame(next: &mut impl FnMut() -> u8) -> Vec<u8> {
    let mut frame = b"srvdfrm\x01".to_vec();
    frame.extend(u64::from(next()).to_le_bytes());
    let (before, records) = (next(), next() % 4);
    // Mostly they continue each other: the link is the count.
    let odd = next();
    let after = before.wrapping_add(records);
    frame.extend(head(before, if odd == 1 { 99 } else { before }));
    frame.extend(head(if odd == 2 { 99 } else { after }, after));
    let mut body = Vec::new();
    for _ in 0..records {
        let length = u32::from(next()) * if odd == 3 { 20 } else { 1 };
        body.extend(length.to_le_bytes());
        body.resize(body.len() + length as usize, next());
    }
    if odd == 4 {
        body.push(next());
    }
    frame.extend((body.len() as u64).to_le_bytes());
    frame.extend(body);
    let checksum = local_checksum(&frame);
    frame.extend(checksum.0);
    if odd == 5 {
        let at = usize::from(next()) % frame.len();
        frame[at] ^= 1;
    }
    frame.resize(frame.len().next_multiple_of(PAGE), 0);
    frame
}

fn head(count: u8, link: u8) -> Vec<u8> {
    let link = if count == 0 { 0 } else { link };
    // The last ones stand for the greatest numbers there are.
    let count = match count {
        250.. => u64::MAX - u64::from(255 - count),
        _ => u64::from(count),
    };
    [&count.to_le_bytes()[..], &[link; 32]].concat()
}
