//! Payloads that are gone, and snapshots.

use super::*;

#[test]
fn a_payload_may_be_gone_only_under_a_redaction() {
    let without = |seqs: &[usize]| {
        tampered(|records, _| {
            for &seq in seqs {
                records[seq] = changed(&records[seq], |record| record.body = None);
            }
        })
    };
    let redacted = without(&[8]);
    assert_eq!(found(&redacted), []);
    let verdict = verdict(&redacted);
    assert!(verdict.is_sound());
    assert!(
        verdict.not_checked[0].starts_with("rules of 1 record"),
        "{:?}",
        verdict.not_checked
    );
    assert!(replay(&redacted, KnownAt::Now).is_ok());

    assert_eq!(found(&without(&[6])), [(PayloadGone, vec![6])]);
    assert_eq!(found(&without(&[12])), [(PayloadGone, vec![12])]);
    // Record 9 corrects record 7, so without 7 there is nothing to hold it against.
    assert_eq!(found(&without(&[7])), [(PayloadGone, vec![7])]);
    // The redaction itself must be there.
    let findings = found(&without(&[8, 10]));
    assert_eq!(findings, [(PayloadGone, vec![8]), (PayloadGone, vec![10])]);
    // A redaction is no leave for what comes after it, or for itself.
    let mut batches = contents();
    let fields = [("record", "12"), ("reason", "x"), ("authority", "y")];
    batches[5].1[0] = codec::encode(&event(Kind::Redacted, &fields)).unwrap();
    let forward = bound(&batches);
    let mut records = forward.records().to_vec();
    records[12] = changed(&records[12], |record| record.body = None);
    let forward = MemoryLog::of(records, forward.head().unwrap());
    assert_eq!(found(&forward), [(Rule, vec![10]), (PayloadGone, vec![12])]);
}

#[test]
fn what_was_recorded_about_a_redacted_record_stays_sound_without_its_payload() {
    let mut ledger = Ledger::create(MemoryLog::default(), Steady::default(), opening()).unwrap();
    let with = |kind, fields: &[(&str, &str)]| event(kind, fields);
    let reason = ("reason", "x");
    ledger
        .append(vec![
            note("a secret"),
            with(Kind::Noted, &[("text", "on it"), ("about", "1")]),
            with(Kind::Retracted, &[("record", "2"), reason]),
            with(
                Kind::Redacted,
                &[("record", "1"), reason, ("authority", "y")],
            ),
        ])
        .unwrap();
    let log = ledger.into_log();
    assert_eq!(found(&log), []);
    let mut records = log.records().to_vec();
    records[1] = changed(&records[1], |record| record.body = None);
    let log = MemoryLog::of(records, log.head().unwrap());
    assert_eq!(found(&log), []);
}

#[test]
fn an_empty_store_is_not_sound() {
    let verdict = verdict(&MemoryLog::default());
    assert!(verdict.findings.is_empty() && !verdict.is_sound());
    assert_eq!(
        verdict.not_checked[0], "anything: there are no records",
        "{verdict:?}"
    );
    let emptied = tampered(|records, _| records.clear());
    assert_eq!(found(&emptied), [(Missing, vec![0, 12])]);
}

