//! The integration tests, in one binary: one link instead of one per file.

#![allow(
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the helpers of tests are tests too, which clippy.toml cannot know"
)]

mod house;
#[cfg(unix)]
mod witness;
