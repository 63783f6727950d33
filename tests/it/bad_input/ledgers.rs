//! Directories that are no ledger, damaged ones, and ledgers in use.

use super::*;

#[test]
fn what_is_no_ledger_is_told_and_left_alone() {
    let scratch = Scratch::empty();
    scratch
        .run(&["log"])
        .fails(20, &["does not exist", "servanda init"]);
    assert!(!scratch.ledger().exists());
    scratch.write("ledger", "a letter");
    scratch.run(&["log"]).fails(20, &["is not a directory"]);
    scratch
        .run(&["init", "--origin", "x.org"])
        .fails(1, &["is not a directory", "another directory"]);
    assert_eq!(fs::read(scratch.ledger()).unwrap(), b"a letter");
    fs::remove_file(scratch.ledger()).unwrap();

    fs::create_dir(scratch.ledger()).unwrap();
    scratch.run(&["verify"]).fails(20, &["is not a ledger"]);
    assert_eq!(contents(&scratch.ledger()), []);
    scratch.write("ledger/letter.txt", "x");
    scratch.write("ledger/head", "no head of ours");
    let before = contents(&scratch.ledger());
    scratch.run(&["export"]).fails(20, &["is not a ledger"]);
    scratch
        .run(&["init", "--origin", "x.org"])
        .fails(1, &["is not empty", "another directory"]);
    scratch
        .run(&["init", "--origin", "x.org", "--dry-run"])
        .fails(1, &["is not empty"]);
    assert_eq!(contents(&scratch.ledger()), before);
}

#[test]
fn a_ledger_of_another_make_is_told_and_left_alone() {
    let scratch = Scratch::with_ledger();
    let good = fs::read(scratch.ledger().join("servanda")).unwrap();
    let newer = "servanda ledger\nformat 3\nstore sled\n";
    fs::write(scratch.ledger().join("servanda"), newer).unwrap();
    let before = contents(&scratch.ledger());
    for words in [
        &["log"][..],
        &["verify"],
        &["record", "note", "--text", "a"],
    ] {
        scratch.run(words).fails(20, &["has format 3", "newer"]);
    }
    assert_eq!(scratch.run(&["init", "--origin", "x.org"]).code, Some(1));
    assert_eq!(contents(&scratch.ledger()), before);
    // A marker that is none beside the files of a ledger is damage.
    for (marker, says) in [
        (
            "servanda ledger\nformat 1\nstore stone\n",
            "the store \"stone\"",
        ),
        ("servanda ledger\nformat one\nstore sled\n", "second line"),
        ("a letter of that name\n", "first line"),
        ("", "first line"),
    ] {
        fs::write(scratch.ledger().join("servanda"), marker).unwrap();
        let verdict = scratch.run(&["verify"]);
        assert!(
            verdict.code == Some(10) && verdict.stdout.contains(says),
            "{verdict:#?}"
        );
        for words in [&["log"][..], &["record", "note", "--text", "a"]] {
            scratch.run(words).fails(10, &[says, "servanda recover"]);
        }
        assert_eq!(scratch.run(&["init", "--origin", "x.org"]).code, Some(1));
        scratch.run(&["recover", "--into", "salvaged"]).ok();
        scratch.run(&["verify", "--ledger", "salvaged"]).ok();
        fs::remove_dir_all(scratch.path("salvaged")).unwrap();
        assert_eq!(
            fs::read_to_string(scratch.ledger().join("servanda")).unwrap(),
            marker
        );
    }
    fs::write(scratch.ledger().join("servanda"), good).unwrap();
    scratch.run(&["verify"]).ok();
    let again = scratch.run(&["init", "--origin", "x.org"]);
    again.fails(1, &["is a ledger already"]);
}

/// Copies a ledger, so that damage to the copy can be tried.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for (path, bytes) in contents(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        if path.is_dir() {
            fs::create_dir(target).unwrap();
        } else {
            fs::write(target, bytes).unwrap();
        }
    }
}

type Damage = fn(&Path);

