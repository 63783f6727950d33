//! What an append does before and after its records are written: the head that it needs, what the log answered, the
//! state that goes on.

use super::definitions::Definitions;
use super::error::{LedgerError, too_large};
use super::ledger::Ledger;
use super::snapshot;
use servanda_core::chain::record::{Head, Record};
use servanda_core::chain::tree::{Tiled, leaf_hash};
use servanda_core::value::when::Instant;
use servanda_log::{AppendError, Log, LogError};

/// A leap year, in microseconds.
const YEAR_MICROS: i64 = 366 * 24 * 60 * 60 * 1_000_000;

/// How many appends in a row find that the head moved before others are asked to hold back.
const OUTRUN: u32 = 3;

/// What an append left behind.
pub(super) enum Ending {
    /// All of it is in the log.
    Written,
    /// Nothing of it is in the log.
    NotWritten,
    /// Others were first: the log holds something else than the state.
    Outrun,
    /// The log may hold something else than the state.
    InDoubt,
}

impl Ending {
    pub fn of<T>(outcome: &Result<T, LedgerError>) -> Self {
        outcome
            .as_ref()
            .map_or_else(Self::of_error, |_| Self::Written)
    }

    pub fn of_error(error: &LedgerError) -> Self {
        use LedgerError::{HeadMoved, Tree, Uncertain, Unconfirmed};
        match error {
            HeadMoved(_) => Self::Outrun,
            Uncertain(_) | Unconfirmed(_) | Tree(_) => Self::InDoubt,
            _ => Self::NotWritten,
        }
    }
}

/// Goes on behind records that were bound.
///
/// # Errors
/// [`LedgerError::Tree`]
pub(super) fn extend(
    tree: &mut Tiled,
    definitions: &mut Definitions,
    records: &[Record],
) -> Result<(), LedgerError> {
    for record in records {
        tree.push(leaf_hash(&record.header.to_bytes()))
            .map_err(too_large)?;
        definitions.push_record(record);
    }
    Ok(())
}

/// The machine's time, if it is not far ahead of that of the record behind which others come.
///
/// # Errors
/// [`LedgerError::ClockJump`]
pub(super) fn time_to_record(
    now: Instant,
    behind: Option<Instant>,
) -> Result<Instant, LedgerError> {
    match behind {
        Some(last) if now.0.saturating_sub(last.0) > YEAR_MICROS => {
            Err(LedgerError::ClockJump { last, now })
        }
        _ => Ok(now),
    }
}

impl<S: Log> Ledger<S> {
    /// Reads the log again if an append before this one left the state in doubt.
    pub(super) fn refresh_if_stale(&mut self) -> Result<(), LedgerError> {
        if self.stale { self.follow() } else { Ok(()) }
    }

    /// When the last record was recorded, if the machine's time must be near to that.
    pub(super) fn clock_must_be_near(&self) -> Option<Instant> {
        let must = self.head.count > 0 && !self.clock_is_right && !self.is_backfill();
        must.then_some(self.last_recorded)
    }

    /// The machine's time, if it can be that of the next records.
    ///
    /// # Errors
    /// [`LedgerError::ClockJump`]
    pub(super) fn time_to_record(&self) -> Result<Instant, LedgerError> {
        time_to_record(self.environment.now(), self.clock_must_be_near())
    }

    /// What the log's answer to an append means. `end` is the head behind all that was given, once all was.
    ///
    /// # Errors
    /// [`LedgerError::HeadMoved`] and [`LedgerError::Log`]: nothing was appended. [`LedgerError::Uncertain`],
    /// [`LedgerError::Unconfirmed`].
    pub(super) fn answered(
        &self,
        answer: Result<Head, AppendError>,
        end: Option<Head>,
    ) -> Result<(), LedgerError> {
        match (answer, end) {
            (Ok(_), _) => Ok(()),
            (Err(AppendError::HeadMoved(found)), _) => Err(LedgerError::HeadMoved(found)),
            (Err(AppendError::Failed(error)), _) => Err(LedgerError::Log(error)),
            (Err(AppendError::Unconfirmed(error)), _) => Err(LedgerError::Unconfirmed(error)),
            (Err(AppendError::Uncertain(lost)), Some(end)) => self.settle(lost, end),
            (Err(AppendError::Uncertain(lost)), None) => Err(LedgerError::Uncertain(lost)),
        }
    }

