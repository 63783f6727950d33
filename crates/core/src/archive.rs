//! The archive of a state: the records of a log, read again where their texts are asked for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::chain::codec::{self, CodecError};
use crate::chain::record::{ContentRef, Record};
use crate::event::Entry;
use crate::records::{ReadError, Records, Stored};
use crate::state::Archive;
use crate::value::id::Seq;
use crate::value::when::Instant;

/// Records that are read together: as many as a log lays into one value at the most, from a multiple of it on, so that
/// reading in any direction, or here and there, takes each value once.
const TOGETHER: u64 = 256;

/// Stretches that are kept at hand, where nobody asks for more: a few MiB.
const AT_HAND: usize = 64;

/// Stretches that were read, the newest last.
pub struct AtHand<T> {
    stretches: VecDeque<T>,
    most: usize,
}

impl<T> Default for AtHand<T> {
    fn default() -> Self {
        Self {
            stretches: VecDeque::new(),
            most: AT_HAND,
        }
    }
}

impl<T> AtHand<T> {
    /// Takes out a stretch that is wanted, if it is at hand.
    pub fn take(&mut self, is_wanted: impl FnMut(&T) -> bool) -> Option<T> {
        let place = self.stretches.iter().rposition(is_wanted)?;
        self.stretches.remove(place)
    }

    /// Lays a stretch at hand, in the place of the one that was not asked for the longest.
    pub fn put(&mut self, stretch: T) {
        if self.stretches.len() >= self.most {
            self.stretches.pop_front();
        }
        self.stretches.push_back(stretch);
    }
}

/// Ranges that were just read, and are kept.
const JUST_READ: usize = 4;

/// Copies of the contents of some records, which are asked before the records are read.
pub trait Copies: Send + Sync {
    /// When a record was recorded (microseconds since 1970 in UTC), and its content; none without a copy.
    fn find(&self, seq: u64) -> Option<(i64, ContentRef<'_>)>;
}

/// No copies.
impl Copies for () {
    fn find(&self, _: u64) -> Option<(i64, ContentRef<'_>)> {
        None
    }
}

/// The archive of records. The newest stretches that were read are at hand.
struct Reread {
    records: Arc<dyn Records>,
    copies: Box<dyn Copies>,
    at_hand: Mutex<AtHand<Arc<Stretch>>>,
    /// Ranges that were read for another purpose, the newest last.
    just_read: Mutex<VecDeque<Arc<Vec<Stored>>>>,
}

/// Records that lie together, from this one on.
struct Stretch {
    first: u64,
    records: Vec<Stored>,
}

/// The archive of records.
pub fn of(records: Arc<dyn Records>) -> Arc<dyn Archive> {
    with(records, Box::new(()))
}

/// The archive of records, of some of which there are copies.
pub fn with(records: Arc<dyn Records>, copies: Box<dyn Copies>) -> Arc<dyn Archive> {
    Arc::new(Reread {
        records,
        copies,
        at_hand: Mutex::default(),
        just_read: Mutex::default(),
    })
}

impl Archive for Reread {
    fn entry(&self, seq: Seq) -> Result<Option<Entry>, ReadError> {
        if let Some((recorded_at, content)) = self.copies.find(seq.0) {
            let entry = entry(seq.0, recorded_at, content);
            return entry.map(Some).map_err(undecoded);
        }
        let among = |all: &[Stored]| all.binary_search_by_key(&seq.0, |stored| stored.seq).ok();
        if let Some(range) = self.range_of(seq)
            && let Some(place) = among(&range)
        {
            return read(seq, &range[place]);
        }
        let first = seq.0 - seq.0 % TOGETHER;
        // Several threads read and decode at once: the lock is held only while a stretch is looked for.
        let known = self.known(first);
        // What was read before may have been the end of the log then.
        let stretch = match known.filter(|stretch| among(&stretch.records).is_some()) {
            Some(stretch) => stretch,
            None => {
                let records = self.read_from(first, seq)?;
                let stretch = Arc::new(Stretch { first, records });
                let mut at_hand = self.at_hand.lock().unwrap_or_else(PoisonError::into_inner);
                at_hand.take(|old| old.first == first);
                at_hand.put(stretch.clone());
                stretch
            }
        };
        match among(&stretch.records) {
            Some(place) => read(seq, &stretch.records[place]),
            None => Err(ReadError::damaged("it is missing")),
        }
    }

    fn keep_at_hand(&self, most: usize) {
        let mut at_hand = self.at_hand.lock().unwrap_or_else(PoisonError::into_inner);
        at_hand.most = most;
    }

