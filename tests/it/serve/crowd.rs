//! Load: the bars of docs/performance.md. Run by hand on a machine that does nothing else, because times say little on a
//! busy one, with a release build beside these clients: `SERVANDA_BINARY=$PWD/target/release/servanda cargo test --test it
//! serve::crowd -- --ignored --nocapture --test-threads 1`. With `SERVANDA_CROWD=DIR` on copies of the ledger in that
//! directory, which `servanda-benches generate` can make large, and with `TMPDIR` on the disk that is to be measured.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::client::{Client, Serving};
use super::{communique, note};
use crate::program::Scratch;

const FOLLOWERS: usize = 1_000;
const DRIPS: usize = 400;

/// Clients that record.
const CLIENTS: usize = 16;

/// How long is measured.
const TIME: Duration = Duration::from_secs(10);

/// What the server is asked for at 50 requests a second, of a ledger that the benchmarks made and of the communiqué.
const GENERATED: &[&str] = &[
    "/commitments/c17",
    "/commitments?standing=fulfilled",
    "/sources/s3",
    "/commitments?party=p3&page=2",
    "/agreements/a2",
    "/commitments?standing=breached&page=3",
    "/parties/p7",
    "/commitments",
];
const COMMUNIQUE: &[&str] = &["/commitments/C1", "/commitments?standing=agreed"];

/// The ledger that is served, and what is asked of it.
fn ledger() -> (Scratch, &'static [&'static str]) {
    let Some(dir) = std::env::var_os("SERVANDA_CROWD") else {
        return (communique(), COMMUNIQUE);
    };
    let scratch = Scratch::empty();
    let copied = Command::new("cp")
        .arg("-a")
        .arg(dir)
        .arg(scratch.ledger())
        .status();
    assert!(copied.unwrap().success());
    (scratch, GENERATED)
}

/// What a process has in memory, in MiB.
fn resident(serving: &Serving) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", serving.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() / 1024
}

/// How long answers took.
struct Times(Vec<Duration>);

impl Times {
    fn of(mut all: Vec<Duration>) -> Self {
        all.sort();
        Self(all)
    }

    fn at(&self, percent: usize) -> Duration {
        self.0[self.0.len() * percent / 100]
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (self.at(50).as_secs_f64(), self.at(99).as_secs_f64());
        let count = self.0.len();
        write!(
            f,
            "p50 {:.1} ms, p99 {:.1} ms of {count}",
            1e3 * p50,
            1e3 * p99
        )
    }
}

/// Does something so often a second, and gives the times that it took.
fn timed(each: Duration, mut act: impl FnMut(usize)) -> Vec<Duration> {
    let began = Instant::now();
    let mut times = Vec::new();
    for number in 0.. {
        let due = each * number as u32;
        if due > TIME {
            break;
        }
        thread::sleep(due.saturating_sub(began.elapsed()));
        // What comes late because the one before was slow counts from when it was due.
        act(number);
        times.push(began.elapsed() - due);
    }
    times
}

