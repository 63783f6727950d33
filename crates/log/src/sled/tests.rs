use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::files::*;
use super::guard::{guarded, is_guarded, translated};
use super::log::Sled;
use super::rewrite::Rewriting;
use super::room::{RESERVE, RESERVE_BYTES, check_room, is_for_want_of_room, size_of};
use super::snapshots::{SEAL, snapshot_key};
use super::trees::{READ_PER_HANDLE, WRITTEN_PER_HANDLE, check_clock};
use crate::block;
use crate::conformance::{self, Site};
use crate::error::{Aborted, AppendError, LogError};
use crate::log::{Compact as _, Compaction, Erase as _, Log, SnapshotCache as _, Stored};
use crate::pre_open_backup::{self, Parts};
use crate::source::{Batch, BatchSource, NoBatch, OneBatch};
use crate::swap;
use crate::testing::batch;
use ::sled::Tree;
use servanda_core::chain::record::{Body, Hash, Head, Record, SALT_LEN, Sealed};
use servanda_core::chain::testing::bind_bodies;

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

    /// What an append leaves that dies before it is committed.
    fn leave_behind(&self, records: &[Sealed]) {
        let log = opened(self.path());
        let trees = log.trees().unwrap();
        for entry in block::pack(self.head.count, block::slices(records)) {
            trees.insert(&entry.key(), entry.value).unwrap();
        }
        trees.sync().unwrap();
    }

    /// Changes the tree of blocks behind the log's back.
    fn tamper(&self, change: impl FnOnce(&Tree)) {
        let log = opened(self.path());
        let trees = log.trees().unwrap();
        change(trees.blocks_to_write().unwrap());
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
    let blocks = log.trees().unwrap().blocks.get().unwrap().clone();
    let key = |found: ::sled::Result<::sled::IVec>| block::parse_key(&found.unwrap()).unwrap();
    blocks.iter().keys().map(key).collect()
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

/// A batch that compressing makes little smaller.
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

mod appending;
mod damage;
fn remove_snaps(scratch: &Scratch) {
    for entry in fs::read_dir(scratch.path().join(RECORDS)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if name.starts_with("snap.") {
            fs::remove_file(&path).unwrap();
        }
    }
}

#[cfg(target_os = "linux")]
mod disk;
mod rewriting;

/// The program itself was tried with a faked clock.
#[test]
fn a_clock_before_1970_is_an_error() {
    let epoch = SystemTime::UNIX_EPOCH;
    assert!(check_clock(epoch).is_ok());
    let before = check_clock(epoch - Duration::from_secs(1));
    assert!(matches!(before, Err(LogError::Clock)));
}
