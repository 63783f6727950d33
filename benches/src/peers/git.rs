//! git: a commit a record, each with the payload as its message, by `fast-import`; checked by `fsck`. A single append is
//! left out: it takes a process or more each time, which says nothing about git.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Outcome, Peer};

/// A bare repository.
pub struct Git {
    dir: PathBuf,
}

impl Git {
    /// An empty one.
    pub fn create(dir: &Path) -> Outcome<Self> {
        let git = Self {
            dir: dir.join("log.git"),
        };
        let made = Command::new("git")
            .args(["init", "-q", "--bare"])
            .arg(&git.dir)
            .status()?;
        if made.success() {
            Ok(git)
        } else {
            Err("git init failed".into())
        }
    }

    fn run(&self, arguments: &[&str]) -> Outcome<String> {
        let run = Command::new("git")
            .arg("-C")
            .arg(&self.dir)
            .args(arguments)
            .output()?;
        if run.status.success() {
            Ok(String::from_utf8_lossy(&run.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&run.stderr).into())
        }
    }
}

impl Peer for Git {
    fn name(&self) -> &'static str {
        "git"
    }

    fn append(&mut self, _: &[u8]) -> Outcome<()> {
        Err("git appends by a process".into())
    }

    fn import(&mut self, payloads: &mut dyn Iterator<Item = Vec<u8>>) -> Outcome<()> {
        let mut child = Command::new("git")
            .arg("-C")
            .arg(&self.dir)
            .args(["-c", "core.fsync=committed", "fast-import", "--quiet"])
            .stdin(Stdio::piped())
            .spawn()?;
        let input = child
            .stdin
            .take()
            .ok_or("fast-import has no standard input")?;
        let mut out = BufWriter::with_capacity(1 << 20, input);
        for (second, payload) in (1_700_000_000u64..).zip(payloads) {
            writeln!(
                out,
                "commit refs/heads/main\ncommitter log <log> {second} +0000\ndata {}",
                payload.len()
            )?;
            out.write_all(&payload)?;
            writeln!(out)?;
        }
        out.flush()?;
        drop(out);
        if child.wait()?.success() {
            Ok(())
        } else {
            Err("fast-import failed".into())
        }
    }

    fn verify(&mut self) -> Outcome<u64> {
        self.run(&["fsck", "--full", "--no-progress"])?;
        Ok(self.run(&["rev-list", "--count", "main"])?.trim().parse()?)
    }
}
