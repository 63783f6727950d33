//! Views: what was true on a day, asked of a state.
//!
//! The state knows what was recorded; a view adds the other clock. An event counts on a day if it had
//! certainly happened by then: its last possible day is not later. An event that no date is known for
//! counts from the day it was recorded; a commitment without a date of its own has its agreement's.

mod commitment;
mod day;
mod due;
pub mod occurrences;
pub mod schedule;
pub mod sentences;

pub use self::day::{Agreement, Commitment, END_OF_TIME, Party, Source, View};
pub use self::due::Due;

#[cfg(test)]
mod oracle;

#[cfg(test)]
mod tests;