#[test]
fn damage_is_exit_code_10_and_nothing_is_appended_to_it() {
    let original = Scratch::with_ledger();
    let lines =
        "{\"event\":\"note\",\"text\":\"one of many, of some length, that fills a file\"}\n"
            .repeat(400);
    original.run_on(&["import", "-"], lines).ok();
    let damages: [(&str, Damage); 8] = [
        ("a garbage head", |dir| {
            fs::write(dir.join("head"), [0xa5; 8192]).unwrap()
        }),
        ("an empty head", |dir| {
            fs::write(dir.join("head"), "").unwrap()
        }),
        ("no head", |dir| fs::remove_file(dir.join("head")).unwrap()),
        ("no records", |dir| {
            fs::remove_dir_all(dir.join("records")).unwrap()
        }),
        ("no db", |dir| {
            fs::remove_file(dir.join("records/db")).unwrap()
        }),
        ("an empty db", |dir| set_len(&dir.join("records/db"), 0)),
        ("a db cut near its start", |dir| {
            set_len(&dir.join("records/db"), 5_000)
        }),
        ("a db cut so that it opens with less", |dir| {
            set_len(&dir.join("records/db"), 30_000);
            for (path, _) in contents(&dir.join("records")) {
                if path
                    .file_name()
                    .unwrap()
                    .to_string_lossy()
                    .starts_with("snap.")
                {
                    fs::remove_file(path).unwrap();
                }
            }
        }),
    ];
    for (what, damage) in damages {
        let damaged = Scratch::empty();
        copy(&original.ledger(), &damaged.ledger());
        damage(&damaged.ledger());
        for words in [
            &["verify"][..],
            &["log"],
            &["record", "note", "--text", "a"],
            &["verify"],
        ] {
            let outcome = damaged.run(words);
            assert_eq!(outcome.code, Some(10), "{what}: {outcome:#?}");
            assert!(
                words == ["verify"] || outcome.stdout.is_empty(),
                "{what}: {outcome:#?}"
            );
            let advised =
                outcome.stderr.contains("copy") || outcome.stderr.contains("servanda verify");
            assert!(advised, "{what}: {outcome:#?}");
        }
        damaged
            .run(&["init", "--origin", "x.org"])
            .fails(1, &["is a ledger already"]);
    }
    original.run(&["verify"]).ok();
}

fn set_len(path: &Path, length: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    assert!(file.metadata().unwrap().len() > length);
    file.set_len(length).unwrap();
}

/// An export into a pipe that nobody reads holds its ledger, for it cannot end.
#[test]
fn a_ledger_in_use_is_told_with_who_uses_it() {
    let scratch = Scratch::with_ledger();
    let lines = format!(
        "{{\"event\":\"note\",\"text\":\"{}\"}}\n",
        "x".repeat(10_000)
    )
    .repeat(30);
    scratch.run_on(&["import", "-"], lines).ok();
    let mut export = scratch.servanda();
    // A global option before the command must not be taken for the command.
    export
        .args(["--quiet", "export", "--raw"])
        .stdout(Stdio::piped());
    let mut export = export.spawn().unwrap();
    let mut stdout = BufReader::new(export.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();

    let began = Instant::now();
    let refused = scratch.run(&["record", "note", "--text", "a", "--wait", "0"]);
    let holder = format!("in use by pid {}, servanda export, since 2", export.id());
    refused.fails(21, &[&holder, "--wait SECONDS"]);
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    scratch
        .run(&["verify", "--wait", "0"])
        .fails(21, &[&holder]);
    scratch
        .run(&["init", "--origin", "x.org"])
        .fails(1, &["is a ledger already"]);

    let reader = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).map(|_| rest)
    });
    let waited = scratch.run(&["record", "note", "--text", "a", "--wait", "5"]);
    waited.ok();
    assert!(export.wait().unwrap().success());
    let rest = reader.join().unwrap().unwrap();
    assert!(
        String::from_utf8(rest)
            .unwrap()
            .contains("\"head\":{\"count\":31,")
    );
}

#[test]
fn a_lock_held_by_the_library_is_respected() {
    let scratch = Scratch::with_ledger();
    let held = directory::open(
        &scratch.ledger(),
        Duration::ZERO,
        "an archive's own program",
    )
    .unwrap();
    let holder = format!(
        "in use by pid {}, an archive's own program",
        std::process::id()
    );
    for words in [&["log"][..], &["verify"], &["export"], &["import", "-"]] {
        let words = [words, &["--wait", "0"]].concat();
        let outcome = scratch.run_on(&words, "{\"event\":\"note\",\"text\":\"a\"}");
        outcome.fails(21, &[&holder]);
    }
    drop(held);
    scratch.run(&["verify", "--wait", "5"]).ok();
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    let scratch = Scratch::with_ledger();
    let note = format!("{{\"event\":\"note\",\"text\":\"{}\"}}\n", "x".repeat(2000));
    scratch.run_on(&["import", "-"], note.repeat(200)).ok();
    let commands: [&[&str]; 9] = [
        &["log"],
        &["export"],
        &["export", "--raw"],
        &["verify"],
        &["list", "parties"],
        &["--help"],
        &["completions", "bash"],
        &["log", "--format", "json"],
        &["log", "--format", "csv"],
    ];
    for words in commands {
        let mut command = scratch.servanda();
        command
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Gone before the first line.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{words:?}: {stderr}");
        assert!(!stderr.contains("error"), "{words:?}: {stderr}");
    }
}
