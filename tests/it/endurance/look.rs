//! Looks at ledgers by the library, which takes a fraction of the time that the program takes.

use std::path::Path;
use std::time::Duration;

use servanda_core::chain::record::{Record, SALT_LEN};
use servanda_core::event::{Event, Fields, Kind};
use servanda_core::testing::Choices;
use servanda_core::value::when::Instant;
use servanda_ledger::verify::{Unwatched, Verdict, verify};
use servanda_ledger::{Environment, Ledger, Machine};
use servanda_log::directory::{self, LedgerDir};
use servanda_log::{Log as _, LogError, Stored};

use super::broken::{Broken, Fault, hold};

/// How long a ledger is waited for that another process has open. The processes of these tests are dead by then.
const WAIT: Duration = Duration::from_secs(20);

/// Snapshots come often, so that faults meet them.
const SNAPSHOT_EVERY: u64 = 512;

/// The machine's clock at the start of its day, and salts from a seed: a ledger has the same bytes all day.
pub struct Steady(pub Choices);

impl Environment for Steady {
    fn now(&self) -> Instant {
        const DAY: i64 = 24 * 3_600_000_000;
        Instant(Machine.now().0 / DAY * DAY)
    }

    fn salt(&mut self) -> Result<[u8; SALT_LEN], std::io::Error> {
        let mut salt = [0; SALT_LEN];
        salt.fill_with(|| self.0.next() as u8);
        Ok(salt)
    }
}

/// Opens a ledger to append to it.
pub fn open(
    dir: &Path,
    environment: impl Environment + 'static,
) -> Result<Ledger<LedgerDir>, String> {
    let opened = directory::open(dir, WAIT, "a test").map_err(|error| error.to_string())?;
    let ledger = Ledger::open(opened, environment).map_err(|error| error.to_string())?;
    Ok(ledger.snapshot_every(SNAPSHOT_EVERY))
}

/// A text of about so many letters, which does not compress.
pub fn noise(random: &mut Choices, letters: usize) -> String {
    let words = 0..letters.div_ceil(16);
    words.map(|_| format!("{:016x}", random.next())).collect()
}

/// A note, with an import key if there is one.
pub fn note(text: &str, key: Option<String>) -> Event {
    let mut fields = Fields::default();
    fields.set("text", vec![text.to_owned()]);
    fields.set("import_key", key.into_iter().collect());
    Event::build(Kind::Noted, &fields).unwrap()
}

/// What can be seen of a ledger.
pub struct Seen {
    /// What `verify` says.
    pub verdict: Verdict,
    /// Every record that can be read.
    pub records: Vec<Stored>,
}

/// Every record that can be read.
pub fn read_all(log: &LedgerDir) -> Result<Vec<Stored>, Broken> {
    let mut records: Vec<Stored> = Vec::new();
    let mut next = 0;
    loop {
        match log.read(next, 1000) {
            Ok(chunk) if chunk.is_empty() => return Ok(records),
            Ok(chunk) => {
                let after = chunk.last().map_or(0, |last| last.seq + 1);
                hold(after > next, Fault::Hang, || {
                    format!("read {next} gives older records")
                })?;
                next = after;
                records.extend(chunk);
            }
            Err(LogError::Damaged {
                resume: Some(resume),
                what,
            }) => {
                hold(resume > next, Fault::Hang, || {
                    format!("{what}: on from {resume}")
                })?;
                next = resume;
            }
            Err(_) => return Ok(records),
        }
    }
}

/// Verifies an open ledger and reads all of it.
pub fn see(log: &LedgerDir) -> Result<Seen, Broken> {
    let verdict = verify(log, &mut Unwatched);
    let verdict = verdict.map_err(|error| Broken::new(Fault::Stuck, error.to_string()))?;
    let records = read_all(log)?;
    Ok(Seen { verdict, records })
}

/// Looks at a ledger that is not damaged: it opens, and is sound.
pub fn sound(dir: &Path) -> Result<Seen, Broken> {
    let opened = directory::open(dir, WAIT, "a test");
    let log = opened.map_err(|error| Broken::new(Fault::Stuck, error.to_string()))?;
    let seen = see(&log)?;
    let (verdict, count) = (&seen.verdict, seen.records.len() as u64);
    hold(verdict.is_sound(), Fault::Stuck, || {
        format!("{:?}", verdict.findings)
    })?;
    let committed = verdict.acknowledged.count;
    hold(committed == count, Fault::Silent, || {
        format!("{count} of {committed} are read")
    })?;
    Ok(seen)
}

/// Appends a note.
pub fn append(dir: &Path) -> Result<(), String> {
    let mut ledger = open(dir, Machine)?;
    let appended = ledger.append(vec![note("and on", None)]);
    appended.map(drop).map_err(|error| error.to_string())
}

/// The link of a record.
pub fn link(stored: &Stored) -> String {
    Record::open(&stored.sealed)
        .unwrap()
        .header
        .link()
        .to_string()
}

/// Whether the payload of a record is gone.
pub fn is_bodiless(stored: &Stored) -> bool {
    Record::open(&stored.sealed).unwrap().body.is_none()
}
