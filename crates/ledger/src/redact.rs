//! Redact: a record's words are withheld, and then destroyed. Its header stays, and with it every link.
//!
//! In two steps: the redaction is appended as any event is, and then the log destroys the payload and its
//! salt. A crash between them leaves a payload that is withheld and still on the disk; the next redaction
//! destroys it too, and so does [`Ledger::finish_redactions`].
//!
//! The corrections of a record hold its words, old and new. They are redacted with it: one more redaction
//! for each, in the same batch.
//!
//! What is known of the payload beside its words goes with it, its import key too: a table that is imported
//! again brings its row back.

use super::error::LedgerError;
use super::ledger::Ledger;
use super::receipt::Receipt;
use servanda_core::chain::record::Record;
use servanda_core::event::{Envelope, Event, Fact, Kind, Redacted};
use servanda_core::rules;
use servanda_core::value::id::{Seq, Subject};
use servanda_log::{Log, Parts as _, Stored};

/// What a redaction did.
#[derive(Debug, Clone)]
pub struct Redaction {
    /// The redactions of the record and of its corrections, the record's first, with their receipts. One that
    /// was there before is known.
    pub appended: Vec<(Event, Receipt)>,
    /// The records whose payloads were destroyed.
    pub erased: Vec<Seq>,
}

impl<S: Log> Ledger<S> {
    /// Redacts a record and its corrections, and destroys their payloads. Where they are redacted already,
    /// finishes what may be left to do.
    ///
    /// # Errors
    /// Those of [`Ledger::append`], and [`LedgerError::Log`] where the log cannot erase: nothing was recorded.
    /// [`LedgerError::NotErased`]: it was, and a payload is still there.
    pub fn redact(&mut self, fact: Redacted, envelope: Envelope) -> Result<Redaction, LedgerError> {
        // Before anything is recorded: a redaction that never erases would promise too much.
        self.log.erasing()?;
        if self.stale {
            self.refresh()?;
        }
        let mut appended = Vec::new();
        let mut events = Vec::new();
        match self.redaction_of(fact.record) {
            Some((seq, event)) => {
                let mut receipt = self.receipt(seq)?;
                receipt.known = true;
                appended.push((event, receipt));
            }
            None => events.push(Event {
                fact: Fact::Redacted(fact.clone()),
                envelope: envelope.clone(),
            }),
        }
        for correction in self.unredacted_corrections(fact.record) {
            events.push(Event {
                fact: Fact::Redacted(Redacted {
                    record: correction,
                    ..fact.clone()
                }),
                envelope: Envelope {
                    import_key: None,
                    ..envelope.clone()
                },
            });
        }
        if !events.is_empty() {
            let receipts = self.append(events.clone())?;
            appended.extend(events.into_iter().zip(receipts));
        }
        let erased = self
            .finish_redactions()
            .map_err(|error| LedgerError::NotErased(Box::new(error)))?;
        Ok(Redaction { appended, erased })
    }

    /// Destroys every payload that was redacted and is still in the log, and the snapshots made of them.
    /// Gives the records.
    ///
    /// # Errors
    /// [`LedgerError::Broken`] where such a record is not the one that was recorded: nothing is destroyed
    /// that may be evidence. [`LedgerError::Log`], also where the log cannot erase.
    pub fn finish_redactions(&mut self) -> Result<Vec<Seq>, LedgerError> {
        if self.stale {
            self.refresh()?;
        }
        let pending = self.pending_redactions();
        let bodiless: Vec<Stored> = pending
            .iter()
            .map(|seq| self.without_body(*seq))
            .collect::<Result<_, _>>()?;
        // Also where there are none: the log may have been broken off in the last of its own steps.
        self.log.erasing()?.erase(&bodiless)?;
        if !pending.is_empty() {
            self.refresh()?;
            if self.head.count >= self.snapshot_every {
                self.keep_snapshot();
            }
        }
        Ok(pending)
    }

    /// The records that were redacted and whose payloads are still in the log.
    pub fn pending_redactions(&self) -> Vec<Seq> {
        let redacted = self.state.redacted().into_iter();
        // A forged redaction of anything else is for `verify` to tell, and destroys nothing.
        redacted
            .filter(|(_, kind)| rules::may_be_redacted(*kind))
            .map(|(seq, _)| seq)
            .collect()
    }

    /// The redaction that names a record.
    fn redaction_of(&self, record: Seq) -> Option<(Seq, Event)> {
        let about = Subject::Record(record);
        self.state
            .trail(&about)
            .find(|entry| entry.event.kind() == Kind::Redacted)
            .map(|entry| (entry.seq, entry.event.clone()))
    }

    /// The corrections of a record that are not redacted yet, those too that were retracted.
    fn unredacted_corrections(&self, record: Seq) -> Vec<Seq> {
        let held = self.state.records_of(|kind| kind == Kind::Corrected);
        held.filter(|held| held.redacted.is_none())
            .filter(|held| {
                matches!(&held.entry.event.fact, Fact::Corrected(fact) if fact.record == record)
            })
            .map(|held| held.entry.seq)
            .collect()
    }

    /// A record as it is to be left.
    fn without_body(&self, seq: Seq) -> Result<Stored, LedgerError> {
        let broken = |what: String| LedgerError::Broken { seq: seq.0, what };
        let stored = self.log.read(seq.0, 1)?;
        let stored = stored.first().filter(|stored| stored.seq == seq.0);
        let stored = stored.ok_or_else(|| broken("it is missing".to_owned()))?;
        let record = Record::open(&stored.sealed).map_err(|error| broken(error.to_string()))?;
        if record.header.seq != seq.0 || !record.payload_is_sound() {
            return Err(broken("it is not the record that was recorded".to_owned()));
        }
        if !record.header.erasable {
            return Err(broken(
                "its header says that its payload cannot be erased".to_owned(),
            ));
        }
        let bodiless = Record {
            body: None,
            ..record
        };
        Ok(Stored {
            seq: seq.0,
            sealed: bodiless.seal(),
        })
    }
}

#[cfg(test)]
mod tests;
