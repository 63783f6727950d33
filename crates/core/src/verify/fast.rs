//! The fast pass: finds that a ledger is sound, or gives up.
//!
//! Workers check ranges of records by themselves. The calling thread joins the ranges at their ends, in the order of the
//! chain, and checks what only the order shows: rules and signatures.

use super::contents::Contents;
use super::kept::Kept;
use super::placed::{Payload, Placed};
use super::progress::Progress;
use super::subject::{Start, Subject};
use super::verdict::Verdict;
use crate::chain::walker::Walker;
use crate::ranges::{self, Range, Workers};

/// The verdict on a ledger in which nothing is wrong from the start on; none at the first doubt.
pub(super) fn pass(
    subject: &Subject,
    workers: &impl Workers,
    start: Start,
    kept: impl Kept,
    progress: &mut dyn Progress,
) -> Option<Verdict> {
    let first = start.count();
    let mut walker = start.walker;
    let committed = subject.committed;
    let mut contents = Contents::new(subject, kept, start.trusted);
    subject.can_be_read().then_some(())?;
    let ranges = ranges::ranges(first, committed.count, contents.snapshots());
    progress.begin(committed.count);
    contents.read_again(committed.count);
    let check = |start, end| Range::check(&*subject.records, (start, end), ranges::entry);
    let joined = workers.in_order(&ranges, check, |range| {
        range.follow(&mut walker)?;
        range.add_to(contents.tree())?;
        contents.just_read(&range.records);
        for (at, entry) in range.payloads.iter().enumerate() {
            let record = Placed {
                header: &range.headers[at],
                link: range.links[at],
                is_signed: range.signed[at],
                sealed: &range.records[at].sealed.0,
            };
            contents.count_record();
            let payload = entry.as_ref().map_or(Payload::Gone, Payload::Event);
            contents.take(record.header.seq, record, payload);
        }
        contents.compare_snapshot();
        progress.reached(contents.head().count);
        contents.is_sound().then_some(())
    });
    progress.end();
    joined?;
    ends_at(subject, &walker).then_some(())?;
    let verdict = contents.conclude(committed.count);
    verdict.findings.is_empty().then_some(verdict)
}

/// Whether a walk ends as was committed: at the head, with a whole batch, and with nothing behind it.
pub(super) fn ends_at(subject: &Subject, walker: &Walker) -> bool {
    let behind = || subject.records.read(subject.committed.count, 1);
    walker.head() == subject.committed
        && walker.remaining() == 0
        && behind().is_ok_and(|behind| behind.is_empty())
}
