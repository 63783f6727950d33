//! The API.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, Serving};
use super::{communique, note};
use crate::program::Scratch;

fn count(client: &Client) -> u64 {
    let head = client.get("/api/v1/records?limit=1").json();
    head["head"]["count"].as_u64().unwrap()
}

#[test]
fn a_batch_is_recorded_whole_or_not_at_all() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    let before = count(&client);
    let party = |id: &str| json!({"event": "party", "id": id, "kind": "state", "name": id});
    // Everything that is wrong is told at once, each with its place.
    let wrong = json!([party("peru"), {"event": "party", "id": "x y", "kind": "planet"}, {"event": "nothing"}, {"event": "note"}]);
    let refused = client.post_json("/api/v1/events", &wrong);
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(
        refused.header("content-type"),
        Some("application/problem+json")
    );
    let problem = refused.json();
    let errors = problem["errors"].as_array().unwrap();
    let places: BTreeSet<u64> = errors
        .iter()
        .map(|error| error["event"].as_u64().unwrap())
        .collect();
    assert_eq!(places, BTreeSet::from([1, 2, 3]), "{problem}");
    assert!(
        errors.iter().any(|error| error["field"] == "kind"),
        "{problem}"
    );
    // A rule refuses one of two: it says which, and what would be allowed.
    let moves = json!([party("peru"), {"event": "status", "commitment": "C1", "to": "fulfilled", "by": ["colombia"]}]);
    let problem = client.post_json("/api/v1/events", &moves).json();
    assert_eq!(problem["errors"][0]["rule"], "standing-move", "{problem}");
    assert_eq!(problem["errors"][0]["event"], 1);
    assert_eq!(problem["errors"][0]["irregular_possible"], true);
    assert!(problem["errors"][0]["allowed"][0].is_string(), "{problem}");
    assert_eq!(count(&client), before);
    // Lines of JSON, of which a later one names an earlier one by its import key.
    let lines = "{\"event\":\"party\",\"id\":\"peru\",\"kind\":\"state\",\"name\":\"Peru\",\"import_key\":\"k1\"}\n{\"event\":\"note\",\"text\":\"about it\",\"about\":\"@k1\",\"import_key\":\"k2\"}\n";
    let posted = client.send(
        "POST",
        "/api/v1/events",
        "application/x-ndjson",
        lines.as_bytes(),
    );
    assert_eq!(posted.status, 201, "{posted:?}");
    let receipts = posted.json();
    assert_eq!(receipts["receipts"][1]["record"], before + 1);
    assert_eq!(receipts["head"]["count"], before + 2);
    let about = client
        .get(&format!("/api/v1/records/{}", before + 1))
        .json();
    assert_eq!(about["about"], json!([before]), "{about}");
    // Again: the keys are known, and nothing is recorded twice.
    let again = client.send(
        "POST",
        "/api/v1/events",
        "application/x-ndjson",
        lines.as_bytes(),
    );
    assert_eq!(again.status, 200, "{again:?}");
    let again = again.json();
    assert_eq!(again["receipts"][0]["known"], true);
    assert_eq!(
        again["receipts"][0]["link"],
        receipts["receipts"][0]["link"]
    );
    assert_eq!(count(&client), before + 2);
}

#[test]
fn a_dry_run_records_nothing_and_a_head_that_moved_neither() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    let before = count(&client);
    let dry = client.post_json("/api/v1/events?dry_run", &note("perhaps"));
    assert_eq!(dry.status, 200, "{dry:?}");
    let dry = dry.json();
    assert_eq!(dry["receipts"][0]["record"], before);
    assert!(
        dry["receipts"][0]["sentence"]
            .as_str()
            .unwrap()
            .contains("perhaps"),
        "{dry}"
    );
    assert_eq!(dry["receipts"][0]["link"], Value::Null);
    assert_eq!(count(&client), before);
    let tag = client
        .get("/api/v1/records/0")
        .header("etag")
        .unwrap()
        .to_owned();
    let expecting = client.with("if-match", &tag);
    let first = expecting.post_json("/api/v1/events", &note("the first"));
    assert_eq!(first.status, 201, "{first:?}");
    let late = expecting.post_json("/api/v1/events", &note("too late"));
    assert_eq!(late.status, 412, "{late:?}");
    let tag = first.header("etag").unwrap();
    let next = client
        .with("if-match", tag)
        .post_json("/api/v1/events", &note("the next"));
    assert_eq!(next.status, 201, "{next:?}");
    assert_eq!(count(&client), before + 2);
}

