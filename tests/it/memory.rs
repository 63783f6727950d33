//! Little memory: a limit on the address space ends commands with an error and never in a crash, and leaves the ledger
//! as it was or with what was recorded. And what is left over where a command was killed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use crate::program::Scratch;

/// Runs the program under `ulimit -v`, in MiB.
fn limited(scratch: &Scratch, mib: u64, words: &[&str]) -> Output {
    under(scratch, &format!("-v {}", mib * 1024), words)
}

/// Runs the program under a limit.
fn under(scratch: &Scratch, limit: &str, words: &[&str]) -> Output {
    let program = scratch.servanda();
    let mut command = Command::new("sh");
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let limit = format!("ulimit -c 0; ulimit {limit}; exec \"$0\" \"$@\"");
    command
        .current_dir(scratch.path("."))
        .args(["-c", &limit])
        .arg(program.get_program())
        .args(words);
    command.output().unwrap()
}

/// The main commands. `NEW` is the name of a ledger that does not exist, its origin, and a name of keys.
const COMMANDS: &[&[&str]] = &[
    &["log"],
    &["verify"],
    &["record", "note", "--text", "n"],
    &["import", "lines.ndjson", "--key", "NEW"],
    &["export"],
    &["report", "status", "--format", "csv"],
    &["compact"],
    &["init", "--ledger", "NEW", "--origin", "NEW"],
    &["recover", "--into", "NEW"],
];

#[test]
fn a_limit_on_memory_ends_in_an_error_and_never_in_a_crash() {
    let scratch = Scratch::with_ledger();
    let mut lines = String::from(
        "{\"event\":\"party\",\"id\":\"p\",\"kind\":\"state\",\"name\":\"P\"}\n\
         {\"event\":\"agreement\",\"id\":\"a\",\"title\":\"A\",\"party\":[\"p\"]}\n",
    );
    for number in 0..400 {
        lines.push_str(&format!(
            "{{\"event\":\"commitment\",\"id\":\"c{number}\",\"agreement\":\"a\",\"text\":\"t\",\"debtor\":[\"p\"]}}\n"
        ));
    }
    scratch.write("more.ndjson", lines);
    scratch
        .run(&["import", "more.ndjson", "--key", "more"])
        .ok();
    let lines: String = (0..300)
        .map(|n| format!("{{\"event\":\"note\",\"text\":\"{n}\"}}\n"))
        .collect();
    scratch.write("lines.ndjson", lines);
    // Below some 60 MiB the system itself does not load the program that tests run, which is that long.
    for mib in [72, 100, 191, 192, 200, 205, 240, 300] {
        for words in COMMANDS {
            let new = format!("new{mib}{}", words[0]);
            let words: Vec<&str> = words
                .iter()
                .map(|word| if *word == "NEW" { &new } else { *word })
                .collect();
            let kept = scratch.kept_files();
            let output = limited(&scratch, mib, &words);
            let said = String::from_utf8_lossy(&output.stderr);
            let what = format!("{mib} MiB, {words:?}: {:?} {said}", output.status);
            assert_eq!(output.status.signal(), None, "{what}");
            if mib < 192 {
                assert_eq!(output.status.code(), Some(1), "{what}");
                let says = format!(
                    "error: the limit on memory is too low: {mib} MiB of address space, and 192 are needed\nhint: "
                );
                assert!(said.starts_with(&says), "{what}");
                assert_eq!(scratch.kept_files(), kept);
            } else {
                assert_eq!(output.status.code(), Some(0), "{what}");
            }
        }
    }
    scratch.run(&["verify"]).ok();
}

