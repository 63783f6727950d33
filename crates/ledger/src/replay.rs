//! Replay: records into a state. Checks the chain on the way and shows nothing from a broken one.

use super::definitions::Definitions;
use super::error::LedgerError;
pub use super::replayed::{KnownAt, Replayed};
use super::threads::Threads;
use super::{records, snapshot};
use servanda_core::chain::record::{Hash, Record, RecordRef};
use servanda_core::chain::walker::Walker;
use servanda_core::event::Entry;
use servanda_core::ranges::{self, CHUNK, Range, Workers as _};
use servanda_core::state::RECORD_LIMIT;
use servanda_core::value::when::Instant;
use servanda_log::Log;

impl Replayed {
    /// Takes in records up to `end` by ranges, as far as they are known and nothing is wrong with them: the rest is to
    /// be looked at one by one.
    fn take_ranges(&mut self, log: &impl Log, end: u64, known_at: KnownAt) {
        let start = self.head.count;
        let end = match known_at {
            KnownAt::Record(last) => end.min(last.0.saturating_add(1)),
            KnownAt::Now | KnownAt::Time(_) => end,
        };
        // Fewer are there before threads are.
        if end.saturating_sub(start) < 2 * CHUNK as u64 {
            return;
        }
        let records = records::of(log);
        let ranges = ranges::ranges(start, end, &[]);
        // Whether all were taken in shows at the end of the whole replay.
        let check = |start, end| Range::check(&*records, (start, end), ranges::entry);
        let _ = Threads.in_order(&ranges, check, |range| {
            let is_known = known_at.includes(range.last.seq, Instant(range.latest));
            let follows = Walker::behind(self.head).continues(&range.first);
            (is_known && follows).then_some(())?;
            self.take_range(range)
        });
    }

    fn take_range(&mut self, range: &Range<Option<Entry>>) -> Option<()> {
        range.add_to(&mut self.tree)?;
        self.head = range.head();
        self.last_recorded = Instant(range.last.recorded_at);
        self.state.just_read(&range.records);
        let records = range.headers.iter().zip(range.records.iter());
        for ((header, stored), entry) in records.zip(&range.payloads) {
            if Definitions::wants(header)
                && let Some(body) = RecordRef::peek(&stored.sealed.0).ok()?.body
            {
                self.definitions.push(header, body.payload);
            }
            match entry {
                None => self.state.apply_missing(),
                Some(entry) => self.state.apply(entry),
            }
            if header.asserted {
                self.state.note_asserted(header.seq + 1);
            }
        }
        Some(())
    }
}

/// Replays a log as it was known at some time, from the newest snapshot that fits.
///
/// # Errors
/// [`LedgerError::Broken`] at the first record that does not fit the chain, [`LedgerError::Short`] where
/// records are missing at the end, [`LedgerError::TooLong`], [`LedgerError::Log`].
pub fn replay(log: &impl Log, known_at: KnownAt) -> Result<Replayed, LedgerError> {
    replay_noting_start(log, known_at).map(|(replayed, _)| replayed)
}

/// As [`replay`], and of how many records the snapshot is that it began with; 0 where it began with none.
pub(super) fn replay_noting_start(
    log: &impl Log,
    known_at: KnownAt,
) -> Result<(Replayed, u64), LedgerError> {
    let start = snapshot::newest(log, known_at)?;
    let start = start.unwrap_or_else(|| Replayed::nothing_of(log));
    let count = start.head.count;
    Ok((continue_from(log, start, known_at)?, count))
}

/// Replays a log without any snapshot.
///
/// # Errors
/// As [`replay`].
pub fn replay_in_full(log: &impl Log, known_at: KnownAt) -> Result<Replayed, LedgerError> {
    continue_from(log, Replayed::nothing_of(log), known_at)
}

/// Replays a log from what was replayed of it before.
///
/// # Errors
/// As [`replay`].
pub(super) fn continue_from(
    log: &impl Log,
    start: Replayed,
    known_at: KnownAt,
) -> Result<Replayed, LedgerError> {
    let acknowledged = log.head()?;
    if acknowledged.count > RECORD_LIMIT {
        return Err(LedgerError::TooLong(acknowledged.count));
    }
    let mut replayed = start;
    replayed.state.archived(acknowledged.count);
    replayed.take_ranges(log, acknowledged.count, known_at);
    one_by_one(log, replayed, known_at)
}

