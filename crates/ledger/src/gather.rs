//! Gathering: the events of a few requests, each request checked as those before it leave the state, and bound behind them.

use std::sync::Arc;

use super::bind::bind_batch;
use super::check::{Became, Checker, Placed};
use super::commit::{extend, time_to_record};
use super::definitions::Definitions;
use super::environment::Environment;
use super::error::LedgerError;
use super::receipt::{Outcome, Receipt};
use super::submission::{BATCH_LIMIT, Submission};
use servanda_core::chain::key::SigningKey;
use servanda_core::chain::record::{Head, Record};
use servanda_core::chain::tree::Tiled;
use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_core::verify::origin_of;
use servanda_log::Reader;

/// Requests that are appended together.
pub(super) struct Group {
    /// The records of all of them.
    pub records: Vec<Record>,
    /// The head after these.
    pub head: Head,
    /// The recorded time of the last of them.
    pub last_recorded: Instant,
    /// What becomes of each request once the records are written.
    pub outcomes: Vec<Outcome>,
}

impl Group {
    /// A group without requests, behind the last record of a ledger.
    pub fn behind(head: Head, last_recorded: Instant) -> Self {
        Self {
            records: Vec::new(),
            head,
            last_recorded,
            outcomes: Vec::new(),
        }
    }
}

/// What checks and binds requests: what a ledger has, without its log.
pub(super) struct Gathering<'a> {
    pub state: &'a mut State,
    /// Whether the state may hold what the log does not.
    pub stale: &'a mut bool,
    pub environment: &'a mut dyn Environment,
    pub signers: &'a [SigningKey],
    pub tree: &'a Tiled,
    pub definitions: &'a Definitions,
    /// The records that the log holds.
    pub records: Arc<dyn Reader>,
    /// The head behind these.
    pub written: Head,
    /// The recorded time of the last of them.
    pub last_recorded: Instant,
    /// The same, where the machine's time must be near to it.
    pub behind: Option<Instant>,
    pub record_limit: u64,
    pub case_matters: bool,
}

impl Gathering<'_> {
    /// Checks each request against the state as those before it leave it, and binds it to the chain. What was bound is
    /// given on, with the head behind it.
    ///
    /// # Errors
    /// Those of a state that could not be taken back to what it was before a refusal.
    pub fn gather(
        &mut self,
        requests: &mut dyn Iterator<Item = Vec<Submission>>,
        mut give: impl FnMut(&[Record], Head),
    ) -> Result<Group, LedgerError> {
        let mut group = Group::behind(self.written, self.last_recorded);
        for events in requests {
            let (before, bound) = (self.state.count(), group.records.len());
            let outcome = self.prepare(events, &mut group);
            if outcome.is_err() {
                *self.stale |= self.state.rewind(before).is_err();
                if *self.stale {
                    return outcome.map(|_| group);
                }
            }
            if group.records.len() > bound {
                give(&group.records[bound..], group.head);
            }
            group.outcomes.push(outcome);
        }
        Ok(group)
    }

    /// What is kept beside the state, with the records of a group.
    ///
    /// # Errors
    /// [`LedgerError::Tree`]
    pub fn extended(&self, group: &Group) -> Result<(Tiled, Definitions), LedgerError> {
        let (mut tree, mut definitions) = (self.tree.clone(), self.definitions.clone());
        extend(&mut tree, &mut definitions, &group.records)?;
        Ok((tree, definitions))
    }

    /// Checks a request and binds it behind what the group has. Gives the receipts that hold once it is written.
    ///
    /// # Errors
    /// Those of [`Ledger::append`](super::ledger::Ledger::append); the state may then have events of the request.
    pub fn prepare(&mut self, events: Vec<Submission>, group: &mut Group) -> Outcome {
        if events.len() > BATCH_LIMIT {
            return Err(LedgerError::BatchTooLarge(events.len()));
        }
        let now = time_to_record(self.environment.now(), self.behind)?;
        let mut checker = Checker::new(
            self.state,
            self.record_limit,
            Arc::clone(&self.records),
            now,
            group.last_recorded,
            events.len(),
        )
        .case_matters(self.case_matters);
        for (index, submission) in events.into_iter().enumerate() {
            checker.check(index, submission, None);
            if checker.is_exhausted() {
                break;
            }
        }
        checker.finish()?;
        let (admitted, last_recorded) = (checker.admitted, checker.last_recorded);
        let placed = checker.placed;
        // Read first: once the batch is there, nothing may fail any more.
        let earlier = self.earlier_receipts(&placed, group)?;
        let origin = match admitted.required.is_empty() {
            true => None,
            false => origin_of(self.state),
        };
        let (mut records, head) = bind_batch(
            group.head,
            admitted,
            self.environment,
            self.signers,
            &origin.unwrap_or_default(),
        )?;
        let first = group.head.count;
        let receipts = placed.records().zip(earlier);
        let receipts = receipts
            .map(|((seq, became), earlier)| {
                earlier.unwrap_or_else(|| Receipt::of(&records[(seq.0 - first) as usize], became))
            })
            .collect();
        group.records.append(&mut records);
        group.head = head;
        group.last_recorded = last_recorded;
        Ok(receipts)
    }

    /// The receipts of the events whose import keys were known before this request.
    fn earlier_receipts(
        &self,
        placed: &Placed,
        group: &Group,
    ) -> Result<Vec<Option<Receipt>>, LedgerError> {
        let receipt = |(seq, became): (Seq, Became)| {
            if seq.0 >= group.head.count {
                return Ok(None);
            }
            let receipt = match seq.0.checked_sub(self.written.count) {
                Some(at) => Receipt::of(&group.records[at as usize], became),
                None => Receipt {
                    known: became != Became::New,
                    differs: became == Became::Differing,
                    ..Receipt::read(&*self.records, seq)?
                },
            };
            Ok(Some(receipt))
        };
        placed.records().map(receipt).collect()
    }
}
