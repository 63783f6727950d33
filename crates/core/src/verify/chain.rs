//! The chain alone: whether the records are those that were recorded, whatever they say. A fraction of the work, for
//! nothing is decoded and no rule is looked at.

use std::sync::Arc;

use super::erasable::{about, demanded_about, has_erasable_payloads};
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
    let mut erasable = ErasableKinds::default();
    progress.begin(committed.count);
    subject.can_be_read().then_some(())?;
    let ranges = ranges::ranges(0, committed.count, &[]);
    let check = |start, end| {
        Range::check(&*subject.records, (start, end), |record, _| {
            Shown::of(record)
        })
    };
    let joined = workers.in_order(&ranges, check, |range| {
        range.follow(&mut walker)?;
        range.add_to(&mut tree)?;
        for shown in &range.payloads {
            erasable.take(shown)?;
            gone += usize::from(!shown.is_there);
        }
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

/// What a record shows of erasure.
struct Shown {
    is_there: bool,
    /// Whether all payloads of its kind can be erased.
    is_of_erasable_kind: bool,
    /// The record that it is about, where that decides, and what its own header says.
    about: Option<(u64, bool)>,
}

impl Shown {
    /// None where a payload is not there and must be.
    fn of(record: &RecordRef<'_>) -> Option<Self> {
        let header = &record.header;
        let is_there = record.body.is_some();
        (is_there || header.erasable).then_some(Self {
            is_there,
            is_of_erasable_kind: has_erasable_payloads(header.kind()),
            about: about(header).map(|record| (record, header.erasable)),
        })
    }
}

/// Of each record so far, whether all payloads of its kind can be erased: a bit each, for the record that a later one is
/// about is not read again.
#[derive(Default)]
struct ErasableKinds {
    bits: Vec<u64>,
    count: u64,
}

impl ErasableKinds {
    /// Takes the next record; none where its header does not say what the record that it is about demands.
    fn take(&mut self, shown: &Shown) -> Option<()> {
        if let Some((target, says)) = shown.about {
            let demanded = demanded_about(self.count, target, |record| Some(self.has(record)));
            (demanded == Some(says)).then_some(())?;
        }
        if self.count.is_multiple_of(64) {
            self.bits.push(0);
        }
        *self.bits.last_mut()? |= u64::from(shown.is_of_erasable_kind) << (self.count % 64);
        self.count += 1;
        Some(())
    }

    fn has(&self, record: u64) -> bool {
        let word = usize::try_from(record / 64).ok();
        let word = word.and_then(|at| self.bits.get(at));
        word.is_some_and(|word| word >> (record % 64) & 1 == 1)
    }
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
