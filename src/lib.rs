//! servanda (*pacta sunt servanda*: agreements must be kept) is an event-sourced audit log of agreements and
//! the commitments in them. Events are appended to a chain of BLAKE3 links in a log; every view is replayed
//! from them; [`servanda_ledger::verify`] proves the history.
//!
//! ```
//! use servanda_core::event::{Event, Fields, Kind};
//! use servanda_ledger::verify::{Unwatched, verify};
//! use servanda_ledger::{Ledger, Machine};
//! use servanda_log::memory::MemoryLog;
//!
//! let event = |kind, pairs: &[(&str, &str)]| {
//!     let mut fields = Fields::default();
//!     pairs.iter().for_each(|(name, text)| fields.set(name, vec![text.to_string()]));
//!     Event::build(kind, &fields).expect("the fields are right")
//! };
//! let opening = event(Kind::LedgerOpened, &[("origin", "example.org/log")]);
//! let mut ledger = Ledger::create(MemoryLog::default(), Machine, opening)?;
//! let party = event(Kind::PartyRegistered, &[("id", "colombia"), ("kind", "state"), ("name", "Colombia")]);
//! let receipt = ledger.append(vec![party])?[0];
//! assert_eq!(receipt.seq.0, 1);
//! assert!(verify(ledger.log(), &mut Unwatched)?.is_sound());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `ARCHITECTURE.md` maps the modules, `docs/format.md` states every byte.

pub mod cli;
mod desk;
pub mod intake;
