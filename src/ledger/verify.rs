//! Verify: what is wrong with a ledger, all of it, and what was not looked at.
//!
//! Reads every byte of every record, goes on after each finding, and says which record, what was expected
//! and what was found. Gives data; the command line prints it.

use super::replay::{CHUNK, Replayed};
use super::signatures::{self, HeldKeys, Required, SignatureError};
use super::snapshot;
use crate::chain::codec;
use crate::chain::record::{HEADER_LEN, Hash, Head, Header, Record, Sealed, payload_digest};
use crate::chain::tree::{TreeHash, leaf_hash};
use crate::domain::event::{Entry, Event, Fact};
use crate::domain::id::{Seq, Subject};
use crate::domain::register::{Register, claimed_times};
use crate::domain::rules;
use crate::domain::when::Instant;
use crate::store::{Store, StoreError, Stored};

/// What no chain can show by itself; a checkpoint that was kept elsewhere can.
pub const CUT_OR_REWRITTEN: &str = "whether the whole history was cut or rewritten: a chain cannot show that; \
     compare it with a checkpoint that was kept elsewhere";

/// What is wrong, by kind. The names are those of `--format json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// The store cannot read a place.
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
    /// Records found.
    pub records: u64,
    /// The head that the records lead to.
    pub head: Head,
    /// The head that was acknowledged.
    pub acknowledged: Head,
    /// The root of the tree of the records found (RFC 6962, over their headers).
    pub root: TreeHash,
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
    /// Whether nothing is wrong, and something was looked at.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty() && self.records > 0
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
/// Only where the store cannot even be asked for its head; all else is a finding.
pub fn verify(store: &impl Store, progress: &mut dyn Progress) -> Result<Verdict, StoreError> {
    let acknowledged = store.head()?;
    let mut examiner = Examiner::new(acknowledged);
    match store.snapshots() {
        Ok(counts) => examiner.snapshots = counts,
        Err(error) => {
            let expected = "the list of snapshots";
            examiner.find(FindingKind::Unreadable, &[], expected, &error.to_string());
        }
    }
    progress.begin(acknowledged.count);
    let mut place = 0;
    // One record waits until the next is there, for that one may tell what to make of it.
    let mut waiting: Option<Stored> = None;
    loop {
        let unreadable = match store.read(place, CHUNK) {
            Ok(chunk) => {
                let Some(last) = chunk.last() else { break };
                place = last.seq + 1;
                for stored in chunk {
                    if let Some(before) = waiting.replace(stored) {
                        let next = waiting.as_ref().map_or(Behind::Unknown, Behind::Record);
                        examiner.examine(&before, next, store);
                    }
                }
                None
            }
            Err(StoreError::Damaged { what, resume }) => Some((what, resume)),
            Err(error) => Some((error.to_string(), None)),
        };
        if let Some((what, resume)) = unreadable {
            if let Some(before) = waiting.take() {
                examiner.examine(&before, Behind::Unknown, store);
            }
            let next = resume.filter(|next| *next > place);
            examiner.skip_unreadable(place, next, &what);
            match next {
                Some(next) => place = next,
                None => break,
            }
        }
        progress.reached(place.min(acknowledged.count));
    }
    if let Some(last) = waiting {
        examiner.examine(&last, Behind::End, store);
    }
    progress.end();
    Ok(examiner.conclude())
}

/// What is known of the record before.
#[derive(Clone, Copy)]
struct Previous {
    link: Hash,
    remaining: u32,
    recorded_at: i64,
    claimed: bool,
}

impl From<&Header> for Previous {
    fn from(header: &Header) -> Self {
        Self {
            link: header.link(),
            remaining: header.remaining,
            recorded_at: header.recorded_at,
            claimed: header.claimed,
        }
    }
}

/// The records of a range, and words for them.
fn range(first: u64, last: u64) -> (Vec<u64>, String) {
    if first == last {
        (vec![first], format!("record {first}"))
    } else {
        (vec![first, last], format!("records {first} to {last}"))
    }
}

