//! How it is bound: events into bytes, bytes into records, records into a chain of BLAKE3 links and a tree of
//! SHA-256 hashes; and the formats in which heads and proofs leave the house.
//!
//! Pure: bytes in, bytes out. `docs/format.md` states every byte.

pub mod checkpoint;
pub mod codec;
pub mod key;
pub mod lanes;
pub mod note;
pub mod openssh;
pub mod policy;
pub mod proof;
pub mod record;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod text;
pub mod tile;
pub mod tree;
#[cfg(any(test, feature = "testing"))]
pub mod vectors;
pub mod walker;
