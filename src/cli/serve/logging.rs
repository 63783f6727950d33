//! The log of a server: lines on standard error, which a thread of their own writes. Where nobody reads them and the pipe
//! is full, lines are left out and counted, and no answer waits for them.

use std::io::{self, Write as _};
use std::iter;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// The most lines that wait to be written.
const WAITING: usize = 4096;

/// How long lines wait for others.
const TOGETHER: Duration = Duration::from_millis(2);

/// How long the end of a server waits for what was not written yet.
const PATIENCE: Duration = Duration::from_secs(1);

static LINES: OnceLock<SyncSender<Entry>> = OnceLock::new();
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

enum Entry {
    Line(String),
    /// Answered when all before it was written.
    Flush(SyncSender<()>),
}

/// Writes a line for each answer, as JSON.
pub fn log(line: &str, quiet: bool) {
    if quiet {
        return;
    }
    let lines = LINES.get_or_init(writing);
    if lines.try_send(Entry::Line(line.to_owned())).is_err() {
        LEFT_OUT.fetch_add(1, Ordering::Relaxed);
    }
}

/// Waits for a moment until what was logged is written.
pub fn flush() {
    let Some(lines) = LINES.get() else { return };
    let (done, written) = sync_channel(1);
    if lines.try_send(Entry::Flush(done)).is_ok() {
        // A failure to log is no error.
        let _ = written.recv_timeout(PATIENCE);
    }
}

/// Starts the thread that writes. Without it every line is left out.
fn writing() -> SyncSender<Entry> {
    let (lines, entries) = sync_channel(WAITING);
    let writer = thread::Builder::new().name("servanda-log".into());
    let _ = writer.spawn(move || write(&entries));
    lines
}

fn write(entries: &Receiver<Entry>) {
    while let Ok(first) = entries.recv() {
        // What comes in this moment is written in one go, where many are answered.
        thread::sleep(TOGETHER);
        let (mut text, mut flushed) = (String::new(), Vec::new());
        for entry in iter::once(first).chain(entries.try_iter().take(WAITING)) {
            match entry {
                Entry::Line(line) => {
                    text.push_str(&line);
                    text.push('\n');
                }
                Entry::Flush(done) => flushed.push(done),
            }
        }
        let left_out = LEFT_OUT.swap(0, Ordering::Relaxed);
        if left_out > 0 {
            text.push_str(&format!("{{\"lines_left_out\":{left_out}}}\n"));
        }
        // A failure to log is no error.
        let _ = io::stderr().write_all(text.as_bytes());
        for done in flushed {
            let _ = done.try_send(());
        }
    }
}
