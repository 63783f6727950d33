//! The server and a client of a few lines, on the loopback interface.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::connections::Limits;
use crate::{App, Bell, Feed, Head, Next, Reply, Request, Running, Server};

const LIMITS: Limits = Limits {
    head: Duration::from_secs(1),
    idle: Duration::from_secs(3),
    body: Duration::from_secs(1),
    connection: Duration::from_secs(20),
    connections: 64,
    connections_of_one: 64,
    trusts_loopback: false,
};

#[derive(Default)]
struct Echo {
    bell: Bell,
    count: Arc<AtomicU64>,
}

/// Counts. Every third number is a part that is made.
struct Counting {
    count: Arc<AtomicU64>,
    seen: u64,
}

impl Feed for Counting {
    fn next(&mut self) -> Next {
        if self.seen == self.count.load(Ordering::SeqCst) {
            return Next::Nothing;
        }
        self.seen += 1;
        match self.seen % 3 {
            0 => Next::Make,
            _ => Next::Part(format!("{};", self.seen - 1).into()),
        }
    }

    fn make(&mut self) -> std::io::Result<bytes::Bytes> {
        Ok(format!("{};", self.seen - 1).into())
    }
}

impl App for Echo {
    fn answer(&self, request: &Request, reply: &mut Reply) {
        let head = || Head::new(200, "text/plain").with("x-seen", request.query.clone());
        match request.path.as_str() {
            "/whole" => reply.send(head(), request.body.clone()),
            "/parts" => {
                let mut out = reply.begin(head());
                for number in 0..200_000 {
                    if writeln!(out, "{number}").is_err() {
                        return;
                    }
                }
                let _gone = out.finish();
            }
            "/broken" => drop(reply.begin(head())),
            "/slow" => {
                std::thread::sleep(Duration::from_millis(600));
                reply.send(head(), "done");
            }
            "/brief/later" => {
                let (later, head, body) = (reply.later(), head(), request.body.clone());
                assert!(reply.is_later());
                std::thread::spawn(move || later.make(move |reply| reply.send(head, body)));
            }
            "/brief/waiting" => reply.later().make_waiting(|reply| {
                std::thread::sleep(Duration::from_millis(600));
                reply.send(Head::new(200, "text/plain"), "waited");
            }),
            "/brief/dropped" => drop(reply.later()),
            "/brief/panic" => panic!("as the test wants it"),
            "/follow" => {
                let count = Arc::clone(&self.count);
                reply.follow(head(), &self.bell, Counting { count, seen: 0 });
            }
            _ => {}
        }
    }

    fn is_brief(&self, request: &Request) -> bool {
        request.path.starts_with("/brief/")
    }

    fn body_limit(&self, _: &str, _: &str) -> usize {
        100
    }

    fn refused(&self, _: &Request, _: u16) {}
}

fn running() -> (Arc<Echo>, Running) {
    let app = Arc::new(Echo::default());
    let server = Server::bind(Arc::clone(&app), "127.0.0.1:0".parse().unwrap(), LIMITS);
    (app, server.unwrap().start().unwrap())
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    let limit = Some(Duration::from_secs(15));
    stream.set_read_timeout(limit).unwrap();
    stream
}

fn ask(address: SocketAddr, line: &str, body: &str) -> String {
    let mut stream = connect(address);
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    // A broken answer ends somewhere.
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn answers_come_whole_in_parts_and_cut_off() {
    let (_, running) = running();
    let address = running.address();
    let whole = ask(address, "POST /whole?a=b", "hello");
    assert!(whole.starts_with("HTTP/1.1 200 OK\r\n"), "{whole}");
    assert!(
        whole.contains("x-seen: a=b\r\n") && whole.ends_with("\r\n\r\nhello"),
        "{whole}"
    );
    let parts = ask(address, "GET /parts", "");
    assert!(parts.contains("199999\n") && parts.ends_with("0\r\n\r\n"));
    // The last chunk is missing, by which a client sees that the body is not all.
    assert!(!ask(address, "GET /broken", "").ends_with("0\r\n\r\n"));
    assert!(ask(address, "GET /nothing", "").starts_with("HTTP/1.1 500 "));
    let long = "x".repeat(101);
    assert!(ask(address, "POST /whole", &long).starts_with("HTTP/1.1 413 "));
}

#[test]
fn answers_are_made_later() {
    let (_, running) = running();
    let address = running.address();
    let begun = Instant::now();
    let waiting: Vec<_> = (0..16)
        .map(|_| std::thread::spawn(move || ask(address, "POST /brief/waiting", "")))
        .collect();
    // Meanwhile the others are answered.
    for number in 0..20 {
        let body = format!("number {number}");
        let answer = ask(address, "POST /brief/later", &body);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(&body));
    }
    for answer in waiting {
        assert!(answer.join().unwrap().ends_with("waited"));
    }
    // They waited side by side.
    assert!(begun.elapsed() < Duration::from_secs(4));
    for line in ["POST /brief/dropped", "POST /brief/panic"] {
        assert!(
            ask(address, line, "").starts_with("HTTP/1.1 500 "),
            "{line}"
        );
    }
    assert!(ask(address, "POST /brief/later", "on").ends_with("on"));
}

#[test]
fn clients_that_are_slow_are_let_go() {
    let (_, running) = running();
    let ended_after = |sent: &[u8]| {
        let begun = Instant::now();
        let mut stream = connect(running.address());
        stream.write_all(sent).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        (begun.elapsed(), String::from_utf8(rest).unwrap())
    };
    // A head that does not end, a body that does not come, and a client that asks nothing more.
    assert!(ended_after(b"GET / HT").0 < Duration::from_millis(2500));
    let (_, answer) =
        ended_after(b"POST /whole HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let (time, answer) = ended_after(b"GET /whole HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        time > Duration::from_millis(2500) && time < Duration::from_secs(8),
        "{time:?}"
    );
}

#[test]
fn followers_are_woken_and_let_go_at_the_end() {
    let (app, running) = running();
    let mut stream = connect(running.address());
    stream
        .write_all(b"GET /follow HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    let mut seen = String::new();
    let mut read_until = |wanted: &str| {
        let mut part = [0; 1024];
        while !seen.contains(wanted) {
            let read = stream.read(&mut part).unwrap();
            assert!(read > 0, "{seen}");
            seen.push_str(std::str::from_utf8(&part[..read]).unwrap());
        }
    };
    read_until("\r\n\r\n");
    for count in 1..4 {
        app.count.store(count, Ordering::SeqCst);
        app.bell.ring();
        read_until(&format!("{};", count - 1));
    }
    drop(running);
    read_until("0\r\n\r\n");
}

#[test]
fn what_is_under_way_is_finished() {
    let (_, running) = running();
    let address = running.address();
    let asking = std::thread::spawn(move || ask(address, "GET /slow", ""));
    std::thread::sleep(Duration::from_millis(200));
    drop(running);
    assert!(asking.join().unwrap().ends_with("done"));
    assert!(TcpStream::connect(address).is_err());
}
