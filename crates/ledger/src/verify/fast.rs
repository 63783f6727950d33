//! The fast pass: finds that a ledger is sound, or gives up.
//!
//! Threads check ranges of records by themselves (`ledger/ranges.rs`). The caller joins the ranges at their ends, in the
//! order of the chain, and checks what only the order shows: rules and signatures.

use super::contents::{Contents, Payload};
use super::start::Start;
use super::{Previous, Progress, Verdict};
use crate::ranges::{self, Range};
use servanda_core::chain::record::{Hash, Head, Header, RecordRef};
use servanda_log::Log;

/// The verdict on a ledger in which nothing is wrong from the start on; none at the first doubt.
pub(super) fn pass(
    log: &impl Log,
    start: Start,
    acknowledged: Head,
    progress: &mut dyn Progress,
) -> Option<Verdict> {
    let first = start.count();
    let mut previous = start.previous;
    let mut contents = Contents::new(log, start.trusted);
    let ranges = ranges::ranges(first, acknowledged.count, contents.snapshots());
    progress.begin(acknowledged.count);
    let reader = log.reader();
    let check = |start, end| Range::check(&*reader, (start, end), fit, ranges::entry);
    let joined = ranges::in_order(&ranges, check, |range| {
        follows(previous.as_ref(), &range.first).then_some(())?;
        range.add_to(contents.tree())?;
        previous = Some(Previous::of(&range.last, range.head().link));
        let records = range.records.iter().zip(&range.links);
        for ((stored, link), entry) in records.zip(&mut range.payloads) {
            let payload = entry.take().map_or(Payload::Gone, Payload::Event);
            let record = RecordRef::peek(&stored.sealed.0).ok()?;
            contents.count_record();
            contents.take(stored.seq, &record, *link, payload, log);
        }
        contents.compare_snapshot(log);
        progress.reached(contents.head().count);
        contents.is_sound().then_some(())
    });
    progress.end();
    joined?;
    ends_at(log, acknowledged, contents.head(), previous.as_ref()).then_some(())?;
    let verdict = contents.conclude(acknowledged, acknowledged.count);
    verdict.findings.is_empty().then_some(verdict)
}

/// Whether a header fits behind another, which has this link.
pub(super) fn fit(before: &Header, link: Hash, after: &Header) -> bool {
    Previous::of(before, link).precedes(after)
}

/// Whether a range that begins with this header goes on from the end of the one before, or begins a chain.
pub(super) fn follows(previous: Option<&Previous>, first: &Header) -> bool {
    match previous {
        Some(previous) => previous.precedes(first),
        None => first.seq == 0 && first.prev == Hash::ZERO,
    }
}

/// Whether records that lead to this head, with this last one, end as was acknowledged: with a whole batch, and with
/// nothing behind it.
pub(super) fn ends_at(
    log: &impl Log,
    acknowledged: Head,
    head: Head,
    last: Option<&Previous>,
) -> bool {
    let is_whole = last.is_none_or(|last| last.remaining == 0);
    let behind = || log.read(acknowledged.count, 1);
    head == acknowledged && is_whole && behind().is_ok_and(|behind| behind.is_empty())
}
