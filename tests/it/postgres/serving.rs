//! `servanda serve` on one ledger, by several processes.

use std::io::{BufRead as _, BufReader};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use servanda_postgres::testing::Server;

use super::{Ends, OnServer, servanda_on, server};
use crate::program::{Scratch, run};
use crate::serve::client::{Client, Serving};
use crate::serve::note;

/// A process that serves a ledger, with files of its own.
struct Node {
    scratch: Scratch,
    serving: Serving,
}

impl Node {
    fn of(url: &str) -> Self {
        let scratch = Scratch::empty();
        let serving = Serving::run(servanda_on(&scratch, url), &["--quiet"], true);
        Self { scratch, serving }
    }

    fn client(&self) -> Client {
        self.serving.starter()
    }
}

fn new_ledger(server: &Server) -> String {
    OnServer::with_ledger(server).url_of("postgres")
}

/// Waits until an answer has this status, and gives how long that took.
#[track_caller]
fn until(client: &Client, path: &str, status: u16, at_most: Duration) -> Duration {
    let begun = Instant::now();
    loop {
        let answer = client.get(path);
        if answer.status == status {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < at_most, "{path}: {answer:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Follows a ledger from a record on until another one, at one node after the other; each connection ends when its server
/// says so or after so many records.
fn follow(clients: &[Client], from: u64, last: u64, each: usize) -> Vec<u64> {
    let mut ids: Vec<u64> = Vec::new();
    for client in clients.iter().cycle() {
        let seen = ids
            .last()
            .map_or_else(String::new, |id| format!("last-event-id: {id}\r\n"));
        let path = format!("/api/v1/events?since={from}");
        let stream = client.begin(
            "GET",
            &path,
            &format!("accept: text/event-stream\r\n{seen}"),
        );
        let mut now = 0;
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { break };
            assert!(!line.contains(" 400 "), "{line} after {ids:?}");
            let Some(id) = line.strip_prefix("id: ") else {
                continue;
            };
            ids.push(id.parse().unwrap());
            now += 1;
            if ids.last() >= Some(&last) {
                return ids;
            }
            if now == each {
                break;
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
    ids
}

#[test]
fn servers_of_one_ledger_show_what_comes_by_any_of_them() {
    let Some(server) = server() else {
        return;
    };
    let url = new_ledger(&server);
    let nodes = [Node::of(&url), Node::of(&url)];
    let clients = [nodes[0].client(), nodes[1].client()];
    let by_hand = |text: &str| {
        let mut command = servanda_on(&nodes[0].scratch, &url);
        command.args(["record", "note", "--text", text]);
        run(command, b"").ok();
    };
    const EACH: u64 = 8;
    let last = 3 * EACH + 2 * EACH;
    let (longest, followed) = thread::scope(|scope| {
        let followers = [usize::MAX, 3].map(|each| {
            let clients = &clients;
            scope.spawn(move || follow(clients, 1, last, each))
        });
        // One after the other: each is seen by all within a second.
        let mut longest = Duration::ZERO;
        for nth in 0..EACH {
            let text = format!("in turn {nth}");
            for by in 0..3 {
                match clients.get(by) {
                    Some(client) => {
                        let answer = client.post_json("/api/v1/events", &note(&text));
                        assert_eq!(answer.status, 201, "{answer:?}");
                    }
                    None => by_hand(&text),
                }
                let record = 1 + 3 * nth + by as u64;
                for client in &clients {
                    let path = format!("/api/v1/records/{record}");
                    longest = longest.max(until(client, &path, 200, Duration::from_secs(1)));
                }
            }
        }
        // All at once.
        for client in &clients {
            scope.spawn(move || {
                for nth in 0..EACH {
                    let text = note(&format!("at once {nth}"));
                    let answer = client.post_json("/api/v1/events", &text);
                    assert_eq!(answer.status, 201, "{answer:?}");
                }
            });
        }
        (longest, followers.map(|follower| follower.join().unwrap()))
    });
    println!("the longest time until all servers showed a record: {longest:?}");
    for ids in followed {
        assert_eq!(ids, (1..=last).collect::<Vec<_>>());
    }
    let mut command = servanda_on(&nodes[0].scratch, &url);
    command.arg("verify");
    run(command, b"").ok();
    for node in nodes {
        let (code, said) = node.serving.stop("-TERM");
        assert_eq!(code, Some(0), "{said}");
    }
}

#[test]
fn a_server_whose_database_dies_is_ready_again_by_itself_and_loses_nothing() {
    let Some(mut server) = server() else {
        return;
    };
    let url = new_ledger(&server);
    let node = Node::of(&url);
    let client = node.client();
    let is_done = AtomicBool::new(false);
    let acknowledged = thread::scope(|scope| {
        let _ends = Ends(&is_done);
        let writer = scope.spawn(|| {
            let mut acknowledged = Vec::new();
            for nth in 0.. {
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
                let key = format!("key-{nth}.");
                let line = json!({"event": "note", "text": key, "import_key": key});
                let answer = client.post_json("/api/v1/events", &line);
                if matches!(answer.status, 200 | 201) {
                    acknowledged.push(key);
                }
            }
            acknowledged
        });
        for _ in 0..2 {
            thread::sleep(Duration::from_millis(500));
            server.kill();
            let down = until(&client, "/readyz", 503, Duration::from_secs(5));
            assert_eq!(client.get("/healthz").status, 200);
            server.crash(&[]);
            let up = until(&client, "/readyz", 200, Duration::from_secs(10));
            println!("not ready after {down:?}, ready again {up:?} after the database was");
        }
        let page = until(&client, "/api/v1/records/0", 200, Duration::from_secs(10));
        println!("a record is read after {page:?}");
        thread::sleep(Duration::from_millis(500));
        is_done.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    });
    assert!(acknowledged.len() > 5, "{acknowledged:?}");
    let mut command = servanda_on(&node.scratch, &url);
    command.arg("log");
    let log = run(command, b"").ok();
    for key in &acknowledged {
        assert_eq!(log.matches(key.as_str()).count(), 1, "{key}: {log}");
    }
    let page = client.get("/api/v1/records?limit=1").json();
    let last = page["head"]["count"].as_u64().unwrap() - 1;
    let ids = follow(std::slice::from_ref(&client), 0, last, usize::MAX);
    assert_eq!(ids, (0..=last).collect::<Vec<_>>());
    let (code, said) = node.serving.stop("-TERM");
    assert_eq!(code, Some(0), "{said}");
}
