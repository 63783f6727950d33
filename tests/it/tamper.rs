//! Ledgers on the disk that somebody tampered with: one for each kind of finding, and what `verify` says of it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use servanda_core::chain::codec;
use servanda_core::chain::record::{
    BatchSignature, Content, Head, Record, SALT_LEN, Sealed, Unbound, bind,
};
use servanda_core::event::{Event, Kind};
use servanda_core::ndjson;
use servanda_core::value::when::Instant;
use servanda_ledger::replay::{KnownAt, replay};
use servanda_ledger::verify::{FindingKind, Unwatched, Verdict, verify};
use servanda_ledger::{Environment, Ledger};
use servanda_log::memory::MemoryLog;
use servanda_log::{Log, LogError, OneBatch, OpenError, SnapshotCache as _, directory};

/// The ledger that is tampered with: each paragraph is one append. Record 8 is redacted; its payload is still there.
const STORY: &str = r#"
{"event":"ledger","origin":"example.org/tampered"}

{"event":"party","id":"colombia","kind":"state","name":"Colombia"}
{"event":"party","id":"venezuela","kind":"state","name":"Venezuela"}
{"event":"agreement","id":"A1","title":"Roadmap","party":["colombia","venezuela"],"on":"2023-05-11"}

{"event":"commitment","id":"C1","agreement":"A1","text":"a larger presence","debtor":"colombia","creditor":"venezuela"}
{"event":"status","commitment":"C1","to":"breached","by":"venezuela","irregular":"no claim came first"}

{"event":"note","text":"heard on the radio"}

{"event":"note","text":"one was heard"}
{"event":"note","text":"a witness spoke"}
{"event":"correction","record":7,"field":"text","to":"both were heard","reason":"misheard"}

{"event":"redaction","record":8,"reason":"names a witness","authority":"court order 7"}

{"event":"note","text":"the end"}
"#;

/// When the first append of the story was; the others follow an hour apart.
const FIRST_MICROS: i64 = 1_700_000_000_000_000;
const HOUR_MICROS: i64 = 3_600_000_000;

/// A clock that stands still, and salts that anybody can guess.
struct Fixed(i64);

impl Environment for Fixed {
    fn now(&self) -> Instant {
        Instant(self.0)
    }
    fn salt(&mut self) -> Result<[u8; SALT_LEN], std::io::Error> {
        Ok([5; SALT_LEN])
    }
}

/// The events of the story, by append.
fn story() -> Vec<Vec<Event>> {
    let appends = STORY.trim().split("\n\n");
    appends
        .map(|lines| {
            let events = lines.lines().map(|line| {
                let (kind, fields) = ndjson::read_one(line.as_bytes(), Kind::Noted)
                    .unwrap()
                    .unwrap();
                Event::build(kind, &fields).unwrap()
            });
            events.collect()
        })
        .collect()
}

/// The records of the story as a ledger binds them.
fn honest() -> MemoryLog {
    let mut appends = story().into_iter();
    let opening = appends.next().unwrap().remove(0);
    let mut ledger = Ledger::create(MemoryLog::default(), Fixed(FIRST_MICROS), opening).unwrap();
    for (hour, events) in (1..).zip(appends) {
        let now = Fixed(FIRST_MICROS + hour * HOUR_MICROS);
        ledger = Ledger::open(ledger.into_log(), now).unwrap();
        ledger.append(events).unwrap();
    }
    ledger.into_log()
}