#[test]
fn snapshots_are_compared_with_replay_and_never_believed() {
    let story = storied().into_log();
    let count = *story.counts().unwrap().last().unwrap();
    let bytes = story.load(count).unwrap().unwrap();
    let truth = replay_in_full(&story, KnownAt::Now).unwrap();
    let with = |count: u64, bytes: &[u8]| {
        let log = MemoryLog::of(story.records().to_vec(), story.head().unwrap());
        log.put(count, bytes).unwrap();
        log
    };
    let check = |log: &MemoryLog, records: &[u64], what: &str| {
        assert_eq!(found(log), [(Snapshot, records.to_vec())], "{what}");
        let replayed = replay(log, KnownAt::Now).unwrap();
        assert_eq!(replayed.state, truth.state, "{what}");
        assert_eq!(replayed.head, truth.head, "{what}");
        assert_eq!(replayed.last_recorded, truth.last_recorded, "{what}");
    };
    assert_eq!(found(&with(count, &bytes)), []);

    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x41;
        check(&with(count, &bytes), &[count - 1], &format!("byte {at}"));
    }
    let decoded = |count| snapshot::decode(count, Arc::new(bytes.clone()), &story);
    assert!(decoded(count).is_some());
    assert!(decoded(count - 1).is_none());
    check(&with(count, &bytes[..40]), &[count - 1], "cut");
    check(&with(count, b""), &[count - 1], "empty");
    check(&with(count - 1, &bytes), &[count - 2], "of another count");
    check(&with(99, &bytes), &[], "of more records than there are");
    check(&with(0, &bytes), &[], "of none");

    let mut other = contents();
    other[3].1[0] = codec::encode(&note("heard elsewhere")).unwrap();
    let foreign = replay_in_full(&bound(&other), KnownAt::Now).unwrap();
    let foreign = snapshot::encode(&foreign);
    check(&with(13, &foreign), &[12], "of another ledger");
}

/// A page that is damaged is made anew for whoever asks, and the next append that met it keeps another snapshot.
#[test]
fn a_damaged_snapshot_is_replaced_by_the_next_append() {
    let story = storied().into_log();
    let counts = story.counts().unwrap();
    let (count, others) = counts.split_last().unwrap();
    others
        .iter()
        .for_each(|other| story.remove(*other).unwrap());
    let mut bytes = story.load(*count).unwrap().unwrap();
    // The kind of the first record, on the page to which that of the next one comes.
    bytes[1] ^= 0x41;
    story.put(*count, &bytes).unwrap();
    assert_eq!(found(&story), [(Snapshot, vec![count - 1])]);
    let mut ledger = Ledger::open(story, Steady::default()).unwrap();
    let expected = replay_in_full(ledger.log(), KnownAt::Now).unwrap();
    assert_eq!(ledger.state(), &expected.state);
    assert_eq!(ledger.log().counts().unwrap(), [*count]);
    ledger.append(vec![note("later")]).unwrap();
    let end = ledger.head().count;
    let log = ledger.into_log();
    assert_eq!(log.counts().unwrap(), [end]);
    assert_eq!(found(&log), []);
}

/// Older versions of this program kept other snapshots. They are of no use, and no fault of the ledger.
#[test]
fn snapshots_of_an_older_version_are_passed_over() {
    let log = storied().into_log();
    let honest = verdict(&log);
    for count in log.counts().unwrap() {
        let mut bytes = log.load(count).unwrap().unwrap();
        bytes[0] = 1;
        log.put(count, &bytes).unwrap();
    }
    let verdict = verdict(&log);
    assert!(verdict.is_sound(), "{:#?}", verdict.findings);
    assert_eq!(verdict.checked[4].count, 0);
    let passed = "2 snapshots of an older version of servanda: they are not used";
    assert_eq!(verdict.not_checked[0], passed);
    assert_eq!(verdict.not_checked[1..], honest.not_checked);
}

/// A snapshot whose checksum and link were made to fit is believed until somebody verifies: nothing in it
/// but the link is bound to the chain.
#[test]
fn a_forged_snapshot_is_found() {
    let log = storied().into_log();
    let mut other = contents();
    other[3].1[0] = codec::encode(&note("heard elsewhere")).unwrap();
    let mut forged = replay_in_full(&bound(&other), KnownAt::Now).unwrap();
    forged.head = log.head().unwrap();
    let log = MemoryLog::of(log.records().to_vec(), forged.head);
    let bytes = snapshot::encode(&forged);
    log.put(13, &bytes).unwrap();
    assert_eq!(found(&log), [(Snapshot, vec![12])]);
}

