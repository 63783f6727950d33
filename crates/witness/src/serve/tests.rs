//! The server and the client, with each other, on the loopback interface.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Barrier, Mutex};
use std::thread;

use servanda_http::Running;

use super::*;
use crate::ask::{AskError, Trust, ask};
use crate::cosigned::{CosignedDirectory, origin_hash};
use crate::testing::{ORIGIN, TestLog, Volatile, secret, witness_key};
use servanda_core::chain::checkpoint::{Checkpoint, SignedCheckpoint};
use servanda_core::chain::key::SignatureType;
use servanda_core::chain::note::NoteSignature;
use servanda_core::chain::tree::{TreeHash, empty_root};

mod tls;

const ANYWHERE: &str = "127.0.0.1:0";

type Asked = Result<Vec<NoteSignature>, AskError<String>>;

fn bound(witness: Witness, limits: Limits) -> Server {
    let watch = Box::new(|_: &Answer| {});
    let answering = Arc::new(Answering { witness, watch });
    Server::bind(answering, ANYWHERE.parse().unwrap(), limits).unwrap()
}

fn server(witness: Witness) -> Running {
    bound(witness, LIMITS).start().unwrap()
}

fn url(running: &Running) -> String {
    format!("http://{}", running.address())
}

fn running() -> Running {
    server(TestLog::of(0).witness(Volatile::default()).unwrap())
}

/// Asks for a cosignature of the log at a size; says also which proofs were wanted.
fn ask_at(running: &Running, log: &TestLog, hint: Option<u64>, size: u64) -> (Asked, Vec<u64>) {
    let mut wanted = Vec::new();
    let mut prove = |old| -> Result<Vec<TreeHash>, String> {
        wanted.push(old);
        Ok(log.proof(old, size))
    };
    let asked = ask(
        &url(running),
        &Trust::of_machine(),
        hint,
        &log.checkpoint(size),
        &mut prove,
    );
    (asked, wanted)
}

/// The same, and checks the cosignature.
fn cosigned(running: &Running, log: &TestLog, hint: Option<u64>, size: u64) -> Vec<u64> {
    let (asked, wanted) = ask_at(running, log, hint, size);
    let key = witness_key();
    let [cosignature] = asked.unwrap().try_into().unwrap();
    let mut checkpoint = log.checkpoint(size);
    let stated = checkpoint.add_cosignature(cosignature, key.verifier());
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    assert!(stated.unwrap().abs_diff(now.as_secs()) < 60);
    wanted
}

