//! What a command answers when it cannot write its receipt, is asked to end, or has no room: a record that was made is
//! never answered with the code for a refusal.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::program::{Outcome, Scratch, run};

/// Runs the program through the shell, with this after its words.
fn in_shell(scratch: &Scratch, before: &str, words: &str, after: &str) -> Outcome {
    let servanda = scratch.servanda();
    let mut shell = Command::new("sh");
    let program = servanda.get_program().to_owned();
    for (name, value) in servanda.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
        .current_dir(scratch.path("."))
        .env("SERVANDA", program)
        .args(["-c", &format!("{before} \"$SERVANDA\" {words} {after}")]);
    run(shell, b"")
}

/// How many records there are.
fn count(scratch: &Scratch) -> usize {
    let records = scratch.records();
    records
        .lines()
        .filter(|line| line.starts_with("{\"seq\""))
        .count()
}

/// `/dev/full` is a disk without room.
#[cfg(target_os = "linux")]
#[test]
fn what_was_recorded_without_a_receipt_is_answered_with_a_code_of_its_own() {
    let scratch = Scratch::empty();
    scratch.write(
        "lines",
        "{\"event\":\"note\",\"text\":\"a line\"}\n".repeat(3),
    );
    let deeds = [
        ("init --origin example.org/full", 1, "record 0"),
        ("record note --text one", 1, "record 1"),
        ("record note --text two --format json", 1, "record 2"),
        ("import lines", 3, "records 3 to 5"),
        ("redact 1 --reason r --authority a", 1, "record 6"),
    ];
    let mut before = 0;
    for (words, records, told) in deeds {
        let outcome = in_shell(&scratch, "", words, "> /dev/full");
        let told = format!("recorded as {told}, but the receipt");
        outcome.fails(
            22,
            &[
                "error:",
                &told,
                "No space left",
                "hint: do not record it again",
            ],
        );
        before += records;
        assert_eq!(count(&scratch), before, "{words}");
    }
    // Nothing was recorded: a dry run, a refusal, a question.
    for words in ["record note --text three --dry-run", "log", "verify"] {
        in_shell(&scratch, "", words, "> /dev/full").fails(1, &["cannot write the output"]);
    }
    in_shell(&scratch, "", "record status C9 breached", "> /dev/full").fails(1, &["error:"]);
    assert_eq!(count(&scratch), before);
    assert!(scratch.run(&["verify"]).stderr.is_empty());
}

#[test]
fn a_reader_that_has_left_has_no_receipt_and_misses_no_answer() {
    let scratch = Scratch::with_ledger();
    scratch.write("lines", "{\"event\":\"note\",\"text\":\"a line\"}\n");
    let deeds = [
        ("init --ledger another --origin example.org/another", 22, 0),
        ("record note --text one", 22, 1),
        ("import lines", 22, 1),
        ("redact 1 --reason r --authority a", 22, 1),
        ("record party p --kind state --name P", 22, 1),
        ("record agreement a --title A --party p", 22, 1),
        ("log", 0, 0),
        ("export", 0, 0),
        ("verify", 0, 0),
        ("compact", 0, 0),
        ("recover --into salvaged", 0, 0),
        ("checkpoint", 0, 0),
        ("export --bundle b.tar", 0, 0),
    ];
    let mut before = 1;
    for (words, code, records) in deeds {
        let mut command = scratch.servanda();
        command
            .args(words.split(' '))
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = command.stdout(writer).status().unwrap();
        assert_eq!(ended.code(), Some(code), "{words}");
        before += records;
        assert_eq!(count(&scratch), before, "{words}");
    }
    for ledger in ["another", "salvaged"] {
        scratch.run(&["verify", "--ledger", ledger]).ok();
    }
}

