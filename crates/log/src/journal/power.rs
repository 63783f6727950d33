//! Simulated power cuts: of what was not synced any part survives, in any order, down to torn sectors.
//!
//! The journal's file keeps apart what is written and what is on the disk, as redb's crash tests do. The power
//! goes at a random step of the file or of the log behind; then the journal is opened on what survived, must
//! hold what was committed and nothing half, and goes on.
//!
//! A [`History`] is a journal that lives through some power cuts, all of them chosen by its seed.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::file::{JournalFile, blank};
use super::frame;
use super::log::Journal;
use super::medium::Medium;
use crate::error::{AppendError, LogError};
use crate::log::{Erase, Log, Reader, Stored};
use crate::memory::MemoryLog;
use crate::source::{BatchSource, OneBatch};
use crate::testing::{Broken, batch, bodiless};
use servanda_core::chain::record::{Head, Sealed};
use servanda_core::testing::Choices;

const SECTOR: usize = 512;
/// Two slots and twelve pages: laps follow each other quickly.
const FILE_BYTES: usize = 14 * frame::PAGE;
/// Power cuts of one history.
pub const CUTS: u64 = 6;
const ACTIONS_MAX: usize = 40;
/// More steps than a history has actions.
const ENDLESS: u64 = 1_000_000;