/// The story bound by somebody who keeps no rules: after a change to the times and payloads of its appends.
fn rebound(change: impl FnOnce(&mut Vec<(i64, Vec<Unbound>)>)) -> MemoryLog {
    let mut appends: Vec<(i64, Vec<Unbound>)> = Vec::new();
    for sealed in &honest().records() {
        let record = Record::open(sealed).unwrap();
        let time = record.header.recorded_at;
        let content = record.content().unwrap();
        let unbound = Unbound {
            content: Content {
                kind: content.kind,
                target: content.target,
                payload: content.payload.to_vec(),
            },
            salt: [6; SALT_LEN],
            erasable: record.header.erasable,
            recorded_at: time,
            asserted: false,
        };
        match appends.last_mut() {
            Some((last, batch)) if *last == time => batch.push(unbound),
            _ => appends.push((time, vec![unbound])),
        }
    }
    change(&mut appends);
    let mut head = Head::EMPTY;
    let mut all = Vec::new();
    for (recorded_at, batch) in appends {
        let unbound = batch.into_iter().map(|unbound| Unbound {
            recorded_at,
            ..unbound
        });
        let (records, after) = bind(head, unbound.collect());
        all.extend(records.iter().map(Record::seal));
        head = after;
    }
    MemoryLog::of(all, head)
}

/// The honest records under their honest head, after a change to their bytes.
fn altered(change: impl FnOnce(&mut Vec<Sealed>)) -> MemoryLog {
    let honest = honest();
    let mut records = honest.records().to_vec();
    change(&mut records);
    MemoryLog::of(records, honest.head().unwrap())
}

/// Lays records into a ledger directory, each in a run of its own, and acknowledges the head that they came with.
pub fn lay(dir: &Path, from: &MemoryLog) {
    let mut log = directory::create(dir, "a test").unwrap();
    let head = from.head().unwrap();
    let mut before = Head::EMPTY;
    for sealed in &from.records() {
        let count = before.count + 1;
        // Only the last head is ever looked at.
        let after = Head {
            count,
            link: head.link,
        };
        log.append(before, &mut OneBatch::new(vec![sealed.clone()], after))
            .unwrap();
        log.flush().unwrap();
        before = after;
    }
    assert_eq!(before, head);
}

/// Changes the tree of blocks by means of sled itself, as somebody could who has the directory.
pub fn with_blocks(dir: &Path, change: impl FnOnce(&sled::Tree)) {
    let config = sled::Config::new()
        .path(dir.join("records"))
        .segment_size(2 * 1024 * 1024)
        .flush_every_ms(None);
    // Whoever had it open before may still be letting go of sled's lock.
    let db = (0..200)
        .find_map(|_| {
            let opened = config.open().ok();
            if opened.is_none() {
                std::thread::sleep(Duration::from_millis(20));
            }
            opened
        })
        .unwrap();
    change(&db.open_tree("blocks").unwrap());
    db.flush().unwrap();
}

/// The key of the run that a record begins.
pub fn block_of(seq: u64) -> Vec<u8> {
    [&seq.to_be_bytes()[..], &[0, 0]].concat()
}

/// A ledger directory that was tampered with.
struct Tampered {
    /// What it is called in a failure.
    name: &'static str,
    /// Makes it.
    make: fn(&Path),
    /// Of what kind the findings are, and which records they name.
    expected: &'static [(FindingKind, &'static [u64])],
}

