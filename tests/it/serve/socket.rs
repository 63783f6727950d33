//! Commands on a ledger that is served: they go through the server, and do the same.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::client::Serving;
use super::{communique, note};
use crate::program::Scratch;

#[test]
fn commands_read_and_record_while_it_is_served() {
    let scratch = communique();
    let before = scratch.run(&["log", "--format", "json"]).ok();
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    assert_eq!(scratch.run(&["log", "--format", "json"]).ok(), before);
    scratch
        .run(&["record", "note", "--text", "by command"])
        .ok();
    // It is shown at once, and the other way round.
    let page = client.get("/log").body;
    assert!(page.contains("by command"), "{page}");
    client.post_json("/api/v1/events", &note("by program"));
    assert!(scratch.run(&["log"]).ok().contains("by program"));
    let wrong = scratch.run(&["record", "fulfilment", "nothing"]);
    assert!(matches!(wrong.code, Some(1 | 2)), "{wrong:?}");
    let verdict = scratch.run(&["verify"]).ok();
    assert_eq!(serving.stop("-TERM").0, Some(0));
    assert_eq!(scratch.run(&["verify"]).ok(), verdict);
}

#[test]
fn the_keys_of_recorders_stay_with_the_command() {
    let scratch = Scratch::with_ledger();
    let key = scratch.path("ana.key").display().to_string();
    let public = scratch
        .run(&["key", "generate", "--name", "ana", "--out", &key])
        .ok();
    let public = public.trim().to_owned();
    let serving = Serving::start(&scratch, &[]);
    let signed = ["--recorded-by", "ana", "--sign-with", &key];
    let admit = ["record", "recorder", "ana", "--key", &public];
    scratch
        .run(&[&admit[..], &["--sign-with", &key]].concat())
        .ok();
    let text = ["record", "note", "--text", "signed"];
    scratch.run(&[&text[..], &signed].concat()).ok();
    let unsigned = scratch.run(&[&text[..], &["--recorded-by", "ana"]].concat());
    unsigned.fails(1, &["--sign-with"]);
    assert_eq!(serving.stop("-TERM").0, Some(0));
    assert!(scratch.run(&["verify"]).ok().contains("signatures"));
}

#[test]
fn what_is_redacted_by_command_is_shown_no_more() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    let posted = client.post_json("/api/v1/events", &note("names-a-witness"));
    let record = posted.json()["receipts"][0]["record"].to_string();
    let follow = format!("/api/v1/records/{record}");
    assert!(client.get(&follow).body.contains("names-a-witness"));
    let redaction = ["redact", &record, "--reason", "r", "--authority", "a"];
    scratch.run(&redaction).ok();
    for path in [follow.as_str(), "/log", "/api/v1/records", "/api/v1/raw"] {
        let answer = client.get(path);
        assert!(
            !answer.body.contains("names-a-witness"),
            "{path} {answer:?}"
        );
    }
    let found = client.get("/api/v1/search?q=names-a-witness").json();
    assert!(!found.to_string().contains("\"text\""), "{found}");
    scratch.run(&["compact"]).ok();
    client.post_json("/api/v1/events", &note("after it"));
    assert_eq!(serving.stop("-TERM").0, Some(0));
    scratch.run(&["verify"]).ok();
    for (path, bytes) in crate::program::contents(&scratch.ledger().join("records")) {
        let is_there = bytes.windows(15).any(|part| part == b"names-a-witness");
        assert!(!is_there, "{}", path.display());
    }
}

/// Lines of notes with import keys.
fn notes(name: &str, count: usize) -> String {
    let line = |number| {
        let key = format!("{name}-{number}");
        json!({"event": "note", "text": key, "import_key": key}).to_string() + "\n"
    };
    (0..count).map(line).collect()
}

#[test]
fn commands_and_programs_record_side_by_side() {
    const EACH: usize = 12;
    let scratch = Scratch::with_ledger();
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    let over = AtomicBool::new(false);
    let posted = thread::scope(|scope| {
        let posting = scope.spawn(|| {
            let mut posted = 0;
            while !over.load(Ordering::SeqCst) {
                let answer = client.post_json("/api/v1/events", &note("posted"));
                assert_eq!(answer.status, 201, "{answer:?}");
                posted += 1;
                thread::sleep(Duration::from_millis(20));
            }
            posted
        });
        let commands: Vec<_> = ["one", "two"]
            .map(|name| {
                let scratch = &scratch;
                scope.spawn(move || {
                    for number in 0..EACH {
                        let text = format!("{name} {number}");
                        scratch.run(&["record", "note", "--text", &text]).ok();
                    }
                })
            })
            .into();
        for command in commands {
            command.join().unwrap();
        }
        over.store(true, Ordering::SeqCst);
        posting.join().unwrap()
    });
    assert_eq!(serving.stop("-TERM").0, Some(0));
    let exported = scratch.run(&["export"]).ok();
    assert_eq!(exported.lines().count(), 1 + 2 * EACH + posted);
    for number in 0..EACH {
        for name in ["one", "two"] {
            assert_eq!(exported.matches(&format!("\"{name} {number}\"")).count(), 1);
        }
    }
    scratch.run(&["verify"]).ok();
}

#[test]
fn a_command_goes_on_where_the_server_is_killed() {
    let scratch = Scratch::with_ledger();
    let lines = scratch.write("lines.ndjson", notes("a", 3_000));
    let mut ended = Vec::new();
    for pause in [0, 40, 120, 250] {
        let serving = Serving::start(&scratch, &[]);
        let lines = lines.display().to_string();
        let import = scratch
            .servanda()
            .args(["import", &lines])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(pause));
        serving.kill();
        let output = import.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let recorded = scratch.run(&["export"]).ok().lines().count();
        // All of it is there, or nothing.
        assert!(recorded == 1 || recorded == 3_001, "{recorded} {said}");
        match output.status.code() {
            Some(0) => assert_eq!(recorded, 3_001, "{said}"),
            code => assert!(matches!(code, Some(1 | 21)), "{code:?} {said}"),
        }
        ended.push((output.status.code(), recorded));
        scratch.run(&["verify"]).ok();
    }
    let lines = lines.display().to_string();
    scratch.run(&["import", &lines]).ok();
    assert_eq!(
        scratch.run(&["export"]).ok().lines().count(),
        3_001,
        "{ended:?}"
    );
}
