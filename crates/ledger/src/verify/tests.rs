//! Every way to break a ledger that was thought of, and what is said of it.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use proptest::sample::Index;

use super::FindingKind::*;
use super::*;
use crate::Ledger;
use crate::anchor::Hashes;
use crate::replay::{KnownAt, replay, replay_in_full};
use crate::snapshot;
use crate::testing::*;
use servanda_core::chain::codec;
use servanda_core::chain::record::{Content, Head, Record, Sealed, bind};
use servanda_core::event::Kind;
use servanda_core::ranges::CHUNK;
use servanda_core::testing::{FIRST_RECORDED_AT, event, histories};
use servanda_log::memory::MemoryLog;
use servanda_log::{
    AppendError, BatchSource, ChunkSink, Parts as _, Reader, SnapshotCache, Stored,
};

mod beside;
mod silent;
mod since;

mod cut;

/// The story's records.
static STORY: LazyLock<MemoryLog> = LazyLock::new(|| storied().into_log());

/// The verdict on a log: of the careful walk, which the fast pass must agree with by itself. It has to notice
/// whatever is wrong, and may not give up on what is sound.
fn verdict(log: &impl Log) -> Verdict {
    let passes = judged(log, |subject, lost| {
        let kept = || Snapshots::of(log, Definitions::default(), lost);
        verify::both_passes(subject, &Threads, kept)
    });
    let (fast, careful) = passes.unwrap();
    let is_clean = careful.findings.is_empty();
    assert_eq!(fast.as_ref(), is_clean.then_some(&careful));
    assert_eq!(verify(log, &mut Unwatched).unwrap(), careful);
    compare_with_chain(log, &careful);
    careful
}

/// What is wrong with the chain, its own pass notices; of what the payloads say it knows nothing.
fn compare_with_chain(log: &impl Log, careful: &Verdict) {
    let pass = judged(log, |subject, _| {
        verify::verify_chain(subject, &Threads, &mut Unwatched)
    });
    let pass = pass.unwrap();
    let is_about_chain = |finding: &Finding| match finding.kind {
        PayloadGone | Encoding | Rule | Snapshot | Signature => false,
        _ => !finding.records.is_empty(),
    };
    if careful.findings.iter().any(is_about_chain) {
        assert_eq!(pass, None);
        assert_eq!(verify_chain(log, &mut Unwatched).unwrap(), *careful);
    } else if careful.is_sound() {
        let by_chain = pass.expect("all is sound");
        assert!(by_chain.is_sound());
        let known = |verdict: &Verdict| {
            let times = (verdict.first_recorded, verdict.last_recorded);
            let end = (verdict.head, verdict.root, verdict.tiles.clone());
            (verdict.origin.clone(), verdict.records, times, end)
        };
        assert_eq!(known(&by_chain), known(careful));
        assert!(by_chain.not_checked[0].contains("rules"));
    }
}

/// The findings on a log: of what kind, about which records.
fn found(log: &impl Log) -> Vec<(FindingKind, Vec<u64>)> {
    let findings = verdict(log).findings;
    findings.into_iter().map(|f| (f.kind, f.records)).collect()
}

/// The story's records and head, changed; no snapshots.
fn tampered(change: impl FnOnce(&mut Vec<Sealed>, &mut Head)) -> MemoryLog {
    let mut head = STORY.head().unwrap();
    let mut records = STORY.records().to_vec();
    change(&mut records, &mut head);
    MemoryLog::of(records, head)
}

/// The findings after a change to the records alone.
fn found_after(change: impl FnOnce(&mut Vec<Sealed>)) -> Vec<(FindingKind, Vec<u64>)> {
    found(&tampered(|records, _| change(records)))
}

/// The findings on a chain that is whole, but holds other payloads or times than it should.
fn found_in_bound(
    change: impl FnOnce(&mut Vec<(i64, Vec<Content>)>),
) -> Vec<(FindingKind, Vec<u64>)> {
    let mut batches = contents();
    change(&mut batches);
    found(&bound(&batches))
}

