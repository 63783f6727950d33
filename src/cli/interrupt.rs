//! Ctrl-C, for commands that have something to put back before they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

use super::error::Exit;

/// Whether the user pressed Ctrl-C.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on Ctrl-C is noted. A second one ends the program at once.
    pub fn noted() -> Self {
        let interrupt = Self::default();
        // Where it cannot be noted, it ends the program as it would have.
        let _ = flag::register_conditional_shutdown(
            SIGINT,
            Exit::Interrupted as i32,
            Arc::clone(&interrupt.0),
        );
        let _ = flag::register(SIGINT, Arc::clone(&interrupt.0));
        interrupt
    }

    /// Whether it was pressed since.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