fn append(client: &Client, text: &str) {
    let answer = client.post_json("/api/v1/events", &note(text));
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// A client that records over one connection, as programs do that have much to record.
struct Recorder {
    stream: TcpStream,
    head: String,
}

impl Recorder {
    fn new(serving: &Serving) -> Self {
        let (address, token) = (serving.address(), serving.token());
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let head = format!(
            "POST /api/v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n"
        );
        Self { stream, head }
    }

    fn append(&mut self, text: &str) {
        let body = note(text).to_string();
        let (head, length) = (&self.head, body.len());
        let request = format!("{head}content-length: {length}\r\n\r\n{body}");
        self.stream.write_all(request.as_bytes()).unwrap();
        let (mut answer, mut part) = (String::new(), [0; 4096]);
        loop {
            let read = self.stream.read(&mut part).unwrap();
            answer.push_str(std::str::from_utf8(&part[..read]).unwrap());
            assert!(read > 0 && answer.starts_with("HTTP/1.1 201 "), "{answer}");
            let Some((head, body)) = answer.split_once("\r\n\r\n") else {
                continue;
            };
            let length = head.split_once("content-length: ").unwrap().1;
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            if body.len() >= length {
                return;
            }
        }
    }
}

/// Times of pages at 50 a second, by two clients in turns, and beside them of appends at 20 a second.
fn measured(client: &Client, paths: &[&str]) -> [Times; 2] {
    let page = |number: usize| {
        let path = paths[number % paths.len()];
        let answer = client.get(path);
        assert_eq!(answer.status, 200, "{path} {answer:?}");
    };
    thread::scope(|scope| {
        let every = Duration::from_millis(40);
        let even = scope.spawn(move || timed(every, |number| page(2 * number)));
        let odd = scope.spawn(move || {
            thread::sleep(every / 2);
            timed(every, |number| page(2 * number + 1))
        });
        let appends = timed(Duration::from_millis(50), |_| {
            append(client, &format!("{SENT}{}", now()));
        });
        let pages = [even, odd].map(|pages| pages.join().unwrap()).concat();
        [Times::of(pages), Times::of(appends)]
    })
}

/// How many events a second the clients record, one after the other each, and the times where they record half as many.
fn recorded(serving: &Serving) -> (f64, Times) {
    let (began, is_over) = (Instant::now(), AtomicBool::new(false));
    let count: usize = thread::scope(|scope| {
        let all: Vec<_> = (0..CLIENTS)
            .map(|of| {
                let is_over = &is_over;
                scope.spawn(move || {
                    let mut client = Recorder::new(serving);
                    let each = (0..).take_while(|_| !is_over.load(Ordering::SeqCst));
                    each.map(|number| client.append(&format!("{of}-{number}")))
                        .count()
                })
            })
            .collect();
        thread::sleep(TIME / 2);
        is_over.store(true, Ordering::SeqCst);
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });
    let rate = count as f64 / began.elapsed().as_secs_f64();
    let each = Duration::from_secs_f64(2.0 * CLIENTS as f64 / rate);
    let times = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for of in 0..CLIENTS {
            let times = &times;
            scope.spawn(move || {
                thread::sleep(each * of as u32 / CLIENTS as u32);
                let mut client = Recorder::new(serving);
                let own = timed(each, |number| client.append(&format!("half {of}-{number}")));
                times.lock().unwrap().extend(own);
            });
        }
    });
    (rate, Times::of(times.into_inner().unwrap()))
}

/// Whether the program was compiled to be fast, so that the bars count.
fn is_fast() -> bool {
    !cfg!(debug_assertions) || std::env::var_os("SERVANDA_BINARY").is_some()
}

fn assert_bars([pages, appends]: &[Times; 2]) {
    if is_fast() {
        assert!(pages.at(99) <= Duration::from_millis(50), "{pages}");
        assert!(appends.at(99) <= Duration::from_millis(50), "{appends}");
    }
}

/// What a note begins with that says when it was sent.
const SENT: &str = "sent at ";

/// The time, in microseconds.
fn now() -> u128 {
    let since = std::time::UNIX_EPOCH.elapsed();
    since.unwrap().as_micros()
}

/// How long after they were sent a follower got notes, until it is over.
fn lateness(stream: TcpStream, is_over: &AtomicBool) -> Times {
    let mut late = Vec::new();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let sent = line.split_once(SENT).and_then(|(_, rest)| {
            let digits = rest.split(|letter: char| !letter.is_ascii_digit());
            digits.into_iter().next()?.parse::<u128>().ok()
        });
        if let Some(sent) = sent {
            let micros = now().saturating_sub(sent);
            late.push(Duration::from_micros(u64::try_from(micros).unwrap()));
        }
        if is_over.load(Ordering::SeqCst) {
            break;
        }
    }
    Times::of(late)
}

/// Reads what followers are given until it is over, and how many bytes each got.
fn read_all(mut streams: Vec<TcpStream>, is_over: &AtomicBool) -> Vec<usize> {
    let (mut got, mut part) = (vec![0; streams.len()], vec![0; 1 << 16]);
    for stream in &streams {
        stream.set_nonblocking(true).unwrap();
    }
    // Once more after the end: the last beat.
    let mut rounds_left = 20;
    while rounds_left > 0 {
        for (stream, got) in streams.iter_mut().zip(&mut got) {
            while let Ok(read @ 1..) = stream.read(&mut part) {
                *got += read;
            }
        }
        rounds_left -= usize::from(is_over.load(Ordering::SeqCst));
        thread::sleep(Duration::from_millis(25));
    }
    got
}