#[test]
fn the_story_is_sound_and_all_of_it_is_looked_at() {
    let ledger = storied();
    let verdict = verdict(ledger.log());
    assert!(verdict.is_sound(), "{:#?}", verdict.findings);
    let counts: Vec<u64> = verdict.checked.iter().map(|check| check.count).collect();
    let snapshots = ledger.log().cache().unwrap().counts().unwrap().len() as u64;
    assert!(snapshots > 1);
    assert_eq!(counts, [13, 13, 13, 0, snapshots]);
    assert_eq!(verdict.origin.as_deref(), Some("example.org/test"));
    assert_eq!(verdict.head, ledger.head());
    assert_eq!(verdict.acknowledged, ledger.head());
    assert_eq!(verdict.first_recorded, Some(FIRST_RECORDED_AT));
    assert_eq!(verdict.last_recorded, Some(ledger.last_recorded));
    assert_eq!(
        verdict.remarks,
        [
            "1 record: recorded as irregular, with a reason each",
            "1 record: redacted",
            "1 redacted payload is still on the disk"
        ]
    );
    assert!(verdict.not_checked[0].contains("cut or rewritten"));
    assert!(found(&bound(&contents())).is_empty());
}

#[test]
fn every_flipped_byte_is_found_and_names_its_record() {
    let log = storied().into_log();
    let mut flips = 0;
    for (seq, sealed) in log.records().iter().enumerate() {
        for at in 0..sealed.0.len() {
            for mask in [0x01, 0x80, 0xff] {
                let flipped = tampered(|records, _| records[seq].tamper(|bytes| bytes[at] ^= mask));
                let mut findings = found(&flipped);
                if seq == 7 && (2..4).contains(&at) {
                    // Record 9 corrects record 7: the kind of that decides whether it can be erased.
                    findings.retain(|finding| *finding != (Malformed, vec![9]));
                }
                let named = findings
                    .iter()
                    .any(|(_, records)| records.contains(&(seq as u64)));
                let what = format!("record {seq}, byte {at} ^ {mask}: {findings:?}");
                assert!(named, "{what}");
                assert!(findings.len() <= 3, "{what}");
                let near = |record: &u64| record.abs_diff(seq as u64) <= 1;
                assert!(
                    findings.iter().all(|(_, records)| records.iter().all(near)),
                    "{what}"
                );
                assert!(replay(&flipped, KnownAt::Now).is_err(), "{what}");
                flips += 1;
            }
        }
    }
    assert!(flips > 13 * 3 * 145);
}

#[test]
fn two_flips_are_two_findings() {
    for (one, other) in [(0, 12), (3, 4), (5, 9)] {
        for at in [16, 40, 100, 128, 140, 150] {
            let findings = found_after(|records| {
                records[one].tamper(|bytes| bytes[at] ^= 1);
                records[other].tamper(|bytes| bytes[at] ^= 1);
            });
            for seq in [one, other] {
                let named = findings.iter().any(|(_, r)| r.contains(&(seq as u64)));
                assert!(named, "{seq} of {one}, {other}, byte {at}: {findings:?}");
            }
        }
    }
}

#[test]
fn what_a_flip_breaks_is_said() {
    let flip =
        |seq: usize, at: usize| found_after(|records| records[seq].tamper(|bytes| bytes[at] ^= 1));
    assert_eq!(flip(5, 100), [(Malformed, vec![5])], "padding");
    assert_eq!(
        flip(12, 100),
        [(Malformed, vec![12])],
        "padding, at the end"
    );
    assert_eq!(flip(5, 128), [(Malformed, vec![5])], "presence");
    assert_eq!(flip(5, 129), [(Payload, vec![5])], "salt");
    assert_eq!(flip(5, 150), [(Payload, vec![5])], "payload");
    assert_eq!(
        flip(5, 40),
        [(Link, vec![4, 5]), (Link, vec![5, 6])],
        "prev"
    );
    assert_eq!(
        flip(5, 8),
        [(Misplaced, vec![5]), (Link, vec![5, 6])],
        "seq"
    );
    assert_eq!(
        flip(0, 8),
        [(Misplaced, vec![0]), (Link, vec![0, 1])],
        "seq"
    );
    assert_eq!(flip(0, 40), [(Link, vec![0]), (Link, vec![0, 1])], "prev");
    assert_eq!(flip(12, 20), [(Head, vec![12])], "time, at the end");
    assert_eq!(
        flip(5, 28),
        [(Malformed, vec![5]), (Link, vec![5, 6])],
        "length"
    );
    assert_eq!(
        flip(6, 25),
        [(Link, vec![6, 7]), (Batch, vec![7])],
        "remaining"
    );
}

/// What is too many is left out; the rules and snapshots are checked as if it were not there.
#[test]
fn a_record_too_many_hides_nothing_else() {
    let mut batches = contents();
    batches[3].1[0] = codec::encode(&opening()).unwrap();
    let honest = bound(&batches);
    let mut records = honest.records().to_vec();
    records.insert(4, records[1].clone());
    let verdict = verdict(&MemoryLog::of(records, honest.head().unwrap()));
    let kinds: Vec<_> = verdict
        .findings
        .iter()
        .map(|finding| finding.kind)
        .collect();
    assert_eq!(kinds, [Misplaced, Rule]);
    assert!(verdict.not_checked[0].starts_with("whether the whole history"));
}