#[test]
fn an_answer_that_the_client_has_is_not_sent_again() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &["--public-read"]);
    let (nobody, writer) = (Client::of(&serving), serving.starter());
    for path in [
        "/api/v1/records",
        "/api/v1/records/3",
        "/api/v1/commitments",
        "/api/v1/commitments/C1",
        "/api/v1/reports/status?format=csv",
        "/api/v1/raw",
        "/api/v1/checkpoint",
        "/api/v1/proof/3?format=json",
        "/",
        "/commitments",
    ] {
        let tag = nobody.get(path).header("etag").unwrap().to_owned();
        let has_it = nobody.with("if-none-match", &format!("\"other\", W/{tag}"));
        let again = has_it.get(path);
        assert_eq!((again.status, again.bytes.len()), (304, 0), "{path}");
        assert_eq!(again.header("etag"), Some(tag.as_str()), "{path}");
        let posted = writer.post_json("/api/v1/events", &note(path));
        assert_eq!(posted.status, 201, "{path}");
        let new = has_it.get(path);
        assert_eq!(new.status, 200, "{path}");
        assert_ne!(new.header("etag"), Some(tag.as_str()), "{path}");
    }
}

#[test]
fn what_is_no_request_is_refused_with_a_reason() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    let refused = |path: &str, status: u16, part: &str| {
        let answer = client.get(path);
        assert_eq!(answer.status, status, "{path} {answer:?}");
        assert!(answer.body.contains(part), "{path} {answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{path}"
        );
    };
    refused("/api/v1/records/999999", 404, "there is no record 999999");
    refused(
        "/api/v1/commitments/colombia",
        404,
        "no commitment colombia",
    );
    refused("/api/v1/parties/nobody", 404, "no party nobody");
    refused("/api/v1/reports/none", 404, "there are status");
    refused(
        "/api/v1/reports/status?format=pdf",
        400,
        "there is no format pdf",
    );
    refused(
        "/api/v1/reports/status?as_of=soon&party=nobody&colour=red",
        400,
        "no such parameter",
    );
    refused(
        "/api/v1/reports/status?as_of=soon&party=nobody",
        400,
        "2 things are wrong",
    );
    refused(
        "/api/v1/commitments?sort=size",
        404,
        "there is no column size",
    );
    refused("/api/v1/search", 400, "is required");
    refused("/api/v1/parties?party=nobody", 404, "no party nobody");
    refused("/api/v1/parties?party=", 400, "has no value");
    refused("/api/v1/reports/dossier", 422, "is required");
    refused("/api/v1/nothing", 404, "there is no such page");
    refused("/api/v1/tile/0/999", 404, "there is no such tile");
    let deleted = client.send("DELETE", "/api/v1/records", "", b"");
    assert_eq!(deleted.status, 405);
    assert_eq!(deleted.header("allow"), Some("GET, HEAD"));
    let post = |body: &str| {
        client
            .send(
                "POST",
                "/api/v1/events",
                "application/json",
                body.as_bytes(),
            )
            .status
    };
    assert_eq!(post(""), 400);
    assert_eq!(post("[{\"event\":\"note\""), 400);
    assert_eq!(post("{\"event\":\"ledger\",\"origin\":\"other\"}"), 422);
    assert_eq!(post("nonsense"), 422);
    let long = vec![b' '; 16 * 1024 * 1024 + 1];
    assert_eq!(
        client
            .send("POST", "/api/v1/events", "application/json", &long)
            .status,
        413
    );
}

