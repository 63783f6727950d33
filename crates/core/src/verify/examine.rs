//! The careful walk: one record after the other, and on after each finding, so that all of them are named.

use super::contents::Contents;
use super::kept::Kept;
use super::placed::{Payload, Placed};
use super::progress::Progress;
use super::subject::{Start, Subject};
use super::verdict::{FindingKind, Verdict, finding_of};
use crate::archive;
use crate::chain::record::{Hash, Head, Header, RecordRef, Sealed};
use crate::chain::tree::leaf_hash;
use crate::chain::walker::{Flaw, Walker};
use crate::ranges::CHUNK;
use crate::records::Stored;

/// Goes through all records from the start on.
pub(super) fn examine(
    subject: &Subject,
    start: Start,
    kept: impl Kept,
    progress: &mut dyn Progress,
) -> Verdict {
    let acknowledged = subject.committed;
    let mut place = start.count();
    let mut examiner = Examiner {
        acknowledged,
        expected: place,
        walker: Some(start.walker),
        contents: Contents::new(subject, kept, start.trusted),
    };
    progress.begin(acknowledged.count);
    // One record waits until the next is there, for that one may tell what to make of it.
    let mut waiting: Option<Stored> = None;
    loop {
        let unreadable = match subject.records.read(place, CHUNK) {
            Ok(chunk) => {
                let Some(last) = chunk.last() else { break };
                place = last.seq + 1;
                for stored in chunk {
                    if let Some(before) = waiting.replace(stored) {
                        let next = waiting.as_ref().map_or(Behind::Unknown, Behind::Record);
                        examiner.examine(&before, next);
                    }
                }
                None
            }
            Err(error) => Some((error.what, error.resume)),
        };
        if let Some((what, resume)) = unreadable {
            if let Some(before) = waiting.take() {
                examiner.examine(&before, Behind::Unknown);
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
        examiner.examine(&last, Behind::End);
    }
    progress.end();
    examiner.conclude()
}

/// The records of a range, and words for them.
fn range(first: u64, last: u64) -> (Vec<u64>, String) {
    if first == last {
        (vec![first], format!("record {first}"))
    } else {
        (vec![first, last], format!("records {first} to {last}"))
    }
}

/// What lies behind a record.
enum Behind<'a> {
    /// The next record.
    Record(&'a Stored),
    /// Nothing: it is the last.
    End,
    /// Something that the log cannot read.
    Unknown,
}

/// Goes through the records in the order in which they lie.
struct Examiner<'s, K> {
    acknowledged: Head,
    expected: u64,
    /// The walk so far; none behind a gap.
    walker: Option<Walker>,
    contents: Contents<'s, K>,
}

impl<K: Kept> Examiner<'_, K> {
    fn find(&mut self, kind: FindingKind, records: &[u64], expected: &str, found: &str) {
        self.contents.find(kind, records, expected, found);
    }

    fn lose_rules(&mut self, seq: u64) {
        self.contents.lose_rules(seq);
    }

    /// Passes over places that the log cannot read, up to the one where it can again.
    fn skip_unreadable(&mut self, first: u64, next: Option<u64>, what: &str) {
        let end = next.unwrap_or(self.acknowledged.count).max(first + 1);
        let (records, expected) = range(first, end - 1);
        self.find(FindingKind::Unreadable, &records, &expected, what);
        self.lose_rules(first);
        self.expected = self.expected.max(end);
        self.walker = None;
    }

    /// Looks at one record.
    fn examine(&mut self, stored: &Stored, behind: Behind<'_>) {
        self.contents.count_record();
        let record = match RecordRef::peek(&stored.sealed.0) {
            Ok(record) => record,
            Err(error) => return self.skip_malformed(&stored.sealed, &error.to_string()),
        };
        let header = &record.header;
        let Some(seq) = self.place(header, behind) else {
            return;
        };
        self.compare_with_previous(seq, header);
        let link = record.link();
        let placed = Placed {
            header,
            link,
            is_signed: record.is_signed(),
            sealed: &stored.sealed.0,
        };
        let content = record.content();
        let is_sound = record.payload_is_sound();
        let read = content.filter(|_| is_sound);
        let read = read.map(|content| archive::entry(header.seq, header.recorded_at, content));
        let payload = match &read {
            Some(Ok(entry)) => Payload::Event(entry),
            Some(Err(error)) => Payload::Nonsense(error),
            None if is_sound => Payload::Gone,
            None => Payload::Foreign,
        };
        self.contents.take(seq, placed, payload);
        // A tree over a history with gaps is nobody's; the finding that made the gap says enough.
        let _ = self.contents.tree().push(leaf_hash(record.header_bytes));
        self.walker = Some(Walker::after(header, link));
        self.expected = seq + 1;
        self.contents.compare_snapshot();
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
        let header = sealed.header().filter(|header| header.seq == seq);
        if let Some(header) = header {
            self.compare_with_previous(seq, &header);
        }
        self.walker = header.map(|header| Walker::after(&header, header.link()));
        self.expected = seq + 1;
        self.contents.pass_to(Head {
            count: self.expected,
            link: header.map_or(Hash::ZERO, |header| header.link()),
        });
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
            Behind::Record(stored) => stored.sealed.header().map(|header| header.seq),
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
                self.walker = None;
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
        self.walker = None;
    }

    /// Compares a header with the record before. Its number was judged by `place`.
    fn compare_with_previous(&mut self, seq: u64, header: &Header) {
        let Some(walker) = self.walker else { return };
        let flaws = walker.flaws(header);
        let flaws = flaws.filter(|flaw| !matches!(flaw, Flaw::Number { .. }));
        let findings = flaws.map(|flaw| finding_of(flaw, seq)).collect();
        self.contents.add(findings);
    }

    /// The link that the records so far lead to; none where the last of them cannot be read.
    fn end_link(&self) -> Option<Hash> {
        self.walker.map(|walker| walker.head().link)
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
                self.contents.head().to_string(),
            );
            self.find(
                FindingKind::Head,
                &[self.expected.saturating_sub(1)],
                &expected,
                &found,
            );
        }
        let remaining = self.walker.map_or(0, |walker| walker.remaining());
        if remaining > 0 {
            let expected = format!("{remaining} more records of its batch");
            let last = self.expected.saturating_sub(1);
            self.find(FindingKind::Batch, &[last], &expected, "the end");
        }
    }

    fn conclude(mut self) -> Verdict {
        self.compare_head();
        let end = self.expected.max(self.acknowledged.count);
        self.contents.conclude(end)
    }
}