#[test]
fn snapshots_are_not_judged_by_what_is_broken() {
    let log = storied().into_log();
    let snapshots = log.counts().unwrap();
    let mut records = log.records().to_vec();
    records[2].tamper(|bytes| bytes[140] ^= 1);
    let broken = MemoryLog::of(records, log.head().unwrap());
    for count in snapshots {
        let bytes = log.load(count).unwrap().unwrap();
        broken.put(count, &bytes).unwrap();
        log.remove(count).unwrap();
    }
    let verdict = verdict(&broken);
    assert_eq!(verdict.findings.len(), 1, "{:#?}", verdict.findings);
    assert_eq!(
        verdict.not_checked[0],
        "rules and snapshots from record 2 on: what they rest on cannot be read"
    );
}

/// A log that cannot read some places, or not list its snapshots.
pub(super) struct Holed {
    pub(super) inner: MemoryLog,
    pub(super) hole: std::ops::Range<u64>,
    pub(super) resumes: bool,
    pub(super) lists: bool,
}

/// Its reader.
struct AroundHole(Arc<dyn Reader>, std::ops::Range<u64>, bool);

impl Reader for AroundHole {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let Self(inner, hole, resumes) = self;
        if hole.contains(&from) {
            return Err(LogError::Damaged {
                what: "a hole".to_owned(),
                resume: resumes.then_some(hole.end),
            });
        }
        let mut read = inner.read(from, limit)?;
        read.retain(|stored| from >= hole.end || stored.seq < hole.start);
        Ok(read)
    }
}

impl Log for Holed {
    fn head(&self) -> Result<Head, LogError> {
        self.inner.head()
    }
    fn append(&mut self, _: Head, _: &mut dyn BatchSource) -> Result<Head, AppendError> {
        unreachable!("verify only reads")
    }
    fn reader(&self) -> Arc<dyn Reader> {
        let hole = self.hole.clone();
        Arc::new(AroundHole(self.inner.reader(), hole, self.resumes))
    }
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.reader().read(from, limit)
    }
    fn snapshots(&self) -> Option<&dyn SnapshotCache> {
        Some(self)
    }
}

impl SnapshotCache for Holed {
    fn put_chunks(&self, _: u64, _: &ChunkSink<'_>) -> Result<(), LogError> {
        unreachable!("verify only reads")
    }
    fn counts(&self) -> Result<Vec<u64>, LogError> {
        if self.lists {
            self.inner.counts()
        } else {
            self.read(self.hole.start, 1).map(|_| Vec::new())
        }
    }
    fn load(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        self.inner.load(count)
    }
    fn remove(&self, _: u64) -> Result<(), LogError> {
        unreachable!("verify only reads")
    }
}

#[test]
fn what_the_store_cannot_read_is_found_and_the_rest_is_read() {
    let holed = |hole, resumes, flip: usize| Holed {
        inner: tampered(|records, _| records[flip].tamper(|bytes| bytes[150] ^= 1)),
        hole,
        resumes,
        lists: true,
    };
    assert_eq!(
        found(&holed(3..6, true, 11)),
        [(Unreadable, vec![3, 5]), (Payload, vec![11])]
    );
    assert_eq!(
        found(&holed(3..4, true, 1)),
        [(Payload, vec![1]), (Unreadable, vec![3])]
    );
    assert_eq!(
        found(&holed(0..2, true, 3)),
        [(Unreadable, vec![0, 1]), (Payload, vec![3])]
    );
    assert_eq!(
        found(&holed(7..9, false, 2)),
        [(Payload, vec![2]), (Unreadable, vec![7, 12])]
    );
    assert_eq!(
        found(&holed(12..13, true, 2)),
        [(Payload, vec![2]), (Unreadable, vec![12])]
    );
    let unlisted = Holed {
        lists: false,
        ..holed(12..13, true, 2)
    };
    assert_eq!(found(&unlisted)[0], (Unreadable, vec![]));
}