/// Each report in each format is what the command line writes.
#[test]
fn reports_are_those_of_the_command_line() {
    let scratch = communique();
    let asked = ["--as-of", "2023-12-31"];
    let cases = [
        (
            vec!["report", "status"],
            "/api/v1/reports/status?as_of=2023-12-31",
        ),
        (
            vec!["report", "party", "--party", "colombia"],
            "/api/v1/reports/party?party=colombia&as_of=2023-12-31",
        ),
        (
            vec!["report", "due", "--soon", "60"],
            "/api/v1/reports/due?soon=60&as_of=2023-12-31",
        ),
        (
            vec!["report", "dossier", "C1"],
            "/api/v1/reports/dossier?subject=C1&as_of=2023-12-31",
        ),
        (
            vec!["report", "changes", "--since", "5", "--until", "20"],
            "/api/v1/reports/changes?since=5&until=20&as_of=2023-12-31",
        ),
        (
            vec!["report", "status", "--sort", "-id", "--known-at", "24"],
            "/api/v1/reports/status?sort=-id&known_at=24&as_of=2023-12-31",
        ),
        (
            vec!["report", "timeline", "--grep", "border"],
            "/api/v1/reports/timeline?grep=border&as_of=2023-12-31",
        ),
    ];
    let mut expected = Vec::new();
    for (words, path) in &cases {
        for format in ["json", "csv", "markdown", "html"] {
            let mut words = words.clone();
            words.extend(asked);
            words.extend(["--format", format]);
            expected.push((format!("{path}&format={format}"), scratch.run(&words).ok()));
        }
    }
    let serving = Serving::start(&scratch, &["--public-read", "--read-only"]);
    let client = Client::of(&serving);
    for (path, expected) in expected {
        let answer = client.get(&path);
        assert_eq!(answer.status, 200, "{path} {answer:?}");
        assert!(answer.is_whole);
        assert_eq!(answer.body, expected, "{path}");
    }
    let workbook = client.get("/api/v1/reports/status?format=xlsx");
    assert!(workbook.bytes.starts_with(b"PK"));
}

#[test]
fn lists_come_in_pages_that_miss_nothing() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &["--public-read", "--read-only"]);
    let client = Client::of(&serving);
    for (list, member) in [
        ("parties?", "id"),
        ("sources?", "id"),
        ("search?q=border&", "record"),
        ("records?", "seq"),
        ("commitments?sort=-id&", "id"),
    ] {
        let whole = client.get(&format!("/api/v1/{list}limit=1000")).json();
        let whole = whole["items"].as_array().unwrap().clone();
        assert!(whole.len() > 1, "{list}");
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = client.get(&format!("/api/v1/{list}limit=2{cursor}")).json();
            let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}"));
            assert!((1..=2).contains(&items.len()), "{list} {page}");
            found.extend(items.iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, whole, "{list}");
        assert!(!found[0][member].is_null(), "{list}");
    }
    let about = client.get("/api/v1/records?about=C1&kind=statement").json();
    assert_eq!(about["items"].as_array().unwrap().len(), 1, "{about}");
    let dossier = client.get("/api/v1/commitments/C1?as_of=2023-12-31").json();
    assert_eq!(
        dossier["tables"]["state"][0]["value"], "agreed",
        "{dossier}"
    );
}

/// Reads `id`s of server-sent events until one comes.
fn ids(client: &Client, path: &str, last: u64) -> Vec<u64> {
    let stream = client.begin("GET", path, "accept: text/event-stream\r\n");
    let mut ids = Vec::new();
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        if let Some(id) = line.strip_prefix("id: ") {
            ids.push(id.parse().unwrap());
            if ids.last() == Some(&last) {
                return ids;
            }
        }
    }
    panic!("the stream ended at {ids:?}");
}

