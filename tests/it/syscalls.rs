//! The program is killed, or met by an error of the system, at each system call that may write. Whatever it left is
//! sound, takes appends, and is what the exit code says; a second attempt is not blocked by the first.
//!
//! `strace` injects the faults; where it is missing, the tests say that they were skipped. They try some of the calls;
//! `SERVANDA_SYSCALLS=all cargo test --test it syscalls` tries every one.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use crate::endurance::deeds::Deed;
use crate::program::{Outcome, Scratch, run};

/// The system calls that may write. Of `openat`, those that open a file to write.
const CALLS: &str = "openat,write,pwrite64,fsync,fdatasync,sync_file_range,rename,unlink,unlinkat,mkdir,rmdir,\
                     ftruncate,copy_file_range,sendfile";

const FAULTS: [&str; 3] = ["signal=KILL", "error=ENOSPC", "error=EIO"];

/// How many faults each test tries, unless all are asked for.
const TRIED: usize = 6;

/// Whether `strace` is there.
pub fn is_there() -> bool {
    let mut command = Command::new("strace");
    let there = command.arg("-V").stdout(Stdio::null()).status();
    there.is_ok_and(|status| status.success())
}

/// Runs a deed, with a fault at one of its calls.
pub fn with_fault(
    scratch: &Scratch,
    deed: &Deed,
    (call, place): &(String, usize),
    fault: &str,
) -> Outcome {
    let inject = format!("inject={call}:{fault}:when={place}");
    let trace = format!("trace={call}");
    let options = ["-o", "/dev/null", "-e", &trace, "-e", &inject];
    let command = traced(scratch, &deed.words, &options);
    run(command, deed.input.as_bytes())
}

/// A command under `strace`.
pub fn traced(scratch: &Scratch, words: &[&str], options: &[&str]) -> Command {
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
    let log = scratch.path("strace.log");
    let trace = format!("trace={CALLS}");
    let options = ["-o", log.to_str().unwrap(), "-e", &trace];
    run(
        traced(&scratch, &deed.words, &options),
        deed.input.as_bytes(),
    );
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

/// Tries faults at the calls of a deed, on copies of its directory.
fn survives(deed: &Deed) {
    if !is_there() {
        eprintln!("skipped: strace is not installed");
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
