//! The program is killed, or met by an error of the system, at each system call that may write. Whatever it left is
//! sound, takes appends, and is what the exit code says; a second attempt is not blocked by the first.
//!
//! And commands that read are met by an error of the disk at each call that reads a file of the ledger: they say which
//! file, or need it not; they change no byte, and the next command finds everything.
//!
//! `strace` injects the faults; where it is missing, the tests say that they were skipped, or fail where `CI` is true. They try some of the calls;
//! `SERVANDA_SYSCALLS=all cargo test --test it syscalls` tries every one.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Stdio};

use crate::endurance::deeds::Deed;
use crate::endurance::files::Files;
use crate::program::{Outcome, Scratch, contents, run};

/// The system calls that may write. Of `openat`, those that open a file to write.
const CALLS: &str = "openat,write,pwrite64,fsync,fdatasync,sync_file_range,rename,unlink,unlinkat,mkdir,rmdir,\
                     ftruncate,copy_file_range,sendfile,renameat,renameat2,link,linkat,fallocate,writev,pwritev";

/// The system calls that read files and directories.
const READS: &str = "openat,read,pread64,readv,preadv,statx,newfstatat,getdents64";

const FAULTS: [&str; 3] = ["signal=KILL", "error=ENOSPC", "error=EIO"];

/// How many faults each test tries, unless all are asked for.
const TRIED: usize = 6;

/// Whether `strace` is there.
pub fn is_there() -> bool {
    let mut command = Command::new("strace");
    let there = command.arg("-V").stdout(Stdio::null()).status();
    let is_there = there.is_ok_and(|status| status.success());
    if !is_there {
        let needs = "these tests need strace on the PATH";
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{needs}");
        eprintln!("skipped: {needs}");
    }
    is_there
}

/// Runs a deed, with a fault at one of its calls.
pub fn with_fault(
    scratch: &Scratch,
    deed: &Deed,
    (call, place): &(String, usize),
    fault: &str,
) -> Outcome {
    let options = injecting(call, *place, fault);
    let command = traced(scratch, &deed.words, &options);
    run(command, deed.input.as_bytes())
}

/// The options of `strace` for a fault at one call.
fn injecting(call: &str, place: usize, fault: &str) -> Vec<String> {
    let inject = format!("inject={call}:{fault}:when={place}");
    let trace = format!("trace={call}");
    ["-o", "/dev/null", "-e", &trace, "-e", &inject]
        .map(str::to_owned)
        .to_vec()
}

/// A command under `strace`.
pub fn traced(scratch: &Scratch, words: &[&str], options: &[impl AsRef<OsStr>]) -> Command {
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

/// Each call of a deed that may write: its name, and which of the calls of that name in its thread it is.
pub fn calls(deed: &Deed) -> Vec<(String, usize)> {
    let scratch = deed.template.copied();
    let writes = |name: &str, rest: &str| {
        name != "openat" || rest.contains("O_WRONLY") || rest.contains("O_RDWR")
    };
    calls_of(&scratch, &deed.words, &deed.input, CALLS, &[], writes)
}

/// The calls of these names that a command makes and that are wanted.
fn calls_of(
    scratch: &Scratch,
    words: &[&str],
    input: &str,
    names: &str,
    more: &[String],
    is_wanted: impl Fn(&str, &str) -> bool,
) -> Vec<(String, usize)> {
    let log = scratch.path("strace.log");
    let trace = format!("trace={names}");
    let options = ["-o", log.to_str().unwrap(), "-e", &trace].map(str::to_owned);
    let options = [&options[..], more].concat();
    run(traced(scratch, words, &options), input.as_bytes());
    let mut made: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut found = Vec::new();
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
        let call = (name.to_owned(), *place);
        if is_wanted(name, rest)
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !found.contains(&call)
        {
            found.push(call);
        }
    }
    found
}

/// Tries faults at the calls of a deed, on copies of its directory.
fn survives(deed: &Deed) {
    if !is_there() {
        return;
    }
    let calls = calls(deed);
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
    for (call, fault) in all.iter().step_by(step) {
        let scratch = deed.template.copied();
        let outcome = with_fault(&scratch, deed, call, fault);
        let settled = deed.settle(&scratch, &outcome);
        settled.unwrap_or_else(|broken| panic!("{call:?} {fault}: {broken:#?}, {outcome:#?}"));
    }
    eprintln!(
        "{}: {} calls, {} faults tried",
        deed.words[0],
        calls.len(),
        all.len().div_ceil(step)
    );
}

#[test]
fn recording_survives_a_fault_at_each_system_call() {
    survives(&Deed::record());
}

#[test]
fn importing_survives_a_fault_at_each_system_call() {
    survives(&Deed::import());
}

#[test]
fn compacting_survives_a_fault_at_each_system_call() {
    survives(&Deed::compact());
}

#[test]
fn redacting_survives_a_fault_at_each_system_call() {
    survives(&Deed::redact());
}

#[test]
fn making_a_ledger_survives_a_fault_at_each_system_call() {
    survives(&Deed::init());
}