/// The name that the ledger was opened under, where its first record can be read.
fn origin_of(register: &Register) -> Option<String> {
    match &register.records().first()?.as_ref()?.recorded().fact {
        Fact::LedgerOpened(fact) => Some(fact.origin.to_string()),
        _ => None,
    }
}

/// The header of a record, where it can be read.
fn header_of(sealed: &Sealed) -> Option<Header> {
    let bytes = sealed.0.first_chunk::<HEADER_LEN>()?;
    Header::from_bytes(bytes).ok()
}

/// What lies behind a record.
enum Behind<'a> {
    /// The next record.
    Record(&'a Stored),
    /// Nothing: it is the last.
    End,
    /// Something that the store cannot read.
    Unknown,
}

/// Goes through the records in the order in which they lie.
struct Examiner {
    acknowledged: Head,
    expected: u64,
    previous: Option<Previous>,
    first_recorded: Option<i64>,
    replayed: Replayed,
    /// Who must sign the batch that is being looked at.
    required: Required,
    held_keys: HeldKeys,
    /// Whether a payload of that batch is gone, so that it is not known who must sign.
    withheld: bool,
    /// Batches whose signatures may be too few, for that reason.
    withheld_batches: usize,
    signatures: u64,
    /// The record from which on the rules cannot be checked, because what came before is not all known.
    rules_lost_at: Option<u64>,
    last_recorded: Option<i64>,
    /// How many records, the first ones, have claimed times.
    claimed: u64,
    gone: Vec<u64>,
    /// Those of them that were not bound as redactable: no redaction excuses them.
    unredactable: Vec<u64>,
    redacted: Vec<u64>,
    irregular: usize,
    /// Records whose rules cannot be checked, because they name one whose payload is gone.
    named_gone: usize,
    snapshots: Vec<u64>,
    snapshots_checked: u64,
    findings: Vec<Finding>,
    records: u64,
    payloads: u64,
    rules: u64,
}

impl Examiner {
    fn new(acknowledged: Head) -> Self {
        Self {
            acknowledged,
            expected: 0,
            previous: None,
            first_recorded: None,
            last_recorded: None,
            claimed: 0,
            replayed: Replayed::nothing(),
            required: Required::default(),
            held_keys: HeldKeys::default(),
            withheld: false,
            withheld_batches: 0,
            signatures: 0,
            rules_lost_at: None,
            gone: Vec::new(),
            unredactable: Vec::new(),
            redacted: Vec::new(),
            irregular: 0,
            named_gone: 0,
            snapshots: Vec::new(),
            snapshots_checked: 0,
            findings: Vec::new(),
            records: 0,
            payloads: 0,
            rules: 0,
        }
    }