impl Tampered {
    /// At least one for each kind of finding.
    fn all() -> Vec<Self> {
        use FindingKind::*;
        vec![
            Self {
                name: "a run whose tag nobody knows",
                make: |dir| {
                    lay(dir, &honest());
                    with_blocks(dir, |blocks| {
                        let mut block = blocks.get(block_of(5)).unwrap().unwrap().to_vec();
                        block[0] = 9;
                        blocks.insert(block_of(5), block).unwrap();
                    });
                },
                expected: &[(Unreadable, &[5])],
            },
            Self {
                name: "a byte of the padding of record 5",
                make: |dir| {
                    lay(
                        dir,
                        &altered(|records| records[5].tamper(|bytes| bytes[100] ^= 1)),
                    )
                },
                expected: &[(Malformed, &[5])],
            },
            Self {
                name: "record 5 taken out",
                make: |dir| {
                    lay(dir, &honest());
                    with_blocks(dir, |blocks| drop(blocks.remove(block_of(5)).unwrap()));
                },
                expected: &[(Missing, &[5])],
            },
            Self {
                name: "the last three records taken out",
                make: |dir| {
                    lay(dir, &honest());
                    with_blocks(dir, |blocks| {
                        for seq in 9..12 {
                            blocks.remove(block_of(seq)).unwrap();
                        }
                    });
                },
                expected: &[(Missing, &[9, 11])],
            },
            Self {
                name: "record 3 once more, in the stead of record 9",
                make: |dir| lay(dir, &altered(|records| records[9] = records[3].clone())),
                expected: &[(Misplaced, &[9, 3])],
            },
            Self {
                name: "records 2 and 8 swapped",
                make: |dir| lay(dir, &altered(|records| records.swap(2, 8))),
                expected: &[(Misplaced, &[2, 8]), (Misplaced, &[8, 2])],
            },
            Self {
                name: "the time of record 6",
                make: |dir| {
                    lay(
                        dir,
                        &altered(|records| records[6].tamper(|bytes| bytes[16] ^= 1)),
                    )
                },
                expected: &[(Link, &[6, 7])],
            },
            Self {
                name: "the end written anew",
                make: |dir| {
                    let note = codec::encode(&story()[3][0]).unwrap();
                    let forged = rebound(|appends| appends[6].1[0].content = note);
                    let head = honest().head().unwrap();
                    lay(dir, &MemoryLog::of(forged.records().to_vec(), head));
                },
                expected: &[(Head, &[11])],
            },
            Self {
                name: "a letter of record 6",
                make: |dir| {
                    let change = |records: &mut Vec<Sealed>| {
                        let letter = records[6].0.iter().rposition(|byte| *byte == b'r');
                        records[6].tamper(|bytes| bytes[letter.unwrap()] = b'R');
                    };
                    lay(dir, &altered(change));
                },
                expected: &[(Payload, &[6])],
            },
            Self {
                name: "a payload destroyed that nobody redacted",
                make: |dir| lay(dir, &without_payload(6)),
                expected: &[(PayloadGone, &[6])],
            },
            Self {
                name: "a byte too many behind an event, all links made to fit",
                make: |dir| {
                    lay(
                        dir,
                        &rebound(|appends| appends[3].1[0].content.payload.push(0)),
                    )
                },
                expected: &[(Encoding, &[6])],
            },
            Self {
                name: "an append cut in its middle, with the head that fits",
                make: |dir| {
                    let honest = honest();
                    let records = honest.records()[..9].to_vec();
                    let last = Record::open(&records[8]).unwrap();
                    let head = servanda_core::chain::record::Head::after(&last.header);
                    lay(dir, &MemoryLog::of(records, head));
                },
                expected: &[(Batch, &[8])],
            },
            Self {
                name: "an append dated before the one before it, all links made to fit",
                make: |dir| lay(dir, &rebound(|appends| appends[2].0 = FIRST_MICROS)),
                expected: &[(Clock, &[4])],
            },
            Self {
                name: "a rule broken without a word, all links made to fit",
                make: |dir| {
                    let mut breach = story()[2][1].clone();
                    breach.envelope.irregular = None;
                    let breach = codec::encode(&breach).unwrap();
                    lay(dir, &rebound(|appends| appends[2].1[1].content = breach));
                },
                expected: &[(Rule, &[5])],
            },
            Self {
                name: "a snapshot of something else",
                make: |dir| {
                    lay(dir, &honest());
                    let log = opened(dir);
                    log.put(12, b"something else").unwrap();
                },
                expected: &[(Snapshot, &[11])],
            },
            Self {
                name: "a signature that nobody asked for",
                make: |dir| {
                    let sign = |records: &mut Vec<Sealed>| {
                        let mut record = Record::open(&records[11]).unwrap();
                        record.signatures.push(BatchSignature {
                            key_id: [1; 4],
                            signature: [2; 64],
                        });
                        records[11] = record.seal();
                    };
                    lay(dir, &altered(sign));
                },
                expected: &[(Signature, &[11])],
            },
        ]
    }
}

/// The honest records, one of them without its payload.
fn without_payload(seq: usize) -> MemoryLog {
    altered(|records| {
        let mut record = Record::open(&records[seq]).unwrap();
        record.body = None;
        records[seq] = record.seal();
    })
}

