//! What was acknowledged is on the disk, however the server ends.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, Serving};
use crate::program::Scratch;

/// A batch of two with import keys.
fn batch(key: &str) -> Value {
    json!([
        {"event": "note", "text": key, "import_key": format!("{key}/1")},
        {"event": "note", "text": key, "import_key": format!("{key}/2")},
    ])
}

/// The records of each import key.
fn keys(scratch: &Scratch) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for line in scratch.run(&["export"]).ok().lines() {
        let object: Value = serde_json::from_str(line).unwrap();
        if let Some(key) = object["import_key"].as_str() {
            *found.entry(key.to_owned()).or_default() += 1;
        }
    }
    found
}

/// Sends batches from some threads until the server is gone; gives those that it acknowledged, and those that it did not.
fn load(client: &Client, end: impl FnOnce() + Send) -> (BTreeSet<String>, BTreeSet<String>) {
    let (acknowledged, open) = (Mutex::default(), Mutex::default());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..4 {
            let (acknowledged, open, is_over) = (&acknowledged, &open, &is_over);
            scope.spawn(move || {
                for round in 0.. {
                    let key = format!("{writer}-{round}");
                    let answer = client.post_json("/api/v1/events", &batch(&key));
                    let to = if answer.status == 201 {
                        acknowledged
                    } else {
                        open
                    };
                    let to: &Mutex<BTreeSet<String>> = to;
                    to.lock().unwrap().insert(key);
                    if answer.status != 201 || is_over.load(Ordering::SeqCst) {
                        break;
                    }
                }
            });
        }
        end();
        is_over.store(true, Ordering::SeqCst);
    });
    (
        acknowledged.into_inner().unwrap(),
        open.into_inner().unwrap(),
    )
}

#[test]
fn a_server_that_is_told_to_stop_keeps_what_it_acknowledged() {
    let scratch = Scratch::with_ledger();
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    let (acknowledged, _) = load(&client, || {
        thread::sleep(Duration::from_millis(700));
        let (code, said) = serving.stop("-TERM");
        assert_eq!(code, Some(0), "{said}");
    });
    assert!(!acknowledged.is_empty());
    let found = keys(&scratch);
    for key in &acknowledged {
        assert_eq!(found.get(&format!("{key}/2")), Some(&1), "{key}");
    }
    scratch.run(&["verify"]).ok();
}

/// How often a server is killed. `SERVANDA_KILLS=200 cargo test --test it killed` does it by hand.
fn kills() -> usize {
    let by_hand = std::env::var("SERVANDA_KILLS").ok();
    by_hand.map_or(2, |kills| kills.parse().unwrap())
}

#[test]
fn a_server_that_is_killed_loses_nothing_and_clients_that_retry_leave_no_double() {
    for round in 0..kills() {
        kill_under_load(Duration::from_millis(100 + round as u64 * 137 % 700));
    }
}

/// Kills a server under load after a while, and looks what is there.
fn kill_under_load(after: Duration) {
    let scratch = Scratch::with_ledger();
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    let recording = scratch
        .servanda()
        .args(["record", "note", "--text", "by command"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let (acknowledged, open) = load(&client, || {
        thread::sleep(after);
        serving.kill();
    });
    let recorded = recording.unwrap().wait().unwrap().success();
    let exported = scratch.run(&["export"]).ok();
    assert_eq!(
        exported.matches("by command").count(),
        usize::from(recorded)
    );
    let found = keys(&scratch);
    for key in &acknowledged {
        assert!(
            found.contains_key(&format!("{key}/1")),
            "{key} was acknowledged"
        );
    }
    let whole = |found: &BTreeMap<String, usize>| {
        for key in found.keys() {
            let (batch, part) = key.split_once('/').unwrap();
            let other = if part == "1" { "2" } else { "1" };
            assert!(
                found.contains_key(&format!("{batch}/{other}")),
                "half of {batch}"
            );
        }
    };
    whole(&found);
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    for key in acknowledged.iter().take(5).chain(&open) {
        let again = client.post_json("/api/v1/events", &batch(key));
        assert!(matches!(again.status, 200 | 201), "{again:?}");
    }
    assert_eq!(serving.stop("-TERM").0, Some(0));
    let found = keys(&scratch);
    whole(&found);
    assert!(found.values().all(|count| *count == 1));
    assert_eq!(found.len(), 2 * acknowledged.union(&open).count());
    scratch.run(&["verify"]).ok();
}