fn raw(running: &Running, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(running.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn request(running: &Running, head: &str, body: &[u8]) -> String {
    let len = body.len();
    let head =
        format!("{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {len}\r\n\r\n");
    raw(running, &[head.as_bytes(), body].concat())
}

#[test]
fn a_log_is_cosigned_from_the_first_checkpoint_on() {
    let running = running();
    let log = TestLog::of(300);
    assert_eq!(cosigned(&running, &log, None, 7), [0; 0]);
    // With the right hint there is one request; with none, or a wrong one, the size is learnt.
    assert_eq!(cosigned(&running, &log, Some(7), 9), [7]);
    assert_eq!(cosigned(&running, &log, None, 64), [9]);
    assert_eq!(cosigned(&running, &log, Some(5), 255), [5, 64]);
    assert_eq!(cosigned(&running, &log, Some(999), 300), [255]);
    // The same again.
    assert_eq!(cosigned(&running, &log, Some(300), 300), [0; 0]);
    assert_eq!(cosigned(&running, &log, None, 300), [0; 0]);
}

#[test]
fn a_fork_is_refused() {
    let running = running();
    cosigned(&running, &TestLog::of(7), None, 7);
    for size in 7..12 {
        let (asked, _) = ask_at(&running, &TestLog::forked(5, 12), None, size);
        let error = asked.unwrap_err();
        assert!(matches!(error, AskError::Inconsistent { .. }), "{error}");
        assert!(error.to_string().contains("another history"), "{error}");
    }
    cosigned(&running, &TestLog::of(12), Some(7), 12);
}

#[test]
fn a_rollback_is_refused() {
    let running = running();
    let log = TestLog::of(9);
    cosigned(&running, &log, None, 9);
    for hint in [None, Some(3), Some(5)] {
        let (asked, _) = ask_at(&running, &log, hint, 5);
        let error = asked.unwrap_err();
        assert!(
            matches!(
                error,
                AskError::Ahead {
                    witnessed: 9,
                    size: 5
                }
            ),
            "{error}"
        );
    }
    let body = crate::request::AddCheckpoint::write(9, &[], &log.checkpoint(5));
    let answer = request(&running, "POST /add-checkpoint", body.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[test]
fn a_log_that_is_not_known_and_a_key_that_is_not_trusted_are_refused() {
    let running = running();
    let never = &mut |_| Err("no proof is wanted");
    for (origin, seed) in [("example.org/other", 1), (ORIGIN, 9)] {
        let key = secret(origin, SignatureType::Ed25519, seed);
        let checkpoint = Checkpoint::new(origin, 0, empty_root()).unwrap();
        let signed = SignedCheckpoint::sign(checkpoint, &key).unwrap();
        let error = ask(&url(&running), &Trust::of_machine(), None, &signed, never).unwrap_err();
        if origin == ORIGIN {
            assert!(matches!(error, AskError::Untrusted { .. }), "{error}");
        } else {
            assert!(matches!(error, AskError::UnknownLog { .. }), "{error}");
        }
    }
}

#[test]
fn a_proof_that_cannot_be_made_is_told() {
    let running = running();
    let log = TestLog::of(9);
    cosigned(&running, &log, None, 7);
    let error = ask(
        &url(&running),
        &Trust::of_machine(),
        None,
        &log.checkpoint(9),
        &mut |_| Err("no leaves"),
    );
    let error = error.unwrap_err();
    assert!(
        matches!(
            error,
            AskError::Proof {
                old: 7,
                why: "no leaves"
            }
        ),
        "{error}"
    );
    let error = ask(
        &url(&running),
        &Trust::of_machine(),
        None,
        &log.checkpoint(9),
        &mut |_| Ok::<_, String>(vec![empty_root(); 64]),
    );
    assert!(matches!(error, Err(AskError::LongProof { hashes: 64 })));
}

#[test]
fn a_restart_forgets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (log, forked) = (TestLog::of(12), TestLog::forked(5, 12));
    let start = || {
        server(
            log.witness(CosignedDirectory::open(dir.path()).unwrap())
                .unwrap(),
        )
    };
    cosigned(&start(), &log, None, 7);
    let again = start();
    let (asked, _) = ask_at(&again, &forked, None, 12);
    assert!(matches!(asked, Err(AskError::Inconsistent { .. })));
    assert_eq!(cosigned(&again, &log, None, 12), [7]);
}

#[test]
fn concurrent_askers_get_one_history() {
    let dir = tempfile::tempdir().unwrap();
    let trunk = TestLog::of(7);
    let running = server(
        trunk
            .witness(CosignedDirectory::open(dir.path()).unwrap())
            .unwrap(),
    );
    cosigned(&running, &trunk, None, 7);
    // Eight logs with one name and one key, each with a leaf 7 of its own size's history.
    let forks: Vec<_> = (0..8).map(|n| TestLog::forked(7 + n % 2, 12 + n)).collect();
    let barrier = Barrier::new(forks.len());
    let cosigned: Vec<(u64, u64)> = thread::scope(|scope| {
        let (running, barrier) = (&running, &barrier);
        let ask = |(n, log)| {
            scope.spawn(move || {
                barrier.wait();
                let size = 12 + n as u64;
                let (asked, _) = ask_at(running, log, Some(7), size);
                match asked {
                    Ok(_) => Some((n as u64 % 2, size)),
                    Err(
                        AskError::Inconsistent { .. }
                        | AskError::Ahead { .. }
                        | AskError::Moving { .. },
                    ) => None,
                    Err(error) => panic!("{error}"),
                }
            })
        };
        let asked: Vec<_> = forks.iter().enumerate().map(ask).collect();
        asked
            .into_iter()
            .filter_map(|one| one.join().unwrap())
            .collect()
    });
    // Both kinds grow from the trunk; whoever was first has decided for one of them.
    assert!(!cosigned.is_empty());
    assert!(
        cosigned.iter().all(|(kind, _)| *kind == cosigned[0].0),
        "{cosigned:?}"
    );
}

#[test]
fn a_conflict_names_the_size_as_the_specification_says() {
    let running = running();
    let log = TestLog::of(9);
    cosigned(&running, &log, None, 7);
    let answer = request(&running, "POST /add-checkpoint", &log.body(3, 9));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 409 "), "{head}");
    assert!(
        head.contains("\r\ncontent-type: text/x.tlog.size"),
        "{head}"
    );
    assert_eq!(body, "7\n");
}

#[test]
fn monitors_get_the_latest_checkpoint() {
    let running = running();
    let log = TestLog::of(9);
    let path = format!("GET /{}/checkpoint", origin_hash(ORIGIN));
    assert!(request(&running, &path, b"").starts_with("HTTP/1.1 404 "));
    cosigned(&running, &log, None, 7);
    let answer = request(&running, &path, b"");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let signed: SignedCheckpoint = body.parse().unwrap();
    let key = witness_key();
    let verified = signed
        .verify([log.key().verifier()], [key.verifier()])
        .unwrap();
    assert_eq!(verified.checkpoint().size(), 7);
    assert_eq!(verified.cosignatures().len(), 1);
    assert!(request(&running, "GET /x/checkpoint", b"").starts_with("HTTP/1.1 404 "));
}

#[test]
fn it_says_who_it_is() {
    let answer = request(&running(), "GET /", b"");
    let line = format!(
        "servanda witness witness.example/w1 {}\n",
        witness_key().verifier()
    );
    assert!(answer.ends_with(&line), "{answer}");
}

#[test]
fn what_is_no_request_gets_an_answer_too() {
    let running = running();
    let long = vec![b'x'; MAX_BODY + 1];
    let cases: [(&str, &[u8], &str); 5] = [
        ("POST /add-checkpoint", b"", "400"),
        ("POST /add-checkpoint", b"\xff\0\n\n\xff", "400"),
        ("POST /add-checkpoint", &long, "413"),
        ("GET /add-checkpoint", b"", "405"),
        ("POST /other", b"", "404"),
    ];
    for (head, body, status) in cases {
        let answer = request(&running, head, body);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{head}: {answer}"
        );
    }
    assert!(raw(&running, b"no HTTP at all\r\n\r\n").starts_with("HTTP/1.1 400 "));
    cosigned(&running, &TestLog::of(3), None, 3);
}

#[test]
fn every_answer_is_shown_to_its_keeper() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = TestLog::of(9);
    let witness = log.witness(Volatile::default()).unwrap();
    let watched = seen.clone();
    let watch = move |answer: &Answer| watched.lock().unwrap().push(answer.status());
    let server = bind(witness, ANYWHERE.parse().unwrap(), watch).unwrap();
    let running = server.start().unwrap();
    cosigned(&running, &log, None, 7);
    cosigned(&running, &log, None, 9);
    assert!(
        ask_at(&running, &TestLog::forked(1, 9), Some(9), 9)
            .0
            .is_err()
    );
    assert_eq!(*seen.lock().unwrap(), [200, 409, 200, 422]);
}

#[test]
fn a_client_that_says_nothing_keeps_nobody_waiting() {
    let running = running();
    let idle: Vec<_> = (0..20)
        .map(|_| TcpStream::connect(running.address()).unwrap())
        .collect();
    let mut slow = TcpStream::connect(running.address()).unwrap();
    slow.write_all(b"POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nold")
        .unwrap();
    cosigned(&running, &TestLog::of(3), None, 3);
    // Nor does it keep the server from stopping.
    let began = std::time::Instant::now();
    drop(running);
    assert!(began.elapsed() < Duration::from_secs(15));
    drop(idle);
}

#[test]
fn what_a_client_can_take_up_is_bounded() {
    let witness = TestLog::of(0).witness(Volatile::default()).unwrap();
    let limits = Limits {
        head: Duration::from_millis(500),
        body: Duration::from_millis(100),
        connections: 2,
        ..LIMITS
    };
    let running = bound(witness, limits).start().unwrap();
    let head = b"POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nold";
    let answer = raw(&running, head);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    // Headers that never end, in all places there are: the next one waits until their time is over.
    let mut slow: Vec<_> = (0..2)
        .map(|_| TcpStream::connect(running.address()).unwrap())
        .collect();
    for stream in &mut slow {
        stream
            .write_all(b"POST /add-checkpoint HTTP/1.1\r\nx: ")
            .unwrap();
    }
    let began = std::time::Instant::now();
    cosigned(&running, &TestLog::of(3), None, 3);
    assert!(began.elapsed() > Duration::from_millis(200));
    for stream in &mut slow {
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut nothing = Vec::new();
        // Closed or reset, but not left open.
        if let Err(error) = stream.read_to_end(&mut nothing) {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        }
    }
}

/// Connects from an address of this machine.
fn connect_from(source: &str, running: &Running) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let connected = runtime.unwrap().block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(format!("{source}:0").parse().unwrap())?;
        socket.connect(running.address()).await?.into_std()
    });
    let stream = connected.unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

