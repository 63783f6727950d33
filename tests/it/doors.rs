//! Files of every kind at every flag that opens one: the program neither hangs nor fills the memory, and never puts a
//! file in the place of what it did not write.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::Scratch;

/// Longer than the program waits for a pipe, and shorter than a test that hangs.
const SOON: Duration = Duration::from_secs(25);

/// The commands that read a file; `FILE` stands for it.
const READERS: &[&[&str]] = &[
    &["record", "note", "--text", "a", "--sign-with", "FILE"],
    &["verify", "--policy", "FILE"],
    &["verify", "--against", "FILE"],
    &["verify", "--log-key", "FILE"],
    &["check-proof", "FILE", "--log-key", "key.vkey"],
    &[
        "check-proof",
        "1.tlog-proof",
        "--log-key",
        "key.vkey",
        "--event",
        "FILE",
    ],
    &["prove", "--since", "FILE", "--key", "log.key"],
    &["checkpoint", "--key", "FILE"],
    &["key", "show", "FILE"],
    &["import", "FILE", "--suggest"],
    &["import", "table.csv", "--rules", "FILE"],
    &["import", "FILE", "--rules", "rules.toml"],
    &["import", "table.csv", "--rules", "lookup.toml"],
    &["acknowledge", "1", "--party", "p", "--key", "FILE"],
    &[
        "key",
        "import",
        "FILE",
        "--name",
        "r1",
        "--out",
        "taken.key",
    ],
    &["export", "--bundle", "b.tar", "--key", "FILE"],
    &["export", "--bundle", "b.tar", "--policy", "FILE"],
    &[
        "witness", "serve", "--key", "FILE", "--state", "witness", "--log", "VKEY",
    ],
    &[
        "witness",
        "ask",
        "http://127.0.0.1:9",
        "--policy",
        "FILE",
        "--key",
        "log.key",
    ],
    &["serve", "--tls-cert", "FILE", "--tls-key", "log.key"],
    &["serve", "--tls-cert", "key.vkey", "--tls-key", "FILE"],
    &["serve", "--access", "FILE", "--listen", "127.0.0.1:0"],
    &["clone", "http://127.0.0.1:9", "cloned", "--policy", "FILE"],
];

/// Those that wait for minutes until somebody writes into a pipe.
const PATIENT_READERS: &[&[&str]] = &[
    &["record", "note", "--file", "FILE"],
    &[
        "record",
        "source",
        "s1",
        "--kind",
        "treaty",
        "--title",
        "T",
        "--document",
        "FILE",
        "--keep",
    ],
];

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// A ledger with a proof, its key, and a table.
fn site() -> Scratch {
    let scratch = Scratch::with_ledger();
    let ok = |words: &[&str]| scratch.run(words).ok();
    ok(&["record", "note", "--text", "one"]);
    ok(&[
        "key",
        "generate",
        "--name",
        "example.org/test",
        "--out",
        "log.key",
    ]);
    let vkey = ok(&["key", "show", "log.key"]);
    scratch.write("key.vkey", vkey);
    ok(&["prove", "1", "--key", "log.key"]);
    scratch.write("table.csv", "id\n1\n");
    scratch.write("rules.toml", "");
    scratch
}

/// Rules that name a second table.
fn lookup(scratch: &Scratch, path: &Path) {
    let lookup = format!(
        "[lookup.more]\nfile = '{}'\nkey = \"{{id}}\"\nby = \"{{id}}\"\n\n[[event]]\nevent = \"note\"\nimport_key = \"{{id}}\"\ntext = \"{{more.id}}\"\n",
        path.display()
    );
    scratch.write("lookup.toml", lookup);
}

fn refused_soon(scratch: &Scratch, words: &[&str], path: &Path) {
    let vkey = fs::read_to_string(scratch.path("key.vkey")).unwrap();
    let words: Vec<&str> = words
        .iter()
        .map(|word| match *word {
            "FILE" => path.to_str().unwrap(),
            "VKEY" => vkey.trim(),
            word => word,
        })
        .collect();
    lookup(scratch, path);
    let start = Instant::now();
    let outcome = scratch.run(&words);
    assert!(
        start.elapsed() < SOON,
        "{words:?} took {:?}",
        start.elapsed()
    );
    assert!(
        matches!(outcome.code, Some(1 | 2)),
        "{words:?}: {outcome:#?}"
    );
    assert!(
        outcome.stderr.starts_with("error: "),
        "{words:?}: {outcome:#?}"
    );
}

/// A copy of a site.
fn copy(site: &Scratch) -> Scratch {
    let copy = Scratch::empty();
    let mut command = Command::new("cp");
    command.arg("-r").arg(site.path(".")).arg(copy.path("."));
    assert!(command.status().unwrap().success());
    copy
}

