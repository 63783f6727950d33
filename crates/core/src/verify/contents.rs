//! What the records say: payloads, rules, signatures, redactions, snapshots. Takes in one record after the
//! other, in the order of the chain; whether the chain holds is for others to look at.

use std::sync::Arc;

use super::erasable::{demanded, header_of};
use super::kept::{Compared, Kept};
use super::placed::{Payload, Placed};
use super::replayed::Replayed;
use super::signed::Signed;
use super::subject::Subject;
use super::verdict::{BEYOND_A_CHAIN, Check, Finding, FindingKind, Verdict};
use crate::chain::codec::CodecError;
use crate::chain::record::{Head, Header, Malformed, payload_digest};
use crate::chain::tree::Tiled;
use crate::event::{Change, Entry, Event, Fact, Kind};
use crate::records::Stored;
use crate::rules;
use crate::signatures::SignatureError;
use crate::state::{Asked, Named, State, Unreadable, asserted_times};
use crate::value::id::Seq;
use crate::value::when::Instant;
use crate::words::plural;

/// Newest records that the state keeps as they were decoded, and up to twice as many: what is corrected was mostly
/// recorded just before.
const AT_HAND: u64 = 1024;

/// The name that the ledger was opened under, where its first record can be read.
pub fn origin_of(state: &State) -> Option<String> {
    match &state.held(Seq(0))?.recorded().fact {
        Fact::LedgerOpened(fact) => Some(fact.origin.to_string()),
        _ => None,
    }
}

/// Checks what the records say, and draws the verdict.
pub(super) struct Contents<'s, K> {
    subject: &'s Subject,
    kept: K,
    first_recorded: Option<i64>,
    replayed: Replayed,
    signed: Signed,
    /// The record from which on the rules cannot be checked, because what came before is not all known.
    rules_lost_at: Option<u64>,
    last_recorded: Option<i64>,
    /// How many records, the first ones, have asserted times.
    asserted: u64,
    /// How many records, the first ones, are not looked at but taken on the word of a checkpoint.
    trusted: u64,
    gone: Vec<u64>,
    /// Those of them that were not bound as erasable: no redaction excuses them.
    not_erasable: Vec<u64>,
    redacted: Vec<u64>,
    irregular: usize,
    /// Corrections, retractions and redactions of records whose payloads are gone.
    about_gone: usize,
    snapshots: Vec<u64>,
    snapshots_checked: u64,
    snapshots_outdated: usize,
    findings: Vec<Finding>,
    records: u64,
    payloads: u64,
    rules: u64,
}

impl<'s, K: Kept> Contents<'s, K> {
    /// Nothing taken in yet but what is trusted. The list of the snapshots is read.
    pub(super) fn new(subject: &'s Subject, kept: K, trusted: Replayed) -> Self {
        let count = trusted.head.count;
        let counts = kept.counts();
        let mut contents = Self {
            subject,
            kept,
            first_recorded: None,
            last_recorded: None,
            asserted: trusted.state.asserted(),
            signed: Signed::after(origin_of(&trusted.state), &trusted.state),
            replayed: trusted,
            trusted: count,
            rules_lost_at: None,
            gone: Vec::new(),
            not_erasable: Vec::new(),
            redacted: Vec::new(),
            irregular: 0,
            about_gone: 0,
            snapshots: Vec::new(),
            snapshots_checked: 0,
            snapshots_outdated: 0,
            findings: Vec::new(),
            records: 0,
            payloads: 0,
            rules: 0,
        };
        match counts {
            Ok(mut counts) => {
                // What is trusted rests on the earlier ones.
                counts.retain(|kept| *kept > count || *kept == 0);
                contents.snapshots = counts;
            }
            Err(error) => {
                let expected = "the list of snapshots";
                contents.find(FindingKind::Unreadable, &[], expected, &error.to_string());
            }
        }
        contents
    }

