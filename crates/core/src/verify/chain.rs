//! The chain alone: whether the records are those that were recorded, whatever they say. A fraction of the work, for
//! nothing is decoded and no rule is looked at.

use std::sync::Arc;

use super::erasable::{demanded, header_of};
use super::fast::ends_at;
use super::progress::Progress;
use super::subject::Subject;
use super::verdict::{BEYOND_A_CHAIN, Check, Verdict};
use crate::archive;
use crate::chain::record::RecordRef;
use crate::chain::tree::Tiled;
use crate::chain::walker::Walker;
use crate::event::Fact;
use crate::ranges::{self, Range, Workers};
use crate::value::id::Seq;
use crate::value::when::Instant;
use crate::words::plural;

/// The verdict on a ledger whose chain, tree and payloads hold; none at the first doubt.
pub(super) fn pass(
    subject: &Subject,
    workers: &impl Workers,
    progress: &mut dyn Progress,
) -> Option<Verdict> {
    let committed = subject.committed;
    let mut walker = Walker::START;
    let mut first_recorded = None;
    let mut tree = Tiled::new();
    let mut gone = 0;
    progress.begin(committed.count);
    subject.can_be_read().then_some(())?;
    let ranges = ranges::ranges(0, committed.count, &[]);
    let is_there = |record: &RecordRef<'_>| is_there(subject, record);
    let check = |start, end| Range::check(&*subject.records, (start, end), is_there);
    let joined = workers.in_order(&ranges, check, |range| {
        range.follow(&mut walker)?;
        range.add_to(&mut tree)?;
        gone += range.payloads.iter().filter(|is_there| !**is_there).count();
        first_recorded.get_or_insert(range.first.recorded_at);
        progress.reached(walker.head().count);
        Some(())
    });
    progress.end();
    joined?;
    ends_at(subject, &walker).then_some(())?;
    let head = walker.head();
    Some(Verdict {
        origin: Some(origin(subject)?),
        records: head.count,
        trusted: 0,
        head,
        acknowledged: committed,
        root: tree.root(),
        tiles: tree.tiles().to_vec(),
        first_recorded: first_recorded.map(Instant),
        last_recorded: Some(Instant(walker.recorded_at()?)),
        findings: Vec::new(),
        checked: vec![
            Check {
                what: "records: form, order, links, batches, clock",
                count: head.count,
            },
            Check {
                what: "payloads: digest",
                count: head.count - gone as u64,
            },
        ],
        unfinished_erasures: 0,
        not_checked: not_checked(gone),
        remarks: Vec::new(),
    })
}

/// Whether a record has its payload; none where it has not and must have it, and where its header says of that what the
/// record that it is about does not allow.
fn is_there(subject: &Subject, record: &RecordRef<'_>) -> Option<bool> {
    let header = &record.header;
    let kind_of = |target| Some(header_of(&*subject.records, target)?.kind());
    if demanded(header.seq, header, kind_of).is_some_and(|must| must != header.erasable) {
        return None;
    }
    let is_there = record.body.is_some();
    (is_there || header.erasable).then_some(is_there)
}

/// The name that the ledger was opened under.
fn origin(subject: &Subject) -> Option<String> {
    let first = archive::of(Arc::clone(&subject.records))
        .entry(Seq(0))
        .ok()??;
    match first.event.fact {
        Fact::LedgerOpened(fact) => Some(fact.origin.to_string()),
        _ => None,
    }
}

fn not_checked(gone: usize) -> Vec<String> {
    let mut all = vec!["what the payloads say: encodings, rules, signatures, snapshots".to_owned()];
    if gone > 0 {
        let payloads = plural(gone, "payload");
        all.push(format!("whether redactions say why {payloads} are gone"));
    }
    all.extend(BEYOND_A_CHAIN.map(str::to_owned));
    all
}
