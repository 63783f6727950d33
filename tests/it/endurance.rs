//! A long run of cases, each made from a seed: files are damaged (`damages.rs`), processes are killed (`kills.rs`), and
//! the power is cut (`servanda_log::journal::power`). Every case ends in a verdict; a broken promise is kept with what is
//! needed to run it again.
//!
//! `sh tests/endurance.sh` makes the long run, and a test here a short one.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use servanda_core::testing::Choices;
use servanda_log::directory;
use servanda_log::journal::power::{self, History};

use self::broken::{Broken, Fault};
use crate::program::Scratch;

pub mod broken;
mod cuts;
mod damages;
pub mod deeds;
mod disk;
pub mod files;
pub mod kills;
mod look;

/// A case that takes longer hangs, by the [`Clock`].
const LIMIT: Duration = Duration::from_secs(180);

/// The smallest part of the time that a busy machine is taken to give: a case that sleeps for ever hangs, too.
const LEAST_SHARE: f64 = 0.05;

/// Of eight cases one cuts the power once, under a whole ledger, and the others in the history of a journal.
const CUTS_OF_EIGHT: u64 = 7 * power::CUTS + 1;

/// What the run is to do: `damages=10 kills=10 cuts=1000 seed=1 seconds=60`, or `case=kills:1:7`.
const WANTED: &str = "SERVANDA_ENDURANCE";

/// The file into which the summary is written.
const SUMMARY: &str = "SERVANDA_ENDURANCE_SUMMARY";

/// What is done to a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Damages,
    Kills,
    Cuts,
}

impl Kind {
    const ALL: [(Self, &str); 3] = [
        (Self::Damages, "damages"),
        (Self::Kills, "kills"),
        (Self::Cuts, "cuts"),
    ];

    fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// One case. Its seed and number decide all of it but the moment of a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Case {
    kind: Kind,
    seed: u64,
    index: u64,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.kind.name(), self.seed, self.index)
    }
}

impl Case {
    fn parse(text: &str) -> Self {
        let parts: Vec<&str> = text.split(':').collect();
        let [kind, seed, index] = parts[..] else {
            panic!("{text} is no case, as kills:1:7 is");
        };
        Self {
            kind: kind_of(kind),
            seed: seed.parse().unwrap(),
            index: index.parse().unwrap(),
        }
    }

    /// The choices of this case, and of no other.
    fn choices(self) -> Choices {
        let mut seeds = Choices(self.seed ^ ((self.kind as u64) << 60));
        let own = seeds.next().wrapping_add(self.index);
        Choices(Choices(own).next())
    }
}

fn kind_of(name: &str) -> Kind {
    let found = Kind::ALL.iter().find(|(_, known)| *known == name);
    found
        .unwrap_or_else(|| panic!("{name} is no kind of case"))
        .0
}

/// What a run is to do.
#[derive(Debug, Clone)]
struct Wanted {
    /// How many damages, kills and power cuts.
    counts: [u64; 3],
    seed: u64,
    /// The time for all of it. Each kind has a third.
    limit: Option<Duration>,
    case: Option<Case>,
}

impl Wanted {
    /// What the script is given; a number alone is a time in seconds.
    fn parse(text: &str) -> Self {
        let mut wanted = Self {
            counts: [10_000, 3_000, 100_000],
            seed: 1,
            limit: None,
            case: None,
        };
        for word in text.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or(("seconds", word));
            let number = || {
                value
                    .parse()
                    .unwrap_or_else(|_| panic!("{word} has no number"))
            };
            match name {
                "seed" => wanted.seed = number(),
                "seconds" => {
                    wanted.limit = Some(Duration::from_secs(number()));
                    wanted.counts = [u64::MAX; 3];
                }
                "case" => wanted.case = Some(Case::parse(value)),
                kind => wanted.counts[kind_of(kind) as usize] = number(),
            }
        }
        wanted
    }
}

