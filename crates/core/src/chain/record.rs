//! Records: header, salt and payload, and the link that binds each to all before it.
//!
//! A link is the hash of a fixed-size header, and a header holds its predecessor's link and its payload's
//! digest. So a payload can be destroyed under a redaction and every link stays valid, and ranges of
//! headers can be checked in parallel.

mod bind;
mod content;
mod hash;
mod head;
mod header;
mod malformed;
mod peek;
mod sealed;

pub use bind::{Unbound, bind};
pub use content::{Content, ContentRef};
pub(super) use hash::{BLOCK, PAYLOAD_CONTEXT, RECORD_CONTEXT};
pub use hash::{
    HEADER_LEN, Hash, LocalChecksum, SALT_LEN, document_digest, link_of, local_checksum,
    payload_digest,
};
pub use head::{Head, acknowledgement_message, recorder_message};
pub use header::Header;
pub use malformed::{Malformed, PAYLOAD_LIMIT, SIGNATURES_LIMIT, VERSION};
pub use peek::{BodyRef, RecordRef};
pub use sealed::{BatchSignature, Body, Record, Sealed};

#[cfg(test)]
mod tests;