/// How many steps are left until the power goes.
struct Power {
    steps: u64,
    random: Choices,
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

/// Locks what no test leaves half changed.
fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn survivors(mut self, random: &mut Choices) -> Vec<u8> {
        for (at, bytes) in self.unsynced {
            for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                let kept = match random.below(5) {
                    0 | 1 => sector.len(),
                    2 => random.below(sector.len()),
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
    /// Whether a sync does what it says.
    is_honest: bool,
    power: Arc<Mutex<Power>>,
}

impl Medium for Simulated {
    fn length(&self) -> io::Result<u64> {
        Ok(locked(&self.disk).live.len() as u64)
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let at = at as usize;
        bytes.copy_from_slice(&locked(&self.disk).live[at..at + bytes.len()]);
        Ok(())
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let step = locked(&self.power).step();
        if let Err(Cut::Before) = step {
            return Err(no_power());
        }
        let mut disk = locked(&self.disk);
        let at = at as usize;
        disk.live[at..at + bytes.len()].copy_from_slice(bytes);
        disk.unsynced.push((at, bytes.to_vec()));
        step.map_err(|_| no_power())
    }

    fn sync_data(&self) -> io::Result<()> {
        locked(&self.power).step().map_err(|_| no_power())?;
        if !self.is_honest {
            return Ok(());
        }
        let mut disk = locked(&self.disk);
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
        let mut power = locked(&self.power);
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
        locked(&self.log).head()
    }
    fn append(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        let (done, told) = self.step();
        let head = if done {
            locked(&self.log).append(expected, source)?
        } else {
            expected
        };
        told.map(|()| head).map_err(AppendError::Uncertain)
    }
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        locked(&self.log).read(from, limit)
    }
    fn reader(&self) -> Arc<dyn Reader> {
        locked(&self.log).reader()
    }
    fn eraser(&mut self) -> Option<&mut dyn Erase> {
        Some(self)
    }
}

impl Erase for Behind {
    fn erase(&mut self, records: &[Stored]) -> Result<(), LogError> {
        let (done, told) = self.step();
        if done {
            locked(&self.log).erase(records)?;
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
    fn settle(&mut self, journal: &Journal<Behind>) -> Result<(), Broken> {
        if let Some(why) = &journal.unsound {
            return Err(Broken::Stuck(why.clone()));
        }
        let stuck = |error: LogError| Broken::Stuck(error.to_string());
        let mut found = Vec::new();
        loop {
            let chunk = journal.read(found.len() as u64, 100).map_err(stuck)?;
            if chunk.is_empty() {
                break;
            }
            found.extend(chunk.into_iter().map(|stored| stored.sealed));
        }
        if let Some(erased) = self.perhaps_erased.take() {
            let at = erased.seq as usize;
            if found.get(at) == Some(&erased.sealed) {
                self.records[at] = erased.sealed;
            }
        }
        let head = journal.head().map_err(stuck)?;
        if let Some((batch, after)) = self.perhaps.take().filter(|(_, after)| *after == head) {
            self.records.extend(batch);
            self.head = after;
        }
        let told = format!("{} committed, {head} found", self.head);
        if head.count < self.head.count || found.len() < self.records.len() {
            return Err(Broken::Lost(told));
        }
        if head != self.head || found != self.records {
            return Err(Broken::InPart(told));
        }
        Ok(())
    }

    /// Does something at random; false when it failed.
    fn act(&mut self, journal: &mut Journal<Behind>, random: &mut Choices) -> bool {
        match random.below(12) {
            0 => journal.flush().is_ok(),
            1 if self.head.count > 0 => {
                let stored = bodiless(&self.records, random.below(self.records.len()));
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
                    _ => vec![random.below(300); 1 + random.below(3)],
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

/// A journal that lives through [`CUTS`] power cuts.
pub struct History {
    random: Choices,
    log: Arc<Mutex<MemoryLog>>,
    /// What is on the disk.
    survived: Vec<u8>,
    committed: Committed,
    met: Met,
    is_honest: bool,
}

/// What the power cuts of a history interrupted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Met {
    /// The number of power cuts.
    pub cuts: u64,
    /// How many of them came in an append.
    pub appends: u64,
    /// How many of those appends were there afterwards.
    pub kept: u64,
}

impl History {
    /// Runs the history of this seed to its end.
    ///
    /// # Errors
    /// The first promise that the journal broke.
    pub fn run(seed: u64) -> Result<Met, Broken> {
        Self::on_a_disk(true, seed)
    }

    fn on_a_disk(is_honest: bool, seed: u64) -> Result<Met, Broken> {
        let mut history = Self {
            random: Choices(seed),
            log: Arc::default(),
            survived: blank(FILE_BYTES, Head::EMPTY),
            committed: Committed {
                records: Vec::new(),
                head: Head::EMPTY,
                perhaps: None,
                perhaps_erased: None,
            },
            met: Met::default(),
            is_honest,
        };
        for _ in 0..CUTS {
            history.live()?;
            history.met.cuts += 1;
        }
        // What the last cut left is looked at, too.
        history.live().map(|()| history.met)
    }

    /// From one power cut to the next.
    fn live(&mut self) -> Result<(), Broken> {
        let power = Arc::new(Mutex::new(Power {
            steps: ENDLESS,
            random: Choices(self.random.next()),
        }));
        let survived = std::mem::take(&mut self.survived);
        let file = Simulated {
            disk: Arc::new(Mutex::new(Disk::of(survived))),
            is_honest: self.is_honest,
            power: Arc::clone(&power),
        };
        let behind = Behind {
            log: Arc::clone(&self.log),
            power: Arc::clone(&power),
        };
        let mut journal = opened(&file, &behind)?;
        let (was_cut, before) = (self.committed.perhaps.is_some(), self.committed.head);
        self.committed.settle(&journal)?;
        self.met.appends += u64::from(was_cut);
        self.met.kept += u64::from(self.committed.head != before);
        locked(&power).steps = 1 + self.random.below(2 * ACTIONS_MAX) as u64;
        for _ in 0..ACTIONS_MAX {
            if self.random.one_in(8) {
                drop(journal);
                journal = opened(&file, &behind)?;
            }
            if !self.committed.act(&mut journal, &mut self.random) {
                if locked(&power).steps > 0 {
                    return Err(Broken::Stuck("refused without a power cut".to_owned()));
                }
                break;
            }
            if self.random.one_in(4) {
                self.committed.settle(&journal)?;
            }
        }
        // The power goes now at the latest: while it is closed, or before.
        drop(journal);
        let disk = std::mem::replace(&mut *locked(&file.disk), Disk::of(Vec::new()));
        self.survived = disk.survivors(&mut self.random);
        Ok(())
    }
}

fn opened(file: &Simulated, behind: &Behind) -> Result<Journal<Behind>, Broken> {
    let path = Path::new("journal");
    let stuck = |error: LogError| Broken::Stuck(error.to_string());
    let (file, frames) = JournalFile::read(Box::new(file.clone()), path).map_err(stuck)?;
    let base = behind.head().map_err(stuck)?;
    Ok(Journal::over(behind.clone(), base, path, file, frames))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_committed_survives_power_cuts_and_nothing_is_there_in_part() {
        let (mut appends, mut kept) = (0, 0);
        for seed in 0..100 {
            let met = History::run(seed);
            let met = met.unwrap_or_else(|broken| panic!("history {seed}: {broken:?}"));
            assert_eq!(met.cuts, CUTS);
            appends += met.appends;
            kept += met.kept;
        }
        // Both outcomes were met.
        assert!(kept > 20 && appends - kept > 20, "{kept} of {appends}");
    }

    /// The histories find what they are made to find.
    #[test]
    fn a_disk_whose_syncs_do_nothing_loses_what_was_committed() {
        let lost =
            (0..20).filter(|seed| matches!(History::on_a_disk(false, *seed), Err(Broken::Lost(_))));
        let lost = lost.count();
        assert!(lost > 5, "{lost}");
    }
}
