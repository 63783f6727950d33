//! The types of fields: parsed once, printed the same way.

pub mod agreement;
pub mod base;
pub mod commitment;
pub mod deadline;
mod error;
pub mod id;
pub mod party;
pub mod recurrence;
pub mod source;
pub mod unicode;
pub mod when;