#[test]
fn every_file_that_is_read_is_looked_at_first() {
    let first = site();
    let before = first.kept_files();
    thread::scope(|scope| {
        for words in READERS.iter().chain(PATIENT_READERS) {
            let (first, before) = (&first, &before);
            scope.spawn(move || {
                // Of its own: a ledger is locked while a command waits for a pipe.
                let scratch = copy(first);
                let (pipe, sparse) = (scratch.path("pipe"), scratch.path("sparse"));
                let link = scratch.path("link");
                fifo(&pipe);
                fs::File::create(&sparse).unwrap().set_len(1 << 43).unwrap();
                symlink("/dev/zero", &link).unwrap();
                // Keys must be private, whatever they are.
                for path in [&pipe, &sparse] {
                    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
                }
                let (none, directory) = (scratch.path("none"), scratch.ledger());
                for path in [&sparse, &link, &none, &directory] {
                    // A server makes the file of those who may use it.
                    if path != &none || !words.contains(&"--access") {
                        refused_soon(&scratch, words, path);
                    }
                }
                if !PATIENT_READERS.contains(words) {
                    refused_soon(&scratch, words, &pipe);
                }
                assert_eq!(&scratch.kept_files(), before);
                assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
            });
        }
    });
}

/// The commands that write a file; `FILE` stands for it.
const WRITERS: &[&[&str]] = &[
    &["export", "--bundle", "FILE"],
    &["recover", "--into", "salvaged", "--rest", "FILE"],
];

#[test]
fn nothing_is_written_over_unless_force_is_given() {
    let scratch = site();
    for words in WRITERS {
        let run = |file: &str, force: bool| {
            let _ = fs::remove_dir_all(scratch.path("salvaged"));
            let mut words: Vec<&str> = words
                .iter()
                .map(|word| if *word == "FILE" { file } else { word })
                .collect();
            words.extend(force.then_some("--force"));
            scratch.run(&words)
        };
        scratch.write("taken", "precious");
        run("taken", false).fails(
            1,
            &["taken", "it exists already", "hint: --force replaces it"],
        );
        assert_eq!(
            fs::read_to_string(scratch.path("taken")).unwrap(),
            "precious"
        );
        run("taken", true).ok();
        assert_ne!(
            fs::read_to_string(scratch.path("taken")).ok().as_deref(),
            Some("precious")
        );

        let _ = fs::remove_file(scratch.path("pointer"));
        scratch.write("pointed", "precious");
        symlink(scratch.path("pointed"), scratch.path("pointer")).unwrap();
        run("pointer", false).fails(1, &["it exists already"]);
        run("pointer", true).ok();
        assert!(
            fs::symlink_metadata(scratch.path("pointer"))
                .unwrap()
                .is_symlink()
        );

        let _ = fs::remove_file(scratch.path("pipe"));
        fifo(&scratch.path("pipe"));
        let reader = thread::spawn({
            let pipe = scratch.path("pipe");
            move || fs::read(pipe).unwrap().len()
        });
        run("pipe", false).ok();
        let read = reader.join().unwrap();
        assert!(read > 0 || words[0] == "recover");
        assert!(
            fs::metadata(scratch.path("pipe"))
                .unwrap()
                .file_type()
                .is_fifo()
        );
        run("/dev/null", false).ok();
        assert!(
            fs::metadata("/dev/null")
                .unwrap()
                .file_type()
                .is_char_device()
        );
    }
    // Keys are never replaced, not even on demand.
    scratch
        .run(&[
            "key",
            "generate",
            "--name",
            "example.org/test",
            "--out",
            "log.key",
        ])
        .fails(1, &["it exists already"]);
    let mode = fs::metadata(scratch.path("log.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    // Proofs: all of their files or none.
    scratch
        .run(&["prove", "1", "--key", "log.key"])
        .fails(1, &["1.tlog-proof", "it exists already"]);
    scratch
        .run(&["prove", "1", "--key", "log.key", "--force"])
        .ok();
}

/// Manual pages are many files in one directory.
#[test]
fn manual_pages_are_not_written_over() {
    let scratch = Scratch::empty();
    fs::create_dir(scratch.path("pages")).unwrap();
    for name in ["servanda.1", "servanda-log.1"] {
        let page = scratch.path("pages").join(name);
        fs::write(&page, "precious").unwrap();
        let refused = scratch.run(&["man", "pages"]);
        refused.fails(1, &[name, "it exists already", "hint: --force replaces it"]);
        assert_eq!(fs::read_to_string(&page).unwrap(), "precious");
        fs::remove_file(&page).unwrap();
    }
    scratch.run(&["man", "pages", "--force"]).ok();
    let page = scratch.path("pages/servanda-log.1");
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains(".TH"));
    // A link stays one, and a pipe takes its page as a stream.
    fs::rename(&page, scratch.path("elsewhere")).unwrap();
    fs::write(scratch.path("elsewhere"), "old").unwrap();
    symlink(scratch.path("elsewhere"), &page).unwrap();
    let pipe = scratch.path("pages/servanda.1");
    fs::remove_file(&pipe).unwrap();
    fifo(&pipe);
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe).unwrap()
    });
    scratch.run(&["man", "pages", "--force"]).ok();
    assert!(fs::symlink_metadata(&page).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(scratch.path("elsewhere")).unwrap(), text);
    assert!(!reader.join().unwrap().is_empty());
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
}

