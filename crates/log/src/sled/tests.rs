use std::ops::Range;

use super::guard::{guarded, translated};
use super::room::{RESERVE, RESERVE_BYTES};
use super::snapshots::{SEAL, snapshot_key};
use super::trees::{READ_PER_HANDLE, WRITTEN_PER_HANDLE};
use super::write::RUNS_PER_FLUSH;
use super::*;
use crate::Aborted;
use crate::conformance::{self, Site};
use crate::source::{Batch, NoBatch, OneBatch};
use crate::testing::batch;
use ::sled::Tree;
use servanda_core::chain::record::{Body, Hash, Record, SALT_LEN};
use servanda_core::chain::testing::bind_bodies;
use std::io::Write as _;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

fn opened(dir: &Path) -> Sled {
    Sled::open(dir, soon()).unwrap()
}

fn is_damage<T: std::fmt::Debug>(outcome: Result<T, LogError>) -> bool {
    matches!(outcome, Err(LogError::Damaged { .. }))
}

/// A log in a scratch directory, and what was appended to it.
struct Scratch {
    dir: tempfile::TempDir,
    records: Vec<Sealed>,
    head: Head,
}

impl Site for Scratch {
    fn open(&mut self) -> Result<Box<dyn Log>, String> {
        let log = Sled::open(self.path(), soon()).map_err(|error| error.to_string())?;
        Ok(Box::new(log))
    }
}

impl Scratch {
    fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Sled::create(dir.path()).unwrap();
        Self {
            dir,
            records: Vec::new(),
            head: Head::EMPTY,
        }
    }

    /// One append for each list of payload lengths.
    fn with(batches: &[&[usize]]) -> Self {
        let mut scratch = Self::empty();
        let mut log = opened(scratch.path());
        for lengths in batches {
            scratch.append(&mut log, lengths);
        }
        drop(log);
        scratch
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn append(&mut self, log: &mut Sled, lengths: &[usize]) {
        let (batch, head) = batch(self.head, lengths);
        log.append(self.head, &mut OneBatch::new(batch.to_vec(), head))
            .unwrap();
        self.records.extend(batch);
        self.head = head;
    }

    /// What an append leaves that dies before it is acknowledged.
    fn leave_behind(&self, records: &[Sealed]) {
        let log = opened(self.path());
        let trees = log.trees().unwrap();
        for entry in run::pack(self.head.count, run::slices(records)) {
            trees.insert(&entry.key(), entry.value).unwrap();
        }
        trees.sync().unwrap();
    }

    /// Changes the tree of runs behind the log's back.
    fn tamper(&self, change: impl FnOnce(&Tree)) {
        let log = opened(self.path());
        let trees = log.trees().unwrap();
        change(trees.runs_to_write().unwrap());
        trees.sync().unwrap();
    }

    fn head_file(&self) -> Vec<u8> {
        fs::read(self.path().join(HEAD)).unwrap()
    }

    fn db(&self) -> PathBuf {
        self.path().join(RECORDS).join(DB)
    }
}

fn keys(log: &Sled) -> Vec<(u64, u16)> {
    let runs = log.trees().unwrap().runs.get().unwrap().clone();
    let key = |found: ::sled::Result<::sled::IVec>| run::parse_key(&found.unwrap()).unwrap();
    runs.iter().keys().map(key).collect()
}

/// Everything that can be read, and how often reading met damage.
fn read_all(log: &Sled) -> (Vec<Stored>, usize) {
    let (mut records, mut damages, mut next) = (Vec::new(), 0, 0);
    loop {
        match log.read(next, 100) {
            Ok(chunk) if chunk.is_empty() => return (records, damages),
            Ok(chunk) => {
                for stored in chunk {
                    assert!(stored.seq >= next, "{} after {next}", stored.seq);
                    next = stored.seq + 1;
                    records.push(stored);
                }
            }
            Err(LogError::Damaged { what, resume }) => {
                damages += 1;
                let Some(resume) = resume else {
                    return (records, damages);
                };
                assert!(resume > next, "{what}: on from {resume} after {next}");
                next = resume;
            }
            Err(other) => unreachable!("{other}"),
        }
    }
}

fn assert_holds(log: &Sled, records: &[Sealed]) {
    let (found, damages) = read_all(log);
    assert_eq!(damages, 0);
    assert_eq!(found.len(), records.len());
    for (seq, (stored, sealed)) in (0..).zip(found.iter().zip(records)) {
        assert!(
            stored.seq == seq && stored.sealed == *sealed,
            "record {seq}"
        );
    }
}

#[test]
fn it_conforms() {
    let failed = conformance::check(&mut || Box::new(Scratch::empty()));
    assert_eq!(failed, Vec::<String>::new());
}

#[test]
fn no_value_becomes_a_file_of_its_own() {
    let scratch = Scratch::with(&[&[65_536; 20], &[300; 2000], &[23_000; 40]]);
    let log = opened(scratch.path());
    log.put(1, &vec![1; 7_000_000]).unwrap();
    drop(log);
    let blobs = scratch.path().join(RECORDS).join("blobs");
    assert_eq!(fs::read_dir(blobs).unwrap().count(), 0);
}