    fn find(&mut self, kind: FindingKind, records: &[u64], expected: &str, found: &str) {
        self.findings.push(Finding {
            kind,
            records: records.to_vec(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        });
    }

    fn lose_rules(&mut self, seq: u64) {
        self.rules_lost_at.get_or_insert(seq);
    }

    /// Passes over places that the store cannot read, up to the one where it can again.
    fn skip_unreadable(&mut self, first: u64, next: Option<u64>, what: &str) {
        let end = next.unwrap_or(self.acknowledged.count).max(first + 1);
        let (records, expected) = range(first, end - 1);
        self.find(FindingKind::Unreadable, &records, &expected, what);
        self.lose_rules(first);
        self.expected = self.expected.max(end);
        self.previous = None;
    }

    /// Looks at one record.
    fn examine(&mut self, stored: &Stored, behind: Behind<'_>, store: &impl Store) {
        self.records += 1;
        let record = match Record::open(&stored.sealed) {
            Ok(record) => record,
            Err(error) => return self.skip_malformed(&stored.sealed, &error.to_string()),
        };
        let header = record.header;
        let Some(seq) = self.place(&header, behind) else {
            return;
        };
        self.compare_with_previous(seq, &header);
        let entry = self.open_payload(seq, &record);
        if let Some(entry) = &entry {
            self.irregular += usize::from(entry.event.envelope.irregular.is_some());
            if let Fact::Redacted(fact) = &entry.event.fact
                && fact.record.0 < seq
            {
                self.redacted.push(fact.record.0);
            }
        }
        if let Some(entry) = &entry {
            self.ask_for_signatures(entry, store);
            self.held_keys.apply(&entry.event);
        }
        self.withheld |= record.body.is_none();
        self.replay(seq, &header, entry, record.body.is_none());
        self.compare_signatures(seq, &record);
        // A tree over a history with gaps is nobody's; the finding that made the gap says enough.
        let _ = self.replayed.tree.push(leaf_hash(&header.to_bytes()));
        self.previous = Some(Previous::from(&header));
        if header.claimed && self.claimed == seq {
            self.claimed = seq + 1;
        }
        self.first_recorded.get_or_insert(header.recorded_at);
        self.last_recorded = Some(header.recorded_at);
        self.expected = seq + 1;
        self.replayed.head = Head {
            count: self.expected,
            link: header.link(),
        };
        self.replayed.last_recorded = Instant(header.recorded_at);
        self.compare_snapshot(store);
    }

    /// Bytes that are no record. Where the header can still be read, its link still holds the chain together.
    fn skip_malformed(&mut self, sealed: &Sealed, error: &str) {
        let seq = self.expected;
        self.find(
            FindingKind::Malformed,
            &[seq],
            "a record as docs/format.md has it",
            error,
        );
        self.lose_rules(seq);
        let header = header_of(sealed).filter(|header| header.seq == seq);
        if let Some(header) = header {
            self.compare_with_previous(seq, &header);
        }
        self.previous = header.as_ref().map(Previous::from);
        self.expected = seq + 1;
        self.replayed.head = Head {
            count: self.expected,
            link: header.map_or(Hash::ZERO, |header| header.link()),
        };
    }

    /// Which record this is; none if it is not the one that belongs here.
    fn place(&mut self, header: &Header, behind: Behind<'_>) -> Option<u64> {
        let (expected, says) = (self.expected, header.seq);
        if says == expected {
            return Some(expected);
        }
        let wanted = format!("record {expected}");
        let found = format!("a record that says it is {says}");
        if self.end_link() == Some(header.prev) {
            // It follows its predecessor, so it is the right one with a wrong number.
            self.lose_rules(expected);
            self.find(FindingKind::Misplaced, &[expected], &wanted, &found);
            return Some(expected);
        }
        let exists = says < self.acknowledged.count;
        let next = match behind {
            Behind::Record(stored) => header_of(&stored.sealed).map(|header| header.seq),
            Behind::End => Some(self.acknowledged.count),
            Behind::Unknown => None,
        };
        match next {
            // It stands in the stead of the one that belongs here.
            Some(next) if next == expected + 1 => {
                self.lose_rules(expected);
                let records = [expected, says];
                let records = if exists { &records[..] } else { &records[..1] };
                self.find(FindingKind::Misplaced, records, &wanted, &found);
                self.expected += 1;
                self.previous = None;
                None
            }
            // It stands between two that follow each other, or where it has no place at all. Without it,
            // nothing is amiss.
            next if next == Some(expected) || says < expected || !exists => {
                let record = if exists { says } else { expected };
                self.find(FindingKind::Misplaced, &[record], &wanted, &found);
                None
            }
            _ => {
                self.find_missing(expected, says - 1, &found);
                Some(says)
            }
        }
    }

    fn find_missing(&mut self, first: u64, last: u64, found: &str) {
        let (records, expected) = range(first, last);
        self.find(FindingKind::Missing, &records, &expected, found);
        self.lose_rules(first);
        self.previous = None;
    }

    fn compare_with_previous(&mut self, seq: u64, header: &Header) {
        let Some(previous) = self.previous else {
            if seq == 0 && header.prev != Hash::ZERO {
                let found = header.prev.to_string();
                self.find(FindingKind::Link, &[0], &Hash::ZERO.to_string(), &found);
            }
            return;
        };
        let link = previous.link;
        if link != header.prev {
            self.find(
                FindingKind::Link,
                &[seq.saturating_sub(1), seq],
                &format!("record {seq} to hold the link of the one before: {link}"),
                &header.prev.to_string(),
            );
        }
        if previous.remaining > 0 && header.remaining != previous.remaining - 1 {
            self.find(
                FindingKind::Batch,
                &[seq],
                &format!(
                    "{} more records of its batch after it",
                    previous.remaining - 1
                ),
                &format!("{} more", header.remaining),
            );
        }
        if header.recorded_at < previous.recorded_at {
            self.find(
                FindingKind::Clock,
                &[seq],
                &format!("a time not before {}", Instant(previous.recorded_at)),
                &Instant(header.recorded_at).to_string(),
            );
        }
        if header.claimed && !previous.claimed {
            let expected = "the machine's time: the backfill ended before";
            self.find(FindingKind::Clock, &[seq], expected, "a claimed time");
        }
    }

    /// The entry, if the payload is there and is what was recorded.
    fn open_payload(&mut self, seq: u64, record: &Record) -> Option<Entry> {
        let Some(body) = &record.body else {
            self.gone.push(seq);
            if !record.header.redactable {
                self.unredactable.push(seq);
            }
            return None;
        };
        self.payloads += 1;
        let digest = payload_digest(&body.salt, &body.payload);
        if digest != record.header.payload_digest {
            // What these bytes say is of no account: nobody recorded them.
            self.find(
                FindingKind::Payload,
                &[seq],
                &format!("a payload with the digest {}", record.header.payload_digest),
                &format!("one with the digest {digest}"),
            );
            return None;
        }
        match codec::decode(&body.payload) {
            Ok(event) => Some(Entry {
                seq: Seq(seq),
                recorded_at: Instant(record.header.recorded_at),
                event,
            }),
            Err(error) => {
                let expected = "an event in its one encoding";
                self.find(FindingKind::Encoding, &[seq], expected, &error.to_string());
                None
            }
        }
    }

    /// Checks the rules and folds the entry in, as long as everything before is known.
    fn replay(&mut self, seq: u64, header: &Header, entry: Option<Entry>, gone: bool) {
        if self.rules_lost_at.is_some() {
            return;
        }
        debug_assert_eq!(self.replayed.register.count(), header.seq);
        match entry {
            Some(entry) => {
                if self.names_gone(&entry.event) {
                    self.named_gone += 1;
                } else {
                    self.check_mark(seq, header, &entry.event);
                    self.check_rules(seq, &entry.event);
                }
                self.replayed.register.apply(&entry);
            }
            None if gone => self.replayed.register.apply_missing(),
            None => self.lose_rules(seq),
        }
    }

    /// A record that later ones rest on must not be bound as one that may lose its payload.
    fn check_mark(&mut self, seq: u64, header: &Header, event: &Event) {
        if header.redactable && !rules::is_redactable(&self.replayed.register, event) {
            let found = format!("a {} that is marked as redactable", event.kind());
            let expected = "a mark only on what no rule rests on";
            self.find(FindingKind::Rule, &[seq], expected, &found);
        }
    }

    /// Checks an event against the rules, given all before it.
    fn check_rules(&mut self, seq: u64, event: &Event) {
        self.rules += 1;
        if let Err(rejection) = rules::check(&self.replayed.register, event) {
            let expected = format!("an event that keeps the rule {}", rejection.rule);
            self.find(FindingKind::Rule, &[seq], &expected, &rejection.message);
        }
    }

    /// Whether an event names a record whose payload is gone: the rules would not find that record.
    fn names_gone(&self, event: &Event) -> bool {
        if self.gone.is_empty() {
            return false;
        }
        let mut named = event.references().into_iter();
        named.any(|(_, reference)| match reference.subject() {
            Subject::Record(seq) => self.gone.binary_search(&seq.0).is_ok(),
            Subject::Entity(_) => false,
        })
    }

    /// Notes who must sign for an event, and checks the signature that it carries.
    fn ask_for_signatures(&mut self, entry: &Entry, store: &impl Store) {
        if self.rules_lost_at.is_some() {
            return;
        }
        let register = &self.replayed.register;
        let mut wrong = self.required.add(register, &entry.event).err();
        if let Some(fact) = signatures::acknowledged(&entry.event) {
            self.signatures += 1;
            let link = store
                .read(fact.record.0, 1)
                .ok()
                .and_then(|found| header_of(&found.first()?.sealed).map(|header| header.link()));
            if let Some(link) = link {
                let origin = origin_of(register).unwrap_or_default();
                let outcome = signatures::check_acknowledgement(register, fact, &origin, link);
                wrong = wrong.or(outcome.err());
            }
        }
        if let Some(wrong) = wrong {
            let expected = "a signature that holds";
            self.find(
                FindingKind::Signature,
                &[entry.seq.0],
                expected,
                &wrong.to_string(),
            );
        }
    }

    /// At the end of a batch: whether those signed it who must.
    fn compare_signatures(&mut self, seq: u64, record: &Record) {
        if self.rules_lost_at.is_some() {
            return;
        }
        let expected = "the signatures of the batch's recorders, at its end";
        if record.header.remaining > 0 {
            if !record.signatures.is_empty() {
                let found = SignatureError::Inside.to_string();
                self.find(FindingKind::Signature, &[seq], expected, &found);
            }
            return;
        }
        let mut required = std::mem::take(&mut self.required);
        if std::mem::take(&mut self.withheld) && !self.held_keys.is_empty() {
            self.withheld_batches += 1;
            required.add_signers(&record.signatures, &self.held_keys);
        }
        self.signatures += record.signatures.len() as u64;
        let origin = origin_of(&self.replayed.register).unwrap_or_default();
        for wrong in required.check(&record.signatures, &origin, Head::after(&record.header)) {
            self.find(FindingKind::Signature, &[seq], expected, &wrong.to_string());
        }
    }

    /// Compares the snapshot of the records so far, if there is one, with what they give.
    fn compare_snapshot(&mut self, store: &impl Store) {
        let count = self.expected;
        if self.rules_lost_at.is_some() || !self.snapshots.contains(&count) {
            return;
        }
        self.snapshots_checked += 1;
        let found = match store.snapshot(count) {
            Ok(Some(kept)) if Some(&kept) == snapshot::encode(&self.replayed).as_ref() => return,
            Ok(Some(_)) => "another; it can be dropped".to_owned(),
            Ok(None) => "one that is not whole; it can be dropped".to_owned(),
            Err(error) => error.to_string(),
        };
        let expected = format!("the snapshot of {count} records that replay gives");
        self.find(FindingKind::Snapshot, &[count - 1], &expected, &found);
    }

    /// Snapshots of what this ledger does not hold.
    fn compare_stray_snapshots(&mut self) {
        let end = self.expected.max(self.acknowledged.count);
        for count in std::mem::take(&mut self.snapshots) {
            if count == 0 || count > end {
                let expected = format!("snapshots of 1 to {end} records");
                let found = format!("one of {count}; it can be dropped");
                self.find(FindingKind::Snapshot, &[], &expected, &found);
            }
        }
    }

    /// The link that the records so far lead to; none where the last of them cannot be read.
    fn end_link(&self) -> Option<Hash> {
        match self.previous {
            Some(previous) => Some(previous.link),
            None => (self.expected == 0).then_some(Hash::ZERO),
        }
    }

    /// The end of the chain against what was acknowledged.
    fn compare_head(&mut self) {
        let Head { count, link } = self.acknowledged;
        if self.expected < count {
            let found = match self.expected.checked_sub(1) {
                None => "the end, and no records before it".to_owned(),
                Some(last) => format!("the end, after record {last}"),
            };
            self.find_missing(self.expected, count - 1, &found);
        } else if self.expected > count || self.end_link().is_some_and(|found| found != link) {
            let (expected, found) = (
                self.acknowledged.to_string(),
                self.replayed.head.to_string(),
            );
            self.find(
                FindingKind::Head,
                &[self.expected.saturating_sub(1)],
                &expected,
                &found,
            );
        }
        if let Some(previous) = self.previous
            && previous.remaining > 0
        {
            let expected = format!("{} more records of its batch", previous.remaining);
            let last = self.expected.saturating_sub(1);
            self.find(FindingKind::Batch, &[last], &expected, "the end");
        }
    }

    /// How many records are redacted and have their payloads all the same.
    fn redacted_on_disk(&self) -> usize {
        let mut redacted = self.redacted.clone();
        redacted.sort_unstable();
        redacted.dedup();
        redacted.retain(|seq| self.gone.binary_search(seq).is_err());
        redacted.len()
    }

    /// Payloads may be gone only where a redaction says so.
    fn compare_redactions(&mut self) {
        for seq in std::mem::take(&mut self.gone) {
            if self.unredactable.contains(&seq) {
                let expected = "its payload: it was not recorded as one that may be redacted";
                self.find(FindingKind::PayloadGone, &[seq], expected, "none");
            } else if !self.redacted.contains(&seq) {
                let expected = "its payload, or a later record that redacts it";
                self.find(FindingKind::PayloadGone, &[seq], expected, "neither");
            }
        }
    }

    fn conclude(mut self) -> Verdict {
        self.compare_head();
        let on_disk = self.redacted_on_disk();
        self.compare_redactions();
        self.compare_stray_snapshots();
        let register = &self.replayed.register;
        let mut remarks = Vec::new();
        for (count, what) in [
            (self.irregular, "recorded as irregular, with a reason each"),
            (self.redacted.len(), "redacted"),
        ] {
            if count > 0 {
                remarks.push(format!("{}: {what}", super::plural(count, "record")));
            }
        }
        remarks.extend(claimed_times(self.claimed));
        if on_disk > 0 {
            let (payloads, are) = match on_disk {
                1 => ("1 redacted payload".to_owned(), "is"),
                more => (super::plural(more, "redacted payload"), "are"),
            };
            remarks.push(format!(
                "{payloads} {are} still on the disk: run `servanda redact --finish`"
            ));
        }
        let mut not_checked = vec![
            CUT_OR_REWRITTEN.to_owned(),
            "whether the recording machine's clock was right".to_owned(),
            "whether what was recorded is true".to_owned(),
        ];
        if let Some(seq) = self.rules_lost_at {
            not_checked.insert(
                0,
                format!(
                    "rules and snapshots from record {seq} on: what they rest on cannot be read"
                ),
            );
        }
        if self.named_gone > 0 {
            let records = super::plural(self.named_gone, "record");
            not_checked.insert(
                0,
                format!("rules of {records}: what they name is redacted and its payload gone"),
            );
        }
        if self.withheld_batches > 0 {
            let appends = super::plural(self.withheld_batches, "append");
            not_checked.insert(
                0,
                format!("whether {appends} with redacted payloads lost a signature, and what was redacted there"),
            );
        }
        if self.records == 0 {
            not_checked.insert(0, "anything: there are no records".to_owned());
        }
        self.findings
            .sort_by_key(|finding| finding.records.first().copied());
        let checked = vec![
            Check {
                what: "records: form, order, links, batches, clock",
                count: self.records,
            },
            Check {
                what: "payloads: digest and canonical encoding",
                count: self.payloads,
            },
            Check {
                what: "rules, by replay",
                count: self.rules,
            },
            Check {
                what: "signatures of recorders and parties",
                count: self.signatures,
            },
            Check {
                what: "snapshots, against replay",
                count: self.snapshots_checked,
            },
        ];
        Verdict {
            origin: origin_of(register),
            root: self.replayed.tree.root(),
            records: self.records,
            head: self.replayed.head,
            acknowledged: self.acknowledged,
            first_recorded: self.first_recorded.map(Instant),
            last_recorded: self.last_recorded.map(Instant),
            findings: self.findings,
            checked,
            not_checked,
            remarks,
        }
    }
}

#[cfg(test)]
mod tests;
