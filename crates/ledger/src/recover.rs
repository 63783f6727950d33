//! Recover: what still verifies of a damaged ledger, into a new one.
//!
//! The links of a chain prove a record only together with all before it. So what a new ledger takes over, byte for byte,
//! is the beginning: every record up to the last whole batch before the first one that does not verify. Checkpoints,
//! proofs and signatures of that part go on holding. Records behind the damage may be whole as well, but nothing ties
//! them to the beginning any more: they are handed to the caller one by one, to be looked at by people and perhaps
//! imported again, and the rest is named as gone.

use std::collections::BTreeSet;

use servanda_core::archive;
use servanda_core::chain::codec;
use servanda_core::chain::record::{Head, Record, Sealed};
use servanda_core::chain::walker::Walker;
use servanda_core::event::{Entry, Kind};
use servanda_core::ranges::CHUNK;
use servanda_log::{Aborted, AppendError, BatchSource, Log, LogError, Stored};

/// Records that cannot be recovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The first of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
    /// What is wrong with them.
    pub why: String,
}

/// What there is to recover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The head that was committed.
    pub committed: Head,
    /// The head of the sound beginning.
    pub sound: Head,
    /// Records behind it that are whole, but that nothing ties to it.
    pub loose: u64,
    /// Those that are lost.
    pub gone: Vec<Gone>,
}

impl Survey {
    /// Whether nothing is damaged.
    pub fn is_whole(&self) -> bool {
        self.sound == self.committed
    }
}

/// Looks at all of a damaged log, and hands over each record behind the damage that is whole.
///
/// # Errors
/// What the log says where it cannot even be asked for its head, and what `loose` fails with.
pub fn survey<E: From<LogError>>(
    log: &impl Log,
    mut loose: impl FnMut(&Entry) -> Result<(), E>,
) -> Result<Survey, E> {
    let committed = log.head()?;
    let sound = beginning(log, committed);
    let mut survey = Survey {
        committed,
        sound,
        loose: 0,
        gone: Vec::new(),
    };
    let mut next = sound.count;
    walk(log, sound.count, committed.count, |found| {
        let (record, why) = match found {
            Found::Record(stored) => (stored.seq, whole(stored)),
            Found::Nothing(last, why) => {
                note_gone(&mut survey.gone, next, last, why);
                next = last + 1;
                return Ok(true);
            }
        };
        if record > next {
            note_gone(&mut survey.gone, next, record - 1, "missing");
        }
        next = record + 1;
        match why {
            Ok(entry) => {
                survey.loose += 1;
                loose(&entry)?;
            }
            Err(why) => note_gone(&mut survey.gone, record, record, &why),
        }
        Ok::<bool, E>(true)
    })?;
    Ok(survey)
}

fn note_gone(gone: &mut Vec<Gone>, first: u64, last: u64, why: &str) {
    match gone.last_mut() {
        Some(before) if before.last + 1 == first && before.why == why => before.last = last,
        _ => gone.push(Gone {
            first,
            last,
            why: why.to_owned(),
        }),
    }
}