/// What the program remembers lies in a directory that others may reach.
#[test]
fn a_remembered_checkpoint_is_a_regular_file_or_an_error() {
    let scratch = site();
    let seen = scratch.seen_checkpoints();
    assert!(!seen.is_empty());
    for path in seen {
        let text = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fifo(&path);
        let start = Instant::now();
        scratch
            .run(&["log"])
            .fails(1, &["it is a pipe, not a regular file"]);
        assert!(start.elapsed() < SOON);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "rubbish").unwrap();
        let damaged = scratch.run(&["log"]);
        assert_ne!(damaged.code, Some(0), "{damaged:#?}");
        assert!(damaged.stderr.contains("hint: "), "{damaged:#?}");
        fs::write(&path, text).unwrap();
        scratch.run(&["log"]).ok();
    }
}

/// A ledger's own files are looked at as well: whoever can write its directory may put anything there.
#[test]
fn a_file_of_the_ledger_is_a_regular_one_of_a_likely_length() {
    let first = site();
    let names = [
        "servanda",
        "head",
        "journal",
        "lock",
        "records/db",
        "records/conf",
        "records/seal",
    ];
    let one = &|name: &str| {
        for kind in ["pipe", "endless", "sparse"] {
            let scratch = copy(&first);
            let path = scratch.ledger().join(name);
            fs::remove_file(&path).unwrap();
            match kind {
                "pipe" => fifo(&path),
                "endless" => symlink("/dev/zero", &path).unwrap(),
                _ => fs::File::create(&path).unwrap().set_len(1 << 43).unwrap(),
            }
            let start = Instant::now();
            for words in [&["verify"][..], &["record", "note", "--text", "a"]] {
                let outcome = scratch.run(words);
                let told = format!("{name} {kind}: {outcome:#?}");
                assert!(outcome.code.is_some(), "{told}");
                let is_needed = ["servanda", "head", "journal", "records/db"].contains(&name);
                if is_needed {
                    assert!(matches!(outcome.code, Some(1 | 10)), "{told}");
                    let all = format!("{}{}", outcome.stdout, outcome.stderr);
                    let shown = name.split('/').next().unwrap();
                    assert!(all.contains(shown), "{told}");
                }
            }
            let took = start.elapsed();
            assert!(took < SOON, "{name} {kind} took {took:?}");
        }
    };
    thread::scope(|scope| {
        for name in names {
            scope.spawn(move || one(name));
        }
    });
}

/// Without a marker the program looks whether there ever was a record: at the head and the journal, whatever they are.
#[test]
fn a_directory_without_a_marker_is_looked_at_as_carefully() {
    let first = site();
    for name in ["head", "journal"] {
        for kind in ["pipe", "sparse"] {
            let scratch = copy(&first);
            // With a file beside them that is not its own, it is no ledger that was never finished.
            for missing in ["servanda", "checkpoint"] {
                fs::remove_file(scratch.ledger().join(missing)).unwrap();
            }
            let path = scratch.ledger().join(name);
            fs::remove_file(&path).unwrap();
            match kind {
                "pipe" => fifo(&path),
                _ => fs::File::create(&path).unwrap().set_len(1 << 43).unwrap(),
            }
            let start = Instant::now();
            for words in [
                &["log"][..],
                &["verify"],
                &["init", "--origin", "example.org/test"],
            ] {
                let outcome = scratch.run(words);
                assert_ne!(
                    outcome.code,
                    Some(0),
                    "{name} {kind} {words:?}: {outcome:#?}"
                );
                assert!(
                    outcome.code.is_some(),
                    "{name} {kind} {words:?}: {outcome:#?}"
                );
            }
            assert!(start.elapsed() < SOON, "{name} {kind}");
            assert!(scratch.ledger().join("records/db").exists());
        }
    }
}
