use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::errors::damaged;
use super::file::JournalFile;
use super::frame;
use super::log::LEFT_AT_CLOSE_MAX;
use super::*;
use crate::conformance::{self, Site};
use crate::error::{AppendError, LogError};
use crate::faulty::{Fault, Faulty};
use crate::log::{Erase as _, Log, Reader, Stored};
use crate::memory::MemoryLog;
use crate::shared::Shared;
use crate::sled::Sled;
use crate::source::{BatchSource, OneBatch};
use crate::testing::{batch, bodiless};
use servanda_core::chain::record::{Hash, Head, Record, Sealed};

/// A journal in a scratch directory before a log in memory, and what was appended.
struct Scratch {
    dir: tempfile::TempDir,
    log: Shared<Faulty<MemoryLog>>,
    records: Vec<Sealed>,
    head: Head,
}

type Tested = Journal<Shared<Faulty<MemoryLog>>>;

impl Scratch {
    fn new() -> Self {
        let scratch = Self {
            dir: tempfile::tempdir().unwrap(),
            log: Shared::new(Faulty::new(MemoryLog::default())),
            records: Vec::new(),
            head: Head::EMPTY,
        };
        Tested::create(&scratch.path(), Head::EMPTY).unwrap();
        scratch
    }

    /// One append for each list of payload lengths.
    fn with(batches: &[&[usize]]) -> Self {
        let mut scratch = Self::new();
        let mut journal = scratch.open();
        for lengths in batches {
            scratch.append(&mut journal, lengths);
        }
        drop(journal);
        scratch
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("journal")
    }

    fn open(&self) -> Tested {
        Journal::open(&self.path(), self.log.clone()).unwrap()
    }

    fn append(&mut self, journal: &mut Tested, lengths: &[usize]) {
        let (batch, head) = batch(self.head, lengths);
        journal
            .append(self.head, &mut OneBatch::new(batch.to_vec(), head))
            .unwrap();
        self.records.extend(batch);
        self.head = head;
    }