/// What lies at a place.
enum Found<'a> {
    Record(&'a Stored),
    /// Nothing that can be read, up to and with this place, and why.
    Nothing(u64, &'a str),
}

/// Goes through the places of a log from one on, as long as `visit` says so.
fn walk<E>(
    log: &impl Log,
    from: u64,
    end: u64,
    mut visit: impl FnMut(Found<'_>) -> Result<bool, E>,
) -> Result<(), E> {
    let mut place = from;
    while place < end {
        let (next, why) = match log.read(place, CHUNK) {
            Ok(chunk) if chunk.is_empty() => (end, "missing: the log ends before".to_owned()),
            Ok(chunk) => {
                for stored in chunk.iter().take_while(|stored| stored.seq < end) {
                    if !visit(Found::Record(stored))? {
                        return Ok(());
                    }
                    place = stored.seq + 1;
                }
                if chunk.iter().any(|stored| stored.seq >= end) {
                    place = end;
                }
                continue;
            }
            Err(LogError::Damaged { what, resume }) => (resume.unwrap_or(end).min(end), what),
            Err(error) => (end, error.to_string()),
        };
        let next = next.max(place + 1);
        if !visit(Found::Nothing(next - 1, &why))? {
            return Ok(());
        }
        place = next;
    }
    Ok(())
}

/// The entry of a record that is whole by itself.
fn whole(stored: &Stored) -> Result<Entry, String> {
    let record = Record::open(&stored.sealed).map_err(|error| error.to_string())?;
    if record.header.seq != stored.seq {
        return Err(format!("it says that it is record {}", record.header.seq));
    }
    if !record.payload_is_sound() {
        return Err("its payload is not the one that was recorded".into());
    }
    let Some(content) = record.content() else {
        return Err("its payload was erased".into());
    };
    let entry = archive::entry(stored.seq, record.header.recorded_at, content);
    entry.map_err(|error| error.to_string())
}

/// The head after the last whole batch before the first record that does not verify.
fn beginning(log: &impl Log, committed: Head) -> Head {
    let mut chain = Beginning::default();
    let walked: Result<(), std::convert::Infallible> = walk(log, 0, committed.count, |found| {
        Ok(matches!(found, Found::Record(stored) if chain.take(stored)))
    });
    match walked {
        Ok(()) => chain.end(committed),
        Err(never) => match never {},
    }
}

/// The chain as far as it was followed.
struct Beginning {
    walker: Walker,
    /// The head after the last whole batch.
    whole: Head,
    /// Records without a payload, each with the last whole head before it.
    bare: Vec<(u64, Head)>,
    redacted: BTreeSet<u64>,
}

impl Default for Beginning {
    fn default() -> Self {
        Self {
            walker: Walker::START,
            whole: Head::EMPTY,
            bare: Vec::new(),
            redacted: BTreeSet::new(),
        }
    }
}

impl Beginning {
    /// Takes the next record if it continues the chain.
    fn take(&mut self, stored: &Stored) -> bool {
        let Ok(record) = Record::open(&stored.sealed) else {
            return false;
        };
        let header = &record.header;
        let in_place = stored.seq == header.seq && self.walker.continues(header);
        if !in_place || !record.payload_is_sound() {
            return false;
        }
        match record.content() {
            None if header.erasable => self.bare.push((header.seq, self.whole)),
            None => return false,
            Some(content) if codec::decode(content).is_err() => return false,
            Some(_) if header.kind() == Some(Kind::Redacted) => {
                self.redacted.insert(header.target);
            }
            Some(_) => {}
        }
        if self.walker.take(header, header.link()).ends_batch {
            self.whole = self.walker.head();
        }
        true
    }

    /// The head of what is sound. A payload may be gone only where a redaction names its record.
    fn end(self, committed: Head) -> Head {
        let mut whole = self.whole;
        let mut redacted = self.redacted;
        let unexcused = self.bare.iter().find(|(seq, _)| !redacted.remove(seq));
        if let Some((_, before)) = unexcused {
            whole = *before;
        }
        // As many records with another end are another history.
        if whole.count == committed.count && whole != committed {
            return Head::EMPTY;
        }
        whole
    }
}

/// Copies the sound beginning of a damaged log into an empty one, byte for byte.
///
/// # Errors
/// [`AppendError`] of the new log; nothing is in it then. [`LogError`] where the old one no longer reads as it did.
pub fn copy_beginning(
    from: &impl Log,
    sound: Head,
    into: &mut impl Log,
) -> Result<(), AppendError> {
    if sound == Head::EMPTY {
        return Ok(());
    }
    let mut source = Copying {
        from,
        sound,
        next: 0,
        failure: None,
    };
    match into.append(Head::EMPTY, &mut source) {
        Ok(_) => Ok(()),
        Err(error) => Err(source.failure.map_or(error, AppendError::Failed)),
    }
}

/// The records of a beginning, in order.
struct Copying<'a, S> {
    from: &'a S,
    sound: Head,
    next: u64,
    failure: Option<LogError>,
}

impl<S: Log> BatchSource for Copying<'_, S> {
    fn next_batch(&mut self) -> Result<Option<(Vec<Sealed>, Head)>, Aborted> {
        let left = self.sound.count - self.next;
        if left == 0 {
            return Ok(None);
        }
        let limit = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = self.from.read(self.next, limit).map_err(|error| {
            self.failure = Some(error);
            Aborted
        })?;
        chunk.retain(|stored| stored.seq < self.sound.count);
        let last = chunk
            .last()
            .and_then(|stored| Record::open(&stored.sealed).ok());
        let Some(last) = last else {
            self.failure = Some(LogError::Damaged {
                what: format!("record {} can no longer be read", self.next),
                resume: None,
            });
            return Err(Aborted);
        };
        let head = Head::after(&last.header);
        self.next = head.count;
        Ok(Some((
            chunk.into_iter().map(|stored| stored.sealed).collect(),
            head,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{changed, storied};
    use super::super::verify::{Unwatched, verify};
    use super::*;
    use servanda_core::chain::record::Hash;
    use servanda_log::memory::MemoryLog;

    fn surveyed(log: &MemoryLog) -> (Survey, Vec<u64>) {
        let mut loose = Vec::new();
        let survey = survey(log, |entry| {
            loose.push(entry.seq.0);
            Ok::<(), LogError>(())
        });
        (survey.unwrap(), loose)
    }

    fn recovered(log: &MemoryLog) -> MemoryLog {
        let mut new = MemoryLog::default();
        copy_beginning(log, surveyed(log).0.sound, &mut new).unwrap();
        new
    }

    fn gone(first: u64, last: u64, why: &str) -> Gone {
        Gone {
            first,
            last,
            why: why.into(),
        }
    }

    #[test]
    fn a_sound_ledger_is_copied_whole() {
        let log = storied().into_log();
        let (survey, loose) = surveyed(&log);
        assert!(survey.is_whole() && loose.is_empty() && survey.gone.is_empty());
        assert_eq!(recovered(&log).records(), log.records());
    }

    #[test]
    fn a_changed_record_ends_the_beginning_at_the_batch_before() {
        // Record 5 is the second of a batch that record 4 begins.
        let log = storied().into_log();
        let mut records = log.records();
        records[5] = changed(&records[5], |record| {
            record.body.as_mut().unwrap().payload[3] ^= 1;
        });
        let log = MemoryLog::of(records, log.head().unwrap());
        let (survey, loose) = surveyed(&log);
        assert_eq!(survey.sound.count, 4);
        assert_eq!(
            survey.gone,
            [gone(5, 5, "its payload is not the one that was recorded")]
        );
        assert_eq!(loose, [4, 6, 7, 8, 9, 10, 11, 12]);
        let new = recovered(&log);
        assert_eq!(new.head().unwrap().count, 4);
        assert!(verify(&new, &mut Unwatched).unwrap().is_sound());
    }

    #[test]
    fn a_cut_tail_is_named_as_gone() {
        let log = storied().into_log();
        let records = log.records()[..6].to_vec();
        let (survey, loose) = surveyed(&MemoryLog::of(records, log.head().unwrap()));
        assert_eq!(survey.sound.count, 6);
        assert_eq!(survey.gone, [gone(6, 12, "missing: the log ends before")]);
        assert!(loose.is_empty());
    }

    #[test]
    fn a_payload_may_be_missing_only_where_a_redaction_names_it() {
        let log = storied().into_log();
        let without = |seq: usize| {
            let mut records = log.records();
            records[seq] = changed(&records[seq], |record| record.body = None);
            MemoryLog::of(records, log.head().unwrap())
        };
        // Record 8 is redacted by record 10.
        assert!(surveyed(&without(8)).0.is_whole());
        let (survey, _) = surveyed(&without(6));
        assert_eq!(survey.sound.count, 6);
        assert_eq!(survey.gone, [gone(6, 6, "its payload was erased")]);
    }

    #[test]
    fn another_history_of_the_same_length_is_not_taken_for_this_one() {
        let log = storied().into_log();
        let mut head = log.head().unwrap();
        head.link = Hash([7; 32]);
        let (survey, loose) = surveyed(&MemoryLog::of(log.records(), head));
        assert_eq!(survey.sound, Head::EMPTY);
        assert_eq!(loose.len(), 13);
    }
}
