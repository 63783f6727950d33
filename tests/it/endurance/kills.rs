//! Kills: `kill -9` of processes that write, at a random moment, at a system call, or in the middle of one append after
//! another. What was acknowledged stays, and what was not is there whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use servanda_core::testing::Choices;
use servanda_ledger::{Machine, Receipt};
use servanda_log::Log as _;

use super::broken::{Broken, Fault, hold};
use super::deeds::{Deed, receipts};
use super::files::Files;
use super::look::{self, noise, note, open};
use crate::program::{Outcome, SERVANDA, Scratch};
use crate::syscalls;

/// Sizes of the batches: within a run of records, over its end, and over several.
const BATCHES: [usize; 3] = [50, 70, 130];

/// A batch that the log cannot write in one go. It comes now and then, for it makes the ledger long.
const LARGE_BATCH: usize = 1100;

/// Tells a copy of this test program to append to the ledger in this directory until it is killed.
const APPEND_TO: &str = "SERVANDA_TEST_APPEND_TO";

/// How often that copy opens the ledger.
const APPEND_TIMES: &str = "SERVANDA_TEST_APPEND_TIMES";

/// What that copy begins its import keys with.
const APPEND_AS: &str = "SERVANDA_TEST_APPEND_AS";

/// What is killed.
pub struct Templates {
    deeds: Vec<Killed>,
    /// An empty ledger, with files to import.
    empty: Scratch,
    /// One with records, of which the last are in the journal.
    grown: Scratch,
}

/// A deed that is killed.
struct Killed {
    deed: Deed,
    /// How long it takes if it is not.
    whole: Duration,
    /// Its system calls that may write; none without `strace`.
    calls: Vec<(String, usize)>,
}

/// Makes what is killed.
pub fn templates() -> Templates {
    let deeds = Deed::all().into_iter().map(|deed| {
        let scratch = deed.template.copied();
        let began = Instant::now();
        scratch.run_on(&deed.words, &deed.input).ok();
        let whole = began.elapsed();
        let calls = if syscalls::is_there() {
            syscalls::calls(&deed)
        } else {
            Vec::new()
        };
        Killed { deed, whole, calls }
    });
    let deeds = deeds.collect();
    let empty = Scratch::with_ledger();
    for size in BATCHES.into_iter().chain([LARGE_BATCH]) {
        let lines = "{\"event\":\"note\",\"text\":\"one of a batch\"}\n".repeat(size);
        empty.write(&format!("batch-{size}"), lines);
    }
    let grown = empty.copied();
    for size in [LARGE_BATCH, 50] {
        let file = format!("batch-{size}");
        let key = format!("before-{size}");
        grown.run(&["import", &file, "--key", &key]).ok();
    }
    Templates {
        deeds,
        empty,
        grown,
    }
}

/// Kills what this case kills. Gives what it was.
pub fn killed(
    templates: &Templates,
    index: u64,
    random: &mut Choices,
) -> Result<&'static str, Broken> {
    let (turn, index) = (index % 3, index / 3);
    if turn == 2 {
        return appending(templates, index, random);
    }
    let deeds = &templates.deeds;
    let killed = &deeds[(index % deeds.len() as u64) as usize];
    let Killed { deed, whole, calls } = killed;
    let scratch = deed.template.copied();
    // Every call has its turn.
    let call = calls.get((index / deeds.len() as u64) as usize % calls.len().max(1));
    let (how, outcome) = match call.filter(|_| turn == 1) {
        Some(call) => {
            let outcome = syscalls::with_fault(&scratch, deed, call, "signal=KILL");
            (format!("killed at {call:?}"), outcome)
        }
        None => at_a_moment(&scratch, deed, *whole, random),
    };
    let left = Files::of(&scratch.path("."));
    let settled = deed.settle(&scratch, &outcome);
    settled.map(|()| deed.words[0]).map_err(|broken| Broken {
        left: Some(Box::new(left)),
        ..broken.after(&format!("{} {how}: {outcome:#?}", deed.words[0]))
    })
}

/// A moment in something that takes so long, or right after it.
fn within(random: &mut Choices, whole: Duration) -> Duration {
    whole.mul_f64(random.below(1100) as f64 / 1000.0)
}

/// Kills a deed at any moment of the time that it takes, or a moment after a copy of the records is begun, or after the
/// old ones are put aside. Gives when.
fn at_a_moment(
    scratch: &Scratch,
    deed: &Deed,
    whole: Duration,
    random: &mut Choices,
) -> (String, Outcome) {
    let input = scratch.write("input", &deed.input);
    let mut command = scratch.servanda();
    command.args(&deed.words);
    command.stdin(std::fs::File::open(input).unwrap());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn().unwrap();
    let rewrites = ["compact", "redact"].contains(&deed.words[0]);
    match random.below(3) {
        kind @ 1.. if rewrites => {
            let awaited = scratch
                .ledger()
                .join(["records.new", "records.old"][kind - 1]);
            while !awaited.exists() && began.elapsed() < whole * 3 {
                std::thread::sleep(Duration::from_micros(200));
            }
            std::thread::sleep(within(random, whole / 20));
        }
        _ => std::thread::sleep(within(random, whole)),
    }
    let after = began.elapsed();
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let outcome = Outcome {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    };
    (format!("killed after {after:?}"), outcome)
}