/// What is damaged and killed. Made when the first case asks for it.
struct Templates {
    damages: LazyLock<Vec<damages::Template>, Box<dyn FnOnce() -> Vec<damages::Template> + Send>>,
    kills: LazyLock<kills::Templates>,
    cuts: LazyLock<Vec<cuts::Traced>>,
}

/// The time that the processors had for this run: it goes slower than a watch where others wait for them, too.
struct Clock {
    processors: f64,
    now: Duration,
    read: Instant,
}

impl Clock {
    fn new() -> Self {
        Self {
            processors: std::thread::available_parallelism()
                .map_or(1.0, |count| count.get() as f64),
            now: Duration::ZERO,
            read: Instant::now(),
        }
    }

    /// Goes on to now, at the load that the system tells.
    fn go_on(&mut self) {
        let since = self.read.elapsed();
        self.read += since;
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().and_then(|load| load.parse().ok());
        self.now += since.mul_f64(share(self.processors, load.unwrap_or(0.0)));
    }
}

/// The part of a processor that one of so many processes gets which are ready to run.
fn share(processors: f64, load: f64) -> f64 {
    (processors / load.max(processors)).max(LEAST_SHARE)
}

/// A run, and what it found so far.
struct Run {
    wanted: Wanted,
    began: Instant,
    templates: Templates,
    /// How often each kind met what.
    met: Mutex<[BTreeMap<&'static str, u64>; 3]>,
    failed: Mutex<Vec<(Fault, Value)>>,
    clock: Mutex<Clock>,
    /// Since when each case runs.
    running: Mutex<Vec<(Case, Duration)>>,
}

impl Run {
    fn new(wanted: Wanted) -> Self {
        let seed = wanted.seed;
        Self {
            wanted,
            began: Instant::now(),
            templates: Templates {
                damages: LazyLock::new(Box::new(move || damages::templates(seed))),
                kills: LazyLock::new(kills::templates),
                cuts: LazyLock::new(cuts::templates),
            },
            met: Mutex::default(),
            failed: Mutex::default(),
            clock: Mutex::new(Clock::new()),
            running: Mutex::default(),
        }
    }

    /// Runs everything that is wanted, and gives the summary.
    fn whole(self) -> Value {
        if let Some(case) = self.wanted.case {
            self.all_of(case.kind, case.index..case.index + 1, None);
            return self.summary();
        }
        for (number, (kind, name)) in (1..).zip(Kind::ALL) {
            let count = self.wanted.counts[kind as usize];
            let count = match kind {
                Kind::Cuts => count.div_ceil(CUTS_OF_EIGHT).saturating_mul(8),
                _ => count,
            };
            let until = self
                .wanted
                .limit
                .map(|limit| self.began + limit * number / 3);
            self.all_of(kind, 0..count, until);
            eprintln!("{name}: done after {} s", self.began.elapsed().as_secs());
        }
        self.summary()
    }

