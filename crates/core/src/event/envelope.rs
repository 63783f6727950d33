//! What every event says of itself, whatever its kind.

use super::declare::fields;
use crate::value::base::{Few, Text};
use crate::value::id::{FieldName, PartyId};
use crate::value::source::{Citation, Confidence};
use crate::value::when::When;

fields! {
    /// When, by whom, from where and how surely: the fields that every event has after its own.
    Envelope {
        /// When it happened: a day, month, year, range, `before`/`after` one, unknown, unspecified, not-applicable
        on: Option<When>,
        /// The party that asserts it
        by: Few<PartyId>,
        /// Who recorded it
        recorded_by: Option<Text>,
        /// Where it was read: a source and the place in it, "S1: paragraph 4"
        source: Few<Citation>,
        /// A remark of the recorder's
        note: Option<Text>,
        /// How sure the recorder is
        confidence: Option<Confidence>,
        /// A field whose value the recorder inferred
        [kept] inferred: Vec<FieldName>,
        /// A key of the recorder's: an event whose key is in the ledger already is not appended again
        [fixed] import_key: Option<Text>,
        /// Why an event that breaks a rule is recorded all the same
        [kept] irregular: Option<Text>,
    }
}

/// Longest import key, in bytes.
pub const IMPORT_KEY_LIMIT: usize = 256;

impl Envelope {
    /// An envelope that says nothing.
    pub const EMPTY: Envelope = Envelope {
        on: None,
        by: Few::new_const(),
        recorded_by: None,
        source: Few::new_const(),
        note: None,
        confidence: None,
        inferred: Vec::new(),
        import_key: None,
        irregular: None,
    };
}