#[test]
fn opening_and_reading_change_nothing_that_counts() {
    let scratch = Scratch::with(&[&[300; 500], &[50_000], &[10], &[20]]);
    let head = scratch.head_file();
    let mut states = Vec::new();
    for _ in 0..4 {
        let log = opened(scratch.path());
        assert_eq!(log.head().unwrap(), scratch.head);
        assert_holds(&log, &scratch.records);
        drop(log);
        assert_eq!(scratch.head_file(), head);
        states.push(fs::read(scratch.db()).unwrap());
    }
    assert!(states[2] == states[3], "sled does not come to rest");
}

#[test]
fn a_whole_batch_behind_the_head_is_taken_in() {
    let scratch = Scratch::with(&[&[10; 70], &[20]]);
    let (first, head) = batch(scratch.head, &[30, 40_000, 5]);
    let (second, head) = batch(head, &[7; 100]);
    let left = [first, second].concat();
    scratch.leave_behind(&left);
    let before = scratch.head_file();
    let mut log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), head);
    let all = [scratch.records.clone(), left].concat();
    assert_holds(&log, &all);
    assert_eq!(scratch.head_file(), before, "opening acknowledged it");
    let (third, end) = batch(head, &[1]);
    log.append(head, &mut OneBatch::new(third.to_vec(), end))
        .unwrap();
    drop(log);
    assert_holds(&opened(scratch.path()), &[all, third].concat());
}

#[test]
fn an_unfinished_batch_behind_the_head_is_not_read_and_removed_by_the_next_append() {
    for (lengths, kept) in [
        (&[30; 200][..], 199),
        (&[30; 200], 1),
        (&[60_000, 60_000, 10], 2),
        (&[10, 60_000], 1),
    ] {
        let mut scratch = Scratch::with(&[&[10; 70], &[20]]);
        let (left, _) = batch(scratch.head, lengths);
        scratch.leave_behind(&left[..kept]);
        let before = keys(&opened(scratch.path()));
        let mut log = opened(scratch.path());
        assert_eq!(keys(&log), before, "opening removed it");
        assert_eq!(log.head().unwrap(), scratch.head);
        assert_holds(&log, &scratch.records);
        assert!(log.read(scratch.head.count, 10).unwrap().is_empty());
        scratch.append(&mut log, &[5]);
        assert_holds(&log, &scratch.records);
        drop(log);
        let log = opened(scratch.path());
        assert_holds(&log, &scratch.records);
        assert_eq!(keys(&log).last(), Some(&(71, 0)), "something was left");
    }
}

#[test]
fn of_two_batches_behind_the_head_the_unfinished_one_goes() {
    let mut scratch = Scratch::with(&[&[10; 3]]);
    let (whole, head) = batch(scratch.head, &[1, 2]);
    let (unfinished, _) = batch(head, &[3, 4]);
    let left = [whole.clone(), unfinished[..1].to_vec()].concat();
    scratch.leave_behind(&left);
    // Both lie in one run, which is cut, not removed.
    let mut log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), head);
    scratch.records.extend(whole);
    scratch.head = head;
    scratch.append(&mut log, &[9]);
    assert_holds(&log, &scratch.records);
}

#[test]
fn a_record_without_all_its_parts_is_no_whole_batch() {
    let scratch = Scratch::with(&[&[10]]);
    let (left, _) = batch(scratch.head, &[60_000]);
    scratch.leave_behind(&left);
    assert_eq!(opened(scratch.path()).head().unwrap().count, 2);
    scratch.tamper(|runs| drop(runs.remove(run::key(1, 2)).unwrap().unwrap()));
    let log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), scratch.head);
    assert_holds(&log, &scratch.records);
}

/// A stream that dies leaves whole batches in the log, but none to which the head leads.
#[test]
fn a_stream_that_died_before_its_first_value_lay_there_leaves_nothing() {
    let mut scratch = Scratch::with(&[&[10; 70], &[20]]);
    let mut log = opened(scratch.path());
    let before = keys(&log);
    let mut writer = log.writer().unwrap();
    let mut head = scratch.head;
    for _ in 0..3 {
        let (whole, after) = batch(head, &[100; 2000]);
        writer.take(&whole).unwrap();
        head = after;
    }
    writer.sync_rest().unwrap();
    drop((writer, log));
    let mut log = opened(scratch.path());
    assert!(keys(&log).len() > before.len() + 20);
    assert_eq!(log.head().unwrap(), scratch.head);
    assert_holds(&log, &scratch.records);
    scratch.append(&mut log, &[5]);
    assert_holds(&log, &scratch.records);
    assert_eq!(keys(&log).len(), before.len() + 1, "something was left");
}

#[test]
fn a_stream_that_died_after_its_first_value_lay_there_is_whole() {
    let mut scratch = Scratch::with(&[&[10; 70], &[20]]);
    let mut log = opened(scratch.path());
    let mut writer = log.writer().unwrap();
    for _ in 0..3 {
        let (whole, head) = batch(scratch.head, &[100; 2000]);
        writer.take(&whole).unwrap();
        scratch.records.extend(whole);
        scratch.head = head;
    }
    writer.end().unwrap();
    drop(log);
    let log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), scratch.head);
    assert_holds(&log, &scratch.records);
}