#[test]
fn a_record_in_anothers_stead_is_misplaced() {
    let findings = found_after(|records| records[9] = records[3].clone());
    assert_eq!(findings, [(Misplaced, vec![9, 3])]);
    let findings = found_after(|records| records[3] = records[9].clone());
    assert_eq!(findings, [(Misplaced, vec![3, 9])]);
}

#[test]
fn a_forged_record_breaks_the_chain_after_it() {
    let forge = |records: &[Sealed], seq: usize| {
        let before = Record::open(&records[seq - 1]).unwrap().header;
        let old = Record::open(&records[seq]).unwrap().header;
        let content = codec::encode(&note("forged")).unwrap();
        let forged = unbound(content, [9; 16], old.recorded_at);
        let (mut forged, _) = bind(Head::after(&before), vec![forged]);
        forged[0].header.remaining = old.remaining;
        forged[0].seal()
    };
    let replaced = found_after(|records| records[6] = forge(records, 6));
    assert_eq!(replaced, [(Link, vec![6, 7])]);
    let inserted = found_after(|records| records.insert(6, forge(records, 6)));
    assert_eq!(inserted, [(Misplaced, vec![6]), (Link, vec![6, 7])]);
    let last = found_after(|records| records[12] = forge(records, 12));
    assert_eq!(last, [(Head, vec![12])]);
}

#[test]
fn a_rewritten_end_is_another_head() {
    let acknowledged = storied().head();
    let mut batches = contents();
    batches[6].1[1] = codec::encode(&note("never said")).unwrap();
    let rewritten = bound(&batches);
    let log = MemoryLog::of(rewritten.records().to_vec(), acknowledged);
    assert_eq!(found(&log), [(Head, vec![12])]);
    // The whole of it with its head is what no chain can show.
    assert!(verdict(&rewritten).is_sound());
}

#[test]
fn a_cut_tail_is_missing() {
    for kept in 0..13 {
        let log = tampered(|records, _| records.truncate(kept));
        let records = [kept as u64, 12];
        let records = if kept == 12 { &records[1..] } else { &records };
        assert_eq!(found(&log), [(Missing, records.to_vec())]);
        let verdict = verdict(&log);
        assert_eq!(verdict.last_recorded.is_some(), kept > 0);
        assert!(!verdict.is_sound());
    }
}

#[test]
fn a_batch_that_is_not_whole_is_found_also_under_its_own_head() {
    let cut = |kept: usize| {
        tampered(|records, head| {
            records.truncate(kept);
            *head = Head::after(&Record::open(&records[kept - 1]).unwrap().header);
        })
    };
    assert_eq!(found(&cut(2)), [(Batch, vec![1])]);
    assert_eq!(found(&cut(3)), [(Batch, vec![2])]);
    assert_eq!(found(&cut(12)), [(Batch, vec![11])]);
    // Cut between batches, with the head: what no chain can show.
    assert_eq!(found(&cut(4)), []);
}

/// A batch that broke off, and another after it as if nothing had happened: all links fit.
#[test]
fn a_batch_that_another_interrupts_is_found() {
    // Records 1 to 3 are a batch.
    let mut records = bound(&contents()).records()[..=2].to_vec();
    let before = Head::after(&Record::open(&records[2]).unwrap().header);
    let noted = |text: &str| unbound(codec::encode(&note(text)).unwrap(), [9; 16], i64::MAX);
    let (next, head) = bind(before, vec![noted("one"), noted("two")]);
    records.extend(next.iter().map(Record::seal));
    assert_eq!(found(&MemoryLog::of(records, head)), [(Batch, vec![3])]);
}

#[test]
fn more_records_than_were_acknowledged_are_a_finding() {
    let log = tampered(|records, head| {
        *head = Head::after(&Record::open(&records[10]).unwrap().header);
    });
    assert_eq!(found(&log), [(Head, vec![12])]);
}