    fn just_read(&self, records: &Arc<Vec<Stored>>) {
        let ranges = self.just_read.lock();
        let mut ranges = ranges.unwrap_or_else(PoisonError::into_inner);
        if ranges.len() == JUST_READ {
            ranges.pop_front();
        }
        ranges.push_back(records.clone());
    }
}

impl Reread {
    /// The range with a record, if it was just read.
    fn range_of(&self, seq: Seq) -> Option<Arc<Vec<Stored>>> {
        let ranges = self.just_read.lock();
        let ranges = ranges.unwrap_or_else(PoisonError::into_inner);
        let holds = |range: &&Arc<Vec<Stored>>| {
            let (first, last) = (range.first(), range.last());
            first.is_some_and(|first| first.seq <= seq.0)
                && last.is_some_and(|last| last.seq >= seq.0)
        };
        ranges.iter().rfind(holds).cloned()
    }

    /// A stretch that is at hand, which from now on was asked for last.
    fn known(&self, first: u64) -> Option<Arc<Stretch>> {
        let mut at_hand = self.at_hand.lock().unwrap_or_else(PoisonError::into_inner);
        let known = at_hand.take(|stretch| stretch.first == first)?;
        at_hand.put(known.clone());
        Some(known)
    }

    /// The records from the first one of a stretch on, or from the one that is asked for, where those before it cannot be
    /// read.
    fn read_from(&self, first: u64, seq: Seq) -> Result<Vec<Stored>, ReadError> {
        let limit = TOGETHER as usize;
        let reaches = |all: &Vec<Stored>| all.last().is_some_and(|last| last.seq >= seq.0);
        match self.records.read(first, limit) {
            Ok(all) if reaches(&all) => Ok(all),
            Err(error) if error.is_unreachable => Err(error),
            _ => self.records.read(seq.0, limit),
        }
    }
}

/// What a record says. The chain was checked when it was first read; that these are the same bytes, the digest tells.
fn read(seq: Seq, stored: &Stored) -> Result<Option<Entry>, ReadError> {
    let record =
        Record::open(&stored.sealed).map_err(|error| ReadError::damaged(error.to_string()))?;
    if record.header.seq != seq.0 || !record.payload_is_sound() {
        return Err(ReadError::damaged("it is not the record that was recorded"));
    }
    let Some(content) = record.content() else {
        return Ok(None);
    };
    let entry = entry(seq.0, record.header.recorded_at, content);
    entry.map(Some).map_err(undecoded)
}

fn undecoded(error: CodecError) -> ReadError {
    ReadError::damaged(error.to_string())
}

/// The entry of a record with this number, recorded time and content.
///
/// # Errors
/// Those of [`codec::decode`].
pub fn entry(seq: u64, recorded_at: i64, content: ContentRef<'_>) -> Result<Entry, CodecError> {
    Ok(Entry {
        seq: Seq(seq),
        recorded_at: Instant(recorded_at),
        event: codec::decode(content)?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::chain::record::{Head, SALT_LEN, Unbound, bind};
    use crate::event::Kind;
    use crate::records::ReadError;
    use crate::testing::event;

    /// Records, and how often they were read.
    struct Counted(Vec<Stored>, AtomicUsize);

    impl Records for Counted {
        fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, ReadError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.read(from, limit)
        }
    }

    fn notes() -> Vec<Stored> {
        let unbound = |text| Unbound {
            content: codec::encode(&event(Kind::Noted, &[("text", text)])).unwrap(),
            salt: [0; SALT_LEN],
            erasable: true,
            recorded_at: 5,
            asserted: false,
        };
        let (records, _) = bind(Head::EMPTY, ["a", "b", "c"].map(unbound).into());
        let sealed = records.iter().map(Record::seal);
        (0..)
            .zip(sealed)
            .map(|(seq, sealed)| Stored { seq, sealed })
            .collect()
    }

    #[test]
    fn what_was_just_read_is_not_read_again_and_is_checked_all_the_same() {
        let notes = notes();
        let records = Arc::new(Counted(notes.clone(), AtomicUsize::new(0)));
        let read = || records.1.load(Ordering::Relaxed);
        let archive = of(records.clone());
        archive.just_read(&Arc::new(notes[..2].to_vec()));
        let entry = archive.entry(Seq(1)).unwrap().unwrap();
        assert_eq!(entry.event, event(Kind::Noted, &[("text", "b")]));
        assert_eq!(read(), 0);
        assert!(archive.entry(Seq(2)).unwrap().is_some());
        assert_eq!(read(), 1);
        let mut tampered = notes[..2].to_vec();
        tampered[1]
            .sealed
            .tamper(|bytes| *bytes.last_mut().unwrap() ^= 1);
        archive.just_read(&Arc::new(tampered));
        assert!(archive.entry(Seq(1)).is_err());
    }
}