#[test]
fn a_stream_that_is_broken_off_leaves_nothing_behind_the_head() {
    struct BreaksOff(Head, u8);
    impl BatchSource for BreaksOff {
        fn next_batch(&mut self) -> Result<Option<Batch>, Aborted> {
            self.1 = self.1.checked_sub(1).ok_or(Aborted)?;
            let (batch, head) = batch(self.0, &[100; 2000]);
            self.0 = head;
            Ok(Some((batch, head)))
        }
    }
    let mut scratch = Scratch::with(&[&[10; 70], &[20]]);
    let mut log = opened(scratch.path());
    let before = keys(&log);
    let outcome = log.append(scratch.head, &mut BreaksOff(scratch.head, 5));
    assert!(matches!(outcome, Err(AppendError::Failed(_))));
    assert_eq!(keys(&log), before);
    assert_holds(&log, &scratch.records);
    scratch.append(&mut log, &[5]);
    assert_holds(&log, &scratch.records);
}

/// sled's lock is let go of, and its files are closed, whoever may still have a reader.
#[test]
fn a_reader_does_not_keep_a_closed_store_open() {
    let scratch = Scratch::with(&[&[10; 70]]);
    let log = opened(scratch.path());
    let reader = log.reader();
    assert_eq!(reader.read(0, 100).unwrap().len(), 70);
    drop(log);
    drop(opened(scratch.path()));
    assert!(reader.read(0, 100).is_err());
}

#[test]
fn what_does_not_continue_the_chain_is_not_taken_in() {
    let scratch = Scratch::with(&[&[10]]);
    let elsewhere = Head {
        link: Hash([9; 32]),
        ..scratch.head
    };
    scratch.leave_behind(&batch(elsewhere, &[1, 2]).0);
    let log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), scratch.head);
    assert_holds(&log, &scratch.records);
}

#[test]
fn an_older_head_file_catches_up() {
    let mut scratch = Scratch::with(&[&[10; 3]]);
    let older = scratch.head_file();
    let mut log = opened(scratch.path());
    for at in 0..200 {
        scratch.append(&mut log, &[at, 2]);
    }
    drop(log);
    fs::write(scratch.path().join(HEAD), older).unwrap();
    let log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), scratch.head);
    assert_holds(&log, &scratch.records);
}

#[test]
fn a_store_that_lost_its_tail_opens_and_tells() {
    let scratch = Scratch::with(&[&[10; 128], &[10; 2]]);
    scratch.tamper(|runs| drop(runs.pop_max().unwrap().unwrap()));
    let mut log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), scratch.head);
    assert_holds(&log, &scratch.records[..128]);
    let (more, head) = batch(scratch.head, &[1]);
    let outcome = log.append(scratch.head, &mut OneBatch::new(more.to_vec(), head));
    let refused = matches!(outcome, Err(AppendError::Failed(LogError::Damaged { .. })));
    assert!(refused, "{outcome:?}");
    assert_holds(&log, &scratch.records[..128]);
}

#[test]
fn two_damaged_slots_of_the_head_are_damage() {
    let scratch = Scratch::with(&[&[10]]);
    fs::write(scratch.path().join(HEAD), [0; 8192]).unwrap();
    assert!(is_damage(Sled::open(scratch.path(), soon())));
}

#[test]
fn a_damaged_run_is_named_and_reading_goes_on_behind_it() {
    type Change = fn(&Tree);
    // What is put there, what is said of it, and what of the records 64 to 127 is still read.
    let changes: [(Change, &str, Range<u64>); 8] = [
        (|runs| put(runs, 64, 0, b""), "0 bytes", 0..0),
        (
            |runs| {
                let mut value = runs.get(run::key(64, 0)).unwrap().unwrap().to_vec();
                assert_eq!(value[0], 3, "it is not compressed");
                value.pop();
                put(runs, 64, 0, &value);
            },
            "too short",
            0..0,
        ),
        (|runs| put(runs, 64, 0, b"\x09\x01\x00"), "tag is 9", 0..0),
        (
            |runs| put(runs, 64, 0, b"\x01\x01\x00\xff\xff\xff\xff"),
            "ends inside",
            0..0,
        ),
        (
            |runs| put(runs, 64, 0, b"\x02\x02\x00abc"),
            "part 1 of its 2 parts is missing",
            0..0,
        ),
        (
            |runs| put(runs, 64, 1, b"\x02\x02\x00abc"),
            "something else lies",
            0..0,
        ),
        (
            |runs| put(runs, 100, 0, b"\x01\x01\x00\x01\x00\x00\x00a"),
            "something else lies",
            100..101,
        ),
        (
            |runs| {
                runs.remove(run::key(64, 0)).unwrap();
                put(runs, 64, 1, b"\x02\x02\x00abc");
            },
            "part 1 stands without",
            0..0,
        ),
    ];
    for (change, said, left) in changes {
        let scratch = Scratch::with(&[&[10; 64], &[10; 64], &[10; 72]]);
        scratch.tamper(change);
        let log = opened(scratch.path());
        let (records, damages) = read_all(&log);
        let expected = (0..64).chain(left).chain(128..200);
        assert!(
            records.iter().map(|stored| stored.seq).eq(expected),
            "{said}"
        );
        assert_eq!(damages, 1, "{said}");
        for (from, limit) in [(64, 10), (64, 1), (70, 1000)] {
            let error = log.read(from, limit).unwrap_err().to_string();
            let told = error.contains(said) && error.contains("record 64");
            assert!(told, "{error}");
        }
    }
}

fn put(runs: &Tree, first: u64, part: u16, value: &[u8]) {
    runs.insert(run::key(first, part), value).unwrap();
}

