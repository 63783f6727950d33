//! Several writers, and a server that dies.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use servanda_core::event::{Event, Fields, Kind};
use servanda_ledger::group::Group;
use servanda_ledger::{Ledger, Machine};
use servanda_log::{Backend as _, Location};
use servanda_postgres::Servers;

use super::{Ends, OnServer, lines, server};
use crate::program::run;

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

/// Many requests at once of one process, which are written while others are checked, and single events of another between
/// them: fewer than the times that an append is tried, for each may come before it.
#[test]
fn many_requests_at_once_and_single_events_of_another_process_are_all_in() {
    const THREADS: usize = 24;
    const BATCHES: usize = 8;
    const BATCH: usize = 32;
    const SINGLES: usize = 40;
    let Some(server) = server() else {
        return;
    };
    let ledger = OnServer::with_ledger(&server);
    let at = Location::new(ledger.url_of("postgres"));
    let group = |_| {
        let [servers, _] = Servers::caching_in(None);
        let log = servers.open(&at, Duration::ZERO, "a test").unwrap();
        Group::new(Ledger::open(log, Machine).unwrap()).unwrap()
    };
    let [many, single] = [0, 1].map(group);
    let appended = AtomicU64::new(1);
    let append = |group: &Group<_>, size: usize, name: &str| {
        let notes = (0..size).map(|nth| note(&format!("{name} {nth};")));
        let receipts = group.appender().append(notes.collect()).unwrap();
        let first = receipts[0].seq.0;
        assert!(
            (first..)
                .zip(&receipts)
                .all(|(seq, receipt)| receipt.seq.0 == seq)
        );
        appended.fetch_add(size as u64, Ordering::Relaxed);
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            for nth in 0..SINGLES {
                append(&single, 1, &format!("single {nth}"));
                thread::sleep(Duration::from_millis(20));
            }
        });
        let threads = [(); THREADS].map(|()| {
            let (many, append) = (&many, &append);
            scope.spawn(move || {
                for batch in 0..BATCHES {
                    append(many, BATCH, &format!("of many {batch}"));
                }
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
    });
    let counts = [many, single].map(|group| group.close().unwrap().head().count);
    assert_eq!(counts.into_iter().max(), Some(appended.into_inner()));
    let log = ledger.run(&["log", "--format", "csv"]).ok();
    for (text, times) in [
        ("of many 0 0;", THREADS),
        ("of many 7 31;", THREADS),
        ("single 0 0;", 1),
    ] {
        assert_eq!(log.matches(text).count(), times, "{text}");
    }
    ledger.run(&["verify"]).ok();
}

fn note(text: &str) -> Event {
    let mut fields = Fields::default();
    fields.set("text", vec![text.to_owned()]);
    Event::build(Kind::Noted, &fields).unwrap()
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

/// Checking the events takes longer than many appends of the other process, which holds back for the import once that has
/// been late a few times. A table and what comes by a pipe are appended anew as a file is.
#[test]
fn imports_beside_a_writer_without_pause_are_in() {
    const LINES: usize = 3_000;
    let Some(server) = server() else {
        return;
    };
    let ledger = OnServer::with_ledger(&server);
    ledger.scratch.write("lines", lines(LINES));
    let numbered = |line: &dyn Fn(usize) -> String| (0..LINES).map(line).collect::<String>();
    let piped = |nth| format!("{{\"event\":\"note\",\"text\":\"piped {nth}\"}}\n");
    let piped = numbered(&piped);
    let rows = numbered(&|nth| format!("{nth}\n"));
    ledger.scratch.write("table.csv", format!("id\n{rows}"));
    let rules = "[[event]]\nevent = \"note\"\nimport_key = \"table:{id}\"\ntext = \"row {id}\"\n";
    ledger.scratch.write("rules.toml", rules);
    let [servers, _] = Servers::caching_in(None);
    let at = Location::new(ledger.url_of("postgres"));
    let log = servers.open(&at, Duration::ZERO, "a test").unwrap();
    let mut single = Ledger::open(log, Machine).unwrap();
    let is_done = AtomicBool::new(false);
    let singles = thread::scope(|scope| {
        let ends = Ends(&is_done);
        let writer = scope.spawn(|| {
            let mut singles = 0;
            while !is_done.load(Ordering::Relaxed) {
                single.append(vec![note("single")]).unwrap();
                singles += 1;
            }
            singles
        });
        ledger.run(&["import", "lines"]).ok();
        let mut command = ledger.servanda_as("postgres");
        command.args(["import", "-"]);
        run(command, piped.as_bytes()).ok();
        let table = ["import", "--rules", "rules.toml", "table.csv"];
        ledger.run(&table).ok();
        drop(ends);
        writer.join().unwrap()
    });
    // The table is a source of its own.
    assert_eq!(ledger.count(), 1 + 4 + 1 + 3 * LINES + singles);
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
