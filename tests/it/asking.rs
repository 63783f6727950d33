//! `add` and `record` ask on a terminal: what is asked, what is offered, what is kept, and what the reports then say.

mod completion;
mod drafts;
mod follow_ups;
mod left;
mod refused;
mod robot;
mod secretary;
#[cfg(feature = "serve")]
mod serving;
mod whole;