#[test]
fn damage_in_the_last_run_has_nothing_behind_it() {
    let scratch = Scratch::with(&[&[10; 64], &[10; 36]]);
    scratch.tamper(|runs| put(runs, 64, 0, b"\x01"));
    let mut log = opened(scratch.path());
    assert_eq!(log.head().unwrap(), scratch.head);
    let error = log.read(64, 10).unwrap_err();
    assert!(
        matches!(error, LogError::Damaged { resume: None, .. }),
        "{error}"
    );
    let (more, head) = batch(scratch.head, &[1]);
    assert!(
        log.append(scratch.head, &mut OneBatch::new(more.to_vec(), head))
            .is_err()
    );
}

#[test]
fn a_gap_between_runs_is_left_to_see() {
    let scratch = Scratch::with(&[&[10; 64], &[10; 64], &[10; 72]]);
    scratch.tamper(|runs| drop(runs.remove(run::key(64, 0)).unwrap().unwrap()));
    let log = opened(scratch.path());
    let (records, damages) = read_all(&log);
    assert_eq!(damages, 0);
    assert!(
        records
            .iter()
            .map(|stored| stored.seq)
            .eq((0..64).chain(128..200))
    );
    assert_eq!(log.read(70, 1).unwrap()[0].seq, 128);
}

#[test]
fn single_appends_end_up_in_full_runs() {
    let mut scratch = Scratch::empty();
    let mut log = opened(scratch.path());
    for at in 0..400 {
        scratch.append(&mut log, &[at % 50]);
        assert!(keys(&log).len() <= SMALL_RUNS_TO_MERGE + at / 63, "{at}");
        if at == 100 {
            drop(log);
            log = opened(scratch.path());
        }
    }
    assert_holds(&log, &scratch.records);
    assert!(keys(&log).len() < 80);
}

#[test]
fn small_runs_that_do_not_follow_each_other_are_not_merged() {
    let mut scratch = Scratch::empty();
    let mut log = opened(scratch.path());
    for _ in 0..SMALL_RUNS_TO_MERGE - 1 {
        scratch.append(&mut log, &[5]);
    }
    let trees = log.trees().unwrap();
    let runs = trees.runs_to_write().unwrap();
    runs.remove(run::key(9, 0)).unwrap().unwrap();
    drop(trees);
    scratch.append(&mut log, &[5]);
    assert_eq!(keys(&log).len(), SMALL_RUNS_TO_MERGE - 1);
    scratch.append(&mut log, &[5]);
}

/// A power cut may leave any prefix of what sled wrote. Whichever it is, what is there are the first
/// records, whole and in order: a merge is there or it is not.
#[test]
fn any_prefix_of_the_log_holds_a_prefix_of_the_chain() {
    let mut scratch = Scratch::empty();
    let mut log = opened(scratch.path());
    for at in 0..130 {
        scratch.append(&mut log, &[at]);
    }
    let db = fs::read(scratch.db()).unwrap();
    std::mem::forget(log);
    let used = db.iter().rposition(|&byte| byte != 0).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for cut in (0..60).map(|part| used * part / 60) {
        let copy = Scratch::empty();
        remove_snaps(&copy);
        fs::write(copy.db(), &db[..cut]).unwrap();
        let log = opened(copy.path());
        let (found, damages) = (log.adopted(), read_all(&log).1);
        assert_eq!(damages, 0);
        let records = log.trees().unwrap().read(0, 1000, u64::MAX).unwrap();
        assert_eq!(
            records.len() as u64,
            log.head().unwrap().count,
            "cut at {cut}"
        );
        assert_eq!(found, log.head().unwrap());
        for (stored, sealed) in records.iter().zip(&scratch.records) {
            assert_eq!(stored.sealed, *sealed, "cut at {cut}");
        }
        seen.insert(records.len());
    }
    assert!(seen.len() > 8, "{seen:?}");
}

fn remove_snaps(scratch: &Scratch) {
    for entry in fs::read_dir(scratch.path().join(RECORDS)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if name.starts_with("snap.") {
            fs::remove_file(&path).unwrap();
        }
    }
}

/// sled panics on many damaged files, and opens others as if they were shorter. Neither gets out: an
/// error says so, or what is read is what was appended, and the head tells what is missing.
#[test]
fn a_damaged_db_never_panics_and_never_lies() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for trial in 0..40 {
        let scratch = Scratch::with(&[&[300; 200], &[50_000], &[7], &[9], &[100; 20]]);
        let mut db = fs::read(scratch.db()).unwrap();
        let used = db.iter().rposition(|&byte| byte != 0).unwrap();
        match trial % 4 {
            0 => db.truncate(random(used)),
            1 => db[random(used)] ^= 1 << random(8),
            2 => (0..20).for_each(|_| db[random(used)] ^= 1 << random(8)),
            _ => db.truncate(used / 2),
        }
        fs::write(scratch.db(), db).unwrap();
        if trial % 3 == 0 {
            remove_snaps(&scratch);
        }
        let damaged_db = fs::read(scratch.db()).unwrap();
        let log = match Sled::open(scratch.path(), soon()) {
            Ok(log) => log,
            Err(LogError::Damaged { .. }) => {
                assert!(fs::read(scratch.db()).unwrap() == damaged_db, "{trial}");
                continue;
            }
            Err(other) => unreachable!("{trial}: {other}"),
        };
        assert_eq!(log.head().unwrap(), scratch.head, "{trial}");
        for stored in read_all(&log).0 {
            assert_eq!(
                stored.sealed, scratch.records[stored.seq as usize],
                "{trial}"
            );
        }
        if log.unsound.is_some() {
            drop(log);
            assert!(fs::read(scratch.db()).unwrap() == damaged_db, "{trial}");
        }
    }
}

