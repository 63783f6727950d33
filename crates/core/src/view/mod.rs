//! Views: what was true on a day, asked of a state.
//!
//! The state knows what was recorded; a view adds the other clock. An event counts on a day if it had
//! certainly happened by then: its last possible day is not later. An event that no date is known for
//! counts from the day it was recorded; a commitment without a date of its own has its agreement's.

mod agreement;
mod commitment;
mod day;
mod due;
pub mod occurrences;
pub mod schedule;
pub mod sentences;
mod succession;

pub use self::agreement::{Agreement, StatusChange, standing_changes};
pub use self::day::{Commitment, END_OF_TIME, Party, Source, View};
pub use self::due::Due;
pub use self::succession::Successor;

#[cfg(test)]
mod oracle;

#[cfg(test)]
mod tests;
