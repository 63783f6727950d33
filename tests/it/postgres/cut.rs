//! A network that is cut in the middle of an answer, once or for good.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{OnServer, server};

/// No answer is lost.
const NEVER: usize = usize::MAX;

/// Passes bytes between clients and a server. When as many answers have passed as it was told, or bytes of them for a cut
/// that is for good, the next one is lost and its connection cut; those after it pass again, or none does.
struct Proxy {
    port: u16,
    left: Arc<AtomicUsize>,
}

impl Proxy {
    fn before(server: u16, is_cut_for_good: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new(AtomicUsize::new(NEVER));
        let shared = Arc::clone(&left);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                    continue;
                };
                let left = Arc::clone(&shared);
                let questions = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pass(questions.0, questions.1, |_| true));
                thread::spawn(move || {
                    pass(server, client, |length| {
                        is_passed(&left, is_cut_for_good, length)
                    })
                });
            }
        });
        Self { port, left }
    }
}

/// Whether one more answer of so many bytes passes. For a cut that is for good, bytes are counted: into how many pieces
/// answers fall depends on how busy the machine is.
fn is_passed(left: &AtomicUsize, is_cut_for_good: bool, length: usize) -> bool {
    let cost = if is_cut_for_good { length } else { 1 };
    let next = |left: usize| match left {
        NEVER => None,
        left if left >= cost => Some(left - cost),
        _ if is_cut_for_good => Some(0),
        // It is lost; from here on none is.
        _ => Some(NEVER),
    };
    let before = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
    !matches!(before, Ok(left) if left < cost)
}

fn pass(mut from: TcpStream, mut to: TcpStream, is_passed: impl Fn(usize) -> bool) {
    let mut buffer = [0; 65536];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !is_passed(length) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// Wherever the answer was lost, the command ends well by itself, and its record is there once.
#[test]
fn a_lost_answer_loses_and_doubles_nothing() {
    let Some(server) = server() else {
        return;
    };
    let ledger = OnServer::with_ledger(&server);
    let proxy = Proxy::before(server.port, false);
    let url = ledger
        .url_of("postgres")
        .replace(&format!(":{}", server.port), &format!(":{}", proxy.port));
    let mut cuts = 0;
    for answers in 0..40 {
        let text = format!("note {answers}.");
        proxy.left.store(answers, Ordering::SeqCst);
        let mut command = ledger.servanda_as("postgres");
        command.env("SERVANDA_LEDGER", &url);
        command.args(["record", "note", "--text", &text]);
        crate::program::run(command, b"").ok();
        let is_cut = proxy.left.swap(NEVER, Ordering::SeqCst) == NEVER;
        cuts += usize::from(is_cut);
        if !is_cut {
            break;
        }
    }
    assert!((5..40).contains(&cuts), "{cuts} answers were lost");
    let log = ledger.run(&["log"]).ok();
    for answers in 0..=cuts {
        let text = format!("note {answers}.");
        assert_eq!(log.matches(&text).count(), 1, "{text}: {log}");
    }
    ledger.run(&["verify"]).ok();
}

/// A database that goes away for long is told as such, wherever a command is then: no word of a broken record.
#[test]
fn a_database_that_goes_away_is_no_broken_record() {
    let Some(server) = server() else {
        return;
    };
    let ledger = OnServer::with_ledger(&server);
    ledger.scratch.write("lines", super::lines(5_000));
    ledger.run(&["import", "lines"]).ok();
    let early = ledger.run(&["checkpoint"]).ok();
    ledger.scratch.write("early", early);
    ledger.run(&["record", "note", "--text", "late"]).ok();
    let behind = |proxy: &Proxy, words: &[&str]| {
        let (server, proxy) = (server.port.to_string(), proxy.port.to_string());
        let mut command = ledger.servanda_as("postgres");
        command
            .env(
                "SERVANDA_LEDGER",
                ledger.url_of("postgres").replace(&server, &proxy),
            )
            .args(words);
        command
    };
    let mut ended = 0;
    thread::scope(|scope| {
        let commands: [&[&str]; 5] = [
            &["verify"],
            &["verify", "--chain"],
            &["verify", "--against", "early"],
            &["log", "--limit", "0"],
            &["report", "status"],
        ];
        let mut runs = Vec::new();
        for words in commands {
            // How many bytes it is answered.
            let proxy = Proxy::before(server.port, true);
            let all = NEVER - 1;
            proxy.left.store(all, Ordering::SeqCst);
            crate::program::run(behind(&proxy, words), b"").ok();
            let answers = all - proxy.left.load(Ordering::SeqCst);
            for part in [1, 2, 3] {
                let (behind, answers) = (&behind, answers * part / 4);
                runs.push(scope.spawn(move || {
                    let proxy = Proxy::before(server.port, true);
                    proxy.left.store(answers, Ordering::SeqCst);
                    let outcome = crate::program::run(behind(&proxy, words), b"");
                    (words, answers, outcome)
                }));
            }
        }
        for run in runs {
            let (words, answers, outcome) = run.join().unwrap();
            assert_eq!(
                outcome.code,
                Some(23),
                "{words:?} after {answers}: {outcome:#?}"
            );
            assert!(outcome.stderr.contains("connecting to "), "{outcome:#?}");
            assert_eq!(
                outcome.stdout.matches("NOT SOUND").count(),
                0,
                "{outcome:#?}"
            );
            ended += 1;
        }
    });
    assert_eq!(ended, 15);
}
