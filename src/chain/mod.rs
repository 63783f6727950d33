//! How the ledger is bound: pure functions from bytes to bytes.

pub mod checkpoint;
pub mod key;
pub mod note;
pub mod openssh;
pub mod policy;
pub mod proof;
pub mod tree;

mod text;
#[cfg(test)]
mod vectors;
