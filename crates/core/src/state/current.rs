//! Records as they read today.

use crate::event::{Entry, Event};
use crate::value::id::Seq;

/// A record as it reads today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentRecord {
    /// The entry, with every correction applied.
    pub entry: Entry,
    /// The event as it was recorded, where corrections changed it.
    pub original: Option<Box<Event>>,
    /// The corrections that apply to it, in order.
    pub corrections: Vec<Seq>,
    /// The retraction of the record.
    pub retracted: Option<Seq>,
    /// The redaction of the record.
    pub redacted: Option<Seq>,
}

impl CurrentRecord {
    /// A record that nothing was done to.
    pub(super) fn new(entry: Entry) -> Self {
        Self {
            entry,
            original: None,
            corrections: Vec::new(),
            retracted: None,
            redacted: None,
        }
    }

    /// Whether it counts: it was neither retracted nor redacted.
    pub fn is_standing(&self) -> bool {
        self.retracted.is_none() && self.redacted.is_none()
    }

    /// The event as it was recorded.
    pub fn recorded(&self) -> &Event {
        self.original.as_deref().unwrap_or(&self.entry.event)
    }
}

/// What later records did to a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RecordStatus {
    pub corrections: Vec<u32>,
    pub retracted: Option<u32>,
    pub redacted: Option<u32>,
}

impl RecordStatus {
    pub const NONE: &RecordStatus = &RecordStatus {
        corrections: Vec::new(),
        retracted: None,
        redacted: None,
    };

    pub fn is_standing(&self) -> bool {
        self.retracted.is_none() && self.redacted.is_none()
    }
}
