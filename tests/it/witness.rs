//! `witness serve` as a process.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use servanda_core::chain::checkpoint::{Checkpoint, SignedCheckpoint};
use servanda_core::chain::key::{KeyName, SignatureType, SigningKey};
use servanda_core::chain::tree::empty_root;
use servanda_witness::ask::{Trust, ask};
use servanda_witness::cosigned::origin_hash;

const ORIGIN: &str = "example.org/log";

fn secret(name: &str, kind: SignatureType) -> SigningKey {
    SigningKey::from_seed(KeyName::new(name).unwrap(), kind, &[5; 32])
}

/// A command that serves from a directory with a key in it.
fn serve(dir: &Path) -> Command {
    let key = dir.join("key");
    if !key.exists() {
        let secret = secret("example.org/witness", SignatureType::CosignatureV1);
        fs::write(&key, &*secret.to_text()).unwrap();
        close_to_others(&key);
    }
    let log = secret(ORIGIN, SignatureType::Ed25519)
        .verifier()
        .to_string();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("servanda"));
    command
        .args(["witness", "serve", "--listen", "127.0.0.1:0", "--log", &log])
        .arg("--key")
        .arg(key)
        .arg("--state")
        .arg(dir.join("state"))
        .env_remove("SERVANDA_LEDGER")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn close_to_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Killed when a test fails.
struct Serving {
    child: Child,
    url: String,
}

impl Serving {
    fn start(dir: &Path) -> Self {
        let mut child = serve(dir).spawn().unwrap();
        let mut line = String::new();
        let out = child.stdout.as_mut().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ");
        let url = url.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, url }
    }

    /// Ends it as ctrl-c does; its exit code and what it said.
    fn interrupt(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").args(["-INT", &pid]).status();
        assert!(killed.unwrap().success());
        let mut said = String::new();
        let err = self.child.stderr.as_mut().unwrap();
        err.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_serves_until_it_is_interrupted_and_remembers() {
    let dir = tempfile::tempdir().unwrap();
    let log = secret(ORIGIN, SignatureType::Ed25519);
    let checkpoint = Checkpoint::new(ORIGIN, 0, empty_root()).unwrap();
    let signed = SignedCheckpoint::sign(checkpoint, &log).unwrap();

    let serving = Serving::start(dir.path());
    let asked = ask(
        &serving.url,
        &Trust::of_machine(),
        None,
        &signed,
        &mut |_| Err("no proof is wanted"),
    );
    let cosignature = asked.unwrap().remove(0);
    let (code, said) = serving.interrupt();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("never cosigned"), "{said}");
    assert!(
        said.contains("200 cosigned example.org/log at size 0"),
        "{said}"
    );
    assert!(!said.contains("PRIVATE"), "{said}");
    let file = dir.path().join("state").join(origin_hash(ORIGIN));
    let text = fs::read_to_string(file.with_extension("checkpoint")).unwrap();
    assert_eq!(text, format!("{signed}{cosignature}\n"));

    let (code, said) = Serving::start(dir.path()).interrupt();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("last cosigned at size 0"), "{said}");
}

#[test]
fn two_processes_never_share_a_memory() {
    let dir = tempfile::tempdir().unwrap();
    let first = Serving::start(dir.path());
    let second = serve(dir.path()).output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(21), "{said}");
    let holder = format!("is in use by pid {}", first.child.id());
    assert!(said.contains(&holder), "{said}");
    drop(first);
    // However the first one ended.
    Serving::start(dir.path()).interrupt();
}

#[test]
fn what_keeps_it_from_serving_is_told() {
    let dir = tempfile::tempdir().unwrap();
    Serving::start(dir.path()).interrupt();
    let file = dir.path().join("state").join(origin_hash(ORIGIN));
    fs::write(file.with_extension("checkpoint"), "").unwrap();
    let damaged = serve(dir.path()).output().unwrap();
    let said = String::from_utf8(damaged.stderr).unwrap();
    assert_eq!(damaged.status.code(), Some(10), "{said}");
    assert!(said.contains("is damaged"), "{said}");
    assert!(damaged.stdout.is_empty());

    let key = dir.path().join("key");
    let text = secret(ORIGIN, SignatureType::Ed25519).to_text();
    fs::write(&key, &*text).unwrap();
    let wrong = serve(dir.path()).output().unwrap();
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!(wrong.status.code(), Some(1), "{said}");
    assert!(said.contains("makes Ed25519 signatures"), "{said}");
}
