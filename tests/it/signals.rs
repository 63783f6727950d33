//! SIGINT, SIGTERM and SIGHUP, whatever the program is doing: it ends with a line and the exit code for it, what it made for
//! a while is gone, and what was recorded is told.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::endurance::files::Files;
use crate::program::{Outcome, Scratch};

/// Longer than any of these commands takes.
const LONG: Duration = Duration::from_secs(120);

fn signal(child: &Child, name: &str) {
    let signal = match name {
        "TERM" => Signal::TERM,
        "HUP" => Signal::HUP,
        _ => Signal::INT,
    };
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// A ledger that takes a while to copy.
fn large() -> Scratch {
    Scratch::with_notes(20_000)
}

/// The names in a directory.
fn names(dir: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(dir).unwrap();
    names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Starts the program with a directory of its own for temporary files.
fn start(scratch: &Scratch, words: &[&str], temporary: &Path) -> Child {
    let mut command = scratch.servanda();
    command
        .args(words)
        .env("TMPDIR", temporary)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn ended(child: Child) -> Outcome {
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// How often it is tried to be faster than a command.
const TRIES: usize = 20;

/// Where a command makes something that is not to stay.
enum Place {
    Temporary,
    Ledger,
    Target,
}

/// What the names of such things begin with.
const CASES: &[(&[&str], Place, &str)] = &[
    (&["verify"], Place::Temporary, "servanda-"),
    (&["compact"], Place::Ledger, "records.new"),
    (&["recover", "--into", "target/new"], Place::Target, "new"),
    (&["copy", "ledger", "target/new"], Place::Target, "new"),
    (
        &["export", "--bundle", "target/b.tar"],
        Place::Target,
        ".servanda-b.tar-",
    ),
];

#[test]
fn a_signal_ends_a_command_that_leaves_nothing() {
    let template = large();
    for (words, place, prefix) in CASES {
        for name in ["TERM", "HUP", "INT"] {
            let scratch = template.copied();
            fs::create_dir(scratch.path("target")).unwrap();
            if words[0] == "verify" {
                // It reads a copy.
                fs::remove_file(scratch.ledger().join("records/seal")).unwrap();
            }
            let temporary = TempDir::new().unwrap();
            let place = match place {
                Place::Temporary => temporary.path().to_owned(),
                Place::Ledger => scratch.ledger(),
                Place::Target => scratch.path("target"),
            };
            let end = || is_ended(&scratch, words, (&place, prefix), name, temporary.path());
            // It may be done when the signal comes.
            assert!((0..TRIES).any(|_| end()), "{words:?} {name}");
            ended(start(&scratch, words, temporary.path())).ok();
            assert_eq!(names(temporary.path()), BTreeSet::new());
            scratch.run(&["record", "note", "--text", "and on"]).ok();
            scratch.run(&["verify"]).ok();
        }
    }
}

/// Sends a signal to a command when something of this prefix appears in this directory. False where it came too late.
fn is_ended(
    scratch: &Scratch,
    words: &[&str],
    (place, prefix): (&PathBuf, &str),
    name: &str,
    temporary: &Path,
) -> bool {
    let (ledger, target) = (names(&scratch.ledger()), scratch.path("target"));
    let before = Files::of_ledger(&scratch.ledger());
    let child = start(scratch, words, temporary);
    let began = Instant::now();
    while !names(place).iter().any(|name| name.starts_with(prefix)) {
        assert!(began.elapsed() < LONG, "{words:?}: nothing appears");
        thread::sleep(Duration::from_micros(100));
    }
    signal(&child, name);
    let outcome = ended(child);
    let made = target.join("b.tar");
    if made.exists() {
        fs::remove_file(made).unwrap();
        return false;
    }
    outcome.fails(130, &["error: interrupted; nothing was recorded\nhint: "]);
    let told = format!("{words:?} {name}: {outcome:#?}");
    // What was said before stays, and what fails because of the end is not told.
    let last = "error: interrupted; nothing was recorded\nhint: run the command again\n";
    assert!(outcome.stderr.ends_with(last), "{told}");
    assert_eq!(outcome.stderr.matches("error: ").count(), 1, "{told}");
    assert_eq!(names(temporary), BTreeSet::new(), "{told}");
    assert_eq!(names(&scratch.ledger()), ledger, "{told}");
    assert_eq!(names(&target), BTreeSet::new(), "{told}");
    if words[0] == "verify" {
        assert!(before == Files::of_ledger(&scratch.ledger()), "{told}");
    }
    true
}

#[test]
fn what_was_recorded_before_a_signal_is_told() {
    let scratch = Scratch::with_ledger();
    let temporary = TempDir::new().unwrap();
    let count = || scratch.run(&["export"]).ok().lines().count();
    let mut ends = BTreeSet::new();
    for wait in 0..40 {
        let before = count();
        let child = start(
            &scratch,
            &["record", "note", "--text", "a"],
            temporary.path(),
        );
        thread::sleep(Duration::from_millis(wait * 2));
        signal(&child, "TERM");
        let outcome = ended(child);
        let recorded = count() - before;
        match outcome.code {
            Some(0) => assert_eq!(recorded, 1, "{outcome:#?}"),
            Some(130) => assert_eq!(recorded, 0, "{outcome:#?}"),
            // Before the program could do anything.
            None => assert_eq!(recorded, 0, "{outcome:#?}"),
            _ => panic!("{outcome:#?}"),
        }
        ends.insert(outcome.code);
    }
    assert!(ends.contains(&Some(0)), "{ends:?}");
    scratch.run(&["verify"]).ok();
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let scratch = large();
    let temporary = TempDir::new().unwrap();
    fs::remove_file(scratch.ledger().join("records/seal")).unwrap();
    let program = scratch.servanda();
    let mut command = scratch.servanda();
    command = {
        let mut shell = Command::new("sh");
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell
    };
    let child = command
        .args(["-c", "trap '' HUP; exec \"$0\" verify"])
        .arg(program.get_program())
        .current_dir(scratch.path("."))
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while names(temporary.path()).is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    signal(&child, "HUP");
    ended(child).ok();
}
