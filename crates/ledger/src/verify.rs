//! Verify: what is wrong with a ledger, all of it, and what was not looked at.
//!
//! Reads every byte of every record, goes on after each finding, and says which record, what was expected
//! and what was found. Gives data; the command line prints it.
//!
//! A ledger is sound as a rule, so a fast pass (`fast.rs`) looks first: by ranges, on all processors. It can say that
//! all is sound and nothing else. At its first doubt it is dropped, and the careful walk (`examine.rs`) goes over
//! everything and names what is wrong. Both give what the records say to the same `contents.rs`, and so the same
//! verdict. Whoever asks only whether the records are those that were recorded gets an answer from `chain.rs`.

use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::chain::record::{HEADER_LEN, Head, Header, Sealed};
use servanda_core::chain::tree::TreeHash;
use servanda_core::chain::walker::Flaw;
use servanda_core::value::when::Instant;
use servanda_log::{Log, LogError};
use start::Start;

mod chain;
mod contents;
mod examine;
mod fast;
mod start;

/// What no chain can show by itself; a checkpoint that was kept elsewhere can.
pub const CUT_OR_REWRITTEN: &str = "whether the whole history was cut or rewritten: a chain cannot show that; \
     compare it with a checkpoint that was kept elsewhere";

/// All that no chain can show, however it is verified.
const BEYOND_A_CHAIN: [&str; 3] = [
    CUT_OR_REWRITTEN,
    "whether the recording machine's clock was right",
    "whether what was recorded is true",
];

/// What is wrong, by kind. The names are those of `--format json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// The log cannot read a place.
    Unreadable,
    /// Bytes are not those of a record.
    Malformed,
    /// A record is not there.
    Missing,
    /// A record is not where it should be, or stands twice.
    Misplaced,
    /// Two neighbours do not fit: one of them was changed.
    Link,
    /// The end of the chain is not the one acknowledged.
    Head,
    /// A payload is not the one that its header vouches for.
    Payload,
    /// A payload is gone, and no redaction names its record.
    PayloadGone,
    /// A payload does not decode, or is not in its one encoding.
    Encoding,
    /// A batch is not whole.
    Batch,
    /// A record is dated before its predecessor, or its time is claimed after the backfill ended.
    Clock,
    /// A record breaks a rule and is not marked irregular.
    Rule,
    /// A snapshot is not what replay gives.
    Snapshot,
    /// A signature is missing, or does not hold.
    Signature,
    /// The ledger does not lead through a checkpoint that was kept elsewhere.
    Anchor,
}

impl FindingKind {
    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Malformed => "malformed",
            Self::Missing => "missing",
            Self::Misplaced => "misplaced",
            Self::Link => "link",
            Self::Head => "head",
            Self::Payload => "payload",
            Self::PayloadGone => "payload-gone",
            Self::Encoding => "encoding",
            Self::Batch => "batch",
            Self::Clock => "clock",
            Self::Rule => "rule",
            Self::Snapshot => "snapshot",
            Self::Signature => "signature",
            Self::Anchor => "anchor",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// The records it concerns: both neighbours of a broken link; the first and last of a gap.
    pub records: Vec<u64>,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub what: &'static str,
    /// How many of them.
    pub count: u64,
}

/// The verdict on a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The name that the ledger was opened under, where its first record can be read.
    pub origin: Option<String>,
    /// Records found; where some are trusted, after those.
    pub records: u64,
    /// How many records, the first ones, were not looked at but taken on the word of a checkpoint.
    pub trusted: u64,
    /// The head that the records lead to.
    pub head: Head,
    /// The head that was acknowledged.
    pub acknowledged: Head,
    /// The root of the tree of the records found (RFC 6962, over their headers).
    pub root: TreeHash,
    /// The roots of the tiles of that tree, for comparisons with checkpoints; none where anything is wrong.
    pub tiles: Vec<TreeHash>,
    /// When the first record was recorded.
    pub first_recorded: Option<Instant>,
    /// When the last record was recorded.
    pub last_recorded: Option<Instant>,
    /// What is wrong, in the order of the records.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub checked: Vec<Check>,
    /// What was not, and why.
    pub not_checked: Vec<String>,
    /// What is worth knowing and not wrong: irregular records, redactions.
    pub remarks: Vec<String>,
}

