//! That what is redacted is gone from every file, and all else as it was.

use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::replay::{KnownAt, replay_in_full};
use crate::testing::*;
use crate::verify::{FindingKind, Unwatched, verify};
use servanda_core::ranges::CHUNK;
use servanda_core::state::State;
use servanda_core::testing::{event, histories};
use servanda_log::SnapshotCache as _;
use servanda_log::directory;
use servanda_log::dry_run::DryRunLog;
use servanda_log::memory::MemoryLog;

fn ordered(record: u64) -> Redacted {
    let text = |text: &str| text.parse().unwrap();
    Redacted {
        record: Seq(record),
        reason: text("names a witness"),
        authority: text("court order 7"),
    }
}

fn correction(record: &str, to: &str) -> Event {
    let texts = [
        ("record", record),
        ("field", "text"),
        ("to", to),
        ("reason", "misheard"),
    ];
    event(Kind::Corrected, &texts)
}

fn retraction(record: &str) -> Event {
    event(
        Kind::Retracted,
        &[("record", record), ("reason", "never was")],
    )
}

fn records(log: &impl Log) -> Vec<Record> {
    let mut all = Vec::new();
    loop {
        let chunk = log.read(all.len() as u64, CHUNK).unwrap();
        if chunk.is_empty() {
            return all;
        }
        all.extend(
            chunk
                .iter()
                .map(|stored| Record::open(&stored.sealed).unwrap()),
        );
    }
}

/// The records without their payloads, but those whose payload is there in both must be the same.
fn assert_same_but_for(gone: &[u64], before: &[Record], after: &[Record]) {
    for (before, after) in before.iter().zip(after) {
        assert_eq!(before.header, after.header);
        let seq = before.header.seq;
        if gone.contains(&seq) {
            assert!(after.body.is_none(), "record {seq}");
        } else {
            assert_eq!(before.body, after.body, "record {seq}");
        }
    }
}

fn assert_sound(log: &impl Log, pending: bool) {
    let verdict = verify(log, &mut Unwatched).unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.findings);
    let unfinished = verdict.unfinished_erasures > 0;
    assert_eq!(unfinished, pending, "{:?}", verdict.remarks);
}

#[test]
fn a_redaction_that_was_only_recorded_is_finished() {
    let mut ledger = storied();
    let before = records(ledger.log());
    let head = ledger.head();
    assert_sound(ledger.log(), true);
    assert!(!ledger.log().cache().unwrap().counts().unwrap().is_empty());
    assert_eq!(ledger.pending_redactions(), [Seq(8)]);
    assert_eq!(ledger.finish_redactions().unwrap(), [Seq(8)]);
    assert_eq!(ledger.finish_redactions().unwrap(), []);
    assert_sound(ledger.log(), false);
    assert_eq!(ledger.head(), head);
    assert_eq!(ledger.log().head().unwrap(), head);
    assert_same_but_for(&[8], &before, &records(ledger.log()));
    assert_eq!(ledger.state().held(Seq(8)), None);
    // What is kept of the replay was made without the payload.
    assert_eq!(ledger.log().cache().unwrap().counts().unwrap(), [13]);
    let replayed = replay_in_full(ledger.log(), KnownAt::Now).unwrap();
    assert_eq!(&replayed.state, ledger.state());
    // Redacting it again changes nothing, and gives the receipt of the redaction that is there.
    let again = ledger.redact(ordered(8), Envelope::EMPTY).unwrap();
    assert_eq!(again.erased, []);
    let [(event, receipt)] = again.appended.as_slice() else {
        panic!("{again:?}")
    };
    assert_eq!((receipt.seq, receipt.known), (Seq(10), true));
    assert!(matches!(&event.fact, Fact::Redacted(fact) if fact.record == Seq(8)));
    assert_eq!(ledger.head(), head);
}

