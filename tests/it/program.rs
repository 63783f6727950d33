//! The program as its users run it, on a ledger of its own.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Once};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tempfile::TempDir;

use crate::endurance::files::Files;

/// The program under test.
pub const SERVANDA: &str = env!("CARGO_BIN_EXE_servanda");

/// What would change its output, and is not to come from the machine that runs the tests.
const FOREIGN: &[&str] = &[
    "COLUMNS",
    "EDITOR",
    "NO_COLOR",
    "PAGER",
    "SERVANDA_LEDGER",
    "SERVANDA_PAGER",
    "SERVANDA_LOG_KEY",
    "SERVANDA_RECORDER",
    "SERVANDA_SIGN_WITH",
    "VISUAL",
];

/// The program, with nothing of the machine's in its environment, and without a memory of ledgers.
pub fn servanda() -> Command {
    heed_signals();
    // Figures are of a release build: SERVANDA_BINARY names it.
    let program = std::env::var_os("SERVANDA_BINARY");
    let mut command = Command::new(program.as_deref().unwrap_or(SERVANDA.as_ref()));
    for name in FOREIGN {
        command.env_remove(name);
    }
    // Nothing can be kept there.
    command.env("XDG_STATE_HOME", "/dev/null");
    command
}

/// Lets the programs that tests start take signals as usual, although the tests were started in the background, where a
/// shell has them ignored: what a process ignores, its children ignore too, and what it handles, they do not.
fn heed_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            if ignored.is_some_and(|mask| mask >> (signal - 1) & 1 == 1) {
                signal_hook::flag::register(signal, Arc::default()).unwrap();
            }
        }
    });
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// What it wrote as data.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Outcome {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts that all went well, and gives the data.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout
    }

    /// Asserts an exit code, and that the errors say each of these.
    #[track_caller]
    pub fn fails(&self, code: i32, says: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for part in says {
            assert!(self.stderr.contains(part), "no `{part}` in {self:#?}");
        }
    }
}

/// Runs a command to its end, with this as its standard input. Panics of the program fail the test.
#[track_caller]
pub fn run(command: Command, input: &[u8]) -> Outcome {
    let mut command = assert_cmd::Command::from_std(command);
    let output = command.write_stdin(input).output().unwrap();
    let outcome = Outcome::of(&output);
    assert!(!outcome.stderr.contains("panicked"), "{outcome:#?}");
    assert!(!outcome.stderr.contains('\u{1b}'), "{outcome:#?}");
    outcome
}

/// A directory for a test, and the ledger in it; and another for what the program remembers of ledgers.
pub struct Scratch {
    dir: TempDir,
    state: TempDir,
}

impl Scratch {
    /// A directory without a ledger.
    pub fn empty() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            state: tempfile::tempdir().unwrap(),
        }
    }

    /// A directory with a new ledger.
    pub fn with_ledger() -> Self {
        let scratch = Self::empty();
        scratch.run(&["init", "--origin", "example.org/test"]).ok();
        scratch
    }

    /// A directory with a ledger of so many notes, which no compression makes short.
    pub fn with_notes(count: u64) -> Self {
        let scratch = Self::with_ledger();
        let lines = (0..count).map(|line| {
            let text = line.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            format!("{{\"event\":\"note\",\"text\":\"{text:016x}\"}}\n")
        });
        let lines: String = lines.collect();
        scratch.run_on(&["import", "-"], lines).ok();
        scratch
    }

    /// Another directory with the same files, and the same memory of ledgers.
    pub fn copied(&self) -> Self {
        let copy = Self::empty();
        for (from, to) in [(&self.dir, &copy.dir), (&self.state, &copy.state)] {
            let from = from.path().join(".");
            let copied = Command::new("cp")
                .arg("-a")
                .arg(from)
                .arg(to.path())
                .status();
            assert!(copied.unwrap().success());
        }
        copy
    }

    /// A directory with these files, and with these in the memory of ledgers.
    pub fn filled(files: &Files, state: &Files) -> Self {
        let scratch = Self::empty();
        files.put(scratch.dir.path());
        state.put(scratch.state.path());
        scratch
    }

    /// Where the program remembers ledgers.
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// A path in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where the ledger is.
    pub fn ledger(&self) -> PathBuf {
        self.path("ledger")
    }

    /// Writes a file.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The program, in the directory and on the ledger.
    pub fn servanda(&self) -> Command {
        let mut command = servanda();
        command
            .current_dir(self.dir.path())
            .env("SERVANDA_LEDGER", self.ledger())
            .env("XDG_STATE_HOME", self.state.path());
        command
    }

    /// Runs the program.
    #[track_caller]
    pub fn run(&self, words: &[impl AsRef<OsStr>]) -> Outcome {
        self.run_on(words, "")
    }

    /// Runs the program with this as its standard input.
    #[track_caller]
    pub fn run_on(&self, words: &[impl AsRef<OsStr>], input: impl AsRef<[u8]>) -> Outcome {
        let mut command = self.servanda();
        command.args(words);
        run(command, input.as_ref())
    }

    /// Runs an import of lines without an end. What `halfway` does to the process, when it has begun to read, must end it.
    #[track_caller]
    pub fn ends_an_import(&self, halfway: impl FnOnce(&Child)) -> Outcome {
        let mut import = self
            .servanda()
            .args(["import", "-", "--key", "endless"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = import.stdin.take().unwrap();
        let mut lines = (0..).map(|n| {
            format!("{{\"event\":\"party\",\"id\":\"p{n}\",\"kind\":\"state\",\"name\":\"P\"}}\n")
        });
        // More than a pipe holds: once it is written, the program reads.
        let first: String = lines.by_ref().take(5_000).collect();
        input.write_all(first.as_bytes()).unwrap();
        halfway(&import);
        let ended = lines
            .take(500_000)
            .any(|line| input.write_all(line.as_bytes()).is_err());
        assert!(ended, "it reads on");
        let output = import.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), None);
        Outcome::of(&output)
    }

    /// Every record as it lies in the ledger.
    #[track_caller]
    pub fn records(&self) -> String {
        self.run(&["export", "--raw"]).ok()
    }

    /// The files of what the program remembers of ledgers.
    pub fn seen_checkpoints(&self) -> Vec<PathBuf> {
        let found = contents(self.state.path());
        let files = found.into_iter().map(|(path, _)| path);
        files.filter(|path| path.is_file()).collect()
    }

    /// The files that no refusal may change.
    pub fn kept_files(&self) -> Vec<Vec<u8>> {
        let read = |name: &str| fs::read(self.ledger().join(name)).unwrap();
        vec![read("servanda"), read("head"), read("journal")]
    }
}

/// Every file below a directory, and its bytes.
pub fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.push((path.clone(), Vec::new()));
            found.extend(contents(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}