#[test]
fn recovering_survives_a_fault_at_each_system_call() {
    survives(&Deed::recover());
}

/// The options of `strace` for the calls about files of a ledger that are there.
fn of_ledger(scratch: &Scratch) -> Vec<String> {
    let files = contents(&scratch.ledger()).into_iter();
    let files = files.map(|(path, _)| path).chain([scratch.ledger()]);
    files
        .flat_map(|path| ["-P".to_owned(), path.to_str().unwrap().to_owned()])
        .collect()
}

/// A command that reads, and meets an error of the disk at some of the calls by which it reads files of the ledger.
fn reads_on(template: &Scratch, words: &[&str]) {
    let scratch = template.copied();
    let before = Files::of_ledger(&scratch.ledger());
    let due = scratch.run(words);
    let calls = calls_of(&scratch, words, "", READS, &of_ledger(&scratch), |_, _| {
        true
    });
    assert!(calls.len() > 10, "{words:?}: {calls:?}");
    let step = match std::env::var("SERVANDA_SYSCALLS") {
        Ok(_) => 1,
        Err(_) => (calls.len() / (2 * TRIED)).max(1),
    };
    let mut needless = 0;
    for (call, place) in calls.iter().step_by(step) {
        let mut options = injecting(call, *place, "error=EIO");
        options.extend(of_ledger(&scratch));
        let outcome = run(traced(&scratch, words, &options), b"");
        let told = || format!("{words:?}, {call} {place}: {outcome:#?}");
        match outcome.code {
            Some(0) => {
                assert_eq!(outcome.stdout, due.stdout, "{}", told());
                needless += 1;
            }
            Some(1 | 10) => {
                for says in ["error: ", scratch.ledger().to_str().unwrap(), "os error 5"] {
                    assert!(outcome.stderr.contains(says), "no {says:?}: {}", told());
                }
            }
            _ => panic!("{}", told()),
        }
        let after = Files::of_ledger(&scratch.ledger());
        assert!(after == before, "bytes were changed: {}", told());
    }
    scratch.run(&["verify"]).ok();
    scratch.run(&["record", "note", "--text", "and on"]).ok();
    eprintln!(
        "{words:?}: {} calls, {} of {} faults at what is not needed",
        calls.len(),
        needless,
        calls.len().div_ceil(step)
    );
}

#[test]
fn a_disk_that_cannot_be_read_is_named_and_nothing_is_changed() {
    if !is_there() {
        return;
    }
    let template = Scratch::with_ledger();
    let lines = (0..1100).map(|line| format!("{{\"event\":\"note\",\"text\":\"line {line}\"}}\n"));
    template
        .run_on(&["import", "-"], lines.collect::<String>())
        .ok();
    template
        .run(&["record", "note", "--text", "one alone"])
        .ok();
    let commands: [&[&str]; 5] = [
        &["log", "--limit", "3"],
        &["verify"],
        &["export"],
        &["report", "status"],
        &["recover", "--into", "salvaged", "--dry-run"],
    ];
    for words in commands {
        reads_on(&template, words);
    }
}

/// A command that appends, and cannot read what it needs for that: it appends nothing or all of it, and nothing is lost.
#[test]
fn an_append_that_cannot_read_loses_nothing() {
    if !is_there() {
        return;
    }
    for deed in [Deed::record(), Deed::import(), Deed::compact()] {
        appends_on(&deed, &of_ledger(&deed.template), READS, TRIED);
    }
}

/// sled takes what it cannot read for unused, says nothing, and zeroes it.
#[test]
fn what_sled_cannot_read_is_not_lost() {
    if !is_there() {
        return;
    }
    let deed = Deed::record();
    let db = deed.template.ledger().join("records/db");
    let db = ["-P".to_owned(), db.to_str().unwrap().to_owned()];
    appends_on(&deed, &db, "pread64", 2 * TRIED);
}

/// A deed that meets an error of the disk at some of the calls by which it reads these files.
fn appends_on(deed: &Deed, files: &[String], names: &str, tried: usize) {
    let paths_of = |scratch: &Scratch| {
        let home = deed.template.ledger();
        let (home, here) = (home.to_str().unwrap(), scratch.ledger());
        let files = files.iter();
        files
            .map(|word| word.replace(home, here.to_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let scratch = deed.template.copied();
    let of = paths_of(&scratch);
    let calls = calls_of(&scratch, &deed.words, &deed.input, names, &of, |_, _| true);
    assert!(calls.len() > tried, "{calls:?}");
    let step = match std::env::var("SERVANDA_SYSCALLS") {
        Ok(_) => 1,
        Err(_) => calls.len() / tried,
    };
    for (call, place) in calls.iter().step_by(step) {
        let scratch = deed.template.copied();
        let mut options = injecting(call, *place, "error=EIO");
        options.extend(paths_of(&scratch));
        let command = traced(&scratch, &deed.words, &options);
        let outcome = run(command, deed.input.as_bytes());
        let settled = deed.settle(&scratch, &outcome);
        settled.unwrap_or_else(|broken| panic!("{call} {place}: {broken:#?}, {outcome:#?}"));
    }
}
