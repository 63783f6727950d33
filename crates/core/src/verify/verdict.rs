//! The verdict on a ledger, as data.

use crate::chain::record::Head;
use crate::chain::tree::TreeHash;
use crate::chain::walker::Flaw;
use crate::value::when::Instant;

/// What no chain can show by itself; a checkpoint that was kept elsewhere can.
pub const CUT_OR_REWRITTEN: &str = "whether the whole history was cut or rewritten: a chain cannot show that; \
     compare it with a checkpoint that was kept elsewhere";

/// All that no chain can show, however it is verified.
pub(super) const BEYOND_A_CHAIN: [&str; 3] = [
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
    /// A record is dated before its predecessor, or its time is asserted after the backfill ended.
    Clock,
    /// A record breaks a rule and is not marked irregular.
    Rule,
    /// A snapshot is not what replay gives.
    Snapshot,
    /// A signature is missing, or does not hold.
    Signature,
    /// The ledger does not lead through a checkpoint that was kept elsewhere.
    Anchor,
    /// A document beside the ledger is not the one whose digest its source gives.
    Document,
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
            Self::Document => "document",
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
    /// How many payloads were redacted and are still there.
    pub unfinished_erasures: usize,
    /// What is worth knowing and not wrong: irregular records, redactions.
    pub remarks: Vec<String>,
}

/// What a verdict comes to. `docs/format.md` has the exit code of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is wrong, and there is something.
    Sound,
    /// Nothing but signatures is wrong.
    BadSignature,
    /// Anything else is wrong, or there is nothing.
    Broken,
}

impl Verdict {
    /// Whether nothing is wrong, and there is something.
    pub fn is_sound(&self) -> bool {
        self.outcome() == Outcome::Sound
    }

    /// What it comes to.
    pub fn outcome(&self) -> Outcome {
        let is_signature = |finding: &Finding| finding.kind == FindingKind::Signature;
        if self.trusted + self.records == 0 || !self.findings.iter().all(is_signature) {
            Outcome::Broken
        } else if self.findings.is_empty() {
            Outcome::Sound
        } else {
            Outcome::BadSignature
        }
    }
}

/// The finding for a flaw of record `seq` as the successor of the record before.
pub(super) fn finding_of(flaw: Flaw, seq: u64) -> Finding {
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
            "an asserted time".to_owned(),
        ),
    };
    Finding {
        kind,
        records,
        expected,
        found,
    }
}