/// What an answer says until the connection ends; nothing where it is reset.
fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
    String::from_utf8(answer).unwrap()
}

/// Three hundred clients of one address that send the head of a request a byte at a time: a client of another address is
/// served at once, and one of the same address after the time for a head.
#[test]
fn clients_that_drip_keep_nobody_else_waiting() {
    let log = TestLog::of(7);
    let witness = log.witness(Volatile::default()).unwrap();
    let head = Duration::from_secs(3);
    let running = bound(witness, Limits { head, ..LIMITS }).start().unwrap();
    let begin = std::time::Instant::now();
    let mut drips: Vec<_> = (0..300)
        .map(|_| connect_from("127.0.0.1", &running))
        .collect();
    let mut drip = |bytes: &[u8]| {
        for stream in &mut drips {
            // Those that were refused are gone.
            let _ = stream.write_all(bytes);
        }
    };
    drip(b"POST /add-checkpoint HTTP/1.1\r\nx: ");
    for path in ["GET /", "POST /add-checkpoint"] {
        drip(b"x");
        let began = std::time::Instant::now();
        let mut stream = connect_from("127.0.0.2", &running);
        let body = log.body(0, 7);
        let head = format!(
            "{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream
            .write_all(&[head.as_bytes(), &body].concat())
            .unwrap();
        let answer = rest(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{:?}",
            began.elapsed()
        );
    }
    // While they drip on, their time is over.
    while begin.elapsed() < Duration::from_secs(4) {
        thread::sleep(Duration::from_millis(100));
        drip(b"x");
    }
    let began = std::time::Instant::now();
    cosigned(&running, &log, Some(7), 7);
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    for stream in &mut drips {
        let answer = rest(stream);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
}

#[test]
fn one_address_has_no_more_connections_than_it_may() {
    let running = running();
    let mut held: Vec<_> = (0..MAX_CONNECTIONS_OF_ONE)
        .map(|_| connect_from("127.0.0.1", &running))
        .collect();
    let mut next = connect_from("127.0.0.1", &running);
    let answer = rest(&mut next);
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\ntoo many connections from your address\n"));
    assert!(answer.contains("content-length: 39\r\n"));
    // One that ends makes room for another, which is served.
    drop(held.pop());
    thread::sleep(Duration::from_millis(200));
    cosigned(&running, &TestLog::of(3), None, 3);
}

#[test]
fn a_body_that_is_announced_too_long_is_refused_at_once() {
    let running = running();
    for length in [MAX_BODY as u64 + 1, 1_000_000_000_000, 1 << 60] {
        let began = std::time::Instant::now();
        let head = format!(
            "POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\nold"
        );
        let answer = raw(&running, head.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{:?}",
            began.elapsed()
        );
    }
}

/// A connection stays for the next request for as long as it may be idle, not longer.
#[test]
fn a_connection_that_asks_nothing_more_ends() {
    let witness = TestLog::of(0).witness(Volatile::default()).unwrap();
    let (head, idle) = (Duration::from_millis(700), Duration::from_millis(700));
    let limits = Limits {
        head,
        idle,
        ..LIMITS
    };
    let running = bound(witness, limits).start().unwrap();
    let mut stream = connect_from("127.0.0.1", &running);
    let began = std::time::Instant::now();
    for _ in 0..4 {
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .unwrap();
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer).unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200 "));
        thread::sleep(Duration::from_millis(300));
    }
    assert!(began.elapsed() > Duration::from_millis(1_000));
    assert_eq!(rest(&mut stream), "");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_stopped_server_is_gone() {
    let running = running();
    let url = url(&running);
    drop(running);
    let asked = ask(
        &url,
        &Trust::of_machine(),
        None,
        &TestLog::of(3).checkpoint(3),
        &mut |_| Err("none"),
    );
    let error = asked.unwrap_err();
    assert!(matches!(error, AskError::Unreachable { .. }), "{error}");
}

#[test]
fn two_servers_do_not_share_an_address() {
    let running = running();
    let witness = TestLog::of(0).witness(Volatile::default()).unwrap();
    assert!(bind(witness, running.address(), |_| {}).is_err());
    assert!(
        DEFAULT_ADDRESS
            .parse::<SocketAddr>()
            .unwrap()
            .ip()
            .is_loopback()
    );
}