/// Sends the head of a request byte by byte, and begins again when it is hung up on.
fn drip(serving: &Serving, is_over: &AtomicBool) {
    let begin = || TcpStream::connect(serving.address()).unwrap();
    let mut streams: Vec<_> = (0..DRIPS / 8).map(|_| begin()).collect();
    while !is_over.load(Ordering::SeqCst) {
        for stream in &mut streams {
            if stream.write_all(b"x").is_err() {
                *stream = begin();
            }
        }
        thread::sleep(Duration::from_millis(500));
    }
}

#[test]
#[ignore = "by hand"]
fn a_crowd_holds_up_nobody() {
    let (scratch, paths) = ledger();
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    let [pages, appends] = measured(&client, paths);
    println!("alone: pages {pages}; appends {appends}");
    let before = resident(&serving);
    let mut followers: Vec<TcpStream> = (0..FOLLOWERS)
        .map(|_| {
            let mut stream = client.begin("GET", "/api/v1/events", "");
            let mut answer = [0; 512];
            assert!(stream.read(&mut answer).unwrap() > 0);
            stream
        })
        .collect();
    let one = followers.pop().unwrap();
    let is_over = AtomicBool::new(false);
    let (crowded, late) = thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| drip(&serving, &is_over));
        }
        let late = scope.spawn(|| lateness(one, &is_over));
        let got = scope.spawn(|| read_all(followers, &is_over));
        let measured = measured(&client, paths);
        is_over.store(true, Ordering::SeqCst);
        append(&client, &format!("{SENT}{}", now()));
        let mut got = got.join().unwrap();
        got.sort_unstable();
        let least = got[0];
        // What they were given with the head may be a part more or less.
        assert!(
            got.iter()
                .all(|got| *got > 1_000 && got.abs_diff(least) < 64),
            "{got:?}"
        );
        (measured, late.join().unwrap())
    });
    let after = resident(&serving);
    let [pages, appends] = &crowded;
    println!("in the crowd: pages {pages}; appends {appends}; a follower hears {late} later");
    println!("memory: {before} MiB, in the crowd {after} MiB");
    assert_bars(&crowded);
    assert!(after.saturating_sub(before) < 300);
    assert_eq!(serving.stop("-TERM").0, Some(0));
}

#[test]
#[ignore = "by hand"]
fn pages_and_appends_hold_their_bars() {
    let (scratch, paths) = ledger();
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    println!("memory at first: {} MiB", resident(&serving));
    // What pages need besides the state is made by and by.
    thread::sleep(Duration::from_secs(15));
    println!("memory, ready: {} MiB", resident(&serving));
    for path in paths {
        let began = Instant::now();
        assert_eq!(client.get(path).status, 200, "{path}");
        println!("{path}: {:.1} ms", 1e3 * began.elapsed().as_secs_f64());
    }
    let alone = measured(&client, paths);
    println!("pages {}; appends {}", alone[0], alone[1]);
    let is_over = AtomicBool::new(false);
    let beside = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                let report = client.get("/api/v1/reports/status?format=csv");
                assert_eq!(report.status, 200);
            }
        });
        let measured = measured(&client, paths);
        is_over.store(true, Ordering::SeqCst);
        measured
    });
    println!(
        "beside a report: pages {}; appends {}",
        beside[0], beside[1]
    );
    let (rate, times) = recorded(&serving);
    println!("{CLIENTS} clients record {rate:.0} events a second; at half that rate {times}");
    println!("memory at last: {} MiB", resident(&serving));
    assert_bars(&alone);
    assert_bars(&beside);
    if is_fast() {
        assert!(times.at(99) <= Duration::from_millis(20), "{times}");
    }
    assert_eq!(serving.stop("-TERM").0, Some(0));
}
