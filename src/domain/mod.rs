//! What can be said: events, the values in them, the register they fold into, and the rules they obey.
//!
//! Pure: no I/O, no clock, no randomness, no environment. Everything else in the crate may be replaced;
//! what stands here is what the records mean.

pub mod agreement;
pub mod commitment;
pub mod deadline;
pub mod event;
pub mod id;
pub mod occurrences;
pub mod parallel;
pub mod party;
pub mod recurrence;
pub mod register;
pub mod rules;
pub mod schedule;
pub mod source;
#[cfg(test)]
pub(crate) mod testing;
pub mod value;
pub mod view;
pub mod when;
