//! Ctrl-C, for commands that must undo something before they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

use super::error::Exit;

/// Whether the user pressed Ctrl-C.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Notes Ctrl-C from now on. A second one ends the program at once.
    pub fn noted() -> Self {
        let interrupt = Self::default();
        // If the handler cannot be set, Ctrl-C ends the program as usual.
        let _ = flag::register_conditional_shutdown(
            SIGINT,
            Exit::Interrupted as i32,
            Arc::clone(&interrupt.0),
        );
        let _ = flag::register(SIGINT, Arc::clone(&interrupt.0));
        interrupt
    }

    /// Whether Ctrl-C was pressed.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