    /// What the log behind has.
    fn behind(&self) -> usize {
        self.log.get().inner().records().len()
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    fn holds(&self, journal: &impl Log) {
        assert_eq!(journal.head().unwrap(), self.head);
        assert_eq!(read_all(journal), self.records);
    }
}

fn read_all(log: &impl Log) -> Vec<Sealed> {
    let mut found = Vec::new();
    loop {
        let chunk = log.read(found.len() as u64, 100).unwrap();
        if chunk.is_empty() {
            return found;
        }
        for stored in chunk {
            assert_eq!(stored.seq, found.len() as u64);
            found.push(stored.sealed);
        }
    }
}

fn is_damage<T: std::fmt::Debug>(outcome: &Result<T, AppendError>) -> bool {
    matches!(outcome, Err(AppendError::Failed(LogError::Damaged { .. })))
}

// ---- What every log must do ----

struct BeforeMemory(Scratch);

impl Site for BeforeMemory {
    fn open(&mut self) -> Result<Box<dyn Log>, String> {
        Ok(Box::new(self.0.open()))
    }
}

struct BeforeSled(tempfile::TempDir);

impl Site for BeforeSled {
    fn open(&mut self) -> Result<Box<dyn Log>, String> {
        let deadline = Instant::now() + Duration::from_secs(5);
        let log = Sled::open(self.0.path(), deadline).map_err(|error| error.to_string())?;
        let journal = Journal::open(&self.0.path().join("journal"), log);
        Ok(Box::new(journal.map_err(|error| error.to_string())?))
    }
}

#[test]
fn before_memory_it_conforms() {
    let found = conformance::check(&mut || Box::new(BeforeMemory(Scratch::new())));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn before_sled_it_conforms() {
    let found = conformance::check(&mut || {
        let dir = tempfile::tempdir().unwrap();
        Sled::create(dir.path()).unwrap();
        Journal::<Sled>::create(&dir.path().join("journal"), Head::EMPTY).unwrap();
        Box::new(BeforeSled(dir))
    });
    assert_eq!(found, Vec::<String>::new());
}

// ---- What stays in the journal, and what is handed over ----

#[test]
fn small_appends_stay_in_the_journal_and_reading_hands_nothing_over() {
    let mut scratch = Scratch::with(&[&[10], &[20, 30], &[5]]);
    assert_eq!(scratch.behind(), 0);
    let before = scratch.bytes();
    for _ in 0..2 {
        let journal = scratch.open();
        scratch.holds(&journal);
        assert_eq!(journal.read(2, 1).unwrap()[0].sealed, scratch.records[2]);
        drop(journal);
    }
    assert!(scratch.bytes() == before, "reading wrote");
    assert_eq!(scratch.behind(), 0);
    let mut journal = scratch.open();
    scratch.append(&mut journal, &[7]);
    journal.flush().unwrap();
    assert_eq!(scratch.behind(), 5);
    scratch.append(&mut journal, &[8]);
    scratch.holds(&journal);
    drop(journal);
    scratch.holds(&scratch.open());
}

#[test]
fn much_is_handed_over_when_it_is_closed() {
    let pages: Vec<&[usize]> = vec![&[100]; LEFT_AT_CLOSE_MAX / frame::PAGE];
    let mut scratch = Scratch::with(&pages);
    assert_eq!(scratch.behind(), 0);
    let mut journal = scratch.open();
    scratch.append(&mut journal, &[100]);
    drop(journal);
    assert_eq!(scratch.behind(), scratch.records.len());
    scratch.holds(&scratch.open());
}

#[test]
fn laps_follow_each_other_and_the_head_is_known_throughout() {
    let mut scratch = Scratch::new();
    let mut journal = scratch.open();
    for at in 0..40 {
        scratch.append(&mut journal, &[60_000; 5]);
        scratch.append(&mut journal, &[at]);
        if at % 7 == 0 {
            drop(journal);
            journal = scratch.open();
            scratch.holds(&journal);
        }
        let (file, _) = JournalFile::open(&scratch.path()).unwrap();
        assert_eq!(file.head(), scratch.head);
    }
    drop(journal);
    assert_eq!(scratch.bytes().len(), SIZE);
    scratch.holds(&scratch.open());
}

#[test]
fn what_is_too_large_for_a_frame_goes_straight_behind_after_what_waits() {
    let mut scratch = Scratch::with(&[&[10]]);
    let mut journal = scratch.open();
    scratch.append(&mut journal, &[60_000; 10]);
    assert_eq!(scratch.behind(), 11);
    let (file, frames) = JournalFile::open(&scratch.path()).unwrap();
    assert_eq!((file.head(), frames.len()), (scratch.head, 0));
    scratch.append(&mut journal, &[3]);
    assert_eq!(scratch.behind(), 11);
    drop(journal);
    scratch.holds(&scratch.open());
}

/// A crash between an append that went straight behind and the note of it.
#[test]
fn a_store_that_is_ahead_of_its_journal_is_continued() {
    for before in [&[][..], &[&[10][..], &[20]]] {
        let mut scratch = Scratch::with(before);
        scratch.open().flush().unwrap();
        let (batch, head) = batch(scratch.head, &[50; 3]);
        scratch
            .log
            .append(scratch.head, &mut OneBatch::new(batch.to_vec(), head))
            .unwrap();
        (scratch.head, _) = (head, scratch.records.extend(batch));
        let mut journal = scratch.open();
        scratch.holds(&journal);
        scratch.append(&mut journal, &[4]);
        drop(journal);
        scratch.holds(&scratch.open());
    }
}

/// The log behind took in a part of what it was handed: some of several appends, each whole.
#[test]
fn a_store_that_took_in_a_part_of_a_frame_gets_the_rest() {
    for part in 0..=4 {
        let mut scratch = Scratch::with(&[&[1, 2], &[10, 20, 30, 40], &[5]]);
        let taken = &scratch.records[..2 + part];
        let last = Record::open(taken.last().unwrap()).unwrap();
        let head = Head::after(&last.header);
        scratch
            .log
            .append(Head::EMPTY, &mut OneBatch::new(taken.to_vec(), head))
            .unwrap();
        let mut journal = scratch.open();
        scratch.holds(&journal);
        scratch.append(&mut journal, &[6]);
        journal.flush().unwrap();
        assert_eq!(scratch.log.get().inner().records(), scratch.records);
        scratch.holds(&journal);
    }
}

// ---- Failures of the log behind ----

/// Every step of the log behind fails, before or after it is done, while much is appended.
#[test]
fn whatever_fails_behind_nothing_committed_is_lost() {
    for fault in [Fault::Before, Fault::After] {
        for step in 0..14 {
            let mut scratch = Scratch::new();
            let mut journal = scratch.open();
            scratch.log.get().fail_after(step, fault);
            for at in 0..12 {
                let lengths: &[usize] = if at % 4 == 3 {
                    &[60_000; 10]
                } else {
                    &[60_000; 7]
                };
                let (batch, head) = batch(scratch.head, lengths);
                match journal.append(scratch.head, &mut OneBatch::new(batch.to_vec(), head)) {
                    Ok(_) => {
                        scratch.records.extend(batch);
                        scratch.head = head;
                    }
                    Err(AppendError::Failed(_)) => {}
                    Err(other) => unreachable!("{other}"),
                }
                scratch.log.get().fail_after(1_000_000, fault);
            }
            assert!(
                scratch.records.len() > 70,
                "{} records",
                scratch.records.len()
            );
            scratch.holds(&journal);
            drop(journal);
            scratch.holds(&scratch.open());
        }
    }
}

#[test]
fn a_failure_to_hand_over_is_told_to_the_next_append_and_that_loses_nothing() {
    let mut scratch = Scratch::new();
    let mut journal = scratch.open();
    scratch.append(&mut journal, &[1]);
    let refuse = |scratch: &Scratch| scratch.log.get().fail_after(0, Fault::Before);
    refuse(&scratch);
    journal.flush().unwrap_err();
    journal.pretend_flusher_failed();
    for _ in 0..2 {
        refuse(&scratch);
        let (batch, head) = batch(scratch.head, &[2]);
        let outcome = journal.append(scratch.head, &mut OneBatch::new(batch.to_vec(), head));
        assert!(
            matches!(outcome, Err(AppendError::Failed(_))),
            "{outcome:?}"
        );
        scratch.holds(&journal);
    }
    scratch.append(&mut journal, &[2]);
    assert_eq!(scratch.behind(), 1);
    scratch.holds(&journal);
}

/// A log behind that refuses everything from its first failure on, as a damaged one does.
struct Refusing(MemoryLog);

impl Log for Refusing {
    fn head(&self) -> Result<Head, LogError> {
        self.0.head()
    }
    fn append(&mut self, _: Head, _: &mut dyn BatchSource) -> Result<Head, AppendError> {
        Err(AppendError::Failed(damaged("it is damaged".to_owned())))
    }
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.0.read(from, limit)
    }
    fn reader(&self) -> Arc<dyn Reader> {
        self.0.reader()
    }
}

#[test]
fn nothing_is_appended_before_a_store_that_takes_no_appends() {
    let scratch = Scratch::new();
    let before = scratch.bytes();
    let mut journal = Journal::open(&scratch.path(), Refusing(MemoryLog::default())).unwrap();
    let (batch, head) = batch(Head::EMPTY, &[1]);
    assert!(is_damage(
        &journal.append(Head::EMPTY, &mut OneBatch::new(batch.to_vec(), head))
    ));
    drop(journal);
    assert!(scratch.bytes() == before);
}

// ---- Damage ----

#[test]
fn a_store_that_lost_its_end_is_told_by_its_journal() {
    let mut scratch = Scratch::with(&[&[10; 3], &[20]]);
    let mut journal = scratch.open();
    journal.flush().unwrap();
    scratch.append(&mut journal, &[60_000; 10]);
    drop(journal);
    // Cut to less than the journal knows, with the head that fits.
    let cut = Head::after(&Record::open(&scratch.records[1]).unwrap().header);
    let log = MemoryLog::of(scratch.records[..2].to_vec(), cut);
    let mut journal = Journal::open(&scratch.path(), log).unwrap();
    assert_eq!(journal.head().unwrap(), scratch.head);
    assert_eq!(journal.read(0, 100).unwrap().len(), 2);
    assert!(journal.read(2, 100).unwrap().is_empty());
    let (batch, head) = batch(scratch.head, &[1]);
    let refused = journal.append(scratch.head, &mut OneBatch::new(batch.to_vec(), head));
    assert!(is_damage(&refused), "{refused:?}");
    let told = refused.unwrap_err().to_string();
    assert!(
        told.contains("14 records were committed, only 2 can be read"),
        "{told}"
    );
    assert!(journal.flush().is_err());
    let first = journal.read(0, 1).unwrap();
    assert!(journal.erase(&first).is_err());
}

#[test]
fn a_store_put_back_is_brought_up_by_frames_that_continue_it() {
    let mut scratch = Scratch::with(&[&[1], &[2]]);
    let mut journal = scratch.open();
    journal.flush().unwrap();
    scratch.append(&mut journal, &[3]);
    drop(journal);
    scratch.log = Shared::new(Faulty::new(MemoryLog::default()));
    let mut journal = scratch.open();
    scratch.holds(&journal);
    journal.flush().unwrap();
    assert_eq!(scratch.behind(), 3);
}

#[test]
fn a_store_with_another_history_of_the_same_length_is_told() {
    let scratch = Scratch::with(&[&[1], &[2]]);
    let (records, head) = batch(Head::EMPTY, &[7, 8]);
    let mut journal = Journal::open(&scratch.path(), MemoryLog::of(records, head)).unwrap();
    // What was committed, so that `verify` compares it with the record that is there.
    assert_eq!(journal.head().unwrap(), scratch.head);
    let (more, after) = batch(scratch.head, &[1]);
    assert!(is_damage(
        &journal.append(scratch.head, &mut OneBatch::new(more.to_vec(), after))
    ));
}

/// Any byte of what was written is changed after an orderly end: nothing is missing, or it is told.
#[test]
fn no_damage_makes_a_history_shorter_unnoticed() {
    let scratch = Scratch::with(&[&[10], &[20, 30], &[5]]);
    let bytes = scratch.bytes();
    let used = (0..bytes.len()).filter(|at| bytes[*at] != 0);
    let mut told = 0;
    for at in used.step_by(3) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        fs::write(scratch.path(), &damaged).unwrap();
        let journal = scratch.open();
        assert_eq!(journal.head().unwrap(), scratch.head, "byte {at}");
        if journal.unsound.is_some() {
            told += 1;
        } else {
            scratch.holds(&journal);
        }
    }
    assert!(told > 50, "{told}");
}

