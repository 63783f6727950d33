//! Progress bars, on a terminal only.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use servanda_ledger::verify::Progress;

/// A bar on stderr, or nothing.
pub struct Bar {
    what: &'static str,
    shown: bool,
    bar: ProgressBar,
}

impl Bar {
    /// Makes a bar with a word before it: `verifying`.
    pub fn new(shown: bool, what: &'static str) -> Self {
        Self {
            what,
            shown,
            bar: ProgressBar::hidden(),
        }
    }
}

impl Progress for Bar {
    fn begin(&mut self, total: u64) {
        if self.shown {
            self.bar = ProgressBar::new(total);
            let template =
                "{prefix} [{bar:40}] {human_pos}/{human_len} records, {per_sec}, {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                self.bar.set_style(style.progress_chars("=> "));
            }
            self.bar.set_prefix(self.what);
        }
    }

    fn reached(&mut self, done: u64) {
        self.bar.set_position(done);
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A word and the seconds that have passed, shown until it is dropped. Work that is done at once shows nothing.
pub struct Waiting {
    shown: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Waiting {
    /// The time before anything shows.
    const PATIENCE: Duration = Duration::from_millis(500);

    /// Starts, with a word such as `compacting`.
    pub fn new(shown: bool, what: &'static str) -> Self {
        Self {
            shown: shown.then_some(()).and_then(|()| {
                let (done, waiting) = mpsc::channel();
                let show = move || {
                    if waiting.recv_timeout(Self::PATIENCE) == Err(RecvTimeoutError::Timeout) {
                        let bar = ProgressBar::new_spinner().with_prefix(what);
                        if let Ok(style) =
                            ProgressStyle::with_template("{prefix} {spinner} {elapsed}")
                        {
                            bar.set_style(style);
                        }
                        bar.enable_steady_tick(Self::PATIENCE / 4);
                        // Nothing is ever sent: the wait ends when the sender is dropped.
                        let _ = waiting.recv();
                        bar.finish_and_clear();
                    }
                };
                // Without a thread nothing shows.
                let thread = thread::Builder::new().spawn(show).ok()?;
                Some((done, thread))
            }),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.shown.take() {
            drop(done);
            // A bar that cannot be drawn is no error.
            let _ = thread.join();
        }
    }
}

/// An input that counts the bytes read from it.
pub struct Counted<R> {
    input: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// A bar for lines that are read: the share of the bytes, the number of lines, their rate, and the time left.
pub struct Intake {
    bar: ProgressBar,
    begun: Instant,
    read: Arc<AtomicU64>,
}

impl Intake {
    /// How often the bar is drawn, in lines.
    const EVERY: usize = 4096;

    /// No bar.
    pub fn hidden() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            begun: Instant::now(),
            read: Arc::default(),
        }
    }

    /// Makes a bar, and an input that moves it. `length` is the number of bytes, if it is known.
    pub fn of<R: Read>(shown: bool, input: R, length: Option<u64>) -> (Self, Counted<R>) {
        let mut intake = Self::hidden();
        if shown {
            let (bar, template) = match length {
                Some(length) => (
                    ProgressBar::new(length),
                    "importing [{bar:40}] {bytes}/{total_bytes}, {msg}, {eta} left",
                ),
                None => (
                    ProgressBar::new_spinner(),
                    "importing {spinner} {bytes}, {msg}",
                ),
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            intake.bar = bar;
        }
        let read = Arc::clone(&intake.read);
        (intake, Counted { input, read })
    }

    /// Reports the number of lines read so far.
    pub fn lines(&self, count: usize) {
        if !count.is_multiple_of(Self::EVERY) || self.bar.is_hidden() {
            return;
        }
        let rate = count as f64 / self.begun.elapsed().as_secs_f64();
        self.bar.set_message(format!("{count} lines, {rate:.0}/s"));
        self.bar.set_position(self.read.load(Ordering::Relaxed));
    }

    /// Removes the bar.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
