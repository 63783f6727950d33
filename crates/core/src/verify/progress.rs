//! Watching long work.

/// Somebody who watches long work.
pub trait Progress {
    /// The work has this many steps.
    fn begin(&mut self, total: u64);
    /// So many of them are done.
    fn reached(&mut self, done: u64);
    /// The work is done.
    fn end(&mut self);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Progress for Unwatched {
    fn begin(&mut self, _: u64) {}
    fn reached(&mut self, _: u64) {}
    fn end(&mut self) {}
}
