//! How it is bound: events into bytes, bytes into records, records into a chain of BLAKE3 links.
//!
//! Pure: bytes in, bytes out. `docs/format.md` states every byte.

pub mod codec;
pub mod record;
#[cfg(test)]
pub(crate) mod testing;
