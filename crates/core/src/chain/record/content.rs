//! The event of a record in bytes.

/// The event of a record in bytes: what its header says of it, and the payload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Content {
    /// The number of the event's kind.
    pub kind: u16,
    /// The number of the record that it is about, for the kinds that have such a target; else 0.
    pub target: u64,
    /// The encoded event.
    pub payload: Vec<u8>,
}

impl Content {
    /// The content, borrowed.
    pub fn as_ref(&self) -> ContentRef<'_> {
        ContentRef {
            kind: self.kind,
            target: self.target,
            payload: &self.payload,
        }
    }
}

/// A [`Content`] whose payload is borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRef<'a> {
    /// The number of the event's kind.
    pub kind: u16,
    /// The number of the record that it is about, or 0.
    pub target: u64,
    /// The encoded event.
    pub payload: &'a [u8],
}
