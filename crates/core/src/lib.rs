//! What a ledger of agreements and commitments says, and how that is bound: events and their rules, the state that
//! they fold into, views of a day, the BLAKE3 chain and the RFC 6962 tree, and the formats in which heads and proofs
//! leave the ledger. An auditor can depend on this package alone.
//!
//! Pure: no I/O, no clock, no randomness, no environment. `docs/format.md` states every byte.

pub mod archive;
pub mod chain;
pub mod event;
pub mod ndjson;
pub mod pages;
pub mod ranges;
pub mod records;
pub mod rules;
pub mod signatures;
pub mod state;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod value;
pub mod verify;
pub mod view;
pub mod wire;
pub mod words;