/// A party's own key speaks: that is recorded once, too.
#[cfg(target_os = "linux")]
#[test]
fn an_acknowledgement_without_a_receipt_is_answered_with_a_code_of_its_own() {
    let scratch = Scratch::with_ledger();
    let ok = |words: &str| scratch.run(&words.split(' ').collect::<Vec<_>>()).ok();
    ok("record party p --kind state --name P");
    ok("record agreement a --title A --party p");
    ok("key generate --name p --out p.key");
    let key = ok("key show p.key");
    scratch
        .run(&["record", "party-key", "p", "--key", key.trim()])
        .ok();
    let before = count(&scratch);
    let words = "acknowledge a --party p --key p.key";
    let outcome = in_shell(&scratch, "", words, "> /dev/full");
    outcome.fails(
        22,
        &[
            "recorded as record 4, but the receipt",
            "hint: do not record it again",
        ],
    );
    assert_eq!(count(&scratch), before + 1);
    scratch.write("editor", "#!/bin/sh\necho 'text: by hand' > \"$1\"\n");
    let outcome = in_shell(
        &scratch,
        "EDITOR='sh ./editor'",
        "record note --edit",
        "> /dev/full",
    );
    outcome.fails(22, &["recorded as record 5, but the receipt"]);
    assert_eq!(count(&scratch), before + 2);
    scratch.run(&["verify"]).ok();
}

/// Each command that writes large files ends with an error below its need, and with its work done above it.
#[test]
fn a_limit_on_the_size_of_files_stops_no_later_command() {
    let template = Scratch::with_notes(20_000);
    let records = template.records();
    for (words, limits) in [
        ("export --bundle b.tar", [1, 100, 1_000]),
        ("compact", [1, 100, 1_000]),
        (
            "init --ledger new --origin example.org/new",
            [1, 100, 5_000],
        ),
        ("recover --into new", [1, 100, 5_000]),
    ] {
        for limit in limits {
            let scratch = template.copied();
            let outcome = in_shell(&scratch, &format!("ulimit -f {limit};"), words, "");
            let told = format!("{words}, {limit}: {outcome:#?}");
            outcome.fails(1, &["error: ", "File too large", "hint: raise the limit"]);
            assert!(!scratch.path("b.tar").exists(), "{told}");
            assert_eq!(scratch.records(), records, "{told}");
            scratch.run(&words.split(' ').collect::<Vec<_>>()).ok();
            scratch.run(&["record", "note", "--text", "and on"]).ok();
            scratch.run(&["verify"]).ok();
        }
    }
}

#[test]
fn a_signal_ends_an_import_that_leaves_nothing() {
    let scratch = Scratch::with_ledger();
    let before = scratch.records();
    for signal in ["INT", "TERM", "HUP"] {
        let outcome = scratch.ends_an_import(|import| {
            let killed = Command::new("kill")
                .args(["-s", signal, &import.id().to_string()])
                .status()
                .unwrap();
            assert!(killed.success());
        });
        outcome.fails(130, &["interrupted; nothing was appended"]);
        assert_eq!(scratch.records(), before, "{signal}");
        let names = fs::read_dir(scratch.ledger()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let known = [
            "servanda",
            "lock",
            "head",
            "records",
            "journal",
            "reserve",
            "checkpoint",
        ];
        let left: Vec<_> = names
            .filter(|name| !known.contains(&name.as_str()))
            .collect();
        assert!(left.is_empty(), "{left:?} after {signal}");
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_told_and_nothing_is_lost() {
    let scratch = Scratch::with_ledger();
    scratch.write(
        "lines",
        (0..20_000)
            .map(|line| {
                format!(
                    "{{\"event\":\"note\",\"text\":\"{:016x}\"}}\n",
                    u64::wrapping_mul(line, 0x9e37_79b9_7f4a_7c15)
                )
            })
            .collect::<String>(),
    );
    let outcome = in_shell(&scratch, "ulimit -f 5000;", "import lines", "");
    assert!(
        outcome.code == Some(0) || outcome.code == Some(1),
        "{outcome:#?}"
    );
    let outcome = in_shell(&scratch, "ulimit -f 1000;", "import lines", "");
    outcome.fails(1, &["File too large", "hint: raise the limit"]);
    scratch.run(&["record", "note", "--text", "and on"]).ok();
    scratch.run(&["verify"]).ok();
}

/// A process that opens the ledger later than another one waits, whatever its text in the lock.
#[test]
fn a_lock_without_a_text_is_a_lock() {
    let scratch = Scratch::with_ledger();
    let held = servanda_log::directory::open(&scratch.ledger(), Duration::ZERO, "a test").unwrap();
    fs::write(scratch.ledger().join("lock"), "").unwrap();
    let outcome = scratch.run(&["log", "--wait", "0"]);
    outcome.fails(21, &["did not say who it is"]);
    drop(held);
    scratch.run(&["log"]).ok();
}
