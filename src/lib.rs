//! servanda
pub mod chain;
pub mod domain;
pub mod ledger;
pub mod store;
