//! The limit on the address space (`ulimit -v`). Where memory ends, a program in Rust is aborted; so a limit that is too
//! low is refused before anything is done.

use super::error::CliError;

/// What opening a small ledger, verifying it, appending to it and its reports take, in bytes. Measured, and rounded up.
const BASE: u64 = 192 * MIB;

/// How many records a ledger has that counts as small.
const SMALL: u64 = 65_536;

/// What each further record adds, in bytes.
const PER_RECORD: u64 = 128;

const MIB: u64 = 1024 * 1024;

/// The variable by which glibc is told how many heaps threads share.
#[cfg(target_os = "linux")]
const ARENAS: &str = "MALLOC_ARENA_MAX";

/// Checks the limit when the program begins. glibc reserves 64 MiB of address space for each thread, whether it is used
/// or not; under a limit the program therefore starts itself anew with one heap for all threads.
///
/// # Errors
/// The limit is below what any command needs.
pub(super) fn prepare() -> Result<(), CliError> {
    check(0)?;
    #[cfg(target_os = "linux")]
    if limit().is_some() && std::env::var_os(ARENAS).is_none() {
        use std::os::unix::process::CommandExt as _;
        let mut arguments = std::env::args_os();
        if let Ok(program) = std::env::current_exe() {
            let mut again = std::process::Command::new(program);
            if let Some(name) = arguments.next() {
                again.arg0(name);
            }
            // It returns only where it failed. Then the heaps of threads take what is there, and no more.
            let _failed = again.args(arguments).env(ARENAS, "1").exec();
        }
    }
    Ok(())
}

/// Checks that the limit leaves room for the state of so many records.
///
/// # Errors
/// It does not.
pub(super) fn check(records: u64) -> Result<(), CliError> {
    let more = PER_RECORD.saturating_mul(records.saturating_sub(SMALL));
    let needed = BASE.saturating_add(more);
    match limit() {
        Some(limit) if limit < needed => Err(CliError::refused(format!(
            "the limit on memory is too low: {} MiB of address space, and {} are needed",
            limit / MIB,
            needed.div_ceil(MIB)
        ))
        .hint("raise it with `ulimit -v unlimited`; nothing was changed")),
        _ => Ok(()),
    }
}

/// The limit in bytes; none if there is none.
#[cfg(unix)]
fn limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current
}

#[cfg(not(unix))]
fn limit() -> Option<u64> {
    None
}