#[test]
fn frames_behind_a_damaged_one_can_be_read() {
    let mut scratch = Scratch::with(&[&[10], &[20], &[30]]);
    let mut bytes = scratch.bytes();
    bytes[8192 + frame::PAGE + 200] ^= 1;
    fs::write(scratch.path(), &bytes).unwrap();
    let journal = scratch.open();
    assert!(journal.unsound.is_some());
    let seqs = |from| -> Vec<u64> {
        let read = journal.read(from, 1).unwrap();
        read.iter().map(|stored| stored.seq).collect()
    };
    assert_eq!(
        [seqs(0), seqs(1), seqs(2), seqs(3)],
        [vec![0], vec![2], vec![2], vec![]]
    );
    assert_eq!(journal.head().unwrap(), scratch.head);
    drop(journal);
    assert!(scratch.bytes() == bytes, "a damaged journal was written to");

    // Where the log behind has it all, nothing is lost.
    scratch.log = Shared::new(Faulty::new(MemoryLog::of(
        scratch.records.clone(),
        scratch.head,
    )));
    let mut journal = scratch.open();
    scratch.append(&mut journal, &[40]);
    drop(journal);
    scratch.holds(&scratch.open());
}

/// Frames whose check sums fit and that overlap: nobody writes such, but anybody can forge them.
#[test]
fn frames_that_overlap_are_read_in_order_and_never_twice() {
    let mut scratch = Scratch::with(&[&[1, 2, 3]]);
    let (other, after) = batch(Head::EMPTY, &[9]);
    let forged = [
        frame::to_bytes(2, Head::EMPTY, after, &other),
        frame::to_bytes(3, after, Head { count: 3, ..after }, &scratch.records[1..]),
        frame::to_bytes(4, after, Head { count: 4, ..after }, &scratch.records),
    ];
    let at = file::START + frame::room(&scratch.records);
    for (count, end) in [(1, true), (2, false), (3, false)] {
        let mut bytes = scratch.bytes();
        let frames = forged[..count].concat();
        bytes[at..at + frames.len()].copy_from_slice(&frames);
        fs::write(scratch.path(), bytes).unwrap();
        let mut journal = scratch.open();
        let stored = journal.read(0, usize::MAX).unwrap();
        let seqs: Vec<u64> = stored.iter().map(|stored| stored.seq).collect();
        assert_eq!(seqs, (0..seqs.len() as u64).collect::<Vec<_>>(), "{count}");
        assert!(
            journal
                .read(2, 9)
                .unwrap()
                .iter()
                .all(|stored| stored.seq >= 2)
        );
        // A frame that ends before the others is none; any other makes the journal unsound.
        let outcome = journal.flush();
        assert_eq!(outcome.is_ok(), end, "{count}: {outcome:?}");
        drop(journal);
        scratch.log = Shared::new(Faulty::new(MemoryLog::default()));
    }
}