    /// Runs the cases of a kind on all processors.
    fn all_of(&self, kind: Kind, cases: Range<u64>, until: Option<Instant>) {
        let next = AtomicU64::new(cases.start);
        let seed = self.wanted.case.map_or(self.wanted.seed, |case| case.seed);
        let work = || loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let is_late = until.is_some_and(|until| Instant::now() > until);
            if index >= cases.end || is_late {
                return;
            }
            self.case(Case { kind, seed, index });
        };
        let ended = AtomicBool::new(false);
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            scope.spawn(|| self.watch(&ended));
            std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
            ended.store(true, Ordering::Relaxed);
        });
    }

    /// Ends everything where a case hangs, for nothing else can end it.
    fn watch(&self, ended: &AtomicBool) {
        while !ended.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(100));
            self.clock.lock().unwrap().go_on();
            let now = self.now();
            let running = self.running.lock().unwrap().clone();
            let hanging = running.iter().find(|(_, since)| now - *since > LIMIT);
            if let Some((case, _)) = hanging {
                let what = format!("no end after {LIMIT:?}");
                self.broken(*case, Broken::new(Fault::Hang, what));
                write_summary(&self.summary());
                std::process::exit(1);
            }
        }
    }

    fn now(&self) -> Duration {
        self.clock.lock().unwrap().now
    }

    /// Runs a case, and notes what it met.
    fn case(&self, case: Case) {
        let began = self.now();
        self.running.lock().unwrap().push((case, began));
        let outcome = catch_unwind(AssertUnwindSafe(|| self.outcome(case)));
        let outcome = outcome.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(Broken::new(Fault::Panic, text.unwrap_or("without a text")))
        });
        let mut running = self.running.lock().unwrap();
        running.retain(|(other, _)| *other != case);
        drop(running);
        if let Err(broken) = outcome {
            self.broken(case, broken);
        }
    }

    fn outcome(&self, case: Case) -> Result<(), Broken> {
        let mut random = case.choices();
        let note = |what, times| {
            let mut met = self.met.lock().unwrap();
            *met[case.kind as usize].entry(what).or_default() += times;
        };
        match case.kind {
            Kind::Damages => {
                note(
                    damages::damaged(&self.templates.damages, case.index, &mut random)?,
                    1,
                );
            }
            Kind::Kills => {
                note(
                    kills::killed(&self.templates.kills, case.index, &mut random)?,
                    1,
                );
            }
            Kind::Cuts if case.index % 8 == 7 => {
                let traced = &self.templates.cuts;
                if !traced.is_empty() {
                    note(cuts::cut(traced, &mut random)?, 1);
                }
            }
            Kind::Cuts => {
                let met = History::run(random.next())?;
                note("in an append that was there afterwards", met.kept);
                note("in an append that was not", met.appends - met.kept);
                note("between appends", met.cuts - met.appends);
            }
        }
        Ok(())
    }

    /// Notes a broken promise, and keeps its files.
    fn broken(&self, case: Case, broken: Broken) {
        let mut kept = None;
        if let Some(files) = &broken.left {
            let dir = kept_at(case);
            let _of_an_earlier_run = fs::remove_dir_all(&dir);
            fs::create_dir_all(dir.join("left")).unwrap();
            files.put(&dir.join("left"));
            fs::write(dir.join("what"), &broken.what).unwrap();
            kept = Some(dir);
        }
        let again = format!("sh tests/endurance.sh case={case}");
        eprintln!("{:?}: {}\nrun it again: {again}", broken.fault, broken.what);
        let failed = json!({
            "case": case.to_string(),
            "verdict": name_of(broken.fault),
            "what": broken.what,
            "kept": kept,
            "again": again,
        });
        self.failed.lock().unwrap().push((broken.fault, failed));
    }

    fn summary(&self) -> Value {
        let (met, failed) = (self.met.lock().unwrap(), self.failed.lock().unwrap());
        let verdicts: BTreeMap<&str, usize> = Fault::ALL
            .iter()
            .map(|(fault, name)| (*name, failed.iter().filter(|(met, _)| met == fault).count()))
            .collect();
        let mut summary = json!({
            "seed": self.wanted.seed,
            "seconds": self.began.elapsed().as_secs(),
            "verdicts": verdicts,
            "failed": failed.iter().map(|(_, failed)| failed).collect::<Vec<_>>(),
        });
        for ((_, name), met) in Kind::ALL.iter().zip(&*met) {
            summary[*name] = json!({ "all": met.values().sum::<u64>(), "of_them": met });
        }
        summary
    }
}

fn name_of(fault: Fault) -> &'static str {
    Fault::ALL[fault as usize].1
}

/// Where what a case left is kept.
fn kept_at(case: Case) -> PathBuf {
    let name = case.to_string().replace(':', "-");
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("endurance")
        .join(name)
}

/// Writes the summary where the script reads it.
fn write_summary(summary: &Value) {
    if let Some(file) = std::env::var_os(SUMMARY) {
        fs::write(file, format!("{summary:#}\n")).unwrap();
    }
}

