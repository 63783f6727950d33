//! Follows a copy of the ledger somewhere else: takes over the records that it has more, once all of them are verified.
//!
//! They are fetched once, into a spool, so that what is verified is what is appended, whatever their place says the next
//! time. Nothing is appended unless all of them verify behind the ledger's own records and lead to the checkpoint that
//! the place shows.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use servanda_core::archive;
use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::chain::record::{Head, RecordRef, Sealed};
use servanda_core::chain::walker::Walker;
use servanda_core::ranges::CHUNK;
use servanda_core::records::{ReadError, Records};
use servanda_core::value::id::Seq;
use servanda_core::verify::{self, Progress, Replayed, Start, Subject, Verdict};
use servanda_log::spool::{Spool, Stretch};
use servanda_log::{Aborted, BatchSource, Log, LogError, Stored};

use super::error::LedgerError;
use super::ledger::Ledger;
use super::records;
use super::threads::Threads;

/// What was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// How many records the ledger had.
    pub before: u64,
    /// How many it has.
    pub count: u64,
    /// The records whose payloads were destroyed here too, because they were redacted there.
    pub erased: Vec<Seq>,
}

/// Why nothing was taken over: the ledger is as it was.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// One of the two cannot be read, or the ledger not be written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The place has another ledger.
    #[error("it is the ledger {0}")]
    OtherOrigin(String),
    /// The place has fewer records: it was set back.
    #[error("it has {} records, fewer than were taken over from it before", theirs.size())]
    Older {
        /// The checkpoint that the place shows.
        theirs: Box<Checkpoint>,
    },
    /// The place has another history.
    #[error("its history has parted from the records that were taken over before")]
    Forked {
        /// The ledger's checkpoint, of as many records as both have.
        own: Box<Checkpoint>,
        /// The checkpoint that the place shows.
        theirs: Box<Checkpoint>,
    },
    /// A record that the place has more is not there.
    #[error("{0}")]
    Damaged(String),
    /// The records that the place has more do not verify.
    #[error("the records that it has more do not verify")]
    Unsound(Box<Verdict>),
    /// The records do not lead to the checkpoint.
    #[error("its records do not lead to the checkpoint that it shows")]
    OtherRoot {
        /// What they lead to.
        found: Box<Checkpoint>,
        /// The checkpoint that the place shows.
        theirs: Box<Checkpoint>,
    },
}

/// Records behind those of the ledger, as they were fetched.
struct Fetched {
    first: u64,
    spool: Mutex<Spool>,
    /// The ledger's own.
    own: Arc<dyn Records>,
}

impl Fetched {
    fn spool(&self) -> MutexGuard<'_, Spool> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stretch(&self, number: u64) -> Result<Option<Stretch>, LedgerError> {
        let mut spool = self.spool();
        match number < spool.count() {
            true => spool
                .stretch(number)
                .map(Some)
                .map_err(LedgerError::Scratch),
            false => Ok(None),
        }
    }

    /// The records from one on, as far as they lie together.
    fn from(&self, seq: u64) -> Result<Vec<Stored>, LedgerError> {
        let number = seq - self.first;
        let stretch = self.stretch(number)?;
        let records = stretch.iter().flat_map(Stretch::iter);
        let records = records.filter(|(found, _)| *found >= number);
        let stored = |(found, bytes): (u64, &[u8])| Stored {
            seq: self.first + found,
            sealed: Sealed::from(bytes.to_vec()),
        };
        Ok(records.map(stored).collect())
    }
}

impl Records for Fetched {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, ReadError> {
        if from < self.first {
            let mut read = self.own.read(from, limit)?;
            read.retain(|stored| stored.seq < self.first);
            return Ok(read);
        }
        let read = self.from(from);
        let mut read = read.map_err(|error| ReadError::damaged(error.to_string()))?;
        read.truncate(limit.max(1));
        Ok(read)
    }
}

/// The fetched records, to be appended.
struct Taking<'a> {
    fetched: &'a Fetched,
    next: u64,
    failure: Option<LedgerError>,
}

impl BatchSource for Taking<'_> {
    fn next_batch(&mut self) -> Result<Option<(Vec<Sealed>, Head)>, Aborted> {
        let read = self.fetched.from(self.next).map_err(|error| {
            self.failure = Some(error);
            Aborted
        })?;
        let last = read.last().and_then(|stored| stored.sealed.header());
        let Some(last) = last else {
            return Ok(None);
        };
        let head = Head::after(&last);
        self.next = head.count;
        Ok(Some((
            read.into_iter().map(|stored| stored.sealed).collect(),
            head,
        )))
    }
}