    /// Takes in the next record, whose link and payload were looked at. Its leaf is for the caller to add to the
    /// tree.
    pub(super) fn take(&mut self, seq: u64, record: Placed<'_>, payload: Payload<'_>) {
        let gone = matches!(payload, Payload::Gone);
        let entry = self.open_payload(seq, record, payload);
        if let Some(entry) = entry {
            if entry.event.kind().spec().change == Some(Change::Redacts)
                && record.header.target < seq
            {
                self.redacted.push(record.header.target);
            }
            self.irregular += usize::from(entry.event.envelope.irregular.is_some());
        }
        let header = record.header;
        self.check_erasable(seq, header);
        if gone {
            self.signed.withhold();
        }
        self.replay(seq, header, entry, gone);
        if self.kept.wants(header)
            && let Some(body) = record.body()
        {
            self.kept.note(header, body.payload);
        }
        let head = Head {
            count: seq + 1,
            link: record.link,
        };
        self.compare_signatures(seq, record, head);
        if header.asserted && self.asserted == seq {
            self.asserted = seq + 1;
            self.replayed.state.note_asserted(self.asserted);
        }
        if seq.is_multiple_of(AT_HAND) {
            // The others are read from the log, where they lie.
            self.replayed.state.archived(seq.saturating_sub(AT_HAND));
        }
        self.first_recorded.get_or_insert(header.recorded_at);
        self.last_recorded = Some(header.recorded_at);
        self.replayed.head = head;
        self.replayed.last_recorded = Instant(header.recorded_at);
    }

    /// Reads the first `count` records again where they are asked for, and keeps none of them: they are known to be there.
    pub(super) fn read_again(&mut self, count: u64) {
        self.replayed.state.archived(count);
    }

    /// Takes note of records that were just read, and are about to be taken in.
    pub(super) fn just_read(&self, records: &Arc<Vec<Stored>>) {
        self.replayed.state.just_read(records);
    }

    /// The tree of the records taken in, to be kept up by the caller.
    pub(super) fn tree(&mut self) -> &mut Tiled {
        &mut self.replayed.tree
    }

    /// The head that the records lead to.
    pub(super) fn head(&self) -> Head {
        self.replayed.head
    }

    /// Passes over a record that cannot be taken in, to the head after it.
    pub(super) fn pass_to(&mut self, head: Head) {
        self.replayed.head = head;
    }

    /// The counts of records for which there are snapshots.
    pub(super) fn snapshots(&self) -> &[u64] {
        &self.snapshots
    }

    /// Whether nothing is wrong so far.
    pub(super) fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// Counts a record, whatever is to be said of it.
    pub(super) fn count_record(&mut self) {
        self.records += 1;
    }

