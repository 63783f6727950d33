//! servanda
pub mod chain;
pub mod domain;
pub mod store;
