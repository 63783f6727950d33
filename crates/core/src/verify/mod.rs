//! Verify: everything that is wrong with a ledger, and what was not checked.
//!
//! Reads every byte of every record, goes on after each finding, and says which record it concerns, what was expected
//! and what was found. The verdict is data.
//!
//! A ledger is sound as a rule, so a fast pass (`fast.rs`) goes first: it checks ranges of records, on several threads
//! where the caller has some. It can say that all is sound and nothing else. At its first doubt it is dropped, and the
//! careful walk (`examine.rs`) goes over all records and names what is wrong. Both give what the records say to
//! `contents.rs`, and so come to the same verdict. `chain.rs` checks the chain alone.
//!
//! ```
//! use std::sync::Arc;
//!
//! use servanda_core::chain::record::Head;
//! use servanda_core::ranges::Sequential;
//! use servanda_core::records::Stored;
//! use servanda_core::verify::{Subject, Unwatched, verify};
//!
//! let records: Vec<Stored> = Vec::new(); // such as those of a raw export
//! let subject = Subject { committed: Head::EMPTY, records: Arc::new(records) };
//! let verdict = verify(&subject, &Sequential, || (), &mut Unwatched);
//! assert!(!verdict.is_sound(), "a ledger has at least its first record");
//! ```

use crate::ranges::Workers;

mod chain;
mod contents;
mod erasable;
mod examine;
mod fast;
mod kept;
mod placed;
mod progress;
mod replayed;
mod signed;
mod subject;
mod verdict;

pub use contents::origin_of;
pub use kept::{Compared, Kept};
pub use progress::{Progress, Unwatched};
pub use replayed::Replayed;
pub use subject::{Start, Subject};
pub use verdict::{CUT_OR_REWRITTEN, Check, Finding, FindingKind, Outcome, Verdict};

/// Verifies a ledger. `kept` gives what is kept beside the records; it is called again where the careful walk begins.
pub fn verify<K: Kept>(
    subject: &Subject,
    workers: &impl Workers,
    kept: impl Fn() -> K,
    progress: &mut dyn Progress,
) -> Verdict {
    let start = || Ok::<_, std::convert::Infallible>((Start::nothing_of(subject), kept()));
    match verify_from(subject, workers, start, progress) {
        Ok(verdict) => verdict,
        Err(never) => match never {},
    }
}

/// Verifies the records behind a start; those before are trusted. `start` is called again where the careful walk begins.
///
/// # Errors
/// Those of `start`.
pub fn verify_from<K: Kept, E>(
    subject: &Subject,
    workers: &impl Workers,
    start: impl Fn() -> Result<(Start, K), E>,
    progress: &mut dyn Progress,
) -> Result<Verdict, E> {
    let (first, kept) = start()?;
    if let Some(sound) = fast::pass(subject, workers, first, kept, progress) {
        return Ok(sound);
    }
    let (first, kept) = start()?;
    Ok(examine::examine(subject, first, kept, progress))
}

/// The two passes of [`verify`], each by itself: the fast one, and the careful walk. For tests, which compare them.
#[cfg(any(test, feature = "testing"))]
pub fn both_passes<K: Kept>(
    subject: &Subject,
    workers: &impl Workers,
    kept: impl Fn() -> K,
) -> (Option<Verdict>, Verdict) {
    let start = || Start::nothing_of(subject);
    let fast = fast::pass(subject, workers, start(), kept(), &mut Unwatched);
    let careful = examine::examine(subject, start(), kept(), &mut Unwatched);
    (fast, careful)
}

/// Verifies the chain, the tree and the digests of the payloads, and not what the payloads say; none at the first doubt.
pub fn verify_chain(
    subject: &Subject,
    workers: &impl Workers,
    progress: &mut dyn Progress,
) -> Option<Verdict> {
    chain::pass(subject, workers, progress)
}
