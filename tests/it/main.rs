//! The integration tests, in one binary: one link instead of one per file.

#![allow(
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the helpers of tests are tests too, which clippy.toml cannot know"
)]

#[cfg(unix)]
mod asking;
mod attacks;
mod bad_input;
mod bundle;
mod calendar;
mod cli;
mod commands;
mod corpus;
mod cost;
mod desk;
#[cfg(unix)]
mod doors;
mod endurance;
mod evidence;
mod finding;
mod format;
mod format_tables;
mod import;
mod intake;
mod javascript;
mod limits;
mod memory;
mod notes;
#[cfg(feature = "postgres")]
mod postgres;
mod power;
mod program;
#[cfg(unix)]
mod publish;
#[cfg(unix)]
mod receipts;
#[cfg(unix)]
#[cfg(feature = "serve")]
mod serve;
#[cfg(unix)]
mod signals;
mod syscalls;
mod tables;
mod tamper;
mod toy;
mod unicode;
#[cfg(unix)]
mod witness;
mod words;