#[test]
fn a_journal_that_cannot_be_read_is_an_error() {
    let scratch = Scratch::with(&[&[10]]);
    let bytes = scratch.bytes();
    let refused = |bytes: Option<&[u8]>| {
        match bytes {
            Some(bytes) => fs::write(scratch.path(), bytes).unwrap(),
            None => fs::remove_file(scratch.path()).unwrap(),
        }
        let error = Journal::open(&scratch.path(), MemoryLog::default()).unwrap_err();
        assert!(matches!(&error, LogError::Damaged { .. }), "{error}");
        error.to_string()
    };
    for length in [0, 100, 5000, 8192, 9000, SIZE - 1] {
        refused(Some(&bytes[..length]));
    }
    assert!(refused(Some(&[&bytes[..], &[0]].concat())).contains("length"));
    assert!(refused(Some(&vec![0; SIZE])).contains("neither"));
    assert!(refused(Some(&vec![0xa5; SIZE])).contains("neither"));
    assert!(refused(None).contains("missing"));
}

#[test]
fn a_frame_that_was_broken_off_was_not_appended_and_is_written_over() {
    let mut scratch = Scratch::with(&[&[10], &[20]]);
    let (file, _) = JournalFile::open(&scratch.path()).unwrap();
    let end = file.end().unwrap();
    for length in [100, 600, 5000] {
        let mut bytes = scratch.bytes();
        bytes[end..end + length].fill(0x77);
        bytes[end..end + 8].copy_from_slice(b"srvdfrm\x01");
        fs::write(scratch.path(), &bytes).unwrap();
        scratch.holds(&scratch.open());
    }
    let mut journal = scratch.open();
    scratch.append(&mut journal, &[30]);
    drop(journal);
    scratch.holds(&scratch.open());
}

