//! Signals: those that end a command which must undo something first, the one for a file that gets too large, and the one by
//! which a program in Rust ends itself when it gets no memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

use super::error::Exit;

/// Whether the user pressed Ctrl-C, or the system asked the program to end.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Notes SIGINT, SIGTERM and SIGHUP from now on. A second one ends the program at once.
    pub fn noted() -> Self {
        let interrupt = Self::default();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // If the handler cannot be set, the signal ends the program as usual.
            let _ = flag::register_conditional_shutdown(
                signal,
                Exit::Interrupted as i32,
                Arc::clone(&interrupt.0),
            );
            let _ = flag::register(signal, Arc::clone(&interrupt.0));
        }
        interrupt
    }

    /// Whether a signal came.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// While it is there, a signal that ends the program does something first.
pub struct Farewell {
    is_wanted: Arc<AtomicBool>,
    signals: Option<Handle>,
}

impl Farewell {
    /// Does this once before SIGINT, SIGTERM or SIGHUP ends the program with the exit code for it. Dropped, it leaves the
    /// signals to end the program as usual.
    pub fn by(last: impl FnOnce() + Send + 'static) -> Self {
        let is_wanted = Arc::new(AtomicBool::new(true));
        let mut farewell = Self {
            is_wanted: Arc::clone(&is_wanted),
            signals: None,
        };
        // If the handler cannot be set, the signal ends the program as usual.
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else {
            return farewell;
        };
        farewell.signals = Some(signals.handle());
        std::thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                if is_wanted.load(Ordering::Acquire) {
                    last();
                    std::process::exit(Exit::Interrupted as i32);
                }
                let _ = emulate_default_handler(signal);
            }
        });
        farewell
    }

    /// Leaves the signals to what is about to take them itself, and ends the program by none of them any more.
    #[cfg(feature = "serve")]
    pub fn hand_over(mut self) {
        if let Some(signals) = self.signals.take() {
            signals.close();
        }
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.is_wanted.store(false, Ordering::Release);
    }
}

/// Makes a write beyond the limit on the size of files (`ulimit -f`) fail, instead of ending the program.
pub fn note_file_limit() {
    // If the handler cannot be set, the signal ends the program as usual.
    let _ = flag::register(SIGXFSZ, Arc::default());
}

/// Makes the program end with an exit code of its own where it gets no memory, instead of by SIGABRT with a core dump.
///
/// Rust says "memory allocation of N bytes failed" on standard error and then aborts, whatever the program was doing: an
/// append may have just happened or not. Nothing can be tidied up there, so this is like a kill, which loses nothing.
pub fn note_memory_limit() {
    let always = Arc::new(AtomicBool::new(true));
    // If the handler cannot be set, the signal ends the program as usual.
    let _ = flag::register_conditional_shutdown(SIGABRT, Exit::Locked as i32, always);
}
