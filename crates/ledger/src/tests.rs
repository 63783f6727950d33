//! Whatever a ledger does, with every step of the log below it failing once, and twice in a row: it is done or not
//! done, nothing that was committed is lost, the ledger still answers, and doing it again succeeds.

use servanda_core::chain::record::Head;
use servanda_core::value::id::Seq;
use servanda_log::Log;
use std::fs;
use std::path::PathBuf;

use super::replay::{KnownAt, replay_in_full};
use super::testing::*;
use super::verify::{Unwatched, verify};
use super::*;
use super::{Given, StreamError};
use servanda_core::chain::record::{Record, Sealed};
use servanda_core::event::{Envelope, Redacted};
use servanda_log::faulty::{Fault, Faulty};
use servanda_log::journal::Journal;
use servanda_log::memory::MemoryLog;
use servanda_log::{AppendError, Parts as _, Shared};

type Subject = Ledger<Box<dyn Log>>;

/// Something that a ledger does. It can be done twice: the second time there is nothing left to do.
struct Deed {
    name: &'static str,
    act: fn(&mut Subject) -> Result<(), LedgerError>,
    /// How many records it adds.
    adds: usize,
    /// The records of the story whose payloads it destroys.
    destroys: &'static [usize],
    /// How the steps fail, and how many in a row.
    faults: &'static [(u64, Fault)],
    /// How many steps it takes at least: fewer, and nothing was tried.
    steps: u64,
}

const ONCE_AND_TWICE: &[(u64, Fault)] = &[
    (1, Fault::Before),
    (1, Fault::After),
    (2, Fault::Before),
    (2, Fault::After),
];

const DEEDS: &[Deed] = &[
    Deed {
        name: "append",
        act: |ledger| {
            let events = vec![keyed("one", "new 1"), keyed("two", "new 2")];
            ledger.append(events).map(drop)
        },
        adds: 2,
        destroys: &[],
        faults: ONCE_AND_TWICE,
        steps: 3,
    },
    Deed {
        name: "append a group",
        act: |ledger| {
            let request = |text: &str| vec![keyed(text, text).into()];
            let outcomes =
                ledger.append_group(["new 1", "new 2", "new 3"].map(request).to_vec())?;
            outcomes
                .into_iter()
                .try_for_each(|outcome| outcome.map(drop))
        },
        adds: 3,
        destroys: &[],
        faults: ONCE_AND_TWICE,
        steps: 3,
    },
    Deed {
        name: "import a few",
        act: |ledger| import(ledger, 3, "short"),
        adds: 3,
        destroys: &[],
        faults: ONCE_AND_TWICE,
        steps: 3,
    },
    Deed {
        // More than one batch of the chain, for they are closed when they have 4 MiB.
        name: "import many",
        act: |ledger| import(ledger, 150, &"long ".repeat(6_000)),
        adds: 150,
        destroys: &[],
        faults: &[(1, Fault::Amid)],
        steps: 3,
    },
    Deed {
        name: "redact",
        act: |ledger| {
            let text = |text: &str| text.parse().unwrap();
            let fact = Redacted {
                record: Seq(7),
                reason: text("names a witness"),
                authority: text("court order 7"),
            };
            ledger.redact(fact, Envelope::EMPTY).map(drop)
        },
        adds: 2,
        destroys: &[7, 8, 9],
        faults: ONCE_AND_TWICE,
        steps: 9,
    },
    Deed {
        name: "finish a redaction",
        act: |ledger| ledger.finish_redactions().map(drop),
        adds: 0,
        destroys: &[8],
        faults: ONCE_AND_TWICE,
        steps: 5,
    },
    Deed {
        name: "compact",
        act: |ledger| Ok(ledger.log.compacting()?.compact().map(drop)?),
        adds: 0,
        destroys: &[],
        faults: ONCE_AND_TWICE,
        steps: 1,
    },
];

fn import(ledger: &mut Subject, count: usize, text: &str) -> Result<(), LedgerError> {
    let mut places = 0..count;
    let outcome = ledger.append_stream(|_| {
        Ok(places.next().map(|place| Given {
            place,
            submission: keyed(text, &format!("new {place}")).into(),
            if_irregular: None,
        }))
    });
    outcome.map(drop).map_err(|error| match error {
        StreamError::Ledger(error) => error,
        StreamError::Source(()) => unreachable!("{error}"),
    })
}

