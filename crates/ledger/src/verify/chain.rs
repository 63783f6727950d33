//! The chain alone: whether the records are those that were recorded, whatever they say. A fraction of the work, for
//! nothing is decoded and no rule is looked at.

use super::fast::ends_at;
use super::{BEYOND_A_CHAIN, Check, Progress, Verdict};
use crate::ranges::{self, Range};
use crate::{archive, plural};
use servanda_core::chain::record::{Head, RecordRef};
use servanda_core::chain::tree::Tiled;
use servanda_core::chain::walker::Walker;
use servanda_core::event::Fact;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_log::Log;

/// The verdict on a ledger whose chain, tree and payloads hold; none at the first doubt.
pub(super) fn pass(
    log: &impl Log,
    acknowledged: Head,
    progress: &mut dyn Progress,
) -> Option<Verdict> {
    let mut walker = Walker::START;
    let mut first_recorded = None;
    let mut tree = Tiled::new();
    let mut gone = 0;
    progress.begin(acknowledged.count);
    let reader = log.reader();
    let ranges = ranges::ranges(0, acknowledged.count, &[]);
    let check = |start, end| Range::check(&*reader, (start, end), is_there);
    let joined = ranges::in_order(&ranges, check, |range| {
        range.follow(&mut walker)?;
        range.add_to(&mut tree)?;
        gone += range.payloads.iter().filter(|is_there| !**is_there).count();
        first_recorded.get_or_insert(range.first.recorded_at);
        progress.reached(walker.head().count);
        Some(())
    });
    progress.end();
    joined?;
    ends_at(log, acknowledged, &walker).then_some(())?;
    let head = walker.head();
    Some(Verdict {
        origin: Some(origin(log)?),
        records: head.count,
        trusted: 0,
        head,
        acknowledged,
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
        not_checked: not_checked(gone),
        remarks: Vec::new(),
    })
}

/// Whether a record has its payload; none where it has not and must have it.
fn is_there(record: &RecordRef<'_>) -> Option<bool> {
    let is_there = record.body.is_some();
    (is_there || record.header.erasable).then_some(is_there)
}

/// The name that the ledger was opened under.
fn origin(log: &impl Log) -> Option<String> {
    let first = archive::of(log).entry(Seq(0)).ok()??;
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
