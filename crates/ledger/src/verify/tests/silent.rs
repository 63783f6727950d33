//! A place that stops answering: nothing is known of the records then, and nothing is said of them.

use super::*;
use crate::LedgerError;
use crate::anchor;
use servanda_core::chain::tree;
use servanda_log::faulty::{Fault, Faulty};

/// From here on it answers nothing.
const FOR_EVER: u64 = 1 << 40;

/// Does something again and again with a log that stops answering earlier each time, down to the first step. Asserts that it
/// ends with that, and gives how often it was done.
fn each_step<T>(log: MemoryLog, act: impl Fn(&Faulty<MemoryLog>) -> Result<T, LedgerError>) -> u64 {
    let mut log = Faulty::new(log);
    assert!(act(&log).is_ok());
    let steps = log.steps();
    for step in (0..steps).rev() {
        log.fail_times(FOR_EVER, step, Fault::Silent);
        match act(&log) {
            Err(error) => assert!(error.is_unreachable(), "step {step}: {error}"),
            // What has threads may take fewer steps another time.
            Ok(_) => assert!(step + 2 >= steps, "step {step} of {steps}"),
        }
        log.mend();
    }
    steps
}

#[test]
fn a_place_that_stops_answering_is_no_finding() {
    let log = || storied().into_log();
    let checkpoint = |count| {
        let root = tree::root(&Hashes::new(&log(), &[]), count).unwrap();
        Checkpoint::new("example.org/test", count, root).unwrap()
    };
    let (early, now) = (checkpoint(6), checkpoint(13));
    let steps = [
        each_step(log(), |log| Ok(verify(log, &mut Unwatched)?)),
        each_step(log(), |log| Ok(verify_chain(log, &mut Unwatched)?)),
        each_step(log(), |log| Ok(verify_since(log, &early, &mut Unwatched)?)),
        each_step(log(), |log| {
            anchor::compare(&Hashes::new(log, &[]), &now, &early)
        }),
        // A log that grew, as its user saw.
        each_step(log(), |log| {
            anchor::compare(&Hashes::new(log, &[]), &early, &now)
        }),
        each_step(log(), |log| replay_in_full(log, KnownAt::Now)),
    ];
    assert!(steps.iter().all(|steps| *steps > 0), "{steps:?}");
}

/// A damaged log is judged as ever while its place answers; what is damaged and silent is silent.
#[test]
fn damage_is_told_while_the_place_answers() {
    let damaged = || tampered(|records, _| records[7].tamper(|bytes| bytes[40] ^= 1));
    let mut log = Faulty::new(damaged());
    assert!(!verify(&log, &mut Unwatched).unwrap().is_sound());
    log.fail_times(FOR_EVER, 2, Fault::Silent);
    assert!(verify(&log, &mut Unwatched).is_err());
}