/// Where the ledger lies: in a log that fails when told to, perhaps with a journal before it.
struct Site {
    log: Shared<Faulty<MemoryLog>>,
    journal: Option<tempfile::TempDir>,
}

/// What there is before anything fails.
struct Beginning {
    memory: MemoryLog,
    /// The journal's bytes.
    journal: Option<Vec<u8>>,
    /// What is there.
    found: Found,
}

impl Beginning {
    /// The story, in memory alone, or with its last appends in a journal.
    fn of_the_story(is_journalled: bool) -> Self {
        let site = if is_journalled {
            let site = Site::new(MemoryLog::default(), Some(&[]));
            Journal::<MemoryLog>::create(&site.path().unwrap(), Head::EMPTY).unwrap();
            drop(told(site.open_store(), 5));
            site
        } else {
            Site::new(storied().into_log(), None)
        };
        let (memory, journal) = site.left();
        Self {
            memory,
            journal,
            found: site.found(),
        }
    }
}

impl Site {
    fn new(memory: MemoryLog, journal: Option<&[u8]>) -> Self {
        let site = Self {
            log: Shared::new(Faulty::new(memory)),
            journal: journal.map(|_| tempfile::tempdir().unwrap()),
        };
        if let (Some(path), Some(bytes)) = (site.path(), journal) {
            fs::write(path, bytes).unwrap();
        }
        site
    }

    /// What lies there now.
    fn left(&self) -> (MemoryLog, Option<Vec<u8>>) {
        let memory = self.log.get().inner().clone();
        (memory, self.path().map(|path| fs::read(path).unwrap()))
    }

    fn path(&self) -> Option<PathBuf> {
        let dir = self.journal.as_ref()?;
        Some(dir.path().join("journal"))
    }

    fn open_store(&self) -> Box<dyn Log> {
        match self.path() {
            None => Box::new(self.log.clone()),
            Some(path) => Box::new(Journal::open(&path, self.log.clone()).unwrap()),
        }
    }

    fn open(&self) -> Subject {
        // Often, so that snapshots are among the steps.
        let ledger = Ledger::open(self.open_store(), Steady::default()).unwrap();
        ledger.snapshot_every(2)
    }

    /// What is there, as whoever opens it now would find it. The site itself is not touched.
    fn found(&self) -> Found {
        let (memory, journal) = self.left();
        Found::of(Self::new(memory, journal.as_deref()).open().log())
    }
}

/// The records of a sound store.
#[derive(Debug, PartialEq)]
struct Found {
    records: Vec<Sealed>,
    head: Head,
}

impl Found {
    #[track_caller]
    fn of(log: &impl Log) -> Self {
        let verdict = verify(log, &mut Unwatched).unwrap();
        assert!(verdict.is_sound(), "{:#?}", verdict.findings);
        let stored = log.read(0, usize::MAX).unwrap();
        Self {
            records: stored.into_iter().map(|stored| stored.sealed).collect(),
            head: log.head().unwrap(),
        }
    }

    fn is_gone(&self, seq: usize) -> bool {
        Record::open(&self.records[seq]).unwrap().body.is_none()
    }
}

/// How far a deed was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Done {
    Nothing,
    /// What it adds is there, and the payloads are too.
    Recorded,
    All,
}

impl Deed {
    /// How far it was done between two looks; nothing is done in part, and nothing else is.
    fn done(&self, before: &Found, after: &Found, what: &str) -> Done {
        let added = after.records.len() - before.records.len();
        assert!(added == 0 || added == self.adds, "{added} records {what}");
        for (seq, (then, now)) in before.records.iter().zip(&after.records).enumerate() {
            let is_spared = !self.destroys.contains(&seq) || !after.is_gone(seq);
            assert!(!is_spared || then == now, "record {seq} changed {what}");
        }
        let gone = self
            .destroys
            .iter()
            .filter(|seq| after.is_gone(**seq))
            .count();
        assert!(
            gone == 0 || gone == self.destroys.len(),
            "{gone} payloads {what}"
        );
        match (added == self.adds, gone == self.destroys.len()) {
            (true, true) if self.adds + self.destroys.len() > 0 => Done::All,
            (true, false) if self.adds > 0 => Done::Recorded,
            (false, _) if gone > 0 => panic!("destroyed and not recorded {what}"),
            _ => Done::Nothing,
        }
    }

