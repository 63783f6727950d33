//! The fast pass: finds that a ledger is sound, or gives up.
//!
//! Threads read ranges of records, and check of each range what it shows by itself: form, order, links, batches,
//! clock, digests, encodings. They hash its part of the tree, too. The caller joins the ranges at their ends, in the
//! order of the chain, and checks what only the order shows: rules and signatures. Only a few ranges are under way at
//! a time, so memory stays flat.

use std::sync::mpsc;
use std::thread;

use super::contents::{Contents, Payload};
use super::start::Start;
use super::{Previous, Progress, Verdict};
use crate::chain::lanes;
use crate::chain::record::{BodyRef, HEADER_LEN, Hash, Head, Header, RecordRef};
use crate::chain::tree::{TreeHash, leaf_hash, subtrees};
use crate::ledger::replay::CHUNK;
use crate::store::{Reader, Store, Stored};

/// Ranges that a thread may have ready before they are asked for.
const AHEAD: usize = 2;

/// The verdict on a ledger in which nothing is wrong from the start on; none at the first doubt.
pub(super) fn pass(
    store: &impl Store,
    start: Start,
    acknowledged: Head,
    progress: &mut dyn Progress,
) -> Option<Verdict> {
    let first = start.count();
    let mut previous = start.previous;
    let mut contents = Contents::new(store, start.trusted);
    let ranges = ranges(first, acknowledged.count, contents.snapshots());
    progress.begin(acknowledged.count);
    let joined = in_order(&*store.reader(), &ranges, |range| {
        range.follows(previous.as_ref()).then_some(())?;
        for (level, root) in &range.subtrees {
            contents.tree().push_subtree(*level, *root).ok()?;
        }
        let records = range.records.iter().zip(&range.links);
        for ((stored, link), payload) in records.zip(range.payloads) {
            let record = RecordRef::peek(&stored.sealed.0).ok()?;
            contents.count_record();
            contents.take(stored.seq, &record, *link, payload, store);
        }
        contents.compare_snapshot(store);
        previous = Some(range.last);
        progress.reached(contents.head().count);
        contents.is_sound().then_some(())
    });
    progress.end();
    joined?;
    let is_whole = previous.is_none_or(|last| last.remaining == 0);
    let ends_there = store.read(acknowledged.count, 1).ok()?.is_empty();
    if contents.head() != acknowledged || !is_whole || !ends_there {
        return None;
    }
    let verdict = contents.conclude(acknowledged, acknowledged.count);
    verdict.findings.is_empty().then_some(verdict)
}

/// The ranges to check, each from its first record to the one after its last: they end at multiples of a chunk, so
/// that their parts of the tree are few, and where there is a snapshot to compare.
pub(super) fn ranges(start: u64, end: u64, snapshots: &[u64]) -> Vec<(u64, u64)> {
    let chunk = CHUNK as u64;
    let chunks = (start.next_multiple_of(chunk)..end).step_by(CHUNK);
    let mut ends: Vec<u64> = chunks
        .chain(snapshots.iter().copied())
        .filter(|cut| *cut > start && *cut < end)
        .chain((end > start).then_some(end))
        .collect();
    ends.sort_unstable();
    ends.dedup();
    let starts = std::iter::once(start).chain(ends.iter().copied());
    starts.zip(ends.iter().copied()).collect()
}

/// Checks ranges on all processors, and hands them over in order; none as soon as one does not hold or is refused.
fn in_order(
    reader: &dyn Reader,
    ranges: &[(u64, u64)],
    mut take: impl FnMut(Range) -> Option<()>,
) -> Option<()> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(ranges.len());
    thread::scope(|scope| {
        // The threads take turns, so it is known whose range comes next.
        let checked: Vec<mpsc::Receiver<Option<Range>>> = (0..threads)
            .map(|first| {
                let (hand_over, checked) = mpsc::sync_channel(AHEAD);
                scope.spawn(move || {
                    for (start, end) in ranges.iter().skip(first).step_by(threads) {
                        let range = Range::check(reader, *start, *end);
                        // Nobody listens any more: another range did not hold.
                        if hand_over.send(range).is_err() {
                            break;
                        }
                    }
                });
                checked
            })
            .collect();
        let mut next = checked.iter().cycle();
        ranges
            .iter()
            .try_for_each(|_| take(next.next()?.recv().ok()??))
    })
}

/// Records that follow each other and are what their headers say.
struct Range {
    records: Vec<Stored>,
    links: Vec<Hash>,
    payloads: Vec<Payload>,
    subtrees: Vec<(u8, TreeHash)>,
    first: Header,
    last: Previous,
}

impl Range {
    /// Reads the records from `start` to `end`, and checks what they show by themselves.
    fn check(reader: &dyn Reader, start: u64, end: u64) -> Option<Self> {
        let records = read(reader, start, end)?;
        let peeked: Vec<RecordRef<'_>> = records
            .iter()
            .map(|stored| RecordRef::peek(&stored.sealed.0).ok())
            .collect::<Option<_>>()?;
        let headers: Vec<&[u8; HEADER_LEN]> =
            peeked.iter().map(|record| record.header_bytes).collect();
        let links = lanes::links(&headers);
        let mut previous: Option<Previous> = None;
        for ((seq, record), link) in (start..).zip(&peeked).zip(&links) {
            let header = &record.header;
            let fits = previous.is_none_or(|previous| previous.compare(seq, header).is_empty());
            if header.seq != seq || !fits {
                return None;
            }
            previous = Some(Previous::of(header, *link));
        }
        if !digests_hold(&peeked) {
            return None;
        }
        let payloads: Vec<Payload> = peeked
            .iter()
            .map(|record| Some(Payload::read(record, true)).filter(Payload::is_sound))
            .collect::<Option<_>>()?;
        let leaves: Vec<TreeHash> = headers.iter().map(|header| leaf_hash(*header)).collect();
        Some(Self {
            subtrees: subtrees(start, &leaves),
            first: peeked.first()?.header,
            last: previous?,
            links,
            payloads,
            records,
        })
    }

    /// Whether it goes on from the end of the range before, or begins a chain.
    fn follows(&self, previous: Option<&Previous>) -> bool {
        match previous {
            Some(previous) => previous.compare(self.first.seq, &self.first).is_empty(),
            None => self.first.seq == 0 && self.first.prev == Hash::ZERO,
        }
    }
}

/// The records from `start` to `end`, if all are there and nothing else.
fn read(reader: &dyn Reader, start: u64, end: u64) -> Option<Vec<Stored>> {
    let mut records: Vec<Stored> = Vec::new();
    let mut next = start;
    while next < end {
        // At most a chunk: it fits.
        let mut chunk = reader.read(next, (end - next) as usize).ok()?;
        chunk.truncate((end - next) as usize);
        let in_place = (next..).zip(&chunk).all(|(seq, stored)| stored.seq == seq);
        if chunk.is_empty() || !in_place {
            return None;
        }
        next += chunk.len() as u64;
        records.append(&mut chunk);
    }
    Some(records)
}

/// Whether the payloads that are there are those that the headers vouch for.
fn digests_hold(records: &[RecordRef<'_>]) -> bool {
    let there: Vec<(BodyRef<'_>, Hash)> = records
        .iter()
        .filter_map(|record| Some((record.body?, record.header.payload_digest)))
        .collect();
    let bodies: Vec<BodyRef<'_>> = there.iter().map(|(body, _)| *body).collect();
    let digests = lanes::payload_digests(&bodies);
    digests
        .iter()
        .zip(&there)
        .all(|(found, (_, expected))| found == expected)
}
