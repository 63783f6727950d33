//! Somebody at a terminal of 80 columns and 24 rows, who reads each question before the answer is typed.

use std::fs::File;
use std::io::{Read, Write};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rexpect::process::{PtyProcess, WaitStatus};

use crate::program::{SERVANDA, Scratch};

/// How long a slow machine may take to ask the next question.
const PATIENCE: Duration = Duration::from_secs(120);

/// The terminal begins to ask.
const ASKED: &str = "\u{1b}[?2004h";

/// A question stands there whole.
const DRAWN: &str = "\u{1b}[?25h";

/// The keys of this test.
pub const ENTER: &str = "\r";
pub const ESCAPE: &str = "\u{1b}";
pub const CONTROL_C: &str = "\u{3}";

pub struct Secretary {
    process: PtyProcess,
    keys: File,
    written: Receiver<Vec<u8>>,
    /// What was written and not read yet.
    unread: Vec<u8>,
}

impl Secretary {
    /// Types a command on a ledger.
    pub fn runs(scratch: &Scratch, words: &[&str]) -> Self {
        Self::within(scratch, "exec \"$@\"", words)
    }

    /// Types a command in a script, which finds it in its arguments.
    pub fn within(scratch: &Scratch, script: &str, words: &[&str]) -> Self {
        let script = format!("stty rows 24 cols 80 && {script}");
        let environment = scratch.servanda();
        let mut command = Command::new("sh");
        command
            .args(["-c", &script, "sh", SERVANDA])
            .args(words)
            .env("NO_COLOR", "1")
            .env("TERM", "xterm")
            .current_dir(environment.get_current_dir().unwrap());
        for (name, value) in environment.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let process = PtyProcess::new(command).unwrap();
        let keys = process.get_file_handle().unwrap();
        let mut screen = process.get_file_handle().unwrap();
        let (to, written) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal whose program has ended gives an error.
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if to.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            process,
            keys,
            written,
            unread: Vec::new(),
        }
    }

    /// Waits until something was written, and reads to its end.
    #[track_caller]
    fn until(&mut self, text: &str) -> String {
        loop {
            let found = self
                .unread
                .windows(text.len())
                .position(|part| part == text.as_bytes());
            if let Some(at) = found {
                let read: Vec<u8> = self.unread.drain(..at + text.len()).collect();
                return String::from_utf8_lossy(&read).into_owned();
            }
            match self.written.recv_timeout(PATIENCE) {
                Ok(bytes) => self.unread.extend(bytes),
                Err(error) => panic!(
                    "no {text:?}: {error}; on the screen: {}",
                    plain(&String::from_utf8_lossy(&self.unread))
                ),
            }
        }
    }

    /// Reads what stands before the next question, on one line, and the question with its answers and help.
    #[track_caller]
    pub fn reads(&mut self) -> (String, String) {
        let before = self.until(ASKED);
        let asked = plain(&self.until(DRAWN));
        let before = plain(&before);
        let before = before.split_whitespace().collect::<Vec<_>>().join(" ");
        for line in asked.lines() {
            assert!(line.chars().count() <= 80, "wider than the screen: {line}");
        }
        assert!(
            asked.lines().count() <= 24,
            "higher than the screen: {asked}"
        );
        (before, asked)
    }

    /// Reads the next question and types the answer; gives what was said before, and asked.
    #[track_caller]
    pub fn answers(&mut self, question: &str, answer: &str) -> (String, String) {
        let (before, asked) = self.reads();
        let line = asked.lines().next().unwrap_or_default();
        assert_eq!(line.trim(), format!("? {question}"), "{before}{asked}");
        self.types(answer);
        self.types(ENTER);
        (before, asked)
    }

    /// Answers several questions.
    #[track_caller]
    pub fn answers_all(&mut self, dialog: &[(&str, &str)]) {
        for (question, answer) in dialog {
            self.answers(question, answer);
        }
    }

    /// Waits until a text stands on the screen, on one line of it.
    #[track_caller]
    pub fn sees(&mut self, text: &str) {
        self.until(text);
    }

    pub fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits for the end: what is on the screen since the last question, and the exit code.
    #[track_caller]
    pub fn ends(mut self) -> (String, i32) {
        while let Ok(bytes) = self.written.recv_timeout(PATIENCE) {
            self.unread.extend(bytes);
        }
        let code = match self.process.wait().unwrap() {
            WaitStatus::Exited(_, code) => code,
            other => panic!("{other:?}"),
        };
        (plain(&String::from_utf8_lossy(&self.unread)), code)
    }

    /// Waits until all is recorded: the receipts.
    #[track_caller]
    pub fn has_recorded(self) -> String {
        let (screen, code) = self.ends();
        assert_eq!(code, 0, "{screen}");
        screen
    }
}

/// A text of a terminal without what moves its cursor.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => {
                letters.by_ref().find(|end| end.is_ascii_alphabetic());
            }
            '\r' => {}
            other => out.push(other),
        }
    }
    out
}
