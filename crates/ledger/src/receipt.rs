//! Receipts: what events became.

use super::check::{Became, Placed, opened};
use super::error::LedgerError;
use super::ledger::Ledger;
use servanda_core::chain::codec;
use servanda_core::chain::record::{Hash, Record};
use servanda_core::event::Event;
use servanda_core::ranges::CHUNK;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_log::{Log, Reader, Stored};

/// What an event became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The record it went into.
    pub seq: Seq,
    /// That record's link. Comparing it later shows whether the record or any before it was changed.
    pub link: Hash,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// Whether that time was asserted in a backfill, and is not the machine's.
    pub asserted: bool,
    /// Whether it was there already, under the same import key.
    pub known: bool,
    /// Whether what was there says something else.
    pub differs: bool,
}

/// What became of the events of one request.
pub type Outcome = Result<Vec<Receipt>, LedgerError>;

impl Receipt {
    pub(super) fn of(record: &Record, became: Became) -> Self {
        Self {
            seq: Seq(record.header.seq),
            link: record.header.link(),
            recorded_at: Instant(record.header.recorded_at),
            asserted: record.header.asserted,
            known: became != Became::New,
            differs: became == Became::Differing,
        }
    }

    /// The receipt of a record that a log holds.
    pub(super) fn read(records: &dyn Reader, seq: Seq) -> Result<Self, LedgerError> {
        let stored = records.read(seq.0, 1)?;
        let record = opened(seq, stored.first())?;
        Ok(Self::of(&record, Became::New))
    }
}

impl<S: Log> Ledger<S> {
    /// The receipt of a record that is in the ledger.
    ///
    /// # Errors
    /// [`LedgerError::Broken`] where the record cannot be read.
    pub fn receipt(&self, seq: Seq) -> Result<Receipt, LedgerError> {
        Receipt::read(&*self.log.reader(), seq)
    }

    /// The receipt of each event of a stream, in order, and what was recorded: where its import key was known, what
    /// was recorded then. They are read from the log.
    pub fn receipts<'a>(
        &self,
        placed: &'a Placed,
    ) -> impl Iterator<Item = Result<(Receipt, Event), LedgerError>> + use<'a, S> {
        let records = self.log.reader();
        let mut chunk = Vec::new().into_iter();
        placed.records().map(move |(seq, became)| {
            let mut next = chunk.next();
            if next
                .as_ref()
                .is_none_or(|stored: &Stored| stored.seq != seq.0)
            {
                chunk = records.read(seq.0, CHUNK)?.into_iter();
                next = chunk.next();
            }
            let record = opened(seq, next.as_ref())?;
            let broken = |what: String| LedgerError::Broken { seq: seq.0, what };
            let content = record
                .content()
                .ok_or_else(|| broken("its payload is gone".into()))?;
            let event = codec::decode(content).map_err(|error| broken(error.to_string()))?;
            Ok((Receipt::of(&record, became), event))
        })
    }
}
