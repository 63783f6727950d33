//! Several writers, and a server that dies.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{OnServer, lines, server};

const WRITERS: usize = 8;
const EACH: usize = 6;

/// Each a process of its own, all at once.
#[test]
fn eight_writers_lose_nothing_and_leave_no_gap() {
    let Some(server) = server() else {
        return;
    };
    let ledger = OnServer::with_ledger(&server);
    ledger.scratch.write("lines", lines(0));
    ledger.run(&["import", "lines"]).ok();
    let before = ledger.count();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let ledger = &ledger;
            scope.spawn(move || {
                for nth in 0..EACH {
                    let text = format!("note {nth} of {writer}");
                    ledger.run(&["record", "note", "--text", &text]).ok();
                }
            });
        }
    });
    assert_eq!(ledger.count(), before + WRITERS * EACH);
    let log = ledger.run(&["log"]).ok();
    for writer in 0..WRITERS {
        for nth in 0..EACH {
            let text = format!("note {nth} of {writer}");
            assert_eq!(log.matches(&text).count(), 1, "{text}: {log}");
        }
    }
    ledger.run(&["verify"]).ok();
}

/// Imports that race with each other and with single events.
#[test]
fn imports_that_race_are_all_in() {
    let Some(server) = server() else {
        return;
    };
    let ledger = OnServer::with_ledger(&server);
    const LINES: usize = 2_000;
    thread::scope(|scope| {
        for writer in 0..4 {
            let ledger = &ledger;
            scope.spawn(move || {
                let lines: String = (0..LINES)
                    .map(|nth| format!("{{\"event\":\"note\",\"text\":\"{nth} of {writer}\"}}\n"))
                    .collect();
                let name = format!("lines{writer}");
                ledger.scratch.write(&name, lines);
                ledger.run(&["import", &name, "--key", &name]).ok();
            });
            scope.spawn(move || {
                for nth in 0..3 {
                    let text = format!("single {nth} of {writer}");
                    ledger.run(&["record", "note", "--text", &text]).ok();
                }
            });
        }
    });
    assert_eq!(ledger.count(), 1 + 4 * (LINES + 3));
    ledger.run(&["verify"]).ok();
}

#[test]
fn of_several_writers_of_one_id_one_wins_and_the_others_hear_the_rule() {
    let Some(server) = server() else {
        return;
    };
    let ledger = OnServer::with_ledger(&server);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let ledger = &ledger;
                scope.spawn(move || {
                    let name = format!("Name {writer}");
                    let words = [
                        "record", "party", "same", "--kind", "state", "--name", &name,
                    ];
                    ledger.run(&words)
                })
            })
            .collect();
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect()
    });
    let (won, lost): (Vec<_>, Vec<_>) = outcomes
        .into_iter()
        .partition(|outcome| outcome.code == Some(0));
    assert_eq!(won.len(), 1, "{won:#?}");
    for outcome in lost {
        outcome.fails(1, &["error: ", "same"]);
    }
    ledger.run(&["verify"]).ok();
}

/// What was acknowledged before the server was killed is there afterwards, once; the writer goes on by itself.
#[test]
fn a_server_that_is_killed_loses_nothing_that_was_acknowledged() {
    let Some(mut server) = server() else {
        return;
    };
    let url = {
        let ledger = OnServer::with_ledger(&server);
        ledger.url_of("postgres")
    };
    let scratch = crate::program::Scratch::empty();
    let command = |words: &[&str]| {
        let mut command = scratch.servanda();
        command
            .env("SERVANDA_LEDGER", &url)
            .args(words)
            .stdin(Stdio::null());
        command
    };
    let is_done = AtomicBool::new(false);
    let acknowledged = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut acknowledged = Vec::new();
            for nth in 0.. {
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
                let text = format!("note-{nth}.");
                let output = command(&["record", "note", "--text", &text, "--wait", "30"]).output();
                if output.unwrap().status.success() {
                    acknowledged.push(text);
                }
            }
            acknowledged
        });
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(700));
            server.crash(&[]);
        }
        thread::sleep(Duration::from_millis(700));
        is_done.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    });
    assert!(!acknowledged.is_empty());
    let log = command(&["log"]).output().unwrap();
    let log = String::from_utf8(log.stdout).unwrap();
    for text in &acknowledged {
        assert_eq!(log.matches(text.as_str()).count(), 1, "{text}: {log}");
    }
    assert!(command(&["verify"]).output().unwrap().status.success());
}