impl<S: Log> Ledger<S> {
    /// Takes over what a copy of this ledger has more, which shows this checkpoint. Payloads that were redacted there are
    /// destroyed here too.
    ///
    /// # Errors
    /// [`FollowError`]. That payloads were not destroyed is [`LedgerError::NotErased`], and the records are here then.
    pub fn follow_copy(
        &mut self,
        copy: &impl Log,
        theirs: &Checkpoint,
        progress: &mut dyn Progress,
    ) -> Result<Followed, FollowError> {
        self.refresh_if_stale()?;
        let before = self.head.count;
        self.compare_with(theirs)?;
        let count = theirs.size();
        if count > before {
            let fetched = Arc::new(self.fetch(copy, count)?);
            let end = self.verify_fetched(&fetched, theirs, progress)?;
            self.take_fetched(&fetched, end)?;
        }
        let pending = !self.pending_redactions().is_empty();
        let erased = match pending {
            false => Vec::new(),
            true => self
                .finish_redactions()
                .map_err(|error| LedgerError::NotErased(Box::new(error)))?,
        };
        Ok(Followed {
            before,
            count: self.head.count,
            erased,
        })
    }

    /// Whether a checkpoint can be of a copy that has grown from this ledger.
    fn compare_with(&self, theirs: &Checkpoint) -> Result<(), FollowError> {
        let own = self.checkpoint()?;
        if own.origin() != theirs.origin() {
            return Err(FollowError::OtherOrigin(theirs.origin().to_owned()));
        }
        if theirs.size() > own.size() {
            return Ok(());
        }
        let own_then = self.checkpoint_at(theirs.size())?;
        let theirs = Box::new(theirs.clone());
        match own_then.root() == theirs.root() {
            true if theirs.size() == own.size() => Ok(()),
            true => Err(FollowError::Older { theirs }),
            false => Err(FollowError::Forked {
                own: Box::new(own_then),
                theirs,
            }),
        }
    }

    fn fetch(&self, copy: &impl Log, count: u64) -> Result<Fetched, FollowError> {
        let first = self.head.count;
        let (mut spool, mut next) = (Spool::default(), first);
        while next < count {
            let left = usize::try_from(count - next).unwrap_or(CHUNK);
            let read = copy
                .read(next, left.min(CHUNK))
                .map_err(|error| match error {
                    LogError::Damaged { what, .. } => FollowError::Damaged(what),
                    error => FollowError::Ledger(error.into()),
                })?;
            if read.first().is_none_or(|stored| stored.seq != next) {
                return Err(FollowError::Damaged(format!("record {next} is not there")));
            }
            for stored in read.iter().take(left) {
                spool
                    .push(&[&stored.sealed.0])
                    .map_err(LedgerError::Scratch)?;
                next = stored.seq + 1;
            }
        }
        Ok(Fetched {
            first,
            spool: Mutex::new(spool),
            own: records::of(&self.log),
        })
    }

    /// Verifies the fetched records behind the ledger's own, which were verified before, and gives the head after them.
    fn verify_fetched(
        &self,
        fetched: &Arc<Fetched>,
        theirs: &Checkpoint,
        progress: &mut dyn Progress,
    ) -> Result<Head, FollowError> {
        let own = self.checkpoint()?;
        let theirs = Box::new(theirs.clone());
        let header = |seq: u64| {
            let read = fetched.read(seq, 1).ok()?;
            let record = RecordRef::peek(&read.first()?.sealed.0).ok()?;
            Some(record.header)
        };
        let first = header(self.head.count);
        if first.is_some_and(|first| first.prev != self.head.link) {
            return Err(FollowError::Forked {
                own: Box::new(own),
                theirs,
            });
        }
        let damaged = |seq: u64| FollowError::Damaged(format!("record {seq} is no record"));
        let last = theirs.size() - 1;
        let end = header(last).map(|last| Head::after(&last));
        let end = end.ok_or_else(|| damaged(last))?;
        let own_last = self.head.count - 1;
        let own_last = header(own_last).ok_or_else(|| damaged(own_last))?;
        let subject = Subject {
            committed: end,
            records: fetched.clone(),
        };
        let start = || {
            let mut state = self.state.clone();
            state.read_from(archive::of(fetched.clone()), theirs.size());
            let trusted = Replayed {
                state,
                head: self.head,
                last_recorded: self.last_recorded,
                tree: self.tree.clone(),
            };
            let walker = Walker::after(&own_last, self.head.link);
            Ok::<_, Infallible>((Start { trusted, walker }, ()))
        };
        let verdict = match verify::verify_from(&subject, &Threads, start, progress) {
            Ok(verdict) => verdict,
            Err(never) => match never {},
        };
        if !verdict.is_sound() {
            return Err(FollowError::Unsound(Box::new(verdict)));
        }
        if verdict.root != *theirs.root() {
            let found = Checkpoint::new(theirs.origin(), verdict.head.count, verdict.root);
            let found = found.map_err(super::error::too_large)?;
            return Err(FollowError::OtherRoot {
                found: Box::new(found),
                theirs,
            });
        }
        Ok(end)
    }

    fn take_fetched(&mut self, fetched: &Fetched, end: Head) -> Result<(), FollowError> {
        let before = self.head;
        let mut source = Taking {
            fetched,
            next: before.count,
            failure: None,
        };
        let answer = self.log.append(before, &mut source);
        if let Some(failure) = source.failure {
            return Err(failure.into());
        }
        let answered = self.answered(answer, Some(end));
        self.stale = true;
        self.follow()?;
        answered?;
        self.take_snapshot(before.count);
        Ok(())
    }
}