    pub(super) fn find(&mut self, kind: FindingKind, records: &[u64], expected: &str, found: &str) {
        self.findings.push(Finding {
            kind,
            records: records.to_vec(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        });
    }

    pub(super) fn add(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
    }

    /// From this record on the rules cannot be checked.
    pub(super) fn lose_rules(&mut self, seq: u64) {
        self.rules_lost_at.get_or_insert(seq);
    }

    /// The entry, if the payload is there and is what was recorded.
    fn open_payload<'p>(
        &mut self,
        seq: u64,
        record: Placed<'_>,
        payload: Payload<'p>,
    ) -> Option<&'p Entry> {
        self.payloads += u64::from(!matches!(payload, Payload::Gone));
        match payload {
            Payload::Event(entry) => Some(entry),
            Payload::Gone => {
                self.gone.push(seq);
                if record.header.kind().is_none() {
                    let found = CodecError::Kind(record.header.kind).to_string();
                    let expected = "an event of a known kind";
                    self.find(FindingKind::Encoding, &[seq], expected, &found);
                }
                if !record.header.erasable {
                    self.not_erasable.push(seq);
                }
                None
            }
            Payload::Nonsense(error) => {
                let expected = "an event in its one encoding";
                self.find(FindingKind::Encoding, &[seq], expected, &error.to_string());
                None
            }
            Payload::Foreign => {
                let body = record.body()?;
                let expected = record.header.payload_digest;
                let found = payload_digest(body.salt, body.payload);
                self.find(
                    FindingKind::Payload,
                    &[seq],
                    &format!("a payload with the digest {expected}"),
                    &format!("one with the digest {found}"),
                );
                None
            }
        }
    }

    /// Checks the rules and folds the entry in, as long as everything before is known.
    fn replay(&mut self, seq: u64, header: &Header, entry: Option<&Entry>, gone: bool) {
        if self.rules_lost_at.is_some() {
            return;
        }
        debug_assert_eq!(self.replayed.state.count(), header.seq);
        match entry {
            Some(entry) => {
                let fault = self.check_keys(seq, &entry.event);
                let named = self.replayed.state.named(&entry.event);
                self.check_rules(seq, &entry.event, &named, fault);
                self.replayed.state.apply_named(entry, &named);
            }
            None if gone => self.replayed.state.apply_missing(),
            None => self.lose_rules(seq),
        }
    }

    /// Checks the flag of a header whose payload can be erased where that of its target can. All that takes no other
    /// record is checked where the header is read.
    fn check_erasable(&mut self, seq: u64, header: &Header) {
        let Some(kind) = header.kind() else { return };
        let demanded = demanded(seq, header, |target| self.kind_of(target));
        if let Some(erasable) = demanded.filter(|erasable| header.erasable != *erasable) {
            let expected = Malformed::Erasable { kind, erasable }.to_string();
            let erasable = header.erasable;
            let found = Malformed::Erasable { kind, erasable }.to_string();
            self.find(FindingKind::Malformed, &[seq], &expected, &found);
        }
    }

    /// The kind of an earlier record, whose payload may be gone: none where its header cannot be read, and none in it where
    /// a later version of servanda brought the kind.
    fn kind_of(&self, record: u64) -> Option<Option<Kind>> {
        let known = self.replayed.state.kind(Seq(record));
        if known.is_some() && self.rules_lost_at.is_none() {
            return Some(known);
        }
        Some(header_of(&*self.subject.records, record)?.kind())
    }

    /// Checks an event against the rules, given all before it. What they say of its fault with keys is said already.
    fn check_rules(
        &mut self,
        seq: u64,
        event: &Event,
        named: &Named<'_>,
        fault: Option<SignatureError>,
    ) {
        self.rules += 1;
        let about = event.target();
        let is_gone = about.is_some_and(|about| about.0 < seq && self.is_gone(about.0));
        self.about_gone += usize::from(is_gone);
        let told = fault.as_ref().map_or(&[][..], SignatureError::rules);
        if let Err(rejection) = rules::check_named(Asked::new(&self.replayed.state, named), event)
            && !told.contains(&rejection.rule)
        {
            let expected = format!("an event that keeps the rule {}", rejection.rule);
            self.find(FindingKind::Rule, &[seq], &expected, &rejection.message);
        }
    }

    /// Whether the payload of an earlier record is gone.
    fn is_gone(&self, seq: u64) -> bool {
        if seq < self.trusted {
            return self.replayed.state.held(Seq(seq)).is_none();
        }
        self.gone.binary_search(&seq).is_ok()
    }

    /// Notes who must sign for an event, and checks its keys and the signature that it carries.
    fn check_keys(&mut self, seq: u64, event: &Event) -> Option<SignatureError> {
        let records = &*self.subject.records;
        let outcome = self.signed.take(seq, event, |at| header_of(records, at));
        let fault = outcome.err()?;
        let expected = "a signature that holds, with a key that may sign";
        self.find(FindingKind::Signature, &[seq], expected, &fault.to_string());
        Some(fault)
    }

    /// At the end of a batch: whether those signed it who must.
    fn compare_signatures(&mut self, seq: u64, record: Placed<'_>, head: Head) {
        if self.rules_lost_at.is_some() {
            return;
        }
        let expected = "the signatures of the batch's recorders, at its end";
        for wrong in self.signed.compare(&record, head) {
            self.find(FindingKind::Signature, &[seq], expected, &wrong.to_string());
        }
    }

    /// Compares the snapshot of the records so far, if there is one, with what they give.
    pub(super) fn compare_snapshot(&mut self) {
        let count = self.replayed.head.count;
        if self.rules_lost_at.is_some() || !self.snapshots.contains(&count) {
            return;
        }
        let compared = self.kept.compare(&self.replayed);
        if compared == Compared::Outdated {
            self.snapshots_outdated += 1;
            return;
        }
        self.snapshots_checked += 1;
        if let Compared::Differs(found) = compared {
            let expected = format!("the snapshot of {count} records that replay gives");
            self.find(FindingKind::Snapshot, &[count - 1], &expected, &found);
        }
    }

    /// Snapshots of what this ledger does not hold.
    fn compare_stray_snapshots(&mut self, end: u64) {
        for count in std::mem::take(&mut self.snapshots) {
            if count == 0 || count > end {
                let expected = format!("snapshots of 1 to {end} records");
                let found = format!("one of {count}; it can be dropped");
                self.find(FindingKind::Snapshot, &[], &expected, &found);
            }
        }
    }

    /// How many records are redacted and have their payloads all the same.
    fn redacted_on_disk(&self) -> usize {
        let kept = self.redacted.iter().filter(|seq| !self.is_gone(**seq));
        kept.count()
    }

    /// A record that the rules looked at, and that could not be read a second time. Where other things are wrong,
    /// those say more.
    fn tell_unreadable(&mut self) {
        if let Some(Unreadable { seq, why }) = self.replayed.state.unreadable().cloned()
            && self.is_sound()
        {
            let expected = "the record that was read before";
            self.find(FindingKind::Unreadable, &[seq.0], expected, &why.what);
        }
    }

    /// Payloads may be gone only where a redaction says so.
    fn compare_redactions(&mut self) {
        for seq in std::mem::take(&mut self.gone) {
            if self.not_erasable.binary_search(&seq).is_ok() {
                let expected = "its payload: its header says that it cannot be erased";
                self.find(FindingKind::PayloadGone, &[seq], expected, "none");
            } else if self.redacted.binary_search(&seq).is_err() {
                let expected = "its payload, or a later record that redacts it";
                self.find(FindingKind::PayloadGone, &[seq], expected, "neither");
            }
        }
    }

    /// The verdict on a ledger of which `end` places were seen.
    pub(super) fn conclude(mut self, end: u64) -> Verdict {
        let redacted = self.redacted.len();
        self.redacted.sort_unstable();
        self.redacted.dedup();
        let unfinished_erasures = self.redacted_on_disk();
        let remarks = self.remarks(redacted, unfinished_erasures);
        self.tell_unreadable();
        self.compare_redactions();
        self.compare_stray_snapshots(end);
        self.findings
            .sort_by_key(|finding| finding.records.first().copied());
        Verdict {
            origin: origin_of(&self.replayed.state),
            root: self.replayed.tree.root(),
            tiles: if self.findings.is_empty() {
                self.replayed.tree.tiles().to_vec()
            } else {
                Vec::new()
            },
            records: self.records,
            trusted: self.trusted,
            head: self.replayed.head,
            acknowledged: self.subject.committed,
            first_recorded: self.first_recorded.map(Instant),
            last_recorded: self.last_recorded.map(Instant),
            unfinished_erasures,
            checked: self.checked(),
            not_checked: self.not_checked(),
            findings: self.findings,
            remarks,
        }
    }

    /// What is worth knowing and not wrong.
    fn remarks(&self, redacted: usize, on_disk: usize) -> Vec<String> {
        let mut remarks = Vec::new();
        for (count, what) in [
            (self.irregular, "recorded as irregular, with a reason each"),
            (redacted, "redacted"),
        ] {
            if count > 0 {
                remarks.push(format!("{}: {what}", plural(count, "record")));
            }
        }
        remarks.extend(asserted_times(self.asserted));
        match on_disk {
            0 => {}
            1 => remarks.push("1 redacted payload is still on the disk".to_owned()),
            more => {
                let payloads = plural(more, "redacted payload");
                remarks.push(format!("{payloads} are still on the disk"));
            }
        }
        remarks
    }

    /// What was checked, and how many of each.
    fn checked(&self) -> Vec<Check> {
        let check = |what, count| Check { what, count };
        vec![
            check("records: form, order, links, batches, clock", self.records),
            check("payloads: digest and canonical encoding", self.payloads),
            check("rules, by replay", self.rules),
            check("signatures of recorders and parties", self.signed.checked),
            check("snapshots, against replay", self.snapshots_checked),
        ]
    }

    /// What was not checked, and why.
    fn not_checked(&self) -> Vec<String> {
        let mut all = Vec::new();
        if self.trusted > 0 {
            let trusted = usize::try_from(self.trusted).unwrap_or(usize::MAX);
            let records = plural(trusted, "record");
            all.push(format!(
                "the first {records}: they are taken on the word of the checkpoint"
            ));
            all.push(format!(
                "what later rules rest on in the first {records}: it is taken from snapshots and replay"
            ));
        } else if self.records == 0 {
            all.push("anything: there are no records".to_owned());
        }
        if self.snapshots_outdated > 0 {
            let snapshots = plural(self.snapshots_outdated, "snapshot");
            all.push(format!(
                "{snapshots} of an older version of servanda: they are not used"
            ));
        }
        if self.signed.withheld_batches > 0 {
            let appends = plural(self.signed.withheld_batches, "append");
            all.push(format!("whether {appends} with redacted payloads lost a signature, and what was redacted there"));
        }
        if self.about_gone > 0 {
            let records = plural(self.about_gone, "record");
            all.push(format!(
                "rules of {records} about what is corrected, retracted or redacted: its payload is gone"
            ));
        }
        if let Some(seq) = self.rules_lost_at {
            all.push(format!(
                "rules and snapshots from record {seq} on: what they rest on cannot be read"
            ));
        }
        all.extend(BEYOND_A_CHAIN.map(str::to_owned));
        all
    }
}
