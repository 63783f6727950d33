//! A command costs what it asks for: what it reads does not grow with the ledger.

use std::process::Command;
use std::time::Duration;

use servanda_core::event::{Event, Kind};
use servanda_core::testing::event;
use servanda_ledger::{Given, Ledger, Machine};
use servanda_log::directory;

use crate::program::Scratch;

/// So many commitments are in the large ledger.
const COMMITMENTS: usize = 20_000;

/// Most bytes that a command may read beside what it reads of an empty ledger.
const MORE: u64 = 600_000;

/// The bytes that a command reads, by the system's account of a shell that waits for it.
fn read_by(scratch: &Scratch, words: &[&str]) -> u64 {
    let program = scratch.servanda();
    let mut command = Command::new("sh");
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let script = "\"$0\" \"$@\" > /dev/null || exit; cat /proc/$$/io";
    command
        .current_dir(scratch.path("."))
        .args(["-c", script])
        .arg(program.get_program())
        .args(words);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    let account = String::from_utf8(output.stdout).unwrap();
    let read = account
        .lines()
        .find_map(|line| line.strip_prefix("rchar: "));
    read.unwrap().parse().unwrap()
}

/// A ledger with many commitments, and a snapshot of all of them.
fn large() -> Scratch {
    let scratch = Scratch::with_ledger();
    let log = directory::open(&scratch.ledger(), Duration::from_secs(10), "a test").unwrap();
    let mut ledger = Ledger::open(log, Machine).unwrap().snapshot_every(1);
    let party = [("id", "p"), ("kind", "state"), ("name", "P")];
    let agreement = [("id", "a"), ("title", "A"), ("party", "p")];
    let first = [
        event(Kind::PartyRegistered, &party),
        event(Kind::AgreementRecorded, &agreement),
    ];
    let commitment = |number: usize| {
        let (id, text) = (format!("c{number}"), format!("t {number}"));
        let fields = [
            ("agreement", "a"),
            ("debtor", "p"),
            ("id", &*id),
            ("text", &*text),
        ];
        event(Kind::CommitmentRecorded, &fields)
    };
    let mut events = first.into_iter().chain((0..COMMITMENTS).map(commitment));
    let mut place = 0;
    let placed = ledger.append_stream(|_| {
        place += 1;
        let given = |event: Event| Given {
            place,
            submission: event.into(),
            if_irregular: None,
        };
        Ok::<_, ()>(events.next().map(given))
    });
    assert_eq!(placed.unwrap().appended, COMMITMENTS + 2);
    drop(ledger);
    scratch
}

/// What one record, one commitment or the last rows cost is what they are, and not what lies beside them.
#[test]
fn what_a_command_reads_does_not_grow_with_the_ledger() {
    if !std::path::Path::new("/proc/self/io").exists() {
        println!("skipped: this system does not account for what is read");
        return;
    }
    let (empty, large) = (Scratch::with_ledger(), large());
    for scratch in [&empty, &large] {
        // The checkpoint of the last command is known from now on.
        scratch.run(&["log", "--limit", "1"]).ok();
    }
    for (one, other) in [
        (
            &["record", "note", "--text", "n"][..],
            &["record", "note", "--text", "n"][..],
        ),
        (
            &["record", "note", "--text", "n"],
            &["record", "note", "--text", "n", "--about", "c12345"],
        ),
        (&["log", "--limit", "3"], &["log", "--limit", "3"]),
        (&["show", "0"], &["show", "12345"]),
        (&["show", "0"], &["show", "c12345"]),
    ] {
        let (little, much) = (read_by(&empty, one), read_by(&large, other));
        println!("{other:?}: {little} bytes, and {much}");
        assert!(
            much < little + MORE,
            "{other:?}: {little} bytes, and {much}"
        );
    }
}
