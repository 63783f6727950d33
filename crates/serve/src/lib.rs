//! A ledger for many people at once, over HTTP.
//!
//! [`Shared`] holds the ledger open: one thread writes, and readers have a snapshot of the state, of whole batches.
//! [`Service`] answers requests from the table of routes: pages for people (`pages/`), the API for programs (`api/`),
//! tiles for auditors. [`access`] says who may do what.

pub mod access;
mod api;
mod ask;
mod context;
mod exchange;
mod frozen;
mod keeper;
#[cfg(unix)]
mod lend;
mod log_entry;
mod metrics;
mod multipart;
mod news;
mod pages;
mod problem;
mod query;
mod service;
mod shared;
mod submit;
mod words;

pub use context::{Desk, Options, Trusted, Typed, TypedWrong, Verifier};
pub use service::{BATCH_BYTES, FORM_BYTES, LIMITS, Service};
pub use shared::Shared;
