//! The recorder's desk: what a person types, and how it is read.

pub mod ask;
pub mod dates;
pub mod draft;
pub mod names;
pub mod reading;
pub mod suggest;
pub mod template;
