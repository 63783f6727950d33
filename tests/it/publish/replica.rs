//! Read replicas: servers that follow what another shows.
#![cfg(feature = "serve")]

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Parties, add, ledger_of, publish, text};
use crate::program::Scratch;
use crate::serve::client::{Client, Serving};

/// Waits until a server shows so many records; gives how long that took.
fn shows(client: &Client, count: u64) -> Duration {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        let shown = client.get("/api/v1/records?limit=1").json()["head"]["count"].as_u64();
        if shown == Some(count) {
            return begun.elapsed();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!(
        "{count} records are not shown: {:?}",
        client.get("/api/v1/records?limit=1")
    );
}

#[cfg(feature = "objects")]
#[test]
fn a_replica_follows_a_server_and_records_nothing() {
    let scratch = ledger_of(20);
    let writer = Serving::start(&scratch, &[]);
    let token = writer.token().to_owned();
    let writer_client = writer.starter();
    let source = format!("http://{}/api/v1", writer.address());
    // An auditor's token reads tiles; without one nothing is read.
    let other = Scratch::empty();
    let from = ["verify", "--from", &source];
    other
        .run(&from)
        .fails(1, &["not allowed", "SERVANDA_TOKEN"]);
    let with_token = |words: &[&str]| {
        let mut command = other.servanda();
        command.env("SERVANDA_TOKEN", &token).args(words);
        crate::program::run(command, b"")
    };
    let verified = with_token(&from);
    assert!(
        verified.stdout.contains("sound, 20 records"),
        "{verified:?}"
    );
    assert!(!format!("{verified:?}").contains(&token));
    with_token(&["clone", &source, "copy"]).ok();
    let mut command = other.servanda();
    command.env("SERVANDA_TOKEN", &token);
    let words = ["--mirror", &source, "--public-read", "--read-only"];
    let replica = Serving::run(command, &words, false);
    let client = Client::of(&replica);
    shows(&client, 20);
    let posted =
        writer_client.post_json("/api/v1/events", &json!({"event": "note", "text": "new"}));
    assert_eq!(posted.status, 201, "{posted:?}");
    let took = shows(&client, 21);
    // The bar is a second; the machine of the tests may be busy.
    assert!(took < Duration::from_secs(10), "{took:?}");
    let refused = client.post_json("/api/v1/events", &json!({"event": "note", "text": "here"}));
    assert_eq!(refused.status, 401, "{refused:?}");
    let (code, said) = replica.stop("-TERM");
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains(&token), "{said}");
}

/// The cosigned checkpoint is served beside the newest one, so that a copy with a policy follows a server as far as
/// witnesses cosigned.
#[cfg(feature = "objects")]
#[test]
fn a_copy_with_a_policy_follows_a_server() {
    let scratch = ledger_of(20);
    let parties = Parties::new();
    let policy = parties.policy(&scratch);
    let serving = Serving::start(&scratch, &["--public-read", "--read-only"]);
    let client = Client::of(&serving);
    assert_eq!(client.get("/api/v1/cosigned").status, 404);
    let (source, copy) = (
        format!("http://{}/api/v1", serving.address()),
        text(&scratch.path("copy")),
    );
    let clone = ["clone", &source, &copy, "--policy", &policy];
    scratch.run(&clone).fails(12, &["not anchored"]);
    parties.cosign(&scratch);
    let served = client.get("/api/v1/cosigned");
    let kept = std::fs::read(scratch.ledger().join("cosigned")).unwrap();
    assert_eq!((served.status, &served.bytes), (200, &kept));
    let cloned = scratch.run(&clone);
    assert!(cloned.stderr.contains("20 records copied"), "{cloned:?}");
    assert_eq!(std::fs::read(scratch.path("copy/cosigned")).unwrap(), kept);
    let verify = ["verify", "--from", &source, "--policy", &policy];
    let verified = scratch.run(&verify).ok();
    assert!(verified.contains("sound, 20 records"), "{verified}");
    // What it did not read, it says.
    assert!(verified.contains("the tiles and entries"), "{verified}");
    // Behind what was cosigned nothing is taken over.
    drop(serving);
    add(&scratch, 20..23);
    let serving = Serving::start(&scratch, &["--public-read", "--read-only"]);
    let moved = format!("http://{}/api/v1", serving.address());
    let again = scratch.run(&["clone", &moved, &copy]);
    assert!(again.stderr.contains("nothing is new"), "{again:?}");
}

#[test]
fn a_replica_shows_what_it_verified_and_says_what_it_refuses() {
    let scratch = ledger_of(20);
    let published = publish(&scratch);
    let replica = Scratch::empty();
    let from = text(&published);
    let serving = Serving::start(
        &replica,
        &["--mirror", &from, "--public-read", "--read-only"],
    );
    let client = Client::of(&serving);
    shows(&client, 20);
    add(&scratch, 20..23);
    publish(&scratch);
    shows(&client, 23);
    // Another history comes to the place.
    let other = Scratch::empty();
    other.run(&["init", "--origin", "example.org/test"]).ok();
    add(&other, 1..30);
    std::fs::remove_dir_all(&published).unwrap();
    other.run(&["publish", &from]).ok();
    std::thread::sleep(Duration::from_millis(1_500));
    shows(&client, 23);
    let (code, said) = serving.stop("-TERM");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("its history has parted"), "{said}");
    assert_eq!(said.matches("its history has parted").count(), 1, "{said}");
    replica.run(&["verify", "--no-memory"]).ok();
    let again = replica.run(&["serve", "--mirror", &from, "--listen", "127.0.0.1:0"]);
    again.fails(10, &["its history has parted"]);
}
