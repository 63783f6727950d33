//! servanda

pub mod chain;
