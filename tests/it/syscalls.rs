//! The program is killed, or met by an error of the system, at each system call that may write. Whatever it left is
//! sound, takes appends, and is what the exit code says; a second attempt is not blocked by the first.
//!
//! `strace` injects the faults; where it is missing, the tests say that they were skipped. They try some of the calls;
//! `SERVANDA_SYSCALLS=all cargo test --test it syscalls` tries every one.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use crate::program::{Outcome, Scratch, run};

/// The system calls that may write. Of `openat`, those that open a file to write.
const CALLS: &str = "openat,write,pwrite64,fsync,fdatasync,sync_file_range,rename,unlink,unlinkat,mkdir,rmdir,\
                     ftruncate,copy_file_range,sendfile";

const FAULTS: [&str; 3] = ["signal=KILL", "error=ENOSPC", "error=EIO"];

/// How many faults each test tries, unless all are asked for.
const TRIED: usize = 8;

/// A command under `strace`.
fn traced(scratch: &Scratch, words: &[&str], options: &[&str]) -> Command {
    let program = scratch.servanda();
    let mut command = Command::new("strace");
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .current_dir(scratch.path("."))
        .args(["-f", "-qq"])
        .args(options);
    command.arg(program.get_program()).args(words);
    command
}

/// Each call that may write: its name, and which of the calls of that name in its thread it is.
fn calls(scratch: &Scratch, words: &[&str], input: &str) -> Vec<(String, usize)> {
    let log = scratch.path("strace.log");
    let trace = format!("trace={CALLS}");
    let options = ["-o", log.to_str().unwrap(), "-e", &trace];
    run(traced(scratch, words, &options), input.as_bytes());
    let mut made: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut writing = Vec::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        let Some((thread, (name, rest))) = line
            .split_once(' ')
            .and_then(|(thread, call)| Some((thread, call.trim_start().split_once('(')?)))
        else {
            continue;
        };
        let place = made
            .entry((thread.to_owned(), name.to_owned()))
            .or_default();
        *place += 1;
        let writes = name != "openat" || rest.contains("O_WRONLY") || rest.contains("O_RDWR");
        let call = (name.to_owned(), *place);
        if writes
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !writing.contains(&call)
        {
            writing.push(call);
        }
    }
    writing
}

/// The number of records that `verify` finds sound.
#[track_caller]
fn sound(scratch: &Scratch, ledger: &str, what: &str) -> u64 {
    let outcome = scratch.run(&["verify", "--no-memory", "--ledger", ledger]);
    assert_eq!(outcome.code, Some(0), "{what}: {outcome:#?}");
    let line = outcome.stdout.lines().next().unwrap_or_default();
    let records = line
        .split_once("sound, ")
        .map_or("", |(_, records)| records);
    let number = records.split(' ').next().unwrap_or_default();
    number.replace(',', "").parse().unwrap()
}

/// What is done while faults come.
struct Deed {
    words: &'static [&'static str],
    input: String,
    /// The ledger that it leaves.
    ledger: &'static str,
    /// Whether it makes that ledger. Then it is done again after each fault.
    makes: bool,
    /// How many records it appends at most.
    records: u64,
}

fn some(words: &'static [&'static str], input: String, records: u64) -> Deed {
    Deed {
        words,
        input,
        ledger: "ledger",
        makes: false,
        records,
    }
}

/// Tries faults at the calls of a deed, on copies of a directory.
fn survives(template: &Scratch, deed: &Deed) {
    let there = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .status();
    if !there.is_ok_and(|status| status.success()) {
        eprintln!("skipped: strace is not installed");
        return;
    }
    let calls = calls(&template.copied(), deed.words, &deed.input);
    assert!(calls.len() > 5, "{calls:?}");
    let all: Vec<_> = calls
        .iter()
        .flat_map(|call| FAULTS.map(|fault| (call, fault)))
        .collect();
    let step = match std::env::var("SERVANDA_SYSCALLS") {
        Ok(_) => 1,
        // So that each fault has its turn.
        Err(_) => (all.len() / TRIED).max(1) / 3 * 3 + 1,
    };
    let before = if deed.makes {
        0
    } else {
        sound(template, deed.ledger, "before")
    };
    for ((call, place), fault) in all.iter().step_by(step) {
        let scratch = template.copied();
        let inject = format!("inject={call}:{fault}:when={place}");
        let trace = format!("trace={call}");
        let options = ["-o", "/dev/null", "-e", &trace, "-e", &inject];
        let outcome = run(
            traced(&scratch, deed.words, &options),
            deed.input.as_bytes(),
        );
        let what = format!("{inject}: {outcome:#?}");
        settles(&scratch, deed, before, &outcome, &what);
    }
    eprintln!(
        "{}: {} calls, {} faults tried",
        deed.words[0],
        calls.len(),
        all.len().div_ceil(step)
    );
}