/// The panics of sled are caught, and their texts become errors: they are not shown.
fn hide_guarded_panics() {
    let shown = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !servanda_log::sled::is_guarded() {
            shown(info);
        }
    }));
}

#[test]
#[ignore = "takes long: sh tests/endurance.sh"]
fn a_long_run_breaks_no_promise() {
    hide_guarded_panics();
    let wanted = std::env::var(WANTED).unwrap_or_default();
    let summary = Run::new(Wanted::parse(&wanted)).whole();
    write_summary(&summary);
    assert_eq!(summary["failed"], json!([]), "{summary:#}");
}

/// On a machine that others use, a case may take longer before it is said to hang, and not for ever.
#[test]
fn a_busy_machine_is_no_hang() {
    assert_eq!(share(2.0, 0.3), 1.0);
    assert_eq!(share(2.0, 2.0), 1.0);
    assert_eq!(share(2.0, 16.0), 0.125);
    assert_eq!(share(2.0, 1e9), LEAST_SHARE);
    let mut clock = Clock::new();
    std::thread::sleep(Duration::from_millis(50));
    clock.go_on();
    assert!(
        clock.now > Duration::ZERO && clock.now <= clock.read.elapsed() + Duration::from_secs(10)
    );
}

#[test]
fn a_short_run_breaks_no_promise() {
    let wanted = Wanted::parse("damages=60 kills=36 cuts=300 seed=2");
    let summary = Run::new(wanted).whole();
    eprintln!("{summary:#}");
    assert_eq!(summary["failed"], json!([]), "{summary:#}");
    assert_eq!(summary["kills"]["all"], 36);
    // Every command was killed, and damage of both sorts was met.
    let kinds = |kind: &str| summary[kind]["of_them"].as_object().unwrap().len();
    assert_eq!((kinds("damages"), kinds("kills")), (4, 8));
    assert!(kinds("cuts") > 3);
}

/// A ledger that is made is there, or its making is said to be broken off; nothing looks like one and is none.
#[test]
fn init_survives_kill_9() {
    let mut random = Choices(0xfade);
    for _ in 0..20 {
        let scratch = Scratch::empty();
        let mut command = scratch.servanda();
        command.args(["init", "--origin", "example.org/test"]);
        let mut child = command
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(random.below(120) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        let log = scratch.run(&["log"]);
        let again = scratch.run(&["init", "--origin", "example.org/test"]);
        match log.code {
            Some(0) => {
                again.fails(1, &["is a ledger already"]);
                scratch.run(&["verify"]).ok();
                scratch.run(&["record", "note", "--text", "first"]).ok();
            }
            _ if log.stderr.contains("holds no record") => {
                log.fails(20, &["interrupted", "servanda init"]);
                again.ok();
            }
            _ if log.stderr.contains("never finished") => {
                log.fails(20, &["nothing was ever recorded", "servanda init"]);
                again.ok();
            }
            _ => {
                let not_begun = log.stderr.contains("does not exist");
                assert!(
                    not_begun || log.stderr.contains("is not a ledger"),
                    "{log:#?}"
                );
                log.fails(20, &["init"]);
                again.ok();
            }
        }
    }
}

/// A ledger whose making was broken off between its marker and its first record.
#[test]
fn a_ledger_without_its_first_record_can_be_made_again() {
    let scratch = Scratch::empty();
    drop(directory::create(&scratch.ledger(), "a test").unwrap());
    let commands: [&[&str]; 5] = [
        &["log"],
        &["verify"],
        &["export"],
        &["export", "--raw"],
        &["record", "note", "--text", "x"],
    ];
    for words in commands {
        let outcome = scratch.run(words);
        outcome.fails(20, &["holds no record", "servanda init"]);
    }
    let init = ["init", "--origin", "example.org/test"];
    scratch.run(&[&init[..], &["--dry-run"]].concat()).ok();
    scratch.run(&["log"]).fails(20, &["holds no record"]);
    scratch.run(&init).ok();
    scratch.run(&["verify"]).ok();
    scratch.run(&init).fails(1, &["is a ledger already"]);
}
