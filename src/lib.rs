//! servanda
pub mod chain;
pub mod domain;
