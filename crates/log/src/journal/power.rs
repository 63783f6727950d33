//! Simulated power cuts: of what was not synced any part survives, in any order, down to torn sectors.
//!
//! The journal's file keeps apart what is written and what is on the disk, as redb's crash tests do. The power
//! goes at a random step of the file or of the log behind; then the journal is opened on what survived, must
//! hold what was committed and nothing half, and goes on.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::file::{JournalFile, blank};
use super::medium::Medium;
use super::tests::{bodiless, read_all};
use super::*;
use crate::error::{AppendError, LogError};
use crate::log::{Erase, Log, Reader, Stored};
use crate::memory::MemoryLog;
use crate::source::{BatchSource, OneBatch};
use crate::testing::batch;
use servanda_core::chain::record::{Head, Sealed};

const SECTOR: usize = 512;
/// Two slots and twelve pages: laps follow each other quickly.
const FILE_BYTES: usize = 14 * frame::PAGE;
const HISTORIES: u64 = 400;
const CUTS: usize = 6;
const ACTIONS_MAX: u64 = 40;

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// How many steps are left until the power goes.
struct Power {
    steps: u64,
    random: Random,
}

impl Power {
    /// Takes a step. With the power gone it is done in part, or not at all.
    fn step(&mut self) -> Result<(), Cut> {
        match self.steps {
            0 => Err(Cut::Before),
            1 => {
                self.steps = 0;
                Err(Cut::During)
            }
            _ => {
                self.steps -= 1;
                Ok(())
            }
        }
    }
}

enum Cut {
    Before,
    During,
}

fn no_power() -> io::Error {
    io::Error::other("the power is gone")
}

/// What is on the disk, and what was written since the last sync.
struct Disk {
    durable: Vec<u8>,
    live: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

impl Disk {
    fn of(durable: Vec<u8>) -> Self {
        Self {
            live: durable.clone(),
            durable,
            unsynced: Vec::new(),
        }
    }

    /// What a power cut leaves: of each sector that was written all, nothing, or its beginning.
    fn survivors(mut self, random: &mut Random) -> Vec<u8> {
        for (at, bytes) in self.unsynced {
            for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                let kept = match random.below(5) {
                    0 | 1 => sector.len(),
                    2 => random.below(sector.len() as u64) as usize,
                    _ => 0,
                };
                let at = at + number * SECTOR;
                self.durable[at..at + kept].copy_from_slice(&sector[..kept]);
            }
        }
        self.durable
    }
}

/// A file on such a disk.
#[derive(Clone)]
struct Simulated {
    disk: Arc<Mutex<Disk>>,
    power: Arc<Mutex<Power>>,
}

impl Medium for Simulated {
    fn read(&self) -> io::Result<Vec<u8>> {
        Ok(self.disk.lock().unwrap().live.clone())
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let step = self.power.lock().unwrap().step();
        if let Err(Cut::Before) = step {
            return Err(no_power());
        }
        let mut disk = self.disk.lock().unwrap();
        let at = at as usize;
        disk.live[at..at + bytes.len()].copy_from_slice(bytes);
        disk.unsynced.push((at, bytes.to_vec()));
        step.map_err(|_| no_power())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.power.lock().unwrap().step().map_err(|_| no_power())?;
        let mut disk = self.disk.lock().unwrap();
        disk.durable = disk.live.clone();
        disk.unsynced.clear();
        Ok(())
    }
}

/// The log behind, in memory that outlives power cuts. What it does when the power goes is done or not.
#[derive(Clone)]
struct Behind {
    log: Arc<Mutex<MemoryLog>>,
    power: Arc<Mutex<Power>>,
}

impl Behind {
    /// Whether a step that changes something is done, and whether its caller is told so.
    fn step(&self) -> (bool, Result<(), LogError>) {
        let mut power = self.power.lock().unwrap();
        let failed = || LogError::Io {
            doing: "writing".to_owned(),
            source: no_power(),
        };
        match power.step() {
            Ok(()) => (true, Ok(())),
            Err(Cut::Before) => (false, Err(failed())),
            Err(Cut::During) => (power.random.below(2) == 0, Err(failed())),
        }
    }
}

impl Log for Behind {
    fn head(&self) -> Result<Head, LogError> {
        self.log.lock().unwrap().head()
    }
    fn append(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        let (done, told) = self.step();
        let head = if done {
            self.log.lock().unwrap().append(expected, source)?
        } else {
            expected
        };
        told.map(|()| head).map_err(AppendError::Uncertain)
    }
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.log.lock().unwrap().read(from, limit)
    }
    fn reader(&self) -> Arc<dyn Reader> {
        self.log.lock().unwrap().reader()
    }
    fn eraser(&mut self) -> Option<&mut dyn Erase> {
        Some(self)
    }
}

