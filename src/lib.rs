//! servanda
pub mod chain;
pub mod domain;
pub mod intake;
pub mod ledger;
pub mod render;
pub mod report;
pub mod store;
