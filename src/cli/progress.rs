//! Progress bars, on a terminal only.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

use super::session::Session;
use crate::ledger::verify::Progress;

/// A bar on stderr, where that is a terminal and the user wants talk; nothing otherwise.
pub struct Bar {
    what: &'static str,
    shown: bool,
    bar: ProgressBar,
}

impl Bar {
    /// A bar that will be headed by a word: `verifying`.
    pub fn new(session: &Session, what: &'static str) -> Self {
        Self {
            what,
            shown: io::stderr().is_terminal() && !session.quiet,
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