impl Verdict {
    /// Whether nothing is wrong, and there is something.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty() && self.trusted + self.records > 0
    }
}

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

/// Verifies a ledger.
///
/// # Errors
/// Only where the log cannot even be asked for its head; all else is a finding.
pub fn verify(log: &impl Log, progress: &mut dyn Progress) -> Result<Verdict, LogError> {
    let acknowledged = log.head()?;
    let fast = fast::pass(log, Start::nothing(log), acknowledged, progress);
    Ok(fast.unwrap_or_else(|| examine::examine(log, Start::nothing(log), acknowledged, progress)))
}

/// Verifies the chain, the tree and the payloads' digests, and not what the payloads say. At the first doubt everything
/// is verified, as by [`verify`].
///
/// # Errors
/// As [`verify`].
pub fn verify_chain(log: &impl Log, progress: &mut dyn Progress) -> Result<Verdict, LogError> {
    match chain::pass(log, log.head()?, progress) {
        Some(sound) => Ok(sound),
        None => verify(log, progress),
    }
}

/// Verifies what came after a checkpoint. The records before are taken on its word: it must have been kept
/// elsewhere. Where the ledger does not lead through it, or cannot be replayed up to it, all is verified.
///
/// # Errors
/// As [`verify`].
pub fn verify_since(
    log: &impl Log,
    since: &Checkpoint,
    progress: &mut dyn Progress,
) -> Result<Verdict, LogError> {
    let acknowledged = log.head()?;
    let start = || Start::after(log, since);
    let verified = start().and_then(
        |first| match fast::pass(log, first, acknowledged, progress) {
            Some(sound) => Ok(sound),
            None => start().map(|start| examine::examine(log, start, acknowledged, progress)),
        },
    );
    verified.or_else(|why| {
        let mut verdict = verify(log, progress)?;
        let remark =
            format!("all records were verified, not only those since the checkpoint: {why}");
        verdict.remarks.insert(0, remark);
        Ok(verdict)
    })
}

/// The finding for a flaw of record `seq` as the successor of the record before.
fn finding_of(flaw: Flaw, seq: u64) -> Finding {
    let (kind, records, expected, found) = match flaw {
        Flaw::Number { expected, says } => (
            FindingKind::Misplaced,
            vec![seq],
            format!("record {expected}"),
            format!("a record that says it is {says}"),
        ),
        Flaw::Link { expected, found } if seq == 0 => (
            FindingKind::Link,
            vec![0],
            expected.to_string(),
            found.to_string(),
        ),
        Flaw::Link { expected, found } => (
            FindingKind::Link,
            vec![seq - 1, seq],
            format!("record {seq} to hold the link of the one before: {expected}"),
            found.to_string(),
        ),
        Flaw::Batch { expected, found } => (
            FindingKind::Batch,
            vec![seq],
            format!("{expected} more records of its batch after it"),
            format!("{found} more"),
        ),
        Flaw::Clock { not_before, found } => (
            FindingKind::Clock,
            vec![seq],
            format!("a time not before {}", Instant(not_before)),
            Instant(found).to_string(),
        ),
        Flaw::Asserted => (
            FindingKind::Clock,
            vec![seq],
            "the machine's time: the backfill ended before".to_owned(),
            "a claimed time".to_owned(),
        ),
    };
    Finding {
        kind,
        records,
        expected,
        found,
    }
}

/// The header of a record, where it can be read.
fn header_of(sealed: &Sealed) -> Option<Header> {
    let bytes = sealed.0.first_chunk::<HEADER_LEN>()?;
    Header::from_bytes(bytes).ok()
}

#[cfg(test)]
mod tests;