/// Takes in the records one after the other, and names the first that does not fit.
fn one_by_one(log: &impl Log, start: Replayed, known_at: KnownAt) -> Result<Replayed, LedgerError> {
    let acknowledged = log.head()?;
    let mut replayed = start;
    while replayed.head.count < acknowledged.count {
        let next = replayed.head.count;
        let chunk = log.read(next, CHUNK)?;
        if chunk.is_empty() {
            return Err(LedgerError::Short {
                found: next,
                committed: acknowledged.count,
            });
        }
        for stored in chunk {
            let seq = replayed.head.count;
            if seq == acknowledged.count {
                break;
            }
            let record = Record::open(&stored.sealed).map_err(|error| LedgerError::Broken {
                seq,
                what: error.to_string(),
            })?;
            if !known_at.includes(seq, Instant(record.header.recorded_at)) {
                return Ok(replayed);
            }
            replayed.take(&record)?;
        }
    }
    check_end(&replayed, acknowledged.link)?;
    Ok(replayed)
}

/// The last record must be the one that was acknowledged.
fn check_end(replayed: &Replayed, acknowledged: Hash) -> Result<(), LedgerError> {
    if replayed.head.link == acknowledged {
        return Ok(());
    }
    Err(LedgerError::Broken {
        seq: replayed.head.count.saturating_sub(1),
        what: "it is not the record that was acknowledged as the last".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bound, changed, note, opening};
    use servanda_core::chain::codec;
    use servanda_core::chain::record::{HEADER_LEN, Head, Sealed};
    use servanda_core::chain::tree::TreeHash;
    use servanda_core::state::State;
    use servanda_core::value::id::Seq;
    use servanda_log::memory::MemoryLog;

    const BATCH: usize = 600;
    const HOUR: i64 = 3_600_000_000;

    /// More records than are taken in one by one, each batch an hour after the one before.
    fn long() -> MemoryLog {
        let payload = |event| codec::encode(&event).unwrap();
        let mut batches = vec![(0, vec![payload(opening())])];
        for hour in 1..8 {
            let notes = (0..BATCH).map(|nth| payload(note(&format!("{nth} at {hour}"))));
            batches.push((hour * HOUR, notes.collect()));
        }
        bound(&batches)
    }

    type Outcome = Result<(State, Head, Instant, TreeHash), String>;

    fn replays(log: &MemoryLog, known_at: KnownAt) -> [Outcome; 2] {
        let start = || {
            let mut nothing = Replayed::nothing_of(log);
            nothing.state.archived(log.head().unwrap().count);
            nothing
        };
        let by_ranges = continue_from(log, start(), known_at);
        [by_ranges, one_by_one(log, start(), known_at)].map(|replayed| {
            let replayed = replayed.map_err(|error| error.to_string())?;
            assert_eq!(replayed.tree.size(), replayed.head.count);
            let root = replayed.tree.root();
            let last = replayed.last_recorded;
            Ok((replayed.state, replayed.head, last, root))
        })
    }

    #[test]
    fn ranges_come_to_the_same_as_one_by_one() {
        let log = long();
        let count = log.head().unwrap().count;
        for known_at in [
            KnownAt::Now,
            KnownAt::Record(Seq(count - 1)),
            KnownAt::Record(Seq(count - 2)),
            KnownAt::Record(Seq(3 * CHUNK as u64)),
            KnownAt::Record(Seq(u64::MAX)),
            KnownAt::Time(Instant(5 * HOUR)),
            KnownAt::Time(Instant(5 * HOUR - 1)),
            KnownAt::Time(Instant(-1)),
        ] {
            let [by_ranges, one_by_one] = replays(&log, known_at);
            assert!(by_ranges.is_ok());
            assert_eq!(by_ranges, one_by_one, "{known_at:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_as_one_by_one() {
        let flip = |records: &mut Vec<Sealed>, at: usize| {
            records[2_600].tamper(|bytes| bytes[at] ^= 1);
        };
        let tamperings: [fn(&mut Vec<Sealed>); 4] = [
            |records| drop(records.remove(2_600)),
            |records| records.swap(2_600, 2_601),
            // Its last byte is of no length any more.
            |records| records[2_600].tamper(|bytes| bytes.truncate(HEADER_LEN)),
            |records| {
                records[2_600] = changed(&records[2_600], |record| {
                    record.header.recorded_at += 1;
                });
            },
        ];
        let flips = [8, 40, 70, HEADER_LEN + 30].map(|at| {
            let mut records = long().records();
            flip(&mut records, at);
            records
        });
        let others = tamperings.map(|tamper| {
            let mut records = long().records();
            tamper(&mut records);
            records
        });
        for records in flips.into_iter().chain(others) {
            let [by_ranges, one_by_one] = replays(
                &MemoryLog::of(records, long().head().unwrap()),
                KnownAt::Now,
            );
            assert!(by_ranges.is_err());
            assert_eq!(by_ranges, one_by_one);
        }
    }
}
