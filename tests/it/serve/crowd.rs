//! A crowd: 1,000 followers that only listen, and 400 clients that send a byte now and then. Run by hand, because it says
//! little on a busy machine: `cargo test --release --test it crowd -- --ignored --nocapture`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::client::{Client, Serving};
use super::{communique, note};

const FOLLOWERS: usize = 1_000;
const DRIPS: usize = 400;

/// How long is measured.
const TIME: Duration = Duration::from_secs(20);

/// What a process has in memory, in MiB.
fn resident(serving: &Serving) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", serving.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() / 1024
}

/// Does something so often a second, and gives the times that it took, the longest last.
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
    times.sort();
    times
}

fn p99(times: &[Duration]) -> Duration {
    times[times.len() * 99 / 100]
}

/// Times of pages at 50 a second, and beside them of appends at 20 a second.
fn measured(client: &Client) -> (Duration, Duration) {
    thread::scope(|scope| {
        let pages = scope.spawn(|| {
            timed(Duration::from_millis(20), |number| {
                let path = ["/commitments/C1", "/commitments"][number % 2];
                let answer = client.get(path);
                assert_eq!(answer.status, 200, "{path} {answer:?}");
            })
        });
        let appends = timed(Duration::from_millis(50), |number| {
            let text = format!("number {number}");
            assert_eq!(client.post_json("/api/v1/events", &note(&text)).status, 201);
        });
        (p99(&pages.join().unwrap()), p99(&appends))
    })
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
    let scratch = communique();
    let serving = Serving::start(&scratch, &[]);
    let client = serving.starter();
    let alone = measured(&client);
    let before = resident(&serving);
    let followers: Vec<TcpStream> = (0..FOLLOWERS)
        .map(|_| {
            let mut stream = client.begin("GET", "/api/v1/events", "");
            let mut answer = [0; 512];
            assert!(stream.read(&mut answer).unwrap() > 0);
            stream
        })
        .collect();
    let is_over = AtomicBool::new(false);
    let crowded = thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| drip(&serving, &is_over));
        }
        let measured = measured(&client);
        is_over.store(true, Ordering::SeqCst);
        measured
    });
    let after = resident(&serving);
    println!("p99 of pages and appends alone: {alone:?}, in the crowd: {crowded:?}");
    println!("memory: {before} MiB, in the crowd {after} MiB");
    assert!(after - before < 300);
    drop(followers);
    assert_eq!(serving.stop("-TERM").0, Some(0));
}
