//! The archive of a stream: the records behind the head, which the log gives back only once all of them were
//! committed, and before them those of the log.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use servanda_core::archive::{self, AtHand};
use servanda_core::chain::record::ContentRef;
use servanda_core::event::Entry;
use servanda_core::records::ReadError;
use servanda_core::state::Archive;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_log::spool::{Spool, Stretch};

/// Bytes before a payload: the recorded time, the kind and the target.
const PREFIX: usize = 18;

/// The records of a stream, beside those of the log.
pub(super) struct Tail {
    stored: Arc<dyn Archive>,
    /// The number of the stream's first record.
    first: u64,
    kept: Mutex<Kept>,
}

/// Records that are not committed yet: the recorded time of each (8 bytes, little endian), its kind (2), its target (8)
/// and its payload; nothing for an event that was refused.
struct Kept {
    spool: Spool,
    at_hand: AtHand<Stretch>,
    /// Why the spool could not be read.
    failure: Option<io::Error>,
}

impl Tail {
    /// The archive of a stream that begins with this record, behind those that are stored.
    pub fn behind(stored: Arc<dyn Archive>, first: u64, spool: Spool) -> Self {
        Self {
            stored,
            first,
            kept: Mutex::new(Kept {
                spool,
                at_hand: AtHand::default(),
                failure: None,
            }),
        }
    }

    /// How many records can be read, those of the log among them.
    pub fn count(&self) -> u64 {
        self.first + self.kept().spool.count()
    }

    /// Keeps the next record.
    ///
    /// # Errors
    /// What the system says, where it has no room.
    pub fn keep(&self, recorded_at: Instant, content: ContentRef<'_>) -> io::Result<()> {
        let time = recorded_at.0.to_le_bytes();
        let (kind, target) = (content.kind.to_le_bytes(), content.target.to_le_bytes());
        self.kept()
            .spool
            .push(&[&time, &kind, &target, content.payload])
    }

    /// Keeps the place of an event that was refused.
    ///
    /// # Errors
    /// As [`Tail::keep`].
    pub fn keep_place(&self) -> io::Result<()> {
        self.kept().spool.push(&[])
    }

    /// Why a record could not be read again, if that befell one.
    pub fn failure(&self) -> Option<io::Error> {
        self.kept().failure.take()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Archive for Tail {
    fn entry(&self, seq: Seq) -> Result<Option<Entry>, ReadError> {
        match seq.0.checked_sub(self.first) {
            None => self.stored.entry(seq),
            Some(number) => self.kept().entry(seq, number),
        }
    }
}

impl Kept {
    fn entry(&mut self, seq: Seq, number: u64) -> Result<Option<Entry>, ReadError> {
        let stretch = match self.at_hand.take(|stretch| stretch.holds(number)) {
            Some(stretch) => stretch,
            None => self.spool.stretch(number).map_err(|error| {
                let why = ReadError::damaged(error.to_string());
                self.failure.get_or_insert(error);
                why
            })?,
        };
        let found = match stretch
            .get(number)
            .and_then(<[u8]>::split_first_chunk::<PREFIX>)
        {
            None => Ok(None),
            Some((prefix, payload)) => {
                let recorded_at = i64::from_le_bytes(std::array::from_fn(|at| prefix[at]));
                let content = ContentRef {
                    kind: u16::from_le_bytes([prefix[8], prefix[9]]),
                    target: u64::from_le_bytes(std::array::from_fn(|at| prefix[10 + at])),
                    payload,
                };
                let entry = archive::entry(seq.0, recorded_at, content);
                entry
                    .map(Some)
                    .map_err(|error| ReadError::damaged(error.to_string()))
            }
        };
        self.at_hand.put(stretch);
        found
    }
}
