//! Verifying behind a checkpoint.

use super::*;

/// The checkpoint of the first records of a log.
fn checkpoint(log: &impl Log, count: u64) -> Checkpoint {
    let root = servanda_core::chain::tree::root(&Hashes::new(log, &[]), count).unwrap();
    Checkpoint::new("example.org/test", count, root).unwrap()
}

fn since(log: &impl Log, checkpoint: &Checkpoint) -> Verdict {
    verify_since(log, checkpoint, &mut Unwatched).unwrap()
}

/// The ends of the story's appends.
const ENDS: [u64; 7] = [1, 4, 6, 7, 10, 11, 13];

#[test]
fn only_what_came_after_a_checkpoint_is_verified() {
    let with_snapshots = storied().into_log();
    for log in [&with_snapshots, &*STORY] {
        let whole = verdict(log);
        for count in 1..=13 {
            let verdict = since(log, &checkpoint(log, count));
            assert!(verdict.is_sound(), "{count}: {:#?}", verdict.findings);
            assert_eq!((verdict.head, verdict.root), (whole.head, whole.root));
            let trusted = if ENDS.contains(&count) { count } else { 0 };
            assert_eq!(verdict.trusted, trusted);
            assert_eq!(verdict.records, 13 - trusted);
            assert_eq!(verdict.checked[0].count, 13 - trusted);
            if trusted > 0 {
                let words = &verdict.not_checked[0];
                assert!(words.contains("on the word of the checkpoint"), "{words}");
            } else {
                assert!(verdict.remarks[0].contains("in the middle of an append"));
                assert_eq!(verdict.findings, whole.findings);
            }
        }
    }
}

#[test]
fn what_is_wrong_after_the_checkpoint_is_found_as_ever() {
    let honest = checkpoint(&*STORY, 6);
    for (seq, byte) in [(6, 150), (7, 40), (8, 16), (12, 100), (12, 20)] {
        let log = tampered(|records, _| records[seq].tamper(|bytes| bytes[byte] ^= 1));
        let (whole, part) = (verdict(&log), since(&log, &honest));
        assert_eq!(part.trusted, 6);
        assert_eq!(part.findings, whole.findings, "{seq} {byte}");
    }
    let mut batches = contents();
    batches[3].1[0] = codec::encode(&opening()).unwrap();
    let unruly = bound(&batches);
    let part = since(&unruly, &checkpoint(&unruly, 6));
    assert_eq!(part.findings, verdict(&unruly).findings);
    assert_eq!(part.findings[0].kind, Rule);
    let cut = tampered(|records, _| records.truncate(9));
    assert_eq!(since(&cut, &honest).findings[0].kind, Missing);
}

/// A checkpoint through which the ledger does not lead vouches for nothing: all is verified.
#[test]
fn without_a_checkpoint_to_start_from_all_is_verified() {
    let mut batches = contents();
    batches[2].1[0] = codec::encode(&note("never said")).unwrap();
    let rewritten = bound(&batches);
    let other = Checkpoint::new("example.org/other", 6, *checkpoint(&*STORY, 6).root()).unwrap();
    let longer = Checkpoint::new("example.org/test", 99, *checkpoint(&*STORY, 6).root()).unwrap();
    let none = Checkpoint::new(
        "example.org/test",
        0,
        servanda_core::chain::tree::empty_root(),
    )
    .unwrap();
    let flipped = tampered(|records, _| records[5].tamper(|bytes| bytes[20] ^= 1));
    let broken = tampered(|records, _| records[2].tamper(|bytes| bytes[150] ^= 1));
    for (log, checkpoint, why) in [
        (&rewritten, &checkpoint(&*STORY, 6), "are others"),
        (&*STORY, &other, "of another ledger"),
        (&*STORY, &longer, "the ledger has 13 records"),
        (&*STORY, &none, "it has no records"),
        (&flipped, &checkpoint(&*STORY, 6), "are others"),
        (&broken, &checkpoint(&*STORY, 6), "cannot be replayed"),
    ] {
        let (whole, verdict) = (verdict(log), since(log, checkpoint));
        assert!(verdict.remarks[0].contains(why), "{:?}", verdict.remarks);
        assert_eq!(verdict.trusted, 0);
        assert_eq!(verdict.findings, whole.findings);
        assert_eq!(verdict.checked, whole.checked);
    }
}

/// The redacted payloads of earlier records are gone with a right to it, and rules ask about them as ever.
#[test]
fn earlier_redactions_hold_after_a_checkpoint() {
    let mut ledger = storied();
    ledger.finish_redactions().unwrap();
    let about = event(Kind::Noted, &[("text", "on it"), ("about", "8")]);
    ledger.append(vec![about]).unwrap();
    let log = ledger.into_log();
    let whole = verdict(&log);
    for count in ENDS {
        let part = since(&log, &checkpoint(&log, count));
        assert!(
            part.is_sound() && part.trusted == count,
            "{count}: {part:#?}"
        );
        let unknown = |verdict: &Verdict| {
            verdict
                .not_checked
                .iter()
                .any(|what| what.starts_with("rules of "))
        };
        // Record 10 redacts record 8.
        assert!(unknown(&whole), "{count}");
        assert_eq!(unknown(&part), count <= 10, "{count}");
    }
}