/// A ledger's store, opened.
fn opened(dir: &Path) -> directory::LedgerDir {
    directory::open(dir, Duration::from_secs(5), "a test").unwrap()
}

/// The verdict on a ledger directory, opened for it and closed again.
fn verdict(dir: &Path) -> Verdict {
    verify(&opened(dir), &mut Unwatched).unwrap()
}

/// What of a directory must stay as it is: the marker, the head, and every run of records.
fn kept(dir: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let files = ["servanda", "head", "journal"]
        .map(|name| (name.into(), fs::read(dir.join(name)).unwrap()));
    let mut kept = Vec::from(files);
    with_blocks(dir, |blocks| {
        for run in blocks.iter() {
            let (key, value) = run.unwrap();
            kept.push((key.to_vec(), value.to_vec()));
        }
    });
    kept
}

/// Every kind of finding, so that a new one has to be entered here, and then needs a ledger above. Anchors lie
/// outside the ledger: see `attacks.rs`.
fn is_entered(kind: FindingKind) -> Option<usize> {
    use FindingKind::*;
    const ALL: [FindingKind; 14] = [
        Unreadable,
        Malformed,
        Missing,
        Misplaced,
        Link,
        Head,
        Payload,
        PayloadGone,
        Encoding,
        Batch,
        Clock,
        Rule,
        Snapshot,
        Signature,
    ];
    match kind {
        Unreadable | Malformed | Missing | Misplaced | Link | Head | Payload | PayloadGone
        | Encoding | Batch | Clock | Rule | Snapshot | Signature | Anchor | Document => {}
    }
    ALL.iter().position(|entered| *entered == kind)
}

#[test]
fn each_kind_of_finding_has_a_ledger_that_gives_it_twice() {
    let mut seen = [false; 14];
    for Tampered {
        name,
        make,
        expected,
    } in Tampered::all()
    {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("ledger");
        make(&dir);
        let before = kept(&dir);
        let first = verdict(&dir);
        let found: Vec<(FindingKind, &[u64])> = first
            .findings
            .iter()
            .map(|finding| (finding.kind, finding.records.as_slice()))
            .collect();
        assert_eq!(found, expected, "{name}: {:#?}", first.findings);
        assert!(!first.is_sound(), "{name}");
        assert_eq!(verdict(&dir), first, "{name}, verified again");
        assert!(kept(&dir) == before, "{name}: verifying changed it");
        for (kind, _) in expected {
            seen[is_entered(*kind).unwrap()] = true;
        }
    }
    assert_eq!(seen, [true; 14]);
}

#[test]
fn the_honest_ledger_is_sound_with_and_without_the_redacted_payload() {
    for records in [honest(), without_payload(8), rebound(|_| {})] {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("ledger");
        lay(&dir, &records);
        let before = kept(&dir);
        let verdict = verdict(&dir);
        assert!(verdict.is_sound(), "{:#?}", verdict.findings);
        assert_eq!(verdict.records, 12);
        assert_eq!(kept(&dir), before);
    }
}

/// A finding is something to look into; showing a ledger that gives one is another matter.
#[test]
fn nothing_is_shown_from_a_chain_that_does_not_hold() {
    for Tampered {
        name,
        make,
        expected,
    } in Tampered::all()
    {
        use FindingKind::*;
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("ledger");
        make(&dir);
        let replayed = replay(&opened(&dir), KnownAt::Now);
        // These leave the chain whole.
        let shown = [PayloadGone, Clock, Rule, Batch, Snapshot, Signature];
        let expected = expected.iter().all(|(kind, _)| shown.contains(kind));
        assert_eq!(replayed.is_ok(), expected, "{name}");
    }
}

/// A log that is damaged so that it does not open is no finding but an error.
#[test]
fn a_ledger_without_its_head_is_an_error() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("ledger");
    lay(&dir, &honest());
    fs::remove_file(dir.join("head")).unwrap();
    let error = directory::open(&dir, Duration::ZERO, "a test").unwrap_err();
    assert!(
        matches!(error, OpenError::Log(LogError::Damaged { .. })),
        "{error}"
    );
}