    /// Finds out whether records are there whose answer was lost; `end` is the head after them.
    fn settle(&self, lost: LogError, end: Head) -> Result<(), LedgerError> {
        match self.log.confirm(end) {
            Ok(()) => Ok(()),
            Err(AppendError::HeadMoved(found)) if found == self.head => Err(LedgerError::Log(lost)),
            Err(AppendError::HeadMoved(found)) => Err(LedgerError::HeadMoved(found)),
            Err(AppendError::Unconfirmed(why)) => Err(LedgerError::Unconfirmed(why)),
            Err(AppendError::Uncertain(_) | AppendError::Failed(_)) => {
                Err(LedgerError::Uncertain(lost))
            }
        }
    }

    /// Goes on after an append to a ledger of `before` records: lets go of what the log holds now, or takes the state
    /// back to what it was before an append that failed.
    pub(super) fn conclude(&mut self, before: u64, ending: &Ending) {
        let gone = self.state.count().saturating_sub(before);
        match ending {
            Ending::Written => {
                self.evict();
                self.take_snapshot(before);
            }
            Ending::Outrun | Ending::InDoubt => self.stale = true,
            // Where more goes than stays, reading what stays is the shorter way.
            Ending::NotWritten if gone > before => self.stale = true,
            Ending::NotWritten => self.rewind(before),
        }
        if self.stale {
            // The caller must hear the outcome. If this fails, the next append begins with it.
            let _ = self.follow();
        }
        self.take_turns(ending);
    }

    /// Asks others to hold back where they were first again and again, and then takes in what they appended until they did;
    /// lets them go on once it is settled what becomes of the events.
    fn take_turns(&mut self, ending: &Ending) {
        if let Ending::Outrun = ending {
            self.outrun = self.outrun.saturating_add(1);
            if self.outrun >= OUTRUN {
                self.log.ask_for_turn();
                // As above.
                let _ = self.catch_up();
            }
        } else if std::mem::take(&mut self.outrun) >= OUTRUN {
            self.log.end_turn();
        }
    }

    /// Takes the state back to so many records. Where that fails, the state is read anew before it is used again.
    pub(super) fn rewind(&mut self, count: u64) {
        self.stale |= self.state.rewind(count).is_err();
    }

    /// Drops from the state the records that the log holds. All up to the head are there, and a log over a network is not
    /// asked for what is known.
    fn evict(&mut self) {
        self.state.archived(self.head.count);
    }

    /// Keeps a snapshot in place of a damaged one, or if the append crossed a multiple of the interval, unless the newest one is nearly as long:
    /// all the snapshots of a growing ledger together then take no more than a few times the work of the last.
    pub(super) fn take_snapshot(&mut self, before: u64) {
        let every = self.snapshot_every;
        let is_rested = self
            .snapshot_pause
            .is_none_or(|(pause, since)| since.elapsed() >= pause);
        let is_far = is_rested && self.is_far_from_snapshot();
        let is_due = before / every != self.head.count / every && is_far;
        if is_due || self.state.is_damaged() {
            self.keep_snapshot();
            self.pause_between_snapshots(self.snapshot_pause.map(|(pause, _)| pause));
        }
    }

    /// Whether there are many records more than in the newest snapshot that is of any use.
    pub(super) fn is_far_from_snapshot(&self) -> bool {
        self.head.count.saturating_sub(self.snapshot) >= self.snapshot / 8
    }

    /// Keeps a snapshot of all records, if the log has a cache of snapshots.
    pub(super) fn keep_snapshot(&mut self) {
        // One that it was read from is there, and one that is lost for good has no pages to go on with.
        let is_there = self.state.stored_records() == self.head.count;
        if self.log.snapshots().is_none() || is_there || self.state.unreadable().is_some() {
            return;
        }
        let parts = snapshot::Parts {
            head: self.head,
            last_recorded: self.last_recorded,
            state: &self.state,
            tree: &self.tree,
            definitions: &self.definitions,
        };
        let pieces = |give: &mut dyn FnMut(&[u8])| snapshot::each_piece(&parts, give);
        // A snapshot that cannot be written is one that is not there: the records are. Losing one loses nothing.
        if let Some(cache) = self.log.snapshots()
            && cache.put_chunks(self.head.count, &pieces).is_ok()
        {
            self.snapshot = self.head.count;
            // The state still reads pages of the one that it began with, and one that was damaged goes.
            let own = self.state.stored_records();
            let is_damaged = self.state.is_damaged();
            for count in snapshot::surplus(&cache.counts().unwrap_or_default()) {
                if count != own {
                    let _ = cache.remove(count);
                }
            }
            if is_damaged {
                let _ = cache.remove(own);
            }
        }
    }
}