#[test]
fn a_second_encoding_of_an_event_is_found() {
    // Appended, and a length written in three bytes where one will do.
    let trailing = found_in_bound(|batches| batches[3].1[0].payload.push(0));
    assert_eq!(trailing, [(Encoding, vec![6])]);
    let long = found_in_bound(|batches| {
        let content = &mut batches[3].1[0];
        let text = "heard on the radio".len() as u8;
        let at = content
            .payload
            .iter()
            .rposition(|byte| *byte == text)
            .unwrap();
        content.payload.splice(at..=at, [251, text, 0]);
        assert_eq!(
            codec::decode(content.as_ref()),
            Err(codec::CodecError::NotCanonical),
            "it would decode otherwise"
        );
    });
    assert_eq!(long, [(Encoding, vec![6])]);
    let nonsense = found_in_bound(|batches| batches[3].1[0].payload = vec![1, 255]);
    assert_eq!(nonsense, [(Encoding, vec![6])]);
    let newer = found_in_bound(|batches| batches[3].1[0].payload[0] = 9);
    assert_eq!(newer, [(Encoding, vec![6])]);
}

#[test]
fn a_clock_that_goes_backwards_is_found() {
    let findings = found_in_bound(|batches| batches[2].0 = FIRST_RECORDED_AT.0 - 1);
    assert_eq!(findings, [(Clock, vec![4])]);
    let findings = found_in_bound(|batches| batches[1].0 = i64::MAX);
    assert_eq!(findings, [(Clock, vec![4])]);
}

#[test]
fn a_broken_rule_is_found() {
    let unknown = event(
        Kind::StatusChanged,
        &[("commitment", "C7"), ("to", "active")],
    );
    let second = opening();
    let mut breach = story()[2][1].clone();
    breach.envelope.irregular = None;
    for (event, rule) in [
        (unknown, "known"),
        (second, "opened-once"),
        (breach, "standing-move"),
    ] {
        let mut batches = contents();
        batches[2].1[1] = codec::encode(&event).unwrap();
        let verdict = verdict(&bound(&batches));
        let [finding] = verdict.findings.as_slice() else {
            panic!("{rule}: {:#?}", verdict.findings)
        };
        assert_eq!((finding.kind, &finding.records), (Rule, &vec![5]));
        assert!(finding.expected.ends_with(rule), "{finding:?}");
    }
    // The rules go on after it.
    let findings = found_in_bound(|batches| batches[1].1.swap(0, 2));
    let named: BTreeSet<_> = findings.into_iter().collect();
    assert_eq!(named, BTreeSet::from([(Rule, vec![1])]));
}

#[test]
fn the_chain_alone_knows_no_rules_and_says_so() {
    let broken = bound(&{
        let mut batches = contents();
        batches[3].1[0] = codec::encode(&opening()).unwrap();
        batches
    });
    assert_eq!(found(&broken), [(Rule, vec![6])]);
    let by_chain = verify_chain(&broken, &mut Unwatched).unwrap();
    assert!(by_chain.is_sound());
    assert!(by_chain.not_checked[0].contains("rules"));

    let gone = |seq: usize| {
        let without = |records: &mut Vec<Sealed>, _: &mut Head| {
            records[seq] = changed(&records[seq], |record| record.body = None);
        };
        verify_chain(&tampered(without), &mut Unwatched).unwrap()
    };
    // That a redaction may name it does not show in the chain, that none can does.
    let erasable = gone(6);
    assert!(erasable.is_sound());
    assert!(erasable.not_checked[1].contains("1 payload"));
    assert_eq!(gone(4).findings[0].kind, PayloadGone);
}

/// Where chunks meet, a record waits for the next one as anywhere else.
#[test]
fn a_long_ledger_is_read_over_several_chunks() {
    let events = (0..CHUNK + 10).map(|n| note(&n.to_string())).collect();
    let mut ledger = Ledger::create(MemoryLog::default(), Steady::default(), opening()).unwrap();
    ledger.append(events).unwrap();
    let log = ledger.into_log();
    let head = log.head().unwrap();
    assert!(verdict(&log).is_sound());
    for (one, other) in [(CHUNK - 1, 5), (CHUNK, 5), (CHUNK - 1, CHUNK + 1)] {
        let mut records = log.records().to_vec();
        records.swap(one, other);
        let found = found(&MemoryLog::of(records, head));
        assert_eq!(found.len(), 2, "{one} {other}: {found:?}");
    }
}