#[test]
fn a_record_goes_with_its_corrections() {
    let mut ledger = storied();
    ledger
        .append(vec![correction("7", "she was heard"), retraction("13")])
        .unwrap();
    let before = records(ledger.log());
    let envelope = Envelope {
        import_key: Some("order 7".parse().unwrap()),
        ..Envelope::EMPTY
    };
    let redaction = ledger.redact(ordered(7), envelope.clone()).unwrap();
    assert_eq!(redaction.erased, [7, 8, 9, 13].map(Seq));
    let named: Vec<_> = redaction
        .appended
        .iter()
        .map(|(event, receipt)| match &event.fact {
            Fact::Redacted(fact) => (receipt.seq.0, fact.record.0),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(named, [(15, 7), (16, 9), (17, 13)]);
    assert_sound(ledger.log(), false);
    assert_same_but_for(&[7, 8, 9, 13], &before, &records(ledger.log()));
    let head = ledger.head();
    let again = ledger.redact(ordered(7), envelope).unwrap();
    assert!(again.appended.iter().all(|(_, receipt)| receipt.known));
    assert_eq!((ledger.head(), again.erased.len()), (head, 0));
    // A redaction that came by itself leaves the corrections to the next.
    ledger
        .append(vec![note("a"), correction("18", "b")])
        .unwrap();
    let alone = event(
        Kind::Redacted,
        &[("record", "18"), ("reason", "r"), ("authority", "a")],
    );
    ledger.append(vec![alone]).unwrap();
    assert_eq!(ledger.finish_redactions().unwrap(), [Seq(18)]);
    let rest = ledger.redact(ordered(18), Envelope::EMPTY).unwrap();
    assert_eq!(rest.erased, [Seq(19)]);
    assert_sound(ledger.log(), false);
}

#[test]
fn what_is_refused_leaves_everything() {
    let mut ledger = storied();
    let before = ledger.log().records().to_vec();
    for record in [0, 4, 9, 10, 99] {
        let refused = ledger.redact(ordered(record), Envelope::EMPTY);
        assert!(
            matches!(refused, Err(LedgerError::Refused { .. })),
            "{record}"
        );
    }
    assert_eq!(ledger.log().records(), before);
}

#[test]
fn a_dry_run_tells_and_changes_nothing() {
    let log = storied().into_log();
    let before = log.records().to_vec();
    let mut ledger = Ledger::open(DryRunLog::new(log).unwrap(), Steady::default()).unwrap();
    let redaction = ledger.redact(ordered(7), Envelope::EMPTY).unwrap();
    assert_eq!(redaction.erased, [7, 8, 9].map(Seq));
    assert!(ledger.into_log().into_inner().records() == before);
}

#[test]
fn evidence_is_not_destroyed() {
    // A payload that is not the one recorded, behind a snapshot that hides it from replay.
    let log = storied().into_log();
    let replayed = replay_in_full(&log, KnownAt::Now).unwrap();
    let snapshot = crate::snapshot::encode(&replayed);
    let mut records = log.records().to_vec();
    let last = records[8].0.len() - 1;
    records[8].tamper(|bytes| bytes[last] ^= 1);
    let tampered = MemoryLog::of(records, log.head().unwrap());
    tampered.put(13, &snapshot).unwrap();
    let before = tampered.records().to_vec();
    let mut ledger = Ledger::open(tampered, Steady::default()).unwrap();
    let outcome = ledger.finish_redactions();
    assert!(
        matches!(outcome, Err(LedgerError::Broken { seq: 8, .. })),
        "{outcome:?}"
    );
    assert_eq!(ledger.log().records(), before);
}

#[test]
fn a_forged_redaction_destroys_nothing() {
    let mut batches = contents();
    let forged = event(
        Kind::Redacted,
        &[("record", "4"), ("reason", "r"), ("authority", "a")],
    );
    batches[6].1[0] = servanda_core::chain::codec::encode(&forged).unwrap();
    let mut ledger = Ledger::open(bound(&batches), Steady::default()).unwrap();
    assert_eq!(ledger.finish_redactions().unwrap(), [Seq(8)]);
    let verdict = verify(ledger.log(), &mut Unwatched).unwrap();
    let found: Vec<_> = verdict
        .findings
        .iter()
        .map(|f| (f.kind, f.records[0]))
        .collect();
    assert_eq!(found, [(FindingKind::Rule, 11)]);
}

proptest! {
    // Each case appends a history and erases from it.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_register_is_what_replay_gives_after_erasing(history in histories(1..200)) {
        let mut events = history.into_iter();
        let opening = events.next().unwrap();
        let mut ledger = Ledger::create(MemoryLog::default(), Steady::default(), opening)
            .unwrap()
            .snapshot_every(16);
        for event in events {
            ledger.append(vec![event]).unwrap();
        }
        let whole: State = ledger.state().clone();
        let head = ledger.head();
        let redacted = whole.records().flatten().filter(|held| held.redacted.is_some()).count();
        let erased = ledger.finish_redactions().unwrap();
        prop_assert_eq!(erased.len(), redacted);
        prop_assert_eq!(ledger.head(), head);
        prop_assert!(ledger.state().entries().eq(whole.entries()));
        let replayed = replay_in_full(ledger.log(), KnownAt::Now).unwrap();
        prop_assert_eq!(&replayed.state, ledger.state());
        let verdict = verify(ledger.log(), &mut Unwatched).unwrap();
        prop_assert!(verdict.is_sound(), "{:#?}", verdict.findings);
    }
}

/// The files below a directory, and under temporary names, that hold these bytes.
fn holding(dir: &Path, marker: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, marker));
        } else if fs::read(&path)
            .unwrap()
            .windows(marker.len())
            .any(|window| window == marker)
        {
            found.push(path.display().to_string());
        }
    }
    found
}