/// Kills whatever appends to a ledger, one append after the other: the program or the library.
fn appending(
    templates: &Templates,
    index: u64,
    random: &mut Choices,
) -> Result<&'static str, Broken> {
    let scratch = if index.is_multiple_of(4) {
        templates.grown.copied()
    } else {
        templates.empty.copied()
    };
    // The program spends most of its time opening and closing the ledger; the library, appending.
    let (what, mut appender, millis) = match index % 2 {
        0 => (
            "a program in a loop",
            programs(&scratch, index),
            20 + random.below(400),
        ),
        _ => (
            "the library in a loop",
            library(&scratch.ledger(), index),
            10 + random.below(100),
        ),
    };
    let mut stdout = appender.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    std::thread::sleep(Duration::from_millis(millis as u64));
    kill_group(&mut appender);
    // It ends when the last process of the group is gone.
    let text = reader.join().unwrap().unwrap();
    let left = Files::of(&scratch.ledger());
    let acknowledged = receipts(&text);
    let outcome = check(&scratch.ledger(), &acknowledged).and_then(|count| {
        look::append(&scratch.ledger()).map_err(|why| Broken::new(Fault::Stuck, why))?;
        let again = look::sound(&scratch.ledger())?.records.len() as u64;
        hold(again == count + 1, Fault::Lost, || {
            format!("{again} records after an append to {count}")
        })
    });
    outcome.map(|()| what).map_err(|broken| Broken {
        left: Some(Box::new(left)),
        ..broken.after(&format!(
            "{what}, killed after {millis} ms; it said: {text}"
        ))
    })
}

/// The program in a loop: a note, then a batch of events.
fn programs(scratch: &Scratch, kill: u64) -> Child {
    const LOOP: &str = r#"
        n=0
        if [ $((KILL % 32)) = 8 ]; then
            "$SERVANDA" import batch-1100 --key "$KILL-0-1100" || exit
        fi
        while :; do
            for size in 50 70 130; do
                n=$((n + 1))
                "$SERVANDA" record note --text "note $n of $KILL" || exit
                "$SERVANDA" import batch-$size --key "$KILL-$n-$size" || exit
            done
        done"#;
    let mut command = Command::new("sh");
    command
        .args(["-c", LOOP])
        .current_dir(scratch.path("."))
        .env("SERVANDA", SERVANDA)
        .env("SERVANDA_LEDGER", scratch.ledger())
        .env("XDG_STATE_HOME", scratch.path("state"))
        .env("KILL", kill.to_string());
    spawn(command)
}

/// The library in a loop: [`appender`] in a process of its own.
pub fn library(ledger: &Path, kill: u64) -> Child {
    spawn(appending_library(ledger, kill, u64::MAX))
}

/// The library, which opens a ledger so many times and appends to it.
pub fn appending_library(ledger: &Path, kill: u64, times: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "endurance::kills::appender",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(APPEND_TO, ledger)
        .env(APPEND_TIMES, times.to_string())
        .env(APPEND_AS, kill.to_string());
    command
}

fn spawn(mut command: Command) -> Child {
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills a process that was spawned here, and all that it started.
pub fn kill_group(child: &mut Child) {
    let kill = format!("kill -9 -{}", child.id());
    let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(status.success(), "{kill}");
    child.wait().unwrap();
}

/// Looks for every acknowledged record, and for batches of which only a part is there. Gives how many records there are.
pub fn check(dir: &Path, acknowledged: &BTreeMap<u64, String>) -> Result<u64, Broken> {
    let seen = look::sound(dir)?;
    for (seq, link) in acknowledged {
        let record = usize::try_from(*seq)
            .ok()
            .and_then(|seq| seen.records.get(seq));
        let found = record.map(look::link);
        hold(found.as_ref() == Some(link), Fault::Lost, || {
            format!("record {seq} is {found:?}")
        })?;
    }
    let ledger = open(dir, Machine).map_err(|why| Broken::new(Fault::Stuck, why))?;
    let mut batches: HashMap<String, Vec<u64>> = HashMap::new();
    for held in ledger.state().records().flatten() {
        if let Some(key) = &held.recorded().envelope.import_key {
            let (batch, _) = key.as_str().rsplit_once(':').unwrap();
            let places = batches.entry(batch.to_owned()).or_default();
            places.push(held.entry.seq.0);
        }
    }
    for (batch, places) in batches {
        let (_, size) = batch.rsplit_once('-').unwrap();
        let is_whole = places.len().to_string() == size;
        let in_a_row = places.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        hold(is_whole && in_a_row, Fault::InPart, || {
            format!("batch {batch} at {places:?}")
        })?;
    }
    ledger
        .log()
        .head()
        .map(|head| head.count)
        .map_err(|error| Broken::new(Fault::Stuck, error.to_string()))
}

#[test]
#[ignore = "no test, but what another test runs in a process of its own and kills"]
fn appender() {
    let Some(dir) = std::env::var_os(APPEND_TO) else {
        return;
    };
    let name = std::env::var(APPEND_AS).unwrap();
    // The harness has not ended its own line.
    println!();
    let times: u64 = std::env::var(APPEND_TIMES).unwrap().parse().unwrap();
    for round in 0..times {
        let mut ledger = open(Path::new(&dir), Machine).unwrap();
        for n in 0..8 {
            // The last one is too large for the journal, and takes many blocks of the store.
            let (size, letters) = match n {
                7 => (200, 4000),
                _ => (BATCHES[n % BATCHES.len()], 16),
            };
            acknowledge(&ledger.append(vec![note("alone", None)]).unwrap());
            let key = |line: usize| format!("{name}-{round}.{n}-{size}:{line}");
            let mut random = Choices(round);
            let one = |line| note(&noise(&mut random, letters), Some(key(line)));
            acknowledge(&ledger.append((1..=size).map(one).collect()).unwrap());
        }
    }
}

/// Prints receipts as the program does.
fn acknowledge(receipts: &[Receipt]) {
    let mut out = std::io::stdout().lock();
    for receipt in receipts {
        writeln!(out, "record {}  note\n  link {}", receipt.seq, receipt.link).unwrap();
    }
    out.flush().unwrap();
}
