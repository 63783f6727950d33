//! Records by ranges: read, checked by themselves and decoded on all processors, and handed over in the order of the
//! chain. Only a few ranges are under way at a time, so memory stays flat.
//!
//! This finds that all is sound, or gives up. What is wrong, and where, is for those to say who go over the records one
//! by one.

use std::sync::mpsc;
use std::thread;

use super::archive;
use super::replay::CHUNK;
use servanda_core::chain::lanes;
use servanda_core::chain::record::{BodyRef, HEADER_LEN, Hash, Head, Header, RecordRef};
use servanda_core::chain::tree::{Tiled, TreeHash, leaf_hash, subtrees};
use servanda_core::chain::walker::Walker;
use servanda_core::event::Entry;
use servanda_log::{Reader, Stored};

/// Ranges that a thread may have ready before they are asked for.
const AHEAD: usize = 2;

/// The ranges to check, each from its first record to the one after its last: they end at multiples of a chunk, so
/// that their parts of the tree are few, and at `cuts`.
pub(super) fn ranges(start: u64, end: u64, cuts: &[u64]) -> Vec<(u64, u64)> {
    let chunk = CHUNK as u64;
    let chunks = (start.next_multiple_of(chunk)..end).step_by(CHUNK);
    let mut ends: Vec<u64> = chunks
        .chain(cuts.iter().copied())
        .filter(|cut| *cut > start && *cut < end)
        .chain((end > start).then_some(end))
        .collect();
    ends.sort_unstable();
    ends.dedup();
    let starts = std::iter::once(start).chain(ends.iter().copied());
    starts.zip(ends.iter().copied()).collect()
}

/// Checks ranges on all processors, from one record to the one before another, and hands them over in order; none as
/// soon as one does not hold or is refused. What is left of a range goes back to the thread that made it: memory that
/// another thread gives back costs both of them their turns.
pub(super) fn in_order<P: Send>(
    ranges: &[(u64, u64)],
    check: impl Fn(u64, u64) -> Option<Range<P>> + Sync,
    mut take: impl FnMut(&mut Range<P>) -> Option<()>,
) -> Option<()> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(ranges.len());
    let check = &check;
    thread::scope(|scope| {
        // The threads take turns, so it is known whose range comes next.
        let workers: Vec<Worker<P>> = (0..threads)
            .map(|first| {
                let (hand_over, checked) = mpsc::sync_channel(AHEAD);
                let (give_back, used) = mpsc::channel();
                scope.spawn(move || {
                    for (start, end) in ranges.iter().skip(first).step_by(threads) {
                        used.try_iter().for_each(drop);
                        let range = check(*start, *end);
                        // Nobody listens any more: another range did not hold.
                        if hand_over.send(range).is_err() {
                            break;
                        }
                    }
                });
                Worker { checked, give_back }
            })
            .collect();
        let mut next = workers.iter().cycle();
        ranges.iter().try_for_each(|_| {
            let worker = next.next()?;
            let mut range = worker.checked.recv().ok()??;
            take(&mut range)?;
            // A worker that is done takes nothing back any more.
            let _ = worker.give_back.send(range);
            Some(())
        })
    })
}

/// A thread that checks ranges.
struct Worker<P> {
    checked: mpsc::Receiver<Option<Range<P>>>,
    give_back: mpsc::Sender<Range<P>>,
}

/// Records that follow each other and are what their headers say.
pub(super) struct Range<P> {
    /// The records.
    pub(super) records: Vec<Stored>,
    /// The link of each.
    pub(super) links: Vec<Hash>,
    /// What was made of the payload of each.
    pub(super) payloads: Vec<P>,
    /// Their part of the tree: subtrees by their levels.
    subtrees: Vec<(u8, TreeHash)>,
    /// The header of the first.
    pub(super) first: Header,
    /// The header of the last.
    pub(super) last: Header,
    /// The latest time at which one was recorded.
    pub(super) latest: i64,
}

impl<P> Range<P> {
    /// Reads the records from `start` to `end`, and checks what they show by themselves. `payload` makes something of a
    /// payload, or finds fault with it.
    pub(super) fn check(
        reader: &dyn Reader,
        (start, end): (u64, u64),
        payload: impl Fn(&RecordRef<'_>) -> Option<P>,
    ) -> Option<Self> {
        let records = read(reader, start, end)?;
        let peeked: Vec<RecordRef<'_>> = records
            .iter()
            .map(|stored| RecordRef::peek(&stored.sealed.0).ok())
            .collect::<Option<_>>()?;
        let headers: Vec<&[u8; HEADER_LEN]> =
            peeked.iter().map(|record| record.header_bytes).collect();
        let links = lanes::links(&headers);
        let follows = |(pair, link): (&[RecordRef<'_>], &Hash)| {
            Walker::after(&pair[0].header, *link).continues(&pair[1].header)
        };
        let chained = peeked.first()?.header.seq == start
            && peeked.windows(2).zip(&links).all(follows)
            && digests_hold(&peeked);
        if !chained {
            return None;
        }
        let payloads = peeked.iter().map(payload).collect::<Option<_>>()?;
        let leaves: Vec<TreeHash> = headers.iter().map(|header| leaf_hash(*header)).collect();
        let times = peeked.iter().map(|record| record.header.recorded_at);
        Some(Self {
            subtrees: subtrees(start, &leaves),
            first: peeked.first()?.header,
            last: peeked.last()?.header,
            latest: times.max()?,
            links,
            payloads,
            records,
        })
    }

    /// Goes along the range; none where it does not continue the walk.
    pub(super) fn follow(&self, walker: &mut Walker) -> Option<()> {
        walker.continues(&self.first).then_some(())?;
        *walker = Walker::after(&self.last, self.head().link);
        Some(())
    }

    /// The head after the last record.
    pub(super) fn head(&self) -> Head {
        Head {
            count: self.last.seq + 1,
            link: self.links.last().copied().unwrap_or(Hash::ZERO),
        }
    }

    /// Adds their part to the tree of the records before; none where that would be too large.
    pub(super) fn add_to(&self, tree: &mut Tiled) -> Option<()> {
        for (level, root) in &self.subtrees {
            tree.push_subtree(*level, *root).ok()?;
        }
        Some(())
    }
}

/// What a record says, whose payload is the one that its header vouches for: nothing where it is gone, none where it is
/// no event.
pub(super) fn entry(record: &RecordRef<'_>) -> Option<Option<Entry>> {
    let Some(content) = record.content() else {
        return Some(None);
    };
    let Header {
        seq, recorded_at, ..
    } = record.header;
    archive::entry(seq, recorded_at, content).ok().map(Some)
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
