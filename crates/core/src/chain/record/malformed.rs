//! Why stored bytes are not a record.

use super::hash::HEADER_LEN;
use crate::event::Kind;

/// Longest payload, in bytes. Documents are sources, named by their digest.
pub const PAYLOAD_LIMIT: usize = 64 * 1024;

/// The version of the record format that is written, and the only one read so far.
pub const VERSION: u8 = 1;

/// Most recorders who sign one batch.
pub const SIGNATURES_LIMIT: usize = 32;

/// Why stored bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Too few bytes for a header.
    #[error("the record has {0} bytes, less than a header's {HEADER_LEN}")]
    Short(usize),
    /// An unknown version.
    #[error("the record has format version {0}; this version of servanda knows {VERSION}")]
    Version(u8),
    /// A byte that must be zero is not, or the byte of the flags has an unknown bit.
    #[error("the header's byte {0} is not what it must be")]
    Reserved(usize),
    /// The payload would be longer than [`PAYLOAD_LIMIT`].
    #[error("the header says that the payload has {0} bytes; the limit is {PAYLOAD_LIMIT}")]
    PayloadLength(u32),
    /// The first record does not open a ledger.
    #[error("the header of record 0 says that its kind is {0}, and not the opening of a ledger")]
    NoOpening(u16),
    /// The header names another record, and events of its kind are about none.
    #[error("the header of a {0} names record {1}; a {0} corrects, retracts and redacts no record")]
    Target(Kind, u64),
    /// The flag that says whether the payload can be erased is not as the kind demands.
    #[error("the header says that the payload of a {kind} {}", if *erasable { "can be erased" } else { "cannot be erased" })]
    Erasable {
        /// The kind.
        kind: Kind,
        /// What the header says.
        erasable: bool,
    },
    /// The body is not as long as the header says, or its first byte is unknown.
    #[error("the record has {found} bytes after its header, {expected} expected")]
    Body {
        /// Bytes that the header calls for.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// The byte that says what follows the header has an unknown bit.
    #[error("the byte that tells what follows the header is {0}, more than 3")]
    Presence(u8),
    /// The signatures are none, too many, or not in the order of their keys' ids.
    #[error(
        "the record's signatures are not 1 to {SIGNATURES_LIMIT}, each by another key, in order"
    )]
    Signatures,
}
