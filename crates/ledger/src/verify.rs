//! Verifies a log: `servanda_core::verify`, with threads and with the snapshots that the log keeps.

use std::sync::Arc;

use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::chain::record::Header;
use servanda_core::records::ReadError;
use servanda_core::verify::{self, Compared, Kept, Replayed};
use servanda_log::{Log, LogError, SnapshotCache};

use crate::definitions::Definitions;
use crate::records::{Lost, judged, read_error};
use crate::snapshot;
use crate::threads::Threads;

pub use servanda_core::verify::{
    CUT_OR_REWRITTEN, Check, Finding, FindingKind, Outcome, Progress, Unwatched, Verdict,
};

mod start;

/// The snapshots of a log, and the definitions that they hold of the records so far.
struct Snapshots<'a> {
    cache: Option<&'a dyn SnapshotCache>,
    definitions: Definitions,
    lost: Arc<Lost>,
}

impl<'a> Snapshots<'a> {
    fn of(log: &'a impl Log, definitions: Definitions, lost: &Arc<Lost>) -> Self {
        Self {
            cache: log.snapshots(),
            definitions,
            lost: Arc::clone(lost),
        }
    }
}

impl Kept for Snapshots<'_> {
    fn counts(&self) -> Result<Vec<u64>, ReadError> {
        let Some(cache) = self.cache else {
            return Ok(Vec::new());
        };
        self.lost.unless(|| cache.counts().map_err(read_error))
    }

    fn wants(&self, header: &Header) -> bool {
        Definitions::wants(header)
    }

    fn note(&mut self, header: &Header, payload: &[u8]) {
        self.definitions.push(header, payload);
    }

    fn compare(&self, replayed: &Replayed) -> Compared {
        let parts = snapshot::Parts {
            head: replayed.head,
            last_recorded: replayed.last_recorded,
            state: &replayed.state,
            tree: &replayed.tree,
            definitions: &self.definitions,
        };
        let Some(cache) = self.cache else {
            return Compared::Same;
        };
        let load = || cache.load(parts.head.count).map_err(read_error);
        match self.lost.unless(load) {
            Ok(Some(bytes)) if snapshot::is_outdated(&bytes) => Compared::Outdated,
            Ok(Some(bytes)) if snapshot::is_of(&parts, &bytes) => Compared::Same,
            Ok(Some(_)) => Compared::Differs("another; it can be dropped".to_owned()),
            Ok(None) => Compared::Differs("one that is not whole; it can be dropped".to_owned()),
            Err(error) => Compared::Differs(error.to_string()),
        }
    }
}

/// Verifies a ledger.
///
/// # Errors
/// Only where the log cannot give its head, or its place does not answer meanwhile; all else is a finding.
pub fn verify(log: &impl Log, progress: &mut dyn Progress) -> Result<Verdict, LogError> {
    let verdict = judged(log, |subject, lost| {
        let kept = || Snapshots::of(log, Definitions::default(), lost);
        verify::verify(subject, &Threads, kept, progress)
    })?;
    Ok(with_damage(verdict, log))
}

/// Adds the damage for which the log refuses appends, if nothing else was found: it lies outside of the records.
fn with_damage(mut verdict: Verdict, log: &impl Log) -> Verdict {
    if let Some(found) = log.damage().filter(|_| verdict.findings.is_empty()) {
        verdict.findings.push(Finding {
            kind: FindingKind::Unreadable,
            records: Vec::new(),
            expected: "a log that takes appends".to_owned(),
            found,
        });
    }
    verdict
}

/// Verifies the chain, the tree and the digests of the payloads, and not what the payloads say. At the first doubt
/// everything is verified, as by [`verify()`].
///
/// # Errors
/// As [`verify()`].
pub fn verify_chain(log: &impl Log, progress: &mut dyn Progress) -> Result<Verdict, LogError> {
    let found = judged(log, |subject, _| {
        verify::verify_chain(subject, &Threads, progress)
    })?;
    match found {
        Some(sound) => Ok(with_damage(sound, log)),
        None => verify(log, progress),
    }
}

/// Verifies what came after a checkpoint. The records before are taken on its word: it must have been kept elsewhere.
/// If the ledger does not lead through it, or cannot be replayed up to it, all is verified.
///
/// # Errors
/// As [`verify()`].
pub fn verify_since(
    log: &impl Log,
    since: &Checkpoint,
    progress: &mut dyn Progress,
) -> Result<Verdict, LogError> {
    let verified = judged(log, |subject, lost| {
        let start = || {
            let (start, definitions) = start::after(log, since)?;
            Ok::<_, start::NoStart>((start, Snapshots::of(log, definitions, lost)))
        };
        verify::verify_from(subject, &Threads, start, progress)
    })?;
    verified
        .map(|verdict| with_damage(verdict, log))
        .or_else(|why| {
            let mut verdict = verify(log, progress)?;
            let remark =
                format!("all records were verified, not only those since the checkpoint: {why}");
            verdict.remarks.insert(0, remark);
            Ok(verdict)
        })
}

#[cfg(test)]
mod tests;