/// One flipped bit in the last segment, and sled alone would zero all that follows.
#[test]
fn a_damaged_store_is_left_as_it_was_and_read_as_far_as_can_be() {
    let mut scratch = Scratch::with(&[&[10]]);
    let mut log = opened(scratch.path());
    for at in 0..40 {
        scratch.append(&mut log, &[200, at]);
    }
    drop(log);
    let mut db = fs::read(scratch.db()).unwrap();
    let needle = &scratch.records[41].0;
    let at = db
        .windows(needle.len())
        .position(|window| window == needle)
        .unwrap();
    db[at + 140] ^= 1;
    fs::write(scratch.db(), &db).unwrap();
    let files = || {
        let entries = fs::read_dir(scratch.path().join(RECORDS)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = files();
    for _ in 0..2 {
        let mut log = opened(scratch.path());
        let (found, _) = read_all(&log);
        assert!((1..81).contains(&found.len()), "{}", found.len());
        let (more, head) = batch(scratch.head, &[1]);
        let refusal = log
            .append(scratch.head, &mut OneBatch::new(more.to_vec(), head))
            .unwrap_err()
            .to_string();
        assert!(
            refusal.contains("81 records were acknowledged"),
            "{refusal}"
        );
        let copy = log.trees().unwrap().records.clone();
        drop(log);
        assert!(!copy.exists());
        assert!(fs::read(scratch.db()).unwrap() == db);
        assert_eq!(files(), before);
    }
}

#[test]
fn sled_in_use_elsewhere_is_an_error_that_can_be_waited_out() {
    let scratch = Scratch::with(&[&[10]]);
    let held = opened(scratch.path());
    let error = Sled::open(scratch.path(), Instant::now()).unwrap_err();
    let busy =
        matches!(&error, LogError::Io { source, .. } if source.kind() == io::ErrorKind::WouldBlock);
    assert!(busy, "{error}");
    let path = scratch.path().to_owned();
    let waiting = std::thread::spawn(move || Sled::open(&path, soon()).map(drop));
    thread::sleep(Duration::from_millis(50));
    drop(held);
    waiting.join().unwrap().unwrap();
}

#[test]
fn a_batch_that_does_not_give_the_head_is_refused() {
    let mut scratch = Scratch::with(&[&[10]]);
    let mut log = opened(scratch.path());
    let (more, head) = batch(scratch.head, &[1, 2]);
    assert!(
        log.append(scratch.head, &mut OneBatch::new(more[..1].to_vec(), head))
            .is_err()
    );
    assert!(log.append(scratch.head, &mut NoBatch).is_ok());
    assert_holds(&log, &scratch.records);
    scratch.append(&mut log, &[4]);
}

#[test]
fn a_half_written_snapshot_is_not_there() {
    let log = opened(Scratch::empty().path());
    let bytes = vec![5; 100_000];
    log.put(7, &bytes).unwrap();
    let trees = log.trees().unwrap();
    let tree = trees.snapshots_to_write().unwrap();
    let part = tree.remove(snapshot_key(7, 2)).unwrap().unwrap();
    assert_eq!(log.load(7).unwrap(), None);
    tree.insert(snapshot_key(7, 2), part).unwrap();
    assert_eq!(log.load(7).unwrap(), Some(bytes));
    tree.remove(snapshot_key(7, SEAL)).unwrap().unwrap();
    assert_eq!(log.load(7).unwrap(), None);
    assert_eq!(log.counts().unwrap(), Vec::<u64>::new());
}

/// The records of a log, one of them without its last bytes.
fn shortened(scratch: &Scratch, seq: u64) -> Stored {
    let mut sealed = scratch.records[seq as usize].clone();
    sealed.tamper(|bytes| bytes.truncate(129));
    Stored { seq, sealed }
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    preimage::copy(from, to).unwrap();
}

fn entries_of(scratch: &Scratch) -> Vec<String> {
    let entries = fs::read_dir(scratch.path()).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Whatever the moment at which an erasure is killed, one of the two logs is there, whole, and the
/// next append or erasure leaves nothing else.
#[test]
fn an_erasure_that_is_killed_leaves_the_old_or_the_new() {
    let lengths: &[&[usize]] = &[&[300; 200], &[50_000], &[7], &[9]];
    let mut done = Scratch::with(lengths);
    let old = done.records.clone();
    let mut log = opened(done.path());
    log.erase(&[shortened(&done, 70)]).unwrap();
    drop(log);
    done.records[70] = shortened(&done, 70).sealed;
    assert_holds(&opened(done.path()), &done.records);
    assert_eq!(entries_of(&done), [HEAD, RECORDS, RESERVE]);
    let new = done.path().join(RECORDS);
    let (plain, half) = ("", "half");
    // What lies under each name, and whether the new one counts.
    for (at, dot_new, dot_old, is_new) in [
        ("old", plain, plain, false),
        ("old", half, plain, false),
        ("old", "new", plain, false),
        (plain, "new", "old", true),
        ("new", plain, "old", true),
        ("new", plain, half, true),
    ] {
        for reads_first in [false, true] {
            let mut scratch = Scratch::with(lengths);
            let records = scratch.path().join(RECORDS);
            let kept = scratch.path().join("kept");
            fs::rename(&records, &kept).unwrap();
            for (ending, what) in [("", at), (".new", dot_new), (".old", dot_old)] {
                let path = scratch.path().join(format!("{RECORDS}{ending}"));
                match what {
                    "old" => copy_dir(&kept, &path),
                    "new" => copy_dir(&new, &path),
                    "half" => {
                        fs::create_dir(&path).unwrap();
                        fs::write(path.join(DB), vec![7; 5000]).unwrap();
                    }
                    _ => {}
                }
            }
            fs::remove_dir_all(&kept).unwrap();
            scratch.records = if is_new {
                done.records.clone()
            } else {
                old.clone()
            };
            if reads_first {
                let before = entries_of(&scratch);
                let log = opened(scratch.path());
                assert_eq!(log.head().unwrap(), scratch.head);
                assert_holds(&log, &scratch.records);
                drop(log);
                assert_eq!(entries_of(&scratch).len(), before.len());
            }
            let mut log = opened(scratch.path());
            if reads_first {
                scratch.append(&mut log, &[5]);
            } else {
                log.erase(&[]).unwrap();
            }
            assert_eq!(entries_of(&scratch), [HEAD, RECORDS, RESERVE]);
            assert_holds(&log, &scratch.records);
            log.erase(&[shortened(&scratch, 70)]).unwrap();
            scratch.records[70] = shortened(&scratch, 70).sealed;
            scratch.append(&mut log, &[5]);
            drop(log);
            assert_holds(&opened(scratch.path()), &scratch.records);
        }
    }
}

#[test]
fn records_that_are_missing_beside_one_left_over_are_refused_and_not_touched() {
    for ending in [".old", ".new"] {
        let scratch = Scratch::with(&[&[10]]);
        let records = scratch.path().join(RECORDS);
        let left = format!("{RECORDS}{ending}");
        fs::rename(&records, scratch.path().join(&left)).unwrap();
        let error = Sled::open(scratch.path(), soon()).unwrap_err();
        assert!(matches!(&error, LogError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(&left), "{error}");
        assert_eq!(entries_of(&scratch), [HEAD, &left, RESERVE]);
    }
}

#[test]
fn nothing_is_erased_from_what_is_damaged() {
    let scratch = Scratch::with(&[&[10; 64], &[10; 64], &[10; 72]]);
    scratch.tamper(|runs| drop(runs.remove(run::key(64, 0)).unwrap().unwrap()));
    let mut log = opened(scratch.path());
    let error = log.erase(&[shortened(&scratch, 3)]).unwrap_err();
    assert!(
        error.to_string().contains("record 64 is missing"),
        "{error}"
    );
    assert_eq!(entries_of(&scratch), [HEAD, RECORDS, RESERVE]);
    assert_eq!(read_all(&log).0.len(), 136);
    assert_eq!(log.read(3, 1).unwrap()[0].sealed, scratch.records[3]);
}

#[test]
fn what_lies_behind_the_head_is_not_copied() {
    let mut scratch = Scratch::with(&[&[10; 3]]);
    let (more, _) = batch(scratch.head, &[20; 2]);
    scratch.leave_behind(&more[..1]);
    let mut log = opened(scratch.path());
    assert!(log.leftovers);
    log.erase(&[shortened(&scratch, 0)]).unwrap();
    scratch.records[0] = shortened(&scratch, 0).sealed;
    assert!(!log.leftovers);
    assert_holds(&log, &scratch.records);
    scratch.append(&mut log, &[4]);
}

#[test]
fn a_copy_in_the_scratch_directory_that_outlived_its_process_is_wiped() {
    let scratch = Scratch::with(&[&[10; 3]]);
    let other = Scratch::with(&[&[10; 3]]);
    let copies = [&scratch, &other].map(|ledger| {
        let copy = preimage::scratch(&ledger.path().join(RECORDS)).unwrap();
        preimage::copy(&ledger.path().join(RECORDS), copy.path()).unwrap();
        copy.keep()
    });
    let mut log = opened(scratch.path());
    log.erase(&[shortened(&scratch, 0)]).unwrap();
    assert!(!copies[0].exists());
    assert!(copies[1].exists());
    fs::remove_dir_all(&copies[1]).unwrap();
}

/// Every run but the last is as full after an erasure as a batch would have left it.
#[test]
fn an_erasure_leaves_full_runs() {
    let mut scratch = Scratch::with(&[&[100; 3000], &[50_000]]);
    let mut log = opened(scratch.path());
    for _ in 0..20 {
        scratch.append(&mut log, &[1]);
    }
    let packed = run::pack(0, run::slices(&scratch.records)).count();
    log.erase(&[shortened(&scratch, 2999)]).unwrap();
    scratch.records[2999] = shortened(&scratch, 2999).sealed;
    assert_holds(&log, &scratch.records);
    assert_eq!(keys(&log).len(), packed);
}

#[test]
fn what_was_appended_one_by_one_takes_less_room_when_compacted() {
    let mut scratch = Scratch::empty();
    let mut log = opened(scratch.path());
    for at in 0..120 {
        scratch.append(&mut log, &[60_000 * (at % 2), 9]);
    }
    for at in 0..60 {
        scratch.append(&mut log, &[at]);
    }
    let before = keys(&log).len();
    let Compaction { before: was, after } = log.compact().unwrap();
    assert!(after < was, "{was} {after}");
    assert!(keys(&log).len() < before - 58);
    assert_holds(&log, &scratch.records);
    assert_eq!(entries_of(&scratch), [HEAD, RECORDS, RESERVE]);
    scratch.append(&mut log, &[5]);
    drop(log);
    assert_holds(&opened(scratch.path()), &scratch.records);
}

/// What an auditor came to see is not tidied away.
#[test]
fn what_is_no_chain_is_not_compacted() {
    for (place, said) in [(40, "record 2 does"), (150, "record 1 does")] {
        let scratch = Scratch::with(&[&[10; 3]]);
        scratch.tamper(|runs| {
            let mut records = scratch.records.clone();
            records[1].tamper(|bytes| bytes[place] ^= 1);
            for entry in run::pack(0, run::slices(&records)) {
                runs.insert(entry.key(), entry.value).unwrap();
            }
        });
        let mut log = opened(scratch.path());
        let before = fs::read(scratch.db()).unwrap();
        let error = log.compact().unwrap_err().to_string();
        assert!(place == 40 || error.contains(said), "{error}");
        assert!(error.contains("continue the chain"), "{error}");
        assert_eq!(entries_of(&scratch), [HEAD, RECORDS, RESERVE]);
        assert!(fs::read(scratch.db()).unwrap() == before);
        assert_eq!(log.read(0, 3).unwrap().len(), 3);
    }
}

#[test]
fn without_room_for_a_copy_nothing_is_begun() {
    let scratch = Scratch::with(&[&[10; 3]]);
    let error = check_room(&scratch.path().join(RECORDS), u64::MAX).unwrap_err();
    assert!(is_for_want_of_room(&error), "{error}");
    assert!(check_room(&scratch.path().join(RECORDS), 1).is_ok());
}

/// Whoever reads much keeps no more of it in memory than sled caches of one handle's worth.
#[test]
fn a_store_that_was_read_much_is_opened_anew() {
    let scratch = Scratch::with(&[&[10; 300]]);
    let log = opened(scratch.path());
    let reader = log.reader();
    let read_so_far = |bytes| {
        log.trees()
            .unwrap()
            .bytes_read
            .swap(bytes, Ordering::SeqCst)
    };
    read_so_far(READ_PER_HANDLE);
    assert_eq!(reader.read(0, 1000).unwrap().len(), 300);
    assert_eq!(read_so_far(0), 0, "it was not opened anew");
    assert_holds(&log, &scratch.records);
}

#[test]
fn a_store_that_was_written_much_is_opened_anew_and_goes_on() {
    let mut scratch = Scratch::with(&[&[10; 300]]);
    let mut log = opened(scratch.path());
    let worn = |log: &Sled| {
        let trees = log.trees().unwrap();
        trees
            .bytes_written
            .swap(WRITTEN_PER_HANDLE, Ordering::SeqCst)
    };
    worn(&log);
    // More than are laid into the places that are kept ahead.
    let many = [20_000; 2_000];
    let head = log.head;
    let (records, after) = batch(head, &many);
    let mut source = Some((records.clone(), after));
    log.append(head, &mut Once(&mut source)).unwrap();
    scratch.records.extend(records);
    assert!(worn(&log) < WRITTEN_PER_HANDLE, "it was not opened anew");
    let long = vec![7; 20 * RUNS_PER_FLUSH * run::MAX_VALUE];
    log.put(2_300, &long).unwrap();
    assert!(worn(&log) < WRITTEN_PER_HANDLE, "it was not opened anew");
    assert!(log.load(2_300).unwrap() == Some(long));
    assert_holds(&log, &scratch.records);
    drop(log);
    assert_holds(&opened(scratch.path()), &scratch.records);
}

/// A stream of one batch.
struct Once<'a>(&'a mut Option<(Vec<Sealed>, Head)>);

impl BatchSource for Once<'_> {
    fn next_batch(&mut self) -> Result<Option<Batch>, Aborted> {
        Ok(self.0.take())
    }
}

#[test]
fn panics_and_errors_of_sled_become_ours() {
    let path = Path::new("somewhere");
    let outcome = guarded::<()>("reading", path, || panic!("of {}", "sled"));
    let said = outcome.unwrap_err().to_string();
    assert_eq!(said, "reading somewhere: sled gave up: of sled");
    let full = io::Error::from_raw_os_error(28);
    let copied = io::Error::new(full.kind(), format!("{full:?}"));
    let LogError::Io { source, .. } = translated("writing", path, ::sled::Error::Io(copied)) else {
        unreachable!();
    };
    assert_eq!(source.raw_os_error(), Some(28));
}

/// A file system of 24 MB in memory.
#[cfg(target_os = "linux")]
struct SmallDisk(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl SmallDisk {
    /// None where this process may not mount it.
    fn new() -> Option<Self> {
        let disk = Self(tempfile::tempdir().unwrap());
        let mounted = disk.mount("size=24m", &["-t", "tmpfs", "tmpfs"]);
        mounted.then_some(disk).or_else(|| {
            let said = writeln!(io::stderr(), "skipped: mounting a file system needs root");
            said.ok().and(None)
        })
    }

    fn mount(&self, options: &str, what: &[&str]) -> bool {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-o", options]).args(what).arg(self.0.path());
        let mount = mount.stderr(std::process::Stdio::null());
        mount.status().is_ok_and(|status| status.success())
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Not mounted where that was not allowed.
        let mut umount = std::process::Command::new("umount");
        let umount = umount.arg("-l").arg(self.0.path());
        let _done = umount.stderr(std::process::Stdio::null()).status();
    }
}

/// A ledger on a file system of 24 MB, of which 7 are taken by a file.
#[cfg(target_os = "linux")]
fn on_a_small_disk(test: impl Fn(&Path, &SmallDisk)) {
    let Some(disk) = SmallDisk::new() else { return };
    fs::write(disk.0.path().join("filler"), vec![1; 7_000_000]).unwrap();
    let dir = disk.0.path().join("ledger");
    fs::create_dir(&dir).unwrap();
    Sled::create(&dir).unwrap();
    test(&dir, &disk);
}

/// A batch that compressing makes little smaller.
#[cfg(target_os = "linux")]
fn noisy_batch(head: Head, lengths: &[usize]) -> (Vec<Sealed>, Head) {
    let mut state = head.count + 1;
    let mut noise = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as u8
    };
    let body = |&length: &usize| Body {
        salt: [3; SALT_LEN],
        payload: (0..length).map(|_| noise()).collect(),
    };
    let bodies = lengths.iter().map(body).collect();
    let (records, head) = bind_bodies(head, 1, bodies);
    (records.iter().map(Record::seal).collect(), head)
}

/// What a full disk leaves is whole, before and after it is opened again, and appends go on once there
/// is room; to remove a stream that was broken off, sled needs about as much as the stream took.
#[cfg(target_os = "linux")]
fn assert_recovers(log: Sled, disk: &SmallDisk, records: &mut Vec<Sealed>, head: Head) {
    let dir = log.dir.clone();
    assert_eq!(log.head().unwrap(), head);
    assert_holds(&log, records);
    drop(log);
    let mut log = opened(&dir);
    assert_eq!(log.head().unwrap(), head);
    assert_holds(&log, records);
    assert!(disk.mount("remount,size=64m", &[]), "it gets room");
    let (batch, after) = noisy_batch(head, &[300; 3]);
    log.append(head, &mut OneBatch::new(batch.to_vec(), after))
        .unwrap();
    records.extend(batch);
    assert_holds(&log, records);
    drop(log);
    assert_holds(&opened(&dir), records);
}

/// On a full disk an append fails and says why.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_refuses_appends_and_leaves_the_rest() {
    for lengths in [&[300][..], &[300; 50], &[300; 3000], &[50_000; 3]] {
        on_a_small_disk(|dir, disk| {
            let mut log = opened(dir);
            let (mut records, mut head) = (Vec::new(), Head::EMPTY);
            let refusal = loop {
                let (batch, after) = noisy_batch(head, lengths);
                match log.append(head, &mut OneBatch::new(batch.to_vec(), after)) {
                    Ok(_) => (head, _) = (after, records.extend(batch)),
                    Err(refusal) => break refusal,
                }
            };
            let full = matches!(&refusal, AppendError::Failed(error) if is_for_want_of_room(error));
            assert!(full, "{refusal:?}");
            assert_recovers(log, disk, &mut records, head);
        });
    }
}

/// The disk gets full in the middle of a stream, and while the records are written anew.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_breaks_off_streams_and_compacting_and_leaves_the_rest() {
    struct Endless(Head);
    impl BatchSource for Endless {
        fn next_batch(&mut self) -> Result<Option<Batch>, Aborted> {
            let (batch, head) = noisy_batch(self.0, &[300; 500]);
            self.0 = head;
            Ok(Some((batch, head)))
        }
    }
    on_a_small_disk(|dir, disk| {
        let mut log = opened(dir);
        let (mut records, head) = noisy_batch(Head::EMPTY, &[300; 700]);
        log.append(Head::EMPTY, &mut OneBatch::new(records.to_vec(), head))
            .unwrap();
        let refusal = log.append(head, &mut Endless(head)).unwrap_err();
        let full = matches!(&refusal, AppendError::Failed(error) if is_for_want_of_room(error));
        assert!(full, "{refusal:?}");
        // What it took is given back at once, for a copy of what is there fits into the reserve.
        assert!(size_of(&dir.join(RECORDS)).unwrap() < RESERVE_BYTES as u64);
        assert!(dir.join(RESERVE).exists());
        assert_recovers(log, disk, &mut records, head);
    });
    on_a_small_disk(|dir, disk| {
        let mut log = opened(dir);
        let (mut records, head) = noisy_batch(Head::EMPTY, &[300; 19_000]);
        log.append(Head::EMPTY, &mut OneBatch::new(records.to_vec(), head))
            .unwrap();
        let refusal = log.compact().unwrap_err();
        assert!(is_for_want_of_room(&refusal), "{refusal:?}");
        // The room that was there when it began is gone by then.
        let refusal = log.replace(&Rewriting::Compacting).unwrap_err();
        assert!(is_for_want_of_room(&refusal), "{refusal:?}");
        assert!(!swap::new_of(&dir.join(RECORDS)).exists());
        assert_recovers(log, disk, &mut records, head);
    });
}
