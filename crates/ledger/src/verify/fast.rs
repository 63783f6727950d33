//! The fast pass: finds that a ledger is sound, or gives up.
//!
//! Threads check ranges of records by themselves (`ledger/ranges.rs`). The caller joins the ranges at their ends, in the
//! order of the chain, and checks what only the order shows: rules and signatures.

use super::contents::{Contents, Payload};
use super::start::Start;
use super::{Progress, Verdict};
use crate::ranges::{self, Range};
use servanda_core::chain::record::{Head, RecordRef};
use servanda_core::chain::walker::Walker;
use servanda_log::Log;

/// The verdict on a ledger in which nothing is wrong from the start on; none at the first doubt.
pub(super) fn pass(
    log: &impl Log,
    start: Start,
    acknowledged: Head,
    progress: &mut dyn Progress,
) -> Option<Verdict> {
    let first = start.count();
    let mut walker = start.walker;
    let mut contents = Contents::new(log, start.trusted);
    let ranges = ranges::ranges(first, acknowledged.count, contents.snapshots());
    progress.begin(acknowledged.count);
    let reader = log.reader();
    let check = |start, end| Range::check(&*reader, (start, end), ranges::entry);
    let joined = ranges::in_order(&ranges, check, |range| {
        range.follow(&mut walker)?;
        range.add_to(contents.tree())?;
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
    ends_at(log, acknowledged, &walker).then_some(())?;
    let verdict = contents.conclude(acknowledged, acknowledged.count);
    verdict.findings.is_empty().then_some(verdict)
}

/// Whether a walk ends as was acknowledged: at the head, with a whole batch, and with nothing behind it.
pub(super) fn ends_at(log: &impl Log, acknowledged: Head, walker: &Walker) -> bool {
    let behind = || log.read(acknowledged.count, 1);
    walker.head() == acknowledged
        && walker.remaining() == 0
        && behind().is_ok_and(|behind| behind.is_empty())
}