impl Erase for Behind {
    fn erase(&mut self, records: &[Stored]) -> Result<(), LogError> {
        let (done, told) = self.step();
        if done {
            self.log.lock().unwrap().erase(records)?;
        }
        told
    }
}

/// What must be there.
struct Committed {
    records: Vec<Sealed>,
    head: Head,
    /// What the power cut, if anything: records that may be there, or not, but never in part.
    perhaps: Option<(Vec<Sealed>, Head)>,
    /// A record whose erasure was cut.
    perhaps_erased: Option<Stored>,
}

impl Committed {
    /// Compares, and settles what was open.
    fn settle(&mut self, journal: &Journal<Behind>, what: &str) {
        assert_eq!(journal.unsound, None, "{what}");
        let found = read_all(journal);
        if let Some(erased) = self.perhaps_erased.take() {
            let at = erased.seq as usize;
            if found.get(at) == Some(&erased.sealed) {
                self.records[at] = erased.sealed;
            }
        }
        let head = journal.head().unwrap();
        if let Some((batch, after)) = self.perhaps.take().filter(|(_, after)| *after == head) {
            self.records.extend(batch);
            self.head = after;
        }
        assert_eq!(head, self.head, "{what}");
        assert!(found == self.records, "{what}: other records");
    }

    /// Does something at random; false when the power is gone.
    fn act(&mut self, journal: &mut Journal<Behind>, random: &mut Random) -> bool {
        match random.below(12) {
            0 => journal.flush().is_ok(),
            1 if self.head.count > 0 => {
                let stored = bodiless(&self.records, random.below(self.head.count) as usize);
                let done = journal.erase(std::slice::from_ref(&stored)).is_ok();
                if done {
                    self.records[stored.seq as usize] = stored.sealed;
                } else {
                    self.perhaps_erased = Some(stored);
                }
                done
            }
            kind => {
                let lengths: Vec<usize> = match kind {
                    2 => vec![30_000, 20_000],
                    3 => vec![9_000; 2],
                    4 => vec![50; 30],
                    _ => vec![random.below(300) as usize; 1 + random.below(3) as usize],
                };
                let (batch, head) = batch(self.head, &lengths);
                let done = journal
                    .append(self.head, &mut OneBatch::new(batch.to_vec(), head))
                    .is_ok();
                if done {
                    self.records.extend(batch);
                    self.head = head;
                } else {
                    self.perhaps = Some((batch, head));
                }
                done
            }
        }
    }
}

#[test]
fn what_was_committed_survives_power_cuts_and_nothing_is_there_in_part() {
    let mut cut_appends = 0;
    let mut found_appends = 0;
    for history in 0..HISTORIES {
        let mut random = Random(history);
        let log = Arc::new(Mutex::new(MemoryLog::default()));
        let mut survived = blank(FILE_BYTES, Head::EMPTY);
        let mut committed = Committed {
            records: Vec::new(),
            head: Head::EMPTY,
            perhaps: None,
            perhaps_erased: None,
        };
        for cut in 0..=CUTS {
            let what = format!("history {history}, cut {cut}");
            let power = Arc::new(Mutex::new(Power {
                steps: 1_000_000,
                random: Random(random.next()),
            }));
            let file = Simulated {
                disk: Arc::new(Mutex::new(Disk::of(survived))),
                power: Arc::clone(&power),
            };
            let behind = Behind {
                log: Arc::clone(&log),
                power: Arc::clone(&power),
            };
            let open = || {
                let path = Path::new("journal");
                let (file, frames) = JournalFile::read(Box::new(file.clone()), path).unwrap();
                let base = behind.head().unwrap();
                let path = path.to_owned();
                Journal::over(behind.clone(), base, &path, file, frames)
            };
            let mut journal = open();
            let had_cut = committed.perhaps.is_some();
            let before = committed.head;
            committed.settle(&journal, &what);
            cut_appends += usize::from(had_cut);
            found_appends += usize::from(committed.head != before);
            power.lock().unwrap().steps = 1 + random.below(2 * ACTIONS_MAX);
            for _ in 0..ACTIONS_MAX {
                if random.below(8) == 0 {
                    drop(journal);
                    journal = open();
                }
                if !committed.act(&mut journal, &mut random) {
                    break;
                }
                committed.settle(&journal, &what);
            }
            // The power goes now at the latest: while it is closed, or before.
            drop(journal);
            let disk = Arc::clone(&file.disk);
            drop(file);
            let disk = std::mem::replace(&mut *disk.lock().unwrap(), Disk::of(Vec::new()));
            survived = disk.survivors(&mut random);
        }
    }
    // Both outcomes were met.
    assert!(found_appends > 100, "{found_appends} of {cut_appends}");
    assert!(
        cut_appends - found_appends > 100,
        "{found_appends} of {cut_appends}"
    );
}