/// A process may have few open files: a command does what it is asked for, or says why not, and loses nothing.
#[test]
fn few_open_files_end_in_an_error_and_never_in_a_crash() {
    let scratch = Scratch::with_ledger();
    let lines: String = (0..300)
        .map(|n| format!("{{\"event\":\"note\",\"text\":\"{n}\"}}\n"))
        .collect();
    scratch.write("lines.ndjson", &lines);
    let count = || scratch.run(&["export"]).ok().lines().count();
    let mut codes = BTreeMap::new();
    for files in 3..=24 {
        for words in COMMANDS {
            let new = format!("new{files}{}", words[0]);
            let words: Vec<&str> = words
                .iter()
                .map(|word| if *word == "NEW" { &new } else { *word })
                .collect();
            let before = count();
            let output = under(&scratch, &format!("-n {files}"), &words);
            let said = String::from_utf8_lossy(&output.stderr);
            let what = format!("{files} files, {words:?}: {:?} {said}", output.status);
            assert_eq!(output.status.signal(), None, "{what}");
            assert!(!said.contains("panicked"), "{what}");
            let code = output.status.code().unwrap();
            // The system could not load the program.
            let is_loaded = code != 127;
            assert!(!is_loaded || matches!(code, 0 | 1), "{what}");
            assert!(
                !is_loaded || code == 0 || said.contains("error: "),
                "{what}"
            );
            let recorded = match (words[0], code) {
                ("record", 0) => 1,
                ("import", 0) => 300,
                _ => 0,
            };
            assert_eq!(count(), before + recorded, "{what}");
            *codes.entry((words[0].to_owned(), code)).or_insert(0) += 1;
        }
    }
    eprintln!("{codes:?}");
    for words in COMMANDS {
        // It works with the most of them, and does not with the least.
        assert!(codes.contains_key(&(words[0].to_owned(), 0)), "{codes:?}");
    }
    scratch.run(&["verify"]).ok();
}

/// Memory that ends in the middle of an import ends it with an exit code, and not with a signal and a core dump.
#[cfg(target_os = "linux")]
#[test]
fn memory_that_ends_halfway_ends_the_command_and_changes_nothing() {
    let scratch = Scratch::with_ledger();
    let before = scratch.run(&["export"]).ok();
    let outcome = scratch.ends_an_import(|import| {
        let limited = Command::new("prlimit")
            .args(["--as=1:1", "--pid", &import.id().to_string()])
            .status()
            .unwrap();
        assert!(limited.success());
    });
    outcome.fails(21, &["memory allocation of "]);
    assert_eq!(scratch.run(&["export"]).ok(), before);
    scratch.run(&["verify"]).ok();
}

/// A configuration of sled that is nearly all a hole is damage, and not an error of the system.
#[test]
fn a_configuration_of_any_length_is_damage() {
    let scratch = Scratch::with_ledger();
    let conf = scratch.ledger().join("records/conf");
    let before = fs::read(&conf).unwrap();
    fs::File::create(&conf).unwrap().set_len(5 << 30).unwrap();
    for words in [
        &["log"][..],
        &["verify"],
        &["record", "note", "--text", "n"],
    ] {
        scratch
            .run(words)
            .fails(10, &["conf: it is longer than 1073741824 bytes", "hint: "]);
    }
    fs::write(&conf, before).unwrap();
    scratch.run(&["verify"]).ok();
}

/// Without a seal, each command reads a copy of the records, and says so until they are written again.
#[test]
fn reading_a_copy_is_told_with_the_way_out() {
    let scratch = Scratch::with_ledger();
    fs::remove_file(scratch.ledger().join("records/seal")).unwrap();
    let says = "until `servanda compact` or another writes them";
    for words in [&["log"][..], &["verify"]] {
        let outcome = scratch.run(words);
        assert!(outcome.stderr.contains(says), "{outcome:#?}");
        outcome.ok();
    }
    let quiet = scratch.run(&["log", "--quiet"]);
    assert_eq!(quiet.stderr, "");
    scratch.run(&["compact"]).ok();
    let outcome = scratch.run(&["log"]);
    assert!(!outcome.stderr.contains("hint"), "{outcome:#?}");
}

fn fifo(path: &Path) {
    assert!(
        Command::new("mkfifo")
            .args(["-m", "600"])
            .arg(path)
            .status()
            .unwrap()
            .success()
    );
}

