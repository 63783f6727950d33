//! The commands of `docs/engines.md` for backups and erasing, on a real server.

use std::path::Path;

use super::{OnServer, lines, server};

#[track_caller]
fn done(mut command: std::process::Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A dump is restored whole; an older one is told by the checkpoint that was kept, and so is another history.
#[test]
fn a_restored_dump_verifies_and_an_older_one_is_told() {
    let Some(server) = server() else {
        return;
    };
    let ledger = OnServer::with_ledger(&server);
    ledger.scratch.write("lines", lines(20));
    ledger.run(&["import", "lines"]).ok();
    let dump = ledger.scratch.path("dump");
    let keep = |name: &str| {
        let checkpoint = ledger.run(&["checkpoint"]).ok();
        ledger.scratch.write(name, checkpoint);
    };
    keep("early");
    let url = format!("postgresql://postgres@127.0.0.1:{}/", server.port);
    let mut dumping = server.program("pg_dump");
    dumping
        .arg("--format=custom")
        .arg(format!("--schema={}", ledger.schema))
        .arg(format!("--file={}", dump.display()))
        .arg(format!("{url}postgres"));
    open_for_all(ledger.scratch.path("").as_path());
    done(dumping);
    ledger
        .run(&["record", "note", "--text", "after the dump"])
        .ok();
    keep("late");
    let mut creating = server.program("createdb");
    creating
        .arg(format!("--maintenance-db={url}postgres"))
        .arg("restored");
    done(creating);
    let mut restoring = server.program("pg_restore");
    restoring.arg(format!("--dbname={url}restored")).arg(&dump);
    done(restoring);
    let restored = format!("{url}restored?schema={}", ledger.schema);
    let on = |words: &[&str]| ledger.run(&[words, &["--ledger", &restored]].concat());
    on(&["verify", "--against", "early", "--no-memory"]).ok();
    // The user who saw more needs no file.
    for words in [
        &["verify"][..],
        &["log"],
        &["record", "note", "--text", "n"],
    ] {
        assert_eq!(on(words).code, Some(10), "{words:?}");
    }
    let verdict = on(&["verify", "--against", "late", "--no-memory"]);
    assert_eq!(verdict.code, Some(10), "{verdict:#?}");
    assert!(verdict.stdout.contains("only 25 records"), "{verdict:#?}");
    on(&["record", "note", "--text", "another history", "--no-memory"]).ok();
    let verdict = on(&["verify", "--against", "late", "--no-memory"]);
    assert_eq!(verdict.code, Some(10), "{verdict:#?}");
    assert!(verdict.stdout.contains("the root "), "{verdict:#?}");
}

/// The server's programs may run as another user.
fn open_for_all(dir: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o777)).unwrap();
}

/// After the server's next checkpoint no file of the database has the words.
#[test]
fn redacted_words_are_in_no_file_of_the_tables() {
    let Some(server) = server() else {
        return;
    };
    let ledger = OnServer::with_ledger(&server);
    let words = "unmistakable words of somebody";
    ledger.run(&["record", "note", "--text", words]).ok();
    ledger.sql("CHECKPOINT");
    let found = || server.files_with("base", words);
    assert!(!found().is_empty());
    let redact = ["redact", "1", "--reason", "r", "--authority", "a court"];
    ledger.run(&redact).ok();
    ledger.sql("CHECKPOINT");
    assert_eq!(found(), Vec::<std::path::PathBuf>::new());
    ledger.run(&["verify"]).ok();
}