    /// Whether an outcome says what became of it.
    fn tells(&self, outcome: &Result<(), LedgerError>, done: Done) -> bool {
        match outcome {
            Ok(()) => done == Done::All || self.adds + self.destroys.len() == 0,
            // Nobody knows, and all is possible; two faults in a row are needed for it.
            Err(LedgerError::Uncertain(_)) => true,
            // What the redaction found out about the log may come after the log was done.
            Err(LedgerError::NotErased(_)) => done >= Done::Recorded,
            Err(_) => done == Done::Nothing || self.adds == 0,
        }
    }

    /// Does it with so many steps in a row failing; whether the first of them was reached.
    fn survives(&self, beginning: &Beginning, times: u64, step: u64, fault: Fault) -> bool {
        let what = format!(
            "where step {step} of `{}` fails ({times}, {fault:?}, journal: {})",
            self.name,
            beginning.journal.is_some()
        );
        let site = Site::new(beginning.memory.clone(), beginning.journal.as_deref());
        let before = &beginning.found;
        let mut ledger = site.open();
        let first = site.log.get().steps() + step;
        site.log.get().fail_times(times, step, fault);
        let outcome = (self.act)(&mut ledger);
        let is_reached = site.log.get().steps() > first;
        site.log.get().mend();

        let done = self.done(before, &site.found(), &what);
        assert!(self.tells(&outcome, done), "{outcome:?}, {done:?} {what}");
        let is_uncertain = matches!(outcome, Err(LedgerError::Uncertain(_)));
        assert!(
            !is_uncertain || times > 1,
            "one fault leaves no doubt {what}"
        );
        if !is_uncertain {
            // It answers, and what it answers is what is there.
            assert_eq!(Found::of(ledger.log()), site.found(), "{what}");
        }
        let again = (self.act)(&mut ledger);
        if again.is_err() {
            assert!(
                is_uncertain && beginning.journal.is_some(),
                "{again:?} {what}"
            );
            ledger = site.open();
            (self.act)(&mut ledger).unwrap_or_else(|error| panic!("{error} {what}"));
        }
        let found = site.found();
        let done = self.done(before, &found, &what);
        assert!(self.tells(&Ok(()), done), "{done:?} when done again {what}");
        assert_eq!(ledger.head(), found.head, "{what}");
        let replayed = replay_in_full(ledger.log(), KnownAt::Now).unwrap();
        assert_eq!(ledger.state(), &replayed.state, "{what}");
        is_reached
    }
}

#[test]
fn whatever_step_fails_it_is_done_or_not_and_can_be_done_again() {
    for is_journalled in [false, true] {
        let beginning = Beginning::of_the_story(is_journalled);
        for deed in DEEDS {
            for (times, fault) in deed.faults.iter().copied() {
                let survived = |step: &u64| deed.survives(&beginning, times, *step, fault);
                let steps = (0..).take_while(survived).count() as u64;
                assert!(steps >= deed.steps, "{} took {steps} steps", deed.name);
            }
        }
    }
}

/// Salvaging reads from one store and writes to another; either may fail.
#[test]
fn whatever_step_fails_what_is_salvaged_is_there_whole_or_not_at_all() {
    let old = storied().into_log();
    let head = old.head().unwrap();
    for fault in Fault::ALL {
        for is_old in [true, false] {
            let mut reached = 0;
            for step in 0..3 {
                let (mut from, mut into) =
                    (Faulty::new(old.clone()), Faulty::new(MemoryLog::default()));
                let failing = if is_old { &mut from } else { &mut into };
                failing.fail_after(step, fault);
                let outcome = recover::copy_beginning(&from, head, &mut into);
                reached += u64::from(if is_old { &from } else { &into }.steps() > step);
                let copied = into.inner().records().len();
                assert!(copied == 0 || copied == 13, "{copied}");
                match outcome {
                    Ok(()) => assert_eq!(copied, 13),
                    Err(AppendError::Uncertain(_)) => assert_eq!(fault, Fault::After),
                    Err(error) => assert_eq!(copied, 0, "{error}"),
                }
                if copied == 0 {
                    recover::copy_beginning(&from, head, &mut into).unwrap();
                }
                assert_eq!(Found::of(into.inner()), Found::of(&old));
            }
            assert!(reached > 0);
        }
    }
}
