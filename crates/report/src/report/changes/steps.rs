//! The steps that a replay takes, counted for tests.

use std::cell::Cell;

thread_local! {
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// Counts steps of this thread: records that are taken in, and records of a history that is read.
pub fn count(steps: usize) {
    STEPS.set(STEPS.get() + steps);
}

/// The steps since this was last asked.
pub fn taken() -> usize {
    STEPS.replace(0)
}