// ---- Erasing ----

#[test]
fn what_is_erased_is_in_no_frame() {
    let mut scratch = Scratch::with(&[&[100], &[200], &[150]]);
    let erased = scratch.records[1].0[128..].to_vec();
    let holds = |bytes: &[u8]| bytes.windows(erased.len()).any(|window| window == erased);
    assert!(holds(&scratch.bytes()));
    let mut journal = scratch.open();
    let stored = bodiless(&scratch.records, 1);
    journal.erase(std::slice::from_ref(&stored)).unwrap();
    scratch.records[1] = stored.sealed;
    assert!(!holds(&scratch.bytes()));
    assert!(scratch.bytes()[8192..].iter().all(|&byte| byte == 0));
    scratch.holds(&journal);
    scratch.append(&mut journal, &[5]);
    drop(journal);
    scratch.holds(&scratch.open());
}

#[test]
fn an_erasure_that_fails_behind_leaves_all_as_it_was_and_the_frames_wiped() {
    let scratch = Scratch::with(&[&[100], &[200]]);
    let mut journal = scratch.open();
    journal.flush().unwrap();
    scratch.log.get().fail_after(0, Fault::Before);
    journal.erase(&[bodiless(&scratch.records, 1)]).unwrap_err();
    scratch.holds(&journal);
    drop(journal);
    assert!(scratch.bytes()[8192..].iter().all(|&byte| byte == 0));
    scratch.holds(&scratch.open());
}

#[test]
fn the_bytes_are_the_documented_ones() {
    let scratch = Scratch::with(&[&[10]]);
    let bytes = scratch.bytes();
    // The first slot was written at creation, generation 1; closing wrote generation 2.
    assert_eq!(&bytes[4096..4112], b"srvdjrnl\x01\0\0\0\0\0\0\0");
    let slot = &bytes[..112];
    assert_eq!(&slot[..16], b"srvdjrnl\x02\0\0\0\0\0\0\0");
    assert_eq!(&slot[16..32], b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0");
    assert_eq!(&slot[32..40], b"\x01\0\0\0\0\0\0\0");
    assert_eq!(Hash(*slot[40..].first_chunk().unwrap()), scratch.head.link);
    assert_eq!(&slot[72..80], b"\0\0\x40\0\0\0\0\0");
    assert_eq!(&bytes[8192..8200], b"srvdfrm\x01");
}
