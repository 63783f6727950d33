//! A network that is cut in the middle of an answer.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{OnServer, server};

/// No answer is lost.
const NEVER: usize = usize::MAX;

/// Passes bytes between clients and a server. When as many answers have passed as it was told, the next one is lost and its
/// connection cut; those after it pass again.
struct Proxy {
    port: u16,
    left: Arc<AtomicUsize>,
}

impl Proxy {
    fn before(server: u16) -> Self {
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
                thread::spawn(move || pass(questions.0, questions.1, || true));
                thread::spawn(move || pass(server, client, || is_passed(&left)));
            }
        });
        Self { port, left }
    }
}

/// Whether one more answer passes.
fn is_passed(left: &AtomicUsize) -> bool {
    let next = |left: usize| match left {
        NEVER => None,
        // It is lost; from here on none is.
        0 => Some(NEVER),
        left => Some(left - 1),
    };
    !matches!(
        left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next),
        Ok(0)
    )
}

fn pass(mut from: TcpStream, mut to: TcpStream, is_passed: impl Fn() -> bool) {
    let mut buffer = [0; 65536];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !is_passed() || to.write_all(&buffer[..length]).is_err() {
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
    let proxy = Proxy::before(server.port);
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