#[test]
fn followers_see_each_record_once_wherever_they_go_on() {
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    let before = count(&client);
    let last = before + 4 * 25 - 1;
    let followed = thread::scope(|scope| {
        let from = [0, before / 2, before];
        let followers: Vec<_> = from
            .map(|since| {
                let client = &client;
                (
                    since,
                    scope
                        .spawn(move || ids(client, &format!("/api/v1/events?since={since}"), last)),
                )
            })
            .into();
        // One that is cut off again and again, and says where it was.
        let resuming = scope.spawn(|| {
            let mut seen: Vec<u64> = (0..before).collect();
            while seen.last() != Some(&last) {
                let behind = *seen.last().unwrap();
                let at = client.with("last-event-id", &behind.to_string());
                seen.extend(ids(&at, "/api/v1/events?since=0", (behind + 7).min(last)));
            }
            seen
        });
        for writer in 0..4 {
            let client = &client;
            scope.spawn(move || {
                for round in 0..25 {
                    let posted =
                        client.post_json("/api/v1/events", &note(&format!("{writer} {round}")));
                    assert_eq!(posted.status, 201, "{posted:?}");
                }
            });
        }
        for (since, follower) in followers {
            assert_eq!(follower.join().unwrap(), (since..=last).collect::<Vec<_>>());
        }
        resuming.join().unwrap()
    });
    assert_eq!(followed, (0..=last).collect::<Vec<_>>());
    assert_eq!(client.get("/api/v1/events?since=999999").status, 400);
}

/// Many who follow from one record on are sent the same bytes, whatever comes between two beats: nothing, one record or
/// more than a part has.
#[test]
fn many_followers_share_what_comes_in_bursts() {
    const FOLLOWERS: usize = 40;
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    let from = count(&client);
    let path = format!("/api/v1/events?since={from}");
    let bursts = [1, 600, 3, 1, 40];
    let last = from + bursts.iter().sum::<u64>() - 1;
    let said: Vec<String> = thread::scope(|scope| {
        let followers: Vec<_> = (0..FOLLOWERS)
            .map(|_| {
                let stream = client.begin("GET", &path, "");
                scope.spawn(move || {
                    let (mut said, mut is_last) = (String::new(), false);
                    for line in BufReader::new(stream).lines().map(Result::unwrap) {
                        // Between the parts stand their lengths, which depend on where a beat fell.
                        if !["id: ", "event: ", "data: "]
                            .iter()
                            .any(|begin| line.starts_with(begin))
                        {
                            continue;
                        }
                        said.push_str(&line);
                        said.push('\n');
                        is_last |= line == format!("id: {last}");
                        if is_last && line.starts_with("data: ") {
                            break;
                        }
                    }
                    said
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(300));
        for (burst, size) in bursts.into_iter().enumerate() {
            let notes: Vec<_> = (0..size).map(|at| note(&format!("{burst} {at}"))).collect();
            let posted = client.post_json("/api/v1/events", &json!(notes));
            assert_eq!(posted.status, 201, "{posted:?}");
            thread::sleep(Duration::from_millis(150 * (burst as u64 % 2)));
        }
        let ended = followers.into_iter().map(|one| one.join().unwrap());
        ended.collect()
    });
    let ids = said[0].lines().filter_map(|line| line.strip_prefix("id: "));
    let ids: Vec<u64> = ids.map(|id| id.parse().unwrap()).collect();
    assert_eq!(ids, (from..=last).collect::<Vec<_>>());
    assert!(said.iter().all(|other| *other == said[0]));
}

#[test]
fn the_description_names_every_path_and_nothing_that_is_not_there() {
    let scratch = Scratch::with_ledger();
    let serving = Serving::start(&scratch, &["--public-read", "--read-only"]);
    let client = Client::of(&serving);
    let document = client.get("/api/v1/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 15);
    let mut ids = BTreeSet::new();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} stands twice");
            let named = path.matches('{').count();
            let parameters = operation["parameters"].as_array().unwrap();
            let in_path = parameters.iter().filter(|one| one["in"] == "path").count();
            assert_eq!(named, in_path, "{method} {path}");
            let undescribed = parameters
                .iter()
                .find(|one| one["in"] == "query" && one["description"].is_null());
            assert_eq!(undescribed, None, "{method} {path}");
            if method == "get" && named == 0 && path != "/api/v1/events" {
                let query = if path.ends_with("/search") {
                    "?q=a"
                } else {
                    ""
                };
                // Nobody cosigned this ledger.
                let due = match path.ends_with("/cosigned") {
                    true => 404,
                    false => 200,
                };
                assert_eq!(client.get(&format!("{path}{query}")).status, due, "{path}");
            }
        }
    }
    // What is referred to is there.
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}