/// A text to look for in the files.
fn marker(n: usize) -> String {
    format!("MARKER-{n}-žluťoučký")
}

/// Notes with markers in all places where a log may lay them.
fn tell_what_will_be_redacted(ledger: &mut Ledger<impl Log>) {
    // Alone; in a batch; too long for one value, with the marker where it may be cut and at its end; among
    // many that are merged at the tail; under a correction, and in one; retracted.
    ledger.append(vec![note(&marker(0))]).unwrap();
    ledger
        .append(
            (0..100)
                .map(|n| {
                    note(&format!(
                        "{n} {}",
                        if n == 40 { marker(1) } else { String::new() }
                    ))
                })
                .collect(),
        )
        .unwrap();
    let long = format!("{}{}", marker(2).repeat(1300), "x".repeat(1000));
    ledger.append(vec![note(&long)]).unwrap();
    for n in 0..150 {
        let text = if n == 70 {
            marker(3)
        } else {
            format!("single {n}")
        };
        ledger.append(vec![note(&text)]).unwrap();
    }
    ledger.append(vec![note(&marker(4))]).unwrap();
    ledger.append(vec![correction("253", &marker(5))]).unwrap();
    ledger.append(vec![correction("253", "harmless")]).unwrap();
    ledger
        .append(vec![note(&marker(6)), retraction("256")])
        .unwrap();
}

#[test]
fn no_file_of_the_ledger_holds_what_was_redacted() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("ledger");
    let log = directory::create(&dir, "a test").unwrap();
    let mut ledger = Ledger::create(log, Steady::default(), opening())
        .unwrap()
        .snapshot_every(50);
    tell_what_will_be_redacted(&mut ledger);
    ledger.append(vec![note("kept for good")]).unwrap();
    assert_eq!(ledger.head().count, 259);
    let before = records(ledger.log());
    let head = ledger.head();
    drop(ledger);
    for n in 0..7 {
        assert!(!holding(&dir, marker(n).as_bytes()).is_empty(), "{n}");
    }
    let payloads: Vec<_> = [1, 42, 102, 173, 253, 256]
        .map(|at: usize| before[at].body.clone().unwrap().payload)
        .to_vec();

    let open = || {
        let log = directory::open(&dir, Duration::from_secs(5), "a test").unwrap();
        Ledger::open(log, Steady::default())
            .unwrap()
            .snapshot_every(50)
    };
    for (record, markers) in [
        (1, 0..1),
        (42, 1..2),
        (102, 2..3),
        (173, 3..4),
        (253, 4..6),
        (256, 6..7),
    ] {
        let mut ledger = open();
        let redaction = ledger.redact(ordered(record), Envelope::EMPTY).unwrap();
        assert_eq!(redaction.erased[0], Seq(record));
        drop(ledger);
        for n in markers {
            assert_eq!(
                holding(&dir, marker(n).as_bytes()),
                Vec::<String>::new(),
                "{n}"
            );
        }
    }
    for payload in payloads {
        // Nor any piece of it from its middle.
        let middle = &payload[payload.len() / 2..];
        assert_eq!(
            holding(&dir, &middle[..middle.len().min(12)]),
            Vec::<String>::new()
        );
    }
    assert!(!holding(&dir, b"kept for good").is_empty());
    let ledger = open();
    assert_sound(ledger.log(), false);
    let after = records(ledger.log());
    assert_same_but_for(&[1, 42, 102, 173, 253, 254, 255, 256], &before, &after);
    assert_eq!(
        servanda_core::chain::record::Head::after(&after[258].header),
        head
    );
    let names: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 6, "{names:?}");
}