/// Keys and other files come first: nobody waits for a ledger while its command waits for a pipe.
#[test]
fn a_slow_pipe_locks_no_ledger() {
    let scratch = Scratch::with_ledger();
    let ok = |words: &[&str]| scratch.run(words).ok();
    ok(&[
        "key",
        "generate",
        "--name",
        "example.org/test",
        "--out",
        "log.key",
    ]);
    fifo(&scratch.path("pipe"));
    for words in [
        &["record", "note", "--text", "a", "--sign-with", "pipe"][..],
        &["prove", "0", "--key", "pipe"],
        &["prove", "--since", "pipe", "--key", "log.key"],
        &["checkpoint", "--key", "pipe"],
        &["export", "--bundle", "b.tar", "--key", "pipe"],
        &["export", "--bundle", "b.tar", "--policy", "pipe"],
        &[
            "witness",
            "ask",
            "http://127.0.0.1:9",
            "--policy",
            "pipe",
            "--key",
            "log.key",
        ],
        &["verify", "--policy", "pipe"],
        &["verify", "--against", "pipe"],
        &["acknowledge", "0", "--party", "p", "--key", "pipe"],
    ] {
        let mut waiting = scratch.servanda();
        let quiet = waiting
            .args(words)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut waiting = quiet.spawn().unwrap();
        thread::sleep(Duration::from_millis(700));
        assert!(
            waiting.try_wait().unwrap().is_none(),
            "{words:?} does not wait"
        );
        let outcome = scratch.run(&["log", "--wait", "0"]);
        assert_eq!(outcome.code, Some(0), "{words:?}: {outcome:#?}");
        waiting.kill().unwrap();
        waiting.wait().unwrap();
    }
}

/// How much more memory a report may take of a ledger with 20,000 more commitments, in KiB. The state of a commitment is
/// some 450 bytes; rows that wait for their turn would be more.
#[cfg(target_os = "linux")]
const GROWTH: u64 = 14 * 1024;

/// The most memory that a command had, in KiB, while it wrote its answer, and how long that was.
#[cfg(target_os = "linux")]
fn most_memory(scratch: &Scratch, words: &[&str]) -> (u64, usize) {
    use std::io::Read as _;
    let mut command = scratch.servanda();
    let command = command.args(words).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut output = child.stdout.take().unwrap();
    let (mut most, mut length) = (0, 0);
    let mut part = vec![0; 64 * 1024];
    loop {
        // It cannot end before all that it wrote was taken.
        let status = fs::read_to_string(&status).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok());
        most = most.max(peak.unwrap_or(0));
        match output.read(&mut part).unwrap() {
            0 => break,
            more => length += more,
        }
    }
    assert!(child.wait().unwrap().success(), "{words:?}");
    (most, length)
}

/// Rows flow: an answer does not wait in memory until it is whole.
#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_a_report_does_not_grow_with_its_rows() {
    const MORE: u32 = 20_000;
    let scratch = Scratch::with_ledger();
    let import = |lines: String| scratch.run_on(&["import", "-"], lines).ok();
    import(
        "{\"event\":\"party\",\"id\":\"p\",\"kind\":\"state\",\"name\":\"P\"}\n\
         {\"event\":\"agreement\",\"id\":\"a\",\"title\":\"A\",\"party\":[\"p\"],\"on\":\"2020-01-01\"}\n"
            .to_owned(),
    );
    let reports: [&[&str]; 3] = [
        &["report", "status", "--format", "csv"],
        &["report", "due", "--format", "ics"],
        &["report", "timeline", "--format", "csv"],
    ];
    let mut before = [(0, 0); 3];
    for first in [0, MORE] {
        let text = "t".repeat(200);
        let lines = (first..first + MORE).map(|number| {
            format!(
                "{{\"event\":\"commitment\",\"id\":\"c{number}\",\"agreement\":\"a\",\"text\":\"{text}\",\
                 \"debtor\":[\"p\"],\"deadline\":\"2021-01-01\",\"on\":\"2020-01-01\"}}\n"
            )
        });
        import(lines.collect());
        for (words, before) in reports.iter().zip(&mut before) {
            let (most, length) = most_memory(&scratch, words);
            eprintln!("{words:?}: {most} KiB, {length} bytes");
            if first > 0 {
                let told = format!("{words:?}: {before:?}, then {most} KiB, {length} bytes");
                assert!(length > before.1 + 20 * MORE as usize, "{told}");
                assert!(most < before.0 + GROWTH, "{told}");
            }
            *before = (most, length);
        }
    }
}