/// Asserts that what a fault left is sound, takes appends, and is what the exit code says.
fn settles(scratch: &Scratch, deed: &Deed, before: u64, outcome: &Outcome, what: &str) {
    let is_killed = outcome.code.is_none() || outcome.code == Some(137);
    assert!(
        is_killed || [0, 1, 10, 20, 21, 22].contains(&outcome.code.unwrap()),
        "{what}"
    );
    if deed.makes && outcome.code != Some(0) {
        let again = scratch.run_on(deed.words, &deed.input);
        let is_there = again.stderr.contains("is a ledger already")
            || again.stderr.contains("was seen before");
        assert!(
            again.code == Some(0) || is_there && scratch.path(deed.ledger).exists(),
            "{again:#?} after {what}"
        );
    }
    let after = sound(scratch, deed.ledger, what);
    match outcome.code {
        Some(0 | 22) => assert_eq!(after, before + deed.records, "{what}"),
        Some(1) if !deed.makes => assert_eq!(after, before, "{what}"),
        _ => assert!(
            after == before || after == before + deed.records || deed.makes,
            "{after}, {what}"
        ),
    }
    let note = [
        "record",
        "note",
        "--text",
        "and on",
        "--no-memory",
        "--ledger",
        deed.ledger,
    ];
    let appended = scratch.run(&note);
    assert_eq!(appended.code, Some(0), "{appended:#?} after {what}");
    assert_eq!(sound(scratch, deed.ledger, what), after + 1, "{what}");
    // Nothing is left but the files of a ledger.
    for entry in fs::read_dir(scratch.path(deed.ledger)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_known = [
            "servanda",
            "lock",
            "head",
            "records",
            "journal",
            "reserve",
            "checkpoint",
        ]
        .contains(&&*name);
        assert!(is_known, "{name} is left, {what}");
    }
}

fn lines(count: usize) -> String {
    (0..count)
        .map(|line| format!("{{\"event\":\"note\",\"text\":\"line {line}\"}}\n"))
        .collect()
}

/// A ledger with so many lines in its store.
fn with_lines(count: usize) -> Scratch {
    let scratch = Scratch::with_ledger();
    scratch.run_on(&["import", "-"], lines(count)).ok();
    scratch.run(&["record", "note", "--text", "one alone"]).ok();
    scratch
}

#[test]
fn recording_survives_a_fault_at_each_system_call() {
    let scratch = Scratch::with_ledger();
    // The next one is so many that the journal moves them to the store.
    for _ in 0..15 {
        scratch.run(&["record", "note", "--text", "one"]).ok();
    }
    survives(
        &scratch,
        &some(&["record", "note", "--text", "a deed"], String::new(), 1),
    );
}

#[test]
fn importing_survives_a_fault_at_each_system_call() {
    survives(
        &Scratch::with_ledger(),
        &some(&["import", "-"], lines(1500), 1500),
    );
}

#[test]
fn compacting_survives_a_fault_at_each_system_call() {
    survives(&with_lines(300), &some(&["compact"], String::new(), 0));
}

#[test]
fn redacting_survives_a_fault_at_each_system_call() {
    let words = &["redact", "3", "--reason", "r", "--authority", "a"];
    survives(&with_lines(300), &some(words, String::new(), 1));
}

#[test]
fn making_a_ledger_survives_a_fault_at_each_system_call() {
    let deed = Deed {
        makes: true,
        ..some(&["init", "--origin", "example.org/test"], String::new(), 1)
    };
    survives(&Scratch::empty(), &deed);
}

#[test]
fn recovering_survives_a_fault_at_each_system_call() {
    // The last two appends are in the journal alone, and the first of them is damaged there.
    let scratch = with_lines(300);
    scratch
        .run(&["record", "note", "--text", "behind the damage"])
        .ok();
    let journal = scratch.ledger().join("journal");
    let mut bytes = fs::read(&journal).unwrap();
    let damaged = b"one alone";
    let at = bytes
        .windows(damaged.len())
        .position(|part| part == damaged)
        .unwrap();
    bytes[at] ^= 1;
    fs::write(journal, bytes).unwrap();
    let whole = scratch.run(&[
        "recover",
        "--into",
        "salvaged",
        "--dry-run",
        "--format",
        "json",
    ]);
    let json: serde_json::Value = serde_json::from_str(&whole.stdout).unwrap();
    let records = json["tables"]["counts"][0]["recovered"].as_u64().unwrap();
    let deed = Deed {
        ledger: "salvaged",
        makes: true,
        ..some(
            &["recover", "--into", "salvaged", "--rest", "rest"],
            String::new(),
            records,
        )
    };
    // Whoever does not know whether it was done does it again.
    let twice = scratch.copied();
    for _ in 0..2 {
        twice.run_on(deed.words, "").ok();
    }
    survives(&scratch, &deed);
}
