//! The client against servers that answer anything.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::*;
use crate::testing::TestLog;
use servanda_core::chain::vectors::COSIGNATURE;

type Asked = Result<Vec<NoteSignature>, AskError<String>>;

/// Asks a server that gives these answers, one a connection, and returns what it was sent.
fn ask_one_that_says(answers: &[String], hint: Option<u64>) -> (Asked, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/prefix/", listener.local_addr().unwrap());
    let log = TestLog::of(9);
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            let serve = |answer: &String| {
                let (mut stream, _) = listener.accept().unwrap();
                let request = read(&stream);
                stream.write_all(answer.as_bytes()).unwrap();
                request
            };
            answers.iter().map(serve).collect::<Vec<_>>()
        });
        let mut prove = |old| Ok(log.proof(old, 9));
        let asked = ask(
            &url,
            &Trust::of_machine(),
            hint,
            &log.checkpoint(9),
            &mut prove,
        );
        (asked, server.join().unwrap())
    })
}

/// A request line and a body.
fn read(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut len = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            len = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).unwrap();
    first + std::str::from_utf8(&body).unwrap()
}

fn answer(status: u16, body: &str) -> String {
    let len = body.len();
    format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {len}\r\n\r\n{body}")
}

fn error_of(answers: &[String]) -> AskError<String> {
    ask_one_that_says(answers, None).0.unwrap_err()
}

#[test]
fn the_request_is_the_specified_one() {
    let (asked, requests) = ask_one_that_says(&[answer(200, COSIGNATURE)], Some(7));
    assert_eq!(format!("{}\n", asked.unwrap()[0]), COSIGNATURE);
    let log = TestLog::of(9);
    let hashes: String = log
        .proof(7, 9)
        .iter()
        .map(|hash| hash.to_base64() + "\n")
        .collect();
    let body = format!("old 7\n{hashes}\n{}", log.checkpoint(9));
    assert_eq!(
        requests,
        [format!("POST /prefix/add-checkpoint HTTP/1.1\r\n{body}")]
    );
}

#[test]
fn a_conflict_is_answered_with_another_proof_but_not_for_ever() {
    let conflicts = |sizes: &[u64]| -> Vec<String> {
        sizes
            .iter()
            .map(|size| answer(409, &format!("{size}\n")))
            .collect()
    };
    let mut answers = conflicts(&[3, 5]);
    answers.push(answer(200, COSIGNATURE));
    let (asked, requests) = ask_one_that_says(&answers, None);
    assert!(asked.is_ok());
    for (request, old) in requests.iter().zip([0, 3, 5]) {
        assert!(request.contains(&format!("\r\nold {old}\n")), "{request}");
    }
    let error = error_of(&conflicts(&[3, 5, 6]));
    assert!(
        matches!(error, AskError::Moving { witnessed: 6 }),
        "{error}"
    );
    let error = error_of(&conflicts(&[10]));
    assert!(
        matches!(
            error,
            AskError::Ahead {
                witnessed: 10,
                size: 9
            }
        ),
        "{error}"
    );
}

#[test]
fn a_size_has_one_spelling() {
    for wrong in [
        "",
        "x",
        "+3\n",
        "03\n",
        "3\n\n",
        " 3",
        "18446744073709551616\n",
        "-1",
    ] {
        let error = error_of(&[answer(409, wrong)]);
        assert!(matches!(error, AskError::Size { .. }), "{wrong:?}: {error}");
    }
}

#[test]
fn every_refusal_has_its_name() {
    let error = |status| error_of(&[answer(status, "\n\x1b[31mwhy \n more")]);
    type E = AskError<String>;
    let why = "[31mwhy";
    assert!(matches!(error(400), E::Malformed { said } if said == why));
    assert!(matches!(error(403), E::Untrusted { said } if said == why));
    assert!(matches!(error(404), E::UnknownLog { said } if said == why));
    assert!(matches!(error(422), E::Inconsistent { said } if said == why));
    for status in [201, 204, 301, 307, 401, 405, 413, 429, 500, 503] {
        let body = if status == 204 { "" } else { "why" };
        let error = error_of(&[answer(status, body)]);
        assert!(
            matches!(error, E::Status { status: found, .. } if found == status),
            "{error}"
        );
    }
}

#[test]
fn an_answer_that_is_none_is_refused() {
    for wrong in ["", "\n", "thanks\n", COSIGNATURE.trim_end(), "— a AAAA\n"] {
        let error = error_of(&[answer(200, wrong)]);
        assert!(matches!(error, AskError::Answer(_)), "{wrong:?}: {error}");
    }
    let long = "x".repeat(100_000);
    let unreachable = [answer(200, &long), String::new(), "no HTTP\n".to_owned()];
    for wrong in unreachable {
        let error = error_of(&[wrong]);
        assert!(matches!(error, AskError::Unreachable { .. }), "{error}");
    }
}

#[test]
fn only_http_and_https_are_spoken() {
    let signed = TestLog::of(1).checkpoint(1);
    let ask = |url| {
        ask(url, &Trust::of_machine(), None, &signed, &mut |_| {
            Err("never")
        })
        .unwrap_err()
    };
    for url in [
        "",
        "witness.example",
        "ftp://x",
        "http://x/?q",
        "http://x/#f",
        "é://",
    ] {
        let error = ask(url);
        assert!(matches!(error, AskError::Url { .. }), "{url}: {error}");
    }
    let error = ask("http://");
    assert!(matches!(error, AskError::Unreachable { .. }), "{error}");
}