/// A redaction is no leave to lose what later records rest on, nor is a mark that was forged into a header.
#[test]
fn only_what_was_bound_as_redactable_may_lose_its_payload() {
    let mut batches = contents();
    let fields = [("record", "4"), ("reason", "x"), ("authority", "y")];
    batches[6].1[0] = codec::encode(&event(Kind::Redacted, &fields)).unwrap();
    let forged = bound(&batches);
    let mut records = forged.records().to_vec();
    records[4] = changed(&records[4], |record| record.body = None);
    let verdict = verdict(&MemoryLog::of(records, forged.head().unwrap()));
    let gone = verdict.findings.iter().find(|f| f.kind == PayloadGone);
    assert_eq!(gone.map(|f| f.records.clone()), Some(vec![4]));

    let honest = bound(&contents());
    let mut records: Vec<Record> = honest
        .records()
        .iter()
        .map(|s| Record::open(s).unwrap())
        .collect();
    records[4].header.erasable = true;
    let mut head = Head::EMPTY;
    for record in &mut records {
        record.header.prev = head.link;
        head = Head::after(&record.header);
    }
    let sealed = records.iter().map(Record::seal).collect();
    let verdict = self::verdict(&MemoryLog::of(sealed, head));
    let found: Vec<_> = verdict
        .findings
        .iter()
        .map(|f| (f.kind, f.records.clone()))
        .collect();
    assert_eq!(found, [(Malformed, vec![4])]);
}

/// What can be done to records in a log.
#[derive(Debug, Clone)]
enum Tampering {
    Flip(Index, Index, u8),
    Remove(Index),
    Swap(Index, Index),
    Copy(Index, Index),
    Cut(Index),
    DropPayload(Index),
}

fn tamperings() -> impl Strategy<Value = Tampering> {
    let at = any::<Index>;
    prop_oneof![
        (at(), at(), 1u8..).prop_map(|(seq, byte, mask)| Tampering::Flip(seq, byte, mask)),
        at().prop_map(Tampering::Remove),
        (at(), at()).prop_map(|(one, other)| Tampering::Swap(one, other)),
        (at(), at()).prop_map(|(from, to)| Tampering::Copy(from, to)),
        at().prop_map(Tampering::Cut),
        at().prop_map(Tampering::DropPayload),
    ]
}

fn tamper(records: &mut Vec<Sealed>, tampering: &Tampering) {
    if records.is_empty() {
        return;
    }
    let count = records.len();
    match tampering {
        Tampering::Flip(seq, byte, mask) => {
            let sealed = &mut records[seq.index(count)];
            let at = byte.index(sealed.0.len());
            sealed.tamper(|bytes| bytes[at] ^= mask);
        }
        Tampering::Remove(seq) => drop(records.remove(seq.index(count))),
        Tampering::Swap(one, other) => records.swap(one.index(count), other.index(count)),
        Tampering::Copy(from, to) => {
            let copy = records[from.index(count)].clone();
            records.insert(to.index(count + 1), copy);
        }
        Tampering::Cut(end) => records.truncate(end.index(count)),
        Tampering::DropPayload(seq) => {
            let sealed = &mut records[seq.index(count)];
            if Record::open(sealed).is_ok() {
                *sealed = changed(sealed, |record| record.body = None);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// `verdict` compares the fast pass with the careful walk.
    #[test]
    fn the_fast_pass_notices_whatever_the_careful_walk_finds(
        history in histories(1..40),
        batch in 1usize..6,
        tampering in proptest::collection::vec(tamperings(), 0..4),
        keeps_snapshots: bool,
    ) {
        let mut events = history.into_iter();
        let opening = events.next().unwrap();
        let log = MemoryLog::default();
        let mut ledger = Ledger::create(log, Steady::default(), opening).unwrap().snapshot_every(7);
        let rest: Vec<_> = events.collect();
        for events in rest.chunks(batch) {
            ledger.append(events.to_vec()).unwrap();
        }
        let honest = ledger.into_log();
        prop_assert!(verdict(&honest).is_sound());
        let mut records = honest.records().to_vec();
        for tampering in &tampering {
            tamper(&mut records, tampering);
        }
        let log = MemoryLog::of(records, honest.head().unwrap());
        if keeps_snapshots {
            for count in honest.counts().unwrap() {
                let bytes = honest.load(count).unwrap().unwrap();
                log.put(count, &bytes).unwrap();
            }
        }
        verdict(&log);
    }
}

#[test]
fn ranges_end_at_chunks_and_snapshots() {
    use servanda_core::ranges::ranges;
    let chunk = CHUNK as u64;
    assert_eq!(ranges(0, 0, &[]), []);
    assert_eq!(ranges(0, 1, &[1, 5]), [(0, 1)]);
    assert_eq!(ranges(0, chunk, &[0, 3]), [(0, 3), (3, chunk)]);
    assert_eq!(
        ranges(0, chunk + 2, &[chunk, chunk + 1, chunk + 2, 9 * chunk]),
        [(0, chunk), (chunk, chunk + 1), (chunk + 1, chunk + 2)]
    );
    assert_eq!(
        ranges(7, chunk + 2, &[3, 7]),
        [(7, chunk), (chunk, chunk + 2)]
    );
    assert_eq!(ranges(chunk, chunk, &[]), []);
}
