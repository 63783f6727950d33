//! A real object store that speaks S3: SeaweedFS, which `tests/all.sh` installs and names in `SERVANDA_SEAWEEDFS`.
#![cfg(feature = "objects")]

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{add, ledger_of, redact, text};
use crate::program::{Outcome, Scratch, run};

const KEY: &str = "test-key";
const SECRET: &str = "a-secret-that-nobody-prints";
const BUCKET: &str = "ledgers";

/// A server of one test, with a directory of its own.
struct Server {
    child: Child,
    _dir: TempDir,
    endpoint: String,
}

static PREFIXES: AtomicU32 = AtomicU32::new(0);

impl Server {
    /// Starts one; none where it is not installed. Where `CI` is true that is a failure.
    fn start() -> Option<Self> {
        let installed = std::env::var_os("SERVANDA_SEAWEEDFS");
        let program = installed.map(|dir| Path::new(&dir).join("bin/weed"));
        let Some(program) = program.filter(|program| program.is_file()) else {
            let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(
                !in_ci,
                "SERVANDA_SEAWEEDFS names no directory with bin/weed"
            );
            println!("SKIPPED: SERVANDA_SEAWEEDFS names no directory with bin/weed");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let identities = format!(
            r#"{{"identities":[{{"name":"test","credentials":[{{"accessKey":"{KEY}","secretKey":"{SECRET}"}}],"actions":["Admin","Read","Write","List","Tagging"]}}]}}"#
        );
        let config = dir.path().join("s3.json");
        std::fs::write(&config, identities).unwrap();
        let [master, volume, filer, s3] = ports();
        let log = File::create(dir.path().join("log")).unwrap();
        let child = Command::new(program)
            .arg("server")
            .arg(format!("-dir={}", dir.path().display()))
            .args([
                "-ip=127.0.0.1",
                "-filer",
                "-s3",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
            ])
            .arg(format!("-master.port={master}"))
            .arg(format!("-volume.port={volume}"))
            .arg(format!("-filer.port={filer}"))
            .arg(format!("-s3.port={s3}"))
            .arg(format!("-s3.config={}", config.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone().unwrap()))
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap();
        let server = Self {
            child,
            _dir: dir,
            endpoint: format!("http://127.0.0.1:{s3}"),
        };
        server.until_ready();
        Some(server)
    }

    /// It is ready once it takes an object.
    fn until_ready(&self) {
        let scratch = ledger_of(1);
        let begun = Instant::now();
        loop {
            self.make_bucket();
            let tried = self.run(&scratch, &["publish", &format!("s3://{BUCKET}/ready")]);
            if tried.code == Some(0) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(120), "{tried:?}");
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// A bucket is a directory of its own filer, whose port is not asked: S3 makes it by a PUT that is signed.
    fn make_bucket(&self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/make_bucket.py");
        let made = Command::new("python3")
            .arg("-B")
            .arg(script)
            .args([&self.endpoint, BUCKET, KEY, SECRET])
            .output()
            .unwrap();
        drop(made);
    }

    /// A place that no other test uses.
    fn target(&self) -> String {
        let number = PREFIXES.fetch_add(1, Ordering::Relaxed);
        format!("s3://{BUCKET}/some/log-{number}")
    }

    /// The program with the keys in its environment.
    fn servanda(&self, scratch: &Scratch) -> Command {
        let mut command = scratch.servanda();
        command
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ACCESS_KEY_ID", KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_REGION", "us-east-1");
        command
    }

    #[track_caller]
    fn run(&self, scratch: &Scratch, words: &[&str]) -> Outcome {
        let mut command = self.servanda(scratch);
        command.args(words);
        let outcome = run(command, b"");
        assert!(!format!("{outcome:?}").contains(SECRET), "{outcome:?}");
        outcome
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ports that are free, with those 10,000 above, which it takes too.
fn ports() -> [u16; 4] {
    let mut found = Vec::new();
    while found.len() < 4 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        // Its ports for other programs lie 10,000 above.
        let base = 20_000 + port % 20_000;
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if !found.contains(&base) && is_free(base) && is_free(base + 10_000) {
            found.push(base);
        }
    }
    [found[0], found[1], found[2], found[3]]
}

#[test]
fn a_ledger_is_published_verified_copied_and_redacted_in_an_object_store() {
    let Some(server) = Server::start() else {
        return;
    };
    let (scratch, target) = (ledger_of(1_400), server.target());
    scratch
        .run(&["record", "note", "--text", "a name that is to be gone"])
        .ok();
    server.run(&scratch, &["publish", &target]).ok();
    let own = scratch.run(&["verify", "--format", "csv"]).ok();
    let verify = ["verify", "--from", &target, "--format", "csv"];
    assert_eq!(server.run(&scratch, &verify).ok(), own);
    let copy = text(&scratch.path("copy"));
    server.run(&scratch, &["clone", &target, &copy]).ok();
    let again = server.run(&scratch, &["publish", &target]);
    assert!(again.stderr.contains("has all 1401 records"), "{again:?}");
    add(&scratch, 1_400..1_404);
    redact(&scratch, "1400").ok();
    let done = server.run(&scratch, &["publish", &target]);
    assert!(
        done.stderr
            .contains("1 payload erased from what is published"),
        "{done:?}"
    );
    assert_eq!(server.run(&scratch, &verify).ok(), own);
    let taken = server.run(&scratch, &["clone", &target, &copy]);
    assert!(taken.stderr.contains("1 payload erased"), "{taken:?}");
    scratch.run(&["verify", "--ledger", &copy]).ok();
    // Another history, after a restored backup.
    let other = scratch.copied();
    add(&scratch, 2_000..2_002);
    add(&other, 3_000..3_003);
    server.run(&scratch, &["publish", &target]).ok();
    server
        .run(&other, &["publish", &target, "--no-memory"])
        .fails(10, &["the histories have parted"]);
    assert_eq!(server.run(&scratch, &verify).ok(), own);
}

#[test]
fn of_publishers_at_once_none_forks_and_errors_hold_no_secret() {
    let Some(server) = Server::start() else {
        return;
    };
    let (scratch, target) = (ledger_of(300), server.target());
    server.run(&scratch, &["publish", &target]).ok();
    // Two histories that part here, published at the same time, again and again.
    let other = scratch.copied();
    let mut won = [0, 0];
    for round in 0..5 {
        let both = [&scratch, &other];
        for (who, scratch) in both.iter().enumerate() {
            let from = 1_000 * (round + 1) + 100 * who;
            add(scratch, from..from + 3);
        }
        let children = both.map(|scratch| {
            let mut command = server.servanda(scratch);
            command.args(["publish", &target, "--no-memory"]);
            command
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        });
        for (who, child) in children.into_iter().enumerate() {
            let ended = child.wait_with_output().unwrap();
            won[who] += i32::from(ended.status.success());
            let refused = [Some(0), Some(10), Some(21)].contains(&ended.status.code());
            assert!(refused, "{ended:?}");
        }
        let found = server.run(&scratch, &["verify", "--from", &target, "--no-memory"]);
        assert_eq!(found.code, Some(0), "{found:?}");
    }
    assert!(
        won[0] == 0 || won[1] == 0,
        "both histories were published: {won:?}"
    );
    // A wrong key.
    let mut wrong = server.servanda(&scratch);
    wrong
        .env("AWS_SECRET_ACCESS_KEY", "another-secret")
        .args(["publish", &target]);
    let refused = run(wrong, b"");
    refused.fails(1, &["not allowed", "AWS_SECRET_ACCESS_KEY"]);
    assert!(
        !format!("{refused:?}").contains("another-secret"),
        "{refused:?}"
    );
    server
        .run(&scratch, &["publish", "s3://key:secret@bucket/x"])
        .fails(2, &["no secret is part of it"]);
}
