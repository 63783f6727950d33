//! `servanda serve` as a process, asked over sockets.

mod access;
mod api;
pub mod client;
#[cfg(target_os = "linux")]
mod crowd;
mod durable;
mod foreign;
mod forms;
mod pages;
mod socket;
mod tls;
mod tree;

use serde_json::{Value, json};

use self::client::{Client, Serving};
use crate::program::Scratch;

/// A ledger with the communiqué in it.
pub fn communique() -> Scratch {
    let scratch = Scratch::with_ledger();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/communique.ndjson");
    scratch.run(&["import", fixture]).ok();
    scratch
}

/// A page without the script of forms, which every page has.
pub fn without_own_script(page: &str) -> String {
    page.replace("<script src=\"/form.js\" defer></script>", "")
}

/// A note, as the body of a request.
pub fn note(text: &str) -> Value {
    json!({"event": "note", "text": text})
}

#[test]
fn it_serves_until_it_is_told_to_stop_and_keeps_what_it_took() {
    let scratch = communique();
    let before = scratch.run(&["log", "--format", "json"]).ok();
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    assert_eq!(client.get("/api/v1/records/3").status, 200);
    // Another server has no place.
    let locked = scratch.run(&["serve", "--listen", "127.0.0.1:0", "--wait", "0"]);
    locked.fails(21, &["servanda serve"]);
    let posted = client.post_json("/api/v1/events", &note("while it is served"));
    assert_eq!(posted.status, 201, "{posted:?}");
    let record = posted.json()["receipts"][0]["record"].as_u64().unwrap();
    let (code, said) = serving.stop("-TERM");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("stopped; 1 record came"), "{said}");
    let after = scratch.run(&["log", "--format", "json"]).ok();
    assert_ne!(before, after);
    assert!(after.contains("while it is served"));
    scratch.run(&["show", &record.to_string()]).ok();
    scratch.run(&["verify"]).ok();
    assert!(scratch.ledger().join("checkpoint").exists());
}

#[test]
fn a_line_is_logged_for_each_request_without_secrets() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let token = serving.token().to_owned();
    let client = serving.starter();
    client.get("/search?q=a-secret-word");
    client.get("/api/v1/records/0");
    Client::of(&serving).get(&format!("/enter?token={token}"));
    Client::of(&serving)
        .with_token("servanda_wrong-one")
        .get("/api/v1/records");
    let (_, said) = serving.stop("-INT");
    let lines = said.lines().filter(|line| line.starts_with('{'));
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // An answer may come before its line is written, so that lines change places.
    let line = |path: &str, status: u64| {
        let is_it = |line: &&Value| line["path"] == path && line["status"] == status;
        lines
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("no {path} with {status} in {said}"))
    };
    assert_eq!(lines.len(), 4, "{said}");
    assert_eq!(line("/search", 200)["who"], "whoever-started-the-server");
    assert_eq!(line("/api/v1/records/0", 200)["method"], "GET");
    assert_eq!(line("/enter", 303)["who"], Value::Null);
    assert_eq!(line("/api/v1/records", 401)["who"], Value::Null);
    for secret in [token.as_str(), "a-secret-word", "wrong-one", "servanda_"] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}

#[test]
fn the_demo_needs_nothing() {
    let scratch = Scratch::empty();
    let serving = Serving::start(&scratch, &["--demo"]);
    let page = serving.browser().get("/");
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("None was kept or broken on record."),
        "{}",
        page.body
    );
    assert_eq!(serving.stop("-INT").0, Some(0));
}

#[test]
fn health_and_numbers_are_told() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let nobody = Client::of(&serving);
    assert_eq!(
        (nobody.get("/healthz").status, nobody.get("/readyz").status),
        (200, 200)
    );
    assert_eq!(nobody.get("/metrics").status, 303);
    let client = serving.starter();
    client.post_json("/api/v1/events", &json!([note("one"), note("two")]));
    let numbers = client.get("/metrics").body;
    assert!(
        numbers.contains("\nservanda_recorded_total 2\n"),
        "{numbers}"
    );
    assert!(
        numbers.contains("servanda_answers_total{class=\"2xx\"}"),
        "{numbers}"
    );
}

#[test]
fn keys_of_recorders_are_refused() {
    let scratch = communique();
    let key = scratch.path("ana.key").display().to_string();
    scratch
        .run(&["key", "generate", "--name", "ana", "--out", &key])
        .ok();
    let refused = scratch.run(&["serve", "--sign-with", &key]);
    refused.fails(2, &["a server signs for no recorder"]);
}
