//! Records by ranges: each range is read, checked by itself and decoded, possibly on several threads, and handed over in
//! the order of the chain. Only a few ranges are under way at a time, so memory stays flat.
//!
//! A range is sound, or nothing is said of it. What is wrong, and where, is found by going over the records one by one.

use std::sync::Arc;

use crate::chain::codec;
use crate::chain::lanes;
use crate::chain::record::{BodyRef, HEADER_LEN, Hash, Head, Header, RecordRef};
use crate::chain::tree::{Tiled, TreeHash, leaf_hashes, subtrees};
use crate::chain::walker::Walker;
use crate::event::Entry;
use crate::records::{Records, Stored};
use crate::value::id::Seq;
use crate::value::when::Instant;

/// Records that are read at a time.
pub const CHUNK: usize = 1024;

/// The ranges to check, each from its first record to the one after its last: they end at multiples of a chunk, so
/// that their parts of the tree are few, and at `cuts`.
pub fn ranges(start: u64, end: u64, cuts: &[u64]) -> Vec<(u64, u64)> {
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

/// Checks ranges, possibly on several threads, and hands them over in order. The core has no threads of its own.
pub trait Workers {
    /// Calls `check` for each range from its first record to the one after its last, and `take` for each result in
    /// order; none as soon as one does not hold or is refused.
    fn in_order<P: Send>(
        &self,
        ranges: &[(u64, u64)],
        check: impl Fn(u64, u64) -> Option<Range<P>> + Sync,
        take: impl FnMut(&mut Range<P>) -> Option<()>,
    ) -> Option<()>;
}

/// Checks one range after the other on the calling thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sequential;

impl Workers for Sequential {
    fn in_order<P: Send>(
        &self,
        ranges: &[(u64, u64)],
        check: impl Fn(u64, u64) -> Option<Range<P>> + Sync,
        mut take: impl FnMut(&mut Range<P>) -> Option<()>,
    ) -> Option<()> {
        ranges
            .iter()
            .try_for_each(|(start, end)| take(&mut check(*start, *end)?))
    }
}

/// Records that follow each other and are what their headers say.
pub struct Range<P> {
    /// The records.
    pub records: Arc<Vec<Stored>>,
    /// The header of each, so that nobody reads it again.
    pub headers: Vec<Header>,
    /// The link of each.
    pub links: Vec<Hash>,
    /// Whether anybody signed each.
    pub signed: Vec<bool>,
    /// What was made of the payload of each.
    pub payloads: Vec<P>,
    /// Their part of the tree: subtrees by their levels.
    subtrees: Vec<(u8, TreeHash)>,
    /// The header of the first.
    pub first: Header,
    /// The header of the last.
    pub last: Header,
    /// The latest time at which one was recorded.
    pub latest: i64,
}

impl<P> Range<P> {
    /// Reads the records from `start` to `end`, and checks what they show by themselves. `payload` makes something of a
    /// payload, or finds fault with it.
    pub fn check(
        reader: &dyn Records,
        (start, end): (u64, u64),
        payload: impl Fn(&RecordRef<'_>, &Stored) -> Option<P>,
    ) -> Option<Self> {
        let records = Arc::new(read(reader, start, end)?);
        let peeked = all(records.iter(), |stored| {
            RecordRef::peek(&stored.sealed.0).ok()
        })?;
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
        let payloads = all(peeked.iter().zip(&*records), |(record, stored)| {
            payload(record, stored)
        })?;
        let times = peeked.iter().map(|record| record.header.recorded_at);
        Some(Self {
            subtrees: subtrees(start, &leaf_hashes(&headers)),
            first: peeked.first()?.header,
            last: peeked.last()?.header,
            latest: times.max()?,
            headers: peeked.iter().map(|record| record.header).collect(),
            signed: peeked.iter().map(RecordRef::is_signed).collect(),
            links,
            payloads,
            records,
        })
    }

    /// Goes along the range; none where it does not continue the walk.
    pub fn follow(&self, walker: &mut Walker) -> Option<()> {
        walker.continues(&self.first).then_some(())?;
        *walker = Walker::after(&self.last, self.head().link);
        Some(())
    }

    /// The head after the last record.
    pub fn head(&self) -> Head {
        Head {
            count: self.last.seq + 1,
            link: self.links.last().copied().unwrap_or(Hash::ZERO),
        }
    }

    /// Adds their part to the tree of the records before; none where that would be too large.
    pub fn add_to(&self, tree: &mut Tiled) -> Option<()> {
        for (level, root) in &self.subtrees {
            tree.push_subtree(*level, *root).ok()?;
        }
        Some(())
    }
}

/// What is made of each, with room for all of it from the start; none where one is nothing.
fn all<T, R>(
    each: impl ExactSizeIterator<Item = T>,
    make: impl Fn(T) -> Option<R>,
) -> Option<Vec<R>> {
    let mut made = Vec::with_capacity(each.len());
    for one in each {
        made.push(make(one)?);
    }
    Some(made)
}

/// What a record says, whose payload is the one that its header vouches for: nothing where it is gone, none where it is
/// no event.
pub fn entry(record: &RecordRef<'_>, stored: &Stored) -> Option<Option<Entry>> {
    let Some(content) = record.content() else {
        return Some(None);
    };
    let Header {
        seq, recorded_at, ..
    } = record.header;
    let event = codec::decode_within(content, &stored.sealed.0).ok()?;
    Some(Some(Entry {
        seq: Seq(seq),
        recorded_at: Instant(recorded_at),
        event,
    }))
}

/// The records from `start` to `end`, if all are there and nothing else.
fn read(reader: &dyn Records, start: u64, end: u64) -> Option<Vec<Stored>> {
    let mut records: Vec<Stored> = Vec::with_capacity((end - start) as usize);
    let mut next = start;
    while next < end {
        // At most a chunk: it fits.
        let mut chunk = reader.read(next, (end - next) as usize).ok()?;
        let in_place = (next..).zip(&chunk).all(|(seq, stored)| stored.seq == seq);
        chunk.truncate((end - next) as usize);
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
