//! One suite that every log must pass, for the logs of this package and for others.
//!
//! A log implements [`Site`], which opens it; [`check`] opens fresh sites and gives what failed. What only one kind of
//! log does (what a crash leaves, what damage does) is tested beside that log.

mod optional;
mod required;
mod site;
mod twin;

use self::site::Outcome;
pub use self::site::Site;
use crate::error::Unsupported;

/// A check: its name, the optional parts that it needs, and the function.
type Check = (
    &'static str,
    &'static [Unsupported],
    fn(&mut dyn Site) -> Outcome,
);

const SNAPSHOTS: &[Unsupported] = &[Unsupported::Snapshots];
const ERASING: &[Unsupported] = &[Unsupported::Erasing];
const ALL_PARTS: &[Unsupported] = &[
    Unsupported::Snapshots,
    Unsupported::Erasing,
    Unsupported::Compacting,
];

const CHECKS: &[Check] = &[
    ("it has the parts that it names", &[], optional::parts),
    ("a new log is empty", &[], required::new_log_is_empty),
    ("appended records are read", &[], required::appended_is_read),
    (
        "a moved head refuses an append",
        &[],
        required::moved_head_refuses,
    ),
    ("reading starts and ends where asked", &[], required::ranges),
    (
        "records of all lengths come back exactly",
        &[],
        required::all_lengths,
    ),
    ("a big batch comes back exactly", &[], required::big_batch),
    (
        "many single appends come back exactly",
        &[],
        required::many_single_appends,
    ),
    ("small and big batches mix", &[], required::mixed_batches),
    ("a stream comes back exactly", &[], required::streams),
    (
        "of a stream broken off nothing is there",
        &[],
        required::broken_streams,
    ),
    (
        "a stream from a moved head is refused",
        &[],
        required::moved_head_refuses_streams,
    ),
    ("readers see what was committed", &[], required::readers),
    (
        "readers read while records are appended",
        &[],
        required::readers_meanwhile,
    ),
    ("reopening keeps everything", &[], required::reopening_keeps),
    (
        "reopening keeps streams that ended",
        &[],
        required::reopening_keeps_streams,
    ),
    (
        "snapshots are kept, listed and removed",
        SNAPSHOTS,
        optional::snapshots,
    ),
    (
        "big snapshots come back exactly",
        SNAPSHOTS,
        optional::big_snapshots,
    ),
    (
        "snapshots and records keep apart",
        SNAPSHOTS,
        optional::snapshots_keep_apart,
    ),
    (
        "erased records are gone and all others stay",
        ERASING,
        optional::erasing,
    ),
    (
        "reopening keeps what erasing left",
        ERASING,
        optional::reopening_keeps_erased,
    ),
    (
        "a place beyond the head is not erased",
        ERASING,
        optional::erasing_nowhere,
    ),
    (
        "compacting changes no record",
        ALL_PARTS,
        optional::compacting,
    ),
];

/// Runs the suite, each check on a fresh site, and gives what failed. Checks of parts that the site lacks are left out.
pub fn check(fresh: &mut dyn FnMut() -> Box<dyn Site>) -> Vec<String> {
    let mut failures = Vec::new();
    for (name, needs, check) in CHECKS {
        let mut site = fresh();
        if needs.iter().any(|part| site.lacks().contains(part)) {
            continue;
        }
        if let Err(failed) = check(site.as_mut()) {
            failures.push(format!("{name}: {failed}"));
        }
    }
    failures
}

#[cfg(test)]
mod tests;
