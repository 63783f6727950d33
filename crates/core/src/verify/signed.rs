//! Whether those signed who must, and whether what they signed holds.

use super::placed::Placed;
use crate::chain::record::{Head, Header};
use crate::event::{Event, Fact};
use crate::signatures::{self, Keyring, Required, SignatureError};
use crate::state::State;

/// The keys so far, and who must sign the batch that is being looked at.
pub(super) struct Signed {
    origin: String,
    keyring: Keyring,
    required: Required,
    /// Whether a payload of that batch is gone, so that it is not known who must sign.
    withheld: bool,
    /// Batches whose signatures may be too few, for that reason.
    pub(super) withheld_batches: usize,
    /// Signatures that were looked at.
    pub(super) checked: u64,
}

impl Signed {
    /// After the records of a state, which are those of a ledger of this name.
    pub(super) fn after(origin: Option<String>, state: &State) -> Self {
        Self {
            origin: origin.unwrap_or_default(),
            keyring: Keyring::of(state),
            required: Required::default(),
            withheld: false,
            withheld_batches: 0,
            checked: 0,
        }
    }

    /// Takes in the event of the next record: what is wrong with its keys, or with the signature that it carries.
    /// `header_of` gives the header of an earlier record, unless it cannot be read.
    pub(super) fn take(
        &mut self,
        seq: u64,
        event: &Event,
        header_of: impl Fn(u64) -> Option<Header>,
    ) -> Result<(), SignatureError> {
        if let (0, Fact::LedgerOpened(fact)) = (seq, &event.fact) {
            self.origin = fact.origin.to_string();
        }
        let asked = self.required.add(&self.keyring, event);
        let acknowledged = self.check_acknowledgement(seq, event, header_of);
        self.keyring.take(event);
        asked.and(acknowledged)
    }

    fn check_acknowledgement(
        &mut self,
        seq: u64,
        event: &Event,
        header_of: impl Fn(u64) -> Option<Header>,
    ) -> Result<(), SignatureError> {
        let Some(fact) = signatures::acknowledged(event) else {
            return Ok(());
        };
        self.checked += 1;
        if fact.record.0 >= seq {
            return Err(SignatureError::NotYet(fact.record.0));
        }
        let Some(header) = header_of(fact.record.0) else {
            return Ok(());
        };
        signatures::check_acknowledgement(&self.keyring, fact, &self.origin, header.link())
    }

    /// A payload of the batch is gone.
    pub(super) fn withhold(&mut self) {
        self.withheld = true;
    }

    /// What is wrong with the signatures of a record that leads to a head.
    pub(super) fn compare(&mut self, record: &Placed<'_>, head: Head) -> Vec<SignatureError> {
        if record.header.remaining > 0 {
            let inside = record.is_signed.then_some(SignatureError::Inside);
            return inside.into_iter().collect();
        }
        let mut required = std::mem::take(&mut self.required);
        let signatures = record.signatures();
        if std::mem::take(&mut self.withheld) && !self.keyring.has_no_recorders() {
            self.withheld_batches += 1;
            required.add_signers(&signatures, &self.keyring, &self.origin, head);
        }
        self.keyring.end_batch();
        if required.is_empty() && signatures.is_empty() {
            return Vec::new();
        }
        self.checked += signatures.len() as u64;
        required.check(&signatures, &self.origin, head)
    }
}
